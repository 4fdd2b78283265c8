"""Files of landed API rows: their Parquet schema, the manifest that says which count, and who may remove them.

A part is immutable. A reader holds a shared lock of the operating system while it reads, so that files which a newer
manifest no longer names stay until nobody looks at them; they are cleared by a later commit. Does not belong here:
which version of a row is current (`records_live.py`).
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cafe24_pipelines.errors import Cafe24Error, LakeDamaged
from cafe24_pipelines.stores.files import friendly_os_errors, fsync_dir, write_atomic
from cafe24_pipelines.stores.parts import MANIFEST, Parts

if os.name != "nt":
    import fcntl

ROWS_A_GROUP: Final = 2_000
BYTES_A_GROUP: Final = 4 << 20
"""Rows and bytes of a Parquet row group, whichever is reached first: what is held in memory at a time (bodies of
orders have 10 KB or so), several times over while parts are merged."""

PATIENCE: Final = 60.0
"""Seconds to wait for readers when old files must go."""

READERS: Final = ".readers"
SCHEMA: Final = pa.schema(
    [
        pa.field("key", pa.string(), False),
        pa.field("seq", pa.int64(), False),  # of the commit that wrote the row; kept when parts are merged
        pa.field("deleted", pa.bool_(), False),
        pa.field("at", pa.timestamp("us", tz="UTC")),
        pa.field("digest", pa.binary(16)),
        pa.field("body", pa.string()),
        pa.field("sealed", pa.binary()),
    ]
)

Part = dict[str, Any]
"""file, bytes, rows, seq (the newest inside), bucket, key_min, key_max, at_min, at_max (µs or None), undated."""


class RecordParts(Parts):
    """Parts and manifest of one resource."""

    def manifest(self) -> dict[str, Any]:
        """The manifest; besides what every manifest has: buckets (rows by bucket), sum, seq and state."""
        found = super().manifest()
        if not found["parts"] and not found["digest"]:
            return found | {"buckets": {}, "sum": "0", "seq": 0, "state": {}}
        if not found.keys() >= {"buckets", "sum", "seq", "state"}:
            where = str(self.folder / MANIFEST)
            raise LakeDamaged("the manifest lacks what it must say", where=where, remedy=self.remedy())
        return found

    def switch_to(self, manifest: Mapping[str, Any]) -> None:
        """Make a manifest the current one."""
        text = json.dumps({"version": 1, "before": [], **manifest}, ensure_ascii=False, separators=(",", ":"))
        write_atomic(self.folder / MANIFEST, text)

    # -- parts -------------------------------------------------------------------------------------------------

    def write_batches(self, batches: Iterable[pa.RecordBatch | pa.Table], bucket: str) -> Part | None:
        """Write rows as a new part, durably, holding one row group at a time; None when there are none."""
        path = self.folder / f"part-{bucket}-{os.urandom(6).hex()}.parquet"
        facts = _Facts()
        with friendly_os_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with pq.ParquetWriter(
                    path, SCHEMA, compression="zstd", use_dictionary=False,
                    write_statistics=["key", "at"],
                ) as writer:  # fmt: skip
                    for group in _groups(batches):
                        facts.add(group)
                        writer.write_table(group, row_group_size=_rows_a_group(group))
                if facts.rows == 0:
                    path.unlink()
                    return None
                with path.open("rb") as f:
                    os.fsync(f.fileno())
            except BaseException:
                path.unlink(missing_ok=True)  # half a part would keep a full disk full
                raise
            fsync_dir(self.folder)
        return {"file": path.name, "bytes": path.stat().st_size, "bucket": bucket, **facts.of_part()}

    def narrow(self, part: Part, columns: Sequence[str], *, keys: tuple[str, str] | None = None) -> pa.Table:
        """Some columns of a part as one table; with `keys`, only row groups that may hold keys of that range."""
        with self._opened(part) as file:
            groups = range(file.num_row_groups)
            if keys is not None:
                groups = [g for g in groups if _may_hold(file, g, keys)]  # type: ignore[assignment]
            return file.read_row_groups(list(groups), columns=list(columns), use_threads=False)

    def stream(self, part: Part, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """A part's rows, a row group at a time."""
        with self._opened(part) as file:
            for group in range(file.num_row_groups):
                wanted = list(columns) if columns else None
                yield from file.read_row_group(group, columns=wanted, use_threads=False).to_batches()

    @contextmanager
    def _opened(self, part: Part) -> Iterator[pq.ParquetFile]:
        self.check(part)
        path = self.folder / part["file"]
        try:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                yield file
        except (pa.ArrowException, OSError) as e:
            raise LakeDamaged("the file is not readable Parquet", where=str(path), remedy=self.remedy()) from e

    # -- who reads, what may go ----------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[dict[str, Any]]:
        """The manifest, whose files stay until the block ends."""
        lock = self._lock_file()
        if lock is None:
            yield self.manifest()
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield self.manifest()
        finally:
            os.close(lock)

    def clear(self, *, patience: float = 0.0) -> bool:
        """Remove files that the manifest does not name, unless somebody reads; whether none is left.

        Raises:
            Cafe24Error: `patience` (s) is over and a reader still holds on.
        """
        if not self._leftovers():
            return True
        lock = self._lock_file()
        try:
            if lock is not None and not _exclusive(lock, patience):
                if patience:
                    raise Cafe24Error("a reader holds on to old files", where=str(self.folder),
                                      remedy="end what reads this resource, then do the same again")  # fmt: skip
                return False
            with friendly_os_errors(self.folder):
                for path in self._leftovers():
                    path.unlink(missing_ok=True)
                fsync_dir(self.folder)
        finally:
            if lock is not None:
                os.close(lock)
        return True

    def _leftovers(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        named = {p["file"] for p in self.manifest()["parts"]}
        found = [*self.folder.glob("part-*.parquet"), *self.folder.glob(f".{MANIFEST}.*")]
        return [path for path in found if path.name not in named]

    def _lock_file(self) -> int | None:
        """A handle to lock; None where there is nothing to protect, or no such locks."""
        if os.name == "nt" or not self.folder.is_dir():
            return None
        try:
            return os.open(self.folder / READERS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except PermissionError:  # a reader who may not write here: nobody who may will wait for it
            return None


class _Facts:
    """What the manifest says about a part, gathered while it is written."""

    def __init__(self) -> None:
        self.rows = self.undated = self.seq = 0
        self.keys: tuple[str, str] | None = None
        self.at: tuple[int, int] | None = None

    def add(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        self.seq = max(self.seq, pc.max(rows.column("seq")).as_py())
        low, high = pc.min_max(rows.column("key")).as_py().values()
        self.keys = (low, high) if self.keys is None else (min(low, self.keys[0]), max(high, self.keys[1]))
        at = rows.column("at").cast(pa.int64())
        live_without = pc.and_(pc.is_null(at), pc.invert(rows.column("deleted")))
        self.undated += pc.sum(live_without).as_py()
        first, last = pc.min_max(at).as_py().values()
        if first is not None:
            self.at = (first, last) if self.at is None else (min(first, self.at[0]), max(last, self.at[1]))

    def of_part(self) -> Part:
        low, high = self.keys or ("", "")
        first, last = self.at or (None, None)
        return {
            "rows": self.rows, "seq": self.seq, "key_min": low, "key_max": high,
            "at_min": first, "at_max": last, "undated": self.undated,
        }  # fmt: skip


def _groups(batches: Iterable[pa.RecordBatch | pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of about one row group or more, except the last."""
    held: list[pa.Table] = []
    for batch in batches:
        table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        if table.num_rows:
            held.append(table)
        if sum(t.num_rows for t in held) >= ROWS_A_GROUP or sum(t.nbytes for t in held) >= BYTES_A_GROUP:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _rows_a_group(table: pa.Table) -> int:
    return max(1, min(ROWS_A_GROUP, table.num_rows * BYTES_A_GROUP // max(1, table.nbytes)))


def _may_hold(file: pq.ParquetFile, group: int, keys: tuple[str, str]) -> bool:
    stats = file.metadata.row_group(group).column(0).statistics
    if stats is None or not stats.has_min_max:
        return True
    return bool(stats.min <= keys[1] and stats.max >= keys[0])


def _exclusive(lock: int, patience: float) -> bool:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
