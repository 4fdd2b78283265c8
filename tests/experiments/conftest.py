"""A small sandbox mall with what answers need of it, its raw frames, and a mall made by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.sandbox_home import publish_sandbox
from cafe24_pipelines import parts
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.experiments.frames import raw_of_lake
from cafe24_pipelines.experiments.question_set import QuestionSet, question_set
from cafe24_pipelines.experiments.raw import Raw, raw_of
from cafe24_pipelines.settings import Settings

MEMBERS = 300
RESOURCES = ("orders", "coupons", "coupons-issues", "customergroups", "products", "points", "sms")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that holds a sandbox mall with a part of the documentation: lake, vectors, graph. Read only."""
    env = {"CAFE24_SANDBOX_CUSTOMERS": str(MEMBERS)}
    settings = Settings.from_env(env, home=tmp_path_factory.mktemp("experiments") / "home")
    publish_sandbox(settings, Mall("sandbox"), lambda d: d.kind != "endpoint" or d.resource in RESOURCES)
    return settings


@pytest.fixture(scope="session")
def landed(home: Settings) -> Raw:
    """The mall's raw tables, as they landed."""
    return raw_of_lake(parts.mall_lake(home, "sandbox"), Mall("sandbox"))


@pytest.fixture(scope="session")
def questions(landed: Raw) -> QuestionSet:
    """Its question set."""
    return question_set(landed)


@pytest.fixture(scope="session")
def built(home: Settings) -> Iterator[Services]:
    """Services over the mall, with the local composer. Read only."""
    with parts.open_stores(home) as (graph, vectors):
        yield parts.services(home, "sandbox", graph, vectors)


def _times(*values: str | None) -> Any:
    return pd.to_datetime(pd.Series(values, dtype=object)).dt.tz_localize("Asia/Seoul").dt.tz_convert("UTC")


@pytest.fixture
def handmade() -> Raw:
    """Seven orders of three members and a guest over two months; every figure of it can be counted on fingers."""
    orders = pd.DataFrame({
        "order_id": ["o1", "o2", "o3", "o4", "o5", "o6", "o7"],
        "member_key": ["a", "a", "b", "c", None, "b", "a"],
        "ordered_at": _times("2026-01-31 23:30", "2026-02-01 00:30", "2026-02-10 12:00", "2026-02-11 12:00",
                             "2026-02-20 09:00", "2026-02-27 10:00", "2026-02-28 20:00"),
        "status": ["confirmed", "confirmed", "cancelled", "returned", "paid", "confirmed", "unpaid"],
        "paid_amount": [10000, 20000, 5000, 7000, 3000, 40000, 9000],
        "discount_amount": [0, 1000, 0, 0, 0, 4000, 0], "shipping_fee": [0, 3000, 0, 0, 0, 0, 0],
        "coupon_no": [None, "c1", None, None, None, "c1", None],
        "delivered_at": _times("2026-02-02 23:30", "2026-02-02 00:30", None, None, None, "2026-02-28 10:00", None),
    })  # fmt: skip
    items = pd.DataFrame({
        "order_id": ["o1", "o2", "o2", "o3", "o5", "o6", "o6"], "line_no": [1, 1, 2, 1, 1, 1, 2],
        "product_no": ["p1", "p2", "p1", "p1", "p3", "p2", "p3"],
        "product_name": ["토너", "세럼", "토너", "토너", "캔들", "세럼", "캔들"],
        "category": ["토너류", "세럼류", "토너류", "토너류", "캔들류", "세럼류", "캔들류"],
        "quantity": [1, 2, 1, 1, 1, 3, 1], "unit_price": [10000, 8000, 5000, 5000, 3000, 12000, 8000],
        "amount": [10000, 16000, 5000, 5000, 3000, 36000, 8000],
        "status": ["confirmed", "confirmed", "cancelled", "cancelled", "paid", "confirmed", "confirmed"],
    })  # fmt: skip
    members = pd.DataFrame({
        "member_key": ["a", "b", "c"], "group_no": ["9", "9", "1"], "gender": ["F", "M", "F"],
        "region": ["서울", "부산", "서울"], "accepts_sms": [True, False, True], "accepts_email": [False, False, True],
        "created_at": _times("2026-01-30 10:00", "2026-02-01 10:00", "2026-02-09 10:00"),
    })  # fmt: skip
    tables = {
        "orders": orders, "order_items": items, "customers": members,
        "customer_groups": pd.DataFrame({"group_no": ["1", "9"], "group_name": ["일반", "VIP"]}),
        "categories": pd.DataFrame({
            "category_no": ["1", "2", "3", "4"], "category_name": ["스킨", "토너류", "세럼류", "캔들류"],
            "parent_category_no": [None, "1", "1", None]}),
        "products": pd.DataFrame({
            "product_no": ["p1", "p2", "p3"], "product_name": ["토너", "세럼", "캔들"],
            "category_no": ["2", "3", "4"], "category": ["토너류", "세럼류", "캔들류"], "price": [5000, 12000, 8000],
            "selling": [True, True, False], "stock_quantity": [3, 40, 0]}),
        "coupons": pd.DataFrame({"coupon_no": ["c1"], "coupon_name": ["감사 쿠폰"], "benefit_type": ["B"],
                                 "benefit_value": [10]}),
        "coupon_issues": pd.DataFrame({
            "coupon_no": ["c1"] * 4, "member_key": ["a", "b", "c", "a"],
            "issued_at": _times(*["2026-01-01 00:00"] * 4), "used_order_id": ["o2", "o6", None, None],
            "used_at": _times("2026-02-01 00:30", "2026-02-27 10:00", None, None)}),
        "reviews": pd.DataFrame({
            "product_no": ["p1", "p2", "p2"], "member_key": ["a", "b", "a"], "rating": [1, 5, 4],
            "created_at": _times("2026-02-01 00:10", "2026-02-28 10:00", "2026-02-03 10:00")}),
        "events": pd.DataFrame({
            "member_key": ["c", "a", None], "product_no": ["p2", "p2", "p2"], "event": ["cart", "cart", "view"],
            "at": _times("2026-02-01 10:00", "2026-02-01 11:00", "2026-02-01 12:00")}),
    }  # fmt: skip
    return raw_of(tables, zone="Asia/Seoul", currency="KRW")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a comparison may be kept."""
    return tmp_path / "experiments"
