"""The endpoints that the sandbox serves, with the parameters, bounds and scopes of their documentation.

An endpoint that Cafe24 has and this list lacks answers 404, and a documented filter that a list here lacks answers
422: better than rows that ignore it. Does not belong here: how rows are found and shown.
"""

from dataclasses import replace
from typing import Final

from cafe24_pipelines.sandbox.server.endpoints import Endpoint, Routes
from cafe24_pipelines.sandbox.server.query import (
    FLAG,
    Parser,
    Values,
    any_of,
    comma,
    day,
    excludes,
    missing,
    moment,
    needs,
    number,
    one_of,
    span,
    text,
    together,
)

_NO: Final = number(1)
_NOS: Final = comma(_NO)
_IDS: Final = comma(text)
_DATES: Final[dict[str, Parser]] = {"start_date": moment(), "end_date": moment(end=True)}
_WINDOW: Final = {"start_date": "start", "end_date": "end"}
_BOTH: Final = together("start_date", "end_date")
_ORDER_DATES: Final = one_of(
    "order_date", "pay_date", "shipbegin_date", "shipend_date", "cancel_date", "place_date",
    "purchaseconfirmation_date",
    *(f"{c}_{s}_date" for c in ("cancel", "exchange", "return") for s in ("request", "accept", "complete")),
)  # fmt: skip


def _order_period(values: Values) -> None:
    """Orders need a period unless they are named: what the API takes by default is not documented."""
    if "order_id" not in values and "start_date" not in values:
        raise missing("start_date")


def _member_walk(values: Values) -> None:
    """The `created_date` walk of members takes no offset and no other filter."""
    walking = values.get("search_type") == "created_date"
    if walking != ("created_start_date" in values):
        raise missing("created_start_date" if walking else "search_type")
    if walking:
        allowed = {"search_type", "created_start_date", "limit", "shop_no", "fields"}
        for other in sorted(set(values) - allowed):
            excludes("created_start_date", other)(values)


def _counted(listing: Endpoint, *drop: str) -> Endpoint:
    """The count endpoint of a list: the same filters, without paging."""
    params = {k: v for k, v in listing.params.items() if k not in drop}
    return replace(listing, template=listing.template + "/count", kind="count", key="count", params=params, limit=0,
                   links=False, embeds=())  # fmt: skip


_ORDERS: Final = Endpoint(
    "GET", "orders", "mall.read_order", "list", "orders", "orders",
    params={
        **_DATES, "date_type": _ORDER_DATES, "order_id": _IDS, "order_status": _IDS,
        "payment_status": comma(one_of("F", "M", "T", "A", "P")), "member_type": one_of("2", "3"), "member_id": _IDS,
        "product_no": _NOS,
    },
    rules=(_BOTH, span(months=3), needs("date_type", "start_date"), _order_period), rename=_WINDOW,
    limit=1000, offset_cap=15000, links=True,
    embeds=("items", "receivers", "buyer", "return", "cancellation", "exchange"),
)  # fmt: skip
_ORDER: Final = Endpoint(
    "GET", "orders/{order_id}", "mall.read_order", "detail", "orders", "order", path_filters={"order_id": "order_id"},
    embeds=(*_ORDERS.embeds, "benefits", "coupons", "refunds"),
)  # fmt: skip
_REFUNDS: Final = Endpoint(
    "GET", "refunds", "mall.read_order", "list", "refunds", "refunds",
    params={**_DATES, "date_type": one_of("refund_date", "accepted_refund_date"), "order_id": _IDS},
    required=("start_date", "end_date"), rules=(span(),), rename=_WINDOW, limit=500, offset_cap=15000,
)  # fmt: skip
_ORDER_AREA: Final = (
    _ORDERS, _counted(_ORDERS), _ORDER,
    *(replace(_ORDER, template=f"orders/{{order_id}}/{child}", kind="child", key=child, embeds=())
      for child in ("items", "buyer", "receivers")),
    _REFUNDS,
)  # fmt: skip

