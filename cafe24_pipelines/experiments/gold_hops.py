"""Questions that join two or more tables, with gold by pandas. A merchant asks them; few tools answer them.

Does not belong here: chains through the API (`gold_api.py`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.experiments.gold import Case, counted, families, mean, rate
from cafe24_pipelines.experiments.raw import Raw, case, clear_first, records

if TYPE_CHECKING:
    from random import Random

    import pandas as pd

_PRODUCTS: Final = 20


def _with_member(raw: Raw) -> "pd.DataFrame":
    """Lines of sales with their member's tier, region and gender."""
    about = raw.members[["member_key", "group_name", "region", "gender"]]
    return raw.lines.dropna(subset=["member_key"]).merge(about, on="member_key")


def _sales_of_members(raw: Raw) -> "pd.DataFrame":
    about = raw.members[["member_key", "group_name", "region", "gender"]]
    return raw.sales.dropna(subset=["member_key"]).merge(about, on="member_key")


def _few(names: "list[Any]", draw: "Random") -> "list[Any]":
    """Some of many products, drawn: each takes a pass over the mall."""
    return draw.sample(names, min(_PRODUCTS, len(names)))


def _tier_category_rating(raw: Raw, draw: "Random") -> Iterator[Case]:
    rated = raw.reviews.merge(raw.products[["product_no", "category"]], on="product_no")
    for tier, lines in _with_member(raw).groupby("group_name"):
        first = clear_first(lines.groupby("category")["quantity"].sum())
        stars = rated.loc[rated["category"] == first, "rating"].dropna()
        if first and len(stars):
            yield case([mean(stars.mean(), "star")], first, tier=str(tier))


def _tier_sales(raw: Raw, draw: "Random") -> Iterator[Case]:
    for tier, sales in _sales_of_members(raw).groupby("group_name"):
        for p in raw.some_periods(draw):
            yield case([raw.money(p.of(sales)["net"].sum())], tier=str(tier), p=p.phrase)


def _region_category(raw: Raw, draw: "Random") -> Iterator[Case]:
    for (region, category), lines in _with_member(raw).groupby(["region", "category"]):
        yield case([counted(lines["quantity"].sum(), "piece")], region=str(region), category=str(category))


def _gender_product(raw: Raw, draw: "Random") -> Iterator[Case]:
    for gender, lines in _with_member(raw).groupby("gender"):
        word = {"F": "여자", "M": "남자"}[str(gender)]
        for p in raw.some_periods(draw):
            first = clear_first(p.of(lines).groupby("product_name")["quantity"].sum())
            if first:
                yield case([], first, gender=word, p=p.phrase)


def _tree_sales(raw: Raw, draw: "Random") -> Iterator[Case]:
    """A category that has others below it: all of them count."""
    parents = set(raw.categories["parent_category_no"].dropna())
    of_product = raw.products.set_index("product_no")["category_no"]
    number = raw.lines["product_no"].map(of_product)
    for row in records(raw.categories[raw.categories["category_no"].isin(parents)]):
        lines = raw.lines[number.isin(raw.top_of(row.category_no))]
        for p in raw.some_periods(draw):
            yield case([raw.money(p.of(lines)["amount"].sum())], category=row.category_name, p=p.phrase)


def _coupon_value(raw: Raw, draw: "Random") -> Iterator[Case]:
    """Orders with a coupon against orders without."""
    known = set(raw.coupons["coupon_no"])
    with_coupon = raw.sales["coupon_no"].isin(known)
    a, b = raw.sales[with_coupon], raw.sales[~with_coupon]
    if len(a) and len(b):
        yield case([raw.money(a["net"].mean()), raw.money(b["net"].mean())])


