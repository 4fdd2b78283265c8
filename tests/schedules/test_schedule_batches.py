"""Light workflows carry many malls in one run: ticks ask for batches, one mall's trouble is that mall's alone."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml

from cafe24_pipelines import parts
from cafe24_pipelines.assets import all_assets, policies
from cafe24_pipelines.assets.watch import day_summary
from cafe24_pipelines.cafe24.malls import Mall, register, unregister
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle.state import SUSPENDED
from cafe24_pipelines.names import CRM_TEAM, OPERATIONS_MALL, SEOUL
from cafe24_pipelines.operations.failures import FAILED, RECOVERED
from cafe24_pipelines.operations.rest import Unavailable
from cafe24_pipelines.partitions import malls as malls_partitions
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.schedules import all_schedules, batch_jobs
from cafe24_pipelines.schedules.batch_run import IN_A_ROW, UNTRIED, go_through
from cafe24_pipelines.schedules.batches import MOST_MALLS
from cafe24_pipelines.sensors.failures import run_failures, run_recoveries, step_owners
from cafe24_pipelines.sensors.run_history import BATCH_TAG, FAILED_MALLS, forget_mall
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog
from cafe24_pipelines.stores.graph import GraphStore
from tests.admin_api.postgres_server import local_postgres

AT = datetime(2026, 11, 1, 10, 0, tzinfo=ZoneInfo(SEOUL))
BATCHED = {
    "ontology_health": "health_watch", "evening_analysis": "day_analysis", "weekly_retrospective": "week_review",
    "code_analyzer": "code_analysis", "insight_publisher": "digest_publication",
}  # fmt: skip
SCHEDULES = {s.name: s for s in all_schedules if s.name in BATCHED}
DAY, OP = "day_summary", "day_summary_batch"


def job_named(name: str) -> dg.JobDefinition:
    found = getattr(batch_jobs, name)
    assert isinstance(found, dg.JobDefinition)
    return found


def op_of(job: dg.JobDefinition) -> str:
    [op] = job.nodes
    return str(op.name)


class Bench:
    """A home of empty malls whose runs are really run; what Dagster saw of their end goes to the sensors."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance, self.log = settings, instance, parts.event_log(settings)
        self.resources = resources_for(str(settings.home.root))

    def add(self, *malls: str) -> None:
        for mall_id in malls:
            register(self.settings.home, Mall(mall_id))
        self.instance.add_dynamic_partitions("malls", list(malls))

    def tick(self, name: str) -> tuple[list[dg.RunRequest], str]:
        resources = {"events": EventsResource(home=str(self.settings.home.root))}
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=AT, resources=resources
        ) as context:
            found = SCHEDULES[name].evaluate_tick(context)
        return list(found.run_requests or ()), found.skip_message or ""

    def run(self, job: str, *malls: str) -> dg.ExecuteInProcessResult:
        definition = job_named(job)
        config = {"ops": {op_of(definition): {"config": {"malls": list(malls)}}}}
        result = definition.execute_in_process(
            instance=self.instance, run_config=config, resources=self.resources, raise_on_error=False
        )
        self.tell(result)
        return result

    def tell(self, result: dg.ExecuteInProcessResult) -> None:
        kind = dg.DagsterEventType.RUN_SUCCESS if result.success else dg.DagsterEventType.RUN_FAILURE
        [record] = self.instance.get_records_for_run(result.run_id, of_type=kind).records
        self.tell_end(result.run_id, record.event_log_entry.dagster_event)

    def tell_end(self, run_id: str, event: dg.DagsterEvent | None) -> None:
        run = self.instance.get_run_by_id(run_id)
        assert event is not None and run is not None
        sensor = run_recoveries if run.is_success else run_failures
        with dg.build_run_status_sensor_context(
            sensor.name, dagster_event=event, dagster_instance=self.instance, dagster_run=run
        ) as context:
            events = EventsResource(home=str(self.settings.home.root))
            sensor(context if run.is_success else context.for_run_failure(), events=events)

    def made(self, result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
        """Mall to the metadata of what a run made of it, from the instance."""
        entries = self.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        found = [entry.asset_materialization for entry in entries]
        return {str(m.partition): {k: v.value for k, v in m.metadata.items()} for m in found if m is not None}

    def status(self, asset: str, *malls: str) -> list[str]:
        found = self.instance.get_status_by_partition(dg.AssetKey(asset), list(malls), malls_partitions) or {}
        return [status.value if (status := found.get(m)) else "" for m in malls]

    def alerts(self) -> list[dict[str, Any]]:
        path = self.settings.home.root / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, mall_id: str) -> list[str]:
        return [e.type for e in self.log.read(mall_id, types=(FAILED, RECOVERED))]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(policies, "WAITS", (0, 0))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Bench(Settings.from_env({}, home=tmp_path / "home"), instance)


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Bench]:
    """A bench whose instance is the home's own."""
    settings = Settings.from_env({}, home=tmp_path / "home")
    with dagster_instance(settings) as instance:
        yield Bench(settings, instance)


