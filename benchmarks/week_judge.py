"""Whether the week went as the table says: calendar, causes, nothing twice, work of each, the retrospective.

Each question gives lines of what is wrong; none is right. The table's times and what may wake a sensor are written
down here a second time, on purpose. Does not belong here: how the week was lived (`week_walk.py`).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from benchmarks.week_drive import Tick
from benchmarks.week_story import MALL, ZONE
from benchmarks.week_walk import SENSOR_MINUTES, Walk

TABLE: Final = {
    "morning_research": ("09:00", "14:00"),
    "evening_analysis": ("12:00", "18:00"),
    "weekly_retrospective": ("Sun 10:00",),
    "code_analyzer": ("10:00", "15:00"),
    "ontology_health": ("10:30", "14:30", "17:30"),
    "insight_publisher": ("12:30", "18:30"),
    "cross_pattern_v1": ("11:00", "16:00"),
    "shop_sync": tuple(f"{h:02d}:05" for h in range(24)),
    "prototype_completion": tuple(f"{h:02d}:40" for h in range(24)),
    "model_warmup": tuple(f"{h:02d}:{m:02d}" for h in range(8, 22) for m in range(0, 60, 10)),
}
"""Workflow to its times of the day in Seoul."""

INBOX: Final = {
    "learning_loop": ("feedback.received",),
    "feature_auto_improver": ("feedback.received",),
    "code_generator": ("generate.requested",),
    "user_onboarding": ("app.installed",),
    "subscription": ("plan.changed", "app.uninstalled"),
    "ab_a_baseline": ("comparison.requested",), "ab_b_rag_only": ("comparison.requested",),
    "ab_c_ontology_plus": ("comparison.requested",),
}  # fmt: skip
"""Sensor to the events that may wake it; the three arms also wake when the job `comparison_report` has run."""
AFTER_RUNS: Final = {
    "ontology_builder": ("shop_chain", "whole_chain"),
    "dashboard_api": ("after_landing", "discovery", "research_summary", "whole_chain"),
    "dashboard_ui": ("dashboard_publication", "after_landing", "whole_chain"),
    "cross_pattern_v2": ("research_collection", "after_landing", "discovery", "whole_chain"),
    "churn_signal_watch": ("after_landing", "whole_chain"),
    "ab_a_baseline": ("comparison_report",), "ab_b_rag_only": ("comparison_report",),
    "ab_c_ontology_plus": ("comparison_report",),
}  # fmt: skip
"""Sensor to the jobs that change what it watches: it may fire once after such a run, and not before."""


def judged(walk: Walk) -> dict[str, list[str]]:
    """Every question with what is wrong."""
    return {
        "the calendar of what ticked is the table's": list(_calendar(walk)),
        "no tick failed": [f"{t.at:%a %H:%M} {t.name}: {t.why}" for t in walk.ticks if t.failed] + walk.status_failed,
        "each sensor fired after its cause": list(_before_their_cause(walk)),
        "each sensor noticed at its next tick": list(_unnoticed(walk)),
        "nothing ran twice": list(_twice(walk)),
        "each event has one effect": list(_effects(walk)),
        "runs failed only where the API was down, and recovered": list(_failures(walk)),
        "each of the 24 did its work or said why not": [
            f"{name}: neither a run nor a reason" for name, (runs, why) in work(walk).items() if not runs and not why
        ],
        "the retrospective tells the true story": list(_retrospective(walk)),
    }  # fmt: skip


def work(walk: Walk) -> dict[str, tuple[int, str]]:
    """Workflow to its runs that ended well, and the latest reason for which it skipped."""
    good = {run.run_id for run in walk.runs if run.ok}
    found = {}
    for name in walk.workflows:
        mine = [t for t in walk.ticks if t.name == name]
        why = next((t.why for t in reversed(mine) if t.why and not t.failed), "")
        found[name] = (sum(run in good for t in mine for run in t.runs), why)
    return found


def _calendar(walk: Walk) -> Iterator[str]:
    for name, times in TABLE.items():
        if name not in walk.kinds:
            yield f"{name}: there is no such schedule"
            continue
        wanted, day = [], walk.begin
        while day < walk.end:
            for said in times:
                weekday, _, clock = said.rpartition(" ")
                hour, minute = map(int, clock.split(":"))
                if not weekday or f"{day:%a}" == weekday:
                    wanted.append(day + timedelta(hours=hour, minutes=minute))
            day += timedelta(days=1)
        ticked = [t.at for t in walk.ticks if t.name == name]
        if sorted(wanted) != sorted(ticked):
            yield f"{name}: {len(ticked)} ticks, the table has {len(wanted)}"


def _fires(walk: Walk, name: str) -> list[Tick]:
    return [t for t in walk.ticks if t.name == name and t.runs]


def _causes(walk: Walk, name: str) -> list[datetime]:
    """When what may wake a sensor happened."""
    known = {i for _, i in walk.posted}
    events = [e["at"] for e in walk.events
              if e["type"] in INBOX.get(name, ()) and (e["id"] in known or e["type"].startswith("app."))]  # fmt: skip
    return sorted([*events, *(r.at for r in walk.runs if r.job in AFTER_RUNS.get(name, ()))])


def _before_their_cause(walk: Walk) -> Iterator[str]:
    """A firing without a cause since the firing before."""
    for name in {*INBOX, *AFTER_RUNS} & set(walk.kinds):
        causes, before = _causes(walk, name), walk.begin - timedelta(days=1)
        late = timedelta(seconds=60 + walk.latest)  # an event is stamped when the clock comes to it
        for tick in _fires(walk, name):
            if not any(before <= cause <= tick.at + late for cause in causes):
                yield f"{name} fired on {tick.at:%a %H:%M} without a cause since {before:%a %H:%M}"
            before = tick.at


def _unnoticed(walk: Walk) -> Iterator[str]:
    """What the script says must wake a workflow, and didn't within two ticks."""
    for happening in walk.happened:
        for name in happening.wakes:
            until = happening.at + timedelta(minutes=2 * SENSOR_MINUTES)
            mine = [t for t in walk.ticks if t.name == name and happening.at <= t.at <= until]
            if name in walk.kinds and until < walk.end and not any(t.runs for t in mine):
                told = mine[-1].why if mine else "it did not tick"
                yield f"{name} did not notice: {happening.what} ({happening.at:%a %H:%M}): {told}"


