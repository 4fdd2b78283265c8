"""Where an analysis reads: a mall's lake, or data frames that anyone has at hand, through the same tables and views.

`frames(orders=…)` gives any analysis to a person with a notebook: `rfm(frames(orders=df), Mall("my")).table`.
Does not belong here: the lake itself (see `stores/lake.py`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from cafe24_pipelines.names import SEOUL

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.stores.schemas import Table


class Shop(Protocol):
    """What an analysis may ask: SQL over the tables of `stores/schemas.py` and the views of `stores/views.py`."""

    def query(self, sql: str, params: dict[str, Any] | None = None, *, zone: str = SEOUL) -> "pa.Table":
        """Rows of one query; `$name` parameters are bound; local dates are in `zone`."""
        ...

    def duckdb(self, *, zone: str = SEOUL) -> "AbstractContextManager[DuckDBPyConnection]":
        """A connection for several queries over the same tables."""
        ...


class FrameShop:
    """A shop made of data frames; made by `frames`."""

    def __init__(self, tables: "dict[str, pa.Table]") -> None:
        self._tables = tables

    def query(self, sql: str, params: dict[str, Any] | None = None, *, zone: str = SEOUL) -> "pa.Table":
        """As of `Shop`."""
        with self.duckdb(zone=zone) as db:
            return db.sql(sql, params=params).to_arrow_table() if params else db.sql(sql).to_arrow_table()

    @contextmanager
    def duckdb(self, *, zone: str = SEOUL) -> "Iterator[DuckDBPyConnection]":
        """As of `Shop`."""
        import duckdb

        from cafe24_pipelines.stores.schemas import TABLES
        from cafe24_pipelines.stores.views import create_views

        with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
            db.execute("SET TimeZone = 'UTC'")
            db.execute("SET enable_progress_bar = false")
            for name, table in TABLES.items():
                db.register(name, self._tables.get(name, table.schema.empty_table()))
            create_views(db, zone)
            yield db


def frames(mall_id: str = "frames", **tables: "pd.DataFrame") -> FrameShop:
    """A shop of data frames, by table name (`orders=…, order_items=…`).

    Columns are those of `stores/schemas.py`: times with a zone, money as numbers or Decimal. Columns that a table
    may leave out are null; `orders` needs order_id, member_key, ordered_at, status and paid_amount, the currency is
    KRW unless given, and lines of an order are numbered in their order of appearance unless they have a `line_no`.

    Raises:
        ValueError: a table or column that there isn't, or one that is missing.
    """
    from cafe24_pipelines.stores.conform import conform
    from cafe24_pipelines.stores.schemas import TABLES

    if strange := sorted(set(tables) - set(TABLES)):
        raise ValueError(f"there is no table {', '.join(strange)}; known are {', '.join(TABLES)}")
    return FrameShop(
        {name: conform(TABLES[name], mall_id, _rows(TABLES[name], frame)) for name, frame in tables.items()}
    )


def _rows(table: "Table", frame: "pd.DataFrame") -> "pa.Table":
    """The frame's columns; numbers that stand for money are brought to the lake's four places."""
    import pyarrow as pa

    widest = pa.decimal128(38, 4)  # a whole number of 64 bits has no room in the lake's own type
    full = frame.assign(**_filled_in(table.name, frame))
    types = {column.name: column.type for column in table.columns}
    arrays = {}
    for name in full.columns:
        values = pa.array(full[name], from_pandas=True)
        money = pa.types.is_decimal(types.get(name, values.type))
        arrays[str(name)] = values.cast(widest, safe=False).cast(types[name]) if money else values
    return pa.table(arrays)


def _filled_in(name: str, frame: "pd.DataFrame") -> "dict[str, Any]":
    """Columns that a person leaves out and that have one sensible value."""
    given: dict[str, Any] = {}
    if name in ("orders", "order_items") and "currency" not in frame.columns:
        given["currency"] = "KRW"
    if name == "order_items":
        if "line_no" not in frame.columns:
            given["line_no"] = frame.groupby("order_id").cumcount() + 1
        if "amount" not in frame.columns:
            given["amount"] = frame["quantity"] * frame["unit_price"]
    return given
