"""Walks over resources that the API lists by windows of time: orders, refunds, articles, points, credits, reports.

A run reads what the ledger does not know yet, what lies within the look-back, and what a cheap check of older windows
shows to be different. Does not belong here: what is special about orders (see `orders.py`).
"""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Final

from cafe24_pipelines.cafe24.sync import heavy
from cafe24_pipelines.cafe24.sync.agreement import Outcome, agree
from cafe24_pipelines.cafe24.sync.dated_plan import DatedPlan
from cafe24_pipelines.cafe24.sync.older import differing, turned
from cafe24_pipelines.cafe24.sync.reading import Listing, Pages
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.windows import Planned, Window, chunks, whole_second
from cafe24_pipelines.errors import Cafe24Error

UNCOUNTED_AT_ONCE: Final = 3
"""Windows without a count that are read at once: each asks for a page only when the one before was full."""


class DatedWalk(DatedPlan):
    """One list by time, see `DatedPlan` for its arguments."""

    # What a run does -------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Bring the landed rows up to date."""
        run, ledger = self.run, self.ledger
        first = ledger.last_run is None
        ledger.started = ledger.started or run.now
        whole = self.landing.whole or self._due()
        if whole or ledger.begun is None:
            ledger.begun = self._begin()
        if ledger.begun is None:
            self.landing.report.window(None, 0, 0, True, part=self.part)
            return
        end = self._edge(run.now + run.tuning.ahead, up=True)
        if whole:
            self._fill(ledger.begun, ledger.begun, end)
        else:
            recent = self._recent(ledger.begun)
            self._fill(ledger.begun, recent, end)
            self.check(recent)
            self.read(self._turned(recent))
        self.late(self._unseen_since(whole), self._fresh_end())
        if self.agreed:
            ledger.last_run = run.now
            if whole or first:
                ledger.whole_at = run.now
        self.landing.keep()

    def _fill(self, begun: datetime, recent: datetime, end: datetime) -> None:
        """Read what was never agreed on from `begun` on, and everything from `recent` to `end`."""
        gaps = [w for gap in self.ledger.missing(begun, recent) for w in chunks(gap.start, gap.end, self._chunk)]
        self.read([*gaps, *chunks(recent, end, self._chunk)])

    def read(self, windows: Iterable[Window]) -> None:
        """Read windows, planning and fetching ahead of what lands; they land in the order given."""
        windows = list(windows)
        self._begin_telling(windows)
        ahead: deque[tuple[Planned, Pages | None, Future[Outcome]]] = deque()
        most = heavy.ahead(self.listing.resource, self.run.workers)
        at_once = 1 if self.listing.resource.count_path else UNCOUNTED_AT_ONCE
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="windows")
        try:
            for planned in self._planned(windows):
                listing = self._of(planned.window)
                pages = self._start(listing, planned.counted)
                ahead.append((planned, pages, pool.submit(self._agree, listing, planned.counted, pages)))
                while sum(pages.asked if pages else 1 for _, pages, _ in ahead) > most:
                    self._finish(*ahead.popleft())
            while ahead:
                self._finish(*ahead.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for _, pages, _ in ahead:
                if pages:
                    pages.drop()

    def check(self, before: datetime) -> None:
        """Compare older windows with the mall at the price of a count each, and read again what is different."""
        closed = [c.window for c in self.ledger.closed if c.window.end <= before]
        if self.by_day or not closed:
            return
        if suspects := differing(closed, self.span, self._differs):
            self.run.say(f"{self.listing.resource.name}: {len(suspects)} older windows changed")
            self.read(suspects)

    def late(self, start: datetime, end: datetime) -> None:
        """Read rows of any age that changed in `[start, end)`, as far as the API dates changes.

        It comes after the windows and reaches up to the present, not to when the run began: a row that changed while
        a later page of its window was read is read again. What changes from now on is the next run's.
        """
        for kind in self.late_types:
            listing = replace(self.listing.narrowed(date_type=kind), needs_date=False)
            for window in chunks(start, end, self.span):
                self.beside(listing, window, label=f"{self.part} {kind}")

    def _unseen_since(self, whole: bool) -> datetime:
        """From when on rows may have changed that were read before: the last run, or this one if it read them all."""
        t, last = self.run.tuning, self.ledger.last_run or self.ledger.started or self.run.now
        return self.run.now - t.ahead if whole or last >= self.run.now else last - t.late_look_back

    def _fresh_end(self) -> datetime:
        """How far windows reach by the mall's clock of this moment."""
        now = max(self.run.now, whole_second(self.run.client.server_now()))
        return self._edge(now + self.run.tuning.ahead, up=True)

    def _turned(self, recent: datetime) -> list[Window]:
        """Older windows whose turn it is: where members are looked up, so that those they name are met again."""
        if not self.run.looks_up or self.by_day:
            return []
        every = self.run.tuning.look_up_every
        return [
            c.window for c in self.ledger.closed
            if c.window.end <= recent and turned(c.read_at, self.run.now, every, self._label(c.window))
        ]  # fmt: skip

    def beside(self, listing: Listing, window: Window, *, label: str) -> set[str]:
        """Land what a list shows in a window that is not the ledger's: rows are added and changed, none removed.

        Returns:
            The keys that it showed.
        """
        seen: set[str] = set()
        for planned in self._planned([window], listing):
            narrowed = self._of(planned.window, listing)
            if planned.counted == 0:
                continue
            try:
                outcome = self._agree(narrowed, planned.counted, self._start(narrowed, planned.counted))
            except Cafe24Error as e:
                self._failed(planned.window, e, label)
                continue
            self.trouble.over()
            if not outcome.agreed:
                self.agreed = False
            self.landing.land(outcome.rows, label="")
            self._report(planned.window, outcome, label)
            seen |= outcome.rows.records.keys()
        return seen

    # Reading and landing -----------------------------------------------------------------------------------------

    def _agree(self, listing: Listing, counted: int, pages: Pages | None) -> Outcome:
        known = counted if counted >= 0 else None
        return agree(self.run.reader, listing, counted=known, pages=pages, tries=self.run.tuning.tries)

    def _finish(self, planned: Planned, _pages: Pages | None, reading: "Future[Outcome]") -> None:
        self._tell(planned.window)
        try:
            outcome = reading.result()
        except Cafe24Error as e:
            self._failed(planned.window, e, self.part)
            return
        self.trouble.over()
        self._land(planned.window, outcome)

    def _land(self, window: Window, outcome: Outcome) -> None:
        rows, label = outcome.rows, self._label(window)
        gone: set[str] = set()
        stale: list[str] = []
        if outcome.agreed:
            missed = self._held(window) - rows.records.keys()
            gone = self._gone(missed, bool(rows.bad))
            kept = len(missed) - len(gone)
            self.landing.report.hidden += kept
            self.ledger.agree(window, len(rows), self._apart(rows, kept), self.run.now)
            stale = [old for old in self.landing.labels() if self._replaces(window, old)]
        else:
            self.agreed = False
            self.ledger.disagree(window)
        self.landing.land(rows, label=label, deleted=gone, stale=stale)
        self._report(window, outcome, self.part)

    def _apart(self, rows: Rows, kept: int) -> int:
        """By how much the mall's rows of a window exceed those we hold."""
        return rows.apart - kept

    def _label(self, window: Window) -> str:
        return f"{self.part} {window.start:%Y%m%d%H%M%S}-{window.end:%Y%m%d%H%M%S}"

    def _replaces(self, window: Window, label: str) -> bool:
        """Whether a label is that of a window of this walk which the new one touches."""
        part, _, times = label.rpartition(" ")
        start, dash, end = times.partition("-")
        ours = self._label(window).rpartition(" ")[2].partition("-")
        return part == self.part and bool(dash) and start < ours[2] and end > ours[0]

    def _held(self, window: Window) -> set[str]:
        """Keys that we hold of the window, of this list's shop and parent."""
        return set(self.landing.store.known(start=window.start, end=window.end, prefix=self.prefix))

    def _gone(self, missed: set[str], doubtful: bool) -> set[str]:
        """Which of the rows that a list left out are gone; with rows in quarantine nobody can tell."""
        return set() if doubtful else self._own(missed)

    def _own(self, keys: set[str]) -> set[str]:
        """Those of this list's shop, where keys don't say it."""
        return keys if self.prefix else self.run.own(self.listing.resource.name, self.listing.shop_no, keys)

    def _report(self, window: Window, outcome: Outcome, part: str) -> None:
        self.landing.report.window(
            window, outcome.counted, len(outcome.rows), outcome.agreed, part=part, why=outcome.why
        )

    def _failed(self, window: Window, error: Cafe24Error, part: str) -> None:
        """A window that could not be read stays open; the rest goes on, unless it can't."""
        self.trouble.met(error)
        self.agreed = False
        if part == self.part:
            self.ledger.disagree(window)
        self.landing.report.window(window, -1, 0, False, part=part, why=str(error))

    # Checking older windows (see `older.py`) --------------------------------------------------------------------

    def _count_differs(self, window: Window) -> bool:
        closed = self.ledger.within(window)
        if len(self.run.shops) > 1:
            expected = sum(c.listed for c in closed)
        else:
            held = self.landing.store.count(start=window.start, end=window.end)
            expected = held + sum(c.apart for c in closed)
        return self.run.reader.count(self._of(window)) != expected

    def _tail_differs(self, window: Window) -> bool:
        """Whether a list without a count has more or fewer rows than before: one call, at where its last row was."""
        return self._ends_elsewhere(self._of(window), sum(c.listed for c in self.ledger.within(window)))

    def _ends_elsewhere(self, listing: Listing, listed: int) -> bool:
        page = self.run.reader.page(listing, offset=max(listed - 1, 0), limit=2)
        return len(page) != (1 if listed else 0)

    def _differs(self, window: Window) -> bool | None:
        """Whether the mall's rows of older windows are more or fewer than ours; None if only single windows tell."""
        counts = bool(self.listing.resource.count_path)
        if not counts and sum(1 for _ in self.ledger.within(window)) > 1:
            return None
        try:
            return self._count_differs(window) if counts else self._tail_differs(window)
        except Cafe24Error as e:
            self.trouble.met(e)
            self.agreed = False
            self.landing.report.window(window, -1, 0, False, part=f"{self.part} check", why=str(e))
            return False
