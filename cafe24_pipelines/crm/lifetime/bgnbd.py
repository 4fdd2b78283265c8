"""BG/NBD and MBG/NBD: how often a customer buys until, after some purchase and unseen, they stop for good.

A customer buys at a rate of their own (gamma: r, alpha) and leaves after each purchase with a chance of their own
(beta: a, b). In BG/NBD (Fader, Hardie and Lee 2005) nobody leaves before their first repeat purchase; in MBG/NBD
(Batislam et al. 2007, Hoppe and Wagner 2007) the first purchase may be the last one. Both are one formula in the
number of times k that a customer chose to stay: k = x, or k = x + 1. Time has any unit; alpha has the same.
Does not belong here: money (see `gamma_gamma.py`), or what a day is worth (see `seasonal.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from cafe24_pipelines.crm.lifetime.estimate import Fitted, Prior
    from cafe24_pipelines.crm.lifetime.newton import Vector

NAMES: Final = ("r", "alpha", "a", "b")
_LOW: Final = (-7.0, -9.0, -7.0, -7.0)
_HIGH: Final = (6.0, 14.0, 7.0, 8.0)
_NEAR_ONE: Final = 1e-4
"""Closer to a = 1 the closed form is 0/0; the mean of both sides stands for it."""


@dataclass(frozen=True)
class Histories:
    """Distinct histories and how many customers share each.

    Attributes:
        x: repeat purchases; t_x: time of the last one since the first purchase; age: time since the first purchase.
        n: customers with exactly this history.
    """

    x: "Vector"
    t_x: "Vector"
    age: "Vector"
    n: "Vector"

    @property
    def customers(self) -> int:
        """All of them."""
        return int(self.n.sum())


def histories(x: "ArrayLike", t_x: "ArrayLike", age: "ArrayLike") -> Histories:
    """Gather customers with equal histories: the likelihood needs each only once."""
    import numpy as np

    rows = np.column_stack([np.asarray(one, np.float64) for one in (x, t_x, age)])
    rows = rows[np.lexsort(rows.T)]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    at = np.flatnonzero(new)
    n = np.diff(np.append(at, len(rows))).astype(np.float64)
    return Histories(rows[at, 0], rows[at, 1], rows[at, 2], n)


@dataclass(frozen=True)
class PurchaseModel:
    """One of the two models; `stays` is how often a customer without repeat purchases has chosen to stay."""

    name: str
    stays: int

    def fit(self, given: Histories, *, prior: "Prior | None" = None, near: "Vector | None" = None) -> "Fitted":
        """Maximum likelihood by Newton's method, or with a prior the maximum of the posterior.

        Args:
            given: at least one customer with a repeat purchase.
            prior: of log r, log alpha, log a, log b, in the unit of the histories.
            near: log-parameters close to the maximum, to start from them alone.
        """
        import numpy as np

        from cafe24_pipelines.crm.lifetime.estimate import estimate

        likelihood = _Likelihood(given, self.stays)
        rate = float(given.n @ given.x) / max(float(given.n @ given.age), 1e-12)
        shapes = ((0.5, 1.0, 3.0), (1.5, 0.4, 4.0), (0.2, 0.9, 1.2))
        starts = [np.log([r, r / max(2 * rate, 1e-9), a, b]) for r, a, b in shapes] if near is None else [near]
        low, high = np.asarray(_LOW), np.asarray(_HIGH)
        return estimate(likelihood, starts, names=NAMES, low=low, high=high, n=given.customers, prior=prior)

    def log_likelihood(self, parameters: "ArrayLike", given: Histories) -> "tuple[float, Vector, Vector]":
        """Value, gradient and Hessian in the logarithms of (r, alpha, a, b)."""
        import numpy as np

        return _Likelihood(given, self.stays)(np.log(np.asarray(parameters, np.float64)))

    def p_alive(self, parameters: "ArrayLike", x: "ArrayLike", t_x: "ArrayLike", age: "ArrayLike") -> "Vector":
        """Chance that the customer has not left for good."""
        import numpy as np
        from scipy.special import expit

        r, alpha, a, b = np.moveaxis(np.asarray(parameters, np.float64), -1, 0)
        x, t_x, age = (np.asarray(one, np.float64) for one in (x, t_x, age))
        k = x + self.stays
        with np.errstate(divide="ignore"):
            left = np.log(a) - np.log(np.maximum(b + k - 1, 1e-300))
        odds = left + (r + x) * (np.log(alpha + age) - np.log(alpha + t_x))
        return np.where(k > 0, expit(-odds), 1.0)

    def expected(
        self, parameters: "ArrayLike", x: "ArrayLike", t_x: "ArrayLike", age: "ArrayLike", horizon: "ArrayLike"
    ) -> "Vector":
        """Purchases to be expected within the horizon, given the history."""
        import numpy as np

        r, alpha, a, b = np.moveaxis(np.asarray(parameters, np.float64), -1, 0)
        x, t = np.asarray(x, np.float64), np.asarray(horizon, np.float64)
        wanted = (r + x, alpha + np.asarray(age, np.float64), a, b + x + self.stays, t)
        return self.p_alive(parameters, x, t_x, age) * _expected_of_living(*np.broadcast_arrays(*wanted))

    def at_least(
        self, parameters: "ArrayLike", x: "ArrayLike", t_x: "ArrayLike", age: "ArrayLike", horizon: "ArrayLike",
        *, count: "ArrayLike",
    ) -> "Vector":  # fmt: skip
        """Chance of `count` or more purchases within the horizon, given the history.

        With j purchases wanted, the customer must live, the time must hold j of them, and they must stay j - 1 times;
        rate and chance of leaving are independent in the posterior, so the three multiply.
        """
        import numpy as np
        from scipy.special import betainc, gammaln

        r, alpha, a, b = np.moveaxis(np.asarray(parameters, np.float64), -1, 0)
        x, t, j = (np.asarray(one, np.float64) for one in (x, horizon, count))
        held = alpha + np.asarray(age, np.float64)
        first = np.maximum(j, 1)
        k = b + x + self.stays
        stays = gammaln(k + first - 1) - gammaln(k) + gammaln(a + k) - gammaln(a + k + first - 1)
        chance = self.p_alive(parameters, x, t_x, age) * betainc(first, r + x, t / (held + t)) * np.exp(stays)
        return np.where(j > 0, chance, 1.0)

    def simulate(
        self, rng: "np.random.Generator", parameters: "ArrayLike", x: "ArrayLike", t_x: "ArrayLike",
        age: "ArrayLike", *, horizon: "ArrayLike",
    ) -> "Vector":  # fmt: skip
        """One future each: purchases within the horizon, of the broadcast shape of the arguments."""
        import numpy as np

        r, alpha, a, b = np.moveaxis(np.asarray(parameters, np.float64), -1, 0)
        x, age, t = (np.asarray(one, np.float64) for one in (x, age, horizon))
        chance = self.p_alive(parameters, x, t_x, age)
        r, alpha, a, b, x, age, t, chance = np.broadcast_arrays(r, alpha, a, b, x, age, t, chance)
        alive = rng.random(x.shape) < chance
        rate = rng.standard_gamma(r + x) / (alpha + age)
        leaving = np.maximum(rng.beta(a, b + x + self.stays), 1e-9)
        bought = np.minimum(rng.poisson(np.minimum(rate * t, 1e9)), rng.geometric(leaving))
        return np.where(alive, bought, 0).astype(np.float64)


BG_NBD: Final = PurchaseModel("BG/NBD", 0)
MBG_NBD: Final = PurchaseModel("MBG/NBD", 1)
MODELS: Final = (BG_NBD, MBG_NBD)


# -- inside --------------------------------------------------------------------------------------------------


class _Likelihood:
    """Log-likelihood with gradient and Hessian; what depends on x alone is computed once for each x."""

    def __init__(self, given: Histories, stays: int) -> None:
        import numpy as np

        self.given, self.stays = given, stays
        self.counts, inverse = np.unique(given.x, return_inverse=True)
        self.weight = np.bincount(inverse, given.n)
        self.k = given.x + stays
        self.may_leave = self.k > 0

    def __call__(self, at: "Vector") -> "tuple[float, Vector, Vector]":
        import numpy as np

        natural = np.exp(at)
        value, gradient, hessian = self._by_count(natural)
        more = self._by_history(natural)
        value, gradient, hessian = value + more[0], gradient + more[1], hessian + more[2]
        inner = natural * gradient
        return value, inner, hessian * np.outer(natural, natural) + np.diag(inner)

    def _by_count(self, natural: "Vector") -> "tuple[float, Vector, Vector]":
        """The gamma functions of x: those of the rate and those of the chance to stay."""
        import numpy as np
        from scipy.special import gammaln, psi, zeta

        r, alpha, a, b = natural
        x, w = self.counts, self.weight
        k, n = x + self.stays, float(w.sum())
        at = np.concatenate([r + x, b + k, a + b + k, [r, b, a + b]])
        size = x.size

        def summed(values: "Vector") -> "tuple[float, float, float]":
            parts = (w @ values[i * size : (i + 1) * size] - n * values[3 * size + i] for i in range(3))
            rx, bk, abk = (float(part) for part in parts)
            return rx, bk, abk

        g, d, t = summed(gammaln(at)), summed(psi(at)), summed(zeta(2, at))
        value = g[0] + n * r * np.log(alpha) + g[1] - g[2]
        gradient = np.array([d[0] + n * np.log(alpha), n * r / alpha, -d[2], d[1] - d[2]])
        hessian = np.zeros((4, 4))
        hessian[:2, :2] = [[t[0], n / alpha], [n / alpha, -n * r / alpha**2]]
        hessian[2:, 2:] = [[-t[2], -t[2]], [-t[2], t[1] - t[2]]]
        return float(value), gradient, hessian

    def _by_history(self, natural: "Vector") -> "tuple[float, Vector, Vector]":
        """Staying until now, or having left at the last purchase: the logarithm of the sum of both."""
        import numpy as np

        r, alpha, a, b = natural
        given, n = self.given, self.given.n
        total, i_age, i_last = r + given.x, 1 / (alpha + given.age), 1 / (alpha + given.t_x)
        stay = total * np.log(i_age)
        i_b = 1 / np.where(self.may_leave, b + self.k - 1, 1.0)
        odds = np.where(self.may_leave, np.log(a * i_b) + total * np.log(i_last) - stay, -np.inf)
        small = np.exp(-np.abs(odds))
        left = np.where(odds > 0, 1.0, small) / (1 + small)
        value = n @ (stay + np.maximum(odds, 0.0) + np.log1p(small))
        nl = n * left
        apart = np.stack([np.log(i_last / i_age), total * (i_age - i_last), np.full_like(i_b, 1 / a), -i_b])
        gradient = np.array([n @ np.log(i_age), -(n @ (total * i_age)), 0.0, 0.0]) + apart @ nl
        hessian = (apart * (nl * (1 - left))) @ apart.T
        mixed = n @ i_age + nl @ (i_last - i_age)
        hessian[0, 1] -= mixed
        hessian[1, 0] -= mixed
        hessian[1, 1] += (n * total) @ i_age**2 + (nl * total) @ (i_last**2 - i_age**2)
        hessian[2, 2] -= nl.sum() / a**2
        hessian[3, 3] += nl @ i_b**2
        return float(value), gradient, hessian


def _expected_of_living(total: "Vector", held: "Vector", a: "Vector", stayed: "Vector", t: "Vector") -> "Vector":
    """Purchases to be expected of a customer who has not left: rate ~ gamma(total, held), leaving ~ beta(a, stayed).

    The closed form with a hypergeometric function, turned by Euler's transformation so that its second argument does
    not grow with x; where it fails (a near 1, a + stayed near 1, overflow) the integral over the chance of leaving.
    """
    import numpy as np

    near = np.abs(a - 1) < _NEAR_ONE
    value = _closed_form(total, held, np.where(near, 1 + _NEAR_ONE, a), stayed, t)
    if near.any():
        value = np.where(near, (value + _closed_form(total, held, 1 - _NEAR_ONE, stayed, t)) / 2, value)
    most = total * t / held  # nobody leaves
    bad = ~(np.isfinite(value) & (value >= 0) & (value <= most * (1 + 1e-9) + 1e-12))
    bad |= np.abs(a + stayed - 1) < 1e-3
    if bad.any():
        value = value.copy()
        value[bad] = _integral(*(one[bad] for one in (total, held, a, stayed, t)))
    return value


def _closed_form(total: "Vector", held: "Vector", a: Any, stayed: "Vector", t: "Vector") -> "Vector":
    import numpy as np
    from scipy.special import hyp2f1

    c = a + stayed - 1
    z = t / (held + t)
    with np.errstate(all="ignore"):
        rest = np.exp((a - 1) * np.log1p(-z)) * hyp2f1(a - 1, c - total, c, z)
        return np.asarray(c / (a - 1) * (1 - rest))


def _integral(total: "Vector", held: "Vector", a: "Vector", stayed: "Vector", t: "Vector") -> "Vector":
    """The mean over 200 equally likely chances of leaving."""
    import numpy as np
    from scipy.special import betaincinv

    levels = (np.arange(200) + 0.5) / 200
    p = np.maximum(betaincinv(a[:, None], stayed[:, None], levels), 1e-12)
    grown = np.log1p(p * (t / held)[:, None])
    return np.asarray((-np.expm1(-total[:, None] * grown) / p).mean(axis=1))
