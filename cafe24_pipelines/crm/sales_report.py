"""Sales report: each month and week of the mall, beside the one before it and the same one a year before.

Periods are local to the mall and follow each other without a hole: a month in which the shop was closed is a row of
zeros. The period that the mall's last day of orders lies in is `complete` only when that is its last day, and a
running period is not compared. Does not belong here: forecasts, or why a number moved.
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.crm.shop import Shop

_YEAR: Final = {"month": 12, "week": 52}
"""Periods in a year: a week is compared with the one 52 weeks before."""

_SQL: Final = """
    WITH span AS (
        SELECT date_trunc('{period}', min(ordered_local))::DATE AS first, max(ordered_local)::DATE AS as_of
        FROM order_facts
    ), calendar AS (
        SELECT unnest(generate_series(first, as_of, INTERVAL 1 {period}))::DATE AS start FROM span
        WHERE first IS NOT NULL
    ), returns AS (
        SELECT order_id FROM order_facts WHERE status = 'returned'
        UNION SELECT order_id FROM order_items WHERE status = 'returned'
    ), sold AS (
        SELECT date_trunc('{period}', ordered_local)::DATE AS start, sum(net_amount) AS revenue,
               sum(paid_amount) FILTER (is_sale) AS gross, count(*) FILTER (is_sale) AS orders,
               count(DISTINCT member_key) FILTER (is_sale) AS buyers,
               count(*) FILTER (sale_no = 1) AS new_buyers,
               count(*) FILTER (is_sale AND member_key IS NULL) AS guest_orders,
               sum(discount_amount) FILTER (is_sale) AS discounts,
               count(*) FILTER (is_sale AND coupon_no IS NOT NULL) AS coupon_orders,
               count(*) FILTER (r.order_id IS NOT NULL AND (is_sale OR status = 'returned')
                                AND paid_amount >= 0) AS returned_orders,
               count(*) FILTER ((is_sale OR status = 'returned') AND paid_amount >= 0) AS kept_or_returned
        FROM order_facts LEFT JOIN returns r USING (order_id) GROUP BY 1
    ), pieces AS (
        SELECT date_trunc('{period}', ordered_local)::DATE AS start, sum(quantity) AS units FROM sale_lines GROUP BY 1
    )
    SELECT '{period}' AS period, start, (start + INTERVAL 1 {period})::DATE - 1 <= as_of AS complete,
           coalesce(revenue, 0)::DECIMAL(20, 4) AS revenue, coalesce(orders, 0) AS orders,
           coalesce(buyers, 0) AS buyers, coalesce(new_buyers, 0) AS new_buyers,
           coalesce(buyers - new_buyers, 0) AS returning_buyers,
           (gross / nullif(orders, 0))::DECIMAL(20, 4) AS aov, coalesce(units, 0)::BIGINT AS units,
           coalesce(discounts, 0)::DECIMAL(20, 4) AS discounts,
           round(coupon_orders / nullif(orders, 0), 6) AS coupon_share,
           round(returned_orders / nullif(kept_or_returned, 0), 6) AS return_rate,
           round(guest_orders / nullif(orders, 0), 6) AS guest_share
    FROM calendar LEFT JOIN sold USING (start) LEFT JOIN pieces USING (start), span
    ORDER BY start"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, MONEY, TEXT

    real = pa.float64()
    return {
        "period": TEXT, "start": pa.date32(), "complete": pa.bool_(), "revenue": MONEY, "orders": INT, "buyers": INT,
        "new_buyers": INT, "returning_buyers": INT, "aov": MONEY, "units": INT, "discounts": MONEY,
        "coupon_share": real, "return_rate": real, "guest_share": real, "revenue_change": real,
        "revenue_change_year": real, "orders_change": real, "orders_change_year": real,
    }  # fmt: skip


