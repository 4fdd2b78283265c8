"""The day: a drop is told, an ordinary day is told as one, and ordinary days rarely raise a false alarm."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.watch import measures
from cafe24_pipelines.watch.day import day_text, look_at_day
from cafe24_pipelines.watch.measures import METRICS, Judged, corrected, dispersion, judge, scale
from tests.watch.conftest import LAST, MALL, at, land, orders_of, usual_count

TOMORROW = at(LAST + timedelta(days=1))


def test_a_day_with_half_the_orders_is_told_with_its_figures(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    half = usual_count(LAST) // 2
    lake = ordinary({LAST: orders_of(LAST, half)})
    day = look_at_day(lake, MALL, log, now=TOMORROW)
    assert day and not day.span.running and day.span.day == LAST
    told = {j.metric.name: j for j in day.differing}
    assert told["orders"].differs == told["revenue"].differs == -1
    assert told["orders"].value == half and told["revenue"].value == half * 10_000
    assert told["orders"].high > 45 and told["orders"].low > half
    text = day_text(day)
    assert "**주문: 평소보다 적음**" in text and f"{half * 10_000:,}원" in text and "평소와 같습니다" not in text
    assert "less than usual" in day_text(day, "en")


def test_an_ordinary_day_is_told_as_one_and_each_figure_is_what_its_query_gives(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    lake = ordinary()
    day = look_at_day(lake, MALL, log, now=TOMORROW)
    assert day and len(day.judged) == len(METRICS) and not day.differing
    listed = {"as_of": "2026-10-31", "suspected_stock_outs": [{}] * 10, "alerts": {"품절": 0, "임박": 0}}
    assert "멈춘 상품 10개 이상" in day_text(replace(day, stock=listed)), "the summary lists ten at most"
    assert "평소와 같습니다" in day_text(day) and "새 소식이 없습니다" in day_text(day)
    assert "nan" not in day_text(day).lower()
    with lake.duckdb(zone=MALL.time_zone) as db:
        for one in day.judged:
            rows = db.execute(one.query).fetchall()
            assert float(rows[0][1] or 0 if rows else 0) == one.value, one.metric.name


def test_a_running_day_is_compared_with_the_same_hours(ordinary: Callable[..., MallLake], log: EventLog) -> None:
    """At noon a day has a third of its orders; that is no drop, and half of that third is one."""
    morning = [row for row in orders_of(LAST, usual_count(LAST)) if row["ordered_at"] < at(LAST, 14)]
    lake = ordinary({LAST: morning})
    day = look_at_day(lake, MALL, log, now=at(LAST, 14))
    assert day and day.span.running and not day.differing
    assert "아직 끝나지 않은 날" in day_text(day)
    few = orders_of(LAST, 4, hours=(8, 9, 10, 13))
    day = look_at_day(ordinary({LAST: few}), MALL, log, now=at(LAST, 14))
    assert day and {j.metric.name for j in day.differing} >= {"orders", "revenue"}


def test_too_short_a_history_is_said_and_nothing_judged(ordinary: Callable[..., MallLake], log: EventLog) -> None:
    early: dict[date, list[Any]] = {LAST - timedelta(days=back): [] for back in range(20, 70)}
    day = look_at_day(ordinary(early), MALL, log, now=TOMORROW)
    assert day and not day.judged and "비교할 자료가 모자랍니다" in day_text(day)


def test_no_orders_at_all_is_the_loudest_alarm(ordinary: Callable[..., MallLake], log: EventLog) -> None:
    """Views land, orders don't: the day counts, with none."""
    lake = ordinary({LAST: []})
    land(lake, "events", [{"event_id": "e1", "event": "view", "member_key": "m1", "product_no": "p", "at": at(LAST)}])
    day = look_at_day(lake, MALL, log, now=TOMORROW)
    assert day and day.span.day == LAST
    assert {j.metric.name: j.value for j in day.differing}["orders"] == 0


