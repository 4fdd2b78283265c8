"""The same lake gives the same graph, answers and health on the embedded store and on a real Neo4j."""

import runpy
import uuid
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.ontology.health import check_health
from cafe24_pipelines.ontology.queries import QUERIES, run_named
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph
from cafe24_pipelines.stores.lake import Lake, MallLake

neo4j_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))["neo4j_server"]


@pytest.mark.slow
@pytest.mark.neo4j
def test_both_stores_answer_alike(tmp_path: Path, lake: MallLake, neo4j_server: Any) -> None:
    mall = Mall(f"shop-{uuid.uuid4().hex[:8]}")  # one server serves every test
    own = Lake(tmp_path / "own").mall(mall.mall_id)
    for table in lake.counts():
        own.land(table, lake.read(table).drop_columns(["mall_id"]), snapshot=True)
    server = Neo4jGraph(neo4j_server.uri, neo4j_server.user, neo4j_server.password)
    stores = (EmbeddedGraph(tmp_path / "graph"), server)
    given = {"bought_also": {"product_no": "p1"}, "order_path": {"order_id": "o01"}}
    seen = []
    for store in stores:
        counts = publish_graph(store, own, mall, [])
        answers = {name: run_named(store, mall.mall_id, name, **given.get(name, {})) for name in QUERIES}
        seen.append((counts, store.published(mall.mall_id), answers, check_health(store, own, mall).to_json()))
        store.close()
    assert seen[0] == seen[1]
    assert sum(bool(rows) for rows in seen[0][2].values()) >= 10
