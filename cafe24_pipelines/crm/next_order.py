"""Next order: when each member is expected to order again if they do, with an interval, given that they have not yet.

Gaps between a member's order days are log-normal around the member's own level, and levels are normal around the
shop's (empirical Bayes): a member with one order is forecast as the shop, one with ten mostly as themselves. The
shop's curve is fitted on gaps that had time to end, each weighed by the chance to be seen at all (right truncation),
so that a young shop's gaps don't look shorter than they are. The forecast is conditional: it says when, not whether
(see `churn`). Does not belong here: the cycle of a product (`repurchase_cycle.py`).
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import ArrayLike, NDArray

    from cafe24_pipelines.crm.shop import Shop

LEVEL: Final = 0.8
"""Of the interval."""

MINIMUM_GAPS: Final = 30
MINIMUM_MEMBERS: Final = 10

FARTHEST_DAYS: Final = 3650
"""No date lies farther from the last day of data."""

SOON_DAYS: Final = 14
LONG_OVERDUE: Final = 0.95
"""Longer without an order than this share of the member's gaps would be: "오래됨"."""

_LEAST_SIGMA: Final = 0.05
STATUSES: Final = ("제때", "곧", "늦음", "오래됨")

# One row a member as of `$until`: how many gaps, the mean of their logarithms, their squares within the member.
_MEMBERS_SQL: Final = """
    WITH days AS (
        SELECT DISTINCT member_key, ordered_local::DATE AS day FROM order_facts
        WHERE is_sale AND member_key IS NOT NULL AND ordered_local::DATE <= $until::DATE
    ), gaps AS (
        SELECT member_key, day, ln(day - lag(day) OVER (PARTITION BY member_key ORDER BY day)) AS log_gap FROM days
    )
    SELECT member_key, max(day) AS last_order_date, count(*) AS order_days, count(log_gap) AS gaps,
           round(coalesce(avg(log_gap), 0), 9) AS mean_log, round(coalesce(var_pop(log_gap), 0), 9) AS variance_log
    FROM gaps GROUP BY member_key ORDER BY member_key"""

# Finished gaps by their length and by the longest that could have been seen from their start.
_GAPS_SQL: Final = """
    WITH days AS (
        SELECT DISTINCT member_key, ordered_local::DATE AS day FROM order_facts
        WHERE is_sale AND member_key IS NOT NULL AND ordered_local::DATE <= $until::DATE
    ), gaps AS (
        SELECT lead(day) OVER (PARTITION BY member_key ORDER BY day) - day AS gap, $until::DATE - day AS room
        FROM days
    )
    SELECT gap::INTEGER AS gap, room::INTEGER AS room, count(*) AS n
    FROM gaps WHERE gap IS NOT NULL GROUP BY ALL ORDER BY gap, room"""

_RETURNS_SQL: Final = """
    SELECT member_key, min(ordered_local)::DATE AS next_order FROM order_facts
    WHERE is_sale AND member_key IS NOT NULL AND ordered_local::DATE > $until::DATE
    GROUP BY member_key ORDER BY member_key"""

_SPAN_SQL: Final = """
    SELECT max(ordered_local)::DATE AS last,
           min(ordered_local) FILTER (is_sale AND member_key IS NOT NULL)::DATE AS first FROM order_facts"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    return {
        "member_key": TEXT, "last_order_date": pa.date32(), "order_days": INT, "days_since": INT,
        "due_date": pa.date32(), "expected_next_date": pa.date32(), "low_date": pa.date32(),
        "high_date": pa.date32(), "days_late": INT, "status": TEXT,
    }  # fmt: skip


@dataclass(frozen=True)
class GapModel:
    """log gap = level of the member + noise: the shop's mean level, spread of levels (tau) and noise (sigma)."""

    mean: float
    tau: float
    sigma: float

    def levels(self, gaps: "ArrayLike", mean_log: "ArrayLike") -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """Each member's predictive (mean, standard deviation) of a log gap, from how many gaps of which mean."""
        import numpy as np

        n, own = np.asarray(gaps, float), np.asarray(mean_log, float)
        weight = n * self.tau**2 / (n * self.tau**2 + self.sigma**2)
        left = self.tau**2 * (1 - weight)
        return self.mean + weight * (own - self.mean), np.sqrt(self.sigma**2 + left)


@analysis(
    name="next_order",
    title_ko="다음 주문 예상일",
    title_en="Expected next order",
    needs=("orders",),
    columns=_columns,
)
def next_order(shop: "Shop", mall: Mall) -> Outcome:
    """The day on which each member is expected to order next, should they order, with an 80 % interval.

    One row a member with a sale, ordered by `member_key`.

    Columns: member_key, last_order_date, order_days (distinct local days with a sale), days_since (up to the mall's
    last day of orders), due_date (what was expected on the day of the last order), expected_next_date, low_date and
    high_date (the median and the 10 % and 90 % quantiles, given that nothing was bought since), days_late (days
    past due_date, else 0), status (제때: due later, 곧: due within a fortnight, 늦음: past due, 오래됨: later than
    95 % of such a member's gaps). The summary says how many of the orders that followed a past date lay within
    their intervals.
    """
    span = shop.query(_SPAN_SQL, zone=mall.time_zone).to_pylist()[0]
    if span["first"] is None:
        return Outcome(_empty(), {}, lacking=(Lacking("회원의 구매", 0, 1),))
    members, model, lacking = _fitted(shop, mall, span["last"])
    if model is None:
        return Outcome(_empty(), {}, lacking=lacking)
    table = _table(members, model, span["last"])
    held_out, chart = _hold_out(shop, mall, span["first"], span["last"])
    late = (Lacking("과거 시점에서 맞춰 볼 다음 주문", held_out["orders"], MINIMUM_GAPS),)
    known = held_out["coverage"] is not None
    return Outcome(table, _summary(table, model, members, held_out), chart, () if known else late)


