"""Reading the mall: base rows by SQL, the rows that clients changed in Python, both in one order.

A `Source` describes one resource. Does not belong here: the resources themselves (`*_source.py`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cafe24_pipelines.sandbox.mall.filters import Filter, Params, Row, Where
from cafe24_pipelines.sandbox.mall.overlay import Overlay, Write, applied

_FEW = 400  # rows fetched at once while streaming


@dataclass(frozen=True)
class Moment:
    """What a rendering needs to know: the mall, the time, the shop."""

    db: sqlite3.Connection
    t: int
    shop: int
    mall_id: str
    shops: int
    stock: tuple[int, ...]
    writes: Callable[[str], dict[str, list[Write]]]


@dataclass(frozen=True)
class Ordering:
    """An order of rows: its SQL, the leading key as a rendered row shows it, and its direction."""

    sql: str
    key: Callable[[Row], Any]
    descending: bool = False


@dataclass(frozen=True)
class Source:
    """A resource: `rows` makes a list in Python; else `table` is read, and `render` makes rows of `columns`.

    `visible` uses `:at`; `key` gives a row's key as text, `key_sql` the same in SQL ("" where rows have none).
    """

    filters: dict[str, Filter]
    ordering: Callable[[Where], Ordering]
    key: Callable[[Row], str]
    table: str = ""
    visible: str = "1"
    identity: str = "o.id"
    joins: str = ""
    columns: str = ""
    render: Callable[[Moment, Any], Row] = field(default=lambda _m, row: row)
    key_sql: str = ""
    rows: Callable[[Moment], list[Row]] | None = None
    shops: str = ""  # the column of the shop's number; "" when only shop 1 has rows
    overlay: str = ""  # another resource whose writes count for this one too
    shape: tuple[str, ...] = ()  # fields of a row, where writes to another resource bring others
    hidden: tuple[str, ...] = ()  # fields that tell rows apart and that the API leaves to the path
    unasked: tuple[str, str, str] | None = None  # (key of `where`, SQL, value): rows left out unless the key is there


class Reader:
    """Reads one source at one moment."""

    def __init__(self, name: str, source: Source, moment: Moment, overlay: Overlay) -> None:
        self._source, self._moment = source, moment
        self._writes = overlay.of(source.overlay or name, moment.t, moment.shop)

    def rows(self, where: Where, limit: int | None, offset: int) -> list[Row]:
        """A page in the resource's order, without what the API leaves to the path."""
        found = self._rows(where, limit, offset)
        if hidden := self._source.hidden:
            return [{k: v for k, v in row.items() if k not in hidden} for row in found]
        return found

    def _rows(self, where: Where, limit: int | None, offset: int) -> list[Row]:
        if self._source.rows is not None:
            found = self._listed(where)
            return found[offset:] if limit is None else found[offset : offset + limit]
        added = self._changed(where)
        if not added:
            return list(self._page(where, limit, offset))
        order = self._source.ordering(where)
        first = max(0, min(offset, self._base_count(where)) - len(added) - 1)
        base = list(self._page(where, None if limit is None else offset + limit - first, first))
        ahead = _before(added, order, base[0]) if base else len(added)
        if not base:
            return added[offset:] if limit is None else added[offset : offset + limit]
        merged = _merge(base, added[ahead:], order)
        if first == 0:
            merged, ahead = added[:ahead] + merged, 0
        begin = offset - first - ahead
        return merged[begin:] if limit is None else merged[begin : begin + limit]

    def count(self, where: Where) -> int:
        """How many rows there are."""
        if self._source.rows is not None:
            return len(self._listed(where))
        return self._base_count(where) + len(self._changed(where))

    def stream(self) -> Iterator[Row]:
        """Every row, in flat memory, the changed ones last."""
        if self._source.rows is not None:
            yield from self._listed({})
            return
        params = self._params()
        clauses = self._clauses({}, params, whole=True)
        cursor = self._moment.db.execute(
            f"SELECT {self._source.columns} FROM {self._source.table} {self._source.joins} WHERE {clauses}", params
        )
        render, moment = self._source.render, self._moment
        while some := cursor.fetchmany(_FEW):
            yield from (render(moment, row) for row in some)
        yield from self._changed({})

    def _listed(self, where: Where) -> list[Row]:
        source = self._source
        assert source.rows is not None  # noqa: S101
        base = {source.key(row): row for row in source.rows(self._moment)}
        for key, writes in self._writes.items():
            row = applied(base.get(key), writes, source.shape)
            if row is None:
                base.pop(key, None)
            elif row.get("shop_no", self._moment.shop) == self._moment.shop:
                base[key] = row
        return self._sorted([row for row in base.values() if self._fits(row, where)], where)

    def _page(self, where: Where, limit: int | None, offset: int) -> Iterator[Row]:
        source, params = self._source, self._params()
        clauses, order = self._clauses(where, params), source.ordering(where).sql
        reach = f"LIMIT {-1 if limit is None else int(limit)} OFFSET {int(offset)}"
        inner = f"SELECT {source.identity} FROM {source.table} WHERE {clauses} ORDER BY {order} {reach}"
        query = (
            f"SELECT {source.columns} FROM {source.table} {source.joins} "
            f"WHERE {source.identity} IN ({inner}) ORDER BY {order}"
        )
        if not source.identity:
            query = f"SELECT {source.columns} FROM {source.table} WHERE {clauses} ORDER BY {order} {reach}"
        render, moment = source.render, self._moment
        return (render(moment, row) for row in self._moment.db.execute(query, params).fetchall())

    def _base_count(self, where: Where) -> int:
        params = self._params()
        clauses = self._clauses(where, params)
        query = f"SELECT count(*) FROM {self._source.table} WHERE {clauses}"
        return self._moment.db.execute(query, params).fetchone()[0]

    def _params(self) -> Params:
        return Params(at=self._moment.t)

    def _clauses(self, where: Where, params: Params, *, whole: bool = False) -> str:
        source = self._source
        parts = [source.visible]
        if source.shops:
            parts.append(f"{source.shops} = {self._moment.shop}")
        elif self._moment.shop != 1:
            parts.append("0")
        if source.unasked and source.unasked[0] not in where and not whole:
            parts.append(f"NOT {source.unasked[1]}")
        parts += [source.filters[key].sql(value, where, params) for key, value in where.items()]
        if self._writes and source.key_sql:
            keys = params.mark(json.dumps(list(self._writes)))
            parts.append(f"{source.key_sql} NOT IN (SELECT value FROM json_each({keys}))")
        return " AND ".join(f"({part})" for part in parts)

    def _changed(self, where: Where) -> list[Row]:
        """Rows that clients added or changed, as they are now, in order; deleted ones are gone."""
        if not self._writes:
            return []
        base = self._originals() if self._source.key_sql else {}
        rows = []
        for key, writes in self._writes.items():
            row = applied(base.get(key), writes, self._source.shape)
            if row is not None and row.get("shop_no", 1) == self._moment.shop and self._fits(row, where):
                rows.append(row)
        return self._sorted(rows, where)

    def _originals(self) -> dict[str, Row]:
        source, params = self._source, self._params()
        shop = f"{source.shops} = {self._moment.shop}" if source.shops else str(int(self._moment.shop == 1))
        keys = params.mark(json.dumps(list(self._writes)))
        query = (
            f"SELECT {source.columns} FROM {source.table} {source.joins} WHERE ({source.visible}) AND ({shop}) "
            f"AND {source.key_sql} IN (SELECT value FROM json_each({keys}))"
        )
        rows = (source.render(self._moment, row) for row in self._moment.db.execute(query, params))
        return {source.key(row): row for row in rows}

    def _fits(self, row: Row, where: Where) -> bool:
        unasked = self._source.unasked
        if unasked and unasked[0] not in where and row.get(unasked[0]) == unasked[2]:
            return False
        return all(self._source.filters[key].test(row, value, where) for key, value in where.items())

    def _sorted(self, rows: list[Row], where: Where) -> list[Row]:
        order = self._source.ordering(where)
        return sorted(rows, key=order.key, reverse=order.descending)


def _before(added: list[Row], order: Ordering, base: Row) -> int:
    """How many of the added rows come before a base row; of equals, the added ones do."""
    key = order.key(base)
    return sum(order.key(row) >= key if order.descending else order.key(row) <= key for row in added)


def _merge(base: list[Row], added: list[Row], order: Ordering) -> list[Row]:
    merged: list[Row] = []
    taken = 0
    for row in added:
        key = order.key(row)
        while taken < len(base) and _ahead(order.key(base[taken]), key, order):
            merged.append(base[taken])
            taken += 1
        merged.append(row)
    return merged + base[taken:]


def _ahead(one: Any, other: Any, order: Ordering) -> bool:
    return one > other if order.descending else one < other
