"""Seasonality and change: busy weekdays, categories of the weeks before Seollal and Chuseok, and shares that changed.

Pre-declared statistics, all on orders (guests' included) by local day:
- weekday: the largest deviation of a weekday from its week's mean; null: days permuted within each week, p adjusted
  for the seven days. Months are left out: two years hold each but twice.
- holidays: for every category, orders in the 14 days that end two days before Seollal or Chuseok (when parcels
  still move), over what its share in the six weeks around them makes of the shop's sales; null: as many windows at
  random days, the same for all categories, one-sided p adjusted for all categories (largest score).
- change: for every category, the largest CUSUM of its weekly share, holiday windows left out; null: blocks of four
  weeks permuted, the same for all categories, p adjusted for categories and positions. A season looks like a
  change, so the same weeks a year before must show it too; where there is no year before, it is not confirmed. Does
  not belong here: growth of the whole shop, or the calendar itself (`answers/holidays.py`).
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from cafe24_pipelines.answers.holidays import HOLIDAYS
from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import Daily, daily
from cafe24_pipelines.discovery.nulls import EDGE, change_points
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import Estimate, mantel_haenszel, max_t, ratio_of_sums
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "seasonality_change"
MINIMUM = 26
"""Weeks."""

_MOST_CATEGORIES = 60
_LEAST_ORDERS = 60  # of a category, to be looked at
_DRAWS = 999
_WINDOW, _ENDS, _AROUND = 14, 2, 42  # days
_BLOCK = 4  # weeks
_REPORTED = 2
_WEEKDAYS = "월화수목금토일"

_WEEKDAY_SQL = """
    SELECT isodow(ordered_local) AS weekday_from_monday, count(*) AS orders,
           count(DISTINCT ordered_local::DATE) AS days,
           round(count(*) / count(DISTINCT ordered_local::DATE), 3) AS orders_a_day
    FROM order_facts WHERE is_sale GROUP BY 1 ORDER BY 1"""

_SHARE_SQL = """
    SELECT {by}, count(DISTINCT order_id) FILTER (category = {category}) AS orders_with_category,
           count(DISTINCT order_id) AS orders,
           count(DISTINCT order_id) FILTER (category = {category}) / count(DISTINCT order_id) AS share
    FROM (SELECT l.order_id, l.ordered_local, coalesce(l.category, p.category) AS category
          FROM sale_lines l LEFT JOIN known_products p USING (product_no) WHERE l.quantity > 0)
    GROUP BY 1 ORDER BY 1 DESC"""

_MIX_SQL = """
    SELECT first, after, count(*) FILTER (holds) AS k, count(*) AS n
    FROM (SELECT l.order_id, coalesce(any_value(l.sale_no) = 1, false) AS first,
                 any_value(l.ordered_local)::DATE >= DATE '{day}' AS after,
                 bool_or(coalesce(coalesce(l.category, p.category) = {category}, false)) AS holds
          FROM sale_lines l LEFT JOIN known_products p USING (product_no) WHERE l.quantity > 0 GROUP BY l.order_id)
    GROUP BY ALL ORDER BY ALL"""


@detector(name=NAME, kind="cross_domain", title_ko="계절과 변화", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """One finding on weekdays, at most two on holidays and two on changed shares."""
    import numpy as np

    sold = daily(context, "category", _MOST_CATEGORIES)
    if not sold.names:  # no category is known: the days themselves still tell
        sold = daily(context, "product", 0)
    total = _orders_by_day(context, sold)
    monday = -sold.first.weekday() % 7
    weeks = max((sold.days - monday) // 7, 0)
    if weeks < MINIMUM:
        return Shortage(weeks, MINIMUM, "주문이 있는 주(기간)")
    found = _weekday(context, total[monday : monday + 7 * weeks].reshape(weeks, 7))
    common = np.flatnonzero(sold.orders.sum(axis=0) >= _LEAST_ORDERS)
    if len(common) >= 2:
        kept = Daily(
            [sold.names[k] for k in common],
            sold.first,
            *(a[:, common] for a in (sold.orders, sold.units, sold.amount)),
        )
        found += [*_holidays(context, kept, total), *_changes(context, kept, total, monday, weeks)]
    return found or Shortage(0, MINIMUM, "주문이 있는 주(기간)")


def _orders_by_day(context: DiscoveryContext, sold: Daily) -> "NDArray[np.float64]":
    """Orders of the whole shop on each day of `sold`."""
    import numpy as np

    rows = context.sql(
        "SELECT (ordered_local::DATE - $first::DATE)::INTEGER AS day, count(DISTINCT order_id) AS orders "
        "FROM sale_lines WHERE quantity > 0 GROUP BY 1",
        first=sold.first,
    )
    out = np.zeros(sold.days)
    inside = rows[(rows["day"] >= 0) & (rows["day"] < sold.days)]
    out[inside["day"].to_numpy(int)] = inside["orders"].to_numpy(float)
    return out


# -- weekdays ----------------------------------------------------------------------------------------------------


def _weekday(context: DiscoveryContext, weeks: "NDArray[np.float64]") -> list[Finding]:
    import numpy as np

    weeks = weeks[weeks.sum(axis=1) > 0]
    if len(weeks) < MINIMUM or not weeks.var(axis=1).any():
        return []
    mean = weeks.mean(axis=1)
    sd = float(np.sqrt((weeks.var(axis=1)).sum()))
    rng = context.rng(NAME, "weekday")
    deviation = (weeks - mean[:, None]).sum(axis=0)
    draws = np.stack([rng.permuted(weeks, axis=1).sum(axis=0) - mean.sum() for _ in range(_DRAWS)])
    best = int(np.argmax(np.abs(deviation)))
    p = float(max_t(np.abs(deviation) / sd, np.abs(draws) / sd)[best])
    estimate = ratio_of_sums(weeks[:, best], mean)
    half = len(weeks) // 2
    parts = [
        float(w[:, best].sum() / m.sum()) - 1 for w, m in ((weeks[:half], mean[:half]), (weeks[half:], mean[half:]))
    ]
    day = _WEEKDAYS[best]
    more = "많습니다" if estimate.value > 1 else "적습니다"
    title = f"{day}요일 주문이 하루 평균의 {estimate.value:.2f}배로 가장 두드러지게 {more}"
    if estimate.value == 0:
        title = f"{day}요일에는 주문이 하나도 없습니다"
    finding = Finding(
        subject="weekday",
        title=title,
        effect="weekday_ratio",
        estimate=estimate,
        null=(1.0, 1.0),
        p=p,
        n=len(weeks),
        halves=(parts[0], parts[1]),
        evidence=context.evidence(_WEEKDAY_SQL),
        summary=f"{len(weeks)}주 동안 요일마다 그 주의 하루 평균에 견주었고, 일곱 요일에 대해 보정했습니다.",
        action="광고와 상담 인력, 출고를 요일별 주문에 맞추고, 적은 요일의 행사는 나누어 시험하세요.",
    )
    return [finding]


# -- holidays ----------------------------------------------------------------------------------------------------


def _feasts(sold: Daily) -> list[tuple[str, int]]:
    """(name, first row of the window) of each Seollal and Chuseok whose window lies inside the data."""
    found = []
    for name, days in HOLIDAYS.items():
        for day in days:
            start = (day - sold.first).days - _ENDS - _WINDOW + 1
            if start >= 7 and start + _WINDOW <= sold.days:
                found.append((name, start))
    return sorted(found, key=lambda f: f[1])


def _around(x: "NDArray[np.float64]", mask: "NDArray[np.bool_]") -> "NDArray[np.float64]":
    """For every row as the start of a window, the sum of x over six weeks before and after it, outside `mask`."""
    import numpy as np

    sums = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(np.where(mask[:, None], 0.0, x), axis=0)])
    start = np.arange(len(x) - _WINDOW + 1)
    low = np.maximum(start - _AROUND, 0)
    high = np.minimum(start + _WINDOW + _ENDS + _AROUND, len(x))
    after = np.minimum(start + _WINDOW + _ENDS, len(x))
    return sums[start] - sums[low] + sums[high] - sums[after]


def _holidays(context: DiscoveryContext, sold: Daily, total: "NDArray[np.float64]") -> list[Finding]:
    import numpy as np

    feasts = _feasts(sold)
    if len(feasts) < 2:
        return []
    n = total[:, None]
    none = np.zeros(sold.days, bool)
    ends = np.concatenate([np.zeros((1, len(sold.names))), np.cumsum(sold.orders, axis=0)])
    whole = np.concatenate([np.zeros((1, 1)), np.cumsum(n, axis=0)])
    seen, days = ends[_WINDOW:] - ends[:-_WINDOW], whole[_WINDOW:] - whole[:-_WINDOW]
    base, base_days = _around(sold.orders, none), _around(n, none)
    expected = days * base / np.maximum(base_days, 1)
    noise = expected * (1 + days / np.maximum(base_days, 1))
    starts = np.array([start for _, start in feasts])
    draws = context.rng(NAME, "holiday").integers(0, len(seen), (_DRAWS, len(starts)))

    def score(at: "NDArray[np.int64]") -> "NDArray[np.float64]":
        return (seen - expected)[at].sum(axis=-2) / np.sqrt(np.maximum(noise[at].sum(axis=-2), 1.0))

    null = score(draws)
    spread = np.maximum(null.std(axis=0), 0.5)
    observed = score(starts) / spread
    p = max_t(observed, null / spread)
    order = np.lexsort((np.arange(len(p)), -observed))
    kept = [int(k) for k in order[:_REPORTED] if p[k] <= 0.05] or [int(order[0])]
    return [
        _holiday(
            context,
            sold,
            feasts,
            k,
            seen=seen[starts, k],
            expected=expected[starts, k],
            base=base[starts, k],
            p=float(p[k]),
        )
        for k in kept
    ]


def _holiday(
    context: DiscoveryContext,
    sold: Daily,
    feasts: list[tuple[str, int]],
    k: int,
    *,
    seen: "NDArray[np.float64]",
    expected: "NDArray[np.float64]",
    base: "NDArray[np.float64]",
    p: float,
) -> Finding:
    import numpy as np

    name = sold.names[k]
    value = float(seen.sum() / max(expected.sum(), 1e-9))
    # orders of the windows and of the weeks around are counts; windows that differ among themselves widen it
    phi = max(1.0, float(np.mean((seen - value * expected) ** 2 / np.maximum(value * expected, 1e-9))))
    spread = 1.96 * (phi * (1 / max(seen.sum(), 1) + 1 / max(base.sum(), 1))) ** 0.5
    estimate = Estimate(value, value * float(np.exp(-spread)), value * float(np.exp(spread)))
    first = np.array([start < sold.days / 2 for _, start in feasts])
    halves = [float(seen[m].sum() / expected[m].sum()) - 1 if expected[m].sum() > 0 else 0.0 for m in (first, ~first)]
    by_name = {
        kind: float(seen[m].sum() - expected[m].sum())
        for kind in HOLIDAYS
        if (m := np.array([f == kind for f, _ in feasts])).any()
    }
    lacking = [kind for kind, more in by_name.items() if more * (value - 1) <= 0]
    dates = [sold.date(start) for _, start in feasts]
    spans = " OR ".join(
        f"ordered_local::DATE BETWEEN DATE '{d}' AND DATE '{d + timedelta(days=_WINDOW - 1)}'" for d in dates
    )
    return Finding(
        subject=f"holiday:{name}",
        title=f"'{name}'{particle(name, '은(는)')} 설·추석 직전 {_WINDOW}일 동안 평소의 {value:.1f}배로 담깁니다",
        effect="holiday_share_ratio",
        estimate=estimate,
        null=(1.0, 1.0),
        p=p,
        n=sold.days // 7,
        halves=(halves[0], halves[1]),
        evidence=context.evidence(_SHARE_SQL.format(by=f"({spans}) AS before_holiday", category=quoted(name))),
        summary=(
            f"명절 {len(feasts)}번의 직전 {_WINDOW}일을 그 앞뒤 6주의 주문 비중에 견주었습니다. "
            "같은 길이의 기간을 아무 데서나 골랐을 때와 견주어, 모든 카테고리에 대해 보정했습니다."
        ),
        action=f"다음 명절 6주 전에 '{name}' 재고와 선물 포장을 준비하고, 3주 전부터 첫 화면에 올리세요.",
        caution=f"{', '.join(lacking)}에는 보이지 않습니다." if lacking else "",
    )


# -- changes -----------------------------------------------------------------------------------------------------


def _changes(
    context: DiscoveryContext, sold: Daily, total: "NDArray[np.float64]", monday: int, weeks: int
) -> list[Finding]:
    import numpy as np

    x, n = sold.orders.copy(), total.copy()
    for days in HOLIDAYS.values():
        for day in days:
            end = (day - sold.first).days + 2
            x[max(end - 18, 0) : max(end, 0)] = 0.0
            n[max(end - 18, 0) : max(end, 0)] = 0.0
    weekly = x[monday : monday + 7 * weeks].reshape(weeks, 7, -1).sum(axis=1)
    orders = n[monday : monday + 7 * weeks].reshape(weeks, 7).sum(axis=1)
    open_weeks = np.flatnonzero(orders > 0)
    if len(open_weeks) < MINIMUM:
        return []
    kept = open_weeks[len(open_weeks) % _BLOCK :]
    k, size = weekly[kept], orders[kept]
    score, where, p = change_points(k, size, context.rng(NAME, "change"), block=_BLOCK, draws=_DRAWS)
    order = np.lexsort((np.arange(len(p)), -score))
    chosen = [int(c) for c in order[:_REPORTED] if p[c] <= 0.05] or [int(order[0])]
    dates = [sold.date(monday + 7 * int(w)) for w in kept]
    return [
        _change(context, sold.names[c], k=k[:, c], size=size, dates=dates, at=int(where[c]), p=float(p[c]))
        for c in chosen
    ]


def _change(
    context: DiscoveryContext,
    name: str,
    *,
    k: "NDArray[np.float64]",
    size: "NDArray[np.float64]",
    dates: list[date],
    at: int,
    p: float,
) -> Finding:
    middle = at + (len(k) - at) // 2
    estimate = _shift(k, size, slice(0, at), slice(at, len(k)))
    halves = [_shift(k, size, slice(0, at), part).value - 1 for part in (slice(at, middle), slice(middle, len(k)))]
    more = "늘었습니다" if estimate.value > 1 else "줄었습니다"
    return Finding(
        subject=f"change:{name}",
        title=f"'{name}'의 주문 비중이 {dates[at]}에 시작한 주부터 그 전의 {estimate.value:.2f}배로 {more}",
        effect="share_ratio_after_change",
        estimate=estimate,
        null=(1.0, 1.0),
        p=p,
        n=len(k),
        halves=(halves[0], halves[1]),
        evidence=context.evidence(
            _SHARE_SQL.format(by="date_trunc('month', ordered_local)::DATE AS month", category=quoted(name))
        ),
        summary=(
            "명절 직전을 뺀 주별 비중에서 가장 뚜렷하게 갈리는 곳입니다. 갈린 뒤의 앞쪽 절반과 뒤쪽 절반에서 각각 "
            "확인했고, 모든 카테고리와 시점에 대해 보정했습니다."
        ),
        action=(
            f"'{name}'에 그 무렵 무엇이 바뀌었는지(광고, 가격, 진열, 품절) 찾아, 늘었으면 재고를, 줄었으면 진열을 "
            "손보세요."
        ),
        caution=_a_year_before(k, size, dates, at, estimate.value) or _mix(context, name, dates[at]),
    )


def _mix(context: DiscoveryContext, name: str, day: date) -> str:
    """A Korean caution when more or fewer first purchases explain half of the change (they hold other things)."""
    rows = context.sql(_MIX_SQL.format(category=quoted(name), day=day))
    table = {(bool(f), bool(a)): (int(k), int(n)) for f, a, k, n in rows.itertuples(index=False, name=None)}
    both = [(*table[f, True], *table[f, False]) for f in (True, False) if {(f, True), (f, False)} <= set(table)]
    if not both:
        return ""
    k1, n1, k2, n2 = (sum(s[i] for s in both) for i in range(4))
    raw = k1 / n1 - k2 / n2
    within = mantel_haenszel(both).value
    if within * raw < 0 or abs(within) < abs(raw) / 2:
        return "첫 구매와 재구매의 비율이 바뀐 것으로 절반 넘게 설명됩니다(심슨의 역설)."
    return ""


def _shift(k: "NDArray[np.float64]", size: "NDArray[np.float64]", before: slice, after: slice) -> Estimate:
    """Share after over share before, with an interval robust to weeks that vary more than counts do."""
    import numpy as np

    parts = [ratio_of_sums(k[s], size[s]) for s in (before, after)]
    if min(p.value for p in parts) <= 0 or min(p.low for p in parts) <= 0:
        base = max(parts[0].value, 0.5 / max(float(size[before].sum()), 1.0))
        return Estimate(parts[1].value / base, parts[1].low / base, max(parts[1].high / base, 1.0))
    spread = float(np.hypot(*(np.log(p.high / p.value) for p in parts)))
    value = parts[1].value / parts[0].value
    return Estimate(value, value * float(np.exp(-spread)), value * float(np.exp(spread)))


def _a_year_before(
    k: "NDArray[np.float64]", size: "NDArray[np.float64]", dates: list[date], at: int, value: float
) -> str:
    """A Korean caution unless the weeks after the change also differ from the same weeks of the year before."""
    import numpy as np

    days = np.array([d.toordinal() for d in dates])
    pairs = [(w, int(np.argmin(np.abs(days - (days[w] - 364))))) for w in range(at, len(days))]
    pairs = [(w, e) for w, e in pairs if abs(int(days[e]) - int(days[w]) + 364) <= 7 and e < at]
    if len(pairs) < EDGE:
        return "한 해 전 같은 때의 기록이 모자라 계절과 구별할 수 없습니다."
    now, then = (sorted({p[i] for p in pairs}) for i in (0, 1))
    a, b = float(k[now].sum() / size[now].sum()), float(k[then].sum() / size[then].sum())
    if (
        (a - b) * (value - 1) <= 0
        or (value > 1 and a < b * (1 + (value - 1) / 3))
        or (value < 1 and a > b * (1 - (1 - value) / 3))
    ):
        return "한 해 전 같은 때와 견주면 거의 다르지 않아, 변화가 아니라 계절일 수 있습니다."
    return ""
