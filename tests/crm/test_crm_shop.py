"""Data frames as a shop: the same answers as from a lake, money of any kind, and clear errors."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.cohorts import cohorts
from cafe24_pipelines.crm.rfm import rfm
from cafe24_pipelines.crm.shop import frames
from cafe24_pipelines.stores.lake import Lake

MALL = Mall("frames")
ORDERS = pd.DataFrame(
    {
        "order_id": [str(n) for n in range(6)],
        "member_key": ["a", "a", "b", None, "b", "c"],
        "ordered_at": pd.to_datetime(["2026-01-05", "2026-02-01", "2026-01-31T16:00", "2026-02-03", "2026-03-01",
                                      "2026-03-02"], utc=True, format="ISO8601"),
        "status": ["confirmed"] * 5 + ["cancelled"],
        "paid_amount": [10_000, 12_000, 7_000, 3_000, 9_500, 1],
    }
)  # fmt: skip


@pytest.mark.parametrize("money", [int, float, Decimal])
def test_a_person_s_data_frame_answers_as_a_lake_does(tmp_path: Path, money) -> None:
    orders = ORDERS.assign(paid_amount=[money(one) for one in ORDERS["paid_amount"]])
    lake = Lake(tmp_path).mall("frames")
    shop = frames(orders=orders)
    lake.land("orders", shop.query("SELECT * FROM orders"), snapshot=True)
    for analysis in (rfm, cohorts):
        ours, theirs = analysis(shop, MALL), analysis(lake, MALL)
        pd.testing.assert_frame_equal(ours.table, theirs.table)
        assert ours.summary == theirs.summary and ours.charts == theirs.charts
    assert rfm(shop, MALL).table.set_index("member_key").loc["a", "monetary"] == Decimal("22000.0000")


def test_lines_are_numbered_and_reckoned_when_the_frame_doesn_t(tmp_path: Path) -> None:
    lines = pd.DataFrame({"order_id": ["0", "0", "1"], "product_no": ["p", "q", "p"], "quantity": [2, 1, 3],
                          "unit_price": [0.1, 5.0, 0.1]})  # fmt: skip
    rows = frames(orders=ORDERS, order_items=lines).query(
        "SELECT line_no, amount, currency FROM order_items ORDER BY order_id, line_no"
    )
    assert rows.to_pylist() == [
        {"line_no": 1, "amount": Decimal("0.2000"), "currency": "KRW"},
        {"line_no": 2, "amount": Decimal("5.0000"), "currency": "KRW"},
        {"line_no": 1, "amount": Decimal("0.3000"), "currency": "KRW"},
    ]


@pytest.mark.parametrize(("given", "says"), [
    ({"sales": ORDERS}, "no table sales"),
    ({"orders": ORDERS.drop(columns="status")}, "status is missing"),
    ({"orders": ORDERS.assign(name="x")}, "unknown columns"),
    ({"orders": ORDERS.assign(ordered_at=ORDERS["ordered_at"].dt.tz_localize(None))}, "no time zone"),
])  # fmt: skip
def test_what_can_t_be_read_is_said(given: dict[str, pd.DataFrame], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        frames(**given)
