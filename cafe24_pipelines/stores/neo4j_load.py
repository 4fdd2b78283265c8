"""Bringing one scope of a Neo4j graph to the rows that it should hold: what differs is written, the rest is left.

A ledger, `(:CRM_Bucket {of, part, cut, bucket, digest, rows})`, says what each bucket of a part holds. A bucket's
rows and its entry are written in one transaction, so a load that was killed goes on where it stopped, and one that
has nothing to change writes nothing. An entry without a digest marks a bucket whose rows are in doubt; it is read and
compared row by row. Nodes that are gone are removed last, when no relationship of the new rows can need them.

Does not belong here: which scope is read and which is published (see `graph_neo4j.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.stores.graph import Changes, Nodes, Part, Relationships
from cafe24_pipelines.stores.neo4j_rows import (
    HASH,
    Cut,
    Rows,
    batches,
    fresh_cut,
    has_hash,
    name_of,
    plain_rows,
    prepared,
)

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

    from cafe24_pipelines.stores.neo4j_connection import Neo4jConnection

BATCH: Final = 10_000
"""Rows a transaction: large enough that commits don't matter, small enough for the server's heap."""
WRITERS: Final = 2
"""Transactions under way at once. Batches of a part share no key, so they only ever wait for a hub's lock."""
LEDGER: Final = "CRM_Bucket"
SCOPE: Final = "_scope"
HIDDEN: Final = frozenset([SCOPE, HASH])
"""Properties of the store's own, left out of what a query returns; no label has one that begins with _."""


@dataclass(frozen=True)
class Entry:
    """What the ledger says of one bucket; no digest means that its rows are in doubt."""

    digest: int | None
    rows: int


@dataclass(frozen=True)
class PartLedger:
    """The ledger of one part in one scope: its cut and its buckets. `stale` are entries of an earlier cut."""

    cut: Cut
    entries: dict[int, Entry]
    stale: bool = False

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever written of this part."""
        return not self.entries and not self.stale

    def different(self, rows: Rows) -> list[int]:
        """The buckets that don't hold what they should."""
        held = {number: entry.digest for number, entry in self.entries.items()}
        numbers = sorted(set(held) | set(rows.digests))
        return [n for n in numbers if n not in held or n not in rows.digests or held[n] != rows.digests[n]]


class Ledger:
    """What one scope holds, part by part, as it was when this was read."""

    def __init__(self, connection: "Neo4jConnection", scope: str) -> None:
        found = connection.run(
            f"MATCH (l:{LEDGER} {{of: $scope}}) WHERE l.part IS NOT NULL RETURN l.part AS part, l.cut AS cut, "
            "l.bucket AS bucket, l.digest AS digest, l.rows AS rows",
            {"scope": scope},
        )
        self._rows: dict[str, dict[str, dict[int, Entry]]] = {}
        for row in found:
            cuts = self._rows.setdefault(row["part"], {})
            cuts.setdefault(row["cut"], {})[row["bucket"]] = Entry(row["digest"], row["rows"])

    @property
    def parts(self) -> set[str]:
        """Names of the parts of which something is there."""
        return set(self._rows)

    def of(self, part: Part) -> PartLedger:
        """The entries of a part, and the cut it should have: the standing one while it fits."""
        cuts = self._rows.get(name_of(part), {})
        for text, entries in cuts.items():
            end, bits = text.split(":")
            cut = Cut(end, int(bits))
            doubtful = len(cuts) > 1 and all(entry.digest is None for entry in entries.values())
            if cut.fits(part.rows.num_rows) and not doubtful:
                return PartLedger(cut, entries, stale=len(cuts) > 1)
        return PartLedger(fresh_cut(part), {}, stale=bool(cuts))

    def sizes(self) -> dict[str, int]:
        """Rows by part."""
        return {name: sum(e.rows for c in cuts.values() for e in c.values()) for name, cuts in self._rows.items()}


