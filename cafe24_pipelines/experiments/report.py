"""The comparison's results as one object: what every arm did, how arms differ, what that can and can't show.

Does not belong here: its words (`report_text.py`), the tests themselves (`statistics.py`).
"""

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.experiments.data_files import yaml_file
from cafe24_pipelines.experiments.gold import KINDS
from cafe24_pipelines.experiments.statistics import (
    Comparison,
    by_family,
    compare_ranks,
    compare_right,
    judged,
    pairs_needed,
)

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.experiments.judging import Judging
    from cafe24_pipelines.experiments.question_set import QuestionSet
    from cafe24_pipelines.experiments.scoring import Score

MEASURES: Final = 2
"""Tests of every pair of arms: who is right (McNemar), who ranks higher (sign test)."""
EXAMPLES: Final = 5
_MEMBER: Final = re.compile(r"[0-9a-f]{32}")

Scores = Mapping[str, Sequence["Score"]]
Answers = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class ArmSummary:
    """What one arm did over the questions; rates in shares, None where nothing could be rated."""

    arm: str
    model: str
    prompt_version: str
    n: int
    right: int
    wrong: int
    refused: int
    right_low: float
    right_high: float
    over_refusals: int
    answerable: int
    under_refusals: int
    unanswerable: int
    citation_precision: float | None
    citation_recall: float | None
    faithful_numbers: float | None
    faithful_sentences: float | None
    length: float
    p50_ms: float
    p95_ms: float
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    cost_krw: float | None
    by_kind: Mapping[str, tuple[int, int, int]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "by_kind": {k: list(v) for k, v in self.by_kind.items()}}


@dataclass(frozen=True)
class Report:
    """A comparison of one mall."""

    mall_id: str
    questions: "QuestionSet"
    arms: Mapping[str, ArmSummary]
    comparisons: Sequence[Comparison]
    exploratory: Sequence[Comparison]
    examples: Mapping[str, Sequence[Mapping[str, Any]]]
    unbuilt: int
    judging: "Judging | None" = None
    charts: Mapping[str, str] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Questions."""
        return len(self.questions.questions)

    @cached_property
    def needed(self) -> tuple[int, int]:
        """Untied pairs that one test, and that all tests together, take."""
        return pairs_needed(), pairs_needed(comparisons=tests_of(list(self.arms)))

    @property
    def offline(self) -> bool:
        """Whether every arm was worded by the local composer."""
        return all(arm.model.startswith("local/") for arm in self.arms.values())

    def text(self, lang: str = "ko") -> str:
        """The report as Markdown."""
        from cafe24_pipelines.experiments.report_text import markdown

        return markdown(self, lang)

    def summary_rows(self) -> list[dict[str, Any]]:
        """One row an arm."""
        return [arm.to_json() for arm in self.arms.values()]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "mall": self.mall_id, "questions": self.n, "question_set": self.questions.digest,
            "pairs_needed": {"one_test": self.needed[0], "all_tests": self.needed[1]},
            "arms": self.summary_rows(), "comparisons": [c.to_json() for c in self.comparisons],
            "exploratory": [c.to_json() for c in self.exploratory], "not_built_for": self.unbuilt,
            "judge": self.judging.to_json() if self.judging else None,
        }  # fmt: skip


def tests_of(arms: Sequence[str]) -> int:
    """How many tests a comparison of these arms makes: both measures of every pair."""
    return MEASURES * len(arms) * (len(arms) - 1) // 2


def make_report(
    mall: "Mall", questions: "QuestionSet", scores: Scores, answers: Answers, judging: "Judging | None" = None
) -> Report:
    """The report of these scores; every arm's are in the order of the questions."""
    arms = {arm: summary(arm, found, answers[arm]) for arm, found in scores.items()}
    unbuilt = sum(q.family in not_built_for() for q in questions.questions)
    return Report(
        mall.mall_id, questions, arms, compared(scores, [q.family for q in questions.questions]), explored(scores),
        {arm: _examples(questions, scores[arm], answers[arm]) for arm in scores}, unbuilt,
        judging=judging, charts=_charts(arms),
    )  # fmt: skip


def not_built_for() -> frozenset[str]:
    """Families of questions about the mall for which the query library holds nothing."""
    return frozenset(family for family, aggregates in yaml_file("library.yaml").items() if not aggregates)


