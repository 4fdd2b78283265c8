"""A plan bounds what a mall does in a day; a suspended one does nothing; callers at once pass no more than that."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import dagster as dg
import pytest
from click.testing import CliRunner

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cli import main
from cafe24_pipelines.inbox.post import post
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle.plan import Allowance, NotAllowed, allowed, llm_budget, plans, require, spend
from cafe24_pipelines.lifecycle.words import REASONS
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.workflows import shop_sync
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

NOON = datetime(2026, 3, 2, 3, 5, tzinfo=UTC)  # 12:05 in Seoul
ARRIVAL = ("oauth.authorized", "app.installed", "mall.onboarded")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings.from_env({}, home=tmp_path / "home")
    register(found.home, Mall("shop", "api"))
    log = parts.event_log(found)
    start = NOON - timedelta(days=9)
    log.append([Event(f"a:{n}", "shop", kind, start + timedelta(minutes=n), {}) for n, kind in enumerate(ARRIVAL)])
    return found


def say(log: EventLog, kind: str, minute: int, **payload: str) -> None:
    at = NOON - timedelta(days=1) + timedelta(minutes=minute)
    log.append([Event(f"{kind}:{minute}", "shop", kind, at, payload)])


def test_a_plan_bounds_a_day_and_the_next_day_is_new(settings: Settings) -> None:
    log = parts.event_log(settings)
    post(log, "shop", "plan.changed", {"plan": "free"}, key="1", now=NOON - timedelta(days=1))
    limit = plans()["free"].questions_per_day or 0
    assert all(spend(settings, log, "shop", "question", now=NOON).ok for _ in range(limit))
    found = spend(settings, log, "shop", "question", now=NOON)
    assert not found.ok and found.reasons == ("spent",) and f"{limit}/{limit}" in found.text("ko")
    assert not allowed(settings, log, "shop", "question", now=NOON).ok
    with pytest.raises(NotAllowed, match="used up"):
        require(settings, log, "shop", "question", now=NOON)
    assert spend(settings, log, "shop", "snippet", now=NOON).ok, "counted apart"
    midnight = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # in Seoul
    assert not spend(settings, log, "shop", "question", now=midnight - timedelta(seconds=1)).ok
    assert spend(settings, log, "shop", "question", now=midnight).ok
    post(log, "shop", "plan.changed", {"plan": "pro"}, key="2", now=NOON)
    assert allowed(settings, log, "shop", "question", now=NOON).ok, "an upgrade holds at once"


def test_callers_at_the_same_time_pass_no_more_than_the_bound(settings: Settings) -> None:
    log = parts.event_log(settings)
    say(log, "plan.changed", 0, plan="free")
    limit = plans()["free"].snippets_per_day or 0
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: spend(settings, log, "shop", "snippet", now=NOON).ok, range(4 * limit)))
    assert sum(done) == limit


@pytest.mark.parametrize(
    ("event", "back", "told"),
    [
        ("app.expired", "app.renewed", "이용 기간"), ("mall.blocked", "mall.reactivated", "차단"),
        ("mall.deactivated", "mall.reactivated", "비활성"), ("app.refunded", "app.paid", "결제"),
        ("mall.suspended", "mall.resumed", "운영자"),
    ],
)  # fmt: skip
def test_a_suspended_mall_is_not_served_until_it_is_resumed(
    settings: Settings, event: str, back: str, told: str
) -> None:
    log = parts.event_log(settings)
    say(log, event, 0)
    for what in ("question", "snippet", "sync"):
        found = spend(settings, log, "shop", what, now=NOON)  # type: ignore[arg-type]
        assert not found.ok and told in found.text("ko") and found.text("en")
    say(log, back, 1)
    assert spend(settings, log, "shop", "question", now=NOON).ok


def test_reading_stays_open_where_only_the_subscription_ended_and_by_hand_no_hour_binds(settings: Settings) -> None:
    log, night = parts.event_log(settings), NOON + timedelta(hours=1)
    say(log, "plan.changed", 0, plan="free")
    assert not allowed(settings, log, "shop", "sync", now=night).ok
    assert allowed(settings, log, "shop", "run", now=night).ok
    say(log, "app.expired", 1)
    assert allowed(settings, log, "shop", "read").ok and not allowed(settings, log, "shop", "run").ok
    say(log, "mall.suspended", 2)
    assert allowed(settings, log, "shop", "read").reasons == ("operator",)
    say(log, "mall.resumed", 3)
    for n, stage in enumerate(("uninstalled", "removing", "removed")):
        say(log, ("app.uninstalled", "mall.removal_started", "mall.removed")[n], 4 + n)
        assert allowed(settings, log, "shop", "read").reasons == (stage,)


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_refusal_says_what_where_and_how_to_mend_it(code: str) -> None:
    error = NotAllowed(Allowance("shop", "question", "free", (code,), 30, 30))
    assert error.where == "mall shop" and error.what.startswith(REASONS[code].en)
    assert error.remedy and error.remedy.isascii() and "{" not in error.remedy
    if found := re.search(r"`cafe24 ([^`]+)`", error.remedy):
        words = found[1].split()
        group = main.commands[words[0]]
        assert not isinstance(group, click.Group) or words[1] in group.commands
    assert "shop" not in error.to_merchant() and "cafe24" not in error.to_merchant()
    assert all(re.search("[가-힣]", part) for part in error.to_merchant().rstrip(".").split(". "))


def test_the_smaller_bound_of_installation_and_plan_holds_for_models(settings: Settings, tmp_path: Path) -> None:
    from dataclasses import replace

    log, rich = parts.event_log(settings), replace(settings, llm_budget_usd=5.0)
    assert (llm_budget(settings, log, "shop"), llm_budget(rich, log, "shop")) == (0.0, 5.0)
    say(log, "plan.changed", 0, plan="basic")
    assert (llm_budget(settings, log, "shop"), llm_budget(rich, log, "shop")) == (2.0, 2.0)
    assert llm_budget(replace(settings, llm_budget_usd=0.5), log, "shop") == 0.5
    model = parts.language_model(settings, Mall("shop", "api"))
    assert model.budget is not None and model.budget.usd_a_day == 2.0


def test_the_hourly_sync_leaves_out_who_is_not_due_and_says_why(settings: Settings) -> None:
    log, events = parts.event_log(settings), EventsResource(home=str(settings.home.root))

    def tick(at: datetime) -> list[dg.RunRequest | dg.SkipReason]:
        with (
            dagster_instance(settings) as instance,
            dg.build_schedule_context(
                instance=instance, scheduled_execution_time=at, resources={"events": events}
            ) as context,
        ):
            instance.add_dynamic_partitions("malls", ["sandbox", "shop"])
            return list(shop_sync(context))

    def malls(found: list[dg.RunRequest | dg.SkipReason]) -> list[str | None]:
        return [one.partition_key for one in found if isinstance(one, dg.RunRequest)]

    assert malls(tick(NOON)) == ["sandbox", "shop"], "a mall without a life is the operator's own"
    say(log, "plan.changed", 0, plan="free")
    hours = [NOON + timedelta(hours=n) for n in range(24)]
    assert sum("shop" in malls(tick(at)) for at in hours[::2]) == 4, "four times a day, at even hours"
    say(log, "app.expired", 1)
    assert malls(tick(NOON)) == ["sandbox"]
    log.append([Event("s", "sandbox", "mall.suspended", NOON, {})])
    (skip,) = tick(NOON)
    assert isinstance(skip, dg.SkipReason) and "shop: the app's term has ended" in str(skip.skip_message)


def test_the_command_changes_plans_and_suspends_and_refuses_who_is_unknown(settings: Settings) -> None:
    runner = CliRunner()

    def call(*words: str, code: int = 0) -> dict[str, object]:
        done = runner.invoke(main, ["mall", *words, "--home", str(settings.home.root), "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if done.stdout else {}

    assert call("plan", "basic", "--mall", "shop")["plan"] == "basic"
    assert call("suspend", "--mall", "shop")["reasons"] == ["operator"]
    assert call("show", "--mall", "shop")["not_allowed"] == "운영자가 중지했습니다"
    assert call("resume", "--mall", "shop")["stage"] == "active"
    assert [(row["mall"], row["stage"]) for row in call("list")] == [("sandbox", "unknown"), ("shop", "active")]  # type: ignore[index,union-attr]
    assert call("remove", "--mall", "shop", code=1)["removed"] is False, "nothing goes without --yes"
    assert call("show", "--mall", "nobody", code=1) == {}
