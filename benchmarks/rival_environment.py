"""An environment of its own for a benchmark's peer: made once from a hash-pinned file, kept in the user's cache.

A peer is never among this project's own requirements. Does not belong here: what a peer is asked to do.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cafe24-pipelines" / "benchmarks"
INSTALL_SECONDS: Final = 1800


def version(requirements: Path, peer: str) -> str:
    """The peer's name and version, as pinned."""
    pinned = (line.split()[0] for line in requirements.read_text().splitlines() if line.strip())
    return next(name for name in pinned if name.startswith(f"{peer}=="))


def python(requirements: Path) -> Path:
    """The interpreter of the environment of these requirements, which is made now if it isn't there."""
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{requirements.stem}-{digest}"
    found, made = folder / "bin" / "python", folder / "complete"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pinned = ["--require-hashes", "--no-deps", "-r", str(requirements)]
        subprocess.run([*pip, *pinned], check=True, timeout=INSTALL_SECONDS)
        made.touch()
    return found
