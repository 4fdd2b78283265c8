"""Masking of text at the privacy line: a row's own personal values, provinces, and the last look at what is written.

Does not belong here: which field is masked (`cafe24/field_policy.py`).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_DIGITS: Final = str.maketrans(
    {
        **{chr(0xFF10 + n): str(n) for n in range(10)},
        **dict(zip("공일이삼사오육칠팔구", "0123456789", strict=True)),
        "영": "0",
    }
)
_SPELT: Final = {
    str(n): f"[{n}{chr(0xFF10 + n)}{word}]"
    for n, word in enumerate(("공영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"))
}
_LEAST_DIGITS: Final = 7
_BETWEEN: Final = r"[\s().,/_~*·-]{0,3}"
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


class OwnValues:
    """The personal values a row itself holds, to be found again in what people wrote in it."""

    __slots__ = ("addresses", "ids", "names", "numbers")

    def __init__(self) -> None:
        self.names: list[object] = []
        self.ids: list[object] = []
        self.numbers: list[object] = []
        self.addresses: list[object] = []

    def mask(self, texts: list[str]) -> list[str]:
        """The texts without any of these values, in whatever spelling."""
        everything = _folded("\0".join(texts))
        needles = []
        for values, least, placeholder in (
            (self.addresses, 6, "[주소]"), (self.names, 2, "[이름]"), (self.ids, 3, "[회원]")
        ):  # fmt: skip
            for value in values:
                if isinstance(value, str) and value.lstrip()[:1].casefold() in everything:  # most end here
                    needle = _folded(value)
                    if len(needle) >= least and needle in everything:
                        needles.append((needle, placeholder))
        needles.sort(key=lambda pair: -len(pair[0]))  # a full address before its half
        return [_without(text, needles, self._numbers_in(text)) for text in texts]

    def _numbers_in(self, text: str) -> list[str]:
        digits = _digits(text)
        if len(digits) < _LEAST_DIGITS:
            return []
        own = {_digits(v).lstrip("0") for v in self.numbers if isinstance(v, str)}
        return sorted((n for n in own if len(n) >= _LEAST_DIGITS and n in digits), key=len, reverse=True)


def _without(text: str, needles: list[tuple[str, str]], numbers: list[str]) -> str:
    for number in numbers:
        text = _spelt_anyhow(number).sub("[번호]", text)
    for needle, placeholder in needles:
        text = _spaced(needle).sub(placeholder, text)
    return text


def _folded(text: str) -> str:
    return "".join(text.casefold().split())


@lru_cache(maxsize=20_000)
def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text.translate(_DIGITS))


def _spaced(needle: str) -> re.Pattern[str]:
    """The needle in any case and with any spaces inside; a Latin one only as a word of its own."""
    body = r"\s*".join(re.escape(c) for c in needle)
    before = r"(?<![A-Za-z0-9_])" if needle[0].isascii() and needle[0].isalnum() else ""
    after = r"(?![A-Za-z0-9_])" if needle[-1].isascii() and needle[-1].isalnum() else ""
    return re.compile(before + body + after, re.IGNORECASE)


def _spelt_anyhow(number: str) -> re.Pattern[str]:
    """The digits with separators, in full width or as Korean words; a zero or +82 in front goes too."""
    front = rf"(?:\(?\+?{_SPELT['8']}{_SPELT['2']}{_BETWEEN})?(?:\(?{_SPELT['0']}{_BETWEEN})?"
    return re.compile(front + _BETWEEN.join(_SPELT[d] for d in number))


_SHAPE: Final = bytes(0x30 if 0x30 <= c < 0x3A else 0x78 for c in range(256))
_BETWEEN_DIGITS: Final = b"-. )_abcdefghijklmnopqrstuvwxyz"
_MOBILE: Final = b"x" + 11 * b"0" + b"x"
_ABROAD: Final = b"x" + 12 * b"0" + b"x"
_RESIDENT: Final = b"x" + 13 * b"0" + b"x"
_PERSONAL: Final = re.compile(
    r"@|(?<!\d)01[016-9][-. )]{1,2}\d{3,4}[-. ]\d{4}(?!\d)|(?<!\d)\d{6}[- ][1-8]\d{6}(?!\d)"
)


def looks_personal(body: bytes) -> bool:
    """Whether a serialised row may hold an e-mail address, a mobile phone or a resident number; errs towards yes."""
    if b"@" in body:
        return True
    # every digit a zero, separators (and small letters, so most of the keys) gone: searches instead of slow patterns
    shape = body.translate(_SHAPE, _BETWEEN_DIGITS)
    return _MOBILE in shape or _RESIDENT in shape or _ABROAD in shape


def spelt_as_personal(value: str) -> bool:
    """Whether a number of something is spelt as people spell addresses, phone and resident numbers."""
    return _PERSONAL.search(value) is not None
