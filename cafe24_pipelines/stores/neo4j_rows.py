"""Graph rows made ready for Neo4j: sorted by key, hashed, and cut into buckets whose digests a ledger keeps.

A part (the rows of one label, or of one relationship type between two labels) is cut by the first bits of a uid into
buckets of about a thousand rows. A bucket's digest says what it holds, so a load finds what differs from an earlier
one by comparing a few thousand numbers, and reads and writes only there. A relationship's bucket goes by the end that
has more nodes; else every relationship of a hub would lie in one bucket.

Does not belong here: a driver, or Cypher (see `neo4j_load.py`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from cafe24_pipelines.stores.graph import Nodes, Part

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from duckdb import DuckDBPyConnection

ROWS_A_BUCKET: Final = 1_000
MOST_BITS: Final = 13
"""At most 8,192 buckets a part: the ledger stays small beside the graph."""
HASH: Final = "_hash"
"""A property of every node, and of relationships that have properties: a hash of all the others."""


@dataclass(frozen=True)
class Cut:
    """How a part is cut: by how many bits of which end's uid ("uid", "from_uid" or "to_uid")."""

    end: str
    bits: int

    def bounds(self, bucket: int) -> tuple[str, str]:
        """The half-open range of uids of a bucket."""
        width = 1 << (16 - self.bits)
        return f"{bucket * width:04x}", f"{(bucket + 1) * width:04x}" if bucket + 1 < 1 << self.bits else "g"

    def fits(self, rows: int) -> bool:
        """Whether buckets stay of a bearable size; else the part is cut anew."""
        return self.bits == _bits(rows) or ROWS_A_BUCKET / 4 <= rows / (1 << self.bits) <= ROWS_A_BUCKET * 4


@dataclass(frozen=True)
class Rows:
    """The rows of one part in key order, cut into buckets.

    `table` has the part's columns and `_hash`; bucket `i` is `table[edges[i]:edges[i+1]]`.
    """

    name: str
    key: tuple[str, ...]
    cut: Cut
    table: pa.Table
    edges: "npt.NDArray[np.int64]"
    digests: dict[int, int]

    def bucket(self, number: int) -> pa.Table:
        """The rows of one bucket."""
        start, end = int(self.edges[number]), int(self.edges[number + 1])
        return self.table.slice(start, end - start)

    def size(self, number: int) -> int:
        """How many rows a bucket has."""
        return int(self.edges[number + 1] - self.edges[number])


def name_of(part: Part) -> str:
    """A part's name in the ledger: the label, or `TYPE|From|To`."""
    return part.label if isinstance(part, Nodes) else f"{part.type}|{part.from_label}|{part.to_label}"


def key_of(part: Part) -> tuple[str, ...]:
    """The columns that identify a row."""
    return ("uid",) if isinstance(part, Nodes) else ("from_uid", "to_uid")


def has_hash(part: Part) -> bool:
    """Whether rows can differ under an equal key. A relationship without properties can't: it is there or not."""
    return set(part.rows.column_names) > set(key_of(part))


def fresh_cut(part: Part) -> Cut:
    """The cut of a part that has none yet."""
    rows = part.rows
    if isinstance(part, Nodes) or rows.num_rows == 0:
        return Cut(key_of(part)[0], _bits(rows.num_rows))
    ends = {end: pc.count_distinct(rows.column(end)).as_py() for end in ("from_uid", "to_uid")}
    return Cut("to_uid" if ends["to_uid"] > ends["from_uid"] else "from_uid", _bits(rows.num_rows))


def prepared(part: Part, cut: Cut) -> Rows:
    """A part's rows sorted, hashed and cut.

    Raises:
        ValueError: a key repeats.
    """
    import numpy as np

    name, key = name_of(part), key_of(part)
    order = [(cut.end, "ascending"), *((k, "ascending") for k in key if k != cut.end)]
    table = part.rows.sort_by(order) if part.rows.num_rows else part.rows
    _check_unique(name, key, table)
    hashes = _hashes(table, key)
    table = table.append_column(HASH, pa.array(hashes.view(np.int64)))
    buckets = _bucket_numbers(table.column(cut.end), cut.bits)
    edges = np.searchsorted(buckets, np.arange((1 << cut.bits) + 1)).astype(np.int64)
    return Rows(name, key, cut, table, edges, _digests(hashes, edges))


