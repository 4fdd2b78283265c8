"""A Qdrant server that fails: what the user is told, what is tried again, that published vectors stay as they are."""

import os
import runpy
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from cafe24_pipelines import parts
from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores import vectors_qdrant_connection
from cafe24_pipelines.stores.vectors import Point, Sparse
from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors
from cafe24_pipelines.stores.vectors_qdrant_connection import QdrantRefused, check_versions
from cafe24_pipelines.stores.vectors_qdrant_layout import Home

_servers = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "qdrant_server.py"))
qdrant_server, local_qdrant, QdrantServer = (
    _servers[name] for name in ("qdrant_server", "local_qdrant", "QdrantServer")
)
DOCS = "cafe24_api_docs"
UPSERTS = f"PUT /collections/{Home(DOCS, 'lsa', 2).name}/points$"


def points(count: int, word: str = "") -> list[Point]:
    return [
        Point(
            str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), [1.0, float(i)], Sparse((1,), (1.0,)), {"n": i, "word": word}
        )
        for i in range(count)
    ]


def publish(store: QdrantVectors, some: Any, build: str, mall: str) -> int:
    return store.publish(mall, DOCS, some, dense_size=2, build_id=build, digest=build, model="lsa")


def words(store: QdrantVectors, mall: str) -> list[str]:
    return sorted({p.payload["word"] for p in store.points(mall, DOCS).values()})


@pytest.fixture
def server(qdrant_server: Any) -> Iterator[Any]:
    yield qdrant_server
    qdrant_server.faults()
    assert qdrant_server.violations() == []


@pytest.fixture
def mall() -> str:
    return f"mall-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits end after a moment."""
    for module in ("connection", "markers", "publish", "layout"):
        monkeypatch.setattr(f"cafe24_pipelines.stores.vectors_qdrant_{module}.WRITING_SECONDS", 0.3)
    monkeypatch.setattr(vectors_qdrant_connection.QdrantConnection.ask, "__kwdefaults__", {"seconds": 0.3})


# -- not there, not ours -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("prefer_grpc", [False, True])
def test_a_server_that_is_not_there_names_the_setting(prefer_grpc: bool) -> None:
    store = QdrantVectors("http://127.0.0.1:9", prefer_grpc=prefer_grpc, grpc_port=9)
    for call in (lambda: store.published("m", DOCS), lambda: publish(store, points(1), "b1", "m")):
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:9: the Qdrant server does not answer.*QDRANT_URL"):
            call()
    store.close()


def test_a_publication_waits_for_a_server_that_starts_late(tmp_path: Path) -> None:
    late = QdrantServer(tmp_path / "qdrant")
    late.start()
    late.stop()  # now it has a port
    starter = threading.Timer(0.7, late.start)
    starter.start()
    try:
        store = QdrantVectors(late.url)
        assert publish(store, points(3), "b1", "m") == 3
        assert len(store.points("m", DOCS)) == 3
    finally:
        starter.join()
        late.stop()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_wrong_key_names_the_setting_at_once(tmp_path: Path) -> None:
    with local_qdrant(tmp_path / "qdrant", api_key="right") as server:
        assert publish(QdrantVectors(server.url, "right"), points(2), "b1", "m") == 2
        for key in ("wrong", ""):
            store = QdrantVectors(server.url, key)
            server.seen()
            with pytest.raises(ConfigError, match=r"refuses the key.*QDRANT_API_KEY") as refused:
                store.published("m", DOCS)
            assert "wrong" not in str(refused.value)
            asked = [line for line in server.seen() if not line.endswith("/_seen")]
            assert asked == ["GET /", "POST /collections/cafe24_builds/points"], "a wrong key is not tried again"


