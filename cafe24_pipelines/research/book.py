"""The book of claims: what was claimed, where, since when, and what became of it; all of it events, read back here.

A page of yesterday can't be visited today, so claims are truth and no projection: they are events of the reserved
mall `_research` (no mall can have that id), not a table of the lake. They are few and small, they must be logged once
and whole whatever is killed, and their dates and retirements are history that a landed snapshot would overwrite. An
event's id follows from the one before it and from what it says, so the same visit logs nothing twice.

| event | when |
|---|---|
| `research.claimed` | a page states a claim for the first time, again after it was retired, or in other words |
| `research.retired` | its page says it no more (`absent`), is `gone` (410) or `missing` (404); or it is `unlisted` |
| `research.moved` | a page moved for good; what it claims is at its new address. To itself: it came back |

Does not belong here: finding claims, or comparing a mall with them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from cafe24_pipelines.research.claims import Claim
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.events import Event, EventLog

RESEARCH: Final = "_research"
"""The reserved mall of research's events: a registered id never begins with "_"."""

CLAIMED: Final = "research.claimed"
RETIRED: Final = "research.retired"
MOVED: Final = "research.moved"
_TYPES: Final = (CLAIMED, RETIRED, MOVED)
_MOST_MOVES: Final = 10


@dataclass
class Sighting:
    """One claim on one page: as it was last stated, since when (UTC ISO), and why no more ("" while it stands)."""

    claim: Claim
    at: str
    retired: str = ""
    retired_at: str = ""
    last_event: str = ""


@dataclass(frozen=True)
class KnownClaim:
    """A claim that stands: as its first page states it, since when, and every page of the source that states it."""

    claim: Claim
    first_seen: str
    addresses: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {**self.claim.to_json(), "first_seen": self.first_seen, "addresses": list(self.addresses)}


@dataclass
class ClaimBook:
    """Everything that is known, by (claim id, address); where pages moved to, and the last event about that."""

    sightings: dict[tuple[str, str], Sighting] = field(default_factory=dict)
    moves: dict[str, str] = field(default_factory=dict)
    last_moves: dict[str, str] = field(default_factory=dict)

    def standing(self) -> list[KnownClaim]:
        """Claims that some page still states, by metric, population, source and value."""
        by_id: dict[str, list[Sighting]] = {}
        for (claim_id, _), one in self.sightings.items():
            if not one.retired:
                by_id.setdefault(claim_id, []).append(one)
        known = []
        for seen in by_id.values():
            seen.sort(key=lambda s: (s.at, s.claim.address))
            known.append(KnownClaim(seen[0].claim, seen[0].at, tuple(s.claim.address for s in seen)))
        return sorted(
            known, key=lambda k: (k.claim.metric, k.claim.population, k.claim.source, k.claim.value, k.claim.id)
        )

    def address_now(self, address: str) -> str:
        """Where a page is to be asked for: its address, or where it moved to for good."""
        for _ in range(_MOST_MOVES):
            if address not in self.moves:
                return address
            address = self.moves[address]
        return address

    def at(self, source: str, address: str) -> dict[str, Sighting]:
        """What a source's page states now, by claim id."""
        return {
            claim_id: s
            for (claim_id, where), s in self.sightings.items()
            if where == address and s.claim.source == source and not s.retired
        }


def claim_book(log: EventLog) -> ClaimBook:
    """The book, rebuilt from the events."""
    book = ClaimBook()
    for event in log.read_all(RESEARCH, types=_TYPES):
        _apply(book, event)
    return book


def standing_claims(log: EventLog) -> tuple[Claim, ...]:
    """The claims that stand, each once."""
    return tuple(known.claim for known in claim_book(log).standing())


def claims_digest(claims: Iterable[Claim]) -> str:
    """Digest of what claims say: equal exactly when a comparison with them would be."""
    return json_digest(sorted((c.id, c.window_days, c.period, c.published, c.trust, c.doubt) for c in claims))


