"""What both graph stores promise, on the real engines."""

import runpy
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.stores.cypher import BadQuery
from cafe24_pipelines.stores.graph import (
    GraphSchema,
    GraphStore,
    LabelSpec,
    Nodes,
    Part,
    Relationships,
    RelationshipSpec,
    uid,
)
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph

neo4j_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))["neo4j_server"]

SCHEMA = GraphSchema(
    (
        LabelSpec("CRM_Customer", {"name": "STRING", "orders": "INT64", "spent": "DOUBLE", "vip": "BOOLEAN"}),
        LabelSpec("CRM_Order", {"at": "TIMESTAMP", "day": "DATE"}),
        LabelSpec("CRM_Pattern", {"title": "STRING"}),
    ),
    (
        RelationshipSpec("PLACED", "CRM_Customer", "CRM_Order", {"rank": "INT64"}),
        RelationshipSpec("ABOUT", "CRM_Pattern", "CRM_Customer", {}),
        RelationshipSpec("ABOUT", "CRM_Pattern", "CRM_Order", {}),
    ),
)
AT = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    made: GraphStore
    if request.param == "embedded":
        made = EmbeddedGraph(tmp_path / "graph")
    else:
        from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph

        server = request.getfixturevalue("neo4j_server")
        made = Neo4jGraph(server.uri, server.user, server.password)
    yield made
    made.close()


@pytest.fixture
def mall() -> str:
    return f"mall-{uuid.uuid4().hex[:8]}"  # one server serves every test


def nodes(label: str, mall: str, rows: dict[str, dict[str, Any]]) -> Nodes:
    listed = [{"uid": uid(mall, label, k), "mall_id": mall, **v} for k, v in rows.items()]
    return Nodes(label, pa.Table.from_pylist(listed))


def links(kind: str, ends: tuple[str, str], mall: str, *pairs: tuple[str, str], **more: Any) -> Relationships:
    listed = [{"from_uid": uid(mall, ends[0], a), "to_uid": uid(mall, ends[1], b), **more} for a, b in pairs]
    return Relationships(kind, *ends, pa.Table.from_pylist(listed))


def facts(mall: str, customers: int = 2) -> list[Part]:
    return [
        nodes("CRM_Customer", mall, {f"c{i}": {"name": f"고객 {i}", "orders": i, "spent": i + 0.5, "vip": i == 1}
                                     for i in range(customers)}),
        nodes("CRM_Order", mall, {"o1": {"at": AT, "day": date(2026, 3, 2)}, "o2": {"at": None, "day": None}}),
        links("PLACED", ("CRM_Customer", "CRM_Order"), mall, ("c0", "o1"), ("c1", "o2"), rank=1),
    ]  # fmt: skip


def findings(mall: str, title: str = "패턴") -> list[Part]:
    return [
        nodes("CRM_Pattern", mall, {"p1": {"title": title}}),
        links("ABOUT", ("CRM_Pattern", "CRM_Customer"), mall, ("p1", "c1")),
        links("ABOUT", ("CRM_Pattern", "CRM_Order"), mall, ("p1", "o2")),
    ]


def customers(store: GraphStore, mall: str, *, staged: bool = False) -> int:
    return store.query(mall, "MATCH (c:CRM_Customer) RETURN count(c) AS n", staged=staged)[0]["n"]


def test_facts_are_staged_and_readers_see_nothing_until_published(store: GraphStore, mall: str) -> None:
    assert store.staged(mall) is None
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    assert store.staged(mall) == "b1"
    assert store.published(mall) is None
    assert store.counts(mall).nodes == 0
    with pytest.raises(NotBuilt):
        customers(store, mall)
    assert customers(store, mall, staged=True) == 2