@pytest.mark.parametrize(
    ("server", "client", "words"),
    [
        ("1.18.3", "1.19.0", "needs 1.19.*upgrade the server"),
        ("1.21.0", "1.19.2", "more than one minor version apart.*1.19"),
        ("2.0.0", "1.20.0", "more than one minor version apart"),
        ("1.19.0", "1.21.0", "more than one minor version apart"),
        ("nginx", "1.20.0", "no Qdrant server.*QDRANT_URL"),
        ("", "1.20.0", "no Qdrant server"),
    ],
)
def test_versions_that_do_not_fit_are_refused(server: str, client: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_versions(server, "http://q", client)


@pytest.mark.parametrize(
    ("server", "client"), [("1.19.0", "1.20.0"), ("1.20.1", "1.19.9"), ("v1.19.0-dev", "1.19.0")]
)
def test_versions_that_fit_are_taken(server: str, client: str) -> None:
    check_versions(server, "http://q", client)


def test_the_version_is_asked_once_a_connection(tmp_path: Path) -> None:
    with local_qdrant(tmp_path / "qdrant", version="1.18.0") as old:
        with pytest.raises(ConfigError, match=r"version 1\.18\.0.*needs 1\.19"):
            QdrantVectors(old.url).published("m", DOCS)
        assert old.seen() == ["GET /"]
    with local_qdrant(tmp_path / "qdrant") as fitting:
        store = QdrantVectors(fitting.url)
        publish(store, points(2), "b1", "m")
        store.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=1)
        assert fitting.seen().count("GET /") == 1


# -- passing trouble -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": {"status": {"error": "Shard temporarily unavailable"}}},
        {"status": 429, "headers": {"retry-after": "0"}},
        {"cut": True},
        {"cut": True, "after": True},  # the work is done, the answer is lost
        {"status": 503, "after": True},
    ],
    ids=["503", "429", "cut", "cut-after", "503-after"],
)
def test_passing_trouble_at_any_call_is_waited_out_and_the_result_is_the_same(
    server: Any, mall: str, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors_qdrant_connection, "_FIRST_WAIT", 0.01)
    server.faults(*({"match": pattern, "times": 2, **fault} for pattern in (
        UPSERTS, "points/payload", "points/delete", "points/count", "cafe24_builds/points$", "points/scroll",
    )))  # fmt: skip
    store = QdrantVectors(server.url)
    assert publish(store, points(160), "b1", mall) == 160
    assert publish(store, [*points(100), *points(150, "new")[100:]], "b2", mall) == 150
    assert words(store, mall) == ["", "new"]
    assert all(server.met()), "every fault was met"
    assert store.published(mall, DOCS) == ("b2", "b2")
    assert len(store.search(mall, DOCS, dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)), limit=400)) == 150
    client = QdrantClient(url=server.url, check_compatibility=False)
    of_mall = {"must": [{"key": "mall_id", "match": {"value": mall}}]}
    from qdrant_client import models as m

    assert client.count(Home(DOCS, "lsa", 2).name, count_filter=m.Filter(**of_mall), exact=True).count == 150


@pytest.mark.usefixtures("impatient")
def test_trouble_that_does_not_pass_ends_with_the_servers_words(server: Any, mall: str) -> None:
    store = QdrantVectors(server.url)
    publish(store, points(3), "b1", mall)
    server.faults(
        {"match": UPSERTS, "times": 1000, "status": 503, "body": {"status": {"error": "Shard is recovering"}}}
    )
    with pytest.raises(QdrantRefused, match=r"answered 503: Shard is recovering.*run again.*intact"):
        publish(store, points(3, "new"), "b2", mall)
    server.faults()
    assert words(store, mall) == [""]
    publish(store, points(3, "new"), "b2", mall)
    assert words(store, mall) == ["new"]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (507, "Insufficient storage: disk usage quota of the node is reached"),
        (500, "Service internal error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_said_at_once_and_readers_keep_their_build(
    server: Any, mall: str, status: int, text: str
) -> None:
    store = QdrantVectors(server.url)
    publish(store, points(300), "b1", mall)
    server.seen()
    server.faults({"match": UPSERTS, "skip": 1, "times": 1000, "status": status, "body": {"status": {"error": text}}})
    with pytest.raises(QdrantRefused, match=rf"answered {status}: .*free space.*run again.*intact") as refused:
        publish(store, points(300, "new"), "b2", mall)
    assert text in str(refused.value)
    assert words(store, mall) == [""]
    assert len([line for line in server.seen() if line.startswith("PUT") and line.endswith("/points")]) <= 5
    server.faults()
    publish(store, points(300, "new"), "b2", mall)
    assert words(store, mall) == ["new"]


