"""Monthly cohorts: who first bought when, how many came back in each later month, and what they paid.

Months are local to the mall. A cell is observed only when its whole month lies within the data, so that a short
last month is not read as a drop. Does not belong here: RFM (see `rfm.py`), or any forecast.
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.crm.shop import Shop

_SHOWN: Final = 24
"""Cohorts and months in the picture."""

_COHORT_SQL: Final = """
    WITH first_sale AS (
        SELECT member_key, date_trunc('month', min(ordered_local))::DATE AS cohort
        FROM order_facts WHERE is_sale AND member_key IS NOT NULL GROUP BY member_key
    ), sizes AS (
        SELECT cohort, count(*) AS cohort_size FROM first_sale GROUP BY cohort
    ), last_day AS (
        SELECT max(ordered_local)::DATE AS as_of, date_trunc('month', as_of)::DATE AS last_month FROM order_facts
    ), cells AS (
        SELECT cohort, cohort_size, i.month_index, (cohort + to_months(i.month_index::INTEGER))::DATE AS month
        FROM sizes,
             (SELECT unnest(range(0, date_diff('month', (SELECT min(cohort) FROM sizes),
                                              (SELECT last_month FROM last_day)) + 1)) AS month_index) i
    ), bought AS (
        SELECT s.cohort, date_trunc('month', o.ordered_local)::DATE AS month,
               count(DISTINCT o.member_key) FILTER (o.is_sale) AS active, sum(o.net_amount) AS revenue
        FROM order_facts o JOIN first_sale s USING (member_key) GROUP BY ALL
    )
    SELECT strftime(c.cohort, '%Y-%m') AS cohort, c.month_index, c.cohort_size,
           CASE WHEN c.month <= l.last_month THEN coalesce(b.active, 0) END AS active_customers,
           CASE WHEN c.month <= l.last_month THEN coalesce(b.active, 0) / c.cohort_size END AS retention,
           CASE WHEN c.month <= l.last_month THEN coalesce(b.revenue, 0) END::DECIMAL(20, 4) AS revenue,
           last_day(c.month) <= l.as_of AS observed
    FROM cells c LEFT JOIN bought b ON b.cohort = c.cohort AND b.month = c.month, last_day l
    ORDER BY c.cohort, c.month_index"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, MONEY, TEXT

    return {
        "cohort": TEXT, "month_index": INT, "cohort_size": INT, "active_customers": INT,
        "retention": pa.float64(), "revenue": MONEY, "observed": pa.bool_(),
    }  # fmt: skip


@analysis(
    name="cohorts",
    title_ko="월별 코호트",
    title_en="Monthly cohorts",
    needs=("orders", "customers"),
    columns=_columns,
)
def cohorts(shop: "Shop", mall: Mall) -> Outcome:
    """Monthly cohorts by first purchase: who came back, what they brought, and what can't be known yet.

    One row a cohort and month since its first sale, ordered by both; a full rectangle.

    Columns: cohort ("YYYY-MM"), month_index (0 = month of the first sale), cohort_size, active_customers, retention
    (0 to 1), revenue (Decimal, sales less credits), observed. Cells after the mall's last month hold nulls; the
    last month holds what there is so far and is not `observed` unless the data reach its last day.
    """
    import pandas as pd

    table = shop.query(_COHORT_SQL, zone=mall.time_zone)
    frame = table.to_pandas()
    for name in ("month_index", "cohort_size"):
        frame[name] = frame[name].astype("int64")
    frame["active_customers"] = frame["active_customers"].astype(pd.Int64Dtype())
    frame["observed"] = frame["observed"].astype(bool)
    if frame.empty:
        return Outcome(frame, {}, lacking=(Lacking("회원의 구매", 0, 1),))
    return Outcome(frame, _summary(frame), {"retention": _heat_map(frame)})


def _summary(frame: "pd.DataFrame") -> dict[str, Any]:
    """Retention by months since the first sale, over all cohorts that were seen for the whole of that month."""
    seen = frame[frame["observed"] & (frame["month_index"] > 0)]
    sums = seen.groupby("month_index")[["active_customers", "cohort_size"]].sum()
    return {
        "cohorts": int(frame["cohort"].nunique()),
        "customers": int(frame.loc[frame["month_index"] == 0, "cohort_size"].sum()),
        "first": str(frame["cohort"].min()),
        "last": str(frame["cohort"].max()),
        "retention_by_month": [
            {"month": int(month), "customers": int(n), "retention": float(active / n)}
            for month, active, n in zip(sums.index, sums["active_customers"], sums["cohort_size"], strict=True)
        ],
    }


def _heat_map(frame: "pd.DataFrame") -> str:
    """The last `_SHOWN` cohorts and as many months; months that were not seen whole are left blank."""
    from cafe24_pipelines.crm.charts import heat_map

    shown = frame[frame["observed"] & (frame["month_index"].between(1, _SHOWN))]
    cohorts_shown = sorted(frame["cohort"].unique())[-_SHOWN:]
    months = range(1, max(2, int(shown["month_index"].max() if len(shown) else 1) + 1))
    grid = shown.pivot(index="cohort", columns="month_index", values="retention")
    grid = grid.reindex(index=cohorts_shown, columns=list(months)).astype(float)
    return heat_map(
        grid.to_numpy(), cohorts_shown, [str(m) for m in months],
        title="월별 재구매율", x="첫 구매 뒤 지난 달", y="첫 구매 월",
    )  # fmt: skip
