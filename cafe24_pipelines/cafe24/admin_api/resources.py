"""The resources that are landed: where each lies, what its rows look like, how it is walked, what may be asked of it.

Facts about the API alone. Does not belong here: walking (`sync/`), or what becomes of a field (`field_policy.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from cafe24_pipelines.cafe24.admin_api.models import (
    analytics,
    catalogue,
    community,
    customers,
    mileage,
    orders,
    personal,
    promotions,
    refunds,
    reports,
    shops,
)

CONTENT: Final = "content"
MEMBER: Final = "member"


@dataclass(frozen=True)
class ApiResource:
    """One resource.

    Attributes:
        name: in the lake.
        path: under /api/v2/admin/ (analytics: under the analytics host), with {parent fields}.
        answer_key: the answer's key that holds the rows ("" for analytics: the one key whose value is a list).
        model: the known fields and their types.
        key: fields that identify a row; "member" is the member's key, "content" the row itself (it has no id).
        scope: "mall.read_…".
        limit: rows a page at most; 0 when the API knows no limit.
        offset_cap: the largest offset; 0 when there is none to speak of.
        dated: the field that `Record.at` is taken from, which is also what windows go by where the call takes any
            ("" for none).
        embed: what is embedded in the call.
        params: fixed parameters of every call.
        count_path: path that counts with the same filters, "" for none.
        approved: only for clients Cafe24 has approved.
        default: landed unless left out; others only when asked for by name.
        analytics: lies on the analytics host.
        bucket: how rows are bucketed on disk: by the month in the order id (which is then the key), or all together.
        parent: what the walk goes over: "products", "coupons", "boards", "categories", "members", "variants" or "".
        turns: "day" or "product" where one answer speaks of one day or product alone and there are many of them: so
            many are read a run, in turn.
        single: the answer is one object rather than a list.
    """

    name: str
    path: str
    answer_key: str
    model: type[msgspec.Struct]
    key: tuple[str, ...]
    scope: str
    limit: int = 0
    offset_cap: int = 0
    dated: str = ""
    embed: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    count_path: str = ""
    approved: bool = False
    default: bool = True
    analytics: bool = False
    bucket: Literal["order_month", "all"] = "all"
    parent: str = ""
    turns: Literal["", "day", "product"] = ""
    single: bool = False


def _admin(name: str, path: str, model: type[msgspec.Struct], key: str, scope: str, **facts: Any) -> ApiResource:
    facts.setdefault("answer_key", path.rpartition("/")[2])
    return ApiResource(name, path=path, model=model, key=tuple(key.split()), scope=f"mall.read_{scope}", **facts)


def _analytics(name: str, model: type[msgspec.Struct], key: str = "", **params: str) -> ApiResource:
    """A list by time; `visitors_view` lies at `visitors/view`."""
    return ApiResource(
        name, name.replace("_", "/", 1), answer_key="", model=model, key=("shop_no", "date", *key.split()),
        scope="mall.read_analytics", limit=1000, dated="date", analytics=True,
        params=MappingProxyType({"device_type": "total", **params}),
    )  # fmt: skip


def _daily(name: str, model: type[msgspec.Struct], key: str = "", *, default: bool = True) -> ApiResource:
    """A list whose rows are of the whole period that was asked for, and can't be added up over days."""
    return replace(_analytics(name, model, key), turns="day", default=default)


