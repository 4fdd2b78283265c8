"""Questions about one product, coupon, order or customer, with gold by pandas. Customers are named by hashed id only.

Does not belong here: sums over the whole shop (`gold_totals.py`), joins over several tables (`gold_hops.py`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.experiments.gold import UNITS, Case, GoldNumber, counted, families, mean, rate
from cafe24_pipelines.experiments.raw import Raw, case, records

if TYPE_CHECKING:
    from random import Random

    import pandas as pd

_STATUS: Final = {
    "unpaid": "입금전|미입금|입금대기|unpaid", "paid": "결제완료|상품준비|paid", "shipping": "배송중|shipping",
    "delivered": "배송완료|delivered", "confirmed": "구매확정|confirmed", "cancelled": "취소|cancelled",
    "returned": "반품|returned", "exchanged": "교환|exchanged",
}  # fmt: skip
_REGULARS: Final = 40
"""Customers who may be asked about: those with most orders, so that there is something to ask."""


def _named(raw: Raw) -> "pd.DataFrame":
    """Products whose name is theirs alone."""
    found = raw.products.drop_duplicates("product_name", keep=False)
    return found.sort_values("product_no")


def _price(raw: Raw, draw: "Random") -> Iterator[Case]:
    for row in records(_named(raw).dropna(subset=["price"])):
        yield case([raw.money(row.price)], product=row.product_name)


def _stock(raw: Raw, draw: "Random") -> Iterator[Case]:
    for row in records(_named(raw).dropna(subset=["stock_quantity"])):
        yield case([counted(row.stock_quantity, "piece")], product=row.product_name)


def _category(raw: Raw, draw: "Random") -> Iterator[Case]:
    for row in records(_named(raw).dropna(subset=["category"])):
        if row.category not in row.product_name:
            yield case([], row.category, product=row.product_name)


def _sold(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, lines in _lines(raw):
        yield case([counted(lines["quantity"].sum(), "piece")], product=name)


def _earned(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, lines in _lines(raw):
        p = draw.choice(raw.periods)
        yield case([raw.money(p.of(lines)["amount"].sum())], product=name, p=p.phrase)


def _buyers(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, lines in _lines(raw):
        yield case([counted(lines["member_key"].nunique(), "person")], product=name)


def _lines(raw: Raw) -> "Iterator[tuple[str, pd.DataFrame]]":
    by_product: dict[str, pd.DataFrame] = {str(no): lines for no, lines in raw.lines.groupby("product_no")}
    for row in records(_named(raw)):
        if row.product_no in by_product:
            yield row.product_name, by_product[row.product_no]


def _rating(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, reviews in _reviewed(raw):
        yield case([mean(reviews["rating"].mean(), "star")], product=name)


def _review_count(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, reviews in _reviewed(raw):
        yield case([counted(len(reviews), "review")], product=name)


def _reviewed(raw: Raw) -> "Iterator[tuple[str, pd.DataFrame]]":
    by_product = dict(tuple(raw.reviews.dropna(subset=["rating"]).groupby("product_no")))
    for row in records(_named(raw)):
        if row.product_no in by_product:
            yield row.product_name, by_product[row.product_no]


def _issued(raw: Raw, draw: "Random") -> Iterator[Case]:
    for row in records(raw.coupons.sort_values("coupon_no")):
        found = raw.issues["coupon_no"] == row.coupon_no
        yield case([counted(found.sum(), "sheet")], coupon=row.coupon_name)


def _used(raw: Raw, draw: "Random") -> Iterator[Case]:
    for row in records(raw.coupons.sort_values("coupon_no")):
        found = raw.issues[raw.issues["coupon_no"] == row.coupon_no]
        if len(found):
            yield case([rate(found["used_at"].notna().sum(), len(found))], coupon=row.coupon_name)


def _coupon_sales(raw: Raw, draw: "Random") -> Iterator[Case]:
    for row in records(raw.coupons.sort_values("coupon_no")):
        found = raw.sales[raw.sales["coupon_no"] == row.coupon_no]
        yield case([raw.money(found["net"].sum())], coupon=row.coupon_name)


def _benefit(raw: Raw, draw: "Random") -> Iterator[Case]:
    """A percentage (B) or an amount (A)."""
    for row in records(raw.coupons.sort_values("coupon_no")):
        if row.benefit_type in ("A", "B"):
            number = raw.money(row.benefit_value) if row.benefit_type == "A" else GoldNumber(
                row.benefit_value, UNITS["percent"])  # fmt: skip
            yield case([number], coupon=row.coupon_name)


def _order_amount(raw: Raw, draw: "Random") -> Iterator[Case]:
    for row in records(raw.sales.sample(min(60, len(raw.sales)), random_state=7)):
        yield case([raw.money(row.paid_amount)], order=row.order_id)


def _order_status(raw: Raw, draw: "Random") -> Iterator[Case]:
    wanted = raw.orders.groupby("status").head(3)
    for row in records(wanted):
        yield case([], _STATUS[row.status], order=row.order_id)


def _order_size(raw: Raw, draw: "Random") -> Iterator[Case]:
    size = raw.items.groupby("order_id").agg(kinds=("product_no", "nunique"), pieces=("quantity", "sum"))
    known = size.loc[raw.sales["order_id"].iloc[-60:].tolist()]
    for row in records(known):
        yield case([counted(row.kinds, "kind", row.pieces)], order=str(row.Index))


def _regulars(raw: Raw) -> "Iterator[tuple[str, pd.DataFrame]]":
    sales = raw.sales.dropna(subset=["member_key"])
    often = sales.groupby("member_key").size().sort_values(ascending=False, kind="stable")
    regulars = often.index[:_REGULARS]
    for key, own in sales[sales["member_key"].isin(regulars)].groupby("member_key"):
        yield str(key), own


def _member_orders(raw: Raw, draw: "Random") -> Iterator[Case]:
    for key, sales in _regulars(raw):
        yield case([counted(len(sales), "order")], member=key)


def _member_spent(raw: Raw, draw: "Random") -> Iterator[Case]:
    for key, sales in _regulars(raw):
        yield case([raw.money(sales["net"].sum())], member=key)


def _member_tier(raw: Raw, draw: "Random") -> Iterator[Case]:
    tiers = raw.members.set_index("member_key")["group_name"].dropna()
    for key, _ in _regulars(raw):
        if key in tiers.index:
            yield case([], str(tiers[key]), member=key)


FAMILIES: Final = families(
    {
        "one_price": _price,
        "one_stock": _stock,
        "one_category": _category,
        "one_sold": _sold,
        "one_earned": _earned,
        "one_buyers": _buyers,
        "one_rating": _rating,
        "one_review_count": _review_count,
        "one_issued": _issued,
        "one_used": _used,
        "one_coupon_sales": _coupon_sales,
        "one_benefit": _benefit,
        "one_order_amount": _order_amount,
        "one_order_status": _order_status,
        "one_order_size": _order_size,
        "one_member_orders": _member_orders,
        "one_member_spent": _member_spent,
        "one_member_tier": _member_tier,
    }
)
