"""Vectors on a Qdrant server: collections shared by all malls, each mall's build switched by one marker.

Points of a build carry `_build`; the collection `cafe24_builds` holds one marker a mall and collection that names the
published build. A publication uploads beside the published points, counts, moves the marker (one upsert, so readers
see the old build or the new) and then deletes the old points. Collections are per vector size
(`cafe24_api_docs__d128`), since a small mall's encoder may have fewer dimensions than another's.

Does not belong here: encoding; the embedded engine (see `vectors_embedded.py`).
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.errors import Cafe24Error, ConfigError, NotBuilt
from cafe24_pipelines.stores.vectors import TIES, Hit, Point, Sparse, fuse, ranked
from cafe24_pipelines.stores.vectors_embedded import CANDIDATES, DENSE, SPARSE

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Filter, Record

MARKERS = "cafe24_builds"
INDEXED = ("mall_id", "_build", "document_id", "kind", "resource", "method")
_NAMESPACE = uuid.UUID("0b9d6d64-8f0c-5a6e-8a55-3f1f2b7c6e10")
_BATCH = 128
_TRIES = 5


class QdrantVectors:
    """The same contract as the embedded store, over HTTP or gRPC. One publisher a mall at a time."""

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        prefer_grpc: bool = False,
        client: "QdrantClient | None" = None,
    ) -> None:
        self.url = url
        self._api_key = api_key
        self._prefer_grpc = prefer_grpc
        self._made = client

    def publish(
        self,
        mall_id: str,
        collection: str,
        points: Iterable[Point],
        *,
        dense_size: int,
        build_id: str,
        digest: str,
    ) -> int:
        """Upload the points beside the published ones, verify, switch readers, delete the old ones.

        Raises:
            ConfigError: the server does not answer or refuses the key.
            Cafe24Error: the server holds another number of points than was sent.
        """
        with self._server() as client:
            before = self._marker(client, mall_id, collection)
            turn = before["turn"] + 1 if before else 1
            physical = f"{collection}__d{dense_size}"
            tag = f"{build_id}.{turn}"
            self._ensure(client, physical, dense_size)
            self._delete_others(client, physical, mall_id, before["tag"] if before else "")  # what a kill left
            count = self._upload(client, physical, mall_id, tag, points)
            marker = {
                "mall_id": mall_id, "collection": collection, "physical": physical, "tag": tag, "turn": turn,
                "build_id": build_id, "digest": digest, "points": count,
            }  # fmt: skip
            self._mark(client, marker)
            self._delete_others(client, physical, mall_id, tag)
            if before and before["physical"] != physical:
                self._delete_others(client, before["physical"], mall_id, tag)
        return count

    def points(self, mall_id: str, collection: str) -> dict[str, Point]:
        """The published points with vectors, by id; empty before the first build."""
        with self._server() as client:
            marker = self._marker(client, mall_id, collection)
            result: dict[str, Point] = {}
            offset: Any = None
            while marker:
                records, offset = client.scroll(
                    marker["physical"], scroll_filter=_of_build(marker), limit=_BATCH, offset=offset,
                    with_payload=True, with_vectors=True,
                )  # fmt: skip
                result |= {point.point_id: point for point in map(_point, records)}
                if offset is None:
                    break
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
    ) -> list[Hit]:
        """As the embedded store. A publication that ends during the search makes it search again.

        Raises:
            NotBuilt: the collection has not been published for this mall.
            ConfigError: the server does not answer or refuses the key.
        """
        with self._server() as client:
            marker = self._marker(client, mall_id, collection)
            for _ in range(_TRIES):
                if marker is None:
                    raise NotBuilt(
                        f"collection {collection} has no vectors for mall {mall_id!r} yet", remedy="run `cafe24 run`"
                    )
                if limit < 1 or (dense is None and sparse is None):
                    return []
                hits = _query(client, marker, dense, sparse, limit=limit, filters=filters)
                now = self._marker(client, mall_id, collection)
                if now == marker:
                    return hits
                marker = now
        raise Cafe24Error(
            f"collection {collection} is published faster than it can be read",
            remedy="let one run end, then ask again",
        )

    def counts(self, mall_id: str) -> dict[str, int]:
        """Published points by collection, for collections that exist."""
        from qdrant_client import models as m

        with self._server() as client:
            if not client.collection_exists(MARKERS):
                return {}
            of_mall = m.Filter(must=[_equal("mall_id", mall_id)])
            records, _ = client.scroll(MARKERS, scroll_filter=of_mall, limit=1000)
        markers = sorted((r.payload or {} for r in records), key=lambda p: p["collection"])
        return {p["collection"]: p["points"] for p in markers}

    def published(self, mall_id: str, collection: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published collection, or None."""
        with self._server() as client:
            marker = self._marker(client, mall_id, collection)
        return (marker["build_id"], marker["digest"]) if marker else None

    def close(self) -> None:
        """Close the connection; a later call opens it again, unless the client was given."""
        if self._made is not None:
            self._made.close()
            self._made = None if self.url else self._made

    # -- inside ----------------------------------------------------------------------------------------------

    @contextmanager
    def _server(self) -> "Iterator[QdrantClient]":
        """The client; its errors become ones that say what to check."""
        from grpc import RpcError
        from qdrant_client import QdrantClient
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            if self._made is None:
                self._made = QdrantClient(
                    url=self.url, api_key=self._api_key or None, prefer_grpc=self._prefer_grpc,
                    timeout=60, check_compatibility=False,
                )  # fmt: skip
            yield self._made
        except UnexpectedResponse as e:
            refused = e.status_code in (401, 403)
            raise ConfigError(
                f"the Qdrant server answered {e.status_code} {e.reason_phrase}", where=self.url,
                remedy="check QDRANT_API_KEY" if refused else "check that QDRANT_URL names a Qdrant of version 1.16+",
            ) from e  # fmt: skip
        except (ResponseHandlingException, RpcError) as e:
            raise ConfigError(
                "the Qdrant server does not answer", where=self.url,
                remedy="start it or correct QDRANT_URL; without a server set CAFE24_VECTORS=embedded",
            ) from e  # fmt: skip

    def _ensure(self, client: "QdrantClient", physical: str, dense_size: int) -> None:
        from qdrant_client import models as m

        if not client.collection_exists(MARKERS):
            client.create_collection(MARKERS, vectors_config={})
        if client.collection_exists(physical):
            return
        client.create_collection(
            physical,
            vectors_config={DENSE: m.VectorParams(size=dense_size, distance=m.Distance.COSINE)},
            sparse_vectors_config={SPARSE: m.SparseVectorParams(modifier=m.Modifier.IDF)},
        )
        for name in INDEXED:
            schema = m.KeywordIndexParams(type=m.KeywordIndexType.KEYWORD, is_tenant=name == "mall_id")
            client.create_payload_index(physical, name, schema)

    def _marker(self, client: "QdrantClient", mall_id: str, collection: str) -> dict[str, Any] | None:
        if not client.collection_exists(MARKERS):
            return None
        records = client.retrieve(MARKERS, ids=[_marker_id(mall_id, collection)], with_payload=True)
        return records[0].payload if records else None

    def _mark(self, client: "QdrantClient", marker: dict[str, Any]) -> None:
        from qdrant_client import models as m

        key = _marker_id(marker["mall_id"], marker["collection"])
        client.upsert(MARKERS, points=[m.PointStruct(id=key, vector={}, payload=marker)], wait=True)

    def _upload(self, client: "QdrantClient", physical: str, mall_id: str, tag: str, points: Iterable[Point]) -> int:
        from qdrant_client import models as m

        sent = 0
        rest = iter(points)
        while batch := list(islice(rest, _BATCH)):
            rows = [
                m.PointStruct(
                    id=str(uuid.uuid5(_NAMESPACE, f"{mall_id}\x1f{tag}\x1f{p.point_id}")),
                    vector={
                        DENSE: list(p.dense),
                        SPARSE: m.SparseVector(indices=list(p.sparse.indices), values=list(p.sparse.values)),
                    },
                    payload={**p.payload, "mall_id": mall_id, "_build": tag, "_point": p.point_id},
                )
                for p in batch
            ]
            client.upsert(physical, points=rows, wait=True)
            sent += len(rows)
        of_build = _of_build({"mall_id": mall_id, "tag": tag})
        stored = client.count(physical, count_filter=of_build, exact=True).count
        if stored != sent:
            raise Cafe24Error(
                f"the server holds {stored} points of {physical} instead of {sent}", where=self.url,
                remedy="check that point ids are unique and the server's disk, then run again",
            )  # fmt: skip
        return sent

    def _delete_others(self, client: "QdrantClient", physical: str, mall_id: str, tag: str) -> None:
        from qdrant_client import models as m

        others = m.Filter(must=[_equal("mall_id", mall_id)], must_not=[_equal("_build", tag)])
        client.delete(physical, points_selector=m.FilterSelector(filter=others), wait=True)


