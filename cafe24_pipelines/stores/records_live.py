"""Which version of a row counts: the latest sequence of its key wins, and a tombstone means that there is none.

Reads the narrow columns first (keys of newer parts), then what is wanted of the rows that win, so that a bucket never
lies in memory with its bodies. Does not belong here: files and manifest (`records_parts.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from cafe24_pipelines.stores.records_parts import Part, RecordParts

MERGE_AT: Final = 8
"""Parts a bucket may have before some are merged."""

KEYS: Final = ("key",)


def by_bucket(parts: Sequence[Part]) -> dict[str, list[Part]]:
    """Parts by bucket, oldest first."""
    found: dict[str, list[Part]] = {}
    for part in sorted(parts, key=lambda p: (p["bucket"], p["seq"])):
        found.setdefault(part["bucket"], []).append(part)
    return found


def current_of(stored: RecordParts, parts: Sequence[Part], keys: set[str]) -> dict[str, bytes]:
    """Key -> digest of those among `keys` that have a current row in one bucket's parts."""
    found: dict[str, bytes] = {}
    missing = set(keys)
    for part in reversed(parts):
        if not missing:
            break
        span = (min(missing), max(missing))
        if part["key_max"] < span[0] or part["key_min"] > span[1]:
            continue
        rows = stored.narrow(part, ("key", "deleted", "digest"), keys=span)
        hits = rows.filter(pc.is_in(rows.column("key"), value_set=pa.array(sorted(missing), pa.string())))
        for key, deleted, digest in zip(*(c.to_pylist() for c in hits.columns), strict=True):
            missing.discard(key)
            if not deleted:
                found[key] = digest
    return found


def live_rows(
    stored: RecordParts, parts: Sequence[Part], columns: Sequence[str], *, tombstones: bool = False
) -> Iterator[pa.RecordBatch]:
    """The rows that count among one bucket's parts (oldest first), a row group at a time; oldest parts first.

    With `tombstones` these are kept: for a merge that leaves older parts out.
    """
    newer = _newer_keys(stored, parts)
    wanted = list(dict.fromkeys([*columns, "key", "deleted"]))
    for part in parts:
        shadow = newer[part["file"]]
        for batch in stored.stream(part, wanted):
            keep = None if tombstones else pc.invert(batch.column("deleted"))
            if len(shadow):
                own = pc.invert(pc.is_in(batch.column("key"), value_set=shadow))
                keep = own if keep is None else pc.and_(keep, own)
            chosen = batch if keep is None else batch.filter(keep)
            if chosen.num_rows:
                yield chosen.select(list(columns))


def _newer_keys(stored: RecordParts, parts: Sequence[Part]) -> dict[str, pa.Array]:
    """For each part, the keys that newer parts of the bucket hold."""
    found: dict[str, pa.Array] = {}
    chunks: list[pa.Array] = []
    for n, part in enumerate(reversed(parts)):
        found[part["file"]] = pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())
        if n < len(parts) - 1:
            chunks.extend(stored.narrow(part, KEYS).column("key").chunks)
    return found


def merged(stored: RecordParts, bucket: str, parts: list[Part]) -> tuple[list[Part], Part | None] | None:
    """Merge some parts of a bucket that has many: (parts that go, the part that stands for them).

    The newest parts are merged with older ones of like size, so that a row is rewritten few times however many
    commits there are. None when there are few parts; the second of the pair is None when nothing is left of them.
    """
    if len(parts) < MERGE_AT:
        return None
    first = len(parts) - 1
    rows = parts[first]["rows"]
    while first > 0 and (parts[first - 1]["rows"] <= 2 * rows or first == len(parts) - 1):
        first -= 1
        rows += parts[first]["rows"]
    going = parts[first:]
    batches = live_rows(stored, going, _ALL, tombstones=first > 0)
    return going, stored.write_batches(batches, bucket)


_ALL: Final = ("key", "seq", "deleted", "at", "digest", "body", "sealed")


class Window:
    """A half-open window of `at`; either end may be open."""

    def __init__(self, start: datetime | None, end: datetime | None) -> None:
        self.start, self.end = start, end
        self._low, self._high = _micros(start), _micros(end)

    @property
    def open(self) -> bool:
        """Whether it leaves nothing out."""
        return self.start is None and self.end is None

    def touches(self, parts: Sequence[Part]) -> bool:
        """Whether any of a bucket's parts may hold a row of the window."""
        return self.open or any(
            p["at_min"] is not None
            and (self._low is None or p["at_max"] >= self._low)
            and (self._high is None or p["at_min"] < self._high)
            for p in parts
        )

    def holds(self, parts: Sequence[Part]) -> bool:
        """Whether every row of a bucket's parts lies in the window."""
        return self.open or all(
            not p["undated"]
            and (self._low is None or p["at_min"] is None or p["at_min"] >= self._low)
            and (self._high is None or p["at_max"] is None or p["at_max"] < self._high)
            for p in parts
        )

    def mask(self, at: pa.Array) -> pa.Array:
        """Which rows lie in the window."""
        keep = pc.is_valid(at)
        if self.start is not None:
            keep = pc.and_(keep, pc.fill_null(pc.greater_equal(at, _scalar(self.start)), False))
        if self.end is not None:
            keep = pc.and_(keep, pc.fill_null(pc.less(at, _scalar(self.end)), False))
        return keep


def _scalar(moment: datetime) -> pa.Scalar:
    return pa.scalar(moment.astimezone(UTC), pa.timestamp("us", tz="UTC"))


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else _scalar(moment).value
