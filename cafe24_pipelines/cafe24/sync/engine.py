"""The sync of one mall: the order of its resources, what runs side by side, and what stops what.

Does not belong here: how a resource is walked (see `walks.py`) or what agreement is (`agreement.py`).
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES, ApiResource
from cafe24_pipelines.cafe24.sync.failures import SKIPS, STOPS_ALL, SyncRunning
from cafe24_pipelines.cafe24.sync.last import keep_report
from cafe24_pipelines.cafe24.sync.members import MemberBook
from cafe24_pipelines.cafe24.sync.report import SyncReport
from cafe24_pipelines.cafe24.sync.run import Run, Stopped
from cafe24_pipelines.cafe24.sync.tuning import Tuning
from cafe24_pipelines.cafe24.sync.walks import dated_walks, shops_landed, sync_resource, sync_shops
from cafe24_pipelines.cafe24.sync.windows import ORDER_SPAN, chunks, whole_second
from cafe24_pipelines.errors import BadInput, Cafe24Error, LakeDamaged

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.client import AdminClient
    from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
    from cafe24_pipelines.cafe24.contacts import ContactTable
    from cafe24_pipelines.cafe24.erase.registry import ErasedMembers
    from cafe24_pipelines.stores.records import ApiLake

_CHAINS: Final = (
    ("categories", "category_products"),
    ("products", "carts", "sales_volume", "inventories"),
    ("coupons", "coupon_issues"),
    ("boards", "articles"),
)
"""Resources that need the rows of the one before; every other resource stands alone."""
_FIRST: Final = ("customer_groups", "customers_privacy")
_LAST: Final = ("wish_lists",)
"""Need the ids of members, which are in memory once everything else was read."""
LOCK_FILE: Final = "sync.lock"

log = logging.getLogger(__name__)


class MallSync:
    """Reads a mall through its client and lands what it holds.

    Args:
        client: the mall's Admin API client.
        lake: where rows land.
        line: the privacy line that every row passes first.
        contacts: the opt-in encrypted side table, None to keep no contact field at all.
        erased: the mall's erased members, who never come back; None for none.
        workers: threads that read a resource's pages ahead.
        side_by_side: how many resources are walked at once: the API gives each a bucket of its own.
        progress: called with one line now and then, from several threads.
        tuning: look-backs, budgets, sizes.
        resources: what can be read.
    """

    def __init__(
        self, client: "AdminClient", lake: "ApiLake", line: "PrivacyLine", *,
        contacts: "ContactTable | None" = None, erased: "ErasedMembers | None" = None,
        workers: int = 6, side_by_side: int = 4,
        progress: Callable[[str], None] | None = None, tuning: Tuning | None = None,
        resources: dict[str, ApiResource] | None = None,
    ) -> None:  # fmt: skip
        self._client, self._lake, self._line, self._contacts = client, lake, line, contacts
        self._erased = erased
        self._workers, self._side_by_side = max(1, workers), max(1, side_by_side)
        self._say = progress or (lambda line: None)
        self._tuning, self._resources = tuning or Tuning(), resources or RESOURCES

    def run(self, resources: Sequence[str] | None = None, *, whole: bool = False) -> SyncReport:
        """Sync: the first time in full, then by increments; `whole` reads everything again and compares.

        Args:
            resources: names, None for all that are landed by default.
            whole: trust no ledger.

        Raises:
            BadInput: a resource of that name is not known.
            SyncRunning: another sync of this mall is at work.
            Cafe24Error: the mall's clock can't be read, or the disk can't be written.
        """
        names = self._names(resources)
        with self._session(whole) as run:
            run.report.version = self._version()
            self._shops(run, names)
            self._members(run, names)
            self._lanes(run, [[n] for n in names if n in _FIRST])
            middle = [n for n in names if n not in (*_FIRST, *_LAST, "shops", "customers")]
            self._lanes(run, _in_lanes(middle))
            self._lanes(run, [[n] for n in names if n in _LAST])
            self._look_again(run)
        keep_report(self._lake.root, run.report)
        return run.report

    def known(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that a sync reads by default, in landing order."""
        wanted = set(names)
        return [n for n, r in self._resources.items() if n in wanted and r.default]

    def backfill_orders(self, start: datetime, end: datetime) -> SyncReport:
        """Read orders and refunds of `[start, end)` (aware) again, whatever the ledger says.

        Raises:
            BadInput: the times make no window.
            SyncRunning: another sync of this mall is at work.
        """
        if start.tzinfo is None or end.tzinfo is None or end <= start:
            raise BadInput(
                "not a period", where=f"{start} to {end}", remedy="give an earlier and a later time, with zone"
            )
        first, last = whole_second(start), whole_second(end)
        with self._session(False) as run:
            self._shops(run, ["orders"])
            self._members(run, ["customers"])

            def again(name: str) -> None:
                landing = run.landing(name)
                for shop_no in run.shops:
                    for walk in dated_walks(run, landing, shop_no):
                        walk.ledger.started = walk.ledger.started or run.now
                        walk.read(chunks(first, last, ORDER_SPAN))
                landing.keep()

            for name in ("orders", "refunds"):
                self._guarded(run, name, again)
        return run.report

    def _names(self, wanted: Sequence[str] | None) -> list[str]:
        unknown = sorted(set(wanted or ()) - self._resources.keys())
        if unknown:
            raise BadInput(
                f"no resource is called {', '.join(unknown)}", remedy=f"known: {', '.join(self._resources)}"
            )
        return [n for n, r in self._resources.items() if (n in wanted if wanted is not None else r.default)]

    def _version(self) -> str:
        """Which version serves, and when it ends: an ended one is answered by another without a word."""
        try:
            return self._client.version_notice().text
        except Cafe24Error:  # what stops the run stops it at its first resource too, and is told there
            return ""

    def _session(self, whole: bool) -> "_Session":
        return _Session(self, whole)

    def _shops(self, run: Run, names: Sequence[str]) -> None:
        """The shops to read; where the mall does not tell, those it told of before, else shop 1 alone.

        Never fewer than landed: rows of a shop that is left out would look like rows that are gone.
        """
        with suppress(LakeDamaged):
            run.shops = shops_landed(run)

        def read(name: str) -> None:
            run.shops = sync_shops(run, run.landing(name))

        self._guarded(run, "shops", read)
        if "shops" not in names and not run.report.resources["shops"].error:
            del run.report.resources["shops"]

    def _members(self, run: Run, names: Sequence[str]) -> None:
        """Whether members are walked or looked up; set before anything that mentions them is read."""
        keep = "wish_lists" in names
        try:
            self._client.require(self._resources["customers_privacy"].scope)
        except SKIPS:
            wanted = "customers" in names
            try:
                self._client.require(self._resources["customers"].scope)
            except SKIPS as e:
                run.report.of("customers").skipped = str(e)
                wanted = False
            run.members = MemberBook(run, run.landing("customers") if wanted else None, keep=keep)
        else:
            run.members = MemberBook(run, None, keep=keep, walked=True)
            if "customers" in names:
                run.report.of("customers").skipped = "members are landed as customers_privacy"

    def _look_again(self, run: Run) -> None:
        """The end of the look-ups: members whose turn it is, and how many are known."""
        book = run.members
        if book is None or not run.looks_up:
            return
        self._guarded(run, "customers", lambda name: book.look_again())
        book.finish()

    def _lanes(self, run: Run, lanes: list[list[str]]) -> None:
        """Walk lanes side by side, the resources of a lane one after the other."""
        if not lanes or run.stop.is_set():
            return
        with ThreadPoolExecutor(self._side_by_side, thread_name_prefix="sync") as pool:
            tasks: list[Future[None]] = [pool.submit(self._lane, run, lane) for lane in lanes]
            try:
                wait(tasks)
            except BaseException:
                run.stop.set()
                raise
            for task in tasks:
                task.result()

    def _lane(self, run: Run, names: list[str]) -> None:
        def walk(name: str) -> None:
            landing = run.landing(name)
            for shop_no in run.shops:
                sync_resource(run, landing, shop_no)
            landing.looked_up()

        for name in names:
            self._guarded(run, name, walk)
            _tell_of_parent(run, name)

    def _guarded(self, run: Run, name: str, walk: Callable[[str], None]) -> None:
        """Walk one resource; its failure is its own, unless nothing can be read any more."""
        if run.stop.is_set():
            return
        report = run.report.of(name)
        try:
            self._client.require(self._resources[name].scope)
            walk(name)
            self._say(f"{name}: {report.read:,} read, +{report.added:,} ~{report.changed:,} -{report.removed:,}")
        except Stopped:
            report.error = "stopped before its end"
        except STOPS_ALL as e:
            run.report.stopped = str(e)
            report.error = "stopped before its end"
            run.stop.set()
        except SKIPS as e:
            if report.windows or report.read:  # it was allowed a moment ago: what is missing is no choice
                report.error = str(e)
            else:
                report.skipped = str(e)
        except Cafe24Error as e:
            report.error = str(e)
            self._say(f"{name}: {e}")
        except Exception as e:  # a bug in one walk must not cost the others; its text might hold a personal value
            frames = "".join(traceback.format_tb(e.__traceback__))
            log.error("%s: %s\n%s", name, type(e).__name__, frames)
            report.error = f"an unexpected {type(e).__name__}: a bug; the log says where"
        finally:
            run.progress.over(name)


