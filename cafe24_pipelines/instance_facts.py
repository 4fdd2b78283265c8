"""What the Dagster instance knows, as facts for `operations/readiness.py`: a thin collector.

Reads only, in a bounded number of queries: one an automation for its last tick and run, one an asset for its
partitions, one a mall for all checks, two for the last landing of every mall. Does not belong here: judging what it
finds.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG
from cafe24_pipelines.names import ADMIN_API
from cafe24_pipelines.operations.readiness import AssetFact, AutomationFact, CheckFact, Facts, Item

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

CHAIN: Final = "whole_chain"
"""What this job makes is required of every mall; the rest may be missing."""
_ANY: Final = ("*",)


def readiness_facts(settings: "Settings", instance: dg.DagsterInstance, defs: dg.Definitions) -> Facts:
    """Every fact of an installation, for all malls that it serves."""
    from cafe24_pipelines.operations.silence import silence_items
    from cafe24_pipelines.operations.store_facts import job_items, model_items, served_malls, store_items
    from cafe24_pipelines.sensors.watching import registered_malls

    registered = served_malls(settings, registered_malls(instance, settings))
    malls, api = list(registered), {m for m, mall in registered.items() if mall.source == "api"}
    others: list[Item] = [*store_items(settings, malls), *job_items(settings, malls), *model_items(settings)]
    others += silence_items(settings, registered, last_landings(instance, malls))
    return Facts(
        tuple(automation_facts(instance, defs)), tuple(asset_facts(instance, defs, malls, api)),
        tuple(check_facts(instance, defs, malls)), others,
    )  # fmt: skip


def automation_facts(instance: dg.DagsterInstance, defs: dg.Definitions) -> Iterator[AutomationFact]:
    """Every schedule and sensor of the code location, by name."""
    states: dict[str, Any] = {}
    for state in instance.all_instigator_state():
        kept = states.get(state.instigator_name)
        if kept is None or _touched(state) >= _touched(kept):  # one of an older code location may be left over
            states[state.instigator_name] = state
    everything = [*(defs.schedules or []), *(defs.sensors or [])]
    for one in sorted(everything, key=lambda a: a.name):
        yield _automation(instance, one, states.get(one.name))


def _automation(instance: dg.DagsterInstance, one: Any, state: Any) -> AutomationFact:
    clock = isinstance(one, dg.ScheduleDefinition)
    tag = "dagster/schedule_name" if clock else "dagster/sensor_name"  # documented; the constants are private
    crons: Sequence[str] = () if not clock else (
        (one.cron_schedule,) if isinstance(one.cron_schedule, str) else tuple(one.cron_schedule)
    )  # fmt: skip
    by_default = one.default_status.value == "RUNNING"
    running = by_default if state is None or state.status.value == "DECLARED_IN_CODE" else (
        state.status.value in ("RUNNING", "AUTOMATICALLY_RUNNING")
    )  # fmt: skip
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2) if state is not None else ()
    # One that is under way, or was cut off with its daemon, says nothing yet: the one before it does.
    ended = next((t for t in ticks if t.status.value != "STARTED"), ticks[0] if ticks else None)
    runs = instance.get_run_records(dg.RunsFilter(tags={tag: one.name}), limit=1)
    data = state.instigator_data if state is not None else None
    started = getattr(data, "start_timestamp", None) or getattr(data, "last_sensor_start_timestamp", None)
    return AutomationFact(
        one.name, WORKFLOW_TAG in one.tags, tuple(crons), 0 if clock else int(one.minimum_interval_seconds or 30),
        running, _moment(started),
        _moment(ticks[0].timestamp) if ticks else None, ended.status.value.lower() if ended else "",
        _aware(runs[0].create_timestamp) if runs else None, runs[0].dagster_run.status.value.lower() if runs else "",
    )  # fmt: skip


def asset_facts(
    instance: dg.DagsterInstance, defs: dg.Definitions, malls: Sequence[str], api: set[str]
) -> Iterator[AssetFact]:
    """Every asset: for which malls it is missing or failed last, and when it was made."""
    required = set(defs.resolve_job_def(CHAIN).asset_layer.executable_asset_keys)
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    records = {r.asset_entry.asset_key: r.asset_entry for r in instance.get_asset_records(list(specs))}
    for key, spec in sorted(specs.items(), key=lambda kv: kv[0].to_user_string()):
        of_api = spec.group_name == ADMIN_API
        wanted = [m for m in malls if m in api] if of_api else list(malls)
        missing, failed = _of_partitions(instance, spec, wanted)
        entry = records.get(key)
        made = entry.last_materialization if entry else None
        if spec.partitions_def is None:
            missing = () if made else _ANY
        needed = key in required and bool(wanted)
        yield AssetFact(
            key.to_user_string(), needed, missing, failed, _moment(made.timestamp) if made else None, **_bound(spec)
        )


def _of_partitions(
    instance: dg.DagsterInstance, spec: dg.AssetSpec, malls: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Malls for which an asset is missing, and those for which the last attempt failed."""
    partitions = spec.partitions_def
    if partitions is None:
        return (), _ANY if _last_failed(instance, spec.key) else ()
    if not isinstance(partitions, dg.DynamicPartitionsDefinition):
        return (), ()  # by mall and month, or mall and arm: launched by hand, seen by their jobs
    found: Mapping[str, Any] = instance.get_status_by_partition(spec.key, list(malls), partitions) or {}
    status = {m: found[m].value if found.get(m) else "" for m in malls}
    return tuple(m for m in malls if not status[m]), tuple(m for m in malls if status[m] == "FAILED")


