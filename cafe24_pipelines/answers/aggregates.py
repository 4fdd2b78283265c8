"""The library of exact aggregates: parameterised queries over the lake's views, each with its Korean sentence.

One entry in `queries/*.yaml` is an aggregate: the concepts that call for it, its SQL, the units of its columns and
the sentence that states them. Values are bound; the query shown beside a number has them written in, so that
anybody can run it again. Does not belong here: choosing an aggregate (see `intents.py`), filling slots
(`slots.py`), or wording beyond the sentence.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.breakdowns import breakdowns
from cafe24_pipelines.answers.figures import SMALL_SAMPLE, Number, plain, show, wilson
from cafe24_pipelines.answers.words import read_yaml
from cafe24_pipelines.korean import filled, particle

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PARAMETER = re.compile(r"\$([a-z_]+)")
SUBJECTS = ("orders", "customers", "products", "marketing", "catalogue")


def parameters_of(sql: str) -> tuple[str, ...]:
    """Names of the values that a query binds, in order of first use."""
    return tuple(dict.fromkeys(_PARAMETER.findall(sql)))


@dataclass(frozen=True)
class Aggregate:
    """One verified query.

    `units` maps its columns to "money", a Korean unit, or "text". `whole` marks what has no period, `recent` what
    is about the last 30 days unless the question names a period. `where` are the filters it can take besides its
    `slots`, as predicates that go where the SQL says `/*where*/`. Where it says `/*order*/` the rows are ordered by
    the column `by` (and the direction that the question asks for), or by time when `timed`. `rows` is the query for
    what it counted and what its ids are (see `rows.py`). `banked` ones are in the built-in question bank.
    """

    key: str
    title: str
    units: dict[str, str]
    sql: str = ""
    say: str = ""
    lead: str = ""
    each: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    helps: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    wilson: dict[str, tuple[str, str]] = field(default_factory=dict)
    count: dict[str, str] = field(default_factory=dict)
    cites: str = ""
    python: str = ""
    whole: bool = False
    recent: bool = False
    asks: tuple[str, ...] = ()
    where: dict[str, str] = field(default_factory=dict)
    by: str = ""
    timed: bool = False
    rows: dict[str, str] = field(default_factory=dict)
    banked: bool = True

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the bound values, in order of first use."""
        return parameters_of(self.sql)


@dataclass(frozen=True)
class Computed:
    """What an aggregate gave: a Korean statement, its numbers, and rows as they came from the store.

    `empty` means that nothing could be computed; the statement then says so.
    """

    key: str
    title: str
    text: str
    numbers: tuple[Number, ...]
    query: str
    rows: tuple[dict[str, Any], ...]
    cites: tuple[str, ...] = ()
    empty: bool = False


def narrowed(aggregate: Aggregate, filters: frozenset[str], direction: str) -> Aggregate:
    """The aggregate with the predicates of these filters, and its rows in the order asked for ("", "top", "low")."""
    used = [aggregate.where[name] for name in sorted(filters) if name in aggregate.where]
    where = "".join(f" AND {predicate}" for predicate in used)
    rows = {**aggregate.rows}
    if rows:
        rows["sql"] = rows["sql"].replace("/*where*/", where)
    sql = aggregate.sql.replace("/*where*/", where).replace("/*order*/", _order(aggregate, direction))
    return replace(aggregate, sql=sql, rows=rows)


def _order(aggregate: Aggregate, direction: str) -> str:
    if aggregate.timed and not direction:
        return "name DESC"
    tie = "" if "/*order*/," in aggregate.sql else ", name"
    return f"{aggregate.by} {'ASC' if direction == 'low' else 'DESC'} NULLS LAST{tie}"


def order_name(aggregate: Aggregate, direction: str) -> str:
    """How the rows are ordered, in Korean."""
    if aggregate.timed and not direction:
        return "최근부터"
    return "낮은 순" if direction == "low" else "높은 순"


def compute(
    aggregate: Aggregate, db: "DuckDBPyConnection", values: dict[str, Any], words: dict[str, str], *, currency: str
) -> Computed:
    """Run an aggregate and state its result.

    Args:
        values: every value that a query may bind (see `slots.Slots.values`); only those it names are used.
        words: texts for the sentence that are no columns: `period`, `as_of`, `product_name` ...
        currency: the mall's currency code, the unit of columns marked "money".
    """
    bound = {name: values[name] for name in aggregate.parameters}
    relation = db.sql(aggregate.sql, params=bound) if bound else db.sql(aggregate.sql)
    rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    return state(aggregate, rows, with_values(aggregate.sql, bound), words, currency=currency)


