"""The vector stores against the client's own `upload_points` and bare queries; recall of the quantised graph.

The Qdrant here is the loopback server of the tests: the real engine behind its REST in Python. Both sides talk to it
in the same run, so ratios mean something and seconds don't. Recall is measured on the engine itself, with the numbers
that the store gives a server. Run all with `python -m benchmarks.vectors`, or some: `upload search embedded recall`.
Does not belong here: encoding.
"""

import runpy
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.stores.vectors import TIES, Point, Sparse, VectorStore

if TYPE_CHECKING:
    import numpy as np
    import qdrant_edge
    from qdrant_client import QdrantClient

SERVER = Path(__file__).parents[1] / "tests" / "servers" / "qdrant_server.py"
DOCS, MALL = "cafe24_api_docs", "bench"
DIMENSIONS = 128
"""As LSA has."""
POINTS, QUERIES, LIMIT = 4_000, 200, 10
RECALL_POINTS, SMALL_MALLS = 50_000, 5_000
ROUNDS = 3
GIVEN: dict[str, Any] = {"dense_size": DIMENSIONS, "digest": "d", "model": "lsa", "encoder": "lsa128-bench"}


def run() -> list[dict[str, Any]]:
    """Rows of all four; those of recall and percentiles are in the units that their names say."""
    with tempfile.TemporaryDirectory(prefix="bench-vectors-") as folder:
        return [row for measure in MEASURES.values() for row in measure(Path(folder))]


def upload(folder: Path) -> list[dict[str, Any]]:
    """Points a second into the server: all of them, 1 % of them, none."""
    points = _points(POINTS)
    changed = [
        replace(p, payload={**p.payload, "text": "바뀐 글"}) if i % 100 == 0 else p for i, p in enumerate(points)
    ]
    with _server(folder / "upload") as server:
        store, client = _store(server.url), _client(server.url)
        ours, theirs = [], []
        for turn in range(ROUNDS):
            name = _their_collection(client, f"theirs-{turn}")
            theirs.append(_seconds(lambda name=name: _their_upload(client, name, points)))
            ours.append(
                _seconds(lambda turn=turn: store.publish(f"{MALL}-{turn}", DOCS, points, build_id="1", **GIVEN))
            )
        part = _seconds(lambda: store.publish(f"{MALL}-0", DOCS, changed, build_id="2", **GIVEN))
        none = _seconds(lambda: store.publish(f"{MALL}-1", DOCS, points, build_id="1", **GIVEN))
    first, bare = min(ours), min(theirs)
    rate = f"{POINTS / first:,.0f} against {POINTS / bare:,.0f} points a second"
    return [
        _row(f"publish {POINTS:,} points", first, "upload_points", bare, f"{rate}; ours also counts and switches"),
        _row("publish them with 1 % changed", part, "upload_points of all", bare, "only the change is uploaded"),
        _row("publish them unchanged", none, "publishing them first", first, "writes nothing"),
    ]


def search(folder: Path) -> list[dict[str, Any]]:
    """Milliseconds a query of the server, at the median and the 95th percentile."""
    from qdrant_client import models as m

    points, queries = _points(POINTS), _queries(QUERIES)
    with _server(folder / "search") as server:
        store, client = _store(server.url), _client(server.url)
        store.publish(MALL, DOCS, points, build_id="1", **GIVEN)
        name = _their_collection(client, "theirs")
        _their_upload(client, name, points)
        mall = m.Filter(must=[m.FieldCondition(key="mall_id", match=m.MatchValue(value=MALL))])
        exact = m.SearchParams(exact=True)
        idf = m.SearchParams(idf=m.IdfCorpusParams(corpus=mall))

        def bare(dense: list[float], _: Sparse) -> None:
            client.query_points(name, query=dense, using="dense", query_filter=mall, limit=LIMIT, search_params=exact)

        def bare_hybrid(dense: list[float], sparse: Sparse) -> None:
            words = m.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
            client.query_points(
                name, query=m.FusionQuery(fusion=m.Fusion.RRF), limit=LIMIT, prefetch=[
                    m.Prefetch(query=words, using="sparse", filter=mall, params=idf, limit=50),
                    m.Prefetch(query=dense, using="dense", filter=mall, params=exact, limit=50),
                ],
            )  # fmt: skip

        pairs = (("dense", _dense(store), bare), ("hybrid", _hybrid(store), bare_hybrid))
        return [
            row for kind, ours, theirs in pairs for row in _percentiles(kind, "query_points", ours, theirs, queries)
        ]


