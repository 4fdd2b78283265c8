"""Lifetime value of a shop: what is counted, what is forecast, what is refused, and how often it is right."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Outcome, analysis_named
from cafe24_pipelines.crm.clv import clv
from cafe24_pipelines.crm.lifetime.buyers import date_of, day_number, ledger
from cafe24_pipelines.crm.lifetime.gate import Gate
from cafe24_pipelines.crm.shop import frames
from cafe24_pipelines.crm.tables import CrmTables

MALL = Mall("m")
START = pd.Timestamp("2024-01-01", tz="UTC")
PARAMETERS = (0.8, 60.0, 0.7, 2.5)
VALUE = (4.0, 4.0, 30_000.0)


def shop_of(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["order_id", "member_key", "ordered_at", "status", "paid_amount"])


def lived(members: int, days: int, seed: int) -> pd.DataFrame:
    """Orders of members who live as BG/NBD and pay as Gamma-Gamma say, in days from `START`."""
    rng = np.random.default_rng(seed)
    r, alpha, a, b = PARAMETERS
    rate, p, nu = (
        rng.gamma(r, 1 / alpha, members),
        rng.beta(a, b, members),
        rng.gamma(VALUE[1], 1 / VALUE[2], members),
    )
    now, rows = rng.uniform(0, days * 0.6, members), []
    active = np.ones(members, bool)
    first = True
    while active.any():
        at = np.flatnonzero(active)
        rows.append(np.column_stack([at, now[at], rng.gamma(VALUE[0], 1 / nu[at])]))
        if not first:
            active[at] &= rng.random(len(at)) >= p[at]
        now = now + rng.exponential(1 / rate)
        active &= now < days
        first = False
    found = np.concatenate(rows)
    found = found[np.argsort(found[:, 1])]
    return pd.DataFrame(
        {
            "order_id": [f"o{i:06d}" for i in range(len(found))],
            "member_key": [f"secret{int(m):05d}" for m in found[:, 0]],
            "ordered_at": START + pd.to_timedelta((found[:, 1] * 86400).round(), unit="s"),
            "status": "confirmed",
            "paid_amount": found[:, 2].round(2),
        }
    )


def answered(orders: pd.DataFrame, mall: Mall = MALL) -> Outcome:
    """The analysis, checked as its publication would."""
    outcome = clv(frames(orders=orders), mall)
    json.dumps(outcome.to_json(), allow_nan=False)
    assert list(outcome.table.columns) == list(analysis_named("clv").columns())
    numbers = outcome.table.select_dtypes("number")
    assert np.isfinite(numbers.to_numpy(float)).all()
    return outcome


@pytest.fixture(scope="module")
def two_years() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders of one shop over its first and its second year."""
    orders = lived(1500, 366 + 365, 1)
    first = orders["ordered_at"] < START + timedelta(days=366)
    return orders[first], orders[~first]


@pytest.fixture(scope="module")
def outcome(two_years: tuple[pd.DataFrame, pd.DataFrame]) -> Outcome:
    return answered(two_years[0])


def test_buyers_are_counted_by_local_days_and_net_of_refunds() -> None:
    def at(*when: int) -> datetime:
        return datetime(2026, *when, tzinfo=UTC)

    orders = shop_of(
        [
            ("1", "a", at(1, 5, 1), "confirmed", 100.0),
            ("2", "a", at(1, 5, 9), "confirmed", 50.0),  # the same day: the same purchase
            ("3", "a", at(1, 31, 23), "delivered", 30.0),  # 1 February in Seoul
            ("4", "a", at(2, 10, 1), "returned", -8.0),  # a credit of a later day
            ("5", "a", at(3, 1, 1), "cancelled", 999.0),
            ("6", "a", at(3, 2, 1), "confirmed", 70.0),
            ("7", None, at(3, 3, 1), "confirmed", 5.0),
            ("8", "b", at(3, 4, 1), "unpaid", 5.0),
            ("9", "c", at(3, 9, 1), "confirmed", 5.0),
            ("10", None, at(3, 20, 1), "confirmed", 5.0),
        ]
    )
    with ledger(frames(orders=orders), zone="Asia/Seoul") as book:
        assert (date_of(book.first).isoformat(), date_of(book.last).isoformat()) == ("2026-01-05", "2026-03-20")
        found = book.buyers(book.last).set_index("member_key")
        assert list(found.index) == ["a", "c"]
        assert found.loc["a", "x"] == 2
        assert found.loc["a", "value"] == pytest.approx((30 - 8 + 70) / 2)
        assert date_of(found.loc["a", "last_day"]).isoformat() == "2026-03-02"
        until = day_number(datetime(2026, 2, 28, tzinfo=UTC).date())
        early = book.buyers(until).set_index("member_key")
        assert list(early.index) == ["a"]
        assert early.loc["a", ["x", "value", "later", "later_net"]].tolist() == [1, 22.0, 1, 70.0]
        repeats, new, known = book.daily(until)
        assert (repeats.sum(), new.sum(), known.sum()) == (2, 2, 2)
        assert repeats[day_number(datetime(2026, 2, 1, tzinfo=UTC).date()) - book.first] == 1


