"""What the mall has beside the generator's shop: order forms and members that were deleted before the end, the
English shop's orders, a busy day, and members imported all at once.

None of it changes what is there at the end of shop 1, except the last two, which a build asks for. Does not belong
here: how orders are written (`writing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox import seasons
from cafe24_pipelines.sandbox.baskets import UNPAID, Lines, Parcels, draw_lines, fulfil
from cafe24_pipelines.sandbox.catalog import Shelf, products
from cafe24_pipelines.sandbox.histories import Orders
from cafe24_pipelines.sandbox.mall.moments import KST, NEVER, seconds
from cafe24_pipelines.sandbox.mall.simulation import Shard, numbered
from cafe24_pipelines.sandbox.mall.wares import english_range, wares
from cafe24_pipelines.sandbox.people import draw_persons
from cafe24_pipelines.sandbox.seasons import DAY, FINISH, dice

if TYPE_CHECKING:
    import numpy as np

BUSY_DAY: Final = datetime(2026, 10, 15, 20, tzinfo=KST)
"""A live-commerce sale begins; the extra orders of a build fall into its two hours."""
IMPORTED: Final = datetime(2026, 9, 1, 3, 30, tzinfo=KST)
"""The second in which a build's imported members all joined."""


@dataclass(frozen=True)
class Sale:
    """Orders to be written. Members are positions in the shard, -1 for a guest; `guests` has a row for each guest."""

    shop: int
    ids: list[str]
    orders: Orders
    unit: np.ndarray  # price of each line in the shop's smallest unit
    coupon: np.ndarray
    discount: np.ndarray
    shipping: np.ndarray
    deleted: np.ndarray
    guests: list[tuple[Any, ...]]  # name, email, cellphone, zipcode, address
    receivers: list[str | None]
    messages: list[str]


def own_sale(shard: Shard) -> Sale:
    """The generator's orders."""
    import numpy as np

    rows, orders = shard.order_rows, shard.orders
    columns = ("buyer_name", "buyer_email", "buyer_cellphone", "buyer_zipcode", "buyer_address1")
    guest = (orders.member < 0).tolist()
    people = zip(*(rows.column(name).to_pylist() for name in columns), strict=True)
    buyers = rows.column("buyer_name").to_pylist()
    receivers = rows.column("receiver_name").to_pylist()
    return Sale(
        1, shard.ids, orders, np.array([p.price for p in products()])[orders.lines.product], shard.coupon,
        shard.money.discount, shard.money.shipping, np.full(orders.at.size, NEVER),
        [person for person, mark in zip(people, guest, strict=True) if mark],
        [None if to == buyer else to for to, buyer in zip(receivers, buyers, strict=True)],
        rows.column("shipping_message").to_pylist(),
    )  # fmt: skip


def other_sales(shard: Shard, *, shops: int, busy_day: int) -> list[Sale]:
    """Everything else that was ordered in this shard."""
    sales = [_deleted_forms(shard)]
    if shops > 1:
        sales.append(_english_shop(shard))
    if busy_day and not shard.number:
        sales.append(_busy_day(shard, busy_day))
    return sales