def batches(rows: Rows, wanted: list[int], weights: dict[int, int], limit: int) -> Iterator[list[int]]:
    """Buckets in order, together of about `limit` rows; `weights` is what the store holds of each already."""
    group: list[int] = []
    size = 0
    for number in wanted:
        rows_here = max(rows.size(number), weights.get(number, 0))
        if group and size + rows_here > limit:
            yield group
            group, size = [], 0
        group.append(number)
        size += rows_here
    if group:
        yield group


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as the driver takes them: times as aware UTC, absent values left out."""
    for i, name in enumerate(table.column_names):
        if pa.types.is_timestamp(table.schema.field(name).type):
            table = table.set_column(i, name, table.column(name).cast(pa.timestamp("us", tz="UTC")))
    if not any(column.null_count for column in table.columns):
        return table.to_pylist()
    return [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]


# -- inside --------------------------------------------------------------------------------------------------


def _bits(rows: int) -> int:
    return min(MOST_BITS, max(0, round(math.log2(max(1, rows) / ROWS_A_BUCKET))))


def _check_unique(name: str, key: tuple[str, ...], table: pa.Table) -> None:
    """Rows lie in key order, so equal keys are neighbours."""
    if table.num_rows < 2:
        return
    same: Any = None
    for column in key:
        values = table.column(column).combine_chunks()
        equal = pc.equal(values.slice(1), values.slice(0, len(values) - 1))
        same = equal if same is None else pc.and_(same, equal)
    if repeated := pc.sum(same).as_py():
        first = table.slice(pc.index(same, True).as_py(), 1).select(list(key)).to_pylist()[0]
        raise ValueError(f"{name}: {repeated} keys repeat, such as {' -> '.join(first.values())}")


def _hashes(table: pa.Table, key: tuple[str, ...]) -> "npt.NDArray[np.uint64]":
    """One hash a row over all columns, in 63 bits (Neo4j's integers are signed)."""
    import numpy as np

    if table.num_rows == 0:
        return np.zeros(0, dtype=np.uint64)
    columns = ", ".join(f'"{c}"' for c in sorted(table.column_names))
    with _memory().cursor() as db:
        db.register("part", table)
        db.execute("SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
        found = db.sql(f"SELECT hash({columns}) AS h FROM part").fetchnumpy()["h"]
    return np.asarray(found, dtype=np.uint64) >> np.uint64(1)


@cache
def _memory() -> "DuckDBPyConnection":
    """One database in memory: opening one takes longer than hashing most parts."""
    import duckdb

    return duckdb.connect()


def _bucket_numbers(uids: pa.ChunkedArray, bits: int) -> "npt.NDArray[np.int64]":
    import numpy as np

    if len(uids) == 0:
        return np.zeros(0, dtype=np.int64)
    heads = pc.utf8_slice_codeunits(uids, 0, 4).combine_chunks().dictionary_encode()
    numbers = np.array([int(h, 16) for h in heads.dictionary.to_pylist()], dtype=np.int64) >> (16 - bits)
    return numbers[heads.indices.to_numpy()]


def _digests(hashes: "npt.NDArray[np.uint64]", edges: "npt.NDArray[np.int64]") -> dict[int, int]:
    """The sum of a bucket's hashes, wrapped to a signed integer; buckets without rows are left out."""
    import numpy as np

    totals = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes, dtype=np.uint64)])
    sums = (totals[edges[1:]] - totals[edges[:-1]]).view(np.int64)
    return {int(i): int(sums[i]) for i in np.flatnonzero(edges[1:] > edges[:-1])}
