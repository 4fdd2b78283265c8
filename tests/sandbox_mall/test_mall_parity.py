"""At the end of the two years the mall shows what the generator's tables hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall

WORDS = {
    "N00": "unpaid", "N10": "paid", "N20": "paid", "N30": "shipping", "N40": "delivered", "N50": "confirmed",
    "C40": "cancelled", "C47": "cancelled", "C48": "cancelled", "R40": "returned", "E40": "exchanged",
}  # fmt: skip

Tables = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=[(250, 3), (420, 11)], ids=["small", "other seed"])
def pair(request: pytest.FixtureRequest, opened: Callable[..., SandboxMall]) -> tuple[SandboxMall, Tables]:
    customers, seed = request.param
    tables = sandbox_tables(customers=customers, seed=seed)
    return opened(customers=customers, seed=seed), {name: table.to_pylist() for name, table in tables.items()}


def at(text: str | None) -> datetime | None:
    return None if text in (None, "null") else datetime.fromisoformat(text or "")


def all_of(mall: SandboxMall, resource: str, **where: Any) -> list[dict[str, Any]]:
    return mall.rows(resource, END, where=where)


def test_orders_and_their_lines(pair: tuple[SandboxMall, Tables]) -> None:
    mall, tables = pair
    rows = {row["order_id"]: row for row in all_of(mall, "orders")}
    assert rows.keys() == {order["order_id"] for order in tables["orders"]}
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in tables["order_items"]:
        lines[line["order_id"]].append(line)
    for order in tables["orders"]:
        row = rows[order["order_id"]]
        words = [WORDS[item["order_status"]] for item in row["items"]]
        assert words[0] == order["status"]
        assert (row["member_id"] or None) == order["member_id"]
        assert at(row["order_date"]) == order["ordered_at"]
        assert row["currency"] == order["currency"] == "KRW"
        initial = row["initial_order_amount"]
        assert float(initial["coupon_discount_price"]) == order["discount_amount"]
        assert float(initial["shipping_fee"]) == order["shipping_fee"]
        assert row["canceled"] == ("T" if order["status"] == "cancelled" else "F")
        assert float(row["actual_order_amount"]["payment_amount"]) == order["paid_amount"]
        assert at(row["items"][0]["delivered_date"]) == order["delivered_at"]
        assert row["buyer"]["name"] == order["buyer_name"]
        assert row["buyer"]["cellphone"] == order["buyer_cellphone"]
        assert row["buyer"]["buyer_address1"] == order["buyer_address1"]
        assert row["receivers"][0]["name"] == order["receiver_name"]
        assert row["receivers"][0]["shipping_message"] == order["shipping_message"]
        found = [
            (i["item_no"], str(i["product_no"]), i["product_name"], i["quantity"], float(i["product_price"]), w)
            for i, w in zip(row["items"], words, strict=True)
        ]
        keys = ("line_no", "product_no", "product_name", "quantity", "unit_price", "status")
        assert found == [tuple(line[k] for k in keys) for line in lines[order["order_id"]]]


def test_members(pair: tuple[SandboxMall, Tables]) -> None:
    mall, tables = pair
    rows = {row["member_id"]: row for row in all_of(mall, "customers_privacy")}
    assert rows.keys() == {member["member_id"] for member in tables["customers"]}
    for member in tables["customers"]:
        row = rows[member["member_id"]]
        for name in ("name", "cellphone", "email", "birthday", "zipcode", "address1", "gender"):
            assert row[name] == member[name]
        assert str(row["group_no"]) == member["group_no"]
        assert (row["sms"] == "T", row["news_mail"] == "T") == (member["accepts_sms"], member["accepts_email"])
        assert at(row["created_date"]) == member["created_at"]
        assert at(row["last_login_date"]) == member["last_login_at"]
        assert row["address1"].split()[0] == member["region"]


def test_coupons_and_their_issues(pair: tuple[SandboxMall, Tables]) -> None:
    mall, tables = pair
    coupons = {(c["coupon_no"], c["coupon_name"], c["benefit_type"]) for c in all_of(mall, "coupons")}
    assert coupons == {(c["coupon_no"], c["coupon_name"], c["benefit_type"]) for c in tables["coupons"]}
    issues = {i["issue_no"]: i for i in all_of(mall, "coupon_issues")}
    assert len(issues) == len(tables["coupon_issues"])
    for issue in tables["coupon_issues"]:
        row = issues[issue["issue_no"]]
        assert (row["coupon_no"], row["member_id"]) == (issue["coupon_no"], issue["member_id"])
        assert at(row["issued_date"]) == issue["issued_at"]
        assert at(row["used_date"]) == issue["used_at"]
        assert (row["related_order_id"] == "null") == (issue["used_order_id"] is None)
        assert row["related_order_id"] in ("null", issue["used_order_id"])


def test_reviews(pair: tuple[SandboxMall, Tables]) -> None:
    mall, tables = pair
    rows = {str(row["article_no"]): row for row in all_of(mall, "articles", board_no=4)}
    assert rows.keys() == {review["review_no"] for review in tables["reviews"]}
    for review in tables["reviews"]:
        row = rows[review["review_no"]]
        for name in ("member_id", "order_id", "rating", "content", "writer", "writer_email", "client_ip"):
            assert row[name] == review[name]
        assert str(row["product_no"]) == review["product_no"]
        assert at(row["created_date"]) == review["created_at"]


def test_products_categories_and_groups(pair: tuple[SandboxMall, Tables]) -> None:
    mall, tables = pair
    home = {
        str(row["product_no"]): row["category_no"]
        for row in mall.all_rows("category_products", END)
        if row["display_group"] == 1
    }
    rows = {str(row["product_no"]): row for row in all_of(mall, "products")}
    assert rows.keys() == {product["product_no"] for product in tables["products"]}
    for product in tables["products"]:
        row = rows[product["product_no"]]
        assert (row["product_name"], float(row["price"])) == (product["product_name"], product["price"])
        assert (row["selling"] == "T", at(row["created_date"])) == (product["selling"], product["created_at"])
        assert sum(v["quantity"] for v in row["variants"]) == product["stock_quantity"]
        assert str(home[product["product_no"]]) == product["category_no"]
    parents = {
        str(c["category_no"]): (c["category_name"], c["parent_category_no"]) for c in all_of(mall, "categories")
    }
    assert parents == {
        c["category_no"]: (c["category_name"], int(c["parent_category_no"] or 1)) for c in tables["categories"]
    }
    groups = {str(g["group_no"]): g["group_name"] for g in all_of(mall, "customer_groups")}
    assert groups == {g["group_no"]: g["group_name"] for g in tables["customer_groups"]}


def test_carts_are_what_was_put_in_and_not_ordered_since(pair: tuple[SandboxMall, Tables]) -> None:
    mall, tables = pair
    last: dict[tuple[str, str], tuple[datetime, str]] = {}
    placed = {order["order_id"]: order for order in tables["orders"]}
    for event in sorted(tables["events"], key=lambda e: e["at"]):
        if event["member_id"] and event["event"] != "view":
            key = (event["member_id"], event["product_no"])
            last[key] = max(last.get(key, (event["at"], event["event"])), (event["at"], event["event"]))
    for line in tables["order_items"]:
        order = placed[line["order_id"]]
        if order["member_id"]:
            key = (order["member_id"], line["product_no"])
            last[key] = max(last[key], (order["ordered_at"], "purchase"))
    held = {key for key, (_, kind) in last.items() if kind == "cart"}
    rows = all_of(mall, "carts")
    found = {(row["member_id"], str(row["product_no"])) for row in rows}
    assert len(found) == len(rows)
    assert found == held
