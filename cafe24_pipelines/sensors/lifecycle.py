"""The life of a mall: its tokens, its onboarding, its plan and its end, each noticed from events in the inbox.

Sensors read and ask for runs; what a state is and what is done about it is in `lifecycle/`. Cursors hold the place in
the event log and what was asked for; a lost cursor reads again, and run keys and event ids keep effects single.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.inbox.read import cursor_with, held, read_batch, read_cursor
from cafe24_pipelines.jobs import whole_chain
from cafe24_pipelines.names import DATA_TEAM
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.lifecycle_jobs import mall_departure, token_care
from cafe24_pipelines.sensors.run_history import MALL_TAG

if TYPE_CHECKING:
    from cafe24_pipelines.lifecycle.state import MallState
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

ONBOARDING_TAG: Final = "cafe24/onboarding"
"""Run tag: id of the event of the installation; a run that is executed again keeps it."""
MOST_MALLS: Final = 50
"""Malls that one tick asks for; the others wait for the next."""
MOST_FINISHED: Final = 5
"""Onboardings that one tick sums up: that opens graph and vectors."""
APPLIED: Final = "mall.subscription"
"""Event: what holds for a mall from now on."""
ASK_AGAIN: Final = 3600.0
"""Seconds before a removal that did not happen, or a mall that did not answer, is asked for again."""
_LIFE: Final = (
    "plan.changed", "app.uninstalled", "app.expired", "app.renewed", "app.paid", "app.refunded",
    "app.refund_requested", "mall.deleted", "mall.deactivated", "mall.reactivated", "mall.blocked",
)  # fmt: skip


@dg.sensor(
    name="oauth_start",
    job=token_care,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    owners=[DATA_TEAM],
    description="When a mall consented or a token nears its end: proves and rotates tokens, or asks its operator.",
    metadata=about(
        reads="inbox `oauth.authorized`, the token store",
        writes="events `oauth.proved`, `oauth.renewed`; alerts `oauth.expiring`, `oauth.ended`",
        remedy="`oauth.ended` and `oauth.expiring` name a mall whose operator must consent again: cafe24 authorize",
    ),
)
def oauth_start(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """One run a tick for all malls whose tokens need care; a mall is asked for again after an hour at the soonest."""
    from cafe24_pipelines.lifecycle.tokens import due

    settings, log, now = events.settings(), events.log(), time.time()
    batch = read_batch(log, ("oauth.authorized",), context.cursor)
    wanted = due(settings, log, now)
    asked = {m: at for m, at in held(context.cursor, "asked").items() if m in wanted}
    fresh = batch.by_mall()
    chosen = [m for m in wanted if m in fresh or now - asked.get(m, 0.0) >= ASK_AGAIN][:MOST_MALLS]
    cursor = cursor_with(batch.cursor, asked=asked | dict.fromkeys(chosen, now))
    if not chosen:
        why = f"{len(wanted)} malls wait for an answer" if wanted else "no consent is new and no token near its end"
        return dg.SensorResult(skip_reason=why, cursor=cursor)
    key = sha256("\0".join(chosen).encode()).hexdigest()[:16]
    config = dg.RunConfig(ops={"care_for_tokens": {"config": {"malls": chosen}}})
    run_key = f"tokens:{key}:{read_cursor(batch.cursor)}:{int(now // ASK_AGAIN)}"
    request = dg.RunRequest(run_key=run_key, run_config=config)
    return dg.SensorResult(run_requests=[request], cursor=cursor)


@dg.sensor(
    name="user_onboarding",
    job=whole_chain,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    owners=[DATA_TEAM],
    description="When a mall installed the app: adds its partition and runs the whole chain, to its first report.",
    metadata=about(
        reads="inbox `app.installed`, the runs it asked for",
        writes="the mall's registration and partition, every asset of it, event `mall.onboarded` with counts",
        remedy="`mall.onboarding_failed` names the run: mend what it says and execute it again, which keeps its tag",
    ),
)
def user_onboarding(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """One run an installation; a mall that was removed and comes back begins anew."""
    settings, log = events.settings(), events.log()
    batch = read_batch(log, ("app.installed",), context.cursor, cap=MOST_MALLS)
    waiting: dict[str, str] = held(context.cursor, "waiting")
    new = _prepared(settings, log, {mall: found[-1].event_id for mall, found in batch.by_mall().items()})
    requests = [
        dg.RunRequest(run_key=f"onboarding:{mall}:{install}", partition_key=mall, tags={ONBOARDING_TAG: install})
        for mall, install in sorted(new.items())
    ]
    done = _ended(context.instance, settings, log, waiting)
    cursor = cursor_with(
        batch.cursor, waiting={m: i for m, i in (waiting | new).items() if m not in done or m in new}
    )
    if not requests:
        why = f"onboarded: {', '.join(done)}" if done else f"no mall is new; {len(waiting)} are being onboarded"
        return dg.SensorResult(skip_reason=why, cursor=cursor)
    added = malls.build_add_request(sorted(new))
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=[added], cursor=cursor)


def _prepared(settings: "Settings", log: "EventLog", installed: Mapping[str, str]) -> dict[str, str]:
    """Those of the malls that are still installed by that event, registered; the others are past it."""
    from cafe24_pipelines.errors import ConfigError
    from cafe24_pipelines.lifecycle.onboarding import failed, prepare
    from cafe24_pipelines.lifecycle.state import mall_state

    found = {}
    for mall_id, install in installed.items():
        if mall_state(log, mall_id).installed_by != install:
            continue
        try:
            prepare(settings, mall_id)
        except ConfigError:
            failed(log, mall_id, install, install)
            continue
        found[mall_id] = install
    return found


def _ended(
    instance: dg.DagsterInstance, settings: "Settings", log: "EventLog", waiting: Mapping[str, str]
) -> list[str]:
    """Malls whose first run came to its end, which is logged, or that are gone meanwhile. A run that failed is logged
    and waited for: it may be executed again.
    """
    from cafe24_pipelines.lifecycle.onboarding import failed, finished
    from cafe24_pipelines.lifecycle.state import mall_state

    done: list[str] = []
    for mall_id, install in waiting.items():
        if mall_state(log, mall_id).installed_by != install:
            done.append(mall_id)
            continue
        runs = instance.get_runs(dg.RunsFilter(tags={ONBOARDING_TAG: install}), limit=20)
        good = next((run for run in runs if run.status == dg.DagsterRunStatus.SUCCESS), None)
        if good is not None:
            finished(settings, log, mall_id, install, good.run_id)
            done.append(mall_id)
        elif runs and runs[0].is_failure:
            failed(log, mall_id, install, runs[0].run_id)
        if len(done) == MOST_FINISHED:
            break
    return done


@dg.sensor(
    name="subscription",
    job=mall_departure,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "infrastructure"},
    owners=[DATA_TEAM],
    description="When a plan changed or the app was left: sets limits, suspends or resumes; exports, then removes.",
    metadata=about(
        reads="inbox `plan.changed` and the webhooks about app and mall; the grace days",
        writes="events `mall.subscription` (stage, limits), `mall.exported`, `mall.removed` once proved by search",
        remedy="a removal that failed is asked for again after an hour and goes on; or cafe24 mall remove --yes",
    ),
)
def subscription(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """One event a change; a run for the export of a mall that left, one for its removal when the days are over."""
    from cafe24_pipelines.lifecycle.departure import leaving
    from cafe24_pipelines.lifecycle.state import MallState, mall_states

    settings, log, now = events.settings(), events.log(), datetime.now(UTC)
    batch = read_batch(log, _LIFE, context.cursor)
    states = mall_states(log)
    told = [
        _applied(settings, log, states.get(mall, MallState(mall)), found[-1].event_id)
        for mall, found in batch.by_mall().items()
    ]
    gone = leaving(states)
    exported = {m: by for m, by in held(context.cursor, "exported").items() if m in gone}
    removal = {m: at for m, at in held(context.cursor, "removal").items() if m in gone}
    requests: list[dg.RunRequest] = []
    for mall_id, state in list(gone.items()):
        step = departure_step(settings, state, exported.get(mall_id, ""), removal.get(mall_id, 0.0), now)
        if step and len(requests) < MOST_MALLS:
            requests.append(_request(state, step, now))
            exported |= {mall_id: state.left_by} if step == "export" else {}
            removal |= {mall_id: now.timestamp()} if step == "remove" else {}
    cursor = cursor_with(batch.cursor, exported=exported, removal=removal)
    if not requests:
        why = f"changed: {', '.join(told)}" if told else f"nothing changed; {len(gone)} malls are in their grace days"
        return dg.SensorResult(skip_reason=why, cursor=cursor)
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def departure_step(settings: "Settings", state: "MallState", exported: str, removal: float, now: datetime) -> str:
    """What a mall that has left needs now: `remove`, `export`, or "" for nothing.

    Args:
        exported: id of the uninstallation that an export was asked for.
        removal: when a removal was last asked for (epoch seconds).
    """
    from cafe24_pipelines.lifecycle.departure import removal_due

    if removal_due(settings, state, now):
        return "remove" if now.timestamp() - removal >= ASK_AGAIN else ""
    return "export" if state.left_by != exported else ""


def _request(state: "MallState", step: str, now: datetime) -> dg.RunRequest:
    turn = f":{int(now.timestamp() // ASK_AGAIN)}" if step == "remove" else ""
    config = {"mall_id": state.mall_id, "left_by": state.left_by, "step": step.upper()}
    return dg.RunRequest(
        run_key=f"{step}:{state.mall_id}:{state.left_by}{turn}", tags={MALL_TAG: state.mall_id},
        run_config=dg.RunConfig(ops={"see_off": {"config": config}}),
    )  # fmt: skip


def _applied(settings: "Settings", log: "EventLog", state: "MallState", because: str) -> str:
    """Log what holds for a mall from now on; gives it in a few words."""
    from cafe24_pipelines.lifecycle.plan import limits_of
    from cafe24_pipelines.stores.events import Event

    limits = limits_of(settings, state)
    payload = {
        "stage": state.stage, "reasons": list(state.reasons), "served": state.served, "limits": vars(limits),
        "ignored": len(state.ignored),
    }  # fmt: skip
    log.append([Event(f"{APPLIED}:{because}", state.mall_id, APPLIED, datetime.now(UTC), payload)])
    return f"{state.mall_id} is {state.stage}, plan {limits.plan}"


all_sensors = [oauth_start, user_onboarding, subscription]
