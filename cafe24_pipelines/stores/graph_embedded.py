"""The embedded graph store: Ladybug, one file a mall, built new and swapped.

A build never changes under its readers: facts are loaded into a file of their own, a copy of it receives the
findings, is reopened, counted and only then named by the pointer (`files.Published`). Any number of processes read
meanwhile. Folders: `<root>/<mall>/facts/` for staged facts, `<root>/<mall>/` for what is published.

A build is sealed when it is published (size, checksums, storage format) and compared with its seal before it is
opened. One that is damaged counts as not there for whoever builds, so the next run builds it again from the lake;
whoever reads is told so.

Does not belong here: labels and rows (see `ontology/`), or the rules of a query (see `cypher.py`).
"""

import json
import logging
import shutil
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import BadInput, Cafe24Error, NotBuilt
from cafe24_pipelines.stores.cypher import bind, check_reading
from cafe24_pipelines.stores.files import POINTER, Build, Published, friendly_os_errors
from cafe24_pipelines.stores.graph import (
    Changes,
    GraphCounts,
    GraphSchema,
    LabelSpec,
    Mistyped,
    Part,
    RelationshipSpec,
    pattern_of,
)
from cafe24_pipelines.stores.ladybug_file import (
    FileWriter,
    GraphFileDamaged,
    check_seal,
    count_file,
    layout_of,
    open_file,
    rows,
    seal_of,
)

if TYPE_CHECKING:
    import ladybug

FILE: Final = "graph.lbdb"
QUERY_SECONDS: Final = 60
NO_COUNTS: Final = GraphCounts(0, 0, {}, {})
Stamp = tuple[int, int, int, int]
"""What the operating system says of a file that nobody touched: inode, size, times of change."""
_log = logging.getLogger(__name__)


@dataclass
class _Open:
    """A build held open for reading: later queries of this process use it until another build is current."""

    path: Path
    stamp: Stamp
    database: "ladybug.Database"


