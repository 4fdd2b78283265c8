"""What the buyers of a shop will bring within the horizon: expectation and interval of each, and of all.

Expectations are closed forms at the estimates. Intervals come from simulated futures: each future has its own draw of
all parameters (from the normal of their logarithms, so what the data don't tell widens it) and the customer's own
randomness (whether they left, when they buy, what they pay), so 95 % of what customers really bring should lie
within theirs. The interval of the total has both as well: parameters move all customers together, their own
randomness averages out. What no model here knows (prices, advertising, the economy) is in neither; the hold-out
error shows it. Does not belong here: the choice of the model (see `holdout.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.crm.lifetime.cells import Cells, cells
from cafe24_pipelines.crm.lifetime.gamma_gamma import expected_value

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cafe24_pipelines.crm.lifetime.estimate import Fitted
    from cafe24_pipelines.crm.lifetime.newton import Vector
    from cafe24_pipelines.crm.lifetime.ways import Way

HORIZON_DAYS: Final = 365
YEARLY_DISCOUNT: Final = 0.10
"""What money a year from now is worth less: 1 / (1 + rate)."""
_STEPS: Final = 6
_CELLS: Final = 2_000
"""Histories that futures are simulated for; with more, near ones are taken together (see `cells`)."""
_FUTURES: Final = 2_000_000
"""Of all cells together; each gets 1,000 to 4,000."""
_TOTALS: Final = 80
LOW, HIGH = 0.025, 0.975
_TAIL: Final = 0.995
"""Futures beyond are cut for the variance: with few data, money may have none that is finite."""
_WIDEST: Final = 4.0
"""Largest standard deviation of the logarithm of the total."""


@dataclass(frozen=True)
class Forecast:
    """One value a buyer; `total`, `total_low` and `total_high` of all their discounted money."""

    p_alive: "Vector"
    purchases: "Vector"
    purchases_low: "Vector"
    purchases_high: "Vector"
    value: "Vector"
    clv: "Vector"
    clv_low: "Vector"
    clv_high: "Vector"
    total: float
    total_low: float
    total_high: float


@dataclass(frozen=True)
class _Futures:
    """Of each cell: bounds of purchases, bounds and variance of money in units of `gamma + x * value`."""

    bought: "tuple[Vector, Vector]"
    brought: "tuple[Vector, Vector]"
    variance: "Vector"


def forecast(way: "Way", worth: "Fitted", buyers: "pd.DataFrame", until: int, rng: "np.random.Generator") -> Forecast:
    """Forecast `HORIZON_DAYS` after `until`.

    Args:
        way: the model of purchases, its calendar reaching to the horizon's end.
        worth: the Gamma-Gamma model of what a purchase is worth.
        buyers: of `Ledger.buyers(until)`.
    """
    import numpy as np

    exact = cells(buyers, way.calendar, until)
    times = _times(way, until)
    alive = way.model.p_alive(way.fitted.parameters, exact.x, exact.t_x, exact.age)
    bought, discounted = _expectations(way, exact, times)
    x = buyers["x"].to_numpy(np.float64)
    paid = np.maximum(buyers["value"].to_numpy(np.float64), 0.0)
    value = expected_value(worth.parameters, x, paid)
    clv = discounted[exact.of] * value
    rough = cells(buyers, way.calendar, until, limit=_CELLS)
    futures = _simulate(way, worth, rough, float(times[-1]), float(paid[x > 0].mean()), rng=rng)
    discount = np.divide(discounted, bought, out=np.ones_like(bought), where=bought > 0)[exact.of]
    unit = (worth.parameters[2] + x * paid) * discount
    random = float((rough.sums(unit**2) * futures.variance).sum())
    unsure = _total_variance(way, worth, rough, float(times[-1]), rough.sums(x * paid), rng=rng)
    total = float(clv.sum())
    spread = min(_WIDEST, (random / max(total, 1e-12) ** 2 + unsure) ** 0.5)
    return Forecast(
        alive[exact.of], bought[exact.of], futures.bought[0][rough.of], futures.bought[1][rough.of], value,
        clv, futures.brought[0][rough.of] * unit, futures.brought[1][rough.of] * unit,
        total, total * float(np.exp(-1.96 * spread)), total * float(np.exp(1.96 * spread)),
    )  # fmt: skip


# -- inside --------------------------------------------------------------------------------------------------


def _times(way: "Way", until: int) -> "Vector":
    """The ends of `_STEPS` equal parts of the horizon, in the calendar's time."""
    import numpy as np

    return way.ahead(until, np.linspace(0, HORIZON_DAYS, _STEPS + 1)[1:].round().astype(np.int64))


