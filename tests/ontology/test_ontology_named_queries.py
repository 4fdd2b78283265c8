"""Every named query runs on both stores, finds something, and finds the same."""

import runpy
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern
from cafe24_pipelines.knowledge.search import Retriever
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.ontology.queries import QUERIES, run_named
from cafe24_pipelines.stores.graph import GraphStore
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.lake import Lake, MallLake

neo4j_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))["neo4j_server"]

GIVEN = {"bought_also": {"product_no": "p1"}, "order_path": {"order_id": "o01"}}
"""Parameters without a default that finds anything."""


@dataclass(frozen=True)
class Hit:
    document_id: str


class Search:
    """Hybrid search that finds one page for everything."""

    def search(self, question: str, **_: Any) -> list[Hit]:
        return [Hit("GET /api/v2/admin/orders")]


def pattern() -> Pattern:
    evidence = Evidence("SELECT 1", [{"product_no": "p1"}])
    return Pattern("pat-1", "gateway", "cross_domain", "첫 구매 상품과 재구매율", "confirmed",
                   Effect("재구매율 차이", 0.1, 0.05, 0.15), 0.001, 0.01, 30, evidence, "상품을 앞에 둡니다",
                   "2026-11-01T00:00:00+00:00", summary="재구매가 잦습니다")  # fmt: skip


def answers(store: GraphStore, lake: MallLake) -> dict[str, list[dict[str, Any]]]:
    mall = Mall(lake.mall_id)
    publish_graph(store, lake, mall, [pattern()], retriever=cast(Retriever, Search()))
    return {name: run_named(store, mall.mall_id, name, **GIVEN.get(name, {})) for name in QUERIES}


def test_every_named_query_finds_something(tmp_path: Path, lake: MallLake) -> None:
    store = EmbeddedGraph(tmp_path / "graph")
    assert {name for name, rows in answers(store, lake).items() if not rows} == set()
    store.close()


@pytest.mark.slow
@pytest.mark.neo4j
def test_every_named_query_finds_the_same_on_neo4j(tmp_path: Path, lake: MallLake, neo4j_server: Any) -> None:
    from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph

    own = Lake(tmp_path / "own").mall(f"shop-{uuid.uuid4().hex[:8]}")  # one server serves every test
    for table in lake.counts():
        own.land(table, lake.read(table).drop_columns(["mall_id"]), snapshot=True)
    embedded = EmbeddedGraph(tmp_path / "graph")
    server = Neo4jGraph(neo4j_server.uri, neo4j_server.user, neo4j_server.password)
    try:
        assert answers(server, own) == answers(embedded, own)
    finally:
        server.close()
        embedded.close()
