"""Gamma-Gamma: what a purchase of a customer is worth, from the mean of few purchases drawn towards the shop's.

Each purchase of a customer is gamma(p, nu), and nu differs between customers as gamma(q, gamma) (Fader and Hardie
2013). It assumes that value and frequency are independent: `independence` says how far that is from true. Only
customers with repeat purchases tell of it. Does not belong here: how often they buy (see `bgnbd.py`).
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cafe24_pipelines.crm.lifetime.estimate import Fitted, Prior
    from cafe24_pipelines.crm.lifetime.newton import Vector

NAMES: Final = ("p", "q", "gamma")
_LOW: Final = (-5.0, -3.0, -9.0)
_HIGH: Final = (7.0, 7.0, 9.0)
DOUBTFUL: Final = 0.3
"""Rank correlation of frequency and value beyond which independence is doubtful."""


def fit(x: "ArrayLike", value: "ArrayLike", *, prior: "Prior | None" = None) -> "Fitted":
    """Maximum likelihood (or posterior) of p, q > 1 and gamma; money is measured in the mean value meanwhile.

    A q of 1 or less would mean that the mean value of a customer is infinite.

    Args:
        x: repeat purchases, at least 1 each.
        value: mean value of those purchases, above 0.
        prior: of log p, log(q - 1) and log gamma, the last in units of the mean value.
    """
    import numpy as np

    from cafe24_pipelines.crm.lifetime.estimate import estimate

    x, value = np.asarray(x, np.float64), np.asarray(value, np.float64)
    unit = float(value.mean())
    likelihood = _Likelihood(x, value / unit)
    starts = [np.log([p, q - 1, (q - 1) / p]) for p, q in ((6.0, 3.5), (1.5, 4.0), (20.0, 12.0))]
    found = estimate(
        likelihood, starts, names=NAMES, low=np.asarray(_LOW), high=np.asarray(_HIGH), n=x.size, prior=prior,
        shift=(0.0, 1.0, 0.0), scale=(1.0, 1.0, unit),
    )  # fmt: skip
    return _in_money(found, unit)


def fit_pooled(x: "ArrayLike", value: "ArrayLike") -> "Fitted":
    """As `fit`; drawn towards public shops when the customers are few or tell no maximum."""
    import numpy as np

    from cafe24_pipelines.crm.lifetime.gate import OWN_REPEATERS
    from cafe24_pipelines.crm.lifetime.pooling import prior

    own = fit(x, value) if np.size(x) >= OWN_REPEATERS else None
    return own if own and own.converged else fit(x, value, prior=prior("Gamma-Gamma"))


def log_likelihood(parameters: "ArrayLike", x: "ArrayLike", value: "ArrayLike") -> "tuple[float, Vector, Vector]":
    """Value, gradient and Hessian in log p, log(q - 1) and log gamma."""
    import numpy as np

    p, q, gamma = np.asarray(parameters, np.float64)
    return _Likelihood(np.asarray(x, np.float64), np.asarray(value, np.float64))(np.log([p, q - 1, gamma]))


def expected_value(parameters: "ArrayLike", x: "ArrayLike", value: "ArrayLike") -> "Vector":
    """Value to be expected of the next purchase; with x = 0 the shop's mean, whatever `value` is."""
    import numpy as np

    p, q, gamma = np.moveaxis(np.asarray(parameters, np.float64), -1, 0)
    x, value = np.asarray(x, np.float64), np.asarray(value, np.float64)
    return np.asarray(p * (gamma + x * np.where(x > 0, value, 0.0)) / (p * x + q - 1))


def independence(x: "ArrayLike", value: "ArrayLike") -> dict[str, Any]:
    """Correlations of frequency and value among customers with repeat purchases (None without variance)."""
    import numpy as np
    from scipy.stats import rankdata

    x, value = np.asarray(x, np.float64), np.asarray(value, np.float64)
    if x.size < 3 or np.ptp(x) == 0 or np.ptp(value) == 0:
        return {"n": int(x.size), "pearson": None, "spearman": None, "doubtful": False}
    pearson = float(np.corrcoef(x, value)[0, 1])
    spearman = float(np.corrcoef(rankdata(x), rankdata(value))[0, 1])
    return {"n": int(x.size), "pearson": pearson, "spearman": spearman, "doubtful": abs(spearman) > DOUBTFUL}


class _Likelihood:
    """Log-likelihood with gradient and Hessian; gamma functions are computed once for each x."""

    def __init__(self, x: "Vector", value: "Vector") -> None:
        import numpy as np

        self.x, self.total, self.log_value = x, x * value, np.log(value)
        self.counts, inverse = np.unique(x, return_inverse=True)
        self.weight = np.bincount(inverse).astype(np.float64)

    def __call__(self, at: "Vector") -> "tuple[float, Vector, Vector]":
        import numpy as np
        from scipy.special import gammaln, psi, zeta

        p, excess, gamma = np.exp(at)
        q, c, w, n = 1 + excess, self.counts, self.weight, self.x.size
        held = gamma + self.total
        log_held, i_held = np.log(held), 1 / held
        shape = p * self.x + q
        value = w @ (gammaln(p * c + q) - gammaln(p * c) + p * c * np.log(c)) - n * gammaln(q) + n * q * np.log(gamma)
        value += (p * self.x - 1) @ self.log_value - shape @ log_held
        dp = w @ (c * (psi(p * c + q) - psi(p * c) + np.log(c))) + self.x @ (self.log_value - log_held)
        dq = w @ psi(p * c + q) - n * psi(q) + n * np.log(gamma) - log_held.sum()
        gradient = np.array([dp, dq, n * q / gamma - shape @ i_held])
        both = zeta(2, p * c + q)
        pq, pg, qg = w @ (c * both), -(self.x @ i_held), n / gamma - i_held.sum()
        hessian = np.array(
            [
                [w @ (c**2 * (both - zeta(2, p * c))), pq, pg],
                [pq, w @ both - n * zeta(2, q), qg],
                [pg, qg, shape @ i_held**2 - n * q / gamma**2],
            ]
        )
        inner = np.array([p, excess, gamma])
        slope = inner * gradient
        return float(value), slope, hessian * np.outer(inner, inner) + np.diag(slope)


def _in_money(found: "Fitted", unit: float) -> "Fitted":
    """The likelihood of the values themselves, not of values in units of their mean."""
    from dataclasses import replace
    from math import log

    return replace(found, log_likelihood=found.log_likelihood - found.n * log(unit))
