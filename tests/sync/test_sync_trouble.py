"""Trouble: failures, dead tokens, missing scopes, clocks, odd rows, kills. Nothing is lost, and all is told."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.sandbox.mall.mall import END

Start = Callable[..., Any]
WORKER = Path(__file__).with_name("worker.py")
SOME = ["customer_groups", "customers_privacy", "products", "orders", "refunds", "boards", "articles", "points"]


def test_a_fifth_of_all_calls_failing_changes_nothing(rig: Start) -> None:
    mall = rig(error_rate=0.14, truncate_rate=0.05, timeout_rate=0.01, timeout_s=0.5, faults_seed=5)
    report = mall.sync(SOME, read_seconds=0.5)
    assert report.agreed, report.rows()
    assert mall.server.control.state()["faults"]
    assert mall.wrong(SOME) == []


def test_a_token_that_dies_on_the_way_is_renewed(rig: Start) -> None:
    mall = rig(revoke_after_calls=60)
    report = mall.sync(SOME)
    assert report.agreed, report.rows()
    assert mall.wrong(SOME) == []


def test_without_any_token_everything_stops_and_what_agreed_is_kept(rig: Start) -> None:
    mall = rig()
    mall.sync(["products"])
    before = mall.lake.digests()
    mall.server.control.tokens("forget_all")
    report = mall.sync(SOME)
    assert not report.agreed
    assert "consent" in report.stopped or "동의" in report.stopped or report.stopped
    assert mall.lake.digests() == before


def test_without_the_privacy_scope_members_are_looked_up_and_coverage_told(rig: Start) -> None:
    names = ["customers", "customers_privacy", "coupons", "coupon_issues", "orders", "boards", "articles"]
    mall = rig()
    scopes = [s for s in mall.server.config.scopes if s != "mall.read_privacy"]
    mall.grant(scopes)
    report = mall.sync(names)
    assert report.resources["customers_privacy"].skipped
    assert "customers_privacy" not in mall.lake.counts()
    seen = {r["member_id"] for n in ("orders", "articles", "coupon_issues") for r in mall.mall.all_rows(n, mall.now)}
    of_mall = {r["member_id"] for r in mall.mall.all_rows("customers", mall.now)}
    assert mall.wrong(["customers"], keep=lambda row: row["member_id"] in seen) == []
    coverage = report.resources["customers"].coverage
    assert coverage is not None
    assert coverage.known == len(seen & of_mall)
    assert "unknown" in coverage.text


def test_without_a_scope_the_resource_is_skipped_and_no_empty_table_pretends(rig: Start) -> None:
    mall = rig()
    mall.grant([s for s in mall.server.config.scopes if s != "mall.read_mileage"])
    report = mall.sync(["points", "products"])
    assert "mall.read_mileage" in report.resources["points"].skipped
    assert "points" not in mall.lake.counts()
    assert report.agreed
    assert mall.wrong(["products"]) == []


@pytest.mark.parametrize("skew", [-90, 90])
def test_a_mall_whose_clock_is_off_loses_nothing(rig: Start, skew: int) -> None:
    mall = rig(skew_s=skew, at=END - timedelta(days=50))
    newest = max(r["order_date"] for r in mall.mall.all_rows("orders", mall.now))
    from datetime import datetime

    mall.server.control.set_clock(datetime.fromisoformat(newest) + timedelta(seconds=3))
    mall.grant()
    assert mall.sync(["orders", "points"]).agreed
    assert mall.wrong(["orders", "points"]) == []


def test_malformed_rows_are_quarantined_and_the_rest_lands(rig: Start) -> None:
    mall = rig(malformed_rate=0.06, unknown_field_rate=0.05, faults_seed=3)
    names = ["products", "orders", "articles", "boards", "points"]
    report = mall.sync(names)
    bad = {n: r.quarantined for n, r in report.resources.items()}
    assert bad["orders"] > 0
    assert bad["products"] > 0
    assert "sandbox_new_field" in report.resources["orders"].unknown_fields
    for name in ("products", "orders"):
        in_mall = sum(1 for _ in mall.mall.all_rows(name, mall.now))
        assert mall.lake.of(name).count() + bad[name] == in_mall
    held = {row["resource"] for row in mall.lake.quarantined().to_pylist()}
    assert {"orders", "products"} <= held
    again = mall.sync(names)
    assert not again.changed
    mall.server.control.faults()  # the mall mends its rows
    mall.sync(names, whole=True)
    assert mall.wrong(names) == []
    assert mall.lake.quarantined().num_rows == 0


def test_one_resource_that_fails_does_not_stop_the_others(rig: Start) -> None:
    class Broken:
        def __init__(self, mall: Any) -> None:
            self._mall = mall

        def __getattr__(self, name: str) -> Any:
            return getattr(self._mall, name)

        def rows(self, resource: str, *args: Any, **more: Any) -> Any:
            if resource == "refunds":
                raise RuntimeError("the mall's own fault")
            return self._mall.rows(resource, *args, **more)

    mall = rig(wrap=Broken)
    report = mall.sync(["orders", "refunds", "products"])
    assert not report.agreed
    assert report.resources["refunds"].error
    assert report.resources["orders"].agreed
    assert mall.wrong(["orders", "products"]) == []


@pytest.mark.parametrize(
    "seconds", [1.7, *(pytest.param(s / 10, marks=pytest.mark.slow) for s in (8, 11, 13, 15, 19, 21, 24, 28))]
)
def test_a_killed_sync_is_taken_up_where_it_stopped(rig: Start, tmp_path: Path, seconds: float) -> None:
    mall = rig(latency_ms=5)
    order = {**mall.order, "resources": SOME, "tuning": {"target": 20}, "report": str(tmp_path / "report.json")}
    process = subprocess.Popen([sys.executable, str(WORKER), json.dumps(order)])
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {name: mall.lake.of(name).count() for name in ("orders", "products")}
    report = mall.sync(SOME, tuning={"target": 20})
    assert report.agreed, report.rows()
    assert mall.wrong(SOME) == []
    assert report.resources["orders"].added == mall.lake.of("orders").count() - before["orders"]


def test_a_finished_worker_reports(rig: Start, tmp_path: Path) -> None:
    mall = rig()
    order = {**mall.order, "resources": ["boards", "shops"], "report": str(tmp_path / "report.json")}
    subprocess.run([sys.executable, str(WORKER), json.dumps(order)], check=True, timeout=60)
    assert json.loads((tmp_path / "report.json").read_text())["agreed"]
