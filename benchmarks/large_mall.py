"""A deterministic lake of any size, shaped like a real mall's: what the graph's benchmarks and proofs load.

A million orders come with 300,000 members (a third never bought, a few bought hundreds of times), two million order
lines over 5,000 products of which a few sell most, coupons, their issues and reviews. Amounts are whole won, so that
sums are exact in whatever order they are made. Orders are drawn and landed a slice at a time: memory is bounded by
what landing takes, not by the drawing.

Does not belong here: truth to be found by detectors (see `cafe24_pipelines/sandbox/`), or personal data of any kind.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from cafe24_pipelines.stores.lake import MallLake

SLICE: Final = 250_000
"""Orders drawn and landed at a time."""
START: Final = int(datetime(2023, 7, 1, tzinfo=UTC).timestamp())
SPAN: Final = 3 * 365 * 86_400
"""Seconds from the first order to the last."""
CATEGORIES, ROOTS, GROUPS = 100, 10, ("일반", "실버", "골드", "VIP", "VVIP")
STATUSES: Final = {
    "confirmed": 0.62, "delivered": 0.18, "shipping": 0.04, "paid": 0.03, "unpaid": 0.03, "cancelled": 0.05,
    "returned": 0.04, "exchanged": 0.01,
}  # fmt: skip
GUESTS, COUPON_USERS, REVIEWERS = 0.05, 0.15, 0.1
"""Shares: guests' orders; members' orders with a coupon; members' orders that arrived and have a review."""
MOST_LINES: Final = 12
REGIONS: Final = ("서울", "경기", "부산", "대구", "인천", "광주", "대전", "제주")
WORDS: Final = ("잘 받았습니다", "배송이 빨라요", "색이 사진과 같아요", "조금 작아요", "다시 살게요")
API: Final = {"orders": "order", "customers": "customer", "products": "product", "categories": "category"}
"""Endpoints that are documented, with their scopes."""


@dataclass(frozen=True)
class Sizes:
    """How many rows of each table a mall with so many orders has."""

    orders: int
    customers: int
    products: int
    coupons: int

    @classmethod
    def of(cls, orders: int) -> "Sizes":
        """Members grow with orders; what a shop offers grows more slowly."""
        root = math.sqrt(orders)
        return cls(orders, max(1, round(0.3 * orders)), round(5 * root), max(3, round(root / 10)))


@dataclass(frozen=True)
class _Mall:
    """What every slice of orders draws from: how likely each member and product is, prices, product numbers."""

    sizes: Sizes
    seed: int
    members: "npt.NDArray[np.float64]"
    popular: "npt.NDArray[np.float64]"
    prices: "npt.NDArray[np.int32]"

    def rng(self, stream: int) -> "np.random.Generator":
        """A stream of its own for each slice (and 0 for what there is once)."""
        import numpy as np

        return np.random.default_rng([self.seed, stream])


def large_mall(lake: "MallLake", orders: int, seed: int = 1) -> None:
    """Land a mall with so many orders; the same arguments land the same rows, and landing them again writes nothing.

    Args:
        lake: where to.
        orders: how many, at least 1; two order lines and 0.3 members for each.
        seed: another one draws another mall of the same shape.
    """
    for part in large_tables(orders, seed):
        for name, rows in part.items():
            lake.land(name, rows)


def large_tables(orders: int, seed: int = 1) -> "Iterator[dict[str, pa.Table]]":
    """The tables that `large_mall` lands: what doesn't grow by slices, then a slice of orders at a time."""
    mall = _mall(Sizes.of(orders), seed)
    yield _shop(mall)
    for number, first in enumerate(range(0, orders, SLICE), 1):
        yield _slice(mall, number, first, min(orders, first + SLICE))


def returned(lake: "MallLake", share: float, turn: int) -> int:
    """Make `share` of all orders returned ones, others at each turn, as days do; returns how many."""
    import numpy as np
    import pyarrow as pa

    every = round(1 / share)
    rows = lake.read("orders")
    rows = rows.take(pa.array(np.arange(turn % every, rows.num_rows, every)))
    place = rows.schema.get_field_index("status")
    lake.land("orders", rows.set_column(place, "status", pa.array(["returned"] * rows.num_rows)))
    return rows.num_rows


