"""What happened to a mall between two moments, from the event log: findings, feedback, research, alarms, failures.

Counts and titles only. A finding's state at a moment is replayed from its history, so that "held", "broke" and "new"
mean the same whenever it is asked. Does not belong here: words (`day.py`, `week_text.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.feedback import VERDICTS, all_feedback
from cafe24_pipelines.operations.failures import FAILED
from cafe24_pipelines.operations.failures import RECOVERED as RUNS_AGAIN
from cafe24_pipelines.research.comparison import ALERT as RESEARCH_ALERT
from cafe24_pipelines.watch.churn_signal import REFITTED, SIGNALLED
from cafe24_pipelines.watch.ontology_alarm import ALARM, RECOVERED

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.history import PatternHistory
    from cafe24_pipelines.stores.events import Event, EventLog

_TYPES: Final = (ALARM, RECOVERED, SIGNALLED, REFITTED, FAILED, RUNS_AGAIN, RESEARCH_ALERT)


@dataclass(frozen=True)
class Finding:
    """A finding by its id and title; why it was retracted; whether it was measured between the moments."""

    id: str
    title: str
    reason: str = ""
    measured: bool = False


@dataclass(frozen=True)
class News:
    """What happened in [start, end). `events` holds the mall's events by type, oldest first."""

    start: datetime
    end: datetime
    new: list[Finding]
    broke: list[Finding]
    held: list[Finding]
    feedback: dict[str, int]
    claims: int
    events: "dict[str, list[Event]]" = field(default_factory=dict)

    def of(self, kind: str) -> "list[Event]":
        """The events of one type."""
        return self.events.get(kind, [])

    @property
    def quiet(self) -> bool:
        """Whether nothing happened that a person must know."""
        told = (self.new, self.broke, *(self.of(kind) for kind in (ALARM, SIGNALLED, FAILED, RESEARCH_ALERT)))
        return not any(told) and not self.feedback["negative"] and not self.feedback["correction"]


def news(log: "EventLog", mall_id: str, start: datetime, end: datetime) -> News:
    """What happened to a mall in [start, end), both aware; web research is one for all malls."""
    from cafe24_pipelines.discovery.history import pattern_histories
    from cafe24_pipelines.research.book import CLAIMED, RESEARCH

    new, broke, held = _findings(pattern_histories(log, mall_id), start, end)
    feedback = dict.fromkeys(VERDICTS, 0)
    for one in all_feedback(log, mall_id):
        if one.at and start <= one.at < end:
            feedback[one.verdict] += 1
    by_type: dict[str, list[Event]] = {}
    for event in between(log, mall_id, _TYPES, start, end):
        by_type.setdefault(event.type, []).append(event)
    claims = sum(1 for _ in between(log, RESEARCH, (CLAIMED,), start, end))
    return News(start, end, new, broke, held, feedback, claims, by_type)


def between(
    log: "EventLog", mall_id: str, types: tuple[str, ...], start: datetime, end: datetime
) -> "Iterator[Event]":
    """The mall's events of these types that occurred in [start, end), in the order of the log."""
    return (e for e in log.read_all(mall_id, types=types) if start <= e.occurred_at < end)


# -- inside --------------------------------------------------------------------------------------------------


def _findings(
    histories: "dict[str, PatternHistory]", start: datetime, end: datetime
) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Findings that are new, broke and held between two moments."""
    new: list[Finding] = []
    broke: list[Finding] = []
    held: list[Finding] = []
    for _, one in sorted(histories.items()):
        before, after = _state(one, start), _state(one, end)
        if after == "confirmed":
            measured = any(start <= _at(o.at) < end for o in one.observations)
            finding = Finding(one.pattern_id, _title(one, end), measured=measured)
            (held if before == "confirmed" else new).append(finding)
        elif after == "retracted":
            last = [r for r in one.retractions if _at(r.at) < end][-1]
            if _at(last.at) >= start:
                broke.append(Finding(one.pattern_id, _title(one, end), last.text))
    return new, broke, held


def _state(one: "PatternHistory", moment: datetime) -> str:
    """`confirmed`, `retracted` or "" before a moment: the later of the last confirmation and the last retraction."""
    confirmed = [_at(o.at) for o in one.observations if o.status == "confirmed" and _at(o.at) < moment]
    retracted = [_at(r.at) for r in one.retractions if _at(r.at) < moment]
    if not confirmed:
        return ""
    return "retracted" if retracted and max(retracted) > max(confirmed) else "confirmed"


def _title(one: "PatternHistory", moment: datetime) -> str:
    """The title it was last confirmed under before a moment, on one line."""
    titles = [o.title for o in one.observations if o.status == "confirmed" and _at(o.at) < moment]
    return " ".join(titles[-1].split()) if titles else ""


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def finding_rows(found: list[Finding]) -> list[dict[str, Any]]:
    """Findings as plain values."""
    return [{"id": one.id, "title": one.title, **({"reason": one.reason} if one.reason else {})} for one in found]
