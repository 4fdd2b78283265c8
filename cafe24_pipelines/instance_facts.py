"""What the Dagster instance knows, as facts for `operations/readiness.py`: a thin collector.

Reads only, in as few queries as it can, since each costs milliseconds under SQLite, however little it finds: one an
automation that was ever started for its last ticks, one a mall for all checks, and the newest events and runs of all
assets and automations together. Only what was not among the newest is asked for by itself. Does not belong here:
judging what it finds.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG
from cafe24_pipelines.names import ADMIN_API
from cafe24_pipelines.operations import phrases
from cafe24_pipelines.operations.readiness import AssetFact, AutomationFact, CheckFact, Facts, Item, at_seoul

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

CHAIN: Final = "whole_chain"
"""What this job makes is required of every mall; the rest may be missing."""
_ANY: Final = ("*",)
_Kind = Literal[dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED]
_DEEP: Final = 4
"""How many times the newest events of all wanted assets and malls are read in one go: some are made more often."""
_PAGE: Final = (1_000, 20_000)
"""At least and at most so many events of a kind in one go."""
_RUNS: Final = 50
"""Runs in one go: an automation that asks for many is left out of the next, so few pages find all."""
_IDS: Final = 500
_ENDED: Final = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_ENDED_UNMADE: Final = (None, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED)
"""Of a run that is deleted, or left an asset out, nothing is known; what was made before stays made."""


def readiness_facts(settings: "Settings", instance: dg.DagsterInstance, defs: dg.Definitions) -> Facts:
    """Every fact of an installation, for all malls that it serves."""
    from cafe24_pipelines.operations.silence import silence_items
    from cafe24_pipelines.operations.store_facts import job_items, model_items, served_malls, store_items
    from cafe24_pipelines.sensors.watching import registered_malls

    registered = served_malls(settings, registered_malls(instance, settings))
    malls, api = list(registered), {m for m, mall in registered.items() if mall.source == "api"}
    others: list[Item] = [*store_items(settings, malls), *job_items(settings, malls), *model_items(settings)]
    others += silence_items(settings, registered, last_landings(instance, malls))
    others += hanging_items(instance)
    return Facts(
        tuple(automation_facts(instance, defs)), tuple(asset_facts(instance, defs, malls, api)),
        tuple(check_facts(instance, defs, malls)), others,
    )  # fmt: skip


def hanging_items(instance: dg.DagsterInstance) -> Iterator[Item]:
    """A red item for every run that has been at work for too long: what waits behind it may look silent."""
    from cafe24_pipelines.sensors.failures import mall_of
    from cafe24_pipelines.sensors.orphans import late_runs

    for record in late_runs(instance):
        name = f"{record.dagster_run.job_name}/{mall_of(record.dagster_run)}"
        yield Item.red("job", name, phrases.HANGING, phrases.SEE_HANGING, at_seoul(_moment(record.start_time)))


def automation_facts(instance: dg.DagsterInstance, defs: dg.Definitions) -> Iterator[AutomationFact]:
    """Every schedule and sensor of the code location, by name."""
    states: dict[str, Any] = {}
    for state in instance.all_instigator_state():
        kept = states.get(state.instigator_name)
        if kept is None or _touched(state) >= _touched(kept):  # one of an older code location may be left over
            states[state.instigator_name] = state
    everything = [*(defs.schedules or []), *(defs.sensors or [])]
    runs = {
        clock: _last_runs(instance, tag, {one.name for one in everything if _is_clock(one) == clock})
        for clock, tag in ((True, "dagster/schedule_name"), (False, "dagster/sensor_name"))
    }  # the tags are documented; their constants are private
    for one in sorted(everything, key=lambda a: a.name):
        yield _automation(instance, one, states.get(one.name), runs[_is_clock(one)].get(one.name))


def _is_clock(one: Any) -> bool:
    return isinstance(one, dg.ScheduleDefinition)


def _last_runs(instance: dg.DagsterInstance, tag: str, names: Iterable[str]) -> dict[str, dg.RunRecord]:
    """The newest run with each of these values of a tag that has ended; one that waits or is at work hides none."""
    left, found = set(names), dict[str, dg.RunRecord]()
    while left:
        page = instance.get_run_records(dg.RunsFilter(tags={tag: sorted(left)}, statuses=_ENDED), limit=_RUNS)
        for record in page:
            found.setdefault(record.dagster_run.tags[tag], record)
        left -= found.keys()
        if len(page) < _RUNS:
            break
    return found


def _automation(instance: dg.DagsterInstance, one: Any, state: Any, run: dg.RunRecord | None) -> AutomationFact:
    clock = _is_clock(one)
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
    data = state.instigator_data if state is not None else None
    started = getattr(data, "start_timestamp", None) or getattr(data, "last_sensor_start_timestamp", None)
    return AutomationFact(
        one.name, WORKFLOW_TAG in one.tags, tuple(crons), 0 if clock else int(one.minimum_interval_seconds or 30),
        running, _moment(started),
        _moment(ticks[0].timestamp) if ticks else None, ended.status.value.lower() if ended else "",
        _aware(run.create_timestamp) if run else None, run.dagster_run.status.value.lower() if run else "",
    )  # fmt: skip


def asset_facts(
    instance: dg.DagsterInstance, defs: dg.Definitions, malls: Sequence[str], api: set[str]
) -> Iterator[AssetFact]:
    """Every asset: for which malls it is missing or failed last, and when it was made."""
    required = set(defs.resolve_job_def(CHAIN).asset_layer.executable_asset_keys)
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    records = {r.asset_entry.asset_key: r.asset_entry for r in instance.get_asset_records(list(specs))}
    wanted = {k: [m for m in malls if m in api or spec.group_name != ADMIN_API] for k, spec in specs.items()}
    partitioned = {k: wanted[k] for k, spec in specs.items() if _by_mall(spec)}
    states = _states(instance, {k: records[k] for k in partitioned if k in records}, partitioned)
    for key, spec in sorted(specs.items(), key=lambda kv: kv[0].to_user_string()):
        entry = records.get(key)
        made = entry.last_materialization if entry else None
        missing, failed = _of_partitions(states.get(key, {}), partitioned.get(key, ()))
        if spec.partitions_def is None:
            missing = () if made else _ANY
            failed = _ANY if entry and _last_failed(instance, spec.key) else ()
        needed = key in required and bool(wanted[key])
        yield AssetFact(
            key.to_user_string(), needed, missing, failed, _moment(made.timestamp) if made else None, **_bound(spec)
        )


def _by_mall(spec: dg.AssetSpec) -> bool:
    """Whether its partitions are malls; those by mall and month, or mall and arm, are seen by their jobs."""
    return isinstance(spec.partitions_def, dg.DynamicPartitionsDefinition)


def _of_partitions(states: Mapping[str, str], malls: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Malls for which an asset is missing, and those for which the last attempt failed."""
    return tuple(m for m in malls if not states.get(m)), tuple(m for m in malls if states.get(m) == "FAILED")


