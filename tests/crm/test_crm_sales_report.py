"""The sales report on months reckoned by hand, and against pandas."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.sales_report import sales_report
from cafe24_pipelines.crm.shop import frames

MALL = Mall("m")


def at(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="Asia/Seoul").tz_convert("UTC")


ORDERS = pd.DataFrame(
    [
        ("1", "a", at("2025-03-01 00:10"), "confirmed", 100.0, 5.0, "k"),  # still February in UTC
        ("2", None, at("2025-03-31 23:50"), "confirmed", 60.0, None, None),
        ("3", "a", at("2025-04-10 12:00"), "confirmed", 40.0, None, None),
        ("4", "b", at("2025-04-11 12:00"), "confirmed", 80.0, 3.0, None),
        ("5", "b", at("2025-04-12 12:00"), "returned", 30.0, 9.0, "k"),
        ("6", None, at("2025-04-30 23:59"), "unpaid", 500.0, None, None),
        ("7", "a", at("2026-03-05 12:00"), "confirmed", 50.0, None, None),
        ("8", "b", at("2026-04-02 12:00"), "confirmed", 11.0, None, None),
    ],
    columns=["order_id", "member_key", "ordered_at", "status", "paid_amount", "discount_amount", "coupon_no"],
)


def test_months_reckoned_by_hand() -> None:
    lines = ORDERS[["order_id"]].assign(product_no="p", quantity=2, unit_price=1.0)
    outcome = sales_report(frames(orders=ORDERS, order_items=lines), MALL)
    months = outcome.table[outcome.table["period"] == "month"].set_index("start")
    assert len(months) == 14  # no hole: eleven of them without a sale
    march, april = months.loc[date(2025, 3, 1)], months.loc[date(2025, 4, 1)]
    assert (march["revenue"], march["orders"], march["buyers"], march["units"]) == (Decimal(160), 2, 1, 4)
    assert (march["guest_share"], march["coupon_share"], march["discounts"]) == (0.5, 0.5, Decimal(5))
    assert pd.isna(march["revenue_change"])
    assert april[["buyers", "new_buyers", "returning_buyers"]].tolist() == [2, 1, 1]
    assert (april["aov"], april["revenue_change"], april["orders_change"]) == (Decimal(60), -0.25, 0)
    assert april["return_rate"] == pytest.approx(1 / 3, abs=1e-6)
    assert april["discounts"] == Decimal(3)  # what was sold and kept
    assert months.loc[date(2025, 5, 1), ["orders", "revenue"]].tolist() == [0, 0]
    assert pd.isna(months.loc[date(2025, 6, 1), "revenue_change"])  # nothing to compare with
    assert months.loc[date(2026, 3, 1), "revenue_change_year"] == pytest.approx(50 / 160 - 1, abs=1e-6)
    running = months.loc[date(2026, 4, 1)]
    assert not running["complete"] and months["complete"].sum() == 13
    assert pd.isna(running["revenue_change"]) and pd.isna(running["revenue_change_year"])
    headline = outcome.summary["last_full_month"]
    assert (headline["month"], headline["revenue"], headline["return_rate"]) == ("2026-03", 50.0, 0.0)
    assert outcome.summary["running_month"]["month"] == "2026-04"


def test_a_month_is_complete_when_the_data_reach_its_last_day() -> None:
    table = sales_report(frames(orders=ORDERS.iloc[:2]), MALL).table.set_index("period")
    assert table.loc["month", "complete"]
    weeks = table.loc["week"]
    assert weeks["start"].iloc[0] == date(2025, 2, 24)  # the Monday before 1 March
    assert weeks["complete"].tolist() == [True] * 5 + [False]


def test_weeks_and_months_equal_pandas() -> None:
    rng = np.random.default_rng(9)
    n = 3000
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k:04d}" for k in range(n)],
            "member_key": pd.array([f"m{k}" if k < 250 else None for k in rng.integers(0, 300, n)], dtype="string"),
            "ordered_at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 6e7, n), unit="s"),
            "status": rng.choice(["confirmed", "paid", "returned", "cancelled"], n),
            "paid_amount": rng.integers(1, 10**6, n) / 100,
        }
    )
    table = sales_report(frames(orders=orders), MALL).table
    sold = orders[orders["status"].isin(["confirmed", "paid"])].sort_values(["ordered_at", "order_id"])
    local = sold["ordered_at"].dt.tz_convert("Asia/Seoul").dt.tz_localize(None)
    first = ~sold.duplicated("member_key") & sold["member_key"].notna()
    for period, letter in (("month", "M"), ("week", "W")):
        by = local.dt.to_period(letter)
        shown = table[(table["period"] == period) & (table["orders"] > 0)]
        assert shown["revenue"].astype(float).to_numpy() == pytest.approx(
            sold.groupby(by)["paid_amount"].sum().to_numpy()
        )
        assert shown["new_buyers"].tolist() == first.groupby(by).sum().tolist()
        assert shown["buyers"].tolist() == sold.groupby(by)["member_key"].nunique().tolist()
