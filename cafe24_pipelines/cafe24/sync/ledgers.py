"""Points, sales reports and analytics: what differs from the plain walk by windows.

Does not belong here: windows in general (see `dated.py`), statistics that don't say their day (`shelf.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from cafe24_pipelines.cafe24.sync.agreement import Outcome, agree_by_repetition
from cafe24_pipelines.cafe24.sync.dated import DatedWalk
from cafe24_pipelines.cafe24.sync.reading import Listing, Pages, Shifted
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.windows import KST, Planned, Window, chunks, subtract
from cafe24_pipelines.errors import Cafe24Error

REFUNDED_POINTS = "D"
"""The one case that the API leaves out of the list of points unless it is asked for."""
_DAY: Final = timedelta(days=1)
_LONG: Final = "product_sales"
"""A row an hour and variant: a month of them may be longer than can be paged."""


class PointWalk(DatedWalk):
    """Points of one shop: two lists in one, see `REFUNDED_POINTS`. The ledger keeps how many were of the second."""

    def _agree(self, listing: Listing, counted: int, pages: Pages | None) -> Outcome:
        main = super()._agree(listing, counted, pages)
        refunded = super()._agree(listing.narrowed(case=REFUNDED_POINTS), -1, None)
        rows = Rows()
        rows.add(main.rows)
        rows.add(refunded.rows)
        rows.marked = {*refunded.rows.records, *refunded.rows.bad, *refunded.rows.erased}
        return Outcome(rows, len(rows), main.agreed and refunded.agreed, main.why or refunded.why)

    def _apart(self, rows: Rows, kept: int) -> int:
        return len(rows.marked)

    def _tail_differs(self, window: Window) -> bool:
        closed = self.ledger.within(window)
        refunded = sum(c.apart for c in closed)
        main = sum(c.listed for c in closed) - refunded
        listing = self._of(window)
        return self._ends_elsewhere(listing, main) or self._ends_elsewhere(
            listing.narrowed(case=REFUNDED_POINTS), refunded
        )

    def _occupied(self, window: Window) -> bool:
        return super()._occupied(window) or bool(
            self.run.reader.page(self._of(window).narrowed(case=REFUNDED_POINTS), limit=1)
        )


class DayWalk(DatedWalk):
    """Reports and analytics: whole days (Korean time), read until two readings are equal.

    The first of the two may be what an earlier run agreed on, so that days which did not change cost one reading.
    Days that are not over change all the time: one reading counts, and the next run reads them again.
    """

    before: Sequence[Window] = ()
    """Windows that an earlier run agreed on when they were over: what has landed of them is a reading."""

    def sync(self) -> None:
        """Bring the landed rows up to date."""
        self.before = [c.window for c in self.ledger.closed if c.read_at and c.read_at >= c.window.end]
        super().sync()

    @property
    def today(self) -> datetime:
        """Where the days end that are over."""
        return self._edge(self.run.now)

    def _fill(self, begun: datetime, recent: datetime, end: datetime) -> None:
        super()._fill(begun, recent, self.today)
        self.read(chunks(max(begun, self.today), end, _DAY))

    def _of(self, window: Window, listing: Listing | None = None) -> Listing:
        found = super()._of(window, listing)
        if self.by_day == _DAY:
            return replace(found, parent={**found.parent, "date": found.params["start_date"]})
        return found

    def _planned(self, windows: Iterable[Window], listing: Listing | None = None) -> Iterator[Planned]:
        todo = list(windows)[::-1]
        while todo:
            window = todo.pop()
            try:
                parts = self._days(window) if window.seconds > _DAY.total_seconds() and self._long(window) else []
            except Cafe24Error as e:
                self._failed(window, e, self.part)
                continue
            if parts:
                half = len(parts) // 2
                todo += [Window(parts[half].start, window.end), Window(window.start, parts[half - 1].end)]
            else:
                yield Planned(window, -1)

    def _days(self, window: Window) -> list[Window]:
        return chunks(window.start, window.end, _DAY)

    def _long(self, window: Window) -> bool:
        """Whether a window holds more rows than are read at once; lists with few rows a day are not asked about."""
        return self.listing.resource.name == _LONG and self._count(window, None) > self._target

    def _agree(self, listing: Listing, counted: int, pages: Pages | None) -> Outcome:
        window = self._window_of(listing)
        if window.end <= self.run.now:
            held = None if subtract(window, list(self.before)) else self._landed(window)
            return agree_by_repetition(
                self.run.reader, listing, pages=pages, tries=self.run.tuning.tries, before=held
            )
        for _ in range(self.run.tuning.tries):
            try:
                pages = pages or self.run.reader.start(listing, 1)
                rows = pages.rows()
                return Outcome(rows, len(rows), True)
            except Shifted as e:
                why, pages = str(e), None
        return Outcome(Rows(), -1, False, why)

    def _landed(self, window: Window) -> dict[str, str]:
        return self.landing.store.known(start=window.start, end=window.end, prefix=self.prefix)

    def _window_of(self, listing: Listing) -> Window:
        """The days that a list was narrowed to."""
        first, last = (datetime.fromisoformat(str(listing.params[n])) for n in ("start_date", "end_date"))
        return Window(first.replace(tzinfo=KST).astimezone(UTC), (last.replace(tzinfo=KST) + _DAY).astimezone(UTC))
