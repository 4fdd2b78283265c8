"""Workflows that learn from use: feedback, requests for code, and settings once enough verdicts have come.

Each reads the log after a versioned cursor and asks for one run a mall; what a run does follows from the log, so a
run that is asked for twice, or is killed, does nothing twice; one that was lost is asked for again. Does not belong
here: judging, code, settings (`learning/`).
"""

from typing import TYPE_CHECKING, Final

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.inbox.read import cursor_with, held, read_batch
from cafe24_pipelines.jobs import code_generation, learning, settings_trial
from cafe24_pipelines.names import ML_TEAM
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.asked import Asked, followed, read_waiting, write_waiting
from cafe24_pipelines.sensors.watching import read_asked, registered_malls, runs_for_changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cafe24_pipelines.stores.events import EventLog

FEEDBACK: Final = "feedback.received"
GENERATE: Final = "generate.requested"
MOST_EVENTS: Final = 5000
"""Events that one tick reads: a tenth of a second's work, and more than a mall may put between two ticks."""
MOST_RUNS: Final = 100
"""Runs that one tick asks for."""


def _inbox_runs(
    context: dg.SensorEvaluationContext, events: EventsResource, name: str, kind: str
) -> dg.SensorResult | dg.SkipReason:
    """One run for each mall that put an event of this kind since the cursor, or whose last run was lost.

    A run works on all that is pending of its mall when it begins, so a tick reads many events and bounds the runs:
    one that is still queued will do, and malls beyond the bound wait in the cursor. Malls that are gone have none.
    """
    batch = read_batch(events.log(), (kind,), context.cursor, cap=MOST_EVENTS)
    known = set(context.instance.get_dynamic_partitions("malls"))
    new = {m: Asked(f"{name}:{m}:{found[-1].event_id}") for m, found in batch.by_mall().items()}
    later, waiting = (read_waiting(held(context.cursor, one)) for one in ("later", "waiting"))
    runs = followed(context.instance, waiting)
    due = {m: a for m, a in (runs.lost | later | new).items() if m in known and m not in runs.ahead}
    wanted = {m: due[m] for m in sorted(due, key=lambda m: (m not in later, m))[:MOST_RUNS]}
    rest = {m: a for m, a in due.items() if m not in wanted}
    cursor = cursor_with(batch.cursor, later=write_waiting(rest), waiting=write_waiting(runs.under_way | wanted))
    if wanted:
        requests = [dg.RunRequest(run_key=one.run_key, partition_key=mall) for mall, one in wanted.items()]
        return dg.SensorResult(run_requests=requests, cursor=cursor)
    gone = sum(event.mall_id not in known for event in batch.events)
    read = f"{len(batch.events)} new, {gone} of unknown malls, {batch.set_aside} set aside"
    why = read if batch.events or batch.set_aside else f"no new {kind}"
    return dg.SensorResult(skip_reason=f"{why}; {len(runs.under_way)} runs under way", cursor=cursor)


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
    description="When enough new verdicts came: tries search settings offline, promotes one that is better.",
    metadata=about(
        reads="how many `feedback.received` came since the last trial, `learning/bounds.yaml`",
        writes=(
            "events `settings.tried`, then `settings.promoted` or `settings.rejected`; `settings.rechecked` and "
            "`settings.rolled_back` where new documents turned the tables; `retrieval_settings`"
        ),
        remedy="`cafe24 settings` shows what is in force, `cafe24 settings --rollback` goes back one version",
    ),
)
def feature_auto_improver(
    context: dg.SensorEvaluationContext, events: EventsResource
) -> dg.SensorResult | dg.SkipReason:
    """One run a mall with enough verdicts since the last; the cursor holds the place of the last one counted."""
    from cafe24_pipelines.learning.bounds import bounds

    settings, wanted = events.settings(), bounds().new_verdicts
    places = verdicts_counted(
        events.log(), registered_malls(context.instance, settings), read_asked(context.cursor), wanted
    )

    def request(mall: str, place: str) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"feature_auto_improver:{mall}:{place}", partition_key=mall)

    nothing = f"no mall has {wanted} new verdicts since it was last looked at"
    return runs_for_changes(context, places, request, nothing=nothing)


def verdicts_counted(
    log: "EventLog", malls: "Iterable[str]", asked: "Mapping[str, str]", wanted: int
) -> dict[str, str]:
    """Mall to the place in the log up to which verdicts were counted: it moves when `wanted` new ones are there."""
    places = {}
    for mall in malls:
        before = asked.get(mall, "0")
        after = int(before) if before.isdigit() else 0
        if len(log.read(mall, types=(FEEDBACK,), after=after, limit=wanted)) >= wanted:
            places[mall] = str(log.latest(mall, (FEEDBACK,), limit=1)[0].seq)
        elif after:
            places[mall] = before
    return places


all_sensors = [learning_loop, code_generator, feature_auto_improver]
