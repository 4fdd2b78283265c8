"""The statistics a pattern must survive: intervals, tests, resampling and the control of many tests at once.

Plain functions of counts and arrays; scipy inside. Every draw comes from a generator the caller seeds. p-values are
two-sided unless said otherwise. Does not belong here: what is compared, or why.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

LEVEL: Final = 0.95
RESAMPLES: Final = 2000


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def excludes(self, low: float, high: float | None = None) -> bool:
        """Whether the interval lies wholly outside `[low, high]` (a point when `high` is None)."""
        return self.low > (low if high is None else high) or self.high < low


def _z() -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + LEVEL / 2))


# -- proportions and rates ---------------------------------------------------------------------------------------


def wilson(k: int, n: int) -> Estimate:
    """A proportion k/n with its Wilson score interval (n > 0)."""
    from scipy.stats import binomtest

    ci = binomtest(k, n).proportion_ci(LEVEL, method="wilson")
    return Estimate(k / n, float(ci.low), float(ci.high))


def wilson_columns(
    k: "NDArray[np.float64]", n: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]":
    """Proportions k/n and their Wilson bounds, all rows at once; NaN where n is 0."""
    import numpy as np

    z2 = _z() ** 2
    out = np.where(n > 0, n, np.nan)
    p = k / out
    centre = (p + z2 / (2 * out)) / (1 + z2 / out)
    half = np.sqrt(z2 * p * (1 - p) / out + (z2 / (2 * out)) ** 2) / (1 + z2 / out)
    return p, np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def newcombe(k1: int, n1: int, k2: int, n2: int) -> Estimate:
    """The difference k1/n1 - k2/n2 with Newcombe's hybrid score interval (1998, method 10)."""
    a, b = wilson(k1, n1), wilson(k2, n2)
    d = a.value - b.value
    low = d - ((a.value - a.low) ** 2 + (b.high - b.value) ** 2) ** 0.5
    high = d + ((a.high - a.value) ** 2 + (b.value - b.low) ** 2) ** 0.5
    return Estimate(d, low, high)


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p of so many wins and losses if either were as likely; McNemar's exact test for yes and no."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def fisher(k1: int, n1: int, k2: int, n2: int) -> float:
    """p of Fisher's exact test that two proportions are equal."""
    from scipy.stats import fisher_exact

    return float(fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue)


def two_proportions(k1: int, n1: int, k2: int, n2: int) -> float:
    """p that two proportions are equal: pooled score test, or Fisher's when an expected count is below 5."""
    from scipy.stats import norm

    pooled = (k1 + k2) / (n1 + n2)
    if min(n1, n2) * min(pooled, 1 - pooled) < 5:
        return fisher(k1, n1, k2, n2)
    se = (pooled * (1 - pooled) * (1 / n1 + 1 / n2)) ** 0.5
    return float(2 * norm.sf(abs(k1 / n1 - k2 / n2) / se))


def chi_square(table: "ArrayLike") -> tuple[float, float]:
    """(p, Cramér's V) of independence in a contingency table; rows and columns without counts are left out."""
    import numpy as np
    from scipy.stats import chi2_contingency

    counts = np.asarray(table)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return 1.0, 0.0
    result = chi2_contingency(counts, correction=False)
    return float(result.pvalue), float((result.statistic / counts.sum() / (min(counts.shape) - 1)) ** 0.5)


def outside_share(k: int, n: int, low: float, high: float) -> float:
    """p of "the true share lies in [low, high]" given k of n: exact binomial at the nearer bound, doubled."""
    from scipy.stats import binom

    return min(1.0, 2 * float(min(binom.cdf(k, n, low), binom.sf(k - 1, n, high))))


def outside_value(estimate: Estimate, low: float, high: float) -> float:
    """p of "the true value lies in [low, high]" given an estimate whose interval is about normal, doubled."""
    from scipy.stats import norm

    se = max((estimate.high - estimate.low) / (2 * _z()), 1e-12)
    return min(1.0, 2 * float(min(norm.cdf((estimate.value - low) / se), norm.sf((estimate.value - high) / se))))


