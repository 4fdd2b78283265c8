"""One beat: the event log and the lake take a write and give it back, and the disk has room.

Leaves nothing that grows: the log's cursor of the reader `heartbeat` moves to the minute, a small file is replaced.
Does not belong here: noticing that beats are missing (see `readiness.py`).
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.stores.files import friendly_os_errors, write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

READER: Final = "heartbeat"
FILE: Final = ".heartbeat"


@dataclass(frozen=True)
class Beat:
    """What a beat proved: when (UTC), the log's cursor after it, and the bytes that are free in the home."""

    at: datetime
    cursor: int
    free_bytes: int


def beat(settings: "Settings", log: "EventLog", *, now: datetime | None = None) -> Beat:
    """Write to the event log and to the lake, and read both back.

    Raises:
        Cafe24Error: no permission, a full disk, or a file that is not what was written.
    """
    now = now or datetime.now(UTC)
    minute = int(now.timestamp()) // 60
    log.move_cursor(READER, minute)
    cursor = log.cursor(READER)
    if cursor < minute:
        raise LakeDamaged(
            "the event log did not keep a write", where=str(log.path), remedy="restore it from a backup"
        )
    path, text = settings.home.lake / FILE, now.isoformat()
    with friendly_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
        if path.read_text(encoding="utf-8") != text:
            raise LakeDamaged("the lake did not keep a write", where=str(path), remedy="check the disk")
    return Beat(now, cursor, shutil.disk_usage(settings.home.root).free)
