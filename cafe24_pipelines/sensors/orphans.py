"""Runs whose process is gone, told so: one of them would hold the embedded profile's only slot for ever.

So would one that hangs. Nobody can tell that from long work, so it is not ended: its owner is told, by this sensor,
since every run that could tell waits behind it.

A run's process ends with the code server that began it when a machine loses power, or a terminal is closed for good.
Dagster's run monitoring can't ask the default launcher whether a process lives, so this looks: a run says its process
in its log, and which code server began it in a tag. What is failed here is tried once more by the daemon
(`run_retries`). Does not belong here: containers of the server profile, whose launcher can be asked.
"""

import json
import socket
import time
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from cafe24_pipelines.operations.processes import lives_since
from cafe24_pipelines.resources.events import EventsResource

GONE: Final = "The process of this run is gone: it was killed, or the machine was switched off."
CHOSEN: Final = 30.0
"""Seconds within which a run that is being launched has its code server: the daemon chooses at once."""
NAMED: Final = 3600.0
"""Seconds within which a run that has started has named its process: it does so once its resources are open."""
_SERVER: Final = ".dagster/grpc_info"  # the constant is private
_ENGINE: Final = {dg.DagsterEventType.ENGINE_EVENT}
_AT_WORK: Final = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_LOOKED_AT: Final = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.sensor(
    name="orphaned_runs",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    target=None,
    description="When a run's process is gone (power, kill): fails it, so it is retried. Tells of one that hangs.",
)
def orphaned_runs(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SkipReason:
    """Fails what is not alive, tells what hangs; asks for nothing."""
    gone, late = fail_orphans(context.instance), list[str]()
    try:
        late = tell_late(context.instance, events)
    except Exception as e:  # freeing slots does not depend on who can be told
        context.log.exception(f"a run that hangs could not be told: {type(e).__name__}")
    said = [f"failed: {', '.join(gone)}" if gone else "every run that has begun is alive"]
    return dg.SkipReason("; ".join([*said, f"told that they hang: {', '.join(late)}"] if late else said))


def late_runs(instance: dg.DagsterInstance) -> list[dg.RunRecord]:
    """Runs that have been at work for too long."""
    from cafe24_pipelines.operations.failures import HANGS

    at_work = instance.get_run_records(dg.RunsFilter(statuses=_AT_WORK))
    return [r for r in at_work if r.start_time and time.time() - r.start_time > HANGS.total_seconds()]


def tell_late(instance: dg.DagsterInstance, events: EventsResource) -> list[str]:
    """Tell the owner of each run that hangs, once a run; the ids of those that were told of now."""
    from cafe24_pipelines.operations.failures import tell_hanging
    from cafe24_pipelines.operations.notify import notifier
    from cafe24_pipelines.sensors.failures import mall_of

    told = []
    for record in late_runs(instance):
        run, since = record.dagster_run, datetime.fromtimestamp(record.start_time or 0.0, UTC)
        to = notifier(events.settings())
        if tell_hanging(events.log(), to, run.job_name, mall_of(run), run.run_id, since=since):
            told.append(run.run_id)
    return told


def fail_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process is gone; their ids. None where run monitoring can ask the launcher."""
    if instance.run_launcher.supports_check_run_worker_health:
        return []
    done = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_LOOKED_AT)):
        if _alive(instance, run):
            continue
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status in _LOOKED_AT:  # it may have ended while it was looked at
            instance.report_run_failed(now, GONE)
            done.append(run.run_id)
    return done


def _alive(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """By its process, if it has said which; before that, by the code server that was to begin it, if one was chosen.

    One that is taken for dead and begins all the same ends by itself: it finds that it has failed.
    """
    for entry in reversed(instance.all_logs(run.run_id, of_type=_ENGINE)):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event and not event.step_key else None
        if pid is not None:
            return lives_since(int(str(pid.value)), entry.timestamp)
    if told := run.tags.get(_SERVER):
        return _answers(told)
    stats = instance.get_run_stats(run.run_id)
    begun = stats.launch_time or stats.start_time
    within = CHOSEN if run.status == dg.DagsterRunStatus.STARTING else NAMED
    return not begun or time.time() - begun < within


def _answers(told: str) -> bool:
    """Whether a code server takes connections."""
    where = json.loads(told)
    try:
        if path := where.get("socket"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(5)
                probe.connect(path)
        else:
            socket.create_connection((where["host"], where["port"]), timeout=5).close()
    except OSError:
        return False
    return True


all_sensors = [orphaned_runs]
