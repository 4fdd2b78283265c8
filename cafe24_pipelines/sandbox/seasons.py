"""The sandbox's clock: its two years, its holidays, and how busy each hour of them is.

Times inside the sandbox are whole seconds since `START` 00:00 Asia/Seoul (`t = 0`); Korea has no summer time, so
a day is always 86,400 seconds. Does not belong here: what people do at those times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

START: Final = date(2024, 11, 1)
END: Final = date(2026, 10, 31)
"""First and last local day; the last one is lived to its end."""

DAYS: Final = (END - START).days + 1
DAY: Final = 86_400
FINISH: Final = DAYS * DAY
NEVER: Final = -(2**62)
"""Stands for "not (yet)" in columns of times."""

SEOLLAL: Final = (date(2025, 1, 29), date(2026, 2, 17))
CHUSEOK: Final = (date(2025, 10, 6), date(2026, 9, 25))
BLACK_FRIDAYS: Final = (date(2024, 11, 29), date(2025, 11, 28))
DOUBLE_ELEVENS: Final = (date(2024, 11, 11), date(2025, 11, 11))

_WEEKDAYS = (1.12, 1.06, 1.02, 1.00, 0.94, 0.84, 1.02)  # Monday first
_HOURS = (5, 3, 1.5, 1, 0.8, 1, 2, 4, 6, 8, 9.5, 10, 10, 9, 9, 9, 8.5, 8, 8, 9, 11, 12.5, 12, 8.5)
_MONTHS = {11: 1.06, 12: 1.08, 1: 0.96, 2: 0.96, 7: 0.97, 8: 0.96}
_SLACK = 60  # days past the end for which parcels may still be on their way


def day_of(day: date) -> int:
    """Days from `START` to a date."""
    return (day - START).days


def holidays() -> frozenset[date]:
    """Seollal and Chuseok, each with the day before and the day after: no parcel moves."""
    return frozenset(d + timedelta(days=k) for d in (*SEOLLAL, *CHUSEOK) for k in (-1, 0, 1))


def before_holiday(day: date, *, within: int) -> bool:
    """Whether a Seollal or Chuseok is 2 to `within` days ahead: the time in which gifts are bought."""
    return any(2 <= (feast - day).days <= within for feast in (*SEOLLAL, *CHUSEOK))


def busyness(day: date) -> float:
    """How busy a day is, as a factor on an ordinary one."""
    weight = _WEEKDAYS[day.weekday()] * _MONTHS.get(day.month, 1.0)
    if day in holidays():
        weight *= 0.45
    elif before_holiday(day, within=14):
        weight *= 1.35
    if day in DOUBLE_ELEVENS:
        weight *= 2.4
    elif any(0 <= (day - friday).days <= 3 for friday in BLACK_FRIDAYS):
        weight *= 2.0
    return weight


@dataclass(frozen=True)
class Clock:
    """Turns "busy time" (an ordinary day counts 1) into seconds and back, and days into moments."""

    _edges: np.ndarray  # busy time at the start of every hour
    _hours: np.ndarray  # cumulative share of a day's hours, 25 values from 0 to 1
    _open_day: np.ndarray  # the first day from this one on which parcels are handed over

    @property
    def length(self) -> float:
        """Busy time of the two years."""
        return float(self._edges[-1])

    def busy(self, t: np.ndarray) -> np.ndarray:
        """Busy time that has passed at `t`."""
        import numpy as np

        return np.interp(t / 3600, np.arange(self._edges.size), self._edges)

    def moment(self, busy: np.ndarray) -> np.ndarray:
        """The second at which that much busy time has passed; past the end, a second after `FINISH`."""
        import numpy as np

        hours = np.interp(busy, self._edges, np.arange(self._edges.size))
        return np.where(busy < self.length, (hours * 3600).astype(np.int64), FINISH + 1)

    def within_day(self, rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
        """A moment on each of those days, at an hour when people shop."""
        import numpy as np

        hour = np.interp(rng.random(day.size), self._hours, np.arange(25))
        return day.astype(np.int64) * DAY + (hour * 3600).astype(np.int64).clip(0, DAY - 1)

    def open_day(self, day: np.ndarray) -> np.ndarray:
        """The day itself, or the next one that is neither a Sunday nor a holiday."""
        return self._open_day[day.clip(0, self._open_day.size - 1)]


@cache
def clock(*, even: bool = False) -> Clock:
    """The clock of the sandbox; `even` is one whose days are all alike (hours of a day, and parcels, are not)."""
    import numpy as np

    days = [START + timedelta(days=k) for k in range(DAYS)]
    weights = np.array([1.0 if even else busyness(d) for d in days])
    hours = np.array(_HOURS) / sum(_HOURS)
    edges = np.concatenate([[0.0], np.cumsum(np.outer(weights / weights.mean(), hours).ravel())])
    closed = holidays()
    open_day = list(range(DAYS + _SLACK))
    for k in reversed(range(DAYS + _SLACK - 1)):
        day = START + timedelta(days=k)
        if day.weekday() == 6 or day in closed:
            open_day[k] = open_day[k + 1]
    return Clock(edges, np.concatenate([[0.0], np.cumsum(hours)]), np.array(open_day))


def dice(seed: int, room: str) -> np.random.Generator:
    """A generator of its own for each room, so that a change in one leaves the others' draws alone."""
    import numpy as np

    return np.random.default_rng([seed, *room.encode()])


def typed(name: str, columns: dict[str, Any]) -> Any:
    """An Arrow table of a lake resource as the raw shop has it: `member_id` instead of `member_key`, no `mall_id`.

    Times are given in seconds since `START` (`NEVER` becomes null), money in whole won, everything else as a list
    or Arrow array. Columns that the lake does not have (personal ones) are text and come last.
    """
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import TABLES

    fields, arrays = [], []
    known = [("member_id" if c.name == "member_key" else c.name, c.type, c.nullable) for c in TABLES[name].columns]
    extra = [(c, pa.string(), True) for c in columns if c not in {k for k, _, _ in known}]
    for column, kind, nullable in [*known[1:], *extra]:
        fields.append(pa.field(column, kind, nullable))
        arrays.append(_array(columns[column], kind))
    return pa.table(arrays, schema=pa.schema(fields))


def _array(values: Any, kind: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        start = int(np.datetime64(START.isoformat(), "s").astype(np.int64)) - 9 * 3600  # Seoul is UTC+9
        t = np.asarray(values, dtype=np.int64)
        return pa.array((np.where(t == NEVER, 0, t) + start) * 1_000_000, kind, mask=t == NEVER)
    if pa.types.is_decimal(kind):
        return pa.array(np.asarray(values, dtype=np.int32)).cast(kind)  # 32 bits of won fit 16 whole digits
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return pa.array(values, kind)
