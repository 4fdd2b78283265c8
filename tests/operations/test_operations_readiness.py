"""Readiness sees what is stopped, late, silent, failed, missing or inconsistent, and nothing where all is well."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.cli import main
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.discovery.patterns import PatternBook
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.instance_facts import automation_facts
from cafe24_pipelines.names import OPERATIONS_MALL, SEOUL
from cafe24_pipelines.operations.clock import last_due
from cafe24_pipelines.operations.heartbeat import FILE, beat
from cafe24_pipelines.operations.phrases import ATTEMPT_FAILED
from cafe24_pipelines.operations.posting import CHANGED
from cafe24_pipelines.operations.readiness import (
    AssetFact,
    AutomationFact,
    CheckFact,
    Facts,
    Item,
    Readiness,
    readiness,
)
from cafe24_pipelines.operations.readiness_text import changes, markdown, text
from cafe24_pipelines.operations.silence import NOT_READ, READ_AGAIN
from cafe24_pipelines.operations.store_facts import model_items, served_malls, store_items
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=ZoneInfo(SEOUL))  # a Monday


def _ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def _one(fact: Any) -> Item:
    facts = {AutomationFact: "automations", AssetFact: "assets", CheckFact: "checks"}
    [item] = readiness(Facts(**{facts[type(fact)]: [fact]}), NOW).items
    return item


SCHEDULE = AutomationFact(
    "morning", True, crons=("0 9,14 * * *",), running=True, started_at=_ago(days=30), last_tick_at=_ago(hours=3),
    last_tick="success", last_run_at=_ago(hours=3), last_run="success",
)  # fmt: skip
SENSOR = replace(SCHEDULE, name="watch", crons=(), interval=60, last_tick_at=_ago(minutes=2), last_tick="skipped")


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (SCHEDULE, ""),
        (SENSOR, ""),
        (replace(SCHEDULE, running=False), "시작되지 않았습니다"),
        (replace(SENSOR, last_tick="failure"), "마지막 틱이 실패했습니다"),
        (replace(SCHEDULE, last_run="failure"), "마지막 실행이 실패했습니다"),
        (replace(SCHEDULE, last_tick_at=_ago(hours=22)), "틱이 늦습니다"),
        (replace(SCHEDULE, last_tick_at=None), "틱이 늦습니다"),
        (replace(SCHEDULE, last_tick_at=None, started_at=_ago(hours=1)), ""),
        (replace(SENSOR, last_tick_at=_ago(minutes=40)), "틱이 늦습니다"),
        (replace(SENSOR, interval=3600, last_tick_at=_ago(hours=4)), ""),
        (replace(SENSOR, last_tick_at=None, started_at=_ago(minutes=1)), ""),
    ],
)
def test_an_automation_is_red_when_it_is_off_failed_or_late(fact: AutomationFact, why: str) -> None:
    item = _one(fact)
    assert (item.state, item.why) == ("red" if why else "green", why)
    assert bool(item.remedy) == bool(why)


ASSET = AssetFact("orders", True, last_at=_ago(hours=1), fail_after=timedelta(hours=4))
CRON = replace(ASSET, fail_after=None, deadline=("0 17 * * *", timedelta(hours=6), SEOUL))


@pytest.mark.parametrize(
    ("fact", "state", "why"),
    [
        (ASSET, "green", ""),
        (replace(ASSET, last_at=_ago(hours=5)), "red", "제때"),
        (replace(CRON, last_at=_ago(hours=21)), "green", ""),  # 15:00 the day before, by 17:00
        (replace(CRON, last_at=_ago(hours=26)), "red", "제때"),  # 10:00 the day before: too early for that deadline
        (replace(ASSET, failed=("b", "a")), "red", "실패했습니다: a, b"),
        (replace(ASSET, missing=("a",)), "red", "만들어지지 않았습니다: a"),
        (replace(ASSET, required=False, last_at=None, missing=("a",)), "off", ""),
        (replace(ASSET, required=False, missing=("a",)), "green", ""),
    ],
)
def test_an_asset_is_red_when_it_failed_is_missing_or_silent(fact: AssetFact, state: str, why: str) -> None:
    item = _one(fact)
    assert item.state == state and why in item.why


def test_a_check_is_red_when_it_failed_and_tells_a_mere_warning_only() -> None:
    assert _one(CheckFact("c", False)).state == "off"
    assert _one(CheckFact("c", True, failed=tuple("abcdefg"))).why.endswith("a, b, c, d, e 외 2개")
    warned = _one(CheckFact("c", True, warned=("a",)))
    assert (warned.state, warned.detail) == ("green", "경고: a")


def test_the_same_trouble_an_hour_later_is_the_same() -> None:
    facts = Facts([replace(SENSOR, last_tick_at=_ago(hours=2))], [replace(ASSET, last_at=_ago(hours=9))])
    before, after = readiness(facts, NOW), readiness(facts, NOW + timedelta(hours=1))
    assert before.digest() == after.digest() and len(before.red) == 2
    assert before.digest() != readiness(Facts([SENSOR], facts.assets), NOW).digest()


def test_a_schedule_was_last_due_when_cron_says_so() -> None:
    said = {
        "5 * * * *": "03-02 11:05", "0 9,14 * * *": "03-02 09:00", "*/10 8-21 * * *": "03-02 12:00",
        "0 10 * * 0": "03-01 10:00", "0 10 * * 7": "03-01 10:00", "30 23 28 2 *": "02-28 23:30",
        "0 8 1 * 1": "03-02 08:00", "50 8-11/2 * * *": "03-02 10:50",
    }  # fmt: skip
    for cron, due in said.items():
        found = last_due(cron, NOW, SEOUL)
        assert found is not None and found.strftime("%m-%d %H:%M") == due, cron
    both = last_due(["0 10 * * 0", "5 * * * *"], NOW.astimezone(UTC), SEOUL)
    assert both == datetime(2026, 3, 2, 11, 5, tzinfo=ZoneInfo(SEOUL))
    for wrong in ("5 * * *", "60 * * * *", "@daily"):
        with pytest.raises(ValueError, match=r".+"):
            last_due(wrong, NOW, SEOUL)


def _stores(settings: Settings, now: datetime | None = None) -> dict[str, tuple[str, str]]:
    return {i.name: (i.state, i.why) for i in store_items(settings, ["sandbox"], now=now)}


def test_stores_are_green_while_they_agree_and_red_when_one_does_not(copy: Settings) -> None:
    log, now = EventLog(copy.home.events), datetime.now(UTC)
    assert _stores(copy)["event_log"] == ("red", "하트비트가 아직 없습니다")
    beat(copy, log, now=now)
    assert {state for state, _ in _stores(copy, now).values()} == {"green"}

    assert _stores(copy, now + timedelta(minutes=30))["event_log"][0] == "green"
    assert _stores(copy, now + timedelta(hours=2))["event_log"] == ("red", "하트비트가 끊겼습니다")

    book = PatternBook(copy.home.patterns)
    patterns = book.current("sandbox")
    book.publish("sandbox", [replace(patterns[0], title="다른 숫자 12.3%p"), *patterns[1:]])
    assert _stores(copy, now)["graph/sandbox"][1] == "그래프의 패턴이 게시된 패턴과 다릅니다"
    assert _stores(copy, now)["vectors/sandbox"][1] == "인사이트 벡터가 게시된 패턴과 다릅니다"
    book.publish("sandbox", patterns)
    assert {state for state, _ in _stores(copy, now).values()} == {"green"}

    shutil.rmtree(copy.home.vectors / "sandbox" / "cafe24_api_docs")
    (copy.home.lake / "sandbox" / "orders" / "manifest.json").write_text("{")
    broken = _stores(copy, now)
    assert broken["lake/sandbox"][1].startswith("읽을 수 없습니다") and broken["event_log"][0] == "green"
    assert "cafe24_api_docs" in broken["vectors/sandbox"][1], "one broken store takes no other along"


def test_what_a_mall_lacks_that_is_not_served_is_nobody_s_trouble(settings: Settings) -> None:
    malls, log = known_malls(settings.home), EventLog(settings.home.events)
    assert served_malls(settings, malls) == malls
    log.append([Event("s", "shop", "mall.suspended", NOW, {})])
    assert "shop" in malls and served_malls(settings, malls).keys() == malls.keys() - {"shop"}
    settings.home.events.write_bytes(b"this is no database" * 100)
    assert served_malls(settings, malls) == malls


def test_models_are_configured_or_off_and_none_is_asked() -> None:
    env = {"LLM_MODEL": "openai/x", "LLM_API_BASE": "http://127.0.0.1:9"}
    states = {i.name: i.state for i in model_items(Settings.from_env(env))}
    assert states["LLM_MODEL"] == "green" and states["FINETUNED_MODEL"] == states["RERANK_MODEL"] == "off"


def test_a_beat_writes_and_reads_back_and_leaves_nothing_that_grows(settings: Settings, tmp_path: Path) -> None:
    log = EventLog(settings.home.events)
    first, second = beat(settings, log), beat(settings, log, now=datetime.now(UTC) + timedelta(minutes=15))
    assert second.cursor == first.cursor + 15 and first.free_bytes > 0
    assert not log.read(OPERATIONS_MALL) and len(list(settings.home.lake.iterdir())) == 1
    (settings.home.lake / FILE).unlink()
    (settings.home.lake / FILE).mkdir()
    with pytest.raises((Cafe24Error, OSError)):
        beat(settings, log)


@pytest.mark.slow
def test_readiness_is_an_asset_and_an_event_only_on_a_change(settings: Settings) -> None:
    defs = build_defs(resources=resources_for(str(settings.home.root)))
    log = EventLog(settings.home.events)
    with dagster_instance(settings) as instance:
        job = defs.resolve_job_def("readiness_check")
        for _ in range(3):
            result = job.execute_in_process(instance=instance)
            [made] = result.asset_materializations_for_node("readiness")
        assert made.metadata["green"].value is False
        assert str(made.metadata["table"].value).startswith("**준비되지 않음")
    # the first run finds no `readiness` asset, the second does; the third says the same again
    assert len(log.read(OPERATIONS_MALL, types=(CHANGED,))) == 2


def test_the_command_says_what_is_red_in_korean_and_ends_with_one(settings: Settings) -> None:
    home = ["--home", str(settings.home.root)]
    told = CliRunner().invoke(main, ["ready", "--json", *home])
    value = json.loads(told.stdout)
    assert told.exit_code == 1 and value["green"] is False
    assert {"area", "name", "state", "why", "remedy"} <= set(value["items"][0])
    items = tuple(Item(**i) for i in value["items"])
    shown = text(Readiness(NOW, items))
    assert shown.startswith("준비되지 않음") and "→" in shown
    assert "✗ 시작되지 않았습니다 (24건: ab_a_baseline" in shown
    assert "heartbeat_upkeep" in shown and len(shown.splitlines()) < 40, "one glance"


def test_what_has_one_reason_is_told_in_one_line_and_in_english_too() -> None:
    facts = [replace(SCHEDULE, name=f"w{i}", running=False) for i in range(12)]
    found = readiness(Facts(facts, [replace(ASSET, failed=("b",))]), NOW)
    lines = text(found).splitlines()
    assert [line for line in lines if "w0" in line] == [
        "    ✗ 시작되지 않았습니다 (12건: w0, w1, w10, w11, w2, w3, w4, w5, …)"
    ]
    assert lines.index("✗ 자산: 0/1") < lines.index("✗ 워크플로: 0/12"), "data before what starts it"
    many = tuple(Item.red("job", f"shop_sync/m{i:02d}", NOT_READ, READ_AGAIN.of(f"m{i:02d}")) for i in range(50))
    shown = text(Readiness(NOW, many))
    assert len(shown.splitlines()) == 5 and "--mall 몰ID`" in shown, "malls with the same trouble are one reason"
    assert "--mall m07`" in text(Readiness(NOW, many[7:8])) and "--mall MALL`" in text(Readiness(NOW, many), "en")
    narrow = text(found, width=80).splitlines()
    assert "    ✗ 시작되지 않았습니다 (12건: w0, w1, w10, w11, w2, w3, w4, w5, …)" in narrow
    long = Item.red("asset", "a", ATTEMPT_FAILED.of(", ".join("malls" for _ in range(40))), NOT_READ)
    folded = text(Readiness(NOW, (long, *many)), width=80).splitlines()
    assert max(map(cell_len, folded)) <= 80 and " ".join(" ".join(folded).split()).count("malls") == 40
    assert next(n for n in folded if "m00" in n).endswith("(50건: shop_sync/m00, shop_sync/m01, …)")
    english = text(readiness(Facts(checks=[CheckFact("c", True, failed=tuple("abcdefg"))]), NOW), "en")
    assert "a, b, c, d, e and 2 more" in english
    english = text(found, "en")
    assert english.isascii() or not any("가" <= c <= "힣" for c in english)
    assert "not started (12: w0" in english and "the last attempt failed: b" in english


def test_green_and_changes_are_told_in_a_line_each() -> None:
    green = Readiness(NOW, (Item("store", "a|b", "green"),))
    assert text(green).startswith("준비됨") and "a\\|b" in markdown(green)
    red = [Item("store", f"s{i}/shop", "red", "이유: shop", "--mall shop") for i in range(12)]
    lines = changes(red, {"store/s0", "asset/gone"})
    assert (
        lines[-3:] == ["✓ 해결됨: asset/gone", "그대로: 1건", "해결 방법과 전체: `cafe24 ready`"] and len(lines) == 12
    )
    assert "shop" not in "".join(lines), "a mall that is removed later is not named"


@pytest.mark.slow
def test_the_daemon_s_ticks_are_seen(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import subprocess
    import sys
    import time

    def facts() -> dict[str, AutomationFact]:
        with dagster_instance(settings) as instance:
            return {f.name: f for f in automation_facts(instance, build_defs())}

    assert facts()["run_failures"].running and not facts()["heartbeat_upkeep"].running
    env = os.environ | {"DAGSTER_HOME": str(settings.home.dagster), "CAFE24_HOME": str(settings.home.root)}
    located = ["-m", "cafe24_pipelines.definitions"]
    binary = str(Path(sys.executable).with_name("dagster"))
    where = {"env": env, "cwd": settings.home.root, "capture_output": True}
    subprocess.run([binary, "schedule", "start", "heartbeat_upkeep", *located], check=True, **where)  # type: ignore[call-overload]
    started = facts()["heartbeat_upkeep"]
    assert started.running and started.started_at is not None and not started.last_tick_at
    assert _one_at(started, started.started_at + timedelta(minutes=10)).state == "green"
    assert _one_at(started, started.started_at + timedelta(minutes=40)).why == "틱이 늦습니다"

    daemon = subprocess.Popen(
        [f"{binary}-daemon", "run", *located], env=env, cwd=settings.home.root,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(240):
            if facts()["run_failures"].last_tick not in ("", "started"):
                break
            time.sleep(1)
    finally:
        daemon.terminate()
        daemon.wait(60)
    seen = facts()["run_failures"]
    assert seen.last_tick == "skipped" and _one_at(seen, datetime.now(UTC)).state == "green"


def _one_at(fact: AutomationFact, now: datetime) -> Item:
    return readiness(Facts([fact]), now).items[0]


def test_freshness_is_noticed_by_dagster_too() -> None:
    policies = {s.key.to_user_string(): s.freshness_policy for s in build_defs().resolve_all_asset_specs()}
    with_policy = {name for name, policy in policies.items() if policy is not None}
    assert {"orders", "patterns", "ontology_graph", "dashboard_page", "heartbeat", "readiness"} <= with_policy
    assert isinstance(policies["heartbeat"], dg.FreshnessPolicy)
