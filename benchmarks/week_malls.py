"""Many malls: what a tick of each sensor and schedule costs at 10, 50 and 200 malls, and runs that carry a batch.

The malls are copies of one tiny mall that the chain built: its folders under other names (files linked, not copied),
its registration, its partition, an event of each kind that workflows wait for. Does not belong here: the week itself.
"""

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from unittest import mock
from zoneinfo import ZoneInfo

from benchmarks.week_drive import Drive, Tick
from cafe24_pipelines.names import SANDBOX_MALL, SEOUL
from cafe24_pipelines.schedules.batches import MOST_MALLS

SIZES: Final = (10, 50, 200)
LIMIT_S: Final = 10.0
"""No sensor and no schedule may take longer for a tick."""
BATCHED: Final = ("ontology_health", "evening_analysis", "weekly_retrospective", "code_analyzer", "insight_publisher")
"""Schedules whose runs carry many malls; written down a second time, on purpose."""
ROUNDS: Final = 3
FLAT: Final = 2.0
"""A tick is flat when a mall more costs, between the two largest sizes, at most so many times a mall's share at the
largest: its cost grows with the malls, and no faster."""


@dataclass(frozen=True)
class Cost:
    """A sensor or schedule at a number of malls: processor seconds of its first tick and of a later one.

    At a sensor's first tick every mall is new, and a later one is quiet. `asked` counts the runs that a sensor asked
    for until it was quiet, or a schedule in one tick.
    """

    name: str
    kind: str
    malls: int
    first: float
    steady: float
    asked: int
    why: str


def measure(folder: Path, sizes: Sequence[int], say: Callable[[str], None], built: Path | None = None) -> list[Cost]:
    """The cost of every sensor and schedule at each size; `built` is a home with the sandbox mall (default: made)."""
    source, found = built or _built(folder / "one", say), []
    for size in sorted(sizes):
        home = folder / f"malls-{size}"
        names = [f"mall{n:03d}" for n in range(size)]
        with _many(source, home, names) as drive:
            for name in (*drive.sensors, *drive.schedules):
                cost = (_sensor if name in drive.sensors else _schedule)(drive, name, size)
                found.append(cost)
                say(f"{size:>4} malls  {cost.kind:<8} {name:<24} first {cost.first:7.3f} s  "
                    f"steady {cost.steady:7.3f} s  {1000 * cost.steady / size:8.2f} ms a mall  "
                    f"asked {cost.asked}  {cost.why[:80]}")  # fmt: skip
        shutil.rmtree(home, ignore_errors=True)
    return found