def test_the_answer_holds_model_parameters_likelihood_gate_and_holdout(outcome: Outcome) -> None:
    found = outcome.to_json()
    assert found["status"] == "ok"
    assert found["gate"]["result"] == "passed"
    assert found["converged"] is True
    assert set(found["parameters"]) == {"r", "alpha", "a", "b"}
    assert found["n"] == len(outcome.table) == found["gate"]["buyers"]
    true = dict(zip(("r", "alpha"), PARAMETERS, strict=False))
    for name, value in true.items():
        estimate = found["parameters"][name]
        assert abs(estimate["value"] - value) < 3.5 * estimate["standard_error"]
    held = found["holdout"]
    assert held["done"]
    assert abs(held["total_error"]) < 0.15
    assert held["correlation"] > 0.4
    assert held["rmse"] < held["baselines"]["same_rate"]["rmse"]
    assert held["log_score"] == max(one["log_score"] for one in held["candidates"] if one["calendar"] == "plain")
    assert found["calendar"]["kind"] == "plain"  # no season was planted
    assert not found["value"]["independence"]["doubtful"]
    assert set(outcome.charts) == {"distribution", "holdout"}


def test_intervals_hold_what_customers_then_did(
    outcome: Outcome, two_years: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    later = two_years[1][two_years[1]["member_key"].isin(outcome.table["member_key"])]
    table = outcome.table.set_index("member_key")
    days = later["ordered_at"].dt.tz_convert("Asia/Seoul").dt.date
    bought = days.groupby(later["member_key"]).nunique().reindex(table.index, fill_value=0)
    paid = later.groupby("member_key")["paid_amount"].sum().reindex(table.index, fill_value=0.0)
    inside = (bought >= table["purchases_365_low"]) & (bought <= table["purchases_365_high"])
    assert 0.94 <= inside.mean() <= 1.0
    inside = (paid >= table["clv_365_low"]) & (0.95 * paid <= table["clv_365_high"])
    assert 0.93 <= inside.mean() <= 0.99
    assert bought.sum() == pytest.approx(table["expected_purchases_365"].sum(), rel=0.12)
    total = outcome.summary["expected_revenue_365"]
    assert total["low"] < 0.953 * paid.sum() < total["high"]
    assert np.corrcoef(bought, table["expected_purchases_365"])[0, 1] > 0.5


def test_a_small_shop_is_pooled_with_wider_intervals_and_says_so(outcome: Outcome) -> None:
    orders = lived(1500, 366 + 365, 1)
    few = sorted(orders["member_key"].unique())[:120]
    small = orders[orders["member_key"].isin(few) & (orders["ordered_at"] < START + timedelta(days=366))]
    found = answered(small)
    summary = found.to_json()
    assert summary["gate"]["result"] == "pooled"
    assert summary["pooled"] is True
    assert summary["status"] == "ok"
    assert next((one["what"], one["needed"]) for one in summary["lacking"]) == ("구매한 회원 수", 500)
    wide, narrow = (
        math.log(s["expected_revenue_365"]["high"] / s["expected_revenue_365"]["low"])
        for s in (summary, outcome.summary)
    )
    assert wide > 2 * narrow
    assert summary["notes"]


@pytest.mark.slow
def test_totals_of_small_shops_lie_in_their_intervals() -> None:
    """Shops of 80 buyers, pooled: their second year lies in the interval that their first one gave."""
    inside = []
    for seed in range(100, 140):
        orders = lived(80, 366 + 365, seed)
        first = orders["ordered_at"] < START + timedelta(days=366)
        outcome = answered(orders[first])
        assert outcome.summary["gate"]["result"] == "pooled"
        known = orders["member_key"].isin(outcome.table["member_key"])
        total = outcome.summary["expected_revenue_365"]
        inside.append(total["low"] < 0.953 * orders.loc[known & ~first, "paid_amount"].sum() < total["high"])
    assert np.mean(inside) >= 0.85


def test_bands_are_a_fifth_and_three_tenths_and_nothing_personal_leaves_the_table(outcome: Outcome) -> None:
    share = outcome.table["band"].value_counts(normalize=True)
    assert share["상"] == pytest.approx(0.2, abs=0.01)
    assert share["중"] == pytest.approx(0.3, abs=0.01)
    by_band = outcome.table.groupby("band")["clv_365"].agg(["min", "max"])
    assert by_band.loc["상", "min"] >= by_band.loc["중", "max"]
    assert 0.2 < outcome.summary["top_20_percent_share"] < 1
    assert "secret" not in json.dumps(outcome.to_json(), ensure_ascii=False) + "".join(outcome.charts.values())


def test_the_order_of_rows_changes_nothing_and_the_table_can_be_published(tmp_path: Path) -> None:
    orders = lived(90, 200, 2)
    digests = [
        CrmTables(tmp_path / str(i)).publish("m", "clv", answered(frame))
        for i, frame in enumerate((orders, orders.sample(frac=1, random_state=1)))
    ]
    assert digests[0] == digests[1]


def many(
    members: int, times: int, *, days: int = 200, amount: float = 10.0, status: str = "confirmed"
) -> list[tuple]:
    """Every member buys `times` times at equal distances."""
    step = days / max(times, 1)
    return [
        (f"{m}-{k}", f"m{m:04d}", START + timedelta(days=(m % 7) + k * step), status, amount)
        for m in range(members)
        for k in range(times)
    ]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([], "구매한 회원 수"),
        (many(1, 1), "구매한 회원 수"),
        (many(25, 3), "구매한 회원 수"),
        (many(100, 1), "두 날 이상 구매하고 결제 금액이 있는 회원 수"),
        (many(100, 3, days=30), "첫 구매부터 마지막 주문까지의 날수"),
        (many(100, 3, amount=0.0), "두 날 이상 구매하고 결제 금액이 있는 회원 수"),
        (many(100, 3, status="returned"), "구매한 회원 수"),
        ([(o, None, *rest) for o, _, *rest in many(100, 3)], "구매한 회원 수"),
    ],
    ids=["nothing", "one order", "few", "nobody twice", "too short", "no money", "all returns", "all guests"],
)
def test_what_is_missing_is_said(rows: list[tuple], what: str) -> None:
    outcome = answered(shop_of(rows).astype({"ordered_at": "datetime64[us, UTC]"}))
    assert outcome.status == "insufficient_data"
    assert outcome.table.empty
    assert what in [one.what for one in outcome.lacking]
    assert outcome.summary["gate"]["result"] == "refused"


