"""The Neo4j 5 graph store (Community, over Bolt, no plug-in): two copies of a mall's facts, of which one is read.

Every node carries a hidden `_scope` that says which copy it belongs to. `(:CRM_Build {mall_id})` names the published
copy, and queries are rewritten so that each node they match is in it (`cypher.restrict`): another mall is out of
reach, and so is what is being written. A change is brought into the copy that nobody reads, bucket by bucket
(`neo4j_load.py`); publishing then moves the marker in one small transaction. So readers never see half a graph, a
change costs what differs, and an unchanged mall writes nothing. A reader whose copy was unpublished meanwhile reads
again: only then could it have been written to.

Does not belong here: labels and rows (see `ontology/`).
"""

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.stores.cypher import BadQuery, bind, check_reading, plain, restrict
from cafe24_pipelines.stores.graph import (
    Changes,
    GraphCounts,
    GraphSchema,
    LabelSpec,
    Mistyped,
    Nodes,
    Part,
    RelationshipSpec,
    pattern_of,
)
from cafe24_pipelines.stores.graph_rows import total
from cafe24_pipelines.stores.neo4j_connection import LOCK, Neo4jConnection, WriterLock
from cafe24_pipelines.stores.neo4j_load import HIDDEN, LEDGER, SCOPE, Ledger, Load
from cafe24_pipelines.stores.neo4j_rows import name_of, plain_rows, prepared

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

QUERY_SECONDS: Final = 60
TYPE_NAMES: Final = {
    "STRING": "STRING", "INT64": "INTEGER", "DOUBLE": "FLOAT", "BOOLEAN": "BOOLEAN", "DATE": "DATE",
    "TIMESTAMP": "ZONED DATETIME",
}  # fmt: skip
"""How Neo4j names the types of properties."""
MARKER: Final = "CRM_Build"
OURS: Final = frozenset([MARKER, LEDGER, LOCK])
"""Labels of the store's own; no query can match them, since they carry no scope."""
FORMAT: Final = 2
"""How this version lays a graph out. 1: a scope a load; 2: two copies, brought up to date by a ledger."""
_IN_SCOPE: Final = f"{{node}}.{SCOPE} IN $_scopes"
"""Nothing about the uid, though the index on (_scope, uid) would then do: Neo4j 5.26 returns some nodes with
`uid: true` for `IS NOT NULL`, and for `>= ''` plans a product of a path's ends. So `_scope` has its own index."""
_IN_FORMER_SCOPE: Final = "{node}.scope IN $_scopes AND {node}._scope IS NULL"
"""The same for a graph of format 1."""
_MARKED: Final = f"MATCH (m:{MARKER} {{mall_id: $mall_id}}) RETURN properties(m) AS marker"
_TRIES: Final = 5


@dataclass(frozen=True)
class _Marker:
    """What is staged and published for a mall. `turn` counts publications; `writer` is the last to begin a load."""

    staged_id: str | None = None
    staged_scope: str | None = None
    build_id: str | None = None
    digest: str | None = None
    facts_scope: str | None = None
    findings_scope: str | None = None
    turn: int | None = None
    writer: str | None = None
    format: int | None = None

    @classmethod
    def of(cls, rows: list[dict[str, Any]]) -> "_Marker":
        """The marker that a query found; an empty one before there is any."""
        known = rows[0]["marker"] if rows else {}
        return cls(**{name: known.get(name) for name in cls.__dataclass_fields__})

    def scopes(self, *, staged: bool) -> list[str]:
        """What a reader reads; nothing before there is anything."""
        found = (self.staged_scope,) if staged else (self.facts_scope, self.findings_scope)
        return [scope for scope in found if scope]


