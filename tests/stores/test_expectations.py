"""Suites: they pass a sound lake, name each breach, and stay small and offline."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from cafe24_pipelines.stores.digest import table_digest
from cafe24_pipelines.stores.expectations import contract_suite, observation_suite, validate
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.observations import observations
from cafe24_pipelines.stores.schemas import TABLES


@pytest.fixture
def lake(tmp_path: Path) -> MallLake:
    return MallLake(tmp_path / "lake", "shop")


def put(lake: MallLake, name: str, rows: pa.Table) -> None:
    """Write a part without landing's own rules, as a faulty tool might."""
    parts = lake._parts(name)
    part = parts.write(rows, 1)
    parts.switch(parts.manifest(), [part], rows=rows.num_rows, digest=table_digest(rows))


def full_orders(lake_rows, *rows) -> pa.Table:
    schema = TABLES["orders"].schema
    nullable = pa.schema([pa.field(f.name, f.type) for f in schema])
    return pa.Table.from_pylist([{"mall_id": "shop", **r} for r in rows], schema=nullable)


def broken(result) -> set[tuple[str, str]]:
    return {(f.column, f.expectation) for f in result.failed}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_both_suites_and_passes_them_when_it_has_not_landed(lake, table):
    assert len(contract_suite(table).expectations) > len(TABLES[table].columns)
    assert len(observation_suite(table).expectations) == len(observations(table))
    for kind in ("contract", "observation"):
        result = validate(table, lake, kind=kind)
        assert result.success and result.evaluated == 0


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_landed_with_no_rows_keeps_its_contract_but_is_worth_a_look(lake, table):
    put(lake, table, TABLES[table].schema.empty_table())
    contract, observed = validate(table, lake), validate(table, lake, kind="observation")
    assert contract.success, contract.failed
    assert contract.evaluated == len(contract_suite(table).expectations)
    assert [f.column for f in observed.failed] == ["row_count"]


def test_a_sound_lake_passes_everything(lake, lake_rows):
    o, i = lake_rows.order, lake_rows.item
    lake.land("orders", lake_rows.orders(o(1), o(2, member=None, status="cancelled")))
    lake.land(
        "order_items",
        lake_rows.items(i(1, 1, quantity=3, price="0.001", product_name="a"), i(2, 1, product_name="b")),
    )
    for table in ("orders", "order_items"):
        for kind in ("contract", "observation"):
            result = validate(table, lake, kind=kind)
            assert result.success, result.failed
            assert result.evaluated > 1


@pytest.mark.parametrize(
    ("change", "breach", "example"),
    [
        ({"status": "teleported"}, ("status", "column_values_to_be_in_set"), "teleported"),
        ({"status": None}, ("status", "column_values_to_not_be_null"), None),
        ({"order_id": "o2"}, ("order_id", "column_values_to_be_unique"), "o2"),
    ],
)
def test_a_breach_of_the_contract_is_named_with_examples(lake, lake_rows, change, breach, example):
    o = lake_rows.order
    put(lake, "orders", full_orders(lake_rows, o(1) | change, o(2)))
    result = validate("orders", lake)
    assert not result.success
    assert broken(result) == {breach}
    failure = result.failed[0]
    assert "of 2 rows" in failure.observed
    if example:
        assert set(failure.examples) == {example} and example in failure.summary()
    assert failure.to_json()["column"] == breach[0]


def test_bounds_keys_of_two_columns_and_exact_amounts_are_part_of_the_contract(lake, lake_rows):
    i = lake_rows.item
    wrong = {"unit_price": Decimal("-1.0001"), "amount": Decimal("-1.0001"), "line_no": 0}
    rows = [i(1, 1), i(1, 1, amount=Decimal("999.9999")), i(2, 1) | wrong]
    nullable = pa.schema([pa.field(f.name, f.type) for f in TABLES["order_items"].schema])
    put(lake, "order_items", pa.Table.from_pylist([{"mall_id": "shop"} | r for r in rows], schema=nullable))
    result = validate("order_items", lake)
    assert broken(result) == {
        ("order_id, line_no", "compound_columns_to_be_unique"),
        ("amount - quantity * unit_price", "column_values_to_be_in_set"),
        ("unit_price", "column_values_to_be_between"),
        ("line_no", "column_values_to_be_between"),
    }


def test_a_missing_column_and_a_wrong_type_are_named(lake, lake_rows):
    rows = full_orders(lake_rows, lake_rows.order(1)).drop_columns(["country"])
    index = rows.schema.get_field_index("paid_amount")
    put(lake, "orders", rows.set_column(index, "paid_amount", pa.array([1000.0])))
    assert {("", "table_columns_to_match_set"), ("paid_amount", "column_values_to_be_of_type")} <= broken(
        validate("orders", lake)
    )


def test_nulls_in_optional_columns_keep_the_contract(lake, lake_rows):
    lake.land("products", lake_rows.table("products", [
        {"product_no": "1", "product_name": "a", "price": Decimal("0.001"), "stock_quantity": 3, "selling": True},
        {"product_no": "2", "product_name": "b"},
    ]))  # fmt: skip
    assert validate("products", lake).success


