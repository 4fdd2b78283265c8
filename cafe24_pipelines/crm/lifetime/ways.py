"""The ways to forecast a shop's purchases: a model, the time it is measured in, and its fit.

Does not belong here: which way is best (see `holdout.py`).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.crm.lifetime.bgnbd import MODELS, Histories, PurchaseModel
from cafe24_pipelines.crm.lifetime.cells import Cells, cells
from cafe24_pipelines.crm.lifetime.seasonal import Calendar, expected_repeats, learn, plain

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from cafe24_pipelines.crm.lifetime.buyers import Ledger
    from cafe24_pipelines.crm.lifetime.estimate import Fitted
    from cafe24_pipelines.crm.lifetime.newton import Vector

PLAIN, FEASTS, MONTHS = "plain", "feasts", "feasts+months"
CALENDARS: Final = (PLAIN, FEASTS, MONTHS)
_GRID: Final = 33
_CELLS: Final = 2_000
_ROUGH: Final = 5_000


@dataclass(frozen=True)
class Way:
    """A fitted model together with the time that it is measured in."""

    model: PurchaseModel
    season: str
    calendar: Calendar
    fitted: "Fitted"

    @property
    def name(self) -> str:
        """Of the model and of its calendar."""
        return self.model.name if self.season == PLAIN else f"{self.model.name} ({self.season})"

    def ahead(self, until: int, days: "ArrayLike") -> "Vector":
        """So many days after `until`, in the way's time."""
        import numpy as np

        return self.calendar.time(until + np.asarray(days)) - self.calendar.time(until)

    def expected(self, found: Cells, time: "ArrayLike") -> "Vector":
        """Purchases to be expected of one customer of each cell within a time."""
        return self.model.expected(self.fitted.parameters, found.x, found.t_x, found.age, time)

    def daily(self, buyers: "pd.DataFrame", until: int, days: int) -> "Vector":
        """Purchases of all buyers to be expected on each of so many days after `until`."""
        import numpy as np

        found = cells(buyers, self.calendar, until, limit=_CELLS)
        time = self.ahead(until, np.arange(days + 1))
        grid = np.linspace(0.0, float(time[-1]), _GRID)
        grown = [0.0, *(float(self.expected(found, t) @ found.n) for t in grid[1:])]
        return np.diff(np.interp(time, grid, grown))


def fit_ways(
    ledger: "Ledger", buyers: "pd.DataFrame", until: int, *, pooled: bool, reach: int,
    models: tuple[PurchaseModel, ...] = MODELS, seasons: tuple[str, ...] = CALENDARS,
) -> list[Way]:  # fmt: skip
    """Every way that the data up to a day allow, of those asked for; the plain ones first.

    Args:
        buyers: of `ledger.buyers(until)`.
        pooled: parameters are drawn towards public shops; they are too where there is no inner maximum.
        reach: days after `until` that the calendars must cover.
    """
    last = until + reach
    simple = [_fit(model, PLAIN, plain(ledger.first, last), buyers, until, pooled=pooled) for model in models]
    ways = simple if PLAIN in seasons else []
    if set(seasons) == {PLAIN}:
        return ways
    repeats, new, _ = (column[: until - ledger.first + 1] for column in ledger.daily(until))
    for way in simple:
        usual = expected_repeats(way.model, way.fitted, new)
        for season in (one for one in seasons if one != PLAIN):
            calendar = learn(repeats, usual, ledger.first, until=until, last=last, months=season == MONTHS)
            if calendar and (season == FEASTS or set(calendar.months) != {1.0}):
                ways = [*ways, _fit(way.model, season, calendar, buyers, until, pooled=pooled)]
    return ways


def _fit(
    model: PurchaseModel, season: str, calendar: Calendar, buyers: "pd.DataFrame", until: int, *, pooled: bool
) -> Way:
    """Fit; where histories are many, all starts climb over a rough picture of them, then the best over the exact."""
    from cafe24_pipelines.crm.lifetime.pooling import prior

    exact = _given(cells(buyers, calendar, until))
    drawn = prior(model.name) if pooled else None
    if len(exact.n) <= _ROUGH:
        fitted = model.fit(exact, prior=drawn)
    else:
        rough = model.fit(_given(cells(buyers, calendar, until, limit=_ROUGH)), prior=drawn)
        fitted = model.fit(exact, prior=drawn, near=rough.log)
        fitted = replace(fitted, agreeing=rough.agreeing, starts=rough.starts)
    if not (fitted.converged or pooled):
        fitted = model.fit(exact, prior=prior(model.name))
    return Way(model, season, calendar, fitted)


def _given(found: Cells) -> Histories:
    return Histories(found.x, found.t_x, found.age, found.n)
