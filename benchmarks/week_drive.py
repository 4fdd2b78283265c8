"""Ticks of every schedule and sensor by a driven clock, and their runs in this process, as the daemon would.

Schedules go through the public `evaluate_tick`; sensors are called with a public context, because `evaluate_tick`
refuses a sensor that adds a partition and then asks for a run of it; the two run-status sensors are called with the
context that Dagster builds for tests, after each run. A run key starts one run: of a sensor for ever, of a schedule
within its tick. Does not belong here: what happens to the mall (`week_story.py`), or judging (`week_judge.py`).
"""

import logging
import time
import traceback
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import dagster as dg

from benchmarks.week_clock import DrivenClock, cron_times
from cafe24_pipelines.automation import WORKFLOW_TAG

ONCE_AN_HOUR: Final = ("heartbeat_upkeep",)
"""Upkeep that asks for a run at every tick, of which only the first in an hour is executed, to save their seconds."""


@dataclass
class Tick:
    """One evaluation. `runs` are the ids of the runs that it started; `why` is its skip reason or its error."""

    name: str
    kind: str  # schedule | sensor
    at: datetime
    asked: int = 0
    runs: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    why: str = ""
    failed: bool = False
    cpu: float = 0.0  # processor seconds of the evaluation


@dataclass
class Run:
    """One run that a tick or a person started."""

    run_id: str
    job: str
    by: str
    key: str
    partition: str
    at: datetime
    ok: bool
    seconds: float
    cpu: float
    error: str = ""


