"""One run of a snippet in a cell: a root folder with Python and httpx alone, no processes but its own, bounds on all.

Forked from the launcher, inside its user and network namespaces. The host's files, environment, processes and network
don't exist in there. Does not belong here: those namespaces and the mall that is served in them (`launcher.py`).
"""

import json
import os
import resource
import select
import signal
import sys
import sysconfig
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.codegen import kernel

PACKAGES: Final = ("httpx", "httpcore", "h11", "anyio", "idna", "certifi", "sniffio", "typing_extensions", "tzdata")
LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
NOBODY: Final = 65534
PYTHON: Final = os.path.realpath(sys.executable)
"""The interpreter itself, found before its links are out of sight."""
BOOT: Final = (
    "import sys; sys.path.append('/site'); sys.argv = ['snippet.py']; import runpy; "
    "runpy.run_path('/snippet.py', run_name='__main__')"
)


@dataclass(frozen=True)
class Bounds:
    """What a run may use."""

    wall_s: float = 30.0
    cpu_s: int = 10
    memory: int = 512 << 20
    output: int = 32 << 10


def run(code: str, environment: dict[str, str], bounds: Bounds, folder: str, *, root: bool) -> dict[str, Any]:
    """Run a snippet; its exit code, output, and why it was stopped ("" when it ended by itself).

    Args:
        code: the snippet.
        environment: all that it finds in its environment.
        bounds: time, memory, output.
        folder: an empty folder of the host, where the cell's root is mounted (seen by nobody else).
        root: whether this user is root outside, so that the snippet becomes nobody.
    """
    reading, writing = os.pipe()
    idle, unused = os.pipe()
    os.close(unused)
    keeper = os.fork()
    if keeper == 0:
        os.close(reading)
        _keep(code, environment, bounds, folder, (idle, writing), root=root)
    os.close(writing)
    os.close(idle)
    told = _until_end(reading, bounds.wall_s + 10, most=1 << 20)[0]
    os.close(reading)
    _end(keeper)
    try:
        return dict(json.loads(told))
    except ValueError:
        return {"error": "the cell ended without a word"}


def _keep(
    code: str, environment: dict[str, str], bounds: Bounds, folder: str, ends: tuple[int, int], *, root: bool
) -> None:
    """The keeper: makes the cell, starts the snippet as its first process, bounds it, tells what came of it."""
    idle, writing = ends
    try:
        kernel.die_with_parent()
        kernel.unshare(kernel.NEWNS | kernel.NEWPID | kernel.NEWIPC)
        _furnish(folder, code)
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            _become(environment, bounds, (idle, into), root=root)
        os.close(into)
        output, stopped = _until_end(out, bounds.wall_s, most=bounds.output)
        status = _end(child)
        told: dict[str, Any] = {"exit": os.waitstatus_to_exitcode(status), "stopped": stopped,
                                "output": output.decode("utf-8", "replace")}  # fmt: skip
    except OSError as e:
        told = {"error": str(e)}
    os.write(writing, json.dumps(told).encode())
    os._exit(0)


def _furnish(folder: str, code: str) -> None:
    """Build the cell's root folder and move into it: read-only, nothing of the host but Python's own files."""
    kernel.mount(None, "/", None, kernel.REC | kernel.PRIVATE)
    kernel.mount("cell", folder, "tmpfs", kernel.NOSUID | kernel.NODEV, "size=2m,mode=755")
    for source in _wanted():
        _show(source, folder + source)
    for name in PACKAGES:
        _show_package(name, f"{folder}/site")
    Path(folder, "snippet.py").write_text(code, encoding="utf-8")
    for name, mode in (("empty", 0o555), ("old", 0o700)):
        Path(folder, name).mkdir(mode=mode)
    kernel.pivot(folder, f"{folder}/old")
    Path("/old").rmdir()
    kernel.mount(None, "/", None, kernel.REMOUNT | kernel.BIND | kernel.RDONLY | kernel.NOSUID | kernel.NODEV)
    os.chdir("/empty")


def _wanted() -> list[str]:
    """The interpreter, its library, and the shared libraries of the system; what lies in another is left out."""
    standard = sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix})
    own = standard if sys.base_prefix in ("/usr", "/") else f"{sys.base_prefix}/lib"
    named = (*LIBRARIES, "/etc/ld.so.cache", PYTHON, own)
    found = sorted({path for path in named if Path(path).exists() or Path(path).is_symlink()}, key=len)
    folders = [path for path in found if not Path(path).is_symlink()]
    return [p for p in found if not any(p.startswith(f"{q}/") for q in folders)]


def _show(source: str, target: str) -> None:
    there, here = Path(source), Path(target)
    here.parent.mkdir(parents=True, exist_ok=True)
    if there.is_symlink():  # /lib -> usr/lib
        here.symlink_to(there.readlink())
        return
    if there.is_dir():
        here.mkdir(exist_ok=True)
    else:
        here.touch()
    kernel.bind_read_only(source, target)


def _show_package(name: str, site: str) -> None:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return
    source = spec.submodule_search_locations[0] if spec.submodule_search_locations else spec.origin
    _show(str(source), f"{site}/{Path(source).name}")


def _become(environment: dict[str, str], bounds: Bounds, ends: tuple[int, int], *, root: bool) -> None:
    """Turn this process into the snippet."""
    idle, into = ends
    try:
        kernel.die_with_parent()
        os.setsid()
        for number, end in ((0, idle), (1, into), (2, into)):
            os.dup2(end, number)
        os.closerange(3, 1024)
        kernel.drop_rights(NOBODY if root else None)
        limits = {
            resource.RLIMIT_CPU: (bounds.cpu_s, bounds.cpu_s + 1), resource.RLIMIT_AS: (bounds.memory,) * 2,
            resource.RLIMIT_FSIZE: (0, 0), resource.RLIMIT_NOFILE: (64, 64), resource.RLIMIT_CORE: (0, 0),
            resource.RLIMIT_NPROC: (1, 1), resource.RLIMIT_MEMLOCK: (0, 0),
        }  # fmt: skip
        for what, value in limits.items():
            resource.setrlimit(what, value)
        kernel.filter_calls()
        os.execve(PYTHON, [PYTHON, "-I", "-B", "-S", "-u", "-X", "utf8", "-c", BOOT], environment)  # noqa: S606
    except BaseException as e:  # nothing of this process may go on
        os.write(2, f"cell: {e}".encode())
    os._exit(126)


def _until_end(end: int, seconds: float, *, most: int) -> tuple[bytes, str]:
    """What comes out of a pipe until it closes, and why reading stopped before ("" when it closed)."""
    deadline, got = time.monotonic() + seconds, bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return bytes(got), "time"
        if not select.select([end], [], [], left)[0]:
            continue
        piece = os.read(end, 65536)
        if not piece:
            return bytes(got), ""
        got += piece
        if len(got) > most:
            return bytes(got[:most]), "output"


def _end(process: int) -> int:
    """Kill a process (with it, as the first of its namespace, all that it started) and give its status."""
    for _ in range(20):  # one that is about to end by itself may do so
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return status
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]
