"""What only the server store promises: whole builds by a marker, only changes uploaded, layouts, models, aliases."""

import logging
import runpy
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient
from qdrant_client import models as m

from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.stores import vectors_qdrant_publish
from cafe24_pipelines.stores.vectors import Point, Sparse
from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors
from cafe24_pipelines.stores.vectors_qdrant_connection import QdrantConnection
from cafe24_pipelines.stores.vectors_qdrant_layout import MARKERS, Cluster, Home
from cafe24_pipelines.stores.vectors_qdrant_markers import Marker, Markers

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]
_servers = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "qdrant_server.py"))
qdrant_server, local_qdrant = _servers["qdrant_server"], _servers["local_qdrant"]
DOCS = "cafe24_api_docs"
HOME = Home(DOCS, "lsa", 2)


def points(count: int, word: str = "") -> list[Point]:
    return [
        Point(
            str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), [1.0, float(i)], Sparse((1, 2 + i), (1.0, 1.0)),
            {"n": i, "word": word, "encoder": "lsa2-a"},
        )
        for i in range(count)
    ]  # fmt: skip


def publish(store: QdrantVectors, some: list[Point], build: str, mall: str = "m", **more: Any) -> int:
    given: dict[str, Any] = {
        "dense_size": 2, "build_id": build, "digest": build, "model": "lsa", "encoder": "lsa2-a", **more,
    }  # fmt: skip
    return store.publish(mall, DOCS, some, **given)


def found(store: QdrantVectors, mall: str = "m") -> list[int]:
    hits = store.search(mall, DOCS, dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)), limit=500)
    return sorted(hit.payload["n"] for hit in hits)


def all_points(client: QdrantClient, name: str = HOME.name) -> int:
    return client.count(name, exact=True).count


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    made = QdrantClient(":memory:")
    yield made
    made.close()


@pytest.fixture
def local(client: QdrantClient) -> QdrantVectors:
    return QdrantVectors("", client=client)


# -- whole builds ------------------------------------------------------------------------------------------------


def test_a_publication_that_dies_before_the_switch_is_invisible_and_cleared_by_the_next(
    client: QdrantClient, local: QdrantVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(local, points(3), "b1")
    publish(local, points(2), "b1", "other")

    def dies(self: Markers, to: Marker) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Markers, "move", dies)
        with pytest.raises(KeyboardInterrupt):
            publish(local, points(9, "new"), "b2")
    assert all_points(client) == 3 + 2 + 9
    assert local.published("m", DOCS) == ("b1", "b1")
    assert len(local.points("m", DOCS)) == 3
    assert found(local) == [0, 1, 2]
    publish(local, points(4, "newest"), "b3")
    assert all_points(client) == 4 + 2
    assert found(local) == [0, 1, 2, 3]
    assert found(local, "other") == [0, 1]


