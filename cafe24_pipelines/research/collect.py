"""One collection: every source of the list in turn, what its pages claim, and what became of pages.

A page's claims are logged before the page counts as seen, a list counts as seen after its pages: a kill costs a
repeated visit, never a claim, and repeats log nothing twice. One source's trouble doesn't touch the next. Does not
belong here: how claims are found or kept.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.research.book import ClaimBook, came_back, claim_book, move, record, retire
from cafe24_pipelines.research.feeds import Entry, NotAList, entries
from cafe24_pipelines.research.fetch import LISTS, PAGES, Limits, Page, Unreachable, unfolded
from cafe24_pipelines.research.pages import Text, read_page
from cafe24_pipelines.research.reading import claims_of, page_hash
from cafe24_pipelines.research.rules import Statement
from cafe24_pipelines.research.sources import Source
from cafe24_pipelines.research.visits import LEFT_ALONE, Seen, VisitBook, Visitor
from cafe24_pipelines.stores.events import EventLog

VISITS: Final = "visits.json"
_LATE: Final = "the time for this collection was up"
MOST_SECONDS: Final = 900.0
"""For one collection; sources that are left wait for the next."""
MOST_LISTS: Final = 5
"""Further lists of a sitemap index that are read in one visit."""
MISSING_VISITS: Final = 3
"""A page that was not found so often in a row states nothing any more."""

Propose = Callable[[Text], list[tuple[Statement, str]]]
"""A page to a model's statements, checked, with the model's name."""


@dataclass
class SourceReport:
    """What one source gave: pages asked for, and answered. `problems` hold nothing of a page's words."""

    source: str
    pages: int = 0
    answered: int = 0
    unchanged: int = 0
    claimed: int = 0
    retired: int = 0
    moved: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What a collection gave."""

    sources: list[SourceReport] = field(default_factory=list)
    unlisted: int = 0

    @property
    def claimed(self) -> int:
        """Claims that are new, came back, or are worded anew."""
        return sum(s.claimed for s in self.sources)

    @property
    def retired(self) -> int:
        """Claims that are stated no more."""
        return self.unlisted + sum(s.retired for s in self.sources)

    @property
    def silent(self) -> bool:
        """Whether there are sources and none of them gave anything: the network is down, or the list is stale."""
        return bool(self.sources) and not any(s.answered for s in self.sources)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "claimed": self.claimed, "retired": self.retired}


@dataclass
class _Collection:
    log: EventLog
    book: ClaimBook
    visits: VisitBook
    visitor: Visitor
    today: date
    propose: Propose
    late: Callable[[], bool]


def collect(
    log: EventLog, folder: Path, sources: Iterable[Source], *, today: date | None = None,
    limits: Limits | None = None, sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time, propose: Propose = lambda text: [],
) -> Report:  # fmt: skip
    """Visit the sources and log what is new. One collection of a folder runs at a time; a second one waits.

    Args:
        log: where claims go.
        folder: of the file of visits.
        sources: the list; claims of sources that are not on it are retired.
        today: the day that no page can be younger than (default: UTC's).
        limits: bounds of one request.
        sleep: see `visits.Visitor`.
        clock: likewise.
        propose: a model beside the rules; none by default.
    """
    from cafe24_pipelines.stores.files import writer_lock

    listed = list(sources)
    with writer_lock(folder / "collect.lock"):
        visits = VisitBook(folder / VISITS)
        visits.turn += 1
        visitor = Visitor(visits, limits=limits, sleep=sleep, clock=clock)
        until, day = clock() + MOST_SECONDS, today or datetime.now(UTC).date()
        state = _Collection(log, claim_book(log), visits, visitor, day, propose, lambda: clock() > until)
        report = Report(unlisted=_retire_unlisted(state, {s.id for s in listed}))
        for source in listed:
            one = SourceReport(source.id)
            report.sources.append(one)
            if state.late():
                one.problems.append(_LATE)
                continue
            _source(state, source, one)
            visits.save()
    return report


# -- inside --------------------------------------------------------------------------------------------------


def _retire_unlisted(state: _Collection, ids: set[str]) -> int:
    standing = [s.claim for s in state.book.sightings.values() if not s.retired]
    gone = sorted({(c.source, c.address) for c in standing if c.source not in ids})
    return sum(retire(state.log, state.book, *where, reason="unlisted") for where in gone)


def _source(state: _Collection, source: Source, report: SourceReport) -> None:
    """A source's pages; its list counts as seen only after them."""
    if source.kind == "page":
        _visit(state, source, Entry(source.url, "", ""), report)
        return
    seen = state.visits.seen(source, source.url)
    try:
        fetched, listed = _list(state, source, report)
    except (Unreachable, NotAList) as e:
        report.problems.append(f"{source.url}: {e}")
        fetched, listed = None, _remembered(seen)
    for entry in _chosen(state, source, listed):
        if state.late():
            report.problems.append(_LATE)
            return
        if not _visit(state, source, entry, report):
            return  # its host wants to be left alone: the rest, and the list, wait for another day
    if fetched is not None and fetched.status == 200:
        kept = [[e.url, e.title, e.day] for e in listed[: source.pages]]
        seen.etag, seen.last_modified, seen.listed = fetched.etag, fetched.last_modified, kept


def _list(state: _Collection, source: Source, report: SourceReport) -> tuple[Page, list[Entry]]:
    """The list's page and the entries that match, latest first; those remembered where it has not changed."""
    page = state.visitor.get(source, source.url, types=(*PAGES, *LISTS))
    report.answered += 1
    if page.status == 304:
        report.unchanged += 1
        return page, _remembered(state.visits.seen(source, source.url))
    found = entries(unfolded(page.body), page.url)
    further = [e for e in found if e.index][:MOST_LISTS]
    pages = [e for e in found if not e.index]
    for entry in further:
        try:
            inner = state.visitor.get(source, entry.url, fresh=True, types=(*PAGES, *LISTS))
            pages += [e for e in entries(unfolded(inner.body), inner.url) if not e.index]
        except (Unreachable, NotAList) as e:
            report.problems.append(f"{entry.url}: {e}")
    tomorrow = (state.today + timedelta(days=1)).isoformat()
    pages = [replace(e, day="") if e.day > tomorrow else e for e in pages]  # a day to come must not stay in front
    pages.sort(key=lambda e: (e.day, e.url), reverse=True)
    wanted = [e for e in pages if not source.match or source.match.search(f"{e.url} {e.title}")]
    return page, [e for e in wanted if source.allows(e.url)]


def _remembered(seen: Seen) -> list[Entry]:
    return [Entry(url, title, day) for url, title, day in seen.listed]


def _chosen(state: _Collection, source: Source, listed: list[Entry]) -> list[Entry]:
    """The latest pages, and a few older ones that claim something: do they still say so? In turn, all of them."""
    named = {state.book.address_now(e.url) for e in listed}
    older = sorted({
        where for (_, where), s in state.book.sightings.items()
        if not s.retired and s.claim.source == source.id and where not in named
    })  # fmt: skip
    room = min(len(older), max(1, source.pages // 4))
    start = (state.visits.turn * room) % len(older) if older else 0
    again = [*older[start:], *older[:start]][:room]
    return [*listed[: max(source.pages - room, 1)], *(Entry(where, "", "") for where in again)]


def _visit(state: _Collection, source: Source, entry: Entry, report: SourceReport) -> bool:
    """One page; False when its host asked to be left alone."""
    address = _address(state, source, entry)
    seen = state.visits.seen(source, address)
    if seen.gone:
        return True
    report.pages += 1
    try:
        page = state.visitor.get(source, address)
    except Unreachable as e:
        _unreachable(state, source, address, e, report=report)
        return not (e.wait or e.reason == LEFT_ALONE)
    if page.moved and page.url != address:
        move(state.log, state.book, address, page.url)
        state.visits.forget(source, address)
        state.visits.forget(source, page.url)  # it is to be read for what has just moved there
        seen = state.visits.seen(source, page.url)
        report.moved, address = report.moved + 1, page.url
    elif page.url == address:
        came_back(state.log, state.book, address)
    seen.missing = 0
    report.answered += 1
    if page.status == 304:
        report.unchanged += 1
    else:
        _read(state, source, page, entry, report, address=address)
    state.visits.save()
    return True


def _address(state: _Collection, source: Source, entry: Entry) -> str:
    """Where a page is to be asked for: where it moved to, while that claims something.

    A host under repair sends everybody "for good" to a page of its own; the page itself comes back afterwards.
    """
    now = state.book.address_now(entry.url)
    kept = source.allows(now) and (state.book.at(source.id, now) or state.visits.seen(source, now).gone)
    return now if kept else entry.url


def _read(
    state: _Collection, source: Source, page: Page, entry: Entry, report: SourceReport, *, address: str
) -> None:
    seen = state.visits.seen(source, address)
    listed = "" if source.kind == "sitemap" else entry.day  # a sitemap says when a page was changed
    try:
        text = read_page(page.body, page.content_type, today=state.today, listed_day=listed)
        digest = page_hash(text)
        claims = [] if digest == seen.hash else claims_of(text, source, address, state.propose(text))
    except Exception as e:  # a page that breaks a parser of ours must not end the collection
        report.problems.append(f"{address}: it can't be read ({type(e).__name__})")
        return
    if not text.sentences:
        report.problems.append(f"{address}: nothing to read")  # an outage's page must not retire what stands
        return
    if text.doubt:
        report.problems.append(f"{address}: {text.doubt}")
    if digest == seen.hash:
        report.unchanged += 1
    else:
        change = record(state.log, state.book, source.id, address, claims=claims)
        report.claimed, report.retired = report.claimed + change.claimed, report.retired + change.retired
    seen.etag, seen.last_modified, seen.hash = page.etag, page.last_modified, digest


def _unreachable(state: _Collection, source: Source, address: str, e: Unreachable, *, report: SourceReport) -> None:
    seen = state.visits.seen(source, address)
    report.problems.append(f"{address}: {e.reason}")
    if e.status == 410:
        seen.gone = True
        report.retired += retire(state.log, state.book, source.id, address, reason="gone")
    elif e.status == 404:
        seen.missing += 1
        if seen.missing >= MISSING_VISITS:
            report.retired += retire(state.log, state.book, source.id, address, reason="missing")
    state.visits.save()
