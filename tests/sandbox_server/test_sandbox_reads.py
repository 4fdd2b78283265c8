"""What reading shows: pages, links, embeds, fields, windows, cursors, children, and the mall under its own path."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

AUTUMN = {"start_date": "2026-08-15", "end_date": "2026-10-31"}
EMBEDS = ("items", "receivers", "buyer", "return", "cancellation", "exchange")


def test_pages_of_orders_are_the_whole_without_gap_or_repeat(open_api):
    count = open_api.get("orders/count", **AUTUMN).json()["count"]
    assert count > 20
    whole = [o["order_id"] for o in open_api.get("orders", limit=1000, **AUTUMN).json()["orders"]]
    assert len(whole) == len(set(whole)) == count
    paged = []
    for offset in range(0, count + 7, 7):
        paged += [o["order_id"] for o in open_api.get("orders", limit=7, offset=offset, **AUTUMN).json()["orders"]]
    assert paged == whole
    assert len(open_api.get("orders", **AUTUMN).json()["orders"]) == 10  # the default limit


def test_links_name_the_next_and_previous_page(open_api):
    first = open_api.get("orders", limit=10, **AUTUMN).json()
    assert [link["rel"] for link in first["links"]] == ["next"]
    second = open_api.raw("GET", first["links"][0]["href"]).json()
    assert [link["rel"] for link in second["links"]] == ["next", "prev"]
    assert second["orders"] == open_api.get("orders", limit=10, offset=10, **AUTUMN).json()["orders"]
    back = next(link["href"] for link in second["links"] if link["rel"] == "prev")
    assert open_api.raw("GET", back).json()["orders"] == first["orders"]
    last = open_api.get("orders", limit=1000, **AUTUMN).json()
    assert last["links"] == []


def test_only_some_lists_have_links(open_api):
    product = open_api.get("products").json()["products"][0]["product_no"]
    board = open_api.get("boards").json()["boards"][0]["board_no"]
    coupon = open_api.get("coupons").json()["coupons"][0]["coupon_no"]
    days = {"start_date": "2026-10-01", "end_date": "2026-10-02"}
    for path, params in ((f"products/{product}/carts", {}), (f"boards/{board}/articles", {}),
                         (f"coupons/{coupon}/issues", {}), ("reports/hourlysales", days)):  # fmt: skip
        assert "links" in open_api.get(path, **params).json(), path
    for path, params in (("products", {}), ("coupons", {}), ("customersprivacy", {}), ("categories", {}),
                         ("points", days), ("refunds", days)):  # fmt: skip
        assert "links" not in open_api.get(path, **params).json(), path


def test_children_come_only_when_embedded(open_api):
    bare = open_api.get("orders", **AUTUMN).json()["orders"]
    assert not any(set(EMBEDS) & set(order) for order in bare)
    some = open_api.get("orders", embed="items,buyer", **AUTUMN).json()["orders"]
    assert all({"items", "buyer"} <= set(o) and not {"receivers", "return"} & set(o) for o in some)
    assert all("order_status" in item for order in some for item in order["items"])
    assert not any("order_status" in order for order in bare)
    number = open_api.get("products").json()["products"][0]["product_no"]
    assert "variants" not in open_api.get(f"products/{number}").json()["product"]
    assert open_api.get(f"products/{number}", embed="variants").json()["product"]["variants"]


def test_fields_trims_keys(open_api):
    rows = open_api.get("products", fields="product_no,price").json()["products"]
    assert rows and all(set(row) == {"product_no", "price"} for row in rows)
    order = open_api.get("orders", fields="order_id", embed="items", **AUTUMN).json()["orders"][0]
    assert set(order) == {"order_id", "items"}


def test_details_and_children_of_an_order(open_api):
    order = open_api.get("orders", embed=",".join(EMBEDS), **AUTUMN).json()["orders"][0]
    path = f"orders/{order['order_id']}"
    assert open_api.get(path).json()["order"]["order_id"] == order["order_id"]
    assert open_api.get(f"{path}/items").json() == {"items": order["items"]}
    assert open_api.get(f"{path}/buyer").json() == {"buyer": order["buyer"]}
    assert open_api.get(f"{path}/receivers").json() == {"receivers": order["receivers"]}
    detail = open_api.get(path, embed="benefits,coupons,refunds").json()["order"]
    assert {"benefits", "coupons", "refunds"} <= set(detail)


def test_windows_include_both_ends_to_the_second(open_api):
    orders = open_api.get("orders", limit=1000, **AUTUMN).json()["orders"]
    at = datetime.fromisoformat(orders[5]["order_date"])
    same = sum(o["order_date"] == orders[5]["order_date"] for o in orders)

    def count(start, end):
        texts = {"start_date": start.strftime("%Y-%m-%d %H:%M:%S"), "end_date": end.strftime("%Y-%m-%d %H:%M:%S")}
        return open_api.get("orders/count", **texts).json()["count"]

    second = timedelta(seconds=1)
    assert count(at, at) == same
    whole = count(at - timedelta(hours=9), at)
    assert count(at - timedelta(hours=9), at - second) == whole - same
    iso = open_api.get("orders/count", start_date=at.isoformat(), end_date=at.isoformat()).json()["count"]
    assert iso == same


def test_since_walks_products_and_issues_in_ascending_order(open_api):
    numbers, since = [], 0
    while page := open_api.get("products", since_product_no=since, limit=7).json()["products"]:
        numbers += [row["product_no"] for row in page]
        since = numbers[-1]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == open_api.get("products/count").json()["count"]
    middle = numbers[len(numbers) // 2]
    rest = open_api.get("products/count", since_product_no=middle).json()["count"]
    assert rest == sum(n > middle for n in numbers)
    coupon = open_api.get("coupons").json()["coupons"][0]["coupon_no"]
    assert isinstance(coupon, str) and len(coupon) == 19
    issues, since = [], "0"
    while page := open_api.get(f"coupons/{coupon}/issues", since_issue_no=since, limit=3).json()["issues"]:
        issues += [row["issue_no"] for row in page]
        since = issues[-1]
    assert issues == sorted(set(issues)) and len(issues) > 3


def test_the_member_walk_reaches_everyone(open_api):
    total = open_api.get("customersprivacy/count").json()["count"]
    seen, since = set(), "2020-01-01T00:00:00+09:00"
    for _ in range(200):
        page = open_api.get("customersprivacy", search_type="created_date", created_start_date=since, limit=30)
        rows = page.json()["customersprivacy"]
        seen |= {row["member_id"] for row in rows}
        if len(rows) < 30:
            break
        assert rows[-1]["created_date"] > since
        since = rows[-1]["created_date"]
    assert len(seen) == total > 5


def test_products_can_be_sorted_and_filtered(open_api):
    by_name = []
    while page := open_api.get("products", sort="product_name", limit=100, offset=len(by_name)).json()["products"]:
        by_name += [row["product_name"] for row in page]
    assert by_name == sorted(by_name) and len(by_name) == open_api.get("products/count").json()["count"]
    back = open_api.get("products", sort="product_name", order="desc", limit=5, offset=2).json()["products"]
    assert [row["product_name"] for row in back] == by_name[::-1][2:7]
    one = open_api.get("products").json()["products"][0]["product_no"]
    assert [r["product_no"] for r in open_api.get("products", product_no=one).json()["products"]] == [one]


def test_carts_of_a_product_come_without_prices_and_inventory_is_one_object(open_api):
    for product in open_api.get("products", limit=100, embed="variants").json()["products"]:
        rows = open_api.get(f"products/{product['product_no']}/carts").json()["carts"]
        if rows:
            break
    assert rows and not any("product_price" in row or "basket_product_no" in row for row in rows)
    count = open_api.get(f"products/{product['product_no']}/carts/count").json()["count"]
    assert count >= len(rows)
    whole = open_api.get("carts", member_id=rows[0]["member_id"]).json()["carts"]
    assert any("product_price" in row for row in whole)
    code = product["variants"][0]["variant_code"]
    inventory = open_api.get(f"products/{product['product_no']}/variants/{code}/inventories").json()["inventory"]
    assert inventory["variant_code"] == code


def test_categories_products_hold_real_booleans(open_api):
    rows = []
    for category in open_api.get("categories", limit=100).json()["categories"]:
        rows += open_api.get(f"categories/{category['category_no']}/products", display_group=1).json()["products"]
    assert rows and all(isinstance(row["sold_out"], bool) for row in rows)


def test_every_route_also_lives_under_the_mall(start):
    api = start(prefix="/sandbox", limits=False)
    assert api.get("shops").status_code == 200
    assert api.refresh(api.control.grant()["refresh_token"]).status_code == 200
    assert api.raw("GET", "/_sandbox/state").json()["total_calls"] > 0
    days = {"mall_id": "sandbox", "start_date": "2026-10-01", "end_date": "2026-10-02"}
    assert api.raw("GET", "/analytics/visitors/view", params=days).status_code == 200


def test_the_date_header_follows_the_malls_clock(start):
    api = start()
    now = api.control.now()
    assert abs((parsedate_to_datetime(api.get("shops").headers["Date"]) - now).total_seconds()) <= 1
    api.control.advance(86400)
    assert abs((parsedate_to_datetime(api.get("shops").headers["Date"]) - now).total_seconds() - 86400) <= 1
    api.control.faults(skew_s=-300)
    answer = api.get("shops")
    assert abs((parsedate_to_datetime(answer.headers["Date"]) - now).total_seconds() - 86100) <= 1
    assert len(answer.headers.get_list("Date")) == 1
    stamp = datetime.fromisoformat(api.control.grant()["issued_at"])
    assert abs((stamp - now.replace(tzinfo=None)).total_seconds() - 86100) <= 1


@pytest.mark.parametrize("days", [300, 500])
def test_the_past_shows_less(start, days):
    api = start(limits=False)
    now = api.control.now()
    later = api.get("customersprivacy/count").json()["count"]
    api.control.set_clock(now - timedelta(days=days))
    assert api.get("customersprivacy/count").json()["count"] < later
