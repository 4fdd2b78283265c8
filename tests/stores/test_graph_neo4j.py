"""What the Neo4j store promises beyond the contract: it writes what differs, goes on after a kill, waits its turn."""

import os
import random
import runpy
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.stores.graph import (
    Changes,
    GraphSchema,
    LabelSpec,
    Nodes,
    Part,
    Relationships,
    RelationshipSpec,
    uid,
)
from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph
from cafe24_pipelines.stores.neo4j_connection import Neo4jDown
from cafe24_pipelines.stores.neo4j_load import link_statements, node_statements

servers = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))
neo4j_server = servers["neo4j_server"]
pytestmark = pytest.mark.neo4j

ROOT = Path(__file__).parents[2]
SCHEMA = GraphSchema(
    (LabelSpec("CRM_Customer", {"name": "STRING"}), LabelSpec("CRM_Order", {"amount": "INT64"})),
    (
        RelationshipSpec("PLACED", "CRM_Customer", "CRM_Order", {}),
        RelationshipSpec("RATED", "CRM_Customer", "CRM_Order", {"stars": "INT64"}),
    ),
)


@pytest.fixture
def store(neo4j_server: Any) -> Iterator[Neo4jGraph]:
    made = Neo4jGraph(neo4j_server.uri, neo4j_server.user, neo4j_server.password)
    yield made
    made.close()


@pytest.fixture
def mall() -> str:
    return f"mall-{uuid.uuid4().hex[:8]}"


