"""Seasonal time: days that count for more before Seollal and Chuseok and in strong months, for less in weak ones.

The models assume that a customer's rate of buying never changes. Within a year it does for all customers alike, so
time is measured by a calendar of expected intensity: an ordinary day counts about 1. The feasts move by the lunar
calendar, so their effect is tied to days before the feast and not to a month. Does not belong here: whether a shop
is better forecast with it (see `holdout.py`), or the dates of the feasts (see `answers/holidays.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.crm.lifetime.buyers import date_of, day_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cafe24_pipelines.crm.lifetime.bgnbd import PurchaseModel
    from cafe24_pipelines.crm.lifetime.estimate import Fitted
    from cafe24_pipelines.crm.lifetime.newton import Vector

WINDOWS: Final = ((21, 15), (14, 8), (7, 2), (1, -1))
"""Days before a feast, from and to; -1 is the day after. The same for both feasts."""
SHRINKAGE: Final = 50.0
"""Purchases that each factor is drawn towards 1 with."""
FULL_YEAR: Final = 365
_ROUNDS: Final = 20


@dataclass(frozen=True)
class Calendar:
    """How much each day counts.

    Attributes:
        months: factor of January to December.
        before_feast: factor of each of `WINDOWS`.
        first: the day from which time runs.
        passed: time passed at the end of `first`, of the day after, …
    """

    months: tuple[float, ...]
    before_feast: tuple[float, ...]
    first: int
    passed: "Vector"

    def time(self, day: "ArrayLike") -> "Vector":
        """Time passed at the end of a day."""
        import numpy as np

        at = np.clip(np.asarray(day, np.int64) - self.first, 0, len(self.passed) - 1)
        return self.passed[at]

    def to_json(self) -> dict[str, Any]:
        """Its factors."""
        windows = zip(WINDOWS, self.before_feast, strict=True)
        return {
            "months": [round(one, 4) for one in self.months],
            "days_before_feast": [{"from": w[0], "to": w[1], "factor": round(f, 4)} for w, f in windows],
        }


def plain(first: int, last: int) -> Calendar:
    """Every day counts 1, up to and including `last`."""
    return _calendar((1.0,) * 12, (1.0,) * len(WINDOWS), first, last, last)


def learn(
    repeats: "Vector", expected: "Vector", first: int, *, until: int, last: int, months: bool = True
) -> Calendar | None:
    """A calendar from repeat purchases a day against those that a model without seasons expects.

    Months need a full year; a feast's factor needs a feast within the data. Every factor is drawn towards 1 as if
    `SHRINKAGE` purchases had come as expected. The mean of the days seen is 1, so that units stay comparable.

    Args:
        repeats, expected: for each day from `first` to `until`.
        last: the last day that the calendar must reach.
        months: whether months may differ.

    Returns:
        None when there is nothing to learn from.
    """
    import numpy as np

    month, window = _features(first, until)
    months = months and until - first + 1 >= FULL_YEAR
    feasts = bool((window >= 0).any())
    if not (months or feasts) or expected.sum() <= 0:
        return None
    by_month, by_window = np.ones(12), np.ones(len(WINDOWS) + 1)
    for _ in range(_ROUNDS):
        if months:
            now = expected * by_window[window]
            by_month = _ratios(month, repeats, now * (repeats.sum() / now.sum()), 12)
        now = expected * by_month[month]
        ordinary = window < 0
        level = repeats[ordinary].sum() / max(now[ordinary].sum(), 1e-9)
        by_window = np.append(_ratios(window, repeats, now * level, len(WINDOWS)), 1.0)
    return _calendar(tuple(by_month.tolist()), tuple(by_window[:-1].tolist()), first, until, last)


def expected_repeats(model: "PurchaseModel", fitted: "Fitted", new_buyers: "Vector") -> "Vector":
    """Repeat purchases to be expected on each day when every day counts 1, given how many first bought on each."""
    import numpy as np

    days = np.arange(len(new_buyers) + 1, dtype=np.float64)
    grown = np.diff(model.expected(fitted.parameters, 0.0, 0.0, 0.0, days))
    return np.convolve(new_buyers, np.concatenate([[0.0], grown]))[: len(new_buyers)]


# -- inside --------------------------------------------------------------------------------------------------


def _features(first: int, last: int) -> "tuple[NDArray[Any], NDArray[Any]]":
    """Month (0 to 11) and window before a feast (-1: none) of each day."""
    import numpy as np

    from cafe24_pipelines.answers.holidays import HOLIDAYS

    month = np.array([date_of(day).month - 1 for day in range(first, last + 1)])
    window = np.full(last - first + 1, -1)
    for feast in (day_number(day) for days in HOLIDAYS.values() for day in days):
        for k, (begin, end) in enumerate(WINDOWS):
            low, high = max(feast - begin - first, 0), min(feast - end - first, last - first)
            if low <= high:
                window[low : high + 1] = k
    return month, window


def _ratios(kind: "NDArray[Any]", seen: "Vector", expected: "Vector", kinds: int) -> "Vector":
    import numpy as np

    of = kind >= 0
    got = np.bincount(kind[of], seen[of], kinds)
    wanted = np.bincount(kind[of], expected[of], kinds)
    return (got + SHRINKAGE) / (wanted + SHRINKAGE)


def _calendar(
    months: tuple[float, ...], before_feast: tuple[float, ...], first: int, until: int, last: int
) -> Calendar:
    import numpy as np

    month, window = _features(first, last)
    weight = np.asarray(months)[month] * np.append(np.asarray(before_feast), 1.0)[window]
    weight /= weight[: until - first + 1].mean()
    return Calendar(months, before_feast, first, np.cumsum(weight))
