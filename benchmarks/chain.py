"""The whole chain on the sandbox mall, first run and rerun, in fresh processes.

The floor is what no run can avoid: a process that loads the same libraries and does nothing with them.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIBRARIES = (
    "dagster, cafe24_pipelines.definitions, pandas, pyarrow, duckdb, sklearn, scipy.stats, great_expectations, "
    "litellm, kiwipiepy, ladybug, qdrant_edge"
)


def run() -> list[dict[str, Any]]:
    """First run and rerun of `cafe24 run --source sandbox`."""
    env = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONWARNINGS": "ignore"}
    load = f"import {LIBRARIES}; kiwipiepy.Kiwi().tokenize('주문')"
    _timed([sys.executable, "-c", load], env)
    floor = _timed([sys.executable, "-c", load], env)
    with tempfile.TemporaryDirectory() as home:
        command = [str(Path(sys.executable).with_name("cafe24")), "run", "--source", "sandbox", "--home", home]
        first, again = _timed(command, env), _timed(command, env)
    peer = "load the libraries and Kiwi"
    return [
        {"name": "chain, first run", "seconds": first, "peer": peer, "peer_seconds": floor, "ratio": first / floor},
        {"name": "chain, rerun", "seconds": again, "peer": peer, "peer_seconds": floor, "ratio": again / floor},
    ]


def _timed(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True)
    return time.perf_counter() - began
