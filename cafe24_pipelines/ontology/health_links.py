"""Relationships of the graph, counted node by node: one query a relationship type and label answers several rules.

Grouped by the end that may have several, so that half a million order lines come back as their orders. The counts go
into a table beside the lake's, and sums are kept for the rules. A pattern names the label of one end only: with both
named, a store that has an index for each may pair all nodes of the one with all of the other.

Does not belong here: the rules (`health_relationships.py`), or what the lake calls for (`health_coverage.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from cafe24_pipelines.ontology.health_graph import GraphSeen, attempt

if TYPE_CHECKING:
    from cafe24_pipelines.ontology.health_report import Violation
    from cafe24_pipelines.ontology.model import Relationship

End = Literal["from", "to"]
ENDS: Final[tuple[End, End]] = ("from", "to")
LINKED: Final = "graph_links"
"""The table of `read_links`: `kind`, `label` and `key` of the grouping end's node, and its `links`."""


@dataclass(frozen=True)
class Side:
    """A relationship seen from one label at one of its ends: `n` is the node there, `o` the one opposite."""

    kind: str
    relationship: "Relationship"
    end: End
    label: str

    @property
    def others(self) -> list[str]:
        """Labels at the other end."""
        mine = ENDS.index(self.end)
        return sorted({pair[1 - mine] for pair in self.relationship.pairs if pair[mine] == self.label})

    @property
    def path(self) -> str:
        """SPARQL's notation: `^` reads a relationship against its direction."""
        return self.kind if self.end == "from" else f"^{self.kind}"

    def pattern(self, n: str, r: str = "", o: str = "o") -> str:
        """The path with these pieces in its brackets."""
        left, right = (n, o) if self.end == "from" else (o, n)
        return f"({left})-[{r}:{self.kind}]->({right})"

    @property
    def match(self) -> str:
        """The clause that finds `n`, `r` and `o`."""
        return f"MATCH {self.pattern(f'n:{self.label}', 'r')}"

    @property
    def differing(self) -> str:
        """When the two ends don't carry the same value, "" if they needn't."""
        if not self.relationship.equal:
            return ""
        mine, other = self.relationship.equal if self.end == "from" else self.relationship.equal[::-1]
        return f"n.{mine} IS NULL OR o.{other} IS NULL OR n.{mine} <> o.{other}"


@dataclass(frozen=True)
class Tally:
    """Of one side: relationships, those beside an equal one, and those whose ends differ where they should not."""

    links: int
    repeated: int
    differing: int


Tallies = dict[tuple[str, str], Tally]
"""By relationship type and label of the grouping end."""


def grouping_end(r: "Relationship") -> End:
    """The end whose nodes may have several."""
    return "to" if r.single == "from" else "from"


def sides(seen: GraphSeen, kind: str, end: End) -> Iterator[Side]:
    """A relationship from each of its labels at one end, where both ends have nodes at all."""
    r = seen.domain.relationships[kind]
    for label in sorted({pair[ENDS.index(end)] for pair in r.pairs}):
        side = Side(kind, r, end, label)
        if seen.held(label) and any(seen.held(other) for other in side.others):
            yield side


def read_links(seen: GraphSeen, tallies: Tallies) -> "Iterator[Violation]":
    """Count every relationship into `LINKED` and `tallies`; yields what couldn't be counted."""
    seen.db.execute(f"CREATE TEMP TABLE {LINKED} (kind VARCHAR, label VARCHAR, key VARCHAR, links BIGINT)")
    for kind, r in seen.domain.relationships.items():
        if seen.counts.by_type.get(kind):
            for side in sides(seen, kind, grouping_end(r)):
                yield from attempt(partial(_count, seen, side, tallies), kind)


def _count(seen: GraphSeen, side: Side, tallies: Tallies) -> "Iterator[Violation]":
    r, names = side.relationship, seen.domain.labels[side.label].key
    sums = "count(r) AS links"
    sums += "" if r.single else ", count(DISTINCT o.uid) AS others"
    sums += f", sum(CASE WHEN {side.differing} THEN 1 ELSE 0 END) AS differing" if r.equal else ""
    shown = [f"collect({_text(seen, side.label, name)}) AS {name}" for name in names]
    shown += ["collect(links) AS links", "sum(links) AS total"]
    shown += ([] if r.single else ["sum(others) AS others"]) + (["sum(differing) AS differing"] if r.equal else [])
    row = seen.ask(f"{side.match} WITH n, {sums} RETURN {', '.join(shown)}")[0]
    _keep(seen, side, [row[name] for name in names], row["links"])
    total = int(row["total"] or 0)
    repeated = 0 if r.single else total - int(row["others"] or 0)
    tallies[(side.kind, side.label)] = Tally(total, repeated, int(row.get("differing") or 0))
    yield from ()


def _text(seen: GraphSeen, label: str, name: str) -> str:
    """A key's property, never null where it is text: lists that leave nulls out would no longer fit together."""
    kind = seen.domain.labels[label].properties.get(name, "STRING")
    return f"coalesce(n.{name}, '')" if kind == "STRING" else f"n.{name}"


def _keep(seen: GraphSeen, side: Side, keys: list[list[Any]], links: list[int]) -> None:
    import pyarrow as pa

    joined = ["-".join(map(str, values)) for values in zip(*keys, strict=True)]
    columns = {"kind": [side.kind] * len(joined), "label": [side.label] * len(joined)}
    page = pa.table({**columns, "key": pa.array(joined, pa.string()), "links": pa.array(links, pa.int64())})
    seen.db.register("links_page", page)
    seen.db.execute(f"INSERT INTO {LINKED} SELECT * FROM links_page")
    seen.db.unregister("links_page")
