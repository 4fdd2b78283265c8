"""What is usually true of a shop's tables: measures that DuckDB computes and a suite compares with bounds.

A measure outside its bounds is worth a look, not a stop: shops differ. Each is one number from one query over the
mall's own lake; `examples` shows a few rows behind it. No measure looks at today's date, so that an old export is
judged the same tomorrow.
Does not belong here: rules that every row must keep (`schemas.py`, checked by the contract suite).
"""

from dataclasses import dataclass
from typing import Final

OLDEST_YEAR: Final = 1995
"""No shop of this platform has sold before; an earlier year is a default or a misread format."""


@dataclass(frozen=True)
class Observation:
    """One measure of a table: `sql` gives one row with one number; bounds are inclusive, None is open."""

    name: str
    sql: str
    maximum: float | None = None
    minimum: float | None = None
    examples: str = ""


def observations(table: str) -> tuple[Observation, ...]:
    """The measures of a table, `row_count` first."""
    return (Observation("row_count", f"SELECT count(*) FROM {table}", minimum=1), *_OF.get(table, ()))


def _share(table: str, condition: str) -> str:
    return f"SELECT coalesce(avg(({condition})::INT), 0) FROM {table}"


def _null_share(table: str, column: str, maximum: float) -> Observation:
    return Observation(f"null_share_{column}", _share(table, f"{column} IS NULL"), maximum=maximum)


def _dangling(table: str, key: str, column: str, target: str, target_column: str = "") -> Observation:
    """Rows whose reference leads nowhere, if the target table has landed at all."""
    there = target_column or column
    rows = (
        f"FROM {table} t WHERE t.{column} IS NOT NULL AND EXISTS (SELECT 1 FROM {target}) "
        f"AND NOT EXISTS (SELECT 1 FROM {target} x WHERE x.{there} = t.{column})"
    )
    name = f"{column}_without_{target}"
    return Observation(
        name, f"SELECT count(*) {rows}", 0, examples=f"SELECT {key}, {column} {rows} ORDER BY ALL LIMIT 5"
    )


def _rows(name: str, table: str, key: str, condition: str) -> Observation:
    """Rows for which `condition` holds; none are expected."""
    rows = f"FROM {table} WHERE {condition}"
    return Observation(name, f"SELECT count(*) {rows}", 0, examples=f"SELECT {key} {rows} ORDER BY ALL LIMIT 5")


def _years(table: str, key: str, column: str) -> Observation:
    return _rows(f"{column}_before_{OLDEST_YEAR}", table, key, f"year({table}.{column}) < {OLDEST_YEAR}")


_OF: Final[dict[str, tuple[Observation, ...]]] = {
    "customers": (
        _null_share("customers", "created_at", 0.5),
        _dangling("customers", "member_key", "group_no", "customer_groups"),
        _years("customers", "member_key", "created_at"),
    ),
    "categories": (_dangling("categories", "category_no", "parent_category_no", "categories", "category_no"),),
    "products": (
        _null_share("products", "price", 0.05),
        _null_share("products", "category", 0.5),
        _rows("products_at_no_price", "products", "product_no", "price = 0"),
    ),
    "orders": (
        Observation("guest_share", _share("orders", "member_key IS NULL"), maximum=0.8),
        Observation("unpaid_share", _share("orders", "status = 'unpaid'"), maximum=0.3),
        Observation("currencies", "SELECT count(DISTINCT currency) FROM orders", maximum=1),
        _years("orders", "order_id", "ordered_at"),
        _rows("orders_delivered_before_ordered", "orders", "order_id", "delivered_at < ordered_at"),
        _rows("sales_of_a_negative_amount", "order_facts", "order_id", "is_sale AND paid_amount < 0"),
        Observation(
            "orders_without_lines",
            "SELECT coalesce(avg((NOT EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = o.order_id))::INT), 0) "
            "FROM orders o WHERE EXISTS (SELECT 1 FROM order_items)",
            maximum=0.01,
        ),
    ),
    "order_items": (
        _dangling("order_items", "order_id, line_no", "order_id", "orders"),
        _dangling("order_items", "order_id, line_no", "product_no", "products"),
        _rows("lines_of_no_quantity", "order_items", "order_id, line_no", "quantity = 0"),
        _null_share("order_items", "product_name", 0.05),
    ),
    "coupons": (_rows("coupons_ending_before_they_begin", "coupons", "coupon_no", "available_to < available_from"),),
    "coupon_issues": (
        _dangling("coupon_issues", "issue_no", "coupon_no", "coupons"),
        _dangling("coupon_issues", "issue_no", "member_key", "known_customers"),
        _dangling("coupon_issues", "issue_no", "used_order_id", "orders", "order_id"),
        _rows("coupons_used_before_issued", "coupon_issues", "issue_no", "used_at < issued_at"),
    ),
    "reviews": (
        _dangling("reviews", "review_no", "product_no", "known_products"),
        _dangling("reviews", "review_no", "order_id", "orders"),
        _null_share("reviews", "rating", 0.5),
        _years("reviews", "review_no", "created_at"),
    ),
    "events": (
        _dangling("events", "event_id", "product_no", "known_products"),
        Observation("anonymous_share", _share("events", "member_key IS NULL"), maximum=0.95),
        _years("events", "event_id", "at"),
    ),
}