def _twice(walk: Walk) -> Iterator[str]:
    sensors = Counter((r.by, r.key) for r in walk.runs if walk.kinds.get(r.by) == "sensor" and r.key)
    clocks = Counter((r.by, r.at, r.key) for r in walk.runs if walk.kinds.get(r.by) == "schedule" and r.key)
    yield from (f"{found[0]} ran {n} times for {found[-1]}" for found, n in (sensors + clocks).items() if n > 1)
    yield from (f"{t.name} asked again on {t.at:%a %H:%M} for {', '.join(t.repeated)}"
                for t in walk.ticks if t.repeated)  # fmt: skip
    unkeyed = {r.by for r in walk.runs if not r.key and r.by != "a person"}
    yield from (f"{name} asks for runs without a key" for name in sorted(unkeyed))
    ids = Counter(e["id"] for e in walk.events)
    yield from (f"event {event} is logged {n} times" for event, n in ids.items() if n > 1)


def _effects(walk: Walk) -> Iterator[str]:
    """Each verdict is judged once, each request answered once, each installation onboarded once."""
    effects = {"feedback.received": ("learning.accepted", "learning.refused"),
               "generate.requested": ("code.verified",), "app.installed": ("mall.onboarded",)}  # fmt: skip
    for kind, wanted in effects.items():
        put = {i for name, i in walk.posted if name == kind}
        done = [e for e in walk.events if e["type"] in wanted and e["mall"] == MALL]
        if len(done) != len(put):
            yield f"{len(put)} events {kind}, {len(done)} effects ({' or '.join(wanted)})"


def _failures(walk: Walk) -> Iterator[str]:
    down = [(h.at, h.at + timedelta(hours=1)) for h in walk.happened if h.what == "the Admin API is down"]
    for run in (r for r in walk.runs if not r.ok):
        if not any(begin <= run.at <= end for begin, end in down):
            yield f"{run.job} of {run.by} failed on {run.at:%a %H:%M}: {run.error}"
    for _, end in down:
        if end < walk.end and not any(r.ok and r.job == "shop_chain" and r.at >= end for r in walk.runs):
            yield f"no sync succeeded after {end:%a %H:%M}"
    if down and not any(not r.ok for r in walk.runs):
        yield "the API was down and no run failed"


def _retrospective(walk: Walk) -> Iterator[str]:
    """What the event of the retrospective says, against the harness's own count."""
    told = [e["payload"] for e in walk.events if e["type"] == "week.reviewed" and e["mall"] == MALL]
    if not told:
        if "weekly_retrospective" in walk.kinds and any(r.by == "weekly_retrospective" for r in walk.runs):
            yield "the retrospective ran and left no event"
        return
    said = told[-1]
    first, last = (datetime.fromisoformat(day).replace(tzinfo=ZONE) for day in said["week"])
    if last.date() != (walk.end - timedelta(days=2)).date():
        yield f"it is of the week {said['week']}, the last Saturday is {walk.end - timedelta(days=2):%Y-%m-%d}"
    verdicts = Counter(
        e["payload"]["verdict"] for e in walk.events
        if e["type"] == "feedback.received" and first <= e["at"] < last + timedelta(days=1)
    )  # fmt: skip
    if {k: v for k, v in said["feedback"].items() if v} != dict(verdicts):
        yield f"feedback: it says {said['feedback']}, there was {dict(verdicts)}"
    yield from _orders(walk, said)
    failed = {r.job for r in walk.runs if not r.ok and r.at < last + timedelta(days=1)}
    promised = {p["about"] for p in said["promises"] if p["kind"] == "job"}
    if promised - failed:
        yield f"it still waits for {sorted(promised - failed)}, which did not fail"


def _orders(walk: Walk, said: dict[str, Any]) -> Iterator[str]:
    for row in said["figures"]:
        name = row.get("metric") or row.get("name")
        if name == "orders" and said["data_week"]:
            true = walk.truth["orders_by_day"]
            first, last = said["data_week"]
            wanted = sum(n for day, n in true.items() if first <= day <= last)
            if row["value"] != wanted:
                yield f"orders of {first} to {last}: it says {row['value']:g}, the mall has {wanted}"