def verdicts(found: Sequence[Cost]) -> list[str]:
    """What is wrong: ticks beyond the limit or that aren't flat, and a run a mall where a run carries many."""
    wrong = [
        f"{c.name}: {max(c.first, c.steady):.1f} s a tick at {c.malls} malls (at most {LIMIT_S:g})"
        for c in found if max(c.first, c.steady) > LIMIT_S
    ]  # fmt: skip
    wrong += [
        f"{c.name}: {c.asked} runs for {c.malls} malls (a run carries {MOST_MALLS}) {c.why}"
        for c in found if c.name in BATCHED and c.asked != -(-c.malls // MOST_MALLS)
    ]  # fmt: skip
    for name in dict.fromkeys(c.name for c in found):
        mine = sorted((c for c in found if c.name == name), key=lambda c: c.malls)
        if len(mine) < 2 or mine[-1].steady < 0.2:  # below that, a tick is what starting it costs
            continue
        before, most = mine[-2], mine[-1]
        more = (most.steady - before.steady) / (most.malls - before.malls)
        share = before.steady / before.malls
        if more > FLAT * share:
            wrong.append(
                f"{name}: a mall more costs {1000 * more:.1f} ms beyond {before.malls}, {1000 * share:.1f} before"
            )
    return wrong


def batch(folder: Path, size: int, say: Callable[[str], None], built: Path | None = None) -> dict[str, float]:
    """Embedded runs that carry `size` malls, of tokens looked after and of days summed up, against runs for one."""
    from cafe24_pipelines.cafe24.admin_api.oauth import token_set
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall
    from cafe24_pipelines.sandbox.server import RunningSandbox
    from cafe24_pipelines.settings import Settings

    names = [f"mall{n:03d}" for n in range(size)]
    mall = SandboxMall.build(folder / "batch.sqlite", customers=20)
    source, now = built or _built(folder / "one", say), datetime.now(UTC)
    with (
        RunningSandbox(mall.path, process=True, limits=False, token_calls=0, mall_ids=tuple(names)) as sandbox,
        _many(source, folder / "batch", names, url=f"{sandbox.url}/{{mall_id}}") as drive,
    ):
        settings = Settings.from_env()
        for name in names:
            pair = token_set(sandbox.control.grant(mall_id=name), time.time())
            token_keeper(settings, name).install(pair)
        took = {}
        for job, op in (("token_care", "care_for_tokens"), ("day_analysis", "day_summary_batch")):
            for what, malls in (("one mall", names[:1]), ("one mall again", names[:1]), (f"{size} malls", names)):
                config = {"ops": {op: {"config": {"malls": malls}}}}
                run = drive.execute(job, "a person", at=now, config=config)
                took[f"{job}, {what}"] = run.seconds if run.ok else float("inf")
                say(f"{job}, {what}: {run.seconds:.2f} s, {run.cpu:.2f} s CPU, "
                    f"{1000 * run.cpu / len(malls):.0f} ms CPU a mall {run.error}")  # fmt: skip
        run = drive.execute("readiness_check", "a person", at=now)
        took[f"readiness of {size} malls"] = run.seconds if run.ok else float("inf")
        say(f"readiness_check over {size} malls: {run.seconds:.2f} s, {run.cpu:.2f} s CPU {run.error}")
    shutil.rmtree(folder / "batch", ignore_errors=True)
    return took


def _sensor(drive: Drive, name: str, size: int) -> Cost:
    """The first tick and the median of some after it; asked-for runs are not executed, their cursor is kept."""
    first = _asked(drive, name)
    after = [first]
    while after[-1].asked and len(after) < 2 + size // 20:  # caps: until every mall was asked for
        after.append(_asked(drive, name))
    steady = [_asked(drive, name) for _ in range(ROUNDS)]
    why = next((t.why for t in (*steady, *after) if t.failed), steady[-1].why)
    return Cost(name, "sensor", size, first.cpu, statistics.median(t.cpu for t in steady),
                sum(t.asked for t in after), why)  # fmt: skip


def _schedule(drive: Drive, name: str, size: int) -> Cost:
    """The first tick and the median of some after it, each as at midnight, when every plan has its sync."""
    first, *steady = [_asked(drive, name) for _ in range(1 + ROUNDS)]
    why = next((t.why for t in (first, *steady) if t.failed), first.why)
    return Cost(name, "schedule", size, first.cpu, statistics.median(t.cpu for t in steady), first.asked, why)


def _asked(drive: Drive, name: str) -> Tick:
    with mock.patch.object(drive, "_start", lambda tick, requests, tag, scope: _counted(tick, requests)):
        if name in drive.sensors:
            return drive.sensor(name, datetime.now(UTC))
        return drive.schedule(name, datetime(2026, 11, 1, tzinfo=ZoneInfo(SEOUL)))


def _counted(tick: Tick, requests: list[Any]) -> Tick:
    tick.asked = len(requests)
    return tick


def _built(home: Path, say: Callable[[str], None]) -> Path:
    from cafe24_pipelines.cafe24.malls import Mall, register
    from cafe24_pipelines.instance import run_chain
    from cafe24_pipelines.settings import Settings

    with mock.patch.dict(os.environ, {"CAFE24_SANDBOX_CUSTOMERS": "100", "CAFE24_HOME": str(home)}):
        settings = Settings.from_env()
        register(settings.home, Mall(SANDBOX_MALL))
        run_chain(settings, Mall(SANDBOX_MALL), lambda line: None)
    say(f"the chain built a mall in {home}")
    return home


@contextmanager
def _many(
    source: Path, home: Path, names: Sequence[str], url: str = "http://127.0.0.1:9/{mall_id}"
) -> Iterator[Drive]:
    from benchmarks.week_clock import DrivenClock
    from benchmarks.week_drive import quiet
    from cafe24_pipelines.definitions import build_defs
    from cafe24_pipelines.instance import dagster_instance
    from cafe24_pipelines.resources import resources_for
    from cafe24_pipelines.settings import Settings

    _copied(source, home, names)
    env = {"CAFE24_HOME": str(home), "CAFE24_API_URL": url, "CAFE24_CLIENT_ID": "sandbox-client",
           "CAFE24_CLIENT_SECRET": "sandbox-secret", "CAFE24_ENCRYPTION_KEY": "of many malls, invented",
           "CAFE24_REDIRECT_URI": "http://127.0.0.1:8000/oauth/callback", "LLM_MODEL": ""}  # fmt: skip
    with mock.patch.dict(os.environ, env):
        settings = Settings.from_env()
        _told(settings, names)
        with dagster_instance(settings) as instance:
            instance.add_dynamic_partitions("malls", list(names))
            defs = build_defs(loggers={"quiet": quiet})
            yield Drive(defs, instance, resources_for, DrivenClock(datetime.now(UTC)))


def _copied(source: Path, home: Path, names: Sequence[str]) -> None:
    """Every folder and file that bears the mall's name, once for each name; the rest as it is."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(source, home, ignore=shutil.ignore_patterns("dagster", "sandbox.sqlite*", "*.lock"))
    shutil.rmtree(home / "dagster", ignore_errors=True)
    theirs = [p for p in home.rglob(f"{SANDBOX_MALL}*")
              if p.stem == SANDBOX_MALL and p != home / SANDBOX_MALL
              and SANDBOX_MALL not in p.relative_to(home).parts[:-1]]  # fmt: skip
    for path in theirs:
        for name in names:
            target = path.with_name(name + path.suffix)
            if path.is_dir():
                shutil.copytree(path, target, copy_function=os.link)
            else:
                shutil.copyfile(path, target)


def _told(settings: Any, names: Sequence[str]) -> None:
    """Register the malls; each has a consent, an installation, verdicts and a request in the log."""
    from cafe24_pipelines.cafe24.malls import Mall, register
    from cafe24_pipelines.parts import event_log
    from cafe24_pipelines.stores.events import Event

    log, now = event_log(settings), datetime.now(UTC)
    said: tuple[tuple[str, dict[str, Any]], ...] = (
        ("oauth.authorized", {"scopes": [], "asked": []}), ("app.installed", {"via": "consent"}),
        ("feedback.received", {"answer_id": "a", "verdict": "positive"}),
        ("generate.requested", {"question": "주문 조회 코드"}), ("plan.changed", {"plan": "pro"}),
    )  # fmt: skip
    for name in names:
        register(settings.home, Mall(name, source="api"))
    log.append(Event(f"{kind}:{name}", name, kind, now, payload) for name in names for kind, payload in said)
