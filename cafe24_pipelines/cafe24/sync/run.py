"""What the walks of one run share: the mall, its clock, the threads, the report, and how rows of a resource land.

Does not belong here: which rows are read (see the walks).
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES, ApiResource
from cafe24_pipelines.cafe24.sync.clearing import Clearing
from cafe24_pipelines.cafe24.sync.filing import Filing
from cafe24_pipelines.cafe24.sync.ledger import Ledger
from cafe24_pipelines.cafe24.sync.progress import Progress
from cafe24_pipelines.cafe24.sync.reading import Reader
from cafe24_pipelines.cafe24.sync.report import ResourceReport, SyncReport
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.tuning import Tuning
from cafe24_pipelines.errors import Cafe24Error

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
    from cafe24_pipelines.cafe24.contacts import ContactTable
    from cafe24_pipelines.cafe24.erase.registry import ErasedMembers
    from cafe24_pipelines.cafe24.sync.members import MemberBook
    from cafe24_pipelines.stores.records import ApiLake


_UNLOOKED: Final = "members not looked up"


class Stopped(Exception):
    """The run is over."""


@dataclass
class Run:
    """One run. `now` is the mall's clock (UTC) when it began; `whole` reads everything again."""

    client: "AdminClient"
    lake: "ApiLake"
    line: "PrivacyLine"
    now: datetime
    report: SyncReport
    tuning: Tuning
    whole: bool = False
    workers: int = 6
    contacts: "ContactTable | None" = None
    erased: "ErasedMembers | None" = None
    say: Callable[[str], None] = lambda line: None
    shops: list[int] = field(default_factory=lambda: [1])
    resources: Mapping[str, ApiResource] = field(default_factory=lambda: RESOURCES)
    members: "MemberBook | None" = None
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.clearing = Clearing(self.erased, self.line._hash)
        self.reader = Reader(self.client, self.line, self.workers, self.clearing)
        self.progress = Progress(self.say, self.tuning.tell_every)
        self._foreign: dict[tuple[str, int | None], set[str]] = {}
        self._oldest: list[datetime | None] = []
        self._lock = threading.Lock()

    def go_on(self) -> None:
        """Called before every landing.

        Raises:
            Stopped: the run is over, for a reason that another walk met.
        """
        if self.stop.is_set():
            raise Stopped

    @property
    def looks_up(self) -> bool:
        """Whether members are looked up as they are met, for want of the scope to list them."""
        return self.members is not None and self.members.landing is not None

    def own(self, resource: str, shop_no: int | None, keys: set[str]) -> set[str]:
        """Those of `keys` whose rows are of a shop, for resources whose keys don't say so."""
        if len(self.shops) == 1 or not keys:
            return keys
        foreign = self._foreign.get((resource, shop_no))
        if foreign is None:  # one scan a walk: shops are walked one after the other, so others' rows stay
            landed = self.lake.of(resource).scan_records()
            others = {r.key for r in landed if _shop(r.body) != (shop_no or 1)}
            foreign = self._foreign[resource, shop_no] = others
        return keys - foreign

    def oldest(self) -> datetime | None:
        """The earliest date of what landed of members, products and coupons: the mall was there then."""
        with self._lock:
            if not self._oldest:
                self._oldest.append(_earliest(self.lake))
            return self._oldest[0]

    def landing(self, name: str) -> "Landing":
        """How rows of a resource land in this run."""
        return Landing(self, self.resources[name], self.report.of(name))

    def parents(self, name: str, shop_no: int) -> list[str]:
        """Second part of the landed keys of a shop: product, coupon, board or category numbers."""
        prefix = f"{shop_no}/"
        return [key.split("/")[1] for key in self.lake.of(name).known(prefix=prefix)]


