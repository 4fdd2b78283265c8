"""Statistics by product whose rows don't say their day: one day a call, and longer stretches to prove the days by.

A list over several days gives each product's sums, so one call over a month stands for a second reading of each of
its days: what the days sum up to must be what the month shows, product for product. Where it is not, the stretch is
halved until the days are found, and these are read until two readings are equal. A list whose sums never agree costs
calls and nothing else. Does not belong here: statistics whose rows say their day (`ledgers.py`).
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from cafe24_pipelines.cafe24.sync.agreement import goes_on
from cafe24_pipelines.cafe24.sync.dated import UNCOUNTED_AT_ONCE
from cafe24_pipelines.cafe24.sync.ledger import Closed
from cafe24_pipelines.cafe24.sync.ledgers import DayWalk
from cafe24_pipelines.cafe24.sync.older import differing
from cafe24_pipelines.cafe24.sync.reading import Pages, Shifted
from cafe24_pipelines.cafe24.sync.windows import Window, chunks
from cafe24_pipelines.errors import Cafe24Error

SUMMED: Final[Mapping[str, tuple[str, ...]]] = {
    "carts_action": ("count", "add_cart_count"),
    "products_view": ("count",),
    "products_sales": ("order_count", "order_amount"),
}
"""Numbers that add up over days; a rate does not."""
STRETCH: Final = timedelta(days=31)

_NOTHING: Final = (0, 0)

Sums = dict[int, tuple[Decimal, ...]]
"""Product -> its numbers."""


class ShelfWalk(DayWalk):
    """One of the lists of `SUMMED`, for one shop."""

    def _fill(self, begun: datetime, recent: datetime, end: datetime) -> None:
        """Days that were never read or are about to be read for the last time in themselves, the others by sums."""
        today, closed = self.today, self.ledger.closed
        never = [d for gap in self.ledger.missing(begun, max(begun, today)) for d in self._days(gap)]
        known = [c for c in closed if recent <= c.window.start and c.window.end <= today]
        again = [c.window for c in known if self.landing.whole or self._to_read(c)]
        self._first(never)
        self.read(again)
        if watched := [c.window for c in known if c.window not in set(again)]:
            self.read(differing(watched, STRETCH, self._differs_in_sum))
        self.read(chunks(max(begun, today), end, timedelta(days=1)))

    def _to_read(self, day: Closed) -> bool:
        """Whether a day that was read before needs a reading of its own.

        It was not over when it was read, the next run's look-back begins after it, or some of its rows did not land.
        """
        leaves = self._edge(self.run.now - self.run.tuning.look_back)
        return day.read_at is None or day.read_at < day.window.end or day.window.start < leaves or day.apart != 0

    def _first(self, days: list[Window]) -> None:
        """Days of which nothing is known: read once each, and proven by the sums of a stretch of them."""
        left = days
        while left:
            stretch = [d for d in left if d.end - left[0].start <= STRETCH]
            self._begin_telling(days, done=len(days) - len(left))
            left = left[len(stretch) :]
            read, doubtful = dict.fromkeys(stretch, _NOTHING), list[Window]()
            if not self._nothing_in(stretch):
                read = self._once(stretch)
                doubtful = differing(sorted(read), STRETCH, self._differs_at_first) if read else []
            for day in sorted(read.keys() - set(doubtful)):
                listed, apart = read[day]
                self.ledger.agree(day, listed, apart, self.run.now)
                self.landing.report.window(day, listed, listed, True, part=self.part)
            self.landing.keep()
            self.read(doubtful)  # what has landed of them is no proof: the list may go on behind it

    def _nothing_in(self, stretch: list[Window]) -> bool:
        """Whether two readings of a whole stretch show no row at all, and none of it has landed."""
        whole = Window(stretch[0].start, stretch[-1].end)
        try:
            return len(stretch) > 2 and not self._landed(whole) and not self._sums(whole) and not self._sums(whole)
        except (Cafe24Error, Shifted, _Unsummed):
            return False

    def _once(self, stretch: list[Window]) -> dict[Window, tuple[int, int]]:
        """Read each day once and land it; rows that are no longer there stay until the day has agreed.

        Returns:
            How many rows of each day were listed, and how many of them did not land.
        """
        found: dict[Window, tuple[int, int]] = {}
        ahead: deque[tuple[Window, Pages]] = deque()
        for day in [*stretch, None]:
            if day is not None:
                ahead.append((day, self.run.reader.start(self._of(day), 1)))
            while ahead and (day is None or len(ahead) >= UNCOUNTED_AT_ONCE):
                self._one(*ahead.popleft(), found)
        return found

    def _one(self, day: Window, pages: Pages, found: dict[Window, tuple[int, int]]) -> None:
        self._tell(day)
        try:
            rows = pages.rows()
        except Cafe24Error as e:
            self._failed(day, e, self.part)
            return
        except Shifted:
            self.read([day])
            return
        self.trouble.over()
        stale = [old for old in self.landing.labels() if self._replaces(day, old)]
        self.landing.land(rows, label=self._label(day), stale=stale)
        found[day] = (len(rows), rows.apart)

    def _differs_at_first(self, stretch: Window) -> bool:
        return self._differs_in_sum(stretch, at_first=True)

    def _differs_in_sum(self, stretch: Window, *, at_first: bool = False) -> bool:
        """Whether the landed days of a stretch don't add up to what the mall shows for all of it."""
        try:
            return self._sums(stretch, to_its_end=at_first) != self._landed_sums(stretch)
        except (Cafe24Error, Shifted, _Unsummed):
            return True  # the days will tell

    def _sums(self, stretch: Window, *, to_its_end: bool = False) -> Sums:
        """What the mall shows.

        Args:
            to_its_end: ask whether the list goes on behind a page that ends early.
        """
        listing = self._of(stretch)
        pages = self.run.reader.start(listing, 1)
        rows = pages.rows()
        if rows.bad or (to_its_end and goes_on(self.run.reader, listing, pages.listed)):
            raise _Unsummed
        return self._summed(record.body for record in rows.records.values())

    def _landed_sums(self, stretch: Window) -> Sums:
        name = self.listing.resource.name
        query = f'SELECT body FROM "{name}" WHERE "at" >= ? AND "at" < ? AND starts_with(key, ?)'
        with self.run.lake.duckdb([name]) as db:
            found = db.execute(query, [stretch.start, stretch.end, self.prefix])
            sums: Sums = {}
            while some := found.fetchmany(2_000):
                sums = self._summed((body.encode() for (body,) in some), sums)
            return sums

    def _summed(self, bodies: Any, sums: Sums | None = None) -> Sums:
        sums = {} if sums is None else sums
        fields = SUMMED[self.listing.resource.name]
        for body in bodies:
            row = msgspec.json.decode(body)
            if all(row.get(name) is None for name in fields):
                raise _Unsummed  # rows without any known number would always add up
            try:
                own = tuple(Decimal(str(row.get(name) or 0)) for name in fields)
            except InvalidOperation as e:
                raise _Unsummed from e
            before = sums.get(row["product_no"], (Decimal(0),) * len(fields))
            sums[row["product_no"]] = tuple(a + b for a, b in zip(before, own, strict=True))
        return sums


class _Unsummed(Exception):
    """Nothing can be said of a stretch by its sums."""