def test_publishing_adds_findings_and_counts_everything(store: GraphStore, mall: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    counts = store.publish(mall, findings(mall), build_id="g1", digest="d1")
    assert counts.by_label == {"CRM_Customer": 2, "CRM_Order": 2, "CRM_Pattern": 1}
    assert counts.by_type == {"ABOUT": 2, "PLACED": 2}
    assert (counts.nodes, counts.relationships) == (5, 4)
    assert store.counts(mall) == counts
    assert store.published(mall) == ("g1", "d1")
    row = store.query(
        mall, "MATCH (p:CRM_Pattern)-[:ABOUT]->(c:CRM_Customer) RETURN p.title AS title, c.name AS name"
    )
    assert row == [{"title": "패턴", "name": "고객 1"}]


def test_staged_facts_hold_no_findings_and_can_be_published_again(store: GraphStore, mall: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    store.publish(mall, findings(mall), build_id="g1", digest="d1")
    assert store.query(mall, "MATCH (p:CRM_Pattern) RETURN p.title AS t", staged=True) == []
    store.publish(mall, findings(mall, "다른 패턴"), build_id="g2", digest="d2")
    assert store.query(mall, "MATCH (p:CRM_Pattern) RETURN p.title AS t") == [{"t": "다른 패턴"}]
    assert store.counts(mall).nodes == 5


def test_staging_the_same_build_reads_no_facts(store: GraphStore, mall: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")

    def explode() -> Iterator[Part]:
        raise AssertionError("facts were asked for again")
        yield

    store.stage(mall, SCHEMA, explode(), build_id="b1")
    assert customers(store, mall, staged=True) == 2


def test_a_failure_while_staging_or_publishing_changes_nothing(store: GraphStore, mall: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    store.publish(mall, findings(mall), build_id="g1", digest="d1")

    def broken(parts: list[Part]) -> Iterator[Part]:
        yield parts[0]
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        store.stage(mall, SCHEMA, broken(facts(mall, customers=7)), build_id="b2")
    assert store.staged(mall) == "b1"
    with pytest.raises(RuntimeError, match="killed"):
        store.publish(mall, broken(findings(mall, "x")), build_id="g2", digest="d2")
    assert store.published(mall) == ("g1", "d1")
    assert customers(store, mall) == 2
    assert store.counts(mall).nodes == 5
    store.stage(mall, SCHEMA, facts(mall, customers=7), build_id="b2")
    assert store.publish(mall, [], build_id="g2", digest="d2").by_label == {"CRM_Customer": 7, "CRM_Order": 2}
    assert customers(store, mall) == 7


def test_new_facts_stay_aside_while_the_old_build_is_read(store: GraphStore, mall: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    store.publish(mall, [], build_id="g1", digest="d1")
    store.stage(mall, SCHEMA, facts(mall, customers=5), build_id="b2")
    assert customers(store, mall) == 2
    assert customers(store, mall, staged=True) == 5


def test_malls_with_the_same_keys_never_meet(store: GraphStore, mall: str) -> None:
    other = f"{mall}-b"
    for name, size in ((mall, 2), (other, 9)):
        store.stage(name, SCHEMA, facts(name, customers=size), build_id="b1")
        store.publish(name, findings(name), build_id="g1", digest="d1")
    assert (customers(store, mall), customers(store, other)) == (2, 9)
    escapes = (
        "MATCH (n) RETURN n.mall_id AS mall",
        "MATCH (c:CRM_Customer), (o:CRM_Order) RETURN o.mall_id AS mall",
        "MATCH (c:CRM_Customer) WHERE c.mall_id = $mall_id MATCH (x:CRM_Customer) RETURN x.mall_id AS mall",
        "MATCH (a)-[]-(b) RETURN b.mall_id AS mall",
    )
    for query in escapes:
        assert {r["mall"] for r in store.query(mall, query)} == {mall}
    inside = "MATCH (c:CRM_Customer) WHERE EXISTS { MATCH (x:CRM_Customer) WHERE x.orders = 8 } RETURN c.uid"
    assert store.query(mall, inside) == []
    assert len(store.query(other, inside)) == 9


def test_values_come_back_as_plain_python(store: GraphStore, mall: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    store.publish(mall, [], build_id="g1", digest="d1")
    row = store.query(
        mall,
        "MATCH (c:CRM_Customer)-[r:PLACED]->(o:CRM_Order) WHERE o.at IS NOT NULL "
        "RETURN c.name AS name, c.orders AS orders, c.spent AS spent, c.vip AS vip, o.at AS at, o.day AS day, "
        "r.rank AS rank, sum(c.orders) AS total, collect(c.name) AS names",
    )
    assert row == [{
        "name": "고객 0", "orders": 0, "spent": 0.5, "vip": False, "at": AT, "day": date(2026, 3, 2), "rank": 1,
        "total": 0, "names": ["고객 0"],
    }]  # fmt: skip
    assert type(row[0]["total"]) is int
    assert row[0]["at"].tzinfo is UTC
    whole = store.query(mall, "MATCH (c:CRM_Customer) WHERE c.orders = 1 RETURN c")[0]["c"]
    assert whole == {"uid": uid(mall, "CRM_Customer", "c1"), "mall_id": mall, "name": "고객 1", "orders": 1,
                     "spent": 1.5, "vip": True}  # fmt: skip


@pytest.mark.parametrize("write", [
    "CREATE (:CRM_Customer {uid: 'x'})",
    "MATCH (c:CRM_Customer) SET c.name = 'x'",
    "MATCH (c:CRM_Customer) DETACH DELETE c",
    "MATCH (c:CRM_Customer) RETURN c.uid; MATCH (c:CRM_Customer) DETACH DELETE c",
    "MATCH (c:CRM_Customer) /* hidden */ mErGe (:CRM_Order {uid: 'x'})",
    "COPY (MATCH (c:CRM_Customer) RETURN c.uid) TO 'out.csv'",
    "LOAD FROM 'in.csv' RETURN *",
    "CALL show_tables() RETURN *",
])  # fmt: skip
def test_a_query_that_writes_is_refused(store: GraphStore, mall: str, write: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    store.publish(mall, [], build_id="g1", digest="d1")
    with pytest.raises(BadQuery):
        store.query(mall, write)
    assert store.counts(mall).nodes == 4
    assert customers(store, mall) == 2


def test_a_bad_query_says_what_is_wrong(store: GraphStore, mall: str) -> None:
    store.stage(mall, SCHEMA, facts(mall), build_id="b1")
    store.publish(mall, [], build_id="g1", digest="d1")
    with pytest.raises(BadQuery, match=r"no value for \$name"):
        store.query(mall, "MATCH (c:CRM_Customer) WHERE c.name = $name RETURN c.uid")
    with pytest.raises(BadQuery, match="a parenthesis is not closed"):
        store.query(mall, "MATCH (c:CRM_Customer RETURN c.uid")
    with pytest.raises(BadQuery):
        store.query(mall, "MATCH (c:CRM_Customer) RETURN c.uid AS")
    found = store.query(mall, "MATCH (c:CRM_Customer) WHERE c.name = $name RETURN c.orders AS n", {"name": "고객 1"})
    assert found == [{"n": 1}]


def test_a_relationship_to_nowhere_is_refused(store: GraphStore, mall: str) -> None:
    lost = [*facts(mall), links("PLACED", ("CRM_Customer", "CRM_Order"), mall, ("c0", "nowhere"), rank=1)]
    with pytest.raises(ValueError, match="PLACED"):
        store.stage(mall, SCHEMA, lost, build_id="b1")
    assert store.staged(mall) is None


def test_a_repeated_uid_is_refused(store: GraphStore, mall: str) -> None:
    twice = [*facts(mall), nodes("CRM_Order", mall, {"o1": {"at": None}})]
    with pytest.raises(ValueError, match="CRM_Order"):
        store.stage(mall, SCHEMA, twice, build_id="b1")
    assert store.staged(mall) is None
