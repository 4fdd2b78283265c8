"""Every CRM analysis on shops that have too little, too much of one thing, or nonsense: an answer or a reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm import charts
from cafe24_pipelines.crm.analysis import Analysis, Outcome, analyses, analysis_named
from cafe24_pipelines.crm.shop import FrameShop, frames

MALL = Mall("m")
START = pd.Timestamp("2025-01-01 03:00", tz="UTC")
RESERVED = {"name", "title", "rows", "table", "charts", "status", "lacking"}
"""Keys that `cafe24 metrics` itself writes beside a summary's."""

Columns = dict[str, Any]


def shop_of(orders: Columns, lines: Columns | None = None, **others: Columns) -> FrameShop:
    """A shop of orders (a member, day, money and status each) with a line each, unless lines are given."""
    frame = pd.DataFrame({"status": "confirmed", **orders})
    frame["order_id"] = [f"o{k:04d}" for k in range(len(frame))]
    frame["ordered_at"] = START + pd.to_timedelta((frame.pop("day").astype(float) * 86400).round(), unit="s")
    frame["member_key"] = frame["member_key"].astype("string")
    made = {"order_id": frame["order_id"], "product_no": "p1", "product_name": "상품", "category": "하나",
            "quantity": 1, "unit_price": frame["paid_amount"].abs()}  # fmt: skip
    items = pd.DataFrame(made | (lines or {}))
    tables = {name: pd.DataFrame(columns) for name, columns in others.items()}
    return frames(orders=frame, order_items=items, **tables)