_PRIVACY: Final = Endpoint(
    "GET", "customersprivacy", "mall.read_privacy", "list", "customers_privacy", "customersprivacy",
    params={
        **_DATES, "search_type": one_of("customer_info", "created_date"), "created_start_date": moment(),
        "member_id": _IDS, "group_no": _NOS, "date_type": one_of("join", "login"), "news_mail": FLAG, "sms": FLAG,
        "gender": one_of("M", "F"),
    },
    rules=(_BOTH, span(), needs("date_type", "start_date"), needs("start_date", "date_type"), _member_walk),
    rename={**_WINDOW, "created_start_date": "created_start"}, limit=1000, default=30, offset_cap=8000,
)  # fmt: skip
_GROUPS: Final = Endpoint("GET", "customergroups", "mall.read_customer", "list", "customer_groups", "customergroups")
_WISHES: Final = Endpoint(
    "GET", "customers/{member_id}/wishlist", "mall.read_personal", "list", "wish_lists", "wishlist",
    path_filters={"member_id": "member_id"}, parent=("customers", "member_id", "member_id"),
)  # fmt: skip
_MEMBER_AREA: Final = (
    _PRIVACY, _counted(_PRIVACY),
    Endpoint("GET", "customersprivacy/{member_id}", "mall.read_privacy", "detail", "customers_privacy",
             "customersprivacy", path_filters={"member_id": "member_id"}),
    Endpoint("GET", "customers", "mall.read_customer", "list", "customers", "customers",
             params={"member_id": _IDS}, rules=(any_of("member_id"),)),
    _GROUPS, _counted(_GROUPS),
    replace(_GROUPS, template="customergroups/{group_no}", kind="detail", key="customergroup"),
    _WISHES, _counted(_WISHES),
    Endpoint("GET", "carts", "mall.read_personal", "list", "carts", "carts", params={"member_id": _IDS},
             required=("member_id",), limit=100, offset_cap=10000),
)  # fmt: skip

_PRODUCTS: Final = Endpoint(
    "GET", "products", "mall.read_product", "list", "products", "products",
    params={
        "since_product_no": number(0), "product_no": _NOS, "product_code": _IDS, "product_name": text,
        "selling": FLAG, "display": FLAG, "category": _NO,
        "created_start_date": moment(), "created_end_date": moment(end=True),
        "updated_start_date": moment(), "updated_end_date": moment(end=True),
        "sort": one_of("created_date", "updated_date", "product_name"), "order": one_of("asc", "desc"),
    },
    rules=(
        together("created_start_date", "created_end_date"), together("updated_start_date", "updated_end_date"),
        span(start="created_start_date", end="created_end_date"),
        span(start="updated_start_date", end="updated_end_date"),
        excludes("since_product_no", "product_no", "sort", "order", "offset"),
    ),
    rename={f"{a}_{b}_date": f"{a}_{b}" for a in ("created", "updated") for b in ("start", "end")},
    limit=100, offset_cap=5000,
    embeds=("variants", "discountprice", "options", "benefits", "hits", "additionalimages", "decorationimages",
            "channeldiscountprices"),
)  # fmt: skip
_OF_PRODUCT: Final = ("products", "product_no", "product_no")
_PRODUCT_CARTS: Final = Endpoint(
    "GET", "products/{product_no}/carts", "mall.read_personal", "list", "carts", "carts",
    path_filters={"product_no": "product_no"}, parent=_OF_PRODUCT, limit=100, offset_cap=10000, links=True,
    hidden=("basket_product_no", "product_price", "option_price", "additional_option_values", "shipping_type",
            "category_no"),
)  # fmt: skip
_VARIANT_PATH: Final = {"product_no": "product_no", "variant_code": "variant_code"}
_PRODUCT_AREA: Final = (
    _PRODUCTS, _counted(_PRODUCTS, "sort", "order"),
    replace(_PRODUCTS, template="products/{product_no}", kind="detail", key="product", params={}, rules=(), rename={},
            limit=0, path_filters={"product_no": "product_no"},
            embeds=(*_PRODUCTS.embeds, "memos", "seo", "tags", "custom_properties")),
    Endpoint("GET", "products/{product_no}/variants", "mall.read_product", "list", "variants", "variants",
             path_filters={"product_no": "product_no"}, parent=_OF_PRODUCT),
    Endpoint("GET", "products/{product_no}/variants/{variant_code}", "mall.read_product", "detail", "variants",
             "variant", path_filters=_VARIANT_PATH),
    Endpoint("GET", "products/{product_no}/variants/{variant_code}/inventories", "mall.read_product", "detail",
             "inventories", "inventory", path_filters=_VARIANT_PATH),
    _PRODUCT_CARTS, _counted(_PRODUCT_CARTS),
)  # fmt: skip