class Drive:
    """One installation's automation, ticked from outside."""

    def __init__(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, resources: Any, clock: DrivenClock
    ) -> None:
        self.defs, self.instance, self.clock = defs, instance, clock
        self._resources, self._repository = resources, defs.get_repository_def()
        self.schedules = {s.name: s for s in defs.schedules or () if isinstance(s, dg.ScheduleDefinition)}
        every = {s.name: s for s in defs.sensors or () if isinstance(s, dg.SensorDefinition)}
        self.status = {n: s for n, s in every.items() if isinstance(s, dg.RunStatusSensorDefinition)}
        conditions = {n for n, s in every.items() if isinstance(s, dg.AutomationConditionSensorDefinition)}
        self.sensors = {n: s for n, s in every.items() if n not in {*self.status, *conditions}}
        every_one: dict[str, Any] = {**self.schedules, **self.sensors}
        self.workflows = sorted(name for name, d in every_one.items() if WORKFLOW_TAG in d.tags)
        self.cursors: dict[str, str | None] = {}
        self.ticks: list[Tick] = []
        self.runs: list[Run] = []
        self.status_failed: list[str] = []
        self._known: set[tuple[str, str]] = set()

    def calendar(self, begin: datetime, end: datetime) -> list[tuple[datetime, str]]:
        """Every tick of every schedule in the span, in order of time."""
        due = [(at, n) for n, s in self.schedules.items() for at in cron_times(s.cron_schedule, begin, end)]
        return sorted(due)

    def schedule(self, name: str, at: datetime) -> Tick:
        """Evaluate one tick of a schedule and start what it asks for."""
        definition, tick, began = self.schedules[name], Tick(name, "schedule", at), time.process_time()
        try:
            with dg.build_schedule_context(
                self.instance, at, resources=self._resources(), repository_def=self._repository
            ) as context:
                data = definition.evaluate_tick(context)
            requests, tick.why = list(data.run_requests or ()), data.skip_message or ""
        except Exception as e:
            requests, tick.why, tick.failed = [], _said(e), True
        tick.cpu = time.process_time() - began
        return self._start(tick, requests, "dagster/schedule_name", scope=f"{name}@{at.isoformat()}")

    def sensor(self, name: str, at: datetime) -> Tick:
        """Evaluate one tick of a sensor with its stored cursor; partitions it asks for are added before its runs."""
        definition, tick, began = self.sensors[name], Tick(name, "sensor", at), time.process_time()
        try:
            with dg.build_sensor_context(
                self.instance, self.cursors.get(name), sensor_name=name, resources=self._resources()
            ) as context:
                requests = self._told(definition(context), tick, context)
        except Exception as e:
            requests, tick.why, tick.failed = [], _said(e), True
        tick.cpu = time.process_time() - began
        return self._start(tick, requests, "dagster/sensor_name", scope=name)

    def _told(self, result: Any, tick: Tick, context: Any) -> list[dg.RunRequest]:
        if isinstance(result, dg.SensorResult):
            for change in result.dynamic_partitions_requests or ():
                if isinstance(change, dg.AddDynamicPartitionsRequest):
                    self.instance.add_dynamic_partitions(change.partitions_def_name, list(change.partition_keys))
                else:
                    for key in change.partition_keys:
                        self.instance.delete_dynamic_partition(change.partitions_def_name, key)
            if result.cursor is not None:
                self.cursors[tick.name] = result.cursor
            tick.why = str(result.skip_reason.skip_message or "") if result.skip_reason else ""
            return list(result.run_requests or ())
        found = [result] if isinstance(result, (dg.RunRequest, dg.SkipReason)) else list(result or ())
        if context.cursor is not None:
            self.cursors[tick.name] = context.cursor
        tick.why = "; ".join(r.skip_message or "" for r in found if isinstance(r, dg.SkipReason))
        return [r for r in found if isinstance(r, dg.RunRequest)]

    def _start(self, tick: Tick, requests: list[dg.RunRequest], tag: str, scope: str) -> Tick:
        tick.asked = len(requests)
        self.ticks.append(tick)
        if tick.name in ONCE_AN_HOUR and tick.at.minute:
            return tick
        for request in requests:
            key = request.run_key or ""
            if key and (scope, key) in self._known:
                tick.repeated.append(key)
                continue
            self._known.add((scope, key))
            job = request.job_name or self._job_of(tick.name)
            tags = {**request.tags, tag: tick.name, **({"dagster/run_key": key} if key else {})}
            run = self.execute(job, tick.name, at=tick.at, key=key, partition=request.partition_key,
                               config=dict(request.run_config or {}), tags=tags)  # fmt: skip
            tick.runs.append(run.run_id)
        return tick

    def _job_of(self, name: str) -> str:
        definition = self.schedules.get(name) or self.sensors[name]
        return (
            definition.job_name if isinstance(definition, dg.ScheduleDefinition) else definition.targets[0].job_name
        )

    def execute(
        self, job: str, by: str, *, at: datetime, key: str = "", partition: str | None = None,
        config: dict[str, Any] | None = None, tags: dict[str, str] | None = None,
    ) -> Run:  # fmt: skip
        """One run to its end, then the two run-status sensors for it."""
        began, cpu = time.monotonic(), time.process_time()
        result = self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=partition, tags=tags or {}, raise_on_error=False,
            run_config={**(config or {}), "loggers": {"quiet": {}}},
        )  # fmt: skip
        error = next((_cause(e) for e in result.all_events if e.is_step_failure), "")
        run = Run(result.run_id, job, by, key, str(partition or ""), at, result.success,
                  time.monotonic() - began, time.process_time() - cpu, error)  # fmt: skip
        self.runs.append(run)
        self._tell(result)
        return run

    def _tell(self, result: Any) -> None:
        """What `run_failures` and `run_recoveries` would be called with."""
        run, events = self.instance.get_run_by_id(result.run_id), result.all_events
        for name, sensor in self.status.items():
            wanted = "PIPELINE_FAILURE" if name == "run_failures" else "PIPELINE_SUCCESS"
            event = next((e for e in events if e.event_type_value == wanted), None)
            if event is None or run is None:
                continue
            events_alone = {"events": self._resources()["events"]}  # others are opened and closed, which a call can't
            context: Any = dg.build_run_status_sensor_context(name, event, self.instance, run, resources=events_alone)
            try:
                sensor(context.for_run_failure() if wanted == "PIPELINE_FAILURE" else context)
            except Exception as e:
                self.status_failed.append(f"{name}: {_said(e)}")


def _cause(event: Any) -> str:
    error = getattr(event.event_specific_data, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    return f"{event.step_key}: {error.message.strip().splitlines()[0][:300]}" if error else str(event.step_key)


def _said(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename.rpartition('/')[2]}:{last.lineno})"[:500]


@dg.logger({}, description="Says nothing: the event log has it all.")
def quiet(_context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that drops what it gets."""
    log = logging.Logger("week.quiet", logging.CRITICAL + 1)
    log.addHandler(logging.NullHandler())
    return log
