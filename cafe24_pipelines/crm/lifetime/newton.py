"""Maximum of a smooth log-likelihood with known gradient and Hessian: Newton's method, damped, from several starts.

Directions of the wrong curvature are turned uphill, so that a bad start climbs instead of leaving for a saddle.
Does not belong here: any one likelihood.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Objective = Callable[[Vector], tuple[float, Vector, Vector]]
    """From a point to value, gradient and Hessian."""

STEPS: Final = 80
LONGEST: Final = 2.0
"""Largest change of one coordinate in one step."""
TOLERANCE: Final = 1e-8
"""Largest gradient at a maximum, for each observation."""


@dataclass(frozen=True)
class Maximum:
    """The best point found.

    Attributes:
        converged: the gradient vanishes there, every curvature is downward, and no coordinate lies at its bound.
        agreeing: starts that ended at the same value, of `starts`.
    """

    at: "Vector"
    value: float
    gradient: "Vector"
    hessian: "Vector"
    converged: bool
    agreeing: int
    starts: int


def maximise(
    objective: "Objective", starts: "Sequence[Vector]", *, low: "Vector", high: "Vector", size: float
) -> Maximum:
    """Climb from every start and keep the highest end.

    Args:
        objective: finite between the bounds.
        low, high: bounds of each coordinate.
        size: observations; tolerances grow with them.
    """
    import numpy as np

    tolerance = TOLERANCE * max(1.0, size)
    ends = [_climb(objective, np.clip(start, low, high), low, high, tolerance) for start in starts]
    at, value, gradient, hessian = max(ends, key=lambda end: end[1])
    inside = bool(np.all((at > low) & (at < high)))
    flat = bool(np.abs(gradient).max() <= tolerance)
    downward = bool(np.linalg.eigvalsh(-hessian).min() > 0)
    agreeing = sum(value - end[1] <= 1e-6 * max(1.0, abs(value)) for end in ends)
    return Maximum(at, value, gradient, hessian, inside and flat and downward, agreeing, len(starts))


def covariance(hessian: "Vector", *, widest: float) -> "Vector":
    """Inverse of the observed information; no direction gets a standard deviation above `widest`."""
    import numpy as np

    values, vectors = np.linalg.eigh(-(hessian + hessian.T) / 2)
    return (vectors / np.maximum(values, widest**-2)) @ vectors.T


def _climb(
    objective: "Objective", at: "Vector", low: "Vector", high: "Vector", tolerance: float
) -> "tuple[Vector, float, Vector, Vector]":
    import numpy as np

    value, gradient, hessian = objective(at)
    for _ in range(STEPS):
        free = ~(((at <= low) & (gradient < 0)) | ((at >= high) & (gradient > 0)))
        if not free.any() or np.abs(gradient[free]).max() <= tolerance:
            break
        step = np.zeros_like(at)
        step[free] = _uphill(gradient[free], hessian[np.ix_(free, free)])
        step *= min(1.0, LONGEST / np.abs(step).max())
        gain = float(gradient @ step)
        for halvings in range(30):
            new = np.clip(at + step * 0.5**halvings, low, high)
            tried = objective(new)
            if tried[0] >= value + 1e-4 * gain * 0.5**halvings:
                break
        else:  # no step gains anything: rounding is all that is left, or there is nothing above
            break
        at, (value, gradient, hessian) = new, tried
    return at, value, gradient, hessian


def _uphill(gradient: "Vector", hessian: "Vector") -> "Vector":
    """Newton's step with every curvature taken as downward."""
    import numpy as np

    values, vectors = np.linalg.eigh(-hessian)
    size = np.maximum(np.abs(values), 1e-6 * max(1.0, float(np.abs(values).max())))
    return vectors @ ((vectors.T @ gradient) / size)