_CATEGORIES: Final = Endpoint(
    "GET", "categories", "mall.read_category", "list", "categories", "categories",
    params={"category_depth": number(1, 4), "category_no": _NOS, "parent_category_no": _NO}, limit=100,
    offset_cap=8000,
)  # fmt: skip
_IN_CATEGORY: Final = Endpoint(
    "GET", "categories/{category_no}/products", "mall.read_product", "list", "category_products", "products",
    params={"display_group": number(1, 3)}, required=("display_group",), path_filters={"category_no": "category_no"},
    parent=("categories", "category_no", "category_no"), limit=50000, default=50000,
)  # fmt: skip
_COUPONS: Final = Endpoint(
    "GET", "coupons", "mall.read_promotion", "list", "coupons", "coupons", params={"coupon_no": _IDS}, limit=500,
    default=100, offset_cap=8000,
)  # fmt: skip
_ISSUES: Final = Endpoint(
    "GET", "coupons/{coupon_no}/issues", "mall.read_promotion", "list", "coupon_issues", "issues",
    params={
        "since_issue_no": number(0), "member_id": text, "group_no": _NO, "used_coupon": FLAG,
        "issued_start_date": moment(), "issued_end_date": moment(end=True),
    },
    rules=(together("issued_start_date", "issued_end_date"),
           span(start="issued_start_date", end="issued_end_date"), excludes("since_issue_no", "offset")),
    rename={"issued_start_date": "issued_start", "issued_end_date": "issued_end"},
    path_filters={"coupon_no": "coupon_no"}, parent=("coupons", "coupon_no", "coupon_no"), limit=500,
    offset_cap=8000, links=True,
)  # fmt: skip
_PROMOTION_AREA: Final = (
    _CATEGORIES, _counted(_CATEGORIES),
    replace(_CATEGORIES, template="categories/{category_no}", kind="detail", key="category", params={}, limit=0,
            path_filters={"category_no": "category_no"}),
    _IN_CATEGORY, _counted(_IN_CATEGORY), _COUPONS, _counted(_COUPONS), _ISSUES,
)  # fmt: skip

_OTHERS: Final = (
    Endpoint("GET", "shops", "mall.read_store", "list", "shops", "shops"),
    Endpoint("GET", "shops/{shop_no}", "mall.read_store", "detail", "shops", "shop"),
    Endpoint("GET", "boards", "mall.read_community", "list", "boards", "boards"),
    Endpoint("GET", "boards/{board_no}", "mall.read_community", "detail", "boards", "board",
             path_filters={"board_no": "board_no"}),
    Endpoint("GET", "boards/{board_no}/articles", "mall.read_community", "list", "articles", "articles",
             params={**_DATES, "product_no": _NO}, rules=(_BOTH, span(months=12)), rename=_WINDOW,
             path_filters={"board_no": "board_no"}, parent=("boards", "board_no", "board_no"), limit=100,
             offset_cap=8000, links=True),
    Endpoint("GET", "points", "mall.read_mileage", "list", "points", "points",
             params={**_DATES, "case": text, "member_id": text}, required=("start_date", "end_date"),
             rules=(span(),), rename=_WINDOW, limit=100, offset_cap=8000),
    Endpoint("GET", "credits", "mall.read_mileage", "list", "credits", "credits",
             params={**_DATES, "case": one_of("A", "B", "C", "D", "E", "G"), "type": one_of("I", "D")},
             required=("start_date", "end_date"), rules=(span(),), rename=_WINDOW, limit=200, default=50,
             offset_cap=10000),
    Endpoint("GET", "reports/hourlysales", "mall.read_salesreport", "list", "hourly_sales", "hourlysales",
             params={**_DATES, "collection_hour": one_of(*(f"{h:02d}" for h in range(24)))},
             required=("start_date", "end_date"), rules=(span(),), rename=_WINDOW, limit=1000, default=744,
             offset_cap=10000, links=True, approved=True),
    Endpoint("GET", "reports/productsales", "mall.read_salesreport", "list", "product_sales", "productsales",
             params={**_DATES, "product_no": _NO}, required=("start_date", "end_date"), rules=(span(),),
             rename=_WINDOW, limit=1000, default=100, offset_cap=10000, links=True, approved=True),
    Endpoint("GET", "reports/salesvolume", "mall.read_salesreport", "list", "sales_volume", "salesvolume",
             params={**_DATES, "product_no": _NO}, required=("product_no", "start_date", "end_date"),
             rules=(span(),), rename=_WINDOW),
)  # fmt: skip

