"""RFM, cohorts and their publication on a shop small enough to reckon by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.cohorts import cohorts
from cafe24_pipelines.crm.rfm import SEGMENTS, rfm, rfm_segments, segment_of
from cafe24_pipelines.crm.tables import CrmTables
from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.stores.lake import Lake, MallLake

MALL = Mall("m")
# (order, member, UTC time, status, amount); 2026-01-31 23:30 UTC is already February in Seoul
ORDERS = [
    ("1", "a", datetime(2026, 1, 5, tzinfo=UTC), "confirmed", "100.50"),
    ("2", "a", datetime(2026, 1, 31, 23, 30, tzinfo=UTC), "delivered", "50.25"),
    ("3", "b", datetime(2026, 1, 31, 23, 30, tzinfo=UTC), "confirmed", "10"),
    ("4", "b", datetime(2026, 3, 1, tzinfo=UTC), "cancelled", "999"),
    ("5", None, datetime(2026, 3, 2, tzinfo=UTC), "confirmed", "7"),
    ("6", "c", datetime(2026, 3, 9, 20, tzinfo=UTC), "unpaid", "5"),
    ("7", "d", datetime(2026, 3, 9, 1, tzinfo=UTC), "confirmed", "30"),
    ("8", "a", datetime(2026, 3, 9, 2, tzinfo=UTC), "returned", "-20.75"),
]


def land(root: Path, orders: list[tuple]) -> MallLake:
    order, member, at, status, amount = zip(*orders, strict=True) if orders else ((),) * 5
    lake = Lake(root).mall("m")
    columns = {
        "order_id": pa.array(order, pa.string()),
        "member_key": pa.array(member, pa.string()),
        "ordered_at": pa.array(at, pa.timestamp("us", tz="UTC")),
        "status": pa.array(status, pa.string()),
        "paid_amount": pa.array([Decimal(a) for a in amount], pa.decimal128(20, 4)),
        "currency": pa.array(["KRW"] * len(order), pa.string()),
    }
    lake.land("orders", pa.table(columns), snapshot=True)
    return lake


def many(root: Path, members: int = 500) -> MallLake:
    rng = np.random.default_rng(3)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for member in range(members):
        for _ in range(rng.integers(1, 9)):
            at = pd.Timestamp(start) + pd.Timedelta(seconds=int(rng.integers(0, 300 * 86400)))
            rows.append(
                (str(len(rows)), f"m{member}", at.to_pydatetime(), "confirmed", str(int(rng.integers(1, 10**6))))
            )
    return land(root, rows)


def test_values_are_exact_and_count_sales_only(tmp_path: Path) -> None:
    frame = rfm(land(tmp_path, ORDERS), MALL).table.set_index("member_key")
    assert list(frame.index) == ["a", "b", "d"]  # c never paid, guests have no key
    assert frame.loc["a", "monetary"] == Decimal("130.0000")  # 100.50 + 50.25 - 20.75
    assert frame["frequency"].to_dict() == {"a": 2, "b": 1, "d": 1}
    # the last local day is 2026-03-10 in Seoul, thanks to an unpaid order
    assert frame["recency_days"].to_dict() == {"a": 37, "b": 37, "d": 1}


def test_equal_values_get_equal_scores_and_untied_ones_fill_five_classes(tmp_path: Path) -> None:
    frame = rfm(many(tmp_path), MALL).table
    for score, column in (("r", "recency_days"), ("f", "frequency"), ("m", "monetary")):
        assert frame.groupby(column)[score].nunique().max() == 1
        best_first = frame.sort_values(column, ascending=score == "r")[score]
        assert (best_first.diff().dropna() <= 0).all()
        assert set(frame[score]) <= {1, 2, 3, 4, 5}
    assert frame["m"].value_counts().to_dict() == dict.fromkeys(range(1, 6), 100)
    assert (frame.loc[frame["frequency"] == 1, "f"] == 1).all()


def test_one_member_scores_and_no_member_makes_an_empty_frame(tmp_path: Path) -> None:
    one = rfm(land(tmp_path / "one", ORDERS[:1]), MALL).table
    assert one[["r", "f", "m", "segment"]].to_numpy().tolist() == [[5, 1, 1, "신규"]]
    none = rfm(land(tmp_path / "none", []), MALL).table
    assert len(none) == 0
    assert list(none.columns) == list(one.columns)
    assert rfm_segments(none)["customers"].sum() == 0
    assert len(cohorts(land(tmp_path / "none2", []), MALL).table) == 0


def test_segments_part_the_whole_grid_and_each_has_its_own_action() -> None:
    reached = {segment_of(r, f, m).name for r, f, m in product(range(1, 6), repeat=3)}
    assert reached == set(SEGMENTS)
    assert {"챔피언", "충성 고객", "잠재 충성", "신규", "이탈 위험", "휴면"} <= reached
    assert len({s.action for s in SEGMENTS.values()}) == len(SEGMENTS)
    assert segment_of(5, 5, 5).name == "챔피언"
    assert segment_of(1, 1, 1).name == "휴면"
    assert segment_of(1, 5, 5).name == "놓치면 안 될 고객"


def test_segment_table_adds_up(tmp_path: Path) -> None:
    frame = rfm(many(tmp_path), MALL).table
    table = rfm_segments(frame)
    assert list(table["segment"]) == list(SEGMENTS)
    assert table["customers"].sum() == 500
    assert table["share"].sum() == pytest.approx(1)
    assert sum(table["revenue"]) == sum(frame["monetary"])


def test_cohorts_follow_local_months_and_mark_what_is_not_over(tmp_path: Path) -> None:
    frame = cohorts(land(tmp_path, ORDERS), MALL).table.set_index(["cohort", "month_index"])
    assert frame.loc[("2026-01", 0), ["cohort_size", "active_customers"]].tolist() == [1, 1]
    assert frame.loc[("2026-01", 1), ["active_customers", "retention"]].tolist() == [1, 1.0]
    assert frame.loc[("2026-01", 1), "revenue"] == Decimal("50.2500")
    assert frame.loc[("2026-02", 0), "cohort_size"] == 1  # b's sale of 31 January UTC
    assert frame.loc[("2026-02", 1), "active_customers"] == 0  # a cancelled order is no sale
    assert frame.loc[("2026-01", 2), "revenue"] == Decimal("-20.7500")
    assert frame["observed"].to_dict() == {
        ("2026-01", 0): True, ("2026-01", 1): True, ("2026-01", 2): False,
        ("2026-02", 0): True, ("2026-02", 1): False, ("2026-02", 2): False,
        ("2026-03", 0): False, ("2026-03", 1): False, ("2026-03", 2): False,
    }  # fmt: skip
    assert pd.isna(frame.loc[("2026-02", 2), "active_customers"])
    assert pd.isna(frame.loc[("2026-03", 1), "retention"])


def test_cohort_sizes_and_revenue_add_up_to_the_members(tmp_path: Path) -> None:
    lake = many(tmp_path)
    frame, members = cohorts(lake, MALL).table, rfm(lake, MALL).table
    assert frame.drop_duplicates("cohort")["cohort_size"].sum() == len(members)
    assert sum(frame["revenue"].dropna()) == sum(members["monetary"])
    assert (frame.loc[frame["month_index"] == 0, "retention"].dropna() == 1).all()


def test_tables_keep_types_and_publish_nothing_twice(tmp_path: Path) -> None:
    lake, tables = many(tmp_path / "lake"), CrmTables(tmp_path / "tables")
    with pytest.raises(NotBuilt, match="cafe24 run"):
        tables.read("m", "rfm")
    assert tables.digests("m") == {}
    outcome = rfm(lake, MALL)
    frame = outcome.table
    digest = tables.publish("m", "rfm", outcome)
    pointer = tmp_path / "tables" / "m" / "rfm" / "current.json"
    stamp = pointer.stat().st_mtime_ns
    assert (
        tables.publish("m", "rfm", replace(outcome, table=frame.sample(frac=1, random_state=1))) == digest
    )  # the order of rows is nothing
    assert pointer.stat().st_mtime_ns == stamp
    back = tables.read("m", "rfm")
    assert back["monetary"].tolist() == frame["monetary"].tolist()
    assert tables.summary("m", "rfm")["customers"] == len(frame)
    assert tables.charts("m", "rfm")["grid"].read_text(encoding="utf-8").startswith("<?xml")
    changed = replace(outcome, table=frame.assign(segment="신규"))
    assert tables.publish("m", "rfm", changed) != digest
    assert set(tables.read("m", "rfm")["segment"]) == {"신규"}
    tables.publish("m", "cohorts", cohorts(lake, MALL))
    assert set(tables.digests("m")) == {"rfm", "cohorts"}
    assert tables.digest("other", "rfm") == ""


def test_an_empty_table_has_the_same_types_as_a_full_one(tmp_path: Path) -> None:
    tables = CrmTables(tmp_path / "tables")
    tables.publish("full", "cohorts", cohorts(many(tmp_path / "a", 20), MALL))
    tables.publish("empty", "cohorts", cohorts(land(tmp_path / "b", []), MALL))
    assert list(tables.read("full", "cohorts").columns) == list(tables.read("empty", "cohorts").columns)
