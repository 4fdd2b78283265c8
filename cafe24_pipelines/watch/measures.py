"""The figures of a day or a week, and whether they are what such a day or week usually is.

A figure is compared with the same weekday of the eight weeks before. The expectation is their mean with outliers cut
(three standard deviations from the median), and the spread is quasi-Poisson: variance = dispersion x mean, with the
dispersion pooled over all 56 days around the mean of each weekday. A new value then follows, about, a negative
binomial of that mean and of that variance times (1 + 1/8), which holds for rare events as for many. Money counts in
units of the mean order. All figures of a day are tested at once, by Holm. A share of the tests is one-sided: what
is cancelled grows with the age of an order, so a recent day always shows few.

A running day is compared with the same hours of those days, up to the last thing that landed and without it: what
came before the last of a stream says nothing about when it came. What is dated after this moment is no data: one
order with a wrong date must not become the last day. Whole days since the last order are a silence, whose chance is
that of no order in so many such days. A week without any order among busy ones is a gap and no part of what is usual:
landing failed, the mall was shut, or one test order lies long before the first real one. Does not belong here: words
(`day.py`, `week.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.shop import Shop

    Series = dict[str, NDArray[np.float64]]

WEEKS: Final = 8
LEAST_WEEKS: Final = 4
"""Fewer weeks of history tell nothing of what is usual."""
ALPHA: Final = 0.05
SILENT: Final = 0.01
"""A silence less likely than this is told."""
BUSY: Final = 10
"""Orders of a week from which on a week without any is a gap, not chance."""
LEAST_LANDED: Final = 3600
"""Seconds of a running day before which the day before says more."""
DAY_SECONDS: Final = 86_400
_CUT: Final = 3.0
_CHI2_MEDIAN: Final = 0.4549
"""Median of a squared standard normal value."""


@dataclass(frozen=True)
class Metric:
    """One figure: what is counted, in rows of `source` (with a local time `{at}`), and the unit it is told in.

    `side` is 1 when only more than usual is told. `distinct` figures count each member once, so those of a week are
    not the sum of its days. `money` figures are in the mall's currency.
    """

    name: str
    title_ko: str
    title_en: str
    value: str
    source: str = "order_facts"
    at: str = "ordered_local"
    unit: str = "건"
    side: int = 0
    distinct: bool = False

    @property
    def money(self) -> bool:
        """Whether it is an amount."""
        return self.unit == ""

    def sql(self, first: date, last: date, until: int, zone: str) -> str:
        """Day and value of every day that has rows, ready to run (`until` seconds of each day)."""
        at = self._moment(zone)
        return (
            f"SELECT CAST({at} AS DATE) AS day, {self.value} AS value FROM {self.source} "
            f"WHERE CAST({at} AS DATE) BETWEEN DATE '{first}' AND DATE '{last}' "
            f"AND date_diff('second', date_trunc('day', {at}), {at}) < {until} GROUP BY 1 ORDER BY 1"
        )

    def whole_sql(self, first: date, last: date, zone: str) -> str:
        """The one value of all these days together."""
        between = f"CAST({self._moment(zone)} AS DATE) BETWEEN DATE '{first}' AND DATE '{last}'"
        return f"SELECT {self.value} AS value FROM {self.source} WHERE {between}"

    def weeks_sql(self, first: date, weeks: int, days: int, zone: str) -> str:
        """Week (from 0) and the value of its first `days` together, of weeks from `first` on that have rows."""
        day, last = f"CAST({self._moment(zone)} AS DATE)", first + timedelta(days=7 * weeks - 1)
        return (
            f"SELECT ({day} - DATE '{first}') // 7 AS week, {self.value} AS value FROM {self.source} "
            f"WHERE {day} BETWEEN DATE '{first}' AND DATE '{last}' AND ({day} - DATE '{first}') % 7 < {days} "
            "GROUP BY 1"
        )

    def _moment(self, zone: str) -> str:
        return self.at.format(zone=zone.replace("'", "''"))


_WRITTEN: Final = "(created_at AT TIME ZONE '{zone}')"

METRICS: Final = (
    Metric("revenue", "순매출", "Net sales", "sum(net_amount)", unit=""),
    Metric("orders", "주문", "Orders placed", "count(*) FILTER (paid_amount >= 0)"),
    Metric("new_buyers", "첫 구매 고객", "First-time buyers", "count(*) FILTER (sale_no = 1)", unit="명"),
    Metric("returning_buyers", "재구매 고객", "Returning buyers", "count(DISTINCT member_key) FILTER (sale_no > 1)",
           unit="명", distinct=True),
    Metric("cancellations", "취소", "Cancelled orders", "count(*) FILTER (status = 'cancelled')", side=1),
    Metric("coupon_orders", "쿠폰 주문", "Orders with a coupon",
           "count(*) FILTER (is_sale AND coupon_no IS NOT NULL)"),
    Metric("reviews", "리뷰", "Reviews", "count(*)", source="reviews", at=_WRITTEN),
    Metric("low_reviews", "낮은 평점(1~2점) 리뷰", "Low ratings (1-2)", "count(*) FILTER (rating <= 2)",
           source="reviews", at=_WRITTEN, side=1),
)  # fmt: skip
"""Orders are counted as placed, cancelled ones included, so that a recent day is counted like an old one."""


@dataclass(frozen=True)
class Judged:
    """A figure beside what is usual. `low` and `high` hold 95 of 100 usual days; `adjusted` is Holm's p."""

    metric: Metric
    value: float
    expected: float
    low: float
    high: float
    p: float
    adjusted: float
    query: str

    @property
    def differs(self) -> int:
        """1 more than usual, -1 less, 0 as usual."""
        return 0 if self.adjusted >= ALPHA else (1 if self.value > self.expected else -1)

    @property
    def outside(self) -> bool:
        """Whether the value alone lies outside its range, whatever the other figures do."""
        return not self.low <= self.value <= self.high


