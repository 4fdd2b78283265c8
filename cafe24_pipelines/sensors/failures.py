"""Runs that failed, and runs that work again: what Dagster knows of them, handed to `operations/failures.py`.

Two upkeep sensors, no workflows. Neither starts a run, and neither fails on its own trouble: a failure sensor that
fails would be told by nobody. Both run as soon as the daemon does. Does not belong here: thresholds, wording, sinks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from cafe24_pipelines.names import DATA_TEAM, OPERATIONS_MALL
from cafe24_pipelines.operations.trouble import Link, Trouble, judge
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.run_history import BATCH_TAG, FAILED_MALLS, MALL_TAG, PARTITION, carried, made_in

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

LOOK_BACK: Final = 12
"""Earlier runs of a job and mall that a streak is counted over; retries of one run count once."""
BATCHES: Final = 8
"""Batches of a tick that are looked through for the one that carried a mall."""

# Tags that Dagster documents; their constants are private.
_MALL: Final = f"{PARTITION}/mall"
_ROOT: Final = "dagster/root_run_id"
_RETRIED: Final = "dagster/will_retry"


@dg.run_failure_sensor(
    name="run_failures",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="When a run failed: logs it, and tells the owners (permanent at once, transient from the third).",
)
def run_failures(context: dg.RunFailureSensorContext, events: EventsResource) -> None:
    """One event a failed run, or a mall that failed in a batch; its owners are told when that is due."""
    from cafe24_pipelines.operations.failures import tell_batch, tell_batch_success, tell_failure
    from cafe24_pipelines.operations.notify import notifier

    try:
        run = context.dagster_run
        if run.tags.get(_RETRIED) == "true":
            return  # the run that follows says how it ended
        log, to = events.log(), notifier(events.settings())
        if not carried(run):
            tell_failure(log, to, failed_run(context))
            return
        tell_batch(log, to, failed_malls(context, log))
        tell_batch_success(
            log, to, run.job_name, sorted(made_in(context.instance, run.run_id)), run.run_id,
            ended_after=lambda failed: ended_after(context.instance, run.run_id, failed),
        )  # fmt: skip
    except Exception as e:
        context.log.exception(f"a failed run could not be told: {type(e).__name__}")


@dg.run_status_sensor(
    name="run_recoveries",
    run_status=dg.DagsterRunStatus.SUCCESS,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="When a job that failed succeeds again for a mall: logs it, and tells those who were told, once.",
)
def run_recoveries(context: dg.RunStatusSensorContext, events: EventsResource) -> None:
    """One event a recovery."""
    from cafe24_pipelines.operations.failures import tell_batch_success, tell_success
    from cafe24_pipelines.operations.notify import notifier

    try:
        run = context.dagster_run
        log, to = events.log(), notifier(events.settings())

        def later(failed: str) -> bool:
            return ended_after(context.instance, run.run_id, failed)

        if carried(run):
            made = sorted(made_in(context.instance, run.run_id))
            tell_batch_success(log, to, run.job_name, made, run.run_id, ended_after=later)
        else:
            tell_success(log, to, run.job_name, mall_of(run), run.run_id, ended_after=later)
    except Exception as e:
        context.log.exception(f"a recovery could not be told: {type(e).__name__}")


def failed_run(context: dg.RunFailureSensorContext) -> Any:
    """What `operations/failures.py` needs to know of the failed run."""
    from cafe24_pipelines.operations.failures import FailedRun, FailedStep

    run, owners = context.dagster_run, step_owners()
    steps = tuple(
        FailedStep(
            event.step_key or "",
            owners.get((event.step_key or "").split("[")[0], (DATA_TEAM,)),
            trouble_of(event.event_specific_data),
        )
        for event in context.get_step_failure_events()
    )
    own = trouble_of(context.failure_event.event_specific_data)
    earlier = earlier_of_mall(context.instance, run)
    before = tuple(r.status == dg.DagsterRunStatus.SUCCESS for r in earlier)
    good = good_at(context.instance, earlier, before)
    return FailedRun(run.job_name, mall_of(run), run.run_id, steps, own, before, good_at=good)


def failed_malls(context: dg.RunFailureSensorContext, log: "EventLog") -> list[Any]:
    """The malls that failed in a run which carried a batch, each as a failed run of its own.

    Those that its failure names; where it names none (its process died, or it never came to its malls), all that the
    run has not made.
    """
    from cafe24_pipelines.operations.failures import FailedRun, FailedStep

    run, events = context.dagster_run, context.get_step_failure_events()
    named = {m: t for event in events for m, t in _named(event.event_specific_data).items()}
    if not named:
        data = (events[0] if events else context.failure_event).event_specific_data
        made = made_in(context.instance, run.run_id)
        named = dict.fromkeys((m for m in carried(run) if m not in made), trouble_of(data))
    owners = step_owners().get(run.tags[BATCH_TAG], (DATA_TEAM,))
    step = next((event.step_key or "" for event in events), "")
    before, found = earlier_runs(context.instance, run, {}, LOOK_BACK * BATCHES), []
    for mall_id, trouble in sorted(named.items()):
        steps = (FailedStep(step, owners, trouble),)
        mine = [other for other in before if mall_id in carried(other)][:LOOK_BACK]
        ended = fared(log, mine, mall_id)
        good = good_at(context.instance, mine, ended)
        found.append(FailedRun(run.job_name, mall_id, run.run_id, steps, trouble, ended, of_batch=True, good_at=good))
    return found


def _named(data: Any) -> dict[str, Trouble]:
    """The malls that a step's failure names, with what was wrong."""
    told = getattr(getattr(data, "user_failure_data", None), "metadata", {}).get(FAILED_MALLS)
    return {
        mall_id: Trouble(why["kind"], why["error"], why["message"])
        for mall_id, why in (told.data if told is not None else {}).items()
    }


