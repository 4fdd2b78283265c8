"""Stock alerts: which products run out soon, which lie too long, and which stopped selling as if they had run out.

A product's rate is gamma-Poisson: its own sales, shrunk to what the shop's products sell; units come in orders of
uneven size, so the count behind the interval is that of equal orders with the same mean and variance. A sudden stop
is judged without any stock number, on the shop's own clock (its orders, not its days): a week in which the shop sold
nothing at all says nothing about one product. Does not belong here: what to order, or a season's forecast.
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.shop import Shop

SHORT_DAYS: Final = 28
LONG_DAYS: Final = 90

SOON_DAYS: Final = 14
"""Stock for at most so many days is "임박"."""

SURPLUS_DAYS: Final = 180
"""Stock for longer than this, even at the upper bound of the rate, is "과잉"."""

FARTHEST_DAYS: Final = 3650
"""Stock for longer is shown as this."""

STEADY_DAYS: Final = 10
"""Spacings between days with a sale, within the last year, that a product needs to count as steady."""

GONE_DAYS: Final = 90
"""A silence longer than this is a product that left the shop rather than one out of stock."""

Q_LEVEL: Final = 0.05
ALERTS: Final = ("품절", "임박", "정상", "과잉", "판매 중지", "재고 모름")

_SQL: Final = """
    WITH last_day AS (SELECT max(ordered_local)::DATE AS as_of, min(ordered_local)::DATE AS since FROM order_facts),
    sold AS (
        SELECT product_no, min(ordered_local)::DATE AS first_sold, max(ordered_local)::DATE AS last_sold,
               {windows}
        FROM sale_lines, last_day WHERE quantity > 0 GROUP BY product_no
    ), clock AS (
        SELECT day, sum(orders) OVER (ORDER BY day) AS ticks
        FROM (SELECT ordered_local::DATE AS day, count(*) AS orders FROM order_facts WHERE is_sale GROUP BY 1)
    ), days AS (
        SELECT DISTINCT l.product_no, c.day, c.ticks
        FROM sale_lines l JOIN clock c ON c.day = l.ordered_local::DATE, last_day
        WHERE l.quantity > 0 AND c.day > as_of - 365
    ), spaced AS (
        SELECT *, ticks - lag(ticks) OVER (PARTITION BY product_no ORDER BY day) AS spacing FROM days
    ), rhythm AS (
        SELECT product_no, count(spacing) AS spacings, sum(spacing) AS watched, max(spacing) AS longest,
               avg(spacing) AS mean, var_samp(spacing) AS variance,
               (SELECT max(ticks) FROM clock) - max(ticks) AS silent
        FROM spaced GROUP BY product_no
    )
    SELECT k.product_no, coalesce(nullif(k.product_name, ''), k.product_no) AS product_name, k.category, k.selling,
           k.stock_quantity, s.* EXCLUDE (product_no), r.* EXCLUDE (product_no), as_of,
           1 + date_diff('day', least(coalesce((k.created_at AT TIME ZONE $zone)::DATE, first_sold, since),
                                      coalesce(first_sold, as_of), as_of), as_of) AS on_sale_days
    FROM known_products k LEFT JOIN sold s USING (product_no) LEFT JOIN rhythm r USING (product_no), last_day
    ORDER BY k.product_no"""

_WINDOW: Final = """
    coalesce(sum(quantity) FILTER (ordered_local::DATE > as_of - {d}), 0) AS units_{d},
    coalesce(sum(quantity::DOUBLE * quantity) FILTER (ordered_local::DATE > as_of - {d}), 0) AS squares_{d}"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    real = pa.float64()
    return {
        "product_no": TEXT, "product_name": TEXT, "category": TEXT, "stock_quantity": INT,
        "units_28": INT, "rate_28": real, "rate_28_low": real, "rate_28_high": real,
        "units_90": INT, "rate_90": real, "rate_90_low": real, "rate_90_high": real,
        "days_left": real, "days_left_low": real, "days_left_high": real, "alert": TEXT,
        "last_sold": pa.date32(), "silent_days": INT, "days_with_sale": INT,
        "p": real, "q": real, "suspected_stock_out": pa.bool_(),
    }  # fmt: skip


