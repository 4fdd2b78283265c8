"""The embedded graph under kills, other processes and damage."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pyarrow as pa
import pytest

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.cypher import BadQuery
from cafe24_pipelines.stores.graph import GraphSchema, LabelSpec, Nodes, uid
from cafe24_pipelines.stores.graph_embedded import FILE, EmbeddedGraph

SCHEMA = GraphSchema((LabelSpec("CRM_Order", {"build": "INT64"}),), ())
SIZE = 500

WRITER = """
    import sys, time
    from pathlib import Path
    import pyarrow as pa
    from cafe24_pipelines.stores.graph import GraphSchema, LabelSpec, Nodes
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
    schema = GraphSchema((LabelSpec("CRM_Order", {"build": "INT64"}),), ())
    graph, pause = EmbeddedGraph(Path(sys.argv[1])), float(sys.argv[4])
    first, last = int(sys.argv[2]), int(sys.argv[3])
    for build in range(first, last + 1):
        def facts():
            uids = [f"{i}" for i in range(500)]
            yield Nodes("CRM_Order", pa.table({"uid": uids, "mall_id": ["m"] * 500, "build": [build] * 500}))
            print("half", build, flush=True)
            time.sleep(pause)
        graph.stage("m", schema, facts(), build_id=f"b{build}")
        graph.publish("m", [], build_id=f"g{build}", digest=f"d{build}")
        print("published", build, flush=True)
"""
READER = """
    import sys, time
    from pathlib import Path
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
    graph, seen = EmbeddedGraph(Path(sys.argv[1])), set()
    while not Path(sys.argv[2]).exists():
        rows = graph.query("m", "MATCH (o:CRM_Order) RETURN o.build AS build, count(o) AS n")
        assert len(rows) == 1 and rows[0]["n"] == 500, rows
        seen.add(rows[0]["build"])
        time.sleep(0.01)
    print(len(seen), max(seen))
"""


def orders(build: int) -> Nodes:
    uids = [uid("m", "CRM_Order", str(i)) for i in range(SIZE)]
    return Nodes("CRM_Order", pa.table({"uid": uids, "mall_id": ["m"] * SIZE, "build": [build] * SIZE}))


def publish(graph: EmbeddedGraph, build: int) -> None:
    graph.stage("m", SCHEMA, [orders(build)], build_id=f"b{build}")
    graph.publish("m", [], build_id=f"g{build}", digest=f"d{build}")


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def builds_seen(graph: EmbeddedGraph) -> list[dict[str, int]]:
    return graph.query("m", "MATCH (o:CRM_Order) RETURN o.build AS build, count(o) AS n")


def test_other_processes_read_whole_builds_while_one_publishes(tmp_path: Path) -> None:
    """Readers pause 10 ms: without it, closing a build was seen to wait up to 29 s (see docs/ontology.md)."""
    root, stop = tmp_path / "graph", tmp_path / "stop"
    publish(EmbeddedGraph(root), 0)
    readers = [start(READER, root, stop) for _ in range(2)]
    writer = start(WRITER, root, 1, 8, 0.05)
    try:
        _, errors = writer.communicate(timeout=240)
        assert writer.returncode == 0, errors
        time.sleep(0.5)
        stop.touch()
        for reader in readers:
            out, errors = reader.communicate(timeout=60)
            assert reader.returncode == 0, errors
            assert int(out.split()[1]) == 8
    finally:
        for process in (writer, *readers):
            process.kill()
            process.wait()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_kill_while_staging_leaves_the_last_build_and_the_next_one_works(tmp_path: Path) -> None:
    root = tmp_path / "graph"
    publish(EmbeddedGraph(root), 0)
    writer = start(WRITER, root, 1, 1, 60)
    assert writer.stdout is not None
    assert writer.stdout.readline().strip() == "half 1"
    writer.send_signal(signal.SIGKILL)
    writer.wait(20)
    graph = EmbeddedGraph(root)
    assert graph.staged("m") == "b0"
    assert builds_seen(graph) == [{"build": 0, "n": SIZE}]
    publish(graph, 1)
    assert builds_seen(graph) == [{"build": 1, "n": SIZE}]
    assert not list(root.rglob("staging-*"))


def test_a_held_reader_moves_to_each_new_build(tmp_path: Path) -> None:
    graph = EmbeddedGraph(tmp_path)
    for build in range(4):
        publish(graph, build)
        assert builds_seen(graph) == [{"build": build, "n": SIZE}]
    assert len(list((tmp_path / "m" / "builds").iterdir())) == 2


def test_a_damaged_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    publish(EmbeddedGraph(tmp_path), 0)
    (file,) = (tmp_path / "m" / "builds").rglob(FILE)
    file.write_bytes(b"not a graph" * 100)
    with pytest.raises(Cafe24Error, match="rebuild graph"):
        builds_seen(EmbeddedGraph(tmp_path))


def test_a_lost_write_is_found_before_readers_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cafe24_pipelines.stores.ladybug_file import FileWriter

    graph = EmbeddedGraph(tmp_path)
    publish(graph, 0)
    monkeypatch.setattr(FileWriter, "_copy", lambda self, statement, table: None)
    with pytest.raises(Cafe24Error, match="reopened with 0 nodes"):
        graph.stage("m", SCHEMA, [orders(1)], build_id="b1")
    assert graph.staged("m") == "b0"


def test_an_endless_query_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cafe24_pipelines.stores.graph_embedded.QUERY_SECONDS", 1)
    graph = EmbeddedGraph(tmp_path)
    publish(graph, 0)
    began = time.monotonic()
    with pytest.raises(BadQuery, match="too long"):
        graph.query("m", "UNWIND range(1, 1000000) AS x UNWIND range(1, 1000000) AS y RETURN sum(x * y) AS s")
    assert time.monotonic() - began < 20


def test_address_space_grows_with_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cafe24_pipelines.stores.ladybug_file.SMALLEST_SPACE", 2**23)
    graph, size = EmbeddedGraph(tmp_path), 200_000
    uids = [f"{i:036d}" for i in range(size)]
    parts = [
        Nodes("CRM_Order", pa.table({"uid": uids[i : i + 50_000], "mall_id": ["m"] * 50_000, "build": [1] * 50_000}))
        for i in range(0, size, 50_000)
    ]
    graph.stage("m", SCHEMA, parts, build_id="big")
    assert graph.publish("m", [], build_id="g", digest="d").nodes == size
    assert builds_seen(graph) == [{"build": 1, "n": size}]
