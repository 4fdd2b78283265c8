"""Claims out of sentences by rules: a metric's name, a number of its unit close by, and nothing that makes it another
statement.

Precise before complete: a change ("12% higher"), an example, a goal, a question, advice or an order gives no claim. A
sentence that speaks to a model gives none either, nor do its neighbours, and every other claim of such a page is
marked. Does not belong here: which page was read, reading numbers (see `quantities.py`), or what becomes of a claim.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.answers.refusal import looks_like_instruction
from cafe24_pipelines.cafe24.privacy import mask_text
from cafe24_pipelines.research.claims import MOST_QUOTE
from cafe24_pipelines.research.metrics import METRICS, Metric
from cafe24_pipelines.research.other_numbers import MEDIAN, is_median, is_other, no_market_s
from cafe24_pipelines.research.populations import mentioned
from cafe24_pipelines.research.quantities import Number, numbers_in

TO_A_MODEL: Final = "its page speaks to a model"
IMPLAUSIBLE: Final = "its value can hardly be true of a market"
MOST_CLAIMS: Final = 60
"""Of one page; a page with more is a table of something else."""
_MOST_NAMED: Final = 12
"""Times that one sentence names a metric; one with more is a list, and would cost more than it says."""

_CHANGED: Final = re.compile(
    r"^[^.;]{0,14}?(?:증가|상승|감소|하락|늘|줄|높아|낮아|개선|올랐|내렸|올라|높이|낮추|떨어|성장|더 높|더 낮|"
    r"이상 높|가량 높|"
    r"increase|decrease|higher|lower|more\b|less\b|growth|improve|drop|lift|rise|rose|fell|uplift|boost|reduc)",
    re.IGNORECASE,
)
_OTHER_BEFORE: Final = re.compile(
    r"(?:보다|대비|increas\w*|decreas\w*|improv\w*|reduc\w*|grew|grow\w*|rose|fell|lift\w*|boost\w*|drop\w*|up|down)"
    r"(?:\s\w+){0,2}\s(?:by\s)?(?:약\s|as much as\s|up to\s)?$|\bby\s(?:about\s|around\s|up to\s)?$|"
    r"\bnot\s(?:about\s)?$|\bas (?:high|low|much|little) as\s$|"
    r"(?:up to|at least|over|under|above|below|more than|less than|최대|최소|최고|최저)\s?(?:약\s)?$",
    re.IGNORECASE,
)
_NO_LEVEL_BEHIND: Final = re.compile(
    r"^\s?(?:이상|이하|미만|초과|[+↑↓▲▼△▽]|or (?:more|less|higher|lower|above|below)|"
    r"대(?:[의로를가에는이였다]|(?![가-힣]))|\)?\s?(?:보다|대비|에\s?비해|than\b)|할인|적립|쿠폰|세일|off\b|discount|"
    r"[를을에도이가]?\s?(?:넘|웃[도돈돌]|밑[도돈돌]|육박|상회|하회|못\s?미|미치지)|"
    r"of (?:all |the )?(?:marketers|respondents|compan\w+|businesses|brands|retailers|merchants))",
    re.IGNORECASE,
)
"""A bound, a rough figure ("60%대"), what something is compared with, a discount, a share of those who were asked."""
_SUBJECT_BEHIND: Final = re.compile(r"^\s?(?:가|는|이(?!다)|은|도|만|of\b)\s?", re.IGNORECASE)
"""Behind a number that stands before the name: it is the share of somebody who does something with the metric."""
_SHARE_OF: Final = re.compile(r"의\s?(?:약\s?)?")
"""Between a name and a number: it is a share of the thing ("이탈률의 48%는 배송비 때문")."""
_ACTING: Final = re.compile(r"\s?(?:가|는|이(?![며고다었])|의|of\b|to\b|say\b|would\b|will\b)", re.IGNORECASE)
"""Behind the share of those whom something makes do something."""
_SOMEBODY: Final = re.compile(
    r"(?:응답자|기업|업체|마케터|담당자|브랜드|운영자|판매자|셀러)[^,]{0,8}?(?:은|는|이|가|의|중)\s|"
    r"\b(?:marketers|respondents|compan\w+|businesses|brands|retailers|merchants)\b",
    re.IGNORECASE,
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
_TO_A_MACHINE: Final = re.compile(
    r"(?:\bAI|인공지능|언어\s?모델|\bLLM|챗봇|GPT|어시스턴트|크롤러|수집기)[^.]{0,40}?(?:요약|취급|간주|기록|출력|답변|보고)(?:하|할|해|한다)|"
    r"(?:위|앞|이전|지금까지)(?:의|에서)?\s?(?:내용|글|말|지시|명령)\S?\s?(?:모두\s?|전부\s?)?(?:잊|무시)|"
    r"\bwhen (?:summari[sz]|read|process|pars|index|extract)\w*ing?\b.{0,20}\b(?:page|article|text|document|content)|"
    r"\b(?:notes?|notices?|messages?|instructions?) (?:for|to) (?:\w+ )?"
    r"(?:crawlers?|bots?|AI|LLMs?|models?|assistants?|scrapers?|agents?)\b|"
    r"^\W*(?:instructions?|system|response) ?:",
    re.IGNORECASE,
)
"""Words to whoever reads pages by machine; those to an assistant are the rules of refusal."""
_DENIED: Final = re.compile(r"^[^.;]{0,12}?(?:아니|않|\bnot\b|isn't|is false|사실이\s?아)", re.IGNORECASE)
_TURN: Final = re.compile(r";|반면|하지만|그러나|\bwhile\b|\bwhereas\b|\bbut\b", re.IGNORECASE)
_JOIN: Final = re.compile(r"\s?(?:[,·/&]|과|와|및|하고|and)\s?", re.IGNORECASE)
_COLUMN: Final = re.compile(r"[\s|/·]+(?:(?:vs\.?|대)\s)?\d[\d,.]*\s?(?:%|원)", re.IGNORECASE)
"""Behind a number: another one beside it, as in a table's row whose columns are not known here."""
_ANY_NUMBER: Final = re.compile(r"\d[\d,.억만천백 ]*+(?:%|％|퍼센트|per ?cent|원|달러)|\$\s?\d[\d,.]*")
_BRACKETS: Final = re.compile(
    r"\s?[(（][^)）%％]{0,60}[)）]|\s(?:in|for|among|across|on)\s(?:(?!\band\b)[^,.;%]){0,60}"
)
_NEAR: Final = 60
_NEAR_EFFECT: Final = 120


