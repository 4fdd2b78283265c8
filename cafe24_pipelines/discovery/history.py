"""What became of every finding: first seen, measured again, confirmed, retracted; all of it events, read back here.

A run logs an observation of a pattern when its status or numbers differ from the last one, and a retraction when a
confirmed pattern is confirmed no longer, whatever the reason. Event ids follow from the event before and from the
numbers, so a run that is repeated, or was killed after logging, logs nothing twice. Does not belong here: judging
findings (see `run.py`), or telling people (see `insights.py`).
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.events import Event, EventLog

DISCOVERED: Final = "pattern.discovered"
LACKING: Final = "pattern.lacking"
OBSERVED: Final = "pattern.observed"
RETRACTED: Final = "pattern.retracted"
_TYPES: Final = (DISCOVERED, LACKING, OBSERVED, RETRACTED)
_PAGE: Final = 1000

_REASONS_KO: Final = {
    "tentative": "새 자료에서는 확정 조건을 모두 통과하지 못했습니다.",
    "insufficient_data": "지금 자료로는 표본이 모자랍니다.",
    "absent": "새 자료에서는 더 이상 나타나지 않습니다.",
}


@dataclass(frozen=True)
class Observation:
    """One measurement of a pattern: what a run said, from data up to `as_of` (local date, ISO), at `at` (UTC ISO)."""

    at: str
    as_of: str
    title: str
    status: str
    effect: Effect
    p: float | None
    q: float | None
    n: int
    query: str
    language: str
    action: str


@dataclass(frozen=True)
class Retraction:
    """A confirmed pattern that a run could not confirm: when (UTC ISO), and why (a key of `_REASONS_KO`)."""

    at: str
    reason: str

    @property
    def text(self) -> str:
        """The reason in Korean."""
        return f"전에 확정했던 패턴을 철회합니다: {_REASONS_KO[self.reason]}"


@dataclass
class PatternHistory:
    """All that is known of one pattern. `retracted` is set while the last word on a once confirmed pattern is no."""

    pattern_id: str
    detector: str
    kind: str
    discovered_at: str = ""
    lacking_at: str = ""
    observations: list[Observation] = field(default_factory=list)
    retractions: list[Retraction] = field(default_factory=list)
    retracted: Retraction | None = None
    last_event: str = ""

    def to_json(self) -> dict[str, Any]:
        """All of it, oldest first."""
        return {
            "id": self.pattern_id, "detector": self.detector, "kind": self.kind,
            "discovered_at": self.discovered_at or self.lacking_at, "retracted": self.retracted is not None,
            "observations": [asdict(one) for one in self.observations],
            "retractions": [{"at": one.at, "reason": one.reason, "text": one.text} for one in self.retractions],
        }  # fmt: skip

    @property
    def confirmed(self) -> Observation | None:
        """The last observation that was confirmed."""
        return next((one for one in reversed(self.observations) if one.status == "confirmed"), None)


def pattern_histories(events: EventLog, mall_id: str) -> dict[str, PatternHistory]:
    """The history of every pattern of a mall, by id, rebuilt from its events."""
    found: dict[str, PatternHistory] = {}
    after = 0
    while page := events.read(mall_id, types=_TYPES, after=after, limit=_PAGE):
        for event in page:
            _apply(found, event)
        after = page[-1].seq
    return found


def remember(
    events: EventLog, mall_id: str, patterns: Iterable[Pattern], as_of: date | None
) -> dict[str, PatternHistory]:
    """Log what is new in these patterns against what is known; returns all histories, these included.

    Args:
        events: the log.
        mall_id: whose.
        patterns: all that a run found; a confirmed pattern that is not among them is retracted.
        as_of: last local day of the data.
    """
    known, current = pattern_histories(events, mall_id), list(patterns)
    now = datetime.now(UTC)
    new = [e for p in current for e in _news(mall_id, p, known.get(p.id), as_of, now)]
    present = {p.id for p in current}
    for one in known.values():
        if one.pattern_id not in present and one.confirmed and not one.retracted:
            new.append(_retraction(mall_id, one, "absent", now))
    return pattern_histories(events, mall_id) if new and events.append(new) else known


def told(patterns: Iterable[Pattern], histories: dict[str, PatternHistory]) -> list[Pattern]:
    """The patterns with their dates, retracted ones marked, and those that were retracted because they vanished."""
    current = {p.id: _dated(p, histories[p.id]) for p in patterns}
    gone = [h for h in histories.values() if h.retracted and h.pattern_id not in current]
    return [*current.values(), *(_vanished(h, h.retracted) for h in gone if h.retracted)]


# -- inside --------------------------------------------------------------------------------------------------


def _apply(found: dict[str, PatternHistory], event: Event) -> None:
    """Take one event into the histories."""
    value, at = event.payload, event.occurred_at.astimezone(UTC).isoformat()
    one = found.setdefault(value["pattern_id"], PatternHistory(value["pattern_id"], value["detector"], value["kind"]))
    if event.type == DISCOVERED:
        one.discovered_at = one.discovered_at or at
    elif event.type == LACKING:
        one.lacking_at = one.lacking_at or at
    elif event.type == OBSERVED:
        one.observations.append(Observation(at, effect=Effect(**value["effect"]), **value["seen"]))
        if one.observations[-1].status == "confirmed":
            one.retracted = None
        one.last_event = event.event_id
    else:
        one.retracted = Retraction(at, value["reason"])
        one.retractions.append(one.retracted)
        one.last_event = event.event_id


def _news(
    mall_id: str, pattern: Pattern, known: PatternHistory | None, as_of: date | None, now: datetime
) -> list[Event]:
    """Events that this pattern adds to its history: none when it is as it was."""
    history = known or PatternHistory(pattern.id, pattern.detector, pattern.kind)
    lacking = pattern.status == "insufficient_data"
    new = []
    if not (history.lacking_at if lacking else history.discovered_at):
        # Lacking data is reported, not discovered: what is found later under the same id gets its own date.
        event_id = f"{pattern.id}:lacking" if lacking else pattern.id
        new.append(_event(event_id, mall_id, LACKING if lacking else DISCOVERED, history, now, status=pattern.status))
    seen, last = _seen(pattern, as_of), history.observations[-1] if history.observations else None
    unmeasured = lacking and last is None  # that data lack is said once; it is no measurement
    back = history.retracted is not None and pattern.status == "confirmed"
    if not unmeasured and (last is None or back or _numbers(last) != _numbers_of(pattern)):
        event_id = f"{pattern.id}:observed:{json_digest([history.last_event, seen, pattern.to_json()['effect']])}"
        new.append(_event(event_id, mall_id, OBSERVED, history, now, seen=seen, effect=pattern.to_json()["effect"]))
        history = replace(history, last_event=event_id)
    if pattern.status != "confirmed" and history.confirmed and not history.retracted:
        new.append(_retraction(mall_id, history, pattern.status, now))
    return new


def _retraction(mall_id: str, history: PatternHistory, reason: str, now: datetime) -> Event:
    event_id = f"{history.pattern_id}:retracted:{json_digest([history.last_event, reason])}"
    return _event(event_id, mall_id, RETRACTED, history, now, reason=reason)


def _event(event_id: str, mall_id: str, kind: str, history: PatternHistory, now: datetime, **payload: Any) -> Event:
    about = {"pattern_id": history.pattern_id, "detector": history.detector, "kind": history.kind}
    return Event(event_id, mall_id, kind, now, {**about, **payload})


def _seen(pattern: Pattern, as_of: date | None) -> dict[str, Any]:
    return {
        "as_of": as_of.isoformat() if as_of else "", "title": pattern.title, "status": pattern.status,
        "p": pattern.p, "q": pattern.q, "n": pattern.n, "action": pattern.action,
        "query": pattern.evidence.query, "language": pattern.evidence.language,
    }  # fmt: skip


def _numbers(seen: Observation) -> tuple[Any, ...]:
    return seen.status, seen.effect, seen.p, seen.q, seen.n


def _numbers_of(pattern: Pattern) -> tuple[Any, ...]:
    return pattern.status, pattern.effect, pattern.p, pattern.q, pattern.n


def _dated(pattern: Pattern, history: PatternHistory) -> Pattern:
    lacking = pattern.status == "insufficient_data"
    dated = replace(pattern, discovered_at=history.lacking_at if lacking else history.discovered_at)
    if history.retracted is None:
        return dated
    return replace(
        dated,
        title=f"[철회] {dated.title.partition('] ')[2] or dated.title}",
        summary=f"{history.retracted.text} {dated.summary}",
        retracted_at=history.retracted.at,
    )


def _vanished(history: PatternHistory, retraction: Retraction) -> Pattern:
    """A retracted pattern that no detector reports any more: its last confirmed numbers, and that they don't hold."""
    last = history.confirmed
    if last is None:
        raise ValueError(f"pattern {history.pattern_id} was retracted but never confirmed")
    return Pattern(
        id=history.pattern_id, detector=history.detector, kind=history.kind, title=f"[철회] {last.title}",
        status="tentative", effect=last.effect, p=None, q=None, n=last.n,
        evidence=Evidence(last.query, [], last.language),
        action="이 패턴에 맞추어 하던 일이 있으면 멈추고 다시 살펴보세요.",
        discovered_at=history.discovered_at, retracted_at=retraction.at,
        summary=f"{retraction.text} 수치는 마지막으로 확정된 때({last.as_of})의 것입니다.",
    )  # fmt: skip
