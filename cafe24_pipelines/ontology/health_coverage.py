"""Coverage: whether the graph holds the nodes and relationships that the landed tables call for, no more, no fewer.

What is called for is counted from the tables and the shared views, not from the projection's queries, so that a fault
of the projection is found. Nodes are compared key by key; relationships by their number at each node. Labels and
relationships that the lake doesn't decide (findings, search) are left out, by name. Does not belong here: rows that
point nowhere (`health_lake.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.ontology.health_graph import GraphSeen
from cafe24_pipelines.ontology.health_keys import HELD
from cafe24_pipelines.ontology.health_links import ENDS, LINKED, Side, Tallies, grouping_end
from cafe24_pipelines.ontology.health_report import EVIDENCE_ROWS, Violation, violation

if TYPE_CHECKING:
    from cafe24_pipelines.ontology.model import Domain

REMEDY: Final = "그래프가 적재된 자료와 다릅니다. `cafe24 rebuild graph`로 다시 만드세요."

NODES: Final = {
    "CRM_Mall": "SELECT $mall_id",
    "CRM_Customer": "SELECT member_key FROM customers UNION "
    "SELECT member_key FROM orders WHERE member_key IS NOT NULL",
    "CRM_CustomerGroup": "SELECT group_no FROM customer_groups",
    "CRM_Order": "SELECT order_id FROM orders",
    "CRM_OrderItem": "SELECT order_id || '-' || line_no FROM order_items",
    "CRM_Product": "SELECT product_no FROM products UNION "
    "SELECT product_no FROM order_items SEMI JOIN orders USING (order_id)",
    "CRM_Category": "SELECT category_no FROM categories UNION SELECT category_no FROM products "
    "WHERE category_no IS NOT NULL UNION SELECT 'name:' || category FROM known_products WHERE category_no IS NULL "
    "AND category IS NOT NULL AND category NOT IN (SELECT category_name FROM categories)",
    "CRM_Coupon": "SELECT coupon_no FROM coupons UNION SELECT coupon_no FROM coupon_issues "
    "UNION SELECT coupon_no FROM orders WHERE coupon_no IS NOT NULL",
    "CRM_Review": "SELECT review_no FROM reviews",
    "CRM_ApiEndpoint": "SELECT document_id FROM documents WHERE kind = 'endpoint'",
    "CRM_Scope": "SELECT unnest(regexp_extract_all(scope, '[\\w.]+')) FROM documents WHERE kind = 'endpoint'",
    "CRM_Concept": "SELECT name FROM domain_concepts",
    "CRM_Metric": "SELECT name FROM domain_metrics",
    "CRM_Task": "SELECT name FROM domain_tasks",
}
"""The keys of the nodes that a label should have, one a row."""

UNDECIDED_LABELS: Final = frozenset(["CRM_ApiResource", "CRM_Pattern", "CRM_Insight", "CRM_Segment"])
"""Found by discovery, or named after paths by the projection itself."""

_SALES: Final = "SELECT DISTINCT member_key, product_no FROM sale_lines WHERE member_key IS NOT NULL"

LINKS: Final[dict[tuple[str, str, str], str]] = {
    ("HAS_CUSTOMER", "CRM_Mall", "CRM_Customer"): "SELECT $mall_id FROM known_customers",
    ("SELLS", "CRM_Mall", "CRM_Product"): "SELECT $mall_id FROM known_products",
    ("PLACED", "CRM_Customer", "CRM_Order"): "SELECT member_key FROM orders WHERE member_key IS NOT NULL",
    ("CONTAINS", "CRM_Order", "CRM_OrderItem"): "SELECT order_id FROM order_items SEMI JOIN orders USING (order_id)",
    ("OF_PRODUCT", "CRM_OrderItem", "CRM_Product"): (
        "SELECT product_no FROM order_items SEMI JOIN known_products USING (product_no)"
    ),
    ("IN_CATEGORY", "CRM_Product", "CRM_Category"): (
        "SELECT coalesce(p.category_no, c.category_no, 'name:' || p.category) FROM known_products p "
        "LEFT JOIN (SELECT category_name, min(category_no) AS category_no FROM categories GROUP BY 1) c "
        "ON c.category_name = p.category WHERE p.category_no IS NOT NULL OR p.category IS NOT NULL"
    ),
    ("CHILD_OF", "CRM_Category", "CRM_Category"): (
        "SELECT parent_category_no FROM categories WHERE parent_category_no <> category_no AND parent_category_no IN "
        "(SELECT category_no FROM categories UNION SELECT category_no FROM products)"
    ),
    ("IN_GROUP", "CRM_Customer", "CRM_CustomerGroup"): (
        "SELECT group_no FROM customers SEMI JOIN customer_groups USING (group_no)"
    ),
    ("BOUGHT", "CRM_Customer", "CRM_Product"): f"SELECT member_key FROM ({_SALES})",
    ("FIRST_BOUGHT", "CRM_Customer", "CRM_Product"): f"SELECT member_key FROM ({_SALES} AND sale_no = 1)",
    ("ISSUED_TO", "CRM_Coupon", "CRM_Customer"): (
        "SELECT coupon_no FROM (SELECT DISTINCT coupon_no, member_key FROM coupon_issues "
        "SEMI JOIN known_customers USING (member_key))"
    ),
    ("USED_COUPON", "CRM_Order", "CRM_Coupon"): (
        "SELECT order_id FROM (SELECT order_id, coupon_no FROM orders WHERE coupon_no IS NOT NULL UNION "
        "SELECT o.order_id, i.coupon_no FROM coupon_issues i JOIN orders o ON i.used_order_id = o.order_id)"
    ),
    ("WROTE", "CRM_Customer", "CRM_Review"): (
        "SELECT member_key FROM reviews SEMI JOIN known_customers USING (member_key)"
    ),
    ("AFTER_ORDER", "CRM_Review", "CRM_Order"): "SELECT order_id FROM reviews SEMI JOIN orders USING (order_id)",
    ("ABOUT", "CRM_Review", "CRM_Product"): (
        "SELECT review_no FROM reviews SEMI JOIN known_products USING (product_no)"
    ),
    ("REQUIRES", "CRM_ApiEndpoint", "CRM_Scope"): (
        "SELECT document_id FROM (SELECT DISTINCT document_id, unnest(regexp_extract_all(scope, '[\\w.]+')) "
        "FROM documents WHERE kind = 'endpoint')"
    ),
    ("RETURNS", "CRM_ApiEndpoint", "CRM_Concept"): "SELECT endpoint FROM domain_endpoints WHERE method = 'GET'",
    ("CHANGES", "CRM_ApiEndpoint", "CRM_Concept"): "SELECT endpoint FROM domain_endpoints WHERE method <> 'GET'",
    ("BROADER", "CRM_Concept", "CRM_Concept"): "SELECT broader FROM domain_concepts WHERE broader <> ''",
    ("RELATED", "CRM_Concept", "CRM_Concept"): "SELECT name FROM domain_related",
    ("MEASURED_BY", "CRM_Concept", "CRM_Metric"): "SELECT concept FROM domain_measured",
    ("CONCERNS", "CRM_Task", "CRM_Concept"): "SELECT task FROM domain_concerns",
    ("CALLS", "CRM_Task", "CRM_ApiEndpoint"): (
        "SELECT task FROM domain_calls SEMI JOIN (SELECT document_id FROM documents WHERE kind = 'endpoint') "
        "ON endpoint = document_id"
    ),
}  # fmt: skip
"""For each relationship the lake calls for, the key at the end that may have several (see `grouping_end`)."""

UNDECIDED_LINKS: Final = frozenset(["FOUND_IN", "EXPLAINS", "EXPLAINED_BY", "BELONGS_TO"])
"""Of findings, of search, or of the resources that the projection names; patterns' ABOUT is one too."""


