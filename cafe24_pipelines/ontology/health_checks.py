"""What can be wrong with a mall's rows and graph, check by check: the query, and in Korean what to do about it.

Does not belong here: running them, or the score (see `health.py`).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class LakeCheck:
    """Rows of `sql` are what is wrong among `total` rows; `label` is the graph label that suffers."""

    name: str
    label: str
    total: str
    sql: str
    title: str
    remedy: str


def _missing(table: str, column: str, there: str, key: str, shown: str) -> str:
    return (
        f"SELECT {shown} FROM {table} WHERE {column} IS NOT NULL "
        f"AND {column} NOT IN (SELECT {key} FROM {there} WHERE {key} IS NOT NULL)"
    )


DANGLING: Final = (
    LakeCheck(
        "item_without_order", "CRM_OrderItem", "order_items",
        _missing("order_items", "order_id", "orders", "order_id", "order_id, line_no"),
        "주문이 없는 주문상품", "주문 파일(또는 주문 동기화 기간)에 이 주문번호가 빠졌는지 확인하고 다시 적재하세요.",
    ),
    LakeCheck(
        "order_without_items", "CRM_Order", "orders",
        _missing("orders", "order_id", "order_items", "order_id", "order_id, status"),
        "주문상품이 없는 주문", "주문상품 파일에 이 주문번호의 줄이 있는지 확인하고 다시 적재하세요.",
    ),
    LakeCheck(
        "item_without_product", "CRM_OrderItem", "order_items",
        _missing("order_items", "product_no", "known_products", "product_no", "order_id, line_no, product_no"),
        "상품을 알 수 없는 주문상품", "상품 파일에 이 상품번호를 더하거나, 주문을 함께 적재하세요.",
    ),
    LakeCheck(
        "member_of_unknown_group", "CRM_Customer", "customers",
        _missing("customers", "group_no", "customer_groups", "group_no", "left(member_key, 8) AS member, group_no"),
        "등급표에 없는 등급의 회원", "회원등급(customer_groups)을 다시 동기화하세요.",
    ),
    LakeCheck(
        "product_of_unknown_category", "CRM_Product", "products",
        _missing("products", "category_no", "categories", "category_no", "product_no, category_no")
        + " AND EXISTS (SELECT 1 FROM categories)",
        "분류표에 없는 분류의 상품", "카테고리를 다시 동기화하거나 상품의 분류를 고치세요.",
    ),
    LakeCheck(
        "category_without_parent", "CRM_Category", "categories",
        _missing("categories", "parent_category_no", "categories", "category_no", "category_no, parent_category_no"),
        "상위 분류가 없는 분류", "카테고리를 다시 동기화하세요.",
    ),
    LakeCheck(
        "review_without_product", "CRM_Review", "reviews",
        _missing("reviews", "product_no", "known_products", "product_no", "review_no, product_no"),
        "상품이 없는 리뷰", "삭제된 상품의 리뷰면 두어도 됩니다. 아니면 상품 목록을 다시 적재하세요.",
    ),
    LakeCheck(
        "review_without_order", "CRM_Review", "reviews",
        _missing("reviews", "order_id", "orders", "order_id", "review_no, order_id"),
        "주문을 찾을 수 없는 리뷰", "리뷰가 가리키는 주문의 기간까지 주문을 적재하세요.",
    ),
    LakeCheck(
        "issue_to_unknown_member", "CRM_Coupon", "coupon_issues",
        _missing("coupon_issues", "member_key", "known_customers", "member_key", "issue_no, coupon_no"),
        "회원을 찾을 수 없는 쿠폰 발급", "회원 목록을 다시 적재하세요.",
    ),
    LakeCheck(
        "coupon_used_on_unknown_order", "CRM_Coupon", "coupon_issues",
        _missing("coupon_issues", "used_order_id", "orders", "order_id", "issue_no, used_order_id"),
        "사용 주문을 찾을 수 없는 쿠폰", "쿠폰을 쓴 주문의 기간까지 주문을 적재하세요.",
    ),
    LakeCheck(
        "undefined_coupon", "CRM_Coupon", "coupon_issues",
        _missing("coupon_issues", "coupon_no", "coupons", "coupon_no", "issue_no, coupon_no"),
        "쿠폰 목록에 없는 쿠폰의 발급", "쿠폰 목록을 다시 동기화하세요.",
    ),
)  # fmt: skip
"""Keys that lead nowhere, found in the lake."""

NOTES: Final = (
    LakeCheck(
        "unlisted_product", "CRM_Product", "known_products",
        "SELECT product_no, product_name FROM known_products WHERE NOT landed AND EXISTS (SELECT 1 FROM products)",
        "주문에만 있고 상품 목록에 없는 상품",
        "삭제된 상품이면 두어도 됩니다. 아니면 상품 목록을 다시 적재하세요.",
    ),
    LakeCheck(
        "unlisted_member", "CRM_Customer", "known_customers",
        "SELECT left(member_key, 8) AS member FROM known_customers "
        "WHERE NOT landed AND EXISTS (SELECT 1 FROM customers)",
        "주문에만 있고 회원 목록에 없는 회원", "탈퇴 회원이면 두어도 됩니다. 아니면 회원 목록을 다시 적재하세요.",
    ),
)  # fmt: skip
"""Things known from orders only: normal for members who left and products taken down, so they cost no points."""

DUPLICATES: Final = (
    LakeCheck(
        "repeated_order", "CRM_Order", "orders",
        "SELECT min(order_id) AS order_id, count(*) AS orders, min(ordered_at) AS ordered_at FROM orders "
        "WHERE member_key IS NOT NULL AND paid_amount > 0 GROUP BY member_key, ordered_at, paid_amount "
        "HAVING count(*) > 1",
        "같은 회원·시각·금액의 주문", "같은 주문이 다른 번호로 두 번 적재되지 않았는지 확인하세요.",
    ),
    LakeCheck(
        "repeated_review", "CRM_Review", "reviews",
        "SELECT min(review_no) AS review_no, product_no, count(*) AS reviews FROM reviews "
        "WHERE member_key IS NOT NULL AND length(content) > 0 GROUP BY member_key, product_no, content, created_at "
        "HAVING count(*) > 1",
        "같은 회원이 같은 상품에 남긴 같은 리뷰", "게시판이 두 번 동기화되지 않았는지 확인하세요.",
    ),
)  # fmt: skip
"""Rows that look like one thing landed twice."""

COVERAGE: Final = {
    "CRM_Customer": "SELECT count(*) FROM (SELECT member_key FROM customers UNION "
    "SELECT member_key FROM orders WHERE member_key IS NOT NULL)",
    "CRM_CustomerGroup": "SELECT count(*) FROM customer_groups",
    "CRM_Order": "SELECT count(*) FROM orders",
    "CRM_OrderItem": "SELECT count(*) FROM order_items",
    "CRM_Product": "SELECT count(*) FROM (SELECT product_no FROM products UNION "
    "SELECT product_no FROM order_items SEMI JOIN orders USING (order_id))",
    "CRM_Category": "SELECT count(*) FROM (SELECT category_no FROM categories UNION SELECT category_no FROM products "
    "WHERE category_no IS NOT NULL UNION SELECT 'name:' || category FROM known_products WHERE category_no IS NULL "
    "AND category IS NOT NULL AND category NOT IN (SELECT category_name FROM categories))",
    "CRM_Coupon": "SELECT count(*) FROM (SELECT coupon_no FROM coupons UNION SELECT coupon_no FROM coupon_issues "
    "UNION SELECT coupon_no FROM orders WHERE coupon_no IS NOT NULL)",
    "CRM_Review": "SELECT count(*) FROM reviews",
    "CRM_ApiEndpoint": "SELECT count(*) FROM documents WHERE kind = 'endpoint'",
}
"""How many nodes of a label the landed tables call for, counted without the projection."""

ORPHAN_REMEDY: Final = (
    "연결할 상대가 적재되지 않았습니다. 아래 끊긴 키를 먼저 고치고 `cafe24 rebuild graph`를 실행하세요."
)
COVERAGE_REMEDY: Final = "그래프가 적재된 자료와 다릅니다. `cafe24 rebuild graph`로 다시 만드세요."
CARDINALITY_REMEDY: Final = (
    "하나여야 할 관계가 여럿입니다. `cafe24 rebuild graph`를 실행하고, 그대로면 domain.yaml을 확인하세요."
)
FRESHNESS_REMEDY: Final = "그래프를 만든 뒤에 자료나 온톨로지가 바뀌었습니다. `cafe24 run`을 실행하세요."