def test_points_that_were_closed_by_a_publication_that_died_stay_visible(
    client: QdrantClient, local: QdrantVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(local, points(5), "b1")
    with monkeypatch.context() as patched:
        patched.setattr(Markers, "move", lambda self, to: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            publish(local, points(3), "b2")
    closed, _ = client.scroll(
        HOME.name, scroll_filter=m.Filter(must_not=[m.IsEmptyCondition(is_empty=m.PayloadField(key="_until"))])
    )
    assert len(closed) == 2, "the publication died after it had closed two points"
    assert found(local) == [0, 1, 2, 3, 4]
    assert len(local.points("m", DOCS)) == 5
    publish(local, points(5), "b3")
    assert found(local) == [0, 1, 2, 3, 4]
    publish(local, points(4), "b4")
    assert (found(local), all_points(client)) == ([0, 1, 2, 3], 4)


def test_a_publication_that_dies_after_the_switch_is_complete_and_cleared_by_the_next(
    client: QdrantClient, local: QdrantVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(local, points(5), "b1")
    with monkeypatch.context() as patched:
        patched.setattr(
            vectors_qdrant_publish.Publication, "_clean", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt())
        )
        with pytest.raises(KeyboardInterrupt):
            publish(local, [*points(2), *points(6, "new")[2:]], "b2")
    assert all_points(client) == 9
    assert found(local) == [0, 1, 2, 3, 4, 5]
    assert {p.payload["word"] for p in local.points("m", DOCS).values()} == {"", "new"}
    publish(local, points(1), "b3")
    assert all_points(client) == 1


def test_a_search_that_a_publication_overtakes_asks_again(client: QdrantClient, local: QdrantVectors) -> None:
    publish(local, points(3), "b1")
    overtaken: list[bool] = []
    query = client.query_batch_points

    def slow(*args: Any, **kw: Any) -> Any:
        if not overtaken:
            overtaken.append(True)
            publish(QdrantVectors("", client=client), points(5, "new"), "b2")
        return query(*args, **kw)

    client.query_batch_points = slow  # type: ignore[method-assign]
    assert found(local) == [0, 1, 2, 3, 4]


def test_reading_points_starts_again_when_a_publication_overtakes_it(
    client: QdrantClient, local: QdrantVectors
) -> None:
    publish(local, points(300), "b1")
    overtaken: list[bool] = []
    scroll = client.scroll

    def slow(name: str, *args: Any, **kw: Any) -> Any:
        if kw.get("offset") is not None and kw.get("with_vectors") and not overtaken:
            overtaken.append(True)
            publish(QdrantVectors("", client=client), points(290, "new"), "b2")
        return scroll(name, *args, **kw)

    client.scroll = slow  # type: ignore[method-assign]
    read = local.points("m", DOCS)
    assert overtaken
    assert len(read) == 290
    assert {p.payload["word"] for p in read.values()} == {"new"}


def test_of_two_publications_of_one_mall_at_once_the_later_wins_and_the_other_says_so(server: Any) -> None:
    first, second = QdrantVectors(server.url), QdrantVectors(server.url)
    publish(first, points(3), "b1")

    def overtaken() -> Iterator[Point]:
        yield from points(200, "first")
        publish(second, points(7, "second"), "b3")
        yield from points(260, "first")[200:]

    with pytest.raises(Cafe24Error, match="another publication"):
        first.publish("m", DOCS, overtaken(), dense_size=2, build_id="b2", digest="b2", model="lsa", encoder="lsa2-a")
    for store in (first, second):
        assert store.published("m", DOCS) == ("b3", "b3")
        assert {p.payload["word"] for p in store.points("m", DOCS).values()} == {"second"}
        assert found(store) == list(range(7))
    publish(first, points(8, "third"), "b4")
    assert all_points(QdrantClient(url=server.url, check_compatibility=False)) == 8


def test_what_was_published_is_there_for_the_next_client(tmp_path: Path) -> None:
    first = QdrantVectors("", client=QdrantClient(path=str(tmp_path)))
    publish(first, points(3), "b1")
    first.close()
    second = QdrantVectors("", client=QdrantClient(path=str(tmp_path)))
    assert second.published("m", DOCS) == ("b1", "b1")
    assert found(second) == [0, 1, 2]
    second.close()


# -- only what changed ---------------------------------------------------------------------------------------------


@pytest.fixture
def server(qdrant_server: Any) -> Iterator[Any]:
    """The loopback server, without a collection."""
    client = QdrantClient(url=qdrant_server.url, check_compatibility=False)
    for one in client.get_collections().collections:
        client.delete_collection(one.name)
    yield qdrant_server
    assert qdrant_server.violations() == []


def writes(server: Any) -> list[str]:
    reads = ("/scroll", "/count", "/query", "/query/batch", "/points")
    return [
        line for line in server.seen()
        if not line.startswith("GET") and not (line.startswith("POST") and line.endswith(reads))
    ]  # fmt: skip


def test_an_unchanged_collection_writes_nothing(server: Any) -> None:
    store = QdrantVectors(server.url)
    publish(store, points(300), "b1")
    server.seen()
    assert publish(store, points(300), "b1") == 300
    assert writes(server) == []
    again = QdrantVectors(server.url)
    read_back = sorted(again.points("m", DOCS).values(), key=lambda p: p.point_id)
    publish(again, read_back, "b1")
    assert [line for line in writes(server) if "/index" not in line] == [], "points that were read back are the same"


def test_a_small_change_uploads_the_change_and_removes_the_replaced(server: Any) -> None:
    store, client = QdrantVectors(server.url), QdrantClient(url=server.url, check_compatibility=False)
    publish(store, points(300), "b1")
    before, _ = client.scroll(HOME.name, limit=1000, with_payload=["n"])
    changed = [*points(298)[:297], *points(298, "new")[297:], points(301)[300]]  # 1 changed, 2 gone, 1 new
    assert publish(store, changed, "b2") == 299
    after, _ = client.scroll(HOME.name, limit=1000, with_payload=["n"])
    ids = [{record.id: record.payload["n"] for record in records} for records in (before, after)]  # type: ignore[index]
    assert sorted(ids[0][one] for one in ids[0].keys() - ids[1].keys()) == [297, 298, 299]
    assert sorted(ids[1][one] for one in ids[1].keys() - ids[0].keys()) == [297, 300]
    assert found(store) == [*range(298), 300]
    assert store.points("m", DOCS)[points(298)[297].point_id].payload["word"] == "new"


def test_the_idf_of_a_mall_counts_its_visible_points_only(
    local: QdrantVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(local, points(4), "b1")
    before = {
        h.payload["n"]: h.score for h in local.search("m", DOCS, dense=None, sparse=Sparse((2,), (1.0,)), limit=9)
    }
    with monkeypatch.context() as patched:
        patched.setattr(Markers, "move", lambda self, to: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            publish(local, points(50, "half"), "b2")
    after = {
        h.payload["n"]: h.score for h in local.search("m", DOCS, dense=None, sparse=Sparse((2,), (1.0,)), limit=9)
    }
    assert after == before


def test_a_vector_that_changes_alone_is_uploaded(local: QdrantVectors) -> None:
    publish(local, points(3), "b1")
    turned = Point(points(1)[0].point_id, [0.0, 1.0], points(1)[0].sparse, points(1)[0].payload)
    publish(local, [turned, *points(3)[1:]], "b2")
    assert list(local.points("m", DOCS)[turned.point_id].dense) == pytest.approx([0.0, 1.0])


def test_many_small_publications_keep_the_markers_turns_few(local: QdrantVectors, client: QdrantClient) -> None:
    some = points(60)
    for turn in range(45):
        some = [*some[:turn], *points(60, f"t{turn}")[turn : turn + 1], *some[turn + 1 :]]
        publish(local, some, f"b{turn}")
    marker = Markers(QdrantConnection("", client=client)).read("m", DOCS)
    assert marker is not None
    assert len(marker.turns) <= vectors_qdrant_publish.MOST_TURNS
    assert all_points(client) == 60
    assert {p.payload["n"]: p.payload["word"] for p in local.points("m", DOCS).values()} == {
        i: f"t{i}" if i < 45 else "" for i in range(60)
    }


# -- layouts, models, aliases --------------------------------------------------------------------------------------


def old_layout(client: QdrantClient, mall: str) -> str:
    """A mall's collection as version 1 of the layout left it."""
    name = f"{DOCS}__d2"
    if not client.collection_exists(name):
        client.create_collection(
            name, vectors_config={"dense": m.VectorParams(size=2, distance=m.Distance.COSINE)},
            sparse_vectors_config={"sparse": m.SparseVectorParams(modifier=m.Modifier.IDF)},
        )  # fmt: skip
    if not client.collection_exists(MARKERS):
        client.create_collection(MARKERS, vectors_config={})
    rows = [
        m.PointStruct(id=str(uuid.uuid4()), vector={"dense": [1.0, 0.0]}, payload={"mall_id": mall, "_build": "b0.1"})
        for _ in range(3)
    ]
    client.upsert(name, rows)
    marker = {
        "mall_id": mall, "collection": DOCS, "physical": name, "tag": "b0.1", "turn": 1, "build_id": "b0",
        "digest": "b0", "points": 3,
    }  # fmt: skip
    client.upsert(MARKERS, [m.PointStruct(id=Marker(mall, DOCS).key, vector={}, payload=marker)])
    return name


def aliases(client: QdrantClient) -> dict[str, str]:
    return {a.alias_name: a.collection_name for a in client.get_aliases().aliases}


@pytest.fixture(params=["local", "loopback"])
def either(request: pytest.FixtureRequest) -> tuple[QdrantVectors, QdrantClient]:
    """A store and a client of an empty server."""
    if request.param == "local":
        client = request.getfixturevalue("client")
        return QdrantVectors("", client=client), client
    url = request.getfixturevalue("server").url
    return QdrantVectors(url), QdrantClient(url=url, check_compatibility=False)


def test_a_collection_of_an_older_layout_is_published_anew_and_removed_once_every_mall_has_left(
    either: tuple[QdrantVectors, QdrantClient],
) -> None:
    store, client = either
    for mall in ("m", "other"):
        old = old_layout(client, mall)
    assert store.published("m", DOCS) is None
    assert store.points("m", DOCS) == {}
    assert store.counts("m") == {}
    with pytest.raises(NotBuilt, match=r"older version.*cafe24 run"):
        found(store)
    publish(store, points(4), "b1")
    assert found(store) == [0, 1, 2, 3]
    assert client.count(old, exact=True).count == 3, "the other mall is still there"
    publish(store, points(2), "b1", "other")
    assert not client.collection_exists(old)
    assert aliases(client) == {DOCS: HOME.name}
    assert found(store, "other") == [0, 1]


def test_a_publication_into_a_new_layout_that_dies_leaves_the_old_one_to_its_readers(
    client: QdrantClient, local: QdrantVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = old_layout(client, "m")
    with monkeypatch.context() as patched:
        patched.setattr(Markers, "move", lambda self, to: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            publish(local, points(4), "b1")
    marker = client.retrieve(MARKERS, [Marker("m", DOCS).key])[0].payload
    assert marker is not None
    assert (marker["physical"], marker["tag"], marker["points"]) == (old, "b0.1", 3)
    assert client.count(old).count == 3
    publish(local, points(5), "b2")
    assert found(local) == [0, 1, 2, 3, 4]
    assert not client.collection_exists(old)


def test_a_collection_of_a_newer_layout_is_refused(client: QdrantClient, local: QdrantVectors) -> None:
    publish(local, points(3), "b1")
    newer = {**asdict(Marker("m", DOCS)), "layout": 99}
    client.upsert(MARKERS, [m.PointStruct(id=Marker("m", DOCS).key, vector={}, payload=newer)])
    for read in (lambda: local.published("m", DOCS), lambda: found(local), lambda: publish(local, points(3), "b2")):
        with pytest.raises(Cafe24Error, match=r"newer version.*upgrade"):
            read()


def test_the_alias_moves_to_another_model_once_every_mall_has(either: tuple[QdrantVectors, QdrantClient]) -> None:
    store, client = either
    publish(store, points(3), "b1", "one")
    publish(store, points(3), "b1", "two")
    assert aliases(client) == {DOCS: HOME.name}
    assert client.count(DOCS, exact=True).count == 6
    new = Home(DOCS, "openai/text-embedding-3-small", 3)
    wide = [Point(p.point_id, [*p.dense, 0.5], p.sparse, {**p.payload, "encoder": "llm3-x"}) for p in points(3)]
    given = {"dense_size": 3, "model": new.model, "encoder": "llm3-x"}
    publish(store, wide, "x1", "one", **given)
    assert aliases(client) == {DOCS: HOME.name}
    assert client.count(HOME.name, exact=True).count == 3
    publish(store, wide, "x1", "two", **given)
    assert aliases(client) == {DOCS: new.name}
    assert not client.collection_exists(HOME.name)
    assert len(store.search("one", DOCS, dense=[1.0, 0.0, 0.5], sparse=None, limit=9, encoder="llm3-x")) == 3


def test_a_collection_in_the_way_of_the_alias_is_reported_and_stops_nothing(
    either: tuple[QdrantVectors, QdrantClient], caplog: pytest.LogCaptureFixture
) -> None:
    store, client = either
    client.create_collection(DOCS, vectors_config=m.VectorParams(size=4, distance=m.Distance.COSINE))
    with caplog.at_level(logging.WARNING):
        publish(store, points(3), "b1")
    assert "in the way of the alias" in caplog.text
    assert found(store) == [0, 1, 2]
    assert aliases(client) == {}


def test_a_collection_made_for_another_model_is_refused_with_the_way_out(
    either: tuple[QdrantVectors, QdrantClient],
) -> None:
    store, client = either
    publish(store, points(3), "b1")
    wanted = Home(DOCS, "openai/text-embedding-3-small", 2)
    client.create_collection(
        wanted.name, vectors_config={"dense": m.VectorParams(size=128, distance=m.Distance.COSINE)},
        sparse_vectors_config={"sparse": m.SparseVectorParams(modifier=m.Modifier.IDF)},
        metadata={"cafe24": Home(DOCS, "cohere/embed-v4", 2).note},
    )  # fmt: skip
    with pytest.raises(Cafe24Error, match=r"cohere/embed-v4.*text-embedding-3-small.*cafe24 rebuild vectors"):
        publish(store, points(3), "b2", model=wanted.model)
    assert store.published("m", DOCS) == ("b1", "b1")
    assert found(store) == [0, 1, 2]


def test_a_collection_with_other_vectors_is_refused(either: tuple[QdrantVectors, QdrantClient]) -> None:
    store, client = either
    client.create_collection(
        HOME.name, vectors_config={"dense": m.VectorParams(size=64, distance=m.Distance.COSINE)},
        sparse_vectors_config={"sparse": m.SparseVectorParams(modifier=m.Modifier.IDF)},
        metadata={"cafe24": HOME.note},
    )  # fmt: skip
    with pytest.raises(Cafe24Error, match=r"other vectors than ours.*cafe24 rebuild vectors"):
        publish(store, points(3), "b1")


def test_names_of_models_never_share_a_collection() -> None:
    models = ("lsa", "LSA", "openai/a-b", "openai/a_b", "openai-a-b", "", "한국어", "日本語", "x" * 60, "x" * 61)
    assert len({Home(DOCS, model, 128).name for model in models}) == len(models)
    assert all(len(Home(DOCS, model, 128, 8).name) < 255 for model in models)


def test_malls_of_a_small_and_a_large_encoder_share_one_collection(
    local: QdrantVectors, client: QdrantClient
) -> None:
    publish(local, points(3), "b1", "small")
    wide = [Point(p.point_id, [*p.dense, 0.5], p.sparse, {**p.payload, "encoder": "lsa3-b"}) for p in points(3)]
    publish(local, wide, "b1", "large", dense_size=3, encoder="lsa3-b")
    assert all_points(client) == 6
    assert [len(p.dense) for p in local.points("small", DOCS).values()] == [2, 2, 2]
    assert [len(p.dense) for p in local.points("large", DOCS).values()] == [3, 3, 3]
    best = local.search("small", DOCS, dense=[1.0, 0.0], sparse=None, limit=1)[0]
    assert (best.payload["n"], best.score) == (0, pytest.approx(1.0))


# -- several workers, clusters -------------------------------------------------------------------------------------

WORKER = """
import sys, uuid
from cafe24_pipelines.stores.vectors import Point, Sparse
from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors
url, mall, collection = sys.argv[1:4]
store = QdrantVectors(url)
for build in range(4):
    some = [
        Point(str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), [1.0, float(i)], Sparse((1, 2 + i), (1.0, 1.0)),
              {"n": i, "of": f"{mall}/{collection}", "build": build if i % 3 else 0})
        for i in range(50 + build)
    ]
    store.publish(mall, collection, some, dense_size=2, build_id=f"b{build}", digest=f"{build}", model="lsa")
"""


def test_processes_publish_two_malls_and_two_collections_of_one_mall_at_once(server: Any) -> None:
    tasks = [("one", "c1"), ("one", "c2"), ("two", "c1")]
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, server.url, *task]) for task in tasks]
    assert [worker.wait(100) for worker in workers] == [0, 0, 0]
    store = QdrantVectors(server.url)
    for mall, collection in tasks:
        assert store.published(mall, collection) == ("b3", "3")
        read = store.points(mall, collection).values()
        assert sorted(p.payload["n"] for p in read) == list(range(53))
        assert {p.payload["of"] for p in read} == {f"{mall}/{collection}"}
        assert {p.payload["build"] for p in read if p.payload["n"] % 3} == {3}
    client = QdrantClient(url=server.url, check_compatibility=False)
    assert [client.count(name, exact=True).count for name in ("c1", "c2")] == [106, 53]


def test_readers_of_a_mall_see_whole_builds_while_it_is_published(server: Any) -> None:
    writer, reader = QdrantVectors(server.url), QdrantVectors(server.url)
    publish(writer, points(40, "0"), "b0")
    seen: list[tuple[int, ...]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            hits = reader.search("m", DOCS, dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)), limit=200)
            kept, changed = (
                {h.payload["word"] for h in hits if (h.payload["n"] < 10) is old} for old in (True, False)
            )
            seen.append((len(hits), len(kept), len(changed), int(max(changed))))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for build in range(1, 9):
            publish(writer, [*points(10, "0"), *points(40 + build, str(build))[10:]], f"b{build}")
    finally:
        done.set()
        thread.join(30)
    assert {(kept, changed) for _, kept, changed, _ in seen} == {(1, 1)}
    assert all(count == 40 + build for count, _, _, build in seen)
    assert len({build for *_, build in seen}) > 2, "the reader ran beside the writer"


def test_on_a_cluster_each_mall_lies_whole_in_one_shard_so_that_idf_is_its_own(tmp_path: Path) -> None:
    query = {"dense": None, "sparse": Sparse((1, 5), (1.0, 1.0)), "limit": 50}
    with local_qdrant(tmp_path / "qdrant", options=("--cluster",)) as server:
        one, four = QdrantVectors(server.url), QdrantVectors(server.url, cluster=Cluster(shards=4, replicas=2))
        for mall in "abcde":
            publish(one, points(30, mall), "b1", mall)
        alone = {mall: one.search(mall, DOCS, **query) for mall in ("a", "e")}
        for mall in "abcde":
            publish(four, points(30, mall), "b2", mall)
            publish(four, points(29, mall), "b3", mall)
            publish(four, points(30, mall), "b4", mall)
        client = QdrantClient(url=server.url, check_compatibility=False)
        home = Home(DOCS, "lsa", 2, 4)
        assert aliases(client) == {DOCS: home.name}
        assert not client.collection_exists(HOME.name)
        config = client.get_collection(home.name).config.params
        assert (config.replication_factor, config.write_consistency_factor) == (2, 2)
        assert [four.search(mall, DOCS, **query) for mall in alone] == list(alone.values())
        assert one.points("a", DOCS).keys() == four.points("a", DOCS).keys()
        assert client.count(home.name, exact=True).count == 150


def test_shard_keys_on_a_single_server_say_what_they_need(server: Any) -> None:
    with pytest.raises(Cafe24Error, match=r"QDRANT_SHARDS.*distributed mode"):
        publish(QdrantVectors(server.url, cluster=Cluster(shards=2)), points(3), "b1")


# -- with the knowledge stage --------------------------------------------------------------------------------------


def test_documents_published_again_upload_only_the_edited_chunk(server: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    from cafe24_pipelines.knowledge.documents import Document, documents_table
    from cafe24_pipelines.knowledge.encoder import EncoderStore
    from cafe24_pipelines.knowledge.index import publish_documents
    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.stores.lake import Lake

    words = ["쿠폰", "배송", "회원", "재고", "환불", "교환"]
    documents = [
        Document(f"GET /api/v2/admin/{i}things", DOCS, "endpoint", f"{words[i % 6]} 조회 {i}",
                 f"{words[i % 6]} 정보를 조회한다.\n\n## 응답\n\n{words[i % 6]} {i}번을 돌려준다.", "ko", "api",
                 "things", "GET", f"/api/v2/admin/{i}things")
        for i in range(12)
    ]  # fmt: skip
    lake, encoders = Lake(tmp_path / "lake").mall("m"), EncoderStore(tmp_path / "encoders")
    store, client = QdrantVectors(server.url), QdrantClient(url=server.url, check_compatibility=False)

    def run(some: list[Document]) -> tuple[int, set[str]]:
        lake.land("documents", documents_table(some), snapshot=True)
        report = publish_documents(lake, store, encoders)[0]
        records, _ = client.scroll(aliases(client)[DOCS], limit=1000)
        return report.encoded, {str(record.id) for record in records}

    _, first = run(documents)
    server.seen()
    assert run(documents) == (0, first)
    assert writes(server) == []
    encoded, now = run(
        [*documents[:3], replace(documents[3], body=documents[3].body.replace("3번", "한도")), *documents[4:]]
    )
    assert (encoded, len(first - now), len(now - first)) == (1, 1, 1)
    found = Retriever(store, encoders, "m").search("한도", collection=DOCS)
    assert found[0].document_id == documents[3].document_id
