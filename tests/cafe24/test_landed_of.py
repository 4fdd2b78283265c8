"""API rows that are as they were are not made into shop tables again; what could change the outcome is noticed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from cafe24_pipelines.assets.shop import shop_tables
from cafe24_pipelines.cafe24 import landed_of, landing
from cafe24_pipelines.cafe24.erase.registry import FILE as ERASED_FILE
from cafe24_pipelines.cafe24.landed_of import LANDED_FILE, note, source_of, unchanged
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.parts import api_lake, mall_lake
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.lake import QUARANTINE_SCHEMA, MallLake
from cafe24_pipelines.stores.records import Record

MALL = Mall("shop", "api")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with one API mall from which a tier was read."""
    settings = Settings.from_env({"CAFE24_ENCRYPTION_KEY": "invented"}, home=tmp_path / "home")
    register(settings.home, MALL)
    _read(settings, '{"group_no": 1}')
    return settings


def _read(settings: Settings, body: str) -> None:
    row = Record("1/1", "all", None, body.encode(), None, text_digest(body))
    api_lake(settings, "shop").of("customer_groups").commit([row])


def _land(lake: MallLake, name: str = "일반") -> None:
    lake.land("customer_groups", pa.table({"group_no": pa.array([1], pa.int64()), "group_name": [name]}))


def _quarantine(lake: MallLake, settings: Settings) -> None:
    row = {"mall_id": "shop", "resource": "orders", "source_file": "api:orders", "source_line": 0, "reason": "r"}
    lake.quarantine("api", pa.Table.from_pylist([row], schema=QUARANTINE_SCHEMA))


CHANGES: dict[str, Callable[[MallLake, Settings], Any]] = {
    "a row of the API": lambda lake, settings: _read(settings, '{"group_no": 2}'),
    "a table": lambda lake, settings: _land(lake, "우수"),
    "the quarantine": _quarantine,
    "who was erased": lambda lake, settings: (lake.root / ERASED_FILE).write_text("{}"),
    "the memory": lambda lake, settings: (lake.root / LANDED_FILE).write_text('{"source": 1}'),
    "its loss": lambda lake, settings: (lake.root / LANDED_FILE).unlink(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_landed(what: str, settings: Settings) -> None:
    lake = mall_lake(settings, "shop")
    _land(lake)
    note(lake, source_of(MALL, lake, settings), {"orders": 3})
    assert unchanged(lake, source_of(MALL, lake, settings)) == {"orders": 3}
    CHANGES[what](lake, settings)
    assert unchanged(lake, source_of(MALL, lake, settings)) is None


def test_settings_keys_and_code_count_and_files_are_always_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = mall_lake(settings, "shop")
    _land(lake)
    now = source_of(MALL, lake, settings)
    note(lake, now, {})
    assert source_of(replace(MALL, time_zone="UTC"), lake, settings) != now
    assert source_of(MALL, lake, replace(settings, encryption_key="another")) != now
    assert source_of(Mall("shop", "csv", "folder"), lake, settings) == source_of(Mall("shop"), lake, settings) == ""
    assert unchanged(lake, "") is None
    next((lake.root / "customer_groups").glob("part-*.parquet")).unlink()
    with pytest.raises(LakeDamaged, match="missing"):
        unchanged(lake, now)
    monkeypatch.setattr(landed_of, "_code", lambda: "other code")
    assert source_of(MALL, lake, settings) != now


def test_the_asset_lands_once_and_says_the_same_of_what_has_not_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    landings: list[str] = []

    def land_shop(mall: Mall, lake: MallLake, settings: Settings, **more: Any) -> landing.LandingReport:
        landings.append(mall.mall_id)
        _land(lake)
        return landing.LandingReport(mall.mall_id, mall.source, {}, {"customer_groups": 2})

    monkeypatch.setattr(landing, "land_shop", land_shop)
    monkeypatch.setenv("CAFE24_ENCRYPTION_KEY", "invented")
    told = []
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("malls", ["shop"])
        for _ in range(2):
            done = dg.materialize(
                [shop_tables], instance=instance, partition_key="shop",
                resources={"lake": LakeResource(home=str(settings.home.root))},
            )  # fmt: skip
            told.append({m.asset_key: m.metadata for m in done.asset_materializations_for_node("shop_tables")})
    assert landings == ["shop"] and told[0] == told[1] and len(told[0]) == 10
    tiers = told[1][dg.AssetKey("customer_groups")]
    assert (tiers["dagster/row_count"].value, tiers["quarantined"].value) == (1, 2)
    assert "일반" in str(tiers["preview"].value)