# -- inside --------------------------------------------------------------------------------------------------


def _mall(sizes: Sizes, seed: int) -> _Mall:
    import numpy as np

    rng = np.random.default_rng([seed, 0])
    members = np.exp(1.3 * rng.standard_normal(sizes.customers))  # a heavy tail: the best buys hundreds of times
    popular = (np.arange(sizes.products) + 4.0) ** -0.9  # the best-seller is in one line of forty
    prices = (100 * np.clip(np.exp(5.3 + 0.9 * rng.standard_normal(sizes.products)), 10, 3000).round()).astype("i4")
    return _Mall(sizes, seed, members.cumsum() / members.sum(), popular.cumsum() / popular.sum(), prices)


def _shop(mall: _Mall) -> dict[str, "pa.Table"]:
    """The tables that don't grow by slices: documents, groups, categories, products, members, coupons."""
    import pyarrow as pa

    categories = range(1, CATEGORIES + 1)
    return {
        "documents": pa.Table.from_pylist(_documents()),
        "customer_groups": pa.table(
            {"group_no": [str(i + 1) for i in range(len(GROUPS))], "group_name": list(GROUPS)}
        ),
        "categories": pa.table(
            {
                "category_no": [str(c) for c in categories],
                "category_name": [f"분류 {c}" for c in categories],
                "parent_category_no": [None if c <= ROOTS else str((c - 1) % ROOTS + 1) for c in categories],
            }
        ),
        "products": _products(mall),
        "customers": _customers(mall),
        "coupons": _coupons(mall.sizes.coupons),
    }


def _documents() -> list[dict[str, str]]:
    """A few endpoints, so that questions about the API have an answer."""
    return [
        {
            "document_id": f"{method} /api/v2/admin/{name}", "collection": "cafe24_api_docs", "kind": "endpoint",
            "title": name, "body": f"{method} {name}", "language": "ko", "source": "made for a benchmark",
            "resource": name, "method": method, "path": f"/api/v2/admin/{name}", "scope": f"mall.{access}_{scope}",
        }
        for name, scope in API.items()
        for method, access in (("GET", "read"), ("POST", "write"))
    ]  # fmt: skip


def _products(mall: _Mall) -> "pa.Table":
    import numpy as np
    import pyarrow as pa

    rng, n = mall.rng(-1 % 2**32), mall.sizes.products
    category = _category(np.arange(n))
    return pa.table(
        {
            "product_no": _text(np.arange(n) + 1),
            "product_name": _joined("상품 ", _text(np.arange(n) + 1)),
            "category_no": _text(category),
            "category": _joined("분류 ", _text(category)),
            "price": mall.prices,
            "currency": ["KRW"] * n,
            "created_at": _times(START - rng.integers(0, SPAN, n)),
            "selling": rng.random(n) < 0.9,
            "stock_quantity": rng.integers(0, 500, n),
        }
    )


def _customers(mall: _Mall) -> "pa.Table":
    import numpy as np
    import pyarrow as pa

    rng, n = mall.rng(-2 % 2**32), mall.sizes.customers
    return pa.table(
        {
            "member_key": _member_keys(np.arange(n)),
            "created_at": _times(START - rng.integers(0, SPAN, n)),
            "group_no": _text(1 + np.minimum(rng.geometric(0.5, n) - 1, len(GROUPS) - 1)),
            "gender": pa.array(["F", "M", None]).take(pa.array(rng.choice(3, n, p=(0.6, 0.3, 0.1)))),
            "region": pa.array(REGIONS).take(pa.array(rng.integers(0, len(REGIONS), n))),
            "accepts_sms": rng.random(n) < 0.5,
            "accepts_email": rng.random(n) < 0.4,
            "last_login_at": _times(START + rng.integers(0, SPAN, n)),
        }
    )


