"""Schedules carry one run a mall, in Seoul's time, once a tick."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from cafe24_pipelines.automation import WORKFLOW_TAG
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.schedules.workflows import all_schedules
from cafe24_pipelines.settings import Settings


@pytest.mark.parametrize("schedule", all_schedules, ids=lambda s: s.name)
def test_one_run_a_mall_with_a_key_of_the_tick(schedule: dg.ScheduleDefinition, tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, 11, 0, tzinfo=ZoneInfo("Asia/Seoul"))
    with dagster_instance(Settings.from_env({}, home=tmp_path)) as instance:
        instance.add_dynamic_partitions("malls", ["sandbox", "another"])
        events = EventsResource(home=str(tmp_path))
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, resources={"events": events}
        ) as context:
            requests = list(schedule(context))  # type: ignore[arg-type]
    assert [r.partition_key for r in requests] == ["another", "sandbox"]
    assert len({r.run_key for r in requests}) == 2 and all(at.isoformat() in r.run_key for r in requests)
    assert schedule.tags[WORKFLOW_TAG]
