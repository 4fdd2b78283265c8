"""The statistics behind a campaign's lift: balance of its two arms, strata pooled, members resampled whole.

Plain functions of counts a wave; a wave is one sending, and arms are compared within waves only. Does not belong
here: who was eligible, or what a result means (see `campaign_response.py`).
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from cafe24_pipelines.discovery.statistics import Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Z: Final = 1.959963984540054


class Balance(NamedTuple):
    """How alike two arms were before: standardised differences, and p that chance alone made them differ."""

    differences: "NDArray[np.float64]"
    p: float


def balance(n: "ArrayLike", treated: "ArrayLike", sums: "ArrayLike", of_treated: "ArrayLike",
            products: "ArrayLike") -> Balance:  # fmt: skip
    """Hansen and Bowers' omnibus test (2008) of random assignment within waves.

    Args:
        n, treated: units and treated units of each wave.
        sums, of_treated: `(waves, covariates)`, sums over units and over treated units.
        products: `(waves, covariates, covariates)`, sums of products over units.
    """
    import numpy as np
    from scipy.stats import chi2

    size, t = np.asarray(n, float), np.asarray(treated, float)
    x, xt, xx = np.asarray(sums, float), np.asarray(of_treated, float), np.asarray(products, float)
    mean = x / size[:, None]
    scatter = xx - size[:, None, None] * mean[:, :, None] * mean[:, None, :]
    gap = (xt - t[:, None] * mean).sum(axis=0)
    variance = ((t * (size - t) / (size * np.maximum(size - 1, 1)))[:, None, None] * scatter).sum(axis=0)
    scale = np.sqrt(np.maximum(np.diag(scatter.sum(axis=0)) / max(float(size.sum() - len(size)), 1.0), 0.0))
    moved = scale > 1e-9  # a covariate that doesn't vary within waves can't differ
    weight = float(np.sum(t * (size - t) / size))
    differences = np.zeros(len(scale))
    differences[moved] = gap[moved] / weight / scale[moved]
    if not moved.any():
        return Balance(differences, 1.0)
    unit = np.sqrt(np.diag(variance)[moved])
    correlation = variance[np.ix_(moved, moved)] / np.outer(unit, unit)
    z = gap[moved] / unit
    statistic = float(z @ np.linalg.pinv(correlation, rcond=1e-8, hermitian=True) @ z)
    rank = int(np.linalg.matrix_rank(correlation, tol=1e-6, hermitian=True))
    return Balance(differences, float(chi2.sf(max(statistic, 0.0), max(rank, 1))))


class Lift(NamedTuple):
    """Shares of two arms, standardised to the same mix of waves, and their difference."""

    treated: float
    rest: float
    difference: Estimate


def stratified_newcombe(k1: "ArrayLike", n1: "ArrayLike", k0: "ArrayLike", n0: "ArrayLike") -> Lift:
    """Difference of two proportions over strata, Newcombe's hybrid of Wilson bounds at each arm's effective size.

    Strata weigh n1 n0 / (n1 + n0), as in Mantel and Haenszel's difference; with one stratum it is Newcombe's own
    interval (method 10). Every stratum must hold both arms.
    """
    import numpy as np

    a, na, b, nb = (np.asarray(one, float) for one in (k1, n1, k0, n0))
    weight = na * nb / (na + nb)
    weight = weight / weight.sum()
    one, low1, high1 = _wilson(a / na, na, weight)
    two, low0, high0 = _wilson(b / nb, nb, weight)
    d = one - two
    low = d - ((one - low1) ** 2 + (high0 - two) ** 2) ** 0.5
    high = d + ((high1 - one) ** 2 + (two - low0) ** 2) ** 0.5
    return Lift(one, two, Estimate(d, float(low), float(high)))


def _wilson(
    share: "NDArray[np.float64]", n: "NDArray[np.float64]", weight: "NDArray[np.float64]"
) -> tuple[float, float, float]:
    p = float((weight * share).sum())
    spread = float((weight**2 * share * (1 - share) / n).sum())
    size = p * (1 - p) / spread if spread > 0 else 1 / float((weight**2 / n).sum())
    centre = (p + Z**2 / (2 * size)) / (1 + Z**2 / size)
    half = Z * (p * (1 - p) / size + Z**2 / (4 * size**2)) ** 0.5 / (1 + Z**2 / size)
    return p, max(centre - half, 0.0), min(centre + half, 1.0)


def mean_difference(
    n: "NDArray[np.float64]", total: "NDArray[np.float64]", seed: int, *, resamples: int = 2000
) -> Estimate:
    """Difference of means between arms, pooled over waves, with a percentile bootstrap over buckets of members.

    Args:
        n, total: `(waves, 2, buckets)`, units and sums; arm 1 less arm 0. A member is in one bucket in every wave, so
            that what a member does in several waves is drawn together.
    """
    import numpy as np

    def pooled(units: "NDArray[np.float64]", money: "NDArray[np.float64]") -> "NDArray[np.float64]":
        both = np.maximum(units.sum(axis=-1), 1e-9)
        weight = units[..., 0] * units[..., 1] / both
        means = money / np.maximum(units, 1e-9)
        value = (weight * (means[..., 1] - means[..., 0])).sum(axis=-1)
        return np.asarray(value / np.maximum(weight.sum(axis=-1), 1e-9), float)

    buckets = n.shape[2]
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(buckets, np.full(buckets, 1 / buckets), size=resamples).astype(float)
    drawn = pooled(np.einsum("rb,wab->rwa", draws, n), np.einsum("rb,wab->rwa", draws, total))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(pooled(n.sum(axis=2), total.sum(axis=2))), float(low), float(high))
