"""Articles of the mall's boards: notices (1), questions (6) and reviews (4), as rows for SQLite.

Reviews are the generator's; notices, questions with their answers, and reviews that were deleted again are invented
here, a few with personal data in the text. Does not belong here: the rows that the API shows (`board_rows.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox.mall.moments import NEVER
from cafe24_pipelines.sandbox.mall.simulation import Shard, times
from cafe24_pipelines.sandbox.people import phones
from cafe24_pipelines.sandbox.seasons import DAY, DAYS, FINISH

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

NOTICES, REVIEWS, QUESTIONS = 1, 4, 6
Row = tuple[Any, ...]
"""board, article_no, parent, member, product, order_id, created, deleted, replied, rating, title, text, client_ip."""

_TITLES: Final = {1: "너무 실망이에요", 2: "아쉬워요", 3: "보통이에요", 4: "만족합니다", 5: "정말 좋아요"}
_ASKED: Final = (
    ("배송 문의", "주문한 상품이 언제 출발하나요?"),
    ("배송 문의", "주문번호 {order} 배송지 변경 부탁드려요. 연락처는 {phone} 입니다."),
    ("상품 문의", "민감성 피부인데 사용해도 괜찮을까요?"),
    ("교환/반품 문의", "{name}입니다. 사이즈 교환하고 싶어요."),
    ("입금 확인 요청", "방금 입금했어요. 예금주는 {name} 이에요."),
    ("재입고 문의", "품절된 상품은 언제 다시 들어오나요?"),
)
_ANSWER: Final = "안녕하세요, 고객님. 문의 주신 내용 확인했습니다. 빠르게 처리해 드리겠습니다. 감사합니다."
_NOTICE: Final = ("{month}월 무이자 할부 안내", "{month}월 카드사별 무이자 할부 혜택을 안내드립니다.")
_SPAM: Final = ("대출 상담", "저금리 대출 상담 받으세요. 지금 바로 문의!")


def article_rows(rng: np.random.Generator, shard: Shard, base: int) -> Iterator[Row]:
    """Every article that a shard's members wrote, and the shop's own with the first shard."""
    if not shard.number:
        yield from _notices()
    yield from _reviews(shard, base)
    yield from _deleted_reviews(rng, shard, base)
    yield from _questions(rng, shard, base)


def _notices() -> Iterator[Row]:
    for k, day in enumerate(range(2, DAYS, 31)):
        month = (10 + k) % 12 + 1
        at = day * DAY + 36_000
        title, text = (part.format(month=month) for part in _NOTICE)
        yield NOTICES, k + 1, None, None, None, None, at, NEVER, NEVER, 0, title, f"<p>{text}</p>", "203.0.113.1"


def _reviews(shard: Shard, base: int) -> Iterator[Row]:
    table, place = shard.reviews, {m: k + base for k, m in enumerate(shard.persons.member_id)}
    names = ("review_no", "member_id", "product_no", "order_id", "rating", "content", "client_ip")
    columns = (table.column(name).to_pylist() for name in names)
    for (no, member, product, order, rating, text, ip), at in zip(
        zip(*columns, strict=True), times(table.column("created_at")).tolist(), strict=True
    ):
        number = int(no) + shard.number * 50_000
        yield (REVIEWS, number, None, place[member], int(product), order, at, NEVER, NEVER, rating, _TITLES[rating],
               text, ip)  # fmt: skip


def _deleted_reviews(rng: np.random.Generator, shard: Shard, base: int) -> Iterator[Row]:
    """Advertising that the shop took down after some hours or days."""
    size = shard.tier.size
    for k in range(max(2, size // 200)):
        at = int(rng.integers(30 * DAY, FINISH - 12 * DAY))
        gone = at + int(rng.integers(3600, 10 * DAY))
        member, product = base + int(rng.integers(0, size)), 1001 + int(rng.integers(0, 121))
        title, text = _SPAM
        yield (REVIEWS, 40_001 + k + shard.number * 50_000, None, member, product, None, at, gone, NEVER, 5, title,
               text, "203.0.113.9")  # fmt: skip


def _questions(rng: np.random.Generator, shard: Shard, base: int) -> Iterator[Row]:
    """Questions about some orders, and the shop's answers, numbered together in time."""
    import numpy as np

    orders = shard.orders
    asked = np.flatnonzero((orders.member >= 0) & (rng.random(orders.at.size) < 0.03))
    at = orders.at[asked] + rng.integers(3600, 3 * DAY, asked.size)
    asked, at = asked[at < FINISH], at[at < FINISH]
    replied = at + rng.integers(1800, 2 * DAY, at.size)
    replied = np.where((rng.random(at.size) < 0.9) & (replied < FINISH), replied, NEVER)
    number = np.argsort(np.argsort(np.concatenate([at, replied]), kind="stable")) + 1 + shard.number * 50_000
    kinds = rng.integers(0, len(_ASKED), at.size).tolist()
    columns = zip(asked.tolist(), at.tolist(), replied.tolist(), kinds, phones(rng, at.size), strict=True)
    first = np.searchsorted(orders.lines.order, asked)
    for k, (order, when, answer, kind, phone) in enumerate(columns):
        title, text = _ASKED[kind]
        member = int(orders.member[order])
        content = text.format(order=shard.ids[order], phone=phone, name=shard.persons.name[member])
        no, product = int(number[k]), 1001 + int(orders.lines.product[first[k]])
        yield (QUESTIONS, no, None, member + base, product, shard.ids[order], when, NEVER, answer, 0, title,
               f"<p>{content}</p>", f"203.0.113.{k % 250 + 1}")  # fmt: skip
        if answer < NEVER:
            yield (QUESTIONS, int(number[at.size + k]), no, None, product, None, answer, NEVER, NEVER, 0,
                   f"Re: {title}", f"<p>{_ANSWER}</p>", "203.0.113.1")  # fmt: skip
