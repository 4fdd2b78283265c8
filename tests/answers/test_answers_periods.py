"""Korean words for time against hand-checked dates, and the holiday table against astronomy."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafe24_pipelines.answers.holidays import HOLIDAYS
from cafe24_pipelines.answers.periods import find_periods, previous, year_before

AS_OF, FIRST = date(2026, 3, 31), date(2025, 1, 5)  # a Tuesday


@pytest.mark.parametrize(
    ("words", "start", "last"),
    [
        ("오늘 매출", "2026-03-31", "2026-03-31"),
        ("어제", "2026-03-30", "2026-03-30"),
        ("이번 주 주문", "2026-03-30", "2026-03-31"),
        ("지난주", "2026-03-23", "2026-03-29"),
        ("이번달매출", "2026-03-01", "2026-03-31"),
        ("지난 달", "2026-02-01", "2026-02-28"),
        ("지지난달", "2026-01-01", "2026-01-31"),
        ("올해", "2026-01-01", "2026-03-31"),
        ("작년 매출", "2025-01-01", "2025-12-31"),
        ("최근 30일", "2026-03-02", "2026-03-31"),
        ("최근 2주간", "2026-03-18", "2026-03-31"),
        ("최근 3개월", "2026-01-01", "2026-03-31"),
        ("3월 매출", "2026-03-01", "2026-03-31"),
        ("12월 매출", "2025-12-01", "2025-12-31"),
        ("2025년 7월", "2025-07-01", "2025-07-31"),
        ("작년 2월", "2025-02-01", "2025-02-28"),
        ("25년 3월", "2025-03-01", "2025-03-31"),
        ("2분기", "2025-04-01", "2025-06-30"),
        ("작년 하반기", "2025-07-01", "2025-12-31"),
        ("2025-01-01~2025-03-31", "2025-01-01", "2025-03-31"),
        ("2025년 1월 1일부터 2025년 2월 3일까지", "2025-01-01", "2025-02-03"),
        ("2026.03.05 매출", "2026-03-05", "2026-03-05"),
        ("2026-03-05 이후 매출", "2026-03-05", "2026-03-31"),
        ("1월부터 3월까지", "2026-01-01", "2026-03-31"),
        ("11월부터 2월까지", "2025-11-01", "2026-02-28"),
        ("12월 1일부터 12월 24일까지", "2025-12-01", "2025-12-24"),
        ("올해 2월까지 매출", "2026-01-01", "2026-02-28"),
        ("지난달까지 누적 매출", "2025-01-05", "2026-02-28"),
        ("설 연휴 전주", "2026-02-09", "2026-02-15"),
        ("추석 직전 2주", "2025-09-21", "2025-10-04"),
        ("설 연휴 다음 주", "2026-02-19", "2026-02-25"),
        ("블프 주간", "2025-11-24", "2025-11-30"),
        ("작년 블랙프라이데이", "2025-11-28", "2025-11-28"),
        ("크리스마스 매출", "2025-12-25", "2025-12-25"),
        ("지난주 주말", "2026-03-28", "2026-03-29"),
        ("작년 여름 매출", "2025-06-01", "2025-08-31"),
        ("올겨울 매출", "2026-12-01", "2027-02-28"),
        ("요즘 장사", "2026-03-02", "2026-03-31"),
        ("12월 25일", "2025-12-25", "2025-12-25"),
        ("작년 추석 연휴", "2025-10-05", "2025-10-07"),
        ("설 연휴 매출", "2026-02-16", "2026-02-18"),
        ("추석 때", "2025-10-05", "2025-10-07"),
        ("전체 기간", "2025-01-05", "2026-03-31"),
    ],
)
def test_words_for_time(words: str, start: str, last: str) -> None:
    period = find_periods(words, AS_OF, FIRST)[0]
    assert (period.start.isoformat(), (period.end - timedelta(days=1)).isoformat()) == (start, last)
    assert start in period.label


@pytest.mark.parametrize(
    "words", ["월별 매출", "서울특별시 설명", "13월 매출", "2025-02-30 매출", "9999년", "객단가는?"]
)
def test_no_period_is_read_into_other_words(words: str) -> None:
    assert find_periods(words, AS_OF, FIRST) == []


def test_two_periods_come_in_the_order_named() -> None:
    assert [p.name for p in find_periods("지난달과 이번 달을 비교", AS_OF, FIRST)] == ["지난달", "이번 달"]


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("지난달", "2026-01-01", "2026-02-01"),  # a whole month with the whole month before, though it is longer
        ("올해", "2025-01-01", "2025-04-01"),
        ("최근 30일", "2026-01-31", "2026-03-02"),
    ],
)
def test_what_a_period_is_compared_with(words: str, start: str, end: str) -> None:
    before = previous(find_periods(words, AS_OF, FIRST)[0])
    assert (before.start.isoformat(), before.end.isoformat()) == (start, end)


def test_a_begun_month_is_compared_with_as_many_days() -> None:
    before = previous(find_periods("이번 달", date(2026, 3, 10), FIRST)[0])
    assert (before.start, before.end) == (date(2026, 2, 1), date(2026, 2, 11))


def test_the_year_before_a_leap_day_exists() -> None:
    leap = find_periods("2024-02-29", AS_OF, date(2024, 1, 1))[0]
    assert year_before(leap).start == date(2023, 2, 28)


@given(st.text(max_size=40), st.dates(date(2011, 1, 1), date(2029, 12, 31)))
def test_any_text_gives_periods_that_are_not_empty(text: str, as_of: date) -> None:
    assert all(p.start < p.end for p in find_periods(text, as_of, date(2010, 1, 1)))


def new_moon_in_seoul(k: int) -> date:
    """The local date of new moon number `k` since January 2000 (Meeus, main terms; good to a quarter of an hour)."""
    t = k / 1236.85
    e = 1 - 0.002516 * t
    m, mm, f = (
        math.radians(x)
        for x in (
            2.5534 + 29.10535670 * k - 0.0000014 * t * t,
            201.5643 + 385.81693528 * k + 0.0107582 * t * t,
            160.7108 + 390.67050284 * k - 0.0016118 * t * t,
        )
    )
    terms = (
        -0.40720 * math.sin(mm) + 0.17241 * e * math.sin(m) + 0.01608 * math.sin(2 * mm) + 0.01039 * math.sin(2 * f)
        + 0.00739 * e * math.sin(mm - m) - 0.00514 * e * math.sin(mm + m) + 0.00208 * e * e * math.sin(2 * m)
        - 0.00111 * math.sin(mm - 2 * f) - 0.00057 * math.sin(mm + 2 * f) + 0.00056 * e * math.sin(2 * mm + m)
        - 0.00042 * math.sin(3 * mm) + 0.00042 * e * math.sin(m + 2 * f) + 0.00038 * e * math.sin(m - 2 * f)
        - 0.00024 * e * math.sin(2 * mm - m)
    )  # fmt: skip
    days = 2451550.09766 + 29.530588861 * k + 0.00015437 * t * t + terms - 2451544.5
    seconds = days * 86_400 - 70  # dynamical time runs about 70 s ahead of universal time
    return (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, hours=9)).date()


def test_the_holiday_table_agrees_with_the_moon() -> None:
    moons = {new_moon_in_seoul(k) for k in range(120, 390)}
    assert {d for d in HOLIDAYS["설"] if d not in moons} == set()
    assert {d for d in HOLIDAYS["추석"] if d - timedelta(days=14) not in moons} == set()
    assert [d.year for d in HOLIDAYS["설"]] == [d.year for d in HOLIDAYS["추석"]] == list(range(2010, 2031))
    assert all((1, 20) < (d.month, d.day) < (2, 21) for d in HOLIDAYS["설"])
    assert all((9, 7) < (d.month, d.day) < (10, 9) for d in HOLIDAYS["추석"])