def left_members(shard: Shard) -> list[tuple[Any, ...]]:
    """Members who left before the end: (member_id, joined, left, person), some joined in the same second."""
    rng = dice(shard.seed, "mall leavers")
    count = max(4, shard.tier.size // 100)
    who = draw_persons(rng, count)
    joined = rng.integers(DAY, FINISH - 200 * DAY, (count + 3) // 4).repeat(4)[:count]
    left = joined + rng.integers(5 * DAY, 150 * DAY, count)
    return _people(who, [f"away{shard.number:02d}{k:05d}" for k in range(count)], joined.tolist(), left.tolist())


def imported_members(seed: int, count: int) -> list[tuple[Any, ...]]:
    """Members of an offline shop, all imported in the second `IMPORTED`; they never ordered."""
    who = draw_persons(dice(seed, "mall imports"), count)
    at = seconds(IMPORTED)
    return _people(who, [f"offline{k:07d}" for k in range(count)], [at] * count, [NEVER] * count)


def _people(who: Any, ids: list[str], joined: list[int], left: list[int]) -> list[tuple[Any, ...]]:
    births = [day.isoformat() for day in who.birthday]
    return list(
        zip(ids, who.name, [f"{k}@example.com" for k in ids], who.cellphone, who.zipcode, who.address, joined, left,
            who.gender, births, strict=True)
    )  # fmt: skip


def _deleted_forms(shard: Shard) -> Sale:
    """Order forms that were never paid and that the shop deleted some days later."""
    import numpy as np

    rng = dice(shard.seed, "mall deleted forms")
    count = max(3, shard.orders.at.size // 400)
    at = np.sort(rng.integers(DAY, FINISH - 25 * DAY, count))
    orders = _drawn(rng, at, np.full(count, -1))
    unpaid = Parcels(np.full(count, UNPAID), np.full(count, seasons.NEVER), orders.parcels.rating)
    orders = Orders(orders.member, at, orders.reason, unpaid, orders.lines, orders.issued_member, orders.issued_at)
    sale = _plain_sale(rng, 1, orders, 900_011 + shard.number * 100)
    sale.deleted[:] = at + rng.integers(DAY // 2, 20 * DAY, count)
    return sale


def _english_shop(shard: Shard) -> Sale:
    """About three orders in a hundred of the shop's own, half of them by members."""
    import numpy as np

    rng = dice(shard.seed, "mall english")
    count = max(5, shard.orders.at.size * 3 // 100)
    member = np.where(rng.random(count) < 0.5, rng.integers(0, shard.tier.size, count), -1)
    since = np.where(member >= 0, shard.members.joined[member], 0)
    at = (since + rng.random(count) * (FINISH - since)).astype(np.int64).clip(0, FINISH - 1)
    rank = np.argsort(at, kind="stable")
    orders = _drawn(rng, at[rank], member[rank])
    lines, sold = orders.lines, np.array(english_range())
    product = sold[lines.product % sold.size]
    _, kept = np.unique(lines.order * 1000 + product, return_index=True)
    kept.sort()
    lines = Lines(lines.order[kept], product[kept], lines.quantity[kept])
    orders = Orders(orders.member, orders.at, orders.reason, orders.parcels, lines, *[np.empty(0, np.int64)] * 2)
    return _plain_sale(rng, 2, orders, 800_011 + shard.number * 500)


def _busy_day(shard: Shard, count: int) -> Sale:
    import numpy as np

    rng = dice(shard.seed, "mall busy day")
    at = np.sort(seconds(BUSY_DAY) + (7200 * rng.beta(1.2, 3, count)).astype(np.int64))
    known = np.flatnonzero(shard.members.joined < seconds(BUSY_DAY))
    member = np.where(rng.random(count) < 0.7, rng.choice(known, count), -1)
    return _plain_sale(rng, 1, _drawn(rng, at, member), 1_000_011)


def _drawn(rng: np.random.Generator, at: np.ndarray, member: np.ndarray) -> Orders:
    import numpy as np

    nothing = np.full(at.size, -1)
    lines = draw_lines(rng, Shelf(), at, nothing, first=False, extra=np.full(at.size, 0.7))
    none = np.empty(0, np.int64)
    return Orders(member, at, np.zeros(at.size, np.int64), fulfil(rng, at, lines), lines, none, none)


def _plain_sale(rng: np.random.Generator, shop: int, orders: Orders, begin: int) -> Sale:
    """A sale without coupons; guests are people of their own."""
    import numpy as np

    goods, lines, size = wares(), orders.lines, orders.at.size
    price = np.array([w.dollars if shop == 2 else w.price for w in goods])
    unit = price[lines.product]
    total = np.bincount(lines.order, weights=unit * lines.quantity, minlength=size).astype(np.int64)
    fee, free = (900, 6000) if shop == 2 else (3000, 30_000)
    guests = draw_persons(rng, int((orders.member < 0).sum()))
    people = zip(guests.name, guests.email, guests.cellphone, guests.zipcode, guests.address, strict=True)
    return Sale(
        shop, numbered(orders.at, begin), orders, unit, np.full(size, -1), np.zeros(size, np.int64),
        np.where(total < free, fee, 0), np.full(size, NEVER), list(people), [None] * size, [""] * size,
    )  # fmt: skip
