"""Views that every reader of the lake shares, so that "a customer" and "a sale" mean one thing everywhere.

- `known_customers`: members that landed, and members seen only in orders (an export may have no member file).
- `known_products`: likewise for products, with the name and category of the last order line.
- `order_facts`: one row an order with `is_sale` (paid and neither cancelled nor returned), `net_amount` (what a
  sale brought, plus credit documents, whose amount is negative), the local time `ordered_local` and the rank of
  the sale in its member's history (`sale_no`, from 1; null for guests and for what is no sale).
- `sale_lines`: the lines of sales, with member and local time.

Sizes: one row an order or line; `{zone}` is replaced by the mall's time zone. Source: the landed tables only.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VIEWS: Final[dict[str, str]] = {
    "known_customers": """
        SELECT member_key, any_value(created_at) AS created_at, any_value(group_no) AS group_no,
               any_value(gender) AS gender, any_value(region) AS region, bool_or(landed) AS landed
        FROM (
            SELECT member_key, created_at, group_no, gender, region, true AS landed FROM customers
            UNION ALL
            SELECT DISTINCT member_key, NULL, NULL, NULL, NULL, false FROM orders WHERE member_key IS NOT NULL
        ) GROUP BY member_key""",
    "known_products": """
        WITH seen AS (
            SELECT i.product_no, arg_max(i.product_name, (o.ordered_at, i.order_id, i.line_no)) AS product_name,
                   arg_max(i.category, (o.ordered_at, i.order_id, i.line_no)) AS category,
                   arg_max(i.unit_price, (o.ordered_at, i.order_id, i.line_no)) AS price,
                   any_value(i.currency) AS currency
            FROM order_items i JOIN orders o USING (order_id) GROUP BY i.product_no
        )
        SELECT coalesce(p.product_no, s.product_no) AS product_no,
               coalesce(p.product_name, s.product_name, '') AS product_name,
               p.category_no, coalesce(p.category, s.category) AS category,
               coalesce(p.price, s.price) AS price, coalesce(p.currency, s.currency) AS currency,
               p.created_at, p.selling, p.stock_quantity, p.product_no IS NOT NULL AS landed
        FROM products p FULL JOIN seen s ON p.product_no = s.product_no""",
    "order_facts": """
        WITH facts AS (
            SELECT *, status NOT IN ('unpaid', 'cancelled', 'returned') AS is_sale,
                   ordered_at AT TIME ZONE '{zone}' AS ordered_local
            FROM orders
        )
        SELECT *, CASE WHEN is_sale OR paid_amount < 0 THEN paid_amount ELSE 0 END AS net_amount,
               CASE WHEN is_sale AND member_key IS NOT NULL THEN row_number() OVER (
                   PARTITION BY member_key, is_sale ORDER BY ordered_at, order_id) END AS sale_no
        FROM facts""",
    "sale_lines": """
        SELECT i.*, o.member_key, o.ordered_at, o.ordered_local, o.sale_no
        FROM order_items i JOIN order_facts o USING (order_id)
        WHERE o.is_sale AND coalesce(i.status, o.status) NOT IN ('cancelled', 'returned')""",
}


def create_views(db: "DuckDBPyConnection", zone: str) -> None:
    """Create every view on a connection that has the tables; local dates are in `zone`."""
    quoted = zone.replace("'", "''")
    for name, sql in VIEWS.items():
        db.execute(f"CREATE VIEW {name} AS {sql.replace('{zone}', quoted)}")
