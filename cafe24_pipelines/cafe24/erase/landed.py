"""Removing a member from what has landed: shop tables, API rows, quarantined rows, accounts, contacts.

Every step can be run again: it removes what is left and finds nothing the second time. What it did is counted apart:
rows removed, sales made a guest's, rows of others that lost a mention of the member. Sales (orders, refunds) are
first written down as a guest's, then their old rows are removed, then the guest's rows land; the file in between lets
a killed erasure go on. Does not belong here: projections (`projections.py`), databases (`databases.py`).
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.erase.needles import Needles, cleaned
from cafe24_pipelines.cafe24.erase.registry import FILE, KEPT_AS_GUEST, ErasedMembers
from cafe24_pipelines.cafe24.erase.trace import opened
from cafe24_pipelines.names import SHOP_TABLES
from cafe24_pipelines.stores.files import write_atomic
from cafe24_pipelines.stores.parts import MANIFEST, Parts

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.sealing import Seal
    from cafe24_pipelines.stores.lake import MallLake
    from cafe24_pipelines.stores.records import ApiLake, Record, RecordStore

WAITING: Final = "guest-rows.jsonl"


@dataclass
class Done:
    """How many rows, by place: gone, kept as a guest's sale, and kept without a mention of the member."""

    removed: Counter[str] = field(default_factory=Counter)
    guests: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)


def erase_shop_tables(lake: "MallLake", erased: ErasedMembers, done: Done) -> None:
    """Land every table without the erased members, and remove the files of before."""
    from cafe24_pipelines.stores.schemas import TABLES

    for name in sorted(lake.counts().keys() & SHOP_TABLES.keys()):
        if "member_key" not in TABLES[name].schema.names:
            continue
        rows = lake.read(name)
        kept = erased.without(name, rows)
        guests = kept.column("member_key").null_count - rows.column("member_key").null_count
        removed = rows.num_rows - kept.num_rows
        if removed or guests:
            lake.land(name, kept, snapshot=True)
            done.removed[f"lake/{name}"] += removed
            done.guests[f"lake/{name}"] += guests
        _drop_superseded(Parts(lake.root / name))


def _drop_superseded(stored: Parts) -> None:
    """Remove parts that stay for readers of the manifest before: they hold the member still."""
    manifest = stored.manifest()
    if manifest["parts"] and manifest.get("before"):
        manifest = {**manifest, "before": []}
        write_atomic(stored.folder / MANIFEST, json.dumps(manifest, indent=1))
    stored.clear_leftovers(manifest)


@dataclass(frozen=True)
class Target:
    """Who is to be removed. `seal` opens fields that no model knows; None where this installation sealed nothing."""

    erased: ErasedMembers
    needles: Needles
    seal: "Seal | None" = None

    def named_by(self, key: Any, body: Any, sealed: Any) -> bool:
        """Whether an API row names the member in its key, its body or its sealed fields."""
        if self.needles.kinds_in(str(key)) or self.needles.kinds_in_bytes(_bytes(body)):
            return True
        return bool(sealed and self.seal and self.needles.kinds_in_bytes(opened(self.seal, sealed)))


def erase_api_rows(api: "ApiLake", target: Target, done: Done) -> None:
    """Remove the member from every landed API row, superseded versions included."""
    for name in api.landed():
        store, waiting = api.of(name), api.root / f"{name}.{WAITING}"
        land_waiting(store, waiting)
        keys = set(_keys_naming(api.root / name, target))
        if keys:
            write_waiting(waiting, without_member(name, store, keys, target))
            store.erase(keys)
            kept = land_waiting(store, waiting)
            done.removed[f"api/{name}"] += len(keys) - kept
            (done.guests if name in KEPT_AS_GUEST else done.unnamed)[f"api/{name}"] += kept
        state = store.state()
        if (clean := cleaned(state, target.needles)) != state:
            store.commit(state=clean)


def _keys_naming(folder: Path, target: Target) -> Iterator[str]:
    """Keys of rows, current or superseded, that name the member."""
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=2048, columns=["key", "body", "sealed"]):
                for row in batch.to_pylist():
                    if target.named_by(row["key"], row["body"], row["sealed"]):
                        yield row["key"]


def without_member(name: str, store: "RecordStore", keys: set[str], target: Target) -> "Iterator[Record]":
    """The current rows of those keys as they may stay."""
    for record in store.scan_records():
        if record.key not in keys:
            continue
        kept = target.erased.cleared(name, record)
        if kept is not None and target.named_by(kept.key, kept.body, kept.sealed):
            body = cleaned(json.loads(kept.body), target.needles)
            text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            kept = replace(kept, body=text.encode(), sealed=None)
        if kept is not None and not target.needles.kinds_in(kept.key):
            yield kept


def write_waiting(path: Path, records: "Iterator[Record]") -> None:
    """Write down rows that are to land once their old versions are removed."""
    lines = [
        json.dumps(
            {
                "key": r.key, "bucket": r.bucket, "at": r.at.isoformat() if r.at else None,
                "body": r.body.decode(), "sealed": r.sealed.decode("latin-1") if r.sealed else None,
                "digest": r.digest,
            },
            ensure_ascii=False,
        )
        for r in records
    ]  # fmt: skip
    write_atomic(path, "".join(line + "\n" for line in lines), private=True)


def land_waiting(store: "RecordStore", path: Path) -> int:
    """Land the rows that an erasure wrote down before it removed their old versions; how many."""
    from datetime import datetime

    from cafe24_pipelines.stores.records import Record

    if not path.exists():
        return 0
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    store.commit(
        [
            Record(
                r["key"], r["bucket"], datetime.fromisoformat(r["at"]) if r["at"] else None, r["body"].encode(),
                r["sealed"].encode("latin-1") if r["sealed"] else None, r["digest"],
            )
            for r in rows
        ]
    )  # fmt: skip
    path.unlink()
    return len(rows)


def erase_quarantine(root: Path, needles: Needles) -> int:
    """Clean quarantined rows (shop tables' and API rows') that name the member; how many there were.

    The row stays in quarantine with its reason, so that an account of what came in still adds up.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    done = 0
    for path in sorted(p for folder in root.rglob("_quarantine") for p in folder.rglob("*.parquet")):
        rows = pq.ParquetFile(path).read()
        found = [row for row in rows.to_pylist() if any(needles.kinds_in(v, k) for k, v in row.items() if v)]
        if not found:
            continue
        done += len(found)
        clean = [{k: _clean_cell(v, needles, k) for k, v in row.items()} for row in rows.to_pylist()]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(clean, rows.schema), sink, compression="zstd")
        write_atomic(path, sink.getvalue().to_pybytes())
    return done


def _clean_cell(value: Any, needles: Needles, name: str) -> Any:
    if not isinstance(value, str) or not needles.kinds_in(value, name):
        return value
    return clean_json(value, needles) or needles.without(value, name)


def clean_json(text: str, needles: Needles) -> str | None:
    """JSON text without the identifiers; None when it is not JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict | list):
        return None
    return json.dumps(cleaned(value, needles), ensure_ascii=False)


def erase_accounts(root: Path, needles: Needles) -> int:
    """Clean JSON files that lie beside the mall's tables (accounts of imports); how many named the member."""
    done = 0
    for path in sorted(p for p in root.rglob("*.json") if p.name not in (FILE, MANIFEST)):
        text = path.read_text(encoding="utf-8")
        if needles.kinds_in(text):
            write_atomic(path, clean_json(text, needles) or needles.without(text))
            done += 1
    return done


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode()
