"""The Neo4j 5 graph store (Community, over Bolt, no plug-in): rows in batches, one marker switches readers.

Every node carries a hidden `scope`: the load that wrote it. `(:CRM_Build {mall_id})` names the scopes that are staged
and published; queries are rewritten so that each node they match is in the scopes of their mall (`cypher.restrict`).
So a half-written load is invisible, another mall is out of reach, and the switch is one small transaction. The build
before the published one stays for readers that are still in it; loads that nothing names any more are removed after
every switch and before the next load, so a kill leaves nothing behind for good.

Does not belong here: labels and rows (see `ontology/`).
"""

import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.stores.cypher import BadQuery, bind, check_reading, plain, restrict
from cafe24_pipelines.stores.graph import GraphCounts, GraphSchema, Nodes, Part
from cafe24_pipelines.stores.graph_rows import total

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session

BATCH: Final = 5_000
QUERY_SECONDS: Final = 60
MARKER: Final = "CRM_Build"
SCOPES: Final = ("staged_scope", "facts_scope", "findings_scope", "former_facts", "former_findings")
"""The loads that are kept: staged, published, and published before (for readers that are still in it)."""
_FIELDS: Final = ("staged_id", "build_id", "digest", *SCOPES)
HIDDEN: Final = "scope"


class Neo4jGraph:
    """Graphs of all malls in one database.

    Args:
        uri: a Bolt address, such as `neo4j://localhost:7687`.
        user: its user.
        password: its password.
    """

    def __init__(self, uri: str, user: str, password: str) -> None:
        self.uri = uri
        self._auth = (user, password)
        self._driver: Driver | None = None
        self._lock = threading.Lock()

    # -- writing ---------------------------------------------------------------------------------------------

    def stage(self, mall_id: str, schema: GraphSchema, facts: Iterable[Part], *, build_id: str) -> None:
        """Write the facts under a new scope, then name it staged; staging the same `build_id` again does nothing."""
        if self.staged(mall_id) == build_id:
            return
        scope = _new_scope(mall_id)
        with self._session() as session:
            _constrain(session, schema)
            self._clear(session, mall_id, schema)
            for part in facts:
                for batch in _batches(part):
                    session.execute_write(_write, part, batch, scope, scope)
            session.execute_write(_mark, mall_id, {"staged_id": build_id, "staged_scope": scope})
            self._clear(session, mall_id, schema)

    def staged(self, mall_id: str) -> str | None:
        """The id of the staged facts, if they are complete."""
        return self._marker(mall_id)["staged_id"]

    def publish(self, mall_id: str, findings: Iterable[Part], *, build_id: str, digest: str) -> GraphCounts:
        """Write the findings beside the staged facts and switch readers to both; the facts stay staged.

        Raises:
            NotBuilt: no facts are staged.
        """
        before = self._marker(mall_id)
        facts = before["staged_scope"]
        if facts is None:
            raise NotBuilt(f"no facts are staged for mall {mall_id!r}", remedy="stage them first (cafe24 run)")
        scope = _new_scope(mall_id)
        with self._session() as session:
            for part in findings:
                for batch in _batches(part):
                    session.execute_write(_write, part, batch, scope, facts)
            fields = {
                "build_id": build_id, "digest": digest, "facts_scope": facts, "findings_scope": scope,
                "former_facts": before["facts_scope"], "former_findings": before["findings_scope"],
            }  # fmt: skip
            session.execute_write(_mark, mall_id, fields)
            self._clear(session, mall_id, None)
        return self.counts(mall_id)

    # -- reading ---------------------------------------------------------------------------------------------

    def query(
        self, mall_id: str, cypher: str, params: Mapping[str, Any] | None = None, *, staged: bool = False
    ) -> list[dict[str, Any]]:
        """Rows of a read-only query; values are plain Python, times aware UTC. `$mall_id` is bound here.

        Raises:
            NotBuilt: nothing has been published (or staged) for this mall.
            BadQuery: it writes, is misspelt, lacks a parameter, or runs longer than a minute.
        """
        check_reading(cypher)
        values = bind(cypher, mall_id, params)
        scopes = self._scopes(mall_id, staged=staged)
        if not scopes:
            raise NotBuilt(f"mall {mall_id!r} has no graph yet", remedy=f"run `cafe24 run --mall {mall_id}`")
        return self._read(restrict(cypher, f"{{node}}.{HIDDEN} IN $_scopes"), {**values, "_scopes": scopes})

    def counts(self, mall_id: str) -> GraphCounts:
        """Counts of the published graph (all zero before the first publication)."""
        scopes = self._scopes(mall_id, staged=False)
        if not scopes:
            return GraphCounts(0, 0, {}, {})
        nodes = self._read(
            f"MATCH (n) WHERE n.{HIDDEN} IN $_scopes RETURN labels(n)[0] AS name, count(n) AS n", {"_scopes": scopes}
        )
        links = self._read(
            f"MATCH (a)-[r]->(b) WHERE a.{HIDDEN} IN $_scopes AND b.{HIDDEN} IN $_scopes "
            "RETURN type(r) AS name, count(r) AS n",
            {"_scopes": scopes},
        )
        return total({r["name"]: r["n"] for r in nodes}, {r["name"]: r["n"] for r in links})

    def published(self, mall_id: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published graph, or None."""
        marker = self._marker(mall_id)
        return (marker["build_id"], marker["digest"]) if marker["build_id"] else None

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._driver is not None:
                self._driver.close()
                self._driver = None

    # -- inside ----------------------------------------------------------------------------------------------

    def _connected(self) -> "Driver":
        import neo4j

        with self._lock:
            if self._driver is None:
                self._driver = neo4j.GraphDatabase.driver(
                    self.uri, auth=self._auth, notifications_min_severity="OFF", connection_timeout=10
                )
            return self._driver

    @contextmanager
    def _session(self, *, reading: bool = False) -> Iterator["Session"]:
        """A session whose errors say how to mend them."""
        import neo4j
        from neo4j.exceptions import AuthError, ConfigurationError, ServiceUnavailable

        access = neo4j.READ_ACCESS if reading else neo4j.WRITE_ACCESS
        try:
            with self._connected().session(default_access_mode=access) as session:
                yield session
        except AuthError as e:
            raise Cafe24Error("Neo4j refused the user or password", where=self.uri,
                              remedy="set NEO4J_USER and NEO4J_PASSWORD") from e  # fmt: skip
        except (ServiceUnavailable, ConfigurationError) as e:
            raise Cafe24Error("Neo4j can't be reached", where=self.uri,
                              remedy="start it and set NEO4J_URI, or use CAFE24_GRAPH=embedded") from e  # fmt: skip

    def _read(self, cypher: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        import neo4j
        from neo4j.exceptions import ClientError, TransientError

        try:
            with self._session(reading=True) as session:
                found = session.run(neo4j.Query(cypher, timeout=QUERY_SECONDS), dict(values))
                return [{k: _value(v) for k, v in record.items()} for record in found]
        except (ClientError, TransientError) as e:
            what = (e.message or "the query can't be run").splitlines()[0]
            raise BadQuery(what, where=" ".join(cypher.split())[:120],
                           remedy="see docs/ontology.md for labels and the subset") from e  # fmt: skip

    def _marker(self, mall_id: str) -> dict[str, Any]:
        fields = ", ".join(f"m.{f} AS {f}" for f in _FIELDS)
        rows = self._read(f"MATCH (m:{MARKER} {{mall_id: $mall_id}}) RETURN {fields}", {"mall_id": mall_id})
        return rows[0] if rows else dict.fromkeys(_FIELDS)

    def _scopes(self, mall_id: str, *, staged: bool) -> list[str]:
        marker = self._marker(mall_id)
        names = ("staged_scope",) if staged else ("facts_scope", "findings_scope")
        return [marker[n] for n in names if marker[n]]

    def _clear(self, session: "Session", mall_id: str, schema: GraphSchema | None) -> None:
        """Remove the mall's loads that the marker no longer names, a batch a transaction."""
        marker = self._marker(mall_id)
        kept = sorted({marker[n] for n in SCOPES if marker[n]})
        labels = [s.label for s in schema.labels] if schema else _labels(session)
        for label in labels:
            removed = BATCH
            while removed:
                removed = session.execute_write(_remove, label, mall_id, kept)


def _new_scope(mall_id: str) -> str:
    return f"{mall_id}/{uuid.uuid4().hex}"


def _constrain(session: "Session", schema: GraphSchema) -> None:
    """One uniqueness constraint and two look-up indexes a label, for readers and for writing relationships."""
    session.run(
        f"CREATE CONSTRAINT {MARKER}_mall IF NOT EXISTS FOR (m:{MARKER}) REQUIRE m.mall_id IS UNIQUE"
    ).consume()
    for spec in schema.labels:
        n = spec.label
        for statement in (
            f"CREATE CONSTRAINT {n}_uid IF NOT EXISTS FOR (n:{n}) REQUIRE (n.{HIDDEN}, n.uid) IS UNIQUE",
            f"CREATE INDEX {n}_{HIDDEN} IF NOT EXISTS FOR (n:{n}) ON (n.{HIDDEN})",
            f"CREATE INDEX {n}_mall IF NOT EXISTS FOR (n:{n}) ON (n.mall_id)",
        ):
            session.run(statement).consume()
    session.run("CALL db.awaitIndexes(300)").consume()


def _batches(part: Part) -> Iterator[list[dict[str, Any]]]:
    """Rows in key order, some thousands at a time; times as aware UTC."""
    keys = ["uid"] if isinstance(part, Nodes) else ["from_uid", "to_uid"]
    table = part.rows.sort_by([(k, "ascending") for k in keys])
    for i, name in enumerate(table.column_names):
        if pa.types.is_timestamp(table.schema.field(name).type):
            table = table.set_column(i, name, table.column(name).cast(pa.timestamp("us", tz="UTC")))
    for batch in table.to_batches(max_chunksize=BATCH):
        yield batch.to_pylist()


def _write(tx: "ManagedTransaction", part: Part, rows: list[dict[str, Any]], scope: str, facts: str) -> None:
    """One batch. A relationship of findings may end at facts, so its ends are looked up in both scopes."""
    from neo4j.exceptions import ConstraintError

    if isinstance(part, Nodes):
        create = f"UNWIND $rows AS row CREATE (n:{part.label}) SET n = row, n.{HIDDEN} = $scope"
        try:
            tx.run(create, rows=rows, scope=scope).consume()
        except ConstraintError as e:
            raise ValueError(f"{part.label}: {e.message}") from e
        return
    done = tx.run(
        f"UNWIND $rows AS row "
        f"MATCH (a:{part.from_label} {{uid: row.from_uid}}) WHERE a.{HIDDEN} IN $scopes "
        f"MATCH (b:{part.to_label} {{uid: row.to_uid}}) WHERE b.{HIDDEN} IN $scopes "
        f"CREATE (a)-[r:{part.type}]->(b) SET r = row REMOVE r.from_uid, r.to_uid",
        rows=rows, scopes=sorted({scope, facts}),
    ).consume()  # fmt: skip
    if done.counters.relationships_created != len(rows):
        missing = len(rows) - done.counters.relationships_created
        raise ValueError(f"{part.type}: {missing} of {len(rows)} rows name a node that isn't there")


def _mark(tx: "ManagedTransaction", mall_id: str, fields: Mapping[str, str | None]) -> None:
    tx.run(f"MERGE (m:{MARKER} {{mall_id: $mall_id}}) SET m += $fields", mall_id=mall_id, fields=fields).consume()


def _remove(tx: "ManagedTransaction", label: str, mall_id: str, kept: list[str]) -> int:
    done = tx.run(
        f"MATCH (n:{label} {{mall_id: $mall_id}}) WHERE NOT n.{HIDDEN} IN $kept "
        f"WITH n LIMIT {BATCH} DETACH DELETE n",
        mall_id=mall_id, kept=kept,
    ).consume()  # fmt: skip
    return done.counters.nodes_deleted


def _labels(session: "Session") -> list[str]:
    found = session.run("CALL db.labels() YIELD label RETURN label ORDER BY label")
    return [r["label"] for r in found if r["label"] != MARKER]


def _value(value: Any) -> Any:
    """A driver's value as plain Python; nodes and relationships as their properties, without the hidden one."""
    if hasattr(value, "to_native"):
        return plain(value.to_native())
    if isinstance(value, list):
        return [_value(v) for v in value]
    if hasattr(value, "items"):
        return {k: _value(v) for k, v in value.items() if k != HIDDEN}
    return plain(value)
