"""Are there clusters in a table of features, how many, and do they come back: k-means with its nulls.

The number of clusters is fixed by a rule declared beforehand: the best mean silhouette of 3 to 8, the smaller number
on a tie. The same search on tables without clusters gives p: once with each column shuffled (nothing goes together),
once from a Gaussian copula (columns keep their values and go together as they do, but in one cloud). Stability is the
adjusted Rand index between the clusters and those of bootstrap resamples, on all rows. Does not belong here: members,
or names of clusters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.discovery.statistics import Estimate, permutation_p

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CANDIDATES: Final = range(3, 9)
FITTED: Final = 20_000
"""Rows on which the clusters are fitted; more are drawn by a seed, and all are assigned."""
_SEARCHED: Final = 600  # rows on which numbers of clusters and nulls are compared
_NULLS: Final = 39  # draws of a null: the smallest p is 1/40
_RESAMPLES: Final = 30
_SEED: Final = 7


@dataclass(frozen=True)
class Clusters:
    """What was found.

    Attributes:
        k: clusters.
        centres: `(k, features)`.
        silhouettes: mean silhouette of each candidate k.
        p_shuffled, p_copula: of no structure at all, and of one cloud with the same correlations.
        stability: adjusted Rand index over bootstrap resamples: mean with the 2.5 and 97.5 % quantiles.
    """

    k: int
    centres: "NDArray[np.float64]"
    silhouettes: dict[int, float]
    p_shuffled: float
    p_copula: float
    stability: Estimate


def find_clusters(x: "NDArray[np.float64]") -> Clusters:
    """Clusters of the rows of a standardised table; every draw is seeded."""
    import numpy as np
    import sklearn.cluster
    import sklearn.metrics  # noqa: F401 (a limit holds for libraries that are loaded already)
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(_SEED)
    rows = x[np.sort(rng.permutation(len(x))[:FITTED])]
    part = rows[np.sort(rng.permutation(len(rows))[:_SEARCHED])]
    with threadpool_limits(1):  # hundreds of small fits: threads would only wait for each other
        silhouettes = {k: _silhouette(part, k) for k in CANDIDATES}
        k = max(silhouettes, key=lambda one: (silhouettes[one], -one))
        best = silhouettes[k]
        nulls = [_null(part, draw, np.random.default_rng(_SEED)) for draw in (shuffled, one_cloud)]
        return Clusters(
            k=k, centres=_fit(rows, k, starts=10).cluster_centers_.astype(float), silhouettes=silhouettes,
            p_shuffled=permutation_p(best, nulls[0], side=1), p_copula=permutation_p(best, nulls[1], side=1),
            stability=stability(rows, k, rng),
        )  # fmt: skip


def nearest(
    x: "NDArray[np.float64]", centres: "NDArray[np.float64]"
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """(the nearest centre of each row, its distance)."""
    import numpy as np

    squares = (x**2).sum(axis=1)[:, None] - 2 * x @ centres.T + (centres**2).sum(axis=1)
    label = squares.argmin(axis=1)
    return label, np.sqrt(np.maximum(squares[np.arange(len(x)), label], 0))


def stability(x: "NDArray[np.float64]", k: int, rng: "np.random.Generator") -> Estimate:
    """Adjusted Rand index between clusters of x and of its bootstrap resamples, both assigned to all rows."""
    import numpy as np
    from sklearn.metrics import adjusted_rand_score

    x = x[:5000]
    label = _fit(x, k, starts=5).labels_
    found = []
    for _ in range(_RESAMPLES):
        again = _fit(x[rng.integers(0, len(x), len(x))], k, starts=3)
        found.append(adjusted_rand_score(label, nearest(x, again.cluster_centers_)[0]))
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(float(np.mean(found)), float(low), float(high))


def shuffled(x: "NDArray[np.float64]", rng: "np.random.Generator") -> "NDArray[np.float64]":
    """Each column in an order of its own."""
    import numpy as np

    return np.column_stack([rng.permutation(column) for column in x.T])


def one_cloud(x: "NDArray[np.float64]", rng: "np.random.Generator") -> "NDArray[np.float64]":
    """The columns' own values, going together as in x (Gaussian copula on normal scores), without clusters."""
    import numpy as np
    from scipy.stats import norm, rankdata

    scores = norm.ppf((rankdata(x, axis=0) - 0.5) / len(x))
    draw = rng.multivariate_normal(np.zeros(x.shape[1]), np.corrcoef(scores, rowvar=False), len(x), method="eigh")
    place = np.argsort(np.argsort(draw, axis=0, kind="stable"), axis=0, kind="stable")
    return np.take_along_axis(np.sort(x, axis=0), place, axis=0)


# -- inside --------------------------------------------------------------------------------------------------


def _null(
    x: "NDArray[np.float64]",
    draw: "Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]",
    rng: "np.random.Generator",
) -> list[float]:
    """The best silhouette of tables drawn from a null, by the same search."""
    return [max(_silhouette(one, k) for k in CANDIDATES) for one in (draw(x, rng) for _ in range(_NULLS))]


def _silhouette(x: "NDArray[np.float64]", k: int) -> float:
    import numpy as np
    from sklearn.metrics import silhouette_score

    labels = _fit(x, k, starts=2).labels_
    return float(silhouette_score(x, labels)) if len(np.unique(labels)) > 1 else -1.0


def _fit(x: "NDArray[np.float64]", k: int, *, starts: int) -> Any:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters in a resample
        return KMeans(k, init="k-means++", n_init=starts, random_state=_SEED).fit(x)
