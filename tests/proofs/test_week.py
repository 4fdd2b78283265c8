"""A short form of the simulated week: the same script, ticks and questions on a smaller mall, on its Sunday alone.

The whole week is `python -m benchmarks.week`; a process of its own, because the time of day is replaced in it.
"""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.week_clock import DrivenClock, cron_times, driven
from benchmarks.week_story import SUNDAY

ROOT = Path(__file__).parents[2]


def test_crons_are_read_like_the_table() -> None:
    week = (SUNDAY - timedelta(days=6), SUNDAY + timedelta(days=1))
    assert len(cron_times("*/10 8-21 * * *", *week)) == 7 * 14 * 6
    assert [f"{at:%a %H:%M}" for at in cron_times("0 10 * * 0", *week)] == ["Sun 10:00"]
    assert cron_times(["30 10 * * *", "30 14 * * *"], *week) == cron_times("30 10,14 * * *", *week)


@pytest.mark.slow
def test_project_and_dagster_live_by_the_driven_clock_inside_the_block_alone() -> None:
    from dagster._time import get_current_datetime  # what Dagster stamps with; it has no public name

    from cafe24_pipelines.stores import events

    clock = DrivenClock(SUNDAY)
    with driven(clock):
        assert abs(get_current_datetime() - SUNDAY) < timedelta(minutes=5)
        now = events.datetime.now(SUNDAY.tzinfo)
        assert abs(now - SUNDAY) < timedelta(minutes=5) and type(now) is datetime
        clock.set(SUNDAY + timedelta(days=3))
        assert clock.set(SUNDAY) > 2 * 86_400, "it never goes back"
    assert events.datetime is datetime and abs(get_current_datetime() - SUNDAY) > timedelta(minutes=5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_day_of_all_schedules_and_sensors_goes_as_the_table_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.week", "--days", "1", "--members", "40", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1750)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
    answers = [line for line in done.stdout.splitlines() if line.startswith(("yes  ", "NO   "))]
    assert len(answers) == 9 and all(line.startswith("yes") for line in answers)
    drawn = ElementTree.fromstring((tmp_path / "week.svg").read_text(encoding="utf-8"))
    marks = [e for e in drawn.iter() if e.tag.endswith("circle")]
    assert len(marks) > 24
