"""Windows: nothing left out, nothing twice, no more in one than its target."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cafe24_pipelines.cafe24.sync.windows import (
    ORDER_SPAN,
    SECOND,
    Window,
    beginning,
    chunks,
    korean_time,
    plan,
    subtract,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_a_window_is_sent_with_both_ends_included_in_korean_time() -> None:
    window = Window(datetime(2026, 3, 1, 15, tzinfo=UTC), datetime(2026, 3, 2, 15, tzinfo=UTC))
    assert window.params() == {"start_date": "2026-03-02 00:00:00", "end_date": "2026-03-02 23:59:59"}
    assert window.days() == {"start_date": "2026-03-02", "end_date": "2026-03-02"}


@pytest.mark.parametrize(("start", "end"), [(T0, T0), (at(1), T0), (T0.replace(tzinfo=None), at(1))])
def test_what_is_not_a_window_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises((ValueError, TypeError)):
        Window(start, end)


def test_no_chunk_reaches_three_months_whatever_day_it_begins() -> None:
    for day in range(800):
        start = datetime(2023, 1, 1, 15, tzinfo=UTC) + timedelta(days=day)
        first, *_ = chunks(start, start + timedelta(days=400), ORDER_SPAN)
        begin, last = (korean_time(m)[:10] for m in (first.start, first.end - SECOND))
        year, month, number = (int(part) for part in begin.split("-"))
        year, month = (year, month + 3) if month < 10 else (year + 1, month - 9)
        assert last < f"{year}-{month:02d}-{min(number, 28):02d}" or number > 28


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 100_000), max_size=300),
    st.integers(1, 40),
    st.integers(1, 100_000),
)
def test_a_plan_covers_every_row_once_and_keeps_to_its_target(rows: list[int], target: int, length: int) -> None:
    rows = [r for r in rows if r < length]

    def count(window: Window) -> int:
        return sum(window.start <= at(r) < window.end for r in rows)

    planned = list(plan(Window(T0, at(length)), count, target=target))
    assert planned[0].window.start == T0
    assert planned[-1].window.end == at(length)
    assert all(a.window.end == b.window.start for a, b in pairwise(planned))
    assert sum(p.counted for p in planned) == len(rows)
    assert all(p.counted <= target or p.window.seconds == 1 for p in planned)


def test_a_busy_second_is_left_to_its_reader_rather_than_split_for_ever() -> None:
    rows = [500] * 50
    planned = list(plan(Window(T0, at(1000)), lambda w: sum(w.start <= at(r) < w.end for r in rows), target=10))
    assert [(p.window.seconds, p.counted) for p in planned if p.counted > 10] == [(1, 50)]


def test_the_beginning_lies_behind_a_silence() -> None:
    now = T0 + timedelta(days=3650)
    rows = [T0 + timedelta(days=d) for d in (40, 900, 3600)]  # a gap of 860 days is longer than 8 chunks of 89
    occupied = [0]

    def probe(window: Window) -> bool:
        occupied[0] += 1
        return any(window.start <= r < window.end for r in rows)

    found = beginning(probe, now, ORDER_SPAN, empties=40)
    assert found is not None
    assert found <= rows[0]
    assert beginning(probe, now, ORDER_SPAN, empties=8) > rows[1]  # type: ignore[operator]
    occupied[0] = 0
    assert beginning(lambda w: False, now, ORDER_SPAN, empties=8) is None


def test_subtracting_leaves_exactly_the_rest() -> None:
    dice = random.Random(7)
    for _ in range(200):
        taken = [Window(at(a), at(a + dice.randint(1, 30))) for a in (dice.randint(0, 100) for _ in range(5))]
        whole = Window(at(10), at(90))
        left = subtract(whole, taken)
        covered = [s for s in range(10, 90) if any(w.start <= at(s) < w.end for w in left)]
        expected = [s for s in range(10, 90) if not any(w.start <= at(s) < w.end for w in taken)]
        assert covered == expected