def repeated(
    members: int, times: int, *, money: object = 1000.0, step: float = 7.0, status: object = "confirmed"
) -> Columns:
    n = members * times
    return {
        "member_key": [f"m{k % members:03d}" for k in range(n)],
        "day": [step * (k // members) + 0.001 * (k % members) for k in range(n)],
        "paid_amount": money if isinstance(money, list) else [money] * n,
        "status": status,
    }


def one_coupon(members: int) -> dict[str, Columns]:
    """A coupon that everyone got on one day."""
    return {
        "coupons": {"coupon_no": ["c"], "coupon_name": ["쿠폰"]},
        "coupon_issues": {
            "issue_no": [f"i{k}" for k in range(members)],
            "coupon_no": "c",
            "member_key": [f"m{k:03d}" for k in range(members)],
            "issued_at": START + pd.Timedelta(days=10),
        },
    }


def everything_null() -> FrameShop:
    """Members and products that nothing is known of, an event without a product, a review of nobody."""
    return shop_of(
        {"member_key": ["m000"], "day": [0.0], "paid_amount": [0.0], "status": ["unpaid"]},
        customers={"member_key": ["m000", "m999"]},
        products={"product_no": ["p1", "p9"], "product_name": ["", ""]},
        reviews={"review_no": ["r"], "product_no": ["p9"], "created_at": [START]},
        events={"event_id": ["e"], "event": ["view"], "at": [START]},
        **one_coupon(1),
    )


def closed_for_months() -> FrameShop:
    rows = repeated(30, 4)
    rows["day"] = [day if day < 14 else day + 300 for day in rows["day"]]
    return shop_of(rows)


def random_money() -> FrameShop:
    """Ordinary numbers of rows with money of any sign and size, and returned, cancelled and unpaid orders."""
    rng = np.random.default_rng(8)
    rows = repeated(40, 6, money=[float(v) for v in np.round(rng.normal(0, 1e9, 240), 2)], step=11)
    rows["status"] = rng.choice(["confirmed", "returned", "cancelled", "unpaid", "paid"], 240)
    return shop_of(rows, **one_coupon(30))


SHOPS: dict[str, Callable[[], FrameShop]] = {
    "nothing": frames,
    "one_order": lambda: shop_of(repeated(1, 1)),
    "one_customer": lambda: shop_of(repeated(1, 40)),
    "one_purchase_each": lambda: shop_of(repeated(60, 1)),
    "all_guests": lambda: shop_of({**repeated(40, 5), "member_key": [None] * 200}),
    "all_returned": lambda: shop_of(repeated(40, 5, status="returned")),
    "zero_money": lambda: shop_of(repeated(40, 5, money=0.0), **one_coupon(40)),
    "negative_money": lambda: shop_of(repeated(40, 5, money=-500.0), **one_coupon(40)),
    "random_money": random_money,
    "closed_for_months": closed_for_months,
    "no_variance": lambda: shop_of(repeated(60, 52), **one_coupon(60)),
    "all_on_one_moment": lambda: shop_of({**repeated(40, 5), "day": [0.0] * 200}, **one_coupon(40)),
    "no_lines": lambda: shop_of(repeated(40, 5), {name: [] for name in ("order_id", "product_no", "product_name",
                                                                      "category", "quantity", "unit_price")}),
    "zero_quantities": lambda: shop_of(repeated(40, 5), {"quantity": 0}),
    "one_category_no_names": lambda: shop_of(repeated(40, 5), {"product_name": None}),
    "only_members": lambda: frames(customers=pd.DataFrame({"member_key": ["m000", "m001"]})),
    "only_products": lambda: frames(products=pd.DataFrame({"product_no": ["p"], "product_name": ["상품"]})),
    "only_events": lambda: frames(
        events=pd.DataFrame({"event_id": ["e"], "member_key": ["m"], "event": ["view"], "at": [START]})
    ),
    "everything_null": everything_null,
}  # fmt: skip
EMPTY = ("nothing",)
DRAWN = ("random_money", "everything_null")
"""Shops whose charts are drawn too; drawing takes longer than all else here."""


@pytest.fixture(scope="module")
def shops() -> dict[str, FrameShop]:
    return {name: make() for name, make in SHOPS.items()}


@pytest.mark.parametrize("kind", list(SHOPS))
@pytest.mark.parametrize("name", [one.name for one in analyses()])
def test_an_awkward_shop_gets_an_answer_or_a_reason(
    name: str, kind: str, shops: dict[str, FrameShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind not in DRAWN:
        undrawn(monkeypatch)
    check(analysis_named(name), shops[kind], kind)


def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawing in ("heat_map", "distribution", "curves", "calibration", "bars"):
        monkeypatch.setattr(charts, drawing, lambda *args, **options: "<svg/>")


def check(analysis: Analysis, shop: FrameShop, kind: str) -> None:
    outcome = analysis.run(shop, MALL)
    where = f"{analysis.name} on {kind}"
    columns = analysis.columns()
    assert set(outcome.table.columns) == set(columns), where
    schema = pa.schema(list(columns.items()))
    table = pa.Table.from_pandas(outcome.table[list(columns)], schema=schema, preserve_index=False)
    for column, values in zip(columns, table.columns, strict=True):
        if pa.types.is_floating(values.type):
            known = values.drop_null().to_numpy()
            assert np.isfinite(known).all(), f"{where}: {column}"
    report = outcome.to_json()  # raises for a number that is not finite
    assert not RESERVED & set(outcome.summary), where
    assert str(report).count("m000") == 0, f"{where}: a member key in the summary"
    for one in outcome.lacking:
        assert one.what and np.isfinite([one.have, one.needed]).all(), where
    if outcome.table.empty:
        assert report["status"] == "insufficient_data", f"{where}: no row and no reason"
    if kind in EMPTY:
        assert outcome.table.empty, f"{where}: rows out of nothing"
    for svg in outcome.charts.values():
        assert "<svg" in svg and "nan" not in svg.lower().replace("nano", ""), where


def test_the_checks_themselves_can_fail(shops: dict[str, FrameShop], monkeypatch: pytest.MonkeyPatch) -> None:
    undrawn(monkeypatch)
    rfm = analysis_named("rfm")
    for summary in ({"share": float("nan")}, {"rows": 1}, {"best": ["m000"]}):
        broken = replace(rfm, run=lambda shop, mall, s=summary: Outcome(rfm.run(shop, mall).table, s))
        with pytest.raises((AssertionError, ValueError)):
            check(broken, shops["one_order"], "one_order")
    silent = replace(rfm, run=lambda shop, mall: Outcome(rfm.empty(), {}))
    with pytest.raises(AssertionError, match="no reason"):
        check(silent, shops["nothing"], "nothing")
