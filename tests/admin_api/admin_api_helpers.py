"""What tests of this folder share beside fixtures."""

import json
import subprocess
from typing import Any

from cafe24_pipelines.cafe24.admin_api.clock import SystemClock
from cafe24_pipelines.cafe24.admin_api.tokens import TokenStore
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState


def a_store(settings: Settings, state: SharedState) -> TokenStore:
    return TokenStore(state, lambda mall: seal_for(settings, mall, "tokens"))


class HurriedClock(SystemClock):
    """Real time, but nobody waits long between repeats."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.01))


class ShiftedClock(HurriedClock):
    """A clock that a test sets forward."""

    shift = 0.0

    def now(self) -> float:
        return super().now() + self.shift


def go(process: "subprocess.Popen[str]", number: int) -> list[Any]:
    """Let all begin, and read what each says."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    said = []
    for _ in range(number):
        line = process.stdout.readline()
        assert line, f"a process ended with {process.wait(10)}"
        said.append(json.loads(line) if line.startswith("{") else line)
    return said