@dataclass
class _Session:
    """The lock, the threads and the clock of one run."""

    sync: MallSync
    whole: bool

    def __enter__(self) -> Run:
        from filelock import FileLock, Timeout

        s = self.sync
        s._lake.root.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(s._lake.root / LOCK_FILE)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as e:
            raise SyncRunning("another sync of this mall is at work", where=s._lake.mall_id,
                              remedy="wait for it to end; what it lands is what this one would") from e  # fmt: skip
        report = SyncReport(s._lake.mall_id)
        try:
            if s._erased is not None:
                s._erased.reread()  # an erasure holds this lock, too
            now = whole_second(s._client.server_now()).astimezone(UTC)
        except BaseException:
            self._lock.release()
            raise
        report.began = now
        self.run = Run(
            s._client, s._lake, s._line, now, report, s._tuning, whole=self.whole, workers=s._workers,
            contacts=s._contacts, erased=s._erased, say=s._say, resources=s._resources,
        )  # fmt: skip
        return self.run

    def __exit__(self, *error: object) -> None:
        self.run.reader.close()
        order = list(self.sync._resources)
        found = self.run.report.resources
        self.run.report.resources = {name: found[name] for name in order if name in found}
        self._lock.release()
        with suppress(Cafe24Error):
            made = self.sync._client.report()
            self.run.report.calls, self.run.report.waited = sum(made.calls.values()), made.waited


def _in_lanes(names: Sequence[str]) -> list[list[str]]:
    """Names that depend on each other in one lane; the longest walks first, so that none of them begins last."""
    lanes = [[n for n in chain if n in names] for chain in _CHAINS]
    chained = {n for chain in _CHAINS for n in chain}
    alone = [[n] for n in names if n not in chained]
    return [lane for lane in sorted(alone, key=lambda lane: lane != ["orders"]) + lanes if lane]


def _tell_of_parent(run: Run, name: str) -> None:
    """Rows that hang on rows which could not be read may be incomplete; that must not look like agreement."""
    parents = [chain[0] for chain in _CHAINS if name in chain[1:] and chain[0] in run.report.resources]
    for parent in parents:
        above, report = run.report.of(parent), run.report.of(name)
        if above.skipped and not report.read and not report.skipped:
            report.skipped = f"needs {parent}: {above.skipped}"
        elif not above.agreed and not report.error:
            report.error = f"{parent} did not agree, so rows that belong to them may be missing"
