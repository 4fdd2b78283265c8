"""Aggregates that are made: every measure by every dimension that divides it, and its change between two periods.

`queries/breakdowns.yaml` names the dimensions and measures; here they become entries like the hand-written ones, so
that a dimension is defined once for all measures. Does not belong here: running them (see `aggregates.py`).
"""

from collections.abc import Iterator
from typing import Any

from cafe24_pipelines.answers.words import read_yaml
from cafe24_pipelines.korean import particle

Entry = dict[str, Any]
_PERIOD = "ordered_local >= $start AND ordered_local < $end"
_BANKED = ("month", "weekday", "tier", "buyer_kind")
"""Dimensions whose questions are in the built-in bank; the others are made in the same way."""

_DIRECTIONS = ("top", "low")


def breakdown_spec() -> dict[str, Any]:
    """The dimensions and measures as they stand in the file."""
    spec: dict[str, Any] = read_yaml("breakdowns")
    return spec


def breakdown_key(measure: str, dimension: str) -> str:
    """The aggregate's key, e.g. `aov_by_tier`."""
    named: dict[str, str] = breakdown_spec()["measures"][measure].get("keys", {})
    return named.get(dimension, f"{measure}_by_{dimension}")


def breakdowns() -> list[Entry]:
    """An entry for every measure and dimension that go together, then the changes."""
    spec = breakdown_spec()
    made = [
        _breakdown(measure, name, spec["dimensions"][name])
        for measure, about in spec["measures"].items()
        for name in about["dimensions"]
    ]
    return [*made, *(_change(name, spec["dimensions"][name]) for name in spec["changes"]["dimensions"])]


def _breakdown(measure: str, name: str, dimension: Entry) -> Entry:
    about = breakdown_spec()["measures"][measure]
    timed = bool(dimension.get("time"))
    plain = measure == "sales" and name in about["plain"]  # "월별", "요일별" alone ask for sales
    rest = [*([] if plain else [about["needs"]]), *about.get("also", ())]
    helps = [
        *(about["needs"].split("|") if plain else []),
        *about["helps"],
        *dimension.get("helps", ()),
        *_DIRECTIONS,
    ]
    shared = "" if timed else about.get("shared", "")
    return {
        "key": breakdown_key(measure, name),
        "title": f"{dimension['title']} {about['title']}",
        "needs": [dimension["needs"], *rest],
        "slots": list(about.get("slots", ())),
        "helps": helps,
        "avoids": [*("api", "decline_reason"), *_avoided(about, dimension, measure)],
        "tables": ["orders", *about.get("tables", ()), *dimension.get("tables", ())],
        "filled": [*about.get("filled", ()), *dimension.get("filled", ())],
        "sql": _sql(about, dimension, shared),
        "units": {"name": "text", **about["units"], **({"share": "%"} if shared else {})},
        "lead": f"{{period}} {about.get('named', '')}{dimension['title']} {about['title']}입니다({{order}}).",
        "each": "{name}: " + about["say"] + (", 비중 {share}" if shared else ""),
        "where": about.get("where", "orders"),
        "by": about["by"],
        "timed": timed,
        "rows": _rows(about),
        "banked": name in _BANKED,
        "asks": [_question(about, dimension)],
    }


def _question(about: Entry, dimension: Entry) -> str:
    """A question that asks for it; the thing named comes first."""
    what = f"{about['ask']}{particle(about['ask'], '을(를)')}"
    if about.get("slots"):
        return f"{what} {dimension['ask']}{particle(dimension['ask'], '(으)로')} 알려줘"
    return f"{dimension['ask']} {what} 알려줘"


def _avoided(about: Entry, dimension: Entry, measure: str) -> Iterator[str]:
    used = {*dimension["needs"].split("|"), *about["needs"].split("|")}
    yield from (name for name in about.get("avoids", ()) if name not in used)
    yield from (name for name in dimension.get("avoids", ()) if name not in used)
    if measure == "sales":
        yield from ("new_product",)


