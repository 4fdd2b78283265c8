"""The sandbox's API, landed row by row and turned into shop tables, gives the tables of the sandbox's generator.

What the API can't give, and is therefore not compared: product views, carts that were emptied, and the generator's
running numbers of events. Purchases and carts that it does give are compared by member, product and time.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES
from cafe24_pipelines.cafe24.landing import across_the_privacy_line
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.cafe24.privacy import Pseudonyms
from cafe24_pipelines.cafe24.sealing import Seal
from cafe24_pipelines.cafe24.shop_of_api import shop_tables
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.stores.records import ApiLake

HASHER = Pseudonyms(b"invented members")
NEEDED = (
    "shops", "customer_groups", "customers_privacy", "orders", "products", "categories", "category_products",
    "coupons", "coupon_issues", "carts", "boards", "articles",
)  # fmt: skip
ALIKE = (
    "customers", "customer_groups", "categories", "products", "orders", "order_items", "coupons", "coupon_issues",
    "reviews",
)  # fmt: skip

Tables = dict[str, list[dict[str, Any]]]


def landed(mall: SandboxMall, lake: ApiLake) -> ApiLake:
    """Every row that the mall's API shows at the end, behind the privacy line."""
    line = PrivacyLine("shop", HASHER, Seal(b"k" * 32))
    for name in NEEDED:
        resource = RESOURCES[name]
        parents = ("category_no", "display_group", "coupon_no", "product_no", "board_no", "member_id")
        records = [
            line.across(resource, row, shop_no=row["shop_no"], parent={p: row[p] for p in parents if p in row}).record
            for row in mall.all_rows(name, END)
        ]
        lake.of(name).commit(records)
    return lake


@pytest.fixture(scope="module", params=[(40, 7), (90, 20260401)], ids=["40-members", "90-members"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tables, Tables]]:
    """(made of the API, made by the generator), by table."""
    customers, seed = request.param
    root: Path = tmp_path_factory.mktemp("parity")
    mall = SandboxMall.build(root / "mall.db", customers=customers, seed=seed)
    data = shop_tables(landed(mall, ApiLake(root / "api", "shop")), Mall("shop", "api"))
    assert data.quarantine.num_rows == 0
    made = {n: across_the_privacy_line(n, t, HASHER).to_pylist() for n, t in data.tables.items()}
    wanted = {
        n: across_the_privacy_line(n, t, HASHER).to_pylist()
        for n, t in sandbox_tables(customers=customers, seed=seed).items()
    }
    yield made, wanted


@pytest.mark.parametrize("table", ALIKE)
def test_the_api_gives_what_the_generator_gives(both: tuple[Tables, Tables], table: str) -> None:
    made, wanted = (_keyed(table, tables[table]) for tables in both)
    assert made.keys() == wanted.keys()
    differing = {key: _differences(made[key], wanted[key]) for key in wanted if made[key] != wanted[key]}
    assert not differing, (Counter(c for d in differing.values() for c in d), next(iter(differing.values())))


def test_purchases_are_the_generator_s_but_for_orders_that_were_never_paid(both: tuple[Tables, Tables]) -> None:
    """The generator counts a cancelled order as bought; the API knows which ones were cancelled before payment."""
    made, wanted = (_purchases(tables["events"]) for tables in both)
    cancelled = {o["order_id"]: o["ordered_at"] for o in both[1]["orders"] if o["status"] == "cancelled"}
    assert not made - wanted
    assert {at for _, _, at in wanted - made} <= set(cancelled.values())
    assert sum(made.values()) > 0.9 * sum(wanted.values())


def test_carts_are_some_of_the_generator_s(both: tuple[Tables, Tables]) -> None:
    made, wanted = ({_what(e) for e in tables["events"] if e["event"] == "cart"} for tables in both)
    assert made and made <= wanted


def _purchases(events: list[dict[str, Any]]) -> Counter[tuple[str | None, str, datetime]]:
    return Counter(_what(e) for e in events if e["event"] == "purchase")


def _what(event: dict[str, Any]) -> tuple[str | None, str, datetime]:
    return event["member_key"], event["product_no"], event["at"]


def _keyed(table: str, rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    from cafe24_pipelines.stores.schemas import TABLES

    return {tuple(row[k] for k in TABLES[table].key): row for row in rows}


def _differences(a: dict[str, Any], b: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {c: (a.get(c), b.get(c)) for c in b if a.get(c) != b.get(c)}
