"""One mall's whole life against a sandbox that speaks the Admin API: onboarded, left, removed, back again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.cafe24.malls import Mall, known_malls, register
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle.state import mall_state
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.sensors.lifecycle import subscription, user_onboarding
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event

MALL = "new-shop"
MEMBERS = 60


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Settings, RunningSandbox]]:
    mall = SandboxMall.build(tmp_path / "mall.sqlite", customers=MEMBERS)
    with RunningSandbox(mall, mall_ids=(MALL,)) as server:
        env = {
            "CAFE24_API_URL": server.url + "/{mall_id}", "CAFE24_ANALYTICS_URL": server.url,
            "CAFE24_CLIENT_ID": "sandbox-client", "CAFE24_CLIENT_SECRET": "sandbox-secret",
            "CAFE24_ENCRYPTION_KEY": "k" * 40,
        }  # fmt: skip
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        yield Settings.from_env(home=tmp_path / "home"), server


class Life:
    """What the daemon does, one tick and one run at a time."""

    def __init__(self, settings: Settings, server: RunningSandbox, instance: dg.DagsterInstance) -> None:
        self.settings, self.server, self.instance = settings, server, instance
        self.log, self.cursors = parts.event_log(settings), dict[str, str | None]()
        self.defs = build_defs(resources=resources_for(str(settings.home.root)))

    def consent(self) -> None:
        """What the callback leaves."""
        keeper = token_keeper(self.settings, MALL)
        keeper.install(token_set(self.server.control.grant(mall_id=MALL), datetime.now(UTC).timestamp()))
        register(self.settings.home, Mall(MALL, "api"))
        self.say("oauth.authorized", "app.installed")

    def say(self, *kinds: str) -> None:
        now = datetime.now(UTC)
        self.log.append([Event(f"{kind}:{now.isoformat()}", MALL, kind, now, {}) for kind in kinds])

    def tick(self, sensor: dg.SensorDefinition, job: str = "") -> int:
        """One tick, and the runs that it asks for, as this job (none: they are left undone); how many."""
        events = EventsResource(home=str(self.settings.home.root))
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursors.get(sensor.name), resources={"events": events}
        ) as context:
            result: Any = sensor(context)
        self.cursors[sensor.name] = result.cursor
        for added in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(added.partitions_def_name, added.partition_keys)
        for request in (result.run_requests or ()) if job else ():
            done = self.defs.resolve_job_def(job).execute_in_process(
                instance=self.instance, partition_key=request.partition_key, run_config=request.run_config,
                tags=dict(request.tags),
            )  # fmt: skip
            assert done.success
        return len(result.run_requests or ())

    @property
    def stage(self) -> str:
        return mall_state(self.log, MALL).stage


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_first_run_ends_with_a_report_and_a_mall_that_leaves_is_removed_and_comes_back(
    settings: tuple[Settings, RunningSandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, server = settings
    with dagster_instance(found) as instance:
        life = Life(found, server, instance)
        life.consent()
        assert life.tick(user_onboarding, "whole_chain") == 1 and life.stage == "installed"
        assert life.tick(user_onboarding, "whole_chain") == 0 and life.stage == "active"
        (event,) = life.log.read(MALL, types=("mall.onboarded",))
        assert event.payload["members"] > 0 and event.payload["orders"] > MEMBERS
        assert event.payload["nodes"] > event.payload["orders"] and event.payload["points"] > 100
        assert list((found.home.reports / MALL).rglob("*.html")), "the first report exists within the run"
        keys = parts.mall_lake(found, MALL).read("customers").column("member_key").to_pylist()

        life.say("app.uninstalled")  # by whoever knows the webhook key: the mall takes our tokens still
        assert life.tick(subscription, "mall_departure") == 1
        assert life.stage == "active" and life.log.read(MALL, types=("mall.exported",)) == []

        server.control.tokens("forget_all")
        life.say("app.uninstalled")
        assert life.tick(subscription, "mall_departure") == 1 and life.stage == "uninstalled"
        assert life.log.read(MALL, types=("mall.exported",))
        monkeypatch.setenv("CAFE24_GRACE_DAYS", "0")
        assert life.tick(subscription, "mall_departure") == 1 and life.stage == "removed"
        assert MALL not in known_malls(found.home) and not instance.get_dynamic_partitions("malls")
        everything = [(p, p.read_bytes()) for p in found.home.root.rglob("*") if p.is_file()]
        assert not [(p, key) for p, data in everything for key in keys if key.encode() in data]

        life.consent()
        assert life.tick(user_onboarding) == 1, "a removed mall that comes back begins anew"
        assert life.stage == "installed" and instance.get_dynamic_partitions("malls") == [MALL]
        assert known_malls(found.home)[MALL].source == "api" and parts.mall_lake(found, MALL).counts() == {}
