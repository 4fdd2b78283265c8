"""Loading the code location against `import dagster` alone, in fresh interpreters. Goal: at most 1.3x."""

import statistics
import subprocess
import sys
import time
from typing import Any

ROUNDS = 5


def run() -> list[dict[str, Any]]:
    """Median of alternating rounds, after one warm-up each."""
    ours, theirs = [], []
    for i in range(ROUNDS + 1):
        a, b = _seconds("cafe24_pipelines.definitions"), _seconds("dagster")
        if i:
            ours.append(a)
            theirs.append(b)
    seconds, peer = statistics.median(ours), statistics.median(theirs)
    return [
        {
            "name": "load the code location",
            "seconds": seconds,
            "peer": "import dagster",
            "peer_seconds": peer,
            "ratio": seconds / peer,
            "note": "goal at most 1.30x",
        }
    ]


def _seconds(module: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", f"import {module}"], check=True)
    return time.perf_counter() - began
