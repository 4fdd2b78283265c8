"""A whole mall over real HTTP: what lands is what the mall holds, row for row, at first and after time has passed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.sync.failures import SyncRunning
from cafe24_pipelines.sandbox.mall.mall import END

Start = Callable[..., Any]


def test_a_fresh_sync_lands_the_mall_and_a_second_one_changes_nothing(rig: Start, core: list[str]) -> None:
    mall = rig()
    first = mall.sync(core)
    state = mall.server.control.state()
    assert state["busiest_second"] in (8, 9), "limits are judged, and it is they that hold calls up"
    assert state["given_429"] == 0
    assert first.agreed, first.rows()
    assert mall.wrong(core) == []
    assert all(first.resources[name].read for name in core)
    before = mall.lake.digests()
    second = mall.sync(core)
    assert second.agreed
    assert not second.changed
    assert mall.lake.digests() == before


@pytest.mark.parametrize("days", [pytest.param(7, marks=pytest.mark.slow), 45])
def test_what_happened_since_is_found_whatever_its_age(rig: Start, core: list[str], days: int) -> None:
    mall = rig(at=END - timedelta(days=100))
    core = [name for name in core if name not in ("category_products", "carts", "wish_lists")]  # many calls, few rows
    mall.sync(core)
    mall.forward(days=days)
    report = mall.sync(core)
    assert report.agreed, report.rows()
    assert report.changed
    assert mall.wrong(core) == []


def test_many_short_steps_end_where_one_long_one_does(rig: Start) -> None:
    names = ["customers_privacy", "products", "orders", "refunds", "points"]
    mall = rig(at=END - timedelta(days=40))
    mall.sync(names)
    for _ in range(2):
        mall.forward(hours=31)
        assert mall.sync(names).agreed
        assert mall.wrong(names) == []


def test_statistics_are_read_day_by_day_and_reports_need_approval(rig: Start) -> None:
    names = ["orders", "hourly_sales", "product_sales", "visitors_view", "carts_action"]
    mall = rig()
    report = mall.sync(names, tuning={"reports": 12})
    assert report.agreed
    assert "approved" in report.resources["hourly_sales"].skipped
    assert "product_sales" not in mall.lake.counts()
    since = (mall.now - timedelta(days=12)).date().isoformat()
    assert mall.wrong(["visitors_view", "carts_action"], keep=lambda row: row["date"][:10] >= since) == []
    mall.server.control.config(approved=True)
    assert mall.sync(names, tuning={"reports": 12}).agreed
    kept = mall.wrong(["hourly_sales", "product_sales"], keep=lambda row: row["collection_date"][:10] >= since)
    assert kept == []


def test_a_second_sync_of_the_same_mall_is_refused(rig: Start) -> None:
    from filelock import FileLock

    mall = rig()
    mall.lake.root.mkdir(parents=True)
    with FileLock(mall.lake.root / "sync.lock"), pytest.raises(SyncRunning):
        mall.sync(["boards"])
    assert mall.sync(["boards"]).agreed


def test_orders_are_read_again_on_demand(rig: Start) -> None:
    mall = rig()
    mall.sync(["orders", "refunds"])
    key = sorted(mall.lake.of("orders").known())[0]
    mall.lake.of("orders").commit(deleted=[key])
    at = mall.mall.rows("orders", mall.now, where={"order_id": [key]})[0]["order_date"]
    from datetime import datetime

    day = datetime.fromisoformat(at)
    sync, client, *_ = mall.open()
    report = sync.backfill_orders(day, day + timedelta(days=1))
    client.close()
    assert report.agreed
    assert report.resources["orders"].added == 1
    assert mall.wrong(["orders"]) == []


def test_whole_finds_an_edit_that_left_no_trace(rig: Start) -> None:
    mall = rig()
    mall.sync(["orders"])
    key = sorted(mall.lake.of("orders").known())[0]
    mall.mall.put_override("orders", key, {"order_place_name": "changed by hand"}, mall.now)
    assert not mall.sync(["orders"]).changed  # documented: an old order edited without a date is not seen
    assert mall.sync(["orders"], whole=True).resources["orders"].changed == 1
    assert mall.wrong(["orders"]) == []


def test_a_row_lost_on_our_side_is_noticed_by_its_count(rig: Start) -> None:
    mall = rig()
    mall.sync(["orders"])
    lost = sorted(mall.lake.of("orders").known())[:3]
    mall.lake.of("orders").commit(deleted=lost)
    assert mall.sync(["orders"]).agreed
    assert mall.wrong(["orders"]) == []


def test_every_shop_of_a_mall_is_read_and_none_is_taken_for_another(rig: Start, two_shops_path: Path) -> None:
    names = ["shops", "customers_privacy", "products", "orders", "refunds", "points", "coupons", "coupon_issues"]
    mall = rig(path=two_shops_path, at=END - timedelta(days=50))
    report = mall.sync(names)
    assert report.agreed, report.rows()
    assert mall.wrong(names) == []
    assert {row["shop_no"] for row in mall.lake.of("orders").scan()} == {1, 2}
    mall.forward(days=20)
    report = mall.sync(names)
    assert report.agreed, report.rows()
    assert mall.wrong(names) == []
