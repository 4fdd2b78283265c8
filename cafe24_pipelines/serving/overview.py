"""What the dashboard and the insights show of a mall: counts, summaries and patterns as they were last published.

Reads pointers, summaries and patterns; computes nothing and starts nothing, so it answers at once while a run goes
on. Does not belong here: HTTP, or any analysis.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any

from cafe24_pipelines import parts

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.serving.mall_services import MallView
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog


def dashboard(settings: "Settings", view: "MallView") -> dict[str, Any]:
    """Sizes, patterns by status, graph health as last checked, feedback, every analysis's summary, and the snapshot
    that `dashboard_api` published last.
    """
    from cafe24_pipelines.answers.feedback import counts

    mall_id, services = view.mall_id, view.services
    graph = services.graph.counts(mall_id)
    log = parts.event_log(settings)
    return {
        "mall_id": mall_id,
        "build": view.build,
        "lake": services.lake.counts(),
        "graph": {"nodes": graph.nodes, "relationships": graph.relationships, "by_label": graph.by_label},
        "vectors": services.retriever.vectors.counts(mall_id),
        "patterns_by_status": dict(sorted(Counter(p.status for p in services.patterns).items())),
        "health": _health(log, mall_id),
        "feedback": counts(log, mall_id),
        "analyses": _analyses(settings, mall_id),
        "snapshot": _snapshot(settings, mall_id),
    }


def insights(view: "MallView", *, status: str | None = None, limit: int = 50, offset: int = 0) -> dict[str, Any]:
    """The mall's patterns with effect, interval, q, status and wording, in the order they were published."""
    found = [p for p in view.services.patterns if status in (None, p.status)]
    shown = [_insight(p) for p in found[offset : offset + limit]]
    return {"mall_id": view.mall_id, "build": view.build, "total": len(found), "insights": shown}


def _insight(pattern: "Pattern") -> dict[str, Any]:
    from cafe24_pipelines.discovery.insights import insight_text

    told = pattern.to_json()
    kept = ("id", "detector", "kind", "title", "status", "effect", "p", "q", "n", "action", "discovered_at")
    return {
        **{name: told[name] for name in kept},
        "retracted_at": pattern.retracted_at,
        "wording": insight_text(pattern),
        "query": pattern.evidence.query,
    }


def _health(log: "EventLog", mall_id: str) -> dict[str, Any]:
    from cafe24_pipelines.ontology.health_history import trend

    moved = trend(log, mall_id)
    if not moved.points:
        return {"score": None, "at": "", "parts": {}, "alarm": ""}
    latest = moved.points[-1]
    return {"score": latest.score, "at": latest.at.isoformat(), "parts": latest.parts, "alarm": moved.alarm}


def _snapshot(settings: "Settings", mall_id: str) -> dict[str, Any] | None:
    """What the mall's report page shows, as data; None before the first."""
    from cafe24_pipelines.errors import NotBuilt
    from cafe24_pipelines.reports.snapshot import SnapshotBook

    try:
        return SnapshotBook(settings.home.reports).current(mall_id)
    except NotBuilt:
        return None


def _analyses(settings: "Settings", mall_id: str) -> list[dict[str, Any]]:
    from cafe24_pipelines.crm.analysis import analyses
    from cafe24_pipelines.crm.tables import CrmTables

    tables = CrmTables(settings.home.analytics)
    built = tables.digests(mall_id)
    found = []
    for one in analyses():
        summary = tables.summary(mall_id, one.name) if one.name in built else {"status": "-"}
        rows = tables.rows(mall_id, one.name) if one.name in built else 0
        found.append(
            {
                "name": one.name,
                "title": one.title_ko,
                "status": summary.pop("status"),
                "rows": rows,
                "summary": summary,
            }
        )
    return found
