"""Rows as a table of the lake wants them: its columns, its types, no null where none may be, no key twice.

Only casts that lose nothing pass. A float is not money (0.1 has no exact binary form) and a time without a zone is
not an instant, so both are refused here rather than guessed.
Does not belong here: closed sets and bounds (those are checked after landing, see `stores/expectations.py`).
"""

import pyarrow as pa
import pyarrow.compute as pc

from cafe24_pipelines.stores.schemas import Column, Table


def conform(table: Table, mall_id: str, rows: pa.Table) -> pa.Table:
    """Exactly the table's columns, in order and of its types; `mall_id` filled in; keys unique.

    Raises:
        ValueError: a column is unknown, missing or of a type that doesn't fit, a required value is null, a key
            repeats, or rows name another mall.
    """
    rows = _of_mall(table, mall_id, rows)
    unknown = set(rows.column_names) - set(table.schema.names)
    if unknown:
        raise ValueError(f"{table.name}: unknown columns {sorted(unknown)}")
    arrays = [_column(table, column, rows) for column in table.columns]
    rows = pa.Table.from_arrays(arrays, schema=table.schema)
    if rows.num_rows and rows.group_by(list(table.key)).aggregate([]).num_rows != rows.num_rows:
        raise ValueError(f"{table.name}: the key {table.key} repeats within one landing")
    return rows


def _of_mall(table: Table, mall_id: str, rows: pa.Table) -> pa.Table:
    if "mall_id" in rows.column_names:
        others = set(pc.unique(rows.column("mall_id")).to_pylist()) - {mall_id, None}
        if others:
            raise ValueError(f"{table.name}: rows of mall {min(others)} can't land in mall {mall_id}")
        rows = rows.drop_columns(["mall_id"])
    return rows.append_column("mall_id", pa.array([mall_id] * rows.num_rows, pa.string()))


def _column(table: Table, column: Column, rows: pa.Table) -> pa.ChunkedArray:
    name = f"{table.name}.{column.name}"
    if column.name not in rows.column_names:
        if not column.nullable:
            raise ValueError(f"{table.name}: required column {column.name} is missing")
        return pa.chunked_array([pa.nulls(rows.num_rows, column.type)])
    values = rows.column(column.name)
    if not column.nullable and values.null_count:
        raise ValueError(f"{name}: null in a required column")
    if values.type == column.type:
        return values
    if pa.types.is_timestamp(column.type) and (not pa.types.is_timestamp(values.type) or values.type.tz is None):
        if not pa.types.is_null(values.type):
            raise ValueError(f"{name}: {values.type} has no time zone; {column.type} is wanted")
    elif pa.types.is_decimal(column.type) and pa.types.is_floating(values.type):
        raise ValueError(f"{name}: {values.type} is not exact; {column.type} is wanted")
    try:
        return values.cast(column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as e:
        raise ValueError(f"{name}: {values.type} doesn't fit {column.type}: {e}") from e
