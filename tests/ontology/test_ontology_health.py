"""Health finds exactly the flaws that were planted, with their rows, and nothing in a sound shop: on both stores."""

import json
import runpy
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.ontology import build, projection
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.ontology.health import check_health
from cafe24_pipelines.ontology.health_report import NOTES, WEIGHTS, Health, Violation
from cafe24_pipelines.ontology.model import domain_text, load_domain, parse_domain
from cafe24_pipelines.stores.cypher import BadQuery
from cafe24_pipelines.stores.graph import GraphStore, Nodes, Part, uid
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.schemas import TABLES

neo4j_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))["neo4j_server"]

Rows = list[dict[str, Any]]
Edit = Callable[[Rows], Rows]


def change(lake: MallLake, table: str, edit: Edit) -> None:
    rows = edit(lake.read(table).to_pylist())
    lake.land(table, pa.Table.from_pylist(rows, TABLES[table].schema), snapshot=True)


@pytest.fixture
def sound(lake: MallLake) -> MallLake:
    change(lake, "coupon_issues", lambda rows: [r for r in rows if r["coupon_no"] == "c1"])
    return lake


@pytest.fixture
def graph(tmp_path: Path) -> EmbeddedGraph:
    return EmbeddedGraph(tmp_path / "graph")


def checked(graph: GraphStore, lake: MallLake, mall: Mall) -> Health:
    publish_graph(graph, lake, mall, [])
    return check_health(graph, lake, mall)


def wrong(health: Health) -> dict[str, Violation]:
    """What costs points, by shape."""
    return {v.shape: v for v in health.violations if v.part != NOTES}


def assert_found(health: Health, expected: dict[str, dict[str, Any]]) -> None:
    """Exactly these rules are broken, and the first row of each is this one."""
    found = wrong(health)
    assert set(found) == set(expected)
    for shape, row in expected.items():
        v = found[shape]
        assert row.items() <= v.rows[0].items(), (shape, v.rows)
        assert v.count > 0 and len(v.rows) <= 20 and v.loss > 0
        assert any("가" <= letter <= "힣" for letter in v.message + v.remedy)
    assert health.score < 100


# -- a sound shop, and shops without much -------------------------------------------------------------------


def test_a_sound_shop_has_full_marks(graph: EmbeddedGraph, sound: MallLake, mall: Mall) -> None:
    found = checked(graph, sound, mall)
    assert found.score == 100 and not wrong(found)
    assert found.parts == {name: float(points) for name, points in WEIGHTS.items()}
    assert {v.shape for v in found.violations} == {"CRM_Customer/unlisted_member", "CRM_Product/unlisted_product"}
    assert found.coverage["CRM_OrderItem"] == (45, 45) and found.coverage["PLACED"] == (28, 28)
    assert all(held == called for held, called in found.coverage.values())


def test_the_sandbox_mall_has_full_marks(small_mall: Any) -> None:
    from cafe24_pipelines import parts

    graph = parts.graph_store(small_mall)
    found = check_health(graph, parts.mall_lake(small_mall, "sandbox"), Mall("sandbox"))
    graph.close()
    assert found.score == 100 and not wrong(found)
    assert min(called for _, called in found.coverage.values()) > 0, "every label and relationship is compared"


def test_an_empty_mall_is_not_punished(graph: EmbeddedGraph, tmp_path: Path) -> None:
    found = checked(graph, Lake(tmp_path / "lake").mall("new"), Mall("new"))
    assert (found.score, found.violations) == (100, [])


@pytest.mark.parametrize("absent", [
    ["customers", "customer_groups", "documents", "reviews"], ["products", "categories", "coupons", "coupon_issues"],
    ["customer_groups", "categories", "coupons"],
])  # fmt: skip
def test_a_mall_without_optional_tables_is_not_punished(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, absent: list[str]
) -> None:
    for table in absent:
        change(sound, table, lambda rows: [])
    found = checked(graph, sound, mall)
    assert not wrong(found) and found.score == 100


def test_nothing_published_is_an_error_with_a_remedy(graph: EmbeddedGraph, lake: MallLake, mall: Mall) -> None:
    with pytest.raises(NotBuilt, match="no graph yet"):
        check_health(graph, lake, mall)


# -- flaws of the landed rows -------------------------------------------------------------------------------


