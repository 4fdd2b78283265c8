"""A hundred syncs killed at random moments, while the mall goes on living: what has landed in the end is the mall.

Each sync is a process of its own that SIGKILL ends somewhere between its start and its natural end. Between kills the
mall's clock moves: orders arrive, ship, are claimed and deleted. Limits are on, and no call may go over them.
"""

import importlib.util
import json
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.sandbox.server.running import RunningSandbox

KILLS = 100
MEMBERS = 50
SYNC = Path(__file__).parents[1] / "sync"


def _by_path(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"proof_sync_{name}", SYNC / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    worker, truth = _by_path("worker"), _by_path("truth")
    dice = random.Random(20261101)
    path = tmp_path / "mall.db"
    SandboxMall.build(path, customers=MEMBERS, seed=3).close()
    with RunningSandbox(path, process=True, start=END - timedelta(days=45), token_calls=0) as server:
        order = {
            "home": str(tmp_path / "home"), "url": server.url, "mall": "sandbox", "speed": 1,
            "origin": time.time(), "resources": _names(), "report": str(tmp_path / "report.json"),
        }  # fmt: skip
        killed = ended = 0
        while killed < KILLS and killed + ended < 2 * KILLS:
            _consent(worker, order, server)  # the mall's clock leapt past the life of the tokens before
            process = subprocess.Popen([sys.executable, str(SYNC / "worker.py"), json.dumps(order)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            try:
                process.wait(timeout=dice.uniform(0.9, 3.0))
                ended += 1
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
            server.control.advance(dice.uniform(0.5, 10) * 3600)
        assert killed == KILLS, f"only {killed} of {killed + ended} syncs were still running when they were to die"

        _consent(worker, order, server)
        assert worker.main(json.dumps(order)) == 0, Path(order["report"]).read_text()
        state = server.control.state()
        assert state["given_429"] == 0, (state["refused"], state["highest"], state["busiest_second"])
        server.control.config(limits=False)  # a bucket does not leak while
        server.control.speed(0)  # the mall stands still to be compared
        assert worker.main(json.dumps(order)) == 0, Path(order["report"]).read_text()
        _, client, lake, line = worker.open_sync(order)
        client.close()
        mall = SandboxMall.open(path)
        assert truth.differences(mall, lake, line, server.control.now(), _names()) == []
        digests = lake.digests()
        assert worker.main(json.dumps(order)) == 0
        assert lake.digests() == digests
        assert server.control.state()["internal_errors"] == 0


def _names() -> list[str]:
    from cafe24_pipelines.cafe24.admin_api.resources import RESOURCES

    in_turns = {n for n, r in RESOURCES.items() if r.approved or r.analytics or r.turns}  # never landed all at once
    return [n for n, r in RESOURCES.items() if r.default and n not in {*in_turns, "customers"}]


def _consent(worker: ModuleType, order: dict[str, Any], server: RunningSandbox) -> None:
    from cafe24_pipelines.cafe24.admin_api.oauth import token_set

    _, client, _, _ = worker.open_sync(order)
    client.keeper.install(token_set(server.control.grant(None), worker.clock_of(order).now()))
    client.close()
