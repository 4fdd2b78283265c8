"""How people type: the same question plain, in chat, run together or with slips of the finger. Seeded.

Names of products, coupons, orders and members and all digits stay as they are: what is asked must not change. Does
not belong here: what is asked.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

STYLES: Final = ("plain", "chatty", "run_together", "typo")
_WEIGHTS: Final = (50, 25, 10, 15)
_BEFORE: Final = (
    "혹시 ", "저기 ", "사장님이 물어보시는데 ", "급한데 ", "음.. ", "안녕하세요~ ", "하나만 물어볼게요, ",
)  # fmt: skip
_AFTER: Final = ("", " ㅎㅎ", " 부탁드려요", " 감사합니다", " 빨리요", " ㅠㅠ")
_SLIPS: Final = (
    ("매출", "매츌"), ("주문", "주믄"), ("고객", "고갱"), ("쿠폰", "쿠펀"), ("리뷰", "리부"), ("회원", "회언"),
    ("상품", "상픔"), ("카테고리", "카태고리"), ("재고", "제고"), ("평균", "평귬"), ("등급", "등긊"),
    ("권한", "권환"), ("취소", "췌소"), ("반품", "반풍"), ("가져오", "가저오"), ("필요해", "필요헤"), ("몇", "몃"),
    ("판매", "판메"), ("배송", "베송"), ("조회", "조화"), ("발급", "발금"), ("별점", "별쩜"), ("알려", "알려려"),
)  # fmt: skip


def styled(text: str, kept: Iterable[str], draw: "Random") -> tuple[str, str]:
    """The text in a drawn style, and that style; `kept` are the parts that must stay as they are."""
    style = draw.choices(STYLES, _WEIGHTS)[0]
    if style == "plain":
        return text, style
    if style == "chatty":
        return draw.choice(_BEFORE) + text + draw.choice(_AFTER), style
    whole, parts = _shielded(text, kept)
    changed = _joined(whole) if style == "run_together" else _slipped(whole, draw)
    result = _restored(changed, parts)
    return (result, style) if result != text else (text, "plain")


def _joined(text: str) -> str:
    """Without blanks, but for those that keep two pieces of Latin or digits apart."""
    return re.sub(r"(?<![A-Za-z0-9/}])\s|\s(?![A-Za-z0-9/{])", "", text)


def _slipped(text: str, draw: "Random") -> str:
    possible = [(right, wrong) for right, wrong in _SLIPS if right in text]
    if not possible:
        return text
    right, wrong = draw.choice(possible)
    return text.replace(right, wrong, 1)


def _shielded(text: str, kept: Iterable[str]) -> tuple[str, list[str]]:
    """The text with what must stay replaced by marks that no style touches."""
    parts = sorted({k for k in kept if k and k in text}, key=len, reverse=True)
    for i, part in enumerate(parts):
        text = text.replace(part, f"\x00{i}\x01")
    return text, parts


def _restored(text: str, parts: list[str]) -> str:
    for i, part in enumerate(parts):
        text = text.replace(f"\x00{i}\x01", part)
    return text
