"""Do 95 % intervals hold the truth 95 times in 100? Direct simulation of every construction of an interval in use.

Each case draws small samples (the smallest that detectors accept, or about) from a population whose value is known in
closed form, and asks the function of `discovery/statistics.py` for its interval. Does not belong here: malls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

    from cafe24_pipelines.discovery.statistics import Estimate

WANTED: Final = (0.93, 0.97)


@dataclass(frozen=True)
class Case:
    """One construction: how a round draws data and makes an interval, the true value, and why it may miss 95 %."""

    name: str
    draw: "Callable[[np.random.Generator], Estimate]"
    true: float
    why: str = ""


@dataclass(frozen=True)
class Covered:
    """How many of the rounds' intervals held the true value."""

    case: Case
    held: int
    rounds: int

    @property
    def share(self) -> float:
        """Share of intervals that held the true value."""
        return self.held / self.rounds

    @property
    def fine(self) -> bool:
        """Whether the share is as wanted."""
        return WANTED[0] <= self.share <= WANTED[1]


def covered(rounds: int = 500, *, seed: int = 1, names: Sequence[str] = ()) -> list[Covered]:
    """Coverage of every construction (or of those named)."""
    import numpy as np

    out = []
    for k, case in enumerate(cases()):
        if names and case.name not in names:
            continue
        rng = np.random.default_rng([seed, k])
        intervals = [case.draw(rng) for _ in range(rounds)]
        out.append(Covered(case, sum(e.low <= case.true <= e.high for e in intervals), rounds))
    return out


def coverage_table(results: Sequence[Covered]) -> str:
    """A Markdown table, and below it those that miss with their reason."""
    from cafe24_pipelines.discovery.statistics import wilson

    lines = ["| interval | true value | covered | 95 % interval of that | 93 to 97 % |", "|---|---|---|---|---|"]
    for r in results:
        share = wilson(r.held, r.rounds)
        verdict = "yes" if r.fine else "no, conservative" if r.share > WANTED[1] else "no, too narrow"
        held = f"{r.share:.1%} of {r.rounds} | {share.low:.1%} to {share.high:.1%}"
        lines.append(f"| {r.case.name} | {r.case.true:.3f} | {held} | {verdict} |")
    missed = [f"- {r.case.name}: {r.case.why or 'not expected'}" for r in results if not r.fine]
    return "\n".join([*lines, "", *missed])


def cases() -> list[Case]:
    """Every construction with its population; numbers are those of a small mall."""
    from scipy.stats import norm

    sigma = 0.5  # of log spend
    top = 1 - float(norm.cdf(norm.ppf(0.9) - sigma))
    exact = "Garwood's interval is exact: it covers at least 95 % whatever the mean, more where counts are few"
    return [
        Case("wilson", _wilson, 0.2, "counts are discrete"),
        Case("newcombe", _newcombe, 0.1, "counts are discrete"),
        Case("mantel_haenszel", _mantel_haenszel, 0.1),
        Case("clustered_slope", _clustered_slope, 0.3),
        Case("survival_difference", _survival_difference, _by_90(1 / 60) - _by_90(1 / 100)),
        Case("poisson_ratio", _poisson_ratio, 1.4, exact),
        Case("ratio_of_sums", _ratio_of_sums, 0.4),
        Case("bootstrap_ratio", _bootstrap_ratio, 0.4),
        Case("bootstrap_median", _bootstrap_median, 20.0, "the median moves in steps of the order statistics"),
        Case("gini_interval", _gini_interval, 2 * float(norm.cdf(sigma / 2**0.5)) - 1),
        Case("top_share_interval", _top_share_interval, top),
    ]


def _by_90(rate: float) -> float:
    from math import exp

    return 1 - exp(-90 * rate)


def _wilson(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.statistics import wilson

    return wilson(int(rng.binomial(200, 0.2)), 200)


def _newcombe(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.statistics import newcombe

    return newcombe(int(rng.binomial(120, 0.35)), 120, int(rng.binomial(90, 0.25)), 90)


def _mantel_haenszel(rng: "np.random.Generator") -> "Estimate":
    """Twelve months with other levels and sizes, and one difference."""
    import numpy as np

    from cafe24_pipelines.discovery.statistics import mantel_haenszel

    level, n1, n2 = rng.uniform(0.1, 0.7, 12), rng.integers(3, 25, 12), rng.integers(10, 60, 12)
    k1, k2 = rng.binomial(n1, level + 0.1), rng.binomial(n2, level)
    rows = np.column_stack([k1, n1, k2, n2]).tolist()
    return mantel_haenszel([(a, b, c, d) for a, b, c, d in rows])


def _clustered_slope(rng: "np.random.Generator") -> "Estimate":
    """Members with one to six orders and a level of their own; outcomes of one member go together."""
    import numpy as np

    from cafe24_pipelines.discovery.statistics import clustered_slope

    member = np.repeat(np.arange(100), rng.integers(1, 7, 100))
    stratum = rng.integers(0, 6, member.size)
    x = (rng.random(member.size) < rng.uniform(0.2, 0.6, 100)[member]).astype(float)
    y = 0.3 * x + 0.5 * stratum + rng.normal(0, 0.6, 100)[member] + rng.normal(0, 1, member.size)
    return clustered_slope(x, y, stratum, member)[0]


def _survival_difference(rng: "np.random.Generator") -> "Estimate":
    """Exponential waits, and follow-up that ends for a third of the members before 90 days."""
    import numpy as np

    from cafe24_pipelines.discovery.statistics import survival_difference

    arms: list[np.ndarray] = []
    for n, mean in ((60, 60.0), (240, 100.0)):
        wait, end = rng.exponential(mean, n), rng.uniform(30, 210, n)
        arms += [np.minimum(wait, end), wait <= end]
    return survival_difference(arms[0], arms[1], arms[2], arms[3], 90.0)


def _poisson_ratio(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.statistics import poisson_ratio

    return poisson_ratio(int(rng.poisson(1.4 * 8)), 8.0)[0]


def _clusters(rng: "np.random.Generator") -> "tuple[np.ndarray, np.ndarray]":
    """(repeats, purchases) of 150 members whose own shares differ; the ratio of the means is 0.4."""
    size = 1 + rng.poisson(3, 150)
    return rng.binomial(size, rng.beta(2, 3, 150)), size


def _ratio_of_sums(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.statistics import ratio_of_sums

    return ratio_of_sums(*_clusters(rng))


def _bootstrap_ratio(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.statistics import bootstrap_ratio

    return bootstrap_ratio(*_clusters(rng), rng, resamples=1000)


def _bootstrap_median(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.statistics import bootstrap_median

    return bootstrap_median(20 * rng.lognormal(0, 0.8, 120), rng, resamples=1000)


def _gini_interval(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.inequality import gini_interval

    return gini_interval(rng.lognormal(10, 0.5, 300), rng, resamples=500)


def _top_share_interval(rng: "np.random.Generator") -> "Estimate":
    from cafe24_pipelines.discovery.inequality import top_share_interval

    return top_share_interval(rng.lognormal(10, 0.5, 300), 0.1, rng, resamples=500)
