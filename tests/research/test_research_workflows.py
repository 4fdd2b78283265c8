"""`morning_research` collects, `cross_pattern_v2` notices and compares; both are silent when nothing happened."""

import json
import shutil
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from click.testing import CliRunner

from cafe24_pipelines.cli import main
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern, PatternBook, pattern_id
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.reports.research_section import research_of
from cafe24_pipelines.reports.snapshot import projections_digest
from cafe24_pipelines.research.comparison import ComparisonBook
from cafe24_pipelines.resources import resources_for
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.research import morning_research
from cafe24_pipelines.sensors.cross_pattern import cross_pattern_v2, stale_comparisons
from cafe24_pipelines.sensors.watching import runs_for_changes, write_asked
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog


def test_it_asks_for_one_run_a_tick_whatever_malls_there_are(tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Seoul"))
    with dagster_instance(Settings.from_env({}, home=tmp_path)) as instance:
        instance.add_dynamic_partitions("malls", ["a", "b"])
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
            request = morning_research(context)
    assert isinstance(request, dg.RunRequest) and request.partition_key is None
    assert at.isoformat() in (request.run_key or "")


def test_a_comparison_is_due_when_it_is_not_of_what_stands_and_was_not_asked_for() -> None:
    wanted = dict.fromkeys("abcd", ("c2", "p2"))
    made = {"a": ("c2", "p2"), "b": ("c1", "p2"), "c": None, "d": ("c2", "p1")}
    stale = stale_comparisons(wanted, made)
    asked = write_asked({"c": stale["c"], "d": "another"})
    with dg.build_sensor_context(cursor=asked) as context:
        result = runs_for_changes(context, stale, lambda m, _: dg.RunRequest(partition_key=m), nothing="")
    assert isinstance(result, dg.SensorResult)
    assert [r.partition_key for r in result.run_requests or ()] == ["b", "d"]


def _tick(settings: Settings, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    events = EventsResource(home=str(settings.home.root))
    with (
        dagster_instance(settings) as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor, resources={"events": events}) as context,
    ):
        result = cross_pattern_v2(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def _run(settings: Settings, job: str, partition: str | None = None) -> dg.ExecuteInProcessResult:
    defs = build_defs(resources=resources_for(str(settings.home.root)))
    with dagster_instance(settings) as instance:
        return defs.resolve_job_def(job).execute_in_process(instance=instance, partition_key=partition)


def _confirmed(digest: str) -> Pattern:
    return Pattern(
        pattern_id("sandbox", "web_benchmarks", "average_order_value:0"), "web_benchmarks", "web_research",
        "객단가 48,952원: 공개 자료와 견주어 낮음", "confirmed",
        Effect("average_order_value", 48_952.0, 47_000.0, 50_000.0),
        0.001, 0.01, 500, Evidence("SELECT 1", []), digest, "2026-01-01T00:00:00+00:00", "요약",
    )  # fmt: skip


def test_new_research_and_new_patterns_are_noticed_compared_and_told(
    research: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_env({}, home=tmp_path / "home")
    with dagster_instance(settings) as instance:
        instance.add_dynamic_partitions("malls", ["sandbox", "stranger"])
    book = PatternBook(settings.home.patterns)
    book.publish("sandbox", [_confirmed("a")])
    assert isinstance(_tick(settings), dg.SkipReason), "nobody has claimed anything"

    research.site.answers["/a"] = research.page("국내 쇼핑몰의 평균 객단가는 6만원입니다.")
    monkeypatch.setenv("CAFE24_RESEARCH_SOURCES", str(research.listed({"url": "/a"})))
    collected = _run(settings, "research_collection").asset_materializations_for_node("web_research")[0]
    assert collected.metadata["claimed"].value == 1 and "60,000원" in str(collected.metadata["preview"].value)

    asked = _tick(settings)
    assert isinstance(asked, dg.SensorResult) and asked.run_requests
    assert [(r.partition_key, r.job_name) for r in asked.run_requests] == [("sandbox", "discovery")]
    assert json.loads(asked.cursor or "")["v"] == 1
    assert isinstance(_tick(settings, asked.cursor), dg.SkipReason), "asked twice for the same"

    before = projections_digest(settings, "sandbox")
    _run(settings, "research_summary", "sandbox")
    assert isinstance(_tick(settings), dg.SkipReason), "the comparison is of what stands"
    shown = research_of(ComparisonBook(settings.home.research).current("sandbox"))
    assert shown and [c["said"] for c in shown["claims"]] == ["60,000원"]
    assert [one["status"] for one in shown["mall"]] == ["confirmed"]
    assert projections_digest(settings, "sandbox") != before, "new research alone makes the report a new one"
    told = EventLog(settings.home.events).read("sandbox", types=("research.alert",))
    assert [e.payload["kind"] for e in told] == ["differs"] and "객단가" in told[0].payload["title"]

    book.publish("sandbox", [_confirmed("b")])
    again = _tick(settings, asked.cursor)
    assert isinstance(again, dg.SensorResult) and again.run_requests
    assert [r.job_name for r in again.run_requests] == ["research_summary"], "new patterns need no new discovery"
    _run(settings, "research_summary", "sandbox")
    assert len(EventLog(settings.home.events).read("sandbox")) == 2, "nothing new, nothing told"


def test_a_collection_to_which_no_source_answers_fails_aloud(
    research: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAFE24_RESEARCH_SOURCES", str(research.listed({"url": "/a"}, {"url": "/f", "kind": "rss"})))
    with pytest.raises(Cafe24Error, match="none of 2 web sources"):
        _run(Settings.from_env({}, home=tmp_path / "home"), "research_collection")


def test_the_command_shows_claims_with_sources_and_collects_when_asked(
    research: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    research.site.answers["/a"] = research.page("국내 쇼핑몰의 평균 객단가는 6만원입니다.")
    research.site.answers["/b"] = research.page("국내 쇼핑몰의 평균 객단가는 3만원입니다.", day="")
    monkeypatch.setenv("CAFE24_RESEARCH_SOURCES", str(research.listed({"url": "/a"}, {"url": "/b"}, {"url": "/c"})))
    home = ["--home", str(tmp_path / "home")]
    assert "--collect" in CliRunner().invoke(main, ["research", *home]).output
    value = json.loads(CliRunner().invoke(main, ["research", "--collect", "--json", *home]).output)
    assert {c["quote"] for c in value["claims"]} == {
        "국내 쇼핑몰의 평균 객단가는 6만원입니다.", "국내 쇼핑몰의 평균 객단가는 3만원입니다.",
    }  # fmt: skip
    assert len(value["conflicts"]) == 1 and value["collected"]["claimed"] == 2
    assert [s["claims"] for s in value["sources"]] == [1, 1, 0]
    shown = CliRunner().invoke(main, ["research", "--collect", *home]).output
    assert "60,000원" in shown and "날짜 없음" in shown and "다른 출처와 어긋남" in shown
    assert f"{research.site.url}/b" in shown and "answered 404" in shown


@pytest.mark.slow
def test_from_a_page_to_a_told_difference(
    small_mall: Settings, research: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_env({}, home=tmp_path / "copy")
    shutil.copytree(small_mall.home.root, settings.home.root)
    research.site.answers["/a"] = research.page("국내 쇼핑몰의 평균 객단가는 21만원입니다.")
    research.site.answers["/b"] = research.page("국내 쇼핑몰의 평균 객단가는 24만원입니다.")
    monkeypatch.setenv("CAFE24_RESEARCH_SOURCES", str(research.listed({"url": "/a"}, {"url": "/b"})))
    _run(settings, "research_collection")
    _run(settings, "discovery", "sandbox")
    assert isinstance(_tick(settings), dg.SkipReason), "the comparison is of what stands"
    alerts = EventLog(settings.home.events).read("sandbox", types=("research.alert",))
    assert [a.payload["kind"] for a in alerts] == ["differs"] and "객단가" in alerts[0].payload["title"]

    shown = CliRunner().invoke(main, ["patterns", "--json", "--home", str(settings.home.root)])
    mine = [p for p in json.loads(shown.output) if p["detector"] == "web_benchmarks"]
    assert [(p["kind"], p["status"]) for p in mine] == [("web_research", "confirmed")]
    told = CliRunner().invoke(main, ["research", "--json", "--home", str(settings.home.root)])
    value = json.loads(told.output)
    assert value["comparison"][0]["compared"][0]["id"] == mine[0]["id"]
    text = CliRunner().invoke(main, ["research", "--home", str(settings.home.root)]).output
    assert "210,000원" in text and "이 몰: 객단가" in text
