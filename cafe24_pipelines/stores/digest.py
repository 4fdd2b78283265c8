"""Content digests: equal exactly when the content is, whatever the order rows came in.

Used to skip writes that change nothing, and to show a user that a rerun changed nothing.
"""

import hashlib
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    import numpy as np
    import numpy.typing as npt
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


def code_digest(*parts: str) -> str:
    """Digest of files and whole folders of this package, rules and texts among the code, each by its path."""
    root = files("cafe24_pipelines")
    found = [one for part in parts for one in _files_of(root.joinpath(part), part)]
    return text_digest(*(text_digest(name, hashlib.sha256(file.read_bytes()).hexdigest()) for name, file in found))


def _files_of(at: "Traversable", name: str) -> "list[tuple[str, Traversable]]":
    if at.is_file():
        return [(name, at)]
    inside = sorted((one for one in at.iterdir() if one.name != "__pycache__"), key=lambda one: one.name)
    return [found for one in inside for found in _files_of(one, f"{name}/{one.name}")]


SLICE: Final = 65_536
"""Rows whose text is held at a time."""


def table_digest(table: "pa.Table") -> str:
    """Order-independent digest of an Arrow table: column names, types and the multiset of rows."""
    import numpy as np

    names = sorted(table.column_names)
    schema = ",".join(f"{n}:{table.schema.field(n).type}" for n in names)
    if table.num_rows == 0:
        return text_digest(schema)
    hashes = np.zeros(table.num_rows, dtype=np.uint64)
    for name in names:
        hashes = hashes * np.uint64(1_000_003) + _column_hashes(table.column(name))
    hashes.sort()
    return text_digest(schema, hashlib.sha256(hashes.tobytes()).hexdigest())


def _column_hashes(column: "pa.ChunkedArray") -> "npt.NDArray[np.uint64]":
    """One hash a row. Distinct values are hashed once a slice, so text is never held for all rows at a time."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    hashes = np.empty(len(column), dtype=np.uint64)
    for start in range(0, len(column), SLICE):
        rows = column.slice(start, SLICE).combine_chunks()
        text = (
            pa.array([_json(v) for v in rows.to_pylist()])
            if pa.types.is_nested(rows.type)
            else rows.cast(pa.string())
        )
        coded = text.dictionary_encode()
        distinct = np.array([*coded.dictionary.to_pylist(), ""], dtype=object)
        of_distinct = pd.util.hash_array(distinct, categorize=False)
        of_distinct[-1] = np.uint64(0x9E3779B97F4A7C15)  # a null is not an empty string
        codes = coded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
        hashes[start : start + len(rows)] = of_distinct[codes]
    return hashes


def combine(digests: Iterable[str]) -> str:
    """Digest of a set of digests, whatever their order."""
    return text_digest(*sorted(digests))


def _json(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
