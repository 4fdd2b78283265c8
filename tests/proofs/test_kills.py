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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
CAFE24 = Path(sys.executable).with_name("cafe24")
KILLS = 10


def start(home: Path) -> subprocess.Popen[str]:
    env = os.environ | {"CAFE24_HOME": str(home), "CAFE24_SANDBOX_CUSTOMERS": "150", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [CAFE24, "run", "--source", "sandbox", "--json"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def finish(run: subprocess.Popen[str]) -> dict[str, str]:
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    return json.loads(out)["digest"]


def test_ten_kills_then_a_run_give_the_same_content(tmp_path: Path) -> None:
    began = time.monotonic()
    clean = finish(start(tmp_path / "clean"))
    whole = time.monotonic() - began
    assert all(clean.values())

    moments = random.Random(20261122)
    reached = []
    for i in range(KILLS):
        run = start(tmp_path / "killed")
        time.sleep(whole * (i + moments.random()) / KILLS)  # one in each tenth of the run
        os.killpg(run.pid, signal.SIGKILL)
        _, err = run.communicate()
        assert run.returncode == -signal.SIGKILL or i == KILLS - 1, f"the run ended before kill {i}: {err}"
        reached.append(err.count("✓"))
    print(f"steps finished at each kill: {reached}")
    assert max(reached) > min(reached), "the kills all fell on the same moment"

    assert finish(start(tmp_path / "killed")) == clean
    assert not list((tmp_path / "killed").rglob("staging-*"))


def test_a_reader_sees_the_last_whole_state_after_a_kill(tmp_path: Path) -> None:
    before = finish(start(tmp_path / "home"))
    run = start(tmp_path / "home")
    time.sleep(9)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    env = os.environ | {"CAFE24_HOME": str(tmp_path / "home")}
    done = subprocess.run([CAFE24, "status", "--json"], env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["digest"] == before
