"""Provinces of addresses, and the last look at what is written.

Does not belong here: which field is masked (`cafe24/field_policy.py`), or how (`cafe24/masking/`).
"""

import re
from collections.abc import Iterable
from typing import Final

_REGIONS: Final = {
    "서울": ("서울특별시", "서울시"), "부산": ("부산광역시", "부산시"), "대구": ("대구광역시", "대구시"),
    "인천": ("인천광역시", "인천시"), "광주": ("광주광역시", "광주시"), "대전": ("대전광역시", "대전시"),
    "울산": ("울산광역시", "울산시"), "세종": ("세종특별자치시", "세종시"), "경기": ("경기도",),
    "강원": ("강원도", "강원특별자치도"), "충북": ("충청북도",), "충남": ("충청남도",),
    "전북": ("전라북도", "전북특별자치도"), "전남": ("전라남도",), "경북": ("경상북도",), "경남": ("경상남도",),
    "제주": ("제주도", "제주특별자치도"),
}  # fmt: skip
_REGION_OF: Final = {word: short for short, words in _REGIONS.items() for word in (short, *words)}


def region_of(texts: Iterable[object]) -> str | None:
    """The province (one of 17, in two syllables) that the first word of one of these addresses names."""
    for text in texts:
        if isinstance(text, str) and (words := text.split(maxsplit=1)) and words[0] in _REGION_OF:
            return _REGION_OF[words[0]]
    return None


_SHAPE: Final = bytes(0x30 if 0x30 <= c < 0x3A else 0x78 for c in range(256))
_BETWEEN_DIGITS: Final = b"-. )_abcdefghijklmnopqrstuvwxyz"
_MOBILE: Final = b"x" + 11 * b"0" + b"x"
_ABROAD: Final = b"x" + 12 * b"0" + b"x"
_RESIDENT: Final = b"x" + 13 * b"0" + b"x"
_LANDLINE: Final = b"x" + 10 * b"0" + b"x"
_CARD: Final = b"x" + 16 * b"0" + b"x"
_LANDLINE_OR_CARD: Final = re.compile(
    rb"(?<![\w.])(?:0(?:2|[3-6][1-5]|70)[-. )]{0,2}\d{3,4}[-. ]?\d{4}|\d{4}(?:[- ]?\d{4}){3})(?![\w.])"
)
_PERSONAL: Final = re.compile(
    r"@|(?<!\d)0(?:1[016-9]|2|[3-6][1-5]|70|50\d)[-. )]{1,2}\d{3,4}[-. ]\d{4}(?!\d)|(?<!\d)\d{6}[- ][1-8]\d{6}(?!\d)"
)


def looks_personal(body: bytes) -> bool:
    """Whether a serialised row may hold an e-mail address, a phone, a card or a resident number; errs towards yes."""
    if b"@" in body:
        return True
    # every digit a zero, separators (and small letters, so most of the keys) gone: searches instead of slow patterns
    shape = body.translate(_SHAPE, _BETWEEN_DIGITS)
    if _MOBILE in shape or _RESIDENT in shape or _ABROAD in shape:
        return True
    # hashes are full of runs as long as these: only here the pattern, which is slow
    return (_LANDLINE in shape or _CARD in shape) and _LANDLINE_OR_CARD.search(body) is not None


def spelt_as_personal(value: str) -> bool:
    """Whether a number of something is spelt as people spell addresses, phone and resident numbers."""
    return _PERSONAL.search(value) is not None
