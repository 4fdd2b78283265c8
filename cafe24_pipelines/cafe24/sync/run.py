"""What the walks of one run share: the mall, its clock, the threads, the report, and how rows of a resource land.

Does not belong here: which rows are read (see the walks).
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES, ApiResource
from cafe24_pipelines.cafe24.sync.ledger import Ledger
from cafe24_pipelines.cafe24.sync.reading import Reader
from cafe24_pipelines.cafe24.sync.report import ResourceReport, SyncReport
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.tuning import Tuning

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
    from cafe24_pipelines.cafe24.contacts import ContactTable
    from cafe24_pipelines.cafe24.sync.members import MemberBook
    from cafe24_pipelines.stores.records import ApiLake


class Stopped(Exception):
    """The run is over."""


@dataclass
class Run:
    """One run. `now` is the mall's clock (UTC) when it began; `whole` reads everything again."""

    client: "AdminClient"
    lake: "ApiLake"
    line: "PrivacyLine"
    pool: ThreadPoolExecutor
    now: datetime
    report: SyncReport
    tuning: Tuning
    whole: bool = False
    workers: int = 6
    contacts: "ContactTable | None" = None
    say: Callable[[str], None] = lambda line: None
    shops: list[int] = field(default_factory=lambda: [1])
    resources: Mapping[str, ApiResource] = field(default_factory=lambda: RESOURCES)
    members: "MemberBook | None" = None
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.reader = Reader(self.client, self.line, self.pool)
        self._foreign: dict[tuple[str, int | None], set[str]] = {}

    def go_on(self) -> None:
        """Called before every landing.

        Raises:
            Stopped: the run is over, for a reason that another walk met.
        """
        if self.stop.is_set():
            raise Stopped

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
        self._ledgers: dict[str, Ledger] = {}

    def ledger(self, part: str) -> Ledger:
        """The ledger of one walk over this resource; saved with the next landing."""
        if part not in self._ledgers:
            self._ledgers[part] = Ledger.from_json(self.state.get("ledgers", {}).get(part))
        return self._ledgers[part]

    def land(self, rows: Rows, *, label: str, deleted: Iterable[str] = (), stale: Iterable[str] = ()) -> None:
        """Commit rows and state in one step; members they mention land before them.

        Args:
            rows: a reading.
            label: what its quarantined rows are filed under; what was filed there before is replaced.
            deleted: keys that are gone.
            stale: labels of older readings that this one replaces.
        """
        self.run.go_on()
        if self.run.members and rows.members:
            self.run.members.ensure(rows.members)
        if self.run.contacts and rows.contacts:
            self.run.contacts.put_many(rows.contacts)
        self._quarantine(rows, label, stale)
        gone = set(deleted)
        self._remember(rows, gone)
        done = self.store.commit(list(rows.records.values()), deleted=gone, state=self._whole_state())
        if self.run.contacts and gone and self.resource.key == ("member",):
            self.run.contacts.forget(gone)  # who left the mall leaves the side table too
        report = self.report
        report.read += len(rows)
        report.added += done.added
        report.changed += done.changed
        report.removed += done.removed
        self._bad |= rows.bad.keys()
        report.quarantined = len(self._bad)
        report.unknown_fields.update(rows.unknown)

    def labels(self) -> list[str]:
        """Under which labels rows are in quarantine."""
        return list(self.state.get("quarantine", []))

    def filed(self, label: str) -> bool:
        """Whether rows are in quarantine under that label."""
        return label in self.state.get("quarantine", [])

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

    def _quarantine(self, rows: Rows, label: str, stale: Iterable[str]) -> None:
        filed: list[str] = self.state.setdefault("quarantine", [])
        for old in [one for one in stale if one in filed and one != label]:
            self.run.lake.quarantine(self.resource.name, old, [])
            filed.remove(old)
        if rows.bad or label in filed:
            self.run.lake.quarantine(self.resource.name, label, list(rows.bad.values()))
            if rows.bad and label not in filed:
                filed.append(label)
            elif not rows.bad:
                filed.remove(label)

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
