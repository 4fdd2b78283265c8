"""The lake: landed truth as Parquet per mall and resource, scanned with DuckDB.

`lake/<mall>/<resource>/part-*.parquet` and a `manifest.json` that names the parts which count (`stores/parts.py`).
Landing appends a part and switches the manifest; a newer part replaces a scope (see `schemas.Table`) as a whole;
parts are compacted when there are many. A part that no manifest names is the leftover of a kill and is cleared by
the next landing. Quarantined rows lie beside the tables with their reason and source line.

Does not belong here: where rows come from, or what they mean.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.names import SEOUL
from cafe24_pipelines.stores.conform import conform
from cafe24_pipelines.stores.digest import json_digest, table_digest
from cafe24_pipelines.stores.files import friendly_os_errors, write_atomic
from cafe24_pipelines.stores.parts import Parts
from cafe24_pipelines.stores.schemas import TABLES, Table
from cafe24_pipelines.stores.views import create_views

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COMPACT_AT = 8
"""Parts a resource may have before they are merged into one."""

MEMORY = "512MB"
"""What one DuckDB connection may hold before it spills to disk; a server has several at once."""
ANALYSIS_MEMORY = "2GB"
"""The same for an analysis: one runs at a time, and ten million lines spill twice as slowly as they fit."""

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("mall_id", pa.string(), False),
        pa.field("resource", pa.string(), False),
        pa.field("source_file", pa.string(), False),
        pa.field("source_line", pa.int64(), False),  # 1 is the header; 0 when the whole file is meant
        pa.field("reason", pa.string(), False),
        pa.field("field", pa.string()),
        pa.field("row", pa.string()),  # the contract's own columns as JSON, personal fields hashed or left out
        pa.field("amount", pa.decimal128(20, 4)),  # what the line was worth, where that could be read
    ]
)


@dataclass(frozen=True)
class Landed:
    """What one landing did to a resource."""

    resource: str
    rows: int
    changed: bool
    digest: str


class MallLake:
    """The landed tables of one mall."""

    def __init__(self, root: Path, mall_id: str, *, memory: str = MEMORY) -> None:
        self.root = root
        self.mall_id = mall_id
        self._memory = memory

    def for_analysis(self) -> "MallLake":
        """The same lake with room for one heavy analysis at a time."""
        return MallLake(self.root, self.mall_id, memory=ANALYSIS_MEMORY)

    # -- writing ---------------------------------------------------------------------------------------------

    def land(self, resource: str, rows: pa.Table, *, snapshot: bool = False) -> Landed:
        """Land typed rows of one resource; landing the same rows again changes nothing.

        Args:
            resource: a name in `schemas.TABLES`.
            rows: columns of that table (`mall_id` is filled in); keys must be unique.
            snapshot: the rows are all there is, so rows that are not among them leave the lake. Otherwise they
                replace the scopes they mention and the rest stays.

        Raises:
            ValueError: a column is missing or has another type, a required value is null, or a key repeats.
        """
        table, stored = TABLES[resource], self._parts(resource)
        rows = conform(table, self.mall_id, rows)
        manifest = stored.manifest()
        merged = rows if snapshot or not manifest["parts"] else self._merge(table, rows)
        digest = table_digest(merged)
        if digest == manifest["digest"]:
            stored.clear_leftovers(manifest)
            return Landed(resource, merged.num_rows, False, digest)
        whole = snapshot or len(manifest["parts"]) + 1 >= COMPACT_AT or merged is rows
        kept = [] if whole else manifest["parts"]
        sequence = 1 + max((p["seq"] for p in manifest["parts"]), default=0)
        part = stored.write(merged if whole else rows, sequence)
        stored.switch(manifest, [*kept, part], rows=merged.num_rows, digest=digest)
        return Landed(resource, merged.num_rows, True, digest)

    def compact(self, resource: str) -> None:
        """Merge the parts of a resource into one; its content and digest stay."""
        stored = self._parts(resource)
        manifest = stored.manifest()
        if len(manifest["parts"]) < 2:
            return
        part = stored.write(self.read(resource), 1 + max(p["seq"] for p in manifest["parts"]))
        stored.switch(manifest, [part], rows=manifest["rows"], digest=manifest["digest"])

    def quarantine(self, source: str, rows: pa.Table) -> int:
        """Replace the quarantined rows of one source (a name such as "csv") with these; returns their number."""
        folder = self.root / "_quarantine"
        path = folder / f"{source}.parquet"
        if rows.num_rows == 0:
            with friendly_os_errors(folder):
                path.unlink(missing_ok=True)
            return 0
        rows = rows.select(QUARANTINE_SCHEMA.names).cast(QUARANTINE_SCHEMA)
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd")
        write_atomic(path, sink.getvalue().to_pybytes())
        return rows.num_rows

    # -- reading ---------------------------------------------------------------------------------------------

    def read(self, resource: str, columns: list[str] | None = None) -> pa.Table:
        """The current rows of a resource in key order; empty when nothing has landed."""
        table = TABLES[resource]
        names = ", ".join(f'"{c}"' for c in columns or table.schema.names)  # `at` is a word of SQL too
        with self.duckdb() as db:
            query = f"SELECT {names} FROM {resource} ORDER BY {', '.join(table.key)}"
            result = db.sql(query).to_arrow_table()
        wanted = pa.schema([table.schema.field(n) for n in result.column_names])
        return result.cast(wanted)

    def heads(self, rows: int) -> dict[str, pa.Table]:
        """The first rows in key order of every resource that has landed, over one connection."""
        found = {}
        with self.duckdb() as db:
            for name in self.counts():
                table = TABLES[name]
                first = db.sql(f"SELECT * FROM {name} ORDER BY {', '.join(table.key)} LIMIT {rows}").to_arrow_table()
                found[name] = first.select(table.schema.names).cast(table.schema)
        return found

    def query(self, sql: str, params: dict[str, Any] | None = None, *, zone: str = SEOUL) -> pa.Table:
        """Rows of one SQL query over the tables and views, as Arrow; `$name` parameters are bound."""
        with self.duckdb(zone=zone) as db:
            return db.sql(sql, params=params).to_arrow_table() if params else db.sql(sql).to_arrow_table()

    def counts(self) -> dict[str, int]:
        """Rows of every resource that has landed."""
        return {name: m["rows"] for name in TABLES if (m := self._parts(name).manifest())["parts"]}

    def digests(self) -> dict[str, str]:
        """Content digest of every resource that has landed."""
        return {name: m["digest"] for name in TABLES if (m := self._parts(name).manifest())["parts"]}

    def digest(self) -> str:
        """One digest of all landed tables and the quarantine."""
        return json_digest([self.digests(), table_digest(self.quarantined())])

    def check_files(self, resource: str) -> None:
        """Compare the files of a resource with its manifest, without reading them.

        Raises:
            LakeDamaged: one is missing or of another size.
        """
        stored = self._parts(resource)
        for part in stored.manifest()["parts"]:
            stored.check(part)

    def quarantined(self) -> pa.Table:
        """Every quarantined row of the mall, ordered by source file and line."""
        folder = self.root / "_quarantine"
        tables = []
        for path in sorted(folder.glob("*.parquet")):
            try:
                tables.append(pq.ParquetFile(path).read().cast(QUARANTINE_SCHEMA))
            except (pa.ArrowException, OSError) as e:
                remedy = "remove the file and run `cafe24 run` again: it is written anew by each landing"
                raise LakeDamaged("the file is not readable Parquet", where=str(path), remedy=remedy) from e
        if not tables:
            return QUARANTINE_SCHEMA.empty_table()
        return pa.concat_tables(tables).sort_by([("source_file", "ascending"), ("source_line", "ascending")])

    @contextmanager
    def duckdb(self, *, zone: str = SEOUL) -> Iterator["DuckDBPyConnection"]:
        """A DuckDB connection on which every resource is a view (empty when it has not landed).

        The derived views of `stores/views.py` are there too, with local dates in `zone`. Session time zone: UTC.
        Opens no network connection: DuckDB may not fetch extensions.

        Raises:
            LakeDamaged: a part is missing, cut short or not Parquet.
        """
        import duckdb

        spill = Path(tempfile.gettempdir()) / f"cafe24-duckdb-{os.getpid()}"  # not `.tmp` of the working directory
        db = duckdb.connect(config={"autoinstall_known_extensions": "false", "temp_directory": str(spill)})
        try:
            db.execute("SET TimeZone = 'UTC'")
            db.execute(f"SET memory_limit = '{self._memory}'")
            db.execute("SET enable_progress_bar = false")  # it would be drawn into a command's JSON
            for table in TABLES.values():
                self._create_view(db, table)
            create_views(db, zone)
            yield db
        except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
            raise  # the query is wrong, not the lake
        except duckdb.Error:
            self._check_content()
            raise
        finally:
            db.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _parts(self, resource: str) -> Parts:
        return Parts(self.root / resource)

    def _merge(self, table: Table, rows: pa.Table) -> pa.Table:
        with self.duckdb() as db:
            db.register("incoming", rows)
            scope = " AND ".join(f"i.{c} = t.{c}" for c in table.scope)
            merged = db.sql(
                f"SELECT * FROM {table.name} t WHERE NOT EXISTS (SELECT 1 FROM incoming i WHERE {scope}) "
                "UNION ALL BY NAME SELECT * FROM incoming"
            ).to_arrow_table()
        return merged.select(table.schema.names).cast(table.schema)

    def _create_view(self, db: "DuckDBPyConnection", table: Table) -> None:
        stored = self._parts(table.name)
        parts = stored.manifest()["parts"]
        if not parts:
            db.register(f"_empty_{table.name}", table.schema.empty_table())
            db.execute(f"CREATE VIEW {table.name} AS SELECT * FROM _empty_{table.name}")
            return
        sources = []
        for part in parts:
            stored.check(part)
            file = _quoted(_literal(stored.folder / part["file"]))
            sources.append(f"SELECT *, {part['seq']} AS _seq FROM read_parquet('{file}', hive_partitioning=false)")
        if len(sources) == 1:
            db.execute(f"CREATE VIEW {table.name} AS SELECT * EXCLUDE (_seq) FROM ({sources[0]})")
            return
        db.execute(
            f"CREATE VIEW {table.name} AS SELECT * EXCLUDE (_seq) FROM ({' UNION ALL '.join(sources)}) "
            f"QUALIFY _seq = max(_seq) OVER (PARTITION BY {', '.join(table.scope)})"
        )

    def _check_content(self) -> None:
        """Read every part through, so that a failed query names the damaged file if there is one."""
        for name in TABLES:
            stored = self._parts(name)
            for part in stored.manifest()["parts"]:
                stored.check_content(part)


class Lake:
    """All malls' landed tables under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def mall(self, mall_id: str) -> MallLake:
        """The lake of one mall; nothing is created until something lands."""
        return MallLake(self.root / mall_id, mall_id)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _literal(path: Path) -> str:
    """The path with DuckDB's wildcards switched off: a folder may be called `shop[1]`."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))
