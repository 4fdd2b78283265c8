"""Erasing a member from a graph server, which keeps the build before the published one."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.erase import erase_member, trace_of
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.ontology.build import publish_graph

from .conftest import MALL, Landed

neo4j_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))["neo4j_server"]


@pytest.mark.slow
def test_no_build_on_the_server_holds_the_member(landed: Landed, neo4j_server: Any) -> None:
    settings = replace(
        landed.settings, graph="neo4j", neo4j_uri=neo4j_server.uri, neo4j_user=neo4j_server.user,
        neo4j_password=neo4j_server.password,
    )  # fmt: skip
    person, graph = landed.person, parts.graph_store(settings)
    try:
        publish_graph(graph, parts.mall_lake(settings, MALL), Mall(MALL), [])
        assert _nodes(neo4j_server, person.key) >= 1
        assert any(t.file.startswith("graph (neo4j") for t in trace_of(settings, MALL, person.member_id))
        report = erase_member(settings, MALL, person.member_id)
        assert report.complete and "graph" in report.rebuilt
        assert _nodes(neo4j_server, person.key) == 0
        assert graph.counts(MALL).by_label["CRM_Customer"] == 39
    finally:
        graph.close()


def _nodes(server: Any, key: str) -> int:
    """Nodes of any load, published or not, that hold the key."""
    from neo4j import GraphDatabase

    query = "MATCH (n) WHERE any(p IN keys(n) WHERE n[p] = $key) RETURN count(n) AS n"
    with GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver:
        return driver.execute_query(query, key=key).records[0]["n"]
