"""The ledger of one walk: which windows agreed with the mall, which are open, and how far the back-fill is.

Kept in the resource's state and committed together with the rows it speaks of. JSON: times are epoch seconds.
Does not belong here: deciding whether a window agrees (see `agreement.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cafe24_pipelines.cafe24.sync.windows import Window, subtract


def _stamp(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(stamp: int | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)


@dataclass(frozen=True, slots=True)
class Closed:
    """An agreed window.

    `listed` is what the mall listed. `apart` is by how much that exceeds the rows we hold of the time: rows in
    quarantine only and rows of erased members, less rows that we keep although a listing left them out. `read_at` is
    when (mall's clock) the run began that read it last; None in ledgers of before this was noted.
    """

    window: Window
    listed: int
    apart: int = 0
    read_at: datetime | None = None


@dataclass
class Ledger:
    """What one walk (a resource, a shop, for articles a board) has agreed on with the mall.

    Attributes:
        begun: where the mall's rows begin; None until it was looked for, or while there are none.
        started: when (mall's clock) the first run began, finished or not.
        last_run: when (mall's clock) the last run began that read everything it meant to.
        whole_at: when the last whole reading began.
        closed: agreed windows, oldest first, not overlapping.
        open: windows that did not agree or could not be read; read again by the next run.
    """

    begun: datetime | None = None
    started: datetime | None = None
    last_run: datetime | None = None
    whole_at: datetime | None = None
    closed: list[Closed] = field(default_factory=list)
    open: list[Window] = field(default_factory=list)

    @classmethod
    def from_json(cls, state: dict[str, Any] | None) -> "Ledger":
        """Read what `to_json` wrote; an absent state is an empty ledger."""
        s = state or {}
        return cls(
            begun=_moment(s.get("begun")),
            started=_moment(s.get("started")),
            last_run=_moment(s.get("last_run")),
            whole_at=_moment(s.get("whole_at")),
            closed=[
                Closed(_window(a, b), n, q, _moment(read[0]) if read else None)
                for a, b, n, q, *read in s.get("closed", [])
            ],
            open=[_window(a, b) for a, b in s.get("open", [])],
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "begun": _stamp(self.begun),
            "started": _stamp(self.started),
            "last_run": _stamp(self.last_run),
            "whole_at": _stamp(self.whole_at),
            "closed": [[*_ends(c.window), c.listed, c.apart, _stamp(c.read_at)] for c in self.closed],
            "open": [list(_ends(w)) for w in self.open],
        }

    def missing(self, start: datetime, end: datetime) -> list[Window]:
        """What of `[start, end)` was never agreed on, oldest first."""
        return subtract(Window(start, end), [c.window for c in self.closed]) if start < end else []

    def agree(self, window: Window, listed: int, apart: int = 0, read_at: datetime | None = None) -> list[Window]:
        """Note an agreed window; returns the older windows that it replaces, wholly or in part."""
        gone = self._forget(window)
        self.closed = sorted([*self.closed, Closed(window, listed, apart, read_at)], key=lambda c: c.window)
        self.open = subtract_all(self.open, window)
        return gone

    def disagree(self, window: Window) -> None:
        """Note a window that could not be agreed on: nothing of it counts as read."""
        self._forget(window)
        self.open = sorted([*subtract_all(self.open, window), window])

    def within(self, window: Window) -> list[Closed]:
        """Agreed windows that lie in `window` or reach into it."""
        return [c for c in self.closed if c.window.start < window.end and c.window.end > window.start]

    def _forget(self, window: Window) -> list[Window]:
        # A window that is only partly read again is no longer agreed on in the rest: its count was of the whole.
        gone = self.within(window)
        self.closed = [c for c in self.closed if c not in gone]
        return [c.window for c in gone]


def subtract_all(windows: list[Window], taken: Window) -> list[Window]:
    """Every window without the part that `taken` covers."""
    return [part for one in windows for part in subtract(one, [taken])]


def _window(start: int, end: int) -> Window:
    return Window(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))


def _ends(window: Window) -> tuple[int, int]:
    return int(window.start.timestamp()), int(window.end.timestamp())


def last_run_of(state: Mapping[str, Any]) -> datetime | None:
    """The latest `last_run` among the ledgers of a resource's state: of any shop, since one may have been closed."""
    ledgers = state.get("ledgers")
    found = [one.get("last_run") for one in ledgers.values() if isinstance(one, dict)] if ledgers else []
    return _moment(max((stamp for stamp in found if isinstance(stamp, int)), default=None))
