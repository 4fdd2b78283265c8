"""Statistics that take turns: what landed of the days and products that were read is the mall's, row for row."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall

Start = Callable[..., Any]
DAILY = [name for name, r in RESOURCES.items() if r.turns == "day"]
CHEAP = ["sales_times", "visitpaths_ads"]


@pytest.fixture(scope="session")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built mall with orders on every day."""
    path = tmp_path_factory.mktemp("lively-mall") / "mall.db"
    SandboxMall.build(path, customers=400, seed=12).close()
    return path


def days_ago(mall: Any, days: int) -> str:
    return (mall.now - timedelta(days=days)).date().isoformat()


def calls(mall: Any, path: str) -> int:
    return int(mall.server.control.state()["calls"].get(f"GET {path}", 0))


def dates(mall: Any, name: str) -> set[str]:
    return {key.split("/")[1] for key in mall.lake.of(name).known()}


def test_every_list_of_the_analytics_api_is_known() -> None:
    """The catalogue of the documentation against what can be read: nothing is left out in silence."""
    from cafe24_pipelines.knowledge.catalogue import operations

    documented = {op.path.removeprefix("ca/") for op in operations() if op.scope == "mall.read_analytics"}
    read = {r.path for r in RESOURCES.values() if r.analytics}
    assert len(read) == 24
    assert {path.rpartition("cafe24data.com/")[2] for path in documented} == read


def test_days_land_as_the_mall_has_them(rig: Start, lively: Path) -> None:
    mall = rig(path=lively)
    report = mall.sync(DAILY, tuning={"reports": 5})
    assert report.agreed, report.rows()
    since = days_ago(mall, 5)
    assert mall.wrong(DAILY, keep=lambda row: row["date"] >= since) == []
    for name in DAILY:
        assert report.resources[name].read, name
        assert report.resources[name].coverage.text.startswith("days: 6 of 6")
    for name in ("members_sales", "sales_pervisitors", "visitpaths_domains", "pages_view"):
        assert dates(mall, name) == {days_ago(mall, n) for n in range(1, 6)}, name
    landed = mall.lake.digests()
    again = mall.sync(DAILY, tuning={"reports": 5})
    assert again.agreed and not again.changed and mall.lake.digests() == landed


def test_a_run_reads_so_many_days_and_the_newest_first(rig: Start) -> None:
    mall = rig()
    few = {"reports": 12, "days": 5}
    report = mall.sync(CHEAP, tuning=few)
    assert dates(mall, "visitpaths_ads") == {days_ago(mall, n) for n in range(1, 5)}
    assert report.resources["visitpaths_ads"].coverage.text == ("days: 5 of 13 read so far; the rest unknown")
    asked = calls(mall, "visitpaths/ads")
    assert asked <= 3 * 5 and calls(mall, "sales/times") <= 3 * 5
    mall.sync(CHEAP, tuning=few)
    assert dates(mall, "visitpaths_ads") == {days_ago(mall, n) for n in range(1, 7)}, "two fresh, two more"
    for _ in range(3):
        report = mall.sync(CHEAP, tuning=few)
    assert report.resources["sales_times"].coverage.unknown == 0
    asked = calls(mall, "visitpaths/ads")
    mall.sync(CHEAP, tuning=few)
    assert calls(mall, "visitpaths/ads") - asked == 3, "a day that did not change costs a call, others none"
    since = days_ago(mall, 12)
    assert mall.wrong(CHEAP, keep=lambda row: row["date"] >= since) == []


def test_whole_reads_every_day(rig: Start) -> None:
    mall = rig()
    report = mall.sync(CHEAP, whole=True, tuning={"reports": 20, "days": 3})
    assert report.agreed and report.resources["sales_times"].coverage.unknown == 0
    since = days_ago(mall, 20)
    assert mall.wrong(CHEAP, keep=lambda row: row["date"] >= since) == []


def test_time_goes_on(rig: Start) -> None:
    mall = rig()
    begun = days_ago(mall, 3)
    mall.sync(CHEAP, tuning={"reports": 3})
    mall.forward(days=2, hours=5)
    report = mall.sync(CHEAP, tuning={"reports": 3})
    assert report.agreed
    assert mall.wrong(CHEAP, keep=lambda row: row["date"] >= begun) == [], "days out of reach stay"


