"""Cards, bank accounts, and long numbers of which nobody can say that they are not one.

An account has no form of its own: it is told by how many digits stand in how many groups, or by a bank beside it.
"""

import re
from collections.abc import Iterator
from typing import Final

from cafe24_pipelines.cafe24.masking.digits import DAY, DIGIT, DIGITS, MONTH, YEAR, is_bar_code, is_book, luhn
from cafe24_pipelines.cafe24.masking.folding import Found

_ACCOUNT, _CARD, _NUMBER = "[계좌번호]", "[카드번호]", "[번호]"
_FEWEST, _MOST, _FEWEST_OF_CARD = 10, 16, 8  # of a card, some may be starred out

# -- cards -----------------------------------------------------------------------------------------------------------

_CUT: Final = r"(?:\s?[-._/~]\s?|(?<=[*xX●])\s|\s(?=[*xX●]))"
_STARRED: Final = re.compile(
    rf"(?<![\d-])\d{{4}}{_CUT}[\d*xX●]{{4}}{_CUT}[\d*xX●]{{4}}{_CUT}\d{{4}}(?![\d-])"
    r"|(?<![\d-])3[47]\d\d([\s-]{1,2})\d{6}\1\d{5}(?![\d-])"
)
_SPACED: Final = re.compile(
    r"(?<![\d-])[2-69](?:\d{2,11}(?:(?:\s?(?:다시|대시)\s?|[\s\-.,/_~)]{1,3})\d{3,12}){1,4}"
    r"|(?:[ .-]\d){12,18})(?![\d-])"
)

# -- accounts --------------------------------------------------------------------------------------------------------

_BANK: Final = (
    r"계좌|입금|송금|이체|예금주|은행|뱅크|농협|신협|수협|국민|신한|하나|기업|새마을|우체국|카뱅|토스|케뱅"
    r"|\b(?:KB|NH|IBK|SC|account)"
)
_SURE: Final = ("계좌", "입금", "송금", "이체", "예금주", "account")
_SEVERAL: Final = r"\d{2,6}(?:[ \-.]{1,2}\d{1,8}){1,5}"
_MANY: Final = re.compile(r"(?<![A-Za-z\d-])(?!97[89]-)(?=[\d-]*\d{5})\d{2,8}(?:-\d{1,8}){3,5}(?![\d-])")
_BEHIND_BANK: Final = re.compile(
    rf"(?P<word>{_BANK})[^\d]{{0,14}}?(?P<it>{_SEVERAL}|\d{{9,16}})(?!\d)", re.IGNORECASE
)
_BEFORE_BANK: Final = re.compile(rf"(?<![\d.,-]){_SEVERAL}(?=[\s(,]{{0,3}}(?:{_BANK}))", re.IGNORECASE)
_UNIT: Final = r"[mc]?m\b|[mc]m[^a-z]|ml|l\b|k?g\b|inch|인치|px|원|won|krw|개|명|회|건|장|사이즈|호|세트|박스|%|퍼"
_NO_UNIT: Final = rf"(?!\s?(?:{_UNIT}|[x×*]\s?\d))"
_GROUPS: Final = re.compile(rf"(?<![\d.,])\d{{1,8}}(?:\s?[-.]\s?\d{{1,8}}){{1,5}}(?![\d,]){_NO_UNIT}", re.IGNORECASE)
_BARE: Final = re.compile(
    rf"(?:(?<![A-Za-z0-9_./#%,+-])|(?<=KB)|(?<=NH)|(?<=SC)|(?<=IBK))\d{{10,19}}(?![A-Za-z0-9_]|[.,]\d){_NO_UNIT}",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*-?$")
_BANK_CODE: Final = re.compile(r"(?:KB|NH|IBK|SC|KEB|DGB|BNK)-?$", re.IGNORECASE)
_BOUNDS: Final = frozenset({"2147483647", "4294967295"})
"""The greatest numbers of computers, which documents name."""
_OTHER_ORDER: Final = re.compile(rf"{YEAR}{MONTH}{DAY}\d{{8}}")


def cards(text: str, most: int) -> Iterator[Found]:
    """Cards, starred out or not; `most` digits stand together somewhere in the text."""
    if most >= _FEWEST_OF_CARD:
        for match in _STARRED.finditer(text):
            yield match.start(), match.end(), _CARD
    if most >= 13:
        for match in _SPACED.finditer(text):
            digits = "".join(DIGIT.findall(match.group()))
            if 13 <= len(digits) <= 19 and luhn(digits):
                yield match.start(), match.end(), _CARD


def long_accounts(text: str, most: int) -> Iterator[Found]:
    """Accounts of four groups and more, in which phones and resident numbers might be seen."""
    if most >= _FEWEST:
        for match in _MANY.finditer(text):
            yield match.start(), match.end(), _ACCOUNT


def accounts(text: str, most: int) -> Iterator[Found]:
    """Accounts and other long numbers; `most` digits stand together somewhere in the text."""
    if most >= _FEWEST - 1:
        yield from _behind_banks(text)
    if most < _FEWEST:
        return
    for match in _BEFORE_BANK.finditer(text):
        groups = DIGITS.findall(match.group())
        if _FEWEST <= sum(map(len, groups)) <= _MOST and max(map(len, groups)) > 3:
            yield match.start(), match.end(), _ACCOUNT
    for match in _GROUPS.finditer(text):
        if _is_account(text, match):
            yield match.start(), match.end(), _ACCOUNT
    for match in _BARE.finditer(text):
        if (placeholder := _bare(match.group())) is not None:
            yield match.start(), match.end(), placeholder


def _behind_banks(text: str) -> Iterator[Found]:
    for match in _BEHIND_BANK.finditer(text):
        groups = DIGITS.findall(match.group("it"))
        sure = match.group("word") in _SURE and "사이즈" not in text[match.end() : match.end() + 5]
        if _FEWEST - 1 <= sum(map(len, groups)) <= _MOST and (sure or max(map(len, groups)) > 3):
            yield match.start("it"), match.end("it"), _ACCOUNT


def _is_account(text: str, match: re.Match[str]) -> bool:
    """Whether digits in groups are an account, by their number and lengths: not a size, a code or a book."""
    groups = DIGITS.findall(match.group())
    digits = "".join(groups)
    before = text[max(0, match.start() - 12) : match.start()]
    if not _FEWEST <= len(digits) <= _MOST or is_book(digits):
        return False
    if _CODE.search(before) and not _BANK_CODE.search(before):
        return False
    if len(groups) == 2:
        return len(digits) > _FEWEST and "." not in match.group()
    return max(map(len, groups)) > 3


def _bare(digits: str) -> str | None:
    """What a long number without separators is; None for bar codes, orders of other markets, coupons."""
    if len(digits) > _MOST:
        return _CARD if digits.startswith("62") and luhn(digits) else None
    if is_bar_code(digits) or digits in _BOUNDS or len(set(digits)) == 1:
        return None
    if len(digits) in (15, 16) and digits[0] in "23456" and luhn(digits):
        return _CARD
    return None if _OTHER_ORDER.fullmatch(digits) else _NUMBER