class EmbeddedGraph:
    """Graphs of all malls under one folder. Safe to use from several threads; writers take turns outside of here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[Path, _Open] = {}
        self._checked: dict[Path, tuple[Path, Stamp]] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()

    # -- writing ---------------------------------------------------------------------------------------------

    def stage(self, mall_id: str, schema: GraphSchema, facts: Iterable[Part], *, build_id: str) -> Changes:
        """Build the facts aside, complete or not at all; staging the same `build_id` again does nothing.

        A build that is damaged, or has other columns than `schema`, is made anew whatever its id.

        Raises:
            Cafe24Error: the disk is full; what was staged and published before is intact.
        """
        store = self._facts(mall_id)
        before = self._intact(mall_id, store)
        if before and before.build_id == build_id and before.meta["layout"] == layout_of(schema):
            return Changes()
        with _staging(store, build_id) as staging:
            with FileWriter(staging / FILE, layout_of(schema)) as writer:
                writer.create_tables()
                for part in facts:
                    writer.add(part)
            counts = _verified(staging / FILE, writer.counts())
            _publish(store, staging, build_id, {"counts": asdict(counts), "layout": writer.layout})
        return Changes(nodes_created=counts.nodes, relationships_created=counts.relationships)

    def staged(self, mall_id: str) -> str | None:
        """The id of the staged facts, if they are complete and undamaged."""
        build = self._intact(mall_id, self._facts(mall_id))
        return build.build_id if build else None

    def publish(self, mall_id: str, findings: Iterable[Part], *, build_id: str, digest: str) -> GraphCounts:
        """Add findings to a copy of the staged facts and switch readers to it; the facts stay staged.

        Raises:
            NotBuilt: no facts are staged.
            GraphFileDamaged: the staged facts are damaged.
            Cafe24Error: the disk is full; what was published before is intact.
        """
        facts = self._whole(self._facts(mall_id))
        if facts is None:
            raise NotBuilt(f"no facts are staged for mall {mall_id!r}", remedy="stage them first (cafe24 run)")
        store = self._published(mall_id)
        with _staging(store, build_id) as staging:
            with friendly_os_errors(staging):
                shutil.copyfile(facts.path / FILE, staging / FILE)
            with FileWriter(staging / FILE, facts.meta["layout"], GraphCounts(**facts.meta["counts"])) as writer:
                for part in findings:
                    writer.add(part)
            counts = _verified(staging / FILE, writer.counts())
            _publish(store, staging, build_id, {"counts": asdict(counts), "digest": digest, "facts": facts.build_id})
        return counts

    # -- reading ---------------------------------------------------------------------------------------------

    def query(
        self, mall_id: str, cypher: str, params: Mapping[str, Any] | None = None, *, staged: bool = False
    ) -> list[dict[str, Any]]:
        """Rows of a read-only query; values are plain Python, times aware UTC. `$mall_id` is bound here.

        Raises:
            NotBuilt: nothing has been published (or staged) for this mall.
            GraphFileDamaged: the build is damaged; a run builds it again.
            BadQuery: it writes, is misspelt, lacks a parameter, or runs longer than a minute.
        """
        check_reading(cypher)
        values = bind(cypher, mall_id, params)
        with self._connection(mall_id, staged=staged) as connection:
            return rows(connection, cypher, values)

    def counts(self, mall_id: str, *, staged: bool = False) -> GraphCounts:
        """Counts of the published graph, or of the staged facts (all zero while there are none, or damaged ones)."""
        build = self._intact(mall_id, self._facts(mall_id) if staged else self._published(mall_id))
        return GraphCounts(**build.meta["counts"]) if build else NO_COUNTS

    def published(self, mall_id: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published graph, or None while there is none, or a damaged one."""
        build = self._intact(mall_id, self._published(mall_id))
        return (build.build_id, str(build.meta["digest"])) if build else None

    def mistyped(self, mall_id: str, spec: LabelSpec | RelationshipSpec, *, limit: int = 20) -> list[Mistyped]:
        """Properties whose column has another type, or that have none: this engine's tables admit nothing else."""
        table = spec.label if isinstance(spec, LabelSpec) else spec.type
        with self._connection(mall_id, staged=False) as connection:
            columns = {r["name"]: r["type"] for r in rows(connection, f"CALL table_info('{table}') RETURN *", {})}
        match, shown = pattern_of(spec)
        found = []
        for name, kind in spec.properties.items():
            held = columns.get(name)
            if held == {"BOOLEAN": "BOOL"}.get(kind, kind):
                continue
            query = f"MATCH {match}" + (f" WHERE n.{name} IS NOT NULL" if held else "")
            count = self.query(mall_id, f"{query} RETURN count(n) AS n")[0]["n"]
            some = self.query(mall_id, f"{query} RETURN {shown} ORDER BY uid LIMIT {limit}")
            if count:
                found.append(Mistyped(name, kind, count, tuple(tuple(r.values()) for r in some), absent=held is None))
        return found

    def close(self) -> None:
        """Let go of the open builds. Queries still running in other threads finish first."""
        with self._lock:
            self._open.clear()

    # -- inside ----------------------------------------------------------------------------------------------

    def _published(self, mall_id: str) -> Published:
        """The folder of a mall's published builds.

        Raises:
            BadInput: the id would lead into another mall's folder.
        """
        if not mall_id or mall_id.startswith(".") or set(mall_id) & set("/\\\0"):
            raise BadInput(f"mall id {mall_id!r} is not valid", remedy="use letters, digits, '-' and '_'")
        return Published(self.root / mall_id)

    def _facts(self, mall_id: str) -> Published:
        return Published(self._published(mall_id).root / "facts")

    def _intact(self, mall_id: str, store: Published) -> Build | None:
        """The current build, or None if there is none or it is damaged; damage is told once."""
        try:
            return self._whole(store)
        except GraphFileDamaged as e:
            kind = "staged facts" if store.root.name == "facts" else "published graph"
            line = f"mall {mall_id}, {kind}: {e}"
            if line not in self._told:
                self._told.add(line)
                _log.warning("%s", line)
            return None

    def _whole(self, store: Published) -> Build | None:
        """The current build, compared with its seal unless nobody touched its file since.

        Raises:
            GraphFileDamaged: the pointer or the file is damaged, or of an earlier version.
        """
        while True:
            build = _pointed(store)
            if build is None:
                return None
            try:
                stamp = _stamp(build.path / FILE)
                if self._checked.get(store.root) != (build.path, stamp):
                    check_seal(build.path / FILE, build.meta["file"])
                    self._checked[store.root] = build.path, stamp
                return build
            except GraphFileDamaged:
                if _pointed(store) == build:  # else newer builds removed it meanwhile
                    raise

    @contextmanager
    def _connection(self, mall_id: str, *, staged: bool) -> Iterator["ladybug.Connection"]:
        """A connection of its own for one query, to the build that is current now."""
        import ladybug

        held = self._held(self._facts(mall_id) if staged else self._published(mall_id), mall_id)
        connection = ladybug.Connection(held.database)
        try:
            connection.set_query_timeout(QUERY_SECONDS * 1000)
            yield connection
        finally:
            connection.close()

    def _held(self, store: Published, mall_id: str) -> _Open:
        """The current build, opened once a process; a build that newer ones removed meanwhile is not an error."""
        with self._lock:
            while True:
                build = self._whole(store)
                if build is None:
                    raise NotBuilt(f"mall {mall_id!r} has no graph yet", remedy=f"run `cafe24 run --mall {mall_id}`")
                held, file = self._open.get(store.root), build.path / FILE
                stamp = _stamp(file)
                if held and (held.path, held.stamp) == (build.path, stamp):
                    return held
                try:
                    self._open[store.root] = held = _Open(build.path, stamp, open_file(file, read_only=True))
                    return held
                except GraphFileDamaged:
                    if _pointed(store) == build:
                        raise


