"""Runs that failed, and runs that work again: what Dagster knows of them, handed to `operations/failures.py`.

Two upkeep sensors, no workflows. Neither starts a run, and neither fails on its own trouble: a failure sensor that
fails would be told by nobody. Both run as soon as the daemon does. Does not belong here: thresholds, wording, sinks.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import dagster as dg

from cafe24_pipelines.names import DATA_TEAM, OPERATIONS_MALL
from cafe24_pipelines.operations.trouble import Link, Trouble, judge
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.run_history import PARTITION

LOOK_BACK: Final = 12
"""Earlier runs of a job and mall that a streak is counted over; retries of one run count once."""

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
    """One event a failed run; its owners are told when that is due."""
    from cafe24_pipelines.operations.failures import tell_failure
    from cafe24_pipelines.operations.notify import notifier

    try:
        if context.dagster_run.tags.get(_RETRIED) == "true":
            return  # the run that follows says how it ended
        tell_failure(events.log(), notifier(events.settings()), failed_run(context))
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
    from cafe24_pipelines.operations.failures import tell_success
    from cafe24_pipelines.operations.notify import notifier

    try:
        run = context.dagster_run
        to = notifier(events.settings())
        tell_success(
            events.log(), to, run.job_name, mall_of(run), run.run_id,
            ended_after=lambda failed: ended_after(context.instance, run.run_id, failed),
        )  # fmt: skip
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
    before = ended_before(context.instance, run)
    return FailedRun(run.job_name, mall_of(run), run.run_id, steps, own, before)


def mall_of(run: dg.DagsterRun) -> str:
    """The mall of a run's partition (`mall` or `mall|other`); the installation's own when it has none."""
    return run.tags.get(_MALL) or run.tags.get(PARTITION, "").split("|")[0] or OPERATIONS_MALL


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


def ended_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[bool, ...]:
    """How the latest runs of this job and mall before `run` ended, newest first; a retried one counts once."""
    tags = {PARTITION: run.tags[PARTITION]} if PARTITION in run.tags else {}
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    filters = dg.RunsFilter(job_name=run.job_name, tags=tags, statuses=ended)
    records = instance.get_run_records(filters, limit=LOOK_BACK)
    mine = next((r.storage_id for r in records if r.dagster_run.run_id == run.run_id), None)
    roots, found = {run.tags.get(_ROOT, run.run_id)}, []
    for record in records:
        other = record.dagster_run
        root = other.tags.get(_ROOT, other.run_id)
        if (mine is not None and record.storage_id >= mine) or root in roots:
            continue
        roots.add(root)
        found.append(other.status == dg.DagsterRunStatus.SUCCESS)
    return tuple(found)


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
