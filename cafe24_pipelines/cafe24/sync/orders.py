"""What is special about orders: late changes, open ones, hidden ones, and more in one second than can be paged.

The API has no "changed since" for orders. So each run reads three things after the look-back by order date: for
every other date an order has, the time since the last run and up to now, which brings orders of any age; all orders
that the mall says still have an open item; and each order that we hold as open and the mall no longer lists as such.
These also bring what changed while the windows were read. An order is removed only when the mall answers 404 for it.
Does not belong here: windows in general (see `dated.py`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cafe24_pipelines.cafe24.admin_api.errors import NotFound
from cafe24_pipelines.cafe24.sync.agreement import Outcome
from cafe24_pipelines.cafe24.sync.dated import DatedWalk
from cafe24_pipelines.cafe24.sync.failures import is_gone
from cafe24_pipelines.cafe24.sync.reading import CapReached, Listing, Pages
from cafe24_pipelines.cafe24.sync.rows import Row, Rows
from cafe24_pipelines.cafe24.sync.windows import SECOND, Window, chunks
from cafe24_pipelines.errors import Cafe24Error

LATE_TYPES: Final = (
    "pay_date", "shipbegin_date", "shipend_date", "cancel_date", "place_date", "cancel_request_date",
    "cancel_accept_date", "cancel_complete_date", "exchange_request_date", "exchange_accept_date",
    "exchange_complete_date", "return_request_date", "return_accept_date", "return_complete_date",
    "purchaseconfirmation_date",
)  # fmt: skip
"""Dates that place a change of an order in time."""

OPEN_STATUSES: Final = (
    "N00", "N01", "N02", "N03", "N10", "N20", "N21", "N22", "N30",
    "C00", "C10", "C11", "C34", "C35", "C36", "C41", "C42", "C43",
    "R00", "R10", "R12", "R13", "R20", "R30", "R31", "R34", "R36", "R41", "R42", "R43",
    "E00", "E10", "E12", "E13", "E20", "E30", "E31", "E32", "E33", "E34", "E35", "E36",
)  # fmt: skip
"""Statuses of items that will change again, some of them without a date of their own."""

_SETTLED: Final = ("N40", "N50", "C40", "C47", "C48", "C49", "R11", "R40", "E11", "E40")
_AXES: Final = (("member_type", ("2", "3")), ("order_status", (*OPEN_STATUSES, *_SETTLED)))
"""What a window is cut along that is too full and can't be cut in time; parts may overlap."""
_BATCH: Final = 200


def is_open(order: Mapping[str, Any]) -> bool:
    """Whether a raw order has an item that will change again."""
    items = order.get("items")
    return isinstance(items, list) and any(
        isinstance(i, dict) and i.get("order_status") in OPEN_STATUSES for i in items
    )


class OrderWalk(DatedWalk):
    """Orders of one shop."""

    def late(self, start: datetime, end: datetime) -> None:
        """Late changes by date, then orders of any age that are or were open."""
        super().late(start, end)
        if self.ledger.begun:
            self._open(self.ledger.begun, end)

    def _open(self, begun: datetime, end: datetime) -> None:
        listing = self.listing.narrowed(order_status=",".join(OPEN_STATUSES))
        seen: set[str] = set()
        for window in chunks(begun, end, self.span):
            seen |= self.beside(listing, window, label=f"{self.part} open")
        marked: dict[str, int] = self.landing.state.get("marked") or {}
        doubtful = {key: at for key, at in marked.items() if key not in seen and at < end.timestamp()}
        mine = self._own(set(doubtful))
        todo = sorted((at, key) for key, at in doubtful.items() if key in mine)
        for first in range(0, len(todo), _BATCH):
            self._again(todo[first : first + _BATCH])

    def _again(self, orders: list[tuple[int, str]]) -> None:
        """Read single orders again, by the second of their order date: the same rows that a listing gives."""
        rows = Rows()
        gone: set[str] = set()
        for at, key in orders:
            moment = datetime.fromtimestamp(at, UTC)
            window = Window(moment, moment + SECOND)
            try:
                found = {row.identity: row for row in self.run.reader.page(self._of(window))}
                for row in found.values():
                    if row.bad is not None:
                        rows.take(row)
                gone |= self._take(rows, key, found.get(key))
            except Cafe24Error as e:
                self._failed(window, e, f"{self.part} single")
            else:
                self.trouble.over()
        self.landing.land(rows, label="", deleted=gone)

    def _take(self, rows: Rows, key: str, row: Row | None) -> set[str]:
        if row:
            rows.take(row)
            return set()
        return {key} if self._is_gone(key) else set()

    def _gone(self, missed: set[str], doubtful: bool) -> set[str]:
        return {key for key in self._own(missed) if self._is_gone(key)}

    def _is_gone(self, order_id: str) -> bool:
        """Whether the mall answers 404 for the order; a filter that hides it is no proof."""
        try:
            self.run.client.get("orders/{order_id}", at={"order_id": order_id}, shop_no=self.listing.shop_no)
        except NotFound as e:
            return is_gone(e)
        return False

    def _agree(self, listing: Listing, counted: int, pages: Pages | None) -> Outcome:
        try:
            return super()._agree(listing, counted, pages)
        except CapReached:
            return self._by_parts(listing, counted, 0)

    def _by_parts(self, listing: Listing, counted: int, axis: int) -> Outcome:
        """Read a list that is too long along something else than time; the whole must still agree with its count."""
        if axis == len(_AXES):
            raise CapReached(
                "more orders in one second than the API can page through, however they are cut",
                remedy="the window stays open; export the day from the admin",
            )
        name, values = _AXES[axis]
        rows, why = Rows(), ""
        for value in values:
            part = listing.narrowed(**{name: value})
            size = self.run.reader.count(part)
            if not size:
                continue
            try:
                outcome = super()._agree(part, size, None)
            except CapReached:
                outcome = self._by_parts(part, size, axis + 1)
            rows.add(outcome.rows)
            why = why or outcome.why
        after = self.run.reader.count(listing)
        agreed = not why and counted == len(rows) == after
        return Outcome(rows, after, agreed, why or ("" if agreed else f"{len(rows)} read in parts, {after} counted"))
