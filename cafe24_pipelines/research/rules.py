"""Claims out of sentences by rules: a metric's name, a number of its unit close by, and nothing that makes it another
statement.

Precise before complete: a change ("12% higher"), an example, a goal, a question, advice or an order gives no claim. A
sentence that speaks to a model gives none either, nor do its neighbours, and every other claim of such a page is
marked. Does not belong here: which page was read, or what becomes of a claim.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.answers.refusal import looks_like_instruction
from cafe24_pipelines.cafe24.privacy import mask_text
from cafe24_pipelines.research.claims import MOST_QUOTE
from cafe24_pipelines.research.metrics import METRICS, Metric
from cafe24_pipelines.research.populations import mentioned

TO_A_MODEL: Final = "its page speaks to a model"
IMPLAUSIBLE: Final = "its value can hardly be true of a market"
MOST_CLAIMS: Final = 60
"""Of one page; a page with more is a table of something else."""

_DIGITS: Final = r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,9}(?:\.\d{1,4})?)"
_N: Final = rf"(?<![\d.,A-Za-z#]){_DIGITS}"
_TO: Final = r"\s?(?:~|–|—|-|∼|〜|to|and|에서)\s?"
_PERCENT: Final = re.compile(
    rf"{_N}(?:\s?%?{_TO}(\d{{1,3}}(?:\.\d{{1,4}})?))?\s?(?:%|퍼센트|percent)(?!\s?(?:p\b|p[^a-z]|포인트|point))",
    re.IGNORECASE,
)
_WON: Final = re.compile(rf"{_N}\s?(만|천)?\s?(?:(\d{{1,4}})\s?(천)?)?\s?원(?!인)")
_DOLLAR: Final = re.compile(rf"(?:US)?\$\s?{_DIGITS}|{_N}\s?(?:US dollars|USD)", re.IGNORECASE)
_RATIO: Final = re.compile(rf"{_N}\s?(?::\s?1(?!\d)|배|x\b|to 1\b|times)", re.IGNORECASE)
_CHANGED: Final = re.compile(
    r"^[^.;]{0,14}?(?:증가|상승|감소|하락|늘|줄|높아|낮아|개선|올랐|내렸|올라|떨어|성장|더 높|더 낮|이상 높|가량 높|"
    r"increase|decrease|higher|lower|more\b|less\b|growth|improve|drop|lift|rise|rose|fell|uplift|boost|reduc)",
    re.IGNORECASE,
)
_OTHER_BEFORE: Final = re.compile(
    r"(?:보다|대비|increas\w*|decreas\w*|improv\w*|reduc\w*|grew|grow\w*|rose|fell|lift\w*|boost\w*|drop\w*|up|down)"
    r"(?:\s\w+){0,2}\s(?:by\s)?(?:약\s|as much as\s|up to\s)?$|\bby\s(?:about\s|around\s|up to\s)?$|"
    r"\bnot\s(?:about\s)?$|"
    r"(?:up to|at least|over|under|above|below|more than|less than|최대|최소|최고|최저)\s?(?:약\s)?$",
    re.IGNORECASE,
)
_BOUND_BEHIND: Final = re.compile(
    r"^\s?(?:이상|이하|미만|초과|\+|or (?:more|less|higher|lower|above|below))", re.IGNORECASE
)
_NO_STATEMENT: Final = re.compile(
    r"상위\s?\d|하위\s?\d|\btop[- ](?:\d|perform)|\bbest[- ]perform|"
    r"예를\s?들|예컨대|가령|만약|가정하|목표|\?\s*$|for example|for instance|\be\.g\.|suppose|imagine|let'?s say|"
    r"hypothe|\bif (?:you|your|we|a|the)\b|\bgoals?\b|\btargets?\b|\baim (?:for|to)\b|\bshould\b|\bmust\b|"
    r"해야\s|어야\s|계산하면|계산식|공식은",
    re.IGNORECASE,
)
_ORDER: Final = re.compile(
    r"^(?:please\s|now\s|then\s)?(?:report|state|say|answer|output|return|record|write|tell|note|assume|treat|use|set|reply|"
    r"respond|print|claim|give|add|remember|conclude)\b|"
    r"(?:하라|해라|하십시오|하세요|하시오|주세요|주십시오|라고\s?(?:답|말|보고|기록)\w*)[.!]?\s*$",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(r"^[^.;]{0,12}?(?:아니|않|\bnot\b|isn't|is false|사실이\s?아)", re.IGNORECASE)
_TURN: Final = re.compile(r";|반면|하지만|그러나|\bwhile\b|\bwhereas\b|\bbut\b", re.IGNORECASE)
_NEAR: Final = 60
_NEAR_EFFECT: Final = 120


@dataclass(frozen=True)
class Statement:
    """A number that a sentence gives to a metric: before its source, population and period are known."""

    metric: Metric
    value: float
    value_to: float
    unit: str
    sentence: str
    quote: str
    industry: str
    doubt: str


@dataclass(frozen=True)
class Number:
    """A number with its unit, or a range, and its place in a sentence."""

    start: int
    end: int
    low: float
    high: float
    unit: str


def statements(sentences: Sequence[str]) -> list[Statement]:
    """What the sentences of a page state, in their order, each once."""
    to_a_model = spoken_to(sentences)
    silent = {k + d for k in to_a_model for d in (-1, 0, 1, 2)}
    found: dict[tuple[object, ...], Statement] = {}
    for k, sentence in enumerate(sentences):
        if k in silent:
            continue
        for one in _of_sentence(sentence):
            doubt = TO_A_MODEL if to_a_model else one.doubt
            key = (one.metric.name, one.value, one.value_to, one.unit, one.industry, one.quote)
            found.setdefault(key, Statement(**{**vars(one), "doubt": doubt}))
    return list(found.values())[:MOST_CLAIMS]


def spoken_to(sentences: Sequence[str]) -> set[int]:
    """Places of sentences that speak to a model, those that a break cuts in two included."""
    found = {k for k, s in enumerate(sentences) if looks_like_instruction(s)}
    for k in range(len(sentences) - 1):
        apart = k not in found and k + 1 not in found
        if apart and looks_like_instruction(f"{sentences[k][-80:]} {sentences[k + 1][:80]}"):
            found |= {k, k + 1}
    return found


def states_nothing(sentence: str) -> bool:
    """Whether a sentence is an example, a goal, a question, advice or an order, whatever number is in it."""
    return bool(_NO_STATEMENT.search(sentence) or _ORDER.search(sentence))


def implausible(metric: Metric, unit: str, low: float, high: float) -> bool:
    """Whether a value lies outside what a market can have."""
    least, most = metric.plausible[unit]
    return not least <= low <= high <= most


# -- inside --------------------------------------------------------------------------------------------------


def _of_sentence(sentence: str) -> Iterator[Statement]:
    if not re.search(r"\d", sentence) or states_nothing(sentence):
        return
    effects = [m for m in METRICS.values() if m.effect and m.words.search(sentence)]
    if effects:  # a level in such a sentence is that of goods with reviews, of late orders …
        yield from _effects(sentence, effects[0])
        return
    mentions = _mentions(sentence)
    taken: set[int] = set()
    for place, (start, end, metric) in enumerate(mentions):
        before = mentions[place - 1][1] if place else 0
        after = mentions[place + 1][0] if place + 1 < len(mentions) else len(sentence)
        numbers = [
            n for n in numbers_in(sentence, metric)
            if before <= n.start and n.end <= after and n.start not in taken and _belongs(sentence, n, start, end)
        ]  # fmt: skip
        for number, industry in _chosen(sentence, numbers, start, end):
            taken.add(number.start)
            if one := _statement(sentence, metric, number, industry):
                yield one


def _mentions(sentence: str) -> list[tuple[int, int, Metric]]:
    """Where metrics that are levels are named; of overlapping names the longest ("장바구니 이탈률", not "이탈률")."""
    spans = [(m.start(), m.end(), metric) for metric in METRICS.values() if not metric.effect
             for m in metric.words.finditer(sentence)]  # fmt: skip
    spans.sort(key=lambda s: (s[0] - s[1], s[0]))
    kept: list[tuple[int, int, Metric]] = []
    for span in spans:
        if all(span[1] <= k[0] or span[0] >= k[1] for k in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s[0])


def _belongs(sentence: str, number: Number, start: int, end: int) -> bool:
    """Whether a number speaks of the name at start..end: near, in the same clause, neither a change nor denied."""
    between = sentence[end : number.start] if number.start >= end else sentence[number.end : start]
    behind, ahead = sentence[number.end :], sentence[: number.start]
    return (
        len(between) <= 2 * _NEAR
        and not _TURN.search(between)
        and not _CHANGED.search(behind)
        and not _BOUND_BEHIND.search(behind)
        and not _OTHER_BEFORE.search(ahead)
        and not _DENIED.search(behind)
    )


def _chosen(sentence: str, numbers: list[Number], start: int, end: int) -> Iterator[tuple[Number, str]]:
    """The nearest number, the one behind the name first; every number of a list that names an industry for each."""
    behind = [n for n in numbers if n.start >= end]
    industries = mentioned("industry", sentence)
    named: list[tuple[Number, str]] = []
    last = end
    for n in behind:
        own = [name for at, name in industries if last <= at < n.start and n.start - at <= 24]
        if own:
            named.append((n, own[-1]))
        last = n.end
    if len(named) >= 2:
        yield from named
        return
    near = [n for n in behind if n.start - end <= _NEAR]
    ahead = [n for n in numbers if n.end <= start and start - n.end <= _NEAR]
    if near:
        yield near[0], ""
    elif ahead:
        yield ahead[-1], ""


def _effects(sentence: str, metric: Metric) -> Iterator[Statement]:
    """An effect's number: the nearest one to its words. Reviews change something, late deliveries move a share."""
    match = metric.words.search(sentence)
    numbers = [n for n in numbers_in(sentence, metric) if n.unit == "%"]
    if not match or not numbers:
        return
    near = min(numbers, key=lambda n: max(match.start() - n.end, n.start - match.end(), 0))
    changes = _CHANGED.search(sentence[near.end :]) or _OTHER_BEFORE.search(sentence[: near.start])
    if max(match.start() - near.end, near.start - match.end(), 0) > _NEAR_EFFECT:
        return
    if (changes or metric.name != "review_effect") and (one := _statement(sentence, metric, near, "")):
        yield one


