"""What a sentence says about a number, beside its value: the unit, the direction of a change, and the period.

Three contradictions are caught, each only when the material speaks of the same number plainly: another unit (12% for
12건), the opposite direction (늘었다 for 줄었다), a period that belongs to another number. A listed name that the
material doesn't hold is a fourth. Silence is no contradiction: what the material doesn't say about a number is left
to the other checks. Does not belong here: whether the number occurs at all (see `guard.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cafe24_pipelines.answers.words import squeezed

_UNITS: Final = {
    "percent": ("%p", "%포인트", "퍼센트포인트", "%", "퍼센트", "프로"),
    "money": ("원", "엔", "달러", "KRW", "USD", "GBP", "JPY"),
    "people": ("명", "인"),
    "things": ("건", "개", "회", "번"),
    "months": ("개월",),
    "times": ("배",),
}
_KIND: Final = {unit: kind for kind, units in _UNITS.items() for unit in units}
_UNIT: Final = "|".join(sorted(map(re.escape, _KIND), key=len, reverse=True))
_SCALE: Final = r"(?:\s?[십백천만억조]+(?:\s?\d[\d,]*)?)*"
_MEASURED: Final = re.compile(rf"(?<![A-Za-z_\d.,-])(\d[\d,]*(?:\.\d+)?{_SCALE})\s?({_UNIT})(?!째|호|지|가지)")
_DATE: Final = re.compile(r"(?:19|20)\d{2}-(\d{2})(?:-\d{2})?|(?<!\d)(\d{1,2})\s?월(?!간)")
_WORDS_OF_TIME: Final = re.compile(
    r"지난\s?달|저번\s?달|전월|이번\s?달|지난\s?주|이번\s?주|올해|금년|작년|지난해|전년|재작년|상반기|하반기|[1-4]\s?분기|최근\s?\d+일|직전\s?기간|이전\s?기간"
)
_COMPARED: Final = re.compile(
    rf"(?:{_WORDS_OF_TIME.pattern}|{_DATE.pattern})\s?(?:\([^()]*\)\s?)?(?:대비|보다|에\s?비해|[과와]\s?(?:비교|견주))"
)
_SAME_TIME: Final = {"저번달": "지난달", "금년": "올해", "지난해": "작년"}
_UP: Final = re.compile(r"늘|증가|상승|올랐|올라|오르|높|많|성장|급증")
_DOWN: Final = re.compile(r"줄|감소|하락|내렸|내려|떨어|낮|적(?!용|립|재|합|힌|혀|어도)|급감")
_LOOK: Final = 14
"""Letters behind a number in which its direction is said."""
_LISTED: Final = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)]|\d{1,2}위[.:]?)\s*(.+)$")
_RANKED: Final = re.compile(r"^- ", re.MULTILINE)


@dataclass(frozen=True)
class _Said:
    """One number with its unit, and what is said around it."""

    written: str
    value: str
    kind: str
    direction: str
    times: frozenset[str]


def contradicted(sentence: str, material: str) -> list[str]:
    """Numbers and listed names of a sentence that the material contradicts, as written."""
    known = _of(material)
    wrong = [said.written for said in _said(sentence) if _against(said, known)]
    return wrong + _unknown_name(sentence, material)


def _against(said: _Said, known: tuple[_Said, ...]) -> bool:
    same = [k for k in known if k.value == said.value]
    if not same:
        return False
    if said.kind not in {k.kind for k in same}:
        return True
    alike = [k for k in same if k.kind == said.kind]
    directions = {k.direction for k in alike}
    if said.direction and directions == {"down" if said.direction == "up" else "up"}:
        return True
    if not said.times or not all(k.times for k in alike):
        return False
    spoken_of = {time for k in known for time in k.times}
    return said.times <= spoken_of and not any(said.times & k.times for k in alike)


@lru_cache(maxsize=32)
def _of(material: str) -> tuple[_Said, ...]:
    return tuple(said for line in material.splitlines() for said in _said(line))


def _said(line: str) -> Iterator[_Said]:
    """The measured numbers of a line; a number without a period before it has that of the number before."""
    last, times = 0, frozenset[str]()
    for match in _MEASURED.finditer(line):
        times = _times(line[last : match.start()]) or times
        behind = re.split(r"[,.;()]|\d", line[match.end() : match.end() + _LOOK], maxsplit=1)[0]
        up, down = _UP.search(behind), _DOWN.search(behind)
        direction = "" if bool(up) == bool(down) else "up" if up else "down"
        if re.search(r"않|아니|못", behind):
            direction = ""
        written = match[0].strip()
        yield _Said(written, re.sub(r"[\s,]", "", match[1]), _KIND[match[2]], direction, times)
        last = match.end()


def _times(text: str) -> frozenset[str]:
    """The periods named, without those that something is compared with (전월 대비)."""
    text = _COMPARED.sub(" ", text)
    months = {f"{int(a or b)}월" for a, b in _DATE.findall(text)}
    words = {re.sub(r"\s", "", word) for word in _WORDS_OF_TIME.findall(text)}
    return frozenset(months | {_SAME_TIME.get(word, word) for word in words})


def _unknown_name(sentence: str, material: str) -> list[str]:
    """A listed name with a figure, when the material lists names and knows no word of this one."""
    listed = _LISTED.match(sentence.splitlines()[0]) if sentence.strip() else None
    if not listed or not _RANKED.search(material):
        return []
    first = _MEASURED.search(listed[1])
    if not first:
        return []
    name = re.split(r"[:：—]|\s[-–]\s", listed[1][: first.start()], maxsplit=1)[0].strip(" *`'\"‘’“”")
    words = re.findall(r"[A-Za-z가-힣]{2,}", name)
    known = squeezed(material)
    return [name] if words and not any(squeezed(word)[: max(2, len(word) - 1)] in known for word in words) else []
