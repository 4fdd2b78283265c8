"""What a question's words are: one spelling, the concepts they name, and small typing errors mended.

The concept patterns are in `queries/vocabulary.yaml` and match the question without spaces, so spacing doesn't
matter. No morphological analyser: rules must answer in milliseconds. Does not belong here: what to do about a
concept (see `intents.py`).
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any

_CHATTER = re.compile(
    r"(?:안녕하세요|안녕|저기요?|혹시|죄송하지만|죄송한데|실례지만|부탁드립니다|부탁드려요|부탁해요?|"
    r"감사합니다|고마워요?|제발|그런데|근데|수고하세요|수고하십니다|수고\s?많으십니다|바쁘신데)[\s,.!~]*|"
    r"(?:(?:좀\s?|너무\s?)?급(?:한데요?|해서요?|해요|합니다|하게|하니까)|(?:최대한\s?)?빨리(?:요|좀)|얼른(?:요)?|지금\s?당장|"
    r"(?:사장|대표|팀장|부장|과장|실장|이사|점장|본부장)(?:님)?(?:이|께서|들이)\s?(?:자꾸\s?|계속\s?)?(?:물어보|여쭤보|찾으|"
    r"(?:궁금해|알고\s?싶어|보고\s?싶어)\s?하|확인하라|알아보라|달라)[가-힣]{0,4})(?![가-힣])[\s,.!~]*|"
    r"빨리(?=\s?(?:알려|답|말해|보여|부탁|$))\s*"
)
_EMOTION = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]{2,}|[~^;]{2,}|(?<=[요다까네지줘용])~+|[.]{3,}|…")
_PARTICLES = re.compile(
    r"(?:이라는|이란|라는|에서는|에서|에게|으로는|으로|까지|부터|이랑|랑|하고|처럼|보다|마다|이나|에는|은요|는요|이요|"
    r"란|은|는|이|가|을|를|의|에|로|와|과|도|만|요)$"
)

_TIME_OR_VERB = re.compile(
    r"^\d|\d$|^(?:이번|지난|저번|최근|오늘|어제|그제|그저께|올해|작년|금년|내년|재작년|설날?|추석|연휴|명절|기간|동안|현재|당일|"
    r"전체|전년|동기|상반기|하반기|분기|오전|오후|이후|이전|부터|까지|별로|정도|각각|순으로|대한민국)|"
    r"(?:달|주|월|년|일|간|다|요|줘|야|까|니|죠|지|나|은|는|한|된|될|할|해|돼|되|고|면|서|기|게|봐|별|째|인|던|려|줄|들|아|어|래|예|이에|인가)$"
)


def normal(question: str) -> str:
    """NFC, one kind of space, without greetings and politeness; case is kept."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFC", question)).strip()
    text = re.sub(r"\s+", " ", _EMOTION.sub(" ", text)).strip() or text
    return _CHATTER.sub("", text).strip() or text


def squeezed(text: str) -> str:
    """Lower case without spaces and quotation marks: what concept patterns and names are compared in."""
    return re.sub(r"[\s'\"‘’“”`]", "", unicodedata.normalize("NFC", text).lower())


def concepts(question: str) -> frozenset[str]:
    """Names of the concepts that the question's words name."""
    text = squeezed(question)
    return frozenset(name for name, pattern in _vocabulary().items() if pattern.search(text))


def content_words(question: str) -> list[str]:
    """The words that carry the subject, without particles and without filler, in lower case."""
    idle = _word_list("idle")
    words = []
    for raw in re.findall(r"[A-Za-z_][\w.]*|[가-힣]+|\d+", normal(question).lower()):
        word = _PARTICLES.sub("", raw) if len(raw) > 2 else raw
        if len(word) > 1 and raw not in idle and word not in idle:
            words.append(word)
    return list(dict.fromkeys(words))


def subject_words(question: str) -> list[str]:
    """The content words, those that were written without spaces taken apart (`회원목록조회` is three words)."""
    words: list[str] = []
    for word in content_words(question):
        parts = _pieces().findall(word) if len(word) >= 5 else []
        words += parts if len(parts) > 1 else [word]
    return list(dict.fromkeys(words))


def near_known(word: str) -> bool:
    """Whether the word begins like a word of the trade with one letter (jamo) wrong."""
    return any(jamo_distance(word[: len(known)], known) <= 1 for known in _word_list("pieces"))