def coverage_violations(
    seen: GraphSeen, read: set[str], tallies: Tallies, held: dict[str, tuple[int, int]]
) -> Iterator[Violation]:
    """Compare nodes and relationships with the lake; `held` gets what the graph has and what it should have.

    Needs the tables that `read_keys` and `read_links` fill; `read` and `tallies` say what of. What couldn't be read
    has been told and is left out: it is unknown, not missing.
    """
    _put_domain(seen)
    for label, sql in NODES.items():
        if label in read or not seen.held(label):
            yield from _nodes(seen, label, sql, held)
    for (kind, start, end), sql in LINKS.items():
        r = seen.domain.relationships[kind]
        side = Side(kind, r, grouping_end(r), (start, end)[ENDS.index(grouping_end(r))])
        there = seen.counts.by_type.get(kind) and seen.held(start) and seen.held(end)
        if (kind, side.label) in tallies or not there:
            yield from _links(seen, side, sql, held)


def _nodes(seen: GraphSeen, label: str, sql: str, held: dict[str, tuple[int, int]]) -> Iterator[Violation]:
    found = f"SELECT DISTINCT key, 1 AS links FROM {HELD} WHERE label = '{label}'"
    difference = _difference(seen, found, f"SELECT DISTINCT key, 1 AS links FROM ({sql}) AS x(key)")
    held[label] = (seen.held(label), difference.called)
    if difference.apart:
        yield _violation(seen, label, "", difference, held[label])


