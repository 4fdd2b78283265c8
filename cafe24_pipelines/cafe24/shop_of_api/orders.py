"""Orders and their lines.

Money. `initial_order_amount` is what the order came to when it was made, `actual_order_amount` what it comes to after
claims. A cancelled order kept nothing: `paid_amount` is 0. A returned one shows what was paid and given back (its
word takes it out of sales), so its initial amounts stand; every other order shows its actual ones.

- `paid_amount` is `payment_amount` plus `credits_spent_amount`: credits are the customer's own money (refunds kept,
  deposits), so spending them is paying. An unpaid order shows what is owed.
- Points are the shop's gift, so spending them is a discount: `discount_amount` is points and every discount (coupons,
  tier, set, app, market, and those off the shipping fee). With `shipping_fee` before its discounts,
  goods - discount + shipping = paid.
- A line's `unit_price` is `product_price` + `option_price`; discounts of single lines are in the order's.

`line_no` counts an order's lines from 1 in the order of `item_no`: lines that a claim adds come last. `coupon_no` is
that of the issue that names the order (the smallest, where several were used). `delivered_at` is when the last of its
lines that were not cancelled arrived, null while one is on its way.
"""

from typing import Final

from cafe24_pipelines.cafe24.shop_of_api.statuses import BEFORE_PAYMENT, line_status, order_status
from cafe24_pipelines.cafe24.shop_of_api.values import rows_of, struct

_AMOUNTS: Final = struct(
    "shipping_fee", "points_spent_amount", "credits_spent_amount", "coupon_discount_price",
    "coupon_shipping_fee_amount", "membership_discount_amount", "shipping_fee_discount_amount",
    "set_product_discount_amount", "app_discount_amount", "market_other_discount_amount", "payment_amount",
    "total_amount_due",
)  # fmt: skip
_DISCOUNTS: Final = (
    "points_spent_amount", "coupon_discount_price", "coupon_shipping_fee_amount", "membership_discount_amount",
    "shipping_fee_discount_amount", "set_product_discount_amount", "app_discount_amount",
    "market_other_discount_amount",
)  # fmt: skip
_ITEM: Final = struct(
    "item_no", "order_item_code", "product_no", "product_name", "product_price", "option_price", "quantity",
    "order_status", "order_status_before_cs", "status_code", "shipped_date", "delivered_date",
    "purchaseconfirmation_date", original_item_no='["VARCHAR"]',
)  # fmt: skip
_ORDER: Final = struct(
    "shop_no", "currency", "order_id", "member_key", "paid", "canceled", "order_date", "payment_date",
    "payment_amount", "shipping_type", "shipping_status",
    initial_order_amount=_AMOUNTS, actual_order_amount=_AMOUNTS, items=f"[{_ITEM}]",
    receivers=f"[{struct('country_code')}]",
)  # fmt: skip


def _sum(amounts: str, names: tuple[str, ...]) -> str:
    return " + ".join(f"coalesce(money({amounts}.{name}), 0)" for name in names)


_PAID: Final = "(coalesce(flag(o.paid), false) OR filled(o.payment_date) IS NOT NULL)"