def test_references_that_lead_nowhere_are_counted_with_examples(lake, lake_rows):
    lake.land("orders", lake_rows.orders(lake_rows.order(1)))
    lake.land("order_items", lake_rows.items(*(lake_rows.item(n, 1, product_name="x") for n in range(1, 9))))
    at = lake_rows.order(1)["ordered_at"]
    lake.land("reviews", lake_rows.table("reviews", [
        {"review_no": "r1", "product_no": "ghost", "rating": 5, "created_at": at},
        {"review_no": "r2", "product_no": "p1", "rating": 5, "created_at": at},
    ]))  # fmt: skip
    lake.land("coupons", lake_rows.table("coupons", [{"coupon_no": "c1", "coupon_name": "welcome"}]))
    issue = {"member_key": "m1", "issued_at": at}
    lake.land("coupon_issues", lake_rows.table("coupon_issues", [
        {"issue_no": "i1", "coupon_no": "c1", **issue}, {"issue_no": "i2", "coupon_no": "gone", **issue},
    ]))  # fmt: skip
    (items,) = validate("order_items", lake, kind="observation").failed
    assert (items.column, items.observed, len(items.examples)) == ("order_id_without_orders", "7", 5)
    (reviews,) = validate("reviews", lake, kind="observation").failed
    assert (reviews.column, reviews.examples) == ("product_no_without_known_products", ("r1 / ghost",))
    (issues,) = validate("coupon_issues", lake, kind="observation").failed
    assert (issues.column, issues.examples) == ("coupon_no_without_coupons", ("i2 / gone",))


def test_shares_and_dates_are_observed(lake, lake_rows):
    o = lake_rows.order
    early = {"ordered_at": lake_rows.order(1)["ordered_at"].replace(year=1970)}
    late = {"delivered_at": lake_rows.order(1)["ordered_at"].replace(year=2025)}
    lake.land("orders", lake_rows.orders(*(o(n, member=None) for n in range(20)), o(30) | early, o(31) | late))
    result = validate("orders", lake, kind="observation")
    failed = {f.column: f for f in result.failed}
    assert set(failed) == {"guest_share", "ordered_at_before_1995", "orders_delivered_before_ordered"}
    assert failed["guest_share"].observed == "0.909091" and "at most 0.8" in failed["guest_share"].expectation
    assert failed["ordered_at_before_1995"].examples == ("o30",)


_OFFLINE = """
import os, socket, sys
def refuse(*a, **k):
    print("CONNECTION", a, flush=True)
    raise OSError("no network in this test")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from pathlib import Path
import pyarrow as pa
from cafe24_pipelines.stores.lake import MallLake
import cafe24_pipelines.stores.expectations as x
assert not any(m.split(".")[0] in ("great_expectations", "pandas", "duckdb") for m in sys.modules)
lake = MallLake(Path(sys.argv[1]), "shop")
lake.land("coupons", pa.table({"coupon_no": ["1"], "coupon_name": ["a"]}))
print(x.validate("coupons", lake).success, x.validate("coupons", lake, kind="observation").success)
print(os.listdir("."))
"""


def test_a_suite_opens_no_connection_prints_nothing_and_writes_nothing(tmp_path):
    (tmp_path / "cwd").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE, str(tmp_path / "lake")],
        capture_output=True, text=True, timeout=120, cwd=tmp_path / "cwd", check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["True True", "[]"]
    assert done.stderr == ""


_BIG = """
import sys
from decimal import Decimal
from pathlib import Path
import pyarrow as pa, numpy as np
from cafe24_pipelines.stores.lake import MallLake
import great_expectations.expectations
from cafe24_pipelines.stores.expectations import validate
from benchmarks.peak import peak_megabytes
n = 541_000
order = np.arange(n) // 20
lake = MallLake(Path(sys.argv[1]), "shop")
money = pa.array([Decimal(k) / 1000 for k in range(1000)], pa.decimal128(20, 4)).take(pa.array(np.arange(n) % 1000))
lake.land("order_items", pa.table({
    "order_id": pa.array([f"order-{k}" for k in order]), "line_no": pa.array(np.arange(n) % 20 + 1),
    "product_no": pa.array([f"p{k % 4000}" for k in range(n)]), "quantity": pa.array(np.ones(n, dtype=np.int64)),
    "product_name": pa.array([f"product number {k % 4000}" for k in range(n)]),
    "unit_price": money, "amount": money, "currency": pa.array(["GBP"] * n),
}))
assert validate("order_items", lake).success
assert validate("order_items", lake, kind="observation").success
print(peak_megabytes())
"""


@pytest.mark.slow
def test_half_a_million_lines_are_judged_in_less_than_a_gigabyte(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _BIG, str(tmp_path)],
        capture_output=True, text=True, timeout=200, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1000, "MB"
