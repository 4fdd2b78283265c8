"""The embedded graph store: Ladybug, one file a mall, built new and swapped.

A build never changes under its readers: facts are loaded into a file of their own, a copy of it receives the
findings, is reopened, counted and only then named by the pointer (`files.Published`). Any number of processes read
meanwhile. Folders: `<root>/<mall>/facts/` for staged facts, `<root>/<mall>/` for what is published.

Does not belong here: labels and rows (see `ontology/`), or the rules of a query (see `cypher.py`).
"""

import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.stores.cypher import bind, check_reading
from cafe24_pipelines.stores.files import Published, friendly_os_errors
from cafe24_pipelines.stores.graph import GraphCounts, GraphSchema, Part
from cafe24_pipelines.stores.ladybug_file import (
    FileWriter,
    GraphFileDamaged,
    count_file,
    layout_of,
    open_file,
    rows,
)

if TYPE_CHECKING:
    import ladybug

FILE: Final = "graph.lbdb"
QUERY_SECONDS: Final = 60
NO_COUNTS: Final = GraphCounts(0, 0, {}, {})


@dataclass
class _Open:
    """A build held open for reading: later queries of this process use it until another build is current."""

    path: Path
    database: "ladybug.Database"


class EmbeddedGraph:
    """Graphs of all malls under one folder. Safe to use from several threads; writers take turns outside of here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[Path, _Open] = {}
        self._lock = threading.Lock()

    # -- writing ---------------------------------------------------------------------------------------------

    def stage(self, mall_id: str, schema: GraphSchema, facts: Iterable[Part], *, build_id: str) -> None:
        """Build the facts aside, complete or not at all; staging the same `build_id` again does nothing."""
        if self.staged(mall_id) == build_id:
            return
        store = self._facts(mall_id)
        staging = store.staging(build_id)
        with FileWriter(staging / FILE, layout_of(schema)) as writer:
            writer.create_tables()
            for part in facts:
                writer.add(part)
        counts = _verified(staging / FILE, writer.counts())
        store.publish(staging, build_id, {"counts": asdict(counts), "layout": writer.layout})

    def staged(self, mall_id: str) -> str | None:
        """The id of the staged facts, if they are complete."""
        build = self._facts(mall_id).current()
        return build.build_id if build else None

    def publish(self, mall_id: str, findings: Iterable[Part], *, build_id: str, digest: str) -> GraphCounts:
        """Add findings to a copy of the staged facts and switch readers to it; the facts stay staged.

        Raises:
            NotBuilt: no facts are staged.
        """
        facts = self._facts(mall_id).current()
        if facts is None:
            raise NotBuilt(f"no facts are staged for mall {mall_id!r}", remedy="stage them first (cafe24 run)")
        store = Published(self.root / mall_id)
        staging = store.staging(build_id)
        with friendly_os_errors(staging):
            shutil.copyfile(facts.path / FILE, staging / FILE)
        with FileWriter(staging / FILE, facts.meta["layout"], GraphCounts(**facts.meta["counts"])) as writer:
            for part in findings:
                writer.add(part)
        counts = _verified(staging / FILE, writer.counts())
        store.publish(staging, build_id, {"counts": asdict(counts), "digest": digest, "facts": facts.build_id})
        return counts

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
        with self._connection(mall_id, staged=staged) as connection:
            return rows(connection, cypher, values)

    def counts(self, mall_id: str) -> GraphCounts:
        """Counts of the published graph (all zero before the first publication)."""
        build = Published(self.root / mall_id).current()
        return GraphCounts(**build.meta["counts"]) if build else NO_COUNTS

    def published(self, mall_id: str) -> tuple[str, str] | None:
        """`(build_id, content digest)` of the published graph, or None."""
        build = Published(self.root / mall_id).current()
        return (build.build_id, str(build.meta["digest"])) if build else None

    def close(self) -> None:
        """Let go of the open builds. Queries still running in other threads finish first."""
        with self._lock:
            self._open.clear()

    # -- inside ----------------------------------------------------------------------------------------------

    def _facts(self, mall_id: str) -> Published:
        return Published(self.root / mall_id / "facts")

    @contextmanager
    def _connection(self, mall_id: str, *, staged: bool) -> Iterator["ladybug.Connection"]:
        """A connection of its own for one query, to the build that is current now."""
        import ladybug

        store = self._facts(mall_id) if staged else Published(self.root / mall_id)
        held = self._held(store, mall_id)
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
                build = store.current()
                if build is None:
                    raise NotBuilt(f"mall {mall_id!r} has no graph yet", remedy=f"run `cafe24 run --mall {mall_id}`")
                held = self._open.get(store.root)
                if held and held.path == build.path:
                    return held
                try:
                    self._open[store.root] = held = _Open(build.path, open_file(build.path / FILE, read_only=True))
                    return held
                except GraphFileDamaged:
                    if store.current() == build:
                        raise


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
