"""The API's documentation, the CRM concepts, metrics and tasks as graph rows, and what ties them together.

`(:CRM_ApiEndpoint)-[:RETURNS|CHANGES]->(:CRM_Concept)` comes from the path patterns of `domain.yaml`;
`(:CRM_Concept)-[:EXPLAINED_BY]->(:CRM_ApiEndpoint)` from hybrid search over the published documentation, so that the
embeddings are part of the graph's lineage; `(:CRM_Task)-[:CALLS]->(:CRM_ApiEndpoint)` from the tasks' steps. Does not
belong here: the shop's rows (see `shop_layer.py`).
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.names import API_DOCS
from cafe24_pipelines.ontology.rows import links_of, nodes_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.ontology.model import Domain
    from cafe24_pipelines.stores.graph import Part

EXPLANATIONS: Final = 3
"""Endpoints that hybrid search may add to a concept."""

Row = dict[str, Any]


def endpoint_place(path: str) -> str:
    """An endpoint's path as the patterns of `domain.yaml` write it: `admin/orders/*/items` for every item call.

    The prefix, the names of path parameters, a trailing parameter and a trailing `/count` are left out.
    """
    place = re.sub(r"^https?://ca-api\.cafe24data\.com/", "ca/", path).removeprefix("/api/v2/")
    place = re.sub(r"\{[^}]*\}|#\{[^}]*\}", "*", place).strip("/").removesuffix("/count")
    while place.endswith("/*"):
        place = place[:-2]
    return place


def concepts_of(domain: "Domain", path: str) -> list[str]:
    """The concepts whose data an endpoint path is about."""
    place = endpoint_place(path)
    return [name for name, c in domain.concepts.items() if any(fnmatchcase(place, p) for p in c.api)]


def nodes(domain: "Domain", db: "DuckDBPyConnection", mall_id: str) -> Iterator["Part"]:
    """Endpoints, resources and scopes of the landed documentation; every concept, metric and task."""
    endpoints, titles = _endpoints(db), _resource_titles(db)
    yield nodes_of(domain, "CRM_ApiEndpoint", mall_id, endpoints)
    resources = sorted({e["resource"] for e in endpoints} | set(titles))
    yield nodes_of(domain, "CRM_ApiResource", mall_id, [{"name": r, "title": titles.get(r, r)} for r in resources])
    scopes = sorted({s for e in endpoints for s in _scopes(e)})
    access = [{"name": s, "access": "write" if ".write_" in s else "read"} for s in scopes]
    yield nodes_of(domain, "CRM_Scope", mall_id, access)
    yield nodes_of(
        domain, "CRM_Concept", mall_id,
        [
            {
                "concept": name, "ko": c.ko, "en": c.en, "synonyms": ", ".join(c.synonyms),
                "definition": c.definition, "models_label": c.label or None, "lake_table": c.table or None,
            }
            for name, c in domain.concepts.items()
        ],
    )  # fmt: skip
    yield nodes_of(
        domain, "CRM_Metric", mall_id,
        [
            {
                "metric": name, "ko": m.ko, "en": m.en, "formula": m.formula, "unit": m.unit,
                "reads": ", ".join(m.labels),
            }
            for name, m in domain.metrics.items()
        ],
    )  # fmt: skip
    tasks = [{"task": name, "ko": t.ko, "says": "; ".join(t.says)} for name, t in domain.tasks.items()]
    yield nodes_of(domain, "CRM_Task", mall_id, tasks)


def links(
    domain: "Domain", db: "DuckDBPyConnection", mall_id: str, retriever: "Retriever | None"
) -> Iterator["Part"]:
    """What ties endpoints, resources, scopes, concepts, metrics and tasks together."""
    endpoints = _endpoints(db)
    rows: dict[str, list[Row]] = {
        "BELONGS_TO": [_pair(e["endpoint"], e["resource"]) for e in endpoints],
        "REQUIRES": [_pair(e["endpoint"], s) for e in endpoints for s in _scopes(e)],
        "RETURNS": [],
        "CHANGES": [],
        "BROADER": [_pair(name, c.broader) for name, c in domain.concepts.items() if c.broader],
        "RELATED": _related(domain),
        "MEASURED_BY": [_pair(c, name) for name, m in domain.metrics.items() for c in m.concepts],
        "CONCERNS": [_pair(name, c) for name, t in domain.tasks.items() for c in t.concepts],
        "CALLS": _calls(domain, {e["endpoint"] for e in endpoints}),
        "EXPLAINED_BY": _explained(domain, {e["endpoint"] for e in endpoints}, retriever),
    }
    for e in endpoints:
        kind = "RETURNS" if e["method"] == "GET" else "CHANGES"
        rows[kind] += [_pair(e["endpoint"], concept) for concept in concepts_of(domain, e["path"])]
    for kind, found in rows.items():
        yield links_of(domain, kind, domain.relationships[kind].pairs[0], mall_id, found)


def _pair(start: str, end: str) -> Row:
    return {"from_key": start, "to_key": end}


def _endpoints(db: "DuckDBPyConnection") -> list[Row]:
    table = db.sql(
        "SELECT document_id AS endpoint, method, path, title, scope, resource FROM documents "
        "WHERE kind = 'endpoint' ORDER BY document_id"
    ).to_arrow_table()
    return [{**row, "resource": row["resource"] or endpoint_place(row["path"])} for row in table.to_pylist()]


def _resource_titles(db: "DuckDBPyConnection") -> dict[str, str]:
    table = db.sql("SELECT resource, title FROM documents WHERE kind = 'resource' AND resource <> '' ORDER BY ALL")
    return dict(table.fetchall())


def _scopes(endpoint: Row) -> list[str]:
    return re.findall(r"[\w.]+", endpoint["scope"] or "")


def _related(domain: "Domain") -> list[Row]:
    """Each related pair once, whichever side names it."""
    seen = {tuple(sorted((name, other))) for name, c in domain.concepts.items() for other in c.related}
    return [_pair(first, second) for first, second in sorted(seen)]


def _calls(domain: "Domain", endpoints: set[str]) -> list[Row]:
    """The steps of every task whose endpoint is documented here; `step` keeps its number when one is not."""
    return [
        {**_pair(name, endpoint), "step": step, "why": why}
        for name, t in domain.tasks.items()
        for step, (endpoint, why) in enumerate(t.calls, 1)
        if endpoint in endpoints
    ]


def _explained(domain: "Domain", endpoints: set[str], retriever: "Retriever | None") -> list[Row]:
    """For each concept the endpoints that search finds for its names; none before the first publication."""
    if retriever is None or not endpoints:
        return []
    found = []
    for name, c in domain.concepts.items():
        question = f"{c.ko} {' '.join(c.synonyms)} {c.en}"
        try:
            hits = retriever.search(question, collection=API_DOCS, limit=EXPLANATIONS, filters={"kind": "endpoint"})
        except NotBuilt:
            return []
        known = [h for h in hits if h.document_id in endpoints]
        found += [{**_pair(name, h.document_id), "rank": rank} for rank, h in enumerate(known, 1)]
    return found