def fit_gaps(gap: "ArrayLike", room: "ArrayLike", n: "ArrayLike") -> tuple[float, float]:
    """(mean, standard deviation) of log gaps by maximum likelihood, given that each gap was at most its `room` days.

    Gaps are whole days: one of g days lies between g - 0.5 and g + 0.5.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import log_ndtr, ndtr

    g, most, weight = (np.asarray(one, float) for one in (gap, room, n))
    log_low, log_high, log_most = np.log(g - 0.5), np.log(g + 0.5), np.log(most + 0.5)
    centre = float(np.average(np.log(g), weights=weight))
    spread = max(float(np.average((np.log(g) - centre) ** 2, weights=weight)) ** 0.5, _LEAST_SIGMA)
    # without the weak pull, gaps that are cut by their room can't tell a wide curve from a wider one
    total, pull = weight.sum(), 1.0

    def loss(theta: "NDArray[np.float64]") -> float:
        mean, s = theta[0], np.exp(theta[1])
        mass = np.maximum(ndtr((log_high - mean) / s) - ndtr((log_low - mean) / s), 1e-300)
        likelihood = float(np.sum(weight * (np.log(mass) - log_ndtr((log_most - mean) / s))))
        return (-likelihood + pull * ((theta[0] - centre) ** 2 + (theta[1] - np.log(spread)) ** 2)) / total

    bounds = [(-1.0, np.log(FARTHEST_DAYS)), (np.log(_LEAST_SIGMA), np.log(3.0))]
    start = np.clip([centre, np.log(spread)], [b[0] for b in bounds], [b[1] for b in bounds])
    best = minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    return float(best.x[0]), float(np.exp(best.x[1]))


def _fitted(shop: "Shop", mall: Mall, until: Any) -> "tuple[pd.DataFrame, GapModel | None, tuple[Lacking, ...]]":
    """Members as of a day with the model fitted on what was known then, or what is missing for it."""
    import numpy as np

    day = {"until": until}
    members = shop.query(_MEMBERS_SQL, day, zone=mall.time_zone).to_pandas()
    gaps = shop.query(_GAPS_SQL, day, zone=mall.time_zone).to_pandas()
    total, repeaters = int(gaps["n"].sum()), int((members["gaps"] > 0).sum())
    if total < MINIMUM_GAPS or repeaters < MINIMUM_MEMBERS:
        return members, None, (
            Lacking("회원이 다시 주문한 횟수", total, MINIMUM_GAPS),
            Lacking("두 번 이상 주문한 회원", repeaters, MINIMUM_MEMBERS),
        )  # fmt: skip
    mean, spread = fit_gaps(gaps["gap"], gaps["room"], gaps["n"])
    k = members["gaps"].to_numpy(float)
    within = float(np.sum((members["variance_log"] * k)[k > 1]))
    free = float(np.sum(k[k > 1] - 1))
    noise = (within / free) ** 0.5 if free >= MINIMUM_MEMBERS else spread
    sigma = float(np.clip(noise, _LEAST_SIGMA, spread))
    return members, GapModel(mean, max(spread**2 - sigma**2, 0.0) ** 0.5, sigma), ()


def _quantile(
    mean: "NDArray[np.float64]", sd: "NDArray[np.float64]", elapsed: "NDArray[np.float64]", share: float
) -> "NDArray[np.float64]":
    """Days from the last order by which `share` of next orders come, given none in the first `elapsed` days."""
    import numpy as np
    from scipy.stats import norm

    waited = np.where(elapsed > 0, (np.log(np.maximum(elapsed, 0) + 0.5) - mean) / sd, -np.inf)
    # of the upper tail, so that a member long overdue doesn't vanish into rounding
    z = norm.isf(np.maximum((1 - share) * norm.sf(waited), 1e-300))
    return np.clip(np.exp(np.minimum(mean + sd * z, 20.0)), elapsed + 1, elapsed + FARTHEST_DAYS)


def _day_numbers(days: "pd.Series[Any]") -> "NDArray[np.float64]":
    """Proleptic ordinals of dates."""
    import numpy as np
    import pandas as pd

    since = pd.to_datetime(days).to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.asarray(since + date(1970, 1, 1).toordinal(), float)


def _dates(days: "NDArray[np.float64]") -> list[date]:
    return [date.fromordinal(int(day)) for day in days]


def _table(members: "pd.DataFrame", model: GapModel, as_of: Any) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    last = _day_numbers(members["last_order_date"])
    elapsed = float(as_of.toordinal()) - last
    mean, sd = model.levels(members["gaps"], members["mean_log"])
    due = np.rint(_quantile(mean, sd, np.zeros_like(elapsed), 0.5))
    at = {
        name: _dates(last + np.rint(_quantile(mean, sd, elapsed, share)))
        for name, share in (("expected", 0.5), ("low", 0.5 - LEVEL / 2), ("high", 0.5 + LEVEL / 2))
    }
    long_ago = elapsed > _quantile(mean, sd, np.zeros_like(elapsed), LONG_OVERDUE)
    status = np.select([long_ago, elapsed > due, due - elapsed <= SOON_DAYS], ["오래됨", "늦음", "곧"], "제때")
    return pd.DataFrame(
        {
            "member_key": members["member_key"],
            "last_order_date": members["last_order_date"],
            "order_days": members["order_days"].astype("int64"),
            "days_since": elapsed.astype("int64"),
            "due_date": _dates(last + due),
            "expected_next_date": at["expected"],
            "low_date": at["low"],
            "high_date": at["high"],
            "days_late": np.maximum(elapsed - due, 0).astype("int64"),
            "status": status.astype(object),
        }
    )


def _hold_out(shop: "Shop", mall: Mall, first: Any, last: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The forecast of a past day, held against the orders that followed until today.

    Only orders that came by today can be counted, so the share that the model itself expects within its interval
    *and* by today stands beside the share that was seen.
    """
    import numpy as np
    from scipy.special import ndtr

    cut = last - (last - first) / 4
    report: dict[str, Any] = {"cut": str(cut), "level": LEVEL, "orders": 0, "coverage": None}
    members, model, _ = _fitted(shop, mall, cut)
    if model is None:
        return report, {}
    later = shop.query(_RETURNS_SQL, {"until": cut}, zone=mall.time_zone).to_pandas()
    found = members.merge(later, on="member_key")
    if len(found) < MINIMUM_GAPS:
        return report | {"orders": len(found)}, {}
    before = _day_numbers(found["last_order_date"])
    gap, elapsed, room = (
        _day_numbers(found["next_order"]) - before,
        cut.toordinal() - before,
        last.toordinal() - before,
    )
    mean, sd = model.levels(found["gaps"], found["mean_log"])
    low, high = (np.rint(_quantile(mean, sd, elapsed, 0.5 + side * LEVEL / 2)) for side in (-1, 1))

    def by(days: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return np.asarray(ndtr((np.log(np.maximum(days, 0) + 0.5) - mean) / sd), float)

    start, whole = by(elapsed), np.maximum(by(room) - by(elapsed), 1e-12)
    expected = np.clip((by(np.minimum(high, room)) - by(np.minimum(low - 1, room))) / whole, 0, 1)
    place = np.clip((by(gap - 0.5) - start) / whole, 0, 1)
    return _judged(report, (low <= gap) & (gap <= high), expected, np.abs(
        gap - np.rint(_quantile(mean, sd, elapsed, 0.5))), place)  # fmt: skip


def _judged(
    report: dict[str, Any], inside: "NDArray[np.bool_]", expected: "NDArray[np.float64]",
    error: "NDArray[np.float64]", place: "NDArray[np.float64]",
) -> tuple[dict[str, Any], dict[str, str]]:  # fmt: skip
    import numpy as np

    from cafe24_pipelines.crm.charts import calibration
    from cafe24_pipelines.discovery.statistics import wilson

    n = len(inside)
    seen = wilson(int(inside.sum()), n)
    levels = np.arange(0.1, 1.0, 0.1)
    shares = [wilson(int(np.sum(place <= level)), n) for level in levels]
    chart = calibration(
        levels, [s.value for s in shares], [s.low for s in shares], [s.high for s in shares],
        title="다음 주문일 예측의 보정(과거 시점)", x="예측한 분위", y="그 안에 온 주문의 비율",
    )  # fmt: skip
    return report | {
        "orders": n,
        "coverage": round(seen.value, 6),
        "coverage_low": round(seen.low, 6),
        "coverage_high": round(seen.high, 6),
        "coverage_expected": round(float(expected.mean()), 6),
        "median_error_days": round(float(np.median(error)), 1),
    }, {"calibration": chart}


def _summary(
    table: "pd.DataFrame", model: GapModel, members: "pd.DataFrame", held_out: dict[str, Any]
) -> dict[str, Any]:
    import math

    counts = table["status"].value_counts()
    return {
        "members": len(table),
        "gaps": int(members["gaps"].sum()),
        "typical_gap_days": round(math.exp(model.mean), 2),
        "between_members": round(model.tau, 6),
        "within_member": round(model.sigma, 6),
        "interval": LEVEL,
        "by_status": {name: int(counts.get(name, 0)) for name in STATUSES},
        "hold_out": held_out,
    }


def _empty() -> "pd.DataFrame":
    import pyarrow as pa

    return pa.schema(list(_columns().items())).empty_table().to_pandas()
