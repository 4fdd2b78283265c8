"""The saved queries on a real Neo4j: they find what the lake says, and nothing but the published mall.

Beside the mall lie a look-alike mall with the same keys, facts of the mall itself that are staged but not published,
and findings that nobody published, tied to the published facts.
"""

import runpy
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.patterns import STATUSES, Pattern, PatternBook
from cafe24_pipelines.ontology.browser.saved import SavedQuery, saved_queries
from cafe24_pipelines.ontology.build import publish_graph, stage_facts
from cafe24_pipelines.ontology.knowledge_layer import concepts_of
from cafe24_pipelines.ontology.model import load_domain
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.neo4j_load import SCOPE

if TYPE_CHECKING:
    from neo4j import Driver, Record

neo4j_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))["neo4j_server"]
pytestmark = [pytest.mark.neo4j, pytest.mark.slow, pytest.mark.timeout(900)]

DOMAIN = load_domain()
QUERIES = {q.name: q for q in saved_queries(DOMAIN)}
MAY_BE_EMPTY = {"13-orphans"}
SEES_OTHER_COPIES = {"15-builds"}
"""What lies beside the published copy is what this query is for; it tells of scopes, and shows no node."""


@dataclass
class Shop:
    """A published mall, its lake, and every saved query's rows before anything else was in the database."""

    mall: Mall
    lake: MallLake
    graph: Neo4jGraph
    driver: "Driver"
    alone: Mapping[str, "list[Record]"]

    def rows(self, query: SavedQuery | str, *, mall_id: str = "") -> "list[Record]":
        """Rows of a saved query, sent as Browser sends it; a query that writes would be refused."""
        return run(self.driver, query.text if isinstance(query, SavedQuery) else query, mall_id or self.mall.mall_id)

    def live(self) -> list[str]:
        """The published scopes."""
        found = self.driver.execute_query(
            "MATCH (b:CRM_Build {mall_id: $mall_id}) RETURN b.facts_scope AS facts, b.findings_scope AS findings",
            mall_id=self.mall.mall_id,
        ).records[0]
        return [found["facts"], found["findings"]]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the lake, the truth that the graph is made of."""
        with self.lake.duckdb(zone=self.mall.time_zone) as db:
            return db.sql(query).fetchall()


def run(driver: "Driver", text: str, mall_id: str) -> "list[Record]":
    return driver.execute_query(text, mall_id=mall_id, routing_="r").records  # type: ignore[arg-type]


def copied(source: MallLake, folder: Path, mall: Mall) -> MallLake:
    """The same tables as another mall's."""
    lake = Lake(folder).mall(mall.mall_id)
    for table in source.counts():
        lake.land(table, source.read(table).drop_columns(["mall_id"]), snapshot=True)
    return lake


