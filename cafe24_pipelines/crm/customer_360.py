"""Customer 360: all that a merchant asks about one member, on one row.

Every member is here, also one who never bought. Money and orders are those of the views that all analyses share;
the segment is that of `rfm.py`. No text that a person wrote is in it. Does not belong here: forecasts, or joining
contacts (they stay sealed, see `cafe24/contacts.py`).
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis
from cafe24_pipelines.crm.rfm import rfm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.crm.shop import Shop

# Each part is one row a member; a member without such rows has none there. Favourites are what most of a member's
# orders held; of equals the one bought last, then the one that sorts first.
_SQL: Final = """
    WITH last_day AS (SELECT max(ordered_local)::DATE AS as_of FROM order_facts),
    returns AS (
        SELECT order_id FROM order_facts WHERE status = 'returned'
        UNION SELECT order_id FROM order_items WHERE status = 'returned'
    ), bought AS (
        SELECT o.member_key, min(o.ordered_local) FILTER (is_sale)::DATE AS first_order_date,
               max(o.ordered_local) FILTER (is_sale)::DATE AS last_order_date,
               count(*) FILTER (is_sale) AS orders, sum(o.net_amount)::DECIMAL(20, 4) AS net_revenue,
               (sum(o.paid_amount) FILTER (is_sale) / nullif(count(*) FILTER (is_sale), 0))::DECIMAL(20, 4) AS aov,
               count(DISTINCT o.ordered_local::DATE) FILTER (is_sale) AS order_days,
               count(*) FILTER (r.order_id IS NOT NULL AND (is_sale OR o.status = 'returned')
                                AND o.paid_amount >= 0) AS returned_orders,
               count(*) FILTER ((is_sale OR o.status = 'returned') AND o.paid_amount >= 0) AS kept_or_returned,
               count(*) FILTER (is_sale AND o.coupon_no IS NOT NULL) AS coupon_orders
        FROM order_facts o LEFT JOIN returns r USING (order_id)
        WHERE o.member_key IS NOT NULL GROUP BY o.member_key
    ), taken AS (
        SELECT l.member_key, l.product_no, p.product_name, p.category, l.order_id, l.ordered_at
        FROM sale_lines l JOIN known_products p USING (product_no) WHERE l.member_key IS NOT NULL
    ), product AS (
        SELECT member_key, arg_min(product_no, (-n, -last, product_no)) AS favourite_product_no,
               arg_min(name, (-n, -last, product_no)) AS favourite_product
        FROM (SELECT member_key, product_no, any_value(product_name) AS name, count(DISTINCT order_id) AS n,
                     epoch_us(max(ordered_at)) AS last FROM taken GROUP BY member_key, product_no)
        GROUP BY member_key
    ), category AS (
        SELECT member_key, arg_min(category, (-n, -last, category)) AS favourite_category
        FROM (SELECT member_key, category, count(DISTINCT order_id) AS n, epoch_us(max(ordered_at)) AS last
              FROM taken WHERE category <> '' GROUP BY member_key, category)
        GROUP BY member_key
    ), coupon AS (
        SELECT member_key, count(*) AS coupons_issued,
               count(*) FILTER (used_at IS NOT NULL OR used_order_id IS NOT NULL) AS used
        FROM coupon_issues GROUP BY member_key
    ), review AS (
        SELECT member_key, count(*) AS reviews, avg(rating) AS mean_rating FROM reviews
        WHERE member_key IS NOT NULL GROUP BY member_key
    ), event AS (
        SELECT member_key, (max(e.at) FILTER (event = 'view') AT TIME ZONE $zone)::DATE AS last_view_date,
               (max(e.at) FILTER (event = 'cart') AT TIME ZONE $zone)::DATE AS last_cart_date
        FROM events e WHERE member_key IS NOT NULL GROUP BY member_key
    )
    SELECT k.member_key, (k.created_at AT TIME ZONE $zone)::DATE AS joined_date, g.group_name AS member_group,
           c.accepts_sms, c.accepts_email, b.first_order_date, b.last_order_date, coalesce(b.orders, 0) AS orders,
           coalesce(b.net_revenue, 0)::DECIMAL(20, 4) AS net_revenue, b.aov,
           round(b.returned_orders / nullif(b.kept_or_returned, 0), 6) AS returns_share,
           favourite_category, favourite_product_no, nullif(favourite_product, '') AS favourite_product,
           coalesce(q.coupons_issued, 0) AS coupons_issued,
           greatest(coalesce(q.used, 0), coalesce(b.coupon_orders, 0)) AS coupons_used,
           coalesce(v.reviews, 0) AS reviews, round(v.mean_rating, 6) AS mean_rating,
           e.last_view_date, e.last_cart_date, s.segment,
           date_diff('day', b.last_order_date, (SELECT as_of FROM last_day)) AS days_since,
           round(date_diff('day', b.first_order_date, b.last_order_date) / nullif(b.order_days - 1, 0), 6)
               AS average_gap_days
    FROM known_customers k
    LEFT JOIN customers c USING (member_key) LEFT JOIN customer_groups g ON g.group_no = k.group_no
    LEFT JOIN bought b USING (member_key) LEFT JOIN product USING (member_key) LEFT JOIN category USING (member_key)
    LEFT JOIN coupon q USING (member_key) LEFT JOIN review v USING (member_key) LEFT JOIN event e USING (member_key)
    LEFT JOIN segments s USING (member_key)
    ORDER BY k.member_key"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, MONEY, TEXT

    day, real = pa.date32(), pa.float64()
    return {
        "member_key": TEXT, "joined_date": day, "member_group": TEXT, "accepts_sms": pa.bool_(),
        "accepts_email": pa.bool_(), "first_order_date": day, "last_order_date": day, "orders": INT,
        "net_revenue": MONEY, "aov": MONEY, "returns_share": real, "favourite_category": TEXT,
        "favourite_product_no": TEXT, "favourite_product": TEXT, "coupons_issued": INT, "coupons_used": INT,
        "reviews": INT, "mean_rating": real, "last_view_date": day, "last_cart_date": day, "segment": TEXT,
        "days_since": INT, "average_gap_days": real,
    }  # fmt: skip