def test_odd_shops_are_answered_without_nan() -> None:
    closed = [*many(200, 2, days=120), ("late", "m9999", START + timedelta(days=700), "confirmed", 5.0)]
    negative = many(60, 3) + [
        (f"c{m}", f"m{m:04d}", START + timedelta(days=190), "returned", -25.0) for m in range(30)
    ]
    for rows in (closed, negative, many(600, 4), many(600, 60, days=190)):
        outcome = answered(shop_of(rows))
        assert outcome.status == "ok"
        assert (outcome.table["clv_365"] >= 0).all()
        assert outcome.table["p_alive"].between(0, 1).all()
    assert set(answered(shop_of(many(42, 4, days=196))).table["band"]) <= {"상", "중", "하"}


def test_the_gate_asks_for_buyers_days_and_somebody_who_came_back() -> None:
    assert Gate(500, 180, 1).result == "passed"
    assert Gate(499, 180, 100).result == "pooled"
    assert Gate(500, 179, 100).result == "pooled"
    assert Gate(30, 60, 1).result == "pooled"
    assert {Gate(29, 60, 9).result, Gate(30, 59, 9).result, Gate(900, 900, 0).result} == {"refused"}
    assert Gate(500, 180, 1).lacking() == ()
    assert [one.needed for one in Gate(499, 179, 9).lacking()] == [500, 180]
    assert [one.needed for one in Gate(3, 3, 0).lacking()] == [30, 60, 1]
