"""A patient connection to Neo4j 5: errors that say how to mend them, retries, and one writer a mall at a time.

Does not belong here: what is read or written (see `graph_neo4j.py`, `neo4j_load.py`).
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from cafe24_pipelines.errors import Cafe24Error, ConfigError

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session, Transaction
    from neo4j.api import BookmarkManager

P = ParamSpec("P")
T = TypeVar("T")

OLDEST: Final = (5, 23)
"""The first version with `CALL (n) { … } IN TRANSACTIONS`."""
LOCK: Final = "CRM_Lock"
_PAUSE: Final = 1.0
_log = logging.getLogger(__name__)


class Neo4jDown(ConfigError):
    """The server can't be reached, or was lost on the way; what had been written stays and is taken up again."""


class Neo4jRefused(Cafe24Error):
    """The server took the request and could not do it: its disk is full, its memory is short, or it is read-only."""


class Neo4jConnection:
    """One driver for all threads of a process.

    Args:
        uri: a Bolt address, such as `neo4j://localhost:7687`.
        user: its user.
        password: its password.
        patience: seconds that writing waits for a server which is starting or restarting.
    """

    def __init__(self, uri: str, user: str, password: str, *, patience: float = 60) -> None:
        self.uri, self.patience = uri, patience
        self._auth = (user, password)
        self._driver: Driver | None = None
        self._bookmarks: BookmarkManager | None = None
        self._lock = threading.Lock()

    @contextmanager
    def session(self, *, reading: bool = False) -> Iterator["Session"]:
        """A session whose errors say how to mend them.

        Raises:
            ConfigError: the user or the password is wrong, or the server is too old.
            Neo4jDown: it can't be reached.
            Neo4jRefused: it could not do what it was asked to.
        """
        import neo4j
        from neo4j.exceptions import DatabaseError, DriverError, Neo4jError, TransientError

        access = neo4j.READ_ACCESS if reading else neo4j.WRITE_ACCESS
        try:
            driver = self._connected()
            with driver.session(default_access_mode=access, bookmark_manager=self._bookmarks) as session:
                yield session
        except (DatabaseError, TransientError) as e:
            raise self._refused(e) from e
        except (DriverError, Neo4jError) as e:
            if friendly := self._unreachable(e):
                raise friendly from e
            raise

    def write(
        self, work: "Callable[Concatenate[ManagedTransaction, P], T]", /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do `work` in one transaction, again and again while the server restarts, within `patience`."""
        with self.session() as session:
            return session.execute_write(work, *args, **kwargs)

    def run(self, cypher: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a statement in a transaction of its own (schema changes, `CALL … IN TRANSACTIONS`)."""
        with self.session() as session:
            return session.run(cypher, dict(values or {})).data()

    def define(self, wanted: Mapping[str, str], *, instead_of: Iterable[str] = ()) -> None:
        """Create the constraints and indexes that aren't there yet, and wait until they work.

        Args:
            wanted: name to statement, without `CREATE`. Statements for what exists are not even sent: the server
                would wait for everyone who writes that label.
            instead_of: names of former ones, which are dropped.
        """
        there = {row["name"]: row["owner"] for row in self.run(
            "SHOW INDEXES YIELD name, owningConstraint RETURN name, owningConstraint AS owner"
        )}  # fmt: skip
        for name in [name for name in instead_of if name in there]:
            self.run(f"DROP {'CONSTRAINT' if there[name] else 'INDEX'} {name} IF EXISTS")
        for name, statement in wanted.items():
            if name not in there:
                self.run(f"CREATE {statement}")
        if not wanted.keys() <= there.keys():
            self.run("CALL db.awaitIndexes(300)")

    def wait(self) -> None:
        """Until the server answers, at most `patience` seconds.

        Raises:
            Neo4jDown: it did not.
        """
        end, told = time.monotonic() + self.patience, False
        while True:
            try:
                self.run("RETURN 1 AS one")
                return
            except Neo4jDown:
                if time.monotonic() + _PAUSE > end:
                    raise
                if not told:
                    _log.warning("Neo4j at %s does not answer; trying for %.0f s", self.uri, self.patience)
                told = True
                time.sleep(_PAUSE)

    @contextmanager
    def only_writer(self, mall_id: str) -> Iterator["WriterLock"]:
        """Alone to write this mall's graph, on whatever machine; another writer waits until the first is done."""
        self.define(
            {f"{LOCK}_mall": f"CONSTRAINT {LOCK}_mall IF NOT EXISTS FOR (l:{LOCK}) REQUIRE l.mall_id IS UNIQUE"}
        )
        self.write(_make_lock, mall_id)
        lock = WriterLock(self, mall_id)
        lock.take()
        try:
            yield lock
        finally:
            lock.give_back()

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        with self._lock:
            if self._driver is not None:
                self._driver.close()
                self._driver = None

    # -- inside ----------------------------------------------------------------------------------------------

    def _connected(self) -> "Driver":
        import neo4j

        with self._lock:
            if self._driver is None:
                driver = neo4j.GraphDatabase.driver(
                    self.uri, auth=self._auth, notifications_min_severity="OFF", connection_timeout=10,
                    max_transaction_retry_time=self.patience, keep_alive=True,
                )  # fmt: skip
                try:
                    _check_version(driver.get_server_info().agent, self.uri)
                except BaseException:
                    driver.close()
                    raise
                # What one session of ours has seen, the next one sees too, on whatever member of a cluster it reads.
                self._bookmarks = neo4j.GraphDatabase.bookmark_manager()
                self._driver = driver
            return self._driver

    def _unreachable(self, e: Exception) -> Cafe24Error | None:
        from neo4j.exceptions import AuthError, ConfigurationError, Neo4jError, ServiceUnavailable, SessionExpired

        code = (e.code or "") if isinstance(e, Neo4jError) else ""
        if isinstance(e, AuthError) or code.startswith("Neo.ClientError.Security."):
            remedy = (
                "too many wrong passwords: wait a few seconds, then set NEO4J_USER and NEO4J_PASSWORD"
                if code.endswith("AuthenticationRateLimit")
                else "set NEO4J_USER and NEO4J_PASSWORD"
            )
            return ConfigError("Neo4j refused the user or password", where=self.uri, remedy=remedy)
        if isinstance(e, ServiceUnavailable | SessionExpired | ConfigurationError):
            return Neo4jDown(
                "Neo4j can't be reached", where=self.uri,
                remedy="start it and set NEO4J_URI, then run again (what was written stays and is taken up), "
                "or use CAFE24_GRAPH=embedded",
            )  # fmt: skip
        return None

    def _refused(self, e: Any) -> Neo4jRefused:
        what = (e.message or str(e)).splitlines()[0]
        return Neo4jRefused(
            f"Neo4j could not do it: {what}", where=self.uri,
            remedy="see the server's log; free its disk or memory, then run again: it goes on where it stopped",
        )  # fmt: skip


class WriterLock:
    """An open transaction that holds a lock on the mall's lock node.

    It ends with its connection: a killed writer leaves no lock behind, and no clock is needed. A server that restarts
    drops it, so a long load asks `check()` before it publishes anything.
    """

    def __init__(self, connection: Neo4jConnection, mall_id: str) -> None:
        self._connection, self._mall_id = connection, mall_id
        self._session: Session | None = None
        self._transaction: Transaction | None = None

    def take(self) -> None:
        """Wait for the lock and hold it."""
        with self._connection.session():  # a server that can't be reached is told of here
            pass
        connection = self._connection
        self._session = connection._connected().session(bookmark_manager=connection._bookmarks)
        self._transaction = self._session.begin_transaction(timeout=0)
        self._transaction.run(
            f"MATCH (l:{LOCK} {{mall_id: $mall_id}}) SET l.held = true", mall_id=self._mall_id
        ).consume()

    def held(self) -> bool:
        """Whether the lock is still ours."""
        from neo4j.exceptions import DriverError, Neo4jError

        if self._transaction is None:
            return False
        try:
            self._transaction.run("RETURN 1").consume()
        except (DriverError, Neo4jError):
            return False
        return True

    def give_back(self) -> None:
        """Let the next writer in."""
        from neo4j.exceptions import DriverError, Neo4jError

        for held in (self._transaction, self._session):
            if held is not None:
                with suppress(DriverError, Neo4jError):
                    held.close()
        self._transaction = self._session = None


def _make_lock(tx: "ManagedTransaction", mall_id: str) -> None:
    if tx.run(f"MATCH (l:{LOCK} {{mall_id: $mall_id}}) RETURN 1", mall_id=mall_id).single() is None:
        tx.run(f"MERGE (l:{LOCK} {{mall_id: $mall_id}})", mall_id=mall_id).consume()


def _check_version(agent: str, uri: str) -> None:
    found = re.search(r"/(\d+)\.(\d+)", agent)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        raise ConfigError(
            f"{agent} is too old", where=uri,
            remedy=f"use Neo4j {OLDEST[0]}.{OLDEST[1]} or later (5.26 is the long-term release)",
        )  # fmt: skip