@analysis(
    name="customer_360",
    title_ko="고객 360",
    title_en="Customer 360",
    needs=(
        "customers", "customer_groups", "orders", "order_items", "products", "coupon_issues", "reviews", "events",
    ),
    columns=_columns,
)  # fmt: skip
def customer_360(shop: "Shop", mall: Mall) -> Outcome:
    """Every member on one row: purchases, money, favourites, coupons, reviews, last visit, consent and segment.

    One row a known member, ordered by `member_key`.

    Columns: member_key, joined_date, member_group, accepts_sms, accepts_email (null when not known),
    first_order_date, last_order_date, orders (sales), net_revenue (Decimal, sales less credits), aov (Decimal, paid
    a sale), returns_share (orders that came back, wholly or in part, of those sold or come back),
    favourite_category, favourite_product_no, favourite_product, coupons_issued, coupons_used, reviews, mean_rating,
    last_view_date, last_cart_date, segment (RFM), days_since (the last sale, up to the mall's last day of orders),
    average_gap_days (between distinct days with a sale). Dates are local; what never happened is null.
    """
    import pandas as pd

    scored = rfm(shop, mall).table[["member_key", "segment"]]
    with shop.duckdb(zone=mall.time_zone) as db:
        db.register("segments", scored.astype("string"))
        frame = db.sql(_SQL, params={"zone": mall.time_zone}).to_arrow_table().to_pandas()
    for name, kind in _columns().items():
        if str(kind) == "int64":
            frame[name] = frame[name].astype(pd.Int64Dtype())
    if frame.empty:
        return Outcome(frame, {}, lacking=(Lacking("회원", 0, 1),))
    return Outcome(frame, _summary(frame), _charts(frame))


def _summary(frame: "pd.DataFrame") -> dict[str, Any]:
    buyers = frame[frame["orders"] > 0]

    def median(name: str) -> float | None:
        known = buyers[name].dropna().astype(float)
        return round(float(known.median()), 4) if len(known) else None

    def known_share(name: str) -> float | None:
        known = frame[name].dropna()
        return round(float(known.astype(bool).mean()), 6) if len(known) else None

    return {
        "members": len(frame),
        "buyers": len(buyers),
        "repeat_buyers": int((buyers["orders"] > 1).sum()),
        "net_revenue": float(sum(frame["net_revenue"])),
        "median_orders": median("orders"),
        "median_revenue": median("net_revenue"),
        "median_aov": median("aov"),
        "median_days_since": median("days_since"),
        "median_gap_days": median("average_gap_days"),
        "accepts_sms": known_share("accepts_sms"),
        "accepts_email": known_share("accepts_email"),
        "with_coupon": int((frame["coupons_used"] > 0).sum()),
        "with_review": int((frame["reviews"] > 0).sum()),
        "viewed_never_bought": int((frame["last_view_date"].notna() & (frame["orders"] == 0)).sum()),
    }


def _charts(frame: "pd.DataFrame") -> dict[str, str]:
    from cafe24_pipelines.crm.charts import distribution

    buyers = frame[frame["orders"] > 0]
    if buyers.empty:
        return {}
    return {"days_since": distribution(buyers["days_since"].astype(float), title="마지막 구매 뒤 지난 날", x="일")}