def _query(
    client: "QdrantClient",
    marker: dict[str, Any],
    dense: Sequence[float] | None,
    sparse: Sparse | None,
    *,
    limit: int,
    filters: Mapping[str, str] | None,
) -> list[Hit]:
    from qdrant_client import models as m

    of_build = _of_build(marker)
    wanted = _of_build(marker, filters)
    both = dense is not None and sparse is not None
    depth = max(limit, CANDIDATES) if both else limit
    asked: list[tuple[Any, str, Any]] = []
    if sparse is not None:
        vector = m.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
        asked.append((vector, SPARSE, m.SearchParams(exact=True, idf=m.IdfCorpusParams(corpus=of_build))))
    if dense is not None:
        asked.append((list(dense), DENSE, m.SearchParams(exact=True)))
    rankings = []
    for query, using, params in asked:
        found = client.query_points(
            marker["physical"], query=query, using=using, query_filter=wanted,
            search_params=params, limit=depth + TIES, with_payload=True,
        )  # fmt: skip
        rankings.append(ranked((_hit(point.payload or {}, point.score) for point in found.points), depth))
    return fuse(rankings, limit) if both else rankings[0]


def _equal(key: str, value: str) -> Any:
    from qdrant_client import models as m

    return m.FieldCondition(key=key, match=m.MatchValue(value=value))


def _of_build(marker: Mapping[str, Any], filters: Mapping[str, str] | None = None) -> "Filter":
    """The points of a mall's build, further narrowed by payload values."""
    from qdrant_client import models as m

    scope = {"mall_id": marker["mall_id"], "_build": marker["tag"]}
    pairs = [*scope.items(), *(filters or {}).items()]
    return m.Filter(must=[_equal(key, value) for key, value in pairs])


def _marker_id(mall_id: str, collection: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{mall_id}\x1f{collection}"))


def _public(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if not key.startswith("_")}


def _hit(payload: Mapping[str, Any], score: float) -> Hit:
    return Hit(payload["_point"], float(score), _public(payload))


def _point(record: "Record") -> Point:
    vectors: Any = record.vector
    payload = record.payload or {}
    sparse = vectors.get(SPARSE)
    stored = Sparse(tuple(sparse.indices), tuple(sparse.values)) if sparse else Sparse((), ())
    return Point(payload["_point"], tuple(vectors[DENSE]), stored, _public(payload))
