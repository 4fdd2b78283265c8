"""A mall whose sync stopped is told by name, however fresh the others are; whom nobody serves is not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.instance_facts import last_landings
from cafe24_pipelines.operations.silence import SLACK, silence_items
from cafe24_pipelines.parts import api_lake, event_log
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """A home in which nothing has happened; its default plan syncs every hour."""
    return Settings.from_env({"CAFE24_DEFAULT_PLAN": "pro"}, home=tmp_path / "home")


def _told(home: Settings, landed: dict[str, datetime], source: str = "csv") -> dict[str, str]:
    malls = {m: Mall(m, source=source) for m in landed}
    return {i.name: i.why for i in silence_items(home, malls, landed, now=NOW)}


def _life(home: Settings, mall: str, hours: float, kind: str, **payload: str) -> None:
    event_log(home).append([Event(f"{mall}:{kind}", mall, kind, NOW - timedelta(hours=hours), payload)])


def test_the_silent_mall_is_named_and_the_fresh_ones_hide_it_not(home: Settings) -> None:
    landed = {"fresh": NOW - timedelta(minutes=55), "silent": NOW - timedelta(hours=1) - SLACK - timedelta(minutes=1)}
    [item] = silence_items(home, {m: Mall(m) for m in landed}, landed, now=NOW)
    assert (item.state, item.name, item.label) == ("red", "shop_sync/silent", "job/shop_sync")
    assert "cafe24 run --mall silent" in item.remedy and item.en[0] and item.detail == "11-02 16:59"
    assert _told(home, {**landed, "silent": NOW - timedelta(hours=1) - SLACK}) == {}, "within its slack"


def test_the_plan_sets_the_interval_and_whom_nobody_serves_may_be_silent(home: Settings) -> None:
    for mall in ("free", "suspended", "removed", "back"):
        _life(home, mall, 90, "app.installed")
        _life(home, mall, 80, "mall.onboarded")
    _life(home, "free", 70, "plan.changed", plan="free")
    _life(home, "suspended", 60, "mall.suspended")
    _life(home, "removed", 60, "app.uninstalled")
    _life(home, "back", 60, "mall.suspended")
    _life(home, "back", 2, "mall.resumed")
    ago = dict.fromkeys(("free", "suspended", "removed", "back"), NOW - timedelta(hours=8))
    assert _told(home, ago) == {}, "six hours and the slack; who came back has an interval before it"
    assert list(_told(home, {**ago, "free": NOW - timedelta(hours=10)})) == ["shop_sync/free"]


def test_a_sync_that_reads_nothing_is_silent_although_it_lands(home: Settings) -> None:
    for mall, hours in (("read", 1), ("refused", 9)):
        stamp = int((NOW - timedelta(hours=hours)).timestamp())
        state = {"ledgers": {"1": {"last_run": stamp}, "2": {"last_run": 0}}}
        api_lake(home, mall).of("orders").commit(state=state)
    told = _told(home, dict.fromkeys(("read", "refused", "never"), NOW), source="api")
    assert told == {"shop_sync/refused": "쇼핑몰을 제때 읽지 못하고 있습니다"}


def test_the_last_landing_of_every_mall_is_found_at_once(home: Settings) -> None:
    with dagster_instance(home) as instance:
        assert last_landings(instance, ["a", "b"]) == {}
        for mall in ("a", "b", "a", "gone"):
            instance.report_runless_asset_event(dg.AssetMaterialization("orders", partition=mall))
        found = last_landings(instance, ["a", "b", "new"])
    assert set(found) == {"a", "b"} and found["a"] > found["b"]
