"""Lists that are read whole: shops, tiers, categories, coupons, boards, and the lists that hang on a parent row.

Lists of parents that have too many (wish lists, carts) take turns: least recently read first, so many a run. Does not
belong here: lists by time (see `dated.py`) or by number (see `since.py`).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from cafe24_pipelines.cafe24.admin_api.errors import NotFound
from cafe24_pipelines.cafe24.admin_api.resources import ApiResource
from cafe24_pipelines.cafe24.sync.agreement import Outcome, agree
from cafe24_pipelines.cafe24.sync.failures import Trouble, is_gone
from cafe24_pipelines.cafe24.sync.reading import Listing, Pages
from cafe24_pipelines.cafe24.sync.report import Coverage
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.errors import Cafe24Error

_BATCH_PARENTS = 50
_BATCH_ROWS = 2_000


def sync_list(run: Run, landing: Landing, listing: Listing, *, part: str, prefix: str = "") -> None:
    """Read a list whole and remove what it no longer holds.

    Args:
        part: what the report calls it.
        prefix: what the keys of this list begin with; "" when it is all there is of the resource.
    """
    outcome = agree(run.reader, listing, tries=run.tuning.tries)
    rows = outcome.rows
    gone: set[str] = set()
    if outcome.agreed and not rows.bad:
        gone = landing.store.known(prefix=prefix).keys() - rows.records.keys()
    landing.land(rows, label=part, deleted=gone)
    landing.report.window(None, outcome.counted, len(rows), outcome.agreed, part=part, why=outcome.why)


@dataclass(frozen=True)
class Parent:
    """A row with a list of its own: its name in the state, how the list is asked for, how its keys begin (no "/").

    `filed` is what its quarantined rows are filed under, "" for its name: nothing that names a member.
    """

    name: str
    listing: Listing
    prefix: str
    filed: str = ""


@dataclass
class _Batch:
    rows: Rows = field(default_factory=Rows)
    gone: set[str] = field(default_factory=set)
    parents: int = 0


class ParentWalk:
    """One list for each parent.

    Args:
        part: the shop's number, as text.
        parents: every parent there is, as far as it is known.
        budget: how many of them one run reads, None for all.
        what: for the report, such as "wish lists of members".
        complete: `parents` are all there are, so rows of others are removed.
        depth: how many parts of a key name its parent.
        total: how many parents there are in all, where `parents` are only those in reach.
    """

    def __init__(
        self, run: Run, landing: Landing, parents: Sequence[Parent], *, part: str, budget: int | None = None,
        what: str = "", complete: bool = True, depth: int = 2, total: int | None = None,
    ) -> None:  # fmt: skip
        self.run, self.landing, self.part, self.what = run, landing, part, what
        self.parents, self.budget, self.complete, self.depth = parents, budget, complete, depth
        self.total = len(parents) if total is None else total
        self.turns: dict[str, int] = landing.state.setdefault("turns", {}).setdefault(part, {})
        self.trouble = Trouble(run.tuning.stop_after)

    def sync(self) -> None:
        """Read the parents whose turn it is, oldest reading first."""
        self._load()
        chosen = sorted(self.parents, key=lambda p: (self.turns.get(p.name, 0), p.name))[: self.budget]
        ahead: deque[tuple[Parent, Pages]] = deque()
        batch = _Batch()
        try:
            for n, parent in enumerate(chosen):
                self.run.progress.at(self.landing.resource.name, n, len(chosen), "lists")
                ahead.append((parent, self.run.reader.start(parent.listing, 1)))
                if len(ahead) > self.run.workers:
                    batch = self._one(batch, *ahead.popleft())
            while ahead:
                batch = self._one(batch, *ahead.popleft())
        finally:
            for _, pages in ahead:
                pages.drop()
            self._flush(batch)
        self._cover()

    def _one(self, batch: _Batch, parent: Parent, pages: Pages) -> _Batch:
        try:
            outcome = self._read(parent, pages)
        except Cafe24Error as e:
            if isinstance(e, NotFound) and is_gone(e):  # the parent is gone; so are its rows
                return self._keep(batch, parent, Outcome(Rows(), 0, True))
            self.trouble.met(e)
            self.landing.report.window(None, -1, 0, False, part=self.part, why=str(e))
            return batch
        return self._keep(batch, parent, outcome)

    def _read(self, parent: Parent, pages: Pages) -> Outcome:
        """What a parent's list holds."""
        return agree(self.run.reader, parent.listing, pages=pages, tries=self.run.tuning.tries)

    def _keep(self, batch: _Batch, parent: Parent, outcome: Outcome) -> _Batch:
        """Take in what was read for one parent."""
        self.trouble.over()
        if outcome.agreed:
            if not outcome.rows.bad:
                batch.gone |= self._held.pop(parent.prefix, set()) - outcome.rows.records.keys()
            self.turns[parent.name] = int(self.run.now.timestamp())
        else:
            self.landing.report.window(None, outcome.counted, len(outcome.rows), False, part=self.part,
                                       why=outcome.why)  # fmt: skip
        label = f"{self.part} {parent.filed or parent.name}"
        if outcome.rows.bad or self.landing.filed(label):
            self._flush(batch)
            self.landing.land(outcome.rows, label=label)
            return _Batch()
        batch.rows.add(outcome.rows)
        batch.parents += 1
        if batch.parents >= _BATCH_PARENTS or len(batch.rows) >= _BATCH_ROWS:
            self._flush(batch)
            return _Batch()
        return batch

    def _flush(self, batch: _Batch) -> None:
        if batch.parents or batch.gone:
            self.landing.land(batch.rows, label=self.part, deleted=batch.gone)

    def _load(self) -> None:
        """What we hold, by parent; rows of parents that are no longer there are removed."""
        self._held: dict[str, set[str]] = {}
        for key in self.landing.store.known(prefix=f"{self.part}/"):
            self._held.setdefault("/".join(key.split("/")[: self.depth]), set()).add(key)
        if not self.complete:
            return
        prefixes, names = {p.prefix for p in self.parents}, {p.name for p in self.parents}
        orphans = [key for prefix, keys in self._held.items() if prefix not in prefixes for key in keys]
        for name in [name for name in self.turns if name not in names]:
            del self.turns[name]
        filed = {f"{self.part} {p.filed or p.name}" for p in self.parents}
        stale = {old for old in self.landing.labels() if old.startswith(f"{self.part} ")} - filed
        if orphans or stale:
            self.landing.land(Rows(), label=f"{self.part} orphans", deleted=orphans, stale=stale)

    def _cover(self) -> None:
        read = len(self.turns)
        if self.budget is None:
            self.landing.report.window(None, -1, read, True, part=self.part)
            return
        total = max(self.total, read)
        earlier = self.landing.report.coverage
        known, unknown = (earlier.known, earlier.unknown) if earlier else (0, 0)
        known, unknown = known + read, unknown + total - read
        text = f"{self.what}: {known:,} of {known + unknown:,} read so far; the rest unknown"
        self.landing.report.coverage = Coverage(known, unknown, text)


def numbered(resource: ApiResource, shop_no: int, numbers: Sequence[str], field_name: str,
             **extra: object) -> list[Parent]:  # fmt: skip
    """Parents that are known by a number: products, categories; `extra` are parameters that name the list too."""
    tail = "".join(f"/{value}" for value in extra.values())
    found = []
    for number in numbers:
        parent = {field_name: int(number), **extra}
        listing = Listing(resource, shop_no, at={field_name: number}, params=extra, parent=parent)
        found.append(Parent(f"{number}{tail}", listing, f"{shop_no}/{number}{tail}"))
    return found
