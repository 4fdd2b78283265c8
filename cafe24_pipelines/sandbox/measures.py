"""Queries that find each planted truth again: plain two-arm comparisons over a mall's lake and its views.

Every query yields rows `arm ('planted' | 'rest'), n, mean, variance`; some also a `stratum`. They use no more than
what a merchant has (no latent trait). Values come from the sandbox's own constants, so they are written in.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from cafe24_pipelines.sandbox.seasons import CHUSEOK, SEOLLAL

HORIZON: Final = 180
"""Days after a first sale in which a second one counts as a repurchase."""

WEEKEND_JOIN: Final = "isodow(c.created_at AT TIME ZONE 'Asia/Seoul') >= 6"


def _arms(rows: str, *, stratum: str = "") -> str:
    """Two-arm summary of `rows`, a query that yields `planted` (boolean), `y` and, if asked, `stratum`."""
    extra = f"{stratum}, " if stratum else ""
    return (
        f"WITH rows AS ({rows}) SELECT {extra}CASE WHEN planted THEN 'planted' ELSE 'rest' END AS arm, "
        "count(*) AS n, avg(y::DOUBLE) AS mean, var_pop(y::DOUBLE) AS variance "
        f"FROM rows WHERE planted IS NOT NULL GROUP BY {extra}arm ORDER BY {extra}arm"
    )


_FIRST = f"""
    SELECT f.*, EXISTS (SELECT 1 FROM order_facts s WHERE s.member_key = f.member_key AND s.sale_no = 2
        AND s.ordered_at <= f.ordered_at + INTERVAL {HORIZON} DAY) AS repurchased
    FROM order_facts f
    WHERE f.sale_no = 1 AND f.ordered_at <= (SELECT max(ordered_at) FROM orders) - INTERVAL {HORIZON} DAY"""


def first_product_repurchase(product: str) -> str:
    """Repurchase after first sales with and without a product."""
    return _arms(f"""
        SELECT EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = f.order_id AND i.product_no = '{product}')
            AS planted, repurchased AS y FROM ({_FIRST}) f""")


def repurchase_after_review(low: int) -> str:
    """Repurchase after first sales that were reviewed, with at most `low` stars or more."""
    return _arms(f"""
        SELECT r.rating <= {low} AS planted, f.repurchased AS y
        FROM ({_FIRST}) f JOIN reviews r ON r.order_id = f.order_id""")


def trait_repurchase(condition: str) -> str:
    """Repurchase by a condition on the member `c` or the first sale `f`."""
    return _arms(f"""
        SELECT {condition} AS planted, f.repurchased AS y
        FROM ({_FIRST}) f JOIN customers c ON c.member_key = f.member_key""")


def trait_order_value(condition: str) -> str:
    """A member's mean order value by a condition on the member (one value a member, so that rows are independent)."""
    return _arms(f"""
        SELECT {condition} AS planted, avg(o.net_amount) AS y
        FROM order_facts o JOIN customers c ON c.member_key = o.member_key
        WHERE o.is_sale GROUP BY c.member_key, 1""")


def trait_spend(column: str, *, within: str = "") -> str:
    """Won spent by each buyer, by a boolean column of the member; per stratum of `within` if given."""
    stratum = f", any_value(c.{within}) AS stratum" if within else ""
    return _arms(
        f"""
        SELECT any_value(c.{column}) AS planted, sum(o.net_amount) AS y{stratum}
        FROM customers c JOIN order_facts o ON c.member_key = o.member_key GROUP BY c.member_key""",
        stratum="stratum" if within else "",
    )


def spend_by_tier(tier: str) -> str:
    """Won spent by each member, in a tier against the others."""
    return _arms(f"""
        SELECT any_value(g.group_name = '{tier}') AS planted, coalesce(sum(o.net_amount), 0) AS y
        FROM customers c JOIN customer_groups g USING (group_no)
        LEFT JOIN order_facts o ON c.member_key = o.member_key GROUP BY c.member_key""")


def bought_together(a: str, b: str) -> str:
    """Whether a sold basket holds `b`, by whether it holds `a`."""
    return _arms(f"""
        SELECT bool_or(product_no = '{a}') AS planted, bool_or(product_no = '{b}') AS y
        FROM sale_lines GROUP BY order_id""")


def company_kept(hub: str) -> str:
    """Sold orders that each pair of products shares, for pairs with the hub and pairs without it."""
    return _arms(f"""
        SELECT a.product_no = '{hub}' AS planted, count(l.order_id) AS y
        FROM products a CROSS JOIN products b
        LEFT JOIN (SELECT x.product_no AS p, z.product_no AS q, x.order_id
                   FROM sale_lines x JOIN sale_lines z USING (order_id)) l
            ON l.p = a.product_no AND l.q = b.product_no
        WHERE a.product_no <> b.product_no AND b.product_no <> '{hub}' GROUP BY a.product_no, b.product_no""")


def refill_gaps(category: str, days: int, give: int) -> str:
    """Whether a gap between a member's purchases within one category is `days` +- `give`, in it and in others."""
    return _arms(f"""
        SELECT category = '{category}' AS planted, gap BETWEEN {days - give} AND {days + give} AS y FROM (
            SELECT category, date_diff('day', lag(ordered_local) OVER w, ordered_local) AS gap
            FROM (SELECT DISTINCT member_key, category, ordered_local FROM sale_lines WHERE member_key IS NOT NULL)
            WINDOW w AS (PARTITION BY member_key, category ORDER BY ordered_local)) WHERE gap > 0""")