def _expectations(way: "Way", found: Cells, times: "Vector") -> "tuple[Vector, Vector]":
    """Expected purchases of each cell, and the same discounted to today at the middle of each part."""
    import numpy as np

    grown = [way.expected(found, t) for t in times]
    parts = np.diff(np.stack([np.zeros_like(found.x), *grown]), axis=0)
    years = (np.arange(_STEPS) + 0.5) * HORIZON_DAYS / 365 / _STEPS
    return grown[-1], (1 + YEARLY_DISCOUNT) ** -years @ parts


def _simulate(
    way: "Way", worth: "Fitted", found: Cells, horizon: float, mean_value: float, *, rng: "np.random.Generator"
) -> _Futures:
    """Futures of one customer of each cell, for all cells under the same draws of the parameters.

    Money in units of gamma + x * value is Gamma(p * purchases) over Gamma(p * x + q). The draws of gamma itself are
    felt through a customer of mean value, as cells hold customers of many values.
    """
    import numpy as np

    count = int(np.clip(_FUTURES // len(found.n), 1_000, 4_000))
    theta, money = way.fitted.draws(count, rng), worth.draws(count, rng)
    p, q, gamma = money.T
    size = max(1, 2_000_000 // count)
    bounds, variance = [], []
    for begin in range(0, len(found.n), size):
        x, t_x, age = (one[begin : begin + size, None] for one in (found.x, found.t_x, found.age))
        bought = way.model.simulate(rng, theta, x, t_x, age, horizon=horizon)
        held = (gamma + x * mean_value) / (worth.parameters[2] + x * mean_value)
        nu = np.maximum(rng.standard_gamma(p * x + q), 1e-9)
        brought = np.where(bought > 0, rng.standard_gamma(np.maximum(p * bought, 1e-9)), 0.0) * held / nu
        bounds.append([np.quantile(one, (LOW, HIGH), axis=1) for one in (bought, brought)])
        variance.append(np.minimum(brought, np.quantile(brought, _TAIL, axis=1)[:, None]).var(axis=1))
    bought_bounds, brought_bounds = (np.concatenate([part[i] for part in bounds], axis=1) for i in (0, 1))
    return _Futures(
        (np.floor(bought_bounds[0]), np.ceil(bought_bounds[1])), (brought_bounds[0], brought_bounds[1]),
        np.concatenate(variance),
    )  # fmt: skip


def _total_variance(
    way: "Way", worth: "Fitted", found: Cells, horizon: float, spent: "Vector", *, rng: "np.random.Generator"
) -> float:
    """Variance of the logarithm of the expected total over draws of all parameters.

    Args:
        spent: over each cell, the sum of x times value.
    """
    import numpy as np

    totals = []
    for theta, (p, q, gamma) in zip(way.fitted.draws(_TOTALS, rng), worth.draws(_TOTALS, rng), strict=True):
        each = way.model.expected(theta, found.x, found.t_x, found.age, horizon)
        totals.append(float(each @ (p * (gamma * found.n + spent) / (p * found.x + q - 1))))
    return float(np.log(np.maximum(totals, 1e-12)).var(ddof=1))
