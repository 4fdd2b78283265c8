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
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.erase.trace import Trace
from cafe24_pipelines.lifecycle.contents import LONGEST, Values, places, standing_in, unreadable
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings

Stamps = Mapping[Path, tuple[int, int, int]]
"""What tells whether a file is still the one that was searched: its number, size and time."""

ROOM: Final = "removals"
"""The folder under the home that holds what is under way."""
EACH: Final = 24
"""Values taken of each column."""
SHORTEST: Final = 12
"""Bytes: a shorter value could stand anywhere by chance."""
_COLUMNS: Final = (
    ("customers", "member_key"), ("orders", "order_id"), ("products", "product_name"), ("reviews", "content"),
)  # fmt: skip
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
    if path.exists():  # another removal was first and may be at work by now: its note alone is whole
        return list(json.loads(seal.open(path.read_bytes())))
    write_atomic(path, seal.seal(json.dumps(found, ensure_ascii=False).encode()), private=True)
    return found


def forget(settings: "Settings", mall_id: str) -> None:
    """Remove what was noted: the proof is done."""
    room = settings.home.root / ROOM
    for path in [room / f"{mall_id}.sealed", *room.glob(f".{mall_id}.sealed.*")]:
        path.unlink(missing_ok=True)


def own(settings: "Settings", mall_id: str, values: Iterable[str]) -> list[str]:
    """Those of the values that no other mall's lake holds; a member's hash is a trace wherever it stands."""
    values = list(values)
    open_ = {value for value in values if not _MEMBER.fullmatch(value)}
    for path in _lakes_of_others(settings, mall_id, "*"):
        with suppress(*unreadable()):  # a landing is at it: what is not seen here stays searched for
            open_ -= standing_in(path, Values(open_))
    return [value for value in values if _MEMBER.fullmatch(value) or value in open_]


def stamps(settings: "Settings") -> Stamps:
    """Every file that is to be searched, as it is now."""
    outside = settings.home.sandbox  # a shop's own data: no part of what this installation knows
    found = {}
    for path in sorted(settings.home.root.rglob("*")):
        with suppress(FileNotFoundError):
            if path.is_file() and outside not in path.parents:
                seen = path.stat()
                found[path] = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    return found


def traces(
    settings: "Settings", values: Iterable[str], files: Collection[Path], *, unread: set[Path] | None = None
) -> list[Trace]:
    """Every place in these files that still holds one of the values; [] is the proof.

    Args:
        unread: gets the files that can't be read now, as while somebody writes them; without it that is an error.
    """
    wanted = Values(values)
    found: dict[Trace, None] = {}
    for path in files:
        name = str(path.relative_to(settings.home.root))
        try:
            found |= dict.fromkeys(Trace(name, place, "a value of the mall") for place in places(path, wanted))
        except FileNotFoundError:
            pass  # a reader's scratch file that went away meanwhile
        except unreadable():
            if unread is None:
                raise
            unread.add(path)
    return list(found)


def _of_mall(settings: "Settings", mall_id: str) -> Iterator[str]:
    """Values of the mall's tables that no other mall of the home has."""
    for table, column in _COLUMNS:
        found = _column(settings, mall_id, table, column)
        found -= _shared(settings, mall_id, table, column, found)
        own = sorted((v for v in found if len(v.encode()) >= SHORTEST), key=lambda v: (-len(v), v))
        step = max(1, len(own) // EACH)
        yield from (value[:LONGEST] for value in own[::step][:EACH])


def _column(settings: "Settings", mall_id: str, table: str, column: str) -> set[str]:
    from cafe24_pipelines import parts
    from cafe24_pipelines.errors import Cafe24Error

    try:
        lake = parts.mall_lake(settings, mall_id)
        rows = lake.read(table, [column]) if table in lake.counts() else None
    except (Cafe24Error, OSError):
        return set()  # half removed already
    return {str(value) for value in rows.column(column).unique().to_pylist() if value} if rows is not None else set()


def _shared(settings: "Settings", mall_id: str, table: str, column: str, values: set[str]) -> set[str]:
    """Those of the values that the same column of another mall holds."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: set[str] = set()
    wanted = pa.array(sorted(values), pa.string())
    for path in _lakes_of_others(settings, mall_id, f"{table}/*.parquet") if values else ():
        with suppress(*unreadable()), pq.ParquetFile(path) as file:
            if column in file.schema_arrow.names:
                there: pa.ChunkedArray = file.read([column]).column(column).cast(pa.string())
                found |= set(there.filter(pc.is_in(there, wanted)).unique().to_pylist())
    return found


def _lakes_of_others(settings: "Settings", mall_id: str, pattern: str) -> list[Path]:
    """Files of the lakes of the other malls."""
    lakes = [p for p in settings.home.lake.glob("*") if p.is_dir() and p.name.split(".")[0] != mall_id]
    return sorted(p for lake in lakes for p in lake.rglob(pattern) if p.is_file())
