"""What a commit changes: records, how they become Parquet rows, and the counts and the digest that move with them.

Does not belong here: reading or writing files.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import pyarrow as pa

from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.records_parts import SCHEMA

_MODULUS: Final = 1 << 128
_A_TABLE: Final = 500


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it may be written.

    Attributes:
        key: identifies the row in its resource; values of several key fields are joined by "/".
        bucket: which parts the row lies in ("2026-03", "all"); a key stays in its bucket for ever.
        at: the resource's dated field in UTC, None when it has none.
        body: canonical JSON (sorted keys) under the API's own names, after the privacy line.
        sealed: fields that no model knows, encrypted; None when there are none.
        digest: 32 hex digits over the body and a fingerprint of the unknown fields.
    """

    key: str
    bucket: str
    at: datetime | None
    body: bytes
    sealed: bytes | None
    digest: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit did, in rows."""

    added: int = 0
    changed: int = 0
    removed: int = 0


class Change:
    """Counts and the sum of row digests, moved along with a commit."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.buckets: dict[str, int] = defaultdict(int, manifest["buckets"])
        self.sum = int(manifest["sum"], 16)
        self.seq = 1 + manifest["seq"]
        self.added = self.changed = self.removed = 0

    def put(self, bucket: str, key: str, old: bytes | None, new: bytes) -> None:
        """A row is added, or takes the place of one with the digest `old`."""
        self.sum = (self.sum + _share(key, new) - (_share(key, old) if old is not None else 0)) % _MODULUS
        if old is None:
            self.added += 1
            self.buckets[bucket] += 1
        else:
            self.changed += 1

    def remove(self, bucket: str, key: str, old: bytes) -> None:
        """A row goes."""
        self.sum = (self.sum - _share(key, old)) % _MODULUS
        self.removed += 1
        self.buckets[bucket] -= 1

    def digest(self) -> str:
        """Of the rows as they are now."""
        return text_digest(str(sum(self.buckets.values())), f"{self.sum:x}")

    def done(self) -> Committed:
        """The account."""
        return Committed(self.added, self.changed, self.removed)


def _share(key: str, digest: bytes) -> int:
    """What a row adds to the sum: sums don't depend on an order, and a row can be taken out again."""
    return int.from_bytes(blake2b(key.encode() + b"\0" + digest, digest_size=16).digest(), "big")


def row_of(record: Record, digest: bytes, seq: int) -> dict[str, Any]:
    """A record as a row of `records_parts.SCHEMA`."""
    return {
        "key": record.key, "seq": seq, "deleted": False, "at": record.at, "digest": digest,
        "body": record.body, "sealed": record.sealed,
    }  # fmt: skip


def tables_of(rows: list[dict[str, Any]]) -> Iterator[pa.Table]:
    """Rows as tables of few, so that not all of them are in memory twice."""
    for first in range(0, len(rows), _A_TABLE):
        yield table_of(rows[first : first + _A_TABLE])


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows (a tombstone has key, seq and deleted alone) with the schema of parts."""
    columns = []
    for field in SCHEMA:
        values = [row.get(field.name) for row in rows]
        is_body = field.name == "body"
        columns.append(pa.array(values, pa.binary() if is_body else field.type).cast(field.type))
    return pa.Table.from_arrays(columns, schema=SCHEMA)
