"""Points, store credits, sales reports and analytics: what differs from the plain walk by windows.

Does not belong here: windows in general (see `dated.py`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cafe24_pipelines.cafe24.sync.agreement import Outcome, agree
from cafe24_pipelines.cafe24.sync.dated import DatedWalk
from cafe24_pipelines.cafe24.sync.reading import Listing, Pages
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.windows import Window

REFUNDED_POINTS = "D"
"""The one case that the API leaves out of the list of points unless it is asked for."""


def is_refunded(point: Mapping[str, Any]) -> bool:
    """Whether a raw row belongs to that case."""
    return point.get("case") == REFUNDED_POINTS


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
    """Reports and analytics: whole days (Korean time). Rows of some lists don't say which day they are of."""

    def _of(self, window: Window, listing: Listing | None = None) -> Listing:
        found = super()._of(window, listing)
        if self.by_day == timedelta(days=1):
            return replace(found, parent={**found.parent, "date": found.params["start_date"]})
        return found

    def _agree(self, listing: Listing, counted: int, pages: Pages | None) -> Outcome:
        """Statistics are read once where one answer holds them; they are read again within the look-back anyway.

        Days beyond it are not: no rows at all, or a round number as of a page that was cut short, is read again.
        """
        pages = pages or self.run.reader.start(listing, 1)
        rows = pages.rows()
        if pages.single and len(rows) % 10:
            return Outcome(rows, len(rows), True)
        return agree(self.run.reader, listing, tries=self.run.tuning.tries)
