"""What becomes of a failed run: one event a failure, and an alert to the owners once it is worth their attention.

A permanent failure is told at once, a transient one from the third in a row of the same job and mall, or once the job
has not succeeded for a day: what runs once a week would be silent for three. Told once: then again when the error is
another, or a day has passed. The first success after told failures is told once. A failure that comes and goes, five
times within a day with successes in between, is told as such, and then neither it nor its recoveries for a day.
A run that carries a batch of malls is a failure of each mall that failed in it, and one alert that names them.

Does not belong here: reading Dagster (`sensors/failures.py`), which error is permanent (`trouble.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
HANGING: Final = "run.hanging"
THRESHOLD: Final = {"permanent": 1, "transient": 3}
"""Failures in a row of a job and mall from which its owners are told."""
REMIND: Final = timedelta(hours=24)
OFTEN: Final = 5
"""Times within `REMIND` that a job begins to fail for a mall, from which that comes and goes."""
HANGS: Final = timedelta(hours=3)
"""How long a run may be at work before somebody looks: others may wait for it, the alerts' own runs among them."""
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
        of_batch: whether the run carried other malls too.
        good_at: when the last of those that succeeded ended; None when none is known.
    """

    job: str
    mall_id: str
    run_id: str
    steps: tuple[FailedStep, ...]
    trouble: "Trouble"
    before: tuple[bool, ...] = ()
    of_batch: bool = False
    good_at: datetime | None = None

    @property
    def event_id(self) -> str:
        """The id of its event."""
        return failure_id(self.run_id, self.mall_id) if self.of_batch else f"{FAILED}:{self.run_id}"

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
    if log.known(run.event_id):
        return False
    told = _due(log, run, now)
    if told:
        for owner in run.owners:
            to.notify(FAILED, run.mall_id, owner, _title(run, _often(log, run, now)), _lines(run, owner))
    log.append([_event(log, run, told, now)])
    return told


def failure_id(run_id: str, mall_id: str) -> str:
    """The id of the event of a mall that failed in a run which carried a batch."""
    return f"{FAILED}:{run_id}:{mall_id}"


def tell_batch(
    log: "EventLog", to: "Notifier", runs: Iterable[FailedRun], *, now: datetime | None = None
) -> list[str]:
    """As `tell_failure` for malls that failed in one run: an event each, one alert an owner. Gives those told of."""
    now = now or datetime.now(UTC)
    fresh = [run for run in runs if not log.known(run.event_id)]
    told = {run.mall_id: run for run in fresh if _due(log, run, now)}
    for owner in sorted({o for run in told.values() for o in run.owners}):
        mine = [run for run in told.values() if owner in run.owners]
        if len(mine) == 1:
            title = _title(mine[0], _often(log, mine[0], now))
            to.notify(FAILED, mine[0].mall_id, owner, title, _lines(mine[0], owner))
            continue
        title = f"실행 실패: {mine[0].job} · 쇼핑몰 {len(mine)}곳"
        to.notify(FAILED, OPERATIONS_MALL, owner, title, [*_by_trouble(mine), _where(mine[0].run_id)])
    log.append([_event(log, run, run.mall_id in told, now) for run in fresh])
    return sorted(told)


def tell_success(
    log: "EventLog", to: "Notifier", job: str, mall_id: str, run_id: str, *,
    ended_after: Callable[[str], bool] = lambda _: True, now: datetime | None = None,
) -> bool:  # fmt: skip
    """Log that a job of a mall works again, and tell those who were told that it did not. False: it never failed.

    Args:
        ended_after: whether this run ended after the failed one of this id; successes may be heard of late.
    """
    found = _recovery(log, job, mall_id, run_id, now or datetime.now(UTC))
    if found is None or not ended_after(found[1]):
        return False
    event, _ = found
    lines = [f"실패 {event.payload['failures']}회 뒤에 성공했습니다.", f"실행: {run_id}"]
    for owner in event.payload["owners"]:
        to.notify(RECOVERED, mall_id, owner, f"복구됨: {job} · {_mall(mall_id)}", lines)
    return bool(log.append([event]))


def tell_batch_success(
    log: "EventLog", to: "Notifier", job: str, malls: Iterable[str], run_id: str, *,
    ended_after: Callable[[str], bool] = lambda _: True, now: datetime | None = None,
) -> list[str]:  # fmt: skip
    """As `tell_success` for malls that one run did: an event each, one alert an owner. Gives those that recovered."""
    now = now or datetime.now(UTC)
    ended = (_recovery(log, job, mall_id, run_id, now) for mall_id in malls)
    found = [event for event, last in filter(None, ended) if ended_after(last)]
    for owner in sorted({o for e in found for o in e.payload["owners"]}):
        mine = [e for e in found if owner in e.payload["owners"]]
        said = [f"{e.mall_id}({e.payload['failures']}회)" for e in mine]
        lines = [f"- {', '.join(said[first : first + _STEPS])}" for first in range(0, len(said), _STEPS)]
        of, title = (OPERATIONS_MALL, f"쇼핑몰 {len(mine)}곳") if len(mine) > 1 else (mine[0].mall_id,) * 2
        lines = ["실패 뒤에 성공했습니다(실패한 횟수):", *lines, f"실행: {run_id}"]
        to.notify(RECOVERED, of, owner, f"복구됨: {job} · {title}", lines)
    log.append(found)
    return [e.mall_id for e in found]


def tell_hanging(
    log: "EventLog", to: "Notifier", job: str, mall_id: str, run_id: str, *, since: datetime,
    now: datetime | None = None,
) -> bool:  # fmt: skip
    """Log and tell, once a run, that it has been at work since `since`, which is too long. Returns whether it was."""
    now, event_id = now or datetime.now(UTC), f"{HANGING}:{run_id}"
    if now - since < HANGS or log.known(event_id):
        return False
    hours = int(HANGS.total_seconds() // 3600)
    lines = [
        f"{hours}시간이 넘도록 끝나지 않았고, 뒤의 실행이 기다리고 있을 수 있습니다.",
        "처음 적재처럼 오래 걸리는 일이면 두고, 멈춘 것이면 Dagster UI(`cafe24 ui`)에서 Terminate로 끝내십시오.",
        _where(run_id),
    ]
    to.notify(HANGING, mall_id, DATA_TEAM, f"끝나지 않는 실행: {job} · {_mall(mall_id)}", lines)
    payload = {"job": job, "run_id": run_id, "since": since.isoformat(timespec="seconds")}
    return bool(log.append([Event(event_id, mall_id, HANGING, now, payload)]))


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


def _often(log: "EventLog", run: FailedRun, now: datetime) -> int:
    """How often the job began to fail for the mall within a day, this time too, if that comes and goes; else 0."""
    if run.in_a_row >= THRESHOLD["transient"]:
        return 0
    times = 1 + sum(e.type == RECOVERED for e in _of_day(log, run, now))
    return times if times >= OFTEN else 0


def _of_day(log: "EventLog", run: FailedRun, now: datetime) -> list[Event]:
    latest = log.latest(run.mall_id, (FAILED, RECOVERED), _LOOK_BACK)
    return [e for e in latest if e.payload["job"] == run.job and now - e.occurred_at < REMIND]


def _due(log: "EventLog", run: FailedRun, now: datetime) -> bool:
    if _often(log, run, now):
        said = [e for e in _of_day(log, run, now) if e.payload.get("often")]
        return not any(e.payload["told"] and e.payload["error"] == run.worst.name for e in said)
    rare = run.good_at is not None and now - run.good_at >= REMIND
    return (rare or run.in_a_row >= THRESHOLD[run.worst.kind]) and not _told_already(log, run, now)


def _event(log: "EventLog", run: FailedRun, told: bool, now: datetime) -> Event:
    worst = run.worst
    payload = {
        "job": run.job, "run_id": run.run_id, "kind": worst.kind, "error": worst.name, "message": worst.words,
        "in_a_row": run.in_a_row, "owners": list(run.owners), "steps": [s.step for s in run.steps[:_STEPS]],
        "told": told, "often": _often(log, run, now),
    }  # fmt: skip
    return Event(run.event_id, run.mall_id, FAILED, now, payload)


def _recovery(log: "EventLog", job: str, mall_id: str, run_id: str, now: datetime) -> tuple[Event, str] | None:
    """The event of the end of a mall's failures, and the last run that failed; None when there were none."""
    streak = _streak(log, job, mall_id)
    if not streak:
        return None
    event_id = f"{RECOVERED}:{streak[0].event_id.removeprefix(f'{FAILED}:')}"
    if log.known(event_id):
        return None
    told = [e for e in streak if e.payload["told"] and not e.payload.get("often")]
    owners = sorted({o for e in told for o in e.payload["owners"]})
    payload = {"job": job, "run_id": run_id, "failures": len(streak), "owners": owners, "told": bool(told)}
    return Event(event_id, mall_id, RECOVERED, now, payload), str(streak[0].payload["run_id"])


