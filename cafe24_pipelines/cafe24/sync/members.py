"""Members: the walk over all of them where the privacy scope is granted, look-ups of those seen where it is not.

Raw member ids stay in memory. Does not belong here: what members did (orders, wish lists have their own walks).
"""

import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from cafe24_pipelines.cafe24.admin_api.errors import NotFound
from cafe24_pipelines.cafe24.sync.agreement import Outcome, agree
from cafe24_pipelines.cafe24.sync.failures import SKIPS, is_gone
from cafe24_pipelines.cafe24.sync.look_ups import LookUps
from cafe24_pipelines.cafe24.sync.reading import Listing, Unreadable
from cafe24_pipelines.cafe24.sync.report import Coverage
from cafe24_pipelines.cafe24.sync.rows import Row, Rows
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.cafe24.sync.windows import KST, SECOND, Window, korean_time, plan, whole_second

LOOKUP: Final = 100
_NOTED: Final = 50 * LOOKUP
"""Members after whose look-ups it is written down that they were looked up."""
_FIRST: Final = "1990-01-01 00:00:00"


class MemberBook:
    """Raw ids of members met in this run, in memory alone; without the privacy scope, also their look-ups.

    Args:
        run: the run.
        landing: where looked-up members land (`customers`); None where members are walked whole.
        keep: whether ids are needed later (wish lists are read by member).
        walked: members are walked whole, by this run or another.
    """

    def __init__(self, run: Run, landing: Landing | None, *, keep: bool = True, walked: bool = False) -> None:
        self.run, self.landing, self.keep, self.walked = run, landing, keep, walked
        self.raw: dict[str, str] = {}
        self._lock = threading.RLock()
        self._asked: set[str] = set()
        self._landed: set[str] | None = None
        self._look_ups = LookUps(run.lake.root)

    @property
    def resource(self) -> str:
        """Where the members that we know lie."""
        return "customers" if self.landing else "customers_privacy"

    def key_of(self, raw: str) -> str | None:
        """The key of a raw member id."""
        return self.run.line._hash(raw)

    def note(self, raw: Iterable[str]) -> None:
        """Remember ids for the rest of the run."""
        if not self.keep:
            return
        with self._lock:
            for member in self.run.clearing.others(raw):
                if key := self.key_of(member):
                    self.raw[key] = member

    def ensure(self, raw: set[str]) -> None:
        """See to it that these members landed, before the rows that mention them do. Once a run for each.

        Erased members are not asked about and not remembered.

        Members that don't come back are remembered by key, so that coverage counts them.
        """
        self.note(raw)
        if self.landing is None:
            return
        with self._lock:  # walks of other resources wait: what they are about to land may mention the same members
            others = self.run.clearing.others(raw)
            new = sorted(m for m in others if (k := self.key_of(m)) and k not in self._asked)
            for first in range(0, len(new), LOOKUP):
                try:
                    self._look_up(self.landing, new[first : first + LOOKUP])
                except SKIPS as e:
                    self.landing.report.skipped, self.landing = str(e), None
                    return

    def _look_up(self, landing: Landing, members: list[str]) -> None:
        """Ask for members and land what comes; who has landed before and is no longer shown is removed."""
        rows = self._ask(landing, members)
        keys = {key: member for member in members if (key := self.key_of(member))}
        doubtful = {k: m for k, m in keys.items() if k in self._held() and k not in rows.records}
        if doubtful:  # an answer may be cut
            rows.add(self._ask(landing, sorted(doubtful.values())))
        gone = {k for k, m in doubtful.items() if k not in rows.records and not len(self._ask(landing, [m]))}
        absent = {key for key in landing.state.get("absent", []) if not self.run.clearing.covers(key)}
        landing.state["absent"] = sorted((absent | keys.keys()) - rows.records.keys())
        rows.members.clear()  # they are what was asked for
        landing.land(rows, label="", deleted=gone)
        self._held().update(rows.records)
        self._held().difference_update(gone)
        self._asked |= keys.keys()
        self._look_ups.note(rows.records, self.run.now)
        if len(self._asked) // _NOTED > (len(self._asked) - len(keys)) // _NOTED:
            self._look_ups.save()
        self.run.progress.at("customers", len(self._asked), 0, "members looked up")

    def _ask(self, landing: Landing, members: list[str]) -> Rows:
        """What the mall shows of members; nothing of those that it does not know."""
        rows = Rows()
        once = replace(landing.resource, limit=0)  # the list takes neither limit nor offset
        try:
            page = self.run.reader.page(Listing(once, None, params={"member_id": ",".join(members)}))
        except NotFound as e:
            if not is_gone(e):
                raise
            page = []
        for row in page:
            rows.take(row)
        return rows

    def _held(self) -> set[str]:
        """Keys of members who have landed, by this way or the other."""
        if self._landed is None:
            lake = self.run.lake
            self._landed = {*lake.of("customers").known(), *lake.of("customers_privacy").known()}
        return self._landed

    def look_again(self) -> None:
        """Look members up again whom no row named for long, as far as the contact table holds their ids.

        Without that table their ids are nowhere: walks read older rows again instead, a part of them each run.
        """
        if self.landing is None or self.run.contacts is None:
            return
        t = self.run.tuning
        due = self._look_ups.before(self._held() - self._asked, self.run.now - t.look_up_every / 2)[: t.look_ups]
        known = self.run.contacts.get_many(due)
        self.ensure({str(known[key]["member_id"]) for key in due if known.get(key, {}).get("member_id")})

    def finish(self) -> None:
        """Report how many of the members seen are known, and since when."""
        if self.landing is None:
            return
        landed, t = self._held(), self.run.tuning
        self._look_ups.save(landed)
        known, absent = len(landed), len(set(self.landing.state.get("absent", [])) - landed)
        oldest = self._look_ups.oldest(landed)
        since = f", the oldest of {oldest}" if oldest else ""
        late = len(self._look_ups.before(landed, self.run.now - t.look_up_every))
        unmet = f"; {late:,} not met for {t.look_up_every.days} days or more" if late else ""
        text = (
            f"{known:,} of {known + absent:,} members seen in orders, articles and coupons, each as of its last "
            f"look-up{since}{unmet}; the rest unknown"
        )
        self.landing.report.coverage = Coverage(known, absent, text)


