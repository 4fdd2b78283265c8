"""Vectors in process: Qdrant's own engine, one shard folder a mall and collection, built new and published.

A build is made in a folder of its own without a write-ahead log, flushed, closed, opened again and counted, and only
then published; so any number of processes read the last complete build, and IDF never counts deleted points. Loading
a shard writes into its folder: readers need write access to the home.

Does not belong here: encoding, and anything about a server (see `vectors_qdrant.py`).
"""

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.stores.files import POINTER, Build, Published
from cafe24_pipelines.stores.vectors import TIES, Hit, Point, Sparse, check_encoder, fuse, of_one_encoder, ranked

if TYPE_CHECKING:
    import qdrant_edge

DENSE = "dense"
SPARSE = "sparse"
CANDIDATES = 50
"""Each of the two rankings hands at least this many points to the fusion."""
_BATCH = 512
_log = logging.getLogger(__name__)


class DamagedVectors(Cafe24Error):
    """A published build can't be opened."""


class EmbeddedVectors:
    """Published collections under `root/<mall>/<collection>/`. Thread-safe; keeps one open shard a collection."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[Path, tuple[Path, qdrant_edge.EdgeShard]] = {}
        self._lock = threading.Lock()

    def publish(
        self,
        mall_id: str,
        collection: str,
        points: Iterable[Point],
        *,
        dense_size: int,
        build_id: str,
        digest: str,
        model: str = "",
        encoder: str = "",
    ) -> int:
        """Build the points in a new shard, verify it and switch readers to it; returns how many there are.

        Raises:
            Cafe24Error: the folder can't be written, the build does not hold what was put in, or a point is of
                another encoder.
        """
        published = self._published(mall_id, collection)
        staging = published.staging(build_id)
        count = _build(staging, mall_id, of_one_encoder(points, encoder, mall_id), dense_size)
        meta = {"digest": digest, "points": count, "dense_size": dense_size, "model": model, "encoder": encoder}
        published.publish(staging, build_id, meta)
        return count

    def points(self, mall_id: str, collection: str) -> dict[str, Point]:
        """The published points with vectors, by id; empty before the first build, and when that is damaged."""
        import qdrant_edge as qe

        try:
            _, shard = self._shard(mall_id, collection)
        except (NotBuilt, DamagedVectors):
            return {}
        result: dict[str, Point] = {}
        offset: Any = None
        while True:
            request = qe.ScrollRequest(offset=offset, limit=_BATCH, with_payload=True, with_vector=True)
            records, offset = shard.scroll(request)
            for record in records:
                result[str(record.id)] = _point(record)
            if offset is None:
                return result

    def search(
        self,
        mall_id: str,
        collection: str,
        *,
        dense: Sequence[float] | None,
        sparse: Sparse | None,
        limit: int,
        filters: Mapping[str, str] | None = None,
        encoder: str = "",
    ) -> list[Hit]:
        """Points of the mall that match `filters` exactly, best first; equal scores in the order of ids.

        Both vectors: reciprocal rank fusion of the two exact rankings. One: cosine, or BM25 with the mall's own IDF.

        Raises:
            NotBuilt: the collection has not been published for this mall.
            WrongEncoder: the published vectors are of another encoder than the question's.
            Cafe24Error: the build can't be opened (read-only home, damaged files).
        """
        build, shard = self._shard(mall_id, collection)
        of_build = (build.meta.get("encoder", ""), build.meta["dense_size"])
        check_encoder(collection, of_build, encoder, dense)
        if limit < 1 or (dense is None and sparse is None):
            return []
        both = dense is not None and sparse is not None
        depth = max(limit, CANDIDATES) if both else limit
        rankings = [
            ranked((Hit(str(p.id), float(p.score), p.payload or {}) for p in shard.query(request)), depth)
            for request in _requests(mall_id, dense, sparse, depth + TIES, filters)
        ]
        return fuse(rankings, limit) if both else rankings[0]

    def counts(self, mall_id: str) -> dict[str, int]:
        """Published points by collection, for collections that exist."""
        pointers = sorted((self.root / mall_id).glob(f"*/{POINTER}"))
        builds = {path.parent.name: Published(path.parent).current() for path in pointers}
        return {name: build.meta["points"] for name, build in builds.items() if build is not None}

    def published(self, mall_id: str, collection: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published collection, or None.

        None also for a build that can't be opened, which is said in the log: the next run publishes it anew.
        """
        build = self._published(mall_id, collection).current()
        try:
            if build is not None:
                build, _ = self._shard(mall_id, collection)
        except DamagedVectors as e:
            _log.warning("the vectors of %s for mall %s are damaged and made anew: %s", collection, mall_id, e.what)
            return None
        except Cafe24Error:  # a read-only home: what the pointer says is all that can be known
            pass
        return (build.build_id, build.meta["digest"]) if build else None

    def close(self) -> None:
        """Close every open shard; a later search opens it again."""
        with self._lock:
            for _, shard in self._open.values():
                shard.close()
            self._open.clear()

    # -- inside ----------------------------------------------------------------------------------------------

    def _published(self, mall_id: str, collection: str) -> Published:
        return Published(self.root / mall_id / collection)

    def _shard(self, mall_id: str, collection: str) -> "tuple[Build, qdrant_edge.EdgeShard]":
        """The current build, opened; opened anew when the pointer has moved.

        The shard before is dropped, not closed: another thread may still be searching in it.
        """
        published = self._published(mall_id, collection)
        with self._lock:
            while True:
                build = published.current()
                if build is None:
                    raise NotBuilt(
                        f"collection {collection} has no vectors for mall {mall_id!r} yet", remedy="run `cafe24 run`"
                    )
                held = self._open.get(published.root)
                if held is not None and held[0] == build.path:
                    return build, held[1]
                try:
                    shard = _load(build.path)
                except Cafe24Error:
                    if published.current() != build:  # two publications since the pointer was read: read it again
                        continue
                    raise
                self._open[published.root] = (build.path, shard)
                return build, shard


