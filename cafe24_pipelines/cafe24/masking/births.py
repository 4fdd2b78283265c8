"""Dates of birth: a date beside a word that says so. A year alone, or a date alone, is nobody's birthday."""

import re
from typing import Final

from cafe24_pipelines.cafe24.masking.digits import DAY, MONTH, speaks_of_birth
from cafe24_pipelines.cafe24.masking.folding import Found

_WHOLE: Final = (
    r"(?:(?:19|20)\d\d|'?\d\d)\s?[년.\-/]\s{0,2}\d{1,2}\s?[월.\-/]\s{0,2}\d{1,2}(?!\d)(?:\s?일)?"
    rf"|(?:(?:19|20)?\d\d){MONTH}{DAY}(?!\d)"
    r"|(?:19|20)\d\d\s\d{1,2}\s\d{1,2}(?!\d)"
)
_ENGLISH_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_IN_ENGLISH: Final = (
    rf"{_ENGLISH_MONTH}\s?\d{{1,2}}(?:st|nd|rd|th)?,?\s?(?:19|20)\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s?{_ENGLISH_MONTH},?\s?(?:19|20)\d\d"
    r"|\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?(?:19|20)\d\d"
)
_IN_YEAR: Final = rf"\d{{1,2}}\s?월\s{{0,2}}\d{{1,2}}\s?일|\d{{1,2}}\s?[./-]\s?\d{{1,2}}(?!\d)|{MONTH}{DAY}(?!\d)"
_NO_UNIT: Final = r"(?!\s?[%원개주만])"
_BORN: Final = re.compile(
    rf"(?<![\d.\-/])(?:{_WHOLE})\s?(?:생(?=$|[\s.,)\]!?~\"'</]|[이입인일으로남여])|출생|태생|에\s?태어)"
    r"|(?<![\d.\-/])\d{1,2}\s?월\s?\d{1,2}\s?일에?\s?태어"
)
_LABELLED: Final = re.compile(
    r"(?:생년월일|생년|생일|출생일?|주민\s?(?:등록)?\s?(?:번호)?\s?앞?|앞자리|태어난\s?날|\bborn|\bbirth\w*|\bdob|\bb-?day)"
    r"(?:\s|은|는|이|가|앞자리|[6여]섯?\s?자리|날짜|저는|제가|on\b|is\b|date\b|:|=|\(|\)|-){0,6}"
    rf"(?P<date>(?:음력\s?|양력\s?)?(?:{_WHOLE}|{_IN_ENGLISH}|{_IN_YEAR})){_NO_UNIT}",
    re.IGNORECASE,
)
_SOMEBODYS: Final = re.compile(
    rf"(?<![\d.\-/])(?P<date>(?:음력\s?|양력\s?)?(?:{_WHOLE}|\d{{1,2}}\s?월\s{{0,2}}\d{{1,2}}\s?일))"
    r"\s?(?:이|가|은|는|날)?\s?(?:[가-힣]{1,4}\s)?[가-힣]{0,4}?\s?(?:생일|생신|birthday)",
    re.IGNORECASE,
)


def births(text: str, digits: int) -> list[Found]:
    """Dates of birth in a folded text; the word beside them stays."""
    if digits < 2 or not speaks_of_birth(text):
        return []
    found = [(m.start(), m.end(), "[생년월일]") for m in _BORN.finditer(text)]
    for pattern in (_LABELLED, _SOMEBODYS):
        found += [(m.start("date"), m.end("date"), "[생년월일]") for m in pattern.finditer(text)]
    return found
