"""Strict parameters: every refusal of the documentation, and of what it leaves open, as a 422."""

import pytest

from cafe24_pipelines.sandbox.server.catalogue import ADMIN, ANALYTICS

OCTOBER = {"start_date": "2026-10-01", "end_date": "2026-10-31"}


def refused(response, name: str) -> None:
    assert response.status_code == 422, response.text
    error = response.json()["error"]
    assert error["code"] == 422 and error["more_info"]["parameter"] == name, error


@pytest.mark.parametrize(
    ("path", "limit", "offset"),
    [
        ("orders", 1000, 15000),
        ("refunds", 500, 15000),
        ("products", 100, 5000),
        ("categories", 100, 8000),
        ("customersprivacy", 1000, 8000),
        ("coupons", 500, 8000),
        ("coupons/{coupon_no}/issues", 500, 8000),
        ("products/{product_no}/carts", 100, 10000),
        ("boards/{board_no}/articles", 100, 8000),
        ("points", 100, 8000),
        ("credits", 200, 10000),
        ("reports/hourlysales", 1000, 10000),
        ("reports/productsales", 1000, 10000),
    ],
)
def test_limits_and_offsets_end_where_the_documentation_says(open_api, path, limit, offset):
    dated = OCTOBER if path in ("orders", "refunds", "points", "credits") or path.startswith("reports/") else {}
    for kind, key in (("coupons", "coupon_no"), ("products", "product_no"), ("boards", "board_no")):
        if "{" + key + "}" in path:
            path = path.replace("{" + key + "}", str(open_api.get(kind).json()[kind][0][key]))
    assert open_api.get(path, limit=limit, offset=offset, **dated).status_code == 200
    refused(open_api.get(path, limit=limit + 1, **dated), "limit")
    refused(open_api.get(path, limit=0, **dated), "limit")
    refused(open_api.get(path, offset=offset + 1, **dated), "offset")
    refused(open_api.get(path, offset=-1, **dated), "offset")
    refused(open_api.get(path, limit="many", **dated), "limit")


def test_products_of_a_category_have_no_offset_cap_and_need_a_display_group(open_api):
    number = open_api.get("categories").json()["categories"][0]["category_no"]
    path = f"categories/{number}/products"
    refused(open_api.get(path), "display_group")
    refused(open_api.get(f"{path}/count"), "display_group")
    refused(open_api.get(path, display_group=4), "display_group")
    refused(open_api.get(path, display_group=1, limit=50001), "limit")
    assert open_api.get(path, display_group=1, offset=10**6).json() == {"products": []}


@pytest.mark.parametrize("path", ["shops", "customergroups", "boards", "customers?member_id=a"])
def test_lists_without_paging_take_none(open_api, path):
    joint = "&" if "?" in path else "?"
    refused(open_api.get(f"{path}{joint}limit=10"), "limit")
    refused(open_api.get(f"{path}{joint}offset=10"), "offset")


@pytest.mark.parametrize("path", ["orders", "orders/count"])
def test_orders_refuse_three_months_and_half_a_period(open_api, path):
    for start, end in (("2026-07-01", "2026-09-30"), ("2026-07-01 12:00:00", "2026-10-01 11:59:59"),
                       ("2026-07-01T00:00:00+09:00", "2026-09-30T23:59:59+09:00")):  # fmt: skip
        assert open_api.get(path, start_date=start, end_date=end).status_code == 200
    for start, end in (("2026-07-01", "2026-10-01"), ("2026-07-01 12:00:00", "2026-10-01 12:00:00"),
                       ("2025-07-01", "2026-07-02"), ("2026-11-30", "2027-02-28")):  # fmt: skip
        refused(open_api.get(path, start_date=start, end_date=end), "end_date")
    refused(open_api.get(path, start_date="2026-10-01"), "end_date")
    refused(open_api.get(path, end_date="2026-10-01"), "start_date")
    refused(open_api.get(path, start_date="2026-10-02", end_date="2026-10-01"), "end_date")
    refused(open_api.get(path, start_date="1 October", end_date="2026-10-01"), "start_date")
    refused(open_api.get(path), "start_date")
    refused(open_api.get(path, date_type="order_date"), "start_date")
    refused(open_api.get(path, date_type="birthday", **OCTOBER), "date_type")
    for date_type in ("pay_date", "return_complete_date", "purchaseconfirmation_date"):
        assert open_api.get(path, date_type=date_type, **OCTOBER).status_code == 200


@pytest.mark.parametrize("path", ["refunds", "points", "credits", "reports/hourlysales", "reports/productsales"])
def test_lists_that_need_dates_say_so(open_api, path):
    refused(open_api.get(path), "start_date")
    refused(open_api.get(path, start_date="2026-10-01"), "end_date")
    assert open_api.get(path, start_date="2025-01-01", end_date="2026-10-01").status_code == 200