@analysis(
    name="stock_alerts",
    title_ko="재고 알림",
    title_en="Stock alerts",
    needs=("products", "orders", "order_items"),
    columns=_columns,
)
def stock_alerts(shop: "Shop", mall: Mall) -> Outcome:
    """How fast each product sells, for how many days its stock lasts, and whether it stopped selling all at once.

    One row a known product, ordered by `product_no`.

    Columns: product_no, product_name, category, stock_quantity, units_28 and units_90 (sold in the last days of the
    mall's data), rate_28 and rate_90 (units a day) with 95 % bounds, days_left (at the 90-day rate, or at the
    28-day rate where its interval excludes that) with bounds, alert (품절: none left, 임박: for a fortnight at most,
    과잉: for over 180 days even at the rate's upper bound, 정상, 판매 중지, 재고 모름), last_sold, silent_days since,
    days_with_sale (within the last year), p and q (Benjamini-Hochberg over tested products) of so long a silence for
    a seller as steady as it was in the year before, suspected_stock_out (q below 0.05, and a silence longer than any
    before but of 90 days at most). Products too slow to be tested have null p.
    """
    windows = ", ".join(_WINDOW.format(d=d) for d in (SHORT_DAYS, LONG_DAYS))
    sql = _SQL.format(windows=windows)
    frame = shop.query(sql, {"zone": mall.time_zone}, zone=mall.time_zone).to_pandas()
    if frame.empty or frame["last_sold"].isna().all():
        return Outcome(_shaped(frame.iloc[:0]), {}, lacking=(Lacking("판매된 상품", 0, 1),))
    for days in (SHORT_DAYS, LONG_DAYS):
        _rates(frame, days)
    _stock(frame)
    _silence(frame)
    table = _shaped(frame)
    counted = int(table["stock_quantity"].notna().sum())
    lacking = () if counted else (Lacking("재고 수량이 있는 상품", 0, 1),)
    summary = _summary(table, frame["as_of"].iloc[0]) | {"stopped_long_ago": int(frame["gone"].sum())}
    return Outcome(table, summary, _charts(table), lacking)


def _rates(frame: "pd.DataFrame", days: int) -> None:
    """Adds the posterior rate of the last `days` with its bounds."""
    import numpy as np
    from scipy.stats import gamma

    units = frame[f"units_{days}"].fillna(0).to_numpy(float)
    squares = frame[f"squares_{days}"].fillna(0).to_numpy(float)
    watched = np.minimum(frame["on_sale_days"].to_numpy(float), days)
    sold = units > 0
    usual = float(np.median(squares[sold] / units[sold])) if sold.any() else 1.0
    size = np.where(sold, squares / np.where(sold, units, 1.0), usual)  # of one of the equal orders
    count = units / size
    shape, time = _prior(count, watched)
    low, high = (gamma.ppf(q, shape + count) / (time + watched) * size for q in (0.025, 0.975))
    frame[f"rate_{days}"] = (shape + count) / (time + watched) * size
    frame[f"rate_{days}_low"], frame[f"rate_{days}_high"] = low, high


def _prior(count: "NDArray[np.float64]", watched: "NDArray[np.float64]") -> tuple[float, float]:
    """Gamma (shape, days) over the products' rates by moments; vague when there is nothing to learn from."""
    import numpy as np

    mean = float(count.sum() / watched.sum())
    if len(count) < 5 or mean <= 0:
        return 0.5, 0.0
    rates = count / watched
    spread = float(np.var(rates, ddof=1) - mean * np.mean(1 / watched))
    shape = float(np.clip(mean**2 / spread if spread > 0 else 20.0, 0.1, 20.0))
    return shape, shape / mean


def _stock(frame: "pd.DataFrame") -> None:
    """Adds days of stock left and the alert."""
    import numpy as np

    stock = frame["stock_quantity"].astype(float).to_numpy()
    before = frame["rate_90"].to_numpy()
    moved = (before < frame["rate_28_low"].to_numpy()) | (before > frame["rate_28_high"].to_numpy())
    left = np.maximum(stock, 0)
    for name, end in (("days_left", ""), ("days_left_low", "_high"), ("days_left_high", "_low")):
        rate = np.where(moved, frame[f"rate_28{end}"], frame[f"rate_90{end}"])
        frame[name] = np.minimum(left / np.maximum(rate, 1e-9), FARTHEST_DAYS)
    stopped = frame["selling"].eq(False).fillna(False).to_numpy(bool)
    surplus = (frame["days_left_low"] > SURPLUS_DAYS) & (frame["on_sale_days"] >= SHORT_DAYS)
    frame["alert"] = np.select(
        [np.isnan(stock), stopped, stock <= 0, frame["days_left"] <= SOON_DAYS, surplus],
        ["재고 모름", "판매 중지", "품절", "임박", "과잉"],
        "정상",
    ).astype(object)


