"""What the rules for numbers share: numbers that are set aside, and check digits."""

import re
from functools import lru_cache
from typing import Final

YEAR, MONTH, DAY = r"20[0-4]\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_CLOCK: Final = r"(?:[01]\d|2[0-3])[0-5]\d"
_KEPT: Final = re.compile(
    # an order of Cafe24: a day, and a serial that begins with zero, as no resident number of this century does
    rf"(?<!\d){YEAR}{MONTH}{DAY}-?0\d{{6,9}}(?:-\d{{1,3}})?(?!\d)"
    # a moment without separators; both ends of a period
    rf"|(?<!\d){YEAR}{MONTH}{DAY}{_CLOCK}(?:[0-5]\d)?(?:\d{{3}})?(?!\d)"
    rf"|(?<!\d){YEAR}{MONTH}{DAY}(?=\s?[-~]\s?{YEAR}{MONTH}{DAY})"
    # a date, with or without a time
    r"|(?<!\d)(?:19|20)\d\d\s?[-./년]\s?(?:0?[1-9]|1[0-2])\s?[-./월]\s?(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"(?:[T\s]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:\s?[+-]\d\d:?\d\d)?)?"
    # a link, up to what may be a phone in it
    r"|https?://(?:(?!(?:0|82)\d{8,11}(?!\d))[^\s\"'<>@가-힣])+"
)
ASIDE: Final = "\1"
"""Stands in a text for a character that no rule for numbers is to see."""

FEWEST: Final = 7
"""Digits of the shortest number of a person: 1234-567, 900101-1."""

_TOGETHER: Final = re.compile(r"\d(?:[\s\-.,/()\[\]~_*|:xX●•#oOㅇlI에의다시대하이픈A-Z]{0,12}\d){6,}")
DIGIT: Final = re.compile(r"\d")
DIGITS: Final = re.compile(r"\d+")


@lru_cache(maxsize=64)
def set_aside(text: str) -> str:
    """A text of the same length without its order numbers, dates and links; two rules ask in turn."""
    return _KEPT.sub(lambda match: ASIDE * len(match.group()), text)


def speaks_of_birth(text: str) -> bool:
    """Whether a text holds a word that makes a date the date of a birth."""
    if "생" in text or "주민" in text or "앞자리" in text or "태어" in text:
        return True
    low = text.lower()
    return "birth" in low or "born" in low or "dob" in low or "bday" in low or "b-day" in low


def together(text: str) -> int:
    """How many digits stand together in a text, somewhere, with little in between; 0 for fewer than `FEWEST`."""
    return max((len(DIGIT.findall(m.group())) for m in _TOGETHER.finditer(text)), default=0)


def luhn(digits: str) -> bool:
    """Whether the last digit of a card agrees with the others."""
    twice = [int(d) * (2 if n % 2 else 1) for n, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in twice) % 10 == 0


def is_book(digits: str) -> bool:
    """Whether 13 digits are an ISBN."""
    return len(digits) == 13 and digits.startswith(("978", "979")) and _goods_agree(digits)


def is_bar_code(digits: str) -> bool:
    """Whether 13 digits begin as goods of the region and books do, with a check digit that agrees.

    Goods of Korea begin as residents born in 1988 do: what a resident's check digit agrees with is none.
    """
    if len(digits) != 13 or not digits.isdecimal() or not digits.startswith(("880", "978", "979", "45", "49", "69")):
        return False
    return _goods_agree(digits) and not _resident_agrees(digits)


def _goods_agree(digits: str) -> bool:
    return sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(digits)) % 10 == 0


def _resident_agrees(digits: str) -> bool:
    weighed = sum(int(d) * w for d, w in zip(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=True))
    return (11 - weighed % 11) % 10 == int(digits[-1])
