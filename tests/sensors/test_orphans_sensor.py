"""A run whose process was killed is failed, so that its slot is free; what it was for is asked for again, once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.inbox.read import cursor_with
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.instance_facts import hanging_items
from cafe24_pipelines.operations import failures
from cafe24_pipelines.operations.processes import lives_since
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors import learning as learning_sensors
from cafe24_pipelines.sensors.learning import learning_loop
from cafe24_pipelines.sensors.orphans import GONE, fail_orphans, orphaned_runs
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event

SLEEPER = """
import time
import dagster as dg
@dg.op
def sleeps(): time.sleep(300)
@dg.job
def sleeper(): sleeps()
with dg.DagsterInstance.get() as instance:
    sleeper.execute_in_process(instance=instance)
"""


@dg.job
def nothing() -> None:
    """A job for runs that are only recorded."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.from_env({}, home=tmp_path_factory.mktemp("orphans") / "home")


@pytest.fixture(scope="module")
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(settings) as opened:
        yield opened


def test_a_run_is_failed_once_its_process_is_gone_and_not_before(settings: Settings, instance, monkeypatch) -> None:
    env = os.environ | {"DAGSTER_HOME": str(settings.home.dagster), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], env=env, cwd=settings.home.root)
    try:
        deadline = time.monotonic() + 60
        while not (runs := instance.get_runs()) or "STEP_START" not in _told(instance, runs[0]):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        assert fail_orphans(instance) == []
        _hanging(settings, instance, monkeypatch)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert runs[0].run_id in _orphans(settings, instance)
    assert "alive" in _orphans(settings, instance), "it was failed twice"
    run = instance.get_run_by_id(runs[0].run_id)
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert GONE in _told(instance, run)


def _hanging(settings: Settings, instance, monkeypatch) -> None:
    """What is told of a run that is at work: nothing at first, and once, when that has been for too long."""
    alerts = settings.home.root / "alerts.jsonl"
    [run] = instance.get_runs()
    assert "hang" not in _orphans(settings, instance) and not alerts.exists() and not list(hanging_items(instance))
    with monkeypatch.context() as patched:
        patched.setattr(failures, "HANGS", timedelta(0))
        assert run.run_id in _orphans(settings, instance) and "hang" not in _orphans(settings, instance)
        [item] = hanging_items(instance)
    [alert] = map(json.loads, alerts.read_text().splitlines())
    assert alert["kind"] == failures.HANGING and run.run_id in "".join(alert["lines"])
    assert item.state == "red" and item.name.startswith("sleeper/") and "Terminate" in item.remedy


def _orphans(settings: Settings, instance) -> str:
    with dg.build_sensor_context(instance=instance) as context:
        return str(orphaned_runs(context, events=EventsResource(home=str(settings.home.root))).skip_message)


def test_a_run_that_no_code_server_can_begin_is_failed_and_what_nobody_can_tell_is_left(instance) -> None:
    starting = dg.DagsterRunStatus.STARTING
    gone = {".dagster/grpc_info": '{"host": "localhost", "socket": "/nowhere/at/all"}'}
    lost = instance.create_run_for_job(nothing, tags=gone, status=starting)
    kept = instance.create_run_for_job(nothing, status=starting)
    assert fail_orphans(instance) == [lost.run_id]
    assert instance.get_run_by_id(kept.run_id).status == starting


def test_a_number_that_another_process_has_now_is_no_sign_of_life() -> None:
    assert lives_since(os.getpid(), time.time())
    assert not lives_since(os.getpid(), time.time() - 100_000), "this process began later"
    ended = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while lives_since(ended.pid, time.time()) and time.monotonic() < deadline:
        time.sleep(0.02)  # it becomes a zombie: nobody has asked how it ended
    assert time.monotonic() < deadline
    ended.wait()


def test_a_run_lost_with_its_process_is_asked_for_again_and_one_that_says_why_is_not(settings, instance) -> None:
    ends = {"power": ("UNKNOWN", 1), "always": ("UNKNOWN", 6), "broken": ("STEP_FAILURE", 1)}  # mall: why, how often
    log, said = parts.event_log(settings), {"answer_id": "x", "verdict": "negative"}
    log.append([Event(mall, mall, "feedback.received", datetime.now(UTC), said) for mall in ends])
    instance.add_dynamic_partitions("malls", list(ends))
    asked, times = _tick(settings, instance, None), Counter[str]()
    while asked.run_requests:
        times += Counter(str(request.partition_key) for request in asked.run_requests)
        runs = {
            request.partition_key: instance.create_run_for_job(
                nothing, tags={"dagster/run_key": str(request.run_key)}, status=dg.DagsterRunStatus.STARTED
            )
            for request in asked.run_requests
        }
        waits = _tick(settings, instance, asked.cursor)
        assert not waits.run_requests and f"{len(runs)} runs under way" in str(waits.skip_reason)
        for mall, run in runs.items():
            why, how_often = ends[mall]
            if times[mall] <= how_often:
                instance.report_run_failed(run)
                instance.add_run_tags(run.run_id, {"dagster/failure_reason": why, "dagster/will_retry": "false"})
            else:
                instance.report_run_canceled(run)
        asked = _tick(settings, instance, waits.cursor)
    assert times == {"power": 2, "always": 6, "broken": 1}
    assert not _tick(settings, instance, asked.cursor).run_requests


def test_a_mall_whose_run_is_queued_gets_no_second_and_malls_beyond_the_bound_wait(
    settings, instance, monkeypatch
) -> None:
    log, said = parts.event_log(settings), {"answer_id": "x", "verdict": "negative"}

    def put(name: str, *malls: str) -> None:
        log.append([Event(f"{name}-{m}", m, "feedback.received", datetime.now(UTC), said) for m in malls])

    begin = cursor_with(str(_tick(settings, instance, None).cursor))  # past what other tests put
    instance.add_dynamic_partitions("malls", ["q1", "q2", "q3"])
    put("first", "q1", "q2", "q3", "nobody")
    monkeypatch.setattr(learning_sensors, "MOST_RUNS", 2)
    asked = _tick(settings, instance, begin)
    assert [r.partition_key for r in asked.run_requests or ()] == ["q1", "q2"]
    for request, status in zip(asked.run_requests or (), ("NOT_STARTED", "SUCCESS"), strict=True):
        key = {"dagster/run_key": str(request.run_key)}
        instance.create_run_for_job(nothing, tags=key, status=dg.DagsterRunStatus(status))
    put("second", "q1", "q2")
    again = _tick(settings, instance, asked.cursor)
    assert [r.partition_key for r in again.run_requests or ()] == ["q3", "q2"], "the queued run of q1 will do"


def _told(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str]:
    """Types and messages of its log."""
    entries = [one.event_log_entry.dagster_event for one in instance.get_records_for_run(run.run_id).records]
    return {text for event in entries if event for text in (event.event_type_value, event.message or "")}


def _tick(settings: Settings, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    events = EventsResource(home=str(settings.home.root))
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"events": events}) as context:
        found = learning_loop(context)
    assert isinstance(found, dg.SensorResult)
    return found
