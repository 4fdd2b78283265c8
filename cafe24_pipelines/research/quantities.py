"""Numbers of sentences in the units that claims have: per cent, won, dollars, ratios; and those that are no level.

What can't be read whole is left out: the end of a range whose beginning was not understood, a number with a sign, a
percentage point, dollars of another country. Does not belong here: which metric a number belongs to (see `rules.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_D: Final = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,9}(?:\.\d{1,4})?)"
_N: Final = r"(?<![\d.,A-Za-z#])"
_TO: Final = r"\s?(?:~|–|—|-|∼|〜|to|에서)\s?"
_UNIT: Final = r"\s?(?:%|％|퍼센트|per ?cent(?!age|ile))(?![\s-]?(?:(?:pp?|pts?)(?![a-z])|포인트|point))"
_PERCENT: Final = re.compile(
    rf"\bbetween (?P<from>{_D})\s?%? and (?P<to>{_D}){_UNIT}|{_N}(?P<low>{_D})(?:\s?%?{_TO}(?P<high>{_D}))?{_UNIT}",
    re.IGNORECASE,
)
_AMOUNT: Final = rf"{_D}(?:\s?[억만천백십](?:\s?{_D})?)*"
_WON: Final = re.compile(
    rf"(?<![\d.,A-Za-z#억만천백십])(?:(?P<low>{_AMOUNT})\s?원?{_TO})?(?P<high>{_AMOUNT})\s?원(?!인)|"
    rf"(?:\bKRW|₩)\s?(?P<code>{_D})|{_N}(?P<word>{_D})\s?(?:KRW|won)(?![a-z])",
    re.IGNORECASE,
)
_SIGN: Final = r"(?<![A-Za-z$])(?:US)?\$"
_SIZE: Final = r"(?!\s?(?:[kmb](?![a-z])|thousand|million|billion|만|억|천))"
_DOLLAR: Final = re.compile(
    rf"{_SIGN}\s?(?P<low>(?>{_D}))(?:{_TO}(?:US)?\$?\s?(?P<high>(?>{_D})))?{_SIZE}|"
    rf"{_N}(?P<word>{_D})\s?(?:US dollars|USD)",
    re.IGNORECASE,
)
_RATIO: Final = re.compile(rf"{_N}(?P<low>{_D})\s?(?::\s?1(?!\d)|배|x(?![a-z])|to 1\b|times)", re.IGNORECASE)
_PATTERNS: Final = {"%": _PERCENT, "KRW": _WON, "USD": _DOLLAR, "ratio": _RATIO}
_TOKEN: Final = re.compile(rf"(?P<number>{_D})|(?P<unit>[억만천백십])")
_SCALE: Final = {"십": 10.0, "백": 100.0, "천": 1_000.0, "만": 10_000.0, "억": 100_000_000.0}
_SIGNED: Final = re.compile(r"[+±△▲▼▽]\s?$|(?:^|[\s(\[])[-–−]$")
_HALF_RANGE_BEFORE: Final = re.compile(
    r"(?:\d|[%％원배]|:1)\s?(?:~|–|—|-|∼|〜|→|➜|to|에서)\s?(?:약\s?)?$", re.IGNORECASE
)
_HALF_RANGE_BEHIND: Final = re.compile(r"^\s?(?:~|–|—|-|∼|〜|→|➜|->|to)\s?(?:약\s?)?[$₩]?\d", re.IGNORECASE)
_FROM_TO: Final = re.compile(r"(?<!ranges )(?<!range )(?<!ranging )(?<!anywhere )\bfrom\s$", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A number with its unit, or a range, and its place in a sentence."""

    start: int
    end: int
    low: float
    high: float
    unit: str


def numbers_in(sentence: str, units: tuple[str, ...]) -> list[Number]:
    """The levels of a sentence in these units, where they stand; ranges as such."""
    found = [n for unit in units for m in _PATTERNS[unit].finditer(sentence) for n in _number(m, unit)]
    return [n for n in found if n.low <= n.high and not _no_level(sentence, n)]


def won(text: str) -> float:
    """The value of an amount as Koreans write it: 58,400, 5.8만, 6만 3,500, 1억 2천만."""
    total = section = 0.0
    number: float | None = None
    for token in _TOKEN.finditer(text):
        if token["number"]:
            number = _float(token["number"])
        elif token["unit"] in "만억":
            section += number or 0.0
            total, section, number = total + (section or 1.0) * _SCALE[token["unit"]], 0.0, None
        else:
            section, number = section + (1.0 if number is None else number) * _SCALE[token["unit"]], None
    return total + section + (number or 0.0)


# -- inside --------------------------------------------------------------------------------------------------


def _number(match: re.Match[str], unit: str) -> Iterator[Number]:
    said = {name: text for name, text in match.groupdict().items() if text}
    if unit == "KRW" and "high" in said:
        high = won(said["high"])
        low = _same_unit(said["low"], said["high"]) if "low" in said else high
    else:
        ends = [_float(text) for text in said.values()]
        low, high = ends[0], ends[-1]
    yield Number(match.start(), match.end(), low, high, unit)


def _same_unit(low: str, high: str) -> float:
    """The lower end of a range of amounts: in "5~6만원" it borrows its unit from the upper one."""
    own, borrowed = _TOKEN.findall(low), re.search(r"[억만천]", high)
    bare = len(own) == 1 and own[0][0]
    return won(f"{low}{borrowed[0]}") if bare and borrowed and won(low) < _SCALE[borrowed[0]] else won(low)


def _no_level(sentence: str, number: Number) -> bool:
    """Whether a number is signed, half of a range that was not read whole, or a change from one value to another."""
    before, behind = sentence[: number.start], sentence[number.end :]
    if _SIGNED.search(before) or _HALF_RANGE_BEFORE.search(before) or _HALF_RANGE_BEHIND.search(behind):
        return True
    if number.low == number.high:
        return False
    said = sentence[number.start : number.end]
    return bool(_FROM_TO.search(before)) or ("에서" in said and re.match(r"\s?(?:으)?로", behind) is not None)


def _float(text: str) -> float:
    return float(text.replace(",", ""))