_APP_AREA: Final = (
    Endpoint("GET", "apps", "mall.read_application", "special", "get_app", "app"),
    Endpoint("PUT", "apps", "mall.write_application", "special", "put_app", "app"),
    Endpoint("GET", "webhooks/setting", "mall.read_application", "special", "get_setting", "webhook"),
    Endpoint("PUT", "webhooks/setting", "mall.write_application", "special", "put_setting", "webhook"),
    Endpoint("GET", "webhooks/logs", "mall.read_application", "special", "get_logs", "logs",
             params={"event_no": _NO, "requested_start_date": moment(), "requested_end_date": moment(end=True),
                     "success": FLAG, "log_type": one_of("G", "R", "T"), "since_log_id": text,
                     "limit": number(1, 10000)},
             rules=(together("requested_start_date", "requested_end_date"),
                    span(start="requested_start_date", end="requested_end_date"))),
    Endpoint("POST", "customergroups/{group_no}/customers", "mall.write_customer", "special", "move_members",
             "customers"),
    Endpoint("POST", "coupons/{coupon_no}/issues", "mall.write_promotion", "special", "issue_coupon", "issues"),
)  # fmt: skip


def _analytics(path: str, key: str = "", **more: Parser) -> Endpoint:
    """A list of the analytics host; its answer's key is the path's last word unless the documentation has another."""
    params: dict[str, Parser] = {
        "mall_id": text, "start_date": day(), "end_date": day(end=True),
        "device_type": one_of("pc", "mobile", "total"), "sort": text, "order": one_of("asc", "desc"), **more,
    }  # fmt: skip
    resource, key = path.replace("/", "_"), key or path.rpartition("/")[2]
    return Endpoint("GET", path, "mall.read_analytics", "list", resource, key, params=params,
                    required=("mall_id", "start_date", "end_date"), rules=(span(),), limit=1000, default=100,
                    least=50, rename=_WINDOW, analytics=True)  # fmt: skip


_BY_DAY: Final = one_of("day", "hour")
ADMIN: Final = Routes((*_ORDER_AREA, *_MEMBER_AREA, *_PRODUCT_AREA, *_PROMOTION_AREA, *_OTHERS, *_APP_AREA))
ANALYTICS: Final = Routes((
    _analytics("visitors/view", format_type=_BY_DAY),
    _analytics("visitors/pageview", format_type=_BY_DAY),
    _analytics("visitors/unique"),
    _analytics("visitors/dailyactive"),
    _analytics("carts/action", "count"),
    _analytics("products/view", "count"),
    _analytics("products/sales"),
    _analytics("products/categorydetails"),
    _analytics("sales/orderdetails"),
    _analytics("sales/paymethods"),
    _analytics("sales/pervisitors"),
    _analytics("sales/times"),
    _analytics("members/sales"),
    _analytics("adeffect/addetails"),
    *(_analytics(f"visitpaths/{path}") for path in (
        "ads", "adsales", "adkeywordsales", "domains", "domainsales", "keywords", "keywordsales", "keyworddetails",
        "urls",
    )),
    _analytics("pages/view", "pages"),
))  # fmt: skip