def test_an_index_that_a_killed_process_did_not_make_is_made_by_the_next(server: Any) -> None:
    home = Home("unfinished", "lsa", 2)
    server.faults({"match": f"PUT /collections/{home.name}/index", "skip": 3, "times": 1000, "status": 400})
    store = QdrantVectors(server.url)
    with pytest.raises(Cafe24Error, match="answered 400"):
        store.publish("m", "unfinished", points(2), dense_size=2, build_id="b1", digest="b1", model="lsa")
    server.faults()
    store.publish("m", "unfinished", points(2), dense_size=2, build_id="b1", digest="b1", model="lsa")
    schema = QdrantClient(url=server.url, check_compatibility=False).get_collection(home.name).payload_schema
    assert set(schema) == {"mall_id", "document_id", "kind", "resource", "method", "_from", "_until"}
    assert schema["mall_id"].params.is_tenant  # type: ignore[union-attr]


def test_a_collection_that_somebody_removed_says_how_to_have_it_back(server: Any, mall: str) -> None:
    store = QdrantVectors(server.url)
    store.publish(mall, "gone", points(2), dense_size=2, build_id="b1", digest="b1", model="lsa")
    QdrantClient(url=server.url, check_compatibility=False).delete_collection(Home("gone", "lsa", 2).name)
    with pytest.raises(Cafe24Error, match=r"gone.*404.*doesn't exist.*cafe24 rebuild vectors"):
        store.search(mall, "gone", dense=[1.0, 0.0], sparse=None, limit=1)
    again = QdrantVectors(server.url)
    assert again.published(mall, "gone") is None, "so that the next run publishes it anew"
    assert again.points(mall, "gone") == {}
    again.publish(mall, "gone", points(3), dense_size=2, build_id="b2", digest="b2", model="lsa")
    assert len(again.search(mall, "gone", dense=[1.0, 0.0], sparse=None, limit=9)) == 3


def test_a_server_that_restarts_in_the_middle_of_an_upload_is_waited_for(tmp_path: Path) -> None:
    with local_qdrant(tmp_path / "qdrant") as server:
        store = QdrantVectors(server.url)
        publish(store, points(100), "b1", "m")

        def with_a_crash() -> Iterator[Point]:
            yield from points(400, "new")[:260]
            server.kill()
            threading.Timer(0.3, server.start).start()
            yield from points(400, "new")[260:]

        assert publish(store, with_a_crash(), "b2", "m") == 400
        assert words(store, "m") == ["new"]
        assert len(store.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=500)) == 400


# -- killed at any moment ------------------------------------------------------------------------------------------

NURSERY = """
import os, random, signal, sys, threading, uuid
from cafe24_pipelines.stores.vectors import Point, Sparse
from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors
from cafe24_pipelines.stores.vectors_qdrant_connection import QdrantConnection
import grpc, numpy, qdrant_client
def build(n):
    return [
        Point(str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), [1.0, float(i)], Sparse((1,), (1.0,)),
              {"n": i, "word": str(n if i % 4 else 0)})
        for i in range(140 + n % 5)
    ]
url, log = sys.argv[1:3]
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def mortal(chance):
    last, how = chance.randint(1, 45), chance.choice(("before", "during", "after"))
    calls, ask = [], QdrantConnection.ask
    def counted(self, call, **more):
        calls.append(1)
        if len(calls) == last and how == "before":
            die()
        if len(calls) == last and how == "during":
            threading.Timer(chance.uniform(0.0, 0.004), die).start()
        answer = ask(self, call, **more)
        if len(calls) == last and how == "after":
            die()
        return answer
    QdrantConnection.ask = counted
def publish(turn, seed):
    mortal(random.Random(seed))
    store = QdrantVectors(url)
    with open(log, "a") as ended:
        for n in range(turn, turn + 50):
            store.publish("m", "docs", build(n), dense_size=2, build_id=f"b{n}", digest=str(n), model="lsa")
            print(n, file=ended, flush=True)
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        publish(*map(int, line.split()))
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Forks a publishing process for each line, which is killed before, during or after one of its calls by chance."""


