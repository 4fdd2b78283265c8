"""What can be wrong with the landed rows themselves: keys that lead nowhere, things landed twice, things to note.

The graph can't be better than its lake, and only the lake knows which row to mend. A reference into a table that a
mall doesn't have (no coupons, no categories) is no fault. Does not belong here: the graph (the other `health_*.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.ontology.health_report import EVIDENCE_ROWS, NOTES, Severity, Violation, violation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class LakeCheck:
    """Rows of `sql` are what is wrong among `total` rows; `label` and `path` are what suffers in the graph."""

    name: str
    label: str
    path: str
    total: str
    sql: str
    message: str
    remedy: str


def _missing(table: str, column: str, there: str, key: str, shown: str, *, always: bool = False) -> str:
    """Rows of a table whose column names nothing in `there`; unless `always`, only if anything landed there."""
    landed = "" if always else f" AND EXISTS (SELECT 1 FROM {there})"
    return (
        f"SELECT {shown} FROM {table} WHERE {column} IS NOT NULL "
        f"AND {column} NOT IN (SELECT {key} FROM {there} WHERE {key} IS NOT NULL){landed}"
    )


DANGLING: Final = (
    LakeCheck(
        "item_without_order", "CRM_OrderItem", "^CONTAINS", "order_items",
        _missing("order_items", "order_id", "orders", "order_id", "order_id, line_no", always=True),
        "주문이 없는 주문상품", "주문 파일(또는 주문 동기화 기간)에 이 주문번호가 빠졌는지 확인하고 다시 적재하세요.",
    ),
    LakeCheck(
        "order_without_items", "CRM_Order", "CONTAINS", "orders",
        _missing("orders", "order_id", "order_items", "order_id", "order_id, status"),
        "주문상품이 없는 주문", "주문상품 파일에 이 주문번호의 줄이 있는지 확인하고 다시 적재하세요.",
    ),
    LakeCheck(
        "item_without_product", "CRM_OrderItem", "OF_PRODUCT", "order_items",
        _missing("order_items", "product_no", "known_products", "product_no", "order_id, line_no, product_no"),
        "상품을 알 수 없는 주문상품", "상품 파일에 이 상품번호를 더하거나, 주문을 함께 적재하세요.",
    ),
    LakeCheck(
        "member_of_unknown_group", "CRM_Customer", "IN_GROUP", "customers",
        _missing("customers", "group_no", "customer_groups", "group_no", "member_key, group_no"),
        "등급표에 없는 등급의 회원", "회원등급(customer_groups)을 다시 동기화하세요.",
    ),
    LakeCheck(
        "product_of_unknown_category", "CRM_Product", "IN_CATEGORY", "products",
        _missing("products", "category_no", "categories", "category_no", "product_no, category_no"),
        "분류표에 없는 분류의 상품", "카테고리를 다시 동기화하거나 상품의 분류를 고치세요.",
    ),
    LakeCheck(
        "category_without_parent", "CRM_Category", "CHILD_OF", "categories",
        _missing("categories", "parent_category_no", "categories", "category_no", "category_no, parent_category_no"),
        "상위 분류가 없는 분류", "카테고리를 다시 동기화하세요.",
    ),
    LakeCheck(
        "review_without_product", "CRM_Review", "ABOUT", "reviews",
        _missing("reviews", "product_no", "known_products", "product_no", "review_no, product_no"),
        "상품이 없는 리뷰", "삭제된 상품의 리뷰면 두어도 됩니다. 아니면 상품 목록을 다시 적재하세요.",
    ),
    LakeCheck(
        "review_without_order", "CRM_Review", "AFTER_ORDER", "reviews",
        _missing("reviews", "order_id", "orders", "order_id", "review_no, order_id"),
        "주문을 찾을 수 없는 리뷰", "리뷰가 가리키는 주문의 기간까지 주문을 적재하세요.",
    ),
    LakeCheck(
        "issue_to_unknown_member", "CRM_Coupon", "ISSUED_TO", "coupon_issues",
        _missing("coupon_issues", "member_key", "known_customers", "member_key", "issue_no, coupon_no"),
        "회원을 찾을 수 없는 쿠폰 발급", "회원 목록을 다시 적재하세요.",
    ),
    LakeCheck(
        "coupon_used_on_unknown_order", "CRM_Coupon", "^USED_COUPON", "coupon_issues",
        _missing("coupon_issues", "used_order_id", "orders", "order_id", "issue_no, used_order_id"),
        "사용 주문을 찾을 수 없는 쿠폰", "쿠폰을 쓴 주문의 기간까지 주문을 적재하세요.",
    ),
    LakeCheck(
        "undefined_coupon", "CRM_Coupon", "", "coupon_issues",
        _missing("coupon_issues", "coupon_no", "coupons", "coupon_no", "issue_no, coupon_no"),
        "쿠폰 목록에 없는 쿠폰의 발급", "쿠폰 목록을 다시 동기화하세요.",
    ),
)  # fmt: skip
"""Keys that lead nowhere."""

NOTED: Final = (
    LakeCheck(
        "unlisted_product", "CRM_Product", "", "known_products",
        "SELECT product_no, product_name FROM known_products WHERE NOT landed AND EXISTS (SELECT 1 FROM products)",
        "주문에만 있고 상품 목록에 없는 상품",
        "삭제된 상품이면 두어도 됩니다. 아니면 상품 목록을 다시 적재하세요.",
    ),
    LakeCheck(
        "unlisted_member", "CRM_Customer", "", "known_customers",
        "SELECT member_key FROM known_customers WHERE NOT landed AND EXISTS (SELECT 1 FROM customers)",
        "주문에만 있고 회원 목록에 없는 회원", "탈퇴 회원이면 두어도 됩니다. 아니면 회원 목록을 다시 적재하세요.",
    ),
)  # fmt: skip
"""Things known from orders only: normal for members who left and products taken down, so they cost no points."""

REPEATED: Final = (
    LakeCheck(
        "repeated_order", "CRM_Order", "", "orders",
        "SELECT min(order_id) AS order_id, count(*) AS orders, min(ordered_at) AS ordered_at FROM orders "
        "WHERE member_key IS NOT NULL AND paid_amount > 0 GROUP BY member_key, ordered_at, paid_amount "
        "HAVING count(*) > 1",
        "같은 회원·시각·금액의 주문", "같은 주문이 다른 번호로 두 번 적재되지 않았는지 확인하세요.",
    ),
    LakeCheck(
        "repeated_review", "CRM_Review", "", "reviews",
        "SELECT min(review_no) AS review_no, product_no, count(*) AS reviews FROM reviews "
        "WHERE member_key IS NOT NULL AND length(content) > 0 GROUP BY member_key, product_no, content, created_at "
        "HAVING count(*) > 1",
        "같은 회원이 같은 상품에 남긴 같은 리뷰", "게시판이 두 번 동기화되지 않았는지 확인하세요.",
    ),
)  # fmt: skip
"""Rows that look like one thing landed twice."""

_PARTS: Final[tuple[tuple[str, Severity, tuple[LakeCheck, ...]], ...]] = (
    ("references", "Warning", DANGLING), ("duplicates", "Warning", REPEATED), (NOTES, "Info", NOTED),
)  # fmt: skip


def lake_violations(db: "DuckDBPyConnection") -> Iterator[Violation]:
    """Everything that is wrong with the landed rows."""
    for part, severity, checks in _PARTS:
        for c in checks:
            if count := _count(db, f"({c.sql})"):
                rows = db.sql(f"SELECT * FROM ({c.sql}) ORDER BY ALL LIMIT {EVIDENCE_ROWS}").to_arrow_table()
                yield violation(
                    part, c.name, severity, c.label, c.path, count=count, total=_count(db, c.total),
                    message=c.message, remedy=c.remedy, rows=rows.to_pylist(),
                )  # fmt: skip


def _count(db: "DuckDBPyConnection", source: str) -> int:
    return int(db.sql(f"SELECT count(*) FROM {source}").fetchall()[0][0])
