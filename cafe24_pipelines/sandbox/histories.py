"""How the sandbox's customers buy: a latent process in the manner of BG/NBD, with the planted effects acting in it.

Each member has a rate (Gamma) of buying in busy time and a chance (Beta) of leaving for good after each purchase.
Beside that clock run errands: a consumable that is used up, a sequel of a product, a win-back coupon. All members
take their n-th purchase together, so the work is a few dozen array steps whatever the number of customers.

Does not belong here: money, coupons' discounts, texts. Times are seconds since the sandbox's start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.baskets import Lines, Parcels, draw_lines, fulfil
from cafe24_pipelines.sandbox.catalog import Shelf, index_of, members_of
from cafe24_pipelines.sandbox.plan import EVERYTHING, Plan
from cafe24_pipelines.sandbox.seasons import DAY, DAYS, FINISH, NEVER, clock

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

FIRST, USUAL, REFILL_SHORT, REFILL_LONG, SEQUEL, WINBACK = range(6)
"""Why an order was made."""

_FAR: Final = 2**62


@dataclass
class Members:
    """Latent traits, one array entry a member. `rate` is purchases a busy day; the gateway raises it."""

    joined: np.ndarray
    rate: np.ndarray
    leaving: np.ndarray  # chance of leaving after a purchase
    devoted: np.ndarray  # the few who become VIPs
    buyer: np.ndarray
    left_at: np.ndarray  # NEVER while still a customer


@dataclass(frozen=True)
class Orders:
    """Orders in time order. `member` is -1 for a guest; `rating` is what its buyer thinks of it, 1 to 5."""

    member: np.ndarray
    at: np.ndarray
    reason: np.ndarray
    parcels: Parcels
    lines: Lines  # `order` is the position in these arrays
    issued_member: np.ndarray  # win-back coupons: to whom and when
    issued_at: np.ndarray


def draw_members(rng: np.random.Generator, count: int, *, plan: Plan = EVERYTHING) -> Members:
    """Traits of `count` members; many join in the shop's first weeks, the others evenly over the two years."""
    import numpy as np

    hours = clock(even=not plan.acts("busy_days"))
    early = rng.random(count) < 0.15
    busy = np.where(early, rng.exponential(18, count).clip(0, 120), rng.random(count) * (hours.length - 6))
    devoted = rng.random(count) < plan.size("vip_revenue")
    rate = rng.gamma(1.6, 0.0105, count) + 0.001
    leaving = rng.beta(1.2, 7.0, count)
    if not plan.acts("unequal_members"):
        rate, leaving = np.full(count, truth.EVEN_RATE), np.zeros(count)
    return Members(
        joined=hours.moment(busy),
        rate=np.where(devoted, rate * 1.5 + 0.055, rate),
        leaving=np.where(devoted, leaving * 0.15, leaving),
        devoted=devoted,
        buyer=devoted | (rng.random(count) >= truth.NEVER_BUY_SHARE),
        left_at=np.full(count, NEVER),
    )


def purchase_histories(rng: np.random.Generator, members: Members, *, plan: Plan = EVERYTHING) -> Orders:
    """Every order of the two years, guests' included."""
    walk = _Walk(rng, members, plan)
    walk.run()
    walk.add_guests()
    return walk.orders()


@dataclass(frozen=True)
class _Batch:
    """Orders that were made in one round; `lines.order` is the position within the batch."""

    who: np.ndarray
    at: np.ndarray
    reason: np.ndarray
    parcels: Parcels
    lines: Lines


