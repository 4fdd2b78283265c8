"""Landing: append, replace a scope, snapshot, compact; what is refused; digests."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from cafe24_pipelines.stores.lake import COMPACT_AT, QUARANTINE_SCHEMA, Lake, MallLake


@pytest.fixture
def lake(tmp_path: Path) -> MallLake:
    return Lake(tmp_path / "lake").mall("shop")


def parts(lake: MallLake, resource: str) -> list[str]:
    return sorted(p.name for p in (lake.root / resource).glob("part-*.parquet"))


def named(lake: MallLake, resource: str) -> list[str]:
    return [p["file"] for p in lake._parts(resource).manifest()["parts"]]


def test_nothing_exists_before_the_first_landing(lake):
    assert lake.read("orders").num_rows == 0
    assert lake.counts() == {} and lake.digests() == {}
    assert not lake.root.exists()


def test_rows_come_back_typed_in_key_order_and_with_their_mall(lake, lake_rows):
    landed = lake.land("orders", lake_rows.orders(lake_rows.order(2), lake_rows.order(1, member=None)))
    assert (landed.rows, landed.changed) == (2, True)
    rows = lake.read("orders")
    assert rows.schema.field("paid_amount").type == pa.decimal128(20, 4)
    assert rows.column("order_id").to_pylist() == ["o1", "o2"]
    assert set(rows.column("mall_id").to_pylist()) == {"shop"}
    assert rows.column("member_key").to_pylist() == [None, "m1"]
    assert rows.column("coupon_no").null_count == 2  # an optional column that the source doesn't have


def test_landing_the_same_again_writes_nothing(lake, lake_rows):
    rows = lake_rows.orders(*(lake_rows.order(n) for n in range(5)))
    first = lake.land("orders", rows)
    before = {p: (lake.root / "orders" / p).stat().st_mtime_ns for p in parts(lake, "orders")}
    shuffled = rows.take([3, 1, 4, 0, 2])
    for again in (lake.land("orders", shuffled), lake.land("orders", shuffled, snapshot=True)):
        assert (again.changed, again.digest) == (False, first.digest)
    assert {p: (lake.root / "orders" / p).stat().st_mtime_ns for p in parts(lake, "orders")} == before


def test_a_later_landing_replaces_rows_it_mentions_and_keeps_the_rest(lake, lake_rows):
    lake.land("orders", lake_rows.orders(lake_rows.order(1), lake_rows.order(2)))
    lake.land("orders", lake_rows.orders(lake_rows.order(2, status="cancelled"), lake_rows.order(3)))
    rows = lake.read("orders")
    assert rows.column("order_id").to_pylist() == ["o1", "o2", "o3"]
    assert rows.column("status").to_pylist() == ["delivered", "cancelled", "delivered"]
    assert lake.counts() == {"orders": 3}


def test_lines_of_an_order_are_replaced_together(lake, lake_rows):
    i = lake_rows.item
    lake.land("order_items", lake_rows.items(i(1, 1), i(1, 2), i(2, 1)))
    lake.land("order_items", lake_rows.items(i(1, 1, quantity=3)))
    rows = lake.read("order_items", ["order_id", "line_no", "quantity"]).to_pylist()
    assert rows == [
        {"order_id": "o1", "line_no": 1, "quantity": 3},
        {"order_id": "o2", "line_no": 1, "quantity": 1},
    ]


def test_a_snapshot_drops_rows_that_are_gone(lake, lake_rows):
    lake.land("orders", lake_rows.orders(lake_rows.order(1), lake_rows.order(2)))
    lake.land("orders", lake_rows.orders(lake_rows.order(2)), snapshot=True)
    assert lake.read("orders").column("order_id").to_pylist() == ["o2"]


def test_parts_are_compacted_when_there_are_many_and_content_stays(lake, lake_rows):
    for n in range(COMPACT_AT):
        lake.land("orders", lake_rows.orders(lake_rows.order(n)))
        assert len(named(lake, "orders")) < COMPACT_AT
    assert len(named(lake, "orders")) == 1
    assert lake.counts() == {"orders": COMPACT_AT}


def test_compact_keeps_rows_and_digest(lake, lake_rows):
    lake.land("orders", lake_rows.orders(lake_rows.order(1), lake_rows.order(2)))
    lake.land("orders", lake_rows.orders(lake_rows.order(2, amount="7")))
    rows, digest = lake.read("orders"), lake.digest()
    lake.compact("orders")
    assert len(named(lake, "orders")) == 1
    assert lake.read("orders").equals(rows) and lake.digest() == digest
    lake.compact("orders")
    lake.compact("reviews")
    assert lake.digest() == digest


def test_the_order_of_landings_of_different_rows_does_not_show_in_the_digest(tmp_path, lake_rows):
    a, b = lake_rows.orders(lake_rows.order(1)), lake_rows.orders(lake_rows.order(2), lake_rows.order(3))
    one, two = MallLake(tmp_path / "one", "shop"), MallLake(tmp_path / "two", "shop")
    one.land("orders", a), one.land("orders", b)
    two.land("orders", b), two.land("orders", a)
    assert one.digest() == two.digest()
    two.land("orders", lake_rows.orders(lake_rows.order(3, amount="1000.0001")))
    assert one.digest() != two.digest()


def test_two_malls_do_not_see_each_other(tmp_path, lake_rows):
    lake = Lake(tmp_path)
    lake.mall("a").land("orders", lake_rows.orders(lake_rows.order(1)))
    assert lake.mall("b").read("orders").num_rows == 0


def test_money_is_exact_to_four_places(lake, lake_rows):
    amounts = ["0.001", "9999999999999999.9999", "-0.0001", "0"]
    lake.land("orders", lake_rows.orders(*(lake_rows.order(n, amount=a) for n, a in enumerate(amounts))))
    total = lake.query("SELECT sum(paid_amount) AS total FROM orders").column("total")[0].as_py()
    assert total == sum(Decimal(a) for a in amounts)
    assert lake.read("orders").column("paid_amount").to_pylist() == [Decimal(a) for a in amounts]


def test_times_are_utc_whatever_zone_they_came_in(lake, lake_rows):
    seoul = timezone(timedelta(hours=9))
    rows = lake_rows.orders(lake_rows.order(1)).drop_columns(["ordered_at"])
    at = pa.array([datetime(2026, 1, 1, 0, 30, tzinfo=seoul)], pa.timestamp("ms", tz="Asia/Seoul"))
    lake.land("orders", rows.append_column("ordered_at", at))
    assert lake.read("orders").column("ordered_at")[0].as_py() == datetime(2025, 12, 31, 15, 30, tzinfo=UTC)
    local = lake.query("SELECT ordered_local::VARCHAR AS t FROM order_facts").column("t")[0].as_py()
    assert local == "2026-01-01 00:30:00"
    london = lake.query("SELECT ordered_local::VARCHAR AS t FROM order_facts", zone="Europe/London")
    assert london.column("t")[0].as_py() == "2025-12-31 15:30:00"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.append_column("nickname", pa.array(["x"])), "unknown columns"),
        (lambda t: t.drop_columns(["status"]), "required column status is missing"),
        (lambda t: t.set_column(t.schema.get_field_index("status"), "status", pa.nulls(1, pa.string())), "null in a"),
        (lambda t: pa.concat_tables([t, t]), "repeats"),
        (lambda t: t.append_column("mall_id", pa.array(["other"])), "rows of mall other"),
        (
            lambda t: t.set_column(t.schema.get_field_index("paid_amount"), "paid_amount", pa.array([0.1])),
            "not exact",
        ),
        (
            lambda t: t.set_column(
                t.schema.get_field_index("paid_amount"), "paid_amount", pa.array([Decimal("0.00001")])
            ),
            "doesn't fit",
        ),
        (
            lambda t: t.set_column(
                t.schema.get_field_index("ordered_at"), "ordered_at", pa.array([datetime(2026, 1, 1)])  # noqa: DTZ001
            ),
            "no time zone",
        ),
    ],
    ids=["unknown", "missing", "null", "duplicate", "other-mall", "float-money", "too-fine", "naive-time"],
)  # fmt: skip
def test_rows_that_break_the_contract_are_refused_and_change_nothing(lake, lake_rows, change, message):
    lake.land("orders", lake_rows.orders(lake_rows.order(7)))
    digest = lake.digest()
    with pytest.raises(ValueError, match=message):
        lake.land("orders", change(lake_rows.orders(lake_rows.order(1))))
    assert lake.digest() == digest


def test_a_column_of_nulls_only_takes_the_type_of_the_table(lake, lake_rows):
    rows = lake_rows.orders(lake_rows.order(1)).append_column("delivered_at", pa.nulls(1))
    lake.land("orders", rows.append_column("discount_amount", pa.nulls(1)))
    assert lake.read("orders").column("delivered_at").to_pylist() == [None]


def test_a_mall_with_no_rows_has_landed_all_the_same(lake, lake_rows):
    assert lake.land("orders", lake_rows.orders(lake_rows.order(1)).slice(0, 0)).changed
    assert lake.counts() == {"orders": 0}
    assert not lake.land("orders", lake_rows.orders(lake_rows.order(1)).slice(0, 0)).changed


@pytest.mark.parametrize("folder", ["env=prod", "shop[1]", "a*b", "it's 한글"])
def test_folder_names_mean_nothing_to_the_query_engine(tmp_path, lake_rows, folder):
    (tmp_path / "shop1").mkdir()
    lake = Lake(tmp_path / folder).mall("shop")
    lake.land("orders", lake_rows.orders(lake_rows.order(1)))
    lake.land("orders", lake_rows.orders(lake_rows.order(2)))
    assert lake.query("SELECT * FROM orders").column_names == lake.read("orders").column_names
    assert lake.counts() == {"orders": 2}


def quarantined(line: int, reason: str = "no date") -> dict[str, object]:
    return {
        "mall_id": "shop", "resource": "orders", "source_file": "orders.csv", "source_line": line,
        "reason": reason, "field": None, "row": "{}", "amount": Decimal("1.5"),
    }  # fmt: skip


def test_quarantine_of_a_source_is_replaced_and_counts_in_the_digest(lake):
    rows = pa.Table.from_pylist([quarantined(9), quarantined(2)], schema=QUARANTINE_SCHEMA)
    empty = lake.digest()
    assert lake.quarantine("csv", rows) == 2
    assert lake.quarantined().column("source_line").to_pylist() == [2, 9]
    digest = lake.digest()
    assert digest != empty
    lake.quarantine("csv", rows.take([1, 0]))
    assert lake.digest() == digest
    assert lake.quarantine("csv", rows.slice(0, 0)) == 0
    assert lake.digest() == empty


def test_queries_bind_parameters_and_read_nothing_outside_the_lake(lake, lake_rows):
    lake.land("orders", lake_rows.orders(lake_rows.order(1), lake_rows.order(2, status="cancelled")))
    found = lake.query("SELECT order_id FROM orders WHERE status = $status", {"status": "x' OR '1'='1"})
    assert found.num_rows == 0
    assert lake.query("SELECT order_id FROM orders WHERE status = $s", {"s": "cancelled"}).num_rows == 1


def test_a_reader_that_opened_the_lake_before_a_landing_finishes_its_query(lake, lake_rows):
    lake.land("orders", lake_rows.orders(lake_rows.order(1)))
    with lake.duckdb() as db:
        lake.land("orders", lake_rows.orders(lake_rows.order(2), lake_rows.order(3)), snapshot=True)
        assert db.sql("SELECT order_id FROM orders").fetchall() == [("o1",)]
    assert lake.read("orders").num_rows == 2
    lake.land("orders", lake_rows.orders(lake_rows.order(4)), snapshot=True)
    assert len(parts(lake, "orders")) == 2  # the current part and the one before; older ones are gone