def lost_order(rows: Rows) -> Rows:
    return [r for r in rows if r["order_id"] != "o01"]


def lost_product(rows: Rows) -> Rows:
    return [*rows, {**rows[0], "review_no": "r9", "product_no": "gone"}]


def twin(rows: Rows) -> Rows:
    return [*rows, {**rows[0], "order_id": "o00-again"}]


def lonely(rows: Rows) -> Rows:
    return [*rows, {**rows[0], "order_id": "alone", "member_key": None, "coupon_no": None}]


def unknown_groups(rows: Rows) -> Rows:
    new = {**rows[0], "member_key": "0123456789abcdef" * 2, "group_no": "g9"}
    return [new, *({**r, "group_no": "g8"} if r["member_key"] == "m2" else r for r in rows)]


@pytest.mark.parametrize(("edits", "expected"), [
    ({"orders": lost_order, "reviews": lost_product, "customers": unknown_groups}, {
        "CRM_OrderItem/^CONTAINS/item_without_order": {"order_id": "o01", "line_no": 1},
        "CRM_OrderItem/^CONTAINS/minCount": {"order_id": "o01"},
        "CRM_Review/ABOUT/review_without_product": {"review_no": "r9", "product_no": "gone"},
        "CRM_Review/ABOUT/minCount": {"review_no": "r9"},
        "CRM_Customer/IN_GROUP/member_of_unknown_group": {"member": "01234567", "group_no": "g9"},
    }),
    ({"orders": twin}, {
        "CRM_Order/repeated_order": {"order_id": "o00", "orders": 2},
        "CRM_Order/CONTAINS/order_without_items": {"order_id": "o00-again"},
    }),
    ({"orders": lonely}, {
        "CRM_Order/CONTAINS/order_without_items": {"order_id": "alone"},
        "CRM_Order/orphan": {"order_id": "alone"},
    }),
])  # fmt: skip
def test_a_flaw_of_the_lake_is_found_with_its_rows(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, edits: dict[str, Edit], expected: dict[str, dict[str, Any]]
) -> None:
    for table, edit in edits.items():
        change(sound, table, edit)
    found = checked(graph, sound, mall)
    assert_found(found, expected)
    report = found.to_json()
    assert json.loads(json.dumps(report, ensure_ascii=False)) == report
    lost = {shape for part in report["parts"].values() for shape in part["lost_to"]}
    assert lost == set(expected) and report["conforms"] is False


def test_a_graph_older_than_its_lake_is_stale_and_does_not_cover(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall
) -> None:
    publish_graph(graph, sound, mall, [])

    def later(hours: int) -> Health:
        moment = sound.read("orders")["ordered_at"].to_pylist()
        new = {"order_id": f"late{hours}", "ordered_at": max(moment) + timedelta(hours=hours)}
        change(sound, "orders", lambda rows: [*rows, {**rows[0], **new}])
        return check_health(graph, sound, mall)

    first, second = later(6), later(18)
    assert (first.hours_behind, first.orders_behind) == (6, 1)
    assert (second.hours_behind, second.orders_behind) == (24, 2)
    assert first.parts["freshness"] == 10 * (1 - 0.5 - 0.5 * 6 / 24) and second.parts["freshness"] == 0
    assert first.graph_as_of < first.lake_as_of
    stale = wrong(second)["CRM_Mall/as_of/stale"]
    assert stale.rows[0]["orders"] == 2 and stale.count == 2
    assert second.coverage["CRM_Order"] == (30, 32) and second.coverage["PLACED"] == (28, 30)
    assert {r["order_id"] for r in wrong(second)["CRM_Order/coverage"].rows} == {"late6", "late18"}


def test_a_change_that_brings_no_later_order_is_stale_too(graph: EmbeddedGraph, sound: MallLake, mall: Mall) -> None:
    publish_graph(graph, sound, mall, [])
    change(sound, "products", lambda rows: [{**r, "product_name": "새 이름"} for r in rows])
    found = check_health(graph, sound, mall)
    assert set(wrong(found)) == {"CRM_Mall/as_of/stale"} and found.parts["freshness"] == 5
    build.stage_facts(graph, sound, mall)
    assert set(wrong(check_health(graph, sound, mall))) == {"CRM_Mall/as_of/stale"}, "staged is not published"
    assert checked(graph, sound, mall).score == 100


