"""What only the server store promises: switching by one marker, clearing what a kill left, clear errors."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.stores.vectors import Point, Sparse
from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]
DOCS = "cafe24_api_docs"


def points(count: int) -> list[Point]:
    return [
        Point(str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), [1.0, float(i)], Sparse((1,), (1.0,)), {"n": i})
        for i in range(count)
    ]


def publish(store: QdrantVectors, count: int, build: str, mall: str = "m") -> None:
    store.publish(mall, DOCS, points(count), dense_size=2, build_id=build, digest=build)


class StopsAtMarker(QdrantVectors):
    """Dies after the upload, before readers are switched."""

    def _mark(self, client: QdrantClient, marker: dict[str, Any]) -> None:
        raise KeyboardInterrupt


def test_a_publication_that_dies_is_invisible_and_cleared_by_the_next() -> None:
    client = QdrantClient(":memory:")
    store = QdrantVectors("", client=client)
    publish(store, 3, "b1")
    publish(store, 2, "b1", "other")
    with pytest.raises(KeyboardInterrupt):
        publish(StopsAtMarker("", client=client), 9, "b2")
    assert client.count(f"{DOCS}__d2").count == 3 + 2 + 9
    assert store.published("m", DOCS) == ("b1", "b1")
    assert len(store.points("m", DOCS)) == 3
    assert len(store.search("m", DOCS, dense=[1.0, 0.0], sparse=Sparse((1,), (1.0,)), limit=20)) == 3
    publish(store, 4, "b3")
    assert client.count(f"{DOCS}__d2").count == 4 + 2


def test_a_search_that_a_publication_overtakes_asks_again() -> None:
    client = QdrantClient(":memory:")
    store = QdrantVectors("", client=client)
    publish(store, 3, "b1")
    overtaken: list[bool] = []
    query = client.query_points

    def slow(*args: Any, **kw: Any) -> Any:
        if not overtaken:
            overtaken.append(True)
            publish(QdrantVectors("", client=client), 5, "b2")
        return query(*args, **kw)

    client.query_points = slow  # type: ignore[method-assign]
    assert len(store.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=10)) == 5


def test_what_was_published_is_there_for_the_next_client(tmp_path: Path) -> None:
    first = QdrantVectors("", client=QdrantClient(path=str(tmp_path)))
    publish(first, 3, "b1")
    first.close()
    second = QdrantVectors("", client=QdrantClient(path=str(tmp_path)))
    assert second.published("m", DOCS) == ("b1", "b1")
    assert len(second.search("m", DOCS, dense=[1.0, 0.0], sparse=None, limit=10)) == 3
    second.close()


@pytest.mark.parametrize("prefer_grpc", [False, True])
def test_a_server_that_is_not_there_names_the_setting(prefer_grpc: bool) -> None:
    store = QdrantVectors("http://127.0.0.1:9", prefer_grpc=prefer_grpc)
    with pytest.raises(ConfigError, match="QDRANT_URL"):
        store.published("m", DOCS)
    store.close()
