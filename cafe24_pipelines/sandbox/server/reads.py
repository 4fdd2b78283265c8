"""Reading: from checked parameters to the rows of the mall, trimmed to what the endpoint shows, as JSON bytes.

Runs in worker threads, because it reads SQLite. Nothing is cached. Does not belong here: who may read, and limits.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.endpoints import Endpoint
from cafe24_pipelines.sandbox.server.errors import bad_value, not_found
from cafe24_pipelines.sandbox.server.faults import spoil
from cafe24_pipelines.sandbox.server.query import Values

if TYPE_CHECKING:
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall

_NOT_FILTERS: Final = frozenset(
    [
        "shop_no",
        "fields",
        "embed",
        "limit",
        "offset",
        "sort",
        "order",
        "search_type",
        "mall_id",
        "device_type",
        "format_type",
    ]
)
_NUMBERS: Final = ("product_no", "category_no", "board_no", "group_no", "shop_no")
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Reading:
    """One checked GET. `url` is the address without its query, for links."""

    endpoint: Endpoint
    args: dict[str, str]
    values: Values
    at: datetime
    url: str
    query: tuple[tuple[str, str], ...]
    salt: int


@dataclass(frozen=True, slots=True)
class Page:
    """An answer's bytes, how many rows it holds, and the faults in them."""

    body: bytes
    rows: int
    faults: Counter[str]


def read(mall: "SandboxMall", config: ServerConfig, reading: Reading) -> Page:
    """Answer a GET.

    Raises:
        Refusal: the id of the path does not exist.
    """
    endpoint = reading.endpoint
    args = _path_values(reading.args)
    shop_no = int(reading.values.get("shop_no", 1))
    where = _where(endpoint, args, reading.values)
    if endpoint.parent is not None:
        resource, name, arg = endpoint.parent
        if not mall.count(resource, reading.at, shop_no=shop_no, where={name: args[arg]}):
            raise not_found()
    if endpoint.kind == "count":
        number = mall.count(endpoint.resource, reading.at, shop_no=shop_no, where=where)
        return Page(_ENCODER.encode({"count": number}), 1, Counter())
    if endpoint.kind == "list":
        return _list(mall, config, reading, shop_no, where)
    return _one(mall, config, reading, args, where)


def _list(mall: "SandboxMall", config: ServerConfig, reading: Reading, shop_no: int, where: Values) -> Page:
    endpoint, values = reading.endpoint, reading.values
    limit, offset = values.get("limit", endpoint.default), values.get("offset", 0)
    if not endpoint.limit:
        rows = mall.rows(endpoint.resource, reading.at, shop_no=shop_no, where=where)
    elif "sort" in values and not endpoint.analytics:
        rows = mall.rows(endpoint.resource, reading.at, shop_no=shop_no, where=where)
        rows.sort(key=lambda row: row[values["sort"]], reverse=values.get("order", "asc") == "desc")
        rows = rows[offset : offset + limit + 1]
    else:
        more = 1 if endpoint.links else 0
        rows = mall.rows(
            endpoint.resource, reading.at, shop_no=shop_no, where=where, limit=limit + more, offset=offset
        )
    further = endpoint.limit > 0 and len(rows) > limit
    rows, faults = spoil(config, endpoint.resource, rows[:limit] if endpoint.limit else rows, reading.salt)
    answer: dict[str, Any] = {endpoint.key: _shown(endpoint, rows, values)}
    if endpoint.links:
        answer["links"] = _links(reading, limit, offset, further=further)
    return Page(_ENCODER.encode(answer), len(rows), faults)


def _one(mall: "SandboxMall", config: ServerConfig, reading: Reading, args: Values, where: Values) -> Page:
    endpoint = reading.endpoint
    shop_no = int(reading.values.get("shop_no") or args.get("shop_no") or 1)
    rows = mall.rows(endpoint.resource, reading.at, shop_no=shop_no, where=where)
    rows = [r for r in rows if all(str(r.get(k, v)) == str(v) for k, v in args.items())]
    if not rows:
        raise not_found()
    if endpoint.kind == "child":
        child = rows[0].get(endpoint.key)
        return Page(_ENCODER.encode({endpoint.key: child}), len(child) if isinstance(child, list) else 1, Counter())
    rows, faults = spoil(config, endpoint.resource, rows[:1], reading.salt)
    return Page(_ENCODER.encode({endpoint.key: _shown(endpoint, rows, reading.values)[0]}), 1, faults)


def _path_values(args: dict[str, str]) -> Values:
    """Arguments of the path, numbers as numbers; one that can't be an id is an id that does not exist."""
    values: Values = {}
    for name, raw in args.items():
        if name in _NUMBERS and not (raw.isascii() and raw.isdigit() and len(raw) < 19):
            raise not_found()
        values[name] = int(raw) if name in _NUMBERS else raw
    return values


def _where(endpoint: Endpoint, args: Values, values: Values) -> Values:
    """The mall's filters of a call."""
    where = {endpoint.rename.get(k, k): v for k, v in values.items() if k not in _NOT_FILTERS}
    for arg, name in endpoint.path_filters.items():
        where[name] = args[arg]
    if endpoint.resource == "refunds" and "start" in where:
        where.setdefault("date_type", "refund_date")
    return where


def _shown(endpoint: Endpoint, rows: list[dict[str, Any]], values: Values) -> list[dict[str, Any]]:
    """Rows with the embeds that were asked for, and only the fields that were."""
    asked = set(values.get("embed", ()))
    for name in asked - set(endpoint.embeds):
        raise bad_value("embed", f"{name} can't be embedded")
    hidden = (set(endpoint.embeds) - asked) | set(endpoint.hidden)
    fields = set(values["fields"]) | asked if "fields" in values else None
    if not hidden and fields is None:
        return rows
    shown = [{k: v for k, v in r.items() if k not in hidden and (fields is None or k in fields)} for r in rows]
    for row in shown:
        for name in asked - row.keys():
            row[name] = []
    return shown


def _links(reading: Reading, limit: int, offset: int, *, further: bool) -> list[dict[str, str]]:
    def link(rel: str, at: int) -> dict[str, str]:
        query = [(k, v) for k, v in reading.query if k not in ("limit", "offset")]
        return {"rel": rel, "href": f"{reading.url}?{urlencode([*query, ('limit', limit), ('offset', at)])}"}

    links = [link("next", offset + limit)] if further and "since_issue_no" not in reading.values else []
    return [*links, link("prev", max(0, offset - limit))] if offset else links