class MemberWalk:
    """All members of a mall, by when they joined; whole once a day, forward from the last one in between."""

    def __init__(self, run: Run, landing: Landing, listing: Listing, *, prefix: str = "") -> None:
        self.run, self.landing, self.listing, self.prefix = run, landing, listing, prefix
        self.part = str(listing.shop_no or 1)
        self.ledger = landing.ledger(self.part)
        self._labels: set[str] = set()
        self._walk_state: dict[str, Any] = landing.state.setdefault("walks", {}).setdefault(self.part, {})

    def sync(self) -> None:
        """Bring the landed rows up to date."""
        run, t, ledger = self.run, self.run.tuning, self.ledger
        due = ledger.whole_at is None or run.now - ledger.whole_at >= t.whole_every
        alone = bool(self.prefix) or len(run.shops) == 1
        if alone and ledger.last_run and not (run.whole or due):
            newest = self._walk_state.get("at") or _FIRST
            start = min(_moment(newest), ledger.last_run) - t.late_look_back
            self._walk(korean_time(start), Rows())
            counted = run.reader.count(self._counting())
            held = self._held()
            if counted == held + self._walk_state.get("apart", 0):
                self.landing.report.window(None, counted, held, True, part=f"{self.part} new")
                ledger.last_run = run.now
                self.landing.keep()
                return
        self._whole()
        self.landing.keep()

    def _whole(self) -> None:
        """Walk over every member; what the mall no longer lists is removed once the counts agree."""
        why, counted, read = "", 0, set[str]()
        for _ in range(self.run.tuning.tries):
            before = self.run.reader.count(self._counting())
            all_bad = Rows()
            self._labels.clear()
            read = self._walk(_FIRST, all_bad)
            counted = self.run.reader.count(self._counting())
            bad, apart = len(all_bad.bad), all_bad.apart
            if before == len(read) + bad == counted:  # rows of erased members are among those read
                held = self.landing.store.known(prefix=self.prefix).keys()
                gone = set() if bad else self._own(held - read)
                self._walk_state["apart"] = apart
                self.ledger.whole_at = self.ledger.last_run = self.run.now
                stale = {old for old in self.landing.labels() if old.startswith(f"{self.part} from ")} - self._labels
                self.landing.land(Rows(), label=f"{self.part} removed", deleted=gone, stale=stale)
                self.landing.report.window(None, counted, len(read) + bad, True, part=self.part)
                return
            why = f"{before} counted before, {len(read) + bad} read, {counted} counted after"
        self.landing.report.window(None, counted, len(read), False, part=self.part, why=why)

    def _walk(self, start: str, all_bad: Rows) -> set[str]:
        """Go forward by `created_date`; returns the keys read. Rows that do not land are added to `all_bad`.

        A page begins at the second its predecessor ended with, so rows of that second come twice. When a page holds
        one second alone, the rest of that second is read by its join date.
        """
        read: set[str] = set()
        most = 0
        position, pending, begun = start, Rows(), start
        while True:
            page = self.run.reader.page(self.listing.narrowed(created_start_date=position))
            fresh = self._take(page, pending, all_bad, read)
            dates = [whole_second(_moment(row.cursor)) for row in page if row.cursor]
            ended = not page or (not fresh and len(page) < most)  # a page may be shorter than what was asked for
            most = max(most, len(page))
            if not ended:
                position = self._next(position, dates, pending, all_bad, read)
            if dates:
                self._walk_state["at"] = korean_time(max(dates))
            self.run.progress.at(self.listing.resource.name, len(read), 0, "members")
            if ended or len(pending) >= self.run.tuning.target:
                label = f"{self.part} from {begun}" if start == _FIRST else ""
                self._labels.add(label)
                self.landing.land(pending, label=label)
                pending, begun = Rows(), position
            if ended:
                return read

    def _take(self, page: Iterable[Row], pending: Rows, all_bad: Rows, read: set[str]) -> bool:
        before = len(read) + len(all_bad)
        for row in page:
            if row.crossed is None:
                all_bad.take(row)
            if row.crossed is None and not row.erased:
                pending.take(row)
            elif row.identity not in read:
                pending.take(row)
                read.add(row.identity)
        return len(read) + len(all_bad) > before

    def _next(self, position: str, dates: list[datetime], pending: Rows, all_bad: Rows, read: set[str]) -> str:
        if not dates:
            raise self._trouble("members come without a date to go on from")
        last = max(dates)
        if last < _moment(position):
            raise self._trouble("members don't come in the order they joined")
        if korean_time(last) != position:
            return korean_time(last)
        for outcome in self._second(Window(last, last + SECOND)):
            if not outcome.agreed:
                raise self._trouble(f"members of one second don't agree: {outcome.why}")
            rows = outcome.rows
            all_bad.bad |= rows.bad
            all_bad.erased |= rows.erased
            read.update(rows.records, rows.erased)
            pending.add(rows)
        return korean_time(last + SECOND)

    def _trouble(self, what: str) -> Unreadable:
        return Unreadable(what, where=self.listing.resource.path, remedy="run the sync again")

    def _second(self, window: Window) -> list[Outcome]:
        """Members who joined in one second, with offsets: the walk alone would never get past them."""
        by_date = Listing(
            self.listing.resource, self.listing.shop_no,
            params={"search_type": "customer_info", "date_type": "join", **window.params()}, cursor="created_date",
        )  # fmt: skip
        return [
            agree(self.run.reader, by_date, counted=planned.counted, tries=self.run.tuning.tries)
            for planned in plan(window, lambda w: self.run.reader.count(by_date), target=self.run.tuning.target)
        ]

    def _counting(self) -> Listing:
        return Listing(self.listing.resource, self.listing.shop_no, params={"search_type": "customer_info"})

    def _own(self, keys: set[str]) -> set[str]:
        return keys if self.prefix else self.run.own(self.listing.resource.name, self.listing.shop_no, keys)

    def _held(self) -> int:
        return len(self.landing.store.known(prefix=self.prefix)) if self.prefix else self.landing.store.count()


def _moment(text: str) -> datetime:
    """A date of an answer, or one of ours (Korean time)."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=KST)