def _last_failed(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether the last run that was to make an asset without partitions failed."""
    planned = instance.get_latest_planned_materialization_info(key)
    run = instance.get_run_by_id(planned.run_id) if planned else None
    if run is None or run.status != dg.DagsterRunStatus.FAILURE:
        return False
    made = instance.get_latest_materialization_event(key)
    return made is None or made.run_id != run.run_id


def _bound(spec: dg.AssetSpec) -> dict[str, Any]:
    """What the asset's freshness policy says, in our own terms."""
    policy: Any = spec.freshness_policy
    if policy is None:
        return {}
    if hasattr(policy, "fail_window"):
        return {"fail_after": policy.fail_window.to_timedelta()}
    return {"deadline": (policy.deadline_cron, policy.lower_bound_delta, policy.timezone)}


def last_landings(instance: dg.DagsterInstance, malls: Sequence[str]) -> dict[str, datetime]:
    """When the shop tables of each mall last landed: two queries for all malls."""
    orders = dg.AssetKey("orders")
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        orders, dg.DagsterEventType.ASSET_MATERIALIZATION, set(malls)
    )
    if not latest:
        return {}
    wanted = dg.AssetRecordsFilter(orders, storage_ids=sorted(latest.values()))
    records = instance.fetch_materializations(wanted, limit=len(latest)).records
    return {str(r.partition_key): datetime.fromtimestamp(r.timestamp, UTC) for r in records}


def check_facts(instance: dg.DagsterInstance, defs: dg.Definitions, malls: Sequence[str]) -> Iterator[CheckFact]:
    """Every check, and for which malls its latest execution failed or warned."""
    keys = sorted(defs.resolve_asset_graph().asset_check_keys, key=lambda k: k.to_user_string())
    failed: dict[Any, set[str]] = {}
    warned: dict[Any, set[str]] = {}
    known: set[Any] = set()
    for mall in (None, *malls):  # None: the latest of any partition, which alone finds checks without one
        only: Any = SimpleNamespace(key=mall) if mall else None  # what a PartitionKeyFilter is; the class is private
        for key, record in instance.event_log_storage.get_latest_asset_check_execution_by_key(keys, only).items():
            known.add(key)
            if record.status.value == "FAILED" and (mall or not record.partition):
                (warned if _warns(record) else failed).setdefault(key, set()).add(mall or "*")
    for key in keys:
        wrong, odd = failed.get(key, set()), warned.get(key, set())
        yield CheckFact(key.to_user_string(), key in known, tuple(sorted(wrong)), tuple(sorted(odd)))


def _warns(record: Any) -> bool:
    """Whether a failed check is an observation, which only warns."""
    event = record.event.dagster_event if record.event else None
    data = event.event_specific_data if event else None
    return getattr(data, "severity", None) == dg.AssetCheckSeverity.WARN


def _moment(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp else None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_TOUCHES: Final = (
    "last_iteration_timestamp", "last_tick_start_timestamp", "start_timestamp", "last_sensor_start_timestamp",
)  # fmt: skip


def _touched(state: Any) -> float:
    data = state.instigator_data
    return max(getattr(data, name, None) or 0.0 for name in _TOUCHES)
