"""The three sensors notice what they are for, ask once, and are silent when nothing happens."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet
from cafe24_pipelines.cafe24.malls import Mall, known_malls, register
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle.state import mall_state
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.lifecycle import (
    ONBOARDING_TAG,
    departure_step,
    oauth_start,
    subscription,
    user_onboarding,
)
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event

from .lifecycle_home import LEAVER, MARK, STAYER, fill, give_tokens, home_settings

NOW = datetime.now(UTC)
CONSENT = ("oauth.authorized", "app.installed")


class Bench:
    """A home, its Dagster, and ticks of a sensor that remember its cursor."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance, self.log = settings, instance, parts.event_log(settings)
        self.cursors: dict[str, str | None] = {}

    def tick(self, sensor: dg.SensorDefinition) -> dg.SensorResult:
        events = EventsResource(home=str(self.settings.home.root))
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursors.get(sensor.name), resources={"events": events}
        ) as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursors[sensor.name] = result.cursor
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        return result

    def say(self, mall_id: str, *kinds: str, minutes: float = 0, **payload: Any) -> None:
        at = NOW + timedelta(minutes=minutes)
        told = [Event(f"{k}:{mall_id}:{minutes}", mall_id, k, at, payload) for k in kinds]
        self.log.append(told)

    def run(self, request: dg.RunRequest, job: str) -> dg.ExecuteInProcessResult:
        """The run that a sensor asked for, in this process."""
        defs = build_defs(resources=resources_for(str(self.settings.home.root)))
        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, run_config=request.run_config, tags=dict(request.tags),
            partition_key=request.partition_key, raise_on_error=False,
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    settings = _local(tmp_path / "home", monkeypatch)
    with dagster_instance(settings) as instance:
        yield Bench(settings, instance)


