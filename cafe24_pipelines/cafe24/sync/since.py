"""Walks that go forward by a number that only grows: products, and the issues of each coupon.

A walk ends at an empty answer, not at a short page. Deletions shift nothing in it, so that one pass reads every row
that was there throughout. Does not belong here: members, whose walk goes by time (see `members.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cafe24_pipelines.cafe24.sync.failures import Trouble
from cafe24_pipelines.cafe24.sync.reading import Listing, Reader, Unreadable
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.cafe24.sync.windows import korean_time
from cafe24_pipelines.errors import Cafe24Error


@dataclass
class Stretch:
    """Part of a walk: its rows, where it stopped, and whether that is the end."""

    rows: Rows
    last: int
    ended: bool


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
            labels.add(f"{self.part} from {here}")
            self.landing.land(part.rows, label="" if beside else f"{self.part} from {here}")
        return keys, bad, labels


class IssueWalk:
    """Issues of all coupons of one shop: new ones always, all of a coupon while one of them may still be used."""

    def __init__(self, run: Run, landing: Landing, listing: Listing) -> None:
        self.run, self.landing, self.listing = run, landing, listing
        self.shop = str(listing.shop_no)
        self.known: dict[str, dict[str, Any]] = landing.state.setdefault("coupons", {}).setdefault(self.shop, {})
        self.trouble = Trouble(run.tuning.stop_after)

    def sync(self) -> None:
        """Bring the landed rows up to date."""
        coupons = self.run.parents("coupons", self.listing.shop_no or 1)
        held = self._held()
        for coupon_no in coupons:
            try:
                self._coupon(coupon_no, held.pop(coupon_no, set()))
            except Cafe24Error as e:
                self.trouble.met(e)
                self.landing.report.window(None, -1, 0, False, part=f"coupon {coupon_no}", why=str(e))
            else:
                self.trouble.over()
        orphans = {key for keys in held.values() for key in keys}
        for coupon_no in held:
            self.known.pop(coupon_no, None)
        self.landing.land(Rows(), label=f"{self.shop} removed", deleted=orphans)

    def _held(self) -> dict[str, set[str]]:
        """Keys that we hold, by coupon: the key alone does not say whose it is."""
        held: dict[str, set[str]] = {}
        for body in self.landing.store.scan():
            if str(body.get("shop_no", 1)) == self.shop:
                held.setdefault(str(body["coupon_no"]), set()).add(f"{self.shop}/{body['issue_no']}")
        return held

    def _coupon(self, coupon_no: str, held: set[str]) -> None:
        state = self.known.setdefault(coupon_no, {"last": 0, "until": 0, "whole": 0, "bad": 0})
        listing = Listing(
            self.listing.resource, self.listing.shop_no, at={"coupon_no": coupon_no},
            parent={"coupon_no": coupon_no}, cursor="issue_no",
        )  # fmt: skip
        whole = self._in_force(state) or self._ends_elsewhere(listing, len(held) + state["bad"])
        for _ in range(self.run.tuning.tries):
            read, listed = self._walk(listing, state, held, whole=whole)
            if listed is not None:
                self.landing.report.window(None, -1, listed, True, part=f"coupon {coupon_no}")
                return
            whole = True  # the walk ended before the list did
        self.landing.report.window(None, -1, len(read), False, part=f"coupon {coupon_no}",
                                   why="the walk ends before the list does")  # fmt: skip

    def _walk(
        self, listing: Listing, state: dict[str, Any], held: set[str], *, whole: bool
    ) -> tuple[set[str], int | None]:
        """Keys read, and how many rows were listed; None for it when the list goes on behind the walk's end."""
        coupon_no = listing.at["coupon_no"]
        last = 0 if whole else state["last"]
        read: set[str] = set()
        labels: set[str] = set()
        bad, apart, ended, sure = 0, 0, False, True
        while not ended:
            here = last
            part = stretch(self.run.reader, listing, "since_issue_no", last, self.run.tuning.target)
            last, ended = part.last, part.ended
            read |= part.rows.records.keys()
            bad += len(part.rows.bad)
            apart += part.rows.apart
            state["last"] = max(last, state["last"])
            state["until"] = max([state["until"], *(_until(r.body) for r in part.rows.records.values())])
            if not whole:
                state["bad"] += part.rows.apart
            if ended and (whole or read or apart):
                sure = self._is_end(listing, last, len(read) + apart if whole else len(held | read) + state["bad"])
            labels.add(label := f"coupon {coupon_no} from {here}")
            gone: set[str] = set()
            stale: set[str] = set()
            if ended and sure and whole:
                state["whole"], state["bad"] = int(self.run.now.timestamp()), apart
                gone = held - read if not bad else set()
                stale = {old for old in self.landing.labels() if old.startswith(f"coupon {coupon_no} from ")} - labels
            if part.rows or gone or whole:
                self.landing.land(part.rows, label=label if whole else "", deleted=gone, stale=stale)
        return read, len(read) + apart if sure else None

    def _is_end(self, listing: Listing, last: int, listed: int) -> bool:
        """Whether the list has no row behind a walk's end: an empty answer alone is no proof of it."""
        if listed - 1 > listing.resource.offset_cap:
            return not self.run.reader.page(listing.narrowed(since_issue_no=last))
        return not self._ends_elsewhere(listing, listed)

    def _in_force(self, state: dict[str, Any]) -> bool:
        """Whether an issue of the coupon could have been used since it was last read whole."""
        settled = int(self.run.tuning.settled.total_seconds())
        return self.landing.whole or not state["whole"] or state["until"] + settled >= state["whole"]

    def _ends_elsewhere(self, listing: Listing, listed: int) -> bool:
        """Whether a settled coupon has more or fewer issues than before, at the price of one call."""
        if listed - 1 > listing.resource.offset_cap:
            return False  # what is new is still found by its number
        page = self.run.reader.page(listing, offset=max(listed - 1, 0), limit=2)
        return len(page) != (1 if listed else 0)


def _until(body: bytes) -> int:
    """When an issue expires, epoch seconds; far in the future when it does not say."""
    import msgspec

    value = msgspec.json.decode(body).get("expiration_date")
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return 1 << 33
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