@dataclass
class _Gone:
    """Nodes of a label to be removed at the end, and what their buckets hold then."""

    label: str
    cut: Cut
    uids: dict[int, list[str]] = field(default_factory=dict)
    entries: dict[int, tuple[int, int] | None] = field(default_factory=dict)


class Load:
    """Brings one scope to a set of parts: `part()` for each, nodes before the relationships that need them, then
    `finish()`. Each label and each pair of a relationship type comes once.

    Args:
        connection: to the server.
        mall_id: the mall.
        scope: where to.
        progress: told a line now and then.
    """

    def __init__(self, connection: "Neo4jConnection", mall_id: str, scope: str) -> None:
        self._connection, self._mall_id, self.scope = connection, mall_id, scope
        self._ledger = Ledger(connection, scope)
        self._seen: set[str] = set()
        self._gone: list[_Gone] = []
        self.changes = Changes()

    def part(self, part: Part) -> None:
        """Bring one part to its rows.

        Raises:
            ValueError: a key repeats, the part comes a second time, or a relationship names a node that isn't there.
        """
        name = name_of(part)
        if name in self._seen:
            raise ValueError(f"{name} comes in two parts: a label's rows are given at once")
        self._seen.add(name)
        held = self._ledger.of(part)
        if part.rows.num_rows == 0 and held.is_new:
            return
        rows = prepared(part, held.cut)
        if held.stale:
            self._connection.write(_doubt, self.scope, name)
            held = PartLedger(held.cut, {n: Entry(None, e.rows) for n, e in held.entries.items()}, stale=True)
        work = _Nodes(self, part, rows, held) if isinstance(part, Nodes) else _Links(self, part, rows, held)
        every = range(1 << held.cut.bits) if held.stale else held.different(rows)
        groups = batches(rows, list(every), {n: e.rows for n, e in held.entries.items()}, BATCH)
        for changes in self._each(work.bring, groups):
            self.changes += changes
        if held.stale:
            self._connection.write(_drop_other_cuts, self.scope, name, _text(held.cut))
        if isinstance(work, _Nodes) and work.gone.uids:
            self._gone.append(work.gone)

    def finish(self) -> Changes:
        """Remove what is gone: parts that did not come, then nodes. Returns all that this load changed."""
        vanished = sorted(self._ledger.parts - self._seen, key=lambda name: "|" not in name)
        for name in vanished:
            self._drop_part(name)
        for gone in self._gone:
            for group in _portions(gone.uids):
                self.changes += self._connection.write(_remove_nodes, self.scope, gone, group)
        self._gone = []
        return self.changes

    # -- inside ----------------------------------------------------------------------------------------------

    def _each(self, bring: Callable[[list[int]], Changes], groups: Iterable[list[int]]) -> Iterator[Changes]:
        """Some batches at a time; after a failure no further one begins, and the first failure is raised."""
        waiting: list[Any] = []
        with ThreadPoolExecutor(WRITERS) as pool:
            for group in groups:
                waiting.append(pool.submit(bring, group))
                if len(waiting) > WRITERS:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _drop_part(self, name: str) -> None:
        """Remove all rows of a part, many transactions long; its entries are in doubt until the last row is gone."""
        self._connection.write(_doubt, self.scope, name)
        label, _, rest = name.partition("|")
        if rest:
            start, end = rest.split("|")
            match = f"MATCH (a:{start} {{{SCOPE}: $scope}}) WHERE a.uid IS NOT NULL MATCH (a)-[r:{label}]->(b:{end})"
            body = "CALL (r) { DELETE r }"
        else:
            match = f"MATCH (n:{label} {{{SCOPE}: $scope}}) WHERE n.uid IS NOT NULL"
            body = "CALL (n) { DETACH DELETE n }"
        self._connection.run(f"{match} {body} IN TRANSACTIONS OF {BATCH} ROWS", {"scope": self.scope})
        self._connection.write(_drop_entries, self.scope, name)
        size = self._ledger.sizes().get(name, 0)
        self.changes += Changes(relationships_deleted=size) if rest else Changes(nodes_deleted=size)