def embedded(folder: Path) -> list[dict[str, Any]]:
    """The engine in process: our store against the engine's own calls."""
    from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors

    points, queries = _points(POINTS), _queries(QUERIES)
    store = EmbeddedVectors(folder / "embedded")
    ours = _seconds(lambda: store.publish(MALL, DOCS, points, build_id="1", **GIVEN))
    shard = _shard(folder / "bare", {})
    bare = _seconds(lambda: _fill(shard, points, MALL))
    rate = f"{POINTS / ours:,.0f} against {POINTS / bare:,.0f} points a second; ours is flushed, reopened and counted"
    rows = [_row(f"publish {POINTS:,} points, embedded", ours, "engine upsert_points", bare, rate)]

    def query(dense: list[float], _: Sparse) -> None:
        _nearest(shard, dense, LIMIT, exact=True)

    rows += _percentiles("dense, embedded", "engine query", _dense(store), query, queries)
    store.close()
    shard.close()
    return rows


def recall(folder: Path) -> list[dict[str, Any]]:
    """Recall at 10 of the quantised graph within one mall, among others, against exact search."""
    import numpy as np

    from cafe24_pipelines.stores.vectors_qdrant import HNSW_EF, OVERSAMPLING

    shard = _shard(folder / "recall", _large())
    large, small = _vectors(RECALL_POINTS, 1), _vectors(SMALL_MALLS, 2)
    _fill_dense(shard, large, MALL)
    _fill_dense(shard, small, "other")
    build = _seconds(shard.optimize)
    queries = _vectors(QUERIES, 3)
    truth = [np.argsort(-(large @ q), kind="stable")[:LIMIT].tolist() for q in queries]
    exact, approximate = _Timed(), _Timed()
    for q in queries:
        exact.add(lambda q=q: _nearest(shard, q.tolist(), LIMIT, exact=True))
        approximate.add(lambda q=q: _nearest(shard, q.tolist(), LIMIT + TIES, ef=HNSW_EF, oversampling=OVERSAMPLING))
    shard.close()
    found = [_recall(approximate, truth), _recall(exact, truth)]
    note = f"goal at least 0.98; {RECALL_POINTS:,} x {DIMENSIONS}, int8, ef {HNSW_EF}, built in {build:,.0f} s"
    return [
        _row("recall@10, quantised graph", found[0], "exact search", found[1], note),
        _row("its median query (ms)", 1000 * approximate.at(50), "exact (ms)", 1000 * exact.at(50), ""),
    ]


MEASURES: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    "upload": upload, "search": search, "embedded": embedded, "recall": recall,
}  # fmt: skip


# -- data --------------------------------------------------------------------------------------------------------


def _vectors(count: int, seed: int) -> "np.ndarray":
    """Unit float32 vectors as LSA makes them: a few topics each, of falling weight, and noise."""
    import numpy as np

    topics = np.random.default_rng(0).normal(size=(200, DIMENSIONS)) * np.linspace(1, 0.1, DIMENSIONS)
    chance = np.random.default_rng(seed)
    mixed = chance.dirichlet(np.full(len(topics), 0.05), size=count) @ topics
    mixed += 0.15 * chance.normal(size=mixed.shape) * np.linspace(1, 0.3, DIMENSIONS)
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


def _words(count: int, size: int, seed: int) -> list[Sparse]:
    import numpy as np

    chance = np.random.default_rng(seed)
    rows = [np.unique(chance.zipf(1.3, size) % 20_000) for _ in range(count)]
    return [Sparse(tuple(row.tolist()), tuple(chance.uniform(0.5, 2.0, len(row)).tolist())) for row in rows]


