"""Clock-driven workflows, in Asia/Seoul, whose work on a mall is heavy: each run carries one (a partition key).

Light ones share a run (`batches.py`). Stopped until somebody starts them: a schedule that runs by itself after
`make ui` would surprise.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import discovery, shop_chain
from cafe24_pipelines.names import CRM_TEAM, DATA_TEAM, SEOUL
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.batches import served_malls


@dg.schedule(
    name="shop_sync",
    cron_schedule="5 * * * *",
    job=shop_chain,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    owners=[DATA_TEAM],
    description="Hourly: lands each mall's source again; unchanged rows write nothing.",
    metadata=about(
        reads="each mall's source: the Admin API, its downloads, or the sandbox; its plan",
        writes="API rows, shop tables and the ledger of windows, in the lake",
        remedy="nothing landed is lost: `cafe24 sync --mall ID` goes on where it stopped and names what is open",
    ),
)
def shop_sync(
    context: dg.ScheduleEvaluationContext, events: EventsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a mall that its plan syncs at this hour; a suspended mall is left out, and the tick says why."""
    from cafe24_pipelines.lifecycle.plan import allowed

    settings, log, left_out, any_due = events.settings(), events.log(), [], False
    for request in each_mall(context, context.instance.get_dynamic_partitions("malls")):
        found = allowed(settings, log, str(request.partition_key), "sync", now=context.scheduled_execution_time)
        if found.ok:
            any_due = True
            yield request
        else:
            left_out.append(f"{request.partition_key}: {found.text('en')}")
    if left_out:
        context.log.info("left out: %s", "; ".join(left_out))
    if not any_due:
        yield dg.SkipReason("; ".join(left_out) or "there is no mall")


@dg.schedule(
    name="cross_pattern_v1",
    cron_schedule="0 11,16 * * *",
    job=discovery,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "cross_pattern"},
    owners=[CRM_TEAM],
    description="11:00 and 16:00: runs the detectors over each mall's own data.",
    metadata=about(
        reads="the lake, the staged graph, the history of findings in the event log",
        writes="patterns, findings and retractions as events, the graph's finding layer, `cafe24_insights`",
        remedy="the patterns of before stay published: mend what the run says and launch `discovery` for the mall",
    ),
)
def cross_pattern_v1(
    context: dg.ScheduleEvaluationContext, events: EventsResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a served mall."""
    served, left_out = served_malls(context, events.log())
    if not served:
        yield dg.SkipReason("; ".join(left_out) or "there is no mall")
    yield from each_mall(context, served)


def each_mall(context: dg.ScheduleEvaluationContext, malls: Iterable[str]) -> Iterator[dg.RunRequest]:
    """One run a mall, its key the mall and the tick.

    For `shop_sync` and `cross_pattern_v1` alone: a sync waits for the mall's API and discovery computes for minutes,
    so a run of their own costs little beside it, holds up no other mall and is tried again alone.
    """
    at = context.scheduled_execution_time.isoformat()
    for mall_id in sorted(malls):
        yield dg.RunRequest(run_key=f"{mall_id}:{at}", partition_key=mall_id)


all_schedules = [shop_sync, cross_pattern_v1]
