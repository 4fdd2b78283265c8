"""Scoring settings offline: what both sides of a search find is gathered once, then put in order again and again.

The questions are the packaged ones in their two halves (`knowledge/evaluation.py`). Questions that share an answer
rise and fall together, so they are one piece of evidence: a score is the mean nDCG@10 of such a family. Measured is
the order before a reranker. Does not belong here: which settings are looked at (`improve.py`).
"""

from collections import defaultdict
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
        self._families: list[int] = []

    def __call__(self, ranking: Ranking) -> Sequence[float]:
        """One score a family of questions."""
        if not self._gathered:
            self._gather()
        return by_family([self._score(question, got, ranking) for question, got in self._gathered], self._families)

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
        self._families = families([question for question, _ in self._gathered])
        count = len(set(self._families))
        self.tell(f"{self.half}: {len(self._gathered)} questions of {count} families gathered")


def families(questions: Sequence[Question]) -> list[int]:
    """The family of each question, numbered as they come: questions that share an answer, also by way of others."""
    first: dict[str, str] = {}

    def root(document: str) -> str:
        while first.setdefault(document, document) != document:
            document = first[document]
        return document

    for question in questions:
        one, *others = sorted(question.answers or question.grades)
        for other in others:
            first[root(other)] = root(one)
    roots = [root(min(question.answers or question.grades)) for question in questions]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(roots))}
    return [numbers[name] for name in roots]


def by_family(scores: Sequence[float], of: Sequence[int]) -> list[float]:
    """The mean score of each family; rounded, so that equal orders are ties."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for score, family in zip(scores, of, strict=True):
        found[family].append(score)
    return [round(sum(found[n]) / len(found[n]), 9) for n in sorted(found)]


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
