"""Runs that really fail: permanent ones are told at once, transient ones from the third, a recovery once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from openai_server import Fault, OpenAIServer, Reply, openai_server

from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.answers.model_errors import ModelError
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.errors import BadInput, ConfigError
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.names import CRM_TEAM, DATA_TEAM, ML_TEAM, OPERATIONS_MALL, SHOP_TABLES
from cafe24_pipelines.operations.failures import (
    FAILED,
    RECOVERED,
    FailedRun,
    FailedStep,
    failing,
    tell_failure,
    tell_success,
)
from cafe24_pipelines.operations.notify import ANY_TEAM, FileNotifier, Routes, bounded, notifier
from cafe24_pipelines.operations.store_facts import job_items
from cafe24_pipelines.operations.trouble import CRASH, Link, Trouble, judge, links_of
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.failures import earlier_of_mall, good_at, run_failures, run_recoveries, step_owners
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

NOW = datetime(2026, 11, 3, 1, 0, tzinfo=UTC)


class Home:
    """A home whose runs are really run, and whose sensors are told of each end."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance = settings, instance
        self.defs = build_defs(resources=resources_for(str(settings.home.root)))
        self.log = EventLog(settings.home.events)

    def land(self) -> dg.ExecuteInProcessResult:
        """Land the tables of the mall `shop`, whose folder is empty."""
        return self.run("shop_chain", "shop", [dg.AssetKey(name) for name in SHOP_TABLES])

    def run(
        self, job: str, mall: str | None = None, only: list[dg.AssetKey] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run a job; what Dagster saw of its end goes to the sensor that waits for it."""
        definition = self.defs.resolve_job_def(job)
        result = definition.execute_in_process(
            instance=self.instance, partition_key=mall, asset_selection=only, raise_on_error=False
        )
        self.last = result
        self.tell(result)
        return result

    def tell(self, result: dg.ExecuteInProcessResult) -> None:
        """Let the sensor that waits for such an end see it."""
        kind = dg.DagsterEventType.RUN_SUCCESS if result.success else dg.DagsterEventType.RUN_FAILURE
        [record] = self.instance.get_records_for_run(result.run_id, of_type=kind).records
        event = record.event_log_entry.dagster_event
        run = self.instance.get_run_by_id(result.run_id)
        assert event is not None and run is not None
        sensor = run_recoveries if result.success else run_failures
        with dg.build_run_status_sensor_context(
            sensor.name, dagster_event=event, dagster_instance=self.instance, dagster_run=run
        ) as context:
            events = EventsResource(home=str(self.settings.home.root))
            sensor(context if result.success else context.for_run_failure(), events=events)

    def alerts(self) -> list[dict[str, Any]]:
        """What was delivered, oldest first."""
        path = self.settings.home.root / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def payloads(self, mall: str) -> list[dict[str, Any]]:
        """The events about runs of a mall, oldest first."""
        return [{"type": e.type, **e.payload} for e in self.log.read(mall, types=(FAILED, RECOVERED))]


@pytest.fixture
def home(settings: Settings) -> Iterator[Home]:
    with dagster_instance(settings) as instance:
        instance.add_dynamic_partitions("malls", ["shop"])
        yield Home(settings, instance)


def test_a_permanent_failure_is_told_at_once_and_not_again(home: Home) -> None:
    assert not home.land().success
    [alert] = home.alerts()
    assert (alert["kind"], alert["mall"], alert["owner"]) == (FAILED, "shop", DATA_TEAM)
    assert "BadInput" in alert["lines"][0] and "사람이 고쳐야 함" in alert["title"]
    [event] = home.payloads("shop")
    assert event | {"run_id": ""} == {
        "type": FAILED, "job": "shop_chain", "run_id": "", "kind": "permanent", "error": "BadInput",
        "message": event["message"], "in_a_row": 1, "owners": [DATA_TEAM], "steps": event["steps"], "told": True,
        "often": 0,
    }  # fmt: skip
    assert event["message"] and "shop_tables" in event["steps"]
    home.land()
    assert [(p["in_a_row"], p["told"]) for p in home.payloads("shop")] == [(1, True), (2, False)]
    assert len(home.alerts()) == 1, "the same trouble is told once a day"
    assert [(i.name, i.label, i.state) for i in job_items(home.settings, ["shop"])] == [
        ("shop_chain/shop", "job/shop_chain", "red")
    ]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """A fine-tuned model's server that is down until `broken` is emptied."""
    broken: list[Fault] = [Fault(status=503)]
    with openai_server(lambda _: broken[0] if broken else Reply("pong", completion_tokens=1)) as server:
        server.broken = broken  # type: ignore[attr-defined]
        for name, value in {
            "LLM_MODEL": "openai/test-model", "FINETUNED_MODEL": "openai/test-model", "LLM_API_BASE": server.url,
            "LLM_PRICE_USD": "1,1", "CAFE24_WARMUP_BUDGET": "5usd",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(LanguageModel, "_sleep", staticmethod(lambda _: None))
        yield server


def test_a_transient_failure_is_told_from_the_third_in_a_row_and_its_end_once(
    home: Home, endpoint: OpenAIServer
) -> None:
    for turn in range(4):  # steps are tried again at once here
        assert not home.run("model_warming").success
        assert len(home.alerts()) == (1 if turn >= 2 else 0)
    assert len(endpoint.requests) == 4 * 3 * 3, "each run's step was tried three times, each with the client's three"
    [alert] = home.alerts()
    assert alert["owner"] == ML_TEAM and "연속 3회" in alert["title"] and "ModelError" in alert["lines"][0]
    assert [(p["kind"], p["in_a_row"], p["told"]) for p in home.payloads(OPERATIONS_MALL)] == [
        ("transient", 1, False), ("transient", 2, False), ("transient", 3, True), ("transient", 4, False),
    ]  # fmt: skip

    endpoint.broken.clear()  # type: ignore[attr-defined]
    assert home.run("model_warming").success and home.run("model_warming").success
    assert [a["kind"] for a in home.alerts()] == [FAILED, RECOVERED]
    assert home.alerts()[1]["owner"] == ML_TEAM and "4회" in home.alerts()[1]["lines"][0]
    assert home.payloads(OPERATIONS_MALL)[-1]["failures"] == 4 and not failing(home.log, [])

    earlier = home.last
    endpoint.broken.append(Fault(status=503))
    home.run("model_warming")
    home.tell(earlier)
    assert home.payloads(OPERATIONS_MALL)[-1]["in_a_row"] == 1, "a success ends the count"
    assert len(home.alerts()) == 2 and failing(home.log, []), "a success heard of late ends no later failure"


def test_nothing_is_told_while_everything_succeeds(home: Home) -> None:
    assert home.run("heartbeat_beat").success
    assert not home.alerts() and not home.payloads(OPERATIONS_MALL)


def test_the_sensor_survives_its_own_trouble(home: Home) -> None:
    home.settings.home.events.write_bytes(b"this is no database" * 100)
    assert not home.land().success
    assert not home.alerts()


def test_retries_of_one_run_count_once_and_other_malls_not_at_all(home: Home) -> None:
    instance, done = home.instance, dg.DagsterRunStatus.FAILURE

    def add(run_id: str, mall: str, status: dg.DagsterRunStatus = done, root: str = "") -> dg.DagsterRun:
        tags = {"dagster/partition": mall} | ({"dagster/root_run_id": root} if root else {})
        return instance.add_run(dg.DagsterRun(job_name="discovery", run_id=run_id, status=status, tags=tags))

    add("a", "shop", dg.DagsterRunStatus.SUCCESS)
    add("b", "shop")
    add("b2", "shop", root="b")
    add("c", "other")
    last = add("d", "shop")
    assert [run.run_id for run in earlier_of_mall(instance, last)] == ["b2", "a"]


def test_owners_are_those_of_the_failed_steps() -> None:
    owners = step_owners()
    assert (owners["shop_tables"], owners["patterns"], owners["document_vectors"]) == (
        (DATA_TEAM,), (CRM_TEAM,), (ML_TEAM,),
    )  # fmt: skip
    assert all(owners.values())
    steps = (
        FailedStep("a", (ML_TEAM,), Trouble("transient", "ModelError")),
        FailedStep("b", (CRM_TEAM,), Trouble("permanent", "BadInput")),
    )
    run = FailedRun("x", "shop", "1", steps, Trouble("transient", CRASH))
    assert run.owners == (CRM_TEAM, ML_TEAM) and run.worst.name == "BadInput"


def _streak(log: EventLog, *, error: str = "ModelError", told: bool = True, at: datetime = NOW) -> None:
    payload = {"job": "x", "error": error, "told": told, "owners": [ML_TEAM], "in_a_row": 3}
    log.append([Event(f"{FAILED}:{at.isoformat()}", "shop", FAILED, at, payload)])


@pytest.mark.parametrize(
    ("error", "later", "told"),
    [("ModelError", 1, False), ("ModelError", 25, True), ("BadInput", 1, True)],
    ids=["the same within a day", "the same after a day", "another error"],
)
def test_a_streak_is_told_again_only_for_something_new(tmp_path: Path, error: str, later: int, told: bool) -> None:
    log, to = EventLog(tmp_path / "events.db"), FileNotifier(tmp_path / "alerts.jsonl")
    _streak(log)
    trouble = judge([Link((error,), "")])
    run = FailedRun("x", "shop", "now", (FailedStep("s", (ML_TEAM,), trouble),), trouble, (False, False, False))
    assert tell_failure(log, to, run, now=NOW + timedelta(hours=later)) is told
    assert tell_failure(log, to, run, now=NOW + timedelta(hours=later)) is False, "the same run again"


def test_a_job_that_comes_and_goes_is_told_as_such_once_a_day(tmp_path: Path) -> None:
    log, to = EventLog(tmp_path / "events.db"), FileNotifier(tmp_path / "alerts.jsonl")
    trouble = judge([Link(("ConnectionError",), "")])  # passes by itself: one alone is told to nobody

    def fail(n: int, *before: bool, error: Trouble = trouble, hour: int = 0) -> bool:
        run = FailedRun("x", "shop", f"run{n}", (FailedStep("s", (ML_TEAM,), error),), error, before)
        return tell_failure(log, to, run, now=NOW + timedelta(hours=hour, minutes=10 * n))

    told = []
    for n in range(8):
        told.append(fail(n, True))
        tell_success(log, to, "x", "shop", f"good{n}", now=NOW + timedelta(minutes=10 * n + 5))
    assert told == [False] * 4 + [True] + [False] * 3
    [alert] = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert "하루에 5회, 되풀이됨" in alert["title"], "and no recovery is told: it would be no news"
    assert [fail(n, *[False] * (n - 8), True) for n in (8, 9, 10, 11)] == [False, False, True, False], "it stays now"
    tell_success(log, to, "x", "shop", "good", now=NOW + timedelta(hours=3))
    assert fail(12, True, error=judge([Link(("BadInput",), "")])), "another error is news"
    assert fail(13, True, hour=30) is False, "a day later it begins anew"


@pytest.mark.parametrize(("days", "told"), [(7, True), (1, True), (0.5, False), (None, False)])
def test_what_runs_seldom_is_told_at_its_first_failure(tmp_path: Path, days: float | None, told: bool) -> None:
    log, to = EventLog(tmp_path / "events.db"), FileNotifier(tmp_path / "alerts.jsonl")
    down = Trouble("transient", "ModelError")
    good = NOW - timedelta(days=days) if days else None
    run = FailedRun("weekly", "shop", "1", (FailedStep("s", (ML_TEAM,), down),), down, (True,), good_at=good)
    assert tell_failure(log, to, run, now=NOW) is told
    assert tell_success(log, to, "weekly", "shop", "2", now=NOW), "and its recovery, to those who were told"
    assert (tmp_path / "alerts.jsonl").exists() == told
    later = NOW + timedelta(minutes=9)
    again = replace(run, run_id="3", before=(True, False, True), good_at=NOW)
    assert not tell_failure(log, to, again, now=later), "a job that has just succeeded has its three"


def test_when_a_job_last_went_well_is_known(home: Home, endpoint: OpenAIServer) -> None:
    endpoint.broken.clear()  # type: ignore[attr-defined]
    assert home.run("model_warming").success
    good = home.instance.get_run_record_by_id(home.last.run_id)
    assert good is not None and good.end_time
    failed = home.instance.add_run(dg.DagsterRun(job_name="model_warming", status=dg.DagsterRunStatus.FAILURE))
    earlier = earlier_of_mall(home.instance, failed)
    assert good_at(home.instance, earlier, [True]) == datetime.fromtimestamp(good.end_time, UTC)
    assert good_at(home.instance, earlier, [False]) is None and good_at(home.instance, [], []) is None


def test_errors_are_judged_by_the_outermost_name_that_is_known() -> None:
    def raised(outer: Exception, inner: Exception) -> Trouble:
        try:
            raise outer from inner
        except Exception as e:
            return judge(links_of(e))

    assert raised(ModelError("down"), ConnectionError()).soon
    assert raised(ConfigError("key"), ConnectionError()).kind == "permanent"
    assert raised(ValueError("홍길동"), ConnectionResetError()).kind == "transient"
    unknown = raised(ValueError("홍길동 010-1234-5678"), KeyError("x"))
    assert (unknown.kind, unknown.words, unknown.soon) == ("permanent", "", False), "a library's words may hold a row"
    masked = raised(BadInput("call 010-1234-5678 " + "x" * 400), KeyError("x"))
    assert "010" not in masked.words and len(masked.words) == 300
    spent = judge([Link(("BudgetSpent", "ModelError"))])
    assert (spent.kind, spent.soon) == ("transient", False), "trying again at once spends nothing less"
    assert judge([Link(("DagsterExecutionStepExecutionError",)), Link(("Failure",))]).kind == "permanent"
    assert judge([Link(("Neo4jDown",))]).kind == "transient" and judge([]).name == CRASH


def test_an_alert_goes_to_its_teams_sink_and_to_the_file_when_that_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    routed = notifier(Settings.from_env({"CAFE24_ALERT_ROUTES": "ml=console,*=file:rest.jsonl"}, home=tmp_path))
    routed.notify("run.failed", "shop", ML_TEAM, "제목", ["한 줄"])
    routed.notify("run.failed", "shop", CRM_TEAM, "제목", ["한 줄"])
    assert "제목" in capsys.readouterr().err and len((tmp_path / "rest.jsonl").read_text().splitlines()) == 1

    class Down:
        def notify(self, *_: Any) -> None:
            raise ConnectionError("no")

    Routes({ANY_TEAM: Down()}, FileNotifier(tmp_path / "a.jsonl")).notify("x", "shop", ML_TEAM, "t", [])
    assert json.loads((tmp_path / "a.jsonl").read_text())["lines"] == ["전송 실패: ConnectionError"]
    with pytest.raises(ConfigError, match="pager"):
        notifier(Settings.from_env({"CAFE24_ALERT_ROUTES": "*=pager"}, home=tmp_path))
    assert len(bounded(["x" * 900] * 90)) == 21 and max(map(len, bounded(["x" * 900]))) == 500
