"""Half-open windows of time, in UTC: planning, splitting, and how the API wants them written.

Pure: nothing here makes a call. The API's windows include both ends and know no fractions of a second; ours are
`[start, end)`, so `end - 1 s` is what is sent, in Korean time. Does not belong here: what was read (see `ledger.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from math import ceil
from typing import Final

from cafe24_pipelines.errors import Cafe24Error

KST: Final = timezone(timedelta(hours=9), "KST")
SECOND: Final = timedelta(seconds=1)
ORDER_SPAN: Final = timedelta(days=89)
"""The API refuses three months or more; the shortest are February to April, and 89 days less the last second stay
below them."""
YEAR_SPAN: Final = timedelta(days=364)
"""Board articles take less than a year."""
TARGET_ROWS: Final = 5_000
"""A window is split until it holds no more, so that one disagreement costs little to read again."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """`[start, end)` in UTC, whole seconds."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None or self.end <= self.start:
            raise ValueError(f"not a window: {self.start} to {self.end}")

    @property
    def seconds(self) -> int:
        """How long it is."""
        return int((self.end - self.start).total_seconds())

    def params(self, start: str = "start_date", end: str = "end_date") -> dict[str, str]:
        """The two query parameters, both ends included, in Korean time."""
        return {start: korean_time(self.start), end: korean_time(self.end - SECOND)}

    def days(self) -> dict[str, str]:
        """The same for resources that know whole days only: the days that the window touches."""
        return {
            "start_date": self.start.astimezone(KST).date().isoformat(),
            "end_date": (self.end - SECOND).astimezone(KST).date().isoformat(),
        }

    def parts(self, pieces: int) -> list["Window"]:
        """Split into at most `pieces` of about the same length, none shorter than a second."""
        pieces = max(1, min(pieces, self.seconds))
        edges = [self.start + timedelta(seconds=self.seconds * n // pieces) for n in range(pieces)]
        edges.append(self.end)
        return [Window(a, b) for a, b in pairwise(edges)]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M:%S} to {self.end:%Y-%m-%d %H:%M:%S} UTC"


def whole_second(moment: datetime) -> datetime:
    """The moment in UTC without its fraction of a second."""
    return moment.astimezone(UTC).replace(microsecond=0)


def korean_time(moment: datetime) -> str:
    """`2026-11-01 00:00:00`, as the API's filters take it."""
    return moment.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def chunks(start: datetime, end: datetime, span: timedelta) -> list[Window]:
    """Cut `[start, end)` into windows of at most `span`, oldest first; empty when there is nothing to cut."""
    found: list[Window] = []
    while start < end:
        stop = min(start + span, end)
        found.append(Window(start, stop))
        start = stop
    return found


def beginning(
    occupied: Callable[[Window], bool], now: datetime, span: timedelta, *, empties: int = 8,
    oldest: datetime | None = None,
) -> datetime | None:  # fmt: skip
    """Where a mall's rows begin: walks back from `now` until `empties` chunks in a row hold nothing.

    Args:
        occupied: asks the mall whether the chunk holds a row.
        now: exclusive upper end.
        span: length of a chunk.
        empties: how long a silence is believed to be the mall's beginning.
        oldest: when the mall is known to have been there; a silence after it is no beginning.

    Returns:
        The start of the oldest chunk that holds a row; None if there is no row at all.
    """
    found: datetime | None = None
    silent = 0
    end = now
    while (silent < empties or (oldest is not None and oldest < end)) and end.year > 1990:
        chunk = Window(end - span, end)
        if occupied(chunk):
            found, silent = chunk.start, 0
        else:
            silent += 1
        end = chunk.start
    return found


@dataclass(frozen=True, slots=True)
class Planned:
    """A window to read and the count that the API gave for it (-1: it was not counted)."""

    window: Window
    counted: int


def plan(
    window: Window, count: Callable[[Window], int], *, target: int = TARGET_ROWS, exact: bool = True
) -> Iterator[Planned]:
    """Windows that hold at most `target` rows each, oldest first, none left out and none overlapping.

    A window of one second that still holds more is yielded as it is: its reader has to cut it along something else
    than time, or say that it can't.

    Args:
        window: what to cut.
        count: asks the mall.
        target: rows a window holds at most.
        exact: `count` gives numbers of rows, not only whether they are too many.

    Raises:
        Miscounted: parts of a window count more than it does as a whole.
    """
    todo: list[tuple[Window, _Whole | None]] = [(window, None)]
    while todo:
        one, whole = todo.pop()
        counted = count(one)
        if whole is not None and whole.exceeded_by(counted):
            raise Miscounted(
                "counts don't go by time: parts of a period hold more than the period", where=str(one),
                remedy="the window stays open; if it stays so, the API ignores this filter",
            )  # fmt: skip
        if counted <= target or one.seconds <= 1:
            yield Planned(one, counted)
            continue
        pieces = max(2, ceil(counted * 1.25 / target))  # busy days are denser than the mean
        own = _Whole(counted) if exact else None
        todo.extend((part, own) for part in reversed(one.parts(pieces)))


class _Whole:
    """What a window counted, and what its parts count so far; new rows are forgiven, a filter that does nothing not.

    Without this, a filter that the API ignores would be split down to single seconds: millions of calls.
    """

    def __init__(self, counted: int) -> None:
        self._most, self._parts = counted + max(counted // 2, 1_000), 0

    def exceeded_by(self, counted: int) -> bool:
        self._parts += max(counted, 0)
        return self._parts > self._most


class Miscounted(Cafe24Error):
    """Counts of windows contradict each other."""


def subtract(window: Window, taken: list[Window]) -> list[Window]:
    """What of `window` no window of `taken` covers, oldest first."""
    left: list[Window] = []
    at = window.start
    for one in sorted(taken):
        if one.end <= at or one.start >= window.end:
            continue
        if one.start > at:
            left.append(Window(at, one.start))
        at = max(at, one.end)
    if at < window.end:
        left.append(Window(at, window.end))
    return left
