"""One order, review, product or coupon as it landed: what it is, what it cost, when and how it stands.

Never who: no member, no contact, no address; the text of a review isn't told either. Does not belong here: finding
the number in a question (see `identifiers.py`), or figures over many of them (`queries/*.yaml`).
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.aggregates import Aggregate, Computed, with_values
from cafe24_pipelines.answers.figures import Number, plain, show

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.slots import Slots

STATUS_KO: Final = {
    "unpaid": "미입금", "paid": "결제 완료", "shipping": "배송 중", "delivered": "배송 완료",
    "confirmed": "구매 확정", "cancelled": "취소", "returned": "반품", "exchanged": "교환",
}  # fmt: skip

ORDER: Final = """
SELECT o.status, strftime(o.ordered_local, '%Y-%m-%d %H:%M') AS ordered, o.paid_amount AS paid,
       o.discount_amount AS discount, o.shipping_fee AS fee, c.coupon_name AS coupon,
       strftime(o.delivered_at AT TIME ZONE $zone, '%Y-%m-%d') AS delivered,
       (SELECT sum(quantity) FROM order_items WHERE order_id = $record) AS units,
       (SELECT count(DISTINCT product_no) FROM order_items WHERE order_id = $record) AS kinds
FROM order_facts o LEFT JOIN coupons c USING (coupon_no) WHERE o.order_id = $record"""

ITEMS: Final = """
SELECT coalesce(product_name, product_no) AS name, quantity AS units, amount, status
FROM order_items WHERE order_id = $record ORDER BY line_no LIMIT 20"""

REVIEW: Final = """
SELECT r.rating, strftime(r.created_at AT TIME ZONE $zone, '%Y-%m-%d') AS written, p.product_name AS product
FROM reviews r LEFT JOIN known_products p USING (product_no) WHERE r.review_no = $record"""

PRODUCT: Final = """
SELECT category, price, stock_quantity AS stock, selling,
       strftime(created_at AT TIME ZONE $zone, '%Y-%m-%d') AS created
FROM known_products WHERE product_no = $product"""

COUPON: Final = """
SELECT benefit_type, benefit_value AS benefit, strftime(available_from AT TIME ZONE $zone, '%Y-%m-%d') AS first_day,
       strftime(available_to AT TIME ZONE $zone, '%Y-%m-%d') AS last_day FROM coupons WHERE coupon_no = $coupon_no"""


class _Told:
    """Collects lines, and the numbers in them with the query that gave them."""

    def __init__(self, aggregate: Aggregate, slots: "Slots", db: "DuckDBPyConnection") -> None:
        self.aggregate, self.slots, self.db = aggregate, slots, db
        self.lines: list[str] = []
        self.numbers: list[Number] = []
        self.query = ""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query; it stands behind the numbers that are said next."""
        bound = {name: value for name, value in self.slots.values().items() if f"${name}" in sql}
        relation = self.db.sql(sql, params=bound)
        self.query = with_values(sql, bound)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]

    def say(self, value: Decimal | int, unit: str) -> str:
        """The value as text, kept as a number of the answer."""
        currency = self.slots.currency
        self.numbers.append(Number(plain(value), currency if unit == "money" else unit, self.query))
        return show(value, unit, currency)

    def parts(self, row: dict[str, Any], named: tuple[tuple[str, str, str], ...]) -> str:
        """`제목 값` for each column that has a value: text where the unit is "" and a number otherwise."""
        told = [
            f"{title} {self.say(row[name], unit) if unit else row[name]}"
            for name, title, unit in named
            if row[name] is not None
        ]
        return ", ".join(told)

    def computed(self, rows: list[dict[str, Any]]) -> Computed:
        """What was said, as the result of the aggregate."""
        query = self.numbers[0].query if self.numbers else self.query
        one = self.aggregate
        return Computed(one.key, one.title, "\n".join(self.lines), tuple(self.numbers), query, tuple(rows))


def order_record(
    aggregate: Aggregate, slots: "Slots", services: "Services", db: "DuckDBPyConnection", words: dict[str, str]
) -> Computed:
    """One order: amounts, status, dates and lines."""
    told = _Told(aggregate, slots, db)
    rows = told.rows(ORDER)
    row = rows[0]
    told.lines.append(
        f"주문 {slots.record}의 상태는 {STATUS_KO[row['status']]}이고, 주문 시각은 {row['ordered']}, 결제 금액은 "
        f"{told.say(row['paid'], 'money')}입니다."
    )
    named = (("discount", "할인", "money"), ("fee", "배송비", "money"), ("coupon", "쿠폰", ""),
             ("delivered", "배송 완료", ""), ("kinds", "상품 종류", "개"), ("units", "수량", "개"))  # fmt: skip
    told.lines.append(f"- {told.parts(row, named)}")
    for item in told.rows(ITEMS):
        own = STATUS_KO.get(item["status"] or "", "")
        state = f" ({own})" if own in ("취소", "반품", "교환") else ""
        told.lines.append(
            f"- {item['name']}: {told.say(item['units'], '개')}, {told.say(item['amount'], 'money')}{state}"
        )
    return told.computed(rows)


def review_record(
    aggregate: Aggregate, slots: "Slots", services: "Services", db: "DuckDBPyConnection", words: dict[str, str]
) -> Computed:
    """One review: product, rating and day."""
    told = _Told(aggregate, slots, db)
    rows = told.rows(REVIEW)
    named = (("product", "상품", ""), ("rating", "평점", "점"), ("written", "작성일", ""))
    told.lines.append(f"리뷰 {slots.record}: {told.parts(rows[0], named)}")
    return told.computed(rows)


def product_facts(
    aggregate: Aggregate, slots: "Slots", services: "Services", db: "DuckDBPyConnection", words: dict[str, str]
) -> Computed:
    """One product as it is listed now."""
    told = _Told(aggregate, slots, db)
    rows = told.rows(PRODUCT)
    row = {**rows[0], "selling": {True: "판매 중", False: "판매 중지"}.get(rows[0]["selling"])}
    named = (("category", "카테고리", ""), ("price", "가격", "money"), ("stock", "재고", "개"),
             ("selling", "상태", ""), ("created", "등록일", ""))  # fmt: skip
    told.lines.append(f"'{slots.product_name}' 상품: {told.parts(row, named) or '이름만 알려져 있습니다'}")
    return told.computed(rows)


def coupon_facts(
    aggregate: Aggregate, slots: "Slots", services: "Services", db: "DuckDBPyConnection", words: dict[str, str]
) -> Computed:
    """One coupon's benefit and the days on which it can be used."""
    told = _Told(aggregate, slots, db)
    rows = told.rows(COUPON)
    unit = {"A": "money", "B": "%"}.get(rows[0]["benefit_type"] or "", "")
    benefit = (("benefit", "혜택", unit),) if unit else ()
    named = (*benefit, ("first_day", "사용 시작", ""), ("last_day", "사용 끝", ""))
    told.lines.append(f"'{slots.coupon_name}' 쿠폰: {told.parts(rows[0], named) or '이름만 알려져 있습니다'}")
    return told.computed(rows)