def test_units_sold_are_asked_of_a_product_and_need_no_approval(open_api):
    days = {"start_date": "2025-01-01", "end_date": "2026-10-01"}
    refused(open_api.get("reports/salesvolume", **days), "product_no")
    refused(open_api.get("reports/salesvolume", product_no=1001), "start_date")
    refused(open_api.get("reports/salesvolume", product_no=1001, limit=10, **days), "limit")
    answer = open_api.get("reports/salesvolume", product_no=1001, **days)
    assert answer.status_code == 200 and {row["product_no"] for row in answer.json()["salesvolume"]} == {1001}


def test_articles_take_less_than_a_year(open_api):
    path = f"boards/{open_api.get('boards').json()['boards'][0]['board_no']}/articles"
    assert open_api.get(path, start_date="2025-10-01", end_date="2026-09-30").status_code == 200
    refused(open_api.get(path, start_date="2025-10-01", end_date="2026-10-01"), "end_date")
    refused(open_api.get(path, start_date="2025-10-01"), "end_date")


def test_since_excludes_what_its_documentation_says(open_api):
    for path in ("products", "products/count"):
        assert open_api.get(path, since_product_no=0).status_code == 200
        refused(open_api.get(path, since_product_no=0, product_no=1), "product_no")
    for other, value in (("sort", "created_date"), ("order", "asc"), ("offset", 10)):
        refused(open_api.get("products", since_product_no=0, **{other: value}), other)
    coupon = open_api.get("coupons").json()["coupons"][0]["coupon_no"]
    assert open_api.get(f"coupons/{coupon}/issues", since_issue_no=0).status_code == 200
    refused(open_api.get(f"coupons/{coupon}/issues", since_issue_no=0, offset=10), "offset")
    refused(open_api.get("customers", since_member_id="a"), "since_member_id")


def test_the_walk_by_created_date_accepts_no_other_filter(open_api):
    walk = {"search_type": "created_date", "created_start_date": "2026-01-01 00:00:00"}
    path = "customersprivacy"
    assert open_api.get(path, **walk, limit=1000).status_code == 200
    assert open_api.get(f"{path}/count", **walk).status_code == 200
    for other, value in (("offset", 10), ("member_id", "a"), ("group_no", 1), ("sms", "T")):
        refused(open_api.get(path, **walk, **{other: value}), other)
    refused(open_api.get(path, search_type="created_date"), "created_start_date")
    refused(open_api.get(path, created_start_date="2026-01-01"), "search_type")
    refused(open_api.get(path, **OCTOBER), "date_type")
    refused(open_api.get(path, date_type="join"), "start_date")
    assert open_api.get(path, date_type="join", **OCTOBER).status_code == 200


def test_members_are_looked_up_not_listed(open_api):
    refused(open_api.get("customers"), "member_id")
    refused(open_api.get("customers", member_id=""), "member_id")
    assert open_api.get("customers", member_id=",".join(f"m{n}" for n in range(100))).status_code == 200
    refused(open_api.get("customers", member_id=",".join(f"m{n}" for n in range(101))), "member_id")
    count = open_api.get("customers/count")
    assert (count.status_code, count.json()["error"]["message"]) == (404, "No API found")


def test_carts_need_a_member(open_api):
    refused(open_api.get("carts"), "member_id")
    assert open_api.get("carts", member_id="nobody").json() == {"carts": []}


def test_comma_lists_hold_a_hundred_values(open_api):
    many = ",".join(f"20261001-{n:07d}" for n in range(101))
    refused(open_api.get("orders", order_id=many), "order_id")
    assert open_api.get("orders", order_id=many.rpartition(",")[0]).status_code == 200


def test_unknown_repeated_and_misspelt_parameters_are_refused(open_api):
    refused(open_api.get("products", displai="T"), "displai")
    refused(open_api.get("products", display="yes"), "display")
    refused(open_api.get("products?display=T&display=F"), "display")
    refused(open_api.get("products", embed="variants,colours"), "embed")
    refused(open_api.get("products", shop_no=9), "shop_no")
    refused(open_api.get("coupons/count", limit=10), "limit")
    refused(open_api.get("apps", shop_no=1), "shop_no")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "push"), ("GET", "orders/1/2/3/4"), ("GET", "customers/count"), ("DELETE", "orders"), ("GET", "")],
)
def test_what_is_no_api_is_404(open_api, method, path):
    answer = open_api.send(method, path)
    assert answer.status_code == 404 and answer.json()["error"]["message"] == "No API found"


def test_ids_that_do_not_exist_are_404(open_api):
    for path in ("orders/20200101-9999999", "products/999999999", "products/abc", "boards/99", "categories/999999",
                 "customersprivacy/nobody", "customergroups/99", "coupons/1/issues", "products/999999999/carts",
                 "customers/nobody/wishlist", "categories/999999/products?display_group=1"):  # fmt: skip
        answer = open_api.get(path)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == 404, path


