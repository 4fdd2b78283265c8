"""How healthy a mall's published graph is: every rule checked, one report with its score.

Rules come from `domain.yaml`, the lake's schema and the landed rows; each kind has a `health_*.py` of its own.
Does not belong here: history (`health_history.py`), or telling somebody (`checks/ontology.py`, `commands/health.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.ontology.build import facts_build_id
from cafe24_pipelines.ontology.health_coverage import coverage_violations
from cafe24_pipelines.ontology.health_graph import GraphSeen
from cafe24_pipelines.ontology.health_keys import read_keys
from cafe24_pipelines.ontology.health_lake import lake_violations
from cafe24_pipelines.ontology.health_links import Tallies, read_links
from cafe24_pipelines.ontology.health_properties import property_violations
from cafe24_pipelines.ontology.health_relationships import relationship_violations
from cafe24_pipelines.ontology.health_report import Health, Violation, iso, parts_of, score_of, worst_first
from cafe24_pipelines.ontology.model import load_domain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake

ATTEMPTS: Final = 3
"""How often a check begins anew because another build was published meanwhile."""
WORTHLESS_AFTER: Final = timedelta(days=1)
"""A graph this far behind its lake has no points for freshness; any other delay costs half of them at once."""
STALE_REMEDY: Final = "그래프를 만든 뒤에 자료나 온톨로지가 바뀌었습니다. `cafe24 run`을 실행하세요."


def check_health(graph: "GraphStore", lake: "MallLake", mall: "Mall") -> Health:
    """Check the published graph of a mall against its ontology and its lake; writes nothing.

    Raises:
        NotBuilt: nothing has been published for this mall.
    """
    for _ in range(ATTEMPTS):
        published = graph.published(mall.mall_id)
        if published is None:
            raise NotBuilt(
                f"mall {mall.mall_id!r} has no graph yet", remedy=f"run `cafe24 run --mall {mall.mall_id}`"
            )
        found = _checked(graph, lake, mall, published)
        if graph.published(mall.mall_id) == published:
            break
    return found


def _checked(graph: "GraphStore", lake: "MallLake", mall: "Mall", published: tuple[str, str]) -> Health:
    coverage: dict[str, tuple[int, int]] = {}
    tallies: Tallies = {}
    read: set[str] = set()
    with lake.duckdb(zone=mall.time_zone) as db:
        seen = GraphSeen(graph, mall.mall_id, load_domain(), graph.counts(mall.mall_id), db)
        violations = [
            *property_violations(seen),
            *read_keys(seen, read),
            *read_links(seen, tallies),
            *relationship_violations(seen, tallies),
            *coverage_violations(seen, read, tallies, coverage),
            *lake_violations(db),
        ]
        age = _age(seen, lake, mall)
    violations += _stale(age)
    parts = parts_of(violations)
    return Health(
        mall.mall_id, *published, score_of(parts), parts, worst_first(violations), coverage,
        seen.counts.nodes, seen.counts.relationships, iso(age.graph), iso(age.lake), age.hours, age.orders,
    )  # fmt: skip


@dataclass(frozen=True)
class _Age:
    """The latest orders of graph and lake, how far the graph is behind, and whether it is made of this lake."""

    graph: datetime | None
    lake: datetime | None
    hours: float
    orders: int
    current: bool


def _age(seen: GraphSeen, lake: "MallLake", mall: "Mall") -> _Age:
    rows = seen.ask("MATCH (m:CRM_Mall) RETURN m.as_of AS as_of, m.facts_digest AS digest")
    graph_as_of, digest = (rows[0]["as_of"], rows[0]["digest"]) if rows else (None, None)
    first, latest, orders = _orders_after(seen.db, graph_as_of)
    since = graph_as_of or first
    hours = max(0.0, (latest - since) / timedelta(hours=1)) if latest and since else 0.0
    return _Age(graph_as_of, latest, round(hours, 2), orders, _staged_digest(seen, lake, mall) == digest)


def _orders_after(db: "DuckDBPyConnection", moment: datetime | None) -> tuple[Any, Any, int]:
    """The first and the latest order of the lake, and how many came after a moment (all, if there is none)."""
    query = "SELECT min(ordered_at), max(ordered_at), count(*) FILTER ($m IS NULL OR ordered_at > $m) FROM orders"
    first, latest, count = db.execute(query, {"m": moment}).fetchall()[0]
    return first, latest, int(count)


def _staged_digest(seen: GraphSeen, lake: "MallLake", mall: "Mall") -> str:
    """What the staged facts hold, if they are of this lake and this ontology; "" if they aren't."""
    if seen.graph.staged(mall.mall_id) != facts_build_id(lake, mall):
        return ""
    query = "MATCH (m:CRM_Mall) RETURN m.facts_digest AS digest"
    rows = seen.graph.query(mall.mall_id, query, staged=True)
    return str(rows[0]["digest"]) if rows else ""


def _stale(age: _Age) -> Iterator[Violation]:
    """A graph that is not of this lake: half of the points at once, the rest within a day."""
    if age.current and age.graph == age.lake:
        return
    loss = 0.5 + 0.5 * min(1.0, age.hours / (WORTHLESS_AFTER / timedelta(hours=1)))
    message = (
        f"적재된 자료보다 {age.hours:,.1f}시간, 주문 {age.orders:,}건 뒤처진 그래프"
        if age.orders or age.hours
        else "자료나 온톨로지가 바뀐 뒤 다시 만들지 않은 그래프"
    )
    row = {"graph_as_of": iso(age.graph), "lake_as_of": iso(age.lake), "hours": age.hours, "orders": age.orders}
    yield Violation(
        "freshness", "stale", "Warning", "CRM_Mall", "as_of", max(1, age.orders), max(1, age.orders), message,
        STALE_REMEDY, [row], loss,
    )  # fmt: skip
