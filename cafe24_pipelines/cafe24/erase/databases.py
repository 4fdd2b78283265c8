"""Removing a member from SQLite databases and plain logs: the event log, Dagster's storage, shared state.

These hold the member only in texts: payloads of events, previews in a run's metadata, log lines. A text loses its
lines that name the member, JSON the fields that do; rows stay, for their other content is history that can't be made
again. Afterwards the database is rewritten (VACUUM) and its write-ahead log emptied, so that freed pages hold
nothing.

Does not belong here: databases of servers.
"""

import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.cafe24.erase.landed import clean_json
from cafe24_pipelines.cafe24.erase.needles import Needles
from cafe24_pipelines.cafe24.erase.trace import SQLITE_MAGIC, kinds_in_value, unpacked
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.settings import Home
from cafe24_pipelines.stores.files import write_atomic

_PATIENCE: Final = 60.0


def erase_databases(home: Home, needles: Needles) -> dict[str, int]:
    """Clean every SQLite database of the home; values changed by file (relative to the home)."""
    done: dict[str, int] = {}
    for path in sorted(databases(home)):
        changed = clean_database(path, needles)
        if changed:
            done[str(path.relative_to(home.root))] = changed
    return done


def databases(home: Home) -> Iterator[Path]:
    """SQLite files outside of published builds, whatever they are called; a sandbox's mall is another's data."""
    builds = {home.graph, home.vectors, home.analytics, home.patterns, home.answers, home.datasets}
    for path in home.root.rglob("*"):
        if path.is_file() and not builds & set(path.parents) and home.sandbox not in path.parents:
            with path.open("rb") as f:
                if f.read(16) == SQLITE_MAGIC:
                    yield path


def clean_database(path: Path, needles: Needles) -> int:
    """Clean one database and leave no freed page behind; how many values were changed.

    Raises:
        Cafe24Error: another process keeps it in use.
    """
    with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as db:
        try:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            changed = sum(_clean_table(db, table, needles) for table in _tables(db))
            db.execute("COMMIT")
            compact(db)
        except sqlite3.OperationalError as e:
            remedy = "stop the UI and the daemon (Ctrl-C ends `cafe24 ui`), then erase again"
            raise Cafe24Error("the database is in use", where=str(path), remedy=remedy) from e
    return changed


def _tables(db: sqlite3.Connection) -> list[str]:
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [row[0] for row in db.execute(names)]


def _clean_table(db: sqlite3.Connection, table: str, needles: Needles) -> int:
    columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
    without_rowid = db.execute(
        "SELECT sql LIKE '%WITHOUT ROWID%' FROM sqlite_master WHERE type = 'table' AND name = ?", [table]
    ).fetchone()[0]
    keys = _primary_key(db, table) if without_rowid else ["rowid"]
    chosen = ", ".join(f'"{c}"' for c in [*keys, *columns])
    updates = []
    for row in db.execute(f'SELECT {chosen} FROM "{table}"'):
        key, values = row[: len(keys)], row[len(keys) :]
        for column, value in zip(columns, values, strict=True):
            if kinds_in_value(value, needles, column):
                updates.append((column, _clean(value, needles, column), key))
    where = " AND ".join(f'"{k}" = ?' for k in keys)
    for column, value, key in updates:
        db.execute(f'UPDATE OR REPLACE "{table}" SET "{column}" = ? WHERE {where}', [value, *key])
    return len(updates)


def _primary_key(db: sqlite3.Connection, table: str) -> list[str]:
    rows = [(row[5], row[1]) for row in db.execute(f'PRAGMA table_info("{table}")') if row[5]]
    return [name for _, name in sorted(rows)]


def _clean(value: Any, needles: Needles, column: str) -> Any:
    if isinstance(value, str):
        return clean_json(value, needles) or needles.without(value, column)
    plain = unpacked(value)
    text = plain.decode("utf-8", "surrogateescape")
    clean = (clean_json(text, needles) or needles.without(text, column)).encode("utf-8", "surrogateescape")
    return zlib.compress(clean) if plain is not value else clean


def compact(db: sqlite3.Connection) -> None:
    """Rewrite the file and empty its log; waits for readers."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        db.execute("VACUUM")
        busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy:
            return
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("the write-ahead log is in use")
        time.sleep(0.2)


def erase_logs(home: Home, needles: Needles) -> int:
    """Clean plain files of the Dagster instance (compute logs): lines that name the member go; how many files."""
    done = 0
    for path in sorted(p for p in home.dagster.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if data[:16] == SQLITE_MAGIC or not needles.kinds_in_bytes(data):
            continue
        lines = [line for line in data.splitlines(keepends=True) if not needles.kinds_in_bytes(line)]
        write_atomic(path, b"".join(lines))
        done += 1
    return done
