"""The watches by the clock, in Asia/Seoul: the graph's health, the day, the week. Many malls share a run."""

from collections.abc import Iterator

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.names import CRM_TEAM, DATA_TEAM, SEOUL
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.batch_jobs import day_analysis, health_watch, week_review
from cafe24_pipelines.schedules.batches import each_batch


@dg.schedule(
    name="ontology_health",
    cron_schedule="30 10,14,17 * * *",
    job=health_watch,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "auto_discovery"},
    owners=[DATA_TEAM],
    description="10:30, 14:30 and 17:30: checks each mall's graph and alerts when its health falls, once.",
    metadata=about(
        reads="the published graph against `domain.yaml` and the lake, and the history of its score",
        writes="events `ontology.health_checked`, `ontology.alarm`, `ontology.recovered`, and `ontology_health`",
        remedy="a check changes nothing: launch it again; the alarm itself names what mends the graph",
    ),
)
def ontology_health(
    context: dg.ScheduleEvaluationContext, events: EventsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a batch of malls; its result is the asset `ontology_health` of each."""
    yield from each_batch(context, events, "ontology_health_batch")


@dg.schedule(
    name="evening_analysis",
    cron_schedule="0 12,18 * * *",
    job=day_analysis,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "auto_discovery"},
    owners=[CRM_TEAM],
    description="12:00 and 18:00: sums up each mall's day, feedback, research and findings beside what is usual.",
    metadata=about(
        reads="landed orders, views and reviews, the stock analysis, findings, feedback and research of 24 hours",
        writes="`day_summary`",
        remedy="it writes nothing else: mend what the run says and launch it again",
    ),
)
def evening_analysis(
    context: dg.ScheduleEvaluationContext, events: EventsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a batch of malls; its result is the asset `day_summary` of each."""
    yield from each_batch(context, events, "day_summary_batch")


@dg.schedule(
    name="weekly_retrospective",
    cron_schedule="0 10 * * 0",
    job=week_review,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "auto_discovery"},
    owners=[CRM_TEAM],
    description="Sunday 10:00: looks back on each mall's week, and says what came of last week's promises.",
    metadata=about(
        reads="landed orders and reviews, findings, alarms, failures, feedback, costs and the last `week.reviewed`",
        writes="event `week.reviewed` (once a week) and `week_retrospective`",
        remedy="launch it again within the week: the event is logged once, the text is made anew",
    ),
)
def weekly_retrospective(
    context: dg.ScheduleEvaluationContext, events: EventsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a batch of malls; its result is the asset `week_retrospective` of each."""
    yield from each_batch(context, events, "week_retrospective_batch")


all_schedules = [ontology_health, evening_analysis, weekly_retrospective]
