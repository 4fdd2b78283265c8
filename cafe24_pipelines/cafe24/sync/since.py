"""Walks that go forward by a number that only grows, and that of products.

A walk ends at an empty answer, not at a short page. Deletions shift nothing in it, so that one pass reads every row
that was there throughout, if each page is whole: a count or a second reading has to tell. Does not belong here:
issues of coupons (`issues.py`), members, whose walk goes by time (`members.py`).
"""

from dataclasses import dataclass

from cafe24_pipelines.cafe24.sync.reading import Listing, Reader, Unreadable
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.cafe24.sync.windows import korean_time
from cafe24_pipelines.stores.digest import text_digest


@dataclass
class Stretch:
    """Part of a walk: its rows, where it stopped, and whether that is the end."""

    rows: Rows
    last: int
    ended: bool

    @property
    def digest(self) -> str:
        """Equal when two readings of the stretch are."""
        rows = (f"{key} {digest}" for key, digest in sorted(self.rows.digests().items()))
        return text_digest(*rows, f"{self.last} {self.ended}")


def stretch(reader: Reader, listing: Listing, param: str, last: int, most: int) -> Stretch:
    """Walk on from `last` until about `most` rows are read or the list ends.

    Raises:
        Unreadable: the list does not go forward.
    """
    rows = Rows()
    while len(rows) < most:
        page = reader.page(listing.narrowed(**{param: last}))
        if not page:
            return Stretch(rows, last, True)
        numbers = [int(row.cursor) for row in page if row.cursor.isdigit()]
        for row in page:
            rows.take(row)
        if not numbers or max(numbers) <= last:
            raise Unreadable(f"a walk by {param} does not go forward", where=listing.resource.path,
                             remedy="run the sync again")  # fmt: skip
        last = max(numbers)
    return Stretch(rows, last, False)


class ProductWalk:
    """Products of one shop: whole while they are few, else what was updated, and whole once a day."""

    def __init__(self, run: Run, landing: Landing, listing: Listing) -> None:
        self.run, self.landing, self.listing = run, landing, listing
        self.part = str(listing.shop_no)
        self.prefix = f"{listing.shop_no}/"
        self.ledger = landing.ledger(self.part)

    def sync(self) -> None:
        """Bring the landed rows up to date."""
        run, t, ledger = self.run, self.run.tuning, self.ledger
        held = self.landing.store.known(prefix=self.prefix)
        due = ledger.whole_at is None or run.now - ledger.whole_at >= t.whole_every
        whole = run.whole or due or len(held) <= t.small
        if not whole and ledger.last_run:
            since = korean_time(ledger.last_run - t.late_look_back)
            until = korean_time(run.now + t.ahead)
            updated = self.listing.narrowed(updated_start_date=since, updated_end_date=until)
            read, bad, _ = self._walk(updated, beside=True)
            here = len(held.keys() | read) + bad
            counted = run.reader.count(self.listing)
            whole = counted != here
            self.landing.report.window(None, counted, here, True, part=f"{self.part} updated")
        if whole:
            self._whole()
        self.landing.keep()

    def _whole(self) -> None:
        reader, why, counted, read, bad = self.run.reader, "", 0, set[str](), 0
        for _ in range(self.run.tuning.tries):
            before = reader.count(self.listing)
            read, bad, labels = self._walk(self.listing)
            counted = reader.count(self.listing)
            if before == len(read) + bad == counted:
                gone = set() if bad else self.landing.store.known(prefix=self.prefix).keys() - read
                self.ledger.whole_at = self.ledger.last_run = self.run.now
                stale = [old for old in self.landing.labels() if old.startswith(f"{self.part} from ")]
                self.landing.land(Rows(), label=f"{self.part} removed", deleted=gone, stale=set(stale) - labels)
                self.landing.report.window(None, counted, len(read) + bad, True, part=self.part)
                return
            why = f"{before} counted before, {len(read) + bad} read, {counted} counted after"
        self.landing.report.window(None, counted, len(read) + bad, False, part=self.part, why=why)

    def _walk(self, listing: Listing, *, beside: bool = False) -> tuple[set[str], int, set[str]]:
        """Keys read, bad rows met, and the labels that these are filed under (`beside`: under their own)."""
        keys: set[str] = set()
        labels: set[str] = set()
        bad, last, ended = 0, 0, False
        while not ended:
            here = last
            part = stretch(self.run.reader, listing, "since_product_no", last, self.run.tuning.target)
            last, ended = part.last, part.ended
            keys |= part.rows.records.keys()
            bad += len(part.rows.bad)
            self.run.progress.at("products", len(keys), 0, "products")
            labels.add(f"{self.part} from {here}")
            self.landing.land(part.rows, label="" if beside else f"{self.part} from {here}")
        return keys, bad, labels
