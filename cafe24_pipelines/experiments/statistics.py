"""Paired comparison of arms: exact tests, Holm, intervals, the number of questions it takes, a verdict.

Arms answer the same questions, so everything is paired by question; questions on which two arms agree say nothing
about which is better, and a test counts the others. Does not belong here: judging answers (`scoring.py`), wording.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHA: Final = 0.05
POWER: Final = 0.8
WIN_RATE: Final = 0.6
"""The win rate among untied pairs that a comparison should be able to see."""
RESAMPLES: Final = 4000


@dataclass(frozen=True)
class Comparison:
    """One arm against another over the same questions.

    Attributes:
        measure: what is compared: correct, rank (right over refused over wrong), judge.
        wins, losses, ties: questions on which `first` did better, worse, the same.
        difference, low, high: of the mean of the measure, first minus second, with the 95 % interval.
        family_low, family_high: the same interval when families of questions are drawn instead of questions: what is
            left when questions of one form count as one piece of evidence. None where families are not known.
        p, adjusted: exact two-sided p, and after Holm over all comparisons made together.
        verdict: better, worse or unclear, of the first arm.
    """

    measure: str
    first: str
    second: str
    kind: str
    wins: int
    losses: int
    ties: int
    difference: float
    low: float
    high: float
    p: float
    adjusted: float = 1.0
    verdict: str = "unclear"
    family_low: float | None = None
    family_high: float | None = None

    @property
    def pairs(self) -> int:
        """Questions that both answered."""
        return self.wins + self.losses + self.ties

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "pairs": self.pairs}


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p of so many wins and losses if either were as likely; McNemar's exact test for yes and no."""
    n = wins + losses
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**n)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values of Holm's step-down method, in the order given."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, before = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        before = max(before, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = before
    return adjusted


@cache
def pairs_needed(win_rate: float = WIN_RATE, *, comparisons: int = 1, power: float = POWER) -> int:
    """The fewest untied pairs at which the exact sign test sees this win rate with this power.

    Two-sided at `ALPHA` divided by the number of comparisons (the hardest of Holm's steps). The first number that
    reaches the power; a few above it fall short again, because counts are whole.
    """
    from scipy.stats import binom

    alpha = ALPHA / comparisons
    for n in itertools.count(1):
        edge = int(binom.ppf(alpha / 2, n, 0.5))
        while edge >= 0 and 2 * binom.cdf(edge, n, 0.5) > alpha:
            edge -= 1
        if edge >= 0 and binom.cdf(edge, n, 1 - win_rate) + binom.cdf(edge, n, win_rate) >= power:
            return n
    raise AssertionError("the loop returns")


def paired_newcombe(both: int, first: int, second: int, neither: int) -> tuple[float, float, float]:
    """Difference of two paired proportions with Newcombe's interval (1998, method 10 for pairs).

    Args:
        both, first, second, neither: questions that both, only the first, only the second, and neither got right.
    """
    from cafe24_pipelines.discovery.statistics import wilson

    n = both + first + second + neither
    if n == 0:
        return 0.0, -1.0, 1.0
    a, b = wilson(both + first, n), wilson(both + second, n)
    p1, p2 = (both + first) / n, (both + second) / n
    spread = (both + first) * (second + neither) * (both + second) * (first + neither)
    cross = both * neither - first * second
    corrected = max(cross - n / 2, 0) if cross > 0 else cross
    phi = corrected / math.sqrt(spread) if spread else 0.0
    below = _root((p1 - a.low) ** 2, (b.high - p2) ** 2, phi * (p1 - a.low) * (b.high - p2))
    above = _root((a.high - p1) ** 2, (p2 - b.low) ** 2, phi * (a.high - p1) * (p2 - b.low))
    return p1 - p2, p1 - p2 - below, p1 - p2 + above


def _root(one: float, other: float, shared: float) -> float:
    return math.sqrt(max(0.0, one - 2 * shared + other))


