"""The queries of this room run in order: what they share is made once, then each table, then what is left over.

Shared steps are temporary tables, which DuckDB spills to disk beyond its memory limit; results stream out as Arrow.
"""

import html
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.shop_of_api import catalogue, marketing, orders, people
from cafe24_pipelines.names import SHOP_TABLES

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_ROOMS: Final = (catalogue, people, marketing, orders)
_LINES_OF: Final = {"order_items": "orders", "events": "carts", "reviews": "articles"}
"""The resource that a table's unusable rows come from, where it has another name."""


def tables_of(db: "DuckDBPyConnection") -> "dict[str, pa.Table]":
    """Every shop table with the lake's columns and types (no `mall_id`), on a connection of `values.prepared`."""
    for room in _ROOMS:
        for name, query in room.PREPARED.items():
            db.execute(f"CREATE TEMP TABLE {name} AS {query}")
            if name == "a_lines":
                db.execute("ALTER TABLE a_orders DROP COLUMN items")  # read into lines: no need to hold it twice
    queries = {name: query for room in _ROOMS for name, query in room.TABLES.items()}
    return {name: _typed(name, db.sql(queries[name]).to_arrow_table()) for name in SHOP_TABLES}


def quarantine_of(db: "DuckDBPyConnection") -> "pa.Table":
    """Rows that no table could take, for the lake's quarantine (without `mall_id`); after `tables_of`."""
    from cafe24_pipelines.stores.lake import QUARANTINE_SCHEMA

    found = [
        f"SELECT '{name}' AS resource, 'api:{_LINES_OF.get(name, name)}' AS source_file, 0::BIGINT AS source_line, "
        f"reason, field, json_object('key', key)::VARCHAR AS row, amount::DECIMAL(20, 4) AS amount "
        f"FROM ({query}) WHERE reason IS NOT NULL"
        for room in _ROOMS
        for name, query in room.UNUSABLE.items()
    ]
    rows = db.sql(f"SELECT * FROM ({' UNION ALL '.join(found)}) ORDER BY ALL").to_arrow_table()
    schema = QUARANTINE_SCHEMA.remove(QUARANTINE_SCHEMA.get_field_index("mall_id"))
    return rows.select(schema.names).cast(schema)


def _typed(name: str, rows: "pa.Table") -> "pa.Table":
    """Columns in the lake's order and types."""
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import TABLES

    if name == "reviews":
        rows = rows.set_column(rows.column_names.index("content"), "content", _unescaped(rows.column("content")))
    schema = pa.schema([field for field in TABLES[name].schema if field.name != "mall_id"])
    return rows.select(schema.names).cast(schema)


def _unescaped(texts: "pa.ChunkedArray") -> "pa.Array":
    """HTML entities (&amp;, &#44032;) as the characters that they stand for."""
    import pyarrow as pa

    return pa.array([html.unescape(t) if t and "&" in t else t for t in texts.to_pylist()], pa.string())
