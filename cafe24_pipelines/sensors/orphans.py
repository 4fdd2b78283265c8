"""Runs whose process is gone, told so: one of them would hold the embedded profile's only slot for ever.

A run's process ends with the code server that began it when a machine loses power, or a terminal is closed for good.
Dagster's run monitoring can't ask the default launcher whether a process lives, so this looks: a run says its process
in its log, and which code server began it in a tag. What is failed here is tried once more by the daemon
(`run_retries`). Does not belong here: containers of the server profile, whose launcher can be asked.
"""

import json
import socket
import time
from typing import Final

import dagster as dg

from cafe24_pipelines.operations.processes import lives_since

GONE: Final = "The process of this run is gone: it was killed, or the machine was switched off."
CHOSEN: Final = 30.0
"""Seconds within which a run that is being launched has its code server: the daemon chooses at once."""
NAMED: Final = 3600.0
"""Seconds within which a run that has started has named its process: it does so once its resources are open."""
_SERVER: Final = ".dagster/grpc_info"  # the constant is private
_ENGINE: Final = {dg.DagsterEventType.ENGINE_EVENT}
_LOOKED_AT: Final = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.sensor(
    name="orphaned_runs",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    target=None,
    description="When the process of a run is gone (power, kill): fails it, which frees its slot and has it retried.",
)
def orphaned_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Fails what is not alive; asks for nothing."""
    gone = fail_orphans(context.instance)
    return dg.SkipReason(f"failed: {', '.join(gone)}" if gone else "every run that has begun is alive")


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
