"""Whether a probability means what it says: Platt's scaling, reliability bins with intervals, calibration error.

Platt's two numbers (1999) rather than isotonic steps: they keep the order of customers, say something beyond the
scores that were seen, and never a probability of exactly 0 or 1. Does not belong here: which model (see
`candidates.py`) or which members (see `study.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.discovery.statistics import wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

BINS: Final = 10
_SURE: Final = 15.0
"""Logits are held within ± this before they are scaled: beyond it no shop has the data to tell."""


@dataclass(frozen=True)
class Platt:
    """probability = expit(slope * logit + intercept); the slope isn't negative, so the order of customers stays."""

    slope: float
    intercept: float

    def logit(self, raw: "ArrayLike") -> "NDArray[np.float64]":
        """The calibrated logit of a model's logit."""
        import numpy as np

        return self.slope * np.clip(np.asarray(raw, float), -_SURE, _SURE) + self.intercept

    def probability(self, raw: "ArrayLike") -> "NDArray[np.float64]":
        """The calibrated probability of a model's logit, rounded so that equal data give equal figures."""
        import numpy as np
        from scipy.special import expit

        return np.round(expit(np.clip(self.logit(raw), -_SURE, _SURE)), 6).clip(1e-6, 1 - 1e-6)


def fit_platt(raw: "ArrayLike", outcome: "ArrayLike") -> Platt:
    """By maximum likelihood, with Platt's softened targets (one of each outcome is added)."""
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    x, y = np.clip(np.asarray(raw, float), -_SURE, _SURE), np.asarray(outcome, bool)
    yes, no = int(y.sum()), int((~y).sum())
    target = np.where(y, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(ab: "NDArray[np.float64]") -> "tuple[float, NDArray[np.float64]]":
        z = ab[0] * x + ab[1]
        wrong = expit(z) - target
        return float(np.mean(np.logaddexp(0, z) - target * z)), np.array([np.mean(wrong * x), np.mean(wrong)])

    start = np.array([1.0, 0.0])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 20.0), (-20.0, 20.0)])
    return Platt(float(found.x[0]), float(found.x[1]))


@dataclass(frozen=True)
class Bin:
    """Customers of similar predictions: the mean prediction, and the share that did churn with its 95 % interval."""

    n: int
    predicted: float
    observed: float
    low: float
    high: float


def reliability(probability: "ArrayLike", outcome: "ArrayLike", *, bins: int = BINS) -> list[Bin]:
    """Up to `bins` bins of about equal size; equal predictions are never parted."""
    import numpy as np

    p, y = np.asarray(probability, float), np.asarray(outcome, bool)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, p, side="left")
    out = []
    for k in np.unique(place):
        inside = place == k
        share = wilson(int(y[inside].sum()), int(inside.sum()))
        out.append(Bin(int(inside.sum()), float(p[inside].mean()), share.value, share.low, share.high))
    return out


def calibration_error(bins: list[Bin]) -> float:
    """ECE: the mean distance of predicted and observed shares, weighted by the customers of each bin."""
    return sum(b.n * abs(b.predicted - b.observed) for b in bins) / sum(b.n for b in bins)
