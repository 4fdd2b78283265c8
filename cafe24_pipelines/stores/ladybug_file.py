"""One Ladybug file: opened within bounded memory, filled by bulk loads, sealed, read as plain rows.

The engine's own dialect (tables, COPY, label()) is spoken here and nowhere else. Does not belong here: which file is
current (see `graph_embedded.py`).
"""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.stores.cypher import BadQuery, plain
from cafe24_pipelines.stores.files import friendly_os_errors
from cafe24_pipelines.stores.graph import GraphCounts, GraphSchema, Nodes, Part
from cafe24_pipelines.stores.graph_rows import LINK_COLUMNS, NODE_COLUMNS, fitted, total

if TYPE_CHECKING:
    import ladybug

BUFFER_POOL: Final = 256 * 2**20
SMALLEST_SPACE: Final = 4 * 2**30
"""Address space a database reserves (bytes); the engine's own default of 8 TiB fails where memory is limited."""
THREADS: Final = 2
BLOCK: Final = 16 * 2**20
"""Bytes a checksum is of."""
PROBE: Final = 4 * 2**20
"""Bytes written to find out whether a failed write was for want of space."""
Layout = dict[str, dict[str, dict[str, str]]]
"""`{"nodes": {label: {column: type}}, "links": {"TYPE|From|To": {column: type}}}`, as JSON keeps it."""


class GraphFileDamaged(Cafe24Error):
    """A graph file is missing, unreadable, or not what was written."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            what.splitlines()[0] if what else "unreadable",
            where=str(path),
            remedy="`cafe24 run` builds it again from the lake (`cafe24 rebuild graph` does only that)",
        )


def layout_of(schema: GraphSchema) -> Layout:
    """The columns of every table, in order."""
    return {
        "nodes": {s.label: {**NODE_COLUMNS, **s.properties} for s in schema.labels},
        "links": {f"{r.type}|{r.from_label}|{r.to_label}": dict(r.properties) for r in schema.relationships},
    }


def seal_of(path: Path) -> dict[str, Any]:
    """What a whole file is known by: its size, the checksums of its blocks, and the engine's storage format."""
    return {"size": path.stat().st_size, "crc32": _checksums(path), "format": _storage_format()}


def check_seal(path: Path, seal: Mapping[str, Any]) -> None:
    """Compare a file with its seal, before the engine opens it: it reads damaged pages as rows, or ends the process.

    Reads the whole file, at some GB/s.

    Raises:
        GraphFileDamaged: it is missing, shorter or longer, other bytes, or of another storage format.
    """
    if not path.is_file():
        raise GraphFileDamaged(path, "the file is missing")
    if (size := path.stat().st_size) != seal["size"]:
        raise GraphFileDamaged(path, f"the file is damaged: {size:,} bytes instead of {seal['size']:,}")
    if seal["format"] != (format_ := _storage_format()):
        raise GraphFileDamaged(path, f"the file is in storage format {seal['format']}, the engine reads {format_}")
    found = _checksums(path)
    if wrong := [i for i, (a, b) in enumerate(zip(found, seal["crc32"], strict=True)) if a != b]:
        where = f"{len(wrong)} of {len(found)} blocks, the first at byte {wrong[0] * BLOCK:,}"
        raise GraphFileDamaged(path, f"the file is damaged: {where}")


def open_file(path: Path, *, read_only: bool, space: int = 0) -> "ladybug.Database":
    """A database whose memory and address space (bytes; by default enough for the file) are bounded.

    Raises:
        GraphFileDamaged: it can't be opened.
    """
    import ladybug

    space = space or _space(path.stat().st_size if path.exists() else 0)
    try:
        return ladybug.Database(
            path, read_only=read_only, buffer_pool_size=BUFFER_POOL, max_db_size=space, max_num_threads=THREADS
        )
    except RuntimeError as e:
        raise GraphFileDamaged(path, str(e)) from e


