"""The sandbox's coupons: what they give, who got one, and on which order it was used.

Only the win-back coupon causes purchases (in `histories.py`); the others are used by those who buy anyway, on the
first order within 30 days. An order takes one coupon. Does not belong here: the money of orders (`orders.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.baskets import CANCELLED, UNPAID
from cafe24_pipelines.sandbox.histories import WINBACK, Members, Orders
from cafe24_pipelines.sandbox.seasons import DAY, DAYS, FINISH, NEVER, START, day_of, typed

if TYPE_CHECKING:
    import numpy as np

_VALID_DAYS: Final = 30
_MORNING: Final = 10 * 3600


@dataclass(frozen=True)
class Coupon:
    """A definition. `benefit` as the Admin API has it: A takes won off, B takes per cent off."""

    no: str
    name: str
    benefit: str
    value: int
    used_by: float  # share of holders who use it on an order that they make anyway


COUPONS: Final = (
    Coupon("6081125000000000011", truth.WINBACK_COUPON, "B", 20, 0.6),
    Coupon("6081125000000000012", "생일 축하 15% 쿠폰", "B", 15, 0.5),
    Coupon("6081125000000000013", "신규 가입 3,000원 쿠폰", "A", 3000, 0.5),
    Coupon("6081125000000000014", truth.SEASON_COUPON, "B", 10, 0.4),
)
"""In order of precedence where an order could take several."""

_WINBACK, _BIRTHDAY, _JOIN, _SEASON = range(4)


@dataclass(frozen=True)
class Issues:
    """Coupons given to members, in order of time. `order` is the position of the order it was used on, or -1."""

    coupon: np.ndarray
    member: np.ndarray
    at: np.ndarray
    order: np.ndarray

    def on_orders(self, orders: int) -> np.ndarray:
        """For each order, the position of its coupon in `COUPONS`, or -1."""
        import numpy as np

        coupon = np.full(orders, -1)
        used = self.order >= 0
        coupon[self.order[used]] = self.coupon[used]
        return coupon


def issue_coupons(rng: np.random.Generator, members: Members, birthdays: list[date], orders: Orders) -> Issues:
    """Everyone's coupons over the two years and their use."""
    import numpy as np

    everyone = np.arange(members.joined.size)
    given = [
        (_WINBACK, orders.issued_member, orders.issued_at),
        (_JOIN, everyone, members.joined),
        *((_BIRTHDAY, *pair) for pair in _birthdays(members, birthdays)),
    ]
    for day in truth.SEASON_DAYS:  # a fair coin, whoever the member is
        sent = day_of(day) * DAY + _MORNING
        lucky = everyone[(members.joined <= sent) & (rng.random(everyone.size) < 0.5)]
        given.append((_SEASON, lucky, np.full(lucky.size, sent)))
    coupon = np.concatenate([np.full(who.size, kind) for kind, who, _ in given])
    member = np.concatenate([who for _, who, _ in given])
    at = np.concatenate([when for _, _, when in given])
    rank = np.lexsort((member, coupon, at))
    coupon, member, at = coupon[rank], member[rank], at[rank]
    return Issues(coupon, member, at, _uses(rng, coupon, member, at, orders))


def _birthdays(members: Members, birthdays: list[date]) -> list[tuple[np.ndarray, np.ndarray]]:
    """A week before each birthday, to those who had joined by then: (members, times) a year."""
    import numpy as np

    pairs = []
    for year in range(START.year, START.year + 3):
        days = np.array([day_of(b.replace(year=year, day=min(b.day, 28))) for b in birthdays])
        at = (days - 7) * DAY + _MORNING
        who = np.flatnonzero((at > members.joined) & (at < FINISH))
        pairs.append((who, at[who]))
    return pairs


def _uses(
    rng: np.random.Generator, coupon: np.ndarray, member: np.ndarray, at: np.ndarray, orders: Orders
) -> np.ndarray:
    """The order that each issued coupon was used on: the holder's first paid one within 30 days, if at all."""
    import numpy as np

    status = orders.parcels.status
    paid = np.flatnonzero((orders.member >= 0) & (status != UNPAID) & (status != CANCELLED))
    paid = paid[np.lexsort((orders.at[paid], orders.member[paid]))]
    span = 4 * FINISH  # wider than any time, so that one number orders by member, then time
    keys = orders.member[paid] * span + orders.at[paid]
    place = np.searchsorted(keys, member * span + at, side="right")
    held = np.append(keys, 2**62)[place] <= member * span + at + _VALID_DAYS * DAY
    order = np.append(paid, 0)[place]
    called = (coupon == _WINBACK) & (orders.reason[order] == WINBACK)
    willing = rng.random(coupon.size) < np.array([c.used_by for c in COUPONS])[coupon]
    use = held & (called | willing)
    candidates = np.flatnonzero(use)
    candidates = candidates[np.lexsort((candidates, coupon[candidates]))]
    _, first = np.unique(order[candidates], return_index=True)
    used = np.full(coupon.size, -1)
    used[candidates[first]] = order[candidates[first]]
    return used


def coupon_table() -> Any:
    """The `coupons` table."""
    return typed(
        "coupons",
        {
            "coupon_no": [c.no for c in COUPONS],
            "coupon_name": [c.name for c in COUPONS],
            "benefit_type": [c.benefit for c in COUPONS],
            "benefit_value": [c.value for c in COUPONS],
            "available_from": [0] * len(COUPONS),
            "available_to": [DAYS * DAY - 1] * len(COUPONS),
        },
    )


def issue_table(issues: Issues, orders: Orders, order_ids: Any, member_ids: Any) -> Any:
    """The `coupon_issues` table; `order_ids` and `member_ids` are Arrow arrays by position."""
    import numpy as np
    import pyarrow as pa

    used = issues.order >= 0
    return typed(
        "coupon_issues",
        {
            "issue_no": [f"{6_100_000_000_000_000_001 + k}" for k in range(issues.at.size)],
            "coupon_no": pa.array([c.no for c in COUPONS]).take(pa.array(issues.coupon)),
            "member_id": member_ids.take(pa.array(issues.member)),
            "issued_at": issues.at,
            "used_at": np.where(used, orders.at[issues.order], NEVER),
            "used_order_id": order_ids.take(pa.array(issues.order, mask=~used)),
        },
    )