# -- flaws of the graph itself ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flaw:
    """The same flaw planted in rows before they are loaded, and by statements in a graph that stands."""

    expected: dict[str, dict[str, Any]]
    edits: dict[str, Edit] = field(default_factory=dict)
    plant: str = ""
    heal: str = ""


def where(match: dict[str, Any], **new: Any) -> Edit:
    """Change the rows that match."""

    def edit(rows: Rows) -> Rows:
        hits = [match.items() <= r.items() for r in rows]
        assert any(hits), match
        return [{**r, **new} if hit else r for r, hit in zip(rows, hits, strict=True)]

    return edit


def without(match: dict[str, Any]) -> Edit:
    return lambda rows: [r for r in rows if not match.items() <= r.items()]


def also(**new: Any) -> Edit:
    return lambda rows: [*rows, new]


def again(match: dict[str, Any], **new: Any) -> Edit:
    return lambda rows: [*rows, *({**r, **new} for r in rows if match.items() <= r.items())]


def ends(start: tuple[str, str], end: tuple[str, str]) -> dict[str, str]:
    return {"from_uid": uid("shop-a", *start), "to_uid": uid("shop-a", *end)}


ITEM, ORDER, OTHER = ("CRM_OrderItem", "o02-1"), ("CRM_Order", "o02"), ("CRM_Order", "o05")
BUYER, PRODUCT = ("CRM_Customer", "m2"), ("CRM_Product", "p3")
"""Statements say SCOPE where the store keeps which build a node is of."""
CONTAINS = ends(ORDER, ITEM)
BOUGHT = ends(BUYER, PRODUCT)
AT_ITEM = "MATCH (o:CRM_Order {order_id: 'o02', mall_id: $m})-[r:CONTAINS]->(i:CRM_OrderItem {line_no: 1}) "
AT_OTHER = AT_ITEM + "MATCH (x:CRM_Order {order_id: 'o05', SCOPE: o.SCOPE}) "
BACK = (
    "MATCH (i:CRM_OrderItem {order_id: 'o02', line_no: 1, mall_id: $m}) "
    "MATCH (o:CRM_Order {order_id: 'o02', SCOPE: i.SCOPE}) OPTIONAL MATCH (:CRM_Order)-[r:CONTAINS]->(i) "
    "WITH o, i, collect(r) AS held FOREACH (x IN held | DELETE x) CREATE (o)-[:CONTAINS]->(i)"
)
AT_BOUGHT = "MATCH (c:CRM_Customer {member_key: 'm2', mall_id: $m})-[r:BOUGHT]->(p:CRM_Product {product_no: 'p3'}) "
ODD = "00000000-0000-5000-8000-000000000000"


def order_flaw(order_id: str, rule: str, status: str | None, row: dict[str, Any]) -> Flaw:
    at = f"MATCH (n:CRM_Order {{order_id: '{order_id}', mall_id: $m}}) SET n.status = "
    value = "null" if status is None else f"'{status}'"
    return Flaw({f"CRM_Order/status/{rule}": {"order_id": order_id, **row}},
                {"CRM_Order": where({"order_id": order_id}, status=status)},
                f"{at}{value}", f"{at}'confirmed'")  # fmt: skip