def _coupons(n: int) -> "pa.Table":
    import numpy as np
    import pyarrow as pa

    return pa.table(
        {
            "coupon_no": _coupon_numbers(np.arange(n)),
            "coupon_name": [f"쿠폰 {i + 1}" for i in range(n)],
            "benefit_type": ["amount"] * n,
            "benefit_value": np.full(n, 1000, "i4"),
            "available_from": _times(np.full(n, START)),
            "available_to": _times(np.full(n, START + SPAN)),
        }
    )


def _slice(mall: _Mall, stream: int, first: int, last: int) -> dict[str, "pa.Table"]:
    """Orders `first` to `last` (left out) with their lines, issued coupons and reviews."""
    import numpy as np
    import pyarrow as pa

    rng, n = mall.rng(stream), last - first
    number = np.arange(first, last)
    at = START + ((number + rng.random(n)) * (SPAN / mall.sizes.orders)).astype("i8")
    member = np.where(rng.random(n) < GUESTS, -1, np.searchsorted(mall.members, rng.random(n)))
    coupon = np.where((member >= 0) & (rng.random(n) < COUPON_USERS), rng.integers(0, mall.sizes.coupons, n), -1)
    status = rng.choice(len(STATUSES), n, p=list(STATUSES.values()))
    ids = _order_ids(at, number)
    lines = np.minimum(rng.geometric(0.5, n), MOST_LINES)
    items, amounts, product = _items(mall, rng, ids, lines)
    discount = np.where(coupon >= 0, np.minimum(1000, amounts), 0).astype("i4")
    fee = np.where(amounts < 50_000, 3000, 0).astype("i4")
    arrived = np.isin(status, [list(STATUSES).index(s) for s in ("confirmed", "delivered", "returned", "exchanged")])
    orders = pa.table(
        {
            "order_id": ids,
            "member_key": _masked(_member_keys(np.maximum(member, 0)), member >= 0),
            "ordered_at": _times(at),
            "status": pa.array(list(STATUSES)).take(pa.array(status)),
            "paid_amount": amounts - discount + fee,
            "currency": pa.array(["KRW"]).take(pa.array(np.zeros(n, "i4"))),
            "discount_amount": discount,
            "shipping_fee": fee,
            "coupon_no": _masked(_coupon_numbers(np.maximum(coupon, 0)), coupon >= 0),
            "delivered_at": _masked(_times(at + rng.integers(86_400, 5 * 86_400, n)), arrived),
            "country": pa.array(["KR"]).take(pa.array(np.zeros(n, "i4"))),
        }
    )
    first_line = np.concatenate([[0], lines.cumsum()[:-1]])
    reviewed = np.flatnonzero((member >= 0) & arrived & (rng.random(n) < REVIEWERS))
    return {
        "orders": orders,
        "order_items": items,
        "coupon_issues": _issues(mall, rng, orders, number, coupon),
        "reviews": _reviews(rng, orders, number, product[first_line], reviewed),
    }


def _items(
    mall: _Mall, rng: "np.random.Generator", ids: "pa.Array", lines: "npt.NDArray[np.int64]"
) -> tuple["pa.Table", "npt.NDArray[np.int32]", "npt.NDArray[np.int64]"]:
    """Lines of orders, what each order's lines cost together, and the product of each line."""
    import numpy as np
    import pyarrow as pa

    order = np.repeat(np.arange(lines.size), lines)
    n = order.size
    product = np.searchsorted(mall.popular, rng.random(n))
    quantity = np.minimum(rng.geometric(0.8, n), 3)
    amount = (mall.prices[product] * quantity).astype("i4")
    category = _category(product)
    rows = pa.table(
        {
            "order_id": ids.take(pa.array(order)),
            "line_no": np.arange(n) - np.repeat(lines.cumsum() - lines, lines) + 1,
            "product_no": _text(product + 1),
            "product_name": _joined("상품 ", _text(product + 1)),
            "category": _joined("분류 ", _text(category)),
            "quantity": quantity,
            "unit_price": mall.prices[product],
            "amount": amount,
            "currency": pa.array(["KRW"]).take(pa.array(np.zeros(n, "i4"))),
            "status": pa.nulls(n, pa.string()),
        }
    )
    return rows, np.bincount(order, amount, lines.size).astype("i4"), product


