"""The lake: landed truth as Parquet per mall and resource, scanned with DuckDB.

`lake/<mall>/<resource>/part-*.parquet` and a `manifest.json` that names the parts which count. Landing appends
a part and switches the manifest; a newer part replaces a scope (see `schemas.Table`) as a whole; parts are
compacted when there are many. A part that no manifest names is the leftover of a kill and is cleared by the
next landing. Quarantined rows lie beside the tables with their reason and source line.

Does not belong here: where rows come from, or what they mean.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.names import SEOUL
from cafe24_pipelines.stores.digest import json_digest, table_digest
from cafe24_pipelines.stores.files import friendly_os_errors, fsync_dir, write_atomic
from cafe24_pipelines.stores.schemas import TABLES, Table
from cafe24_pipelines.stores.views import VIEWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COMPACT_AT = 8
"""Parts a resource may have before they are merged into one."""

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

    def __init__(self, root: Path, mall_id: str) -> None:
        self.root = root
        self.mall_id = mall_id

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
        table = TABLES[resource]
        rows = self._conform(table, rows)
        manifest = self._manifest(resource)
        merged = rows if snapshot or not manifest["parts"] else self._merge(table, rows)
        digest = table_digest(merged)
        if digest == manifest["digest"]:
            self._clear_leftovers(resource, manifest)
            return Landed(resource, merged.num_rows, False, digest)
        whole = snapshot or len(manifest["parts"]) + 1 >= COMPACT_AT or merged is rows
        kept = [] if whole else manifest["parts"]
        sequence = 1 + max((p["seq"] for p in manifest["parts"]), default=0)
        part = self._write_part(resource, merged if whole else rows, sequence)
        after = {"version": 1, "parts": [*kept, part], "rows": merged.num_rows, "digest": digest}
        self._write_manifest(resource, after)
        self._clear_leftovers(resource, after)
        return Landed(resource, merged.num_rows, True, digest)

    def compact(self, resource: str) -> None:
        """Merge the parts of a resource into one; its content and digest stay."""
        manifest = self._manifest(resource)
        if len(manifest["parts"]) < 2:
            return
        part = self._write_part(resource, self.read(resource), manifest["parts"][-1]["seq"] + 1)
        after = {**manifest, "parts": [part]}
        self._write_manifest(resource, after)
        self._clear_leftovers(resource, after)

    def quarantine(self, source: str, rows: pa.Table) -> int:
        """Replace the quarantined rows of one source (a name such as "csv") with these; returns their number."""
        folder = self.root / "_quarantine"
        path = folder / f"{source}.parquet"
        if rows.num_rows == 0:
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
        names = ", ".join(columns or table.schema.names)
        with self.duckdb() as db:
            query = f"SELECT {names} FROM {resource} ORDER BY {', '.join(table.key)}"
            result = db.sql(query).to_arrow_table()
        wanted = pa.schema([table.schema.field(n) for n in result.column_names])
        return result.cast(wanted)

    def query(self, sql: str, params: dict[str, Any] | None = None, *, zone: str = SEOUL) -> pa.Table:
        """Rows of one SQL query over the tables and views, as Arrow; `$name` parameters are bound."""
        with self.duckdb(zone=zone) as db:
            return db.sql(sql, params=params).to_arrow_table() if params else db.sql(sql).to_arrow_table()

    def counts(self) -> dict[str, int]:
        """Rows of every resource that has landed."""
        return {name: m["rows"] for name in TABLES if (m := self._manifest(name))["parts"]}

    def digests(self) -> dict[str, str]:
        """Content digest of every resource that has landed."""
        return {name: m["digest"] for name in TABLES if (m := self._manifest(name))["parts"]}

    def digest(self) -> str:
        """One digest of all landed tables and the quarantine."""
        return json_digest([self.digests(), table_digest(self.quarantined())])

    def quarantined(self) -> pa.Table:
        """Every quarantined row of the mall, ordered by source file and line."""
        folder = self.root / "_quarantine"
        tables = [pq.read_table(p).cast(QUARANTINE_SCHEMA) for p in sorted(folder.glob("*.parquet"))]
        if not tables:
            return QUARANTINE_SCHEMA.empty_table()
        return pa.concat_tables(tables).sort_by([("source_file", "ascending"), ("source_line", "ascending")])

    @contextmanager
    def duckdb(self, *, zone: str = SEOUL) -> Iterator["DuckDBPyConnection"]:
        """A DuckDB connection on which every resource is a view (empty when it has not landed).

        The derived views of `stores/views.py` are there too, with local dates in `zone`. Session time zone: UTC.

        Raises:
            LakeDamaged: a part is missing, cut short or not Parquet.
        """
        import duckdb

        db = duckdb.connect()
        try:
            db.execute("SET TimeZone = 'UTC'")
            db.execute("SET memory_limit = '1GB'")
            for name, table in TABLES.items():
                self._create_view(db, table, self._manifest(name)["parts"])
            for name, sql in VIEWS.items():
                db.execute(f"CREATE VIEW {name} AS {sql.replace('{zone}', zone)}")
            yield db
        finally:
            db.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _folder(self, resource: str) -> Path:
        return self.root / resource

    def _manifest(self, resource: str) -> dict[str, Any]:
        path = self._folder(resource) / "manifest.json"
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            return {"version": 1, "parts": [], "rows": 0, "digest": ""}
        except ValueError as e:
            raise LakeDamaged("the manifest is not JSON", where=str(path), remedy=_remedy(path.parent)) from e

    def _write_manifest(self, resource: str, manifest: dict[str, Any]) -> None:
        write_atomic(self._folder(resource) / "manifest.json", json.dumps(manifest, indent=1))

    def _write_part(self, resource: str, rows: pa.Table, sequence: int) -> dict[str, Any]:
        folder = self._folder(resource)
        with friendly_os_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            name = f"part-{sequence:06d}-{os.urandom(4).hex()}.parquet"
            path = folder / name
            pq.write_table(rows, path, compression="zstd", row_group_size=122_880)
            with path.open("rb") as f:
                os.fsync(f.fileno())
            fsync_dir(folder)
        return {"file": name, "rows": rows.num_rows, "bytes": path.stat().st_size, "seq": sequence}

    def _clear_leftovers(self, resource: str, manifest: dict[str, Any]) -> None:
        named = {p["file"] for p in manifest["parts"]}
        for part in self._folder(resource).glob("part-*.parquet"):
            if part.name not in named:
                part.unlink(missing_ok=True)

    def _merge(self, table: Table, rows: pa.Table) -> pa.Table:
        with self.duckdb() as db:
            db.register("incoming", rows)
            scope = " AND ".join(f"i.{c} = t.{c}" for c in table.scope)
            merged = db.sql(
                f"SELECT * FROM {table.name} t WHERE NOT EXISTS (SELECT 1 FROM incoming i WHERE {scope}) "
                "UNION ALL BY NAME SELECT * FROM incoming"
            ).to_arrow_table()
        return merged.select(table.schema.names).cast(table.schema)

    def _conform(self, table: Table, rows: pa.Table) -> pa.Table:
        """Exactly the table's columns, in order and of its types; `mall_id` filled in; keys unique."""
        rows = rows.drop_columns(["mall_id"]) if "mall_id" in rows.column_names else rows
        rows = rows.append_column("mall_id", pa.array([self.mall_id] * rows.num_rows, pa.string()))
        missing = set(table.schema.names) - set(rows.column_names)
        for name in sorted(missing):
            if not table.column(name).nullable:
                raise ValueError(f"{table.name}: required column {name} is missing")
            rows = rows.append_column(name, pa.nulls(rows.num_rows, table.column(name).type))
        unknown = set(rows.column_names) - set(table.schema.names)
        if unknown:
            raise ValueError(f"{table.name}: unknown columns {sorted(unknown)}")
        rows = rows.select(table.schema.names)
        for column in table.columns:
            if not column.nullable and rows.column(column.name).null_count:
                raise ValueError(f"{table.name}.{column.name}: null in a required column")
        rows = rows.cast(table.schema)
        if rows.num_rows and rows.group_by(list(table.key)).aggregate([]).num_rows != rows.num_rows:
            raise ValueError(f"{table.name}: the key {table.key} repeats within one landing")
        return rows

    def _create_view(self, db: "DuckDBPyConnection", table: Table, parts: list[dict[str, Any]]) -> None:
        if not parts:
            db.register(f"_empty_{table.name}", table.schema.empty_table())
            db.execute(f"CREATE VIEW {table.name} AS SELECT * FROM _empty_{table.name}")
            return
        for part in parts:
            self._check_part(self._folder(table.name) / part["file"], part)
        sources = [
            f"SELECT *, {p['seq']} AS _seq FROM read_parquet('{_quoted(self._folder(table.name) / p['file'])}')"
            for p in parts
        ]
        if len(sources) == 1:
            db.execute(f"CREATE VIEW {table.name} AS SELECT * EXCLUDE (_seq) FROM ({sources[0]})")
            return
        db.execute(
            f"CREATE VIEW {table.name} AS SELECT * EXCLUDE (_seq) FROM ({' UNION ALL '.join(sources)}) "
            f"QUALIFY _seq = max(_seq) OVER (PARTITION BY {', '.join(table.scope)})"
        )

    def _check_part(self, path: Path, part: dict[str, Any]) -> None:
        size = path.stat().st_size if path.exists() else -1
        if size != part["bytes"]:
            what = "the file is missing" if size < 0 else f"the file has {size} bytes, not {part['bytes']}"
            raise LakeDamaged(what, where=str(path), remedy=_remedy(path.parent))


class Lake:
    """All malls' landed tables under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def mall(self, mall_id: str) -> MallLake:
        """The lake of one mall; nothing is created until something lands."""
        return MallLake(self.root / mall_id, mall_id)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _remedy(folder: Path) -> str:
    return (
        f"restore the file from a backup, or remove the folder {folder.name}/ and land that resource again "
        "(cafe24 run); what was published before still answers"
    )