def _local(root: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that resources of a run find in the environment, too."""
    env = {"CAFE24_API_URL": "http://127.0.0.1:9/{mall_id}", "CAFE24_CLIENT_ID": "us", "CAFE24_CLIENT_SECRET": "s"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return home_settings(root)


@pytest.mark.slow
def test_an_installation_is_onboarded_once_and_summed_up_when_its_run_ended(bench: Bench) -> None:
    assert not bench.tick(user_onboarding).run_requests, "nothing happened"
    bench.say("shop", *CONSENT)
    (request,) = bench.tick(user_onboarding).run_requests or []
    install = mall_state(bench.log, "shop").installed_by
    assert request.partition_key == "shop" and request.tags[ONBOARDING_TAG] == install
    assert bench.instance.get_dynamic_partitions("malls") == ["shop"]
    assert known_malls(bench.settings.home)["shop"].source == "api"
    bench.cursors["user_onboarding"], before = None, bench.cursors["user_onboarding"]
    (again,) = bench.tick(user_onboarding).run_requests or []
    assert again.run_key == request.run_key, "a lost cursor asks under the same key, which Dagster runs once"
    bench.cursors["user_onboarding"] = before
    assert not bench.tick(user_onboarding).run_requests
    assert bench.log.read("shop", types=("mall.onboarded",)) == []

    defs = build_defs()
    job = defs.resolve_job_def("whole_chain")
    failed, done = (
        bench.instance.create_run_for_job(job, tags=dict(request.tags), status=status)
        for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.NOT_STARTED)
    )
    bench.instance.delete_run(done.run_id)
    bench.tick(user_onboarding)
    bench.tick(user_onboarding)
    (alert,) = bench.log.read("shop", types=("mall.onboarding_failed",))
    assert alert.payload["run_id"] == failed.run_id and mall_state(bench.log, "shop").stage == "installed"
    bench.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.SUCCESS)
    told = bench.tick(user_onboarding)
    assert "onboarded: shop" in str(told.skip_reason.skip_message if told.skip_reason else "")
    (event,) = bench.log.read("shop", types=("mall.onboarded",))
    assert event.payload["install"] == install and event.payload["rows"] == 0
    assert mall_state(bench.log, "shop").stage == "active"
    assert json.loads(bench.cursors["user_onboarding"] or "{}")["waiting"] == {}


def test_who_left_again_before_the_tick_is_not_onboarded(bench: Bench) -> None:
    bench.say("shop", *CONSENT)
    bench.say("shop", "app.uninstalled", minutes=1)
    assert not bench.tick(user_onboarding).run_requests
    assert "shop" not in known_malls(bench.settings.home)


@pytest.mark.slow
def test_tokens_near_their_end_are_looked_after_in_one_run_an_hour(bench: Bench) -> None:
    now = datetime.now(UTC).timestamp()
    for mall_id in ("one", "two", "three"):
        register(bench.settings.home, Mall(mall_id, "api"))
        ends = now + (7200 if mall_id == "three" else 300)
        give_tokens(bench.settings, mall_id, TokenSet("a", "r", ends, now + 86_400 * 13, client_id="us"))
    (request,) = bench.tick(oauth_start).run_requests or []
    assert request.run_config["ops"]["care_for_tokens"]["config"]["malls"] == ["one", "two"]
    assert not bench.tick(oauth_start).run_requests, "asked for already"
    assert bench.run(request, "token_care").success
    bench.say("three", "oauth.authorized", scopes=[], asked=[])
    (fresh,) = bench.tick(oauth_start).run_requests or []
    assert fresh.run_config["ops"]["care_for_tokens"]["config"]["malls"] == ["three"], "a consent waits for no hour"


def test_an_event_that_breaks_its_schema_is_set_aside_and_the_rest_goes_on(bench: Bench) -> None:
    bench.log.append([Event("bad", "shop", "app.expired", NOW, {"event_no": {"not": "a number"}})])
    register(bench.settings.home, Mall("other", "api"))
    bench.say("other", *CONSENT, minutes=-9)
    bench.say("other", "app.expired", minutes=1)
    bench.tick(subscription)
    (aside,) = bench.log.read("shop", types=("inbox.set_aside",))
    assert aside.payload["event_id"] == "bad"
    assert bench.log.read("other", types=("mall.subscription",))[-1].payload["reasons"] == ["expired"]


def test_plans_and_suspensions_are_applied_by_an_event_each(bench: Bench) -> None:
    assert not bench.tick(subscription).run_requests
    bench.say("shop", *CONSENT, minutes=-9)
    bench.say("shop", "plan.changed", minutes=1, plan="free")
    bench.tick(subscription)
    (first,) = bench.log.read("shop", types=("mall.subscription",))
    assert first.payload["limits"]["plan"] == "free" and first.payload["served"]
    bench.say("shop", "app.expired", minutes=2)
    told = bench.tick(subscription)
    assert "shop is suspended" in str(told.skip_reason.skip_message if told.skip_reason else "")
    bench.tick(subscription)
    assert len(bench.log.read("shop", types=("mall.subscription",))) == 2


@pytest.mark.slow
def test_a_mall_that_leaves_is_exported_at_once_and_removed_after_the_grace_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _local(tmp_path / "home", monkeypatch)
    for mall_id in (LEAVER, STAYER):
        fill(settings, mall_id)
    from cafe24_pipelines.stores.shared_state import shared_state

    with shared_state(settings).transaction() as connection:  # Cafe24 took the tokens with the app
        connection.exec_driver_sql("DELETE FROM tokens")
    with dagster_instance(settings) as instance:
        bench = Bench(settings, instance)
        bench.say(LEAVER, "app.uninstalled")
        left_by = mall_state(bench.log, LEAVER).left_by
        (export,) = bench.tick(subscription).run_requests or []
        assert export.run_config["ops"]["see_off"]["config"] == {
            "mall_id": LEAVER, "left_by": left_by, "step": "EXPORT"
        }  # fmt: skip
        assert bench.run(export, "mall_departure").success
        (made,) = bench.log.read(LEAVER, types=("mall.exported",))
        assert (settings.home.root / made.payload["path"]).exists()
        assert not (settings.home.contacts / f"{LEAVER}.db").exists(), "personal data goes at once"
        assert (settings.home.contacts / f"{STAYER}.db").exists()
        assert not bench.tick(subscription).run_requests, "in its grace days"
        monkeypatch.setenv("CAFE24_GRACE_DAYS", "0")
        (removal,) = bench.tick(subscription).run_requests or []
        assert removal.run_config["ops"]["see_off"]["config"]["step"] == "REMOVE"
        assert not bench.tick(subscription).run_requests, "asked for already"
        job = build_defs().resolve_job_def("discovery")
        status = dg.DagsterRunStatus.STARTED
        at_work = instance.create_run_for_job(job, tags={"dagster/partition": LEAVER}, status=status)
        assert bench.run(removal, "mall_departure").success
        assert mall_state(bench.log, LEAVER).stage == "uninstalled", "postponed: nothing is removed under a run"
        instance.report_run_canceled(at_work)
        assert bench.run(removal, "mall_departure").success
        assert mall_state(bench.log, LEAVER).stage == "removed"
        assert instance.get_dynamic_partitions("malls") == [STAYER]
        left = [p for p in settings.home.root.rglob("*") if p.is_file() and MARK[LEAVER].encode() in p.read_bytes()]
        assert left == []
        assert not bench.tick(subscription).run_requests


def test_a_removal_that_did_not_happen_is_asked_for_again_after_an_hour() -> None:
    from cafe24_pipelines.lifecycle.state import MallState

    settings = home_settings(Path("x"))
    gone = MallState("shop", "uninstalled", left_by="e1", left_at=NOW)
    days = timedelta(days=settings.grace_days)
    assert departure_step(settings, gone, "", 0.0, NOW) == "export"
    assert departure_step(settings, gone, "e1", 0.0, NOW + days - timedelta(seconds=1)) == ""
    assert departure_step(settings, gone, "e1", 0.0, NOW + days) == "remove"
    asked = (NOW + days).timestamp()
    assert departure_step(settings, gone, "e1", asked, NOW + days + timedelta(minutes=59)) == ""
    assert departure_step(settings, gone, "e1", asked, NOW + days + timedelta(minutes=61)) == "remove"
    assert departure_step(settings, MallState("shop", "removing"), "", 0.0, NOW) == "remove", "one that was killed"
