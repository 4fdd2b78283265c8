"""Landed rows of an API: the current row of every key, in Parquet parts behind one atomic manifest a resource.

`lake/<mall>/api/<resource>/part-*.parquet` and `manifest.json`, which names the parts that count and holds what the
sync keeps beside them (cursors, ledger): rows and state become visible together or not at all. A commit writes only
rows that are new or changed; a deletion is a tombstone; the latest sequence of a key wins; parts are merged a bucket
at a time. Does not belong here: what the rows mean, or a mall's resources together (`records.py`).
"""

import copy
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from cafe24_pipelines.stores.files import friendly_os_errors
from cafe24_pipelines.stores.records_change import Change, Committed, Record, row_of, tables_of
from cafe24_pipelines.stores.records_live import Window, by_bucket, current_of, live_rows, merged
from cafe24_pipelines.stores.records_parts import PATIENCE, Part, RecordParts

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RecordStore:
    """The landed rows of one resource, and what its sync keeps beside them.

    Any number of threads and processes may read while one writes; writers wait for each other.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stored = RecordParts(folder)

    # -- writing -----------------------------------------------------------------------------------------------

    def commit(
        self,
        upserts: Sequence[Record] = (),
        *,
        deleted: Iterable[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> Committed:
        """Make rows and state visible in one switch of the manifest; rows that did not change write nothing.

        Of several records of one key the last counts; a key that is both given and deleted stays. `state` (JSON-able)
        replaces the one before; None keeps it.

        Raises:
            LakeDamaged: a part that must be looked at is missing or unreadable.
        """
        with self._writing():
            manifest = self._stored.manifest()
            change = Change(manifest)
            groups = by_bucket(manifest["parts"])
            rows = self._rows(upserts, set(deleted), groups, change)
            kept = manifest["state"] if state is None else json.loads(json.dumps(state))
            if not rows and kept == manifest["state"]:
                self._stored.clear()
                return change.done()
            for bucket, changed in rows.items():
                if (part := self._stored.write_batches(tables_of(changed), bucket)) is not None:
                    groups.setdefault(bucket, []).append(part)
                if (merge := merged(self._stored, bucket, groups[bucket])) is not None:
                    going, stands = merge
                    groups[bucket] = [p for p in groups[bucket] if p not in going] + ([stands] if stands else [])
            self._switch(groups, change, kept)
            self._stored.clear()
            return change.done()

    def erase(self, keys: Iterable[str]) -> int:
        """Rewrite every part that holds any version of these keys; returns how many keys were found.

        When it returns, no file of the store holds their rows. Run again after an error: it completes what is left.

        Raises:
            Cafe24Error: a reader holds on to the old files for too long.
        """
        wanted = set(keys)
        if not wanted or not self.folder.is_dir():
            return 0
        with self._writing():
            manifest = self._stored.manifest()
            change = Change(manifest)
            groups = by_bucket(manifest["parts"])
            found: set[str] = set()
            for bucket, parts in groups.items():
                for key, digest in current_of(self._stored, parts, wanted).items():
                    change.remove(bucket, key, digest)
                groups[bucket] = [q for p in parts if (q := self._without(p, wanted, found)) is not None]
            if found:
                self._switch(groups, change, manifest["state"])
            self._stored.clear(patience=PATIENCE)
            return len(found)

    def _without(self, part: Part, keys: set[str], found: set[str]) -> Part | None:
        value_set = pa.array(sorted(keys), pa.string())
        held = self._stored.narrow(part, ("key",)).column("key")
        hits = pc.filter(held, pc.is_in(held, value_set=value_set)).to_pylist()
        if not hits:
            return part
        found.update(hits)
        rest = (
            b.filter(pc.invert(pc.is_in(b.column("key"), value_set=value_set))) for b in self._stored.stream(part)
        )
        return self._stored.write_batches(rest, part["bucket"])

    def _rows(
        self, upserts: Sequence[Record], deleted: set[str], groups: dict[str, list[Part]], change: "Change"
    ) -> dict[str, list[dict[str, Any]]]:
        """What must be written, by bucket and in order of keys, and what that changes."""
        wanted: dict[str, dict[str, Record]] = defaultdict(dict)
        for record in upserts:
            wanted[record.bucket][record.key] = record
            deleted.discard(record.key)
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for bucket, records in wanted.items():
            before = current_of(self._stored, groups.get(bucket, []), records.keys() | set())
            for key, record in records.items():
                digest, old = bytes.fromhex(record.digest), before.get(key)
                if digest != old:
                    change.put(bucket, key, old, digest)
                    rows[bucket].append(row_of(record, digest, change.seq))
        for bucket, parts in groups.items() if deleted else ():
            for key, old in current_of(self._stored, parts, deleted).items():
                change.remove(bucket, key, old)
                rows[bucket].append({"key": key, "seq": change.seq, "deleted": True})
        return {b: sorted(r, key=lambda row: row["key"]) for b, r in rows.items() if r}

    def _switch(self, groups: Mapping[str, list[Part]], change: "Change", state: Mapping[str, Any]) -> None:
        buckets = {b: n for b, n in sorted(change.buckets.items()) if n}
        parts = [p for b, held in sorted(groups.items()) for p in held if buckets.get(b)]
        with friendly_os_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._stored.switch_to(
            {
                "parts": parts, "rows": sum(buckets.values()), "digest": change.digest(), "buckets": buckets,
                "sum": f"{change.sum:x}", "state": state, "seq": change.seq,
            }
        )  # fmt: skip

    @contextmanager
    def _writing(self) -> Iterator[None]:
        from filelock import FileLock

        with friendly_os_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".writer")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    # -- reading -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What the last commit that gave one kept; {} before the first."""
        return copy.deepcopy(self._stored.manifest()["state"])

    def digest(self) -> str:
        """32 hex digits: equal exactly when the current rows are, whatever commits led to them."""
        return Change(self._stored.manifest()).digest()

    def known(
        self, *, start: datetime | None = None, end: datetime | None = None,
        bucket: str | None = None, prefix: str = "",
    ) -> dict[str, str]:  # fmt: skip
        """Key -> digest of current rows with start <= at < end, of one bucket, whose key begins with `prefix`."""
        window = Window(start, end)
        found: dict[str, str] = {}
        with self._stored.reading() as manifest:
            for name, parts in by_bucket(manifest["parts"]).items():
                if (bucket is not None and name != bucket) or not window.touches(parts):
                    continue
                # a key's versions share its prefix, so that a part without any can be left out
                near = [p for p in parts if p["key_max"] >= prefix and p["key_min"][: len(prefix)] <= prefix]
                for batch in live_rows(self._stored, near, ("key", "at", "digest")):
                    rows = batch
                    if prefix:
                        rows = rows.filter(pc.starts_with(rows.column("key"), prefix))
                    if not window.open:
                        rows = rows.filter(window.mask(rows.column("at")))
                    keys, digests = rows.column("key").to_pylist(), rows.column("digest").to_pylist()
                    found.update(zip(keys, (d.hex() for d in digests), strict=True))
        return found

    def count(self, *, start: datetime | None = None, end: datetime | None = None) -> int:
        """Current rows, of the half-open window when one is given (rows without `at` are then left out)."""
        window = Window(start, end)
        with self._stored.reading() as manifest:
            if window.open:
                return int(manifest["rows"])
            total = 0
            for name, parts in by_bucket(manifest["parts"]).items():
                if window.holds(parts):
                    total += manifest["buckets"][name]
                elif window.touches(parts):
                    for batch in live_rows(self._stored, parts, ("at",)):
                        total += pc.sum(window.mask(batch.column("at"))).as_py() or 0
            return total

    def earliest(self) -> datetime | None:
        """The earliest `at` (UTC) that the parts hold, also of rows since replaced or removed; reads no part."""
        found = [p["at_min"] for p in self._stored.manifest()["parts"] if p["at_min"] is not None]
        return EPOCH + timedelta(microseconds=min(found)) if found else None

    def body(self, key: str) -> dict[str, Any] | None:
        """The current body of a key, None if there is none."""
        with self._stored.reading() as manifest:
            for parts in by_bucket(manifest["parts"]).values():
                for part in reversed(parts):
                    if not part["key_min"] <= key <= part["key_max"]:
                        continue
                    rows = self._stored.narrow(part, ("key", "deleted", "body"), keys=(key, key))
                    for row in rows.filter(pc.equal(rows.column("key"), key)).to_pylist():
                        return None if row["deleted"] else json.loads(row["body"])
        return None

    def scan(self) -> Iterator[dict[str, Any]]:
        """Every current body, of one state of the store, in flat memory."""
        import msgspec

        decode = msgspec.json.decode
        for _, batch in self._batches(("body",)):
            for body in batch.column("body"):
                yield decode(body.as_buffer())

    def scan_records(self) -> Iterator[Record]:
        """Every current record (sealed fields too), of one state of the store, in flat memory."""
        columns = ("key", "at", "digest", "body", "sealed")
        for bucket, batch in self._batches(columns):
            for key, at, digest, body, sealed in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                moment = at.astimezone(UTC) if at is not None else None
                yield Record(key, bucket, moment, body.encode(), sealed, digest.hex())

    def _batches(self, columns: Sequence[str]) -> Iterator[tuple[str, pa.RecordBatch]]:
        with self._stored.reading() as manifest:
            for bucket, parts in by_bucket(manifest["parts"]).items():
                for batch in live_rows(self._stored, parts, columns):
                    yield bucket, batch
