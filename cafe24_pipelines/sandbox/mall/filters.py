"""The `where` of a read, twice from one definition: as SQL for the base, as a test for rows that clients changed.

Does not belong here: which filters a resource has (`*_source.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cafe24_pipelines.sandbox.mall.moments import parse, seconds

Row = dict[str, Any]
Where = Mapping[str, Any]


class Params(dict[str, Any]):
    """Named parameters of one statement."""

    def mark(self, value: Any) -> str:
        """A placeholder bound to the value."""
        name = f"p{len(self)}"
        self[name] = value
        return f":{name}"

    def marks(self, values: Iterable[Any]) -> str:
        """Placeholders for `IN (…)`."""
        return ", ".join(self.mark(value) for value in values)


@dataclass(frozen=True)
class Filter:
    """One key of `where`. Both functions get the value and the whole `where`."""

    sql: Callable[[Any, Where, Params], str]
    test: Callable[[Row, Any, Where], bool]


def values(value: Any) -> list[Any]:
    """A list of what may be one value, a list, or a text with commas."""
    if isinstance(value, str):
        return value.split(",")
    return list(value) if isinstance(value, Iterable) else [value]


def texts(value: Any) -> list[str]:
    """The same as texts."""
    return [str(v) for v in values(value)]


def numbers(value: Any) -> list[int]:
    """The same as ints; what is no number is left out, for nothing has it."""
    return [int(v) for v in texts(value) if v.strip().lstrip("-").isdigit()]


def one_of(column: str, field: str, convert: Callable[[Any], list[Any]] = numbers) -> Filter:
    """The column has one of the values, which the row shows as `field`."""
    return Filter(
        lambda value, _w, p: f"{column} IN ({p.marks(convert(value))})",
        lambda row, value, _w: str(row.get(field)) in texts(value),
    )


def member_in(column: str) -> Filter:
    """The member (an id of `persons` in `column`) is one of those."""
    return Filter(
        lambda value, _w, p: f"{column} IN (SELECT id FROM persons WHERE member_id IN ({p.marks(texts(value))}))",
        lambda row, value, _w: row.get("member_id") in texts(value),
    )


def greater(column: str, field: str) -> Filter:
    """A since-cursor: the number is greater."""
    return Filter(
        lambda value, _w, p: f"{column} > {p.mark(int(value))}", lambda row, value, _w: int(row[field]) > int(value)
    )


def from_time(column: str, field: str) -> Filter:
    """At that moment or later."""
    return Filter(
        lambda value, _w, p: f"{column} >= {p.mark(as_t(value))}",
        lambda row, value, _w: bool(row.get(field)) and parse(row[field]) >= as_t(value),
    )


def until_time(column: str, field: str) -> Filter:
    """At that moment or earlier."""
    return Filter(
        lambda value, _w, p: f"{column} <= {p.mark(as_t(value))}",
        lambda row, value, _w: bool(row.get(field)) and parse(row[field]) <= as_t(value),
    )


def span(column: str, field: str) -> dict[str, Filter]:
    """`start` and `end` over one column."""
    return {"start": from_time(column, field), "end": until_time(column, field)}


def as_t(value: datetime | str) -> int:
    """`t` of a moment or of its text in the API."""
    return parse(value) if isinstance(value, str) else seconds(value)


def by_test(test: Callable[[Row, Any], bool]) -> Filter:
    """A filter of a resource that has no SQL."""
    return Filter(lambda _v, _w, _p: "1", lambda row, value, _w: test(row, value))


def field_in(field: str) -> Filter:
    """`one_of` for a resource that has no SQL."""
    return by_test(lambda row, value: str(row.get(field)) in texts(value))