def _issues(
    mall: _Mall,
    rng: "np.random.Generator",
    orders: "pa.Table",
    number: "npt.NDArray[np.int64]",
    coupon: "npt.NDArray[np.int64]",
) -> "pa.Table":
    """An issue for each coupon that was used, and as many that nobody used."""
    import numpy as np
    import pyarrow as pa

    used = np.flatnonzero(coupon >= 0)
    n = used.size
    at = orders["ordered_at"].to_numpy().astype("datetime64[s]").astype("i8")[used]
    others = np.searchsorted(mall.members, rng.random(n))
    names = _text(number[used])
    keys = orders["member_key"].combine_chunks().take(pa.array(used))
    return pa.table(
        {
            "issue_no": pa.concat_arrays([_joined("u", names), _joined("n", names)]),
            "coupon_no": _coupon_numbers(np.concatenate([coupon[used], rng.integers(0, mall.sizes.coupons, n)])),
            "member_key": pa.concat_arrays([keys, _member_keys(others)]),
            "issued_at": _times(np.concatenate([at - 86_400, at])),
            "used_at": _masked(_times(np.concatenate([at, at])), np.arange(2 * n) < n),
            "used_order_id": pa.concat_arrays(
                [orders["order_id"].combine_chunks().take(pa.array(used)), pa.nulls(n, pa.string())]
            ),
        }
    )


def _reviews(
    rng: "np.random.Generator",
    orders: "pa.Table",
    number: "npt.NDArray[np.int64]",
    product: "npt.NDArray[np.int64]",
    reviewed: "npt.NDArray[np.int64]",
) -> "pa.Table":
    """A review of the first line's product for each of these orders."""
    import pyarrow as pa

    taken = orders.take(pa.array(reviewed))
    n = taken.num_rows
    at = taken["ordered_at"].to_numpy().astype("datetime64[s]").astype("i8")
    return pa.table(
        {
            "review_no": _text(number[reviewed] + 1),
            "product_no": _text(product[reviewed] + 1),
            "member_key": taken["member_key"],
            "order_id": taken["order_id"],
            "rating": 1 + rng.choice(5, n, p=(0.04, 0.06, 0.15, 0.25, 0.5)),
            "content": pa.array(WORDS).take(pa.array(rng.integers(0, len(WORDS), n))),
            "created_at": _times(at + rng.integers(86_400, 20 * 86_400, n)),
        }
    )


def _category(product: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
    """The category of a product, never a root."""
    return ROOTS + 1 + product * 7 % (CATEGORIES - ROOTS)


def _member_keys(number: "npt.NDArray[np.int64]") -> "pa.Array":
    """Keys without order, as hashes have none: numbers times an odd constant, so that none comes twice."""
    import numpy as np

    return _text(number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def _coupon_numbers(number: "npt.NDArray[np.int64]") -> "pa.Array":
    return _text(6_000_000_000_000_000_000 + number)


def _order_ids(at: "npt.NDArray[np.int64]", number: "npt.NDArray[np.int64]") -> "pa.Array":
    """Cafe24's form, a date and seven digits; these count on through all days."""
    import pyarrow.compute as pc

    day = pc.strftime(_times(at + 9 * 3600), "%Y%m%d")  # the date in Seoul
    return pc.binary_join_element_wise(day, pc.utf8_lpad(_text(number + 1), 7, "0"), "-")


def _text(numbers: Any) -> "pa.Array":
    import pyarrow as pa

    return pa.array(numbers).cast(pa.string())


def _joined(head: str, tail: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(pa.scalar(head), tail, "")


def _times(seconds: "npt.NDArray[np.int64]") -> "pa.Array":
    import pyarrow as pa

    return pa.array(seconds * 1_000_000).cast(pa.timestamp("us", tz="UTC"))


def _masked(values: "pa.Array", kept: "npt.NDArray[np.bool_]") -> "pa.Array":
    """The values where `kept`, else null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(kept), values, pa.scalar(None, values.type))