RESOURCES: Final[dict[str, ApiResource]] = {
    r.name: r
    for r in (
        _admin("shops", "shops", shops.Shop, "shop_no", "store"),
        _admin("customer_groups", "customergroups", customers.CustomerGroup, "shop_no group_no", "customer",
               count_path="customergroups/count"),
        _admin("customers_privacy", "customersprivacy", customers.CustomerPrivacy, "member", "privacy", limit=1000,
               offset_cap=8000, dated="created_date", count_path="customersprivacy/count"),
        _admin("categories", "categories", catalogue.Category, "shop_no category_no", "category", limit=100,
               offset_cap=8000, count_path="categories/count"),
        _admin("products", "products", catalogue.Product, "shop_no product_no", "product", limit=100,
               offset_cap=5000, dated="created_date", embed=("variants",), count_path="products/count"),
        _admin("category_products", "categories/{category_no}/products", catalogue.CategoryProduct,
               "shop_no category_no display_group product_no", "product", limit=50000, parent="categories",
               count_path="categories/{category_no}/products/count"),
        _admin("inventories", "products/{product_no}/variants/{variant_code}/inventories", catalogue.Inventory,
               "shop_no variant_code", "product", answer_key="inventory", single=True, parent="variants",
               default=False),
        _admin("coupons", "coupons", promotions.Coupon, "shop_no coupon_no", "promotion", limit=500,
               offset_cap=8000, dated="created_date", count_path="coupons/count"),
        _admin("coupon_issues", "coupons/{coupon_no}/issues", promotions.CouponIssue, "shop_no issue_no",
               "promotion", limit=500, offset_cap=8000, dated="issued_date", parent="coupons"),
        _admin("orders", "orders", orders.Order, "order_id", "order", limit=1000, offset_cap=15000,
               dated="order_date", count_path="orders/count", bucket="order_month",
               embed=("items", "receivers", "buyer", "return", "cancellation", "exchange")),
        _admin("refunds", "refunds", refunds.Refund, "refund_code", "order", limit=500, offset_cap=15000,
               dated="accepted_refund_date",
               params=MappingProxyType({"date_type": "accepted_refund_date"})),
        _admin("customers", "customers", customers.Customer, "member", "customer", limit=100, parent="members"),
        _admin("carts", "products/{product_no}/carts", personal.Cart,
               "shop_no product_no member variant_code created_date", "personal", limit=100, offset_cap=10000,
               dated="created_date", count_path="products/{product_no}/carts/count", parent="products"),
        _admin("wish_lists", "customers/{member_id}/wishlist", personal.Wish, "shop_no member wishlist_no",
               "personal", dated="created_date", count_path="customers/{member_id}/wishlist/count",
               parent="members"),
        _admin("boards", "boards", community.Board, "shop_no board_no", "community"),
        _admin("articles", "boards/{board_no}/articles", community.Article, "shop_no board_no article_no",
               "community", limit=100, offset_cap=8000, dated="created_date", parent="boards"),
        _admin("points", "points", mileage.Point, CONTENT, "mileage", limit=100, offset_cap=8000,
               dated="issue_date"),
        _admin("credits", "credits", mileage.Credit, CONTENT, "mileage", limit=200, offset_cap=10000,
               dated="issue_date"),
        _admin("hourly_sales", "reports/hourlysales", reports.HourlySales,
               "shop_no collection_date collection_hour", "salesreport", limit=1000, offset_cap=10000,
               dated="collection_date", approved=True),
        _admin("product_sales", "reports/productsales", reports.ProductSales,
               "shop_no collection_date collection_hour product_no variants_code", "salesreport", limit=1000,
               offset_cap=10000, dated="collection_date", approved=True),
        _admin("sales_volume", "reports/salesvolume", reports.SalesVolume,
               "shop_no product_no collection_date collection_hour variants_code", "salesreport",
               dated="collection_date", parent="products", turns="product"),
        _analytics("visitors_view", reports.VisitorsView, format_type="day"),
        _analytics("visitors_pageview", reports.VisitorsPageview, "hour", format_type="hour"),
        _analytics("visitors_unique", reports.VisitorsUnique),
        _analytics("visitors_dailyactive", reports.VisitorsDailyactive),
        _analytics("carts_action", reports.CartsAction, "product_no"),
        _analytics("products_view", reports.ProductsView, "product_no"),
        _analytics("products_sales", reports.ProductsSales, "product_no"),
        _daily("products_categorydetails", analytics.ProductsCategorydetails, "category_no product_no"),
        _daily("sales_orderdetails", analytics.SalesOrderdetails, "order_id payment_method"),
        _daily("sales_paymethods", analytics.SalesPaymethods, "payment_method"),
        _daily("sales_pervisitors", analytics.SalesPervisitors),
        _daily("sales_times", analytics.SalesTimes, "hour"),
        _daily("members_sales", analytics.MembersSales),
        _daily("adeffect_addetails", analytics.AdeffectAddetails, "ad keyword"),
        _daily("visitpaths_ads", analytics.VisitpathsAds, "ad"),
        _daily("visitpaths_adsales", analytics.VisitpathsAdsales, "ad"),
        _daily("visitpaths_adkeywordsales", analytics.VisitpathsAdkeywordsales, "ad keyword"),
        _daily("visitpaths_domains", analytics.VisitpathsDomains, "domain"),
        _daily("visitpaths_domainsales", analytics.VisitpathsDomainsales, "domain"),
        _daily("visitpaths_keywords", analytics.VisitpathsKeywords, "keyword"),
        _daily("visitpaths_keywordsales", analytics.VisitpathsKeywordsales, "keyword"),
        _daily("visitpaths_keyworddetails", analytics.VisitpathsKeyworddetails, "engine keyword"),
        # addresses carry whatever a page was asked with: landed (masked) only when asked for by name
        _daily("visitpaths_urls", analytics.VisitpathsUrls, "url", default=False),
        _daily("pages_view", analytics.PagesView, "url", default=False),
    )
}  # fmt: skip
"""Every resource by name, parents before children."""
