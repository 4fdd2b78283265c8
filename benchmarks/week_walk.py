"""The walk through the week: the clock goes from step to step, and what is due then happens, ticks and runs.

Schedules tick at exactly their times. Sensors tick every `SENSOR_MINUTES` of the mall's time instead of every 30 to
600 seconds, all of them, in the order of the table. Does not belong here: judging (`week_judge.py`).
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.week_clock import DrivenClock, driven
from benchmarks.week_drive import Drive, Run, Tick, quiet
from benchmarks.week_story import SUNDAY, ZONE, Happening, World, script, world

SENSOR_MINUTES: Final = 30


@dataclass
class Walk:
    """What came of a walk."""

    begin: datetime
    end: datetime
    ticks: list[Tick]
    runs: list[Run]
    happened: list[Happening]
    kinds: dict[str, str]  # workflow or upkeep automation to schedule | sensor
    workflows: list[str]
    events: list[dict[str, Any]]
    posted: list[tuple[str, str]]
    status_failed: list[str]
    truth: dict[str, Any] = field(default_factory=dict)
    webhooks: int = 0
    latest: float = 0.0
    seconds: float = 0.0
    cpu: float = 0.0


def walk(folder: Path, days: int, members: int, say: Callable[[str], None]) -> Walk:
    """Live through the days up to that Sunday's end."""
    begin = SUNDAY - timedelta(days=days - 1)
    clock = DrivenClock(begin)
    began, cpu = time.monotonic(), time.process_time()
    with world(folder, clock, begin, members) as alive, driven(clock):
        found = _walked(alive, clock, begin, days, say)
    found.seconds, found.cpu = time.monotonic() - began, time.process_time() - cpu
    return found


def _walked(alive: World, clock: DrivenClock, begin: datetime, days: int, say: Callable[[str], None]) -> Walk:
    from cafe24_pipelines.definitions import build_defs
    from cafe24_pipelines.instance import dagster_instance
    from cafe24_pipelines.resources import resources_for

    end = begin + timedelta(days=days)
    happenings = script(begin, days)
    with dagster_instance(alive.settings) as instance:
        drive = Drive(build_defs(loggers={"quiet": quiet}), instance, resources_for, clock)
        found = Walk(begin, end, drive.ticks, drive.runs, happenings, {}, [], [], alive.posted, drive.status_failed)
        found.kinds = {**dict.fromkeys(drive.schedules, "schedule"), **dict.fromkeys(drive.sensors, "sensor")}
        found.workflows = drive.workflows
        for at, what in _agenda(drive, happenings, begin, end):
            found.latest = max(found.latest, clock.set(at))
            alive.control.set_clock(clock.now())
            _step(alive, drive, found, (at, what), say)
    found.events = [
        {"seq": e.seq, "id": e.event_id, "mall": e.mall_id, "type": e.type, "at": e.occurred_at, "payload": e.payload}
        for e in _every_event(alive)
    ]
    found.truth = _truth(alive, begin, end)
    found.webhooks = len(alive.control.webhook_logs())
    return found


def _agenda(
    drive: Drive, happenings: list[Happening], begin: datetime, end: datetime
) -> list[tuple[datetime, str | Happening]]:
    """Everything by time; at one time what happens comes first, then schedules, then the sensors."""
    found: list[tuple[datetime, int, str | Happening]] = [(h.at, 0, h) for h in happenings]
    found += [(at, 1, name) for at, name in drive.calendar(begin, end)]
    at = begin
    while at < end:
        found.append((at, 2, ""))
        at += timedelta(minutes=SENSOR_MINUTES)
    return [(at, what) for at, _, what in sorted(found, key=lambda f: (f[0], f[1], str(f[2])))]


def _step(
    alive: World, drive: Drive, found: Walk, due: tuple[datetime, str | Happening], say: Callable[[str], None]
) -> None:
    (at, what), before = due, len(drive.runs)
    if isinstance(what, Happening):
        what.do(alive)
        say(f"{at:%a %H:%M}  *  {what.what}")
        while alive.by_hand:
            job, partition = alive.by_hand.pop(0)
            drive.execute(job, "a person", at=at, partition=partition)
    elif what:
        _said(drive.schedule(what, at), say)
    else:
        alive.control.deliver()
        for name in drive.sensors:
            _said(drive.sensor(name, at), say)
    for run in drive.runs[before:]:
        if run.job not in ("heartbeat_beat", "readiness_check"):
            mark = "ok" if run.ok else f"FAILED {run.error}"
            say(f"{at:%a %H:%M}  {run.by}: {run.job} {mark} ({run.seconds:.1f} s, {run.cpu:.1f} s CPU)")


def _said(tick: Tick, say: Callable[[str], None]) -> None:
    if tick.failed or tick.repeated:
        say(f"{tick.at:%a %H:%M}  {tick.name}: {tick.why} {tick.repeated or ''}")


def _every_event(alive: World) -> list[Any]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(alive.log.path)) as db:
        malls = [m for (m,) in db.execute("SELECT DISTINCT mall_id FROM events ORDER BY 1")]
    found: list[Any] = []
    for mall in malls:
        after = 0
        while page := alive.log.read(mall, after=after):
            found += page
            after = page[-1].seq
    return sorted(found, key=lambda e: e.seq)


def _truth(alive: World, begin: datetime, end: datetime) -> dict[str, Any]:
    """Orders by the day on which they were placed, as the mall itself has them on that Sunday at 10:00."""
    at = end - timedelta(hours=14)
    rows = alive.mall.rows("orders", at, where={"start": begin - timedelta(days=7), "end": at})
    days = Counter(datetime.fromisoformat(row["order_date"]).astimezone(ZONE).date().isoformat() for row in rows)
    return {"orders_by_day": dict(sorted(days.items()))}
