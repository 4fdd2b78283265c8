"""What an hour in which nothing happened costs: the job `shop_chain` over a mall that has not changed since the last.

    python -m benchmarks.sync_hour [--members 40] [--hours 3] [--profile FILE]

Each run has a process of its own, as the daemon starts it: "process" counts all that it does, "run" what the job
alone does. The sandbox mall answers from another process, whose work is not counted. Its clock jumps an hour before
each run; its history is over, so nothing happens in those hours. Does not belong here: syncs that bring something
(`sync.py`), or what else an hour costs (`week.py`).
"""

import argparse
import cProfile
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

MALL: Final = "quiet"
LEAD_IN: Final = 2
"""The first sync, and one that settles what it left open."""


@dataclass(frozen=True)
class Hour:
    """One run: processor seconds of its process and of the job in it, real ones, steps, calls of the mall."""

    process: float
    run: float
    seconds: float
    steps: int
    calls: int = 0


def measured(folder: Path, members: int, hours: int, profile: Path | None = None) -> list[Hour]:
    """The runs that lead in, then `hours` quiet ones."""
    from benchmarks.week_story import SCOPES, environment
    from cafe24_pipelines.cafe24.admin_api.oauth import token_set
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
    from cafe24_pipelines.cafe24.malls import Mall, register
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall
    from cafe24_pipelines.sandbox.server import RunningSandbox
    from cafe24_pipelines.settings import Settings

    path, home, found = folder / "mall.sqlite", folder / "home", list[Hour]()
    SandboxMall.build(path, customers=members).close()
    with RunningSandbox(path, process=True, limits=False, token_calls=0) as sandbox:
        env = environment(sandbox.url, home, folder / "sources.yaml")
        settings = Settings.from_env(env)
        register(settings.home, Mall(MALL, source="api"))
        token_keeper(settings, MALL).install(token_set(sandbox.control.grant(SCOPES), datetime.now(UTC).timestamp()))
        for hour in range(LEAD_IN + hours):
            sandbox.control.advance(3600)
            sandbox.control.reset()
            last = profile if hour == LEAD_IN + hours - 1 else None
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sync_hour", "--once", str(last or "-")]
            done = subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.PIPE, check=True)
            found.append(Hour(**json.loads(done.stdout), calls=sandbox.control.state()["total_calls"]))
    return found


def once(profile: Path | None) -> Hour:
    """One run in this process, on the home that the environment names."""
    from benchmarks.week_clock import DrivenClock
    from benchmarks.week_drive import Drive, quiet
    from cafe24_pipelines.definitions import build_defs
    from cafe24_pipelines.instance import dagster_instance
    from cafe24_pipelines.resources import resources_for
    from cafe24_pipelines.settings import Settings

    now = datetime.now(UTC)
    with dagster_instance(Settings.from_env()) as instance:
        instance.add_dynamic_partitions("malls", [MALL])
        drive = Drive(build_defs(loggers={"quiet": quiet}), instance, resources_for, DrivenClock(now))
        profiler = cProfile.Profile() if profile else None
        with profiler or nullcontext():
            run = drive.execute("shop_chain", "the hour", at=now, partition=MALL)
        if profiler and profile:
            profiler.dump_stats(profile)
        steps = {entry.step_key for entry in instance.all_logs(run.run_id) if entry.step_key}
    if not run.ok:
        raise SystemExit(run.error)
    return Hour(time.process_time(), run.cpu, run.seconds, len(steps))


def main(arguments: list[str]) -> int:
    """Measure, and print a line a run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync_hour")
    parser.add_argument("--members", type=int, default=40)
    parser.add_argument("--hours", type=int, default=3)
    parser.add_argument("--profile", type=Path, help="where the profile of the last run's main thread goes")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    if given.once:
        shown = asdict(once(None if given.once == "-" else Path(given.once)))
        shown.pop("calls")
        print(json.dumps(shown))
        return 0
    with tempfile.TemporaryDirectory(prefix="sync-hour-") as folder:
        found = measured(Path(folder), given.members, given.hours, given.profile)
    names = ["first sync", "settling", *(f"quiet hour {n + 1}" for n in range(given.hours))]
    for name, one in zip(names, found, strict=True):
        print(f"{name:<14} process {one.process:6.2f} s  run {one.run:6.2f} s of the processor  "
              f"{one.seconds:6.1f} s  {one.calls:>4} calls  {one.steps} steps")  # fmt: skip
    for what in ("process", "run"):
        middle = statistics.median(getattr(one, what) for one in found[LEAD_IN:])
        print(f"median of quiet hours, {what}: {middle:.2f} s of the processor")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