def rows(connection: "ladybug.Connection", cypher: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All rows of one query as plain Python values.

    Raises:
        BadQuery: the engine refuses it or interrupts it after its time.
    """
    try:
        result = connection.execute(cypher, dict(values))
        if isinstance(result, list):
            raise BadQuery("a query holds one statement", remedy="send the statements one at a time")
        with result:
            names = result.get_column_names()
            return [dict(zip(names, map(plain, row), strict=True)) for row in result.get_all()]
    except RuntimeError as e:
        raise _friendly(str(e), cypher) from e


def count_file(path: Path) -> GraphCounts:
    """What a file holds, counted by the engine after opening it anew."""
    import ladybug

    with open_file(path, read_only=True) as database, ladybug.Connection(database) as connection:
        nodes = rows(connection, "MATCH (n) RETURN label(n) AS name, count(n) AS n", {})
        links = rows(connection, "MATCH ()-[r]->() RETURN label(r) AS name, count(r) AS n", {})
    return total({r["name"]: r["n"] for r in nodes}, {r["name"]: r["n"] for r in links})


class FileWriter:
    """Fills one file; a context manager that leaves it flushed and closed.

    Args:
        path: the file, new or with the tables of `layout`.
        layout: columns of every table.
        start: what the file holds already.
    """

    def __init__(self, path: Path, layout: Layout, start: GraphCounts | None = None) -> None:
        self.path, self.layout = path, layout
        self._reserved = _space(path.stat().st_size if path.exists() else 0)
        self._nodes = dict(start.by_label) if start else {}
        self._links = dict(start.by_type) if start else {}

    def __enter__(self) -> "FileWriter":
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._disconnect()

    def create_tables(self) -> None:
        """One table a label and one a relationship type (with all its label pairs)."""
        for label, columns in self.layout["nodes"].items():
            typed = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
            self._run(f"CREATE NODE TABLE `{label}` ({typed}, PRIMARY KEY (uid))")
        pairs: dict[str, list[str]] = {}
        for key, columns in self.layout["links"].items():
            kind, start, end = key.split("|")
            pairs.setdefault(kind, [f"`{n}` {t}" for n, t in columns.items()]).insert(0, f"FROM `{start}` TO `{end}`")
        for kind, parts in pairs.items():
            self._run(f"CREATE REL TABLE `{kind}` ({', '.join(parts)})")

    def add(self, part: Part) -> None:
        """Load one part in bulk.

        Raises:
            ValueError: its label, pair or columns are not in the layout, a uid repeats, or an end doesn't exist.
        """
        if part.rows.num_rows == 0:
            return
        self._make_room(part.rows.nbytes)
        try:
            if isinstance(part, Nodes):
                self._copy(f"COPY `{part.label}` FROM $rows", self._node_rows(part))
                self._nodes[part.label] = self._nodes.get(part.label, 0) + part.rows.num_rows
            else:
                key = f"{part.type}|{part.from_label}|{part.to_label}"
                ends = f"(from='{part.from_label}', to='{part.to_label}')"
                self._copy(f"COPY `{part.type}` FROM $rows {ends}", self._link_rows(part.rows, key))
                self._links[part.type] = self._links.get(part.type, 0) + part.rows.num_rows
        except RuntimeError as e:
            name = part.label if isinstance(part, Nodes) else part.type
            raise ValueError(f"{name}: {e}") from e

    def counts(self) -> GraphCounts:
        """What has been written, with what was there."""
        return total(self._nodes, self._links)

    # -- inside ----------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        import ladybug

        self._database = open_file(self.path, read_only=False, space=self._reserved)
        self._connection = ladybug.Connection(self._database)

    def _disconnect(self) -> None:
        with _full_disk_told(self.path.parent):
            self._connection.close()
            self._database.close()

    def _run(self, statement: str, values: Mapping[str, Any] | None = None) -> None:
        with _full_disk_told(self.path.parent):
            self._connection.execute(statement, dict(values or {}))

    def _copy(self, statement: str, table: pa.Table) -> None:
        self._run(statement, {"rows": table})

    def _make_room(self, incoming: int) -> None:
        """Open the file again with more address space before the engine could run out of it."""
        needed = _space(self.path.stat().st_size + 2 * incoming)
        if needed > self._reserved:
            self._disconnect()
            self._reserved = needed
            self._connect()

    def _node_rows(self, part: Nodes) -> pa.Table:
        if part.label not in self.layout["nodes"]:
            raise ValueError(f"label {part.label} is not in the graph's schema")
        return fitted(part.rows, self.layout["nodes"][part.label], part.label)

    def _link_rows(self, table: pa.Table, key: str) -> pa.Table:
        if key not in self.layout["links"]:
            raise ValueError(f"relationship {key} is not in the graph's schema")
        return fitted(table, {**LINK_COLUMNS, **self.layout["links"][key]}, key)


@contextmanager
def _full_disk_told(folder: Path) -> Iterator[None]:
    """Say so when the engine fails on a full disk: what it says itself is anything ("cannot read from file").

    Raises:
        Cafe24Error: the disk is full, or can't be written to.
    """
    try:
        yield
    except RuntimeError:
        probe = folder / ".probe"
        with friendly_os_errors(folder):
            try:
                probe.write_bytes(bytes(PROBE))
            finally:
                probe.unlink(missing_ok=True)
        raise


def _checksums(path: Path) -> list[int]:
    with path.open("rb") as f:
        return [zlib.crc32(block) for block in iter(lambda: f.read(BLOCK), b"")]


def _storage_format() -> int:
    import ladybug

    return int(ladybug.Database.get_storage_version())


def _space(size: int) -> int:
    """Address space for a file of `size` bytes: a power of two, at least four times the file."""
    return max(SMALLEST_SPACE, 1 << (4 * size).bit_length())


def _friendly(message: str, cypher: str) -> BadQuery:
    what = message.splitlines()[0].replace(" exception: ", ": ")
    if message.startswith("Interrupted"):
        return BadQuery("the query took too long and was stopped", where=" ".join(cypher.split())[:120],
                        remedy="narrow it with WHERE, or shorten its paths")  # fmt: skip
    return BadQuery(
        what, where=" ".join(cypher.split())[:120], remedy="see docs/ontology.md for labels and the subset"
    )
