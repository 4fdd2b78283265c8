"""Stock-outs: when did a steady seller sell nothing for longer than chance allows, and what did that cost?

A run is a stretch of days without an order between two days with one. Pre-declared statistic: the chance that all
of a product's orders of the run and of 56 days on both sides fall outside the run, orders falling in proportion to
the shop's other sales of the day (which carry weekday, season, holidays and closed days). With Poisson sales that
is exact given the total; sales that vary more than Poisson count for fewer (weekly dispersion). p is multiplied by
all runs of all products looked at. The effect is the units not sold, with a prediction interval. A second finding
follows members: those who had bought the product in the 90 days before, against other buyers of like recency and
number of orders, less the same difference at placebo dates (difference in differences). Does not belong here: stock
now (`crm` stock alerts), products that never sold again, or that sell once a month.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import Daily, daily, product_name
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import LEVEL, Estimate, mantel_haenszel, outside_value
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "stock_out"
MINIMUM = 60
"""Days on which a product must have been ordered to be called a steady seller."""

MINIMUM_ARM = 30
_SIDE = 56  # days on both sides that say what would have sold
_MOST_PRODUCTS = 300
_LEAST_RUN = 3  # days
_LEAST_SIDE = 10.0  # orders on each side
_REPORTED = 3
_BEFORE, _AFTER, _STEP = 90, 60, 30  # days: who wanted it, how long followed, between placebo dates

_EVIDENCE_SQL = """
    WITH days AS (SELECT unnest(generate_series(DATE '{low}', DATE '{high}', INTERVAL 1 DAY))::DATE AS day)
    SELECT {product} AS product_no, min(day) AS week_from,
           bool_and(day BETWEEN DATE '{first}' AND DATE '{last}') AS in_run,
           count(DISTINCT l.order_id) FILTER (l.product_no = {product}) AS orders,
           coalesce(sum(l.quantity) FILTER (l.product_no = {product}), 0)::BIGINT AS units,
           count(DISTINCT l.order_id) AS orders_of_the_shop
    FROM days d LEFT JOIN sale_lines l ON l.ordered_local::DATE = d.day AND l.quantity > 0
    GROUP BY date_diff('day', DATE '{first}', d.day) // 7, d.day BETWEEN DATE '{first}' AND DATE '{last}'
    ORDER BY in_run DESC, abs(date_diff('day', DATE '{first}', min(day))), week_from"""

_COHORT_SQL = """
    WITH s AS (SELECT order_id, member_key, ordered_at FROM order_facts WHERE is_sale AND member_key IS NOT NULL),
         g AS (SELECT DISTINCT order_id FROM sale_lines WHERE product_no = {product} AND quantity > 0),
         c AS (SELECT s.member_key, bool_or(g.order_id IS NOT NULL) AS wanted
               FROM s LEFT JOIN g USING (order_id)
               WHERE s.ordered_at < TIMESTAMPTZ '{at}' AND s.ordered_at >= TIMESTAMPTZ '{at}' - INTERVAL {before} DAY
               GROUP BY s.member_key)
    SELECT {product} AS product_no, wanted AS bought_it_before, count(*) AS customers,
           count(*) FILTER (again) AS bought_after, count(*) FILTER (again) / count(*) AS share
    FROM (SELECT *, EXISTS (SELECT 1 FROM s WHERE s.member_key = c.member_key AND s.ordered_at >= TIMESTAMPTZ '{at}'
                 AND s.ordered_at < TIMESTAMPTZ '{at}' + INTERVAL {after} DAY) AS again FROM c)
    GROUP BY ALL ORDER BY wanted"""


@dataclass(frozen=True)
class _Run:
    """A stretch without an order: rows [start, stop) of the daily counts."""

    item: int
    start: int
    stop: int
    p: float  # adjusted
    events: float  # orders on both sides, in Poisson equivalents
    ratio: float  # the run's exposure over that of both sides
    dispersion: float
    sides: tuple[float, float]  # orders expected in the run by the rate before it, and by the rate after it


@detector(name=NAME, kind="cross_domain", title_ko="품절 손실", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """The least likely runs without a sale (one a product, three at most) and what became of those who wanted it."""
    import numpy as np

    sold = daily(context, "product", _MOST_PRODUCTS)
    active = (sold.orders > 0).sum(axis=0) if sold.names else np.zeros(0, int)
    steady = np.flatnonzero(active >= MINIMUM)
    if not len(steady):
        return Shortage(int(active.max(initial=0)), MINIMUM, "한 상품이 팔린 날")
    whole = sold.orders.sum(axis=1)
    tests = int(np.sum(active[steady] - 1))
    best = [run for k in steady if (run := _longest(sold.orders[:, k], whole, int(k), tests))]
    if not best:
        return Shortage(0, int(_LEAST_SIDE), f"팔리지 않은 {_LEAST_RUN}일 이상의 기간 앞뒤에 팔린 주문")
    best.sort(key=lambda run: (run.p, run.start, sold.names[run.item]))
    kept = [run for run in best[:_REPORTED] if run.p <= 0.05] or best[:1]
    found = [_finding(context, sold, run) for run in kept]
    return [*found, *(_members(context, sold, kept[0]) if kept[0].p <= 0.05 else [])]


def _longest(own: "NDArray[np.float64]", whole: "NDArray[np.float64]", item: int, tests: int) -> _Run | None:
    """The least likely run of one product, among those with enough orders on both sides."""
    import numpy as np

    busy = whole - own
    exposure = np.concatenate([[0.0], np.cumsum(busy)])
    orders = np.concatenate([[0.0], np.cumsum(own)])
    days = np.flatnonzero(own > 0)
    start, stop = days[:-1] + 1, days[1:]
    long = stop - start >= _LEAST_RUN
    start, stop = start[long], stop[long]
    # never before a product's first sale or after its last: launches and ends are no stock-outs
    low, high = np.maximum(start - _SIDE, days[0]), np.minimum(stop + _SIDE, days[-1] + 1)
    before, after = orders[start] - orders[low], orders[high] - orders[stop]
    run, e1, e2 = (exposure[b] - exposure[a] for a, b in ((start, stop), (low, start), (stop, high)))
    fit = (before >= _LEAST_SIDE) & (after >= _LEAST_SIDE) & (run > 0) & (e1 > 0) & (e2 > 0)
    if not fit.any():
        return None
    chance = np.where(fit, (before + after) * np.log(np.where(fit, (e1 + e2) / (e1 + e2 + run), 1.0)), 0.0)
    k = int(np.argmin(chance))
    spread = _dispersion(own, busy, int(start[k]), int(stop[k]))
    p = min(1.0, tests * float(np.exp(chance[k] / spread)))
    sides = (float(before[k] / e1[k] * run[k]), float(after[k] / e2[k] * run[k]))
    ratio = float(run[k] / (e1[k] + e2[k]))
    return _Run(item, int(start[k]), int(stop[k]), p, float(before[k] + after[k]) / spread, ratio, spread, sides)


def _dispersion(own: "NDArray[np.float64]", busy: "NDArray[np.float64]", start: int, stop: int) -> float:
    """Variance over mean of a product's weekly orders outside a run, given the shop's; at least 1.

    From differences of neighbouring weeks, so that a rate that drifts over the product's life does not count.
    """
    import numpy as np

    days = np.flatnonzero(own > 0)
    scaled = []
    for side in (np.arange(start - 1, days[0] - 1, -1), np.arange(stop, days[-1] + 1)):
        weeks = np.arange(len(side)) // 7
        x, e = np.bincount(weeks, own[side]), np.bincount(weeks, busy[side])
        expected = np.maximum(e * x.sum() / max(float(e.sum()), 1e-9), 1e-9)
        scaled.append(np.diff((x - expected) / np.sqrt(expected))[expected[1:] > 0.2])
    steps = np.concatenate(scaled)
    return max(1.0, float(np.mean(steps**2)) / 2) if len(steps) else 1.0


def _lost(run: _Run, units: float) -> Estimate:
    """Units not sold: expected orders times units an order, with the interval of what might have been ordered."""
    from scipy.stats import nbinom

    tail = (1 - LEVEL) / 2
    success = 1 / (1 + run.ratio)
    scale = run.dispersion * units
    low, high = (float(nbinom.ppf(q, run.events, success)) * scale for q in (tail, 1 - tail))
    return Estimate(run.events * run.ratio * scale, low, high)


def _finding(context: DiscoveryContext, sold: Daily, run: _Run) -> Finding:
    from datetime import timedelta

    number = sold.names[run.item]
    name = product_name(context, number)
    orders, units = float(sold.orders[:, run.item].sum()), float(sold.units[:, run.item].sum())
    price = float(sold.amount[:, run.item].sum()) / max(units, 1.0)
    estimate = _lost(run, units / orders)
    first, last = sold.date(run.start), sold.date(run.stop - 1)
    evidence = _EVIDENCE_SQL.format(
        product=quoted(number), first=first, last=last,
        low=first - timedelta(days=_SIDE), high=last + timedelta(days=_SIDE),
    )  # fmt: skip
    money = [f"{round(v * price, -2):,.0f}" for v in estimate]
    unit = "원" if context.mall.currency == "KRW" else f" {context.mall.currency}"
    return Finding(
        subject=f"product:{number}:{first}",
        title=(
            f"'{name}'{particle(name, '이(가)')} {first}부터 {last}까지 팔리지 않아 "
            f"약 {estimate.value:,.0f}개의 판매를 놓쳤습니다"
        ),
        effect="lost_units",
        estimate=estimate,
        null=(0.0, 0.0),
        p=run.p,
        n=int((sold.orders[:, run.item] > 0).sum()),
        halves=run.sides,
        evidence=context.evidence(evidence),
        summary=(
            f"평소 속도와 그날그날의 몰 전체 주문을 생각하면 {estimate.low:,.0f}~{estimate.high:,.0f}개가 "
            f"팔렸을 기간입니다. 매출로는 약 {money[0]}{unit}({money[1]}~{money[2]}{unit})입니다. "
            "품절인지 판매 중지인지는 재고 기록으로 확인하세요. p값은 살펴본 모든 상품과 기간에 대해 보정했습니다."
        ),
        action=f"'{name}'의 안전 재고를 늘리고, 품절이면 재입고 알림을 받아 다시 들어온 날 바로 보내세요.",
    )


def _members(context: DiscoveryContext, sold: Daily, run: _Run) -> list[Finding]:
    """Whether those who had bought the product bought less after it ran out; none when too few had."""
    import numpy as np

    number = sold.names[run.item]
    at = datetime.combine(sold.date(run.start), datetime.min.time(), ZoneInfo(context.mall.time_zone))
    moment = at.timestamp() / 86400
    holds = np.zeros(len(context.sales), bool)
    holds[context.baskets.loc[context.baskets["product"] == context.product_names.get_loc(number), "order"]] = True
    start, gone = float(context.sales["day"].min()), moment + (run.stop - run.start)
    places = [moment + _STEP * k for k in range(-60, 61) if k]
    places = [t for t in places if t - _BEFORE >= start and t + _AFTER <= context.end]
    places = [t for t in places if t + _AFTER <= moment or t - _BEFORE >= gone]
    real = _arms(context, holds, moment)
    placebo = [row for t in places for row in _arms(context, holds, t)]
    wanted = sum(s[1] for _, s in real)
    if min(wanted, sum(s[3] for _, s in real), sum(s[1] for _, s in placebo)) < MINIMUM_ARM:
        return []
    estimate = _difference(real, placebo)
    halves = [_difference(*([r for r in rows if r[0] == part] for rows in (real, placebo))) for part in (0, 1)]
    name = product_name(context, number)
    less = estimate.value < 0
    evidence = _COHORT_SQL.format(product=quoted(number), at=at.isoformat(), before=_BEFORE, after=_AFTER)
    finding = Finding(
        subject=f"members:{number}:{sold.date(run.start)}",
        title=(
            f"'{name}'{particle(name, '이(가)')} 없던 때, 그것을 사던 고객의 {_AFTER}일 안 구매율은 평소보다 "
            f"{abs(estimate.value) * 100:.1f}%p {'낮았습니다' if less else '높았습니다'}"
        ),
        effect=f"purchase_{_AFTER}d_difference_in_differences",
        estimate=estimate,
        null=(0.0, 0.0),
        p=outside_value(estimate, 0.0, 0.0),
        n=wanted + sum(s[3] for _, s in real),
        halves=(halves[0].value, halves[1].value),
        evidence=context.evidence(evidence),
        summary=(
            f"품절 전 {_BEFORE}일에 이 상품을 산 고객 {wanted:,}명을, 마지막 구매와 구매 횟수가 비슷한 다른 고객과 "
            "견주고, 같은 차이를 품절이 아닌 때의 차이에서 뺐습니다."
        ),
        action=(
            f"'{name}'{particle(name, '을(를)')} 사던 고객에게 품절 기간에 대신할 상품을 권하고, "
            "재입고를 먼저 알리세요."
        ),
    )
    return [finding]


_Arm = tuple[int, tuple[int, int, int, int]]


def _arms(context: DiscoveryContext, holds: "NDArray[np.bool_]", moment: float) -> list[_Arm]:
    """(recent or not, bought and members among those who held it, then among the others) in every stratum."""
    import numpy as np

    sales = context.sales
    day, member = sales["day"].to_numpy(float), sales["member"].to_numpy(np.int64)
    size = int(member.max()) + 1
    inside = (day < moment) & (day >= moment - _BEFORE)
    count = np.bincount(member[inside], minlength=size)
    last = np.full(size, -np.inf)
    np.maximum.at(last, member[inside], day[inside])
    wanted = np.bincount(member[inside & holds], minlength=size) > 0
    again = np.bincount(member[(day >= moment) & (day < moment + _AFTER)], minlength=size) > 0
    out = []
    who = np.flatnonzero(count > 0)
    band = np.minimum((moment - last[who]) // 30, 2).astype(int)
    often = np.minimum(count[who], 3)
    for label in np.unique(band * 4 + often):
        mine = who[band * 4 + often == label]
        a, b = again[mine[wanted[mine]]], again[mine[~wanted[mine]]]
        out.append((int(label // 4 > 0), (int(a.sum()), len(a), int(b.sum()), len(b))))
    return out


def _difference(real: list[_Arm], placebo: list[_Arm]) -> Estimate:
    """The pooled difference at the run less that at the placebo dates; 0 when either has but one arm."""
    parts = [[s for _, s in rows if s[1] and s[3]] for rows in (real, placebo)]
    if not all(parts):
        return Estimate(0.0, 0.0, 0.0)
    a, b = (mantel_haenszel(rows) for rows in parts)
    value = a.value - b.value
    half = ((a.high - a.value) ** 2 + (b.high - b.value) ** 2) ** 0.5
    return Estimate(value, value - half, value + half)