def happened(log: EventLog, kind: str, mall_id: str) -> None:
    log.append([Event(f"{kind}:{mall_id}", mall_id, kind, datetime.now(UTC), {})])


def test_a_tick_asks_for_batches_of_the_malls_that_are_served(stored: Bench) -> None:
    bench = stored
    names = [f"mall{n:03d}" for n in range(2 * MOST_MALLS + 4)]
    bench.instance.add_dynamic_partitions("malls", names[::-1])
    happened(bench.log, SUSPENDED, "mall001")
    for kind in ("app.installed", "app.uninstalled"):
        happened(bench.log, kind, "mall002")
    happened(bench.log, "mall.removal_started", "mall003")
    served = [n for n in names if n not in ("mall001", "mall002", "mall003")]
    for name, job in BATCHED.items():
        asked, _ = bench.tick(name)
        assert bench.tick(name)[0] == asked, "a tick that is evaluated again asks for other runs"
        definition = job_named(job)
        carried = [r.run_config["ops"][op_of(definition)]["config"]["malls"] for r in asked]
        assert [m for batch in carried for m in batch] == served and [len(b) for b in carried] == [50, 50, 1]
        assert len({r.run_key for r in asked}) == 3 and all(AT.isoformat() in str(r.run_key) for r in asked)
        assert SCHEDULES[name].job_name == job and dg.validate_run_config(definition, asked[0].run_config)
        assert not any(r.partition_key for r in asked)


def test_a_tick_without_a_mall_to_look_at_says_so(stored: Bench) -> None:
    bench = stored
    assert bench.tick("insight_publisher") == ([], "there is no mall")
    bench.add("a")
    happened(bench.log, SUSPENDED, "a")
    assert bench.tick("insight_publisher") == ([], "a is suspended")


def test_a_batch_looks_in_the_ui_like_runs_of_the_asset_and_one_mall_fails_alone(bench: Bench) -> None:
    bench.add("a", "c")
    bench.instance.add_dynamic_partitions("malls", ["b", "d"])  # b is in no registry
    happened(bench.log, SUSPENDED, "d")
    done = bench.run("day_analysis", "a", "b", "c", "d")
    assert not done.success
    made = bench.made(done)
    assert set(made) == {"a", "c"} and bench.status(DAY, "a", "b", "c", "d") == [
        "MATERIALIZED", "FAILED", "MATERIALIZED", ""
    ]  # fmt: skip
    [failure] = [e.step_failure_data for e in done.all_events if e.is_step_failure]
    assert failure.user_failure_data and "1 of 4 malls failed: b (ConfigError" in str(
        failure.user_failure_data.description
    )
    assert not [e for e in done.all_events if e.event_type_value == "STEP_UP_FOR_RETRY"], "it was tried again"
    by_hand = dg.materialize(
        [day_summary], partition_key="a", instance=bench.instance, resources=bench.resources
    )  # fmt: skip
    [own] = by_hand.asset_materializations_for_node(DAY)
    assert made["a"] == {k: v.value for k, v in own.metadata.items()}

    [alert] = bench.alerts()
    assert (alert["mall"], alert["owner"], alert["kind"]) == ("b", CRM_TEAM, FAILED)
    assert "b" in alert["title"] and "ConfigError" in alert["lines"][0]
    assert bench.told("b") == [FAILED] and not bench.told("a") and not bench.told(OPERATIONS_MALL)

    register(bench.settings.home, Mall("b"))
    assert bench.run("day_analysis", "a", "b").success, "the whole batch again, now that the mall is mended"
    assert bench.status(DAY, "b") == ["MATERIALIZED"] and bench.told("b") == [FAILED, RECOVERED]
    assert [a["kind"] for a in bench.alerts()] == [FAILED, RECOVERED]


