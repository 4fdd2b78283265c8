"""Whether a process of this machine still lives, though its number may have been given to another since.

Does not belong here: what a process was for.
"""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Final

SLACK: Final = 60.0
"""Seconds by which a machine's clock may have been put right since the process began."""
_ELAPSED: Final = re.compile(r"(\S+)\s+(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")


def lives_since(pid: int, at: float) -> bool:
    """Whether process `pid` lives and was there at `at` (epoch seconds), or nothing here can tell.

    A zombie is dead; a process that began after `at` only has the number of the one that is meant.
    """
    if pid <= 0:
        return False
    try:
        began = _began_linux(pid) if Path("/proc/self/stat").exists() else _began_elsewhere(pid)
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return True
    return began is not None and began <= at + SLACK


def _began_linux(pid: int) -> float | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
    if fields[0] in "ZX":
        return None
    boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    return int(boot.split()[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _began_elsewhere(pid: int) -> float | None:
    """By POSIX `ps`, which says how long a process has been there."""
    command = ["ps", "-o", "stat=", "-o", "etime=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    if not done.stdout.strip():
        return None
    found = _ELAPSED.match(done.stdout.strip())
    if found is None:
        raise ValueError("ps says something else")
    if found[1].startswith("Z"):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    return time.time() - (((days * 24 + hours) * 60 + minutes) * 60 + seconds)