class Neo4jGraph:
    """Graphs of all malls in one database. Safe for several threads, processes and machines at once.

    Args:
        uri: a Bolt address, such as `neo4j://localhost:7687`.
        user: its user.
        password: its password.
        patience: seconds that writing waits for a server which is starting or restarting.
    """

    def __init__(self, uri: str, user: str, password: str, *, patience: float = 60) -> None:
        self._connection = Neo4jConnection(uri, user, password, patience=patience)

    # -- writing ---------------------------------------------------------------------------------------------

    def stage(self, mall_id: str, schema: GraphSchema, facts: Iterable[Part], *, build_id: str) -> Changes:
        """Bring the copy that nobody reads to these facts; returns what that changed.

        Facts equal to the published ones write nothing, whatever their `build_id`. A load that was killed goes on.

        Raises:
            ValueError: a key repeats, a part comes twice, or a relationship names a node that isn't there.
            Neo4jDown: the server can't be reached, or was lost; what was written is taken up by the next load.
        """
        self._connection.wait()
        with self._connection.only_writer(mall_id) as lock:
            before = self._checked_marker(mall_id)
            if before.staged_id == build_id:
                return Changes()
            _constrain(self._connection, schema)
            begun = _Begun(self._connection, mall_id, before, lock)
            with tempfile.TemporaryDirectory(prefix="cafe24-graph-") as folder:
                changes = begun.bring(facts, _Spool(Path(folder)))
            begun.end(build_id)
            return changes

    def staged(self, mall_id: str) -> str | None:
        """The id of the staged facts, if they are complete."""
        return self._marker(mall_id).staged_id

    def publish(self, mall_id: str, findings: Iterable[Part], *, build_id: str, digest: str) -> GraphCounts:
        """Write the findings beside the staged facts and switch readers to both; the facts stay staged.

        Raises:
            NotBuilt: no facts are staged.
        """
        parts = list(findings)
        with self._connection.only_writer(mall_id) as lock:
            before = self._checked_marker(mall_id)
            facts = before.staged_scope
            if facts is None:
                raise NotBuilt(f"no facts are staged for mall {mall_id!r}", remedy="stage them first (cafe24 run)")
            scope = _other(before.findings_scope, mall_id, "findings")
            self._remove(scope)
            self._connection.write(_write_findings, parts, scope, facts)
            after = {
                "build_id": build_id, "digest": digest, "facts_scope": facts, "findings_scope": scope,
                "turn": (before.turn or 0) + 1, "format": FORMAT,
            }  # fmt: skip
            _still_alone(lock, self._connection, mall_id, before.writer)
            self._connection.write(_mark, mall_id, after)
            if before.findings_scope:
                self._remove(before.findings_scope)
            if before.facts_scope and not _is_copy(before.facts_scope):
                self._remove_older_format(mall_id)
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
        found = self._read_scoped(mall_id, lambda where: restrict(cypher, where), values, staged=staged)
        if found is None:
            raise NotBuilt(f"mall {mall_id!r} has no graph yet", remedy=f"run `cafe24 run --mall {mall_id}`")
        return found

    def counts(self, mall_id: str, *, staged: bool = False) -> GraphCounts:
        """Counts of the published graph, or of the staged facts (all zero before there are any)."""
        nodes: dict[str, int] = {}
        links: dict[str, int] = {}
        for label in self._labels():
            match = f"MATCH (a:{label} WHERE {{0}})"
            rows = self._read_scoped(mall_id, _filled(f"{match} RETURN count(a) AS n"), {}, staged=staged)
            nodes[label] = rows[0]["n"] if rows else 0
            if nodes[label]:
                query = f"{match}-[r]->(b WHERE {{1}}) RETURN type(r) AS name, count(r) AS n"
                for row in self._read_scoped(mall_id, _filled(query), {}, staged=staged) or []:
                    links[row["name"]] = links.get(row["name"], 0) + row["n"]
        return total(nodes, links)

    def published(self, mall_id: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published graph, or None."""
        marker = self._marker(mall_id)
        return (marker.build_id, marker.digest or "") if marker.build_id else None

    def mistyped(self, mall_id: str, spec: LabelSpec | RelationshipSpec, *, limit: int = 20) -> list[Mistyped]:
        """Properties with values of another type, found by type predicates (Neo4j 5.9 and later)."""
        match, shown = pattern_of(spec)
        wrong = {name: f"n.{name} IS NOT :: {TYPE_NAMES[kind]}" for name, kind in spec.properties.items()}
        sums = [f"sum(CASE WHEN {test} THEN 1 ELSE 0 END) AS c{i}" for i, test in enumerate(wrong.values())]
        counts = self.query(mall_id, f"MATCH {match} RETURN {', '.join(sums)}")[0] if wrong else {}
        found = []
        for i, (name, test) in enumerate(wrong.items()):
            if counts[f"c{i}"]:
                some = self.query(mall_id, f"MATCH {match} WHERE {test} RETURN {shown} ORDER BY uid LIMIT {limit}")
                uids = tuple(tuple(row.values()) for row in some)
                found.append(Mistyped(name, spec.properties[name], counts[f"c{i}"], uids))
        return found

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _read_scoped(
        self, mall_id: str, cypher: Callable[[str], str], values: Mapping[str, Any], *, staged: bool
    ) -> list[dict[str, Any]] | None:
        """Rows of a query, or None before there is anything to read; `cypher` makes it of the condition on a node.

        A copy is written to only after another was published, so rows are of one build exactly when the same
        publication is current before and after.
        """
        for _ in range(_TRIES):
            before = self._marker(mall_id)
            scopes = before.scopes(staged=staged)
            if not scopes:
                return None
            try:
                where = _IN_SCOPE if _is_copy(scopes[0]) else _IN_FORMER_SCOPE
                rows = self._read(cypher(where), {**values, "_scopes": scopes})
            except BadQuery:
                if self._marker(mall_id).turn == before.turn:
                    raise
                continue
            if staged or self._marker(mall_id).turn == before.turn:
                return rows
        raise Cafe24Error(
            f"the graph of mall {mall_id!r} is published faster than it can be read",
            remedy="let one run end, then ask again",
        )

    def _read(self, cypher: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        import neo4j
        from neo4j.exceptions import ClientError, TransientError

        with self._connection.session(reading=True) as session:
            try:
                found = session.run(neo4j.Query(cypher, timeout=QUERY_SECONDS), dict(values))
                return [{k: _value(v) for k, v in record.items()} for record in found]
            except (ClientError, TransientError) as e:
                if (e.code or "").startswith("Neo.ClientError.Security."):
                    raise
                what = (e.message or "the query can't be run").splitlines()[0]
                raise BadQuery(what, where=" ".join(cypher.split())[:120],
                               remedy="see docs/ontology.md for labels and the subset") from e  # fmt: skip

    def _marker(self, mall_id: str) -> _Marker:
        return _Marker.of(self._read(_MARKED, {"mall_id": mall_id}))

    def _checked_marker(self, mall_id: str) -> _Marker:
        """The marker, before anything is written.

        Raises:
            Cafe24Error: a newer version of this software has written here.
        """
        marker = _Marker.of(self._connection.run(_MARKED, {"mall_id": mall_id}))  # a cluster's leader knows
        if (marker.format or 1) > FORMAT:
            raise Cafe24Error(
                f"the graph of mall {mall_id!r} was written by a newer version (format {marker.format}, "
                f"this one writes {FORMAT})",
                where=self._connection.uri,
                remedy="upgrade cafe24-pipelines, or remove the mall's graph and run `cafe24 rebuild graph`",
            )
        return marker

    def _labels(self) -> list[str]:
        found = self._read("CALL db.labels() YIELD label RETURN label ORDER BY label", {})
        return [row["label"] for row in found if row["label"] not in OURS]

    def _remove(self, scope: str) -> None:
        """Remove what a scope of findings holds."""
        for label in self._labels():
            self._connection.run(
                f"MATCH (n:{label} {{{SCOPE}: $scope}}) WHERE n.uid IS NOT NULL "
                "CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS",
                {"scope": scope},
            )

    def _remove_older_format(self, mall_id: str) -> None:
        """Remove loads of the format before this one, whose scopes no marker names any more."""
        for label in self._labels():
            self._connection.run(
                f"MATCH (n:{label} {{mall_id: $mall_id}}) WHERE n.{SCOPE} IS NULL "
                "CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS",
                {"mall_id": mall_id},
            )


class _Begun:
    """One staging: compares with the published copy first, and begins to write at the first difference."""

    def __init__(self, connection: Neo4jConnection, mall_id: str, before: _Marker, lock: WriterLock) -> None:
        self._connection, self._mall_id, self._before, self._lock = connection, mall_id, before, lock
        self._writer = before.writer
        self._standing = before.facts_scope if before.facts_scope and _is_copy(before.facts_scope) else None
        self.scope = _other(self._standing, mall_id, "facts")
        self._load: Load | None = None

    def bring(self, facts: Iterable[Part], spool: "_Spool") -> Changes:
        """Bring the other copy to `facts`, unless the published one holds just these."""
        ledger = Ledger(self._connection, self._standing) if self._standing else None
        seen: set[str] = set()
        for part in facts:
            seen.add(name_of(part))
            if self._load is None and ledger is not None and _holds(ledger, part):
                spool.add(part)
                continue
            self._begin(spool).part(part)
        if self._load is None and ledger is not None and ledger.parts <= seen:
            self.scope = str(self._standing)
            return Changes()
        return self._begin(spool).finish()

    def end(self, build_id: str) -> None:
        """Name what is staged, if nobody else wrote meanwhile."""
        _still_alone(self._lock, self._connection, self._mall_id, self._writer)
        fields = {"staged_id": build_id, "staged_scope": self.scope}
        self._connection.write(_mark, self._mall_id, fields)

    def _begin(self, spool: "_Spool") -> Load:
        """The load; the first call takes back what is staged in its copy, and brings what had been equal so far."""
        if self._load is None:
            self._writer = uuid.uuid4().hex
            fields: dict[str, Any] = {"writer": self._writer}
            if self._before.staged_scope == self.scope:
                fields |= {"staged_id": None, "staged_scope": None}
            self._connection.write(_mark, self._mall_id, fields)
            self._load = Load(self._connection, self._mall_id, self.scope)
            for part in spool:
                self._load.part(part)
        return self._load


class _Spool:
    """Parts kept in files until it is known whether they have to be written: a large mall's don't fit in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: list[tuple[Part, Path]] = []

    def add(self, part: Part) -> None:
        """Keep a part."""
        path = self._folder / f"{len(self._kept)}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, part.rows.schema) as writer:
            writer.write_table(part.rows)
        self._kept.append((replace(part, rows=part.rows.slice(0, 0)), path))

    def __iter__(self) -> Iterator[Part]:
        for part, path in self._kept:
            with pa.memory_map(str(path)) as source:
                yield replace(part, rows=pa.ipc.open_file(source).read_all())


def _holds(ledger: Ledger, part: Part) -> bool:
    """Whether a copy holds exactly these rows of a part."""
    held = ledger.of(part)
    return not held.stale and not held.different(prepared(part, held.cut))


def _filled(query: str) -> Callable[[str], str]:
    """A query whose {0} and {1} are the conditions on `a` and `b`."""
    return lambda where: query.format(where.format(node="a"), where.format(node="b"))


def _is_copy(scope: str) -> bool:
    """Whether a scope is one of the two copies; format 1 had a scope of another name for each load."""
    return scope.endswith(("/facts-a", "/facts-b"))


def _other(scope: str | None, mall_id: str, kind: str) -> str:
    """The copy that isn't `scope`."""
    first = f"{mall_id}/{kind}-a"
    return f"{mall_id}/{kind}-b" if scope == first else first


def _still_alone(lock: WriterLock, connection: Neo4jConnection, mall_id: str, writer: str | None) -> None:
    """Make sure that no other writer came between: a server that restarts drops the lock.

    Raises:
        Cafe24Error: one did.
    """
    if lock.held():
        return
    lock.give_back()
    connection.wait()
    lock.take()
    rows = connection.run(f"MATCH (m:{MARKER} {{mall_id: $mall_id}}) RETURN m.writer AS w", {"mall_id": mall_id})
    if (rows[0]["w"] if rows else None) != writer:
        raise Cafe24Error(
            f"another run began to write the graph of mall {mall_id!r} while the server restarted",
            where=connection.uri, remedy="let it end, then run again",
        )  # fmt: skip


def _constrain(connection: Neo4jConnection, schema: GraphSchema) -> None:
    """Constraints and indexes before rows: a uid is unique in its copy, a mall's nodes are found by `mall_id`."""
    wanted = {
        f"{MARKER}_mall": f"CONSTRAINT {MARKER}_mall IF NOT EXISTS FOR (m:{MARKER}) REQUIRE m.mall_id IS UNIQUE",
        f"{LEDGER}_key": f"CONSTRAINT {LEDGER}_key IF NOT EXISTS FOR (l:{LEDGER}) "
        "REQUIRE (l.of, l.part, l.cut, l.bucket) IS UNIQUE",
    }
    for label in (spec.label for spec in schema.labels):
        wanted |= {
            f"{label}_key": f"CONSTRAINT {label}_key IF NOT EXISTS "
            f"FOR (n:{label}) REQUIRE (n.{SCOPE}, n.uid) IS UNIQUE",
            f"{label}_copy": f"INDEX {label}_copy IF NOT EXISTS FOR (n:{label}) ON (n.{SCOPE})",
            f"{label}_mall": f"INDEX {label}_mall IF NOT EXISTS FOR (n:{label}) ON (n.mall_id)",
        }
    former = [f"{spec.label}_{name}" for spec in schema.labels for name in ("uid", "scope")]
    connection.define(wanted, instead_of=former)


def _write_findings(tx: "ManagedTransaction", parts: list[Part], scope: str, facts: str) -> None:
    """All findings in one transaction: they are few. A relationship may end at facts."""
    from neo4j.exceptions import ConstraintError

    for part in parts:
        rows = plain_rows(part.rows)
        if not rows:
            continue
        if isinstance(part, Nodes):
            try:
                tx.run(
                    f"UNWIND $rows AS row CREATE (n:{part.label} {{{SCOPE}: $scope}}) SET n += row",
                    rows=rows, scope=scope,
                ).consume()  # fmt: skip
            except ConstraintError as e:
                raise ValueError(f"{part.label}: {e.message}") from e
            continue
        ends = ("from_uid", "to_uid")
        sent = [
            {**{e: row[e] for e in ends}, "rest": {k: v for k, v in row.items() if k not in ends}} for row in rows
        ]
        done = tx.run(
            f"UNWIND $rows AS row MATCH (a:{part.from_label}) WHERE a.{SCOPE} IN $scopes AND a.uid = row.from_uid "
            f"MATCH (b:{part.to_label}) WHERE b.{SCOPE} IN $scopes AND b.uid = row.to_uid "
            f"CREATE (a)-[r:{part.type}]->(b) SET r = row.rest",
            rows=sent, scopes=[scope, facts],
        ).consume()  # fmt: skip
        if done.counters.relationships_created != len(rows):
            missing = len(rows) - done.counters.relationships_created
            raise ValueError(f"{part.type}: {missing} of {len(rows)} rows name a node that isn't there")


def _mark(tx: "ManagedTransaction", mall_id: str, fields: Mapping[str, Any]) -> None:
    tx.run(f"MERGE (m:{MARKER} {{mall_id: $mall_id}}) SET m += $fields", mall_id=mall_id, fields=fields).consume()


def _value(value: Any) -> Any:
    """A driver's value as plain Python; nodes and relationships as their properties, without hidden ones."""
    if hasattr(value, "to_native"):
        return plain(value.to_native())
    if isinstance(value, list):
        return [_value(v) for v in value]
    if hasattr(value, "items"):
        return {k: _value(v) for k, v in value.items() if k not in HIDDEN}
    return plain(value)