def seen_whole(store: QdrantVectors) -> int:
    """The build that readers see; fails when it is not exactly what one publication gave."""
    published = store.published("m", "docs")
    assert published is not None
    build = int(published[1])
    expected = {i: str(build if i % 4 else 0) for i in range(140 + build % 5)}
    read = {p.payload["n"]: p.payload["word"] for p in store.points("m", "docs").values()}
    assert read == expected
    hits = store.search("m", "docs", dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)), limit=500)
    assert {h.payload["n"]: h.payload["word"] for h in hits} == expected
    return build


def kill_and_look(url: str, log: Path, kills: int) -> list[int]:
    """Kill a publishing process `kills` times at random calls; the builds that readers saw afterwards."""
    store = QdrantVectors(url)
    publish_build(store, 0)
    builds, half = [0], 0
    log.touch()
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY, url, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    assert nursery.stdout.readline() == "ready\n"
    for seed in range(kills):
        nursery.stdin.write(f"{builds[-1] + 1} {seed}\n")
        nursery.stdin.flush()
        assert os.waitstatus_to_exitcode(int(nursery.stdout.readline())) == -signal.SIGKILL
        ended = max([builds[-1], *map(int, log.read_text().split())])
        build = seen_whole(store)
        assert ended <= build <= ended + 1
        builds.append(build)
        half += half_done(store)
    nursery.stdin.close()
    assert nursery.wait(30) == 0
    nursery.stdout.close()
    assert half > kills / 4, "kills met publications in the middle"
    return builds


def half_done(store: QdrantVectors) -> bool:
    """Whether a publication has begun since the published one."""
    marker = store._markers.read("m", "docs")
    return marker is not None and marker.claimed > max(marker.turns)


def publish_build(store: QdrantVectors, n: int) -> None:
    some = [
        Point(
            str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), [1.0, float(i)], Sparse((1,), (1.0,)),
            {"n": i, "word": str(n if i % 4 else 0)},
        )
        for i in range(140 + n % 5)
    ]  # fmt: skip
    store.publish("m", "docs", some, dense_size=2, build_id=f"b{n}", digest=str(n), model="lsa")


def compare_with_one_that_was_never_killed(url: str, build: int) -> None:
    """A publication after all kills leaves on the server what it leaves on an empty one."""
    store, client = QdrantVectors(url), QdrantClient(url=url, check_compatibility=False)
    name = Home("docs", "lsa", 2).name
    publish_build(store, build)
    assert seen_whole(store) == build
    assert client.count(name, exact=True).count == 140 + build % 5
    killed = {p.point_id: p for p in store.points("m", "docs").values()}
    calm = QdrantVectors("", client=QdrantClient(":memory:"))
    publish_build(calm, build)
    assert {key: p.payload for key, p in killed.items()} == {
        key: p.payload for key, p in calm.points("m", "docs").items()
    }


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="run it where processes can fork (Linux, macOS)")
@pytest.mark.parametrize("kills", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_a_publisher_killed_at_any_moment_leaves_a_whole_build(tmp_path: Path, kills: int) -> None:
    with local_qdrant(tmp_path / "qdrant", options=("--unchecked",)) as server:
        builds = kill_and_look(server.url, tmp_path / "ended", kills)
        assert builds[-1] > 0, "some publications ended"
        compare_with_one_that_was_never_killed(server.url, builds[-1] + 1)


# -- settings ------------------------------------------------------------------------------------------------------


def test_the_store_of_the_profile_follows_the_settings(server: Any, mall: str) -> None:
    settings = Settings.from_env({"CAFE24_VECTORS": "qdrant", "QDRANT_URL": server.url, "QDRANT_REPLICAS": "2"})
    store = parts.vector_store(settings)
    store.publish(mall, "of-settings", points(2), dense_size=2, build_id="b", digest="d", model="lsa")
    info = QdrantClient(url=server.url, check_compatibility=False).get_collection(Home("of-settings", "lsa", 2).name)
    assert info.config.params.write_consistency_factor == 2
    store.close()
    with pytest.raises(ConfigError, match="QDRANT_GRPC"):
        Settings.from_env({"QDRANT_GRPC": "maybe"})
    with pytest.raises(ConfigError, match="QDRANT_URL is not set"):
        parts.vector_store(Settings.from_env({"CAFE24_VECTORS": "qdrant"}))
