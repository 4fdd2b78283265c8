"""Relationships of the graph, counted node by node: one query a pair of labels answers several rules.

Grouped by the end that may have several, so that half a million order lines come back as their orders. The counts go
into a table beside the lake's, and sums are kept for the rules. Does not belong here: the rules
(`health_relationships.py`), or what the lake calls for (`health_coverage.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology.health_graph import GraphSeen, attempt

if TYPE_CHECKING:
    from cafe24_pipelines.ontology.health_report import Violation
    from cafe24_pipelines.ontology.model import Relationship

Pair = tuple[str, str, str]
"""Relationship type, from label, to label."""
LINKED: Final = "graph_links"
"""The table of `read_links`: `kind`, `start`, `ending` (labels), `key` (of the grouping end's node) and `links`."""


@dataclass(frozen=True)
class Tally:
    """Of one pair: relationships, those beside an equal one, and those whose ends differ where they should not."""

    links: int
    repeated: int
    differing: int


def grouping_end(r: "Relationship") -> int:
    """The end whose nodes may have several: 0 for from, 1 for to."""
    return 1 if r.single == "from" else 0


def differing(r: "Relationship", start: str = "a", end: str = "b") -> str:
    """When the two ends don't carry the same value, "" if they needn't."""
    if not r.equal:
        return ""
    left, right = f"{start}.{r.equal[0]}", f"{end}.{r.equal[1]}"
    return f"{left} IS NULL OR {right} IS NULL OR {left} <> {right}"


def read_links(seen: GraphSeen, tallies: dict[Pair, Tally]) -> "Iterator[Violation]":
    """Count every relationship into `LINKED` and `tallies`; yields what couldn't be counted."""
    seen.db.execute(
        f"CREATE TEMP TABLE {LINKED} (kind VARCHAR, start VARCHAR, ending VARCHAR, key VARCHAR, links BIGINT)"
    )
    for kind, r in seen.domain.relationships.items():
        for start, end in r.pairs:
            if seen.counts.by_type.get(kind) and seen.held(start) and seen.held(end):
                yield from attempt(partial(_of_pair, seen, r, (kind, start, end), tallies), kind)


def _of_pair(seen: GraphSeen, r: "Relationship", pair: Pair, tallies: dict[Pair, Tally]) -> "Iterator[Violation]":
    kind, start, end = pair
    node, other, label = (("a", "b", start), ("b", "a", end))[grouping_end(r)]
    names = seen.domain.labels[label].key
    sums = "count(r) AS links"
    sums += "" if r.single else f", count(DISTINCT {other}.uid) AS others"
    sums += f", sum(CASE WHEN {differing(r)} THEN 1 ELSE 0 END) AS differing" if r.equal else ""
    shown = [f"collect({_text(seen, node, label, name)}) AS {name}" for name in names]
    shown += ["collect(links) AS links", "sum(links) AS total"]
    shown += ([] if r.single else ["sum(others) AS others"]) + (["sum(differing) AS differing"] if r.equal else [])
    row = seen.ask(f"MATCH (a:{start})-[r:{kind}]->(b:{end}) WITH {node}, {sums} RETURN {', '.join(shown)}")[0]
    _keep(seen, pair, [row[name] for name in names], row["links"])
    total = int(row["total"] or 0)
    repeated = 0 if r.single else total - int(row["others"] or 0)
    tallies[pair] = Tally(total, repeated, int(row.get("differing") or 0))
    yield from ()


def _text(seen: GraphSeen, node: str, label: str, name: str) -> str:
    """A key's property, never null where it is text: lists that leave nulls out would no longer fit together."""
    kind = seen.domain.labels[label].properties.get(name, "STRING")
    return f"coalesce({node}.{name}, '')" if kind == "STRING" else f"{node}.{name}"


def _keep(seen: GraphSeen, pair: Pair, keys: list[list[Any]], links: list[int]) -> None:
    import pyarrow as pa

    joined = ["-".join(map(str, values)) for values in zip(*keys, strict=True)]
    columns = {name: [value] * len(joined) for name, value in zip(("kind", "start", "ending"), pair, strict=True)}
    page = pa.table({**columns, "key": pa.array(joined, pa.string()), "links": pa.array(links, pa.int64())})
    seen.db.register("links_page", page)
    seen.db.execute(f"INSERT INTO {LINKED} SELECT * FROM links_page")
    seen.db.unregister("links_page")