class Corrected:
    """A mall that corrects its figures of a day afterwards."""

    def __init__(self, mall: Any) -> None:
        self._mall, self.more = mall, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mall, name)

    def _mended(self, resource: str, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "order_count": row["order_count"] + self.more} if resource == "sales_times" else row

    def rows(self, resource: str, at: Any, **more: Any) -> list[dict[str, Any]]:
        return [self._mended(resource, row) for row in self._mall.rows(resource, at, **more)]

    def all_rows(self, resource: str, at: Any) -> Any:
        return (self._mended(resource, row) for row in self._mall.all_rows(resource, at))


def test_a_correction_within_the_look_back_is_found_by_turns(rig: Start, lively: Path) -> None:
    made: list[Corrected] = []

    def wrap(mall: Any) -> Corrected:
        made.append(Corrected(mall))
        return made[0]

    mall = rig(wrap=wrap, path=lively)
    mall.mall = made[0]
    tuning = {"reports": 10, "days": 6, "whole_every": 0.5}
    for _ in range(3):
        mall.sync(["sales_times"], tuning=tuning)
    since = days_ago(mall, 10)
    made[0].more = 5
    assert len(mall.wrong(["sales_times"], keep=lambda row: row["date"] >= since)) == 1
    mall.server.control.advance(13 * 3600)
    for _ in range(3):
        mall.sync(["sales_times"], tuning=tuning)
    assert mall.wrong(["sales_times"], keep=lambda row: row["date"] >= since) == []


# -- pieces sold ---------------------------------------------------------------------------------------------------


def test_pieces_sold_need_no_approval(rig: Start) -> None:
    mall = rig()
    report = mall.sync(["products", "hourly_sales", "sales_volume"], tuning={"reports": 60, "volumes": 1000})
    assert report.agreed, report.rows()
    assert "approved" in report.resources["hourly_sales"].skipped
    since = days_ago(mall, 60)
    assert mall.wrong(["sales_volume"], keep=lambda row: row["collection_date"] >= since) == []
    coverage = report.resources["sales_volume"].coverage
    assert coverage.unknown == 0 and coverage.known == len(mall.lake.of("products").known())
    before = mall.lake.digests()
    asked = calls(mall, "reports/salesvolume")
    again = mall.sync(["products", "sales_volume"], tuning={"reports": 60, "volumes": 1000})
    assert mall.lake.digests() == before and not again.resources["sales_volume"].changed
    assert calls(mall, "reports/salesvolume") == asked, "each product once a day at most"


def test_products_take_turns_and_what_they_sold_since_is_found(rig: Start) -> None:
    mall = rig(at=END - timedelta(days=90))
    since = days_ago(mall, 40)
    tuning = {"reports": 40, "volumes": 70}
    first = mall.sync(["products", "sales_volume"], tuning=tuning)
    assert first.resources["sales_volume"].coverage.known == 70
    second = mall.sync(["products", "sales_volume"], tuning=tuning)
    assert second.resources["sales_volume"].coverage.unknown == 0
    assert mall.wrong(["sales_volume"], keep=lambda row: row["collection_date"] >= since) == []
    mall.forward(days=12)
    for _ in range(2):
        mall.sync(["products", "sales_volume"], tuning=tuning)
    assert mall.wrong(["sales_volume"], keep=lambda row: row["collection_date"] >= since) == []


def test_what_a_deleted_product_sold_stays(rig: Start) -> None:
    mall = rig()
    tuning = {"reports": 60, "volumes": 1000}
    mall.sync(["products", "sales_volume"], tuning=tuning)
    sold = sorted(key.split("/")[1] for key in mall.lake.of("sales_volume").known())
    mall.mall.put_override("products", sold[0], None, mall.now)
    landed = mall.lake.of("sales_volume").known()
    mall.forward(days=1, hours=1)
    report = mall.sync(["products", "sales_volume"], tuning=tuning)
    assert report.agreed and f"1/{sold[0]}" not in mall.lake.of("products").known()
    assert landed.keys() <= mall.lake.of("sales_volume").known().keys()


@pytest.mark.parametrize("name", ["pages_view", "visitpaths_urls"])
def test_addresses_are_landed_only_when_asked_for(name: str) -> None:
    assert not RESOURCES[name].default


def test_a_product_costs_two_calls_a_reading(rig: Start) -> None:
    mall = rig()
    mall.sync(["products"])
    mall.server.control.reset()
    report = mall.sync(["sales_volume"], tuning={"volumes": 5})
    assert report.agreed and report.resources["sales_volume"].coverage.known == 5
    assert calls(mall, "reports/salesvolume") == 5 * 2 * 2, "two spans, each read until two readings are equal"
