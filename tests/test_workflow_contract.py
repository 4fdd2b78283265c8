"""The contract of a single workflow, as one list of faults: empty for each of the 24, and never for a broken one."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cafe24_pipelines.automation import CATEGORIES, READS, REMEDY, WORKFLOW_TAG, WRITES
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.names import CRM_TEAM, DATA_TEAM, ML_TEAM, SEOUL
from cafe24_pipelines.runbook import ORDER, read_workflow
from cafe24_pipelines.sensors.run_history import BATCH_TAG

PACKAGE = Path(__file__).parents[1] / "cafe24_pipelines"
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
NAMED = re.compile(r"`([a-z_]+(?:\.[a-z_]+)*)`")


@pytest.fixture(scope="module")
def defs() -> Iterator[dg.Definitions]:
    with dg.DagsterInstance.ephemeral():
        yield build_defs()


@cache
def event_types() -> frozenset[str]:
    """What the package calls events: constants with a dot, and quoted ones where no workflow describes itself."""
    found: set[str] = set()
    for file in PACKAGE.rglob("*.py"):
        constant = "Final = " if file.parent.name in {"sensors", "schedules"} else ""
        found |= set(re.findall(rf'{constant}"([a-z]+\.[a-z_]+)"', file.read_text(encoding="utf-8")))
    return frozenset(found)


def made_by(defs: dg.Definitions, name: str) -> set[str]:
    """Assets that a job makes: those it selects, or the one that its batches materialise."""
    job = defs.resolve_job_def(name)
    batch = job.tags.get(BATCH_TAG)
    selected = job.asset_layer.selected_asset_keys if job.asset_layer else ()
    return {batch} if batch else {key.to_user_string() for key in selected}


def trigger(cron: str) -> list[str]:
    """What a description must say of its cron, word by word."""
    minute, hour, day, month, weekday = cron.split()
    assert (day, month) == ("*", "*")
    if hour == "*":
        return ["Hourly"]
    if minute.startswith("*/"):
        first, last = hour.split("-")
        return [f"Every {minute[2:]} minutes", f"{int(first):02}:00 to {int(last) + 1:02}:00"]
    times = [f"{int(h):02}:{int(minute):02}" for h in hour.split(",")]
    return [*times, *([] if weekday == "*" else [DAYS[int(weekday)]])]


def faults(defs: dg.Definitions, d: Any) -> list[str]:
    """What is wrong with a workflow's definition."""
    told, found = read_workflow(d), []
    clock = isinstance(d, dg.ScheduleDefinition)
    jobs = {job.name for job in defs.resolve_all_job_defs()}
    assets = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}

    def need(holds: object, fault: str) -> None:
        if not holds:
            found.append(fault)

    need(told.category in CATEGORIES, "category")
    need(told.owners and set(told.owners) <= {DATA_TEAM, CRM_TEAM, ML_TEAM}, "owner")
    need(d.default_status in (dg.DefaultScheduleStatus.STOPPED, dg.DefaultSensorStatus.STOPPED), "status")
    when, _, effect = told.description.partition(": ")
    need("\n" not in told.description and len(effect.split()) >= 4, "effect")
    if clock:
        need(d.execution_timezone == SEOUL, "zone")
        need(all(word in when for word in trigger(d.cron_schedule)), "trigger")
    else:
        need(when.startswith("When "), "trigger")
        need(30 <= (d.minimum_interval_seconds or 0) <= 3600, "interval")
    need(told.starts, "starts nothing")
    need(set(told.starts) <= jobs, "job")
    need(all(len(text) > 10 for text in (told.reads, told.writes, told.remedy)), "runbook")
    made = {asset for job in told.starts if job in jobs for asset in made_by(defs, job)}
    need(made <= assets, "asset of a job")
    names = set(NAMED.findall(told.writes))
    events = {name for name in names if "." in name}
    need(events <= event_types(), "event")
    need(names - events <= made, "asset")
    need(made or events, "result")  # else what it did would be shown nowhere
    return found


@pytest.mark.parametrize("name", ORDER)
def test_each_workflow_has_no_fault(defs: dg.Definitions, name: str) -> None:
    [d] = [d for d in (*(defs.schedules or ()), *(defs.sensors or ())) if d.name == name]
    assert faults(defs, d) == []


WHOLE = {READS: "the event log of malls", WRITES: "`day_summary` and nothing else", REMEDY: "launch the run again"}


def clocked(**change: Any) -> dg.ScheduleDefinition:
    whole: dict[str, Any] = {
        "name": "made_up", "cron_schedule": "0 10 * * 0", "job_name": "day_analysis", "execution_timezone": SEOUL,
        "default_status": dg.DefaultScheduleStatus.STOPPED, "tags": {WORKFLOW_TAG: "intelligent"},
        "owners": [CRM_TEAM], "description": "Sunday 10:00: does what a workflow does.", "metadata": WHOLE,
    }  # fmt: skip
    return dg.ScheduleDefinition(**(whole | change))


