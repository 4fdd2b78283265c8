"""Saved queries that follow from `domain.yaml`: one branch a label or a relationship, so that none is forgotten.

Does not belong here: queries with a question of their own (see `saved.py`).
"""

from collections.abc import Iterable, Iterator

from cafe24_pipelines.ontology.browser.look import link_caption
from cafe24_pipelines.ontology.model import Domain, Relationship
from cafe24_pipelines.stores.graph_neo4j import MARKER
from cafe24_pipelines.stores.neo4j_load import SCOPE

MARKED = f"MATCH (b:{MARKER} {{mall_id: $mall_id}})"
LIVE = f"{MARKED}\nWITH [b.facts_scope, b.findings_scope] AS live"
"""How a query begins: the marker names the scopes that are published; other copies of the mall lie beside them."""

SAMPLE = 2
"""Relationships of each kind in the picture of the whole ontology, chosen among the first `LOOKED_AT`."""
LOOKED_AT = 500
EXAMPLES = 5


def inside(node: str) -> str:
    """The condition on a query's first node, and on a further one where a path might leave what is published."""
    return f"{node}.{SCOPE} IN live"


def label_counts(domain: Domain) -> str:
    """Nodes of each label."""
    branches = (
        f"MATCH (n:{name}) WHERE {inside('n')}\n"
        f"RETURN '{name}' AS label, '{label.ko}' AS name, '{label.layer}' AS layer, count(n) AS nodes"
        for name, label in domain.labels.items()
    )
    return _union(branches, "RETURN label, name, layer, nodes ORDER BY nodes DESC, label")


def relationship_counts(domain: Domain) -> str:
    """Relationships of each type, between each pair of labels."""
    branches = (
        f"MATCH (a:{start})-[r:{kind}]->(e:{end}) WHERE {inside('a')} AND {inside('e')}\n"
        f"RETURN '{start}' AS from, '{kind}' AS type, '{end}' AS to, '{link_caption(r)}' AS name, "
        "count(r) AS relationships"
        for kind, r, start, end in _pairs(domain)
    )
    return _union(branches, "RETURN from, type, to, name, relationships ORDER BY relationships DESC, type, from, to")


def whole_ontology(domain: Domain) -> str:
    """Some real relationships of every kind: the ontology as a graph. Busy nodes first, so that the kinds meet."""
    branches = (
        f"MATCH path = (a:{start})-[:{kind}]->(e:{end}) WHERE {inside('a')} AND {inside('e')}\n"
        f"WITH path, a, e LIMIT {LOOKED_AT}\n"
        f"RETURN path ORDER BY COUNT {{ (a)--() }} + COUNT {{ (e)--() }} DESC, a.uid, e.uid LIMIT {SAMPLE}"
        for kind, _, start, end in _pairs(domain)
    )
    return _union(branches, "RETURN path")


def orphans(domain: Domain) -> str:
    """Nodes without any relationship to a published node, some of each label."""
    branches = (
        f"MATCH (n:{name}) WHERE {inside('n')}\n"
        f"  AND NOT EXISTS {{ MATCH (n)--(o) WHERE {inside('o')} }}\n"
        f"WITH n ORDER BY n.uid\n"
        f"RETURN '{name}' AS label, '{label.ko}' AS name, {str(label.alone).lower()} AS allowed, "
        f"count(n) AS orphans, collect(n)[..{EXAMPLES}] AS examples"
        for name, label in domain.labels.items()
    )
    return _union(
        branches,
        "WITH * WHERE orphans > 0\nRETURN label, name, allowed, orphans, examples ORDER BY allowed, orphans DESC",
    )


def health(domain: Domain) -> str:
    """Nodes that break a rule of the ontology: a required relationship is missing, or there are several of one."""
    return _union(
        [*_missing(domain), *_several(domain)],
        "RETURN rule, relationship, label, wrong, nodes,\n"
        "       CASE WHEN wrong = 0 THEN '정상' ELSE '확인 필요' END AS verdict\n"
        "ORDER BY wrong DESC, rule, relationship, label",
    )


def builds(domain: Domain) -> str:
    """What of the mall lies in the database, published or not."""
    branches = (
        f"MATCH (n:{name}) WHERE n.mall_id = b.mall_id RETURN n.{SCOPE} AS scope, count(n) AS part"
        for name in domain.labels
    )
    body = "\n  UNION ALL\n  ".join(branches)
    return (
        f"{MARKED}\nCALL (b) {{\n  {body}\n}}\n"
        "WITH b, scope, sum(part) AS nodes\n"
        "RETURN CASE WHEN scope IN [b.facts_scope, b.findings_scope] THEN '게시됨'\n"
        "            WHEN scope = b.staged_scope THEN '준비됨 (아직 게시 전)'\n"
        "            ELSE '곁의 사본 (다음 적재가 고쳐 씀)' END AS state,\n"
        "       scope, nodes, b.build_id AS published_build, b.staged_id AS staged_build\n"
        "ORDER BY scope"
    )


def _pairs(domain: Domain) -> Iterator[tuple[str, Relationship, str, str]]:
    for kind, r in domain.relationships.items():
        yield from ((kind, r, start, end) for start, end in r.pairs)


def _union(branches: Iterable[str], last: str) -> str:
    body = "\n  UNION ALL\n".join("  " + branch.replace("\n", "\n  ") for branch in branches)
    return f"{LIVE}\nCALL (live) {{\n{body}\n}}\n{last}"


def _missing(domain: Domain) -> Iterator[str]:
    """One branch for each label that must have a relationship."""
    for kind, r in domain.relationships.items():
        if r.required is None:
            continue
        path = f"(n)-[:{kind}]->(o)" if r.required == "from" else f"(n)<-[:{kind}]-(o)"
        for label in dict.fromkeys(pair[0 if r.required == "from" else 1] for pair in r.pairs):
            wrong = f"NOT EXISTS {{ MATCH {path} WHERE {inside('o')} }}"
            yield _rule("필수 관계가 없음", kind, label, wrong)


def _several(domain: Domain) -> Iterator[str]:
    """One branch for each label that may have a relationship once."""
    for kind, r in domain.relationships.items():
        if r.cardinality == "many_to_many":
            continue
        many_to_one = r.cardinality == "many_to_one"
        path = f"(n)-[:{kind}]->(o)" if many_to_one else f"(n)<-[:{kind}]-(o)"
        for label in dict.fromkeys(pair[0 if many_to_one else 1] for pair in r.pairs):
            wrong = f"COUNT {{ MATCH {path} WHERE {inside('o')} }} > 1"
            yield _rule("하나여야 할 관계가 여럿", kind, label, wrong)


def _rule(rule: str, kind: str, label: str, wrong: str) -> str:
    return (
        f"MATCH (n:{label}) WHERE {inside('n')}\n"
        f"RETURN '{rule}' AS rule, '{kind}' AS relationship, '{label}' AS label,\n"
        f"       sum(CASE WHEN {wrong} THEN 1 ELSE 0 END) AS wrong, count(n) AS nodes"
    )
