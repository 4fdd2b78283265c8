"""Paired comparison of arms: intervals, the number of questions it takes, kappa, a verdict.

Arms answer the same questions, so everything is paired by question; questions on which two arms agree say nothing
about which is better, and a test counts the others. Does not belong here: tests and intervals that others use too
(`discovery/statistics.py`), judging answers (`scoring.py`), wording.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.discovery.statistics import (
    Estimate,
    bootstrap,
    bootstrap_mean,
    bootstrap_ratio,
    holm,
    sign_test,
    wilson,
)

if TYPE_CHECKING:
    import numpy as np
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


def paired_newcombe(both: int, first: int, second: int, neither: int) -> Estimate:
    """Difference of two paired proportions with Newcombe's interval (1998, method 10 for pairs).

    Args:
        both, first, second, neither: questions that both, only the first, only the second, and neither got right.
    """
    n = both + first + second + neither
    if n == 0:
        return Estimate(0.0, -1.0, 1.0)
    a, b = wilson(both + first, n), wilson(both + second, n)
    spread = (both + first) * (second + neither) * (both + second) * (first + neither)
    cross = both * neither - first * second
    corrected = max(cross - n / 2, 0) if cross > 0 else cross
    phi = corrected / math.sqrt(spread) if spread else 0.0
    below = _root((a.value - a.low) ** 2, (b.high - b.value) ** 2, phi * (a.value - a.low) * (b.high - b.value))
    above = _root((a.high - a.value) ** 2, (b.value - b.low) ** 2, phi * (a.high - a.value) * (b.value - b.low))
    difference = a.value - b.value
    return Estimate(difference, difference - below, difference + above)


def _root(one: float, other: float, shared: float) -> float:
    return math.sqrt(max(0.0, one - 2 * shared + other))


def paired_bootstrap(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Estimate:
    """Mean difference with its 95 % percentile interval, questions drawn with replacement."""
    import numpy as np

    moved = np.asarray(first, float) - np.asarray(second, float)
    if moved.size == 0:
        return Estimate(0.0, 0.0, 0.0)
    return bootstrap_mean(moved, np.random.default_rng(seed), resamples=RESAMPLES)


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


def kappa(first: Sequence[str], second: Sequence[str], *, seed: int = 0) -> Estimate:
    """Cohen's kappa of two raters with its 95 % bootstrap interval; 0 where chance alone explains all."""
    import numpy as np

    labels = sorted({*first, *second})
    a = np.array([labels.index(x) for x in first])
    b = np.array([labels.index(x) for x in second])
    if a.size == 0:
        return Estimate(0.0, -1.0, 1.0)

    def drawn(rows: "NDArray[np.intp]") -> "NDArray[np.float64]":
        return np.array([_kappa(a[r], b[r], len(labels)) for r in rows])

    return bootstrap(drawn, a.size, np.random.default_rng(seed), resamples=RESAMPLES)


def _kappa(a: "NDArray[Any]", b: "NDArray[Any]", labels: int) -> float:
    import numpy as np

    observed = float((a == b).mean())
    chance = float((np.bincount(a, minlength=labels) * np.bincount(b, minlength=labels)).sum()) / a.size**2
    return (observed - chance) / (1 - chance) if chance < 1 else 0.0
