"""Pages of a list, read with several threads and put together only if they fit.

Pages overlap by one row. If a row before the seam is deleted or inserted while pages are read, the rows at the seam
differ and the reading counts for nothing, which no comparison of counts alone would notice. Rows cross the privacy
line in the thread that read them, so that what waits in memory is small and free of personal data (but for member
ids). Does not belong here: whether a reading agrees with the mall (see `agreement.py`).
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cafe24_pipelines.cafe24.admin_api.answers import row_of
from cafe24_pipelines.cafe24.admin_api.line import Malformed
from cafe24_pipelines.cafe24.admin_api.resources import ApiResource
from cafe24_pipelines.cafe24.sync import heavy
from cafe24_pipelines.cafe24.sync.clearing import Clearing
from cafe24_pipelines.cafe24.sync.rows import Row, Rows
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.digest import text_digest

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine


MOST_ROWS: Final = 1_000_000_000
"""What no list of a mall counts."""


class Shifted(Exception):
    """Rows moved between two pages; nothing is known about the rows around the seam."""


class CapReached(Cafe24Error):
    """A list holds more rows than the API lets one page through."""


class Unreadable(Cafe24Error):
    """An answer does not have the form that its documentation gives it."""


@dataclass(frozen=True)
class Listing:
    """A list of the API: which resource, of which shop and parent, with which filters.

    Attributes:
        shop_no: sent with the call; None for resources that know no shop.
        at: fills the path.
        params: filters; `resource.params`, paging and embeds are added.
        parent: key fields that the rows don't carry themselves.
        mark: tells from a raw row whether its landing is to be remembered (an order that is still open).
        cursor: the raw field that a walk goes by.
        needs_date: a row without its date is unfit: no window would ever hold it again.
    """

    resource: ApiResource
    shop_no: int | None = 1
    at: Mapping[str, object] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    parent: Mapping[str, Any] = field(default_factory=dict)
    mark: Callable[[Mapping[str, Any]], bool] | None = None
    cursor: str = ""
    needs_date: bool = False

    def narrowed(self, **params: object) -> "Listing":
        """The same list with further filters."""
        return replace(self, params={**self.params, **params})


class Pages:
    """A reading under way: pages asked for in advance, put together by `rows()`."""

    def __init__(self, reader: "Reader", listing: Listing, expected: int) -> None:
        self._reader, self._listing = reader, listing
        limit = listing.resource.limit
        self.asked = 1 if limit < 2 else max(1, ceil((expected - 1) / (limit - 1)))
        self.single = False
        self.first = 0
        """Rows of the first page."""
        self.listed = 0
        """Rows that the list showed, seams counted once."""
        self._pages: list[Future[list[Row]]] = [self._ask(n) for n in range(self.asked)]

    def _ask(self, number: int) -> "Future[list[Row]]":
        r = self._listing.resource
        offset = number * (r.limit - 1) if r.limit > 1 else 0
        if r.offset_cap and offset > r.offset_cap:
            self.drop()
            raise CapReached(
                f"a list of {r.name} is longer than the API can page through (offset {r.offset_cap:,})",
                remedy="the window stays open; other windows are read",
            )
        return self._reader.pool_for(r).submit(self._reader.page, self._listing, offset)

    def drop(self) -> None:
        """Give up what is not under way yet."""
        for page in getattr(self, "_pages", []):
            page.cancel()

    def rows(self) -> Rows:
        """Wait for all pages and join them.

        Raises:
            Shifted: pages don't fit.
            CapReached: the list is longer than can be paged.
        """
        limit = self._listing.resource.limit
        found = Rows()
        by_content = "content" in self._listing.resource.key
        last: Row | None = None
        number = 0
        try:
            while True:
                page = self._pages[number].result()
                if number and (not page or last is None or page[0].identity != last.identity):
                    raise Shifted("rows moved between two pages")
                self.first = self.first if number else len(page)
                self.listed += len(page) - (1 if number else 0)
                for row in page[1:] if number else page:
                    found.take(row, by_content=by_content)
                if limit < 2 or len(page) < limit:
                    break
                last, number = page[-1], number + 1
                if number == len(self._pages):
                    self._pages.append(self._ask(number))
        finally:
            self.drop()
        self.single = number == 0
        if number + 1 < self.asked:
            raise Shifted("the list ended before the rows that were counted")
        return found


class Reader:
    """Asks the API for lists of one mall and takes their rows across the privacy line."""

    def __init__(
        self, client: "AdminClient", line: "PrivacyLine", workers: int = 6, clearing: Clearing | None = None
    ) -> None:
        self.client, self.line, self._workers = client, line, workers
        self.clearing = clearing or Clearing(None, line._hash)
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock, self._closed = threading.Lock(), False

    def pool_for(self, resource: ApiResource) -> ThreadPoolExecutor:
        """The threads that read a resource's pages: its own, or lists would wait behind pages of a full bucket.

        After `close` it takes nothing more.
        """
        with self._lock:
            if resource.name not in self._pools:
                threads = heavy.threads(resource, self._workers)
                self._pools[resource.name] = ThreadPoolExecutor(threads, thread_name_prefix=f"pages-{resource.name}")
                if self._closed:
                    self._pools[resource.name].shutdown()
            return self._pools[resource.name]

    def close(self) -> None:
        """End the threads; what has not begun does not begin."""
        with self._lock:
            self._closed = True
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def count(self, listing: Listing) -> int:
        """What the list's count endpoint says."""
        r = listing.resource
        params = {**r.params, **listing.params}
        answer = self.client.get(r.count_path, at=listing.at, params=params, shop_no=listing.shop_no)
        value = answer.get("count") if isinstance(answer, dict) else None
        try:
            counted = int(value)  # type: ignore[arg-type]
        except (TypeError, ValueError) as e:
            raise Unreadable("a count is not a number", where=r.count_path, remedy="run the sync again") from e
        if not 0 <= counted <= MOST_ROWS:
            raise Unreadable("a count makes no sense", where=r.count_path, remedy="run the sync again")
        return counted

    def page(self, listing: Listing, offset: int = 0, limit: int | None = None) -> list[Row]:
        """One page, its rows across the line; safe in any thread."""
        r = listing.resource
        paging: dict[str, object] = {}
        if r.limit:
            paging["limit"] = limit or r.limit
            if offset:
                paging["offset"] = offset
        return self._cross(listing, self.raw(listing, paging))

    def raw(self, listing: Listing, paging: Mapping[str, object]) -> list[Any]:
        """One page as the API gave it."""
        r = listing.resource
        params: dict[str, object] = {**r.params, **listing.params, **paging}
        if r.embed:
            params["embed"] = ",".join(r.embed)
        if r.analytics:
            answer = self.client.analytics(r.path, {**params, "shop_no": listing.shop_no or 1})
        else:
            rows = r.answer_key if heavy.is_heavy(r) else ""
            answer = self.client.get(r.path, at=listing.at, params=params, shop_no=listing.shop_no, rows=rows)
        return rows_in(answer, r)

    def start(self, listing: Listing, expected: int) -> Pages:
        """Begin to read a list of about `expected` rows."""
        return Pages(self, listing, expected)

    def _cross(self, listing: Listing, raw: list[Any]) -> list[Row]:
        found: list[Row] = []
        raw.reverse()
        while raw:  # a raw row is let go of as soon as it has crossed: pages of orders are tens of megabytes
            row = raw.pop()
            found.append(self.cross(listing, row_of(row) if isinstance(row, msgspec.Raw) else row))
        return found

    def cross(self, listing: Listing, row: Any) -> Row:
        """A raw row across the line, fit for quarantine, or of an erased member."""
        r = listing.resource
        try:
            if not isinstance(row, dict):
                raise Malformed("", "not an object", resource=r.name)
            crossed = self.line.across(r, row, shop_no=listing.shop_no or 1, parent=listing.parent)
            if listing.needs_date and crossed.record.at is None:
                raise Malformed(r.dated, "missing", resource=r.name)
        except Exception as e:  # whatever a row holds, it costs no other; only what we say of it ourselves is kept
            reason, field_name = (
                (e.reason, e.field) if isinstance(e, Malformed) else (f"not readable ({type(e).__name__})", "")
            )
            bad = self.clearing.bad(self.line.quarantine_row(r, row, reason, field_name))
            return Row("bad/" + _fingerprint(row), bad=bad, cursor=_cursor(listing, row))
        key = crossed.record.key
        kept = self.clearing.row(r.name, crossed, row)
        if kept is None:
            return Row(key, erased=True, cursor=_cursor(listing, row))
        marked = bool(listing.mark and listing.mark(row))
        return Row(key, kept, marked=marked, cursor=_cursor(listing, row))


def rows_in(answer: Any, resource: ApiResource) -> list[Any]:
    """The rows of an answer.

    Raises:
        Unreadable: they are not where they should be.
    """
    found: Any = None
    if isinstance(answer, dict):
        found = answer.get(resource.answer_key) if resource.answer_key else None
        if resource.analytics and not isinstance(
            found, list
        ):  # its documentation and its answers disagree on the key
            lists = [v for k, v in answer.items() if isinstance(v, list) and k != "links"]
            found = lists[0] if len(lists) == 1 else None
        if resource.single and isinstance(found, dict):
            found = [found]
    if not isinstance(found, list):
        raise Unreadable(f"an answer holds no list {resource.answer_key!r}", where=resource.path,
                         remedy="run the sync again; if it stays so, the API has changed")  # fmt: skip
    return found


def _cursor(listing: Listing, row: Any) -> str:
    value = row.get(listing.cursor) if listing.cursor and isinstance(row, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def _fingerprint(row: Any) -> str:
    import json

    return text_digest(json.dumps(row, sort_keys=True))
