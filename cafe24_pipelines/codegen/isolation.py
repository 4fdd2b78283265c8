"""Running snippets where they can do no harm: a launcher in namespaces of its own, kept warm, one run at a time.

Where the system refuses namespaces nothing is run, and the result says why; there is no unconfined way. Does not
belong here: what happens inside (`launcher.py`, `cell.py`), what a result means (`verdicts.py`).
"""

import atexit
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from cafe24_pipelines.codegen.cell import NOBODY, Bounds
from cafe24_pipelines.settings import Settings

CUSTOMERS: Final = 120
SEED: Final = 20260401
"""The mall that snippets run against: small and always the same, with several pages of products."""
ROOT: Final = str(Path(__file__).resolve().parents[2])
_BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from cafe24_pipelines.codegen.launcher import main; main(*sys.argv[1:])"
)
_START_S: Final = 90.0


class NotIsolated(Exception):
    """The system doesn't let a snippet be locked in; its text says which step failed."""


@dataclass(frozen=True)
class Run:
    """What came of a run. `stopped` is "time" or "output" when it was ended; `calls` are the mall's own counters."""

    exit: int
    output: str
    stopped: str = ""
    calls: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)


class Isolation:
    """A launcher and its mall. Usable from several threads; started with the first run, again after a failure.

    Args:
        mall_file: a finished sandbox mall; a copy of it is served.
    """

    def __init__(self, mall_file: Path) -> None:
        self._mall_file = mall_file
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def run(self, code: str, *, bounds: Bounds | None = None, analytics: bool = False) -> Run:
        """Run one snippet.

        Raises:
            NotIsolated: it could not be locked in, and was not run.
        """
        bounds = bounds or Bounds()
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            try:
                self._send({"code": code, "bounds": asdict(bounds), "analytics": analytics})
                told = self._hear(bounds.wall_s + 60)
            except (OSError, NotIsolated):
                self._stop()
                raise
        if "error" in told:
            raise NotIsolated(str(told["error"]))
        return Run(
            int(told["exit"]), str(told["output"]), str(told["stopped"]), told.get("calls", {}),
            told.get("statuses", {}),
        )  # fmt: skip

    def close(self) -> None:
        """End the launcher and all that it started."""
        with self._lock:
            self._stop()

    def __enter__(self) -> "Isolation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._stop()
        if not sys.platform.startswith("linux"):
            raise NotIsolated("namespaces are a means of Linux")
        self._folder = tempfile.TemporaryDirectory(prefix="codegen-", ignore_cleanup_errors=True)
        mall = Path(self._folder.name) / "mall.db"
        shutil.copyfile(self._mall_file, mall)
        command = [sys.executable, "-I", "-B", "-c", _BOOT, ROOT, str(mall), self._folder.name]
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"}, cwd="/", start_new_session=True,
        )  # fmt: skip
        try:
            self._expect("unshared")
            self._send({"mapped": True, "nobody": _map_ids(self._process.pid)})
            self._expect("ready")
        except (OSError, NotIsolated) as e:
            self._stop()
            raise NotIsolated(str(e)) from e

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _expect(self, stage: str) -> None:
        told = self._hear(_START_S)
        if told.get("stage") != stage:
            raise NotIsolated(str(told.get("error", "the launcher did not start")))

    def _send(self, value: dict[str, Any]) -> None:
        pipe = self._pipe("stdin")
        pipe.write(json.dumps(value).encode() + b"\n")
        pipe.flush()

    def _hear(self, seconds: float) -> dict[str, Any]:
        end, deadline, got = self._pipe("stdout").fileno(), time.monotonic() + seconds, bytearray()
        while not got.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([end], [], [], left)[0]:
                raise NotIsolated("the launcher did not answer")
            piece = os.read(end, 65536)
            if not piece:
                raise NotIsolated("the launcher ended")
            got += piece
        return dict(json.loads(got))

    def _pipe(self, name: str) -> IO[bytes]:
        pipe = getattr(self._process, name, None)
        if pipe is None:
            raise NotIsolated("the launcher is gone")
        return pipe


def isolation_of(settings: Settings) -> Isolation:
    """The isolation of this process over the home's test mall, which is built the first time."""
    return _warm(settings.home.sandbox)


@cache
def _warm(folder: Path) -> Isolation:
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall

    path = folder / f"codegen-{CUSTOMERS}-{SEED}.db"
    SandboxMall.build(path, customers=CUSTOMERS, seed=SEED)
    isolation = Isolation(path)
    atexit.register(isolation.close)
    return isolation


def _map_ids(process: int) -> bool:
    """Give the launcher's user namespace its ids; True when the snippet can become nobody in there."""
    user, group = os.geteuid(), os.getegid()
    proc = Path("/proc") / str(process)
    if user == 0:
        with contextlib.suppress(OSError):
            for name in ("uid_map", "gid_map"):
                (proc / name).write_text(f"0 0 1\n{NOBODY} {NOBODY} 1\n")
            return True
    else:
        (proc / "setgroups").write_text("deny")
    for name, own in (("uid_map", user), ("gid_map", group)):
        if not (proc / name).read_text().strip():
            (proc / name).write_text(f"0 {own} 1\n")
    return False