def test_a_campaign_is_told_as_orders_with_coupons_and_the_day_after_it_as_usual(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    """A coupon runs on Friday: half as many orders again, all of them by coupon."""
    friday = LAST - timedelta(days=1)
    plain = orders_of(friday, usual_count(friday) * 3 // 2)
    sale = [row | {"coupon_no": "c1"} if n % 3 == 2 else row for n, row in enumerate(plain)]
    lake = ordinary({friday: sale})
    day = look_at_day(lake, MALL, log, now=at(friday, 23, 59))
    assert day and day.span.day == friday
    told = {j.metric.name: j for j in day.differing}
    assert told["coupon_orders"].differs == 1 and told["coupon_orders"].value >= len(plain) // 3 - 1
    assert "**쿠폰 주문: 평소보다 많음**" in day_text(day)
    after = look_at_day(lake, MALL, log, now=TOMORROW)
    assert after and after.span.day == LAST and not after.differing


def test_one_order_dated_in_the_future_is_not_the_last_day(ordinary: Callable[..., MallLake], log: EventLog) -> None:
    half = orders_of(LAST, usual_count(LAST) // 2)
    typo = orders_of(date(2062, 10, 31), 1)
    day = look_at_day(ordinary({LAST: half + typo}), MALL, log, now=TOMORROW)
    assert day and day.span.day == LAST and {j.metric.name for j in day.differing} >= {"orders", "revenue"}
    assert "한 시간치도 들어오지 않아 어제를 봅니다" in day_text(day) and "Not an hour of today" in day_text(
        day, "en"
    )
    early = look_at_day(ordinary(), MALL, log, now=at(LAST - timedelta(days=500)))
    assert early and early.span.day == LAST, "a clock that is wrong altogether is no reason to say there are no data"


def test_customers_who_stop_ordering_are_noticed_though_no_later_day_has_data(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    """No order, no view: the last day with data is an ordinary one, and what followed it is not."""
    lake = ordinary()
    day = look_at_day(lake, MALL, log, now=at(LAST + timedelta(days=3), 9))
    assert day and day.span.day == LAST and not day.differing and day.silence and day.silence.days == 2
    usual = sum(usual_count(LAST + timedelta(days=n)) for n in (1, 2))
    assert day.silence.expected == pytest.approx(usual, rel=0.1) and day.silence.loud
    text = day_text(day)
    assert "꼬박 2일 동안 들어온 것이 없습니다" in text and "**2일째 주문이 없습니다.**" in text
    assert "No orders for 2 days" in day_text(day, "en")


def test_a_silence_that_is_usual_for_a_small_mall_is_no_alarm(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    """An order every third day: two empty days are nothing, three weeks are something."""
    days = [LAST - timedelta(days=back) for back in range(64)]
    lake = ordinary({day: orders_of(day, int((LAST - day).days % 3 == 0)) for day in days})
    for empty, loud in ((2, False), (21, True)):
        day = look_at_day(lake, MALL, log, now=at(LAST + timedelta(days=empty + 1), 18))
        assert day and day.silence and day.silence.days == empty and day.silence.loud is loud, empty
        assert ("일째 주문이 없습니다" in day_text(day)) is loud


def test_orders_that_end_while_visits_go_on_are_noticed_in_a_mall_too_small_for_a_day(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    """Two orders a day: an empty day is nothing, ten of them are something, whatever else lands."""
    days = [LAST - timedelta(days=back) for back in range(64)]
    lake = ordinary({day: orders_of(day, 2 * ((LAST - day).days >= 10)) for day in days})
    views = [{"event_id": f"e{day}", "event": "view", "member_key": "m1", "product_no": "p", "at": at(day)}
             for day in days]  # fmt: skip
    land(lake, "events", views)
    day = look_at_day(lake, MALL, log, now=TOMORROW)
    assert day and day.span.day == LAST and not day.differing
    assert day.silence and day.silence.days == 10 and day.silence.expected == pytest.approx(20, rel=0.1)
    text = day_text(day)
    assert "**10일째 주문이 없습니다.**" in text and "방문 기록은 10월 31일(토)까지 들어왔습니다" in text
    assert "들어온 것이 없습니다" not in text and "Visits landed until" in day_text(day, "en")


def test_weeks_without_any_order_are_no_part_of_what_is_usual(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    """Four weeks were not landed; and a test order lay there a year before the shop opened."""
    days = [LAST - timedelta(days=back) for back in range(64)]
    lake = ordinary({day: [] for day in days if 14 < (LAST - day).days <= 42})
    day = look_at_day(lake, MALL, log, now=TOMORROW)
    assert day and not day.differing and day.history.weeks == 4
    assert "지난 8주 가운데 주문이 있던 4주의 같은 요일과" in day_text(day)
    opened = {day: [] if (LAST - day).days > 20 else orders_of(day, 20) for day in days}
    opened[days[-1]] = orders_of(days[-1] - timedelta(days=300), 1)
    day = look_at_day(ordinary(opened), MALL, log, now=TOMORROW)
    assert day and not day.judged and "4주가 필요한데 3주뿐입니다" in day_text(day)
    assert "비교합니다" not in day_text(day)


def test_the_first_hour_of_a_day_and_what_is_dated_later_today_make_no_day(
    ordinary: Callable[..., MallLake], log: EventLog
) -> None:
    """At Seoul's midnight a day begins; what a wrong clock dates into its evening has not come yet."""
    lake = ordinary({LAST: orders_of(LAST, 1, hours=(0,))})
    day = look_at_day(lake, MALL, log, now=at(LAST))
    assert day and not day.span.running and day.span.day == LAST - timedelta(days=1) and not day.differing
    assert "한 시간치도" in day_text(day)
    morning = [row for row in orders_of(LAST, usual_count(LAST)) if row["ordered_at"] < at(LAST)]
    late = orders_of(LAST, 1, hours=(22,))[0] | {"order_id": "late"}
    day = look_at_day(ordinary({LAST: [*morning, late]}), MALL, log, now=at(LAST))
    assert day and day.span.running and day.span.until < 12 * 3600 and not day.differing


# -- the test itself ---------------------------------------------------------------------------------------------


def simulated(rng: np.random.Generator, days: int = 57, factor: float = 1.0) -> dict[str, np.ndarray]:
    """All figures of a made shop: weekdays of their own, overdispersed orders, the other figures follow from them."""
    base, spread = 10 ** rng.uniform(0.3, 3), rng.uniform(1.05, 4)
    mean = base * np.tile(1 + 0.4 * rng.random(7), days // 7 + 1)[:days]
    mean[-1] *= factor
    orders = rng.negative_binomial(mean / (spread - 1), 1 / spread)
    out = {"orders": orders, "revenue": np.array([rng.lognormal(10.5, 0.6, n).sum() for n in orders])}
    for name, share in (
        ("new_buyers", 0.4),
        ("returning_buyers", 0.5),
        ("cancellations", 0.04),
        ("coupon_orders", 0.2),
    ):
        out[name] = rng.binomial(orders, share)
    out["reviews"] = rng.poisson(mean * 0.25)
    out["low_reviews"] = rng.binomial(out["reviews"], 0.08)
    return {name: values.astype(float) for name, values in out.items()}


def judged(series: dict[str, np.ndarray]) -> list[Judged]:
    found = []
    for metric in METRICS:
        usual, unit = series[metric.name][:-1].reshape(8, 7), scale(metric, series)
        found.append(judge(metric, float(series[metric.name][-1]), usual[:, 0], dispersion(usual, unit), unit))
    return corrected(found)


def test_at_most_one_ordinary_day_in_twenty_raises_an_alarm_over_all_figures() -> None:
    rng = np.random.default_rng(20261031)
    false = sum(any(j.differs for j in judged(simulated(rng))) for _ in range(1000))
    assert 0 < false <= 50, false


def test_a_halved_day_of_a_large_shop_is_seen() -> None:
    rng, seen, tried = np.random.default_rng(5), 0, 0
    while tried < 100:
        series = simulated(rng, factor=0.5)
        if series["orders"][:-1].mean() < 100:
            continue
        tried += 1
        seen += any(j.differs < 0 for j in judged(series) if j.metric.name in ("orders", "revenue"))
    assert seen >= 95, seen


def test_one_wild_day_does_not_hide_the_next_drop() -> None:
    """A sale that sold ten times as much three weeks ago lifts neither what is expected nor the spread for long."""
    rng = np.random.default_rng(11)
    plain = rng.poisson(100, 57).astype(float)
    wild = plain.copy()
    wild[35] = 1000  # the same weekday
    metric = next(m for m in METRICS if m.name == "orders")
    for values in (plain, wild):
        usual = values[:-1].reshape(8, 7)
        one = judge(metric, 55.0, usual[:, 0], dispersion(usual))
        assert one.p < 0.005, one
        assert one.expected == pytest.approx(100, rel=0.12)


def test_cancellations_are_told_only_when_there_are_more() -> None:
    metric = next(m for m in measures.METRICS if m.name == "cancellations")
    usual = np.full((8, 7), 20.0)
    assert judge(metric, 0.0, usual[:, 0], 1.0).p > 0.9
    assert judge(metric, 60.0, usual[:, 0], 1.0).p < 1e-6
