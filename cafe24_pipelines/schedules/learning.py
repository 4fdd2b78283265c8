"""Mining generated code by the clock, in Asia/Seoul: each mall's recipes are its own, many malls share a run."""

from collections.abc import Iterator

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.names import ML_TEAM, SEOUL
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.batch_jobs import code_analysis
from cafe24_pipelines.schedules.batches import each_batch


@dg.schedule(
    name="code_analyzer",
    cron_schedule="0 10,15 * * *",
    job=code_analysis,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "auto_discovery"},
    owners=[ML_TEAM],
    description="10:00 and 15:00: mines each mall's verified generated code for reusable API recipes.",
    metadata=about(
        reads="events `code.verified`",
        writes="`api_recipes` (see `cafe24 recipes`)",
        remedy="nothing is kept but the log: launch the run again",
    ),
)
def code_analyzer(
    context: dg.ScheduleEvaluationContext, events: EventsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a batch of malls; its result is the asset `api_recipes` of each."""
    yield from each_batch(context, events, "api_recipes_batch")


all_schedules = [code_analyzer]
