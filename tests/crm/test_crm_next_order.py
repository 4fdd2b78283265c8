"""The next order's date against numeric integration, a simulated future, and what right truncation would hide."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.next_order import GapModel, _quantile, fit_gaps, next_order
from cafe24_pipelines.crm.shop import FrameShop, frames

MALL = Mall("m")
DAYS = 600


def shop_of(history: dict[str, list[float]]) -> FrameShop:
    rows = [(member, day) for member, days in history.items() for day in days]
    frame = pd.DataFrame(rows, columns=["member_key", "day"])
    frame["ordered_at"] = pd.Timestamp("2025-01-01 03:00", tz="UTC") + pd.to_timedelta(frame.pop("day"), unit="D")
    frame["order_id"] = [f"o{k:06d}" for k in range(len(frame))]
    return frames(orders=frame.assign(status="confirmed", paid_amount=1000.0))


def simulated(seed: int, members: int = 900) -> dict[str, list[int]]:
    """Whole lives of members whose log gaps are normal (around 3.6, by 0.6 between members and 0.5 within)."""
    rng = np.random.default_rng(seed)
    lives = {}
    for member in range(members):
        level, days = rng.normal(3.6, 0.6), [int(rng.integers(0, DAYS - 100))]
        while days[-1] <= DAYS:
            days.append(days[-1] + max(1, round(float(np.exp(rng.normal(level, 0.5))))))
        lives[f"m{member:04d}"] = days
    return lives


def test_levels_shrink_as_a_normal_prior_does() -> None:
    model = GapModel(mean=3.0, tau=0.5, sigma=1.0)
    mean, sd = model.levels([0, 1, 4], [0.0, 4.0, 4.0])
    # weight n tau^2 / (n tau^2 + sigma^2): 0, 0.2, 0.5; what is left of tau^2: 0.25, 0.2, 0.125
    assert mean == pytest.approx([3.0, 3.2, 3.5])
    assert sd == pytest.approx(np.sqrt([1.25, 1.2, 1.125]))


def test_the_wait_so_far_moves_the_quantiles() -> None:
    draws = np.exp(np.random.default_rng(1).normal(3.0, 0.8, 400_000))
    for elapsed in (0.0, 15.0, 60.0):
        later = draws[draws > elapsed + 0.5] if elapsed else draws
        for share in (0.1, 0.5, 0.9):
            value = _quantile(np.array([3.0]), np.array([0.8]), np.array([elapsed]), share)[0]
            assert value == pytest.approx(np.quantile(later, share), rel=0.03)
    far = _quantile(np.array([1.0]), np.array([0.05]), np.array([900.0]), 0.9)[0]  # 100 deviations late
    assert 900 < far < 5000


def test_gaps_that_had_no_time_to_end_do_not_shorten_the_fit() -> None:
    rng = np.random.default_rng(2)
    gap, room = np.maximum(np.rint(np.exp(rng.normal(4.0, 0.7, 20_000))), 1), rng.integers(1, 120, 20_000)
    seen = gap <= room
    mean, sd = fit_gaps(gap[seen], room[seen], np.ones(seen.sum()))
    assert np.log(gap[seen]).mean() < 3.7  # what plain averaging would say
    assert (mean, sd) == (pytest.approx(4.0, abs=0.1), pytest.approx(0.7, abs=0.05))


def test_intervals_hold_the_orders_that_really_follow() -> None:
    """Known lives, cut on the last day: 80 % of next orders lie within the intervals, and half before the median."""
    lives = simulated(3)
    seen = {member: [day for day in days if day <= DAYS] for member, days in lives.items()}
    outcome = next_order(shop_of({**seen, "late": [DAYS]}), MALL)
    table = outcome.table[outcome.table["member_key"] != "late"].reset_index(drop=True)
    truth = [date(2025, 1, 1) + timedelta(days=next(d for d in lives[m] if d > DAYS)) for m in table["member_key"]]
    inside = [low <= day <= high for low, day, high in zip(table["low_date"], truth, table["high_date"], strict=True)]
    early = [day <= middle for day, middle in zip(truth, table["expected_next_date"], strict=True)]
    assert 0.76 <= np.mean(inside) <= 0.84  # 0.8 within 3 standard errors of 900
    assert 0.45 <= np.mean(early) <= 0.55
    summary = outcome.to_json()
    assert summary["within_member"] == pytest.approx(0.5, abs=0.05)
    assert summary["between_members"] == pytest.approx(0.6, abs=0.06)
    check = summary["hold_out"]
    assert check["coverage_low"] <= check["coverage_expected"] <= check["coverage_high"]


def test_status_follows_the_wait() -> None:
    """Forty members who buy every 30 days; some stopped."""
    history = {f"m{k:02d}": [float(d) for d in range(k % 30, 300, 30)] for k in range(40)}
    history |= {"on_time": [0.0, 30.0, 270.0, 299.0], "late": [200.0, 230.0, 260.0], "gone": [0.0, 30.0]}
    table = next_order(shop_of(history), MALL).table.set_index("member_key")
    assert table.loc["on_time", "status"] == "제때"
    assert table.loc["gone", "status"] == "오래됨"
    assert table.loc["late", "status"] in {"늦음", "오래됨"}
    late = table.loc["late"]
    assert late["days_since"] == 39
    assert late["days_late"] == (date(2025, 1, 1) + timedelta(days=299) - late["due_date"]).days > 0
    assert (table["low_date"] <= table["expected_next_date"]).all()
    assert (table["expected_next_date"] <= table["high_date"]).all()
    assert (table["low_date"] > date(2025, 1, 1) + timedelta(days=299)).all()  # nothing was bought by then
    due_soon = table[(table["status"] == "곧")]
    assert (due_soon["days_late"] == 0).all()


def test_a_shop_without_repeats_says_what_is_missing() -> None:
    outcome = next_order(shop_of({f"m{k}": [float(k)] for k in range(50)}), MALL)
    assert outcome.status == "insufficient_data"
    assert {one.have for one in outcome.lacking} == {0}
