"""Customer 360 on a shop reckoned by hand, and its sums against pandas."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.customer_360 import customer_360
from cafe24_pipelines.crm.shop import FrameShop, frames

MALL = Mall("m")


def at(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="Asia/Seoul").tz_convert("UTC")


def hand_made() -> FrameShop:
    orders = pd.DataFrame(
        [
            ("1", "a", at("2026-01-05 00:30"), "confirmed", 100.0, None),  # 4 January in UTC
            ("2", "a", at("2026-01-25 09:00"), "confirmed", 50.0, "k"),
            ("3", "a", at("2026-01-25 21:00"), "delivered", 30.0, None),
            ("4", "a", at("2026-02-01 09:00"), "returned", 70.0, None),
            ("5", "a", at("2026-02-02 09:00"), "returned", -20.0, None),  # a credit, no order of its own
            ("6", "b", at("2026-03-01 09:00"), "cancelled", 999.0, None),
            ("7", None, at("2026-03-02 09:00"), "confirmed", 7.0, None),
        ],
        columns=["order_id", "member_key", "ordered_at", "status", "paid_amount", "coupon_no"],
    )
    lines = pd.DataFrame(
        [
            ("1", "p1", "크림", 5, None), ("2", "p2", "토너", 1, None), ("3", "p2", "토너", 1, "returned"),
            ("3", "p1", "크림", 1, None), ("2", "p3", "세럼", 1, None), ("4", "p9", "컵", 1, None),
        ],
        columns=["order_id", "product_no", "product_name", "quantity", "status"],
    ).assign(unit_price=1.0, category=["스킨", "스킨", "스킨", "스킨", "세럼", "주방"])  # fmt: skip
    return frames(
        orders=orders,
        order_items=lines,
        customers=pd.DataFrame(
            {"member_key": ["a", "c"], "created_at": [at("2025-12-31 23:00"), at("2026-01-01 01:00")],
             "group_no": ["1", None], "accepts_sms": [True, None], "accepts_email": [False, None]}
        ),
        customer_groups=pd.DataFrame({"group_no": ["1"], "group_name": ["골드"]}),
        coupon_issues=pd.DataFrame(
            {"issue_no": ["x", "y"], "coupon_no": "k", "member_key": "a", "issued_at": at("2026-01-01"),
             "used_at": [at("2026-01-25"), None], "used_order_id": ["2", None]}
        ),
        reviews=pd.DataFrame(
            {"review_no": ["r", "s"], "product_no": "p1", "member_key": "a", "rating": [5, 4],
             "content": "좋아요", "created_at": at("2026-01-30")}
        ),
        events=pd.DataFrame(
            {"event_id": ["v", "w"], "member_key": ["c", "a"], "event": ["view", "cart"], "product_no": "p1",
             "at": [at("2026-02-10 00:10"), at("2026-02-11 10:00")]}
        ),
    )  # fmt: skip


def test_a_shop_reckoned_by_hand() -> None:
    outcome = customer_360(hand_made(), MALL)
    table = outcome.table.set_index("member_key")
    assert list(table.index) == ["a", "b", "c"]
    a = table.loc["a"]
    assert (a["first_order_date"], a["last_order_date"]) == (date(2026, 1, 5), date(2026, 1, 25))
    assert (a["orders"], a["net_revenue"], a["aov"]) == (3, Decimal("160.0000"), Decimal("60.0000"))
    assert a["returns_share"] == 0.5  # order 4, and order 3 in part, of four
    # p1 is in orders 1 and 3, p2 in 2 alone (its line of order 3 came back); three orders hold 스킨
    assert a[["favourite_product_no", "favourite_product", "favourite_category"]].tolist() == ["p1", "크림", "스킨"]
    assert a[["coupons_issued", "coupons_used", "reviews", "mean_rating"]].tolist() == [2, 1, 2, 4.5]
    assert a[["member_group", "accepts_sms", "accepts_email", "joined_date"]].tolist() == [
        "골드", True, False, date(2025, 12, 31),
    ]  # fmt: skip
    assert (a["last_cart_date"], a["days_since"], a["average_gap_days"]) == (date(2026, 2, 11), 36, 20)
    assert isinstance(a["segment"], str)
    b, c = table.loc["b"], table.loc["c"]
    assert (b["orders"], b["net_revenue"]) == (0, 0)  # a cancelled order brought nothing
    assert pd.isna(b["last_order_date"]) and pd.isna(b["segment"]) and pd.isna(b["returns_share"])
    assert c["last_view_date"] == date(2026, 2, 10)
    assert pd.isna(c["accepts_sms"])
    assert outcome.summary["viewed_never_bought"] == 1
    assert "좋아요" not in str(outcome.table.to_dict()) + str(outcome.summary)


def test_sums_equal_pandas_on_a_random_shop() -> None:
    rng = np.random.default_rng(6)
    n = 1500
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k}" for k in range(n)],
            "member_key": pd.array([f"m{k}" if k < 190 else None for k in rng.integers(0, 200, n)], dtype="string"),
            "ordered_at": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 3e7, n), unit="s"),
            "status": rng.choice(["confirmed", "paid", "returned", "cancelled", "unpaid"], n),
            "paid_amount": rng.integers(1, 10**6, n) / 100,
        }
    )
    table = customer_360(frames(orders=orders), MALL).table.set_index("member_key")
    sold = orders[orders["status"].isin(["confirmed", "paid"]) & orders["member_key"].notna()]
    by = sold.groupby("member_key")
    # a returned document of no negative amount brings nothing, and takes nothing
    assert set(table.index) == set(orders["member_key"].dropna())
    assert table["orders"].sum() == len(sold)
    revenue = table.loc[sorted(by.groups), "net_revenue"].astype(float)
    assert revenue.to_numpy() == pytest.approx(by["paid_amount"].sum().reindex(revenue.index).to_numpy())
    local = sold["ordered_at"].dt.tz_convert("Asia/Seoul").dt.tz_localize(None).dt.normalize()
    last = local.groupby(sold["member_key"]).max()
    assert (pd.to_datetime(table.loc[last.index, "last_order_date"]) == last).all()