@contextmanager
def _staging(store: Published, build_id: str) -> Iterator[Path]:
    """A folder to build in, which is gone when building failed: on a full disk its space is needed."""
    folder = store.staging(build_id)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _publish(store: Published, staging: Path, build_id: str, meta: dict[str, Any]) -> None:
    """Seal a build and name it current; a pointer that can't be read makes way."""
    sealed = {**meta, "file": seal_of(staging / FILE)}
    try:
        store.current()
    except Cafe24Error:
        (store.root / POINTER).unlink(missing_ok=True)
    store.publish(staging, build_id, {**sealed, "check": _check_of(build_id, sealed)})


def _pointed(store: Published) -> Build | None:
    """The build that the pointer names.

    Raises:
        GraphFileDamaged: the pointer can't be read, was changed, or is of an earlier version.
    """
    try:
        build = store.current()
    except Cafe24Error as e:
        raise GraphFileDamaged(store.root / POINTER, e.what) from e
    if build is None:
        return None
    meta = build.meta if isinstance(build.meta, dict) else {}
    if "file" not in meta:
        raise GraphFileDamaged(store.root / POINTER, "the build was written by an earlier version")
    if meta.get("check") != _check_of(build.build_id, {k: v for k, v in meta.items() if k != "check"}):
        raise GraphFileDamaged(store.root / POINTER, "the pointer to the build is damaged")
    return build


def _check_of(build_id: str, meta: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps([build_id, meta], sort_keys=True).encode())


def _stamp(path: Path) -> Stamp:
    try:
        s = path.stat()
    except OSError:
        return 0, 0, 0, 0
    return s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns


def _verified(path: Path, expected: GraphCounts) -> GraphCounts:
    """Reopen a build and count it, so that a write the engine lost is found before readers see it."""
    found = count_file(path)
    if found != expected:
        raise GraphFileDamaged(
            path,
            f"reopened with {found.nodes} nodes and {found.relationships} relationships, "
            f"written were {expected.nodes} and {expected.relationships}",
        )
    return found
