"""What becomes of a failed run: one event a failure, and an alert to the owners once it is worth their attention.

A permanent failure is told at once, a transient one from the third in a row of the same job and mall. Told once: then
again when the error is another, or a day has passed. The first success after told failures is told once.

Does not belong here: reading Dagster (`sensors/failures.py`), which error is permanent (`trouble.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.names import DATA_TEAM, OPERATIONS_MALL
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.operations.notify import Notifier
    from cafe24_pipelines.operations.trouble import Trouble
    from cafe24_pipelines.stores.events import EventLog

FAILED: Final = "run.failed"
RECOVERED: Final = "run.recovered"
THRESHOLD: Final = {"permanent": 1, "transient": 3}
"""Failures in a row of a job and mall from which its owners are told."""
REMIND: Final = timedelta(hours=24)
_LOOK_BACK: Final = 200
_STEPS: Final = 10
_KINDS_KO: Final = {"permanent": "사람이 고쳐야 함", "transient": "일시적 오류"}


@dataclass(frozen=True)
class FailedStep:
    """A step that failed: its name, the teams of its assets, and what was wrong."""

    step: str
    owners: tuple[str, ...]
    trouble: "Trouble"


@dataclass(frozen=True)
class FailedRun:
    """A run that failed.

    Args:
        mall_id: the mall of its partition; `OPERATIONS_MALL` when it has none.
        steps: the steps that failed; none when the run's process died.
        trouble: the run's own error, for a run without a failed step.
        before: how the earlier runs of this job and mall ended, newest first (True: success).
    """

    job: str
    mall_id: str
    run_id: str
    steps: tuple[FailedStep, ...]
    trouble: "Trouble"
    before: tuple[bool, ...] = ()

    @property
    def worst(self) -> "Trouble":
        """The trouble that decides: a permanent one, where there is one."""
        found = [s.trouble for s in self.steps] or [self.trouble]
        return next((t for t in found if t.kind == "permanent"), found[0])

    @property
    def in_a_row(self) -> int:
        """Failures of this job and mall up to this one."""
        return 1 + next((i for i, success in enumerate(self.before) if success), len(self.before))

    @property
    def owners(self) -> tuple[str, ...]:
        """The teams to tell, each once; the data team when a run's process died before any step."""
        return tuple(sorted({o for s in self.steps for o in s.owners})) or (DATA_TEAM,)


def tell_failure(log: "EventLog", to: "Notifier", run: FailedRun, *, now: datetime | None = None) -> bool:
    """Log a failed run, and tell its owners if that is due. Returns whether they were told.

    The same run again changes nothing. The alert goes out before the event is logged: what dies in between may be
    told twice, never not at all.
    """
    now = now or datetime.now(UTC)
    event_id = f"{FAILED}:{run.run_id}"
    if log.known(event_id):
        return False
    worst, due = run.worst, run.in_a_row >= THRESHOLD[run.worst.kind]
    told = due and not _told_already(log, run, now)
    if told:
        for owner in run.owners:
            to.notify(FAILED, run.mall_id, owner, _title(run), _lines(run, owner))
    payload = {
        "job": run.job, "run_id": run.run_id, "kind": worst.kind, "error": worst.name, "message": worst.words,
        "in_a_row": run.in_a_row, "owners": list(run.owners), "steps": [s.step for s in run.steps[:_STEPS]],
        "told": told,
    }  # fmt: skip
    log.append([Event(event_id, run.mall_id, FAILED, now, payload)])
    return told


def tell_success(
    log: "EventLog", to: "Notifier", job: str, mall_id: str, run_id: str, *,
    ended_after: Callable[[str], bool] = lambda _: True, now: datetime | None = None,
) -> bool:  # fmt: skip
    """Log that a job of a mall works again, and tell those who were told that it did not. False: it never failed.

    Args:
        ended_after: whether this run ended after the failed one of this id; successes may be heard of late.
    """
    now = now or datetime.now(UTC)
    streak = _streak(log, job, mall_id)
    if not streak or not ended_after(streak[0].payload["run_id"]):
        return False
    event_id = f"{RECOVERED}:{streak[0].event_id.removeprefix(f'{FAILED}:')}"
    if log.known(event_id):
        return False
    told = [e for e in streak if e.payload["told"]]
    owners = sorted({o for e in told for o in e.payload["owners"]})
    lines = [f"실패 {len(streak)}회 뒤에 성공했습니다.", f"실행: {run_id}"]
    for owner in owners:
        to.notify(RECOVERED, mall_id, owner, f"복구됨: {job} · {_mall(mall_id)}", lines)
    payload = {"job": job, "run_id": run_id, "failures": len(streak), "owners": owners, "told": bool(told)}
    return bool(log.append([Event(event_id, mall_id, RECOVERED, now, payload)]))


def failing(log: "EventLog", malls: Iterable[str]) -> list[dict[str, Any]]:
    """Jobs whose last word is a failure, mall by mall: the payload of the last one, with `mall` and `at`."""
    found = []
    for mall_id in sorted({*malls, OPERATIONS_MALL}):
        last: dict[str, Event] = {}
        for event in log.latest(mall_id, (FAILED, RECOVERED), _LOOK_BACK):
            last.setdefault(event.payload["job"], event)
        found += [
            {**e.payload, "mall": mall_id, "at": e.occurred_at.isoformat()}
            for _, e in sorted(last.items())
            if e.type == FAILED
        ]
    return found


def _streak(log: "EventLog", job: str, mall_id: str) -> list[Event]:
    """The failures since the last recovery, newest first."""
    found = []
    for event in log.latest(mall_id, (FAILED, RECOVERED), _LOOK_BACK):
        if event.payload["job"] != job:
            continue
        if event.type == RECOVERED:
            break
        found.append(event)
    return found


def _told_already(log: "EventLog", run: FailedRun, now: datetime) -> bool:
    """Whether this streak was told with the same error within a day; a streak is no longer than `in_a_row` says."""
    streak = _streak(log, run.job, run.mall_id)[: run.in_a_row - 1]
    said = next((e for e in streak if e.payload["told"]), None)
    return said is not None and said.payload["error"] == run.worst.name and now - said.occurred_at < REMIND


def _title(run: FailedRun) -> str:
    return f"실행 실패: {run.job} · {_mall(run.mall_id)} ({_KINDS_KO[run.worst.kind]}, 연속 {run.in_a_row}회)"


def _lines(run: FailedRun, owner: str) -> Sequence[str]:
    mine = [s for s in run.steps if owner in s.owners] or list(run.steps)
    lines = [f"{s.step}: {s.trouble.name}{f' — {s.trouble.words}' if s.trouble.words else ''}" for s in mine[:_STEPS]]
    if not run.steps:
        lines = [f"{run.trouble.name}{f' — {run.trouble.words}' if run.trouble.words else ''}"]
    return [*lines, f"실행 기록: Dagster UI → Runs → {run.run_id}"]


def _mall(mall_id: str) -> str:
    return "전체" if mall_id == OPERATIONS_MALL else mall_id
