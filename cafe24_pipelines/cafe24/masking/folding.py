"""A copy of a text in which everything that looks alike is spelt alike, with the way back to the original.

Digits of all scripts become ASCII, wide and circled characters what they show, dashes "-", middle dots ".", spaces
" "; entities and percent codes are read; what can't be seen is left out; jamo are put together. Does not belong here:
what is personal.
"""

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

Found = tuple[int, int, str]
"""Where in a folded text something personal lies (start, end), and its placeholder."""

_ODD: Final = re.compile(
    r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]{2,8});?"
    r"|%(?:3\d|40|2[0BDEbde])"
    r"|[\u1100-\u115e\ua960-\ua97c][\u1161-\u11a7\ud7b0-\ud7c6]+[\u11a8-\u11ff\ud7cb-\ud7fb]*"
    r"|[^\t\n\r\x20-\x7e가-힣ㄱ-ㅠㅢㅣ]"
)
_PLAIN: Final = re.compile(r"[\t\n\r\x20-$'-\x7e가-힣ㄱ-ㅠㅢㅣ]*")
TAG: Final = re.compile(r"<[/!?A-Za-z][^<>]{0,300}>")
_LOOKS: Final = {
    **dict.fromkeys("‐‑‒–—―−─━ー〜∼～﹣－⁃ㅡ﹘➖⸺⸻", "-"),
    **dict.fromkeys("·ㆍ・•‧∙․。．｡･⋅", "."),
    "、": ",", "⠀": " ", **dict(zip("〇零一二三四五六七八九", "00123456789", strict=True)),
    **dict.fromkeys("\u115f\u1160\u3164\uffa0", ""),
}  # fmt: skip
_UNSEEN: Final = frozenset({"Cf", "Mn", "Me", "Cc"})


class Folded:
    """The copy, and where each of its characters and its end came from (None: from the same places)."""

    __slots__ = ("_original", "_starts", "text")

    def __init__(self, original: str, text: str, starts: list[int] | None = None) -> None:
        self._original, self.text, self._starts = original, text, starts

    def replaced(self, found: Iterable[Found]) -> str:
        """The original with parts of the copy, given in order as (start, end, new text), replaced."""
        parts: list[str] = []
        last = 0
        for first, behind, new in found:
            start, end = (first, behind) if self._starts is None else (self._starts[first], self._behind(behind))
            if start < last:  # two parts of one character, such as a circled ten
                continue
            parts += self._original[last:start], new
            last = end
        return "".join((*parts, self._original[last:]))

    def _behind(self, end: int) -> int:
        """Where the original goes on: behind the whole of an entity, and what can't be seen after it."""
        starts = self._starts or []
        while end < len(starts) - 1 and starts[end] == starts[end - 1]:
            end += 1
        return starts[end]


def fold(text: str, *, tags: bool = False) -> Folded:
    """The folded copy of a text; with `tags`, a tag of HTML is one space."""
    if not tags and _PLAIN.fullmatch(text) is not None:
        return Folded(text, text)
    pattern = _odd_or_tag() if tags else _ODD
    odd = list(pattern.finditer(text))
    if not odd:
        return Folded(text, text)
    pieces: list[str] = []
    starts: list[int] = []
    last = 0
    for match in (*odd, None):
        at = match.start() if match is not None else len(text)
        pieces.append(text[last:at])
        starts.extend(range(last, at))
        if match is not None:
            last = match.end()
            pieces.append(new := _seen(match.group()))
            starts.extend([at] * len(new))
    starts.append(len(text))
    return Folded(text, "".join(pieces), starts)


@lru_cache(maxsize=1)
def _odd_or_tag() -> re.Pattern[str]:
    return re.compile(f"{TAG.pattern}|{_ODD.pattern}")


@lru_cache(maxsize=20_000)
def _seen(odd: str) -> str:
    """What an odd piece looks like."""
    if odd[0] == "<":
        return " "
    if odd[0] == "%":
        return chr(int(odd[1:], 16))
    if odd[0] == "&" and len(odd) > 1:
        read = html.unescape(odd)
        return read if read == odd else "".join(_one(c) for c in read)
    return "".join(map(_one, unicodedata.normalize("NFC", odd)))


def _one(c: str) -> str:
    if (look := _LOOKS.get(c)) is not None:
        return look
    if " " <= c <= "~" or "가" <= c <= "힣":
        return c
    if (digit := unicodedata.digit(c, None)) is not None:
        return str(digit)
    category = unicodedata.category(c)
    if category[0] == "Z":
        return " "
    if category in _UNSEEN:
        return ""
    return "".join(_LOOKS.get(part, part) for part in unicodedata.normalize("NFKC", c)) or c