class Landing:
    """One resource on its way into the lake: rows, quarantine and state go together."""

    def __init__(self, run: Run, resource: ApiResource, report: ResourceReport) -> None:
        self.run, self.resource, self.report = run, resource, report
        self.store = run.lake.of(resource.name)
        self.state: dict[str, Any] = self.store.state()
        self.remembers = False
        self._bad: set[str] = set()
        self._erased: set[str] = set()
        self._ledgers: dict[str, Ledger] = {}
        self._filing = Filing(run.lake, resource, self.state)

    def ledger(self, part: str) -> Ledger:
        """The ledger of one walk over this resource; saved with the next landing."""
        if part not in self._ledgers:
            try:
                self._ledgers[part] = Ledger.from_json(self.state.get("ledgers", {}).get(part))
            except (
                ValueError,
                TypeError,
                AttributeError,
                OverflowError,
            ):  # nothing counts as read: all is read again
                self.run.say(f"{self.resource.name}: the ledger of {part} can't be read; it begins anew")
                self._ledgers[part] = Ledger()
        return self._ledgers[part]

    def land(self, rows: Rows, *, label: str, deleted: Iterable[str] = (), stale: Iterable[str] = ()) -> None:
        """Commit rows and state in one step; members they mention land before them.

        Args:
            rows: a reading.
            label: what its quarantined rows are filed under; what was filed there before is replaced. "" for rows of
                a list beside the ledger's: each is filed under its own key.
            deleted: keys that are gone.
            stale: labels of older readings that this one replaces.
        """
        self.run.go_on()
        if self.run.members and rows.members:
            self.run.members.ensure(rows.members)
            if self.run.members.landing is None and not self.run.members.walked:
                self.state[_UNLOOKED] = True
        if self.run.contacts and rows.contacts:
            self.run.contacts.put_many(rows.contacts)
        gone = set(deleted)
        files = {label: list(rows.bad.values())} if label else self._filing.single(rows.bad.values())
        settled = {*rows.records, *gone}
        if label:
            stale = [*stale, *self._filing.single(rows.bad.values())]
        going = self._filing.put(files, settled, stale)
        self._remember(rows, gone)
        done = self.store.commit(list(rows.records.values()), deleted=gone, state=self._whole_state())
        self._filing.drop(going)
        if self.run.contacts and gone and self.resource.key == ("member",):
            self.run.contacts.forget(gone)  # who left the mall leaves the side table too
        report = self.report
        report.read += len(rows)
        report.added += done.added
        report.changed += done.changed
        report.removed += done.removed
        self._bad |= rows.bad.keys()
        report.quarantined = len(self._bad)
        self._erased |= rows.erased
        report.erased = len(self._erased)
        report.unknown_fields.update(rows.unknown)

    @property
    def whole(self) -> bool:
        """Whether all of it is read again: asked for, or an earlier run landed rows without looking members up."""
        return self.run.whole or (self.run.looks_up and _UNLOOKED in self.state)

    def looked_up(self) -> None:
        """Note that a run which read everything it meant to looked up the members that it met."""
        if self.whole and self.report.agreed and self.state.pop(_UNLOOKED, False):
            self.keep()

    def labels(self) -> list[str]:
        """Under which labels rows are in quarantine."""
        return self._filing.labels

    def filed(self, label: str) -> bool:
        """Whether rows are in quarantine under that label."""
        return label in self._filing.labels

    def keep(self) -> None:
        """Commit the state alone, if it is different."""
        state = self._whole_state()
        if state != self.store.state():
            self.store.commit(state=state)

    def _whole_state(self) -> dict[str, Any]:
        ledgers = {part: ledger.to_json() for part, ledger in self._ledgers.items()}
        if ledgers:
            self.state["ledgers"] = {**self.state.get("ledgers", {}), **ledgers}
        return self.state

    def _remember(self, rows: Rows, deleted: Iterable[str]) -> None:
        """Keep the keys of marked rows (orders that are still open) with the second they are dated by."""
        if not self.remembers:
            return
        marked: dict[str, int] = self.state.setdefault("marked", {})
        for key, record in rows.records.items():
            if key in rows.marked and record.at:
                marked[key] = int(record.at.timestamp())
            else:
                marked.pop(key, None)
        for key in deleted:
            marked.pop(key, None)


def _shop(body: bytes) -> int:
    """The shop that a landed row says it is of."""
    return int(msgspec.json.decode(body).get("shop_no") or 1)


def _earliest(lake: "ApiLake") -> datetime | None:
    found: list[datetime | None] = []
    for name in ("customers_privacy", "customers", "products", "coupons"):
        with suppress(Cafe24Error):
            found.append(lake.of(name).earliest())
    return min((at for at in found if at), default=None)
