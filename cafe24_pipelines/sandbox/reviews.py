"""The sandbox's reviews: which delivered orders were reviewed, by whom, and in which words.

Stars are the opinion that already shaped the buyer's history; words follow from the stars, the product and how
long the parcel took. A few reviews hold a telephone number, a mail address, or a sentence that tries to give
orders to a reader, so that masking and inertness can be proven. Does not belong here: the phrases themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.baskets import EXCHANGED, RETURNED
from cafe24_pipelines.sandbox.catalog import index_of, products
from cafe24_pipelines.sandbox.histories import Orders
from cafe24_pipelines.sandbox.people import Persons, phones
from cafe24_pipelines.sandbox.phrases import CLOSERS, OPENERS, PHRASES, TOPICS_OF, WITH_MAIL, WITH_PHONE
from cafe24_pipelines.sandbox.seasons import DAY, FINISH, typed

if TYPE_CHECKING:
    import numpy as np

_REVIEWED_SHARE: Final = 0.36
_PERSONAL_SHARE: Final = 0.008  # of reviews hold a telephone number, and as many a mail address
_SENTENCES: Final = (0.35, 0.35, 0.2, 0.1)  # reviews of one to four sentences about the product


def review_table(rng: np.random.Generator, orders: Orders, who: Persons, ids: Any) -> Any:
    """The `reviews` table: at most one an order, by its member, after delivery and before the end."""
    import numpy as np
    import pyarrow as pa

    parcels = orders.parcels
    at = parcels.delivered + ((0.1 + rng.exponential(4, orders.at.size)) * DAY).astype(np.int64)
    chosen = rng.random(orders.at.size) < _REVIEWED_SHARE
    order = np.flatnonzero(chosen & (orders.member >= 0) & parcels.arrived & (at < FINISH))
    order = order[np.argsort(at[order], kind="stable")]
    product = _reviewed_product(orders)[order]
    rating = parcels.rating[order]
    late = parcels.delivered[order] - orders.at[order] >= truth.LATE_DAYS * DAY
    sent_back = np.isin(parcels.status[order], (RETURNED, EXCHANGED))
    texts = _texts(rng, product.tolist(), rating.tolist(), late.tolist(), sent_back.tolist())
    _slip_in(rng, texts)
    goods, member = pa.array([p.no for p in products()]), pa.array(orders.member[order])
    return typed(
        "reviews",
        {
            "review_no": [str(k) for k in range(1, order.size + 1)],
            "product_no": goods.take(pa.array(product)),
            "member_id": pa.array(who.member_id).take(member),
            "order_id": ids.take(pa.array(order)),
            "rating": rating,
            "content": texts,
            "created_at": at[order],
            "writer": pa.array(who.name).take(member),
            "writer_email": pa.array(who.email).take(member),
            "client_ip": [f"203.0.113.{k}" for k in rng.integers(1, 255, order.size).tolist()],
        },
    )


def _reviewed_product(orders: Orders) -> np.ndarray:
    """What a review of each order is about: the fragile product if it is there, else the first line's."""
    import numpy as np

    lines = orders.lines
    product = lines.product[np.searchsorted(lines.order, np.arange(orders.at.size))]
    broken = lines.has(index_of(truth.FRAGILE), orders.at.size)
    return np.where(broken, index_of(truth.FRAGILE), product)


def _texts(
    rng: np.random.Generator, product: list[int], rating: list[int], late: list[bool], sent_back: list[bool]
) -> list[str]:
    """One text for each review: openers and closers come and go, sentences never repeat within a text."""
    goods, fragile = products(), index_of(truth.FRAGILE)
    counts = (1 + rng.choice(4, len(product), p=_SENTENCES)).tolist()
    draws = rng.random((len(product), 10)).tolist()
    texts = []
    for item, stars, slow, back, count, u in zip(product, rating, late, sent_back, counts, draws, strict=True):
        topics = list(TOPICS_OF.get(goods[item].category, ("품질", "가격", "배송", "포장", "재구매")))
        mood = "bad" if stars <= 2 else "fair" if stars == 3 else "good"
        start = int(u[0] * len(topics))
        topics = topics[start:] + topics[:start]
        if mood != "good":
            topics = (
                ["포장"] * (item == fragile) + ["배송"] * slow + ["사이즈"] * (back and "사이즈" in topics) + topics
            )
        topics = list(dict.fromkeys(topics))[:count]
        words = [_one_of(PHRASES[topic][mood], u[2 + k]) for k, topic in enumerate(topics)]
        if u[1] < 0.45:
            words.insert(0, _one_of(OPENERS[mood], u[7]).format(name=goods[item].name))
        if u[8] < 0.35:
            words.append(_one_of(CLOSERS[mood], u[9]))
        texts.append(" ".join(words))
    return texts


def _one_of(options: tuple[str, ...], draw: float) -> str:
    return options[int(draw * len(options))]


def _slip_in(rng: np.random.Generator, texts: list[str]) -> None:
    """Add personal data to some texts and the planted injections to two; even a tiny shop has one of each."""
    each = max(1, round(_PERSONAL_SHARE * len(texts)))
    spots = rng.permutation(len(texts)).tolist()
    for k, number in zip(spots[:each], phones(rng, each), strict=False):
        texts[k] += " " + _one_of(WITH_PHONE, rng.random()).format(phone=number)
    for k, n in zip(spots[each : 2 * each], rng.integers(100, 999, each).tolist(), strict=False):
        texts[k] += " " + _one_of(WITH_MAIL, rng.random()).format(mail=f"review{n}@example.com")
    for k, sentence in zip(spots[2 * each :], truth.INJECTIONS, strict=False):
        texts[k] += " " + sentence
