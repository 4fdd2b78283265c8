"""The loopback Qdrant is as strict as the real one: what it refuses, in which words, and that it remembers."""

import os
import runpy
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

_servers = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "qdrant_server.py"))
local_qdrant = _servers["local_qdrant"]
HAS_DESCRIPTION = bool(list(Path(os.environ.get("CAFE24_TEST_DATA") or "/nowhere").glob("specs/qdrant_openapi_*")))
ONE = str(uuid.uuid4())
POINT = {"id": ONE, "vector": {"dense": [1.0, 0.0], "sparse": {"indices": [1], "values": [1.0]}}, "payload": {"a": 1}}
COLLECTION = {
    "vectors": {"dense": {"size": 2, "distance": "Cosine"}}, "sparse_vectors": {"sparse": {"modifier": "idf"}}
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server whose violations are looked at by the tests themselves."""
    made = _servers["QdrantServer"](tmp_path_factory.mktemp("strict") / "data")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def ask(server: Any) -> Iterator[Any]:
    """Sends a request: method, path, body; answers status and body."""
    with httpx.Client(base_url=server.url, timeout=20) as client:
        for name in ("things",):
            client.delete(f"/collections/{name}")
            assert client.put(f"/collections/{name}", json=COLLECTION).status_code == 200

        def send(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            answer = client.request(method, path, json=body) if body is not None else client.request(method, path)
            return answer.status_code, answer.json()

        yield send


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/collections/nothing", None, 404, "Not found: Collection `nothing` doesn't exist!"),
        ("POST", "/collections/nothing/points/count", {}, 404, "doesn't exist!"),
        ("PUT", "/collections/nothing/points", {"points": [POINT]}, 404, "doesn't exist!"),
        ("PUT", "/collections/things", COLLECTION, 409, "Wrong input: Collection `things` already exists!"),
        ("PUT", "/collections/things/points", {"points": [{**POINT, "vector": {"dense": [1.0]}}]}, 400,
         "Wrong input: Vector dimension error: expected dim: 2, got 1"),
        ("PUT", "/collections/things/points", {"points": [{**POINT, "vector": {"wrong": [1.0, 0.0]}}]}, 400,
         "Wrong input: Not existing vector name error: wrong"),
        ("POST", "/collections/things/points/query", {"query": [1.0, 0.0, 0.0], "using": "dense"}, 400,
         "expected dim: 2, got 3"),
        ("POST", "/collections/things/points/query",
         {"query": [1.0, 0.0], "using": "dense", "params": {"idf": {"corpus": {}}}}, 400, "requires a sparse vector"),
        ("POST", "/collections/aliases",
         {"actions": [{"create_alias": {"collection_name": "nothing", "alias_name": "x"}}]}, 404, "doesn't exist!"),
        ("POST", "/collections/aliases",
         {"actions": [{"rename_alias": {"old_alias_name": "x", "new_alias_name": "y"}}]}, 404, "does not exists!"),
        ("POST", "/collections/aliases",
         {"actions": [{"create_alias": {"collection_name": "things", "alias_name": "things"}}]}, 409, "exists"),
        ("PUT", "/collections/things/shards", {"shard_key": "a"}, 400, "Distributed mode disabled"),
        ("POST", "/collections/things/points/payload", {"payload": {"a": 1}, "points": [str(uuid.uuid4())]}, 404,
         "No point with id"),
    ],
)  # fmt: skip
def test_what_a_server_refuses_is_refused_in_its_words(
    ask: Any, method: str, path: str, body: Any, status: int, words: str
) -> None:
    answer = ask(method, path, body)
    assert answer[0] == status
    assert words in answer[1]["status"]["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("PUT /collections/things/points", {"points": [{**POINT, "vektor": 1}]}),
        ("PUT /collections/things/points", {"points": POINT}),
        ("POST /collections/things/points/scroll", {"limit": "many"}),
        ("POST /collections/things/points/query", {"query": [1.0, 0.0], "using": "dense", "params": {"hnsw": 1}}),
        ("POST /collections/things/points/count", {"filter": {"must": [{"key": "a", "matches": {"value": 1}}]}}),
        ("PUT /collections/other", {"vectors": {"dense": {"size": 2, "distance": "Angle"}}}),
    ],
)
def test_a_request_of_a_wrong_shape_is_refused_and_remembered(ask: Any, server: Any, path: str, body: Any) -> None:
    before = len(server.violations())
    status, answer = ask(*path.split(), body)
    assert (status, "error" in answer["status"]) == (400, True)
    assert len(server.violations()) == before + 1
    assert path in server.violations()[-1]


@pytest.mark.skipif(
    not HAS_DESCRIPTION, reason="set CAFE24_TEST_DATA to a folder with specs/qdrant_openapi_v1.19.x.json.gz"
)
def test_requests_are_checked_against_qdrants_own_description(ask: Any, server: Any) -> None:
    assert server.checked_by().startswith("v1.19")
    for request, status in (
        (("POST", "/collections/things/points/scroll", {"limit": 0}), 422),
        (("POST", "/collections/things/points/scroll?wrong=1", {"limit": 1}), 400),
        (("GET", "/collections/things/nothing"), 404),
        (("PUT", "/collections/things/points", {"points": [{**POINT, "id": "no-uuid"}]}), 400),
        (("POST", "/collections/things/points/scroll"), 400),
        (("PUT", "/collections/things/points",
          {"points": [{**POINT, "vector": {"sparse": {"indices": [1 << 32], "values": [1.0]}}}]}), 400),
    ):  # fmt: skip
        before = len(server.violations())
        assert ask(*request)[0] == status
        assert len(server.violations()) == before + 1


def test_a_test_that_sends_a_wrong_request_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="wrong"), local_qdrant(tmp_path / "data") as running:
        httpx.put(f"{running.url}/collections/c", json={"wrong": 1})


def test_points_queries_and_aliases_answer_as_a_server_does(ask: Any) -> None:
    assert (
        ask("PUT", "/collections/things/points?wait=true", {"points": [POINT]})[1]["result"]["status"] == "completed"
    )
    hidden = {**POINT, "payload": {"a": 2}}
    condition = {"update_filter": {"must": [{"key": "a", "match": {"value": 9}}]}}
    ask("PUT", "/collections/things/points?wait=true", {"points": [hidden], **condition})
    ask("PUT", "/collections/things/points?wait=true", {"points": [hidden], "update_mode": "insert_only"})
    record = ask("POST", "/collections/things/points", {"ids": [ONE], "with_vector": True})[1]["result"][0]
    assert record == {"id": ONE, "payload": {"a": 1}, "vector": POINT["vector"]}, "both updates were conditional"
    query = {"query": {"nearest": [1.0, 0.0]}, "using": "dense", "with_payload": True}
    create = {"actions": [{"create_alias": {"collection_name": "things", "alias_name": "plain"}}]}
    assert ask("POST", "/collections/aliases", create)[1]["result"] is True
    found = ask("POST", "/collections/plain/points/query", query)[1]["result"]["points"]
    assert [(p["id"], p["payload"], round(p["score"], 5)) for p in found] == [(ONE, {"a": 1}, 1.0)]
    batch = ask("POST", "/collections/plain/points/query/batch", {"searches": [query, query]})[1]["result"]
    assert [one["points"] for one in batch] == [found, found]
    assert ask("GET", "/collections/plain/exists")[1]["result"] == {"exists": True}
    assert ask("DELETE", "/collections/things")[1]["result"] is True
    assert ask("GET", "/aliases")[1]["result"] == {"aliases": []}


def test_what_was_written_outlives_a_crash(tmp_path: Path) -> None:
    with local_qdrant(tmp_path / "data") as running:
        httpx.put(f"{running.url}/collections/c", json=COLLECTION)
        httpx.put(f"{running.url}/collections/c/points?wait=true", json={"points": [POINT]})
        running.kill()
        running.start()
        assert (
            httpx.post(f"{running.url}/collections/c/points/count", json={"exact": True}).json()["result"]["count"]
            == 1
        )
