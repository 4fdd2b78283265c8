"""Phone numbers in digits: mobile, landline, safe numbers (050x), abroad, and short ones behind a word for a phone.

Numbers that nobody lives at (1588-1234) stay. Does not belong here: digits in words (`spoken.py`).
"""

import re
from collections.abc import Iterator
from typing import Final

from cafe24_pipelines.cafe24.masking.digits import DIGIT, FEWEST, set_aside
from cafe24_pipelines.cafe24.masking.folding import Found

_MARK: Final = "[전화번호]"
_FEWEST: Final = 9  # 02-123-4567
_BY: Final = r"(?:\s?(?:다시|대시|하이픈|에|의)\s?|[\s\-.,/()\[\]~_*|:]{0,3})"
_ZERO, _ONE = "[0OoㅇQ]", "[1lI|]"
_KOREA: Final = r"(?<![\d공영일이삼사오육륙칠팔구])(?:\+\s?|00)?82[\s\-.)]{0,2}(?:\(?0\)?[\s\-.]?)?"
_MOBILE: Final = re.compile(
    rf"(?:{_KOREA}|(?<![\dA-Za-z])\(?{_ZERO})(?:{_ONE}{_ZERO}|1[016-9]){_BY}\d{{3,4}}{_BY}\d{{4}}(?!\d)"
    # each digit apart, in other groups than usual, or with one sign between all of them
    r"|(?<!\d)0[\s-]{0,2}1[\s-]{0,2}0(?:[\s-]{0,2}\d){8}(?!\d)"
    r"|(?<![\d.])010(?:[\s\-./~_)]{0,2}\d){8}(?!\d)"
    r"|(?<!\d)0([.,/_*|~])1\1[016-9](?:\1\d){7,8}(?!\d)"
)
APART: Final = r"(?:\s?(?:다시|대시|하이픈)\s?|[\s\-.,)/(~_*]{0,3})"
"""What stands between the groups of a number."""

_AREA: Final = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|80)"
_LANDLINE: Final = re.compile(
    rf"(?<![\d.,])\(?(?:0|\+82{APART}(?:\(?0\)?)?|82[\s-]){_AREA}{APART}\d{{3,4}}{APART}\d{{4}}(?![\d.]\d|\d)"
    rf"|(?<!\d)0(?:50\d|303){APART}\d{{3,4}}{APART}\d{{4}}(?!\d)"
)
_ABROAD: Final = re.compile(r"(?<![\d+])\+[1-9](?:[\s\-.()]{0,2}\d){8,14}(?![\d,]|\s?[원개])")
_WORDS: Final = ("전화", "연락처", "번호", "폰", "문자", "빼고", "생략", "hp", "tel")
_SHORT: Final = re.compile(
    r"(?:전화|연락처|(?<!주문)(?<!상품)(?<!쿠폰)(?<!모델)번호|핸드폰|휴대폰|폰|문자|빼고|생략|\bhp|\btel)[^\d]{0,10}?"
    r"(?:010\s?[은는을를]?\s?(?:빼고|생략)[^\d]{0,6}?)?"
    r"(?P<it>(?!1[568]\d\d)\d{3,4}\s?[-\s]\s?\d{4})(?!\d|\s?-\s?\d|\s\d{4}|\s?[원개])",
    re.IGNORECASE,
)


def phones(text: str, most: int) -> Iterator[Found]:
    """Whole numbers; `most` digits stand together somewhere in the text."""
    if most >= _FEWEST:
        for pattern in (_MOBILE, _LANDLINE, _ABROAD):
            for match in pattern.finditer(text):
                yield match.start(), match.end(), _MARK


def short_phones(text: str, digits: int) -> list[Found]:
    """Numbers without what they begin with, in a folded text: last of all, for they are the end of others."""
    low = text.lower()
    if digits < FEWEST or not any(word in low for word in _WORDS):
        return []
    return [
        (match.start("it"), match.end("it"), _MARK)
        for match in _SHORT.finditer(set_aside(text))
        if len(set(DIGIT.findall(match.group("it")))) > 1  # 000-0000 shows a form
    ]