def _points(count: int) -> list[Point]:
    text = "쿠폰을 발급한 뒤 회원의 등급과 적립금을 조회한다. " * 12
    return [
        Point(
            str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))), dense.tolist(), words,
            {"document_id": f"d{i // 4}", "kind": "guide", "title": "제목", "text": text, "content_hash": str(i)},
        )
        for i, (dense, words) in enumerate(zip(_vectors(count, 1), _words(count, 60, 1), strict=True))
    ]  # fmt: skip


def _queries(count: int) -> list[tuple[list[float], Sparse]]:
    return [(dense.tolist(), words) for dense, words in zip(_vectors(count, 3), _words(count, 6, 3), strict=True)]


# -- both sides --------------------------------------------------------------------------------------------------


def _server(folder: Path) -> AbstractContextManager[Any]:
    return runpy.run_path(str(SERVER))["local_qdrant"](folder, options=("--unchecked",))


def _store(url: str) -> VectorStore:
    from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors

    return QdrantVectors(url)


def _client(url: str) -> "QdrantClient":
    from qdrant_client import QdrantClient

    return QdrantClient(url=url, check_compatibility=False, timeout=60)


def _their_collection(client: "QdrantClient", name: str) -> str:
    from qdrant_client import models as m

    client.create_collection(
        name, vectors_config={"dense": m.VectorParams(size=DIMENSIONS, distance=m.Distance.COSINE)},
        sparse_vectors_config={"sparse": m.SparseVectorParams(modifier=m.Modifier.IDF)},
    )  # fmt: skip
    for field in ("mall_id", "document_id", "kind", "resource", "method"):
        client.create_payload_index(name, field, m.PayloadSchemaType.KEYWORD)
    return name


def _their_upload(client: "QdrantClient", name: str, points: Sequence[Point]) -> None:
    from qdrant_client import models as m

    rows = (
        m.PointStruct(
            id=p.point_id, payload={**p.payload, "mall_id": MALL},
            vector={
                "dense": list(p.dense),
                "sparse": m.SparseVector(indices=list(p.sparse.indices), values=list(p.sparse.values)),
            },
        )
        for p in points
    )  # fmt: skip
    client.upload_points(name, rows, wait=True)
    if client.count(name, exact=True).count != len(points):
        raise SystemExit("upload_points lost points")


def _dense(store: VectorStore) -> Callable[[list[float], Sparse], Any]:
    return lambda dense, _: store.search(MALL, DOCS, dense=dense, sparse=None, limit=LIMIT)


def _hybrid(store: VectorStore) -> Callable[[list[float], Sparse], Any]:
    return lambda dense, sparse: store.search(MALL, DOCS, dense=dense, sparse=sparse, limit=LIMIT)


def _large() -> dict[str, Any]:
    """What the store tells a server about graphs and quantisation, for the engine."""
    import qdrant_edge as qe

    from cafe24_pipelines.stores.vectors_qdrant_layout import EF_CONSTRUCT, PAYLOAD_M, QUANTILE

    graph = qe.HnswIndexConfig(m=0, ef_construct=EF_CONSTRUCT, full_scan_threshold=1_000, payload_m=PAYLOAD_M)
    return {
        "hnsw_config": graph,
        "quantization_config": qe.ScalarQuantizationConfig(qe.ScalarType.Int8, quantile=QUANTILE),
        "optimizers": qe.EdgeOptimizersConfig(indexing_threshold=1_000, default_segment_number=1),
    }


def _shard(folder: Path, more: dict[str, Any]) -> "qdrant_edge.EdgeShard":
    import qdrant_edge as qe

    config = qe.EdgeConfig(
        vectors={"dense": qe.EdgeVectorParams(size=DIMENSIONS, distance=qe.Distance.Cosine)},
        sparse_vectors={"sparse": qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)}, wal_enabled=False, **more,
    )  # fmt: skip
    shard = qe.EdgeShard.create(str(folder), config)
    shard.update(qe.UpdateOperation.create_field_index("mall_id", qe.KeywordIndexParams(is_tenant=True)))
    return shard


