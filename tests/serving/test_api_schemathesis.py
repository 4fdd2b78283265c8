"""The OpenAPI description against the real app over HTTP: schemathesis makes what it allows and what it doesn't."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.serving.app import ApiLimits, create_app
from cafe24_pipelines.serving.keys import KeyRing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MANY = ApiLimits(per_key="1000000/minute", per_address="1000000/minute")


def test_every_check_of_schemathesis_holds_for_every_operation(two_malls, serving, tmp_path):
    """Examples, boundary values and generated ones, good and bad; keys taken away, methods that aren't there."""
    token = KeyRing(parts.event_log(two_malls)).add("sandbox", name="schemathesis")[1]
    with serving(create_app(two_malls, limits=MANY)) as url:
        told = [
            run(tmp_path, url, token, "--exclude-operation-id", "generate", "--max-examples", "6"),
            # generated code is executed: seconds each
            run(tmp_path, url, token, "--include-operation-id", "generate", "--max-examples", "2"),
        ]
    assert "9 selected / 10 total" in told[0] and "1 selected / 10 total" in told[1]


def run(folder: Path, url: str, token: str, *options: str) -> str:
    """What `st run` prints; it must end well."""
    command = [str(Path(sys.executable).with_name("st")), "run", f"{url}/openapi.json", "-H", f"X-API-Key: {token}"]
    bounds = ["-c", "all", "--phases", "examples,coverage,fuzzing", "--generation-deterministic"]
    quiet = ["--no-color", "--suppress-health-check", "all", "--request-timeout", "120", "--max-response-time", "600"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(
        [*command, *bounds, *quiet, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    return done.stdout