def summary(arm: str, scores: "Sequence[Score]", answers: Sequence[Mapping[str, Any]]) -> ArmSummary:
    """One arm's figures."""
    import numpy as np

    from cafe24_pipelines.discovery.statistics import wilson

    n, right = len(scores), sum(s.right for s in scores)
    bounds = wilson(right, n) if n else (0.0, 0.0, 1.0)
    verdicts = [s.verdict for s in scores]
    answerable = [s for s in scores if s.kind != "unanswerable"]
    times = np.quantile([s.latency_ms for s in scores], [0.5, 0.95]) if n else (0.0, 0.0)
    costs, won = [s.cost_usd for s in scores], [a.get("cost_krw") for a in answers]
    kinds = {k: [s.verdict for s in scores if s.kind == k] for k in KINDS}
    return ArmSummary(
        arm, _only(answers, "model"), _only(answers, "prompt_version"), n, right, verdicts.count("wrong"),
        verdicts.count("refused"), bounds[1], bounds[2], sum(s.over_refusal for s in scores), len(answerable),
        sum(s.under_refusal for s in scores), n - len(answerable), _mean(s.citation_precision for s in scores),
        _mean(s.citation_recall for s in scores), _mean(s.faithful_numbers for s in scores),
        _mean(s.faithful_sentences for s in scores), _mean(s.length for s in scores) or 0.0, float(times[0]),
        float(times[1]), sum(s.input_tokens for s in scores), sum(s.output_tokens for s in scores), _sum(costs),
        _sum(won), {k: (v.count("right"), v.count("refused"), v.count("wrong")) for k, v in kinds.items() if v},
    )  # fmt: skip


def compared(scores: Scores, families: Sequence[str]) -> list[Comparison]:
    """Both tests of every pair of arms, the one with more material first, with Holm over all of them.

    Args:
        families: of the questions, in the order of every arm's scores.
    """
    found = []
    for second, first in itertools.combinations(scores, 2):
        right = {arm: [s.right for s in scores[arm]] for arm in (first, second)}
        ranks = {arm: [float(s.rank) for s in scores[arm]] for arm in (first, second)}
        moved = [float(a) - float(b) for a, b in zip(right[first], right[second], strict=True)]
        found.append(by_family(compare_right(first, second, right), moved, families))
        moved = [a - b for a, b in zip(ranks[first], ranks[second], strict=True)]
        found.append(by_family(compare_ranks(first, second, ranks), moved, families))
    return judged(found)


def explored(scores: Scores) -> list[Comparison]:
    """McNemar within every kind: exploratory, with p-values as they are and no verdict."""
    found = []
    for second, first in itertools.combinations(scores, 2):
        for kind in KINDS:
            right = {a: [s.right for s in scores[a] if s.kind == kind] for a in (first, second)}
            if right[first]:
                found.append(compare_right(first, second, right, kind))
    return found


def _examples(questions: "QuestionSet", scores: "Sequence[Score]",
              answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:  # fmt: skip
    """Some wrong answers, of as many kinds as there are; none that names a member."""
    by_id = {str(a["question_id"]): a for a in answers}
    seen: Counter[str] = Counter()
    wrong = []
    for question, scored in zip(questions.questions, scores, strict=True):
        if scored.verdict == "wrong" and not _MEMBER.search(question.text):
            wrong.append((seen[question.kind], question, scored))
            seen[question.kind] += 1
    first = sorted(wrong, key=lambda one: one[0])[:EXAMPLES]
    return [
        {"question": q.text, "kind": q.kind, "why": list(s.why), "answer": str(by_id[q.id]["answer"])}
        for _, q, s in first
    ]


def _charts(arms: Mapping[str, ArmSummary]) -> dict[str, str]:
    from cafe24_pipelines.crm.charts import bars, heat_map

    rows, kinds = list(arms.values()), [k for k in KINDS if any(k in a.by_kind for a in arms.values())]
    shares = [[a.by_kind[k][0] / sum(a.by_kind[k]) if k in a.by_kind else float("nan") for k in kinds] for a in rows]
    return {
        "right": bars([a.arm for a in rows], [a.right / a.n for a in rows], title="맞은 답의 비율 (95% 구간)",
                      x="비율", low=[a.right_low for a in rows], high=[a.right_high for a in rows]),
        "kinds": heat_map(shares, [a.arm for a in rows], kinds, title="질문 종류별 맞은 비율", x="종류", y="팔"),
    }  # fmt: skip


def _only(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    return ", ".join(sorted({str(r[key]) for r in rows}))


def _mean(values: Any) -> float | None:
    known = [float(v) for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _sum(values: Sequence[float | None]) -> float | None:
    """The sum when every part is known."""
    known = [v for v in values if v is not None]
    return float(sum(known)) if len(known) == len(values) else None