@pytest.fixture(scope="session")
def quick_java() -> Iterator[None]:
    """A server that lives for a minute only loses by thorough compiling: this takes half its processor time away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield


@pytest.fixture(scope="module")
def shop(
    small_mall: Settings, quick_java: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    from neo4j import GraphDatabase

    neo4j_server = request.getfixturevalue("neo4j_server")
    source, folder = Lake(small_mall.home.lake).mall("sandbox"), tmp_path_factory.mktemp("look-alikes")
    patterns = PatternBook(small_mall.home.patterns).current("sandbox")
    name = f"shop-{uuid.uuid4().hex[:8]}"
    mall, other = Mall(name), Mall(f"{name}-b")
    lake = copied(source, folder, mall)
    graph = Neo4jGraph(neo4j_server.uri, neo4j_server.user, neo4j_server.password)
    driver = GraphDatabase.driver(
        neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password), notifications_min_severity="OFF"
    )
    publish_graph(graph, lake, mall, patterns)
    alone = {q.name: run(driver, q.text, name) for q in QUERIES.values()}
    made = Shop(mall, lake, graph, driver, alone)
    surround(made, copied(source, folder, other), other, patterns)
    yield made
    driver.close()
    graph.close()


def surround(shop: Shop, look_alike: MallLake, other: Mall, patterns: list[Pattern]) -> None:
    """Put a look-alike mall, newer facts that are not published, and stray findings beside the published mall."""
    publish_graph(shop.graph, look_alike, other, patterns)
    orders = look_alike.read("orders").drop_columns(["mall_id"])
    newer = copied(look_alike, Path(look_alike.root).parent / "newer", shop.mall)
    newer.land("orders", orders.slice(0, orders.num_rows // 2), snapshot=True)
    stage_facts(shop.graph, newer, shop.mall)
    shop.driver.execute_query(
        f"MATCH (b:CRM_Build {{mall_id: $mall_id}}) MATCH (n:CRM_Concept|CRM_Metric|CRM_Product|CRM_Category) "
        f"WHERE n.{SCOPE} = b.facts_scope "
        f"CREATE (p:CRM_Pattern {{uid: randomUUID(), mall_id: $mall_id, {SCOPE}: $mall_id + '/stray', "
        "pattern_id: randomUUID(), title: 'stray', status: 'confirmed', q: 0.0})-[:ABOUT]->(n)",
        mall_id=shop.mall.mall_id,
    )


def nodes_in(value: Any) -> list[Any]:
    """Every node of a value: paths, lists and single nodes."""
    from neo4j.graph import Node, Path

    if isinstance(value, Node):
        return [value]
    if isinstance(value, Path):
        return list(value.nodes)
    return [n for v in value for n in nodes_in(v)] if isinstance(value, list) else []


def comparable(value: Any) -> Any:
    """A value without the database's own ids."""
    from neo4j.graph import Node, Path

    if isinstance(value, Node):
        return (*sorted(value.labels), value["uid"])
    if isinstance(value, Path):
        steps = [(r.type, comparable(r.start_node), comparable(r.end_node)) for r in value.relationships]
        return [comparable(value.start_node), *steps]
    return [comparable(v) for v in value] if isinstance(value, list) else value


def as_compared(rows: "list[Record]") -> list[Any]:
    return [{key: comparable(value) for key, value in row.items()} for row in rows]


def kinds(rows: "list[Record]") -> set[tuple[str, str, str]]:
    """(label, type, label) of every relationship in the paths of a result."""
    return {
        (next(iter(r.start_node.labels)), r.type, next(iter(r.end_node.labels)))
        for row in rows
        for value in row.values()
        if hasattr(value, "relationships")
        for r in value.relationships
    }


# -- one mall, one build -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_finds_something_and_only_the_published_mall(shop: Shop, name: str) -> None:
    rows = shop.rows(QUERIES[name])
    assert rows or name in MAY_BE_EMPTY
    found = nodes_in([value for row in rows for value in row.values()])
    assert {n["mall_id"] for n in found} <= {shop.mall.mall_id}
    assert all(isinstance(n["uid"], str) for n in found)
    assert {n[SCOPE] for n in found} <= set(shop.live())


@pytest.mark.parametrize("name", sorted(set(QUERIES) - SEES_OTHER_COPIES))
def test_what_lies_beside_the_published_copy_changes_no_row(shop: Shop, name: str) -> None:
    now, before = shop.rows(QUERIES[name]), list(shop.alone[name])
    if name == "03-whole-ontology":  # which examples it picks hangs on how busy nodes are
        assert kinds(now) == kinds(before)
    else:
        assert as_compared(now) == as_compared(before)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_mall_that_is_not_there_has_no_rows(shop: Shop, name: str) -> None:
    counted = {"01-counts-by-label": "nodes", "02-counts-by-relationship": "relationships", "14-health": "wrong"}
    rows = shop.rows(QUERIES[name], mall_id=shop.mall.mall_id[:-1] + "x")  # as long: the plan is there already
    assert sum(row[counted[name]] for row in rows) == 0 if name in counted else rows == []


