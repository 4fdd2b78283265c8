"""The proof: every file of an installation searched for what identifies a member.

Parquet is decoded (and its bytes searched, for the statistics in its footer), SQLite databases are searched value by
value and byte by byte, write-ahead log and freed pages included, archives member by member, everything else as the
bytes that it is. Encrypted fields are opened where this installation has the key. The graph and the vectors are asked
through their stores as well, which is what reaches a Neo4j or Qdrant server.

Does not belong here: removing anything.
"""

import sqlite3
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.erase.needles import MEMBER_KEY, NODE, Needles, needles_of
from cafe24_pipelines.errors import Cafe24Error, NotBuilt
from cafe24_pipelines.names import COLLECTIONS
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from cafe24_pipelines.cafe24.sealing import Seal

SQLITE_MAGIC: Final = b"SQLite format 3\x00"
_CHUNK: Final = 1 << 24
_OVERLAP: Final = 1 << 10


@dataclass(frozen=True)
class Trace:
    """Something of the member was found.

    Attributes:
        file: relative to the home, or the name of a store.
        place: where in it (a column, a table, "bytes").
        kind: "member id", "member key" or "graph node".
    """

    file: str
    place: str
    kind: str


@dataclass
class Search:
    """What was searched and what was found."""

    traces: list[Trace] = field(default_factory=list)
    files: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    stores: list[str] = field(default_factory=list)

    def found(self, file: str, place: str, kinds: Iterable[str]) -> None:
        """Note traces, each once."""
        for kind in kinds:
            trace = Trace(file, place, kind)
            if trace not in self.traces:
                self.traces.append(trace)


def trace_of(settings: Settings, mall_id: str, member_id: str) -> list[Trace]:
    """Every place in the installation that still identifies a member; [] is the proof that there is none.

    Raises:
        Cafe24Error: a file can't be read, so that nothing can be said.
    """
    from cafe24_pipelines.cafe24.privacy import pseudonyms

    return search(settings, mall_id, needles_of(mall_id, member_id, pseudonyms(settings, mall_id))).traces


def search(settings: Settings, mall_id: str, needles: Needles, *, any_will_do: bool = False) -> Search:
    """Search every file under the home and the stores of the profile; with `any_will_do` the first trace ends it."""
    result = Search()
    seal = unknown_fields_seal(settings, mall_id)
    sandbox = settings.home.sandbox  # a shop's own data, which erasing here does not reach
    for path in sorted(p for p in settings.home.root.rglob("*") if p.is_file() and sandbox not in p.parents):
        if any_will_do and result.traces:
            return result
        try:
            _search_file(path, str(path.relative_to(settings.home.root)), needles, seal, result)
        except FileNotFoundError:
            continue  # a reader's scratch file that went away meanwhile
        except OSError as e:
            raise Cafe24Error("the file can't be searched", where=str(path),
                              remedy="give this user read access and search again") from e  # fmt: skip
    _search_stores(settings, mall_id, needles, result)
    return result


def _search_file(path: Path, name: str, needles: Needles, seal: "Seal | None", result: Search) -> None:
    with path.open("rb") as f:
        head = f.read(16)
    kind = "other"
    if head[:4] == b"PAR1":
        kind = "parquet"
        _search_parquet(path, name, needles, seal, result)
    elif head == SQLITE_MAGIC:
        kind = "sqlite"
        for place, kinds in sqlite_hits(path, needles):
            result.found(name, place, kinds)
    elif head[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        kind = "archive"
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                result.found(name, member, needles.kinds_in_bytes(archive.read(member)))
    for data in _pieces(path):
        result.found(name, "bytes", needles.kinds_in_bytes(data))
    result.found(name, "name", needles.kinds_in(name))
    result.files[kind] += 1
    result.bytes += path.stat().st_size


def _pieces(path: Path) -> Iterator[bytes]:
    """The file's bytes in pieces that overlap, so that nothing is cut in two."""
    with path.open("rb") as f:
        tail = b""
        while data := f.read(_CHUNK):
            yield tail + data
            tail = data[-_OVERLAP:]


def _search_parquet(path: Path, name: str, needles: Needles, seal: "Seal | None", result: Search) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=65_536):
            for column, values in zip(batch.schema.names, batch.columns, strict=True):
                result.found(name, column, _kinds_in_column(column, values, needles, seal))
    except pa.ArrowException as e:
        raise Cafe24Error("the file is not readable Parquet", where=str(path),
                          remedy="restore or remove it, then search again") from e  # fmt: skip


