"""The small protocol that both vector back ends keep, and the points it takes.

Each collection of a mall is published whole: readers see the last complete build. Every search is scoped to one
mall, and IDF is counted within that mall's points. Back ends: `vectors_embedded.py` (Qdrant's engine in process),
`vectors_qdrant.py` (a Qdrant server).

Does not belong here: chunking, tokens, encoders (see `knowledge/`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cafe24_pipelines.errors import Cafe24Error


class WrongEncoder(Cafe24Error):
    """Vectors of two encoders can't be compared: the question's and the collection's differ."""


@dataclass(frozen=True)
class Sparse:
    """A sparse vector: token ids (uint32) and weights; the engine multiplies by IDF."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """One chunk: `point_id` is a uuid5 of its content's source, `payload` holds text, source, hash, encoder."""

    point_id: str
    dense: Sequence[float]
    sparse: Sparse
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Hit:
    """One search result; `score` is the fused (RRF) score, higher is better."""

    point_id: str
    score: float
    payload: Mapping[str, Any] = field(default_factory=dict)


RRF_K: Final = 60
"""Damping of reciprocal rank fusion, as in its paper (Cormack, Clarke and Buettcher 2009)."""
TIES: Final = 64
"""Hits fetched beyond what is wanted, so that ties at the edge are cut by id and not by an engine's order."""


def ranked(hits: Iterable[Hit], limit: int) -> list[Hit]:
    """Best first, equal scores in the order of ids: engines return ties in an order that differs between builds."""
    return sorted(hits, key=lambda hit: (-round(hit.score, 6), hit.point_id))[:limit]


def fuse(rankings: Iterable[Sequence[Hit]], limit: int) -> list[Hit]:
    """Reciprocal rank fusion of rankings that are best first. Equal scores share a rank, so that the result depends
    on content alone.
    """
    scores: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for ranking in rankings:
        better, previous = 0, None
        for position, hit in enumerate(ranking):
            if round(hit.score, 6) != previous:
                better, previous = position, round(hit.score, 6)
            scores[hit.point_id] = scores.get(hit.point_id, 0.0) + 1.0 / (RRF_K + better)
            hits[hit.point_id] = hit
    return ranked((Hit(key, scores[key], hit.payload) for key, hit in hits.items()), limit)


def of_one_encoder(points: Iterable[Point], encoder: str, mall_id: str) -> Iterator[Point]:
    """The points, as long as none names another encoder in its payload.

    Raises:
        Cafe24Error: one does.
    """
    for point in points:
        made_by = point.payload.get("encoder", encoder)
        if encoder and made_by != encoder:
            raise Cafe24Error(
                f"a point was encoded by {made_by!r}, the collection is encoded by {encoder!r}", where=mall_id,
                remedy="vectors of two encoders can't be compared: encode all anew with `cafe24 rebuild vectors`",
            )  # fmt: skip
        yield point


def check_encoder(collection: str, published: tuple[str, int], encoder: str, dense: Sequence[float] | None) -> None:
    """Refuse a question that the encoder of a published collection did not encode.

    `published` is the encoder ("" when unknown) and the dense size.

    Raises:
        WrongEncoder: the question's encoder or size is another.
    """
    made_by, size = published
    again = "ask again; if that does not help, run `cafe24 rebuild vectors`"
    if encoder and made_by and encoder != made_by:
        raise WrongEncoder(
            f"the question was encoded by {encoder!r}, collection {collection} by {made_by!r}", remedy=again
        )
    if dense is not None and len(dense) != size:
        raise WrongEncoder(
            f"the question has {len(dense)} dimensions, collection {collection} has {size}", remedy=again
        )


class VectorStore(Protocol):
    """Collections of one mall at a time."""

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
        """Replace the collection's points by these and switch readers; returns how many there are.

        `model` names what made the dense vectors ("lsa", or an embedding model), `encoder` its fitted version.

        Raises:
            Cafe24Error: a point's payload names another `encoder`.
        """

    def points(self, mall_id: str, collection: str) -> dict[str, Point]:
        """The published points with vectors, by id (to encode only what changed); empty before the first build."""

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
        """Hybrid search fused by reciprocal rank; one of `dense` and `sparse` may be None.

        Raises:
            NotBuilt: the collection has not been published for this mall.
            WrongEncoder: `encoder` is given and did not encode what is published, or the sizes differ.
        """

    def counts(self, mall_id: str) -> dict[str, int]:
        """Published points by collection, for collections that exist."""

    def published(self, mall_id: str, collection: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published collection, or None."""

    def close(self) -> None:
        """Release files and connections."""