def test_the_analytics_api_is_strict_too(open_api):
    def get(path="visitors/view", **params):
        return open_api.raw("GET", f"/analytics/{path}", params=params)

    whole = {"mall_id": "sandbox", **OCTOBER}
    assert list(get(**whole).json()) == ["view"]
    refused(get(**OCTOBER), "mall_id")
    refused(get(mall_id="sandbox", end_date="2026-10-01"), "start_date")
    refused(get(**whole, limit=49), "limit")
    refused(get(**whole, limit=1001), "limit")
    refused(get(**{**whole, "start_date": "2026-10-01 00:00:00"}), "start_date")
    assert get(**{**whole, "mall_id": "other"}).status_code == 403
    assert get("visitors/nothing", **whole).status_code == 404
    token = open_api.control.grant(["mall.read_order"])["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    answer = open_api.raw("GET", "/analytics/visitors/view", params=whole, headers=bearer)
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, "INVALID SCOPE")


SAMPLES = {
    "shop_no": "1", "start_date": "2026-10-01", "end_date": "2026-10-02", "date_type": "accepted_refund_date",
    "order_id": "20261001-0000001", "order_status": "N40,C40", "payment_status": "P,F", "member_type": "2",
    "member_id": "a,b", "product_no": "1", "search_type": "customer_info", "group_no": "1", "news_mail": "T",
    "sms": "F", "gender": "F",
    "since_product_no": "3", "product_code": "P000000A", "product_name": "a", "selling": "T",
    "display": "F", "category": "1", "created_start_date": "2026-01-01", "created_end_date": "2026-02-01",
    "updated_start_date": "2026-01-01", "updated_end_date": "2026-02-01", "sort": "created_date", "order": "desc",
    "category_depth": "1", "category_no": "1,2", "parent_category_no": "1", "display_group": "2", "coupon_no": "1",
    "since_issue_no": "6000000000000000001", "used_coupon": "T", "issued_start_date": "2026-01-01",
    "issued_end_date": "2026-02-01", "case": "A", "type": "I", "collection_hour": "09", "limit": "50", "offset": "0",
    "fields": "shop_no", "embed": "", "mall_id": "sandbox", "device_type": "pc", "format_type": "day",
    "event_no": "90023", "requested_start_date": "2026-01-01", "requested_end_date": "2026-02-01", "success": "T",
    "log_type": "G", "since_log_id": "0",
}  # fmt: skip
PAIRS = {"start_date": "end_date", "created_start_date": "created_end_date", "updated_start_date": "updated_end_date",
         "issued_start_date": "issued_end_date", "requested_start_date": "requested_end_date"}  # fmt: skip


def endpoints(node):
    for name, child in node.items():
        yield from child.values() if name == "" else endpoints(child)


def sample(name, endpoint):
    if name == "embed":
        return endpoint.embeds[0]
    if name == "date_type" and "privacy" in endpoint.template:
        return "login"
    if name == "date_type" and "orders" in endpoint.template:
        return "pay_date"
    return "D" if name == "case" and endpoint.template == "credits" else SAMPLES[name]


@pytest.mark.parametrize("routes", [ADMIN, ANALYTICS], ids=["admin", "analytics"])
def test_every_parameter_of_every_endpoint_is_served(open_api, routes):
    board = open_api.get("boards").json()["boards"][0]["board_no"]
    product = open_api.get("products", embed="variants").json()["products"][0]
    ids = {
        "order_id": open_api.get("orders", **OCTOBER).json()["orders"][0]["order_id"],
        "member_id": open_api.get("customersprivacy").json()["customersprivacy"][0]["member_id"],
        "product_no": product["product_no"], "variant_code": product["variants"][0]["variant_code"],
        "category_no": open_api.get("categories").json()["categories"][0]["category_no"], "board_no": board,
        "coupon_no": open_api.get("coupons").json()["coupons"][0]["coupon_no"], "shop_no": 1,
        "group_no": open_api.get("customergroups").json()["customergroups"][0]["group_no"],
    }  # fmt: skip
    base = "/analytics/" if routes is ANALYTICS else "/api/v2/admin/"
    found = [e for e in endpoints(routes._root) if e.method == "GET"]
    assert len(found) > 5
    for endpoint in found:
        for name in ("", *endpoint.parsers()):
            names = {name, *endpoint.required} - {""}
            names |= {PAIRS[n] for n in names if n in PAIRS and n != "created_start_date"}
            names |= {start for start, end in PAIRS.items() if end in names}
            if "date_type" in names or endpoint.template.startswith("orders"):
                names |= {"start_date", "end_date"} & set(endpoint.parsers())
            if "privacy" in endpoint.template and {"start_date", "created_start_date"} & names:
                names |= {"date_type"} if "start_date" in names else {"search_type"}
            if endpoint.template.partition("/")[0] == "products" and "created_start_date" in names:
                names |= {"created_end_date"}
            if endpoint.template == "customers":
                names |= {"member_id"}
            params = {n: sample(n, endpoint) for n in names}
            if "created_start_date" in params and "search_type" in params:
                params["search_type"] = "created_date"
            answer = open_api.raw("GET", base + endpoint.template.format(**ids), params=params or None)
            assert answer.status_code == 200, (endpoint.api, params, answer.text)
    assert open_api.control.state()["internal_errors"] == 0
