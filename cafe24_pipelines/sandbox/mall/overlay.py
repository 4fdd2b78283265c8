"""What clients wrote to the mall: a log of changes in a small SQLite file, and the rows that it makes at a moment.

Does not belong here: which rows a change hits in the base (`reading.py`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Row = dict[str, Any]
Kind = Literal["add", "merge", "delete"]

_TABLE: Final = """CREATE TABLE IF NOT EXISTS writes (
  seq INTEGER PRIMARY KEY, resource TEXT, shop INT, key TEXT, at INT, kind TEXT, body TEXT)"""


@dataclass(frozen=True, slots=True)
class Write:
    """One change. `shop` 0 means every shop that has the key; `body` is empty for a deletion."""

    seq: int
    resource: str
    shop: int
    key: str
    at: int
    kind: Kind
    body: Row


class Overlay:
    """The log of changes; other threads and processes may write to the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._cached: tuple[int, dict[str, list[Write]]] = (-1, {})

    def append(self, resource: str, key: str, *, shop: int, at: int, kind: Kind, body: Mapping[str, Any]) -> None:
        """Write one change down."""
        text = json.dumps(body, ensure_ascii=False)
        self._db().execute(
            "INSERT INTO writes (resource, shop, key, at, kind, body) VALUES (?, ?, ?, ?, ?, ?)",
            (resource, shop, key, at, kind, text),
        )

    def reset(self) -> None:
        """Forget everything."""
        self._db().execute("INSERT INTO writes (resource) VALUES ('reset')")
        self._db().execute("DELETE FROM writes WHERE seq < (SELECT max(seq) FROM writes)")

    def of(self, resource: str, at: int, shop: int) -> dict[str, list[Write]]:
        """Changes of a resource in effect at `at`, by key, oldest first."""
        found: dict[str, list[Write]] = {}
        for write in self._all().get(resource, ()):
            if write.at <= at and write.shop in (0, shop):
                found.setdefault(write.key, []).append(write)
        return found

    def between(self, after: int, until: int) -> list[Write]:
        """Changes of every resource that took effect after `after` and by `until`, in order of time."""
        every = [w for writes in self._all().values() for w in writes if after < w.at <= until]
        return sorted(every, key=lambda w: (w.at, w.seq))

    def close(self) -> None:
        """Close this thread's connection."""
        if db := getattr(self._local, "db", None):
            db.close()
            self._local.db = None

    def _all(self) -> dict[str, list[Write]]:
        last = self._db().execute("SELECT coalesce(max(seq), 0) FROM writes").fetchone()[0]
        with self._lock:
            if self._cached[0] != last:
                self._cached = (last, self._load())
            return self._cached[1]

    def _load(self) -> dict[str, list[Write]]:
        found: dict[str, list[Write]] = {}
        query = (
            "SELECT seq, resource, shop, key, at, kind, body FROM writes WHERE resource <> 'reset' ORDER BY at, seq"
        )
        for seq, resource, shop, key, at, kind, body in self._db().execute(query):
            found.setdefault(resource, []).append(Write(seq, resource, shop, key, at, kind, json.loads(body)))
        return found

    def _db(self) -> sqlite3.Connection:
        db = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            db.execute("PRAGMA synchronous=OFF")
            db.execute(_TABLE)
        return db


def applied(base: Row | None, writes: list[Write], shape: tuple[str, ...] = ()) -> Row | None:
    """A row after its changes: None if it is (or stays) away. With a `shape`, it has those fields and no others."""
    row, last = base, base
    for write in writes:
        if write.kind == "delete":
            row = None
        elif write.kind == "add":
            row = last = merged({}, write.body)
        elif last is not None:
            row = last = merged(last, write.body)
    return {name: row.get(name) for name in shape} if row is not None and shape else row


def merged(row: Row, change: Mapping[str, Any]) -> Row:
    """`change` over `row`, objects merged key by key; the result shares nothing that a later merge would change."""
    made = dict(row)
    for key, value in change.items():
        old = made.get(key)
        made[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return made
