"""Numbers as a text states them: value, decimals, unit and the sentence they stand in. Pure functions.

`3만 5천 원`, `35,000원` and `35000 원` are one number. Dates, document marks, API paths and list numbers are no
statements. Does not belong here: which numbers are right (`scoring.py`), or whether material supports them
(`guard.py`).
"""

import re
from dataclasses import dataclass
from typing import Final

_SCALE: Final = {"십": 10, "백": 100, "천": 1_000, "만": 10_000, "억": 100_000_000, "조": 1_000_000_000_000}
_NUMBER: Final = re.compile(
    r"(?<![A-Za-z_\d.,/-])([-−+]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?"
    r"((?:\s?[십백천만억조](?![가-힣]*(?:요일|족))(?:\s?\d[\d,]*(?![\d.]))?)*)"
    r"\s?(%p|%|퍼센트|프로|/5|원|달러|엔|파운드|KRW|GBP|USD|JPY|건|명|분|인|개월|개|회|번|장|매|점|종류|종|가지|일간|일|시간|시|배|위|주)?"
)
_NO_STATEMENT: Final = (
    re.compile(r"\[(?:문서|그래프|계산|자료)?\s*\d+\]"),
    re.compile(r"^\s*(?:[-*]\s*)?\d{1,2}[.)](?=\s)", re.MULTILINE),
    re.compile(r"/api/v\d/[\w/{}.#-]+"),
    re.compile(r"(?<![0-9A-Za-z])(?:\d{6,8}-\d{5,}|[0-9a-f]{16,})(?![0-9A-Za-z])"),  # orders and members
    re.compile(r"(?:19|20)\d{2}-\d{2}(?:-\d{2,})?(?:-\d+)?"),
    re.compile(r"(?:19|20)\d{2}년(?:\s?\d{1,2}월)?(?:\s?\d{1,2}일)?|\d{1,2}월(?:\s?\d{1,2}일)?"),
)


@dataclass(frozen=True)
class Stated:
    """One number of a text. `sentence` is where it stands, `frame` that sentence without numbers of its unit."""

    value: float
    decimals: int
    unit: str
    sentence: str
    frame: str


def statements(text: str) -> list[Stated]:
    """Every number of a text, in order."""
    found = []
    for sentence in sentences(text):
        clean = sentence
        for pattern in _NO_STATEMENT:
            clean = pattern.sub(lambda m: " " * len(m[0]), clean)
        for match in _NUMBER.finditer(clean):
            unit = match[5] or ""
            found.append(Stated(_value(match), _decimals(match), unit, sentence, _frame(clean, sentence, unit)))
    return found


def sentences(text: str) -> list[str]:
    """A text's sentences and lines, without blanks around them."""
    pieces = re.split(r"(?<=[.!?。])(?<!\d\.)\s+(?=\S)|\n+", text)
    return [piece.strip() for piece in pieces if piece.strip()]


def _value(match: re.Match[str]) -> float:
    sign = -1.0 if match[1] in ("-", "−") else 1.0
    value = float(match[2].replace(",", "") + (match[3] or ""))
    tail = re.sub(r"[\s,]", "", match[4] or "")
    if not tail:
        return sign * value
    total, section, current = 0.0, 0.0, value
    for token in re.findall(r"\d+|[십백천만억조]", tail):
        if token.isdigit():
            current = float(token)
        elif (scale := _SCALE[token]) < 10_000:
            section, current = section + (current or 1) * scale, 0.0
        else:
            total, section, current = total + ((section + current) or 1) * scale, 0.0, 0.0
    return sign * (total + section + current)


def _decimals(match: re.Match[str]) -> int:
    return len(match[3] or ".") - 1


def _frame(clean: str, sentence: str, unit: str) -> str:
    """The sentence with every number of this unit left open: two of a frame say the same of different numbers."""
    open_marks = [m.span() for m in _NUMBER.finditer(clean) if (m[5] or "") == unit]
    parts, at = [], 0
    for start, end in open_marks:
        parts += [sentence[at:start], "#"]
        at = end
    return re.sub(r"\s+", " ", "".join([*parts, sentence[at:]])).strip()