def bought_later(a: str, b: str, earliest: int, latest: int) -> str:
    """Whether a member bought `b` within a span of days after a purchase, by whether it held `a`."""
    return _arms(f"""
        SELECT o.a AS planted, EXISTS (SELECT 1 FROM sale_lines l WHERE l.member_key = o.member_key
            AND l.product_no = '{b}' AND date_diff('day', o.day, l.ordered_local::DATE)
            BETWEEN {earliest} AND {latest}) AS y
        FROM (SELECT order_id, member_key, any_value(ordered_local)::DATE AS day, bool_or(product_no = '{a}') AS a
              FROM sale_lines WHERE member_key IS NOT NULL GROUP BY order_id, member_key) o
        WHERE o.day <= (SELECT max(ordered_local)::DATE FROM sale_lines) - {latest}""")


def daily_product_sales(product: str, first: date, last: date) -> str:
    """Lines of a product sold on each day of a span, against the four weeks before it and after it."""
    return _arms(f"""
        SELECT d.day BETWEEN DATE '{first}' AND DATE '{last}' AS planted, count(l.order_id) AS y
        FROM (SELECT unnest(generate_series(DATE '{first - timedelta(days=28)}',
                                            DATE '{last + timedelta(days=28)}', INTERVAL 1 DAY))::DATE AS day) d
        LEFT JOIN sale_lines l ON l.ordered_local::DATE = d.day AND l.product_no = '{product}' GROUP BY d.day""")


def category_share_from(category: str, day: date) -> str:
    """Whether a sold line is of a category, from a day on and before it."""
    return _arms(f"SELECT ordered_local >= DATE '{day}' AS planted, category = '{category}' AS y FROM sale_lines")


def category_share_before_holidays(category: str, within: int) -> str:
    """Whether a sold line is of a category, in the days before Seollal and Chuseok and on other days."""
    spans = " OR ".join(
        f"ordered_local::DATE BETWEEN DATE '{feast - timedelta(days=within)}' AND DATE '{feast - timedelta(days=2)}'"
        for feast in (*SEOLLAL, *CHUSEOK)
    )
    return _arms(f"SELECT {spans} AS planted, category = '{category}' AS y FROM sale_lines")


def repurchase_after_late(days: int) -> str:
    """Another sale within 130 days of an order (one span for all), by whether delivery took `days` or more."""
    return _arms(f"""
        SELECT o.delivered_at >= o.ordered_at + INTERVAL {days} DAY AS planted,
            EXISTS (SELECT 1 FROM order_facts s WHERE s.member_key = o.member_key AND s.is_sale
                AND s.ordered_at > o.ordered_at AND s.ordered_at <= o.ordered_at + INTERVAL 130 DAY) AS y
        FROM order_facts o WHERE o.member_key IS NOT NULL AND o.is_sale AND o.delivered_at IS NOT NULL
            AND o.ordered_at <= (SELECT max(ordered_at) FROM orders) - INTERVAL 130 DAY""")


def return_rate(*categories: str) -> str:
    """Whether a delivered order came back, by whether it holds one of the categories."""
    names = ", ".join(f"'{c}'" for c in categories)
    return _arms(f"""
        SELECT bool_or(i.category IN ({names})) AS planted, any_value(o.status = 'returned') AS y
        FROM orders o JOIN order_items i USING (order_id) WHERE o.delivered_at IS NOT NULL GROUP BY o.order_id""")


def product_rating(product: str) -> str:
    """Stars of a product's reviews, against those of other products."""
    return _arms(f"SELECT product_no = '{product}' AS planted, rating AS y FROM reviews")


_WAVES = """
    SELECT DISTINCT i.coupon_no, i.issued_at AS at FROM coupon_issues i JOIN coupons c USING (coupon_no)
    WHERE c.coupon_name = '{name}'"""

_ANSWERED = """
    EXISTS (SELECT 1 FROM coupon_issues i WHERE i.coupon_no = e.coupon_no AND i.issued_at = e.at
        AND i.member_key = e.member_key) AS planted,
    EXISTS (SELECT 1 FROM orders o WHERE o.member_key = e.member_key
        AND o.ordered_at > e.at AND o.ordered_at <= e.at + INTERVAL 30 DAY) AS y"""


def winback_uplift(name: str, quiet: int, lost: int) -> str:
    """Orders within 30 days of each wave by members whose last order was then `quiet` to `lost` days ago."""
    return _arms(f"""
        SELECT {_ANSWERED} FROM (
            SELECT w.coupon_no, w.at, o.member_key FROM ({_WAVES.format(name=name)}) w
            JOIN orders o ON o.ordered_at <= w.at WHERE o.member_key IS NOT NULL GROUP BY ALL
            HAVING max(o.ordered_at) > w.at - INTERVAL {lost} DAY AND max(o.ordered_at) <= w.at - INTERVAL {quiet} DAY
        ) e""")


def coupon_uplift(name: str) -> str:
    """Orders within 30 days of each sending, by every member who had joined by then."""
    return _arms(f"""
        SELECT {_ANSWERED} FROM (
            SELECT w.coupon_no, w.at, c.member_key FROM ({_WAVES.format(name=name)}) w
            JOIN customers c ON c.created_at <= w.at) e""")
