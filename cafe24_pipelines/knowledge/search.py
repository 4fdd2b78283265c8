"""Hybrid retrieval: a question becomes a sparse and a dense query, and documents come back best first.

Paths, `METHOD path` and field names are tokens of their own, so an exact mention is found by the sparse side, where
rarity makes it weigh. How hits become one order of documents is in `ranking.py`. Does not belong here: understanding
the question (see `questions.py`), what is done with passages (see `answers/`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cafe24_pipelines.errors import BadInput, NotBuilt
from cafe24_pipelines.knowledge.index import encoder_of
from cafe24_pipelines.knowledge.ranking import CHANNELS, Placed, Ranking, in_order
from cafe24_pipelines.knowledge.rerank import AsRetrieved
from cafe24_pipelines.names import COLLECTIONS
from cafe24_pipelines.stores.vectors import Hit, WrongEncoder

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.encoder import Encoded, EncoderStore
    from cafe24_pipelines.knowledge.questions import Question
    from cafe24_pipelines.knowledge.rerank import Reranker
    from cafe24_pipelines.stores.vectors import VectorStore

CHUNKS_PER_DOCUMENT = 8
"""How many chunks are looked at for each document wanted, since several may be of one document."""
FILTERS = ("kind", "language", "resource", "version", "method", "scope", "source", "document_id", "path", "title")
"""Payload fields that a search may be narrowed by; the mall always is one."""


@dataclass(frozen=True)
class Found:
    """One document by its best chunk. `score` says the order, and is no probability.

    `said` is what people say for the document, when that is among the reasons that it was found.
    """

    document_id: str
    chunk_id: str
    score: float
    title: str
    text: str
    collection: str
    kind: str
    source: str
    said: str = ""


@dataclass(frozen=True)
class _Asked:
    """A question as vectors, the version of the encoder that made them, and the build that it is asked of."""

    build: str
    encoder: str
    question: "Question"
    vectors: "Encoded"


@dataclass(frozen=True)
class Gathered:
    """What both sides of a search found for a question, before it is put in order (the arguments of `in_order`)."""

    question: "Question"
    sides: list[dict[str, list[Hit]]]
    sizes: dict[str, int]


class Retriever:
    """Searches one mall's published collections, each with the encoder that it was published with.

    `reranker` puts the best documents in another order by reading them; by default they stay as they were found.
    `ranking` says what weighs how much, asked once a search; by default as shipped.
    """

    def __init__(
        self,
        vectors: "VectorStore",
        encoders: "EncoderStore",
        mall_id: str,
        reranker: "Reranker | None" = None,
        ranking: Callable[[], Ranking] = Ranking,
    ) -> None:
        self.vectors, self.encoders, self.mall_id = vectors, encoders, mall_id
        self.ranking = ranking
        self.reranker: Reranker = reranker or AsRetrieved()
        self._sizes: dict[tuple[str, str], int] = {}

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
            filters: payload values that must be equal, such as `{"kind": "endpoint", "resource": "orders"}`.

        Raises:
            NotBuilt: the collection (or, with None, every collection) has not been published for this mall.
            BadInput: a filter names a field that documents don't have.
            ConfigError: an embedding model is configured and does not answer.
        """
        if unknown := sorted(set(filters or ()) - set(FILTERS)):
            raise BadInput(f"documents can't be filtered by {unknown}", remedy=f"use one of: {', '.join(FILTERS)}")
        depth = max(limit, self.reranker.depth)
        try:
            found = self._search(query, collection, depth, filters)
        except WrongEncoder:  # published anew, by another encoder, while the question was being encoded
            found = self._search(query, collection, depth, filters)
        return self._reranked(query, found)[:limit]

    def gather(
        self, query: str, depth: int, *, collection: str | None = None, filters: Mapping[str, str] | None = None
    ) -> Gathered:
        """So many hits of each side and collection, as they come from the vector store.

        Raises:
            NotBuilt, ConfigError, WrongEncoder: as of `search`.
        """
        asked = self._encode(query, [collection] if collection else COLLECTIONS)
        if not asked:
            raise NotBuilt(
                f"nothing to search for mall {self.mall_id!r} yet" if collection is None
                else f"collection {collection!r} has no vectors for mall {self.mall_id!r} yet",
                remedy="run `cafe24 run`",
            )  # fmt: skip
        sides = [
            {name: self._ask(name, one, depth, filters, channel) for name, one in asked.items()}
            for channel in CHANNELS
        ]
        question = next(iter(asked.values())).question
        return Gathered(question, sides, {name: self._size(name, one.build) for name, one in asked.items()})

    # -- inside ----------------------------------------------------------------------------------------------

    def _search(
        self, query: str, collection: str | None, limit: int, filters: Mapping[str, str] | None
    ) -> list[Found]:
        ranking = self.ranking()
        got = self.gather(query, depth_of(limit, ranking), collection=collection, filters=filters)
        return [_found(placed) for placed in in_order(got.question, got.sides, got.sizes, ranking)[:limit]]

    def _encode(self, query: str, collections: Iterable[str]) -> "dict[str, _Asked]":
        """The query's vectors for each published collection; encoded once for each encoder version."""
        published = {name: self.vectors.published(self.mall_id, name) for name in collections}
        builds = {name: build[0] for name, build in published.items() if build}
        versions = sorted({encoder_of(build) for build in builds.values()})
        by_version = {v: self.encoders.load(v).encode_question(query) for v in versions}
        return {
            name: _Asked(build, encoder_of(build), *by_version[encoder_of(build)]) for name, build in builds.items()
        }

    def _ask(
        self, collection: str, asked: "_Asked", limit: int, filters: Mapping[str, str] | None, channel: str
    ) -> list[Hit]:
        """Hits by one side of the question; none when it has no such side."""
        dense = asked.vectors.dense if channel == "dense" else None
        sparse = asked.vectors.sparse if channel == "sparse" and asked.vectors.sparse.indices else None
        if dense is None and sparse is None:
            return []
        return self.vectors.search(
            self.mall_id, collection, dense=dense, sparse=sparse, limit=limit, filters=filters, encoder=asked.encoder
        )

    def _size(self, collection: str, build: str) -> int:
        """Points of a published build; counted once."""
        if (collection, build) not in self._sizes:
            kept = {key: points for key, points in self._sizes.items() if key[0] != collection}
            self._sizes = {**kept, (collection, build): self.vectors.counts(self.mall_id).get(collection, 0)}
        return self._sizes.get((collection, build), 0)

    def _reranked(self, query: str, found: list[Found]) -> list[Found]:
        """The first documents in the reranker's order and with its scores, the others after them."""
        head, rest = found[: self.reranker.depth], found[self.reranker.depth :]
        if len(head) < 2:
            return found
        scores = self.reranker.scores(query, [f"{f.title}\n{f.text}" for f in head])
        if scores is None:
            return found
        order = sorted(range(len(head)), key=lambda i: (-scores[i], i))
        return [*(replace(head[i], score=scores[i]) for i in order), *rest]


def depth_of(limit: int, ranking: Ranking) -> int:
    """How many chunks a side is asked for, so that `limit` documents are among them."""
    return max(limit * CHUNKS_PER_DOCUMENT, ranking.candidates)


def filters_of(said: Iterable[str]) -> dict[str, str]:
    """Filters from `FIELD=VALUE` texts.

    Raises:
        BadInput: one is no such pair.
    """
    pairs = [text.partition("=") for text in said]
    if wrong := [name for name, sign, value in pairs if not (name and sign and value)]:
        raise BadInput(f"{wrong[0]!r} is no FIELD=VALUE", remedy="write, for example, resource=orders")
    return {name: value for name, _, value in pairs}


def _found(placed: Placed) -> Found:
    p = placed.hit.payload
    return Found(
        p["document_id"], placed.hit.point_id, placed.score, p["title"], p["text"], placed.collection, p["kind"],
        p["source"], placed.said,
    )  # fmt: skip