def _coupon_tier(raw: Raw, draw: "Random") -> Iterator[Case]:
    used = raw.issues[raw.issues["used_at"].notna()].merge(raw.members[["member_key", "group_name"]], on="member_key")
    used = used.merge(raw.coupons[["coupon_no", "coupon_name"]], on="coupon_no")
    for (coupon, tier), rows in used.groupby(["coupon_name", "group_name"]):
        yield case([counted(rows["member_key"].nunique(), "person")], coupon=str(coupon), tier=str(tier))


def _unhappy_came_back(raw: Raw, draw: "Random") -> Iterator[Case]:
    """Members whose review with so many stars was followed by another sale."""
    later = raw.sales.dropna(subset=["member_key"])[["member_key", "ordered_at"]]
    for stars in (1, 2, 5):
        wrote = raw.reviews[(raw.reviews["rating"] == stars) & raw.reviews["member_key"].notna()]
        first = wrote.groupby("member_key")["created_at"].min().rename("wrote").reset_index()
        joined = first.merge(later, on="member_key")
        back = joined.loc[joined["ordered_at"] > joined["wrote"], "member_key"].nunique()
        yield case([counted(back, "person")], stars=str(stars))


def _tier_rating(raw: Raw, draw: "Random") -> Iterator[Case]:
    rated = raw.reviews.dropna(subset=["rating"]).merge(raw.members[["member_key", "group_name"]], on="member_key")
    for tier, rows in rated.groupby("group_name"):
        yield case([mean(rows["rating"].mean(), "star")], tier=str(tier))


def _bought_with(raw: Raw, draw: "Random") -> Iterator[Case]:
    """The product in most of the orders that hold another."""
    pairs = raw.lines[["order_id", "product_no", "product_name"]].drop_duplicates(["order_id", "product_no"])
    for name in _few(sorted(pairs["product_name"].unique()), draw):
        own = pairs[pairs["product_name"] == name]
        others = pairs[pairs["order_id"].isin(own["order_id"]) & (pairs["product_name"] != name)]
        counts = others.groupby("product_name").size()
        first = clear_first(counts)
        if first and counts.max() >= 5:
            yield case([counted(counts.max(), "order")], first, product=str(name))


def _region_value(raw: Raw, draw: "Random") -> Iterator[Case]:
    for region, sales in _sales_of_members(raw).groupby("region"):
        yield case([raw.money(sales["net"].sum() / len(sales))], region=str(region))


def _best_region(raw: Raw, draw: "Random") -> Iterator[Case]:
    sales = _sales_of_members(raw)
    for p in raw.periods:
        found = p.of(sales).groupby("region")["net"].sum()
        first = clear_first(found)
        if first:
            yield case([raw.money(found.max())], first, p=p.phrase)


def _soon_bought(raw: Raw, draw: "Random") -> Iterator[Case]:
    """Members who joined in a month and bought within thirty days."""
    import pandas as pd

    first = raw.sales.groupby("member_key")["ordered_at"].min()
    for p in raw.months[:-2]:
        new = p.of(raw.members).set_index("member_key")
        waited = first.reindex(new.index) - new["created_at"]
        yield case([counted((waited <= pd.Timedelta(days=30)).sum(), "person")], p=p.phrase)


def _again_after_coupon(raw: Raw, draw: "Random") -> Iterator[Case]:
    """Members with a sale later than the first order on which they used the coupon."""
    at = raw.orders.set_index("order_id")["ordered_at"]
    used = raw.issues.dropna(subset=["used_order_id"]).assign(on=lambda i: i["used_order_id"].map(at))
    first = used.groupby(["coupon_no", "member_key"])["on"].min().reset_index()
    joined = first.merge(raw.sales.groupby("member_key")["ordered_at"].max().rename("last"), on="member_key")
    joined = joined.merge(raw.coupons[["coupon_no", "coupon_name"]], on="coupon_no")
    for coupon, rows in joined.groupby("coupon_name"):
        yield case([counted((rows["last"] > rows["on"]).sum(), "person")], coupon=str(coupon))


