"""Upkeep by the clock: the heartbeat, readiness, and the fine-tuned model kept warm."""

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import heartbeat_beat, model_warming, readiness_check
from cafe24_pipelines.names import DATA_TEAM, ML_TEAM, SEOUL
from cafe24_pipelines.resources.events import EventsResource


@dg.schedule(
    name="heartbeat_upkeep",
    cron_schedule="*/15 * * * *",
    job=heartbeat_beat,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    owners=[DATA_TEAM],
    description="Every 15 minutes: proves that daemon, event log and lake are alive; readiness sees when it stops.",
)
def heartbeat_upkeep(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a tick; not one of the 24."""
    return dg.RunRequest(run_key=f"heartbeat:{context.scheduled_execution_time.isoformat()}")


@dg.schedule(
    name="prototype_completion",
    cron_schedule="40 * * * *",
    job=readiness_check,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    owners=[DATA_TEAM],
    description="Hourly: every workflow, asset, check, store and model green or why not; tells what changed.",
    metadata=about(
        reads="the Dagster instance, lake, graph, vectors, event log, settings",
        writes="`readiness`, `readiness.changed`, an alert; the Jira issue and Confluence page that are set",
        remedy="`cafe24 ready` shows the same on the command line; a service that was down is caught up next hour",
    ),
)
def prototype_completion(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a tick, whatever malls there are."""
    return dg.RunRequest(run_key=f"readiness:{context.scheduled_execution_time.isoformat()}")


@dg.schedule(
    name="model_warmup",
    cron_schedule="*/10 8-21 * * *",
    job=model_warming,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "model_warmup"},
    owners=[ML_TEAM],
    description="Every 10 minutes, 08:00 to 22:00: keeps the fine-tuned model's endpoint warm within its budget.",
    metadata=about(
        reads="FINETUNED_MODEL, CAFE24_WARMUP_BUDGET, `model.warmed` of the month, the time of the last real answer",
        writes="`model_warmth` and `model.warmed` with latency, state and cost",
        remedy="the run says what the endpoint answered; without a model or a budget each tick is skipped",
    ),
)
def model_warmup(context: dg.ScheduleEvaluationContext, events: EventsResource) -> dg.RunRequest | dg.SkipReason:
    """One run a tick, if the model is configured, affordable and idle."""
    from cafe24_pipelines.operations.traffic import last_traffic
    from cafe24_pipelines.operations.warmup import why_not

    settings = events.settings()
    at = context.scheduled_execution_time
    if reason := why_not(settings, events.log(), now=at, last_use=last_traffic(settings)):
        return dg.SkipReason(reason)
    return dg.RunRequest(run_key=f"model_warmup:{at.isoformat()}")


all_schedules = [heartbeat_upkeep, prototype_completion, model_warmup]
