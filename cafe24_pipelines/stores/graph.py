"""The small protocol that both graph back ends keep, and the rows it takes.

A build is staged as facts, extended by findings and published once; readers see the last published build. Every
node has `uid = uuid5(mall, label, source key)` and `mall_id`, so that two malls may share ids and a caller can't
read across malls. Back ends: `graph_embedded.py` (Ladybug, one file a mall), `graph_neo4j.py` (Neo4j 5 over Bolt).

Does not belong here: what the labels mean (see `ontology/`).
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import pyarrow as pa

NAMESPACE = uuid.UUID("6c1f0d3a-3f3d-5b9e-9a51-2a7c9f0f24c0")


def uid(mall_id: str, label: str, key: str) -> str:
    """The one id of a thing in every store: uuid5 of mall, label and source key."""
    return str(uuid.uuid5(NAMESPACE, f"{mall_id}\x1f{label}\x1f{key}"))


@dataclass(frozen=True)
class Nodes:
    """Rows of one label: `uid`, `mall_id` and the label's properties as Arrow columns (typed by the ontology)."""

    label: str
    rows: pa.Table


@dataclass(frozen=True)
class Relationships:
    """Rows of one relationship type between two labels: `from_uid`, `to_uid` and properties."""

    type: str
    from_label: str
    to_label: str
    rows: pa.Table


@dataclass(frozen=True)
class LabelSpec:
    """A label's properties, name to type (`STRING|INT64|DOUBLE|BOOLEAN|TIMESTAMP|DATE`), as `domain.yaml` says."""

    label: str
    properties: Mapping[str, str]


@dataclass(frozen=True)
class RelationshipSpec:
    """A relationship type between two labels, with its properties."""

    type: str
    from_label: str
    to_label: str
    properties: Mapping[str, str]


@dataclass(frozen=True)
class GraphSchema:
    """Everything a back end needs to create tables, constraints and indexes."""

    labels: tuple[LabelSpec, ...]
    relationships: tuple[RelationshipSpec, ...]


Part = Nodes | Relationships


@dataclass(frozen=True)
class GraphCounts:
    """What a published graph holds."""

    nodes: int
    relationships: int
    by_label: dict[str, int]
    by_type: dict[str, int]


@dataclass(frozen=True)
class Changes:
    """What a load wrote; all zero when there was nothing to change."""

    nodes_created: int = 0
    nodes_changed: int = 0
    nodes_deleted: int = 0
    relationships_created: int = 0
    relationships_changed: int = 0
    relationships_deleted: int = 0

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def total(self) -> int:
        """Rows written."""
        return sum(getattr(self, f.name) for f in fields(self))


@dataclass(frozen=True)
class Mistyped:
    """A property that `count` nodes or relationships hold with a value of another type than `expected`.

    `some` are the uids of some of them: one of a node, from and to of a relationship. `absent`: the store has no such
    property.
    """

    property: str
    expected: str
    count: int
    some: tuple[tuple[str, ...], ...]
    absent: bool = False


def pattern_of(spec: LabelSpec | RelationshipSpec) -> tuple[str, str]:
    """The pattern in which `n` is what has the spec's properties, and the uids to return so that it can be found."""
    if isinstance(spec, LabelSpec):
        return f"(n:{spec.label})", "n.uid AS uid"
    return f"(a:{spec.from_label})-[n:{spec.type}]->(b)", "a.uid AS uid, b.uid AS to_uid"


class GraphStore(Protocol):
    """One mall's graph at a time; `mall_id` is an argument of every call, so nobody can forget it."""

    def stage(self, mall_id: str, schema: GraphSchema, facts: Iterable[Part], *, build_id: str) -> Changes:
        """Build the facts aside, complete or not at all; staging the same `build_id` again does nothing.

        Each label and each pair of a relationship type comes in one part, nodes before what links them.
        """

    def staged(self, mall_id: str) -> str | None:
        """The id of the staged facts, if they are complete."""

    def publish(self, mall_id: str, findings: Iterable[Part], *, build_id: str, digest: str) -> GraphCounts:
        """Add findings to the staged facts and switch readers to the result; the facts stay staged."""

    def query(
        self, mall_id: str, cypher: str, params: Mapping[str, Any] | None = None, *, staged: bool = False
    ) -> list[dict[str, Any]]:
        """Rows of a read-only query in the shared Cypher subset; `$mall_id` is bound by the store.

        `staged=True` reads the facts being built (for discovery); otherwise the published build.

        Raises:
            NotBuilt: nothing has been published (or staged) for this mall.
        """

    def counts(self, mall_id: str, *, staged: bool = False) -> GraphCounts:
        """Counts of the published graph, or of the staged facts (all zero before there are any)."""

    def published(self, mall_id: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published graph, or None."""

    def mistyped(self, mall_id: str, spec: LabelSpec | RelationshipSpec, *, limit: int = 20) -> list[Mistyped]:
        """Properties of the published graph whose values are not all of the type that `spec` gives them.

        Args:
            mall_id: the mall.
            spec: a label, or a relationship type between two labels, that the graph holds.
            limit: how many examples a finding has at most.

        Raises:
            NotBuilt: nothing has been published for this mall.
        """

    def close(self) -> None:
        """Release files and connections."""