def test_the_surroundings_are_really_there(shop: Shop) -> None:
    # Without them the tests above would show nothing.
    scopes = shop.driver.execute_query(
        f"MATCH (n) WHERE n.mall_id STARTS WITH $m AND n.{SCOPE} IS NOT NULL RETURN DISTINCT n.{SCOPE} AS s",
        m=shop.mall.mall_id,
    ).records
    assert len(scopes) >= 6  # facts and findings of two malls, staged facts, stray findings
    states = {row["scope"]: row["state"].split(" ")[0] for row in shop.rows(QUERIES["15-builds"])}
    assert sorted(states.values()) == ["게시됨", "게시됨", "곁의", "준비됨"]
    assert {scope for scope, state in states.items() if state == "게시됨"} == set(shop.live())


# -- what they say -----------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_store(shop: Shop) -> None:
    counts = shop.graph.counts(shop.mall.mall_id)
    nodes = {row["label"]: row["nodes"] for row in shop.rows(QUERIES["01-counts-by-label"])}
    assert {label: n for label, n in nodes.items() if n} == counts.by_label
    links: dict[str, int] = {}
    for row in shop.rows(QUERIES["02-counts-by-relationship"]):
        links[row["type"]] = links.get(row["type"], 0) + row["relationships"]
    assert {kind: n for kind, n in links.items() if n} == counts.by_type


def test_the_whole_ontology_has_every_kind_of_relationship_that_there_is(shop: Shop) -> None:
    there = {
        (row["from"], row["type"], row["to"])
        for row in shop.rows(QUERIES["02-counts-by-relationship"])
        if row["relationships"]
    }
    assert kinds(shop.rows(QUERIES["03-whole-ontology"])) == there
    assert len(there) >= 20


def test_patterns_come_with_what_surrounds_them(shop: Shop) -> None:
    listed = shop.rows(QUERIES["04-patterns"])
    assert len(listed) == shop.graph.counts(shop.mall.mall_id).by_label["CRM_Pattern"]
    assert [r["status"] for r in listed] == sorted((r["status"] for r in listed), key=STATUSES.index)
    around = kinds(shop.rows(QUERIES["05-pattern-neighbours"]))
    assert {("CRM_Pattern", "ABOUT", "CRM_Concept"), ("CRM_Pattern", "FOUND_IN", "CRM_Mall")} <= around
    assert {("CRM_Insight", "EXPLAINS", "CRM_Pattern"), ("CRM_ApiEndpoint", "RETURNS", "CRM_Concept")} <= around
    wanted = listed[-1]["title"]
    one = QUERIES["05-pattern-neighbours"].text.replace("'' AS words", f"{wanted!r} AS words")
    shown = {n["title"] for n in nodes_in([r["path"] for r in shop.rows(one)]) if "CRM_Pattern" in n.labels}
    assert shown == {wanted}


def best_customers(shop: Shop) -> list[str]:
    """The two members who bought most often."""
    sales = "SELECT member_key, count(*) FROM order_facts WHERE is_sale AND member_key IS NOT NULL GROUP BY ALL"
    return [row[0] for row in shop.sql(f"{sales} ORDER BY 2 DESC, 1 LIMIT 2")]


def test_the_journey_is_of_the_best_customer_or_of_the_one_that_is_named(shop: Shop) -> None:
    best, other = best_customers(shop)
    for key, literal in ((best, "''"), (other, f"'{other}'")):
        text = QUERIES["06-customer-journey"].text.replace("'' AS member_key", f"{literal} AS member_key")
        found = nodes_in([row["path"] for row in shop.rows(text)])
        assert {n["member_key"] for n in found if "CRM_Customer" in n.labels} == {key}
        recent = shop.sql(
            f"SELECT order_id FROM order_facts WHERE member_key = '{key}' ORDER BY ordered_at DESC LIMIT 8"
        )
        assert {n["order_id"] for n in found if "CRM_Order" in n.labels} == {row[0] for row in recent}


