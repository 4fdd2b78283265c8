"""Clock-driven workflows, in Asia/Seoul. Each run carries one mall (a partition key).

Stopped until somebody starts them: a schedule that runs by itself after `make ui` would surprise.
"""

from collections.abc import Iterator

import dagster as dg

from cafe24_pipelines.jobs import discovery, shop_chain
from cafe24_pipelines.names import SEOUL

WORKFLOW_TAG = "cafe24/workflow"


@dg.schedule(
    name="shop_sync",
    cron_schedule="5 * * * *",
    job=shop_chain,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    description="Hourly: lands each mall's source again; unchanged rows write nothing.",
)
def shop_sync(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """One run a mall."""
    yield from _each_mall(context)


@dg.schedule(
    name="cross_pattern_v1",
    cron_schedule="0 11,16 * * *",
    job=discovery,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "cross_pattern"},
    description="11:00 and 16:00: runs the detectors over each mall's own data.",
)
def cross_pattern_v1(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """One run a mall."""
    yield from _each_mall(context)


def _each_mall(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    at = context.scheduled_execution_time.isoformat()
    for mall_id in sorted(context.instance.get_dynamic_partitions("malls")):
        yield dg.RunRequest(run_key=f"{mall_id}:{at}", partition_key=mall_id)


all_schedules = [shop_sync, cross_pattern_v1]
