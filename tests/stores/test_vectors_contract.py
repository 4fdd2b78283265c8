"""All vector stores keep one contract: the embedded engine, and the Qdrant store over the client's local mode, over
HTTP on loopback (Qdrant's engine behind its REST, every request checked) and over a true server.
"""

import math
import os
import runpy
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.stores.vectors import RRF_K, Point, Sparse, VectorStore, WrongEncoder
from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors
from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]
qdrant_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "qdrant_server.py"))["qdrant_server"]
DOCS = "cafe24_api_docs"
SERVER = os.environ.get("QDRANT_URL", "")


@pytest.fixture(params=["embedded", "qdrant-local", "qdrant-loopback", "qdrant-grpc", "qdrant-server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    made: VectorStore
    if request.param == "embedded":
        made = EmbeddedVectors(tmp_path / "vectors")
    elif request.param == "qdrant-local":
        from qdrant_client import QdrantClient

        made = QdrantVectors("", client=QdrantClient(":memory:"))
    elif request.param == "qdrant-loopback":
        made = QdrantVectors(request.getfixturevalue("qdrant_server").url)
    elif request.param == "qdrant-grpc":
        running = request.getfixturevalue("qdrant_server")
        made = QdrantVectors(running.url, prefer_grpc=True, grpc_port=running.grpc_port)
    else:
        if not SERVER:
            pytest.skip("set QDRANT_URL to run the contract against a Qdrant server")
        made = QdrantVectors(SERVER, os.environ.get("QDRANT_API_KEY", ""))
    yield made
    made.close()


@pytest.fixture
def mall() -> str:
    """A mall of its own a test, so that a shared server is no shared state."""
    return f"mall-{uuid.uuid4().hex[:8]}"


def pid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def point(name: str, dense: list[float], words: dict[int, float], **payload: str) -> Point:
    ids = tuple(sorted(words))
    return Point(
        pid(name), dense, Sparse(ids, tuple(words[i] for i in ids)), {"name": name, "kind": "guide", **payload}
    )


def publish(store: VectorStore, mall: str, points: list[Point], build: str = "b1", collection: str = DOCS) -> int:
    return store.publish(mall, collection, points, dense_size=2, build_id=build, digest=f"digest-{build}")


def names(store: VectorStore, mall: str, **query: Any) -> list[str]:
    arguments: dict[str, Any] = {"dense": None, "sparse": None, "limit": 10, **query}
    return [hit.payload["name"] for hit in store.search(mall, DOCS, **arguments)]


THREE = [
    point("east", [1.0, 0.0], {1: 1.0, 7: 1.0}),
    point("north", [0.0, 1.0], {1: 1.0, 4294967295: 2.0}, kind="article"),
    point("north-east", [0.7, 0.7], {1: 1.0}),
]


def test_nothing_is_there_before_the_first_publication(store: VectorStore, mall: str) -> None:
    assert store.published(mall, DOCS) is None
    assert store.points(mall, DOCS) == {}
    assert store.counts(mall) == {}
    with pytest.raises(NotBuilt, match="cafe24 run"):
        store.search(mall, DOCS, dense=[1.0, 0.0], sparse=None, limit=1)


def test_dense_alone_is_cosine_and_sparse_alone_is_bm25(store: VectorStore, mall: str) -> None:
    assert publish(store, mall, THREE) == 3
    hits = store.search(mall, DOCS, dense=[1.0, 0.1], sparse=None, limit=3)
    assert [h.payload["name"] for h in hits] == ["east", "north-east", "north"]
    assert hits[0].score == pytest.approx(1.0 / math.hypot(1.0, 0.1), abs=1e-6)
    hits = store.search(mall, DOCS, dense=None, sparse=Sparse((4294967295,), (1.0,)), limit=3)
    assert [h.payload["name"] for h in hits] == ["north"]
    assert hits[0].score == pytest.approx(2.0 * math.log((3 - 1 + 0.5) / 1.5 + 1), rel=1e-5)


def test_both_are_fused_by_reciprocal_rank_counted_from_zero(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    hits = store.search(mall, DOCS, dense=[1.0, 0.1], sparse=Sparse((4294967295,), (1.0,)), limit=3)
    scores = {h.payload["name"]: h.score for h in hits}
    assert scores["north"] == pytest.approx(1 / RRF_K + 1 / (RRF_K + 2), rel=1e-5)
    assert scores["east"] == pytest.approx(1 / RRF_K, rel=1e-5)
    assert [h.payload["name"] for h in hits] == ["north", "east", "north-east"]


def test_a_filter_and_a_limit_narrow_the_search(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    assert names(store, mall, dense=[1.0, 0.0], filters={"kind": "article"}) == ["north"]
    assert names(store, mall, dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)), filters={"kind": "article"}) == ["north"]
    assert names(store, mall, dense=[1.0, 0.0], filters={"kind": "nothing"}) == []
    assert names(store, mall, dense=[1.0, 0.0], limit=1) == ["east"]
    assert names(store, mall, dense=[1.0, 0.0], limit=0) == []
    assert names(store, mall) == []


def test_a_publication_replaces_everything_and_vanished_points_are_gone(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    changed = point("east", [0.0, 1.0], {9: 1.0}, kind="endpoint")
    assert publish(store, mall, [changed], build="b2") == 1
    assert store.counts(mall) == {DOCS: 1}
    assert store.published(mall, DOCS) == ("b2", "digest-b2")
    assert set(store.points(mall, DOCS)) == {pid("east")}
    assert names(store, mall, sparse=Sparse((1,), (1.0,))) == []
    hits = store.search(mall, DOCS, dense=None, sparse=Sparse((9,), (1.0,)), limit=5)
    assert hits[0].score == pytest.approx(math.log((1 - 1 + 0.5) / 1.5 + 1), rel=1e-5), (
        "IDF must not count the old build"
    )


def test_the_same_build_id_can_be_published_again(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    publish(store, mall, THREE[:1])
    assert store.counts(mall) == {DOCS: 1}
    assert set(store.points(mall, DOCS)) == {pid("east")}


def test_a_collection_may_become_empty(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    assert publish(store, mall, [], build="b2") == 0
    assert names(store, mall, dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,))) == []
    assert store.points(mall, DOCS) == {}


def test_published_points_come_back_with_vectors_and_payload(store: VectorStore, mall: str) -> None:
    unknown = point("unknown", [0.0, 0.0], {})
    publish(store, mall, [*THREE, unknown])
    points = store.points(mall, DOCS)
    assert set(points) == {p.point_id for p in THREE} | {unknown.point_id}
    north = points[pid("north")]
    assert north.sparse == Sparse((1, 4294967295), (1.0, 2.0))
    assert list(north.dense) == pytest.approx([0.0, 1.0])
    assert north.payload == {"name": "north", "kind": "article", "mall_id": mall}
    assert list(points[unknown.point_id].dense) == [0.0, 0.0]
    assert points[unknown.point_id].sparse == Sparse((), ())
    publish(store, mall, [points[p.point_id] for p in THREE], build="b2")
    assert names(store, mall, dense=[1.0, 0.1]) == ["east", "north-east", "north"]


def test_more_points_than_a_batch_are_all_there(store: VectorStore, mall: str) -> None:
    many = [point(f"p{i}", [1.0, float(i)], {i: 1.0}) for i in range(1100)]
    assert publish(store, mall, many) == 1100
    assert len(store.points(mall, DOCS)) == 1100
    assert names(store, mall, sparse=Sparse((777,), (1.0,))) == ["p777"]


def test_malls_do_not_see_each_other(store: VectorStore, mall: str) -> None:
    other = mall + "-b"
    publish(store, mall, THREE)
    publish(store, other, [point("secret", [1.0, 0.0], {1: 1.0})])
    assert "secret" not in names(store, mall, dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)))
    assert names(store, other, dense=[1.0, 0.0]) == ["secret"]
    assert names(store, mall, dense=[1.0, 0.0], filters={"mall_id": other}) == []
    assert store.counts(other) == {DOCS: 1}
    publish(store, other, [], build="b2")
    assert len(names(store, mall, dense=[1.0, 0.0])) == 3


def test_idf_is_counted_within_the_mall(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    query: dict[str, Any] = {"dense": None, "sparse": Sparse((1, 7), (1.0, 1.0)), "limit": 10}
    before = {h.point_id: h.score for h in store.search(mall, DOCS, **query)}
    publish(store, mall + "-b", [point(f"x{i}", [1.0, 0.0], {7: 1.0}) for i in range(200)])
    after = {h.point_id: h.score for h in store.search(mall, DOCS, **query)}
    assert after == pytest.approx(before)
    idf = {7: math.log((3 - 1 + 0.5) / 1.5 + 1), 1: math.log((3 - 3 + 0.5) / 3.5 + 1)}
    assert after[pid("east")] == pytest.approx(idf[1] + idf[7], rel=1e-5)
    assert after[pid("north-east")] == pytest.approx(idf[1], rel=1e-5)


def test_malls_may_have_encoders_of_different_size(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    wide = [Point(pid("wide"), [1.0, 0.0, 0.0], Sparse((1,), (1.0,)), {"name": "wide"})]
    store.publish(mall, DOCS, wide, dense_size=3, build_id="b2", digest="d")
    assert names(store, mall, dense=[1.0, 0.0, 0.0]) == ["wide"]
    assert store.counts(mall) == {DOCS: 1}
    publish(store, mall, THREE, build="b3")
    assert names(store, mall, dense=[1.0, 0.0], limit=1) == ["east"]


def test_repeated_point_ids_are_refused_and_readers_keep_the_build(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    with pytest.raises(Cafe24Error, match="instead of 2"):
        publish(store, mall, [THREE[0], THREE[0]], build="b2")
    assert store.published(mall, DOCS) == ("b1", "digest-b1")
    assert len(names(store, mall, dense=[1.0, 0.0])) == 3
    publish(store, mall, THREE[:2], build="b3")
    assert len(store.points(mall, DOCS)) == 2


def test_equal_content_published_again_changes_nothing(store: VectorStore, mall: str) -> None:
    publish(store, mall, THREE)
    before = store.points(mall, DOCS)
    assert publish(store, mall, list(reversed(THREE))) == 3
    assert store.points(mall, DOCS) == before
    assert publish(store, mall, list(before.values()), build="b2") == 3
    assert store.points(mall, DOCS) == before
    assert store.published(mall, DOCS) == ("b2", "digest-b2")


def of(encoder: str) -> list[Point]:
    return [Point(p.point_id, p.dense, p.sparse, {**p.payload, "encoder": encoder}) for p in THREE]


def test_points_of_two_encoders_are_refused_and_readers_keep_the_build(store: VectorStore, mall: str) -> None:
    given: dict[str, Any] = {"dense_size": 2, "build_id": "b1", "digest": "d", "model": "lsa", "encoder": "lsa2-a"}
    store.publish(mall, DOCS, of("lsa2-a"), **given)
    mixed = [*of("lsa2-a")[:2], *of("lsa2-b")[2:]]
    with pytest.raises(Cafe24Error, match=r"lsa2-b.*lsa2-a.*cafe24 rebuild vectors"):
        store.publish(mall, DOCS, mixed, **{**given, "build_id": "b2"})
    assert store.published(mall, DOCS) == ("b1", "d")
    assert {p.payload["encoder"] for p in store.points(mall, DOCS).values()} == {"lsa2-a"}


def test_a_question_of_another_encoder_is_refused(store: VectorStore, mall: str) -> None:
    given: dict[str, Any] = {"dense_size": 2, "build_id": "b1", "digest": "d", "model": "lsa"}
    store.publish(mall, DOCS, of("lsa2-a"), **given, encoder="lsa2-a")
    query: dict[str, Any] = {"dense": [1.0, 0.0], "sparse": None, "limit": 3}
    assert len(store.search(mall, DOCS, **query, encoder="lsa2-a")) == 3
    assert len(store.search(mall, DOCS, **query)) == 3
    with pytest.raises(WrongEncoder, match=r"lsa2-b.*lsa2-a.*ask again.*cafe24 rebuild vectors"):
        store.search(mall, DOCS, **query, encoder="lsa2-b")
    with pytest.raises(WrongEncoder, match=r"3 dimensions.*2"):
        store.search(mall, DOCS, dense=[1.0, 0.0, 0.0], sparse=None, limit=3)
    store.publish(mall, DOCS, of("lsa2-b"), **{**given, "build_id": "b2"}, encoder="lsa2-b")
    assert len(store.search(mall, DOCS, **query, encoder="lsa2-b")) == 3
    with pytest.raises(WrongEncoder):
        store.search(mall, DOCS, **query, encoder="lsa2-a")
