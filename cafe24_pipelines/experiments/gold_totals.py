"""Questions about the whole shop: sales, orders, members, rates, tops and comparisons, with gold by pandas.

Written from what a merchant asks in a week, not from what can be answered. Does not belong here: one product, coupon
or customer (`gold_entities.py`), joins over several tables (`gold_hops.py`).
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.experiments.gold import UNITS, Case, GoldNumber, counted, families, mean, rate
from cafe24_pipelines.experiments.raw import Period, Raw, case, clear_first

if TYPE_CHECKING:
    from random import Random

_DAYS: Final = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")


def _sales(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([raw.money(p.of(raw.orders)["net"].sum())], p=p.phrase)


def _orders(raw: Raw, draw: "Random") -> Iterator[Case]:
    """Sales, or every order placed: a merchant may mean either."""
    for p in raw.periods:
        yield case([counted(len(p.of(raw.sales)), "order", len(p.of(raw.orders)))], p=p.phrase)


def _order_value(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        found = p.of(raw.sales)
        if len(found):
            exact = found["net"].sum() / len(found)
            with_credits = p.of(raw.orders)["net"].sum() / len(found)
            yield case([raw.money(exact, with_credits)], p=p.phrase)


def _buyers(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([counted(p.of(raw.sales)["member_key"].nunique(), "person")], p=p.phrase)


def _joined(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([counted(len(p.of(raw.members)), "person")], p=p.phrase)


def _cancelled(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([counted((p.of(raw.orders)["status"] == "cancelled").sum(), "order")], p=p.phrase)


def _returned(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([counted((p.of(raw.orders)["status"] == "returned").sum(), "order")], p=p.phrase)


def _cancel_rate(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        found = p.of(raw.orders)
        if len(found):
            yield case([rate((found["status"] == "cancelled").sum(), len(found))], p=p.phrase)


def _discounts(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([raw.money(p.of(raw.sales)["discount_amount"].sum())], p=p.phrase)


def _tier_size(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, size in raw.members["group_name"].dropna().value_counts().sort_index().items():
        yield case([counted(int(size), "person")], tier=str(name))


def _region_size(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, size in raw.members["region"].dropna().value_counts().sort_index().items():
        yield case([counted(int(size), "person")], region=str(name))


def _gender_size(raw: Raw, draw: "Random") -> Iterator[Case]:
    for code, word in (("F", "여자"), ("M", "남자")):
        yield case([counted((raw.members["gender"] == code).sum(), "person")], gender=word)


def _sms(raw: Raw, draw: "Random") -> Iterator[Case]:
    for column, word in (("accepts_sms", "문자"), ("accepts_email", "이메일")):
        yield case([counted(raw.members[column].fillna(False).astype(bool).sum(), "person")], channel=word)


def _best_seller(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        sold = p.of(raw.lines).groupby("product_name")["quantity"].sum()
        first = clear_first(sold)
        if first:
            yield case([counted(sold.max(), "piece")], first, p=p.phrase)


def _best_category(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        earned = p.of(raw.lines).groupby("category")["amount"].sum()
        first = clear_first(earned)
        if first:
            yield case([raw.money(earned.max())], first, p=p.phrase)


def _category_sales(raw: Raw, draw: "Random") -> Iterator[Case]:
    for name, lines in raw.lines.groupby("category"):
        yield case([raw.money(lines["amount"].sum())], category=str(name))


def _weekday(raw: Raw, draw: "Random") -> Iterator[Case]:
    by_day = raw.sales.groupby(raw.sales["local"].dt.day_of_week).size()
    first = clear_first(by_day)
    if first:
        yield case([], _DAYS[int(first)])


def _hour(raw: Raw, draw: "Random") -> Iterator[Case]:
    first = clear_first(raw.sales.groupby(raw.sales["local"].dt.hour).size())
    if first:
        yield case([counted(int(first), "hour")])


def _two_months(raw: Raw, draw: "Random") -> Iterator[Case]:
    known = raw.months
    for earlier, later in itertools.pairwise(known):
        a, b = (p.of(raw.orders)["net"].sum() for p in (earlier, later))
        if a != b:
            winner = earlier if a > b else later
            word = f"{winner.start.month}월"
            yield case([raw.money(abs(a - b))], word, a=earlier.phrase, b=_again(earlier, later))


def _again(earlier: Period, later: Period) -> str:
    """The later month as people say it after the earlier one."""
    return f"{later.start.month}월" if earlier.start.year == later.start.year else later.phrase


def _growth(raw: Raw, draw: "Random") -> Iterator[Case]:
    known = raw.months
    for earlier, later in itertools.pairwise(known):
        a, b = (p.of(raw.orders)["net"].sum() for p in (earlier, later))
        if a > 0:
            yield case([_change(a, b)], p=later.phrase)


def _change(before: float, after: float) -> GoldNumber:
    """How much a sum moved, in per cent; a fall may be said as "줄었다" without a sign."""
    moved = float(100 * (after - before) / before)
    return GoldNumber(moved, UNITS["percent"], digits=1, also=(abs(moved),))


def _year_on_year(raw: Raw, draw: "Random") -> Iterator[Case]:
    known = raw.months
    for earlier, later in zip(known, known[12:], strict=False):
        a, b = (p.of(raw.orders)["net"].sum() for p in (earlier, later))
        if a > 0:
            yield case([_change(a, b)], p=later.phrase)


def _repeat(raw: Raw, draw: "Random") -> Iterator[Case]:
    times = raw.sales.dropna(subset=["member_key"]).groupby("member_key").size()
    yield case([rate((times >= 2).sum(), len(times))])


def _guests(raw: Raw, draw: "Random") -> Iterator[Case]:
    """Of sales, or of every order placed."""
    of_all = float(100 * raw.orders["member_key"].isna().mean())
    yield case([replace(rate(raw.sales["member_key"].isna().sum(), len(raw.sales)), also=(of_all,))])


def _delivery(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        days = p.of(raw.sales)["days"].dropna()
        if len(days):
            yield case([mean(days.mean(), "day")], p=p.phrase)


def _large(raw: Raw, draw: "Random") -> Iterator[Case]:
    for limit in (50_000, 100_000, 150_000, 200_000):
        paid = raw.sales["paid_amount"]
        yield case([counted((paid >= limit).sum(), "order", (paid > limit).sum())], limit=f"{limit // 10_000}만원")


def _largest(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        found = p.of(raw.sales)
        if len(found):
            yield case([raw.money(found["paid_amount"].max())], p=p.phrase)


def _many_lines(raw: Raw, draw: "Random") -> Iterator[Case]:
    size = raw.lines.groupby("order_id")["product_no"].nunique()
    for least in (3, 4, 5):
        yield case([counted((size >= least).sum(), "order")], least=f"{least}가지")


def _per_order(raw: Raw, draw: "Random") -> Iterator[Case]:
    yield case([mean(raw.lines["quantity"].sum() / raw.lines["order_id"].nunique(), "piece")])


def _free_shipping(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([counted((p.of(raw.sales)["shipping_fee"] == 0).sum(), "order")], p=p.phrase)


def _unpaid(raw: Raw, draw: "Random") -> Iterator[Case]:
    yield case([counted((raw.orders["status"] == "unpaid").sum(), "order")])


def _dormant(raw: Raw, draw: "Random") -> Iterator[Case]:
    import pandas as pd

    last = raw.sales.dropna(subset=["member_key"]).groupby("member_key")["local"].max().dt.normalize()
    for days in (60, 90, 120, 180):
        edge = raw.today - pd.Timedelta(days=days)
        yield case([counted((last <= edge).sum(), "person", (last < edge).sum())], days=str(days))


def _ratings(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        found = p.of(raw.reviews)["rating"].dropna()
        if len(found):
            yield case([mean(found.mean(), "star")], p=p.phrase)


def _reviews(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        yield case([counted(len(p.of(raw.reviews)), "review")], p=p.phrase)


def _poor(raw: Raw, draw: "Random") -> Iterator[Case]:
    stars = raw.reviews["rating"].dropna()
    yield case([counted((stars <= 2).sum(), "review")], low="별점 2점 이하")
    yield case([counted((stars == 1).sum(), "review")], low="별점 1점짜리")
    yield case([counted((stars == 5).sum(), "review")], low="별 다섯 개짜리")


def _low_stock(raw: Raw, draw: "Random") -> Iterator[Case]:
    stock = raw.products["stock_quantity"]
    for least in (10, 20, 30, 50):
        yield case([counted((stock <= least).sum(), "kind")], least=str(least))


def _on_sale(raw: Raw, draw: "Random") -> Iterator[Case]:
    yield case([counted(raw.products["selling"].fillna(False).astype(bool).sum(), "kind")])


def _carts(raw: Raw, draw: "Random") -> Iterator[Case]:
    for event, word in (("cart", "장바구니에 담은"), ("view", "상품을 조회한")):
        for p in raw.periods:
            yield case([counted((p.of(raw.events)["event"] == event).sum(), "times")], p=p.phrase, did=word)


FAMILIES: Final = families(
    {
        "sales": _sales,
        "orders": _orders,
        "order_value": _order_value,
        "buyers": _buyers,
        "joined": _joined,
        "cancelled": _cancelled,
        "returned": _returned,
        "cancel_rate": _cancel_rate,
        "discounts": _discounts,
        "tier_size": _tier_size,
        "region_size": _region_size,
        "gender_size": _gender_size,
        "consent": _sms,
        "best_seller": _best_seller,
        "best_category": _best_category,
        "category_sales": _category_sales,
        "weekday": _weekday,
        "hour": _hour,
        "two_months": _two_months,
        "growth": _growth,
        "year_on_year": _year_on_year,
        "repeat": _repeat,
        "guests": _guests,
        "delivery": _delivery,
        "large_orders": _large,
        "largest": _largest,
        "many_lines": _many_lines,
        "per_order": _per_order,
        "free_shipping": _free_shipping,
        "unpaid": _unpaid,
        "dormant": _dormant,
        "ratings": _ratings,
        "reviews": _reviews,
        "poor_reviews": _poor,
        "low_stock": _low_stock,
        "on_sale": _on_sale,
        "events": _carts,
    }
)