def fared(log: "EventLog", before: Sequence[dg.DagsterRun], mall_id: str) -> tuple[bool, ...]:
    """How a mall fared in those earlier runs that carried it, newest first: well, unless its failure is logged."""
    from cafe24_pipelines.operations.failures import failure_id

    return tuple(not log.known(failure_id(run.run_id, mall_id)) for run in before)


def mall_of(run: dg.DagsterRun) -> str:
    """The mall of a run's partition (`mall` or `mall|other`), or that it is about; else the installation's own."""
    return (
        run.tags.get(_MALL) or run.tags.get(PARTITION, "").split("|")[0] or run.tags.get(MALL_TAG) or OPERATIONS_MALL
    )


def trouble_of(data: Any) -> Trouble:
    """The verdict on the error that a failure event holds, if it holds any."""
    return judge(_links(getattr(data, "error", None)))


def _links(error: Any) -> Iterator[Link]:
    """A serialised error and its causes, the outermost first."""
    depth = 0
    while error is not None and depth < 20:
        name, depth = str(error.cls_name or ""), depth + 1
        yield Link((name.rpartition(".")[2],), re.sub(r"^[\w.]+: ", "", error.message, count=1))
        error = error.cause or getattr(error, "context", None)


def earlier_of_mall(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.DagsterRun]:
    """The latest runs of this job and mall that ended before `run`, newest first; a retried one counts once."""
    tags = {name: run.tags[name] for name in (PARTITION, MALL_TAG) if name in run.tags}
    return earlier_runs(instance, run, tags, LOOK_BACK)


def good_at(instance: dg.DagsterInstance, earlier: Sequence[dg.DagsterRun], well: Sequence[bool]) -> datetime | None:
    """When the newest of the earlier runs that went well ended; None when there is none, or nobody knows."""
    run = next((r for r, good in zip(earlier, well, strict=True) if good), None)
    record = instance.get_run_record_by_id(run.run_id) if run else None
    return datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else None


def earlier_runs(
    instance: dg.DagsterInstance, run: dg.DagsterRun, tags: Mapping[str, str], limit: int
) -> list[dg.DagsterRun]:
    """The latest runs of the job with these tags that ended before `run`, newest first; a retried one counts once."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    filters = dg.RunsFilter(job_name=run.job_name, tags=tags, statuses=ended)
    records = instance.get_run_records(filters, limit=limit)
    mine = next((r.storage_id for r in records if r.dagster_run.run_id == run.run_id), None)
    roots, found = {run.tags.get(_ROOT, run.run_id)}, list[dg.DagsterRun]()
    for record in records:
        other = record.dagster_run
        root = other.tags.get(_ROOT, other.run_id)
        if (mine is not None and record.storage_id >= mine) or root in roots:
            continue
        roots.add(root)
        found.append(other)
    return found


def ended_after(instance: dg.DagsterInstance, run_id: str, other_id: str) -> bool:
    """Whether a run ended after another; yes when the other is not known any more."""
    mine, other = (instance.get_run_record_by_id(one) for one in (run_id, other_id))
    return not (mine and other and mine.end_time and other.end_time) or mine.end_time > other.end_time


@cache
def step_owners() -> dict[str, tuple[str, ...]]:
    """Step to the teams of its assets, for every asset and check of the code location."""
    from cafe24_pipelines.assets import all_assets
    from cafe24_pipelines.checks import all_checks

    teams: dict[dg.AssetKey, set[str]] = {
        spec.key: {o for o in spec.owners if o.startswith("team:")} for asset in all_assets for spec in asset.specs
    }
    found: dict[str, set[str]] = {a.op.name: set().union(*(teams[k] for k in a.keys)) for a in all_assets}
    for check in all_checks:
        keys = {key.asset_key for key in check.check_keys}
        found.setdefault(check.op.name, set()).update(*(teams.get(k, set()) for k in keys))
    return {step: tuple(sorted(found[step] or {DATA_TEAM})) for step in sorted(found)}


all_sensors = [run_failures, run_recoveries]