def test_an_alert_of_a_batch_names_all_its_malls_and_who_works_again_is_told_though_others_fail(
    bench: Bench,
) -> None:
    malls = [f"mall{n:02d}" for n in range(25)]
    bench.instance.add_dynamic_partitions("malls", malls)  # none is registered
    assert not bench.run("day_analysis", *malls).success
    [alert] = bench.alerts()
    assert alert["mall"] == OPERATIONS_MALL and "쇼핑몰 25곳" in alert["title"]
    assert all(any(m in line for line in alert["lines"]) for m in malls)
    bench.add(*malls[:2])
    assert not bench.run("day_analysis", *malls).success
    assert [bench.told(m) for m in malls[:3]] == [[FAILED, RECOVERED], [FAILED, RECOVERED], [FAILED, FAILED]]
    assert [a["kind"] for a in bench.alerts()] == [FAILED, RECOVERED], "the same trouble is told once a day"
    assert malls[0] in str(bench.alerts()[1]["lines"]) and malls[2] not in str(bench.alerts()[1]["lines"])


def test_a_batch_whose_process_died_is_a_failure_of_what_it_had_not_made(bench: Bench) -> None:
    bench.add("a", "b")
    definition = job_named("day_analysis")
    config = {"ops": {OP: {"config": {"malls": ["a", "b"]}}}}
    for _ in range(3):
        run = bench.instance.create_run_for_job(
            definition, run_config=config, status=dg.DagsterRunStatus.STARTED,
            tags=definition.tags,
        )  # fmt: skip
        bench.tell_end(run.run_id, bench.instance.report_run_failed(run, "the process is gone"))
    assert bench.told("a") == bench.told("b") == [FAILED] * 3
    [alert] = bench.alerts()
    assert "쇼핑몰 2곳" in alert["title"] and "- a, b" in alert["lines"], "a crash passes: it is told from the third"


# -- tries ---------------------------------------------------------------------------------------------------------


class Service:
    """What malls are looked at with in a job of a test: `broken` raise, `down` is how often everything raises."""

    def __init__(self, broken: dict[str, Exception] | None = None, down: int = 0) -> None:
        self.broken, self.down, self.asked = broken or {}, down, list[str]()

    def look(self, mall_id: str) -> dict[str, Any]:
        self.asked.append(mall_id)
        if self.down:
            self.down -= 1
            raise Unavailable("no answer")
        if mall_id in self.broken:
            raise self.broken[mall_id]
        return {"looked": len(self.asked)}


def through(bench: Bench, service: Service, *malls: str) -> dg.ExecuteInProcessResult:
    @dg.op
    def look_batch(context: dg.OpExecutionContext) -> None:
        go_through(context, bench.log, malls, "looked", service.look)

    @dg.job(executor_def=dg.in_process_executor)
    def looking() -> None:
        look_batch()

    return looking.execute_in_process(instance=bench.instance, raise_on_error=False)


def test_passing_trouble_is_tried_again_for_the_malls_that_are_missing_alone(bench: Bench) -> None:
    service = Service(down=1)
    done = through(bench, service, "a", "b", "c", "a")
    assert done.success and service.asked == ["a", "b", "c", "a"]
    assert sorted(bench.made(done)) == ["a", "b", "c"]

    service = Service({"b": ValueError("홍길동 010-1234-5678")})
    failed = through(bench, service, "a", "b", "c")
    assert not failed.success and service.asked == ["a", "b", "c"], "a permanent trouble was tried again"
    text = "".join(str(e) for e in bench.instance.all_logs(failed.run_id))
    assert "b (ValueError" in text and "홍길동" not in text and "010-1234" not in text

    mixed = Service({"b": ValueError("x"), "c": ConnectionError()})
    assert not through(bench, mixed, "a", "b", "c").success
    assert mixed.asked.count("a") == 1 and mixed.asked.count("c") == 3, "one that passes is worth a try"


