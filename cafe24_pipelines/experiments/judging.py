"""The judge over a whole comparison: first its agreement with the labels, then its votes on every pair of arms.

Does not belong here: one vote (`judge.py`), or showing it (`report_text.py`).
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.experiments.gold import GoldQuestion
from cafe24_pipelines.experiments.judge import Agreement, Lengths, Model, agreement, lengths, pairs_of, vote
from cafe24_pipelines.experiments.statistics import Comparison, compare_ranks, judged

Answers = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Judging:
    """What a judge said, and whether it counts."""

    model: str
    agreement: Agreement
    comparisons: tuple[Comparison, ...]
    flips: int
    unread: int
    lengths: Lengths

    @property
    def counted(self) -> bool:
        """Whether its votes count."""
        return self.agreement.trusted

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model, "agreement": asdict(self.agreement), "counted": self.counted,
            "comparisons": [c.to_json() for c in self.comparisons], "flips": self.flips, "unread": self.unread,
            "lengths": asdict(self.lengths),
        }  # fmt: skip


def run_judge(model: Model, name: str, questions: Sequence[GoldQuestion], answers: Answers) -> Judging:
    """Ask the judge about the labelled pairs, then about every question and pair of arms, twice each.

    Raises:
        BadInput: the judge is the local composer, which can't judge.
    """
    if name.startswith("local/"):
        raise BadInput(f"{name} composes answers and can't judge", remedy="name a generative model with --judge")
    known = agreement(model)
    by_id = {arm: {str(r["question_id"]): r for r in rows} for arm, rows in answers.items()}
    pairs, votes, comparisons = [], [], []
    for second, first in itertools.combinations(answers, 2):  # the arm with more material first, as in the report
        of_arms = pairs_of(questions, by_id[first], by_id[second])
        said = [vote(model, pair) for pair in of_arms]
        ranks = {
            first: [float(v.winner == "first") for v in said],
            second: [float(v.winner == "second") for v in said],
        }
        comparisons.append(compare_ranks(first, second, ranks, measure="judge"))
        pairs += of_arms
        votes += said
    return Judging(name, known, tuple(judged(comparisons)), sum(v.flipped for v in votes),
                   sum(v.unread for v in votes), lengths(pairs, votes))  # fmt: skip