class _Nodes:
    """One label's rows in one scope."""

    def __init__(self, load: Load, part: Nodes, rows: Rows, held: PartLedger) -> None:
        self._connection, self._scope = load._connection, load.scope
        self._rows, self._new, self._cut = rows, held.is_new, held.cut
        self.gone = _Gone(part.label, held.cut)
        statements = node_statements(part.label)
        self._create, self._change, self._held = (statements[name] for name in ("create", "change", "held"))

    def bring(self, group: list[int]) -> Changes:
        """Write some buckets in one transaction."""
        return self._connection.write(self._bring, group)

    def _bring(self, tx: "ManagedTransaction", group: list[int]) -> Changes:
        from neo4j.exceptions import ConstraintError

        wanted = {row["uid"]: row for row in _rows_of(self._rows, group)}
        held: dict[str, int] = {}
        if not self._new:
            ranges = [list(self._cut.bounds(n)) for n in group]
            held = dict(tx.run(self._held, scope=self._scope, ranges=ranges).values())
        create = [row for uid, row in wanted.items() if uid not in held]
        change = [row for uid, row in wanted.items() if uid in held and held[uid] != row[HASH]]
        gone = [uid for uid in held if uid not in wanted]
        try:
            _run(tx, self._create, create, self._scope)
        except ConstraintError as e:
            raise ValueError(f"{self._rows.name}: {e.message}") from e
        _run(tx, self._change, change, self._scope)
        _note(tx, self._scope, self._rows, group, open_buckets=self._keep_for_later(gone))
        return Changes(nodes_created=len(create), nodes_changed=len(change))

    def _keep_for_later(self, gone: list[str]) -> set[int]:
        """Nodes may go only when no relationship of the new rows needs them; until then their bucket is in doubt."""
        shift = 16 - self._cut.bits
        found: dict[int, list[str]] = {}
        for uid in gone:
            found.setdefault(int(uid[:4], 16) >> shift, []).append(uid)
        for number, uids in found.items():
            self.gone.uids[number] = uids  # replaced, not added to: a transaction may be tried again
            digest = self._rows.digests.get(number)
            self.gone.entries[number] = None if digest is None else (digest, self._rows.size(number))
        return set(found)


class _Links:
    """The relationships of one type between two labels in one scope."""

    def __init__(self, load: Load, part: Relationships, rows: Rows, held: PartLedger) -> None:
        self._connection, self._scope = load._connection, load.scope
        self._rows, self._new, self._cut = rows, held.is_new, held.cut
        self._hashed = has_hash(part)
        statements = link_statements(part, held.cut.end)
        self._create, self._change = statements["create"], statements["change"]
        self._delete, self._held = statements["delete"], statements["held"]

    def bring(self, group: list[int]) -> Changes:
        """Write some buckets in one transaction."""
        return self._connection.write(self._bring, group)

    def _bring(self, tx: "ManagedTransaction", group: list[int]) -> Changes:
        wanted = {(row["from_uid"], row["to_uid"]): row for row in _rows_of(self._rows, group)}
        held: dict[tuple[str, str], int | None] = {}
        if not self._new:
            ranges = [list(self._cut.bounds(n)) for n in group]
            found = tx.run(self._held, scope=self._scope, ranges=ranges)
            held = {(start, end): value for start, end, value in found}
        create = [row for ends, row in wanted.items() if ends not in held]
        change = [row for ends, row in wanted.items() if self._hashed and held.get(ends, row[HASH]) != row[HASH]]
        gone = [{"from_uid": ends[0], "to_uid": ends[1]} for ends in held if ends not in wanted]
        _run(tx, self._delete, gone, self._scope)
        _run(tx, self._change, change, self._scope)
        created = _run(tx, self._create, create, self._scope)
        if created != len(create):
            missing = len(create) - created
            raise ValueError(f"{self._rows.name}: {missing} of {len(create)} rows name a node that isn't there")
        _note(tx, self._scope, self._rows, group)
        return Changes(
            relationships_created=created, relationships_changed=len(change), relationships_deleted=len(gone)
        )


