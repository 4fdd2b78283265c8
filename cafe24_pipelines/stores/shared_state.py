"""What the processes of an installation share while they run: one SQL database behind short transactions.

SQLite in the home by default; PostgreSQL where several machines serve one mall (`CAFE24_STATE_URL`). Rooms bring
their own tables (`ensure`). Here also is a memory of things that may happen once (states, launches, deliveries).
Does not belong here: truth (the lake, the event log), or what a table means.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.errors import Cafe24Error, ConfigError, LakeDamaged
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import friendly_os_errors

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

BUSY_SECONDS = 60
_MEMORY = (
    "CREATE TABLE IF NOT EXISTS remembered (kind TEXT NOT NULL, digest TEXT NOT NULL, "
    "until DOUBLE PRECISION NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, digest))",
    "CREATE INDEX IF NOT EXISTS remembered_until ON remembered (until)",
)
_SCHEMA_LOCK = 0x0CAFE24  # any number, the same in all processes
_SKEW_SECONDS = 60.0


class SharedState:
    """One database that threads, processes and machines share.

    Args:
        url: an SQLAlchemy URL, `sqlite:///…` or `postgresql+psycopg2://…`.

    Raises:
        ConfigError: the URL is of another kind.
    """

    def __init__(self, url: str) -> None:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            self._url = make_url(url)
        except ArgumentError as e:
            raise ConfigError("CAFE24_STATE_URL is not an SQLAlchemy URL", remedy="see .env.example") from e
        self.kind = self._url.get_backend_name()
        if self.kind not in ("sqlite", "postgresql"):
            raise ConfigError(f"CAFE24_STATE_URL: {self.kind} is not served", remedy="use sqlite or postgresql")
        self._lock = threading.RLock()
        self._engine: Engine | None = None
        self._pid = 0
        self._ensured: set[str] = set()
        self._skew, self._skew_at = 0.0, float("-inf")

    def __repr__(self) -> str:
        return f"SharedState({self._url.render_as_string(hide_password=True)})"

    @property
    def for_update(self) -> str:
        """What a SELECT ends with to hold its rows until the transaction ends (SQLite holds all of them anyway)."""
        return " FOR UPDATE" if self.kind == "postgresql" else ""

    @contextmanager
    def transaction(self, *, durable: bool = True) -> "Iterator[Connection]":
        """One transaction: written as a whole when the block ends, not at all when it raises.

        SQLite takes its one write lock at the start (waiting up to a minute), so that what is read stays true until
        the end; on PostgreSQL, select with `for_update`. Unless `durable`, a power cut may take the last ones back;
        a killed process never does.

        Raises:
            Cafe24Error: no permission, a full disk, a damaged file, or no connection to the server.
        """
        with self._friendly(), self.engine.connect() as connection:
            if self.kind == "sqlite":
                connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            elif not durable:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> "Iterator[Connection]":
        """A look at the committed state that holds nobody up."""
        with self._friendly(), self.engine.connect() as connection:
            yield connection

    def ensure(self, *ddl: str) -> None:
        """Create tables that are not there yet (`CREATE TABLE IF NOT EXISTS …`), safe among processes."""
        with self._lock, self._friendly():
            self._own_engine()
            missing = [statement for statement in ddl if statement not in self._ensured]
            if not missing:
                return
            with self.transaction() as connection:
                if self.kind == "postgresql":  # two sessions that create one table at a time collide in the catalogue
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
                for statement in missing:
                    connection.exec_driver_sql(statement)
            self._ensured.update(missing)

    def skew(self) -> float:
        """Seconds that the database's clock is ahead of this machine's: 0 on SQLite, measured once a minute else.

        Times that machines compare with each other are told by the database's clock.
        """
        if self.kind == "sqlite":
            return 0.0
        with self._lock:
            if time.monotonic() - self._skew_at > _SKEW_SECONDS:
                with self.reading() as connection:
                    connection.exec_driver_sql("SELECT 1")  # connecting takes time that is not the answer's
                    before = time.time()
                    theirs = connection.exec_driver_sql("SELECT extract(epoch from clock_timestamp())").scalar_one()
                    after = time.time()
                skew = float(theirs) - (before + after) / 2
                self._skew = skew if abs(skew) > (after - before) else 0.0
                self._skew_at = time.monotonic()
            return self._skew

    def remember_once(self, kind: str, key: str, *, now: float, until: float, value: str = "") -> bool:
        """Remember a key (as a hash) until a time; False when it is remembered already.

        Args:
            kind: what it is, so that kinds don't meet.
            key: what must not come twice; only its SHA-256 is stored.
            now: epoch seconds; what expired before is forgotten.
            until: epoch seconds.
            value: kept with it and given back by `take`; readable by whoever reads the database.
        """
        from sqlalchemy import text

        self.ensure(*_MEMORY)
        with self.transaction() as connection:
            connection.execute(text("DELETE FROM remembered WHERE until < :now"), {"now": now})
            done = connection.execute(
                text(
                    "INSERT INTO remembered (kind, digest, until, value) VALUES (:kind, :digest, :until, :value) "
                    "ON CONFLICT (kind, digest) DO NOTHING"
                ),
                {"kind": kind, "digest": _digest(key), "until": until, "value": value},
            )
            return done.rowcount == 1

    def take(self, kind: str, key: str, *, now: float) -> str | None:
        """The value remembered with a key, which is forgotten by this; None when there is none or it expired."""
        from sqlalchemy import text

        self.ensure(*_MEMORY)
        row: dict[str, Any] = {"kind": kind, "digest": _digest(key)}
        with self.transaction() as connection:
            found = connection.execute(
                text("DELETE FROM remembered WHERE kind = :kind AND digest = :digest RETURNING value, until"), row
            ).one_or_none()
        return str(found[0]) if found is not None and float(found[1]) >= now else None

    @property
    def engine(self) -> "Engine":
        """This process's engine; a forked child gets one of its own."""
        with self._lock:
            return self._own_engine()

    def close(self) -> None:
        """Close this process's connections."""
        with self._lock:
            if self._engine is not None and self._pid == os.getpid():
                self._engine.dispose()
            self._engine = None

    def _own_engine(self) -> "Engine":
        if self._engine is None or self._pid != os.getpid():
            if self._engine is not None:
                self._engine.dispose(close=False)  # the parent's connections are the parent's
            self._engine, self._pid = self._open(), os.getpid()
            self._ensured.clear()
        return self._engine

    def _open(self) -> "Engine":
        from sqlalchemy import create_engine

        if self.kind == "sqlite":
            options = {"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
            engine = create_engine(self._url, connect_args=options, pool_size=8, max_overflow=64)
            if self._url.database:
                with friendly_os_errors(Path(self._url.database)):
                    _private_file(Path(self._url.database))
                _write_ahead(engine)
            return engine
        return create_engine(self._url, pool_pre_ping=True, pool_size=8, max_overflow=64)

    @contextmanager
    def _friendly(self) -> Iterator[None]:
        from sqlalchemy.exc import DatabaseError, OperationalError

        try:
            yield
        except DatabaseError as e:
            where = self._url.render_as_string(hide_password=True)
            said = str(e.orig).lower()
            if "readonly" in said or "unable to open" in said:
                raise Cafe24Error(
                    "no permission to write", where=where,
                    remedy="give this user write access or choose another folder with CAFE24_HOME",
                ) from e  # fmt: skip
            if "disk is full" in said:
                raise Cafe24Error("the disk is full", where=where, remedy="free space and run again") from e
            if "malformed" in said or "not a database" in said:
                raise LakeDamaged(
                    "the shared state is not readable", where=where,
                    remedy="restore it, or remove it and have the operator consent again",
                ) from e  # fmt: skip
            if isinstance(e, OperationalError) and self.kind == "postgresql" and not getattr(e.orig, "pgcode", None):
                raise Cafe24Error("the shared state's database does not answer", where=where,
                                  remedy="start it, or check CAFE24_STATE_URL") from e  # fmt: skip
            raise


_OPEN: dict[str, SharedState] = {}
_OPEN_LOCK = threading.Lock()


def shared_state(settings: Settings) -> SharedState:
    """The installation's shared state; one object a process and database."""
    url = settings.state_url or f"sqlite:///{settings.home.state}"
    with _OPEN_LOCK:
        if url not in _OPEN:
            _OPEN[url] = SharedState(url)
        return _OPEN[url]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _private_file(path: Path) -> None:
    """An empty database file that only its owner reads (SQLite gives its companions the same mode)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _write_ahead(engine: "Engine") -> None:
    """Switch a file to WAL; this switch alone ignores SQLite's own time-out."""
    from sqlalchemy.exc import OperationalError

    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                return
        except OperationalError as e:
            if "locked" not in str(e.orig) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
