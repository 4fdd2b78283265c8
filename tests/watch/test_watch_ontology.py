"""The graph's alarm: damage is told once with its remedy, its recovery once, and a healthy graph not at all."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cafe24_pipelines.ontology.health_report import WEIGHTS, Health, Violation, parts_of, score_of, worst_first
from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.watch.ontology_alarm import ALARM, RECOVERED, standing_alarm, watch_health

START = datetime(2026, 10, 1, 1, 30, tzinfo=UTC)


def broken(part: str, share: float, *, rule: str = "minCount", count: int = 40) -> Violation:
    """A rule of a part that costs this share of its points."""
    rows = [{"order_id": "o-17", "member": "abcdef12"}]
    return Violation(
        part, rule, "Violation", "CRM_Order", "", count, 100, "주문이 없음", "`cafe24 rebuild graph`를 실행하세요.",
        rows, share,
    )  # fmt: skip


def health(*violations: Violation, build: str = "b1", behind: float = 0.0) -> Health:
    points = parts_of(violations)
    return Health(
        "shop-a", build, f"digest-{build}", score_of(points), points, worst_first(violations), {}, 100, 200,
        "2026-10-01T00:00:00+00:00", "2026-10-01T00:00:00+00:00", behind, 0,
    )  # fmt: skip


def told(log: EventLog) -> list[Any]:
    return log.read("shop-a", types=(ALARM, RECOVERED))


def test_a_healthy_graph_is_silent_however_often_it_is_checked(log: EventLog) -> None:
    for n in range(3):
        found = watch_health(log, health(), now=START + timedelta(hours=n))
        assert found.state == "ok" and not found.reasons
    assert not told(log)


def test_damage_is_told_once_with_the_remedy_and_recovery_once(log: EventLog) -> None:
    watch_health(log, health(), now=START)
    bad = health(broken("coverage", 0.5))
    found = watch_health(log, bad, now=START + timedelta(hours=4))
    assert found.state == "alarm" and found.worst[0]["remedy"].startswith("`cafe24 rebuild graph`")
    assert watch_health(log, bad, now=START + timedelta(hours=8)).state == "standing"
    # the next build is as bad: the score no longer falls, and it has not recovered
    assert watch_health(log, replace(bad, build_id="b2"), now=START + timedelta(hours=28)).state == "standing"
    assert len(told(log)) == 1 and standing_alarm(log, "shop-a")
    assert watch_health(log, health(build="b3"), now=START + timedelta(hours=32)).state == "recovered"
    assert watch_health(log, health(build="b3"), now=START + timedelta(hours=36)).state == "ok"
    assert [e.type for e in told(log)] == [ALARM, RECOVERED] and standing_alarm(log, "shop-a") is None
    payload = told(log)[0].payload
    assert payload["score_before"] == 100 and payload["worst"][0]["count"] == 40
    assert "o-17" not in json.dumps(payload) and "abcdef12" not in json.dumps(payload), "kinds of rows, no rows"


def test_a_fall_that_blocks_nothing_is_told_by_its_size_alone(log: EventLog) -> None:
    watch_health(log, health(), now=START)
    small, large = health(broken("references", 0.2), build="b2"), health(broken("references", 0.6), build="b3")
    assert watch_health(log, small, now=START + timedelta(hours=4)).state == "ok", "four points of a hundred"
    found = watch_health(log, large, now=START + timedelta(hours=8))
    assert found.state == "alarm" and "떨어졌습니다" in found.text
    # it stays within five points of the bad score: neither news nor recovery
    assert watch_health(log, replace(large, build_id="b4"), now=START + timedelta(hours=32)).state == "standing"


def test_a_slow_decline_over_a_week_is_seen(log: EventLog) -> None:
    states = [
        watch_health(
            log, health(broken("properties", 0.1 * n), build=f"b{n}"), now=START + timedelta(days=2 * n)
        ).state
        for n in range(6)
    ]
    assert "alarm" in states and states[:3] == ["ok", "ok", "ok"]


def test_a_graph_behind_its_lake_is_no_alarm_for_a_day(log: EventLog) -> None:
    watch_health(log, health(), now=START)
    late = (broken("coverage", 1.0), broken("freshness", 0.6, rule="stale"))
    found = watch_health(log, health(*late, behind=2.0), now=START + timedelta(hours=4))
    assert found.state == "ok" and found.behind and "다음 실행이 맞춥니다" in found.text
    damaged = health(*late, broken("references", 0.9), behind=2.0)
    assert watch_health(log, damaged, now=START + timedelta(hours=5)).state == "alarm", "damage shows through"


def test_a_graph_that_stays_behind_becomes_an_alarm(log: EventLog) -> None:
    late = health(broken("coverage", 1.0), broken("freshness", 0.5, rule="stale"))
    watch_health(log, health(), now=START)
    assert watch_health(log, late, now=START + timedelta(hours=4)).state == "ok"
    assert watch_health(log, late, now=START + timedelta(hours=20)).state == "ok"
    assert watch_health(log, late, now=START + timedelta(hours=29)).state == "alarm"
    assert watch_health(log, health(), now=START + timedelta(hours=30)).state == "recovered"
    again = watch_health(log, late, now=START + timedelta(hours=31))
    assert again.state == "ok" and again.behind, "it is behind anew: the day begins again"
    assert watch_health(log, late, now=START + timedelta(hours=56)).state == "alarm"


def test_the_weights_the_cases_rest_on() -> None:
    assert (WEIGHTS["references"], WEIGHTS["properties"], WEIGHTS["coverage"]) == (20, 20, 30)
