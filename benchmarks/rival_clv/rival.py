"""The peers lifetimes and pymc-marketing, each in an environment of its own: made once, kept in the user's cache.

The `.txt` beside this file pins each; neither is among this project's own requirements. Does not belong here: what
is fitted (see `fit.py`).
"""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from benchmarks import rival_environment as environment

HERE: Final = Path(__file__).parent
PEERS: Final = ("lifetimes", "pymc-marketing")
FIT_SECONDS: Final = 900


def version(peer: str) -> str:
    """The peer's name and version."""
    return environment.version(_requirements(peer), peer)


def fits(peer: str, customers: Path, runs: int) -> dict[str, Any]:
    """Seconds of each fit after a first one, and the parameters found; `customers` is a CSV file."""
    command = [str(one) for one in (environment.python(_requirements(peer)), HERE / "fit.py", peer, customers, runs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True, timeout=FIT_SECONDS)
    if done.returncode:
        raise SystemExit(f"{peer} failed")
    return json.loads(done.stdout.splitlines()[-1])


def _requirements(peer: str) -> Path:
    return HERE / f"{peer.replace('-', '_')}.txt"
