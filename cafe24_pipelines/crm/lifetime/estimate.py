"""What fitting a model gives: parameters, how sure they are, and whether that is a maximum at all.

Parameters are estimated as logarithms (of r, alpha, …), where they are nearly normal; standard errors of the
parameters themselves follow by the delta method. Does not belong here: any one model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    from cafe24_pipelines.crm.lifetime.newton import Vector

WIDEST: Final = 3.0
"""Largest standard deviation of a logarithm that is believed: beyond it, the data say nothing (a factor of 20)."""


@dataclass(frozen=True)
class Prior:
    """A normal prior of each log-parameter."""

    centre: tuple[float, ...]
    spread: tuple[float, ...]

    def add(
        self, at: "Vector", value: float, gradient: "Vector", hessian: "Vector"
    ) -> "tuple[float, Vector, Vector]":
        """The log-posterior (up to a constant) of a log-likelihood."""
        import numpy as np

        spread = np.asarray(self.spread)
        off = (at - np.asarray(self.centre)) / spread
        return value - 0.5 * float(off @ off), gradient - off / spread, hessian - np.diag(spread**-2)


@dataclass(frozen=True)
class Fitted:
    """A fitted model.

    Attributes:
        names: of the parameters.
        log: their logarithms, in the units of the fit.
        covariance: of the logarithms, from the observed information (of the posterior when `pooled`).
        shift: natural parameter = `exp(log) + shift` times `scale`.
        log_likelihood: of the data alone, also when `pooled`.
        n: customers.
        converged: see `newton.Maximum`.
        pooled: a prior took part.
    """

    names: tuple[str, ...]
    log: "Vector"
    covariance: "Vector"
    shift: tuple[float, ...]
    scale: tuple[float, ...]
    log_likelihood: float
    n: int
    converged: bool
    pooled: bool
    agreeing: int
    starts: int

    @property
    def parameters(self) -> "Vector":
        """The parameters."""
        return self._natural(self.log)

    @property
    def standard_errors(self) -> "Vector":
        """Their standard errors."""
        import numpy as np

        return np.exp(self.log) * np.asarray(self.scale) * np.sqrt(np.diag(self.covariance))

    def draws(self, count: int, rng: "np.random.Generator") -> "Vector":
        """Parameters `(count, len(names))` as uncertain as they are: the logarithms are drawn from their normal."""
        import numpy as np

        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        z = np.clip(rng.standard_normal((count, len(self.names))), -3.5, 3.5)
        return self._natural(np.clip(self.log + z @ root.T, -20.0, 20.0))

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        pairs = zip(self.names, self.parameters, self.standard_errors, strict=True)
        return {
            "parameters": {name: {"value": float(v), "standard_error": float(s)} for name, v, s in pairs},
            "log_likelihood": self.log_likelihood,
            "n": self.n,
            "converged": self.converged,
            "pooled": self.pooled,
            "starts_agreeing": f"{self.agreeing}/{self.starts}",
        }

    def _natural(self, log: "Vector") -> "Vector":
        import numpy as np

        return (np.exp(log) + np.asarray(self.shift)) * np.asarray(self.scale)


def estimate(
    objective: "Callable[[Vector], tuple[float, Vector, Vector]]", starts: "Sequence[Vector]", *,
    names: tuple[str, ...], low: "Vector", high: "Vector", n: int, prior: Prior | None = None,
    shift: tuple[float, ...] = (), scale: tuple[float, ...] = (),
) -> Fitted:  # fmt: skip
    """Fit by maximum likelihood, or with a prior by the maximum of the posterior (Laplace's covariance).

    Args:
        objective: log-likelihood, gradient and Hessian in the log-parameters.
        n: customers behind it.
    """
    import numpy as np

    from cafe24_pipelines.crm.lifetime.newton import covariance, maximise

    def posterior(at: "Vector") -> "tuple[float, Vector, Vector]":
        found = objective(at)
        return prior.add(at, *found) if prior else found

    given = [*starts, np.asarray(prior.centre)] if prior else starts
    top = maximise(posterior, given, low=low, high=high, size=n)
    likelihood = objective(top.at)[0] if prior else top.value
    none = (0.0,) * len(names)
    return Fitted(
        names, top.at, covariance(top.hessian, widest=WIDEST), shift or none, scale or (1.0,) * len(names),
        float(likelihood), n, top.converged, prior is not None, top.agreeing, top.starts,
    )  # fmt: skip