def _silence(frame: "pd.DataFrame") -> None:
    """Adds p and q of the silence since the last sale.

    Were days with a sale to come at one rate on the shop's clock, a next one would be awaited longer than R with
    probability (D / (D + R))^m after m spacings of total D, whatever the rate. Spacings more uneven than that count
    for fewer: m is divided by their squared coefficient of variation where it exceeds 1.
    """
    import numpy as np
    import pandas as pd

    from cafe24_pipelines.discovery.statistics import benjamini_hochberg

    m, total, silent, longest, mean, variance = (
        frame[name].astype(float).to_numpy()
        for name in ("spacings", "watched", "silent", "longest", "mean", "variance")
    )
    tested = (m >= STEADY_DAYS) & (total > 0)
    uneven = np.maximum(np.where(tested, variance / np.where(tested, mean, 1.0) ** 2, 1.0), 1.0)
    p = np.full(len(frame), np.nan)
    p[tested] = (total[tested] / (total[tested] + silent[tested])) ** (m[tested] / uneven[tested])
    q = np.full(len(frame), np.nan)
    q[tested] = benjamini_hochberg(list(np.clip(p[tested], 0, 1)))
    frame["p"], frame["q"] = p, q
    days = (pd.to_datetime(frame["as_of"]) - pd.to_datetime(frame["last_sold"])).dt.days
    stopped = tested & (np.nan_to_num(q, nan=1.0) < Q_LEVEL) & (silent > longest)
    frame["silent_days"], frame["days_with_sale"] = days, m + 1
    frame["suspected_stock_out"] = stopped & (days <= GONE_DAYS).to_numpy(bool)
    frame["gone"] = stopped & (days > GONE_DAYS).to_numpy(bool)


def _shaped(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Exactly the declared columns, of whole numbers where they are counts."""
    import pandas as pd

    table = frame.reindex(columns=list(_columns()))
    for name, kind in _columns().items():
        if str(kind) == "int64":
            table[name] = table[name].astype(pd.Int64Dtype())
            if name.startswith("units_"):
                table[name] = table[name].fillna(0)
        elif str(kind) == "double":
            table[name] = table[name].astype(float).round(9)
    return table


def _summary(table: "pd.DataFrame", as_of: Any) -> dict[str, Any]:
    counts = table["alert"].value_counts()

    def number(value: Any) -> float:
        return round(value, 6) if isinstance(value, float) else int(value)

    def rows(part: "pd.DataFrame", *names: str) -> list[dict[str, Any]]:
        return [
            {"name": str(row["product_name"]), **{name: number(row[name]) for name in names}}
            for row in part.head(10).to_dict("records")
        ]

    soon = table[table["alert"] == "임박"].sort_values(["days_left", "product_no"])
    stopped = table[table["suspected_stock_out"]].sort_values(
        ["days_with_sale", "product_no"], ascending=[False, True]
    )
    return {
        "as_of": str(as_of),
        "products": len(table),
        "with_stock_number": int(table["stock_quantity"].notna().sum()),
        "alerts": {name: int(counts.get(name, 0)) for name in ALERTS},
        "soonest": rows(soon, "stock_quantity", "rate_90", "days_left", "days_left_low", "days_left_high"),
        "tested_for_stock_out": int(table["p"].notna().sum()),
        "suspected_stock_outs": rows(stopped, "silent_days", "days_with_sale", "p", "q"),
    }


def _charts(table: "pd.DataFrame") -> dict[str, str]:
    from cafe24_pipelines.crm.charts import bars

    soon = table[table["alert"].isin(["임박", "정상"])].sort_values(["days_left", "product_no"]).head(15)
    if soon.empty:
        return {}
    return {
        "days_left": bars(
            [str(name) for name in soon["product_name"]], soon["days_left"], title="재고가 먼저 떨어질 상품",
            x="남은 날(95 % 구간)", low=soon["days_left_low"], high=soon["days_left_high"],
        )
    }  # fmt: skip