def _states(
    instance: dg.DagsterInstance, entries: Mapping[dg.AssetKey, Any], wanted: Mapping[dg.AssetKey, Sequence[str]]
) -> dict[dg.AssetKey, dict[str, str]]:
    """Asset to mall to MATERIALIZED, FAILED or IN_PROGRESS, as `get_status_by_partition` tells them one by one.

    What was planned and not made since failed if its run did; while the run is under way, it is in progress.

    Args:
        entries: what the instance keeps of an asset; one of which it keeps nothing was neither made nor tried.
    """
    asked = {key: wanted[key] for key in entries}
    wiped = {k: e.asset_details.last_wipe_timestamp or 0.0 for k, e in entries.items() if e.asset_details}
    made = newest_events(instance, dg.DagsterEventType.ASSET_MATERIALIZATION, asked, wiped)
    planned = newest_events(instance, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, asked, wiped)
    unmade = {at: e.run_id for at, e in planned.items() if at not in made or made[at].storage_id < e.storage_id}
    status, ids = dict[str, dg.DagsterRunStatus](), sorted(set(unmade.values()))
    for first in range(0, len(ids), _IDS):
        runs = instance.get_runs(dg.RunsFilter(run_ids=ids[first : first + _IDS]))
        status |= {run.run_id: run.status for run in runs}
    found: dict[dg.AssetKey, dict[str, str]] = defaultdict(dict)
    for key, mall in made:
        found[key][mall] = "MATERIALIZED"
    for (key, mall), run_id in unmade.items():
        if status.get(run_id) == dg.DagsterRunStatus.FAILURE:
            found[key][mall] = "FAILED"
        elif status.get(run_id) not in _ENDED_UNMADE:
            found[key][mall] = "IN_PROGRESS"
    return found


def newest_events(
    instance: dg.DagsterInstance, kind: _Kind, wanted: Mapping[dg.AssetKey, Collection[str]],
    wiped: Mapping[dg.AssetKey, float] | None = None,
) -> dict[tuple[dg.AssetKey, str], Any]:  # fmt: skip
    """The newest event of a kind of each wanted asset and mall, in short (`storage_id`, `run_id`, `timestamp`).

    The newest of all assets are read in one go; a mall that an asset has none of among those is looked for by itself.

    Args:
        wiped: when an asset was wiped (epoch seconds): what is older does not count.
    """
    left = {key: set(malls) for key, malls in wanted.items() if malls}
    found, since = dict[tuple[dg.AssetKey, str], Any](), wiped or {}
    most = min(max(_DEEP * sum(map(len, left.values())), _PAGE[0]), _PAGE[1])
    alone: Any = {"asset_key": next(iter(left))} if len(left) == 1 else {}
    page = instance.get_asset_event_summary_records(kind, limit=most, **alone) if left else ()
    for event in page:
        key, mall = event.asset_key, str(event.partition)
        if mall in left.get(key, ()) and event.timestamp > since.get(key, 0.0):
            left[key].discard(mall)
            found[key, mall] = event
    if len(page) < most:
        return found
    storage, ids = instance.event_log_storage, list[int]()
    for key in (k for k, malls in left.items() if malls):
        ids += storage.get_latest_storage_id_by_partition(key, kind, left[key]).values()
    for first in range(0, len(ids), _IDS):
        some = ids[first : first + _IDS]
        rest = instance.get_asset_event_summary_records(kind, storage_ids=some)
        found |= {(event.asset_key, str(event.partition)): event for event in rest}
    return found


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
    """When the shop tables of each mall last landed."""
    landed = newest_events(instance, dg.DagsterEventType.ASSET_MATERIALIZATION, {dg.AssetKey("orders"): malls})
    return {mall: datetime.fromtimestamp(event.timestamp, UTC) for (_, mall), event in landed.items()}


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