def node_statements(label: str) -> dict[str, str]:
    """What is said to the server about nodes of a label, by purpose."""
    return {
        "create": f"UNWIND $rows AS row CREATE (n:{label} {{{SCOPE}: $scope}}) SET n += row",
        "change": f"UNWIND $rows AS row {_seek('n', label, 'row.uid')} SET n = row, n.{SCOPE} = $scope",
        "held": f"UNWIND $ranges AS r {_range('n', label, 'r')} RETURN n.uid AS uid, n.{HASH} AS hash",
        "remove": f"UNWIND $uids AS uid {_seek('n', label, 'uid')} DETACH DELETE n",
    }


def link_statements(part: Relationships, end: str) -> dict[str, str]:
    """What is said to the server about a type of relationship, cut by `end`, by purpose."""
    ends = f"{_seek('a', part.from_label, 'row.from_uid')} {_seek('b', part.to_label, 'row.to_uid')}"
    path = f"(a)-[r:{part.type}]->(b)"
    if end == "from_uid":
        held = f"{_range('a', part.from_label, 'u')} MATCH (a)-[r:{part.type}]->(b:{part.to_label})"
    else:
        held = f"{_range('b', part.to_label, 'u')} MATCH (a:{part.from_label})-[r:{part.type}]->(b)"
    kept = [c for c in part.rows.column_names if c not in ("from_uid", "to_uid")]
    # Named one by one: setting them from a map would make the planner hold all rows back first.
    properties = ", ".join(f"{c}: row.{c}" for c in [*kept, HASH]) if kept else ""
    return {
        "create": f"UNWIND $rows AS row {ends} CREATE (a)-[:{part.type} {{{properties}}}]->(b)",
        "change": f"UNWIND $rows AS row {ends} MATCH {path} SET r = {{{properties}}}",
        "delete": f"UNWIND $rows AS row {ends} MATCH {path} DELETE r",
        "held": f"UNWIND $ranges AS u {held} RETURN a.uid AS from_uid, b.uid AS to_uid, r.{HASH} AS hash",
    }


def _seek(variable: str, label: str, key: str) -> str:
    """One node by its key. The hint matters: while a graph is empty, the planner holds a scan for as cheap."""
    return (
        f"MATCH ({variable}:{label} {{{SCOPE}: $scope, uid: {key}}}) "
        f"USING INDEX SEEK {variable}:{label}({SCOPE}, uid)"
    )


def _range(variable: str, label: str, bounds: str) -> str:
    """The nodes of a bucket."""
    return (
        f"MATCH ({variable}:{label}) USING INDEX SEEK {variable}:{label}({SCOPE}, uid) "
        f"WHERE {variable}.{SCOPE} = $scope AND {variable}.uid >= {bounds}[0] AND {variable}.uid < {bounds}[1]"
    )


def _rows_of(rows: Rows, group: list[int]) -> list[dict[str, Any]]:
    """The rows of some buckets; neighbouring buckets are cut out together."""
    out: list[dict[str, Any]] = []
    start = 0
    while start < len(group):
        stop = start
        while stop + 1 < len(group) and group[stop + 1] == group[stop] + 1:
            stop += 1
        first, last = int(rows.edges[group[start]]), int(rows.edges[group[stop] + 1])
        out += plain_rows(rows.table.slice(first, last - first))
        start = stop + 1
    return out


def _run(tx: "ManagedTransaction", cypher: str, rows: list[dict[str, Any]], scope: str) -> int:
    """Run a statement over rows, if there are any; returns the relationships it created."""
    if not rows:
        return 0
    return tx.run(cypher, rows=rows, scope=scope).consume().counters.relationships_created