PREPARED: Final = {
    "a_orders": f"""
        SELECT coalesce(filled(o.order_id), key) AS order_id, filled(o.member_key) AS member_key,
               instant(o.order_date) AS ordered_at, {_PAID} AS paid, o.shop_no, filled(o.currency) AS currency,
               upper(filled(o.canceled)) AS canceled, upper(filled(o.shipping_status)) AS shipping_status,
               money(o.payment_amount) AS payment_amount,
               upper(coalesce(filled(o.receivers[1].country_code),
                              CASE WHEN o.shipping_type = 'A' THEN 'KR' END)) AS country,
               o.initial_order_amount AS initial, o.actual_order_amount AS actual, o.items
        FROM {rows_of("orders", _ORDER, alias="o")}""",
    "a_lines": f"""
        WITH flat AS (
            SELECT order_id, paid, currency, shop_no, ordered_at, unnest(items) AS l FROM a_orders
        ), read AS (
            SELECT order_id, paid, currency, shop_no, ordered_at, l.item_no, l.order_item_code,
                   filled(l.product_no) AS product_no, filled(l.product_name) AS product_name,
                   whole(l.quantity) AS quantity,
                   money(l.product_price) + coalesce(money(l.option_price), 0) AS unit_price,
                   upper(filled(l.order_status)) AS code, {line_status()} AS own_status,
                   CASE WHEN l.status_code = 'N2' THEN l.original_item_no END AS replaces,
                   instant(l.delivered_date) AS delivered_at
            FROM flat
        ), replaced AS (SELECT DISTINCT order_id, unnest(replaces) AS item_no FROM read WHERE replaces IS NOT NULL)
        SELECT r.* EXCLUDE (own_status, replaces, item_no, order_item_code), r.own_status = 'exchanged' AS exchanged,
               CASE WHEN r.own_status = 'exchanged' AND p.item_no IS NOT NULL THEN 'returned'
                    ELSE r.own_status END AS status,
               row_number() OVER (PARTITION BY r.order_id ORDER BY whole(r.item_no), r.order_item_code) AS line_no
        FROM read r LEFT JOIN replaced p ON r.order_id = p.order_id AND r.item_no = p.item_no""",
    "a_order_states": f"""
        SELECT order_id, {order_status()} AS status,
               CASE WHEN bool_and(delivered_at IS NOT NULL) FILTER (status <> 'cancelled')
                    THEN max(delivered_at) FILTER (status <> 'cancelled') END AS delivered_at
        FROM a_lines GROUP BY order_id""",
    "a_order_coupons": """
        SELECT used_order_id AS order_id, min(coupon_no) AS coupon_no
        FROM a_issues WHERE used_order_id IS NOT NULL GROUP BY 1""",
    "a_order_rows": f"""
        WITH stated AS (
            SELECT o.*, s.delivered_at,
                   coalesce(s.status, CASE WHEN o.canceled = 'T' THEN 'cancelled'
                                           WHEN o.shipping_status = 'T' THEN 'delivered'
                                           WHEN o.shipping_status = 'M' THEN 'shipping'
                                           WHEN o.paid THEN 'paid' ELSE 'unpaid' END) AS status
            FROM a_orders o LEFT JOIN a_order_states s USING (order_id)
        ), chosen AS (
            SELECT * EXCLUDE (initial, actual),
                   CASE WHEN status IN ('cancelled', 'returned') THEN coalesce(initial, actual)
                        ELSE coalesce(actual, initial) END AS m
            FROM stated
        )
        SELECT order_id, member_key, ordered_at, status, coalesce(currency, c.of_shop, getvariable('currency'))
                   AS currency, country, delivered_at,
               CASE WHEN status = 'cancelled' THEN 0
                    WHEN m IS NULL THEN payment_amount
                    WHEN status = 'unpaid' AND coalesce(money(m.payment_amount), 0) = 0
                    THEN coalesce(money(m.total_amount_due), money(m.payment_amount))
                    ELSE money(m.payment_amount) END
                 + CASE WHEN status = 'cancelled' THEN 0 ELSE coalesce(money(m.credits_spent_amount), 0) END
                   AS paid_amount,
               CASE WHEN m IS NOT NULL THEN {_sum("m", _DISCOUNTS)} END AS discount_amount,
               money(m.shipping_fee) AS shipping_fee
        FROM chosen o LEFT JOIN a_shop_currency c USING (shop_no)""",
}
"""Made once, in this order; `a_issues` and `a_shop_currency` come from `marketing.py` and `catalogue.py`."""

_ORDER_FAULT: Final = """CASE
    WHEN ordered_at IS NULL THEN 'order_date is missing or not a date'
    WHEN paid_amount IS NULL THEN 'payment_amount is missing or not a number' END"""
_LINE_FAULT: Final = """CASE
    WHEN product_no IS NULL THEN 'product_no is missing'
    WHEN quantity IS NULL THEN 'quantity is missing or not a whole number'
    WHEN unit_price IS NULL THEN 'product_price is missing or not a number'
    WHEN unit_price < 0 THEN 'the price is below zero' END"""

TABLES: Final = {
    "orders": f"""
        SELECT order_id, member_key, ordered_at, status, paid_amount::DECIMAL(20, 4) AS paid_amount, currency,
               discount_amount::DECIMAL(20, 4) AS discount_amount, shipping_fee, coupon_no, delivered_at, country
        FROM a_order_rows LEFT JOIN a_order_coupons USING (order_id)
        WHERE {_ORDER_FAULT} IS NULL""",
    "order_items": f"""
        SELECT l.order_id, l.line_no, l.product_no, coalesce(l.product_name, p.product_name) AS product_name,
               p.category, l.quantity, l.unit_price, (l.unit_price * l.quantity)::DECIMAL(20, 4) AS amount,
               coalesce(l.currency, c.of_shop, getvariable('currency')) AS currency, l.status
        FROM a_lines l LEFT JOIN a_products p USING (product_no) LEFT JOIN a_shop_currency c USING (shop_no)
        WHERE {_LINE_FAULT} IS NULL""",
}

UNUSABLE: Final = {
    "orders": f"""
        SELECT order_id AS key, {_ORDER_FAULT} AS reason,
               CASE WHEN ordered_at IS NULL THEN 'order_date' ELSE 'payment_amount' END AS field,
               paid_amount AS amount
        FROM a_order_rows""",
    "order_items": f"""
        SELECT order_id || ' line ' || line_no AS key, {_LINE_FAULT} AS reason,
               CASE WHEN product_no IS NULL THEN 'product_no' WHEN quantity IS NULL THEN 'quantity'
                    ELSE 'product_price' END AS field,
               unit_price * quantity AS amount
        FROM a_lines""",
}
"""Rows with a reason why they can't be used; where it is null they can."""

PURCHASED: Final = f"""paid_line AS (
        SELECT order_id, line_no, product_no, ordered_at FROM a_lines
        WHERE status <> 'unpaid' AND coalesce(code, '') NOT IN {BEFORE_PAYMENT} AND product_no IS NOT NULL
            AND ordered_at IS NOT NULL
    )"""
"""Lines whose order was paid at some time: what a purchase event is."""