def _statement(sentence: str, metric: Metric, number: Number, industry: str) -> Statement | None:
    quote = _quote(sentence, number)
    if mask_text(quote) != quote:  # a quote is shown and kept: not one that may hold somebody's number
        return None
    doubt = IMPLAUSIBLE if implausible(metric, number.unit, number.low, number.high) else ""
    return Statement(metric, number.low, number.high, number.unit, sentence, quote, industry, doubt)


def _quote(sentence: str, number: Number) -> str:
    if len(sentence) <= MOST_QUOTE:
        return sentence
    half = (MOST_QUOTE - (number.end - number.start)) // 2
    start, end = max(0, number.start - half), min(len(sentence), number.end + half)
    if start:
        start = min(number.start, sentence.find(" ", start) + 1 or start)
    if end < len(sentence):
        end = max(number.end, sentence.rfind(" ", 0, end))
    return sentence[start:end].strip()


def numbers_in(sentence: str, metric: Metric) -> list[Number]:
    """The numbers of a sentence in the units of a metric, where they stand."""
    found: list[Number] = []
    if "%" in metric.units:
        for m in _PERCENT.finditer(sentence):
            low = _float(m[1])
            found.append(_number(m, low, _float(m[2]) if m[2] else low, "%"))
    if "KRW" in metric.units:
        scale = {"만": 10_000, "천": 1_000, None: 1}
        for m in _WON.finditer(sentence):
            rest = float(m[3] or 0) * (1_000 if m[4] else 1)
            value = _float(m[1]) * scale[m[2]] + rest
            found.append(_number(m, value, value, "KRW"))
    if "USD" in metric.units:
        found += [_number(m, v, v, "USD") for m in _DOLLAR.finditer(sentence) for v in (_float(m[1] or m[2]),)]
    if "ratio" in metric.units:
        found += [_number(m, v, v, "ratio") for m in _RATIO.finditer(sentence) for v in (_float(m[1]),)]
    return [n for n in found if n.low <= n.high]


def _number(match: re.Match[str], low: float, high: float, unit: str) -> Number:
    return Number(match.start(), match.end(), low, high, unit)


def _float(text: str) -> float:
    return float(text.replace(",", ""))