def _links(seen: GraphSeen, side: Side, sql: str, held: dict[str, tuple[int, int]]) -> Iterator[Violation]:
    mine = f"kind = '{side.kind}' AND label = '{side.label}'"
    found = f"SELECT key, sum(links) AS links FROM {LINKED} WHERE {mine} GROUP BY key"
    difference = _difference(seen, found, f"SELECT key, count(*) AS links FROM ({sql}) AS x(key) GROUP BY key")
    name = side.kind if len(side.relationship.pairs) == 1 else f"{side.kind} ({side.label})"
    held[name] = (difference.found, difference.called)
    if difference.apart:
        yield _violation(seen, side.label, side.path, difference, held[name])


@dataclass(frozen=True)
class _Difference:
    """How many things the graph has, the lake calls for, and are on one side only; `rows` is the query for these."""

    found: int
    called: int
    missing: int
    surplus: int
    rows: str

    @property
    def apart(self) -> int:
        return self.missing + self.surplus


def _difference(seen: GraphSeen, found: str, called: str) -> _Difference:
    """Compare two queries of `key` and `links`."""
    both = (
        "SELECT coalesce(c.key, f.key) AS key, coalesce(f.links, 0)::BIGINT AS graph, coalesce(c.links, 0)::BIGINT "
        f"AS lake FROM ({called}) c FULL JOIN ({found}) f ON c.key = f.key"
    )
    sums = ("graph", "lake", "greatest(lake - graph, 0)", "greatest(graph - lake, 0)")
    query = f"SELECT {', '.join(f'coalesce(sum({x}), 0)' for x in sums)} FROM ({both})"
    graph, lake, missing, surplus = map(int, seen.db.execute(query, _params(seen, query)).fetchall()[0])
    return _Difference(graph, lake, missing, surplus, f"SELECT * FROM ({both}) WHERE graph <> lake")


def _violation(seen: GraphSeen, label: str, path: str, found: _Difference, both: tuple[int, int]) -> Violation:
    """One violation for all keys at which graph and lake differ, with those that differ most."""
    names = seen.domain.labels[label].key
    name = names[0] if len(names) == 1 else "key"
    query = f"{found.rows} ORDER BY abs(graph - lake) DESC, key LIMIT {EVIDENCE_ROWS}"
    rows = seen.db.execute(query, _params(seen, query)).fetchall()
    what = f"{path.lstrip('^')} 관계" if path else f"{seen.domain.labels[label].ko} 노드"
    message = f"{what} {both[0]:,} / {both[1]:,} (빠진 것 {found.missing:,}, 남는 것 {found.surplus:,})"
    return violation(
        "coverage", "coverage", "Violation", label, path, count=found.apart, total=max(both), message=message,
        remedy=REMEDY, rows=[{name: key, "graph": graph, "lake": lake} for key, graph, lake in rows],
    )  # fmt: skip


def _params(seen: GraphSeen, query: str) -> dict[str, str] | None:
    return {"mall_id": seen.mall_id} if "$mall_id" in query else None


def _put_domain(seen: GraphSeen) -> None:
    """What `domain.yaml` itself calls for, as tables beside the lake's."""
    for name, rows in _domain_tables(seen.domain, _endpoints(seen)).items():
        _put(seen, name, rows)


def _endpoints(seen: GraphSeen) -> list[tuple[str, str, str]]:
    return seen.db.sql("SELECT document_id, method, path FROM documents WHERE kind = 'endpoint'").fetchall()


def _domain_tables(domain: "Domain", endpoints: list[tuple[str, str, str]]) -> dict[str, dict[str, list[str]]]:
    from cafe24_pipelines.ontology.knowledge_layer import concepts_of

    concepts = domain.concepts
    about = [(e, method) for e, method, path in endpoints for _ in concepts_of(domain, path)]
    calls = [(name, endpoint) for name, t in domain.tasks.items() for endpoint, _ in t.calls]
    related = sorted({tuple(sorted((name, other))) for name, c in concepts.items() for other in c.related})
    return {
        "domain_concepts": {"name": list(concepts), "broader": [c.broader for c in concepts.values()]},
        "domain_metrics": {"name": list(domain.metrics)},
        "domain_related": {"name": [first for first, _ in related]},
        "domain_measured": {"concept": [c for m in domain.metrics.values() for c in m.concepts]},
        "domain_tasks": {"name": list(domain.tasks)},
        "domain_concerns": {"task": [name for name, t in domain.tasks.items() for _ in t.concepts]},
        "domain_calls": {"task": [name for name, _ in calls], "endpoint": [endpoint for _, endpoint in calls]},
        "domain_endpoints": {"endpoint": [e for e, _ in about], "method": [m for _, m in about]},
    }


def _put(seen: GraphSeen, name: str, columns: dict[str, list[str]]) -> None:
    import pyarrow as pa

    seen.db.register(name, pa.table({c: pa.array(values, pa.string()) for c, values in columns.items()}))
