"""The digest by the clock, in Asia/Seoul: each mall's people read their own, many malls share a run."""

from collections.abc import Iterator

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.names import CRM_TEAM, SEOUL
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.batch_jobs import digest_publication
from cafe24_pipelines.schedules.batches import each_batch


@dg.schedule(
    name="insight_publisher",
    cron_schedule="30 12,18 * * *",
    job=digest_publication,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "intelligent"},
    owners=[CRM_TEAM],
    description="12:30 and 18:30: tells each mall's new findings and alerts to Slack as one digest, and archives it.",
    metadata=about(
        reads="published analyses and patterns, research alerts, what was told before (`notification.*`)",
        writes="Slack or CAFE24_HOME/reports/<mall>/digests.jsonl, event `digest.archived`, `insight_digest`",
        remedy="news that was refused waits for the next digest; the run names malls, Slack's reason and its remedy",
    ),
)
def insight_publisher(
    context: dg.ScheduleEvaluationContext, events: EventsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a batch of malls; its result is the asset `insight_digest` of each."""
    yield from each_batch(context, events, "insight_digest_batch")


all_schedules = [insight_publisher]
