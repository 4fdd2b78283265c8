"""Files that are whole or absent: durable atomic writes, the writer's lock, and published builds.

A projection is *published*: built in a folder of its own, flushed, renamed, and only then named by the
`current.json` pointer. A kill at any moment leaves readers on the last complete build, and the next build
clears what was left. Does not belong here: what is in a build.
"""

import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cafe24_pipelines.errors import Cafe24Error

POINTER = "current.json"


def fsync_dir(path: Path) -> None:
    """Make renames inside `path` durable (a no-op where directories can't be opened, as on Windows)."""
    if os.name == "nt":
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: Path, data: bytes | str, *, private: bool = False) -> None:
    """Write `path` so that a reader or a kill sees the old content or the new, never a part.

    `private` files (keys) are the owner's alone from their first byte; others may be read by all.
    """
    raw = data.encode() if isinstance(data, str) else data
    with friendly_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(fd, "wb") as f:
                if not private and os.name != "nt":
                    os.fchmod(fd, 0o644)
                f.write(raw)
                f.flush()
                os.fsync(f.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        fsync_dir(path.parent)


def create_once(path: Path, make: Callable[[], str]) -> str:
    """The content of a private file, made by `make` if there is none yet; of two that make it at once, one wins.

    For keys: two processes that start together must end with the same one.
    """
    if not path.exists():
        with friendly_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            own = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
            write_atomic(own, make(), private=True)
            try:
                os.link(own, path)  # unlike a rename, a link never replaces what is there
            except FileExistsError:
                pass
            finally:
                own.unlink()
            fsync_dir(path.parent)
    return path.read_text(encoding="utf-8")


@contextmanager
def friendly_os_errors(path: Path) -> Iterator[None]:
    """Turn a full disk or a missing permission into an error that says how to mend it."""
    try:
        yield
    except PermissionError as e:
        raise Cafe24Error(
            "no permission to write", where=str(path),
            remedy="give this user write access or choose another folder with CAFE24_HOME or --home",
        ) from e  # fmt: skip
    except OSError as e:
        if e.errno == errno.EROFS:
            raise Cafe24Error(
                "the file system is read-only", where=str(path),
                remedy="mount it writable or choose another folder with CAFE24_HOME or --home",
            ) from e  # fmt: skip
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Cafe24Error(
                "the disk is full", where=str(path),
                remedy="free space or choose another folder with CAFE24_HOME; what was published before is intact",
            ) from e  # fmt: skip
        raise


@contextmanager
def writer_lock(path: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the one writer's lock of a home; wait for it when another run has it.

    The lock is the operating system's, so a killed run leaves none behind. `waiting` is called once if
    there is somebody to wait for.
    """
    from filelock import FileLock, Timeout

    with friendly_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if waiting:
                waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class Build:
    """A published build: its folder, its id, and what its builder wrote down about it."""

    path: Path
    build_id: str
    meta: dict[str, Any] = field(default_factory=dict)


class Published:
    """A folder of builds of which exactly one is current.

    `root/builds/<build id>/…`, `root/staging-<build id>/…` while one is being made, `root/current.json`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def current(self) -> Build | None:
        """The last complete build, or None before the first."""
        path = self.root / POINTER
        try:
            pointer = json.loads(path.read_text(encoding="utf-8"))
            return Build(self.root / "builds" / pointer["folder"], pointer["build_id"], pointer["meta"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as e:
            raise Cafe24Error(
                "the pointer to the published build is damaged", where=str(path),
                remedy="remove the file and publish again with `cafe24 run`",
            ) from e  # fmt: skip

    def staging(self, build_id: str) -> Path:
        """An empty folder to build in; leftovers of builds that were killed are cleared first."""
        with friendly_os_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            for old in self.root.glob("staging-*"):
                shutil.rmtree(old, ignore_errors=True)
            for half in self.root.glob(f".{POINTER}.*"):
                half.unlink(missing_ok=True)
            folder = self.root / f"staging-{build_id}"
            folder.mkdir()
        return folder

    def publish(self, staging: Path, build_id: str, meta: dict[str, Any]) -> Build:
        """Make `staging` the current build. Keeps the one before it, for readers that still hold it."""
        with friendly_os_errors(self.root):
            for f in staging.rglob("*"):
                if f.is_file():
                    with f.open("rb") as handle:
                        os.fsync(handle.fileno())
                elif f.is_dir():
                    fsync_dir(f)
            fsync_dir(staging)
            builds = self.root / "builds"
            builds.mkdir(exist_ok=True)
            before = self.current()
            folder = build_id
            turn = 1
            while (builds / folder).exists():  # the same content published again after a rebuild
                turn += 1
                folder = f"{build_id}.{turn}"
            staging.rename(builds / folder)
            fsync_dir(builds)
            pointer = {"folder": folder, "build_id": build_id, "meta": meta}
            write_atomic(self.root / POINTER, json.dumps(pointer, ensure_ascii=False, indent=1))
        keep = {folder, before.path.name if before else folder}
        for old in builds.iterdir():
            if old.name not in keep:
                shutil.rmtree(old, ignore_errors=True)
        return Build(builds / folder, build_id, meta)
