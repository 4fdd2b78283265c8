"""One step of the sandbox's shopping: what is in the baskets, how the parcels fare, and what the buyers think of it.

Arrays only; an order is its position in the batch. Does not belong here: who orders and when (`histories.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.catalog import Shelf, index_of, members_of, products
from cafe24_pipelines.sandbox.plan import EVERYTHING, Plan
from cafe24_pipelines.sandbox.seasons import DAY, FINISH, NEVER, clock

if TYPE_CHECKING:
    import numpy as np

UNPAID, PAID, SHIPPING, DELIVERED, CONFIRMED, CANCELLED, RETURNED, EXCHANGED = range(8)
"""Positions in `schemas.ORDER_STATUS`."""

_UNPAID_SHARE: Final = 0.012
_CANCELLED_SHARE: Final = 0.04
_EXCHANGED_SHARE: Final = 0.012
_DELIVERY_DAYS: Final = (0.30, 0.40, 0.20, 0.10)  # 1, 2, 3, 4 days
_RATINGS: Final = (0.05, 0.07, 0.12, 0.28, 0.48)  # 1 to 5 stars


@dataclass(frozen=True)
class Lines:
    """Lines of a batch of orders, in order of `order`; a product appears once in an order."""

    order: np.ndarray
    product: np.ndarray
    quantity: np.ndarray

    def has(self, product: int, orders: int) -> np.ndarray:
        """For each of the batch's orders, whether that product is in it."""
        return self.any_of(self.product == product, orders)

    def any_of(self, lines: np.ndarray, orders: int) -> np.ndarray:
        """For each of the batch's orders, whether one of the marked lines is its own."""
        import numpy as np

        return np.bincount(self.order[lines], minlength=orders) > 0


@dataclass(frozen=True)
class Parcels:
    """What became of a batch of orders. `delivered` is NEVER for what has not arrived by the end."""

    status: np.ndarray
    delivered: np.ndarray
    rating: np.ndarray

    @property
    def arrived(self) -> np.ndarray:
        """Whether the parcel reached its buyer within the two years."""
        return self.delivered != NEVER


def draw_lines(
    rng: np.random.Generator, shelf: Shelf, at: np.ndarray, wanted: np.ndarray, *, first: bool, extra: np.ndarray,
    plan: Plan = EVERYTHING,
) -> Lines:  # fmt: skip
    """Baskets for orders at `at`: the wanted product (-1: any) and a Poisson number (mean `extra`) of others.

    Products are drawn independently of each other and of the buyer; only the planted pair and the planted hub
    add company, and a first order may begin with the gateway product.
    """
    import numpy as np

    count = 1 + np.minimum(rng.poisson(extra), 6)
    order = np.repeat(np.arange(at.size), count)
    product = shelf.draw(rng, at[order])
    head = np.cumsum(count) - count
    product[head] = np.where(wanted >= 0, wanted, product[head])
    if first:
        gateway = rng.random(at.size) < (truth.GATEWAY_SHARE if plan.acts("gateway_product") else 0.0)
        product[head[gateway]] = index_of(truth.GATEWAY)
    lines = Lines(order, product, order)
    pair = lines.has(index_of(truth.PAIR[0]), at.size) & (rng.random(at.size) < plan.size("co_purchase_pair"))
    hub = (count > 1) & (rng.random(at.size) < plan.size("hub_product"))
    order = np.concatenate([order, np.flatnonzero(pair), np.flatnonzero(hub)])
    added = [np.full(pair.sum(), index_of(truth.PAIR[1])), np.full(hub.sum(), index_of(truth.HUB))]
    product = np.concatenate([product, *added])
    return _merged(rng, order, product)


def _merged(rng: np.random.Generator, order: np.ndarray, product: np.ndarray) -> Lines:
    """Lines without repeats, those named first coming first; cheap things are bought in twos and threes."""
    import numpy as np

    goods = products()
    key = order * len(goods) + product
    _, kept = np.unique(key, return_index=True)
    kept = kept[np.lexsort((kept, order[kept]))]
    cheap = np.array([p.price < 16_000 for p in goods])[product[kept]]
    more = rng.random(kept.size) < np.where(cheap, 0.25, 0.08)
    quantity = 1 + more * rng.integers(1, 3, kept.size)
    return Lines(order[kept], product[kept], quantity)


def fulfil(rng: np.random.Generator, at: np.ndarray, lines: Lines, *, plan: Plan = EVERYTHING) -> Parcels:
    """Status as of the end, time of delivery and the buyers' opinion of orders made at `at`.

    Whether a parcel is late depends on chance and holidays only, never on the buyer or the region.
    """
    import numpy as np

    size = at.size
    draw = rng.random(size)
    days = 1 + rng.choice(4, size, p=_DELIVERY_DAYS)
    days = np.where(rng.random(size) < truth.LATE_SHARE, rng.integers(truth.LATE_DAYS + 1, 10, size), days)
    day = clock().open_day(at // DAY + days)
    delivered = day * DAY + rng.integers(10 * 3600, 20 * 3600, size)
    void = draw < _UNPAID_SHARE + _CANCELLED_SHARE
    delivered = np.where(void | (delivered >= FINISH), NEVER, delivered)
    wear = lines.any_of(members_of(*truth.FIT_CATEGORIES)[lines.product], size)
    back = rng.random(size) < np.where(wear, plan.size("fit_returns"), truth.RETURN_SHARE)
    swapped = rng.random(size) < _EXCHANGED_SHARE
    settled = (delivered != NEVER) & (delivered < FINISH - 3 * DAY)
    status = np.select(
        [
            draw < _UNPAID_SHARE, void, (delivered == NEVER) & (at >= FINISH - DAY), delivered == NEVER,
            settled & back, settled & swapped, delivered < FINISH - 7 * DAY,
        ],
        [UNPAID, CANCELLED, PAID, SHIPPING, RETURNED, EXCHANGED, CONFIRMED],
        DELIVERED,
    )  # fmt: skip
    fragile = lines.has(index_of(truth.FRAGILE), size)
    liked = 1 + rng.choice(5, size, p=_RATINGS)
    broken = 1 + rng.choice(5, size, p=truth.FRAGILE_RATINGS)
    return Parcels(status, delivered, np.where(fragile & plan.acts("fragile_product"), broken, liked))