def state(
    aggregate: Aggregate, rows: list[dict[str, Any]], query: str, words: dict[str, str], *, currency: str
) -> Computed:
    """State rows that were computed; shared by SQL and by aggregates that are computed in Python."""
    missing = not rows or (bool(aggregate.say) and any(value is None for value in rows[0].values()))
    if missing:
        what = f"'{aggregate.title}'{particle(aggregate.title, '을(를)')}"
        text = f"{words.get('period', '')} 자료가 없어 {what} 계산할 수 없습니다.".strip()
        return Computed(aggregate.key, aggregate.title, text, (), query, tuple(rows), empty=True)
    numbers = _numbers(aggregate, rows, query, currency)
    if aggregate.say:
        lines = [filled(aggregate.say, **{**words, **_shown(aggregate, rows[0], currency)})]
        lines += _intervals(aggregate, rows[0], query, numbers)
    else:
        lines = [filled(aggregate.lead, **words)]
        if aggregate.count:
            numbers.append(Number(len(rows), aggregate.count["unit"], query))
            lines.append(aggregate.count["say"].format(**words, count=f"{len(rows)}{aggregate.count['unit']}"))
        for rank, row in enumerate(rows, 1):
            lines.append(
                "- " + aggregate.each.format(**{**words, **_shown(aggregate, row, currency), "rank": str(rank)})
            )
    cites = tuple(str(row[aggregate.cites]) for row in rows) if aggregate.cites else ()
    return Computed(aggregate.key, aggregate.title, "\n".join(lines), tuple(numbers), query, tuple(rows), cites)


def with_values(sql: str, values: dict[str, Any]) -> str:
    """The query with its bound values written in as literals, on one line."""
    text = _PARAMETER.sub(lambda m: _literal(values[m[1]]), sql)
    return re.sub(r"\s+", " ", text).strip()


def _literal(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        raise TypeError(f"{value!r} is never a parameter")
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"


def _shown(aggregate: Aggregate, row: dict[str, Any], currency: str) -> dict[str, str]:
    return {
        name: ("없음" if value is None else str(value) if unit == "text" else show(value, unit, currency))
        for name, unit in aggregate.units.items()
        for value in (row[name],)
    }


def _numbers(aggregate: Aggregate, rows: list[dict[str, Any]], query: str, currency: str) -> list[Number]:
    return [
        Number(plain(row[name]), currency if unit == "money" else unit, query)
        for row in rows
        for name, unit in aggregate.units.items()
        if unit != "text" and row[name] is not None
    ]


def _intervals(aggregate: Aggregate, row: dict[str, Any], query: str, numbers: list[Number]) -> list[str]:
    """A line for every percentage of a small sample; its bounds join `numbers`."""
    lines = []
    for name, (numerator, denominator) in aggregate.wilson.items():
        k, n = int(row[numerator]), int(row[denominator])
        if not 0 < n < SMALL_SAMPLE:
            continue
        low, high = wilson(k, n)
        where = f"{query} -- Wilson 95%: {numerator}={k}, {denominator}={n}"
        numbers += [Number(low, "%", where), Number(high, "%", where)]
        rate = show(plain(row[name]), "%", "")
        lines.append(f"표본이 {n}건으로 적어 {rate}의 95% 신뢰구간은 {low:g}%~{high:g}%입니다(윌슨).")
    return lines


def filter_titles() -> dict[str, str]:
    """How a sentence names each filter, with words in braces."""
    titles: dict[str, str] = read_yaml("filters")["titles"]
    return titles


@cache
def _load() -> dict[str, Aggregate]:
    entries = [entry for subject in SUBJECTS for entry in read_yaml(subject)]
    entries += breakdowns()
    filters = read_yaml("filters")
    found = {entry["key"]: _aggregate(entry, filters) for entry in entries}
    if len(found) != len(entries):
        raise ValueError("two aggregates share a key")
    return found


def _aggregate(entry: dict[str, Any], filters: dict[str, Any]) -> Aggregate:
    entry = dict(entry)
    entry["where"] = filters["sets"][entry["where"]] if entry.get("where") else {}
    if isinstance(entry.get("rows"), str):
        entry["rows"] = filters["rows"][entry["rows"]]
    entry["needs"] = tuple(tuple(need.split("|")) for need in entry.get("needs", ()))
    if "명" in entry["units"].values():
        entry["helps"] = [*entry.get("helps", ()), "heads"]
    if "%" in entry["units"].values():
        entry["helps"] = [*entry.get("helps", ()), "share"]
    for name in ("helps", "avoids", "slots", "tables", "filled", "asks"):
        entry[name] = tuple(entry.get(name, ()))
    entry["wilson"] = {name: tuple(pair) for name, pair in entry.get("wilson", {}).items()}
    return Aggregate(**entry)


AGGREGATES: dict[str, Aggregate]


def __getattr__(name: str) -> dict[str, Aggregate]:
    """`AGGREGATES`, every aggregate by key, is read from the YAML files at first use."""
    if name == "AGGREGATES":
        return _load()
    raise AttributeError(name)
