"""Two runs from the UI's own API and one `cafe24 run` beside them: they queue, and no lock error reaches anybody."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CAFE24 = Path(sys.executable).with_name("cafe24")
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""


def query(port: int, text: str, variables: dict[str, object] | None = None) -> dict:
    body = json.dumps({"query": text, "variables": variables or {}}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def environment(home: Path) -> dict[str, str]:
    return os.environ | {"CAFE24_HOME": str(home), "CAFE24_SANDBOX_CUSTOMERS": "150", "PYTHONWARNINGS": "ignore"}


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "ui.log").open("w")
    server = subprocess.Popen(
        [CAFE24, "ui", "--port", str(port)],
        env=environment(tmp_path / "home"), stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(120):
            try:
                query(port, "{ version }")
                break
            except OSError:
                time.sleep(1)
        else:
            pytest.fail((tmp_path / "ui.log").read_text()[-3000:])
        yield port
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        log.close()


def launch(port: int) -> str:
    params = {
        "selector": {
            "repositoryName": "__repository__",
            "repositoryLocationName": "cafe24_pipelines.definitions",
            "pipelineName": "whole_chain",
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "sandbox"}]},
        "runConfigData": {},
    }
    result = query(port, LAUNCH, {"params": params})["launchPipelineExecution"]
    assert result["__typename"] == "LaunchRunSuccess", result
    return result["run"]["runId"]


def test_runs_of_the_ui_and_the_cli_queue(ui: int, tmp_path: Path) -> None:
    runs = [launch(ui), launch(ui)]
    beside = subprocess.Popen(
        [CAFE24, "run", "--source", "sandbox", "--json"],
        env=environment(tmp_path / "home"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    out, err = beside.communicate(timeout=600)
    assert beside.returncode == 0, err
    deadline = time.monotonic() + 420
    states: dict[str, str] = {}
    while time.monotonic() < deadline and set(states.values()) != {"SUCCESS"}:
        for run in runs:
            found = query(ui, f'{{ runOrError(runId: "{run}") {{ ... on Run {{ status startTime endTime }} }} }}')
            states[run] = found["runOrError"]["status"]
        assert not set(states.values()) & {"FAILURE", "CANCELED"}, states
        time.sleep(2)
    assert set(states.values()) == {"SUCCESS"}, states
    assert "lock" not in err.lower()

    done = subprocess.run(
        [CAFE24, "status", "--json"], env=environment(tmp_path / "home"), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["digest"] == json.loads(out)["digest"]
