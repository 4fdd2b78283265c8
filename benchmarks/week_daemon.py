"""The real daemon for a bounded stretch of real time: everything switched on, the sandbox mall alive beneath it.

`dagster-daemon run` with the home's own embedded instance, its own code location and run launcher; nothing is driven.
A proof that kills the daemon uses the parts. Does not belong here: the simulated week.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.week_clock import DrivenClock
from benchmarks.week_story import SUNDAY, code_request, feedback, install, world

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

_MODULE: Final = "cafe24_pipelines.definitions"
_STOP_S: Final = 60


@dataclass
class Stretch:
    """What the daemon did: ticks by automation and status, runs by job and status, and what is wrong."""

    seconds: float
    ticks: dict[str, Counter[str]] = field(default_factory=dict)
    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    stopped: str = ""


def stretch(folder: Path, minutes: float, members: int, say: Callable[[str], None]) -> Stretch:
    """Let the daemon live so long; the mall installs the app at the start, verdicts and a request come in."""
    clock = DrivenClock(datetime.now(UTC))
    with world(folder, clock, SUNDAY, members, speed=1.0) as alive:
        env = environment_of(alive.settings)
        for what in ("schedule", "sensor"):
            dagster(alive.home, env, what, "start", "--start-all")
            say(f"every {what} is switched on")
        began = time.monotonic()
        with _daemon(alive.home, env) as daemon:
            install(alive)
            while time.monotonic() - began < 60 * minutes and daemon.poll() is None:
                time.sleep(1.0)
                if len(alive.posted) == 2 and time.monotonic() - began > 20 * minutes:
                    feedback(3, "live")(alive)
                    code_request(alive)
            ended = daemon.poll()
        found = looked(alive.settings, time.monotonic() - began)
        found.stopped = f"exit {daemon.returncode}"
        if not found.ticks.get("user_onboarding", Counter())["SUCCESS"]:
            found.wrong.append("user_onboarding did not notice the installation")
        if ended is not None:
            found.wrong.append(f"the daemon ended by itself with {ended}: {last_words(alive.home)}")
    return found


def environment_of(settings: "Settings") -> dict[str, str]:
    """What the daemon's environment is to be, once the home's instance is there."""
    from cafe24_pipelines.instance import dagster_instance

    with dagster_instance(settings):  # writes its dagster.yaml and creates its databases
        pass
    named = {"DAGSTER_HOME": str(settings.home.dagster), "CAFE24_HOME": str(settings.home.root)}
    return os.environ | named | {"PYTHONWARNINGS": "ignore"}


def dagster(home: Path, env: dict[str, str], *arguments: str) -> None:
    """A command of Dagster's on this code location."""
    command = [str(Path(sys.executable).with_name("dagster")), *arguments, "-m", _MODULE]
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(f"dagster {' '.join(arguments)}: {done.stderr[-2000:]}")


def begin(home: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """The daemon, begun in a session of its own: its code server and its runs are of its process group."""
    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-m", _MODULE]
    with (home / "daemon.log").open("ab") as log:
        return subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=log, start_new_session=True)


def end(daemon: subprocess.Popen[bytes]) -> None:
    """Ctrl-C; what doesn't heed it is killed."""
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGINT)
    try:
        daemon.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        kill(daemon)


def kill(daemon: subprocess.Popen[bytes]) -> None:
    """As when the power goes: the daemon, its code server and its runs, all at once."""
    os.killpg(daemon.pid, signal.SIGKILL)  # our own session
    daemon.wait(_STOP_S)


@contextmanager
def _daemon(home: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    daemon = begin(home, env)
    try:
        yield daemon
    finally:
        end(daemon)


def looked(settings: "Settings", seconds: float) -> Stretch:
    """What the instance remembers."""
    from cafe24_pipelines.instance import dagster_instance

    found = Stretch(seconds)
    with dagster_instance(settings) as instance:
        for state in instance.all_instigator_state():
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=500)
            found.ticks[state.instigator_name] = Counter(t.status.value for t in ticks)
            found.wrong += [f"{state.instigator_name}: {_error(t)}" for t in ticks if t.status.value == "FAILURE"]
        keys: Counter[tuple[str, str, str]] = Counter()
        for run in instance.get_runs():
            found.runs[(run.job_name, run.status.value)] += 1
            by = run.tags.get("dagster/sensor_name") or run.tags.get("dagster/schedule_name") or ""
            if (key := run.tags.get("dagster/run_key")) and not run.parent_run_id:  # a retry keeps its parent's key
                keys[(by, key, run.tags.get("dagster/scheduled_execution_time", ""))] += 1
    found.wrong += [f"{by} ran {n} times for {key}" for (by, key, _), n in keys.items() if n > 1]
    return found


def _error(tick: Any) -> str:
    return str(tick.error.message).strip()[:300] if tick.error else "failed"


def last_words(home: Path) -> str:
    """The end of the daemon's log."""
    return (home / "daemon.log").read_text(errors="replace")[-1500:]
