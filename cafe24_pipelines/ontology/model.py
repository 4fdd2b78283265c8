"""The ontology as objects: `domain.yaml` read, checked and frozen.

Everything that knows a label, a property or a relationship asks here, so that the graph's tables, the projection,
the health checks and the prompts can't drift apart. Does not belong here: rows of a mall (see `projection.py`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cafe24_pipelines.errors import ConfigError

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphSchema
    from cafe24_pipelines.stores.schemas import Column

PropertyType = Literal["STRING", "INT64", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DATE"]
RESERVED = ("uid", "mall_id")
_STRICT: dict[str, Any] = {"extra": "forbid"}  # an unknown entry in the YAML is a spelling mistake


@dataclass(frozen=True)
class Values:
    """What a property's values may be: a closed set, or bounds (inclusive, None is open)."""

    __pydantic_config__: ClassVar = _STRICT
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class PropertyRule:
    """Everything that must hold of one property: its type, whether it may be null, and its values."""

    name: str
    type: PropertyType
    not_null: bool
    values: Values


@dataclass(frozen=True)
class Label:
    """A kind of node. `key` names the properties whose values make its source key.

    `table` is the lake table whose rules hold for properties of the same name; `alone` says that a node may have no
    relationship at all.
    """

    __pydantic_config__: ClassVar = _STRICT
    ko: str
    layer: Literal["shop", "api", "knowledge", "finding"]
    key: tuple[str, ...]
    properties: dict[str, PropertyType]
    table: str = ""
    alone: bool = False
    not_null: tuple[str, ...] = ()
    values: dict[str, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class Relationship:
    """A kind of edge between the label pairs; `required` names the end that must have at least one.

    `equal` names a property of the from end and one of the to end that are the same on both.
    """

    __pydantic_config__: ClassVar = _STRICT
    ko: str
    cardinality: Literal["one_to_many", "many_to_one", "many_to_many"]
    pairs: tuple[tuple[str, str], ...]
    required: Literal["from", "to"] | None = None
    properties: dict[str, PropertyType] = field(default_factory=dict)
    equal: tuple[str, str] | None = None
    not_null: tuple[str, ...] = ()
    values: dict[str, Values] = field(default_factory=dict)

    @property
    def single(self) -> Literal["from", "to"] | None:
        """The end that has at most one such relationship."""
        ends: dict[str, Literal["from", "to"]] = {"many_to_one": "from", "one_to_many": "to"}
        return ends.get(self.cardinality)


@dataclass(frozen=True)
class Concept:
    """A CRM notion a merchant speaks of, with the names it goes by and where it is found."""

    __pydantic_config__: ClassVar = _STRICT
    ko: str
    en: str
    definition: str
    synonyms: tuple[str, ...] = ()
    label: str = ""
    table: str = ""
    broader: str = ""
    related: tuple[str, ...] = ()
    api: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, Korean first."""
        return (self.ko, self.en, *self.synonyms)


@dataclass(frozen=True)
class Metric:
    """A number a merchant steers by: its formula, unit, the concepts it measures and the labels it reads."""

    __pydantic_config__: ClassVar = _STRICT
    ko: str
    en: str
    formula: str
    unit: str
    concepts: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """What a merchant wants to get done, as people say it, with the calls that do it, in order.

    `steps` maps `METHOD place` (a path below /api/v2/, or `ca/` for the analytics host) to the reason for the call.
    """

    __pydantic_config__: ClassVar = _STRICT
    ko: str
    says: tuple[str, ...]
    concepts: tuple[str, ...]
    steps: dict[str, str] = field(default_factory=dict)
    documents: tuple[str, ...] = ()

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        """(endpoint, reason) in calling order; the endpoint is the id of its document."""
        return tuple((_endpoint_id(step), why) for step, why in self.steps.items())


@dataclass(frozen=True)
class Domain:
    """The whole ontology."""

    __pydantic_config__: ClassVar = _STRICT
    version: int
    labels: dict[str, Label]
    relationships: dict[str, Relationship]
    concepts: dict[str, Concept]
    metrics: dict[str, Metric]
    tasks: dict[str, Task] = field(default_factory=dict)
    words: tuple[tuple[str, ...], ...] = ()

    def graph_schema(self) -> "GraphSchema":
        """What a graph back end needs: labels and every relationship pair, with property types."""
        from cafe24_pipelines.stores.graph import GraphSchema, LabelSpec, RelationshipSpec

        return GraphSchema(
            tuple(LabelSpec(name, label.properties) for name, label in self.labels.items()),
            tuple(
                RelationshipSpec(name, start, end, r.properties)
                for name, r in self.relationships.items()
                for start, end in r.pairs
            ),
        )

    def property_rules(self, name: str) -> tuple[PropertyRule, ...]:
        """The rules of a label's or a relationship's properties: what is said here, and what the lake's schema says.

        A label's key is never null. The lake's rules hold for properties that are named like a column of its table.
        """
        owner = self.labels.get(name) or self.relationships[name]
        columns = _columns(owner.table) if isinstance(owner, Label) else {}
        fixed = {*owner.not_null, *(owner.key if isinstance(owner, Label) else ())}
        fixed |= {c.name for c in columns.values() if not c.nullable}
        rules = []
        for prop, kind in owner.properties.items():
            column = columns.get(prop)
            landed = Values(column.allowed, column.minimum, column.maximum) if column else Values()
            rules.append(PropertyRule(prop, kind, prop in fixed, owner.values.get(prop, landed)))
        return tuple(rules)

    def describe_ko(self) -> str:
        """The schema as Korean text for a prompt: labels with properties, relationships with their ends."""
        lines = ["노드 (모든 노드에 uid, mall_id 가 있다):"]
        for name, label in self.labels.items():
            properties = ", ".join(f"{p} {t}" for p, t in label.properties.items())
            lines.append(f"- {name} ({label.ko}): {properties}")
        lines.append("관계:")
        for name, r in self.relationships.items():
            ends = ", ".join(f"({start})-[:{name}]->({end})" for start, end in r.pairs)
            extra = f" {{{', '.join(f'{p} {t}' for p, t in r.properties.items())}}}" if r.properties else ""
            lines.append(f"- {ends}{extra}: {r.ko}")
        lines.append("지표:")
        lines += [f"- {m.ko} ({m.unit}) = {m.formula}" for m in self.metrics.values()]
        return "\n".join(lines)


def _problems(d: Domain) -> Iterator[str]:
    """Everything that doesn't hold together, in words that name the entry."""
    yield from _shape_problems(d)
    yield from _rule_problems(d)
    for name, r in d.relationships.items():
        yield from (f"relationship {name}: label {x} is not defined" for p in r.pairs for x in p if x not in d.labels)
        yield from (f"relationship {name}: the pair {p} repeats" for p, n in Counter(r.pairs).items() if n > 1)
    for name, c in d.concepts.items():
        others = [x for x in (c.broader, *c.related) if x]
        yield from (f"concept {name}: concept {x} is not defined" for x in others if x not in d.concepts)
        if c.label and c.label not in d.labels:
            yield f"concept {name}: label {c.label} is not defined"
        if c.table and not _columns(c.table):
            yield f"concept {name}: the lake has no table {c.table}"
        if name in c.related or _runs_in_circle(d, name):
            yield f"concept {name}: it can't be broader than or related to itself"
    for name, m in d.metrics.items():
        yield from (f"metric {name}: concept {x} is not defined" for x in m.concepts if x not in d.concepts)
        yield from (f"metric {name}: label {x} is not defined" for x in m.labels if x not in d.labels)
    for name, t in d.tasks.items():
        yield from (f"task {name}: concept {x} is not defined" for x in t.concepts if x not in d.concepts)
        if not (t.concepts and t.says and (t.steps or t.documents)):
            yield f"task {name}: it needs a concept, a way to say it, and a step or a document"
        wrong = [step for step in t.steps if not re.fullmatch(r"(GET|POST|PUT|DELETE) (admin|oauth|ca)/\S+", step)]
        yield from (f"task {name}: {step!r} is no method and path below /api/v2/" for step in wrong)
    for kind, names in (
        ("concepts", [c.ko for c in d.concepts.values()]),
        ("metrics", [m.ko for m in d.metrics.values()]),
        ("tasks", [t.ko for t in d.tasks.values()]),
    ):
        yield from (f"{kind}: the Korean name {n} is used twice" for n, k in Counter(names).items() if k > 1)


def _shape_problems(d: Domain) -> Iterator[str]:
    """Names that a graph store couldn't take, and keys that name no property."""
    for name, label in d.labels.items():
        if not re.fullmatch(r"CRM_[A-Z][A-Za-z]+", name):
            yield f"label {name}: a label is written CRM_ and capitals for words, as CRM_OrderItem"
        known = {*label.properties, "mall_id"}
        if not label.key or (missing := [k for k in label.key if k not in known]):
            yield f"label {name}: key {missing if label.key else '[]'} is not among the properties"
        yield from (f"label {name}: {p} is added to every label by itself" for p in label.properties if p in RESERVED)
    for name, r in d.relationships.items():
        if not re.fullmatch(r"[A-Z][A-Z_]+", name):
            yield f"relationship {name}: a type is written in capitals and underscores"
        if not r.pairs:
            yield f"relationship {name}: it needs at least one pair of labels"
    owners = [*((f"label {n}", x.properties) for n, x in d.labels.items())]
    owners += [(f"relationship {n}", x.properties) for n, x in d.relationships.items()]
    for owner, properties in owners:
        yield from (
            f"{owner}: {p!r} is no property name" for p in properties if not re.fullmatch(r"[a-z][a-z0-9_]*", p)
        )


def _rule_problems(d: Domain) -> Iterator[str]:
    """Rules that name what isn't there, can't hold, or repeat what the lake's schema says."""
    for name, label in d.labels.items():
        columns = _columns(label.table)
        if label.table and not columns:
            yield f"label {name}: the lake has no table {label.table}"
        landed = {c for c in label.properties if c in columns}
        yield from _not_null_problems(f"label {name}", label)
        repeated = {c for c in landed if not columns[c].nullable} & {*label.not_null}
        repeated |= {c for c in landed if c in label.values and _ruled(columns[c])}
        yield from (f"label {name}: the lake's schema already rules {c}" for c in sorted(repeated))
    for name, r in d.relationships.items():
        yield from _not_null_problems(f"relationship {name}", r)
        for end, prop in enumerate(r.equal or ()):
            without = [p[end] for p in r.pairs if p[end] in d.labels and prop not in d.labels[p[end]].properties]
            yield from (f"relationship {name}: equal: {label} has no property {prop}" for label in without)


def _not_null_problems(owner: str, x: Label | Relationship) -> Iterator[str]:
    for prop in (*x.not_null, *x.values):
        if prop not in x.properties:
            yield f"{owner}: there is a rule for {prop}, but no such property"
    for prop, rule in x.values.items():
        kind = x.properties.get(prop)
        bounds = [b for b in (rule.minimum, rule.maximum) if b is not None]
        if rule.allowed and kind not in ("STRING", None):
            yield f"{owner}: {prop}: only a STRING has allowed values"
        if bounds and kind not in ("INT64", "DOUBLE", None):
            yield f"{owner}: {prop}: only numbers have a minimum or maximum"
        if bounds != sorted(bounds) or not (bounds or rule.allowed):
            yield f"{owner}: {prop}: its rule allows nothing, or everything"


def _endpoint_id(step: str) -> str:
    method, place = step.split(" ", 1)
    host, _, rest = place.partition("/")
    return f"{method} https://ca-api.cafe24data.com/{rest}" if host == "ca" else f"{method} /api/v2/{place}"


def _columns(table: str) -> "dict[str, Column]":
    from cafe24_pipelines.stores.schemas import TABLES

    return {c.name: c for c in TABLES[table].columns} if table in TABLES else {}


def _ruled(column: "Column") -> bool:
    return bool(column.allowed) or column.minimum is not None or column.maximum is not None


def _runs_in_circle(d: Domain, name: str) -> bool:
    seen: set[str] = set()
    at = name
    while at in d.concepts and at not in seen:
        seen.add(at)
        at = d.concepts[at].broader
    return at in seen


def parse_domain(raw: Mapping[str, Any], where: str = "domain.yaml") -> Domain:
    """A checked domain from parsed YAML.

    Raises:
        ConfigError: it doesn't hold together; the message names every place.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        domain = TypeAdapter(Domain).validate_python(raw)
        found = list(_problems(domain))
    except ValidationError as e:
        found = [f"{'.'.join(str(x) for x in p['loc'])}: {p['msg']}" for p in e.errors()]
    if found:
        raise ConfigError(
            "the ontology doesn't hold together: " + "; ".join(found),
            where=where,
            remedy="mend the named entries; docs/ontology.md explains the format",
        )
    return domain


def domain_text() -> str:
    """The text of `domain.yaml`, for hashing."""
    return files(__package__).joinpath("domain.yaml").read_text(encoding="utf-8")


@cache
def load_domain() -> Domain:
    """The shipped domain (read once).

    Raises:
        ConfigError: `domain.yaml` was edited into something that doesn't hold together.
    """
    import yaml

    try:
        raw = yaml.safe_load(domain_text())
    except yaml.YAMLError as e:
        raise ConfigError("the ontology is not YAML", where="domain.yaml", remedy=str(e).replace("\n", " ")) from e
    return parse_domain(raw)
