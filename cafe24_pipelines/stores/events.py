"""The event log: what can't be recomputed, in order, each event once.

SQLite in WAL mode with full sync: durable after `append` returns, readable while another process writes.
Events are the truth for feedback, verdicts, retractions and dates of discovery. Payloads carry no personal
data. Does not belong here: what an event means.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cafe24_pipelines.stores.files import friendly_os_errors

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    mall_id TEXT NOT NULL,
    type TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_mall_type ON events (mall_id, type, seq);
CREATE TABLE IF NOT EXISTS cursors (reader TEXT PRIMARY KEY, seq INTEGER NOT NULL, moved_at TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Event:
    """One event. `occurred_at` is UTC; `seq` is its place in the log (0 before it is appended)."""

    event_id: str
    mall_id: str
    type: str
    occurred_at: datetime
    payload: dict[str, Any]
    seq: int = 0


class EventLog:
    """Append-only log of one installation."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with friendly_os_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            except sqlite3.OperationalError as e:
                raise PermissionError(str(e)) from e
        with closing(connection):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
            yield connection

    def append(self, events: Iterable[Event]) -> int:
        """Append events in one transaction; an event whose id is already logged is left out.

        Returns:
            How many were new.
        """
        now = datetime.now(UTC).isoformat()
        rows = [
            (
                e.event_id,
                e.mall_id,
                e.type,
                _utc(e.occurred_at),
                now,
                json.dumps(e.payload, ensure_ascii=False, sort_keys=True),
            )
            for e in events
        ]
        if not rows:
            return 0
        with self._connect() as c:
            c.execute("BEGIN IMMEDIATE")
            before = c.total_changes
            c.executemany(
                "INSERT INTO events (event_id, mall_id, type, occurred_at, recorded_at, payload) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING",
                rows,
            )
            added = c.total_changes - before
            c.execute("COMMIT")
        return added

    def read(self, mall_id: str, *, types: tuple[str, ...] = (), after: int = 0, limit: int = 1000) -> list[Event]:
        """Up to `limit` events of a mall after `seq` `after`, oldest first; all types unless some are named."""
        if not self.path.exists():
            return []
        where, values = "mall_id = ? AND seq > ?", [mall_id, after]
        if types:
            where += f" AND type IN ({', '.join('?' * len(types))})"
            values += list(types)
        with self._connect() as c:
            rows = c.execute(
                "SELECT event_id, mall_id, type, occurred_at, payload, seq FROM events "
                f"WHERE {where} ORDER BY seq LIMIT ?",
                [*values, limit],
            ).fetchall()
        return [
            Event(i, m, t, datetime.fromisoformat(at), json.loads(payload), seq) for i, m, t, at, payload, seq in rows
        ]

    def cursor(self, reader: str) -> int:
        """The last `seq` that `reader` has finished with (0 at first)."""
        if not self.path.exists():
            return 0
        with self._connect() as c:
            row = c.execute("SELECT seq FROM cursors WHERE reader = ?", [reader]).fetchone()
        return int(row[0]) if row else 0

    def move_cursor(self, reader: str, seq: int) -> None:
        """Record that `reader` has finished with everything up to `seq`; it never moves back."""
        with self._connect() as c:
            c.execute(
                "INSERT INTO cursors (reader, seq, moved_at) VALUES (?, ?, ?) "
                "ON CONFLICT (reader) DO UPDATE SET seq = excluded.seq, moved_at = excluded.moved_at "
                "WHERE excluded.seq > cursors.seq",
                [reader, seq, datetime.now(UTC).isoformat()],
            )


def _utc(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an event's time needs a time zone")
    return at.astimezone(UTC).isoformat()
