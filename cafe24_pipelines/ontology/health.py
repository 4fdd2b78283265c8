"""How healthy a mall's graph is: one score from five parts, and every finding with its remedy and evidence.

A part's score falls in proportion to the share of its rows that are wrong; a tenth of them wrong costs all of it.
Shop-wide facts only; evidence rows carry keys, at most a member's pseudonym cut short. Does not belong here: the
checks themselves (see `health_checks.py`).
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology import health_checks as checks
from cafe24_pipelines.ontology.build import facts_build_id
from cafe24_pipelines.ontology.model import Domain, load_domain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake

EVIDENCE_ROWS: Final = 20
TOLERANCE: Final = 0.1
"""Share of wrong rows at which a part has no points left."""
WEIGHTS: Final = {"coverage": 35, "dangling": 25, "orphans": 20, "duplicates": 10, "freshness": 10}


@dataclass(frozen=True)
class HealthFinding:
    """One thing that is wrong: how often, among how many, what to do (Korean), and up to 20 rows of it.

    `part` is one of `WEIGHTS`, or "notes" for what is worth knowing and costs no points.
    """

    part: str
    check: str
    label: str
    count: int
    total: int
    title: str
    remedy: str
    rows: list[dict[str, Any]]

    @property
    def share(self) -> float:
        """Wrong rows among all (0 to 1)."""
        return min(1.0, self.count / self.total) if self.total else float(self.count > 0)


@dataclass(frozen=True)
class Health:
    """Score 0 to 100, the points of each part (out of `WEIGHTS`), findings worst first, and the graph's age.

    `graph_as_of` and `lake_as_of` are the latest order times (UTC ISO 8601, "" without orders).
    """

    score: float
    parts: dict[str, float]
    findings: list[HealthFinding]
    nodes: int
    relationships: int
    graph_as_of: str
    lake_as_of: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, with each part's weight beside its points."""
        return {**asdict(self), "weights": dict(WEIGHTS)}


def coverage(graph: "GraphStore", lake: "MallLake", mall_id: str) -> dict[str, tuple[int, int]]:
    """For each label that the lake decides: nodes in the published graph, and nodes the lake calls for."""
    with lake.duckdb() as db:
        return _coverage(graph, db, mall_id)


def check_health(graph: "GraphStore", lake: "MallLake", mall: "Mall") -> Health:
    """Check the published graph of a mall against its lake.

    Raises:
        NotBuilt: nothing has been published for this mall.
    """
    mall_id, domain = mall.mall_id, load_domain()
    node = graph.query(mall_id, "MATCH (m:CRM_Mall) RETURN m.as_of AS as_of")
    with lake.duckdb(zone=mall.time_zone) as db:
        findings = [
            *_coverage_findings(_coverage(graph, db, mall_id)),
            *_lake_findings(db, "dangling", checks.DANGLING),
            *_lake_findings(db, "notes", checks.NOTES),
            *_lake_findings(db, "duplicates", checks.DUPLICATES),
        ]
        latest = _one(db, "SELECT max(ordered_at) FROM orders")
    findings += _orphans(graph, domain, mall_id)
    findings += _cardinalities(graph, domain, mall_id)
    graph_as_of, lake_as_of = _iso(node[0]["as_of"] if node else None), _iso(latest)
    if graph.staged(mall_id) != facts_build_id(lake, mall) or graph_as_of != lake_as_of:
        findings.append(
            HealthFinding("freshness", "stale_graph", "CRM_Mall", 1, 1, "적재된 자료보다 오래된 그래프",
                          checks.FRESHNESS_REMEDY, [{"graph_as_of": graph_as_of, "lake_as_of": lake_as_of}])
        )  # fmt: skip
    parts = {name: _points(name, findings) for name in WEIGHTS}
    counts = graph.counts(mall_id)
    findings.sort(key=lambda f: (-f.share * WEIGHTS.get(f.part, 0), f.check, f.label))
    score = round(sum(parts.values()), 1)
    return Health(score, parts, findings, counts.nodes, counts.relationships, graph_as_of, lake_as_of)


def _points(part: str, findings: list[HealthFinding]) -> float:
    wrong = sum(f.share for f in findings if f.part == part)
    return round(WEIGHTS[part] * max(0.0, 1 - wrong / TOLERANCE), 2)


