"""What passed and is as it was passes without a look; everything else is looked at."""

import json
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.stores import passed
from cafe24_pipelines.stores.expectations import Kind, SuiteResult
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.passed import PASSED_FILE, validate_changed


@pytest.fixture
def lake(tmp_path: Path, lake_rows: Any) -> MallLake:
    """Two tables that keep every rule."""
    lake = MallLake(tmp_path / "lake", "shop")
    lake.land("orders", lake_rows.orders(lake_rows.order(1), lake_rows.order(2)))
    lake.land("order_items", lake_rows.items(lake_rows.item(1, 1), lake_rows.item(2, 1)))
    return lake


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The suites that are really run, whose outcome is that nothing is wrong unless it is said to be."""
    seen: list[str] = []

    def validate(table: str, lake: MallLake, *, kind: Kind) -> SuiteResult:
        seen.append(f"{kind} {table}")
        return SuiteResult(table, kind, success=getattr(validate, "success", True), evaluated=7)

    monkeypatch.setattr(passed, "validate", validate)
    return seen


def test_a_table_that_passed_is_looked_at_again_when_it_or_what_it_leans_on_changes(
    lake: MallLake, lake_rows: Any, looks: list[str]
) -> None:
    def asked() -> list[str]:
        looks.clear()
        for table in ("orders", "order_items", "coupons"):
            for kind in ("contract", "observation"):
                result, same = validate_changed(table, lake, kind=kind)
                assert result.success and result.evaluated == 7 and same == (f"{kind} {table}" not in looks)
        return list(looks)

    never = ["contract coupons", "observation coupons"]  # never landed: nothing to remember
    assert len(asked()) == 6 and asked() == never
    lake.land("orders", lake_rows.orders(lake_rows.order(1), lake_rows.order(2)))
    assert asked() == never, "landing the same rows changes nothing"
    lake.land("orders", lake_rows.orders(lake_rows.order(3)))
    assert asked() == ["contract orders", "observation orders", "observation order_items", *never]


def test_other_rules_a_lost_memory_and_a_missing_file_are_noticed(
    lake: MallLake, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> int:
        looks.clear()
        validate_changed("orders", lake, kind="contract")
        return len(looks)

    memory = lake.root / PASSED_FILE
    assert [asked(), asked()] == [1, 0]
    for text in ("", "[]", '{"contract orders": 1}', '{"contract orders": {"of": "another"}}'):
        memory.write_text(text)
        assert [asked(), asked()] == [1, 0], text
    monkeypatch.setattr(passed, "_rules", lambda: "other rules")
    assert [asked(), asked()] == [1, 0]
    next((lake.root / "orders").glob("part-*.parquet")).unlink()
    with pytest.raises(LakeDamaged, match="missing"):
        asked()


def test_a_failure_is_looked_at_every_time_and_forgets_what_passed(lake: MallLake, looks: list[str]) -> None:
    assert validate_changed("orders", lake, kind="contract")[0].success
    passed.validate.success = False  # type: ignore[attr-defined]
    memory = lake.root / PASSED_FILE
    memory.write_text(json.dumps({"contract orders": {"of": "of before", "evaluated": 7}}))
    for _ in range(2):
        result, same = validate_changed("orders", lake, kind="contract")
        assert not result.success and not same
    assert looks == ["contract orders"] * 3 and json.loads(memory.read_text()) == {}