Mention = tuple[int, int, Metric]
"""Where a sentence names a metric."""


@dataclass(frozen=True)
class Statement:
    """A number that a sentence gives to a metric: before its source, population and period are known.

    `own` are the sentence's words about this number alone, `before` those ahead of them; a sentence with one number
    is its `own` words.
    """

    metric: Metric
    value: float
    value_to: float
    unit: str
    sentence: str
    quote: str
    industry: str
    doubt: str
    own: str = ""
    before: str = ""


def statements(sentences: Sequence[str], *, marked: bool = False) -> list[Statement]:
    """What the sentences of a page state, in their order, each once; `marked`: it speaks to a model elsewhere."""
    to_a_model = spoken_to(sentences)
    silent = {k + d for k in to_a_model for d in (-1, 0, 1, 2)}
    found: dict[tuple[object, ...], Statement] = {}
    for k, sentence in enumerate(sentences):
        if k in silent:
            continue
        for one in _of_sentence(sentence):
            doubt = TO_A_MODEL if to_a_model or marked else one.doubt
            key = (one.metric.name, one.value, one.value_to, one.unit, one.industry, one.quote)
            found.setdefault(key, Statement(**{**vars(one), "doubt": doubt}))
    return list(found.values())[:MOST_CLAIMS]


def spoken_to(sentences: Sequence[str]) -> set[int]:
    """Places of sentences that speak to a model, those that a break cuts in two included."""
    found = {k for k, s in enumerate(sentences) if speaks_to_a_model(s)}
    for k in range(len(sentences) - 1):
        apart = k not in found and k + 1 not in found
        if apart and speaks_to_a_model(f"{sentences[k][-80:]} {sentences[k + 1][:80]}"):
            found |= {k, k + 1}
    return found


def speaks_to_a_model(text: str) -> bool:
    """Whether a text is addressed to a machine that reads it, not to a person."""
    return looks_like_instruction(text) or _TO_A_MACHINE.search(text) is not None


def states_nothing(sentence: str) -> bool:
    """Whether a sentence states no level of a market, whatever number is in it: an example, a goal, an order …"""
    return bool(_NO_STATEMENT.search(sentence) or _ORDER.search(sentence) or no_market_s(sentence))


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
    if len(mentions) > _MOST_NAMED:
        return
    taken: set[int] = set()
    groups = _side_by_side(sentence, mentions)
    for place, group in enumerate(groups):
        before = groups[place - 1][-1][1] if place else 0
        after = groups[place + 1][0][0] if place + 1 < len(groups) else len(sentence)
        if len(group) > 1:
            yield from _in_turn(sentence, group, after)
            continue
        [(start, end, metric)] = group
        numbers = [
            n for n in numbers_in(sentence, metric.units)
            if before <= n.start and n.end <= after and n.start not in taken and _belongs(sentence, n, start, end)
        ]  # fmt: skip
        for number, industry in _chosen(sentence, numbers, start, end):
            taken.add(number.start)
            yield from _statement(sentence, metric, number, industry)