def test_the_timeline_tells_everything_in_order(shop: Shop) -> None:
    rows = shop.rows(QUERIES["07-customer-timeline"])
    assert [r["at_local"] for r in rows] == sorted(r["at_local"] for r in rows)
    best = best_customers(shop)[0]
    of = f"FROM {{}} WHERE member_key = '{best}'"
    orders, delivered = shop.sql(f"SELECT count(*), count(delivered_at) {of.format('order_facts')}")[0]
    reviews = shop.sql(f"SELECT count(*) {of.format('reviews')}")[0][0]
    coupons = shop.sql(f"SELECT count(DISTINCT coupon_no) {of.format('coupon_issues')}")[0][0]
    told = [str(r["event"]).split(" (")[0].split(" ")[0] for r in rows]
    assert (told.count("주문"), told.count("배송"), told.count("리뷰")) == (orders, delivered, reviews)
    assert (told.count("쿠폰"), told.count("가입")) == (coupons, 1)
    first = shop.sql(f"SELECT min(ordered_local) {of.format('order_facts')}")[0][0]
    ordered = next(r for r in rows if r["event"].startswith("주문"))["at_local"].to_native()
    assert ordered.replace(tzinfo=None) == first.replace(tzinfo=None)


def test_first_purchases_agree_with_the_lake(shop: Shop) -> None:
    buyers = shop.sql(
        "SELECT count(DISTINCT member_key) FROM order_facts WHERE sale_no = 1 AND member_key IS NOT NULL"
    )
    cohorts = shop.rows(QUERIES["09-first-month-cohorts"])
    assert sum(r["members"] for r in cohorts) == buyers[0][0]
    assert all(r["percent_30d"] <= r["percent_60d"] <= r["percent_90d"] <= 100 for r in cohorts)
    assert {r["complete"] for r in cohorts} == {True, False}
    again = shop.sql(
        "SELECT date_trunc('month', a.ordered_local)::DATE AS month, count(*), "
        "count(*) FILTER (date_diff('day', a.ordered_local::DATE, b.ordered_local::DATE) <= 90) "
        "FROM order_facts a LEFT JOIN order_facts b ON b.member_key = a.member_key AND b.sale_no = 2 "
        "WHERE a.sale_no = 1 AND a.member_key IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    expected = [(month, n, round(100 * within / n + 1e-9, 1)) for month, n, within in again]
    assert [(r["month"].to_native(), r["members"], r["percent_90d"]) for r in cohorts] == expected
    paths = shop.rows(QUERIES["08-first-purchase-paths"])
    shares = {(r["first_category"], r["next_category"]): r["members"] / r["first_buyers"] for r in paths}
    assert all(0 < s <= 1 for s in shares.values()) and len(shares) == len(paths)


def test_products_agree_with_the_lake(shop: Shop) -> None:
    expected = shop.sql(
        "SELECT product_no, count(DISTINCT member_key) AS members, count(DISTINCT (member_key, order_id)), "
        "sum(quantity) FROM sale_lines WHERE member_key IS NOT NULL GROUP BY 1 "
        "ORDER BY members DESC, product_no LIMIT 20"
    )
    top = shop.rows(QUERIES["10-top-products"])
    assert [(r["product_no"], r["members"], r["orders"], r["quantity"]) for r in top] == expected
    pairs = shop.rows(QUERIES["11-bought-together"])
    best, other = expected[0][0], pairs[0]["product_no"]
    baskets = shop.sql(
        "SELECT count(DISTINCT order_id), count(DISTINCT order_id) FILTER (product_no = $a), "
        "count(DISTINCT order_id) FILTER (product_no = $b) FROM sale_lines".replace("$a", f"'{best}'").replace(
            "$b", f"'{other}'"
        )
    )[0]
    together = shop.sql(
        f"SELECT count(*) FROM (SELECT order_id FROM sale_lines WHERE product_no IN ('{best}', '{other}') "
        "GROUP BY 1 HAVING count(DISTINCT product_no) = 2)"
    )[0][0]
    first = pairs[0]
    assert (first["together"], first["with_p"], first["with_q"]) == (together, baskets[1], baskets[2])
    assert first["lift"] == pytest.approx(together * baskets[0] / (baskets[1] * baskets[2]), abs=0.006)


def test_the_api_behind_a_concept_is_what_the_ontology_says(shop: Shop) -> None:
    rows = shop.rows(QUERIES["12-api-behind-concept"])
    paths = shop.sql("SELECT path, method FROM documents WHERE kind = 'endpoint'")
    wanted = {(m, p) for p, m in paths if "coupon" in concepts_of(DOMAIN, p)}
    shown = {
        (r.start_node["method"], r.start_node["path"])
        for row in rows
        for r in row["path"].relationships
        if r.type in ("RETURNS", "CHANGES")
    }
    assert shown == wanted and len(wanted) > 5
    assert ("CRM_ApiEndpoint", "REQUIRES", "CRM_Scope") in kinds(rows)


# -- what they are to notice ---------------------------------------------------------------------------------------


def changed(shop: Shop, cypher: str, query: str) -> "list[dict[str, Any]]":
    """Rows of a saved query after a change that is taken back."""
    with shop.driver.session() as session, session.begin_transaction() as tx:
        tx.run(cypher, mall_id=shop.mall.mall_id, facts=shop.live()[0]).consume()
        rows = tx.run(QUERIES[query].text, mall_id=shop.mall.mall_id).data()  # type: ignore[arg-type]
        tx.rollback()
    return rows


def test_an_orphan_is_found(shop: Shop) -> None:
    lonely = (
        f"CREATE (:CRM_Order {{uid: 'lonely', mall_id: $mall_id, {SCOPE}: $facts, order_id: 'o-lonely'}}), "
        f"(:CRM_Coupon {{uid: 'unused', mall_id: $mall_id, {SCOPE}: $facts, coupon_no: 'unused'}}), "
        f"(:CRM_Order {{uid: 'elsewhere', mall_id: $mall_id, {SCOPE}: $mall_id + '/stray'}})"
    )
    before = {r["label"]: r["orphans"] for r in shop.rows(QUERIES["13-orphans"])}
    rows = {r["label"]: r for r in changed(shop, lonely, "13-orphans")}
    assert rows["CRM_Order"]["orphans"] == 1 + before.get("CRM_Order", 0)
    assert rows["CRM_Order"]["allowed"] is False
    assert "o-lonely" in {n["order_id"] for n in rows["CRM_Order"]["examples"]}
    assert rows["CRM_Coupon"]["orphans"] == 1 + before.get("CRM_Coupon", 0)
    assert rows["CRM_Coupon"]["allowed"] is True


def test_a_broken_rule_is_found(shop: Shop) -> None:
    sound = {(r["rule"], r["relationship"], r["label"]): r["wrong"] for r in shop.rows(QUERIES["14-health"])}
    breaking = (
        f"MATCH (i:CRM_OrderItem)-[r:OF_PRODUCT]->() WHERE i.{SCOPE} = $facts WITH i, r LIMIT 3 DELETE r "
        "WITH count(*) AS gone MATCH (c:CRM_Customer), (o:CRM_Order) "
        f"WHERE c.{SCOPE} = $facts AND o.{SCOPE} = $facts "
        "AND EXISTS { (:CRM_Customer)-[:PLACED]->(o) } AND NOT EXISTS { (c)-[:PLACED]->(o) } "
        "WITH c, o LIMIT 1 CREATE (c)-[:PLACED]->(o)"
    )
    rows = changed(shop, breaking, "14-health")
    broken = {(r["rule"], r["relationship"], r["label"]): r["wrong"] for r in rows}
    worse = {rule: n - sound[rule] for rule, n in broken.items() if n != sound[rule]}
    assert worse == {
        ("필수 관계가 없음", "OF_PRODUCT", "CRM_OrderItem"): 3,
        ("하나여야 할 관계가 여럿", "PLACED", "CRM_Order"): 1,
    }
    assert {r["verdict"] for r in rows if r["wrong"]} == {"확인 필요"}


def test_a_query_begins_with_an_index_and_never_walks_the_whole_database(shop: Shop) -> None:
    plan = shop.driver.execute_query(
        f"EXPLAIN {QUERIES['10-top-products'].cypher}", mall_id=shop.mall.mall_id
    ).summary.plan  # type: ignore[arg-type]

    def operators(step: dict[str, Any]) -> list[str]:
        return [step["operatorType"], *(o for child in step.get("children", []) for o in operators(child))]

    assert plan is not None
    names = operators(plan)
    assert any("Index" in name for name in names) and not any("AllNodesScan" in name for name in names), names
