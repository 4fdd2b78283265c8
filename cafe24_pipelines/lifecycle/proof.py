"""The proof of a removal: what of the mall was there before is searched for everywhere afterwards.

Before anything is removed, values that only this mall has (hashes of members, order ids, names of products, words of
reviews) are taken down, sealed, so that a removal that was killed can be proved all the same. Order numbers, products
and praise are alike in many malls: what stands in another mall's lake, whole or within a longer text, is no trace of
this one. The search reads every file under the home as bytes, Parquet decoded, databases value by value, archives
member by member.
Does not belong here: removing anything (see `removal.py`).
"""

import json
import re
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.erase.trace import SQLITE_MAGIC, Trace, unpacked
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

ROOM: Final = "removals"
"""The folder under the home that holds what is under way."""
EACH: Final = 24
"""Values taken of each column."""
SHORTEST: Final = 12
"""Bytes: a shorter value could stand anywhere by chance."""
_LONGEST: Final = 48
_COLUMNS: Final = (
    ("customers", "member_key"), ("orders", "order_id"), ("products", "product_name"), ("reviews", "content"),
)  # fmt: skip
_CHUNK: Final = 1 << 24
_MEMBER: Final = re.compile(r"[0-9a-f]{32}")
"""A member's hash is made with its mall's own key, so no other mall has it by chance."""


def needles(settings: "Settings", mall_id: str) -> list[str]:
    """The values to search for: those noted when the removal began, else taken down now."""
    from cafe24_pipelines.cafe24.sealing import seal_for

    path = settings.home.root / ROOM / f"{mall_id}.sealed"
    seal = seal_for(settings, mall_id, "erasures")
    if path.exists():
        return list(json.loads(seal.open(path.read_bytes())))
    found = own(settings, mall_id, sorted(set(_of_mall(settings, mall_id))))
    write_atomic(path, seal.seal(json.dumps(found, ensure_ascii=False).encode()), private=True)
    return found


def forget(settings: "Settings", mall_id: str) -> None:
    """Remove what was noted: the proof is done."""
    room = settings.home.root / ROOM
    for path in [room / f"{mall_id}.sealed", *room.glob(f".{mall_id}.sealed.*")]:
        path.unlink(missing_ok=True)


def own(settings: "Settings", mall_id: str, values: Iterable[str]) -> list[str]:
    """Those of the values that no other mall's lake holds; a member's hash is a trace wherever it stands."""
    lakes = [p for p in sorted(settings.home.lake.glob("*")) if p.is_dir() and p.name.split(".")[0] != mall_id]
    values = list(values)
    open_ = {form: value for value in values if not _MEMBER.fullmatch(value) for form in _forms([value])}
    for path in sorted(p for lake in lakes for p in lake.rglob("*") if p.is_file()):
        with suppress(FileNotFoundError):  # a landing replaced it meanwhile
            for _, data in _contents(path):
                shared = {value for form, value in open_.items() if form in data}
                open_ = {form: value for form, value in open_.items() if value not in shared}
    return [value for value in values if _MEMBER.fullmatch(value) or value in open_.values()]


def traces(settings: "Settings", values: Iterable[str]) -> list[Trace]:
    """Every place under the home that still holds one of the values; [] is the proof."""
    forms = _forms(values)
    found: dict[Trace, None] = {}
    outside = settings.home.sandbox  # a shop's own data: no part of what this installation knows
    for path in sorted(p for p in settings.home.root.rglob("*") if p.is_file() and outside not in p.parents):
        name = str(path.relative_to(settings.home.root))
        with suppress(FileNotFoundError):  # a reader's scratch file that went away meanwhile
            for place, data in _contents(path):
                if any(form in data for form in forms):
                    found[Trace(name, place, "a value of the mall")] = None
    return list(found)


def _of_mall(settings: "Settings", mall_id: str) -> Iterator[str]:
    """Values of the mall's tables that no other mall of the home has."""
    from cafe24_pipelines.cafe24.malls import known_malls

    others = [other for other in known_malls(settings.home) if other != mall_id]
    for table, column in _COLUMNS:
        values = _column(settings, mall_id, table, column)
        if not values:
            continue
        shared = {value for other in others for value in _column(settings, other, table, column)}
        own = sorted((v for v in values - shared if len(v.encode()) >= SHORTEST), key=lambda v: (-len(v), v))
        step = max(1, len(own) // EACH)
        yield from (value[:_LONGEST] for value in own[::step][:EACH])


def _column(settings: "Settings", mall_id: str, table: str, column: str) -> set[str]:
    from cafe24_pipelines import parts
    from cafe24_pipelines.errors import Cafe24Error

    try:
        lake = parts.mall_lake(settings, mall_id)
        rows = lake.read(table) if table in lake.counts() else None
    except (Cafe24Error, OSError):
        return set()  # half removed already
    if rows is None or column not in rows.column_names:
        return set()
    return {str(value) for value in rows.column(column).unique().to_pylist() if value}


def _forms(values: Iterable[str]) -> list[bytes]:
    """How each value may be written: as it is, and as JSON escapes it."""
    return sorted({form for v in values for form in (v.encode(), json.dumps(v)[1:-1].encode())})


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """What a file holds, each with where: its bytes, in pieces that overlap, and what they stand for."""
    with path.open("rb") as f:
        head, tail = f.read(16), b""
        f.seek(0)
        while data := f.read(_CHUNK):
            yield "bytes", tail + data
            tail = data[-4 * _LONGEST :]
    if head[:4] == b"PAR1":
        yield from _of_parquet(path)
    elif head == SQLITE_MAGIC:
        yield from _of_sqlite(path)
    elif head[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())


def _of_parquet(path: Path) -> Iterator[tuple[str, bytes]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=65_536):
            for column, values in zip(batch.schema.names, batch.columns, strict=True):
                texts = (v for v in values.to_pylist() if isinstance(v, str | bytes | list | dict))
                yield f"column {column}", b"\0".join(map(_bytes, texts))


def _of_sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    """Value by value: a long one may lie in pieces on disk, a packed one in no bytes that can be searched."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in db.execute(f'SELECT * FROM "{table}"'):
                yield f"table {table}", b"\0".join(_bytes(v) for v in row if isinstance(v, str | bytes))


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return unpacked(value)
    return str(value).encode("utf-8", "surrogatepass")
