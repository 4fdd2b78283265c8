"""Rules of properties: they exist, have their type, keep their values. One query a label, one a relationship's pair.

All rules come from `domain.yaml` and the lake's schema (`Domain.property_rules`); Neo4j Community enforces none of
them. Does not belong here: keys (`health_keys.py`), or what ties nodes together (`health_relationships.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology.health_graph import GraphSeen, attempt
from cafe24_pipelines.ontology.health_report import EVIDENCE_ROWS, Violation, violation

if TYPE_CHECKING:
    from cafe24_pipelines.ontology.model import PropertyRule
    from cafe24_pipelines.stores.graph import LabelSpec, Mistyped, RelationshipSpec

REMEDY: Final = (
    "레이크는 이런 값을 받지 않으므로 그래프가 따로 바뀌었습니다. `cafe24 rebuild graph`로 다시 만들고, "
    "그래프를 직접 고치는 작업이 있으면 멈추세요."
)


@dataclass(frozen=True)
class _Condition:
    """When a row breaks a rule: in Cypher over `n`, with the parameter it needs."""

    rule: str
    path: str
    cypher: str
    message: str
    value: Any = None


@dataclass(frozen=True)
class _Place:
    """Where the properties are: a label's nodes, or the relationships of one pair; `n` is what has them."""

    spec: "LabelSpec | RelationshipSpec"
    name: str
    ko: str
    match: str
    shown: str
    uids: tuple[str, ...]

    @property
    def order(self) -> str:
        """What to sort by."""
        return ", ".join(self.uids)


def property_violations(seen: GraphSeen) -> Iterator[Violation]:
    """Everything that is wrong with the properties of nodes and relationships."""
    for place in _places(seen):
        yield from attempt(partial(_violations, seen, place), place.name)


def _places(seen: GraphSeen) -> Iterator[_Place]:
    from cafe24_pipelines.stores.graph import LabelSpec
    from cafe24_pipelines.stores.graph_rows import NODE_COLUMNS

    schema = seen.domain.graph_schema()
    for label in schema.labels:
        if seen.held(label.label):
            spec = LabelSpec(label.label, {**NODE_COLUMNS, **label.properties})
            ko = seen.domain.labels[label.label].ko
            shown = seen.keys("n", label.label)
            yield _Place(spec, label.label, ko, f"MATCH (n:{label.label})", shown, ("n.uid",))
    for r in schema.relationships:
        if r.properties and seen.counts.by_type.get(r.type) and seen.held(r.from_label) and seen.held(r.to_label):
            prefixes = ("from_", "to_") if r.from_label == r.to_label else ("", "")
            shown = ", ".join(
                seen.keys(variable, label, prefix)
                for variable, label, prefix in zip("ab", (r.from_label, r.to_label), prefixes, strict=True)
            )
            match = f"MATCH (a:{r.from_label})-[n:{r.type}]->(b)"  # one label: see `health_links.py`
            ko = f"{seen.domain.labels[r.from_label].ko}–{seen.domain.labels[r.to_label].ko}({r.type})"
            yield _Place(r, r.type, ko, match, shown, ("a.uid", "b.uid"))


def _violations(seen: GraphSeen, place: _Place) -> Iterator[Violation]:
    mistyped = seen.graph.mistyped(seen.mall_id, place.spec)
    absent = {m.property for m in mistyped if m.absent}
    rules = [r for r in seen.domain.property_rules(place.name) if r.name not in absent]
    conditions = list(_conditions(rules, place))
    values = {f"v{i}": c.value for i, c in enumerate(conditions) if c.value is not None}
    sums = [f"sum(CASE WHEN {_bound(c, i)} THEN 1 ELSE 0 END) AS c{i}" for i, c in enumerate(conditions)]
    numbers = seen.numbers(f"{place.match} RETURN {', '.join(['count(n) AS total', *sums])}", **values)
    for m in mistyped:
        yield _mistyped(seen, place, m, numbers["total"])
    for i, c in enumerate(conditions):
        if count := numbers[f"c{i}"]:
            more = f", n.{c.path} AS value" if c.rule != "minCount" else f", {place.uids[0]} AS uid"
            rows = seen.ask(
                f"{place.match} WHERE {_bound(c, i)} RETURN {place.shown}{more} ORDER BY {place.order} "
                f"LIMIT {EVIDENCE_ROWS}",
                **({f"v{i}": c.value} if c.value is not None else {}),
            )
            yield violation(
                "properties", c.rule, "Violation", place.name, c.path, count=count, total=numbers["total"],
                message=c.message, remedy=REMEDY, rows=[_named(row, c.path) for row in rows],
            )  # fmt: skip


def _conditions(rules: "list[PropertyRule]", place: _Place) -> Iterator[_Condition]:
    """The rules of one place; of nodes also that they are this mall's."""
    if len(place.uids) == 1:
        wrong = "n.mall_id IS NULL OR n.mall_id <> $mall_id"
        yield _Condition("hasValue", "mall_id", wrong, f"{place.ko} 노드의 mall_id가 이 쇼핑몰이 아님")
    for r in rules:
        at = f"n.{r.name}"
        if r.not_null:
            yield _Condition("minCount", r.name, f"{at} IS NULL", f"{place.ko}에 있어야 할 {r.name} 값이 없음")
        if r.values.allowed:
            wrong = f"{at} IS NOT NULL AND NOT {at} IN {{value}}"
            message = f"{place.ko}의 {r.name} 값이 정해진 목록에 없음"
            yield _Condition("in", r.name, wrong, message, list(r.values.allowed))
        for rule, sign, bound, word in (
            ("minInclusive", "<", r.values.minimum, "작음"), ("maxInclusive", ">", r.values.maximum, "큼"),
        ):  # fmt: skip
            if bound is not None:
                message = f"{place.ko}의 {r.name} 값이 {bound:g}보다 {word}"
                yield _Condition(rule, r.name, f"{at} {sign} {{value}}", message, bound)


def _bound(condition: _Condition, i: int) -> str:
    return condition.cypher.replace("{value}", f"$v{i}")


def _mistyped(seen: GraphSeen, place: _Place, m: "Mistyped", total: int) -> Violation:
    """A property with values of another type, or one that this graph has never heard of."""
    value = "" if m.absent else f", n.{m.property} AS value"
    ends = " AND ".join(f"{uid} IN $uids{i}" for i, uid in enumerate(place.uids))
    shown = ", ".join(f"{uid} AS uid{i}" for i, uid in enumerate(place.uids))
    some = {f"uids{i}": sorted(set(uids)) for i, uids in enumerate(zip(*m.some, strict=True))}
    query = f"{place.match} WHERE {ends} RETURN {shown}, {place.shown}{value} ORDER BY {place.order}"
    found = seen.ask(query, **some) if some else []
    rows = [_named(row, m.property) for row in found if _uids(row) in m.some]
    what = "그래프에 없음" if m.absent else f"{m.expected} 형이 아님"
    return violation(
        "properties", "datatype", "Violation", place.name, m.property, count=m.count, total=total,
        message=f"{place.ko}의 {m.property} 값이 {what}", remedy=REMEDY, rows=rows,
    )  # fmt: skip


def _named(row: dict[str, Any], path: str) -> dict[str, Any]:
    """A row with what the property holds under its own name, so that a pseudonym stays cut short."""
    kept = {k: v for k, v in row.items() if k not in ("value", "uid0", "uid1")}
    return {**kept, **({path: row["value"]} if "value" in row else {})}


def _uids(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("uid0", "uid1") if name in row)