@analysis(
    name="sales_report",
    title_ko="매출 보고",
    title_en="Sales report",
    needs=("orders", "order_items"),
    columns=_columns,
)
def sales_report(shop: "Shop", mall: Mall) -> Outcome:
    """Revenue, orders, new and returning buyers, discounts and returns of every month and week, and their change.

    One row a period, months before weeks, ordered by start; none is left out.

    Columns: period (month|week), start (its first local day; weeks begin on Monday), complete, revenue (Decimal,
    sales less credits), orders (sales), buyers (members), new_buyers (first sale ever), returning_buyers, aov
    (Decimal, paid a sale), units, discounts (Decimal), coupon_share (of sales), return_rate (orders that came back,
    wholly or in part, of those sold or come back, by the day of the order), guest_share (of sales), revenue_change
    and orders_change (against the period before, as a ratio less 1), revenue_change_year and orders_change_year
    (against twelve months or 52 weeks before). A ratio to nothing, and a change of a running period, is null.
    """
    import pandas as pd

    parts = [
        _changed(shop.query(_SQL.format(period=period), zone=mall.time_zone).to_pandas(), _YEAR[period])
        for period in _YEAR
    ]
    frame = pd.concat(parts, ignore_index=True)[list(_columns())] if len(parts[0]) else parts[0][list(_columns())]
    sales = int(parts[0]["orders"].sum()) if len(parts[0]) else 0
    if not sales:
        return Outcome(frame.iloc[:0], {}, lacking=(Lacking("판매된 주문", 0, 1),))
    whole = int(parts[0]["complete"].sum())
    lacking = () if whole else (Lacking("끝난 달", 0, 1),)
    return Outcome(frame, _summary(parts[0]), {"revenue": _chart(parts[0])}, lacking)


def _changed(frame: "pd.DataFrame", year: int) -> "pd.DataFrame":
    """With the changes of complete periods."""
    frame["complete"] = frame["complete"].astype(bool)
    for column in ("orders", "buyers", "new_buyers", "returning_buyers", "units"):
        frame[column] = frame[column].astype("int64")
    for column in ("revenue", "orders"):
        values = frame[column].astype(float)
        for name, back in ((f"{column}_change", 1), (f"{column}_change_year", year)):
            before = values.shift(back)
            frame[name] = (values / before.where(before > 0) - 1).where(frame["complete"]).round(6)
    return frame


def _summary(months: "pd.DataFrame") -> dict[str, Any]:
    whole = months[months["complete"]]
    running = months[~months["complete"]]
    return {
        "months": len(months),
        "revenue": float(sum(months["revenue"])),
        "orders": int(months["orders"].sum()),
        "last_full_month": _headline(whole.iloc[-1]) if len(whole) else None,
        "running_month": _headline(running.iloc[-1]) if len(running) else None,
    }


def _headline(row: "pd.Series[Any]") -> dict[str, Any]:
    import pandas as pd

    def number(name: str) -> float | None:
        return None if pd.isna(row[name]) else float(row[name])

    return {
        "month": row["start"].strftime("%Y-%m"),
        **{name: int(row[name]) for name in ("orders", "buyers", "new_buyers", "returning_buyers", "units")},
        **{
            name: number(name)
            for name, kind in _columns().items()
            if str(kind) == "double" or str(kind).startswith("decimal")
        },
    }


def _chart(months: "pd.DataFrame") -> str:
    """Net revenue a month, with the same months a year before; a running month is left out."""
    import numpy as np

    from cafe24_pipelines.crm.charts import Line, curves

    whole = months[months["complete"]] if months["complete"].any() else months
    revenue = whole["revenue"].astype(float).to_numpy()
    at = np.arange(len(revenue))
    lines = [Line("순매출", at, revenue)]
    if len(revenue) > _YEAR["month"]:
        lines.append(Line("1년 전", at[_YEAR["month"] :], revenue[: -_YEAR["month"]], dashed=True))
    first = whole["start"].iloc[0].strftime("%Y-%m")
    return curves(lines, title="월별 순매출", x=f"{first}부터 지난 달", y="순매출")
