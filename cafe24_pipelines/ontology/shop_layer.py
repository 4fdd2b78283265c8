"""The shop's rows as graph rows: one SQL query a label and one a relationship, over the lake's views.

Every query runs in DuckDB, uids included, so that half a million order lines take seconds. A relationship's query
joins both its ends, so that it never names a node that isn't there; what that leaves out is what `health.py` counts.

Does not belong here: the API's documentation and the concepts (`knowledge_layer.py`), or findings.
"""

from typing import Final

PREPARED: Final = {
    "g_categories": """
        WITH named AS (SELECT category_name, min(category_no) AS category_no FROM categories GROUP BY category_name),
        seen AS (
            SELECT coalesce(p.category_no, 'name:' || p.category) AS category_key, min(p.category) AS name
            FROM known_products p LEFT JOIN named n ON p.category = n.category_name
            WHERE (p.category_no IS NOT NULL OR (p.category IS NOT NULL AND n.category_no IS NULL))
            GROUP BY 1
        )
        SELECT category_no AS category_key, category_name AS name, parent_category_no AS parent, true AS landed
        FROM categories
        UNION ALL
        SELECT category_key, coalesce(name, category_key), NULL, false FROM seen
        WHERE category_key NOT IN (SELECT category_no FROM categories)""",
    "g_products": """
        SELECT p.*, coalesce(p.category_no, n.category_no, 'name:' || p.category) AS category_key
        FROM known_products p LEFT JOIN (
            SELECT category_name, min(category_no) AS category_no FROM categories GROUP BY category_name
        ) n ON p.category = n.category_name""",
    "g_orders": "SELECT * FROM order_facts",
    "g_customers": """
        SELECT c.*, coalesce(o.orders, 0) AS orders, coalesce(o.sales, 0) AS sales, coalesce(o.spent, 0) AS spent,
               o.first_order_at, o.last_order_at
        FROM known_customers c LEFT JOIN (
            SELECT member_key, count(*) AS orders, count(*) FILTER (is_sale) AS sales, sum(net_amount) AS spent,
                   min(ordered_at) FILTER (is_sale) AS first_order_at,
                   max(ordered_at) FILTER (is_sale) AS last_order_at
            FROM g_orders WHERE member_key IS NOT NULL GROUP BY member_key
        ) o USING (member_key)""",
    "g_lines": "SELECT * FROM sale_lines WHERE member_key IS NOT NULL",
    "g_coupons": """
        SELECT coupon_no, coupon_name AS name, benefit_type, benefit_value, available_from, available_to,
               true AS landed
        FROM coupons
        UNION ALL
        SELECT coupon_no, coupon_no, NULL, NULL, NULL, NULL, false FROM (
            SELECT coupon_no FROM coupon_issues UNION SELECT coupon_no FROM orders WHERE coupon_no IS NOT NULL
        ) WHERE coupon_no NOT IN (SELECT coupon_no FROM coupons)""",
}
"""Tables made once and used by several queries, in this order."""

NODES: Final = {
    "CRM_Customer": """
        SELECT member_key, created_at, group_no, gender, region, landed, orders, sales, spent, first_order_at,
               last_order_at
        FROM g_customers""",
    "CRM_CustomerGroup": "SELECT group_no, group_name AS name FROM customer_groups",
    "CRM_Order": """
        SELECT order_id, ordered_at, ordered_local::DATE AS local_date, status, is_sale,
               member_key IS NULL AS is_guest, sale_no, paid_amount, net_amount, discount_amount, currency, country,
               delivered_at
        FROM g_orders""",
    "CRM_OrderItem": """
        SELECT i.order_id, i.line_no, i.product_no, i.quantity, i.unit_price, i.amount,
               coalesce(i.status, o.status) AS status,
               coalesce(o.is_sale AND coalesce(i.status, o.status) NOT IN ('cancelled', 'returned'), false) AS is_sale
        FROM order_items i LEFT JOIN g_orders o USING (order_id)""",
    "CRM_Product": """
        SELECT product_no, product_name AS name, category, price, currency, selling, stock_quantity, created_at,
               landed
        FROM g_products""",
    "CRM_Category": "SELECT category_key, name, landed FROM g_categories",
    "CRM_Coupon": "SELECT * FROM g_coupons",
    "CRM_Review": "SELECT review_no, rating, created_at, length(content) AS text_length FROM reviews",
}
"""A label's properties; uid and mall_id are added from its key."""

LINKS: Final = {
    "HAS_CUSTOMER": "SELECT $mall_id AS from_key, member_key AS to_key FROM g_customers",
    "SELLS": "SELECT $mall_id AS from_key, product_no AS to_key FROM g_products",
    "PLACED": "SELECT member_key AS from_key, order_id AS to_key FROM g_orders WHERE member_key IS NOT NULL",
    "CONTAINS": """
        SELECT order_id AS from_key, order_id || '-' || line_no AS to_key
        FROM order_items SEMI JOIN g_orders USING (order_id)""",
    "OF_PRODUCT": """
        SELECT order_id || '-' || line_no AS from_key, product_no AS to_key
        FROM order_items SEMI JOIN g_products USING (product_no)""",
    "IN_CATEGORY": """
        SELECT product_no AS from_key, category_key AS to_key FROM g_products WHERE category_key IS NOT NULL""",
    "CHILD_OF": """
        SELECT category_key AS from_key, parent AS to_key FROM g_categories
        WHERE parent IN (SELECT category_key FROM g_categories) AND parent <> category_key""",
    "IN_GROUP": """
        SELECT member_key AS from_key, group_no AS to_key
        FROM g_customers SEMI JOIN customer_groups USING (group_no)""",
    "BOUGHT": """
        SELECT member_key AS from_key, product_no AS to_key, count(DISTINCT order_id) AS orders,
               sum(quantity) AS quantity, sum(amount) AS amount, min(ordered_at) AS first_at,
               max(ordered_at) AS last_at
        FROM g_lines GROUP BY member_key, product_no""",
    "FIRST_BOUGHT": """
        SELECT member_key AS from_key, product_no AS to_key, min(ordered_at) AS at
        FROM g_lines WHERE sale_no = 1 GROUP BY member_key, product_no""",
    "ISSUED_TO": """
        SELECT coupon_no AS from_key, member_key AS to_key, count(*) AS issues, count(used_at) AS uses,
               min(issued_at) AS first_issued_at, max(used_at) AS last_used_at
        FROM coupon_issues SEMI JOIN g_customers USING (member_key) GROUP BY coupon_no, member_key""",
    "USED_COUPON": """
        SELECT order_id AS from_key, coupon_no AS to_key FROM (
            SELECT order_id, coupon_no FROM orders WHERE coupon_no IS NOT NULL
            UNION SELECT used_order_id, coupon_no FROM coupon_issues
            WHERE used_order_id IN (SELECT order_id FROM orders)
        )""",
    "WROTE": """
        SELECT member_key AS from_key, review_no AS to_key
        FROM reviews SEMI JOIN g_customers USING (member_key)""",
    "AFTER_ORDER": """
        SELECT review_no AS from_key, order_id AS to_key FROM reviews SEMI JOIN g_orders USING (order_id)""",
    "ABOUT": """
        SELECT review_no AS from_key, product_no AS to_key FROM reviews SEMI JOIN g_products USING (product_no)""",
}
"""Source keys of both ends (of the relationship's first pair of labels) and its properties."""