def _title(run: FailedRun, often: int = 0) -> str:
    counted = f"하루에 {often}회, 되풀이됨" if often else f"연속 {run.in_a_row}회"
    return f"실행 실패: {run.job} · {_mall(run.mall_id)} ({_KINDS_KO[run.worst.kind]}, {counted})"


def _lines(run: FailedRun, owner: str) -> Sequence[str]:
    mine = [s for s in run.steps if owner in s.owners] or list(run.steps)
    lines = [f"{s.step}: {_said(s.trouble)}" for s in mine[:_STEPS]] or [_said(run.trouble)]
    return [*lines, _where(run.run_id)]


def _by_trouble(runs: Iterable[FailedRun]) -> Iterator[str]:
    """Every mall of a batch under its kind of error, some to a line: an alert has few lines and names them all.

    The words are those of the first; the run has the others'.
    """
    errors: dict[tuple[str, str], list[FailedRun]] = {}
    for run in runs:
        errors.setdefault((run.worst.name, run.worst.kind), []).append(run)
    for _, mine in sorted(errors.items()):
        more = " …" if len({run.worst.words for run in mine}) > 1 else ""
        yield f"{_said(mine[0].worst)}{more} ({_KINDS_KO[mine[0].worst.kind]})"
        for first in range(0, len(mine), _STEPS):
            yield f"- {', '.join(run.mall_id for run in mine[first : first + _STEPS])}"


def _said(trouble: "Trouble") -> str:
    return f"{trouble.name} — {trouble.words}" if trouble.words else trouble.name


def _where(run_id: str) -> str:
    return f"실행 기록: Dagster UI → Runs → {run_id}"


def _mall(mall_id: str) -> str:
    return "전체" if mall_id == OPERATIONS_MALL else mall_id
