"""From chunks that two sides of a search found to one order of documents.

A document counts on a side by its best chunk of its own text and by the best of what people say for it; the sides'
scores, each as a share of its best one, are added. Shares keep how far a hit is ahead, which ranks alone lose. Does
not belong here: asking the vector store (see `search.py`), another model's opinion (see `rerank.py`).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafe24_pipelines.names import CRM_KNOWLEDGE
from cafe24_pipelines.stores.vectors import Hit

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.questions import Question

CHANNELS = ("sparse", "dense")


@dataclass(frozen=True)
class Ranking:
    """What weighs how much. The defaults are the shipped order; a mall may have promoted others (`learning/`).

    Attributes:
        sparse, dense: what a side's best hit weighs. The words weigh more: the built-in dense model knows nothing but
            this corpus.
        said: what people say for a document weighs less than what it says itself.
        both: share of the weaker of the two that is added.
        guide, resource: guides are few and each answers many questions; an endpoint is one of hundreds that look
            alike.
        method: how much more an endpoint weighs that does what the question wants to do: look, register, change or
            delete.
        advice: how much more an article on practice weighs when advice is asked for, and less when the API is named.
        candidates: at least this many chunks of a collection are looked at on each side.
    """

    sparse: float = 1.0
    dense: float = 0.6
    said: float = 0.7
    both: float = 0.15
    guide: float = 1.15
    resource: float = 1.05
    method: float = 1.05
    advice: float = 1.25
    candidates: int = 80

    def side(self, channel: str) -> float:
        """What a side's best hit weighs."""
        return self.sparse if channel == "sparse" else self.dense

    def kind(self, kind: str) -> float:
        """What speaks for a kind of document."""
        return {"guide": self.guide, "resource": self.resource}.get(kind, 1.0)


SHIPPED = Ranking()


@dataclass(frozen=True)
class Placed:
    """A document in its place: its collection, its best chunk, the score that put it there, and what people say."""

    collection: str
    hit: Hit
    score: float
    said: str = ""


def in_order(
    question: "Question",
    sides: Sequence[Mapping[str, Sequence[Hit]]],
    sizes: Mapping[str, int],
    ranking: Ranking = SHIPPED,
) -> list[Placed]:
    """Documents best first, equal ones in the order of ids.

    Args:
        question: says whether advice or the API is asked for.
        sides: for each of `CHANNELS` the hits by collection.
        sizes: points of each collection.
        ranking: what weighs how much.
    """
    scores: dict[tuple[str, str], float] = {}
    best: dict[tuple[str, str], tuple[float, Hit]] = {}
    for channel, hits in zip(CHANNELS, sides, strict=True):
        documents = {key: found for key, found in _documents(channel, hits, question, sizes, ranking) if found[0] > 0}
        top = max((score for score, _ in documents.values()), default=0.0)
        for key, (score, hit) in documents.items():
            share = ranking.side(channel) * score / top
            scores[key] = scores.get(key, 0.0) + share
            if key not in best or share > best[key][0]:
                best[key] = (share, hit)
    order = sorted(scores, key=lambda key: (-round(scores[key], 6), key))
    said = _said(sides)
    return [Placed(key[0], best[key][1], scores[key], said.get(key, "")) for key in order]


def _said(sides: Sequence[Mapping[str, Sequence[Hit]]]) -> dict[tuple[str, str], str]:
    """The best saying that was found for each document."""
    found: dict[tuple[str, str], str] = {}
    for side in sides:
        for collection, hits in side.items():
            for hit in hits:
                if text := hit.payload.get("said"):
                    found.setdefault((collection, hit.payload["document_id"]), text)
    return found


def _documents(
    channel: str,
    hits: Mapping[str, Sequence[Hit]],
    question: "Question",
    sizes: Mapping[str, int],
    ranking: Ranking,
) -> Iterator[tuple[tuple[str, str], tuple[float, Hit]]]:
    """(collection, document), its score on this side, and its best chunk."""
    largest = max(sizes.values(), default=0)
    for collection, of_collection in hits.items():
        weight = _of_collection(collection, question, ranking)
        if channel == "sparse":  # each collection counts its own IDF, which grows with the logarithm of its size
            weight *= math.log(largest + 2) / math.log(sizes[collection] + 2)
        own: dict[str, Hit] = {}
        said: dict[str, Hit] = {}
        for hit in of_collection:
            (said if hit.payload.get("said") else own).setdefault(hit.payload["document_id"], hit)
        for document in {**own, **said}:
            texts = [(1.0, own[document])] if document in own else []
            texts += [(ranking.said, said[document])] if document in said else []
            ranked = sorted(((share * hit.score, hit) for share, hit in texts), key=lambda x: -x[0])
            score = ranked[0][0] + (ranking.both * ranked[1][0] if len(ranked) > 1 else 0.0)
            yield (collection, document), (weight * _prior(ranked[0][1], question, ranking) * score, ranked[0][1])


def _prior(hit: Hit, question: "Question", ranking: Ranking) -> float:
    """What speaks for a document beside its words: its kind, and its method."""
    method = hit.payload.get("method")
    wanted = ranking.method if method and method == question.method else 1.0
    return ranking.kind(hit.payload.get("kind", "")) * wanted


def _of_collection(collection: str, question: "Question", ranking: Ranking) -> float:
    if collection != CRM_KNOWLEDGE:
        return 1.0
    return (ranking.advice if question.advice else 1.0) / (ranking.advice if question.api else 1.0)
