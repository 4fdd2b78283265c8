"""Checks of the published graph: its health with the trend, and one check for each thing a person may have to mend.

All are answered by one look at the graph. Severity: ERROR is a fault of the graph, which `cafe24 rebuild graph` mends
and which blocks where it makes answers wrong; WARN has its cause in the shop's own data or in the order of runs.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource

if TYPE_CHECKING:
    from cafe24_pipelines.ontology.health_history import Trend
    from cafe24_pipelines.ontology.health_report import Health, Violation

GRAPH = "ontology_graph"
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
PARTS: dict[str, tuple[tuple[str, ...], dg.AssetCheckSeverity]] = {
    "graph_covers_lake": (("coverage",), ERROR),
    "graph_properties": (("properties",), ERROR),
    "graph_cardinality": (("cardinality", "orphans"), WARN),
    "graph_references": (("references", "duplicates"), WARN),
    "graph_freshness": (("freshness",), WARN),
}
"""Which parts of the score a check answers for, and how severe its findings are."""
HISTORY_ROWS = 10

_SPECS = [
    dg.AssetCheckSpec(
        "graph_health",
        asset=GRAPH,
        description="The score, 0 to 100, with its parts and trend. WARN below 80, or more than 5 points under the "
        "build before.",
    ),
    dg.AssetCheckSpec(
        "graph_covers_lake",
        asset=GRAPH,
        blocking=True,
        description="Every node and relationship that the landed tables call for, no more and no fewer. ERROR: "
        "answers would count wrongly.",
    ),
    dg.AssetCheckSpec(
        "graph_properties",
        asset=GRAPH,
        description="Properties exist, have their type, keep their values; uids follow from keys. ERROR: the lake "
        "takes no such rows, so the graph was changed.",
    ),
    dg.AssetCheckSpec(
        "graph_cardinality",
        asset=GRAPH,
        description="Required relationships are there, single ones are single, nothing stands alone. WARN: mostly "
        "rows that haven't landed.",
    ),
    dg.AssetCheckSpec(
        "graph_references",
        asset=GRAPH,
        description="Keys lead somewhere and relationships to the right node; nothing landed twice. WARN: mended in "
        "the shop's data.",
    ),
    dg.AssetCheckSpec(
        "graph_freshness",
        asset=GRAPH,
        description="The graph is of this lake and this ontology. WARN: the next run mends it.",
    ),
]


@dg.multi_asset_check(specs=_SPECS, name="ontology_graph_health", can_subset=True)
def ontology_graph_health(
    context: dg.AssetCheckExecutionContext, lake: LakeResource, graph: GraphResource, events: EventsResource
) -> Iterator[dg.AssetCheckResult]:
    """Check the graph once and answer every check that was asked for; the result goes into the event log."""
    from cafe24_pipelines.ontology.health import check_health
    from cafe24_pipelines.ontology.health_history import record, trend

    mall = lake.mall(context.partition_key)
    health = check_health(graph.store, lake.of(mall.mall_id), mall)
    record(events.log(), health)
    wanted = {key.name for key in context.selected_asset_check_keys}
    if "graph_health" in wanted:
        yield _score(health, trend(events.log(), mall.mall_id))
    for name in PARTS:
        if name in wanted:
            yield _part(name, health)


def _score(health: "Health", history: "Trend") -> dg.AssetCheckResult:
    from cafe24_pipelines.ontology.health_report import PARTS_KO, WEIGHTS

    parts = [{"part": PARTS_KO[p], "points": health.parts[p], "of": float(weight)} for p, weight in WEIGHTS.items()]
    points = [
        {"at": p.at.isoformat(timespec="seconds"), "score": p.score, "build": p.build_id[:12],
         "violations": len(p.violations)}
        for p in history.points[: -HISTORY_ROWS - 1 : -1]
    ]  # fmt: skip
    changes = {"since_last_build": history.since_last_build, "over_7_days": history.over_7_days,
               "over_30_days": history.over_30_days}  # fmt: skip
    return dg.AssetCheckResult(
        check_name="graph_health",
        asset_key=GRAPH,
        passed=not history.alarm,
        severity=WARN,
        metadata={
            "mall": health.mall_id,
            "score": health.score,
            "parts": _table(parts),
            **{name: change for name, change in changes.items() if change is not None},
            "history": _table(points),
            "report": dg.MetadataValue.json(health.to_json()),
        },
        description=history.alarm or None,
    )


def _part(name: str, health: "Health") -> dg.AssetCheckResult:
    parts, severity = PARTS[name]
    found = health.of(*parts)
    metadata: dict[str, Any] = {
        "mall": health.mall_id,
        "violations": _table([_line(v) for v in found]),
        "rows": dg.MetadataValue.json({v.shape: v.rows for v in found}),
    }
    if name == "graph_covers_lake":
        rows = [{"name": n, "graph": held, "lake": called} for n, (held, called) in health.coverage.items()]
        metadata["graph_and_lake"] = _table(rows)
    if name == "graph_freshness":
        metadata |= {"graph_as_of": health.graph_as_of, "lake_as_of": health.lake_as_of,
                     "hours_behind": health.hours_behind, "orders_behind": health.orders_behind}  # fmt: skip
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=GRAPH,
        passed=not found,
        severity=severity,
        metadata=metadata,
        description="; ".join(f"{v.message}: {v.count:,}/{v.total:,} → {v.remedy}" for v in found) or None,
    )


def _line(v: "Violation") -> dict[str, Any]:
    return {
        "rule": v.shape, "severity": v.severity, "count": v.count, "total": v.total, "message": v.message,
        "remedy": v.remedy,
    }  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> dg.MetadataValue:
    """Rows as the UI shows them; a table without rows would have no columns."""
    if not rows:
        return dg.MetadataValue.text("–")
    return dg.MetadataValue.table([dg.TableRecord(_cells(row)) for row in rows])


def _cells(row: Mapping[str, Any]) -> Mapping[str, str | int | float | bool]:
    return {name: value if isinstance(value, int | float | bool) else str(value) for name, value in row.items()}


ontology_checks = [ontology_graph_health]
