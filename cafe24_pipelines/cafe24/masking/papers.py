"""Numbers of papers: residents and foreigners, passports, driver's licences, personal customs codes."""

import re
from collections.abc import Iterator
from typing import Final

from cafe24_pipelines.cafe24.masking.digits import DAY, DIGIT, FEWEST, MONTH, YEAR, is_bar_code, set_aside, together
from cafe24_pipelines.cafe24.masking.folding import Found
from cafe24_pipelines.cafe24.masking.phones import APART

_RESIDENT_MARK, _PASSPORT, _LICENCE, _CUSTOMS = "[주민번호]", "[여권번호]", "[면허번호]", "[통관번호]"
_RESIDENT: Final = re.compile(
    # whole, or with its end starred out
    rf"(?<![\d.])(?:19|20)?\d\d{MONTH}{DAY}(?:\s{{0,2}}-\s{{0,2}}\d|(?:{APART})[1-8])\s?(?:\d{{6}}|[*xX●○•#ㅇoO]{{4,6}})(?!\d)"
    # the day of birth and the first digit behind it
    rf"|(?<![\d-])\d{{2}}{MONTH}{DAY}\s?-\s?[1-8](?![\d\-.])"
    r"|(?<!\d)\d{6}[-\s][1-8]\d{6}(?!\d)"
    rf"|(?<![\d.])\d\d([\s./-]){MONTH}\1{DAY}\s?[-\s]\s?[1-8]\s?\d{{6}}(?!\d)"
)
_PROVINCE: Final = "서울|부산|대구|인천|광주|대전|울산|경기|강원|충북|충남|전북|전남|경북|경남|제주"
_OTHERS: Final = (
    (12, _CUSTOMS, re.compile(r"(?<![A-Za-z])[Pp](?:\s?-\s?|\s)?\d{4}[\s-]?\d{4}[\s-]?\d{4}(?!\d)")),
    (7, _PASSPORT, re.compile(r"(?<![A-Za-z0-9])[MSRGDO]\d{3}[A-Z]\d{4}(?![A-Za-z0-9])")),
    # M20261101 is a code with a day in it
    (8, _PASSPORT, re.compile(rf"(?<![A-Za-z0-9])[MSRGD](?!{YEAR}{MONTH}{DAY})\d{{8}}(?![A-Za-z0-9])")),
    (7, _PASSPORT, re.compile(
        r"(?:여권|passport)[^A-Za-z\d]{0,10}(?:no\.?\s?)?(?P<it>[A-Za-z]{1,2}\s?\d{3,4}\s?\d{4}(?!\d))", re.IGNORECASE
    )),
    (10, _LICENCE, re.compile(rf"(?:{_PROVINCE})\s?\d{{2}}\s?-\s?\d{{6}}\s?-\s?\d{{2}}(?!\d)")),
    (12, _LICENCE, re.compile(r"(?<![\d-])\d{2}-\d{2}-\d{6}-\d{2}(?![\d-])")),
)  # fmt: skip
"""The fewest digits, the placeholder, and the form; the number itself is `it` where a word stands before it."""


def residents(text: str, digits: int) -> list[Found]:
    """Resident numbers, or what is told of them, in a folded text: before anything reads a date of birth in them."""
    if digits < FEWEST or not together(text := set_aside(text)):
        return []
    return [
        (match.start(), match.end(), _RESIDENT_MARK)
        for match in _RESIDENT.finditer(text)
        if not is_bar_code(match.group()) and _may_be_born(match.group())
    ]


def papers(text: str, most: int) -> Iterator[Found]:
    """Other numbers; `most` digits stand together somewhere in the text."""
    for fewest, placeholder, pattern in _OTHERS:
        if most >= fewest:
            it = "it" if pattern.groupindex else 0
            for match in pattern.finditer(text):
                yield match.start(it), match.end(it), placeholder


def _may_be_born(number: str) -> bool:
    """Whether the short form, six digits and one, can be somebody's: 260401-1 is a lot of this year."""
    digits = "".join(DIGIT.findall(number))
    if len(digits) != 7 or not number[-1].isdecimal():
        return True
    return (int(digits[:2]) <= 30) == (digits[6] in "3478")