def _mentions(sentence: str) -> list[Mention]:
    """Where metrics that are levels are named; of overlapping names the longest ("장바구니 이탈률", not "이탈률")."""
    spans = [(m.start(), m.end(), metric) for metric in METRICS.values() if not metric.effect
             for m in metric.words.finditer(sentence)]  # fmt: skip
    spans.sort(key=lambda s: (s[0] - s[1], s[0]))
    kept: list[Mention] = []
    for span in spans:
        if all(span[1] <= k[0] or span[0] >= k[1] for k in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s[0])


def _side_by_side(sentence: str, mentions: list[Mention]) -> list[list[Mention]]:
    """The mentions in their order, those together that stand side by side before their numbers ("A와 B는 각각")."""
    groups: list[list[Mention]] = []
    for one in mentions:
        if groups and _JOIN.fullmatch(sentence[groups[-1][-1][1] : one[0]]):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _in_turn(sentence: str, names: list[Mention], until: int) -> Iterator[Statement]:
    """The numbers of names that stand side by side, one each in their order; nothing when they are not as many."""
    end, units = names[-1][1], tuple(dict.fromkeys(u for *_, metric in names for u in metric.units))
    numbers = sorted(
        (n for n in numbers_in(sentence, units) if end <= n.start and n.end <= until), key=lambda n: n.start
    )
    if len(numbers) != len(names):
        return
    for (start, _, metric), number in zip(names, numbers, strict=True):
        if number.unit in metric.units and _belongs(sentence, number, start, end):
            yield from _statement(sentence, metric, number, "")


def _belongs(sentence: str, number: Number, start: int, end: int) -> bool:
    """Whether a number speaks of the name at start..end: near, in the same clause, neither a change nor denied."""
    between = sentence[end : number.start] if number.start >= end else sentence[number.end : start]
    behind, ahead = sentence[number.end :], sentence[: number.start]
    return (
        len(between) <= 2 * _NEAR
        and not _TURN.search(between)
        and not _SOMEBODY.search(between)
        and not (number.start >= end and _SHARE_OF.fullmatch(between))
        and not (number.end <= start and _SUBJECT_BEHIND.search(behind))
        and not _CHANGED.search(behind)
        and not _NO_LEVEL_BEHIND.search(behind)
        and not _OTHER_BEFORE.search(ahead)
        and not _DENIED.search(behind)
        and not is_other(between, ahead, behind)
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
    if near and not _COLUMN.match(sentence[near[0].end :]):
        yield near[0], ""
    elif ahead and not near:
        yield ahead[-1], ""


def _effects(sentence: str, metric: Metric) -> Iterator[Statement]:
    """An effect's number: the nearest one to its words. Reviews change something, late deliveries move a share."""
    match = metric.words.search(sentence)
    numbers = [n for n in numbers_in(sentence, metric.units) if n.unit == "%"]
    if not match or not numbers:
        return
    near = min(numbers, key=lambda n: max(match.start() - n.end, n.start - match.end(), 0))
    changes = _CHANGED.search(sentence[near.end :]) or _OTHER_BEFORE.search(sentence[: near.start])
    if max(match.start() - near.end, near.start - match.end(), 0) > _NEAR_EFFECT:
        return
    if match.start() < near.start < match.end() and not _ACTING.match(sentence[near.end :]):
        return  # how often deliveries are late, not how many leave then
    if changes or metric.name != "review_effect":
        yield from _statement(sentence, metric, near, "")


def _statement(sentence: str, metric: Metric, number: Number, industry: str) -> Iterator[Statement]:
    quote = _quote(sentence, number)
    if mask_text(quote) != quote:  # a quote is shown and kept: not one that may hold somebody's number
        return
    before, own = _apart(sentence, number)
    doubt = IMPLAUSIBLE if implausible(metric, number.unit, number.low, number.high) else ""
    doubt = doubt or (MEDIAN if is_median(own) else "")
    yield Statement(
        metric, number.low, number.high, number.unit, sentence, quote, industry, doubt, own=own, before=before
    )


def _apart(sentence: str, number: Number) -> tuple[str, str]:
    """(words ahead, a number's own words): its own begin after the number before it and end with a bracket behind."""
    since = max((m.end() for m in _ANY_NUMBER.finditer(sentence, 0, number.start)), default=0)
    behind = sentence[number.end :]
    more = _BRACKETS.match(behind)
    only = not _ANY_NUMBER.search(behind) and not since
    return sentence[:since], sentence if only else sentence[since : number.end] + (more[0] if more else "")


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
