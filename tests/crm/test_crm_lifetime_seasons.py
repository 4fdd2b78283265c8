"""Seasonal time: factors that were planted are learned, and a calendar is used where it helps and only there."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.crm.lifetime.bgnbd import BG_NBD, histories
from cafe24_pipelines.crm.lifetime.buyers import day_number, ledger
from cafe24_pipelines.crm.lifetime.holdout import hold_out
from cafe24_pipelines.crm.lifetime.seasonal import WINDOWS, expected_repeats, learn, plain
from cafe24_pipelines.crm.shop import frames

FIRST, LAST = day_number(date(2023, 3, 1)), day_number(date(2026, 2, 28))
FEASTS = [
    day_number(d)
    for d in (date(2023, 9, 29), date(2024, 2, 10), date(2024, 9, 17), date(2025, 1, 29), date(2025, 10, 6),
              date(2026, 2, 17))
]  # fmt: skip


def busy(factor: float) -> np.ndarray:
    """How much each day counts: `factor` in the fortnight before a feast up to the second day before it."""
    weight = np.ones(LAST - FIRST + 1)
    for feast in FEASTS:
        weight[feast - 14 - FIRST : feast - 1 - FIRST] = factor
    return weight


def shop(members: int, weight: np.ndarray, seed: int) -> pd.DataFrame:
    """Members who live as BG/NBD says in the time that `weight` makes."""
    rng = np.random.default_rng(seed)
    edges = np.concatenate([[0.0], np.cumsum(weight)])
    rate, p = rng.gamma(1.2, 1 / 60, members), rng.beta(0.5, 4.0, members)
    now, found = rng.uniform(0, edges[-1] * 0.6, members), []
    active, first = np.ones(members, bool), True
    while active.any():
        at = np.flatnonzero(active)
        found.append(np.column_stack([at, np.interp(now[at], edges, np.arange(edges.size))]))
        if not first:
            active[at] &= rng.random(len(at)) >= p[at]
        now = now + rng.exponential(1 / rate)
        active, first = active & (now < edges[-1]), False
    rows = np.concatenate(found)
    seconds = (rows[:, 1] * 86_400).astype(np.int64)
    return pd.DataFrame(
        {
            "order_id": [str(i) for i in range(len(rows))],
            "member_key": [f"m{int(m):05d}" for m in rows[:, 0]],
            "ordered_at": pd.to_datetime(seconds + FIRST * 86_400, unit="s", utc=True),
            "status": "paid",
            "paid_amount": 10_000.0,
        }
    )


def test_what_was_planted_is_learned_and_what_was_not_stays_one() -> None:
    weight = busy(2.0)
    expected = np.full(weight.size, 12.0)
    seen = np.random.default_rng(1).poisson(expected * weight).astype(float)
    found = learn(seen, expected, FIRST, until=LAST, last=LAST + 400)
    assert found is not None
    assert dict(zip(WINDOWS, found.before_feast, strict=True)) == pytest.approx(
        {(21, 15): 1.0, (14, 8): 2.0, (7, 2): 2.0, (1, -1): 1.0}, abs=0.2
    )
    assert found.months == pytest.approx([1.0] * 12, abs=0.12)
    # an average day of the data counts 1, and a feast of the future is where it will be: Chuseok 2026 on 25 September
    assert float(found.time(LAST) - found.time(FIRST)) == pytest.approx(LAST - FIRST, rel=0.01)
    chuseok, october = day_number(date(2026, 9, 25)), day_number(date(2026, 10, 6))
    assert float(found.time(chuseok - 2) - found.time(chuseok - 14)) > 1.4 * float(
        found.time(october - 2) - found.time(october - 8)
    ) * 12 / 6  # fmt: skip


def test_months_need_a_year_and_nothing_teaches_nothing() -> None:
    until = FIRST + 200  # no feast within 200 days from 1 March but Chuseok's first window begins on day 191
    short = learn(np.ones(151), np.ones(151), FIRST, until=FIRST + 150, last=LAST)
    assert short is None
    some = learn(np.ones(until - FIRST + 1), np.ones(until - FIRST + 1), FIRST, until=until, last=LAST)
    assert some is not None
    assert set(some.months) == {1.0}
    assert learn(np.zeros(400), np.zeros(400), FIRST, until=FIRST + 399, last=LAST) is None


def test_expected_repeats_add_up_to_those_of_the_customers() -> None:
    given = histories([2, 0, 1], [50.0, 0.0, 10.0], [90.0, 80.0, 60.0])
    fitted = BG_NBD.fit(given)
    new = np.zeros(91)
    new[[0, 10, 30]] = 1.0
    each = BG_NBD.expected(fitted.parameters, 0.0, 0.0, 0.0, np.array([90.0, 80.0, 60.0]))
    assert expected_repeats(BG_NBD, fitted, new).sum() == pytest.approx(each.sum())


def test_plain_days_count_one() -> None:
    assert plain(100, 200).time([100, 101, 150]).tolist() == [1.0, 2.0, 51.0]


@pytest.mark.parametrize(("factor", "seasonal"), [(1.0, False), (3.0, True)])
def test_a_calendar_is_chosen_where_there_is_a_season(factor: float, seasonal: bool) -> None:
    with ledger(frames(orders=shop(2500, busy(factor), 2)), zone="UTC") as book:
        found = hold_out(book)
    assert (found.season != "plain") == seasonal
    best = max(found.report["candidates"], key=lambda one: one["log_score"])
    assert abs(found.report["total_error"]) < 0.08
    assert found.report["actual_purchases"] == found.actual.sum()
    assert found.forecast.sum() == pytest.approx(found.report["forecast_purchases"], rel=0.02)
    if seasonal:
        assert best["calendar"] != "plain"
        assert np.corrcoef(found.forecast, found.actual)[0, 1] > 0.5


def test_a_growing_shop_is_not_taken_for_a_seasonal_one() -> None:
    growth = np.linspace(0.7, 2.0, LAST - FIRST + 1)
    with ledger(frames(orders=shop(2000, growth, 3)), zone="UTC") as book:
        assert hold_out(book).season == "plain"
