"""The peers lifetimes and pymc-marketing, each in an environment of its own: made once, kept in the user's cache.

The `.txt` beside this file pins each; neither is among this project's own requirements. Does not belong here: what
is fitted (see `fit.py`).
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cafe24-pipelines" / "benchmarks"
PEERS: Final = ("lifetimes", "pymc-marketing")
INSTALL_SECONDS, FIT_SECONDS = 1800, 900


def version(peer: str) -> str:
    """The peer's name and version."""
    pinned = (line.split()[0] for line in _requirements(peer).read_text().splitlines() if line.strip())
    return next(name for name in pinned if name.startswith(f"{peer}=="))


def python(peer: str) -> Path:
    """The interpreter of the peer's environment, which is made now if it isn't there."""
    pinned = _requirements(peer)
    digest = hashlib.sha256(pinned.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{peer}-{digest}"
    found, made = folder / "bin" / "python", folder / "complete"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        hashed = ["--require-hashes", "--no-deps", "-r", str(pinned)]
        subprocess.run([*pip, *hashed], check=True, timeout=INSTALL_SECONDS)
        made.touch()
    return found


def fits(peer: str, customers: Path, runs: int) -> dict[str, Any]:
    """Seconds of each fit after a first one, and the parameters found; `customers` is a CSV file."""
    command = [str(one) for one in (python(peer), HERE / "fit.py", peer, customers, runs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True, timeout=FIT_SECONDS)
    if done.returncode:
        raise SystemExit(f"{peer} failed")
    return json.loads(done.stdout.splitlines()[-1])


def _requirements(peer: str) -> Path:
    return HERE / f"{peer.replace('-', '_')}.txt"
