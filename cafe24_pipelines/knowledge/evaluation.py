"""How well a retriever answers: Korean questions with graded documents, metrics, intervals, paired comparison.

The questions lie in `data/evaluation/`, in two halves: `tuned` is for whoever improves retrieval, `heldout` is only
for measuring. No document is an answer in both. A retriever is any function of a question and a number of documents.
Does not belong here: any retriever, or how its results are printed.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.discovery.statistics import Estimate, bootstrap_mean, sign_test

HALVES: Final = ("tuned", "heldout")
KINDS: Final = ("api_lookup", "how_to", "concept", "field_name", "typo", "colloquial")
ANSWER, HELPS = 2, 1
"""Grades: the document alone answers the question; it leads on but leaves the answer open."""
DEPTH: Final = 10
METRICS: Final = ("hit@1", "hit@5", "hit@10", "mrr@10", "ndcg@10")

Search = Callable[[str, int], list[str]]
"""Of a question and a number: at most so many document ids, best first."""


@dataclass(frozen=True)
class Question:
    """One question; `grades` are the documents that were judged to be of use, all others count as useless.

    `collection` is where its answers lie. It is no filter: a retriever is asked over everything.
    """

    question_id: str
    half: str
    kind: str
    collection: str
    text: str
    grades: Mapping[str, int]

    @property
    def answers(self) -> frozenset[str]:
        """Documents that answer it alone."""
        return frozenset(document for document, grade in self.grades.items() if grade == ANSWER)


@dataclass(frozen=True)
class Scored:
    """What a retriever reached: for each metric one value a question, in their order."""

    questions: tuple[Question, ...]
    values: Mapping[str, tuple[float, ...]]

    def where(self, keep: Callable[[Question], bool]) -> "Scored":
        """The part whose questions are kept."""
        kept = [i for i, question in enumerate(self.questions) if keep(question)]
        return Scored(
            tuple(self.questions[i] for i in kept),
            {name: tuple(column[i] for i in kept) for name, column in self.values.items()},
        )

    def estimates(self, *, seed: int = 0) -> dict[str, Estimate]:
        """The mean of each metric with its 95 % percentile bootstrap interval over questions.

        All metrics see the same draws. There must be a question.
        """
        return {name: _mean(column, seed) for name, column in self.values.items()}


@dataclass(frozen=True)
class Comparison:
    """Two retrievers on the same questions.

    Attributes:
        only_first, only_second: questions that one answers at the first place and the other doesn't.
        p: of the exact McNemar test that both answer equally often at the first place.
        ndcg: mean of the differences of nDCG@10, first minus second, with its paired bootstrap interval.
    """

    only_first: int
    only_second: int
    p: float
    ndcg: Estimate


def load_questions(half: str = "") -> tuple[Question, ...]:
    """The questions of one half, or of both, in the order of the files."""
    from cafe24_pipelines.knowledge.package_data import csv_rows

    return tuple(
        Question(row["question_id"], name, row["kind"], row["collection"], row["question"], _grades(row))
        for name in ([half] if half else HALVES)
        for row in csv_rows(f"evaluation/{name}.csv")
    )


def evaluate(search: Search, questions: Iterable[Question]) -> Scored:
    """Ask every question for ten documents. A document that comes twice counts where it came first."""
    asked = tuple(questions)
    rows = [metrics(list(dict.fromkeys(search(q.text, DEPTH)))[:DEPTH], q.grades) for q in asked]
    return Scored(asked, {name: tuple(row[name] for row in rows) for name in METRICS})


def metrics(found: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    """The metrics of one ranking of different documents.

    `hit@k`: 1 if a document that answers is among the first k, else 0. With several documents that answer alike, one
    is enough; this is what question answering calls recall@k. `mrr@10`: 1 / rank of the first such document, 0 beyond
    ten. `ndcg@10`: gain 3 for an answer and 1 for help, discounted by log2(rank + 1), over the best possible order.
    """
    ranks = [rank for rank, document in enumerate(found[:DEPTH], 1) if grades.get(document) == ANSWER]
    first = ranks[0] if ranks else math.inf
    ideal = _dcg(sorted(grades.values(), reverse=True)[:DEPTH])
    gained = _dcg([grades.get(document, 0) for document in found[:DEPTH]])
    return {
        "hit@1": float(first <= 1),
        "hit@5": float(first <= 5),
        "hit@10": float(first <= DEPTH),
        "mrr@10": 1 / first,
        "ndcg@10": gained / ideal if ideal else 0.0,
    }


def compare(first: Scored, second: Scored, *, seed: int = 0) -> Comparison:
    """Paired comparison on the questions of both.

    Raises:
        ValueError: they were not asked the same questions in the same order.
    """
    if first.questions != second.questions:
        raise ValueError("a paired comparison needs the same questions in the same order")
    pairs = list(zip(first.values["hit@1"], second.values["hit@1"], strict=True))
    only_first, only_second = sum(a > b for a, b in pairs), sum(b > a for a, b in pairs)
    differences = [a - b for a, b in zip(first.values["ndcg@10"], second.values["ndcg@10"], strict=True)]
    return Comparison(only_first, only_second, sign_test(only_first, only_second), _mean(differences, seed))


# -- inside ------------------------------------------------------------------------------------------------------


def _grades(row: Mapping[str, str]) -> dict[str, int]:
    def listed(cell: str) -> list[str]:
        return [document.strip() for document in cell.split("|") if document.strip()]

    return dict.fromkeys(listed(row["helps"]), HELPS) | dict.fromkeys(listed(row["answers"]), ANSWER)


def _dcg(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))


def _mean(values: Sequence[float], seed: int) -> Estimate:
    import numpy as np

    return bootstrap_mean(values, np.random.default_rng(seed))
