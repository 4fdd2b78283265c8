"""A row's own personal values, found again in what people wrote in it: names, ids, mails, numbers, addresses.

A name alone is a word like any other; that it is a name, only the row can tell. Does not belong here: patterns.
"""

import re
from functools import lru_cache
from typing import Final

from cafe24_pipelines.cafe24.masking.folding import Found, fold

_WORDS: Final = dict(zip("공일이삼사오육칠팔구영령륙", "0123456789006", strict=True))
_DIGITS: Final = str.maketrans(_WORDS)
_SPELT: Final = {str(n): f"[{n}{''.join(w for w, d in _WORDS.items() if d == str(n))}]" for n in range(10)}
_DIGIT_OR_WORD: Final = re.compile(f"[0-9{''.join(_WORDS)}]")
_LEAST_DIGITS: Final = 7
_BETWEEN: Final = r"(?:\s?다시\s?|[\s().,/_~*·-]{0,3})"
_NOBODY: Final = frozenset(
    "관리자 운영자 시스템 자동 고객 회원 비회원 손님 구매자 주문자 익명 admin guest".split()  # noqa: SIM905 - words
)
"""What stands in the place of a name and names nobody."""


class OwnValues:
    """The personal values a row itself holds, to be found again in what people wrote in it."""

    __slots__ = ("addresses", "ids", "mails", "names", "numbers")

    def __init__(self) -> None:
        self.names: list[object] = []
        self.ids: list[object] = []
        self.mails: list[object] = []
        self.numbers: list[object] = []
        self.addresses: list[object] = []

    def mask(self, texts: list[str]) -> list[str]:
        """The texts without any of these values, in whatever spelling."""
        joined = "\n".join(texts)
        if "<" in joined:
            texts = self._masked(texts, joined, tags=True)
            joined = "\n".join(texts)
        return self._masked(texts, joined, tags=False)

    def _masked(self, texts: list[str], joined: str, *, tags: bool) -> list[str]:
        everything = fold(joined, tags=tags).text
        needles, numbers = self._needles(_squeezed(everything)), self._numbers_in(everything)
        if not needles and not numbers:  # most end here
            return texts
        masked = []
        for text in texts:
            one = fold(text, tags=tags)
            found = _found(one.text, needles, numbers)
            masked.append(one.replaced(found) if found else text)
        return masked

    def _needles(self, everything: str) -> list[tuple[str, str]]:
        """The values that are somewhere in the texts, the longest first, with what they become."""
        needles = set()
        for values, least, placeholder in (
            (self.addresses, 6, "[주소]"), (self.names, 2, "[이름]"), (self.ids, 3, "[회원]"),
            (map(_mailbox, self.mails), 5, "[이메일]"),
        ):  # fmt: skip
            for value in values:
                if not isinstance(value, str) or not (first := value.lstrip()[:1].casefold()):
                    continue
                if first in everything or _is_folded(first):
                    needle = _squeezed(fold(value).text)
                    if len(needle) >= least and needle in everything and needle not in _NOBODY:
                        needles.add((needle, placeholder))
        return sorted(needles, key=lambda pair: (-len(pair[0]), pair))  # a full address before its half

    def _numbers_in(self, text: str) -> list[str]:
        if not any(self.numbers) or len(digits := _digits(text)) < _LEAST_DIGITS:
            return []
        own = {_digits(fold(v).text).lstrip("0") for v in self.numbers if isinstance(v, str)}
        return sorted((n for n in own if len(n) >= _LEAST_DIGITS and n in digits), key=len, reverse=True)


def _found(text: str, needles: list[tuple[str, str]], numbers: list[str]) -> list[Found]:
    patterns = [(_spelt_anyhow(number), "[번호]") for number in numbers]
    patterns += [(_spaced(needle), placeholder) for needle, placeholder in needles]
    found: list[Found] = []
    for pattern, placeholder in patterns:
        for match in pattern.finditer(text):
            if not any(start < match.end() and match.start() < end for start, end, _ in found):
                found.append((match.start(), match.end(), placeholder))
    return sorted(found)


def _mailbox(value: object) -> object:
    """What stands before the sign of an e-mail address: many write it as their id."""
    return value.partition("@")[0] if isinstance(value, str) else None


def _is_folded(first: str) -> bool:
    """Whether a character may be spelt otherwise in a folded text."""
    return not (first.isascii() or "가" <= first <= "힣") or not first.isalnum()


_BETWEEN_LETTERS: Final = ".-_*/"


def _squeezed(text: str) -> str:
    """A folded text in small letters, without spaces and what is put between letters to hide them."""
    text = "".join(text.casefold().split())
    for sign in _BETWEEN_LETTERS:
        if sign in text:
            text = text.replace(sign, "")
    return text


@lru_cache(maxsize=20_000)
def _digits(text: str) -> str:
    """The digits of a folded text, and what might be their words, one after another."""
    return "".join(_DIGIT_OR_WORD.findall(text)).translate(_DIGITS)


_SHORT: Final = 2
"""Letters of a name that may be anything else when something stands between them."""


def _spaced(needle: str) -> re.Pattern[str]:
    """The needle in any case, with separators inside; a Latin one only as a word of its own, not before a domain."""
    between = r"\s*" if len(needle) <= _SHORT else r"[\s.\-_*/]*"
    body = between.join(re.escape(c) for c in needle)
    before = r"(?<![A-Za-z0-9_])" if needle[0].isascii() and needle[0].isalnum() else ""
    after = r"(?![A-Za-z0-9_]|@[\w-]+\.)" if needle[-1].isascii() and needle[-1].isalnum() else ""
    return re.compile(before + body + after, re.IGNORECASE)


def _spelt_anyhow(number: str) -> re.Pattern[str]:
    """The digits with separators or as Korean words; a zero or +82 in front goes too, half of another stays."""
    front = rf"(?:\(?\+?{_SPELT['8']}{_SPELT['2']}{_BETWEEN})?(?:\(?{_SPELT['0']}{_BETWEEN})?"
    return re.compile(r"(?<!\d)" + front + _BETWEEN.join(_SPELT[d] for d in number) + r"(?!\d)")