PROPERTY_FLAWS = {
    "no value": order_flaw("o01", "minCount", None, {}),
    "a value out of its set": order_flaw("o04", "in", "lost", {"status": "lost"}),
    "too large": Flaw(
        {"CRM_Review/rating/maxInclusive": {"review_no": "r1", "rating": 6}},
        {"CRM_Review": where({"review_no": "r1"}, rating=6)},
        "MATCH (n:CRM_Review {mall_id: $m}) SET n.rating = 6", "MATCH (n:CRM_Review {mall_id: $m}) SET n.rating = 5",
    ),
    "too small": Flaw(
        {"CRM_OrderItem/unit_price/minInclusive": {"order_id": "o02", "line_no": 1, "unit_price": -1.0}},
        {"CRM_OrderItem": where({"order_id": "o02", "line_no": 1}, unit_price=-1.0)},
        AT_ITEM + "SET i.unit_price = -1.0", AT_ITEM + "SET i.unit_price = 1000.0",
    ),
    "a relationship without a value": Flaw(
        {"BOUGHT/quantity/minCount": {"member": "m2", "product_no": "p3"}},
        {"BOUGHT": where(BOUGHT, quantity=None)},
        AT_BOUGHT + "SET r.quantity = null", AT_BOUGHT + "SET r.quantity = 1",
    ),
    "a relationship of nothing": Flaw(
        {"BOUGHT/orders/minInclusive": {"member": "m2", "product_no": "p3", "orders": 0}},
        {"BOUGHT": where(BOUGHT, orders=0)},
        AT_BOUGHT + "SET r.orders = 0", AT_BOUGHT + "SET r.orders = 1",
    ),
    "another mall's node": Flaw(
        {"CRM_Metric/mall_id/hasValue": {"metric": "arpu", "mall_id": "other"}},
        {"CRM_Metric": where({"metric": "arpu"}, mall_id="other")},
        "MATCH (n:CRM_Metric {metric: 'arpu', mall_id: $m}) SET n.mall_id = 'other'",
        "MATCH (n:CRM_Metric {metric: 'arpu', mall_id: 'other'}) SET n.mall_id = $m",
    ),
    "a uid that its key doesn't make": Flaw(
        {"CRM_Metric/uid/key": {"metric": "aov", "uid": ODD}},
        {"CRM_Metric": where({"metric": "aov"}, uid=ODD),
         "MEASURED_BY": where({"to_uid": uid("shop-a", "CRM_Metric", "aov")}, to_uid=ODD)},
        f"MATCH (n:CRM_Metric {{metric: 'aov', mall_id: $m}}) SET n.former = n.uid, n.uid = '{ODD}'",
        "MATCH (n:CRM_Metric {metric: 'aov', mall_id: $m}) SET n.uid = n.former REMOVE n.former",
    ),
    "the same relationship twice": Flaw(
        {"BOUGHT/repeated": {"from_member": "m2", "to_product_no": "p3", "links": 2},
         "CRM_Customer/BOUGHT/coverage": {"member": "m2"}},
        {"BOUGHT": again(BOUGHT)},
        AT_BOUGHT + "CREATE (c)-[s:BOUGHT]->(p) SET s = r",
        AT_BOUGHT + "WITH collect(r) AS all UNWIND all[1..] AS second DELETE second",
    ),
    "an orphan": Flaw(
        {"CRM_Scope/orphan": {"name": "mall.read_nothing"},
         "CRM_Scope/coverage": {"name": "mall.read_nothing", "graph": 1, "lake": 0}},
        {"CRM_Scope": also(uid=uid("shop-a", "CRM_Scope", "mall.read_nothing"), mall_id="shop-a",
                           name="mall.read_nothing", access="read")},
        "MATCH (o:CRM_Order {order_id: 'o02', mall_id: $m}) CREATE (s:CRM_Scope {uid: $scope_uid, mall_id: $m, "
        "SCOPE: o.SCOPE, name: 'mall.read_nothing', access: 'read'})",
        "MATCH (s:CRM_Scope {name: 'mall.read_nothing', mall_id: $m}) DELETE s",
    ),
}  # fmt: skip
"""Flaws that don't meet, so that one graph can have all of them."""

LINK_FLAWS = {
    "no relationship where one is required": Flaw(
        {"CRM_OrderItem/^CONTAINS/minCount": {"order_id": "o02", "line_no": 1},
         "CRM_Order/CONTAINS/coverage": {"order_id": "o02", "graph": 0, "lake": 1}},
        {"CONTAINS": without(CONTAINS)}, AT_ITEM + "DELETE r", BACK,
    ),
    "two where one is allowed": Flaw(
        {"CRM_OrderItem/^CONTAINS/maxCount": {"order_id": "o02", "line_no": 1, "links": 2},
         "CONTAINS/equals": {"from_order_id": "o05", "to_order_id": "o02", "to_line_no": 1},
         "CRM_Order/CONTAINS/coverage": {"order_id": "o05", "graph": 3, "lake": 2}},
        {"CONTAINS": again(CONTAINS, from_uid=uid("shop-a", *OTHER))},
        AT_OTHER + "CREATE (x)-[:CONTAINS]->(i)", BACK,
    ),
    "a relationship to the wrong node": Flaw(
        {"CONTAINS/equals": {"from_order_id": "o05", "to_order_id": "o02", "to_line_no": 1},
         "CRM_Order/CONTAINS/coverage": {"order_id": "o02", "graph": 0, "lake": 1}},
        {"CONTAINS": where(CONTAINS, from_uid=uid("shop-a", *OTHER))},
        AT_OTHER + "DELETE r CREATE (x)-[:CONTAINS]->(i)", BACK,
    ),
}  # fmt: skip
"""Flaws of the same order line, one graph each."""


