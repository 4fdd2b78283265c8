"""The CSV contract: which files a shop folder holds, which columns they have, and what a cell means.

A leaf: only names and kinds. How a kind is read is in `values.py`; how a merchant renames things in `mapping.py`.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Field:
    """One contract column.

    Attributes:
        name: the lake's column name (`member_id` becomes `member_key` at the privacy line).
        kind: how a cell is read, a key of `values.READERS`.
        required: the column must be in the file (or be a constant of the mapping).
        filled: a cell must not be blank.
        aliases: other headers that mean the same, as the Cafe24 admin's downloads spell them.
    """

    name: str
    kind: str = "text"
    required: bool = False
    filled: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """One file of the contract; `key` identifies a row, () when the same line may come twice."""

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()

    def field(self, name: str) -> Field:
        """The column of that name (KeyError if there is none)."""
        for f in self.fields:
            if f.name == name:
                return f
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in contract order."""
        return tuple(f.name for f in self.fields)


def _must(name: str, kind: str, *aliases: str) -> Field:
    return Field(name, kind, required=True, filled=True, aliases=aliases)


_ORDER_ID = _must("order_id", "id", "주문번호")
_MEMBER = Field("member_id", "member", required=True, aliases=("회원아이디", "회원ID", "주문자ID", "아이디"))
_MEMBER_FILLED = _must("member_id", "member", "회원아이디", "회원ID", "아이디")
_ORDERED_AT = _must("ordered_at", "time", "주문일시", "주문일자", "주문일")
_STATUS = _must("status", "status", "주문상태", "주문 상태")
_PRODUCT_NO = _must("product_no", "id", "상품번호", "상품코드")
_PRODUCT_NAME = Field("product_name", aliases=("상품명", "주문상품명"))
_CATEGORY = Field("category", aliases=("카테고리", "상품분류", "분류"))
_QUANTITY = _must("quantity", "whole", "수량")
_UNIT_PRICE = _must("unit_price", "price", "판매가", "단가")
_COUNTRY = Field("country", aliases=("국가",))

FLAT: Final = "flat"
"""One file whose lines are order lines that repeat their order; split into orders and order_items."""

RESOURCES: Final[dict[str, Resource]] = {
    r.name: r
    for r in (
        Resource(
            "orders",
            (
                _ORDER_ID, _MEMBER, _ORDERED_AT,
                _must("paid_amount", "money", "총 실결제금액", "실결제금액", "총 결제금액", "결제금액"), _STATUS,
                Field("discount_amount", "money"), Field("shipping_fee", "money", aliases=("배송비", "총 배송비")),
                Field("coupon_no", "id"), Field("delivered_at", "time", aliases=("배송완료일",)), _COUNTRY,
            ),
            key=("order_id",),
        ),
        Resource(
            "order_items",
            (
                _ORDER_ID, _PRODUCT_NO, _PRODUCT_NAME, _CATEGORY, _QUANTITY, _UNIT_PRICE,
                Field("status", "status", aliases=("주문상태", "주문 상태")),
            ),
        ),
        Resource(
            "customers",
            (
                _MEMBER_FILLED, Field("created_at", "time", aliases=("회원가입일", "가입일")),
                Field("group_name", aliases=("회원등급", "등급")), Field("gender", "gender", aliases=("성별",)),
                Field("region", aliases=("지역",)), Field("accepts_sms", "flag", aliases=("SMS 수신여부",)),
                Field("accepts_email", "flag", aliases=("e메일 수신여부",)),
                Field("last_login_at", "time", aliases=("최종접속일",)),
            ),
            key=("member_id",),
        ),
        Resource(
            "products",
            (
                _PRODUCT_NO, _must("product_name", "text", "상품명"), _CATEGORY,
                Field("price", "price", aliases=("판매가",)),
                Field("created_at", "time", aliases=("상품등록일", "등록일")),
                Field("selling", "flag", aliases=("판매상태",)),
                Field("stock_quantity", "whole", aliases=("재고수량",)),
            ),
            key=("product_no",),
        ),
        Resource(
            "events",
            (
                Field("member_id", "member", required=True), _must("event", "event"),
                Field("product_no", "id"), _must("at", "time"),
            ),
            key=("member_id", "event", "product_no", "at"),
        ),
        Resource(
            "coupons",
            (
                _must("coupon_no", "id", "쿠폰번호"), _must("coupon_name", "text", "쿠폰명"), Field("benefit_type"),
                Field("benefit_value", "money"), Field("available_from", "time"), Field("available_to", "time"),
            ),
            key=("coupon_no",),
        ),
        Resource(
            "coupon_issues",
            (
                _must("issue_no", "id"), _must("coupon_no", "id"), _MEMBER_FILLED, _must("issued_at", "time"),
                Field("used_at", "time"), Field("used_order_id", "id"),
            ),
            key=("issue_no",),
        ),
        Resource(
            "reviews",
            (
                _must("review_no", "id"), _must("product_no", "id", "상품번호"), Field("member_id", "member"),
                Field("order_id", "id"), Field("rating", "rating", aliases=("평점",)),
                Field("content", "prose", aliases=("내용",)), _must("created_at", "time", "작성일"),
            ),
            key=("review_no",),
        ),
        Resource(
            FLAT,
            (
                _ORDER_ID, _PRODUCT_NO, _PRODUCT_NAME, _CATEGORY, _QUANTITY, _UNIT_PRICE, _ORDERED_AT, _MEMBER,
                _STATUS, _COUNTRY,
            ),
        ),
    )
}  # fmt: skip

MUST_HAVE: Final = ("orders", "order_items")
"""Files a folder must hold when its mapping does not split a flat file."""