def _sql(about: Entry, dimension: Entry, shared: str) -> str:
    only = f" AND ({about['only']})" if about.get("only") else ""
    only += f" AND ({dimension['only']})" if dimension.get("only") else ""
    source = f"FROM {about.get('source', 'order_facts')} {dimension.get('join', '')} WHERE {_PERIOD}{only}/*where*/"
    limit = f" LIMIT {dimension['limit']}" if dimension.get("limit") else ""
    if about.get("per") == "member":
        return (
            f"WITH b AS (SELECT {dimension['expr']} AS name, member_key, count(*) AS n {source} "
            f"AND is_sale AND member_key IS NOT NULL GROUP BY ALL) "
            f"SELECT name, {about['columns']} FROM b GROUP BY name ORDER BY /*order*/{limit}"
        )
    inner = f"SELECT {dimension['expr']} AS name, {about['columns']} {source} GROUP BY name"
    if not shared:
        return f"{inner} ORDER BY /*order*/{limit}"
    names = ", ".join(["name", *about["units"]])
    share = f"CAST(round(100.0 * {shared} / nullif(sum({shared}) OVER (), 0), 2) AS DECIMAL(20, 2)) AS share"
    return f"WITH d AS ({inner}) SELECT {names}, {share} FROM d ORDER BY /*order*/{limit}"


def _rows(about: Entry) -> Entry:
    only = f" AND ({about['only']})" if about.get("only") else ""
    where = f"WHERE {_PERIOD} AND ({about['rows']}){only}/*where*/"
    if about.get("rows_of") == "members":
        return {"of": "member_key", "sql": f"SELECT DISTINCT member_key AS id FROM order_facts {where}"}
    if about.get("source"):
        columns = "order_id AS id, line_no, product_no, quantity, amount"
        return {"of": "order_line", "sql": f"SELECT {columns} FROM sale_lines {where}"}
    return {"of": "order_id", "sql": f"SELECT order_id AS id, net_amount AS amount FROM order_facts {where}"}


def _change(name: str, dimension: Entry) -> Entry:
    """Net sales of every group in both periods; what changed adds up to the change of the whole."""
    now, before = _PERIOD, "ordered_local >= $start_b AND ordered_local < $end_b"
    sql = (
        f"WITH d AS (SELECT {dimension['expr']} AS name, "
        f"coalesce(sum(net_amount) FILTER (WHERE {now}), 0) AS now_sales, "
        f"coalesce(sum(net_amount) FILTER (WHERE {before}), 0) AS before_sales "
        f"FROM order_facts {dimension.get('join', '')} WHERE (({now}) OR ({before}))/*where*/ GROUP BY name) "
        "SELECT name, now_sales, before_sales, now_sales - before_sales AS change FROM d "
        "ORDER BY /*order*/"
    )
    return {
        "key": f"change_by_{name}",
        "title": f"{dimension['title']} 매출 변화",
        "needs": [dimension["needs"], "compare", *(["sales|orders"] if name in ("buyer_kind", "membership") else [])],
        "helps": ["sales", "orders", "rate", "fell", "rose", "dated", *dimension.get("helps", ()), *_DIRECTIONS],
        "avoids": ["api", "decline_reason"],
        "tables": ["orders", *dimension.get("tables", ())],
        "filled": list(dimension.get("filled", ())),
        "sql": sql,
        "units": {"name": "text", "now_sales": "money", "before_sales": "money", "change": "money"},
        "lead": f"{{period}}과(와) {{period_b}}의 {dimension['title']} 순매출을 견준 것입니다({{order}}). "
        "차이를 모두 더하면 전체 순매출의 차이가 됩니다.",
        "each": "{name}: {before_sales} → {now_sales}, 차이 {change}",
        "where": "orders",
        "by": "change",
        "recent": True,
        "banked": name in _BANKED,
        "asks": [f"{dimension['ask']} 매출이 지난달에 전달보다 어떻게 변했어?"],
    }
