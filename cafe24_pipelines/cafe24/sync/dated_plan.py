"""Where a walk by windows begins, and how it is cut into windows. Does not belong here: reading them (`dated.py`)."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cafe24_pipelines.cafe24.sync import heavy
from cafe24_pipelines.cafe24.sync.failures import Trouble
from cafe24_pipelines.cafe24.sync.reading import CapReached, Listing, Pages
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.cafe24.sync.windows import KST, ORDER_SPAN, Planned, Window, beginning, plan
from cafe24_pipelines.errors import Cafe24Error

_DAY = 86_400


class DatedPlan(ABC):
    """One list by time: a resource of one shop, for articles of one board.

    Args:
        run: the run.
        landing: where its rows go.
        listing: the list without its window.
        part: the ledger's name within the resource ("1", "1/4").
        span: the longest window the API takes.
        prefix: what the keys of this list begin with, "" when keys don't say the shop.
        late_types: further values of `date_type` that list rows which changed since the last run.
        drifts: rows may change anywhere without a trace, so the whole list is read again from time to time.
        by_day: the API takes days, not seconds; windows of this length.
    """

    def __init__(
        self, run: Run, landing: Landing, listing: Listing, *, part: str, span: timedelta = ORDER_SPAN,
        prefix: str = "", late_types: Sequence[str] = (), drifts: bool = False, by_day: timedelta | None = None,
    ) -> None:  # fmt: skip
        self.run, self.landing, self.part = run, landing, part
        self.listing = replace(listing, needs_date=True)
        self.span, self.prefix, self.late_types, self.drifts, self.by_day = span, prefix, late_types, drifts, by_day
        self.ledger = landing.ledger(part)
        self.trouble = Trouble(run.tuning.stop_after)
        self.agreed = True
        self._done = self._in_all = 0

    def _begin_telling(self, windows: Sequence[Window], done: int = 0) -> None:
        """What is about to be read; `done` of the windows were read already."""
        self._done, self._in_all = sum(w.seconds for w in windows[:done]), sum(w.seconds for w in windows)

    def _tell(self, window: Window) -> None:
        """Say how far it is, when it is time to."""
        self._done += window.seconds
        name = self.listing.resource.name if self.part == "1" else f"{self.listing.resource.name} {self.part}"
        self.run.progress.at(name, self._done // _DAY, self._in_all // _DAY, "days")

    # Where rows begin, and where a run begins to read ------------------------------------------------------------

    def _due(self) -> bool:
        at, t = self.ledger.whole_at, self.run.tuning
        if not self.drifts or at is None:
            return False
        small = self.landing.store.count() <= t.small
        return self.run.now - at >= (t.whole_every if small else 7 * t.whole_every)

    def _begin(self) -> datetime | None:
        run = self.run
        if self.by_day:
            return self._edge(run.now - run.tuning.reports)
        found = run.tuning.start
        if found is None:
            end, empties = run.now + run.tuning.ahead, run.tuning.empties
            found = beginning(self._occupied, end, self.span, empties=empties, oldest=run.oldest())
            if found is None and self.run.reader.page(self._of(Window(end - self.span, end)), limit=1):
                found = end - self.span  # the count, or the first answer, told otherwise
        known = [moment for moment in (found, self.ledger.begun) if moment]
        return min(known) if known else None

    def _recent(self, begun: datetime) -> datetime:
        """Where the look-back begins: never inside a window that was agreed on as a whole."""
        last = self.ledger.last_run or self.ledger.started or self.run.now
        recent = min(self.run.now, last) - self.run.tuning.look_back
        inside = [c.window.start for c in self.ledger.closed if c.window.start < recent < c.window.end]
        return self._edge(max(begun, min([recent, *inside])))

    @property
    def _target(self) -> int:
        return heavy.window(self.listing.resource, self.run.tuning.target)

    @property
    def _chunk(self) -> timedelta:
        return self.by_day or self.span

    def _edge(self, moment: datetime, *, up: bool = False) -> datetime:
        """The moment, or the midnight (Korean time) around it for lists that know days only."""
        if not self.by_day:
            return moment
        midnight = moment.astimezone(KST).replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight + timedelta(days=1) if up else midnight).astimezone(moment.tzinfo)

    def _occupied(self, window: Window) -> bool:
        listing = self._of(window)
        if self.listing.resource.count_path:
            return self.run.reader.count(listing) > 0
        return bool(self.run.reader.page(listing, limit=1))

    # Planning ----------------------------------------------------------------------------------------------------

    def _of(self, window: Window, listing: Listing | None = None) -> Listing:
        return (listing or self.listing).narrowed(**(window.days() if self.by_day else window.params()))

    def _planned(self, windows: Iterable[Window], listing: Listing | None = None) -> Iterator[Planned]:
        for window in windows:
            if self.by_day:
                yield Planned(window, -1)
                continue
            done = window.start
            try:
                exact, target = bool(self.listing.resource.count_path), self._target
                for planned in plan(window, lambda w: self._count(w, listing), target=target, exact=exact):
                    yield planned
                    done = planned.window.end
            except Cafe24Error as e:
                self._failed(Window(done, window.end), e, self.part if listing is None else "late")

    def _count(self, window: Window, listing: Listing | None) -> int:
        """The mall's count; where it has none, -1 for a window that fits, twice the target for one that doesn't."""
        narrowed, target = self._of(window, listing), self._target
        if narrowed.resource.count_path:
            return self.run.reader.count(narrowed)
        target = min(target, narrowed.resource.offset_cap or target)
        return 2 * self._target if self.run.reader.page(narrowed, offset=target, limit=1) else -1

    def _start(self, listing: Listing, counted: int) -> Pages | None:
        try:
            return self.run.reader.start(listing, max(counted, 1) if listing.resource.count_path else 1)
        except CapReached:
            return None  # met again, and dealt with, when the window's turn comes

    @abstractmethod
    def _failed(self, window: Window, error: Cafe24Error, part: str) -> None:
        """What becomes of a window that could not be counted."""
