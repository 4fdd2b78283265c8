"""What the sandbox's shoppers click: views and carts before each purchase, and visits that come to nothing.

Members browse while they are customers and for about ten days after their last order; guests leave no member id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.sandbox.baskets import UNPAID
from cafe24_pipelines.sandbox.catalog import Shelf, products
from cafe24_pipelines.sandbox.histories import Members, Orders
from cafe24_pipelines.sandbox.plan import EVERYTHING, Plan
from cafe24_pipelines.sandbox.seasons import DAY, FINISH, NEVER, clock, typed

if TYPE_CHECKING:
    import numpy as np

VIEW, CART, PURCHASE = range(3)
"""Positions in `schemas.EVENT_KINDS`."""

_VISITS_A_DAY = 0.022
_ABANDONED_SHARE = 0.22


@dataclass(frozen=True)
class Events:
    """Behaviour in order of time; `member` is -1 for a guest."""

    member: np.ndarray
    kind: np.ndarray
    product: np.ndarray
    at: np.ndarray

    def last_seen(self, members: int) -> np.ndarray:
        """When each member was last active (NEVER: not at all)."""
        import numpy as np

        seen = np.full(members, NEVER)
        known = self.member >= 0
        np.maximum.at(seen, self.member[known], self.at[known])
        return seen


def behave(rng: np.random.Generator, members: Members, orders: Orders, *, plan: Plan = EVERYTHING) -> Events:
    """Everything that was clicked in the two years."""
    import numpy as np

    parts = [*_leading_to_orders(rng, members, orders), *_visits(rng, members, plan)]
    member, kind, product, at = (np.concatenate([p[k] for p in parts]) for k in range(4))
    rank = np.lexsort((product, kind, member, at))
    return Events(member[rank], kind[rank], product[rank], at[rank])


def _leading_to_orders(rng: np.random.Generator, members: Members, orders: Orders) -> list[tuple[np.ndarray, ...]]:
    """For every line a view, then a cart, then (unless it was never paid) the purchase; none before joining."""
    import numpy as np

    lines = orders.lines
    who, at = orders.member[lines.order], orders.at[lines.order]
    since = np.where(who >= 0, members.joined[who], 0)
    room = np.maximum(at - since, 4)
    cart = at - np.minimum(rng.integers(60, 5400, at.size), room // 3)
    view = cart - np.minimum((rng.exponential(0.4, at.size) * DAY).astype(np.int64).clip(30, 3 * DAY), room // 3)
    paid = orders.parcels.status[lines.order] != UNPAID
    kinds = [np.full(at.size, kind) for kind in (VIEW, CART)]
    return [
        (who, kinds[0], lines.product, view),
        (who, kinds[1], lines.product, cart),
        (who[paid], np.full(int(paid.sum()), PURCHASE), lines.product[paid], at[paid]),
    ]


def _visits(rng: np.random.Generator, members: Members, plan: Plan) -> list[tuple[np.ndarray, ...]]:
    """Visits without an order: one to three views, sometimes a cart that is left."""
    import numpy as np

    hours, shelf, size = clock(even=not plan.acts("busy_days")), Shelf(plan), members.joined.size
    fading = rng.exponential(10, size)
    stays = np.where(members.left_at == NEVER, FINISH, members.left_at + (fading * DAY).astype(np.int64))
    stays = np.where(members.buyer, stays, members.joined + (fading * 2 * DAY).astype(np.int64)).clip(0, FINISH)
    begin, end = hours.busy(members.joined), hours.busy(stays)
    visits = rng.poisson(np.maximum(end - begin, 0) * _VISITS_A_DAY)
    who = np.repeat(np.arange(size), visits)
    start = hours.moment(begin[who] + rng.random(who.size) * (end - begin)[who]).clip(0, FINISH - 1800)
    start = np.maximum(start, members.joined[who] + 1)
    views = 1 + rng.binomial(2, 0.4, who.size)
    visit = np.repeat(np.arange(who.size), views)
    at = (start[visit] + rng.integers(0, 1200, visit.size)).clip(0, FINISH - 601)
    product = shelf.draw(rng, at)
    left = rng.random(visit.size) < _ABANDONED_SHARE / views[visit]
    seen = (who[visit], np.full(visit.size, VIEW), product, at)
    carts = int(left.sum())
    return [seen, (seen[0][left], np.full(carts, CART), product[left], at[left] + rng.integers(20, 600, carts))]


def event_table(events: Events, member_ids: Any) -> Any:
    """The `events` table; `member_ids` is an Arrow array by position."""
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import EVENT_KINDS

    return typed(
        "events",
        {
            "event_id": [f"E{k:010d}" for k in range(1, events.at.size + 1)],
            "member_id": member_ids.take(pa.array(events.member, mask=events.member < 0)),
            "event": pa.array(EVENT_KINDS).take(pa.array(events.kind)),
            "product_no": pa.array([p.no for p in products()]).take(pa.array(events.product)),
            "at": events.at,
        },
    )
