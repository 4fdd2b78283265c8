"""neo4j-graphrag's Neo4jWriter over given rows, run in the peer's own environment: `write.py URI FILE…`.

A file is a pickled list of `(label, rows)` and `(type, rows)` with `from_uid` and `to_uid`; each is written, counted
and wiped again, and its seconds are printed as JSON. Making the peer's objects of the rows is not timed.
Does not belong here: anything of this project but the server's helpers, which need only the driver.
"""

import asyncio
import json
import pickle
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import neo4j
from neo4j_graphrag.components.kg_writer import Neo4jWriter
from neo4j_graphrag.components.types import Neo4jGraph, Neo4jNode, Neo4jRelationship

servers = runpy.run_path(str(Path(__file__).with_name("servers.py")))


def graph_of(parts: list[tuple[str, list[dict[str, Any]]]]) -> Neo4jGraph:
    """The peer's own objects."""
    nodes, links = [], []
    for name, rows in parts:
        for row in rows:
            held = {k: v for k, v in row.items() if v is not None}
            if "from_uid" in held:
                ends = {"start_node_id": held.pop("from_uid"), "end_node_id": held.pop("to_uid")}
                links.append(Neo4jRelationship(**ends, type=name, properties=held))
            else:
                nodes.append(Neo4jNode(id=held["uid"], label=name, properties=held))
    return Neo4jGraph(nodes=nodes, relationships=links)


def seconds_of(driver: neo4j.Driver, graph: Neo4jGraph) -> float:
    """What one load took with the peer's defaults; it must have succeeded and all must be there."""
    begin = time.perf_counter()
    done = asyncio.run(Neo4jWriter(driver).run(graph))
    seconds = time.perf_counter() - begin
    if done.status != "SUCCESS":
        raise SystemExit(f"the peer did not write: {done.metadata}")
    servers["check_counts"](driver, len(graph.nodes), len(graph.relationships))
    return seconds


def main(uri: str, *files: str) -> None:
    """Load each file in turn and print the seconds."""
    found = []
    with neo4j.GraphDatabase.driver(uri, auth=servers["AUTH"], notifications_min_severity="OFF") as driver:
        for file in files:
            found.append(seconds_of(driver, graph_of(pickle.loads(Path(file).read_bytes()))))
            servers["wipe"](driver)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