class _Walk:
    """The members' next moves and the orders so far."""

    def __init__(self, rng: np.random.Generator, members: Members, plan: Plan) -> None:
        import numpy as np

        self.rng, self.members, self.plan = rng, members, plan
        self.clock, self.shelf = clock(even=not plan.acts("busy_days")), Shelf(plan)
        self.due = np.full((members.joined.size, 3), _FAR)  # errands: short refill, long refill, sequel
        self.due_product = np.full((members.joined.size, 3), -1)
        self.waves = np.array([day * DAY + 10 * 3600 for day in truth.winback_days()])
        self._batches: list[_Batch] = []
        self._issues: list[tuple[np.ndarray, np.ndarray]] = []

    def run(self) -> None:
        """Purchase after purchase until nobody has one left within the two years."""
        import numpy as np

        who = np.flatnonzero(self.members.buyer)
        soon = np.where(self.rng.random(who.size) < 0.55, 0.25, 9.0)
        busy = self.clock.busy(self.members.joined[who]) + self.rng.exponential(1, who.size) * soon
        at = np.maximum(self.clock.moment(busy), self.members.joined[who] + 240)
        reason, wanted = np.full(who.size, FIRST), np.full(who.size, -1)
        while (inside := at < FINISH).any():
            who, at, reason, wanted = who[inside], at[inside], reason[inside], wanted[inside]
            parcels, lines = self._order(who, at, reason, wanted)
            staying = self._fate(who, at, reason, parcels, lines)
            self._plan_errands(who, at, parcels, lines, staying)
            at, reason, wanted = self._next(who, at, staying)

    def add_guests(self) -> None:
        """Orders without a member, spread over the two years like everyone's."""
        import numpy as np

        so_far = sum(batch.at.size for batch in self._batches)
        count = round(so_far * truth.GUEST_SHARE / (1 - truth.GUEST_SHARE))
        at = self.clock.moment(self.rng.random(count) * self.clock.length).clip(0, FINISH - 1)
        nobody = np.full(count, -1)
        extra = np.full(count, 0.7)
        lines = draw_lines(self.rng, self.shelf, at, nobody, first=False, extra=extra, plan=self.plan)
        parcels = fulfil(self.rng, at, lines, plan=self.plan)
        self._batches.append(_Batch(nobody, at, np.full(count, USUAL), parcels, lines))

    def orders(self) -> Orders:
        """Everything so far, in time order."""
        import numpy as np

        def whole(part: Callable[[_Batch], np.ndarray]) -> np.ndarray:
            return np.concatenate([part(batch) for batch in self._batches])

        member, at = whole(lambda b: b.who), whole(lambda b: b.at)
        rank = np.lexsort((member, at))
        place = np.empty_like(rank)
        place[rank] = np.arange(rank.size)
        starts = np.cumsum([0, *(b.at.size for b in self._batches)]).tolist()
        number = place[np.concatenate([b.lines.order + s for b, s in zip(self._batches, starts, strict=False)])]
        by_order = np.argsort(number, kind="stable")
        lines = Lines(
            number[by_order],
            whole(lambda b: b.lines.product)[by_order],
            whole(lambda b: b.lines.quantity)[by_order],
        )
        parcels = Parcels(
            whole(lambda b: b.parcels.status)[rank],
            whole(lambda b: b.parcels.delivered)[rank],
            whole(lambda b: b.parcels.rating)[rank],
        )
        issued = [np.concatenate([np.empty(0, np.int64), *(issue[k] for issue in self._issues)]) for k in range(2)]
        return Orders(member[rank], at[rank], whole(lambda b: b.reason)[rank], parcels, lines, *issued)

    def _order(
        self, who: np.ndarray, at: np.ndarray, reason: np.ndarray, wanted: np.ndarray
    ) -> tuple[Parcels, Lines]:
        import numpy as np

        errand = (reason >= REFILL_SHORT) & (reason <= SEQUEL)
        big = self.members.devoted[who] & (reason != FIRST)  # a first basket tells nothing of what will follow
        extra = np.where(errand, 0.35, np.where(big, 2.9, 0.75))
        first = bool(reason[0] == FIRST)
        lines = draw_lines(self.rng, self.shelf, at, wanted, first=first, extra=extra, plan=self.plan)
        parcels = fulfil(self.rng, at, lines, plan=self.plan)
        self._batches.append(_Batch(who, at, reason, parcels, lines))
        return parcels, lines

    def _fate(
        self, who: np.ndarray, at: np.ndarray, reason: np.ndarray, parcels: Parcels, lines: Lines
    ) -> np.ndarray:
        """Who stays after this order. Late parcels and disappointment drive away; the gateway product binds."""
        import numpy as np

        leaving, plan = self.members.leaving[who], self.plan
        arrived = parcels.arrived
        if reason[0] == FIRST:
            gateway = lines.has(index_of(truth.GATEWAY), who.size) & arrived
            usual, bound, factor = _one_time_shares(plan)
            self.members.rate[who[gateway]] *= factor
            once = np.where(gateway, bound, usual)
            leaving = np.where(self.members.devoted[who], leaving, once + (1 - once) * leaving)
        late = arrived & (parcels.delivered - at >= truth.LATE_DAYS * DAY)
        leaving = leaving + late * plan.size("late_delivery_churn") * (1 - leaving)
        low = arrived & (parcels.rating <= truth.LOW_RATING)
        leaving = leaving + low * plan.size("low_first_review") * (1 - leaving)
        staying = self.rng.random(who.size) >= leaving
        self.members.left_at[who] = np.where(staying, NEVER, at)
        return staying

    def _plan_errands(
        self, who: np.ndarray, at: np.ndarray, parcels: Parcels, lines: Lines, staying: np.ndarray
    ) -> None:
        """Refills of the consumables bought, and the sequel of product A; leaving cancels all errands."""
        import numpy as np

        rng, goods, size = self.rng, np.arange(members_of("").size), self.plan.size
        self.due[who[~staying]] = _FAR
        sequel_from = goods == index_of(truth.SEQUEL_FROM)
        sequel_days = (truth.SEQUEL_DAYS[0] + 1, truth.SEQUEL_DAYS[1])  # whole days later, at any hour: inside
        plans: tuple[tuple[np.ndarray, float, Callable[[int], np.ndarray]], ...] = (
            (members_of(truth.SHORT_CATEGORY), size("refill_28_days"), lambda n: rng.normal(truth.SHORT_DAYS, 3, n)),
            (members_of(truth.LONG_CATEGORY), size("refill_90_days"), lambda n: rng.normal(truth.LONG_DAYS, 7, n)),
            (sequel_from, size("sequel_product"), lambda n: rng.integers(*sequel_days, n)),
        )
        for errand, (triggers, share, days_later) in enumerate(plans):
            bought = triggers[lines.product]
            order, first = np.unique(lines.order[bought], return_index=True)
            product = lines.product[bought][first]
            self.due[who[order], errand] = _FAR
            on = (rng.random(order.size) < share) & staying[order] & parcels.arrived[order]
            day = at[order] // DAY + np.rint(days_later(order.size)).astype(np.int64).clip(3)
            when = self.clock.within_day(rng, day)
            self.due[who[order[on]], errand] = when[on]
            sequel = index_of(truth.SEQUEL_TO)
            self.due_product[who[order[on]], errand] = sequel if errand == 2 else product[on]

    def _next(
        self, who: np.ndarray, at: np.ndarray, staying: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """When each one orders next, why, and for which product (-1: none in particular)."""
        import numpy as np

        busy = self.clock.busy(at) + self.rng.exponential(1, who.size) / self.members.rate[who]
        usual = np.where(staying, self.clock.moment(busy), _FAR)
        options = np.column_stack([np.maximum(usual, at + 1800), self.due[who]])
        pick = options.argmin(axis=1)
        when = options[np.arange(who.size), pick]
        errand = pick > 0
        wanted = np.where(errand, self.due_product[who, pick - 1], -1)
        called, back_at = self._win_back(who, at, when)
        back = called & (back_at < when)
        errand &= ~back
        self.due[who[errand], pick[errand] - 1] = _FAR
        reason = np.where(back, WINBACK, np.where(errand, REFILL_SHORT - 1 + pick, USUAL))
        return np.where(back, back_at, when), reason, np.where(back, -1, wanted)

    def _win_back(self, who: np.ndarray, at: np.ndarray, when: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first campaign 60 to 120 days after a last order: a fair coin decides who gets the coupon."""
        import numpy as np

        rng, (quiet, lost) = self.rng, truth.WINBACK_QUIET_DAYS
        nth = np.searchsorted(self.waves, at + quiet * DAY)
        wave = np.append(self.waves, _FAR)[nth]
        eligible = (wave < at + lost * DAY) & (wave < when)
        issued = eligible & (rng.random(who.size) < 0.5)
        self._issues.append((who[issued], wave[issued]))
        called = issued & (rng.random(who.size) < self.plan.size("winback_coupon"))
        day = np.where(called, wave // DAY, 0) + rng.integers(1, 21, who.size)
        return called, self.clock.within_day(rng, day.clip(0, DAYS + 30))


def _one_time_shares(plan: Plan) -> tuple[float, float, float]:
    """Shares that leave after a first order (any, one with the gateway product); the gateway's factor on the rate."""
    usual = truth.ONE_TIME_SHARE if plan.acts("unequal_members") else 0.0
    strength = plan.size("gateway_product") / truth.SIZES["gateway_product"]
    bound = min(usual, max(0.0, (1 - strength) * usual + strength * truth.GATEWAY_ONE_TIME_SHARE))
    return usual, bound, 1 + (truth.GATEWAY_RATE_FACTOR - 1) * strength
