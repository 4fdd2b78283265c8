"""Removing a mall's rows from databases: every table with a column `mall_id`, wherever it is.

So a table that a room brings tomorrow is covered, too. Rows are overwritten as they are deleted (`secure_delete`),
and the file is rewritten afterwards (VACUUM) and its write-ahead log emptied, so that freed pages hold nothing. The
event log loses its rows this way as well: append-only means that nobody changes what was said, not that a merchant
who leaves stays in it. Places in the log are never given again, so cursors of readers hold.
Does not belong here: files, or Dagster's own tables.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.erase.databases import compact, databases
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.lifecycle.state import REMOVAL, REMOVED

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.shared_state import SharedState

KEPT: Final = (REMOVAL, REMOVED)
"""Events of a removed mall that stay: when its removal began and when it was proved, and nothing of its content."""
_PATIENCE: Final = 60.0
_NOT_OURS: Final = frozenset({"sqlite_sequence", "sqlite_stat1", "alembic_version"})


def remove_rows(settings: "Settings", mall_id: str) -> dict[str, int]:
    """Remove the mall's rows from every SQLite database of the home, and from shared state on a server.

    Returns:
        Rows by file and table.

    Raises:
        Cafe24Error: another process keeps a database in use.
    """
    done: dict[str, int] = {}
    for path in sorted(databases(settings.home)):
        name = str(path.relative_to(settings.home.root))
        done |= {f"{name}: {table}": n for table, n in _from_file(path, mall_id).items()}
    if settings.state_url:
        done |= {f"shared state: {table}": n for table, n in _from_shared_state(settings, mall_id).items()}
    return done


def any_rows(settings: "Settings", mall_id: str) -> bool:
    """Whether a database of the home, or shared state on a server, has rows of the mall, besides those that stay."""
    if any(_has_rows(path, mall_id) for path in databases(settings.home)):
        return True
    if not settings.state_url:
        return False
    from sqlalchemy import text

    state, tables = _shared_tables(settings)
    with state.reading() as connection:
        found = (text(f'SELECT 1 FROM "{table}" WHERE mall_id = :mall LIMIT 1') for table in tables)
        return any(connection.execute(one, {"mall": mall_id}).first() for one in found)


def _has_rows(path: Path, mall_id: str) -> bool:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_PATIENCE)) as db:
        return any(
            db.execute(f'SELECT 1 FROM "{table}" WHERE {where} LIMIT 1', values).fetchone()
            for table, where, values in _of_mall(db, mall_id)
        )


def _of_mall(db: sqlite3.Connection, mall_id: str) -> list[tuple[str, str, list[str]]]:
    """Tables that hold rows by mall, each with the condition (and its values) of the mall's rows that are to go."""
    found = []
    for table in _tables(db):
        if "mall_id" in _columns(db, table):
            kept = KEPT if _is_log(db, table) else ()
            where = "mall_id = ?" + (f" AND type NOT IN ({', '.join('?' * len(kept))})" if kept else "")
            found.append((table, where, [mall_id, *kept]))
    return found


def _from_file(path: Path, mall_id: str) -> Mapping[str, int]:
    """Rows by table; the file is rewritten even where none is left, since a killed removal may have left pages."""
    done: dict[str, int] = {}
    with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as db:
        tables = _of_mall(db, mall_id)
        if not tables:
            return done
        try:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            for table, where, values in tables:
                if n := db.execute(f'DELETE FROM "{table}" WHERE {where}', values).rowcount:
                    done[table] = n
                if _is_log(db, table):
                    _remove_cursors(db, mall_id)
            db.execute("COMMIT")
            compact(db)
        except sqlite3.OperationalError as e:
            remedy = "stop what uses it (cafe24 ui, cafe24 serve), then remove again: it goes on where it was"
            raise Cafe24Error("the database is in use", where=str(path), remedy=remedy) from e
    return done


def _remove_cursors(db: sqlite3.Connection, mall_id: str) -> None:
    """Forget the places of readers that are named by the mall, such as `webhook-window:<mall>`."""
    for (reader,) in db.execute("SELECT reader FROM cursors").fetchall():
        if mall_id in reader.split(":"):
            db.execute("DELETE FROM cursors WHERE reader = ?", [reader])


def _tables(db: sqlite3.Connection) -> list[str]:
    rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name for (name,) in rows if name not in _NOT_OURS]


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f'PRAGMA table_info("{table}")')}


def _is_log(db: sqlite3.Connection, table: str) -> bool:
    return table == "events" and {"seq", "type", "payload"} <= _columns(db, table)


def _from_shared_state(settings: "Settings", mall_id: str) -> dict[str, int]:
    from sqlalchemy import text

    done: dict[str, int] = {}
    state, tables = _shared_tables(settings)
    with state.transaction() as connection:
        for table in tables:
            n = connection.execute(text(f'DELETE FROM "{table}" WHERE mall_id = :mall'), {"mall": mall_id}).rowcount
            if n:
                done[table] = int(n)
    return done


def _shared_tables(settings: "Settings") -> "tuple[SharedState, list[str]]":
    """Shared state, and its tables that hold rows by mall."""
    from sqlalchemy import inspect

    from cafe24_pipelines.stores.shared_state import shared_state

    state = shared_state(settings)
    look = inspect(state.engine)
    tables = [t for t in look.get_table_names() if "mall_id" in {c["name"] for c in look.get_columns(t)}]
    return state, sorted(tables)
