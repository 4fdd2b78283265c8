"""The peer, neo4j-graphrag's Neo4jWriter, in an environment of its own: made once, kept in the user's cache.

`benchmarks/rivals.txt` pins it; it is never among this project's own requirements. Does not belong here: the server.
"""

import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.rival_neo4j.servers import CACHE, HERE

REQUIREMENTS: Final = HERE.parent / "rivals.txt"
INSTALL_SECONDS: Final = 600
Named = tuple[str, list[dict[str, Any]]]
"""A label or a type, and its rows."""


def version() -> str:
    """The peer's name and version."""
    pinned = (line.split()[0] for line in REQUIREMENTS.read_text().splitlines() if line)
    return next(name for name in pinned if name.startswith("neo4j-graphrag=="))


def python() -> Path:
    """The interpreter of the peer's environment, which is made now if it isn't there."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"rivals-{digest}"
    found, made = folder / "bin" / "python", folder / "complete"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pinned = ["--require-hashes", "--no-deps", "-r", str(REQUIREMENTS)]
        subprocess.run([*pip, *pinned], check=True, timeout=INSTALL_SECONDS)
        made.touch()
    return found


def write(uri: str, folder: Path, loads: list[list[Named]]) -> list[float]:
    """Seconds of each load in turn, the server wiped after each.

    Args:
        uri: of a server with APOC.
        folder: for files in which rows are handed over.
        loads: what to write, nodes before relationships.
    """
    files = []
    for number, parts in enumerate(loads):
        files.append(folder / f"load-{number}.pickle")
        files[-1].write_bytes(pickle.dumps(parts))
    command = [str(one) for one in (python(), HERE / "write.py", uri, *files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise SystemExit("the peer failed")
    return json.loads(done.stdout)
