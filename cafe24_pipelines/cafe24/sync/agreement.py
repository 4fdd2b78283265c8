"""When a reading counts: it agrees with the mall's own count before and after, or with a second reading.

A short page is believed to be the last one only if that holds: should the mall give fewer rows a page than it is
asked for, the list is read again in pages of the size that it gives.

Does not belong here: paging (see `reading.py`), or what becomes of a list that does not agree (see `landing.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cafe24_pipelines.cafe24.sync.reading import Listing, Pages, Reader, Shifted
from cafe24_pipelines.cafe24.sync.rows import Rows


@dataclass
class Outcome:
    """A reading, what was counted for it, and whether that agrees; `why` not when it doesn't."""

    rows: Rows
    counted: int
    agreed: bool
    why: str = ""


def agree_by_count(
    reader: Reader, listing: Listing, *, counted: int | None = None, pages: Pages | None = None, tries: int = 4
) -> Outcome:
    """Read until count before == distinct rows read == count after.

    A list that one answer holds needs no count before: the answer is of one moment.

    Args:
        counted: the count before, when it was asked for already.
        pages: a reading that is under way already.
    """
    before, rows, why = counted, Rows(), ""
    for _ in range(tries):
        pages = pages or reader.start(listing, before or 1)
        try:
            rows = pages.rows()
            after = reader.count(listing)
            if len(rows) == after and (before == after or pages.single):
                return Outcome(rows, after, True)
            why = f"{'not' if before is None else before} counted before, {len(rows)} read, {after} counted after"
        except Shifted as e:
            why = str(e)
            after = reader.count(listing)
        if pages.first < after:
            listing = _in_pages_of(listing, pages.first)
        before, pages = after, None
    return Outcome(rows, before or 0, False, why)


def agree_by_repetition(
    reader: Reader, listing: Listing, *, pages: Pages | None = None, tries: int = 4,
    before: Mapping[str, str] | None = None,
) -> Outcome:  # fmt: skip
    """Read to the end until two readings, one after the other, are equal row for row.

    Args:
        before: key -> digest of a reading that came before, of an earlier run perhaps: the first that counts.
    """
    last: Rows | None = None
    why = ""
    for _ in range(tries):
        pages = pages or reader.start(listing, len(last) if last is not None else 1)
        try:
            rows = pages.rows()
            if last is None and before is not None and before == rows.digests():
                return Outcome(rows, len(rows), True)
            if last is not None and last.digests() == rows.digests():
                if not goes_on(reader, listing, pages.listed):
                    return Outcome(rows, len(rows), True)
                why = f"the list goes on behind a page of {pages.first:,} rows"
                listing = _in_pages_of(listing, pages.first)
            elif last is not None:
                why = f"two readings differ ({len(last):,} and {len(rows):,} rows)"
            last = rows
        except Shifted as e:
            why = str(e)
        pages = None
    return Outcome(last if last is not None else Rows(), -1, False, why)


def goes_on(reader: Reader, listing: Listing, listed: int) -> bool:
    """Whether a list without a count shows a row behind its last one, at the price of a call.

    A page of the analytics API holds no fewer than 50 rows unless it is the last.
    """
    r = listing.resource
    least = 50 if r.analytics else 1
    if r.limit < 2 or not listed or listed < least or (r.offset_cap and listed > r.offset_cap):
        return False
    return bool(reader.page(listing, offset=listed, limit=least))


def _in_pages_of(listing: Listing, rows: int) -> Listing:
    """The same list in smaller pages, where the mall gives no larger ones."""
    r = listing.resource
    return replace(listing, resource=replace(r, limit=rows)) if 2 <= rows < r.limit else listing


def agree(reader: Reader, listing: Listing, *, counted: int | None = None, pages: Pages | None = None,
          tries: int = 4) -> Outcome:  # fmt: skip
    """Read until it agrees, by count where the API counts, else by repetition."""
    if listing.resource.count_path:
        return agree_by_count(reader, listing, counted=counted, pages=pages, tries=tries)
    return agree_by_repetition(reader, listing, pages=pages, tries=tries)
