"""The issues of each coupon, read forward by their number: new ones always, all while one may still be used.

A page that lacks rows in its middle looks like any other, and so does an empty answer before the end. Where offsets
reach the end of the list, one call tells whether it is as long as a pass found it. Beyond them, and before any row is
removed, every stretch has to read alike twice; a stretch that reads as an earlier run agreed on it counts at once.
Does not belong here: walking by numbers in general (`since.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cafe24_pipelines.cafe24.sync.failures import Trouble
from cafe24_pipelines.cafe24.sync.older import turned
from cafe24_pipelines.cafe24.sync.reading import Listing
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.cafe24.sync.since import Stretch, stretch
from cafe24_pipelines.errors import Cafe24Error

_ONCE: Final = "read once only"
_LONGER: Final = "the list goes on behind the walk's end, or is shorter"


@dataclass
class _Walk:
    """One pass over a coupon's issues; `stretches` are digests by the number that each begins after."""

    twice: bool = False
    differs: bool = False
    read: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    stretches: dict[str, str] = field(default_factory=dict)
    bad: int = 0
    apart: int = 0
    last: int = 0
    until: int = 0

    @property
    def listed(self) -> int:
        """Rows that the mall listed."""
        return len(self.read) + self.apart

    def take(self, here: int, part: Stretch) -> None:
        """Add a stretch."""
        self.stretches[str(here)] = part.digest
        self.read |= part.rows.records.keys()
        self.bad += len(part.rows.bad)
        self.apart += part.rows.apart
        self.last = part.last
        self.until = max([self.until, *(_until(r.body) for r in part.rows.records.values())])


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
        for n, coupon_no in enumerate(coupons):
            self.run.progress.at("coupon_issues", n, len(coupons), "coupons")
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
        whole = self._in_force(coupon_no, state) or self._ends_elsewhere(listing, len(held) + state["bad"])
        seen: dict[str, str] = state.get("stretches", {})
        walk, why, twice = _Walk(), "", bool(seen)
        for _ in range(self.run.tuning.tries):
            walk = self._walk(listing, 0 if whole else state["last"], seen, whole=whole, twice=twice)
            gone = held - walk.read if whole and not walk.bad else set()
            known = walk.listed if whole else len(held | walk.read) + walk.apart + state["bad"]
            why = self._doubt(listing, walk, known, gone, whole=whole)
            if not why:
                self._agreed(listing, walk, gone, whole=whole, longer=known - 1 > listing.resource.offset_cap)
                return
            if walk.differs:  # each stretch was tried as often as a window is
                break
            seen, whole, twice = walk.stretches, whole or why == _LONGER, twice or why == _ONCE
        self.landing.report.window(None, -1, walk.listed, False, part=f"coupon {coupon_no}", why=why)

    def _walk(self, listing: Listing, start: int, seen: Mapping[str, str], *, whole: bool, twice: bool) -> "_Walk":
        """One pass from an issue number to the end, landing what it reads.

        Args:
            seen: what stretches of an earlier pass came to.
            twice: read each stretch until two readings are equal; that of an earlier pass may be the first.
        """
        walk, here, ended = _Walk(twice=twice), start, False
        while not ended:
            part = stretch(self.run.reader, listing, "since_issue_no", here, self.run.tuning.target)
            if twice and (part.rows or whole):
                part = self._equal(walk, listing, here, part, seen.get(str(here), ""))
            walk.take(here, part)
            label = f"coupon {listing.at['coupon_no']} from {here}" if whole else ""
            if part.rows:
                walk.labels.add(label)
                self.landing.land(part.rows, label=label)
            here, ended = part.last, part.ended
        return walk

    def _equal(self, walk: "_Walk", listing: Listing, here: int, part: Stretch, seen: str) -> Stretch:
        """A stretch whose last two readings are equal; else the walk is told that they are not."""
        for _ in range(self.run.tuning.tries):
            if part.digest == seen:
                return part
            seen = part.digest
            part = stretch(self.run.reader, listing, "since_issue_no", here, self.run.tuning.target)
        walk.differs = walk.differs or part.digest != seen
        return part

    def _doubt(self, listing: Listing, walk: "_Walk", known: int, gone: set[str], *, whole: bool) -> str:
        """Why a pass does not count yet; "" when it does."""
        if not whole and not walk.listed:
            return ""  # nothing new; the next run asks again
        if walk.differs:
            return "two readings differ"
        if self._ends_elsewhere(listing, known):
            return _LONGER
        return _ONCE if not walk.twice and (gone or known - 1 > listing.resource.offset_cap) else ""

    def _agreed(self, listing: Listing, walk: "_Walk", gone: set[str], *, whole: bool, longer: bool) -> None:
        """Note what a pass that counts has found, and remove what it no longer lists."""
        coupon_no = listing.at["coupon_no"]
        state, stale = self.known[str(coupon_no)], set[str]()
        state["last"], state["until"] = max(walk.last, state["last"]), max(walk.until, state["until"])
        if whole:
            state["whole"], state["bad"] = int(self.run.now.timestamp()), walk.apart
            state["stretches"] = walk.stretches if longer else {}
            stale = {old for old in self.landing.labels() if old.startswith(f"coupon {coupon_no} from ")}
        else:
            state["bad"] += walk.apart
        self.landing.land(Rows(), label="", deleted=gone, stale=stale - walk.labels)
        self.landing.report.window(None, -1, walk.listed, True, part=f"coupon {coupon_no}")

    def _in_force(self, coupon_no: str, state: dict[str, Any]) -> bool:
        """Whether an issue of the coupon could have been used since it was last read whole, or its turn has come."""
        t, whole = self.run.tuning, state["whole"]
        if self.landing.whole or not whole or state["until"] + int(t.settled.total_seconds()) >= whole:
            return True
        read_at = datetime.fromtimestamp(whole, UTC)
        return self.run.looks_up and turned(read_at, self.run.now, t.look_up_every, coupon_no)

    def _ends_elsewhere(self, listing: Listing, listed: int) -> bool:
        """Whether a coupon has more or fewer issues than that, at the price of one call."""
        if listed - 1 > listing.resource.offset_cap:
            return False  # nobody can ask
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
