"""kill -9 at ten moments spread over the run, then one whole run: the same content as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
CAFE24 = Path(sys.executable).with_name("cafe24")
KILLS = 10


def start(home: Path) -> subprocess.Popen[str]:
    env = os.environ | {"CAFE24_HOME": str(home), "CAFE24_SANDBOX_CUSTOMERS": "150", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [CAFE24, "run", "--source", "sandbox", "--json"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def finish(run: subprocess.Popen[str]) -> tuple[dict[str, str], int]:
    """The digests of a run that must succeed, and how many steps it finished."""
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    return json.loads(out)["digest"], err.count("✓")


def kill_after(run: subprocess.Popen[str], steps: int, delay: float) -> None:
    """Kill the run's processes `delay` seconds after it has said that so many steps are finished."""
    assert run.stderr is not None
    while steps > 0:
        line = run.stderr.readline()
        assert line, "the run ended before its kill"
        steps -= "✓" in line
    time.sleep(delay)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert run.returncode == -signal.SIGKILL


def test_ten_kills_then_a_run_give_the_same_content(tmp_path: Path) -> None:
    clean, steps = finish(start(tmp_path / "clean"))
    assert all(clean.values())

    chance = random.Random(20261122)
    moments = sorted(chance.sample(range(steps - 2), KILLS))  # a rerun skips what is done, so seconds say little
    for finished in moments:
        kill_after(start(tmp_path / "killed"), finished, chance.uniform(0, 2.5))

    assert finish(start(tmp_path / "killed"))[0] == clean
    assert not list((tmp_path / "killed").rglob("staging-*"))


def test_a_reader_sees_the_last_whole_state_after_a_kill(tmp_path: Path) -> None:
    before, steps = finish(start(tmp_path / "home"))
    kill_after(start(tmp_path / "home"), steps // 2, 0.5)
    env = os.environ | {"CAFE24_HOME": str(tmp_path / "home")}
    done = subprocess.run([CAFE24, "status", "--json"], env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["digest"] == before
