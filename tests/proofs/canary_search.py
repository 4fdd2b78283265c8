"""Where a text lies in files of any kind.

Parquet decoded, SQLite value by value and with its write-ahead log, archives and compressed parts unpacked,
everything else as bytes. Load it by path.
"""

import gzip
import io
import json
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq

_CODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp949")


@dataclass(frozen=True)
class Hit:
    """A text that was found, where, and what stands around it."""

    file: str
    place: str
    needle: str
    around: str


class Search:
    """Looks for some texts, in every coding that a file of ours might have."""

    def __init__(self, needles: Iterable[str]) -> None:
        self._forms: dict[bytes, str] = {}
        for needle in needles:
            escaped = json.dumps(needle)[1:-1].encode()
            coded = {needle.encode(coding, "replace").replace(b"\0", b"") for coding in _CODINGS}
            python = needle.encode("ascii", "backslashreplace")
            forms = {*coded, python, escaped, escaped.replace(b"\\u", b"\\\\u"), quote(needle).encode()}
            self._forms |= dict.fromkeys((form for form in forms if b"?" not in form), needle)
        self.files = 0

    def below(self, *roots: Path) -> list[Hit]:
        """Everything found in the files below these folders, and in their names."""
        hits: dict[Hit, None] = {}
        for root in roots:
            for path in sorted(p for p in root.rglob("*") if p.is_file()):
                name = str(path.relative_to(root.parent))
                self.files += 1
                hits |= dict.fromkeys(self._in_bytes(name, "name", name.encode()))
                hits |= dict.fromkeys(self.in_file(path, name))
        return list(hits)

    def in_file(self, path: Path, name: str) -> Iterator[Hit]:
        """What is found in one file."""
        data = path.read_bytes()
        yield from self._in_data(name, "bytes", data)
        if data[:16] == b"SQLite format 3\0":
            yield from self._in_sqlite(path, name)

    def in_text(self, text: str, name: str) -> list[Hit]:
        """What is found in a text."""
        return list(self._in_bytes(name, "text", text.encode()))

    def _in_data(self, name: str, place: str, data: bytes, depth: int = 0) -> Iterator[Hit]:
        """Bytes as they are, and as what they unpack to."""
        yield from self._in_bytes(name, place, data)
        if depth > 3:
            return
        if data[:4] == b"PAR1":
            table = pq.ParquetFile(io.BytesIO(data)).read()
            for column in table.column_names:
                yield from self._in_values(name, f"{place}, column {column}", table.column(column).to_pylist(), depth)
        elif data[:2] == b"\x1f\x8b":
            yield from self._in_data(name, f"{place}, gunzipped", gzip.decompress(data), depth + 1)
        elif data[:4] == b"PK\x03\x04" and zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.namelist():
                    yield from self._in_data(name, f"{place}, {member}", archive.read(member), depth + 1)
        elif data[:1] == b"\x78":
            try:
                yield from self._in_data(name, f"{place}, inflated", zlib.decompress(data), depth + 1)
            except zlib.error:
                return

    def _in_values(self, name: str, place: str, values: Iterable[Any], depth: int) -> Iterator[Hit]:
        """Values of a column: texts joined, because one search in many is quicker; bytes one by one."""
        texts = []
        for value in values:
            if isinstance(value, bytes):
                yield from self._in_data(name, place, value, depth + 1)
            elif value is not None and not isinstance(value, bool | int | float):
                texts.append(str(value))
        yield from self._in_bytes(name, place, "\0".join(texts).encode("utf-8", "surrogatepass"))

    def _in_sqlite(self, path: Path, name: str) -> Iterator[Hit]:
        with tempfile.TemporaryDirectory() as folder:  # a copy: reading would touch the log
            for beside in path.parent.glob(f"{path.name}*"):
                shutil.copy(beside, folder)
            with closing(sqlite3.connect(Path(folder) / path.name)) as db:
                for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    for column in [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]:
                        values = (row[0] for row in db.execute(f'SELECT "{column}" FROM "{table}"'))
                        yield from self._in_values(name, f"table {table}.{column}", values, 0)

    def _in_bytes(self, name: str, place: str, data: bytes) -> Iterator[Hit]:
        """Without zero bytes, so that wide letters are as narrow ones, and pages that hold nothing cost nothing."""
        data = data.replace(b"\0", b"")
        for form, needle in self._forms.items():
            if (start := data.find(form)) >= 0:
                around = data[max(0, start - 120) : start + len(form) + 60].decode("utf-8", "replace")
                yield Hit(name, place, needle, around)
                return  # one of a kind is enough