def _slow_category(raw: Raw, draw: "Random") -> Iterator[Case]:
    orders = raw.lines[["order_id", "category", "days"]].drop_duplicates(["order_id", "category"]).dropna()
    for category, rows in orders.groupby("category"):
        yield case([mean(rows["days"].mean(), "day")], category=str(category))


def _best_sellers_stock(raw: Raw, draw: "Random") -> Iterator[Case]:
    stock = raw.products.set_index("product_name")["stock_quantity"].dropna()
    for p in raw.periods:
        first = clear_first(p.of(raw.lines).groupby("product_name")["quantity"].sum())
        if first is not None and first in stock.index:
            yield case([counted(stock[first], "piece")], first, p=p.phrase)


def _best_sellers_rating(raw: Raw, draw: "Random") -> Iterator[Case]:
    for p in raw.periods:
        first = clear_first(p.of(raw.lines).groupby("product_no")["quantity"].sum())
        stars = raw.reviews.loc[raw.reviews["product_no"] == first, "rating"].dropna()
        names = raw.products.loc[raw.products["product_no"] == first, "product_name"]
        if len(stars) and len(names):
            yield case([mean(stars.mean(), "star")], str(names.iloc[0]), p=p.phrase)


def _vip_share(raw: Raw, draw: "Random") -> Iterator[Case]:
    sales = _sales_of_members(raw)
    for tier in sorted(sales["group_name"].dropna().unique()):
        for p in raw.some_periods(draw):
            found, whole = p.of(sales), p.of(raw.orders)["net"].sum()
            if whole > 0:
                part = found.loc[found["group_name"] == tier, "net"].sum()
                of_members = float(100 * part / found["net"].sum()) if found["net"].sum() > 0 else 0.0
                yield case([replace(rate(part, whole), also=(of_members,))], tier=tier, p=p.phrase)


def _cancelled_category(raw: Raw, draw: "Random") -> Iterator[Case]:
    """The category with most lines in returned orders."""
    back = raw.items.merge(raw.orders.loc[raw.orders["status"] == "returned", ["order_id"]], on="order_id")
    counts = back.groupby("category")["order_id"].nunique()
    first = clear_first(counts)
    if first:
        yield case([counted(counts.max(), "order")], first)


def _carted_never_bought(raw: Raw, draw: "Random") -> Iterator[Case]:
    """Members who put a product into the cart and never bought it."""
    carted = raw.events[(raw.events["event"] == "cart") & raw.events["member_key"].notna()]
    bought = raw.lines.dropna(subset=["member_key"])[["member_key", "product_no"]].drop_duplicates()
    for row in _few(list(records(raw.products.sort_values("product_no"))), draw):
        want = set(carted.loc[carted["product_no"] == row.product_no, "member_key"])
        have = set(bought.loc[bought["product_no"] == row.product_no, "member_key"])
        if want:
            yield case([counted(len(want - have), "person")], product=row.product_name)


FAMILIES: Final = families(
    {
        "hop_tier_category_rating": _tier_category_rating,
        "hop_tier_sales": _tier_sales,
        "hop_region_category": _region_category,
        "hop_gender_product": _gender_product,
        "hop_tree_sales": _tree_sales,
        "hop_coupon_value": _coupon_value,
        "hop_coupon_tier": _coupon_tier,
        "hop_came_back": _unhappy_came_back,
        "hop_tier_rating": _tier_rating,
        "hop_bought_with": _bought_with,
        "hop_region_value": _region_value,
        "hop_best_region": _best_region,
        "hop_soon_bought": _soon_bought,
        "hop_after_coupon": _again_after_coupon,
        "hop_slow_category": _slow_category,
        "hop_best_sellers_stock": _best_sellers_stock,
        "hop_best_sellers_rating": _best_sellers_rating,
        "hop_tier_share": _vip_share,
        "hop_returned_category": _cancelled_category,
        "hop_carted_only": _carted_never_bought,
    }
)