def paired_bootstrap(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> tuple[float, float, float]:
    """Mean difference with its 95 % percentile interval, questions drawn with replacement."""
    import numpy as np

    moved = np.asarray(first, float) - np.asarray(second, float)
    if moved.size == 0:
        return 0.0, 0.0, 0.0
    draws = _resampled(moved, np.random.default_rng(seed))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(moved.mean()), float(low), float(high)


def _resampled(values: "NDArray[Any]", rng: Any) -> "NDArray[Any]":
    return values[rng.integers(0, values.size, (RESAMPLES, values.size))].mean(axis=1)


def compare_right(first: str, second: str, right: Mapping[str, Sequence[bool]], kind: str = "") -> Comparison:
    """Exact McNemar of who answered rightly, with Newcombe's paired interval."""
    pairs = list(zip(right[first], right[second], strict=True))
    both, wins = pairs.count((True, True)), pairs.count((True, False))
    losses, neither = pairs.count((False, True)), pairs.count((False, False))
    difference, low, high = paired_newcombe(both, wins, losses, neither)
    return Comparison("correct", first, second, kind, wins, losses, both + neither, difference, low, high,
                      sign_test(wins, losses))  # fmt: skip


def compare_ranks(first: str, second: str, ranks: Mapping[str, Sequence[float]], kind: str = "",
                  measure: str = "rank") -> Comparison:  # fmt: skip
    """Sign test of which answer ranks higher, with a bootstrap interval of the mean difference."""
    pairs = list(zip(ranks[first], ranks[second], strict=True))
    wins, losses = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    difference, low, high = paired_bootstrap(ranks[first], ranks[second])
    return Comparison(measure, first, second, kind, wins, losses, len(pairs) - wins - losses, difference, low, high,
                      sign_test(wins, losses))  # fmt: skip


def by_family(comparison: Comparison, moved: Sequence[float], families: Sequence[str]) -> Comparison:
    """The comparison with its interval over families; `moved` is first minus second, question by question."""
    import numpy as np

    from cafe24_pipelines.discovery.statistics import bootstrap_ratio

    keys = sorted(set(families))
    of = np.array([keys.index(f) for f in families])
    sums, sizes = np.bincount(of, weights=np.asarray(moved, float)), np.bincount(of)
    found = bootstrap_ratio(sums, sizes, np.random.default_rng(0), resamples=RESAMPLES)
    return replace(comparison, family_low=found.low, family_high=found.high)


def judged(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with Holm's p over all of them and their verdicts."""
    adjusted = holm([c.p for c in comparisons])
    return [replace(c, adjusted=p, verdict=_verdict(c, p)) for c, p in zip(comparisons, adjusted, strict=True)]


def _verdict(comparison: Comparison, adjusted: float) -> str:
    """Better or worse only when the test says so and questions of one form didn't decide it alone."""
    low, high = comparison.family_low, comparison.family_high
    if adjusted >= ALPHA or (low is not None and high is not None and low <= 0 <= high):
        return "unclear"
    return "better" if comparison.wins > comparison.losses else "worse"


def kappa(first: Sequence[str], second: Sequence[str], *, seed: int = 0) -> tuple[float, float, float]:
    """Cohen's kappa of two raters with its 95 % bootstrap interval; 0 where chance alone explains all."""
    import numpy as np

    labels = sorted({*first, *second})
    a = np.array([labels.index(x) for x in first])
    b = np.array([labels.index(x) for x in second])
    if a.size == 0:
        return 0.0, -1.0, 1.0
    rows = np.random.default_rng(seed).integers(0, a.size, (RESAMPLES, a.size))
    draws = [_kappa(a[r], b[r], len(labels)) for r in rows]
    low, high = np.quantile(draws, [0.025, 0.975])
    return _kappa(a, b, len(labels)), float(low), float(high)


def _kappa(a: "NDArray[Any]", b: "NDArray[Any]", labels: int) -> float:
    import numpy as np

    observed = float((a == b).mean())
    chance = float((np.bincount(a, minlength=labels) * np.bincount(b, minlength=labels)).sum()) / a.size**2
    return (observed - chance) / (1 - chance) if chance < 1 else 0.0
