"""Workflows that learn from use: feedback, requests for code, and settings once enough verdicts have come.

Each reads the log after a versioned cursor and asks for one run a mall; what a run does follows from the log, so a
run that is asked for twice, or is killed, does nothing twice. Does not belong here: judging, code, settings
(`learning/`).
"""

from typing import Final

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.inbox.read import read_batch
from cafe24_pipelines.jobs import code_generation, learning, settings_trial
from cafe24_pipelines.names import ML_TEAM
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.watching import CAP, read_asked, write_asked

FEEDBACK: Final = "feedback.received"
GENERATE: Final = "generate.requested"


def _inbox_runs(
    context: dg.SensorEvaluationContext, events: EventsResource, name: str, kind: str
) -> dg.SensorResult | dg.SkipReason:
    """One run for each mall that put an event of this kind since the cursor; malls that are gone are passed over."""
    batch = read_batch(events.log(), (kind,), context.cursor)
    known = set(context.instance.get_dynamic_partitions("malls"))
    runs = [
        dg.RunRequest(run_key=f"{name}:{mall}:{found[-1].event_id}", partition_key=mall)
        for mall, found in sorted(batch.by_mall().items())
        if mall in known
    ]
    if runs:
        return dg.SensorResult(run_requests=runs, cursor=batch.cursor)
    moved = bool(batch.events) or batch.set_aside
    why = f"{batch.set_aside} events set aside, {len(batch.events)} of unknown malls" if moved else f"no new {kind}"
    return dg.SensorResult(skip_reason=why, cursor=batch.cursor)


@dg.sensor(
    name="learning_loop",
    job=learning,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "intelligent"},
    owners=[ML_TEAM],
    description="When feedback came in: praise is asked again and verified, blame and corrections become candidates.",
    metadata=about(
        reads="inbox `feedback.received`",
        writes="one `learning.accepted` or `learning.refused` a piece of feedback, `learning_candidates`",
        remedy="what has no effect yet is pending: mend what the run says (often: run the chain) and launch it again",
    ),
)
def learning_loop(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """One run a mall with new feedback."""
    return _inbox_runs(context, events, "learning_loop", FEEDBACK)


@dg.sensor(
    name="code_generator",
    job=code_generation,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "ab_test"},
    owners=[ML_TEAM],
    description="When code was asked for: writes Admin API code, checks it and runs it against the sandbox mall.",
    metadata=about(
        reads="inbox `generate.requested`",
        writes="one `code.verified` a request, under the request's id, and `generated_code`",
        remedy="requests without a verdict are pending: mend what the run says (model, documents), launch it again",
    ),
)
def code_generator(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """One run a mall with new requests."""
    return _inbox_runs(context, events, "code_generator", GENERATE)


@dg.sensor(
    name="feature_auto_improver",
    job=settings_trial,
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "intelligent"},
    owners=[ML_TEAM],
    description="When enough new verdicts came: tries retrieval settings offline, promotes one that is better.",
    metadata=about(
        reads="how many `feedback.received` came since the last trial, `learning/bounds.yaml`",
        writes="events `settings.tried`, then `settings.promoted` or `settings.rejected`, and `retrieval_settings`",
        remedy="`cafe24 settings` shows what is in force, `cafe24 settings --rollback` goes back one version",
    ),
)
def feature_auto_improver(
    context: dg.SensorEvaluationContext, events: EventsResource
) -> dg.SensorResult | dg.SkipReason:
    """One run a mall with enough verdicts since the last; the cursor holds the place of the last one counted."""
    from cafe24_pipelines.learning.bounds import bounds

    log, wanted = events.log(), bounds().new_verdicts
    seen, runs = read_asked(context.cursor), list[dg.RunRequest]()
    for mall in sorted(context.instance.get_dynamic_partitions("malls")):
        new = log.read(mall, types=(FEEDBACK,), after=int(seen.get(mall, 0)), limit=wanted)
        if len(new) < wanted or len(runs) >= CAP:
            continue
        last = log.latest(mall, (FEEDBACK,), limit=1)[0].seq
        runs.append(dg.RunRequest(run_key=f"feature_auto_improver:{mall}:{last}", partition_key=mall))
        seen[mall] = str(last)
    if not runs:
        return dg.SkipReason(f"no mall has {wanted} new verdicts since it was last looked at")
    return dg.SensorResult(run_requests=runs, cursor=write_asked(seen))


all_sensors = [learning_loop, code_generator, feature_auto_improver]
