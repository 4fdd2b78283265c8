"""The event log: what can't be recomputed, in order, each event once.

SQLite in WAL mode with full sync: durable after `append` returns, readable while another process writes.
Events are the truth for feedback, verdicts, retractions and dates of discovery. Payloads carry no personal
data. Does not belong here: what an event means.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cafe24_pipelines.errors import Cafe24Error, LakeDamaged
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
CREATE INDEX IF NOT EXISTS events_by_type ON events (type, seq);
CREATE TABLE IF NOT EXISTS cursors (reader TEXT PRIMARY KEY, seq INTEGER NOT NULL, moved_at TEXT NOT NULL);
"""
_VERSION = 2


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
            with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=FULL")
                self._prepare(connection)
                yield connection
        except sqlite3.DatabaseError as e:
            if friendly := self._friendly(e):
                raise friendly from e
            raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Switch a new file to WAL and create its tables, while other processes may be doing the same."""
        if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
            return
        deadline = time.monotonic() + 60
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as e:  # this switch alone ignores SQLite's own time-out
                if e.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

    def _friendly(self, e: sqlite3.DatabaseError) -> Cafe24Error | None:
        code = getattr(e, "sqlite_errorcode", 0) & 0xFF
        where = str(self.path)
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return Cafe24Error(
                "no permission to write", where=where,
                remedy="give this user write access or choose another folder with CAFE24_HOME or --home",
            )  # fmt: skip
        if code == sqlite3.SQLITE_FULL:
            return Cafe24Error("the disk is full", where=where, remedy="free space; events logged before are intact")
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return LakeDamaged("the event log is not readable", where=where, remedy="restore it from a backup")
        return None

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
        where, values = "mall_id = ? AND seq > ?", [mall_id, after]
        if types:
            where += f" AND type IN ({', '.join('?' * len(types))})"
            values += list(types)
        return self._select(where, values, limit)

    def read_all(self, mall_id: str, *, types: tuple[str, ...] = (), after: int = 0) -> Iterator[Event]:
        """Every event of a mall as of `read`, a page at a time."""
        while page := self.read(mall_id, types=types, after=after):
            yield from page
            after = page[-1].seq

    def latest(self, mall_id: str, types: tuple[str, ...], limit: int = 50) -> list[Event]:
        """The `limit` latest events of these types of a mall, newest first."""
        where = f"mall_id = ? AND type IN ({', '.join('?' * len(types))})"
        return self._select(where, [mall_id, *types], limit, newest_first=True)

    def read_every_mall(self, types: tuple[str, ...], *, after: int = 0, limit: int = 1000) -> list[Event]:
        """The same over all malls, for workers of the installation; whoever answers a merchant uses `read`."""
        return self._select(f"type IN ({', '.join('?' * len(types))}) AND seq > ?", [*types, after], limit)

    def _select(self, where: str, values: list[Any], limit: int, *, newest_first: bool = False) -> list[Event]:
        if not self.path.exists():
            return []
        with self._connect() as c:
            rows = c.execute(
                "SELECT event_id, mall_id, type, occurred_at, payload, seq FROM events "
                f"WHERE {where} ORDER BY seq {'DESC' if newest_first else 'ASC'} LIMIT ?",
                [*values, limit],
            ).fetchall()
        return [
            Event(i, m, t, datetime.fromisoformat(at), json.loads(payload), seq) for i, m, t, at, payload, seq in rows
        ]

    def recorded_before(self, mall_id: str, event_type: str, n: int) -> datetime | None:
        """When the n-th latest event of a type and mall was logged (UTC); None when there are fewer."""
        if not self.path.exists():
            return None
        with self._connect() as c:
            row = c.execute(
                "SELECT recorded_at FROM events WHERE mall_id = ? AND type = ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
                [mall_id, event_type, n - 1],
            ).fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def known(self, event_id: str) -> bool:
        """Whether an event of this id is logged."""
        if not self.path.exists():
            return False
        with self._connect() as c:
            return c.execute("SELECT 1 FROM events WHERE event_id = ?", [event_id]).fetchone() is not None

    def last(self) -> int:
        """The highest `seq` that was ever given (0 at first); a removed mall's count too."""
        if not self.path.exists():
            return 0
        with self._connect() as c:
            row = c.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return int(row[0]) if row else 0

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
