"""Hybrid retrieval: a question becomes a sparse and a dense query, and passages come back best first.

Paths, `METHOD path` and field names are tokens of their own, so an exact mention is found by the sparse side, where
rarity makes it weigh. Does not belong here: what is done with passages (see `answers/`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.knowledge.index import encoder_of
from cafe24_pipelines.names import COLLECTIONS
from cafe24_pipelines.stores.vectors import Hit, WrongEncoder, fuse, ranked

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.encoder import Encoded, EncoderStore
    from cafe24_pipelines.stores.vectors import VectorStore

CHUNKS_PER_DOCUMENT = 8
"""How many chunks are looked at for each document wanted, since several may be of one document."""


@dataclass(frozen=True)
class Found:
    """One document by its best chunk. `score` is the reciprocal-rank score: an order, not a probability."""

    document_id: str
    chunk_id: str
    score: float
    title: str
    text: str
    collection: str
    kind: str
    source: str


@dataclass(frozen=True)
class _Asked:
    """A question as vectors, and the version of the encoder that made them."""

    encoder: str
    vectors: "Encoded"


class Retriever:
    """Searches one mall's published collections, each with the encoder that it was published with."""

    def __init__(self, vectors: "VectorStore", encoders: "EncoderStore", mall_id: str) -> None:
        self.vectors, self.encoders, self.mall_id = vectors, encoders, mall_id

    def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        limit: int = 5,
        filters: Mapping[str, str] | None = None,
    ) -> list[Found]:
        """At most `limit` documents, best first, each once; nothing for a query without a word.

        Args:
            query: a question in Korean or English, a path, a field name.
            collection: one collection; None searches all that are published, ranked together.
            limit: documents.
            filters: payload values that must be equal, such as `{"kind": "endpoint"}`.

        Raises:
            NotBuilt: the collection (or, with None, every collection) has not been published for this mall.
        """
        try:
            return self._search(query, collection, limit, filters)
        except WrongEncoder:  # published anew, by another encoder, while the question was being encoded
            return self._search(query, collection, limit, filters)

    # -- inside ----------------------------------------------------------------------------------------------

    def _search(
        self, query: str, collection: str | None, limit: int, filters: Mapping[str, str] | None
    ) -> list[Found]:
        encoded = self._encode(query, [collection] if collection else COLLECTIONS)
        if not encoded:
            raise NotBuilt(
                f"nothing to search for mall {self.mall_id!r} yet" if collection is None
                else f"collection {collection!r} has no vectors for mall {self.mall_id!r} yet",
                remedy="run `cafe24 run`",
            )  # fmt: skip
        depth = limit * CHUNKS_PER_DOCUMENT
        if len(encoded) == 1:
            name, vectors = next(iter(encoded.items()))
            hits = [(name, hit) for hit in self._ask(name, vectors, depth, filters)]
        else:
            hits = self._together(encoded, depth, filters)
        return _best_per_document(hits, limit)

    def _encode(self, query: str, collections: Iterable[str]) -> "dict[str, _Asked]":
        """The query's vectors for each published collection; encoded once for each encoder version."""
        builds = {name: self.vectors.published(self.mall_id, name) for name in collections}
        versions = {name: encoder_of(build[0]) for name, build in builds.items() if build}
        by_version = {v: self.encoders.load(v).encode_query(query) for v in sorted(set(versions.values()))}
        return {name: _Asked(version, by_version[version]) for name, version in versions.items()}

    def _ask(
        self, collection: str, asked: "_Asked", limit: int, filters: Mapping[str, str] | None, *, channel: str = ""
    ) -> list[Hit]:
        """Hits by both sides, or by one (`channel` "dense" or "sparse")."""
        vectors = asked.vectors
        dense = vectors.dense if channel != "sparse" else None
        sparse = vectors.sparse if vectors.sparse.indices and channel != "dense" else None
        if dense is None and sparse is None:
            return []
        return self.vectors.search(
            self.mall_id, collection, dense=dense, sparse=sparse, limit=limit, filters=filters, encoder=asked.encoder
        )

    def _together(
        self, encoded: "dict[str, _Asked]", depth: int, filters: Mapping[str, str] | None
    ) -> list[tuple[str, Hit]]:
        """One sparse and one dense ranking over all collections, fused.

        Fusing the collections' own rankings instead would put the best hit of a collection that has no answer level
        with the answer.
        """
        collections: dict[str, str] = {}
        rankings = []
        for channel in ("sparse", "dense"):
            found = []
            for name, vectors in encoded.items():
                hits = self._ask(name, vectors, depth, filters, channel=channel)
                collections |= {hit.point_id: name for hit in hits}
                found += hits
            rankings.append(ranked(found, depth))
        return [(collections[hit.point_id], hit) for hit in fuse(rankings, 2 * depth)]


def _best_per_document(hits: Iterable[tuple[str, Hit]], limit: int) -> list[Found]:
    found: dict[tuple[str, str], Found] = {}
    for collection, hit in hits:
        p = hit.payload
        key = (collection, p["document_id"])
        if key not in found and len(found) < limit:
            found[key] = Found(
                p["document_id"], hit.point_id, hit.score, p["title"], p["text"], collection, p["kind"], p["source"]
            )
    return list(found.values())
