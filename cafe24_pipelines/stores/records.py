"""A mall's landed API rows: one record store a resource, SQL over all of them, and the rows that could not be used.

`lake/<mall>/api/<resource>/…` (see `records_store.py`) and `lake/<mall>/api/_quarantine/<resource>/`. Bodies are
canonical JSON that has crossed the privacy line. Does not belong here: what the rows mean.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.files import friendly_os_errors, write_atomic
from cafe24_pipelines.stores.lake import QUARANTINE_SCHEMA
from cafe24_pipelines.stores.parts import MANIFEST
from cafe24_pipelines.stores.records_change import Committed, Record
from cafe24_pipelines.stores.records_live import by_bucket
from cafe24_pipelines.stores.records_parts import Part, RecordParts
from cafe24_pipelines.stores.records_store import RecordStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["ApiLake", "Committed", "Record", "RecordStore"]

QUARANTINE: Final = "_quarantine"
MEMORY: Final = "512MB"


class ApiLake:
    """The landed API rows of one mall: `root` is `lake/<mall>/api`."""

    def __init__(self, root: Path, mall_id: str) -> None:
        self.root = root
        self.mall_id = mall_id

    def of(self, resource: str) -> RecordStore:
        """The rows of one resource; nothing is created until something is committed."""
        return RecordStore(self.root / resource)

    def landed(self) -> list[str]:
        """Names of the resources that have landed, sorted."""
        return sorted(p.parent.name for p in self.root.glob(f"*/{MANIFEST}"))

    def digests(self) -> dict[str, str]:
        """Content digest of every resource that has landed."""
        return {name: self.of(name).digest() for name in self.landed()}

    def counts(self) -> dict[str, int]:
        """Current rows of every resource that has landed."""
        return {name: self.of(name).count() for name in self.landed()}

    # -- SQL -----------------------------------------------------------------------------------------------------

    @contextmanager
    def duckdb(self, resources: Iterable[str] = ()) -> Iterator["DuckDBPyConnection"]:
        """A DuckDB connection with a view a resource: columns key, at, body (JSON text), digest of current rows.

        Resources that have landed have a view; those named in `resources` have one even when nothing has landed.
        Time zone UTC, 512 MB of memory, no extension is fetched. The state seen is that of the moment of opening.

        Raises:
            LakeDamaged: a part is missing, cut short or not Parquet.
        """
        import duckdb

        spill = Path(tempfile.gettempdir()) / f"cafe24-duckdb-{os.getpid()}"
        db = duckdb.connect(config={"autoinstall_known_extensions": "false", "temp_directory": str(spill)})
        with ExitStack() as held:
            held.callback(db.close)
            db.execute("SET TimeZone = 'UTC'")
            db.execute(f"SET memory_limit = '{MEMORY}'")
            db.execute("SET enable_progress_bar = false")  # a long query would draw one on standard output
            db.execute("SET preserve_insertion_order = false")  # a large answer need not be held to be sorted back
            seen: list[tuple[RecordParts, list[Part]]] = []
            try:
                for name in sorted({*self.landed(), *resources}):
                    stored = RecordParts(self.root / name)
                    parts = held.enter_context(stored.reading())["parts"]
                    seen.append((stored, parts))
                    for part in parts:
                        stored.check(part)
                    db.execute(f'CREATE VIEW "{name}" AS {_current(stored.folder, parts)}')
                yield db
            except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
                raise  # the query is wrong, not the lake
            except duckdb.Error:
                for stored, parts in seen:
                    for part in parts:
                        stored.check_content(part)
                raise

    # -- quarantine ----------------------------------------------------------------------------------------------

    def quarantine(self, resource: str, window_id: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Replace the quarantined rows of one window of a resource (`line.quarantine_row` makes them); their number.

        A row gives reason, field, row (JSON text) and amount; the rest is filled in.
        """
        folder = self.root / QUARANTINE / resource
        path = folder / f"{text_digest(window_id)[:16]}.parquet"
        if not rows:
            with friendly_os_errors(folder):
                path.unlink(missing_ok=True)
            return 0
        given = {"mall_id": self.mall_id, "resource": resource, "source_file": window_id}
        table = pa.Table.from_pylist(
            [{**dict(row), **given, "source_line": n} for n, row in enumerate(rows)], schema=QUARANTINE_SCHEMA
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_atomic(path, sink.getvalue().to_pybytes())
        return len(rows)

    def quarantined(self) -> pa.Table:
        """Every quarantined row: `lake.QUARANTINE_SCHEMA`; source_file is the window, source_line the row's ordinal.

        Raises:
            LakeDamaged: a file is not readable.
        """
        tables = [QUARANTINE_SCHEMA.empty_table()]
        for path in sorted((self.root / QUARANTINE).glob("*/*.parquet")):
            try:
                tables.append(pq.ParquetFile(path).read().cast(QUARANTINE_SCHEMA))
            except (pa.ArrowException, OSError) as e:
                remedy = "remove the file and sync that resource again: its window is read anew"
                raise LakeDamaged("the file is not readable Parquet", where=str(path), remedy=remedy) from e
        order = [("resource", "ascending"), ("source_file", "ascending"), ("source_line", "ascending")]
        return pa.concat_tables(tables).sort_by(order)


def _current(folder: Path, parts: Sequence[Part]) -> str:
    """SQL of the current rows. In buckets of several parts, rows that a newer part shadows are told by their keys.

    NOT IN keeps these narrow keys on the side that is held in memory; a semi-join might hold the bodies instead.
    """
    alone: list[str] = []
    several: list[str] = []
    newer: list[str] = []
    for held in by_bucket(parts).values():
        files = [_quoted(folder / p["file"]) for p in held]
        (several if len(files) > 1 else alone).extend(files)
        newer.extend(files[1:])
    columns = 'p.key, p."at", p.body, lower(hex(p.digest)) AS digest'
    selects = []
    if alone:
        selects.append(f"SELECT {columns} FROM {_files(alone)} p WHERE NOT p.deleted")
    if several:
        shadowed = (
            f"SELECT o.seq || '/' || o.key FROM {_files(several)} o "
            f"JOIN {_files(newer)} n ON o.key = n.key AND o.seq < n.seq"
        )
        selects.append(
            f"SELECT {columns} FROM {_files(several)} p "
            f"WHERE NOT p.deleted AND p.seq || '/' || p.key NOT IN ({shadowed})"
        )
    empty = "SELECT ''::VARCHAR AS key, NULL::TIMESTAMPTZ AS \"at\", ''::VARCHAR AS body, '' AS digest WHERE false"
    return " UNION ALL ".join(selects) or empty


def _files(names: Sequence[str]) -> str:
    return f"read_parquet([{', '.join(names)}], hive_partitioning=false)"


def _quoted(path: Path) -> str:
    """The path as an SQL literal with DuckDB's wildcards switched off: a folder may be called `shop[1]`."""
    literal = re.sub(r"([*?\[])", r"[\1]", str(path)).replace("'", "''")
    return f"'{literal}'"