def _fill(shard: "qdrant_edge.EdgeShard", points: Sequence[Point], mall: str) -> None:
    import qdrant_edge as qe

    for begin in range(0, len(points), 512):
        rows = [
            qe.Point(
                p.point_id,
                {"dense": list(p.dense), "sparse": qe.SparseVector(list(p.sparse.indices), list(p.sparse.values))},
                {**p.payload, "mall_id": mall},
            )
            for p in points[begin : begin + 512]
        ]
        shard.update(qe.UpdateOperation.upsert_points(rows))


def _fill_dense(shard: "qdrant_edge.EdgeShard", vectors: "np.ndarray", mall: str) -> None:
    """Points numbered as the rows; other malls after the first one's."""
    import qdrant_edge as qe

    first = 0 if mall == MALL else RECALL_POINTS
    for begin in range(0, len(vectors), 1_000):
        rows = [
            qe.Point(first + begin + i, {"dense": vector.tolist()}, {"mall_id": mall})
            for i, vector in enumerate(vectors[begin : begin + 1_000])
        ]
        shard.update(qe.UpdateOperation.upsert_points(rows))


def _nearest(
    shard: "qdrant_edge.EdgeShard", dense: list[float], limit: int, *, exact: bool = False, ef: int = 0,
    oversampling: float = 0.0,
) -> list[Any]:  # fmt: skip
    import qdrant_edge as qe

    rescored = qe.QuantizationSearchParams(rescore=True, oversampling=oversampling)
    params = qe.SearchParams(exact=True) if exact else qe.SearchParams(hnsw_ef=ef, quantization=rescored)
    mall = qe.Filter(must=[qe.FieldCondition("mall_id", match=qe.MatchValue(MALL))])
    request = qe.QueryRequest(
        limit=limit, query=qe.Query.Nearest(dense, using="dense"), filter=mall, params=params, with_payload=True
    )
    return [point.id for point in shard.query(request)]


# -- measuring ---------------------------------------------------------------------------------------------------


class _Timed:
    """Answers and the seconds that each took."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.seconds: list[float] = []

    def add(self, call: Callable[[], Any]) -> None:
        begin = time.perf_counter()
        self.answers.append(call())
        self.seconds.append(time.perf_counter() - begin)

    def at(self, percentile: float) -> float:
        import numpy as np

        return float(np.percentile(self.seconds, percentile))


def _percentiles(
    kind: str,
    peer: str,
    ours: Callable[[list[float], Sparse], Any],
    theirs: Callable[[list[float], Sparse], Any],
    queries: Sequence[tuple[list[float], Sparse]],
) -> list[dict[str, Any]]:
    """Both sides in turns, after a first query of each."""
    ours(*queries[0])
    theirs(*queries[0])
    one, other = _Timed(), _Timed()
    for query in queries:
        one.add(lambda query=query: ours(*query))
        other.add(lambda query=query: theirs(*query))
    return [
        _row(f"{kind} query, p{p} (ms)", 1000 * one.at(p), f"{peer} (ms)", 1000 * other.at(p), "") for p in (50, 95)
    ]


def _recall(found: _Timed, truth: Sequence[Sequence[int]]) -> float:
    hits = sum(len({*a[:LIMIT]} & {*b}) for a, b in zip(found.answers, truth, strict=True))
    return hits / (LIMIT * len(truth))


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _row(name: str, ours: float, peer: str, theirs: float, note: str) -> dict[str, Any]:
    return {
        "name": name, "seconds": ours, "peer": peer, "peer_seconds": theirs, "ratio": ours / theirs, "note": note,
    }  # fmt: skip


def main(names: list[str]) -> None:
    """Print what was asked for, all when nothing was."""
    with tempfile.TemporaryDirectory(prefix="bench-vectors-") as folder:
        for name in names or MEASURES:
            for row in MEASURES[name](Path(folder)):
                print(f"{row['name']}: {row['seconds']:,.3f}; {row['peer']}: {row['peer_seconds']:,.3f}; "
                      f"ratio {row['ratio']:.2f}; {row['note']}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