@cache
def _pieces() -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, _word_list("pieces")), key=len, reverse=True)))


def unused_words(question: str, names: tuple[str, ...]) -> list[str]:
    """Content words that no concept, name or word for time accounts for: what an answer leaves out of account.

    Args:
        names: texts that were understood (periods, names of things).
    """
    return [word for word, _ in _unused(question, names)]


def leading_words(question: str, names: tuple[str, ...]) -> list[str]:
    """Those of the unused words that stand before the last concept which names a thing: they narrow it down."""
    text = squeezed(normal(question))
    ends = [m.start() for name, p in _vocabulary().items() if name not in _ASKING for m in p.finditer(text) if m[0]]
    last = max(ends, default=0)
    chatter = re.compile(read_yaml("words")["chatter"])
    return [word for word, at in _unused(question, names) if at < last and not chatter.search(word)]


_ASKING = frozenset(
    [
        "count",
        "how",
        "how_many",
        "average",
        "total",
        "top",
        "low",
        "rate",
        "definition",
        "why",
        "advice",
        "listing",
        "write",
        "compare",
        "many",
        "fell",
        "rose",
        "how_is",
        "price",
        "status",
        "call",
        "scope",
        "method",
    ]
)
"""Concepts of how something is asked; no thing of a shop."""


def _unused(question: str, names: tuple[str, ...]) -> list[tuple[str, int]]:
    """Unused words with where they begin in the question without spaces."""
    known, text = squeezed(" ".join(names)), squeezed(normal(question))
    spans = [m.span() for pattern in _vocabulary().values() for m in pattern.finditer(text) if m[0]]
    unused = []
    for word in content_words(question):
        start = text.find(word)
        named = any(start < right and left < start + len(word) for left, right in spans)
        if not (named or word in known or len(_PARTICLES.sub("", word)) < 2 or _TIME_OR_VERB.search(word)):
            unused.append((word, start))
        elif named and word not in known:
            unused += _between(word, start, spans, known)
    return unused


def _between(word: str, start: int, spans: list[tuple[int, int]], known: str) -> list[tuple[str, int]]:
    """Long stretches of a word written without spaces that nothing accounts for (`카카오톡친구몇명`)."""
    free = "".join(" " if any(a <= start + i < b for a, b in spans) else c for i, c in enumerate(word))
    return [
        (m[0], start + m.start())
        for m in re.finditer(rf"[가-힣]{{{_LONG},}}", free)
        if m[0] not in known and not _TIME_OR_VERB.search(m[0])
    ]


_LONG = 5
"""Syllables from which a stretch between known words is one that must be understood."""


def with_synonyms(words: list[str]) -> list[str]:
    """The words, and other names of what they begin with."""
    table: dict[str, list[str]] = read_yaml("words")["synonyms"]
    more = [name for word in words for head, names in table.items() if word.startswith(head) for name in names]
    return list(dict.fromkeys([*words, *(squeezed(name) for name in more)]))


def mended(question: str, most: int = 2) -> str:
    """The question with words that are at most so many letters (jamo) away from a known word replaced by it."""
    return " ".join(_mend(word, most) for word in question.split(" "))


def _mend(word: str, most: int) -> str:
    bare = _PARTICLES.sub("", word) if len(word) > 2 else word
    if concepts(word) or (most == 1 and _TIME_OR_VERB.search(bare)):  # it means something as it is: 평균 is no 평점
        return word
    best: tuple[int, str] | None = None
    for known in _word_list("known"):
        allowed = min(most, 1 if len(known) < 4 else 2)
        distance = jamo_distance(word[: len(known)], known)
        if distance <= allowed and (best is None or distance < best[0]):
            best = (distance, known + word[len(known) :])
    return best[1] if best else word


def jamo_distance(a: str, b: str) -> int:
    """How many letters (jamo) must be put in, left out or changed to make one word of the other."""
    a, b = unicodedata.normalize("NFD", a), unicodedata.normalize("NFD", b)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


@cache
def _vocabulary() -> dict[str, re.Pattern[str]]:
    return {name: re.compile(pattern) for name, pattern in read_yaml("vocabulary").items()}


@cache
def _word_list(name: str) -> dict[str, None]:
    return dict.fromkeys(read_yaml("words")[name].split())


@cache
def read_yaml(name: str) -> Any:
    """The content of a file of `queries/`; shared, so nobody changes it."""
    import yaml

    text = (files(__package__) / "queries" / f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