def poisson_rates(events1: int, time1: float, events2: int, time2: float) -> float:
    """p that two Poisson rates are equal: the exact test that conditions on the total."""
    from scipy.stats import binomtest

    total = events1 + events2
    return 1.0 if total == 0 else float(binomtest(events1, total, time1 / (time1 + time2)).pvalue)


def poisson_ratio(events: int, expected: float) -> tuple[Estimate, float]:
    """(events / expected with Garwood's exact interval, p that the mean is not above `expected`), one-sided."""
    from scipy.stats import chi2, poisson

    tail = (1 - LEVEL) / 2
    low = chi2.ppf(tail, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(1 - tail, 2 * events + 2) / 2
    ratio = Estimate(events / expected, float(low) / expected, float(high) / expected)
    return ratio, float(poisson.sf(events - 1, expected))


def mantel_haenszel(strata: Sequence[tuple[int, int, int, int]]) -> Estimate:
    """The difference of two proportions pooled over strata `(k1, n1, k2, n2)`, Sato's variance.

    Raises:
        ValueError: no stratum holds both groups.
    """
    used = [s for s in strata if s[1] and s[3]]
    if not used:
        raise ValueError("no stratum holds both groups")
    weight = sum(n1 * n2 / (n1 + n2) for _, n1, _, n2 in used)
    d = sum((k1 * n2 - k2 * n1) / (n1 + n2) for k1, n1, k2, n2 in used) / weight
    p = sum((n1**2 * k2 - n2**2 * k1 + n1 * n2 * (n2 - n1) / 2) / (n1 + n2) ** 2 for k1, n1, k2, n2 in used)
    q = sum((k1 * (n2 - k2) + k2 * (n1 - k1)) / (2 * (n1 + n2)) for k1, n1, k2, n2 in used)
    se = max((d * p + q) / weight**2, 0.0) ** 0.5
    return Estimate(d, d - _z() * se, d + _z() * se)


def cochran_mantel_haenszel(strata: Sequence[tuple[int, int, int, int]]) -> float:
    """p that two proportions are equal within every stratum `(k1, n1, k2, n2)`."""
    from scipy.stats import chi2

    excess = variance = 0.0
    for k1, n1, k2, n2 in strata:
        n, k = n1 + n2, k1 + k2
        if n > 1:
            excess += k1 - n1 * k / n
            variance += n1 * n2 * k * (n - k) / (n**2 * (n - 1))
    return float(chi2.sf(excess**2 / variance, 1)) if variance > 0 else 1.0


def ratio_of_sums(numerator: "ArrayLike", denominator: "ArrayLike") -> Estimate:
    """sum(numerator) / sum(denominator) over independent units (clusters), interval linearised on the log scale.

    The closed form of `bootstrap_ratio` for many units. With a zero numerator the interval is that of a count of 0.
    """
    import numpy as np

    a, b = np.asarray(numerator, float), np.asarray(denominator, float)
    below = float(b.sum())
    if below <= 0:
        return Estimate(0.0, 0.0, 0.0)
    value = float(a.sum()) / below
    if value <= 0:
        return Estimate(0.0, 0.0, 3.689 / below)
    spread = _z() * float(np.sum((a - value * b) ** 2)) ** 0.5 / below / value
    return Estimate(value, value * float(np.exp(-spread)), value * float(np.exp(spread)))


def clustered_slope(
    x: "ArrayLike", y: "ArrayLike", strata: "ArrayLike", cluster: "ArrayLike"
) -> tuple[Estimate, float]:
    """(change of y per unit of x within strata, p of no change), with a variance robust to correlation in clusters.

    For an x of 0 and 1 the value is the Mantel-Haenszel difference. The sandwich variance carries the usual
    factors for few clusters and many strata, and the interval is Student's with g - 1 degrees of freedom, g being the
    clusters in which x varies from its stratum's mean. Nothing to compare gives 0 and p = 1.
    """
    import numpy as np
    from scipy.stats import t as student

    x, y = np.asarray(x, float), np.asarray(y, float)
    label = np.unique(np.asarray(strata), return_inverse=True)[1]
    size = np.bincount(label)
    x = x - (np.bincount(label, x) / size)[label]
    y = y - (np.bincount(label, y) / size)[label]
    weight = float(np.sum(x * x))
    unit = np.unique(np.asarray(cluster), return_inverse=True)[1]
    count = int(np.sum(np.bincount(unit, np.abs(x)) > 1e-12)) if x.size else 0
    if weight <= 1e-12 or count < 3:
        return Estimate(0.0, 0.0, 0.0), 1.0
    value = float(np.sum(x * y)) / weight
    scores = np.bincount(unit, x * (y - value * x))
    told = np.bincount(label, x * x) > 1e-12  # strata in which x varies; each costs a degree of freedom
    rows = int(size[told].sum())
    spare = (rows - 1) / max(rows - int(told.sum()) - 1, 1)
    se = (float(np.sum(scores**2)) * spare * count / (count - 1)) ** 0.5 / weight
    half = float(student.ppf(0.5 + LEVEL / 2, count - 1)) * se
    p = float(2 * student.sf(abs(value) / se, count - 1)) if se > 0 else 1.0
    return Estimate(value, value - half, value + half), p


# -- survival ----------------------------------------------------------------------------------------------------


def kaplan_meier(time: "ArrayLike", event: "ArrayLike", horizon: float) -> tuple[float, float]:
    """(share with the event by `horizon`, Greenwood standard error); censored times count while they are seen."""
    import numpy as np

    t, e = np.asarray(time, float), np.asarray(event, bool)
    at = np.unique(t[e & (t <= horizon)])
    if at.size == 0:
        return 0.0, 0.0
    at_risk = (t.size - np.searchsorted(np.sort(t), at, side="left")).astype(float)
    died = np.diff(np.append(np.searchsorted(np.sort(t[e]), at, side="left"), np.sum(e & (t <= at[-1])))).astype(
        float
    )
    survival = float(np.prod(1 - died / at_risk))
    left = np.maximum(at_risk - died, 1e-12)
    return 1 - survival, survival * float(np.sum(died / (at_risk * left))) ** 0.5


def survival_difference(
    time1: "ArrayLike", event1: "ArrayLike", time2: "ArrayLike", event2: "ArrayLike", horizon: float
) -> Estimate:
    """Difference of the shares with the event by `horizon` (first minus second), Kaplan-Meier with Greenwood."""
    a, se_a = kaplan_meier(time1, event1, horizon)
    b, se_b = kaplan_meier(time2, event2, horizon)
    half = _z() * (se_a**2 + se_b**2) ** 0.5
    return Estimate(a - b, a - b - half, a - b + half)


def log_rank(time: "ArrayLike", event: "ArrayLike", group: "ArrayLike", strata: "ArrayLike | None" = None) -> float:
    """p of the log-rank test that two groups (`group` true or false) share one hazard, within strata if given."""
    import numpy as np
    from scipy.stats import chi2

    t, e, g = np.asarray(time, float), np.asarray(event, bool), np.asarray(group, bool)
    labels = np.zeros(t.size, int) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    excess = variance = 0.0
    for label in range(labels.max() + 1 if t.size else 0):
        m = labels == label
        excess_here, variance_here = _log_rank_sums(t[m], e[m], g[m])
        excess, variance = excess + excess_here, variance + variance_here
    return float(chi2.sf(excess**2 / variance, 1)) if variance > 0 else 1.0


def _log_rank_sums(t: "NDArray[np.float64]", e: "NDArray[np.bool_]", g: "NDArray[np.bool_]") -> tuple[float, float]:
    import numpy as np

    at = np.unique(t[e])

    def alive(x: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return (x.size - np.searchsorted(np.sort(x), at, side="left")).astype(float)

    def events(x: "NDArray[np.float64]") -> "NDArray[np.float64]":
        x = np.sort(x)
        return (np.searchsorted(x, at, side="right") - np.searchsorted(x, at, side="left")).astype(float)

    n, n1, d, d1 = alive(t), alive(t[g]), events(t[e]), events(t[e & g])
    share = n1 / n
    variance = d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1)
    return float(np.sum(d1 - d * share)), float(np.sum(variance))


# -- resampling --------------------------------------------------------------------------------------------------


def bootstrap(
    statistic: "Callable[[NDArray[np.intp]], NDArray[np.float64]]",
    n: int,
    rng: "np.random.Generator",
    *,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Percentile bootstrap over n units. `statistic` maps rows of unit indices `(draws, n)` to one value a row."""
    import numpy as np

    value = float(statistic(np.arange(n)[None, :])[0])
    step = max(1, 2_000_000 // max(n, 1))
    parts = [
        statistic(rng.integers(0, n, size=(min(step, resamples - start), n))) for start in range(0, resamples, step)
    ]
    low, high = np.quantile(np.concatenate(parts), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def bootstrap_ratio(
    numerator: "ArrayLike", denominator: "ArrayLike", rng: "np.random.Generator", *, resamples: int = RESAMPLES
) -> Estimate:
    """sum(numerator) / sum(denominator) over units drawn together: for ratios whose units are clusters."""
    import numpy as np

    a, b = np.asarray(numerator, float), np.asarray(denominator, float)

    def ratio(index: "NDArray[np.intp]") -> "NDArray[np.float64]":
        below = b[index].sum(axis=1)
        return np.divide(a[index].sum(axis=1), below, out=np.zeros(len(index)), where=below != 0)

    return bootstrap(ratio, a.size, rng, resamples=resamples)


def bootstrap_mean(values: "ArrayLike", rng: "np.random.Generator", *, resamples: int = RESAMPLES) -> Estimate:
    """The mean of values with its interval."""
    import numpy as np

    x = np.asarray(values, float)
    return bootstrap(lambda index: x[index].mean(axis=1), x.size, rng, resamples=resamples)


def bootstrap_median(values: "ArrayLike", rng: "np.random.Generator", *, resamples: int = RESAMPLES) -> Estimate:
    """The median of values with its interval."""
    import numpy as np

    x = np.asarray(values, float)
    return bootstrap(lambda index: np.median(x[index], axis=1), x.size, rng, resamples=resamples)


def permutation_p(observed: float, draws: "ArrayLike", *, side: int = 0) -> float:
    """p of an observed statistic among draws under the null; never 0. side: 1 greater, -1 less, 0 either."""
    import numpy as np

    x = np.asarray(draws, float)
    tolerance = 1e-12 * max(1.0, abs(observed))
    greater = (1 + int(np.sum(x >= observed - tolerance))) / (1 + x.size)
    less = (1 + int(np.sum(x <= observed + tolerance))) / (1 + x.size)
    return greater if side > 0 else less if side < 0 else min(1.0, 2 * min(greater, less))


def max_t(observed: "ArrayLike", draws: "ArrayLike") -> "NDArray[np.float64]":
    """Westfall-Young p of each of k statistics, adjusted for all k: how often the largest drawn one reaches it.

    `draws` is `(draws, k)` under the null that all k share, on a scale on which the k are alike (standardised).
    """
    import numpy as np

    x, null = np.asarray(observed, float), np.asarray(draws, float)
    top = np.sort(null.max(axis=1))
    reached = top.size - np.searchsorted(top, x - 1e-9, side="left")
    return (1 + reached) / (1 + top.size)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values of Holm's step-down method, in the order given."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, before = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        before = max(before, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = before
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """q-values: the smallest false discovery rate at which each test would be kept."""
    from scipy.stats import false_discovery_control

    return [float(q) for q in false_discovery_control(list(p))] if p else []