def _note(
    tx: "ManagedTransaction", scope: str, rows: Rows, group: list[int], *, open_buckets: set[int] | None = None
) -> None:
    """Write what these buckets hold now; one that still has rows to lose is left in doubt."""
    doubtful = open_buckets or set()
    entries = [
        {"bucket": n, "digest": None if n in doubtful else rows.digests.get(n), "rows": rows.size(n)}
        for n in group
        if n in rows.digests or n in doubtful
    ]
    if entries:
        tx.run(
            f"UNWIND $entries AS e MERGE (l:{LEDGER} {{of: $scope, part: $part, cut: $cut, bucket: e.bucket}}) "
            "SET l.digest = e.digest, l.rows = e.rows",
            entries=entries, scope=scope, part=rows.name, cut=_text(rows.cut),
        ).consume()  # fmt: skip
    empty = [n for n in group if n not in rows.digests and n not in doubtful]
    if empty:
        _forget(tx, scope, rows.name, _text(rows.cut), empty)


def _forget(tx: "ManagedTransaction", scope: str, part: str, cut: str, buckets: list[int]) -> None:
    tx.run(
        f"UNWIND $buckets AS n MATCH (l:{LEDGER} {{of: $scope, part: $part, cut: $cut, bucket: n}}) DELETE l",
        buckets=buckets, scope=scope, part=part, cut=cut,
    ).consume()  # fmt: skip


def _remove_nodes(tx: "ManagedTransaction", scope: str, gone: _Gone, group: list[int]) -> Changes:
    """Remove nodes of some buckets, and say of these what they hold now."""
    uids = [uid for n in group for uid in gone.uids[n]]
    done = tx.run(node_statements(gone.label)["remove"], uids=uids, scope=scope).consume()
    left = {n: gone.entries[n] for n in group}
    full = [{"bucket": n, "digest": e[0], "rows": e[1]} for n, e in left.items() if e is not None]
    tx.run(
        f"UNWIND $entries AS e MATCH (l:{LEDGER} {{of: $scope, part: $part, cut: $cut, bucket: e.bucket}}) "
        "SET l.digest = e.digest, l.rows = e.rows",
        entries=full, scope=scope, part=gone.label, cut=_text(gone.cut),
    ).consume()  # fmt: skip
    _forget(tx, scope, gone.label, _text(gone.cut), [n for n, e in left.items() if e is None])
    return Changes(nodes_deleted=done.counters.nodes_deleted)


def _portions(uids: dict[int, list[str]]) -> Iterator[list[int]]:
    """Buckets, together of about a batch of nodes to remove."""
    group: list[int] = []
    size = 0
    for number, found in sorted(uids.items()):
        if group and size + len(found) > BATCH:
            yield group
            group, size = [], 0
        group.append(number)
        size += len(found)
    if group:
        yield group


def _doubt(tx: "ManagedTransaction", scope: str, part: str) -> None:
    tx.run(
        f"MATCH (l:{LEDGER} {{of: $scope, part: $part}}) WHERE l.bucket IS NOT NULL AND l.cut IS NOT NULL "
        "REMOVE l.digest",
        scope=scope, part=part,
    ).consume()  # fmt: skip


def _drop_entries(tx: "ManagedTransaction", scope: str, part: str) -> None:
    tx.run(f"MATCH (l:{LEDGER} {{of: $scope, part: $part}}) DELETE l", scope=scope, part=part).consume()


def _drop_other_cuts(tx: "ManagedTransaction", scope: str, part: str, cut: str) -> None:
    tx.run(
        f"MATCH (l:{LEDGER} {{of: $scope, part: $part}}) WHERE l.cut <> $cut DELETE l",
        scope=scope, part=part, cut=cut,
    ).consume()  # fmt: skip


def _text(cut: Cut) -> str:
    return f"{cut.end}:{cut.bits}"
