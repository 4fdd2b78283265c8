"""Rows landed in a real lake of API rows, and the shop tables that come of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.landing import ShopData
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.cafe24.shop_of_api import shop_tables
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.records import ApiLake, Record


class Shop:
    """What a mall's rows become; rows are given by resource, as they are behind the privacy line."""

    def __init__(self, root: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
        lake = ApiLake(root, "shop")
        for resource, bodies in rows.items():
            texts = [json.dumps(body, ensure_ascii=False, sort_keys=True) for body in bodies]
            lake.of(resource).commit(
                [Record(f"1/{n}", "all", None, t.encode(), None, text_digest(t)) for n, t in enumerate(texts)]
            )
        self.data: ShopData = shop_tables(lake, Mall("shop", "api"))

    def __getitem__(self, table: str) -> list[dict[str, Any]]:
        return self.data.tables[table].to_pylist()

    @property
    def unusable(self) -> list[tuple[str, str, str]]:
        return [(r["resource"], r["reason"], r["field"]) for r in self.data.quarantine.to_pylist()]


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Shop]:
    """Makes the shop tables of rows given by resource."""
    return lambda **rows: Shop(tmp_path / "api", rows)
