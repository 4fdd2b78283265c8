"""Small malls made of known numbers, and the events of a week, for the watches."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

LAST = date(2026, 10, 31)
"""A Saturday: the last day of the hand-made malls."""
MALL = Mall("shop-a")
KST = timedelta(hours=9)


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    """A moment of a day in Seoul."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - KST


def orders_of(day: date, count: int, *, hours: tuple[int, ...] = tuple(range(8, 23))) -> list[Any]:
    """`count` orders of a day, spread over its hours, by members that come back now and then."""
    return [
        {
            "order_id": f"{day.isoformat()}-{i}", "member_key": f"m{(day.toordinal() * 13 + i) % 60}",
            "ordered_at": at(day, hours[i % len(hours)], i % 60), "status": "confirmed", "currency": "KRW",
            "paid_amount": Decimal(10_000),
        }
        for i in range(count)
    ]  # fmt: skip


def usual_count(day: date) -> int:
    """Orders of an ordinary day: 40, more at weekends, a little up and down."""
    return 40 + (12 if day.weekday() >= 5 else 0) + (day.toordinal() * 37) % 9 - 4


def land(lake: MallLake, table: str, rows: list[dict[str, Any]]) -> None:
    """Make these the rows of a table; columns that are not given are null."""
    columns = [f for f in TABLES[table].schema if f.name != "mall_id"]
    filled = [{f.name: row.get(f.name) for f in columns} for row in rows]
    lake.land(table, pa.Table.from_pylist(filled, pa.schema(columns)), snapshot=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings.from_env({}, home=tmp_path / "watch")
    register(made.home, MALL)
    return made


@pytest.fixture
def log(settings: Settings) -> EventLog:
    return parts.event_log(settings)


def ordinary_lake(
    settings: Settings, changed: dict[date, list[dict[str, Any]]] | None = None, last: date = LAST
) -> MallLake:
    """A lake of 64 ordinary days up to `last`; days may be given other rows."""
    days = [last - timedelta(days=back) for back in range(63, -1, -1)]
    rows = [row for day in days for row in (changed or {}).get(day, orders_of(day, usual_count(day)))]
    lake = parts.mall_lake(settings, MALL.mall_id)
    land(lake, "orders", rows)
    return lake


@pytest.fixture
def ordinary(settings: Settings) -> Callable[..., MallLake]:
    """Makes an ordinary lake in the test's home."""
    return partial(ordinary_lake, settings)