def _coverage(graph: "GraphStore", db: "DuckDBPyConnection", mall_id: str) -> dict[str, tuple[int, int]]:
    held = graph.counts(mall_id).by_label
    return {label: (held.get(label, 0), int(_one(db, sql))) for label, sql in checks.COVERAGE.items()}


def _coverage_findings(rows: dict[str, tuple[int, int]]) -> list[HealthFinding]:
    return [
        HealthFinding("coverage", "coverage", label, abs(held - called), called, f"{label} {held:,} / {called:,}",
                      checks.COVERAGE_REMEDY, [{"label": label, "graph": held, "lake": called}])
        for label, (held, called) in rows.items()
        if held != called
    ]  # fmt: skip


def _lake_findings(db: "DuckDBPyConnection", part: str, wanted: tuple[checks.LakeCheck, ...]) -> list[HealthFinding]:
    found = []
    for c in wanted:
        count = int(_one(db, f"SELECT count(*) FROM ({c.sql})"))
        if count:
            table = db.sql(f"SELECT * FROM ({c.sql}) ORDER BY ALL LIMIT {EVIDENCE_ROWS}").to_arrow_table()
            total = int(_one(db, f"SELECT count(*) FROM {c.total}"))
            plain = [{k: _plain(v) for k, v in row.items()} for row in table.to_pylist()]
            found.append(HealthFinding(part, c.name, c.label, count, total, c.title, c.remedy, plain))
    return found


def _orphans(graph: "GraphStore", domain: Domain, mall_id: str) -> list[HealthFinding]:
    """Nodes without a relationship that the ontology requires of them."""
    held, found = graph.counts(mall_id).by_label, []
    for kind, r in domain.relationships.items():
        labels = {"from": {p[0] for p in r.pairs}, "to": {p[1] for p in r.pairs}}[r.required] if r.required else set()
        for label in sorted(labels & set(held)):
            path = f"(n)-[:{kind}]->(other)" if r.required == "from" else f"(other)-[:{kind}]->(n)"
            query = f"MATCH (n:{label}) WHERE NOT EXISTS {{ MATCH {path} }}"
            count = graph.query(mall_id, f"{query} RETURN count(n) AS n")[0]["n"]
            if count:
                keys = ", ".join(f"n.{k} AS {k}" for k in domain.labels[label].key)
                rows = graph.query(mall_id, f"{query} RETURN {keys} ORDER BY n.uid LIMIT {EVIDENCE_ROWS}")
                title = f"{r.ko} 관계({kind})가 없는 {domain.labels[label].ko}"
                found.append(
                    HealthFinding("orphans", kind, label, count, held[label], title, checks.ORPHAN_REMEDY, rows)
                )
    return found


def _cardinalities(graph: "GraphStore", domain: Domain, mall_id: str) -> list[HealthFinding]:
    """Nodes with several relationships where the ontology allows one."""
    counts, found = graph.counts(mall_id), []
    for kind, r in domain.relationships.items():
        if kind not in counts.by_type or r.cardinality == "many_to_many":
            continue
        start, end = r.pairs[0]
        single, label = ("a", start) if r.cardinality == "many_to_one" else ("b", end)
        other = "b" if single == "a" else "a"
        several = f"WITH {single}.uid AS node, count({other}) AS links WHERE links > 1"
        query = f"MATCH (a:{start})-[:{kind}]->(b:{end}) {several}"
        count = graph.query(mall_id, f"{query} RETURN count(node) AS n")[0]["n"]
        if count:
            rows = graph.query(mall_id, f"{query} RETURN node, links ORDER BY links DESC, node LIMIT {EVIDENCE_ROWS}")
            title = f"{r.ko} 관계({kind})가 둘 이상인 {domain.labels[label].ko}"
            total = counts.by_label[label]
            found.append(
                HealthFinding("duplicates", kind, label, count, total, title, checks.CARDINALITY_REMEDY, rows)
            )
    return found


def _one(db: "DuckDBPyConnection", sql: str) -> Any:
    return db.sql(sql).fetchall()[0][0]


def _plain(value: Any) -> Any:
    return _iso(value) if hasattr(value, "isoformat") else value


def _iso(value: Any) -> str:
    """UTC ISO 8601 of a time, whatever zone its object carries."""
    from datetime import UTC, datetime

    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
    return value.isoformat() if value is not None else ""
