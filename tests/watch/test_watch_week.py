"""The retrospective tells the true story: every statement about a made week is what was put into it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cafe24_pipelines.answers import feedback
from cafe24_pipelines.answers.budget import Budget
from cafe24_pipelines.discovery.history import OBSERVED, RETRACTED
from cafe24_pipelines.discovery.statistics import holm
from cafe24_pipelines.operations import failures
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.shared_state import shared_state
from cafe24_pipelines.watch import churn_signal, ontology_alarm
from cafe24_pipelines.watch.measures import ALPHA, METRICS, History, Judged
from cafe24_pipelines.watch.news import news
from cafe24_pipelines.watch.promises import Promise, metric_outcome
from cafe24_pipelines.watch.week import REVIEWED, Week, WeekSpan, _against, _figure, _outcome, _since, look_back
from cafe24_pipelines.watch.week_text import week_chart, week_text
from tests.watch.conftest import LAST, MALL, at, orders_of, usual_count
from tests.watch.test_watch_day import simulated

SUNDAY = LAST - timedelta(days=6)
WEEK = [SUNDAY + timedelta(days=n) for n in range(7)]
NOW = at(LAST + timedelta(days=1), 10)


def happened(log: EventLog, kind: str, when: datetime, /, **payload: Any) -> None:
    log.append([Event(f"{kind}:{when.isoformat()}:{payload}", MALL.mall_id, kind, when, payload)])


def confirmed(log: EventLog, name: str, when: datetime) -> None:
    seen = {
        "as_of": when.date().isoformat(), "title": f"찾은 것 {name}", "status": "confirmed", "p": 0.001, "q": 0.01,
        "n": 100, "action": "-", "query": "SELECT 1", "language": "sql",
    }  # fmt: skip
    effect = {"name": "share", "value": 0.1, "ci_low": 0.05, "ci_high": 0.15}
    happened(log, OBSERVED, when, pattern_id=name, detector="d", kind="cross_domain", seen=seen, effect=effect)


def retracted(log: EventLog, name: str, when: datetime) -> None:
    happened(log, RETRACTED, when, pattern_id=name, detector="d", kind="cross_domain", reason="absent")


def failed(log: EventLog, job: str, when: datetime) -> None:
    happened(log, failures.FAILED, when, job=job, run_id=when.isoformat(), told=True, owners=[])


@dataclass(frozen=True)
class Clock:
    day: date

    def now(self) -> float:
        return datetime.combine(self.day, time(15), ZoneInfo(MALL.time_zone)).timestamp()

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits")


def spent(settings: Settings, day: date, usd: float) -> None:
    budget = Budget(shared_state(settings), MALL.mall_id, 10.0, zone=MALL.time_zone, clock=Clock(day))
    budget.reserve(usd, 60).settle(usd)


def bad_week(settings: Settings, log: EventLog) -> None:
    """All that happens in the week of the story, and some of the weeks around it that must not be told."""
    before = at(SUNDAY - timedelta(days=3))
    for name in ("held", "broken"):
        confirmed(log, name, before)
    failed(log, "old_job", before)
    happened(log, failures.RECOVERED, before + timedelta(hours=1), job="old_job", run_id="r", failures=1)
    confirmed(log, "new", at(WEEK[2]))
    confirmed(log, "held", at(WEEK[2], 13))
    retracted(log, "broken", at(WEEK[3]))
    happened(log, ontology_alarm.ALARM, at(WEEK[1]), reasons=["개수가 3건 다릅니다."], worst=[], score_before=100)
    happened(log, ontology_alarm.RECOVERED, at(WEEK[2]), alarm="a")
    for hour in (9, 10):
        failed(log, "shop_chain", at(WEEK[4], hour))
    happened(log, churn_signal.SIGNALLED, at(WEEK[5]), new=7, value_at_stake=90_000.0, currency="KRW", caveat="",
             as_of=WEEK[4].isoformat())  # fmt: skip
    for n, verdict in enumerate(("positive", "negative", "negative")):
        happened(log, feedback.RECEIVED, at(WEEK[n]), answer_id=str(n), verdict=verdict, text="", question="", arm="",
                 build="")  # fmt: skip
    spent(settings, WEEK[0], 0.25)
    spent(settings, WEEK[6], 0.5)
    spent(settings, LAST + timedelta(days=1), 4.0)


def look(settings: Settings, lake: MallLake, log: EventLog, now: datetime = NOW) -> Week:
    return look_back(settings, lake, MALL, log, now=now)


def section(text: str, head: str) -> str:
    return text.split(f"## {head}\n")[1].split("\n## ", maxsplit=1)[0]


@pytest.fixture
def halved() -> dict[date, list[dict[str, Any]]]:
    return {day: orders_of(day, usual_count(day) // 2) for day in WEEK}


def test_a_bad_week_and_what_came_of_its_promises(
    settings: Settings, log: EventLog, ordinary: Callable[..., MallLake], halved: dict[date, list[dict[str, Any]]]
) -> None:
    bad_week(settings, log)
    lake = ordinary(halved)
    week = look(settings, lake, log)
    text = week_text(week)
    orders = {f.judged.metric.name: f for f in week.figures}["orders"]
    assert orders.judged.value == sum(len(rows) for rows in halved.values())
    assert orders.before == sum(usual_count(day - timedelta(days=7)) for day in WEEK)
    assert orders.judged.differs == orders.changed == -1
    assert orders.ratio and orders.ratio.low < orders.ratio.value < orders.ratio.high < 1
    with lake.duckdb(zone=MALL.time_zone) as db:
        assert db.execute(orders.judged.query).fetchone() == (orders.judged.value,)
    figures = section(text, "숫자")
    assert "**주문: 평소보다 적음**" in figures and "**주문: 지난주보다 줄었음**" in figures
    assert "**리뷰" not in figures, "no statement about what does not differ"
    findings = section(text, "알게 된 것")
    assert "새로 확인: 찾은 것 new" in findings and "철회: 찾은 것 broken" in findings
    assert "유지된 것 1건(이번 주에 새로 잰 것 1건)" in findings
    events = section(text, "일어난 일")
    for said in ("온톨로지 경보: 개수가 3건", "온톨로지 경보가 끝났습니다", "shop_chain: 실패 2회, 아직 안 됨",
                 "고객 7명, 지난 1년 구매액 90,000 KRW", "긍정 1, 부정 2, 정정 0", "모델 비용 $0.7500"):  # fmt: skip
        assert said in events, said
    assert "old_job" not in text and "이어지고" not in text and "조용한" not in text
    assert "첫 돌아보기입니다" in section(text, "지난 약속")
    assert {p.kind for p in week.promises} == {"metric", "finding", "job", "churn"}
    assert week_chart(lake, week).startswith("<?xml") and "nan" not in text.lower()
    assert "**Orders placed: below its usual**" in week_text(week, "en")
    assert look(settings, lake, log).to_json() == week.to_json()
    assert len(log.read(MALL.mall_id, types=(REVIEWED,))) == 1, "a week is logged once"

    after = LAST + timedelta(days=7)
    retracted(log, "new", at(after - timedelta(days=2)))
    happened(log, failures.RECOVERED, at(LAST + timedelta(days=2)), job="shop_chain", run_id="r", failures=2)
    later = look(settings, ordinary(halved, after), log, at(after + timedelta(days=1), 10))
    outcome = {(p.kind, p.about): told for p, _, told in later.kept}
    assert outcome["metric", "orders"] == "평소 범위로 돌아왔습니다."
    assert outcome["finding", "new"] == "철회되었습니다."
    assert outcome["job", "shop_chain"] == "해결되었습니다."
    assert "지난주보다 늘었음" in section(week_text(later), "숫자"), "twice the week before is a change, and as usual"
    assert not {f.judged.metric.name for f in later.figures if f.judged.differs}


def test_a_quiet_week_reads_as_quiet(settings: Settings, log: EventLog, ordinary: Callable[..., MallLake]) -> None:
    confirmed(log, "held", at(SUNDAY - timedelta(days=3)))
    lake = ordinary()
    week = look(settings, lake, log)
    assert week.quiet and not week.promises and week.cost is None
    returning = {f.judged.metric.name: f for f in week.figures}["returning_buyers"]
    members = {row["member_key"] for day in WEEK for row in orders_of(day, usual_count(day))}
    assert returning.judged.value == returning.before == len(members), "each once, though they come back every day"
    with lake.duckdb(zone=MALL.time_zone) as db:
        assert db.execute(returning.judged.query).fetchone() == (len(members),)
    text = week_text(week)
    assert "조용한 한 주였습니다" in text and "기록된 일이 없습니다" in text
    assert "유지된 것 1건(이번 주에 새로 잰 것 0건)" in text
    assert "A quiet week." in week_text(week, "en")
    assert log.read(MALL.mall_id, types=(REVIEWED,))[0].payload["quiet"] is True

    # the same lake a week later: no data is not a quiet week
    stale = week_text(look(settings, lake, log, NOW + timedelta(days=7)))
    assert "마지막 7일의 자료가 없습니다" in stale and "조용한 한 주" not in stale
    assert "10월 25일(일)~10월 31일(토)" in section(stale, "숫자")


def test_a_week_cut_short_is_compared_with_the_same_days(
    settings: Settings, log: EventLog, ordinary: Callable[..., MallLake]
) -> None:
    """Landing stopped on Wednesday: three days less are no drop of sales."""
    week = look(settings, ordinary({day: [] for day in WEEK[4:]}), log)
    assert week.span and week.span.days == 4 and not week.differing
    text = week_text(week)
    assert "같은 4일만 셌습니다" in text and "마지막 3일의 자료가 없습니다" in text


def test_a_week_after_one_that_did_not_land_is_no_rise(
    settings: Settings, log: EventLog, ordinary: Callable[..., MallLake]
) -> None:
    week = look(settings, ordinary({day - timedelta(days=7): [] for day in WEEK}), log)
    assert week.gaps and not week.differing and all(f.ratio is None for f in week.figures)
    assert "지난주보다" not in week_text(week)


def test_what_came_of_a_promise_is_looked_for_since_it_was_made(log: EventLog) -> None:
    """Nobody looked back for two weeks, in the first of which the finding was retracted."""
    confirmed(log, "gone", at(WEEK[2]))
    retracted(log, "gone", at(LAST + timedelta(days=3)))
    earlier = Event(
        "r", MALL.mall_id, REVIEWED, NOW, {"week": [SUNDAY.isoformat(), LAST.isoformat()], "promises": []}
    )
    calendar = WeekSpan(SUNDAY + timedelta(days=21))
    told = news(log, MALL.mall_id, at(calendar.first, 0), at(calendar.end + timedelta(days=1), 0))
    assert not told.broke, "of this week it is not"
    week = Week(MALL, calendar, None, None, [], told, False, [], None, earlier, [])
    since: Any = _since(log, week)
    assert _outcome(Promise("finding", "gone", "?"), week, since, None, None)[1] == "철회되었습니다."  # type: ignore[arg-type]


def test_the_week_is_the_last_whole_one_in_the_malls_zone(settings: Settings) -> None:
    from cafe24_pipelines.watch.week import calendar_week

    assert calendar_week(datetime(2026, 11, 1, 1, tzinfo=UTC), MALL).first == date(2026, 10, 25)  # Sunday 10:00
    assert calendar_week(datetime(2026, 10, 31, 14, tzinfo=UTC), MALL).first == date(2026, 10, 18)  # Saturday 23:00
    assert calendar_week(datetime(2026, 10, 31, 16, tzinfo=UTC), MALL).first == date(2026, 10, 25)  # Sunday 01:00


def test_a_figure_is_back_only_when_it_is_in_its_range() -> None:
    promise = Promise("metric", "orders", "?", -1)
    orders = next(m for m in METRICS if m.name == "orders")

    def outcome(value: float, adjusted: float) -> str:
        return metric_outcome(promise, Judged(orders, value, 100.0, 80.0, 121.0, adjusted, adjusted, ""))[0]

    assert outcome(100, 1.0) == "kept" and outcome(60, 0.001) == outcome(150, 0.001) == "open"
    assert outcome(75, 0.2) == "unknown", "no test calls it different, and it is outside of its range"
    assert metric_outcome(promise, None)[0] == "unknown"


def test_refunds_that_outweigh_sales_are_no_multiple_of_the_week_before() -> None:
    ratio, p = _against(-200.0, 300.0, 1.0, 0)
    assert ratio is None and p < 1e-4
    nothing, _ = _against(0.0, 300.0, 1.0, 0)
    assert nothing and nothing.value == nothing.low == 0.0 < nothing.high < 0.05


@pytest.mark.slow
def test_at_most_one_ordinary_week_in_twenty_says_that_anything_differs() -> None:
    """Both comparisons of all figures of a made shop, in weeks like all others."""
    rng, false, weeks = np.random.default_rng(7), 0, 300
    for _ in range(weeks):
        series = simulated(rng, days=63)
        found = [
            _figure(metric.name, series, History(8, tuple(range(8))), WeekSpan(SUNDAY), MALL) for metric in METRICS
        ]
        false += min(holm([p for one in found for p in (one.judged.p, one.p_before)])) < ALPHA
    assert 0 < false <= weeks * ALPHA, false