def test_what_is_down_for_all_is_not_asked_for_each(bench: Bench) -> None:
    malls = [f"m{n:02d}" for n in range(20)]
    service = Service(down=1000)
    failed = through(bench, service, *malls)
    assert service.asked == malls[: 3 * IN_A_ROW], "each try begins with other malls"
    [failure] = [e.step_failure_data for e in failed.all_events if e.is_step_failure]
    assert failure.user_failure_data
    named: Any = failure.user_failure_data.metadata[FAILED_MALLS].value
    assert sorted(named) == malls and {why["kind"] for why in named.values()} == {"transient"}
    assert named["m19"]["message"] == UNTRIED and "no answer" in named["m06"]["message"]
    assert "and 10 more" in str(failure.user_failure_data.description)
    back = Service(down=IN_A_ROW)
    assert through(bench, back, *malls).success and back.asked[IN_A_ROW] == malls[IN_A_ROW]


def test_a_batch_holds_one_malls_graph_at_a_time_and_a_mall_without_one_is_told_as_such(bench: Bench) -> None:
    opened: list[object] = []

    class Counted(GraphResource):
        def _open(self, settings: Settings) -> GraphStore:
            opened.append(store := super()._open(settings))
            return store

    bench.add("a", "b")
    bench.resources["graph"] = Counted(home=str(bench.settings.home.root))
    failed = bench.run("health_watch", "a", "b")
    [failure] = [e.step_failure_data for e in failed.all_events if e.is_step_failure]
    assert failure.user_failure_data and "a (NotBuilt" in str(failure.user_failure_data.description)
    assert len(opened) == 2, "graphs stay open from mall to mall"


# -- a mall that leaves --------------------------------------------------------------------------------------------


def test_what_a_batch_said_of_a_mall_goes_with_the_mall_and_the_others_stay(stored: Bench) -> None:
    bench, settings = stored, stored.settings
    bench.add("goes", "stays")
    service = Service()
    service.look = lambda mall_id: {"text": f"SECRET OF {mall_id}"}  # type: ignore[method-assign]
    done = through(bench, service, "goes", "stays")
    assert done.success and b"SECRET OF goes" in _all_bytes(settings.home.dagster)
    unregister(settings.home, "goes")
    forget_mall(bench.instance, settings, "goes")
    left = _all_bytes(settings.home.dagster)
    assert b"SECRET OF goes" not in left and b"SECRET OF stays" in left
    assert set(bench.made(done)) == {"stays"}

    definition = job_named("day_analysis")
    config = {"ops": {OP: {"config": {"malls": ["stays"]}}}}
    bench.instance.create_run_for_job(
        definition, run_config=config, tags=definition.tags, status=dg.DagsterRunStatus.STARTED
    )
    with pytest.raises(Cafe24Error, match="under way"):
        forget_mall(bench.instance, settings, "stays")


@pytest.mark.slow
def test_on_a_server_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(Settings.from_env({}, home=tmp_path / "home"), profile="server")
    with local_postgres() as url, tempfile.TemporaryDirectory() as folder:
        overrides = {"storage": _storage_of_the_server_profile(url, monkeypatch)}
        with dg.DagsterInstance.local_temp(folder, overrides=overrides) as instance:
            bench, service = Bench(settings, instance), Service()
            bench.add("goes", "stays")
            service.look = lambda mall_id: {"text": f"SECRET OF {mall_id}"}  # type: ignore[method-assign]
            done = through(bench, service, "stays", "goes")
            assert set(bench.made(done)) == {"goes", "stays"}
            assert forget_mall(instance, settings, "goes")["dagster: events"] == 1
            assert set(bench.made(done)) == {"stays"}
            last = instance.get_latest_materialization_event(dg.AssetKey("looked"))
            assert last is not None and last.asset_materialization is not None
            assert last.asset_materialization.partition == "stays"


def _storage_of_the_server_profile(url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """As the root `dagster.yaml` has it, but for the port."""
    at = urlsplit(url)
    values = {"HOST": at.hostname, "USER": at.username, "PASSWORD": "none", "DB": at.path.strip("/")}
    for name, value in values.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", str(value))
    file = Path(__file__).parents[2] / "dagster.yaml"
    storage: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["storage"]
    storage["postgres"]["postgres_db"]["port"] = at.port
    return storage


def _all_bytes(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


def test_every_batch_job_names_the_asset_it_makes_and_its_op() -> None:
    made = {spec.key.to_user_string() for asset in all_assets for spec in asset.specs}
    for job in BATCHED.values():
        asset = job_named(job).tags[BATCH_TAG]
        assert asset in made and op_of(job_named(job)) == f"{asset}_batch" and step_owners()[asset]
