"""Health over time: each check is an event, so the trend outlives every rebuild of the graph.

The event log is the only place where it is kept. A check that finds the same of the same build adds nothing: an
event's id follows from its content and from the event before it, so two processes at once add it once, and a build
that comes back after another is told again. Events hold scores and counts, never rows.

Does not belong here: checking.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology.health_report import NOTES, Health

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import Event, EventLog

HEALTH_CHECKED: Final = "ontology.health_checked"
DROP: Final = 5.0
"""A score that falls by more points than this against the build before is worth a warning."""
FLOOR: Final = 80.0
"""So is a score below this."""


@dataclass(frozen=True)
class HealthPoint:
    """What a check found, as the event log keeps it: `violations` counts rows by shape, notes left out."""

    at: datetime
    build_id: str
    digest: str
    score: float
    parts: dict[str, float]
    nodes: int
    relationships: int
    violations: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**vars(self), "at": self.at.isoformat()}


@dataclass(frozen=True)
class Trend:
    """All checks, oldest first, and how the latest score differs from earlier ones (None: there is none that old).

    `since_last_build` compares with what was last found of another build; `over_7_days` and `over_30_days` with the
    score that stood at that time.
    """

    points: list[HealthPoint]
    since_last_build: float | None = None
    over_7_days: float | None = None
    over_30_days: float | None = None

    @property
    def alarm(self) -> str:
        """Why the latest score is worth a warning, in Korean; "" if it isn't."""
        if not self.points:
            return ""
        score, fallen = self.points[-1].score, -(self.since_last_build or 0.0)
        if score < FLOOR:
            return f"점수 {score:g}점이 기준 {FLOOR:g}점보다 낮습니다"
        return f"이전 빌드보다 {fallen:g}점 떨어졌습니다 (기준 {DROP:g}점)" if fallen > DROP else ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        changes = {name: getattr(self, name) for name in ("since_last_build", "over_7_days", "over_30_days")}
        return {**changes, "points": [p.to_json() for p in self.points]}


def record(log: "EventLog", health: Health, *, now: datetime | None = None) -> bool:
    """Append what was found to the event log; returns False if the latest event already says the same.

    Args:
        log: the installation's event log.
        health: what was found.
        now: when (aware; default: this moment).
    """
    from cafe24_pipelines.stores.digest import json_digest
    from cafe24_pipelines.stores.events import Event

    payload = payload_of(health)
    latest = max(_events(log, health.mall_id), key=lambda event: event.seq, default=None)
    if latest and latest.payload == payload:
        return False
    event_id = json_digest([HEALTH_CHECKED, health.mall_id, payload, latest.event_id if latest else ""])
    return bool(log.append([Event(event_id, health.mall_id, HEALTH_CHECKED, now or datetime.now(UTC), payload)]))


def trend(log: "EventLog", mall_id: str, *, now: datetime | None = None) -> Trend:
    """Every check of a mall and how its score moved; `now` (aware) is what 7 and 30 days are counted back from."""
    points = [_point(e) for e in _events(log, mall_id)]
    if not points:
        return Trend([])
    now, latest = now or datetime.now(UTC), points[-1]
    others = [p for p in points if p.build_id != latest.build_id]
    return Trend(
        points,
        _change(latest, others),
        _change(latest, [p for p in points if p.at <= now - timedelta(days=7)]),
        _change(latest, [p for p in points if p.at <= now - timedelta(days=30)]),
    )


def _change(latest: HealthPoint, before: list[HealthPoint]) -> float | None:
    return round(latest.score - before[-1].score, 1) if before else None


def payload_of(health: Health) -> dict[str, Any]:
    """What an event holds of a check: scores and counts, no rows and no notes."""
    return {
        "build_id": health.build_id,
        "digest": health.digest,
        "score": health.score,
        "parts": dict(health.parts),
        "nodes": health.nodes,
        "relationships": health.relationships,
        "violations": {v.shape: v.count for v in health.violations if v.part != NOTES},
    }


def _point(event: "Event") -> HealthPoint:
    return HealthPoint(at=event.occurred_at, **event.payload)


def _events(log: "EventLog", mall_id: str) -> "Iterator[Event]":
    """Every check of a mall in the log, oldest first."""
    after = 0
    while page := log.read(mall_id, types=(HEALTH_CHECKED,), after=after):
        yield from page
        after = page[-1].seq
