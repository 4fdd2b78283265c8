"""Content digests: equal exactly when the content is, whatever the order rows came in.

Used to skip writes that change nothing, and to show a user that a rerun changed nothing.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def text_digest(*parts: str) -> str:
    """SHA-256 of the parts, unambiguous about where one ends and the next begins; 32 hex digits."""
    h = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        h.update(len(raw).to_bytes(8, "big"))
        h.update(raw)
    return h.hexdigest()[:32]


def json_digest(value: Any) -> str:
    """Digest of a JSON-able value with sorted keys."""
    return text_digest(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str))


def table_digest(table: "pa.Table") -> str:
    """Order-independent digest of an Arrow table: column names, types and the multiset of rows."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    names = sorted(table.column_names)
    schema = ",".join(f"{n}:{table.schema.field(n).type}" for n in names)
    if table.num_rows == 0:
        return text_digest(schema)
    hashes = np.zeros(table.num_rows, dtype=np.uint64)
    for name in names:  # column by column keeps the peak memory at one column's text
        column = table.column(name)
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        text = (
            column.to_pandas().map(_json) if pa.types.is_nested(column.type) else column.cast(pa.string()).to_pandas()
        )
        h = pd.util.hash_array(text.fillna("").to_numpy(dtype=object), categorize=True)
        h[nulls] = np.uint64(0x9E3779B97F4A7C15)  # a null is not an empty string
        hashes = hashes * np.uint64(1_000_003) + h
    hashes.sort()
    return text_digest(schema, hashlib.sha256(hashes.tobytes()).hexdigest())


def combine(digests: Iterable[str]) -> str:
    """Digest of a set of digests, whatever their order."""
    return text_digest(*sorted(digests))


def _json(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