def sensed(**change: Any) -> dg.SensorDefinition:
    whole: dict[str, Any] = {
        "name": "made_up", "job_name": "churn_watch", "minimum_interval_seconds": 60,
        "default_status": dg.DefaultSensorStatus.STOPPED, "tags": {WORKFLOW_TAG: "intelligent"},
        "owners": [CRM_TEAM], "description": "When a thing changed: does what a workflow does.",
        "metadata": WHOLE | {WRITES: "events `churn.signalled`, and `churn_signals`"},
        "evaluation_fn": lambda context: dg.SkipReason(""),
    }  # fmt: skip
    return dg.SensorDefinition(**(whole | change))


@pytest.mark.parametrize(
    ("make", "change", "fault"),
    [
        (clocked, {}, None), (sensed, {}, None),
        (sensed, {"tags": {WORKFLOW_TAG: "misc"}}, "category"), (sensed, {"owners": None}, "owner"),
        (sensed, {"owners": ["team:nobody"]}, "owner"),
        (sensed, {"default_status": dg.DefaultSensorStatus.RUNNING}, "status"),
        (sensed, {"description": "When a thing changed"}, "effect"),
        (sensed, {"description": "Looks: does what a workflow does."}, "trigger"),
        (clocked, {"description": "Sunday 09:00: does what a workflow does."}, "trigger"),
        (clocked, {"cron_schedule": "0 10 * * 1"}, "trigger"), (clocked, {"cron_schedule": "5 * * * *"}, "trigger"),
        (clocked, {"execution_timezone": "UTC"}, "zone"), (clocked, {"execution_timezone": None}, "zone"),
        (sensed, {"minimum_interval_seconds": 1}, "interval"), (sensed, {"job_name": None}, "starts nothing"),
        (clocked, {"job_name": "gone"}, "job"), (sensed, {"metadata": {}}, "runbook"),
        (sensed, {"metadata": WHOLE | {WRITES: "events `churn.invented`"}}, "event"),
        (sensed, {"metadata": WHOLE | {WRITES: "`day_summary`, made elsewhere"}}, "asset"),
        (sensed, {"job_name": "token_care", "metadata": WHOLE | {WRITES: "nothing to see"}}, "result"),
    ],
)  # fmt: skip
def test_a_broken_workflow_is_caught(
    defs: dg.Definitions, make: Callable[..., Any], change: dict[str, Any], fault: str | None
) -> None:
    found = faults(defs, make(**change))
    assert found == [] if fault is None else fault in found


# -- the graph -----------------------------------------------------------------------------------------------------


def started(defs: dg.Definitions) -> set[str]:
    """Every job that a workflow or upkeep starts."""
    clocks = [d.job_name for d in defs.schedules or () if isinstance(d, dg.ScheduleDefinition)]
    sensors = [d for d in defs.sensors or () if not isinstance(d, dg.AutomationConditionSensorDefinition)]
    return {*clocks, *(target.job_name for d in sensors for target in d.targets)}


BY_HAND = {"ab_questions", "admin_api/order_history"}
"""What a person asks for: the question set of a comparison, a back-fill of months."""


def test_each_asset_is_made_by_workflows_or_by_its_own_condition_and_never_by_both(defs: dg.Definitions) -> None:
    every = {spec.key.to_user_string(): spec.automation_condition for spec in defs.resolve_all_asset_specs()}
    conditioned = {name for name, condition in every.items() if condition is not None}
    launched = {asset for job in started(defs) for asset in made_by(defs, job)}
    assert conditioned and not conditioned & launched, "it would be made twice"
    assert set(every) - conditioned - launched == BY_HAND, "nothing makes it anew when what it is made of changes"


# -- what must be explicit: a definition can't tell a default from a choice, its source can -------------------------

EXPLICIT = {
    "sensor": {"name", "minimum_interval_seconds", "default_status", "tags", "owners", "description", "metadata"},
    "schedule": {"name", "cron_schedule", "execution_timezone", "default_status", "tags", "owners", "description",
                 "metadata"},
}  # fmt: skip


def unsaid(source: str) -> tuple[int, list[str]]:
    """How many workflows a module defines, and what each leaves to a default."""
    count, missing = 0, []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EXPLICIT:
            said = {k.arg for k in node.keywords}
            tags = next((ast.unparse(k.value) for k in node.keywords if k.arg == "tags"), "")
            if "WORKFLOW_TAG" in tags:
                count += 1
                missing += sorted(EXPLICIT[node.func.attr] - said)
    return count, missing


def test_status_interval_and_zone_are_written_down_and_not_left_to_dagster() -> None:
    modules = [f for room in ("sensors", "schedules") for f in sorted((PACKAGE / room).glob("*.py"))]
    found = [unsaid(file.read_text(encoding="utf-8")) for file in modules]
    assert [missing for _, missing in found if missing] == []
    assert sum(count for count, _ in found) == 22, "the three arms are made by one definition"
    lacking = "@dg.sensor(name='a', tags={WORKFLOW_TAG: 'x'}, owners=[], description='', metadata={})\ndef a(): ..."
    assert unsaid(lacking) == (1, ["default_status", "minimum_interval_seconds"])