@dataclass(frozen=True)
class Change:
    """How many claims a page brought and lost."""

    claimed: int = 0
    retired: int = 0


def record(log: EventLog, book: ClaimBook, source: str, address: str, *, claims: Iterable[Claim]) -> Change:
    """Log what a source's page states against what it stated; all of it in one transaction, and into the book."""
    now, standing = datetime.now(UTC), book.at(source, address)
    stated = {c.id: c for c in claims}
    events = []
    for claim in stated.values():
        known = book.sightings.get((claim.id, address))
        if known and not known.retired and _said(known.claim) == _said(claim):
            continue
        last = known.last_event if known else book.last_moves.get(address, "")
        payload = {"claim": claim.to_json()}
        events.append(_event(CLAIMED, now, payload, last, claim.id, address, _said(claim)))
    lost = [_retirement(now, standing[claim_id], "absent") for claim_id in standing if claim_id not in stated]
    _log(log, book, [*events, *lost])
    return Change(len(events), len(lost))


def retire(log: EventLog, book: ClaimBook, source: str, address: str, *, reason: str) -> int:
    """Log that a page states nothing any more; how many claims that ends."""
    now = datetime.now(UTC)
    events = [_retirement(now, one, reason) for one in book.at(source, address).values()]
    _log(log, book, events)
    return len(events)


def move(log: EventLog, book: ClaimBook, old: str, new: str) -> None:
    """Log that a page moved for good; its claims move with it. A circle is no move."""
    if book.address_now(new) == old or book.moves.get(old) == new:
        return
    _log(log, book, [_movement(book, old, new)])


def came_back(log: EventLog, book: ClaimBook, address: str) -> None:
    """Log that a page that had moved for good is at its address again; nothing when it had not."""
    if address in book.moves:
        _log(log, book, [_movement(book, address, address)])


# -- inside --------------------------------------------------------------------------------------------------


def _apply(book: ClaimBook, event: Event) -> None:
    value, at = event.payload, event.occurred_at.astimezone(UTC).isoformat()
    if event.type == MOVED:
        book.last_moves[value["from"]] = event.event_id
        if value["from"] == value["to"]:
            book.moves.pop(value["from"], None)
            return
        book.moves[value["from"]] = value["to"]
        for key in [k for k in book.sightings if k[1] == value["from"]]:
            moved = book.sightings.pop(key)
            moved.claim = replace(moved.claim, address=value["to"])
            there = book.sightings.get((key[0], value["to"]))
            if there is None or there.retired:
                book.sightings[key[0], value["to"]] = moved
        return
    if event.type == CLAIMED:
        claim = Claim.from_json(value["claim"])
        before = book.sightings.get((claim.id, claim.address))
        since = before.at if before and not before.retired else at
        book.sightings[claim.id, claim.address] = Sighting(claim, since, last_event=event.event_id)
        return
    if one := book.sightings.get((value["claim_id"], value["address"])):
        one.retired, one.retired_at, one.last_event = value["reason"], at, event.event_id


def _log(log: EventLog, book: ClaimBook, events: list[Event]) -> None:
    if events:
        log.append(events)
        for event in events:
            _apply(book, event)


def _said(claim: Claim) -> dict[str, Any]:
    """What a claim says, without what changes although it says the same (the rest of its page)."""
    return {k: v for k, v in claim.to_json().items() if k != "page"}


def _movement(book: ClaimBook, old: str, new: str) -> Event:
    before = book.last_moves.get(old, "")
    return _event(MOVED, datetime.now(UTC), {"from": old, "to": new}, before, old, new)


def _retirement(now: datetime, one: Sighting, reason: str) -> Event:
    claim = one.claim
    payload = {"claim_id": claim.id, "address": claim.address, "source": claim.source, "reason": reason}
    return _event(RETIRED, now, payload, one.last_event, claim.id, claim.address, reason)


def _event(kind: str, now: datetime, payload: dict[str, Any], *identity: Any) -> Event:
    return Event(f"{kind}:{json_digest(identity)}", RESEARCH, kind, now, payload)