def shop(mall: str, orders: int = 3000, *, changed: int = 0, gone: int = 0) -> list[Part]:
    """Ten orders a customer; `changed` orders have another amount and stars, the last `gone` are missing."""
    kept = range(orders - gone)
    order = [uid(mall, "CRM_Order", str(n)) for n in range(orders)]
    customer = [uid(mall, "CRM_Customer", str(n)) for n in range(orders // 10)]
    rows = {"from_uid": [customer[n // 10] for n in kept], "to_uid": [order[n] for n in kept]}
    stars = [n % 5 + (n < changed) for n in kept]
    return [
        Nodes("CRM_Customer", pa.table({"uid": customer, "mall_id": [mall] * len(customer),
                                        "name": [f"고객 {n}" for n in range(len(customer))]})),
        Nodes("CRM_Order", pa.table({"uid": [order[n] for n in kept], "mall_id": [mall] * len(kept),
                                     "amount": [n * 10 + (n < changed) for n in kept]})),
        Relationships("PLACED", "CRM_Customer", "CRM_Order", pa.table(rows)),
        Relationships("RATED", "CRM_Customer", "CRM_Order", pa.table({**rows, "stars": stars})),
    ]  # fmt: skip


def bring(store: Neo4jGraph, mall: str, parts: list[Part], build: str) -> Changes:
    changes = store.stage(mall, SCHEMA, parts, build_id=build)
    store.publish(mall, [], build_id=build, digest=build)
    return changes


def content(store: Neo4jGraph, mall: str) -> dict[str, int]:
    orders = store.query(mall, "MATCH (o:CRM_Order) RETURN count(o) AS orders, sum(o.amount) AS amount")[0]
    links = "MATCH (:CRM_Customer)-[r:RATED]->(:CRM_Order) RETURN count(r) AS rated, sum(r.stars) AS stars"
    return {**orders, **store.query(mall, links)[0]}


def wanted(parts: list[Part]) -> dict[str, int]:
    amounts, stars = parts[1].rows["amount"].to_pylist(), parts[3].rows["stars"].to_pylist()
    return {"orders": len(amounts), "amount": sum(amounts), "rated": len(stars), "stars": sum(stars)}


# -- what is written -----------------------------------------------------------------------------------------


def test_a_load_writes_what_differs_and_nothing_else(store: Neo4jGraph, mall: str) -> None:
    first = bring(store, mall, shop(mall), "b1")
    assert first == Changes(nodes_created=3300, relationships_created=6000)
    assert content(store, mall) == wanted(shop(mall))
    bring(store, mall, shop(mall, changed=1), "b2")  # fills the second copy
    other = shop(mall, changed=7, gone=20)
    assert bring(store, mall, other, "b3") == Changes(
        nodes_changed=7, nodes_deleted=20, relationships_changed=7, relationships_deleted=40
    )
    assert content(store, mall) == wanted(other)
    assert store.counts(mall).by_type == {"PLACED": 2980, "RATED": 2980}
    assert bring(store, mall, shop(mall), "b4") == Changes(nodes_changed=1, relationships_changed=1)
    assert content(store, mall) == wanted(shop(mall))


def test_equal_content_writes_no_row_whatever_its_build_id(
    store: Neo4jGraph, mall: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neo4j import Result

    updates: list[str] = []
    consume = Result.consume

    def consumed(self: Result) -> Any:
        summary = consume(self)
        if summary.counters.contains_updates and "CRM_Lock" not in summary.query:  # the lock is taken and let go
            updates.append(summary.query)
        return summary

    bring(store, mall, shop(mall), "b1")
    monkeypatch.setattr(Result, "consume", consumed)
    assert store.stage(mall, SCHEMA, shop(mall), build_id="b1") == Changes()
    assert updates == []
    assert store.stage(mall, SCHEMA, shop(mall), build_id="b2") == Changes()
    assert len(updates) == 1 and "CRM_Build" in updates[0]  # the new build id on the marker
    assert store.staged(mall) == "b2"
    assert store.publish(mall, [], build_id="g2", digest="d").nodes == 3300


def test_a_copy_that_shrinks_and_grows_is_cut_anew(store: Neo4jGraph, mall: str) -> None:
    for turn, size in enumerate((200, 12_000, 300, 12_000, 12_000)):
        parts = shop(mall, size, changed=turn)
        bring(store, mall, parts, f"b{turn}")
        assert content(store, mall) == wanted(parts)
    assert bring(store, mall, shop(mall, 12_000, changed=4), "again") == Changes()


def test_a_label_that_is_given_no_more_is_removed(store: Neo4jGraph, mall: str) -> None:
    for build in ("b1", "b2"):
        bring(store, mall, shop(mall, changed=int(build[1])), build)
    changes = bring(store, mall, shop(mall)[:1], "b3")
    assert (changes.nodes_deleted, changes.relationships_deleted) == (3000, 6000)
    assert store.counts(mall).by_label == {"CRM_Customer": 300}
    assert store.counts(mall).by_type == {}


def test_a_repeated_relationship_is_refused(store: Neo4jGraph, mall: str) -> None:
    parts = shop(mall, 100)
    twice = Relationships("PLACED", "CRM_Customer", "CRM_Order", pa.concat_tables([parts[2].rows] * 2))
    with pytest.raises(ValueError, match=r"PLACED.*100 keys repeat"):
        store.stage(mall, SCHEMA, [*parts[:2], twice], build_id="b1")


@pytest.mark.slow
def test_every_statement_seeks_its_rows_also_while_the_graph_is_empty(tmp_path: Path) -> None:
    """The planner knows nothing of an empty graph, and a plan made then is kept while it fills."""
    from neo4j import GraphDatabase

    rated = shop("m", 10)[3]
    assert isinstance(rated, Relationships)
    said = [("node", node_statements("CRM_Order"))]
    said += [(end, link_statements(rated, end)) for end in ("from_uid", "to_uid")]
    values = {"scope": "m/facts-a", "rows": [], "ranges": [], "uids": []}
    with servers["local_neo4j"](tmp_path) as server:
        store = Neo4jGraph(server.uri, server.user, server.password)
        store.stage("m", SCHEMA, [], build_id="b")
        store.close()
        driver = GraphDatabase.driver(server.uri, auth=(server.user, server.password))
        with driver, driver.session() as session:
            for what, statements in said:
                for purpose, statement in statements.items():
                    plan = str(session.run(f"EXPLAIN {statement}", values).consume().plan)
                    assert "IndexSeek" in plan or (what, purpose) == ("node", "create"), statement
                    assert "Scan" not in plan, statement
                    assert "'Eager@neo4j'" not in plan or purpose not in ("create", "held"), statement


# -- kills and other writers ---------------------------------------------------------------------------------

CHILD = """
    import runpy, sys
    from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph
    here = runpy.run_path(sys.argv[1])
    uri, user, password, mall, size, changed, build = sys.argv[2:]
    store = Neo4jGraph(uri, user, password)
    here["bring"](store, mall, here["shop"](mall, int(size), changed=int(changed)), build)
    print("done", flush=True)
"""


def child(server: Any, mall: str, size: int, changed: int, build: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", textwrap.dedent(CHILD), __file__, server.uri, server.user, server.password]
    return subprocess.Popen(
        [*command, mall, str(size), str(changed), build],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def kill_at_random(store: Neo4jGraph, server: Any, mall: str, kills: int, size: int) -> None:
    """Kills while a child publishes one changed build after another; whatever is published is whole."""
    random.seed(kills)
    versions = {f"b{n}": wanted(shop(mall, size, changed=n)) for n in range(kills + 2)}
    bring(store, mall, shop(mall, size), "b0")
    for n in range(1, kills + 1):
        process = child(server, mall, size, n, f"b{n}")
        time.sleep(random.uniform(1.5, 6))
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        published = store.published(mall)
        assert published is not None and content(store, mall) == versions[published[0]]
    last = shop(mall, size, changed=kills + 1)
    bring(store, mall, last, "last")
    assert content(store, mall) == wanted(last)
    assert bring(store, mall, last, "once more") == Changes()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_leave_whole_builds_and_the_next_load_ends_right(
    store: Neo4jGraph, neo4j_server: Any, mall: str
) -> None:
    kill_at_random(store, neo4j_server, mall, kills=15, size=20_000)


def test_a_killed_load_is_taken_up_where_it_stopped(store: Neo4jGraph, mall: str) -> None:
    parts = shop(mall, 30_000)

    def dies() -> Iterator[Part]:
        yield from parts[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.stage(mall, SCHEMA, dies(), build_id="b1")
    assert store.staged(mall) is None
    assert store.stage(mall, SCHEMA, parts, build_id="b1") == Changes(relationships_created=60_000)


@pytest.mark.slow
def test_two_processes_write_two_malls_and_one_mall_at_once(store: Neo4jGraph, neo4j_server: Any, mall: str) -> None:
    wanted_of = {f"{mall}-1": 4, f"{mall}-2": 5}
    processes = [child(neo4j_server, name, 10_000, n, "b") for name, n in wanted_of.items()]
    processes += [child(neo4j_server, f"{mall}-same", 10_000, n, f"b{n}") for n in (1, 2)]
    assert [p.wait(120) for p in processes] == [0] * 4
    for name, n in wanted_of.items():
        assert content(store, name) == wanted(shop(name, 10_000, changed=n))
    last = store.published(f"{mall}-same")
    assert last is not None
    assert content(store, f"{mall}-same") == wanted(shop(f"{mall}-same", 10_000, changed=int(last[0][1:])))


LABEL = """
    import runpy, sys
    from cafe24_pipelines.stores.neo4j_connection import Neo4jConnection
    from cafe24_pipelines.stores.neo4j_load import Load
    here = runpy.run_path(sys.argv[1])
    uri, user, password, mall, label = sys.argv[2:]
    load = Load(Neo4jConnection(uri, user, password), mall, f"{mall}/facts-a")
    load.part(here["shop"](mall, 20_000)[("CRM_Customer", "CRM_Order").index(label)])
    print(load.changes.nodes_created)
"""


def test_two_processes_write_two_labels_of_one_mall(store: Neo4jGraph, neo4j_server: Any, mall: str) -> None:
    bring(store, f"{mall}-other", shop(f"{mall}-other", 100), "b1")  # constraints are there
    server = [neo4j_server.uri, neo4j_server.user, neo4j_server.password]
    command = [sys.executable, "-c", textwrap.dedent(LABEL), __file__, *server, mall]
    both = [
        subprocess.Popen([*command, label], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for label in ("CRM_Customer", "CRM_Order")
    ]
    assert [p.communicate(timeout=120)[0].strip() for p in both] == ["2000", "20000"]
    assert store.stage(mall, SCHEMA, shop(mall, 20_000), build_id="b1") == Changes(relationships_created=40_000)


def test_readers_see_whole_builds_while_builds_change(store: Neo4jGraph, mall: str) -> None:
    bring(store, mall, shop(mall, 2000), "b0")
    sums = {wanted(shop(mall, 2000, changed=n))["amount"] for n in range(12)}
    stop, seen, wrong = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            found = content(store, mall)
            seen.add(found["amount"])
            if found["orders"] != 2000 or found["amount"] not in sums:
                wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(1, 12):
        bring(store, mall, shop(mall, 2000, changed=n), f"b{n}")
    stop.set()
    for reader in readers:
        reader.join(60)
    assert not wrong and len(seen) > 1


# -- faults --------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_names_the_setting() -> None:
    store = Neo4jGraph("bolt://127.0.0.1:9", "neo4j", "x", patience=1.5)
    with pytest.raises(Neo4jDown, match="NEO4J_URI"):
        store.published("m")
    with pytest.raises(Neo4jDown, match="NEO4J_URI"):
        store.stage("m", SCHEMA, [], build_id="b")
    store.close()


def test_a_newer_format_is_left_alone(store: Neo4jGraph, neo4j_server: Any, mall: str) -> None:
    bring(store, mall, shop(mall, 100), "b1")
    _marker(neo4j_server, mall, "SET m.format = 3")
    with pytest.raises(Cafe24Error, match="newer version"):
        store.stage(mall, SCHEMA, shop(mall, 50), build_id="b2")
    assert content(store, mall)["orders"] == 100


def test_a_graph_of_the_format_before_is_read_and_then_replaced(
    store: Neo4jGraph, neo4j_server: Any, mall: str
) -> None:
    """Version 0.1 wrote a scope a load and no ledger."""
    parts = shop(mall, 100)
    bring(store, mall, parts, "b1")
    old = f"{mall}/{uuid.uuid4().hex}"
    _marker(neo4j_server, mall, f"SET m.facts_scope = '{old}', m.staged_scope = '{old}' REMOVE m.format, m.turn")
    _marker(neo4j_server, mall, "WITH m MATCH (n {mall_id: m.mall_id}) WHERE NOT n:CRM_Build AND NOT n:CRM_Lock "
                                f"SET n.scope = '{old}' REMOVE n._scope, n._hash")  # fmt: skip
    _marker(neo4j_server, mall, "WITH m MATCH (l:CRM_Bucket) WHERE l.of STARTS WITH m.mall_id DELETE l")
    assert content(store, mall) == wanted(parts)
    newer = shop(mall, 120, changed=3)
    bring(store, mall, newer, "b2")
    assert content(store, mall) == wanted(newer)
    assert _count(neo4j_server, mall, old) == 0


def test_a_wrong_password_names_the_setting(tmp_path: Path) -> None:
    with servers["local_neo4j"](tmp_path, password="right-password") as server:
        store = Neo4jGraph(server.uri, server.user, "wrong-password", patience=1)
        with pytest.raises(ConfigError, match="NEO4J_PASSWORD"):
            store.published("m")
        store.close()
        store = Neo4jGraph(server.uri, server.user, "right-password")
        assert store.published("m") is None
        store.close()


@pytest.mark.slow
def test_a_server_that_restarts_during_a_load_loses_nothing(tmp_path: Path, mall: str) -> None:
    local = servers["local_neo4j"]
    with local(tmp_path) as server:
        port = int(server.uri.rsplit(":", 1)[1])
        store = Neo4jGraph(server.uri, server.user, server.password, patience=90)
        parts = shop(mall, 30_000)
        restarted = local(tmp_path, port=port)

        def facts() -> Iterator[Part]:
            yield from parts[:2]
            server.stop()
            threading.Timer(3, restarted.__enter__).start()
            yield from parts[2:]

        try:
            changes = store.stage(mall, SCHEMA, facts(), build_id="b1")
            assert changes == Changes(nodes_created=33_000, relationships_created=60_000)
            store.publish(mall, [], build_id="b1", digest="d")
            assert content(store, mall) == wanted(parts)
        finally:
            store.close()
            restarted.__exit__(None, None, None)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="run as root: a small file system is mounted for the server")
def test_a_full_disk_is_told_and_the_next_load_goes_on(tmp_path: Path, mall: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", str(disk)], check=True)
    try:
        with servers["local_neo4j"](disk) as server:
            store = Neo4jGraph(server.uri, server.user, server.password, patience=5)
            bring(store, mall, shop(mall, 1000), "b1")
            filler = disk / "filler"
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            filler.write_bytes(b"\0" * (free - 2**20))
            with pytest.raises(Cafe24Error, match="disk") as told:
                bring(store, mall, shop(mall, 60_000), "b2")
            print(told.value)
            filler.unlink()
            store.close()
        with servers["local_neo4j"](disk) as server:
            store = Neo4jGraph(server.uri, server.user, server.password, patience=60)
            assert content(store, mall) == wanted(shop(mall, 1000))
            bring(store, mall, shop(mall, 20_000), "b3")
            assert content(store, mall) == wanted(shop(mall, 20_000))
            store.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def _marker(server: Any, mall: str, change: str) -> None:
    from neo4j import GraphDatabase

    with GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver:
        driver.execute_query(f"MATCH (m:CRM_Build {{mall_id: $mall}}) {change}", mall=mall)


def _count(server: Any, mall: str, scope: str) -> int:
    from neo4j import GraphDatabase

    with GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver:
        return driver.execute_query("MATCH (n {scope: $scope}) RETURN count(n) AS n", scope=scope).records[0]["n"]
