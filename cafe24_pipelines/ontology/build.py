"""One graph build: facts staged aside, findings added, published once; nothing is written when nothing changed.

Build ids say what a build is made *from* (lake, ontology, projection), so that an unchanged rerun is known before any
work; content digests say what it *holds*. Does not belong here: rows (`projection.py`) or files (`stores/`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology import finding_layer, projection
from cafe24_pipelines.ontology.model import Domain, domain_text, load_domain
from cafe24_pipelines.ontology.rows import node_part

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.stores.graph import Changes, GraphCounts, GraphStore, Part
    from cafe24_pipelines.stores.lake import MallLake

PROJECTING: Final = (
    "projection.py",
    "shop_layer.py",
    "knowledge_layer.py",
    "finding_layer.py",
    "rows.py",
    "build.py",
)
LOOK_UP: Final = {
    "CRM_Product": ("product_no", "name"), "CRM_Category": ("category_key", "name"),
    "CRM_CustomerGroup": ("group_no", "name"), "CRM_Coupon": ("coupon_no", "name"),
}  # fmt: skip


@dataclass(frozen=True)
class Staged:
    """Facts that are staged: what they are made from, how many there are, and what staging them wrote."""

    build_id: str
    nodes: int
    relationships: int
    changes: "Changes"


def facts_build_id(lake: "MallLake", mall: "Mall | None" = None) -> str:
    """The id of the facts that this lake and this version of the ontology call for; cheap, reads no rows.

    `mall` (default: the lake's mall in the default time zone and currency) counts, because local dates do.
    """
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.stores.digest import json_digest

    mall = mall or Mall(lake.mall_id)
    return json_digest([mall.mall_id, mall.time_zone, mall.currency, lake.digests(), _code_digest()])


def stage_facts(
    graph: "GraphStore",
    lake: "MallLake",
    mall: "Mall",
    *,
    retriever: "Retriever | None" = None,
    rebuild: bool = False,
) -> Staged:
    """Stage the facts of a lake; the same lake again does nothing.

    Args:
        graph: where to.
        lake: the landed truth of the mall.
        mall: its time zone and currency.
        retriever: search over the mall's published documentation, to link concepts with it.
        rebuild: stage anew even if nothing changed.
    """
    from cafe24_pipelines.stores.graph import Changes

    domain, build_id, changes = load_domain(), facts_build_id(lake, mall), Changes()
    if rebuild:
        changes += graph.stage(mall.mall_id, domain.graph_schema(), (), build_id=f"{build_id}-clear")
    if graph.staged(mall.mall_id) != build_id:
        rows = projection.facts(lake, mall, domain, retriever=retriever)
        changes += graph.stage(mall.mall_id, domain.graph_schema(), _with_digest(rows, domain), build_id=build_id)
    counts = graph.counts(mall.mall_id, staged=True)
    return Staged(build_id, counts.nodes, counts.relationships, changes)


def publish_graph(
    graph: "GraphStore",
    lake: "MallLake",
    mall: "Mall",
    patterns: "list[Pattern]",
    *,
    retriever: "Retriever | None" = None,
    rebuild: bool = False,
) -> "GraphCounts":
    """Publish facts and findings together; stages first if the staged facts are not of this lake.

    An unchanged graph is left as it is and its counts are returned; `rebuild` makes it anew all the same.
    """
    from cafe24_pipelines.stores.digest import json_digest, text_digest

    mall_id, domain = mall.mall_id, load_domain()
    content = [{**p.to_json(), "discovered_at": ""} for p in sorted(patterns, key=lambda p: p.id)]
    build_id = text_digest(facts_build_id(lake, mall), json_digest(content))
    published = graph.published(mall_id)
    if published and published[0] == build_id and not rebuild:
        return graph.counts(mall_id)
    stage_facts(graph, lake, mall, retriever=retriever, rebuild=rebuild)
    found = list(projection.findings(patterns, mall_id, domain, _known(graph, mall_id, patterns)))
    facts_digest = graph.query(mall_id, "MATCH (m:CRM_Mall) RETURN m.facts_digest AS digest", staged=True)
    digest = text_digest("graph", facts_digest[0]["digest"], _digest(found))
    if published and published[1] == digest and not rebuild:
        return graph.counts(mall_id)
    return graph.publish(mall_id, found, build_id=build_id, digest=digest)


@cache
def _code_digest() -> str:
    """Digest of the ontology and of the code that projects it: a change of either is a new build."""
    from cafe24_pipelines.stores.digest import text_digest

    package = files(__package__)
    return text_digest(domain_text(), *(package.joinpath(name).read_text(encoding="utf-8") for name in PROJECTING))


def _with_digest(facts: "Iterable[Part]", domain: Domain) -> "Iterator[Part]":
    """The parts, nodes first, with the content digest of all of them written on the mall's node.

    The mall's node waits until everything that doesn't need it has gone past; its own relationships are small and
    wait with it. So the graph itself says what it holds, and publishing needn't read the lake again.
    """
    import pyarrow as pa

    digests: list[str] = []
    waiting: list[Part] = []
    mall: Any = None
    for part in facts:
        digests.append(part_digest(part))
        if getattr(part, "label", "") == "CRM_Mall":
            mall = part
        elif getattr(part, "from_label", "") == "CRM_Mall":
            waiting.append(part)
        else:
            yield part
    rows = mall.rows.drop_columns(["facts_digest"]).append_column("facts_digest", pa.array([_combined(digests)]))
    yield node_part(domain, "CRM_Mall", rows)
    yield from waiting


def part_digest(part: "Part") -> str:
    """Digest of one part: what it is rows of, and the rows in any order; dates of discovery are left out."""
    from cafe24_pipelines.stores.digest import table_digest, text_digest
    from cafe24_pipelines.stores.graph import Nodes

    names = (part.label,) if isinstance(part, Nodes) else (part.type, part.from_label, part.to_label)
    dated = [c for c in ("discovered_at",) if c in part.rows.column_names]
    return text_digest(*names, table_digest(part.rows.drop_columns(dated)))


def _digest(parts: "Iterable[Part]") -> str:
    return _combined([part_digest(p) for p in parts if p.rows.num_rows])


def _combined(digests: list[str]) -> str:
    from cafe24_pipelines.stores.digest import combine

    return combine(digests)


def _known(graph: "GraphStore", mall_id: str, patterns: "list[Pattern]") -> dict[str, dict[str, str]]:
    """Keys, and names that are unique, of the things that the patterns' evidence may name."""
    known: dict[str, dict[str, str]] = {}
    for label in sorted(finding_layer.evidence_labels(patterns)):
        key, name = LOOK_UP[label]
        rows = graph.query(
            mall_id, f"MATCH (n:{label}) RETURN n.{key} AS key, n.{name} AS name ORDER BY key DESC", staged=True
        )
        known[label] = {r["name"]: r["key"] for r in rows if r["name"]} | {r["key"]: r["key"] for r in rows}
    return known
