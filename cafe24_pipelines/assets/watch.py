"""Watch stage: what a mall's watches found, by the clock or when scores change; in no chain.

What each tells of a mall is a function beside its asset: the clock asks for many malls in one run
(`schedules/batch_jobs.py`), a person for one. Only the churn watch writes files, so only it takes the lake's lock.
Does not belong here: any watch (`watch/`).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from cafe24_pipelines.assets.metadata import lead, picture, preview
from cafe24_pipelines.names import CRM_TEAM, DATA_TEAM, WATCH
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog
    from cafe24_pipelines.stores.graph import GraphStore

_SHOWN = ("title", "value", "expected", "low", "high", "adjusted_p", "unit")


@dg.asset(
    deps=["ontology_graph"],
    group_name=WATCH,
    kinds={"python"},
    owners=[DATA_TEAM],
    code_version="1",
    partitions_def=malls,
)
def ontology_health(
    context: dg.AssetExecutionContext, graph: GraphResource, events: EventsResource
) -> dg.MaterializeResult:
    """The published graph's score with its parts and trend; an alarm when it fell, and its end, each told once."""
    return dg.MaterializeResult(
        metadata=health_of(events.settings(), events.log(), graph.store, context.partition_key)
    )


def health_of(settings: "Settings", log: "EventLog", graph: "GraphStore", mall_id: str) -> dict[str, Any]:
    """Check a mall's graph, as `ontology_health`."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.ontology.health_report import PARTS_KO, WEIGHTS
    from cafe24_pipelines.watch.ontology_alarm import check_graph, watch_health
    from cafe24_pipelines.watch.week_text import health_chart

    lake, checked = parts.mall_lake(settings, mall_id), mall(settings.home, mall_id)
    found = watch_health(log, check_graph(log, graph, lake, checked))
    points = [(p.at.date().isoformat(), p.score) for p in found.history.points]
    shown = [{"part": PARTS_KO[p], "points": found.health.parts[p], "of": float(w)} for p, w in WEIGHTS.items()]
    return {
        "state": found.state,
        "score": found.health.score,
        "text": dg.MetadataValue.md(found.text),
        "parts": preview(shown),
        "worst": preview(found.worst),
        "trend": picture(health_chart(points), "score"),
    }


@dg.asset(
    deps=["churn", "customer_360"],
    group_name=WATCH,
    kinds={"parquet"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def churn_signals(
    context: dg.AssetExecutionContext, lake: LakeResource, events: EventsResource
) -> dg.MaterializeResult:
    """Customers newly at risk since the last scores, with reason and action, each silence told once.

    Members stand only in the table's file, by their pseudonym; here are counts.
    """
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.watch.churn_book import SignalBook
    from cafe24_pipelines.watch.churn_signal import watch_churn

    mall, root = lake.mall(context.partition_key), lake.settings().home.analytics
    book = SignalBook(root)
    looked = watch_churn(CrmTables(root), book, lake.of(mall.mall_id).for_analysis(), mall, events.log())
    told, file = looked.summary, book.file(mall.mall_id)
    return dg.MaterializeResult(
        metadata={
            "status": looked.status,
            "text": told.get("text") or "이탈 예측에 쓸 자료가 모자랍니다.",
            "new": told.get("new", 0),
            "moved_by_refit": told.get("by_refit", 0),
            "by_segment": preview(told.get("by_segment", [])),
            "by_reason": preview(told.get("by_reason", [])),
            "actions": preview([{"reason": k, "action": v} for k, v in told.get("actions", {}).items()]),
            "table": dg.MetadataValue.path(str(file)) if file else "-",
            "summary": dg.MetadataValue.json(told),
        }
    )


@dg.asset(
    deps=["orders", "reviews", "stock_alerts", "patterns"],
    group_name=WATCH,
    kinds={"python"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def day_summary(context: dg.AssetExecutionContext, events: EventsResource) -> dg.MaterializeResult:
    """The mall's day beside what such a day usually is, and the news of 24 hours; each figure with its query."""
    return dg.MaterializeResult(metadata=day_of(events.settings(), events.log(), context.partition_key))


def day_of(settings: "Settings", log: "EventLog", mall_id: str) -> dict[str, Any]:
    """Sum up a mall's day, as `day_summary`."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.watch import day as days

    lake, tables = parts.mall_lake(settings, mall_id), CrmTables(settings.home.analytics)
    stock = tables.summary(mall_id, "stock_alerts") if tables.digest(mall_id, "stock_alerts") else None
    found = days.look_at_day(lake, mall(settings.home, mall_id), log, now=datetime.now(UTC), stock=stock)
    if found is None:
        return {"text": "아직 적재된 주문이 없습니다.", "differing": 0}
    chart = days.day_chart(lake, found)
    text = days.day_text(found)
    return {
        "in_short": lead(text),
        "text": dg.MetadataValue.md(text),
        "text_en": dg.MetadataValue.md(days.day_text(found, "en")),
        "day": found.span.day.isoformat(),
        "running": found.span.running,
        "differing": len(found.differing),
        "figures": preview([{name: row[name] for name in _SHOWN} for row in found.rows()]),
        "queries": dg.MetadataValue.json(days.queries(found)),
        "chart": picture(chart, "sales") if chart else "-",
    }


@dg.asset(
    deps=["orders", "reviews", "patterns"],
    group_name=WATCH,
    kinds={"python"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def week_retrospective(context: dg.AssetExecutionContext, events: EventsResource) -> dg.MaterializeResult:
    """The week: figures against the week before and the usual, findings that held or broke, promises and outcomes."""
    return dg.MaterializeResult(metadata=week_of(events.settings(), events.log(), context.partition_key))


def week_of(settings: "Settings", log: "EventLog", mall_id: str) -> dict[str, Any]:
    """Look back on a mall's week, as `week_retrospective`."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.watch.week import look_back
    from cafe24_pipelines.watch.week_text import week_chart, week_text

    lake = parts.mall_lake(settings, mall_id)
    week = look_back(settings, lake, mall(settings.home, mall_id), log, now=datetime.now(UTC))
    chart = week_chart(lake, week)
    text = week_text(week)
    return {
        "in_short": lead(text),
        "text": dg.MetadataValue.md(text),
        "text_en": dg.MetadataValue.md(week_text(week, "en")),
        "week": week.calendar.first.isoformat(),
        "quiet": week.quiet,
        "promises": len(week.promises),
        "chart": picture(chart, "sales") if chart else "-",
        "retrospective": dg.MetadataValue.json(week.to_json()),
    }
