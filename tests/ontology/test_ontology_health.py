"""Health finds exactly the flaws that were planted, and nothing in a sound shop."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.ontology.health import WEIGHTS, Health, check_health, coverage
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

Rows = list[dict[str, Any]]


def change(lake: MallLake, table: str, edit: Callable[[Rows], Rows]) -> None:
    import pyarrow as pa

    rows = edit(lake.read(table).to_pylist())
    lake.land(table, pa.Table.from_pylist(rows, TABLES[table].schema), snapshot=True)


def sound(lake: MallLake) -> None:
    change(lake, "coupon_issues", lambda rows: [r for r in rows if r["coupon_no"] == "c1"])


def health(tmp_path: Path, lake: MallLake, mall: Mall) -> Health:
    graph = EmbeddedGraph(tmp_path / "graph")
    publish_graph(graph, lake, mall, [])
    return check_health(graph, lake, mall)


def test_a_sound_shop_has_full_marks(tmp_path: Path, lake: MallLake, mall: Mall) -> None:
    sound(lake)
    found = health(tmp_path, lake, mall)
    assert found.score == 100
    assert {f.part for f in found.findings} == {"notes"}
    assert found.parts == {name: float(points) for name, points in WEIGHTS.items()}


def lost_order(rows: Rows) -> Rows:
    return [r for r in rows if r["order_id"] != "o01"]


def lost_product(rows: Rows) -> Rows:
    return [*rows, {**rows[0], "review_no": "r9", "product_no": "gone"}]


def twin(rows: Rows) -> Rows:
    return [*rows, {**rows[0], "order_id": "o00-again"}]


def lost_group(rows: Rows) -> Rows:
    return [{**r, "group_no": "g9"} if r["member_key"] == "m2" else r for r in rows]


@pytest.mark.parametrize(("table", "edit", "check", "count", "row"), [
    ("orders", lost_order, "item_without_order", 2, {"order_id": "o01", "line_no": 1}),
    ("reviews", lost_product, "review_without_product", 1, {"review_no": "r9", "product_no": "gone"}),
    ("orders", twin, "repeated_order", 1, {"order_id": "o00", "orders": 2}),
    ("orders", twin, "order_without_items", 1, {"order_id": "o00-again"}),
    ("customers", lost_group, "member_of_unknown_group", 1, {"member": "m2", "group_no": "g9"}),
])  # fmt: skip
def test_a_planted_flaw_is_found_with_its_rows(
    tmp_path: Path, lake: MallLake, mall: Mall, table: str, edit: Callable[[Rows], Rows], check: str, count: int,
    row: dict[str, Any],
) -> None:  # fmt: skip
    sound(lake)
    change(lake, table, edit)
    found = health(tmp_path, lake, mall)
    (finding,) = [f for f in found.findings if f.check == check]
    assert finding.count == count
    assert row.items() <= finding.rows[0].items()
    assert any("가" <= letter <= "힣" for letter in finding.remedy)
    assert found.score < 100


def test_an_order_line_without_its_order_is_an_orphan(tmp_path: Path, lake: MallLake, mall: Mall) -> None:
    sound(lake)
    change(lake, "orders", lost_order)
    found = health(tmp_path, lake, mall)
    (orphan,) = [f for f in found.findings if f.part == "orphans" and f.check == "CONTAINS"]
    assert (orphan.label, orphan.count, orphan.total) == ("CRM_OrderItem", 2, 45)
    assert {r["order_id"] for r in orphan.rows} == {"o01"}


def test_a_graph_older_than_its_lake_is_stale_and_does_not_cover(tmp_path: Path, lake: MallLake, mall: Mall) -> None:
    sound(lake)
    graph = EmbeddedGraph(tmp_path / "graph")
    publish_graph(graph, lake, mall, [])
    later = timedelta(days=1)
    change(lake, "orders", lambda rows: [*rows, {**rows[-1], "order_id": "o99",
                                                 "ordered_at": rows[-1]["ordered_at"] + later}])  # fmt: skip
    found = check_health(graph, lake, mall)
    assert found.parts["freshness"] == 0
    assert found.graph_as_of < found.lake_as_of
    assert coverage(graph, lake, "shop-a")["CRM_Order"] == (30, 31)
    assert {f.check for f in found.findings} >= {"stale_graph", "coverage"}


def test_the_report_is_plain_json(tmp_path: Path, lake: MallLake, mall: Mall) -> None:
    import json

    change(lake, "orders", twin)
    report = health(tmp_path, lake, mall).to_json()
    assert json.loads(json.dumps(report, ensure_ascii=False)) == report
