"""The shared views: what a customer, a product and a sale are."""

from decimal import Decimal
from pathlib import Path

import pytest

from cafe24_pipelines.stores.lake import MallLake


@pytest.fixture
def lake(tmp_path: Path) -> MallLake:
    return MallLake(tmp_path / "lake", "shop")


def facts(lake: MallLake) -> dict[str, dict[str, object]]:
    return {r["order_id"]: r for r in lake.query("SELECT * FROM order_facts").to_pylist()}


@pytest.mark.parametrize(
    ("status", "sale"),
    [
        ("unpaid", False), ("paid", True), ("shipping", True), ("delivered", True), ("confirmed", True),
        ("cancelled", False), ("returned", False), ("exchanged", True),
    ],
)  # fmt: skip
def test_a_sale_is_paid_and_neither_cancelled_nor_returned(lake, lake_rows, status, sale):
    lake.land("orders", lake_rows.orders(lake_rows.order(1, status=status, amount="500")))
    fact = facts(lake)["o1"]
    assert fact["is_sale"] is sale
    assert fact["net_amount"] == (Decimal(500) if sale else 0)
    assert fact["sale_no"] == (1 if sale else None)


def test_sales_of_a_member_are_numbered_by_time_then_id_and_only_sales_are(lake, lake_rows):
    o = lake_rows.order
    lake.land(
        "orders",
        lake_rows.orders(
            o(3, day=0), o(1, day=5), o(2, day=5), o(4, day=2, status="cancelled"), o(5, day=1, member="m2"),
            o(6, day=3, member=None), o(7, day=9, member=None),
        ),
    )  # fmt: skip
    numbers = {order: fact["sale_no"] for order, fact in facts(lake).items()}
    assert numbers == {"o3": 1, "o1": 2, "o2": 3, "o4": None, "o5": 1, "o6": None, "o7": None}


def test_a_credit_document_lowers_what_was_sold_and_is_no_sale(lake, lake_rows):
    o = lake_rows.order
    lake.land("orders", lake_rows.orders(o(1, amount="100"), o(2, amount="-30", status="returned"), o(3, amount="7")))
    fact = facts(lake)
    assert (fact["o2"]["net_amount"], fact["o2"]["is_sale"], fact["o2"]["sale_no"]) == (Decimal(-30), False, None)
    total = lake.query("SELECT sum(net_amount) AS net FROM order_facts").column("net")[0].as_py()
    assert total == Decimal(77)


def test_known_customers_are_landed_members_and_members_seen_in_orders(lake, lake_rows):
    o = lake_rows.order
    lake.land("customers", lake_rows.table("customers", [{"member_key": "m1", "gender": "F"}, {"member_key": "m9"}]))
    lake.land("orders", lake_rows.orders(o(1), o(2), o(3, member="m2"), o(4, member=None)))
    rows = lake.query("SELECT member_key, gender, landed FROM known_customers ORDER BY 1").to_pylist()
    assert [tuple(r.values()) for r in rows] == [("m1", "F", True), ("m2", None, False), ("m9", None, True)]


def test_known_products_take_name_category_and_price_of_the_last_line_unless_landed(lake, lake_rows):
    o, i = lake_rows.order, lake_rows.item
    lake.land("orders", lake_rows.orders(o(1, day=9), o(2, day=1)))
    lake.land(
        "order_items",
        lake_rows.items(
            i(1, 1, product="seen", price="20", product_name="new", category="B"),
            i(2, 1, product="seen", price="10", product_name="old", category="A"),
            i(2, 2, product="both", product_name="line name", category="A"),
        ),
    )
    lake.land("products", lake_rows.table("products", [
        {"product_no": "both", "product_name": "shop name", "price": Decimal(5)},
        {"product_no": "unsold", "product_name": "never sold", "price": Decimal(6)},
    ]))  # fmt: skip
    rows = {r["product_no"]: r for r in lake.query("SELECT * FROM known_products").to_pylist()}
    assert {k: (r["product_name"], r["category"], r["price"], r["landed"]) for k, r in rows.items()} == {
        "seen": ("new", "B", Decimal(20), False),
        "both": ("shop name", "A", Decimal(5), True),
        "unsold": ("never sold", None, Decimal(6), True),
    }


def test_sale_lines_leave_out_cancelled_orders_and_cancelled_lines(lake, lake_rows):
    o, i = lake_rows.order, lake_rows.item
    lake.land("orders", lake_rows.orders(o(1), o(2, status="returned")))
    lake.land("order_items", lake_rows.items(i(1, 1), i(1, 2, status="cancelled"), i(1, 3, status="paid"), i(2, 1)))
    lines = lake.query("SELECT order_id, line_no, member_key, sale_no FROM sale_lines ORDER BY ALL").to_pylist()
    assert [tuple(r.values()) for r in lines] == [("o1", 1, "m1", 1), ("o1", 3, "m1", 1)]


def test_views_of_an_empty_lake_are_empty(lake):
    for view in ("known_customers", "known_products", "order_facts", "sale_lines"):
        assert lake.query(f"SELECT * FROM {view}").num_rows == 0