@dataclass(frozen=True)
class Span:
    """The day to judge: whole (`until` = 86,400 s), or the part of a running one that has landed."""

    day: date
    until: int = DAY_SECONDS

    @property
    def running(self) -> bool:
        """Whether the day has not ended."""
        return self.until < DAY_SECONDS


@dataclass(frozen=True)
class Silence:
    """Whole days since the one with the last order: orders that so many bring, and p of none."""

    days: int
    last: date
    expected: float
    p: float

    @property
    def loud(self) -> bool:
        """Whether it can't well be chance."""
        return self.p < SILENT


@dataclass(frozen=True)
class History:
    """The whole weeks before a day: how many (at most `WEEKS`), and which of them (0 the oldest) are no gap."""

    span: int
    kept: tuple[int, ...]

    @property
    def weeks(self) -> int:
        """Weeks that a day or week can be compared with."""
        return len(self.kept)

    @property
    def enough(self) -> bool:
        """Whether they show what is usual."""
        return self.weeks >= LEAST_WEEKS

    def rows(self, values: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Kept weeks x weekdays of a series whose first days are those of the span."""
        return values[: 7 * self.span].reshape(self.span, 7)[list(self.kept)]


_LAST_SQL: Final = """
    SELECT max(moment) AS moment, max(moment) FILTER (moment <= $now::TIMESTAMP) AS past,
        max(moment) FILTER (moment < $now::DATE) AS earlier FROM (
        SELECT ordered_local AS moment FROM order_facts
        UNION ALL SELECT "at" AT TIME ZONE '{zone}' FROM events
    )"""


def latest_day(shop: "Shop", mall: "Mall", now: datetime) -> Span | None:
    """The mall's last day with an order, view, cart or purchase up to `now` (aware); None for an empty mall.

    Today is judged as far as it has landed, and yesterday while that is less than an hour. Only a mall whose data all
    lie in the future (a wrong clock) has its latest of all.
    """
    zone, local = mall.time_zone.replace("'", "''"), _local(now, mall)
    [row] = shop.query(_LAST_SQL.format(zone=zone), {"now": local.isoformat()}, zone=mall.time_zone).to_pylist()
    at: datetime | None = row["past"] or row["moment"]
    if at is None:
        return None
    if at.date() != local.date():
        return Span(at.date())
    until = at.hour * 3600 + at.minute * 60 + at.second
    if until < LEAST_LANDED and row["earlier"] is not None:
        return Span(at.date() - timedelta(days=1))
    return Span(at.date(), until)


def local_day(now: datetime, mall: "Mall") -> date:
    """The day of a moment in the mall's zone."""
    return _local(now, mall).date()


def _local(now: datetime, mall: "Mall") -> datetime:
    return now.astimezone(ZoneInfo(mall.time_zone)).replace(tzinfo=None)


def silence(shop: "Shop", mall: "Mall", now: datetime) -> Silence | None:
    """The whole days since the one with the last order, whatever else landed; None when there is none.

    Without enough history p is 1.
    """
    sql = "SELECT max(ordered_local)::DATE AS last FROM order_facts WHERE ordered_local <= $now::TIMESTAMP"
    last = shop.query(sql, {"now": _local(now, mall).isoformat()}, zone=mall.time_zone).to_pylist()[0]["last"]
    days = 0 if last is None else (local_day(now, mall) - last).days - 1
    if days < 1:
        return None
    history = history_of(shop, mall, last + timedelta(days=1))
    if not history.enough:
        return Silence(days, last, 0.0, 1.0)
    before = [last - timedelta(days=back) for back in range(7 * history.span - 1, -1, -1)]
    usual = history.rows(series_of(shop, mall, before)["orders"])  # the first column has the next day's weekday
    spread = dispersion(usual)
    mean = sum(expectation(usual[:, day % 7], spread) for day in range(days))
    variance = spread * mean * (1 + 1 / history.weeks)
    return Silence(days, last, mean, (mean / variance) ** (mean**2 / (variance - mean)))


# -- one day or week beside those before -------------------------------------------------------------------------


def series_of(shop: "Shop", mall: "Mall", days: Sequence[date], until: int = DAY_SECONDS) -> "Series":
    """Every metric of each of these days, which follow each other; a day without rows has 0."""
    import numpy as np

    found: Series = {}
    with shop.duckdb(zone=mall.time_zone) as db:
        for metric in METRICS:
            rows = dict(db.execute(metric.sql(days[0], days[-1], until, mall.time_zone)).fetchall())
            found[metric.name] = np.array([float(rows.get(day) or 0) for day in days])
    return found


def history_of(shop: "Shop", mall: "Mall", day: date) -> History:
    """The whole weeks of history before a day, and those of them that are no gap."""
    sql = (
        "SELECT ($day::DATE - ordered_local::DATE - 1) // 7 AS back, count(*) AS orders, min(ordered_local)::DATE AS "
        "first FROM order_facts WHERE ordered_local < $day::DATE GROUP BY 1"
    )
    rows = shop.query(sql, {"day": day.isoformat()}, zone=mall.time_zone).to_pylist()
    first = min((row["first"] for row in rows), default=day)
    span = min(WEEKS, (day - first).days // 7)
    by_week = {span - 1 - row["back"]: row["orders"] for row in rows}
    counts = [by_week.get(week, 0) for week in range(span)]
    some = [n for n in counts if n]
    sparse = bool(some) and median(some) < BUSY
    return History(span, tuple(week for week, n in enumerate(counts) if n or sparse))


def judge_day(shop: "Shop", mall: "Mall", span: Span) -> list[Judged]:
    """Every metric of a day beside its usual; none when the history is shorter than `LEAST_WEEKS`."""
    history = history_of(shop, mall, span.day)
    if not history.enough:
        return []
    days = [span.day - timedelta(days=back) for back in range(7 * history.span, -1, -1)]
    series = series_of(shop, mall, days, span.until)
    found = []
    for metric in METRICS:
        values = series[metric.name]
        usual = history.rows(values)
        one = judge(
            metric, float(values[-1]), usual[:, 0], dispersion(usual, scale(metric, series)), scale(metric, series)
        )
        found.append(replace(one, query=metric.sql(span.day, span.day, span.until, mall.time_zone)))
    return corrected(found)


def scale(metric: Metric, series: "Series") -> float:
    """What one unit is: the mean order for money, else 1."""
    if not metric.money:
        return 1.0
    orders, money = float(series["orders"][:-1].sum()), float(series["revenue"][:-1].sum())
    return max(money / orders, 1e-9) if orders > 0 and money > 0 else 1.0


def dispersion(usual: "NDArray[np.float64]", unit: float = 1.0) -> float:
    """Variance over mean of what the columns of `usual` (weeks x weekdays) hold, outliers cut; at least 1."""
    import numpy as np

    y = np.maximum(usual, 0.0) / unit
    middle = np.maximum(np.median(y, axis=0), 0.5)
    rough = max(1.0, float(np.median((y - middle) ** 2 / middle)) / _CHI2_MEDIAN)
    reach = _CUT * np.sqrt(rough * middle)
    kept = np.clip(y, middle - reach, middle + reach)
    mean = np.maximum(kept.mean(axis=0), 0.5 / len(y))
    free = max((len(y) - 1) * y.shape[1], 1)
    return max(1.0, float(np.sum((kept - mean) ** 2 / mean)) / free)


def expectation(usual: "NDArray[np.float64]", spread: float, unit: float = 1.0) -> float:
    """The mean of comparable values with outliers cut, in units; half an event more: what never was can come."""
    import numpy as np

    y = np.maximum(usual, 0.0) / unit
    middle = float(np.median(y))
    reach = _CUT * (spread * max(middle, 1.0)) ** 0.5
    return (float(np.clip(y, middle - reach, middle + reach).sum()) + 0.5) / len(y)


def judge(metric: Metric, value: float, usual: "NDArray[np.float64]", spread: float, unit: float = 1.0) -> Judged:
    """One value beside comparable ones; `adjusted` is still the plain p."""
    from scipy.special import betainc

    mean = expectation(usual, spread, unit)
    variance = max(spread * mean * (1 + 1 / len(usual)), mean * (1 + 1e-6))
    size, chance = mean**2 / (variance - mean), mean / variance
    seen = max(value, 0.0) / unit
    below = float(betainc(size, seen + 1, chance))  # the distribution, read between whole numbers too
    above = 1.0 if seen <= 0 else float(1 - betainc(size, seen, chance))
    p = above if metric.side > 0 else min(1.0, 2 * min(below, above))
    low, high = (_quantile(q, size, chance) * unit for q in (0.025, 0.975))
    if metric.side > 0:
        low, high = 0.0, _quantile(0.95, size, chance) * unit
    return Judged(metric, value, mean * unit, low, high, p, p, "")


def _quantile(share: float, size: float, chance: float) -> float:
    """The smallest whole number that a negative binomial reaches with at least this chance."""
    from math import ceil

    from scipy.special import betainc, nbdtrik

    near = max(float(ceil(nbdtrik(share, size, chance))), 0.0)
    return near - 1 if near > 0 and betainc(size, near, chance) >= share else near


def corrected(judged: Sequence[Judged]) -> list[Judged]:
    """With Holm's p over all of them."""
    from cafe24_pipelines.experiments.statistics import holm

    return [replace(one, adjusted=p) for one, p in zip(judged, holm([j.p for j in judged]), strict=True)]


# -- how figures are written -------------------------------------------------------------------------------------


def amount(metric: Metric, value: float, currency: str, lang: str = "ko") -> str:
    """A figure with its unit."""
    if metric.money:
        return f"{value:,.0f}원" if currency == "KRW" and lang == "ko" else f"{value:,.0f} {currency}"
    number = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return f"{number}{metric.unit}" if lang == "ko" else number


def to_row(one: Judged, currency: str) -> dict[str, Any]:
    """A figure as plain values, rounded; what a table or an event holds."""
    return {
        "metric": one.metric.name, "title": one.metric.title_ko, "value": round(one.value, 4),
        "expected": round(one.expected, 2), "low": round(one.low, 2), "high": round(one.high, 2),
        "p": float(f"{one.p:.4g}"), "adjusted_p": float(f"{one.adjusted:.4g}"), "differs": one.differs,
        "unit": currency if one.metric.money else one.metric.unit, "query": one.query,
    }  # fmt: skip
