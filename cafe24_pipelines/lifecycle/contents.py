"""Whether any of many values stands in a file: its bytes, Parquet decoded, databases value by value, archives.

Hundreds of values are looked for in one pass (an automaton over bytes), so a large home costs little more than
reading it. Does not belong here: which values and which files (see `proof.py`).
"""

import json
import os
import sqlite3
import struct
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.erase.trace import SQLITE_MAGIC, unpacked

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST: Final = 48
"""Letters of a value that is searched for."""
_CHUNK: Final = 1 << 24
_OVERLAP: Final = 4 * 6 * LONGEST
"""Bytes that two pieces share: more than the longest value as JSON escapes it."""
_FEW: Final = 1 << 15
"""Bytes up to which looking for each value in turn is quicker than building the automaton."""
_ROWS: Final = 65_536


def unreadable() -> tuple[type[Exception], ...]:
    """What reading a file raises that somebody is writing or has just removed, or that is damaged."""
    import pyarrow as pa

    return (OSError, sqlite3.Error, zipfile.BadZipFile, pa.ArrowException)


class Values:
    """The values that are looked for, each as it is and as JSON escapes it."""

    def __init__(self, values: Iterable[str]) -> None:
        self._forms = {form: v for v in values for form in (v.encode(), json.dumps(v)[1:-1].encode())}
        self._pattern = "|".join("".join(f"\\x{byte:02x}" for byte in form) for form in sorted(self._forms))

    def __bool__(self) -> bool:
        return bool(self._forms)

    def any_in(self, data: bytes) -> bool:
        """Whether one of them stands in the bytes."""
        if len(data) <= _FEW or not self._forms:
            return any(form in data for form in self._forms)
        import pyarrow as pa

        ends = pa.py_buffer(struct.pack("<qq", 0, len(data)))
        return self.any_of(pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(data)]))

    def any_of(self, texts: "pa.Array") -> bool:
        """Whether one of them stands in an array of texts or bytes."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._forms:
            return False
        found = pc.match_substring_regex(texts.cast(pa.large_binary()), self._pattern)
        return bool(pc.any(found).as_py())

    def standing_in(self, data: bytes) -> set[str]:
        """Those that stand in the bytes."""
        return {value for form, value in self._forms.items() if form in data} if self.any_in(data) else set()


def places(path: Path, values: Values) -> Iterator[str]:
    """Where in a file one of the values stands: "bytes", a column, a table, a member of an archive."""
    for place, data in contents(path):
        if values.any_in(data) if isinstance(data, bytes) else values.any_of(data):
            yield place


def standing_in(path: Path, values: Values) -> set[str]:
    """Those of the values that stand somewhere in a file."""
    found: set[str] = set()
    for _, data in contents(path):
        if isinstance(data, bytes):
            found |= values.standing_in(data)
        elif values.any_of(data):
            found |= values.standing_in(b"\0".join(_bytes(v) for v in data.to_pylist() if v is not None))
    return found


def contents(path: Path) -> "Iterator[tuple[str, bytes | pa.Array]]":
    """What a file holds, each with where: its bytes, in pieces that overlap, and what they stand for."""
    with path.open("rb", buffering=0) as f:  # a buffer would not know that looking for holes moves the place
        head = f.read(16)
        for begin, end in _extents(f.fileno()):
            f.seek(begin)
            tail = b""
            while data := f.read(min(_CHUNK, end - f.tell())):
                tail += data
                yield "bytes", tail
                tail = tail[-_OVERLAP:]
    if head[:4] == b"PAR1":
        yield from _of_parquet(path)
    elif head == SQLITE_MAGIC:
        yield from _of_sqlite(path)
    elif head[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())


def _extents(file: int) -> Iterator[tuple[int, int]]:
    """Where a file has bytes: vector segments are mostly holes, which read as zeros and hold no value."""
    size, end = os.fstat(file).st_size, 0
    if not hasattr(os, "SEEK_DATA"):
        yield 0, size
        return
    while end < size:
        try:
            begin = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # a hole up to the end
            return
        end = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, end


def _of_parquet(path: Path) -> "Iterator[tuple[str, bytes | pa.Array]]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS):
            for column, array in zip(batch.schema.names, batch.columns, strict=True):
                if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
                    yield f"column {column}", array
                elif _may_hold_text(array.type):  # nested, or bytes that may be packed
                    texts = (_bytes(v) for v in array.to_pylist() if v is not None)
                    yield f"column {column}", b"\0".join(texts)


def _may_hold_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return binary or pa.types.is_nested(kind) or pa.types.is_dictionary(kind)


def _of_sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    """Value by value: a long one may lie in pieces on disk, a packed one in no bytes that can be searched."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            held: list[bytes] = []
            size = 0
            for row in db.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, str | bytes):
                        held.append(_bytes(value))
                        size += len(held[-1])
                if size >= _CHUNK:
                    yield f"table {table}", b"\0".join(held)
                    held, size = [], 0
            yield f"table {table}", b"\0".join(held)


def _bytes(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"\0".join(_bytes(v) for pair in value.items() for v in pair)
    if isinstance(value, list | tuple):
        return b"\0".join(map(_bytes, value))
    if isinstance(value, bytes):
        return unpacked(value)
    return str(value).encode("utf-8", "surrogatepass")
