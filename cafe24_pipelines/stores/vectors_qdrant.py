"""Vectors on a Qdrant server: collections shared by all malls, each mall's build switched by one marker.

This file reads: hybrid search within one mall, its points, its counts. Publishing is in `vectors_qdrant_publish.py`,
what readers see of it in `vectors_qdrant_markers.py`, collections in `vectors_qdrant_layout.py`, the connection in
`vectors_qdrant_connection.py`; docs/vectors.md tells how they work together.

Does not belong here: encoding; the embedded engine (see `vectors_embedded.py`).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.stores.vectors import TIES, Hit, Point, Sparse, WrongEncoder, check_encoder, fuse, ranked
from cafe24_pipelines.stores.vectors_embedded import CANDIDATES, DENSE, SPARSE
from cafe24_pipelines.stores.vectors_qdrant_connection import READING_SECONDS, QdrantConnection, QdrantRefused
from cafe24_pipelines.stores.vectors_qdrant_layout import POINT, Cluster, Home, Layout, at_shard
from cafe24_pipelines.stores.vectors_qdrant_markers import Marker, Markers, scrolled
from cafe24_pipelines.stores.vectors_qdrant_publish import Build, Publication, unit

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import QueryRequest, Record, ScoredPoint, SearchParams

T = TypeVar("T")
_log = logging.getLogger(__name__)
EXACT_POINTS: Final = 20_000
"""Malls up to this size are searched exactly: a millisecond or two; larger ones through the graph, rescored."""
HNSW_EF: Final = 256
OVERSAMPLING: Final = 2.0
SPARE: Final = {DENSE: 1, SPARSE: 16}
"""Hits fetched beyond what is wanted, to see ties at the edge; scores of words tie often."""
_PAGE = 256
_TRIES = 5


class QdrantVectors:
    """The same contract as the embedded store, over HTTP or gRPC. Thread-safe.

    Args:
        url: the server's REST address.
        api_key: its key, or "".
        prefer_grpc: carry calls over gRPC, on `grpc_port` of the same host.
        grpc_port: the port for that.
        cluster: shards and replicas of the collections that are made.
        client: a client to use as it is, for tests.
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        prefer_grpc: bool = False,
        grpc_port: int = 6334,
        cluster: Cluster | None = None,
        client: "QdrantClient | None" = None,
    ) -> None:
        self.url = url
        self._cluster = cluster or Cluster()
        self._connection = QdrantConnection(url, api_key, prefer_grpc=prefer_grpc, grpc_port=grpc_port, client=client)
        self._layout = Layout(self._connection, self._cluster)
        self._markers = Markers(self._connection)
        self._read: dict[tuple[str, str], Marker] = {}
        self._counted: set[tuple[str, Any]] = set()

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
        """Upload what changed beside what is published, verify, switch readers, remove the old.

        Raises:
            ConfigError: the server does not answer, refuses the key, or has a version that does not fit.
            Cafe24Error: the server holds another number of points than was given; points of two encoders; another
                publication of this mall began meanwhile; the server refuses (a full disk, say).
        """
        home = Home(collection, model, dense_size, self._cluster.shards)
        build = Build(home, mall_id, encoder, build_id, digest)
        return Publication(self._connection, self._layout, self._markers, build).run(points)

    def points(self, mall_id: str, collection: str) -> dict[str, Point]:
        """The published points with vectors, by id; empty before the first build."""

        def scroll(marker: Marker) -> dict[str, Point]:
            vectors = {"with_payload": True, "with_vectors": True}
            records = scrolled(self._connection, marker, _PAGE, READING_SECONDS, **vectors)
            return {point.point_id: point for point in (_point(record, marker.size) for record in records)}

        marker = self._standing(mall_id, collection)
        return self._whole(mall_id, collection, marker, scroll) if marker else {}

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
        """As the embedded store; the dense ranking of a mall of more than 20,000 points is approximate.

        A publication that ends during the search makes it search again.

        Raises:
            NotBuilt: the collection has not been published for this mall, or by an older version of ours.
            WrongEncoder: the published vectors are of another encoder than the question's.
            ConfigError: the server does not answer or refuses the key.
        """
        hidden = any(name.startswith("_") for name in filters or {})

        def query(marker: Marker) -> list[Hit]:
            check_encoder(collection, (marker.encoder, marker.size), encoder, dense)
            if limit < 1 or hidden or (dense is None and sparse is None):
                return []
            return self._query(marker, dense, sparse, limit, filters)

        known = self._read.get((mall_id, collection))
        if known is not None and encoder not in ("", known.encoder):
            known = None
        return self._whole(mall_id, collection, known or self._marker(mall_id, collection), query)

    def counts(self, mall_id: str) -> dict[str, int]:
        """Published points by collection, for collections that exist."""
        return {marker.collection: marker.points for marker in self._markers.of_mall(mall_id)}

    def published(self, mall_id: str, collection: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published collection, or None.

        None also for one of an older layout, and for one whose points the server has lost: both are published anew
        by the next run.
        """
        marker = self._standing(mall_id, collection)
        return (marker.build_id, marker.digest) if marker else None

    def close(self) -> None:
        """Close the connection; a later call opens it again, unless the client was given."""
        self._read.clear()
        self._counted.clear()
        self._connection.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _marker(self, mall_id: str, collection: str) -> Marker:
        marker = self._markers.read(mall_id, collection)
        if marker is None:
            raise NotBuilt(
                f"collection {collection} has no vectors for mall {mall_id!r} yet", remedy="run `cafe24 run`"
            )
        if not marker.turns:
            older = "was published by an older version" if marker.leaving else "has no complete build"
            raise NotBuilt(
                f"collection {collection} of mall {mall_id!r} {older}",
                remedy="run `cafe24 run` or `cafe24 rebuild vectors`: it is published anew",
            )
        return marker

    def _standing(self, mall_id: str, collection: str) -> Marker | None:
        """The marker of a build that the server holds whole; counted once a build and connection."""
        for _ in range(_TRIES):
            marker = self._markers.read(mall_id, collection)
            if marker is None or not marker.turns or (marker.key, marker.build) in self._counted:
                return marker if marker and marker.turns else None
            stored = self._stored(marker)
            if stored == marker.points:
                self._counted.add((marker.key, marker.build))
                return marker
            now = self._markers.read(mall_id, collection)
            if now is not None and now.build == marker.build:
                _log.warning("%s of %s holds %d of %d points", collection, mall_id, stored, marker.points)
                return None
        return None

    def _stored(self, marker: Marker) -> int:
        visible, at = marker.visible(), at_shard(marker.physical, marker.mall_id)
        try:
            return self._connection.ask(
                lambda c: c.count(marker.physical, count_filter=visible, exact=True, **at)
            ).count
        except QdrantRefused as e:
            if e.status != 404:
                raise
            return 0

    def _whole(self, mall_id: str, collection: str, marker: Marker, read: Callable[[Marker], T]) -> T:
        """What `read` finds in one build: read again when another build was published meanwhile.

        The marker may be one that an earlier read left: what counts is that it still stands afterwards.
        """
        for _ in range(_TRIES):
            problem: Cafe24Error | None = None
            try:
                result = read(marker)
            except (QdrantRefused, WrongEncoder) as e:
                if isinstance(e, QdrantRefused) and e.status != 404:
                    raise
                problem = e
            now = self._marker(mall_id, collection)
            self._read[mall_id, collection] = now
            if now.build == marker.build:
                if isinstance(problem, QdrantRefused):
                    raise Cafe24Error(
                        f"the published vectors are gone ({problem.what})", where=self.url,
                        remedy="run `cafe24 run` or `cafe24 rebuild vectors`: they are published anew",
                    ) from problem  # fmt: skip
                if problem is not None:
                    raise problem
                return result
            marker = now
        raise Cafe24Error(
            f"collection {collection} is published faster than it can be read",
            remedy="let one run end, then ask again",
        )

    def _query(
        self,
        marker: Marker,
        dense: Sequence[float] | None,
        sparse: Sparse | None,
        limit: int,
        filters: Mapping[str, str] | None,
    ) -> list[Hit]:
        """Both rankings in one request. They are fused here: the server ranks ties as they lie on its disk."""
        both = dense is not None and sparse is not None
        depth = max(limit, CANDIDATES) if both else limit
        asked = _requests(marker, dense, sparse, depth, filters)
        found = self._connection.ask(lambda c: c.query_batch_points(marker.physical, requests=asked))
        tied = [i for i, one in enumerate(found) if _is_tied(one.points, depth, asked[i].limit)]
        if tied:
            more = [asked[i].model_copy(update={"limit": depth + TIES}) for i in tied]
            again = self._connection.ask(lambda c: c.query_batch_points(marker.physical, requests=more))
            for i, one in zip(tied, again, strict=True):
                found[i] = one
        rankings = [ranked((_hit(p.payload or {}, p.score) for p in one.points), depth) for one in found]
        return fuse(rankings, limit) if both else rankings[0]


def _requests(
    marker: Marker,
    dense: Sequence[float] | None,
    sparse: Sparse | None,
    depth: int,
    filters: Mapping[str, str] | None,
) -> "list[QueryRequest]":
    """One query a vector, each within the mall's visible points; IDF is counted over exactly those."""
    from qdrant_client import models as m

    asked: list[tuple[Any, str, m.SearchParams]] = []
    if sparse is not None:
        vector = m.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
        asked.append((vector, SPARSE, m.SearchParams(exact=True, idf=m.IdfCorpusParams(corpus=marker.visible()))))
    if dense is not None:
        padded = [*unit(dense).tolist(), *([0.0] * (Home("", "", marker.size).padded - marker.size))]
        asked.append((padded, DENSE, _dense_params(marker.points, depth)))
    wanted = marker.visible(filters)
    key = at_shard(marker.physical, marker.mall_id).get("shard_key_selector")
    return [
        m.QueryRequest(
            query=m.NearestQuery(nearest=vector), using=using, filter=wanted, params=params,
            limit=depth + SPARE[using], with_payload=True, shard_key=key,
        )
        for vector, using, params in asked
    ]  # fmt: skip


def _is_tied(points: "Sequence[ScoredPoint]", depth: int, limit: int | None) -> bool:
    """Whether points that score as the last one wanted may lie beyond what was fetched."""
    full = len(points) == limit
    return full and round(points[depth - 1].score, 6) == round(points[-1].score, 6)


def _dense_params(points: int, depth: int) -> "SearchParams":
    from qdrant_client import models as m

    if points <= EXACT_POINTS:
        return m.SearchParams(exact=True)
    rescored = m.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
    return m.SearchParams(hnsw_ef=max(HNSW_EF, int(OVERSAMPLING * (depth + TIES))), quantization=rescored)


def _public(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if not key.startswith("_")}


def _hit(payload: Mapping[str, Any], score: float) -> Hit:
    return Hit(payload[POINT], float(score), _public(payload))


def _point(record: "Record", size: int) -> Point:
    vectors: Any = record.vector
    payload = record.payload or {}
    sparse = vectors.get(SPARSE)
    stored = Sparse(tuple(sparse.indices), tuple(sparse.values)) if sparse else Sparse((), ())
    return Point(payload[POINT], tuple(vectors[DENSE][:size]), stored, _public(payload))