def flawed(monkeypatch: pytest.MonkeyPatch, edits: dict[str, Edit]) -> None:
    """Rows change between projection and store."""
    true_facts = projection.facts

    def facts(*args: Any, **kwargs: Any) -> Iterator[Part]:
        for part in true_facts(*args, **kwargs):
            edit = edits.get(part.label if isinstance(part, Nodes) else part.type)
            if edit is None:
                yield part
            elif isinstance(part, Nodes):
                yield Nodes(part.label, pa.Table.from_pylist(edit(part.rows.to_pylist()), part.rows.schema))
            else:
                rows = pa.Table.from_pylist(edit(part.rows.to_pylist()), part.rows.schema)
                yield type(part)(part.type, part.from_label, part.to_label, rows)

    monkeypatch.setattr(projection, "facts", facts)


def test_flaws_of_the_graph_are_found_side_by_side_with_their_rows(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    for flaw in PROPERTY_FLAWS.values():
        flawed(monkeypatch, flaw.edits)
    expected = {shape: row for flaw in PROPERTY_FLAWS.values() for shape, row in flaw.expected.items()}
    found = checked(graph, sound, mall)
    assert_found(found, expected)
    counts = {v.shape: v.count for v in found.violations if v.shape in expected}
    twice = {"BOUGHT/quantity/minCount", "BOUGHT/orders/minInclusive"}  # of the relationship that is there twice
    assert counts == {shape: 1 + (shape in twice) for shape in expected}


@pytest.mark.parametrize("name", LINK_FLAWS)
def test_a_flaw_of_a_relationship_is_found_with_its_rows(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    flawed(monkeypatch, LINK_FLAWS[name].edits)
    assert_found(checked(graph, sound, mall), LINK_FLAWS[name].expected)


def test_a_node_that_is_missing_is_named(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = uid("shop-a", "CRM_Review", "r1")
    flawed(monkeypatch, {
        "CRM_Review": without({"review_no": "r1"}), "WROTE": without({"to_uid": review}),
        "AFTER_ORDER": without({"from_uid": review}), "ABOUT": without({"from_uid": review}),
    })  # fmt: skip
    assert_found(checked(graph, sound, mall), {
        "CRM_Review/coverage": {"review_no": "r1", "graph": 0, "lake": 1},
        "CRM_Customer/WROTE/coverage": {"member": "m0", "graph": 0, "lake": 1},
        "CRM_Order/^AFTER_ORDER/coverage": {"order_id": "o00", "graph": 0, "lake": 1},
        "CRM_Review/ABOUT/coverage": {"review_no": "r1", "graph": 0, "lake": 1},
    })  # fmt: skip


def older_ontology(monkeypatch: pytest.MonkeyPatch, edit: Callable[[dict[str, Any]], None]) -> None:
    """Graphs are built by an ontology that differs from the one they are checked by."""
    import yaml

    raw = yaml.safe_load(domain_text())
    edit(raw)
    monkeypatch.setattr(build, "load_domain", lambda: parse_domain(raw))


def test_a_column_of_another_type_is_found_in_the_catalogue(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(raw: dict[str, Any]) -> None:
        raw["labels"]["CRM_Review"]["properties"]["text_length"] = "STRING"
        raw["labels"]["CRM_Review"]["values"] = {}

    older_ontology(monkeypatch, edit)
    assert_found(checked(graph, sound, mall), {"CRM_Review/text_length/datatype": {"review_no": "r1"}})


def test_a_graph_of_an_older_ontology_is_told_apart_not_stumbled_over(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(raw: dict[str, Any]) -> None:
        del raw["labels"]["CRM_OrderItem"]["properties"]["product_no"], raw["relationships"]["OF_PRODUCT"]["equal"]
        del raw["relationships"]["FIRST_BOUGHT"]

    older_ontology(monkeypatch, edit)
    true_facts = projection.facts

    def older_facts(*args: Any, **kwargs: Any) -> Iterator[Part]:
        sql = projection.shop_layer
        monkeypatch.delitem(sql.LINKS, "FIRST_BOUGHT")
        lines = sql.NODES["CRM_OrderItem"]
        monkeypatch.setitem(sql.NODES, "CRM_OrderItem", f"SELECT * EXCLUDE (product_no) FROM ({lines})")
        yield from true_facts(*args, **kwargs)

    monkeypatch.setattr(projection, "facts", older_facts)
    assert_found(checked(graph, sound, mall), {
        "CRM_OrderItem/product_no/datatype": {},
        "OF_PRODUCT/equals": {"from_line_no": 1, "from_value": None},
        "CRM_Customer/FIRST_BOUGHT/coverage": {"graph": 0},
    })  # fmt: skip


def test_what_could_not_be_read_is_unknown_not_missing(
    graph: EmbeddedGraph, sound: MallLake, mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that stops a query after its time is no proof that rows are gone."""
    publish_graph(graph, sound, mall, [])
    query = graph.query

    def interrupted(mall_id: str, cypher: str, *args: Any, **kwargs: Any) -> Rows:
        if ":BOUGHT]" in cypher or "n.metric" in cypher:
            raise BadQuery("the query took too long and was stopped")
        return query(mall_id, cypher, *args, **kwargs)

    monkeypatch.setattr(graph, "query", interrupted)
    found = check_health(graph, sound, mall)
    assert set(wrong(found)) == {"BOUGHT/unchecked", "CRM_Metric/unchecked"}
    assert "too long" in wrong(found)["BOUGHT/unchecked"].rows[0]["error"]
    assert "BOUGHT" not in found.coverage and "CRM_Metric" not in found.coverage
    assert found.parts["coverage"] == 30 and found.parts["freshness"] == 0


# -- the same on a real Neo4j -------------------------------------------------------------------------------

STATEMENTS_ONLY = {
    "a value of another type": Flaw(
        {"CRM_Review/rating/datatype": {"review_no": "r1", "rating": "다섯"}},
        plant="MATCH (n:CRM_Review {mall_id: $m}) SET n.rating = '다섯'",
        heal="MATCH (n:CRM_Review {mall_id: $m}) SET n.rating = 5",
    ),
    "a whole number where a real one belongs": Flaw(
        {"CRM_Customer/spent/datatype": {"member": "m2", "spent": 7}},
        plant="MATCH (n:CRM_Customer {member_key: 'm2', mall_id: $m}) SET n.former = n.spent, n.spent = 7",
        heal="MATCH (n:CRM_Customer {member_key: 'm2', mall_id: $m}) SET n.spent = n.former REMOVE n.former",
    ),
    "a relationship's value of another type": Flaw(
        {"BOUGHT/orders/datatype": {"member": "m2", "product_no": "p3"}},
        plant=AT_BOUGHT + "SET r.orders = true",
        heal=AT_BOUGHT + "SET r.orders = 1",
    ),
    "labels that a relationship doesn't tie": Flaw(
        {"CONTAINS/class": {}},
        plant=AT_BOUGHT + "CREATE (c)-[:CONTAINS]->(p)",
        heal="MATCH (:CRM_Customer {mall_id: $m})-[r:CONTAINS]->() DELETE r",
    ),
    "a label of no ontology": Flaw(
        {"CRM_Ghost/closed": {"uid": ODD}},
        plant=f"MATCH (o:CRM_Order {{order_id: 'o02', mall_id: $m}}) CREATE (g:CRM_Ghost) "
        f"SET g.SCOPE = o.SCOPE, g.mall_id = $m, g.uid = '{ODD}'",
        heal="MATCH (g:CRM_Ghost {mall_id: $m}) DELETE g",
    ),
    "a relationship of no ontology": Flaw(
        {"HAUNTS/closed": {}},
        plant=AT_BOUGHT + "CREATE (c)-[:HAUNTS]->(p)",
        heal="MATCH (:CRM_Customer {mall_id: $m})-[r:HAUNTS]->() DELETE r",
    ),
}


FLAWS = {**PROPERTY_FLAWS, **LINK_FLAWS, **STATEMENTS_ONLY}


class Server:
    """A sound shop on a real Neo4j, and statements that go past the store."""

    def __init__(self, address: Any, lake: MallLake) -> None:
        import neo4j

        from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph

        self.driver = neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password))
        self.graph = Neo4jGraph(address.uri, address.user, address.password)
        self.lake, self.mall = lake, Mall(lake.mall_id)

    def run(self, statement: str) -> int:
        """How much a statement wrote."""
        name = "mall.read_nothing"
        values = {"m": self.mall.mall_id, "scope_uid": uid(self.mall.mall_id, "CRM_Scope", name)}
        counters = self.driver.execute_query(statement.replace("SCOPE", self.scope), values).summary.counters
        return sum(vars(counters)[n] for n in vars(counters) if isinstance(vars(counters)[n], int))

    @cached_property
    def scope(self) -> str:
        """The store's own text beside a node's properties: it says which build the node is of."""
        query = "MATCH (n:CRM_CustomerGroup {mall_id: $m}) RETURN properties(n) AS held LIMIT 1"
        held = self.driver.execute_query(query, m=self.mall.mall_id).records[0]["held"]
        known = {"uid", "mall_id", *load_domain().labels["CRM_CustomerGroup"].properties}
        (name,) = [n for n, value in held.items() if n not in known and isinstance(value, str)]
        return name

    def health(self) -> Health:
        return check_health(self.graph, self.lake, self.mall)


@pytest.fixture(scope="module")
def server(neo4j_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    shop = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
    own = Lake(tmp_path_factory.mktemp("lake")).mall(f"shop-{uuid.uuid4().hex[:8]}")  # one server serves every test
    shop["land"](own, shop["shop_rows"]())
    change(own, "coupon_issues", lambda rows: [r for r in rows if r["coupon_no"] == "c1"])
    made = Server(neo4j_server, own)
    publish_graph(made.graph, own, made.mall, [])
    yield made
    made.graph.close()
    made.driver.close()


@pytest.mark.neo4j
@pytest.mark.parametrize("names", [list(PROPERTY_FLAWS), list(STATEMENTS_ONLY), *([n] for n in LINK_FLAWS)])
def test_flaws_planted_in_neo4j_are_found_with_their_rows(server: Server, names: list[str]) -> None:
    flaws = [FLAWS[name] for name in names]
    planted: list[Flaw] = []
    try:
        for flaw in flaws:
            planted.append(flaw)
            assert server.run(flaw.plant) > 0
        found = server.health()
    finally:
        for flaw in reversed(planted):
            server.run(flaw.heal)
    assert_found(found, {shape: row for flaw in flaws for shape, row in flaw.expected.items()})
    assert server.health().score == 100, "healed"


@pytest.mark.neo4j
def test_each_further_wrong_row_lowers_the_score_or_leaves_it(server: Server) -> None:
    orders = ["o00", "o01", "o02", "o05"]
    scores = [server.health().score]
    try:
        for n in range(1, len(orders) + 1):
            server.run(f"MATCH (n:CRM_Order {{order_id: '{orders[n - 1]}', mall_id: $m}}) SET n.currency = null")
            found = server.health()
            assert wrong(found)["CRM_Order/currency/minCount"].count == n
            scores.append(found.score)
    finally:
        server.run("MATCH (n:CRM_Order {mall_id: $m}) SET n.currency = 'KRW'")
    assert scores == sorted(scores, reverse=True) and scores[0] == 100 and scores[1] < 100 and scores[-1] == 80


@pytest.mark.neo4j
def test_another_malls_flaws_are_not_this_malls(server: Server, tmp_path: Path) -> None:
    shop = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
    beside = Lake(tmp_path / "beside").mall(f"{server.mall.mall_id}-b")
    shop["land"](beside, shop["shop_rows"]())
    publish_graph(server.graph, beside, Mall(beside.mall_id), [])
    server.driver.execute_query(
        "MATCH (n {mall_id: $m}) WHERE n:CRM_Review OR n:CRM_Order SET n.rating = 'x', n.status = 7",
        m=beside.mall_id,
    )
    assert server.health().score == 100
    found = wrong(check_health(server.graph, beside, Mall(beside.mall_id)))
    assert {"CRM_Review/rating/datatype", "CRM_Order/status/datatype"} <= set(found)
