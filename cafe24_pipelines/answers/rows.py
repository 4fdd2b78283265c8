"""From a number to the rows behind it: the orders, lines, members, reviews or coupons that an aggregate counted.

A reference such as `computed:net_sales?end=2026-10-01&start=2026-09-01` names an aggregate and the values it was
bound to; it is built from an answer and read back here. Every value is bound as a parameter, so a reference can only
choose among the library's queries of one mall. Ids are order, product, review and issue numbers and hashed member
keys: never a personal datum. Does not belong here: the queries (`queries/*.yaml`).
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from cafe24_pipelines.answers import aggregates
from cafe24_pipelines.answers.aggregates import Aggregate, narrowed, parameters_of, with_values
from cafe24_pipelines.answers.figures import plain
from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.stores.lake import MallLake

PREFIX: Final = "computed:"
MAX_ROWS: Final = 1000
_MAX_TEXT: Final = 200
_DATES = frozenset(["start", "end", "start_b", "end_b", "as_of_end"])
_WHOLE = frozenset(["days", "limit", "percent", "hour_from", "hour_to"])
_MONEY = frozenset(["low", "high"])
_TEXT = frozenset(
    ["product", "category", "tier", "region", "gender", "weekdays", "member", "branch", "coupon_no", "record"]
)
_REMEDY = "use a reference as `cafe24 ask --json` gives it in numbers[].rows"


@dataclass(frozen=True)
class RowPage:
    """A page of rows: `of` says what the ids are, `total` how many there are in all, `query` gives them all."""

    reference: str
    title: str
    of: str
    total: int
    offset: int
    rows: tuple[dict[str, Any], ...]
    query: str

    def to_json(self) -> dict[str, Any]:
        """For the CLI and the API."""
        return {
            "reference": self.reference, "title": self.title, "of": self.of, "total": self.total,
            "offset": self.offset, "rows": list(self.rows), "query": self.query,
        }  # fmt: skip


def reference(aggregate: Aggregate, values: dict[str, Any], filters: frozenset[str] | set[str]) -> str:
    """The reference to the rows of an aggregate with these values; "" when it has none.

    Args:
        values: as bound to the aggregate's own query (see `slots.Slots.values`).
        filters: names of the filters that it was narrowed by.
    """
    if not aggregate.rows:
        return ""
    taken = sorted(name for name in filters if name in aggregate.where)
    sql = narrowed(aggregate, frozenset(taken), "").rows["sql"]
    said = {name: _said(values[name]) for name in parameters_of(sql) if name != "zone"}
    if taken:
        said["filters"] = ",".join(taken)
    query = urlencode(sorted(said.items()), quote_via=quote, safe=",")
    return f"{PREFIX}{aggregate.key}" + (f"?{query}" if query else "")


def read_rows(text: str, lake: "MallLake", mall: "Mall", *, offset: int = 0, limit: int = 100) -> RowPage:
    """The rows that a reference names, in a fixed order.

    Raises:
        BadInput: the reference names no such aggregate, a value is missing or is none, or the page is out of bounds.
    """
    if not (offset >= 0 and 1 <= limit <= MAX_ROWS):
        raise BadInput("the page is out of bounds", remedy=f"use an offset from 0 and a limit from 1 to {MAX_ROWS}")
    aggregate, sql, bound = _resolved(text, mall)
    with lake.duckdb(zone=mall.time_zone) as db:
        whole = f"({sql})"
        total = db.sql(f"SELECT count(*) FROM {whole}", params=bound or None).fetchall()[0][0]
        page = f"SELECT * FROM {whole} ORDER BY ALL LIMIT {int(limit)} OFFSET {int(offset)}"
        relation = db.sql(page, params=bound or None)
        rows = [
            {name: _shown(value) for name, value in zip(relation.columns, row, strict=True)}
            for row in relation.fetchall()
        ]
    return RowPage(
        text, aggregate.title, aggregate.rows["of"], int(total), offset, tuple(rows), with_values(sql, bound)
    )


def _resolved(text: str, mall: "Mall") -> tuple[Aggregate, str, dict[str, Any]]:
    key, _, query = text.removeprefix(PREFIX).partition("?")
    aggregate = aggregates.AGGREGATES.get(key)
    if aggregate is None or not aggregate.rows:
        raise BadInput(f"no rows are known for {key[:60]!r}", remedy=_REMEDY)
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    said = dict(pairs)
    if len(said) != len(pairs):
        raise BadInput("a value stands twice in the reference", remedy=_REMEDY)
    filters = frozenset(filter(None, said.pop("filters", "").split(",")))
    if not filters <= aggregate.where.keys():
        raise BadInput("the reference names a filter that this aggregate has not", remedy=_REMEDY)
    sql = narrowed(aggregate, filters, "").rows["sql"]
    wanted = set(parameters_of(sql)) - {"zone"}
    if set(said) != wanted:
        raise BadInput(f"the reference must hold {', '.join(sorted(wanted)) or 'no value'}", remedy=_REMEDY)
    bound = {name: _value(name, value) for name, value in said.items()}
    if "zone" in parameters_of(sql):
        bound["zone"] = mall.time_zone
    return aggregate, sql, bound


def _said(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return str(value)


def _value(name: str, text: str) -> Any:
    try:
        if name in _DATES:
            return datetime.combine(date.fromisoformat(text), time.min)
        if name in _WHOLE:
            return int(text)
        if name in _MONEY and (amount := Decimal(text)).is_finite() and abs(amount) <= Decimal(10) ** 15:
            return amount
    except (ValueError, InvalidOperation):
        pass
    if name in _TEXT and len(text) <= _MAX_TEXT:
        return text
    raise BadInput(f"the value of {name} can't be used", remedy=_REMEDY)


def _shown(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value
