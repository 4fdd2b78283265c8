"""The 24 workflows as a whole, walked over the definitions; and their runbook, which can't drift from them."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cafe24_pipelines.automation import CATEGORIES, WORKFLOW_TAG
from cafe24_pipelines.definitions import build_defs
from cafe24_pipelines.names import SEOUL
from cafe24_pipelines.runbook import ORDER, page, workflows

CRONS = {
    "morning_research": "0 9,14 * * *",
    "evening_analysis": "0 12,18 * * *",
    "weekly_retrospective": "0 10 * * 0",
    "code_analyzer": "0 10,15 * * *",
    "ontology_health": "30 10,14,17 * * *",
    "insight_publisher": "30 12,18 * * *",
    "shop_sync": "5 * * * *",
    "prototype_completion": "40 * * * *",
    "model_warmup": "*/10 8-21 * * *",
    "cross_pattern_v1": "0 11,16 * * *",
}
"""Minutes of the hourly ones are ours; the rest stands in the table. 8-21 ends at 21:50, the last before 22:00."""

CATEGORY = {
    "ab_test": ORDER[0:4], "dashboard": ORDER[4:6], "auto_discovery": ORDER[6:11], "intelligent": ORDER[11:15],
    "infrastructure": ORDER[15:21], "model_warmup": ORDER[21:22], "cross_pattern": ORDER[22:24],
}  # fmt: skip


@pytest.fixture(scope="module")
def defs() -> Iterator[dg.Definitions]:
    with dg.DagsterInstance.ephemeral():  # what another test's instance left behind is not asked for state
        yield build_defs()


@pytest.fixture(scope="module")
def tagged(defs: dg.Definitions) -> dict[str, Any]:
    every = [*(defs.schedules or ()), *(defs.sensors or ())]
    return {d.name: d for d in every if WORKFLOW_TAG in (d.tags or {})}  # type: ignore[union-attr]


def test_exactly_the_24_carry_the_tag_with_their_category(tagged: dict[str, Any]) -> None:
    assert len(ORDER) == len(set(ORDER)) == 24
    assert set(tagged) == set(ORDER)
    for category, names in CATEGORY.items():
        assert {name for name, d in tagged.items() if d.tags[WORKFLOW_TAG] == category} == set(names)
    assert list(CATEGORY) == list(CATEGORIES)


def test_schedules_run_at_the_tables_times_in_seoul(tagged: dict[str, Any]) -> None:
    schedules = {name: d for name, d in tagged.items() if isinstance(d, dg.ScheduleDefinition)}
    assert {name: d.cron_schedule for name, d in schedules.items()} == CRONS
    assert {d.execution_timezone for d in schedules.values()} == {SEOUL}


def test_the_runbook_is_made_of_the_definitions(defs: dg.Definitions) -> None:
    text = page(workflows(defs))
    stored = (Path(__file__).parents[1] / "docs" / "workflows.md").read_text(encoding="utf-8")
    assert stored == text, "run: python -m cafe24_pipelines.runbook > docs/workflows.md"
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(ORDER)


def test_the_definitions_load_without_a_warning() -> None:
    load = [sys.executable, "-W", "default", "-c", "import cafe24_pipelines.definitions"]
    done = subprocess.run(load, capture_output=True, text=True, check=True, timeout=120)
    assert [line for line in done.stderr.splitlines() if "cafe24_pipelines" in line] == []
