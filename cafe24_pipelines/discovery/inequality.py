"""How unequally a total is held: the Gini coefficient, the share of the largest, and intervals for both.

A percentile bootstrap of these is too narrow: the largest values carry the statistic, and a resample can't hold a
larger one. The intervals here are studentised: each resample is measured in standard errors of its own (by the
influence function), on the log-odds scale, which keeps them within 0 and 1. Does not belong here: what chance alone
would give (see `nulls.py`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.statistics import LEVEL, RESAMPLES, Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.float64]


def gini_rows(values: "Rows") -> "Rows":
    """Gini coefficient of every row of non-negative values (0 = equal); 0 for a row without values or total."""
    import numpy as np

    x = np.sort(values, axis=1)
    n, total = x.shape[1], x.sum(axis=1)
    weighted = x @ (2 * np.arange(1, n + 1) - n - 1)
    return np.divide(weighted, n * total, out=np.zeros(len(x)), where=total > 0)


def top_share_rows(values: "Rows", share: float) -> "Rows":
    """For every row, the part of its total that its largest `share` of entries holds (at least one entry)."""
    import numpy as np

    k = _entries(values, share)
    top = np.partition(values, values.shape[1] - k, axis=1)[:, -k:].sum(axis=1)
    total = values.sum(axis=1)
    return np.divide(top, total, out=np.zeros(len(values)), where=total > 0)


def gini_interval(values: "ArrayLike", rng: "np.random.Generator", *, resamples: int = RESAMPLES) -> Estimate:
    """The Gini coefficient with its interval; values are non-negative, one a unit."""
    return _studentised(values, gini_rows, _gini_errors, rng, resamples)


def top_share_interval(
    values: "ArrayLike", share: float, rng: "np.random.Generator", *, resamples: int = RESAMPLES
) -> Estimate:
    """The share of the total that the largest `share` of units hold, with its interval."""
    return _studentised(
        values, lambda rows: top_share_rows(rows, share), lambda rows: _top_errors(rows, share), rng, resamples
    )


# -- inside --------------------------------------------------------------------------------------------------


def _entries(values: "Rows", share: float) -> int:
    return max(1, round(values.shape[1] * share))


def _studentised(
    values: "ArrayLike",
    measure: "Callable[[Rows], Rows]",
    errors: "Callable[[Rows], Rows]",
    rng: "np.random.Generator",
    resamples: int,
) -> Estimate:
    """The bootstrap-t interval of a measure between 0 and 1; a point where the values don't vary."""
    import numpy as np

    x = np.asarray(values, float)
    value = float(measure(x[None, :])[0])
    error = float(errors(x[None, :])[0])
    if not 0 < value < 1 or error <= 0:
        return Estimate(value, value, value)
    centre, spread = _log_odds(np.array([value]), np.array([error]))
    step = max(1, 2_000_000 // x.size)
    drawn = []
    for start in range(0, resamples, step):
        rows = x[rng.integers(0, x.size, size=(min(step, resamples - start), x.size))]
        at, scale = _log_odds(measure(rows), errors(rows))
        drawn.append((at - centre) / scale)
    t = np.concatenate(drawn)
    low, high = np.quantile(t[np.isfinite(t)], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    bounds = 1 / (1 + np.exp(-(centre - np.array([high, low]) * spread)))
    return Estimate(value, float(min(bounds[0], value)), float(max(bounds[1], value)))


def _log_odds(value: "Rows", error: "Rows") -> "tuple[Rows, Rows]":
    """Values between 0 and 1 and their standard errors, as log odds."""
    import numpy as np

    inner = np.clip(value, 1e-12, 1 - 1e-12)
    return np.log(inner / (1 - inner)), np.maximum(error, 1e-12) / (inner * (1 - inner))


def _gini_errors(values: "Rows") -> "Rows":
    """Standard error of every row's Gini coefficient: its influence function, h(x) being the mean of |x - others|."""
    import numpy as np

    x = np.sort(values, axis=1)
    n = x.shape[1]
    total = x.sum(axis=1, keepdims=True)
    mean = np.maximum(total / n, 1e-300)
    apart = (x * (2 * np.arange(1, n + 1) - n) - 2 * np.cumsum(x, axis=1) + total) / n
    whole = apart.mean(axis=1, keepdims=True)
    influence = (apart - whole) / mean - whole / (2 * mean) * (x / mean - 1)
    return influence.std(axis=1) / n**0.5


def _top_errors(values: "Rows", share: float) -> "Rows":
    """Standard error of every row's top share: the influence of an entry runs through what it holds above the cut."""
    import numpy as np

    n, k = values.shape[1], _entries(values, share)
    cut = np.partition(values, n - k, axis=1)[:, [n - k]]
    mean = np.maximum(values.mean(axis=1, keepdims=True), 1e-300)
    held = top_share_rows(values, share)[:, None]
    above = np.maximum(values - cut, 0) + cut * k / n
    influence = (above - above.mean(axis=1, keepdims=True)) / mean - held * (values / mean - 1)
    return influence.std(axis=1) / n**0.5