def _build(folder: Path, mall_id: str, points: Iterable[Point], dense_size: int) -> int:
    import qdrant_edge as qe

    config = qe.EdgeConfig(
        vectors={DENSE: qe.EdgeVectorParams(size=dense_size, distance=qe.Distance.Cosine)},
        sparse_vectors={SPARSE: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)},
        wal_enabled=False,
    )
    shard = qe.EdgeShard.create(str(folder), config)
    # Every search filters by mall: unindexed, that reads every payload (7 ms a query at 2,400 points).
    shard.update(qe.UpdateOperation.create_field_index("mall_id", qe.KeywordIndexParams()))
    count = 0
    for batch in _batches(points):
        shard.update(qe.UpdateOperation.upsert_points([_edge_point(mall_id, p) for p in batch]))
        count += len(batch)
    shard.flush()
    shard.close()
    check = _load(folder)
    stored = check.count(qe.CountRequest(exact=True))
    check.close()
    if stored != count:  # without a log an unflushed build loads silently short
        raise Cafe24Error(
            f"the build holds {stored} points instead of {count}", where=str(folder),
            remedy="check that point ids are unique and that the disk is sound, then run again",
        )  # fmt: skip
    return count


def _load(folder: Path) -> "qdrant_edge.EdgeShard":
    import qdrant_edge as qe

    if folder.exists() and not os.access(folder, os.W_OK):
        raise Cafe24Error(
            "the vector engine needs write access to open a build, and the folder is read-only", where=str(folder),
            remedy="give this user write access, or copy the home to a writable place and name it with CAFE24_HOME",
        )  # fmt: skip
    try:
        return qe.EdgeShard.load(str(folder))
    except Exception as e:  # the engine raises nothing narrower
        raise DamagedVectors(
            f"the vector build can't be opened ({e})", where=str(folder), remedy="run `cafe24 rebuild vectors`"
        ) from e


def _requests(
    mall_id: str,
    dense: Sequence[float] | None,
    sparse: Sparse | None,
    limit: int,
    filters: Mapping[str, str] | None,
) -> "Iterator[qdrant_edge.QueryRequest]":
    """One exact query a vector. They are fused here and not by the engine, which ranks ties as they lie on disk."""
    import qdrant_edge as qe

    def equal(key: str, value: str) -> qe.FieldCondition:
        return qe.FieldCondition(key, match=qe.MatchValue(value))

    of_mall = qe.Filter(must=[equal("mall_id", mall_id)])
    wanted = qe.Filter(must=[equal("mall_id", mall_id), *(equal(k, v) for k, v in (filters or {}).items())])
    if sparse is not None:
        vector = qe.SparseVector(list(sparse.indices), list(sparse.values))
        params = qe.SearchParams(exact=True, idf=qe.IdfParams(corpus=of_mall))
        nearest = qe.Query.Nearest(vector, using=SPARSE)
        yield qe.QueryRequest(limit=limit, query=nearest, filter=wanted, params=params, with_payload=True)
    if dense is not None:
        nearest = qe.Query.Nearest(list(dense), using=DENSE)
        exact = qe.SearchParams(exact=True)
        yield qe.QueryRequest(limit=limit, query=nearest, filter=wanted, params=exact, with_payload=True)


def _edge_point(mall_id: str, point: Point) -> "qdrant_edge.Point":
    import qdrant_edge as qe

    sparse = qe.SparseVector(list(point.sparse.indices), list(point.sparse.values))
    payload = {**point.payload, "mall_id": mall_id}
    return qe.Point(point.point_id, {DENSE: list(point.dense), SPARSE: sparse}, payload)


def _point(record: "qdrant_edge.Record") -> Point:
    vectors: Any = record.vector
    sparse = vectors.get(SPARSE)
    stored = Sparse(tuple(sparse.indices), tuple(sparse.values)) if sparse else Sparse((), ())
    return Point(str(record.id), tuple(vectors[DENSE]), stored, record.payload or {})


def _batches(points: Iterable[Point]) -> Iterator[list[Point]]:
    rest = iter(points)
    while batch := list(islice(rest, _BATCH)):
        yield batch
