"""A published graph as the health checks look at it, with its lake beside it: counts, questions, rows as evidence.

Does not belong here: rules (`health_properties.py`, `health_relationships.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology.health_report import EVIDENCE_ROWS, Violation, violation
from cafe24_pipelines.ontology.model import Domain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.stores.graph import GraphCounts, GraphStore


@dataclass(frozen=True)
class GraphSeen:
    """One mall's published graph with its ontology and counts; `db` has the lake's tables and takes what is read."""

    graph: "GraphStore"
    mall_id: str
    domain: Domain
    counts: "GraphCounts"
    db: "DuckDBPyConnection"

    def ask(self, cypher: str, **params: Any) -> list[dict[str, Any]]:
        """Rows of one query."""
        return self.graph.query(self.mall_id, cypher, params)

    def numbers(self, cypher: str, **params: Any) -> dict[str, int]:
        """The one row of a query that counts (a sum over no rows is null in one store)."""
        rows = self.ask(cypher, **params)
        return {name: int(value or 0) for name, value in rows[0].items()} if rows else {}

    def held(self, label: str) -> int:
        """How many nodes of a label there are."""
        return self.counts.by_label.get(label, 0)

    def keys(self, variable: str, label: str, prefix: str = "") -> str:
        """What to RETURN so that a row names a node by its source key."""
        names = self.domain.labels[label].key if label in self.domain.labels else ("uid",)
        return ", ".join(f"{variable}.{name} AS {prefix}{name}" for name in names)

    def evidence(self, label: str, matching: str, more: str = "", **params: Any) -> list[dict[str, Any]]:
        """Up to 20 nodes `n` of a label for which the MATCH and WHERE in `matching` hold, in order of their uid."""
        shown = f"{self.keys('n', label)}{more}"
        return self.ask(f"{matching} RETURN {shown} ORDER BY n.uid LIMIT {EVIDENCE_ROWS}", **params)


UNCHECKED_REMEDY: Final = (
    "그래프가 다른 버전의 온톨로지로 만들어졌으면 `cafe24 rebuild graph`로 다시 만드세요. 질의가 시간 안에 끝나지 "
    "않았으면 서버가 한가할 때 다시 점검하세요. 어느 쪽인지는 행의 오류에 있습니다."
)


def attempt(check: Callable[[], Iterable[Violation]], focus: str) -> Iterator[Violation]:
    """What a check finds; one that can't run is a finding itself, and says nothing about the rows.

    A graph that an older ontology built may lack a property that a rule asks for; a busy server may stop a query.
    """
    from cafe24_pipelines.stores.cypher import BadQuery

    try:
        yield from list(check())
    except BadQuery as e:
        yield violation(
            "freshness", "unchecked", "Violation", focus, "", count=1, total=1, rows=[{"error": e.what}],
            message=f"{focus} 규칙을 확인할 수 없음", remedy=UNCHECKED_REMEDY,
        )  # fmt: skip