def _kinds_in_column(column: str, values: "pa.Array", needles: Needles, seal: "Seal | None") -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary
        kind = values.type
    if column == "sealed" and seal is not None:
        return sorted({k for v in values.to_pylist() if v for k in needles.kinds_in_bytes(opened(seal, v))})
    if pa.types.is_nested(kind):
        return sorted({k for v in values.to_pylist() if v for k in needles.kinds_in(str(v), column)})
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)):
        return []
    short = needles.member_id or needles.member_key
    parts = [pc.match_substring(values, pattern) for pattern in (needles.member_key, needles.node, short)]
    hit = pc.or_kleene(pc.or_kleene(parts[0], parts[1]), parts[2])
    some = values.filter(pc.fill_null(hit, False)).to_pylist()
    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in some]
    return sorted({k for text in texts for k in needles.kinds_in(text, column)})


def opened(seal: "Seal", sealed: bytes) -> bytes:
    """Sealed fields in the clear; b"" when they were sealed with another installation's key."""
    try:
        return seal.open(sealed)
    except Cafe24Error:
        return b""


def sqlite_hits(path: Path, needles: Needles) -> Iterator[tuple[str, list[str]]]:
    """(table.column, identifiers) of a database's values that hold one; long values may lie in pieces on disk."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
        try:
            tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                cursor = db.execute(f'SELECT * FROM "{table}"')
                names = [d[0] for d in cursor.description]
                for row in cursor:
                    for column, value in zip(names, row, strict=True):
                        if kinds := kinds_in_value(value, needles, column):
                            yield f"{table}.{column}", kinds
        except sqlite3.DatabaseError as e:
            raise Cafe24Error("the database can't be read", where=str(path),
                              remedy="stop what uses it, or restore it, then search again") from e  # fmt: skip


def kinds_in_value(value: Any, needles: Needles, column: str) -> list[str]:
    """Which identifiers a database value holds; compressed ones are unpacked first."""
    if isinstance(value, str):
        return needles.kinds_in(value, column)
    return needles.kinds_in_bytes(unpacked(value)) if isinstance(value, bytes) else []


def unpacked(value: bytes) -> bytes:
    """A BLOB as it was before compression, or itself."""
    if value[:1] != b"\x78":
        return value
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def _search_stores(settings: Settings, mall_id: str, needles: Needles, result: Search) -> None:
    from cafe24_pipelines import parts

    with parts.open_stores(settings) as (graph, vectors):
        for staged in (False, True):
            name = f"graph ({settings.graph}, {'staged' if staged else 'published'})"
            query = "MATCH (n:CRM_Customer) WHERE n.member_key = $key OR n.uid = $uid RETURN count(n) AS n"
            try:
                rows = graph.query(mall_id, query, {"key": needles.member_key, "uid": needles.node}, staged=staged)
            except NotBuilt:
                continue
            result.stores.append(name)
            if rows[0]["n"]:
                result.found(name, "CRM_Customer", [MEMBER_KEY, NODE])
        for collection in COLLECTIONS:
            points = vectors.points(mall_id, collection)
            if points:
                result.stores.append(f"vectors ({settings.vectors}, {collection})")
            for point in points.values():
                result.found(f"vectors ({settings.vectors})", collection, needles.kinds_in(str(point.payload)))


def unknown_fields_seal(settings: Settings, mall_id: str) -> "Seal | None":
    """What opens fields that no model knows; None where nothing was ever sealed."""
    from cafe24_pipelines.cafe24.sealing import KEY_FILE, seal_for

    if not settings.encryption_key and not (settings.home.keys / KEY_FILE).exists():
        return None
    return seal_for(settings, mall_id, "unknown-fields")
