"""The history of the score: kept as events, added to only by something new, compared over builds and days."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.ontology.health import check_health
from cafe24_pipelines.ontology.health_history import DROP, FLOOR, HEALTH_CHECKED, payload_of, record, trend
from cafe24_pipelines.ontology.health_report import NOTES, Health, parts_of, score_of, violation
from cafe24_pipelines.stores.events import Event, EventLog
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.lake import MallLake

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.db")


def health(build: str, wrong: int = 0, mall: str = "shop-a") -> Health:
    """Of a thousand orders so many are wrong: each costs 0.2 points."""
    found = [violation("properties", "minCount", "Violation", "CRM_Order", "status", count=wrong, total=1000,
                       message="", remedy="", rows=[{"order_id": "secret-row"}])] if wrong else []  # fmt: skip
    found.append(violation(NOTES, "unlisted_member", "Info", "CRM_Customer", "", count=3, total=9, message="",
                           remedy=""))  # fmt: skip
    parts = parts_of(found)
    return Health(mall, build, f"digest-{build}", score_of(parts), parts, found, {}, 10, 20, "", "", 0.0, 0)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def test_the_same_of_the_same_build_is_told_once(log: EventLog) -> None:
    assert record(log, health("b1"), now=ago(days=2))
    assert not record(log, health("b1"), now=ago(days=1))
    assert not record(log, health("b1"), now=NOW)
    (point,) = trend(log, "shop-a", now=NOW).points
    assert (point.at, point.build_id, point.score, point.nodes) == (ago(days=2), "b1", 100.0, 10)


def test_another_result_of_the_same_build_is_told(log: EventLog) -> None:
    for wrong in (0, 10, 10, 0):
        record(log, health("b1", wrong), now=NOW)
    assert [p.score for p in trend(log, "shop-a").points] == [100, 98, 100]
    assert trend(log, "shop-a").since_last_build is None, "there was only one build"


def test_a_build_that_comes_back_is_told_again(log: EventLog) -> None:
    for build in ("b1", "b2", "b1", "b1"):
        record(log, health(build), now=NOW)
    assert [p.build_id for p in trend(log, "shop-a").points] == ["b1", "b2", "b1"]


def test_changes_are_against_the_last_other_build_and_what_stood_7_and_30_days_ago(log: EventLog) -> None:
    for build, wrong, at in (
        ("b1", 50, ago(days=40)), ("b2", 30, ago(days=20)), ("b3", 10, ago(days=3)), ("b3", 20, ago(days=2)),
        ("b4", 5, ago(hours=1)),
    ):  # fmt: skip
        record(log, health(build, wrong), now=at)
    moved = trend(log, "shop-a", now=NOW)
    assert [p.score for p in moved.points] == [90, 94, 98, 96, 99]
    assert (moved.since_last_build, moved.over_7_days, moved.over_30_days) == (3, 5, 9)
    assert moved.alarm == ""


def test_a_young_history_compares_with_nothing(log: EventLog) -> None:
    assert trend(log, "shop-a").points == [] and trend(log, "shop-a").alarm == ""
    record(log, health("b1"), now=ago(days=1))
    moved = trend(log, "shop-a", now=NOW)
    assert (moved.since_last_build, moved.over_7_days, moved.over_30_days) == (None, None, None)


@pytest.mark.parametrize(("before", "after", "alarm"), [
    (0, 25, ""), (0, 26, "이전 빌드보다 5.2점"), (90, 100, "기준 80점"), (0, 100, "기준 80점"), (90, 60, ""),
])  # fmt: skip
def test_a_low_score_or_a_fall_is_an_alarm(log: EventLog, before: int, after: int, alarm: str) -> None:
    """25 wrong rows cost 5 points, 100 all 20 of the part; a stale graph takes another 10."""
    assert (DROP, FLOOR) == (5, 80)
    record(log, health("b1", before), now=ago(days=1))
    latest = health("b2", after)
    record(log, latest if after < 100 else replace(latest, score=latest.score - 10), now=NOW)
    said = trend(log, "shop-a", now=NOW).alarm
    assert alarm in said and bool(alarm) == bool(said)


def test_malls_have_histories_of_their_own_and_events_hold_no_rows(log: EventLog) -> None:
    record(log, health("b1", 10), now=NOW)
    record(log, health("b1", 20, mall="shop-b"), now=NOW)
    assert [p.score for p in trend(log, "shop-a").points] == [98]
    (event,) = log.read("shop-b", types=(HEALTH_CHECKED,))
    assert "secret-row" not in str(event.payload)
    assert event.payload["violations"] == {"CRM_Order/status/minCount": 20}, "notes are left out"


def test_a_long_history_is_read_to_its_end(log: EventLog) -> None:
    log.append(_event(i) for i in range(1030))
    assert not record(log, health("b1029"), now=NOW)
    assert len(trend(log, "shop-a").points) == 1030


def _event(i: int) -> Event:
    return Event(f"e{i}", "shop-a", HEALTH_CHECKED, ago(hours=2000 - i), payload_of(health(f"b{i}")))


RECORD = """
import runpy, sys
from pathlib import Path
from cafe24_pipelines.ontology.health_history import record
from cafe24_pipelines.stores.events import EventLog
tests = runpy.run_path(sys.argv[1])
print(record(EventLog(Path(sys.argv[2])), tests["health"]("b1", 10)))
"""


def test_two_processes_tell_the_same_thing_once(log: EventLog) -> None:
    command = [sys.executable, "-c", RECORD, __file__, str(log.path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=120)[0].strip() for process in started)
    assert said == ["False", "True"]
    assert len(trend(log, "shop-a").points) == 1


@pytest.mark.slow
def test_the_trend_survives_a_rebuild_of_the_graph(tmp_path: Path, lake: MallLake, mall: Mall, log: EventLog) -> None:
    import shutil

    graph = EmbeddedGraph(tmp_path / "graph")
    publish_graph(graph, lake, mall, [])
    first = check_health(graph, lake, mall)
    assert record(log, first, now=ago(days=10))
    publish_graph(graph, lake, mall, [], rebuild=True)
    assert not record(log, check_health(graph, lake, mall), now=ago(days=5)), "the same build, the same result"
    graph.close()
    shutil.rmtree(tmp_path / "graph")
    anew = EmbeddedGraph(tmp_path / "graph")
    publish_graph(anew, lake, mall, [])
    assert not record(log, check_health(anew, lake, mall), now=NOW)
    moved = trend(log, mall.mall_id, now=NOW)
    assert [p.build_id for p in moved.points] == [first.build_id] and moved.over_7_days == 0
