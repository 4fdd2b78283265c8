"""Monthly cohorts: who first bought when, how many came back in each later month, and what they paid.

Months are local to the mall. A cell is observed only when its whole month lies within the data, so that a short
last month is not read as a drop. Does not belong here: RFM (see `rfm.py`), or any forecast.
"""

from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.malls import Mall

if TYPE_CHECKING:
    import pandas as pd

    from cafe24_pipelines.stores.lake import MallLake

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


def cohorts(lake: "MallLake", mall: Mall) -> "pd.DataFrame":
    """One row a cohort and month since its first sale, ordered by both; a full rectangle.

    Columns: cohort ("YYYY-MM"), month_index (0 = month of the first sale), cohort_size, active_customers, retention
    (0 to 1), revenue (Decimal, sales less credits), observed. Cells after the mall's last month hold nulls; the
    last month holds what there is so far and is not `observed` unless the data reach its last day.
    """
    import pandas as pd

    table = lake.query(_COHORT_SQL, zone=mall.time_zone)
    frame = table.to_pandas()
    for name in ("month_index", "cohort_size"):
        frame[name] = frame[name].astype("int64")
    frame["active_customers"] = frame["active_customers"].astype(pd.Int64Dtype())
    frame["observed"] = frame["observed"].astype(bool)
    return frame
