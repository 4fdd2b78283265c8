"""Scoring settings offline: what both sides of a search find is gathered once, then put in order again and again.

The questions are the packaged ones in their two halves (`knowledge/evaluation.py`); a score is a question's nDCG@10.
Measured is the order before a reranker. Does not belong here: which settings are looked at (`improve.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.knowledge.evaluation import DEPTH, Question, load_questions, metrics
from cafe24_pipelines.knowledge.ranking import Ranking, in_order
from cafe24_pipelines.knowledge.search import Gathered, Retriever, depth_of
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.vectors import Hit

if TYPE_CHECKING:
    from cafe24_pipelines.learning.bounds import Bounds

METRIC: Final = "ndcg@10"
_READ: Final = ("document_id", "said", "kind", "method")
"""Payload fields that the order rests on."""


class Offline:
    """The questions of one half over a mall's published collections. Nothing is gathered until it is first asked."""

    def __init__(self, retriever: Retriever, half: str, allowed: "Bounds", tell: Callable[[str], None]) -> None:
        depths = allowed.ranges.get("candidates")
        self.depth = depth_of(DEPTH, Ranking(candidates=int(depths.high))) if depths else depth_of(DEPTH, Ranking())
        self.retriever, self.half, self.tell = retriever, half, tell
        self._gathered: list[tuple[Question, Gathered]] = []

    def __call__(self, ranking: Ranking) -> Sequence[float]:
        """One score a question."""
        if not self._gathered:
            self._gather()
        return [self._score(question, got, ranking) for question, got in self._gathered]

    def _score(self, question: Question, got: Gathered, ranking: Ranking) -> float:
        depth = depth_of(DEPTH, ranking)
        sides = [{name: hits[:depth] for name, hits in side.items()} for side in got.sides]
        placed = in_order(got.question, sides, got.sizes, ranking)
        return metrics([p.hit.payload["document_id"] for p in placed[:DEPTH]], question.grades)[METRIC]

    def _gather(self) -> None:
        hits: dict[str, Hit] = {}  # a chunk comes for many questions; its payload is kept once
        for question in load_questions(self.half):
            got = self.retriever.gather(question.text, self.depth)
            slim = [{name: [_slim(h, hits) for h in found] for name, found in side.items()} for side in got.sides]
            self._gathered.append((question, Gathered(got.question, slim, got.sizes)))
        self.tell(f"{self.half}: {len(self._gathered)} questions gathered")


def corpus_of(retriever: Retriever) -> str:
    """A name of what the scores are of: the published collections and the questions."""
    from cafe24_pipelines.names import COLLECTIONS

    published = [retriever.vectors.published(retriever.mall_id, name) for name in COLLECTIONS]
    return json_digest([published, [[q.question_id, q.text, dict(q.grades)] for q in load_questions()]])


def _slim(hit: Hit, known: dict[str, Hit]) -> Hit:
    first = known.setdefault(hit.point_id, hit)
    if first is hit:
        slim = {name: hit.payload[name] for name in _READ if name in hit.payload}
        first = known[hit.point_id] = replace(hit, payload=slim)
    return Hit(first.point_id, hit.score, first.payload)
