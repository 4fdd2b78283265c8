"""What follows from a shard's simulation: carts and wish lists, points and credits, log-ins and promotions.

Arrays in, rows for SQLite out; `person` is a member's position in the shard plus `base`. Does not belong here:
anything that is invented beside the simulation (`extras.py`), boards (`boards.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.baskets import CANCELLED, CONFIRMED, RETURNED, UNPAID
from cafe24_pipelines.sandbox.behaviour import CART, VIEW
from cafe24_pipelines.sandbox.mall.moments import NEVER
from cafe24_pipelines.sandbox.mall.simulation import Shard, times
from cafe24_pipelines.sandbox.mall.wares import variant_of, wares
from cafe24_pipelines.sandbox.seasons import DAY, FINISH

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

_JOIN_POINTS: Final = 1000
_WISHED: Final = 0.03  # of members' views
_CREDIT: Final = 3000


def cart_rows(shard: Shard, base: int) -> Iterator[tuple[int, ...]]:
    """A row from the first time a member put a product in the cart until the member orders it, if ever."""
    import numpy as np

    events, orders = shard.events, shard.orders
    put = (events.kind == CART) & (events.member >= 0)
    line_member = orders.member[orders.lines.order]
    own = line_member >= 0
    member = np.concatenate([events.member[put], line_member[own]])
    product = np.concatenate([events.product[put], orders.lines.product[own]])
    at = np.concatenate([events.at[put], orders.at[orders.lines.order][own]])
    ordered = np.repeat([0, 1], [int(put.sum()), int(own.sum())])
    rank = np.lexsort((ordered, at, product, member))
    member, product, at, ordered = member[rank], product[rank], at[rank], ordered[rank]
    begins = np.append(True, (member[1:] != member[:-1]) | (product[1:] != product[:-1]) | (ordered[:-1] == 1))
    heads = np.flatnonzero(begins)
    last = np.append(heads[1:], at.size) - 1
    opened = np.where(ordered[heads] == 0, at[heads], NEVER)
    closed = np.where(ordered[last] == 1, at[last], NEVER)
    real = opened < NEVER
    heads, opened, closed = heads[real], opened[real], closed[real]
    rank = np.lexsort((member[heads], opened))
    goods = wares()
    columns = (member[heads][rank], product[heads][rank], opened[rank], closed[rank])
    for who, what, begin, end in zip(*(c.tolist() for c in columns), strict=True):
        yield who + base, what, variant_of(begin, goods[what]), 1 + begin % 11 // 9, begin, end


def wish_rows(rng: np.random.Generator, shard: Shard, base: int) -> Iterator[tuple[int, ...]]:
    """Some viewed products are kept on the wish list; a quarter of them are taken off again."""
    import numpy as np

    events = shard.events
    seen = np.flatnonzero((events.kind == VIEW) & (events.member >= 0))
    seen = seen[rng.random(seen.size) < _WISHED]
    key = events.member[seen] * 1000 + events.product[seen]
    _, first = np.unique(key, return_index=True)
    seen = np.sort(seen[first])
    gone = rng.random(seen.size) < 0.25
    closed = np.where(gone, events.at[seen] + rng.integers(DAY, 60 * DAY, seen.size), NEVER)
    goods = wares()
    columns = (events.member[seen], events.product[seen], events.at[seen], closed)
    for who, what, begin, end in zip(*(c.tolist() for c in columns), strict=True):
        yield who + base, what, variant_of(begin, goods[what]), begin, end


def point_rows(shard: Shard, stamps: dict[str, np.ndarray], goods: np.ndarray, base: int) -> list[tuple[Any, ...]]:
    """Points with running totals: joining, confirmed purchases, review rewards, returns, expired join points."""
    import numpy as np

    orders, joined = shard.orders, shard.members.joined
    status, known = orders.parcels.status, orders.member >= 0
    bought = np.flatnonzero(known & (status == CONFIRMED))
    back = np.flatnonzero(known & (status == RETURNED))
    everyone = np.arange(joined.size)
    rewarded, rewarded_at = _review_rewards(shard)
    buyers = np.zeros(joined.size, dtype=bool)
    buyers[orders.member[bought]] = True
    idle = np.flatnonzero(~buyers & (joined + 365 * DAY < FINISH))
    paid = (goods - shard.money.discount) // 100
    none = np.zeros(0, np.int64)
    parts = (  # kind, member, at, gain, loss, order
        ("N", everyone, joined, np.full(joined.size, _JOIN_POINTS), None, none),
        ("P", orders.member[bought], stamps["confirmed"][bought], paid[bought], None, bought),
        ("A", rewarded, rewarded_at, np.full(rewarded.size, 500), None, none),
        ("D", orders.member[back], stamps["refunded"][back], paid[back] // 2, None, back),
        ("AB", idle, joined[idle] + 365 * DAY, np.zeros(idle.size, np.int64), _JOIN_POINTS, none),
    )
    kind = np.repeat([p[0] for p in parts], [p[1].size for p in parts])
    member, at, gain = (np.concatenate([p[k] for p in parts]) for k in (1, 2, 3))
    loss = np.concatenate([np.full(p[1].size, p[4] or 0) for p in parts])
    order = np.concatenate([p[5] if p[5].size else np.full(p[1].size, -1) for p in parts])
    rank = np.lexsort((kind, at, member))
    kind, member, at, gain, loss, order = (c[rank] for c in (kind, member, at, gain, loss, order))
    earned, spent = _running(member, gain), _running(member, loss)
    rank = np.lexsort((member, at))
    columns = (member + base, at, kind, gain, loss, earned - spent, earned, order)
    rows = zip(*(c[rank].tolist() for c in columns), strict=True)
    when = orders.at
    return [
        (*row[:7], shard.ids[row[7]] if row[7] >= 0 else None, int(when[row[7]]) if row[7] >= 0 else None)
        for row in rows
    ]


def credit_rows(rng: np.random.Generator, shard: Shard, base: int) -> list[tuple[Any, ...]]:
    """Credits that the shop gave to members for late parcels; some of them were paid out in cash later."""
    import numpy as np

    orders = shard.orders
    slow = orders.parcels.arrived & (orders.parcels.delivered - orders.at >= truth.LATE_DAYS * DAY)
    at = orders.parcels.delivered + DAY
    given = np.flatnonzero(slow & (orders.member >= 0) & (at < FINISH) & (rng.random(at.size) < 0.4))
    taken = given[(rng.random(given.size) < 0.1) & (at[given] + 20 * DAY < FINISH)]
    member = np.concatenate([orders.member[given], orders.member[taken]])
    when = np.concatenate([at[given], at[taken] + 20 * DAY])
    gain = np.repeat([_CREDIT, 0], [given.size, taken.size])
    order = np.concatenate([given, taken])
    rank = np.lexsort((-gain, when, member))
    member, when, gain, order = member[rank], when[rank], gain[rank], order[rank]
    loss = np.where(gain > 0, 0, _CREDIT)
    balance = _running(member, gain - loss)
    rank = np.lexsort((member, when))
    columns = (member + base, when, gain, loss, balance, order)
    return [
        (who, t, "D" if plus else "E", plus, minus, left, shard.ids[k])
        for who, t, plus, minus, left, k in zip(*(c[rank].tolist() for c in columns), strict=True)
    ]


def promotions(shard: Shard) -> np.ndarray:
    """When each member got its tier: the morning after half of its sold orders (`NEVER` for the lowest tier)."""
    import numpy as np

    orders, size = shard.orders, shard.tier.size
    sold = np.flatnonzero((orders.member >= 0) & ~np.isin(orders.parcels.status, (UNPAID, CANCELLED, RETURNED)))
    sold = sold[np.argsort(orders.member[sold], kind="stable")]
    count = np.bincount(orders.member[sold], minlength=size)
    half = np.cumsum(count) - count + count // 2
    at = np.append(orders.at[sold], 0)[np.minimum(half, sold.size)]
    morning = np.minimum((at // DAY + 1) * DAY + 4 * 3600, FINISH - 1)
    return np.where((shard.tier > 0) & (count > 0), morning, NEVER)


def logins(shard: Shard) -> list[bytes]:
    """For each member the last moment of each day on which it was active, as 32-bit integers."""
    import numpy as np

    events = shard.events
    known = np.flatnonzero(events.member >= 0)[::-1]  # latest first, so that the first of a day is its last moment
    key = events.member[known] * 1000 + events.at[known] // DAY
    days, first = np.unique(key, return_index=True)
    at = events.at[known][first].astype("<i4")
    ends = np.searchsorted(days // 1000, np.arange(shard.tier.size), side="right").tolist()
    return [at[begin:end].tobytes() for begin, end in zip([0, *ends], ends, strict=False)]


def _review_rewards(shard: Shard) -> tuple[np.ndarray, np.ndarray]:
    """Every third review earned points an hour later, if that was before the end."""
    import numpy as np

    place = {member: k for k, member in enumerate(shard.persons.member_id)}
    who = np.array([place[m] for m in shard.reviews.column("member_id").to_pylist()], dtype=np.int64)[::3]
    at = times(shard.reviews.column("created_at"))[::3] + 3600
    return who[at < FINISH], at[at < FINISH]


def _running(group: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Cumulative sums that begin anew with each group (groups lie together)."""
    import numpy as np

    if not values.size:
        return values
    total = np.cumsum(values)
    begins = np.append(True, group[1:] != group[:-1])
    before = (total - values)[begins]
    return total - before[np.cumsum(begins) - 1]
