"""Several files of one kind as one: overlapping downloads, one a month, are settled against each other.

Of rows with the same key, one lands: the most advanced, then that of the newest file, then the first line. A repeat
with the same content is merged; so is an older state that another file holds (an order that was paid in October's
download and delivered in November's). Two contents under one key within a single file are a contradiction, refused.
Does not belong here: what the key of a kind is (see `downloads.py`).
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.csv_import.reader import Distinct, RawFile

if TYPE_CHECKING:
    import numpy as np

    from cafe24_pipelines.cafe24.csv_import.rows import Rows

_DAY = re.compile(r"(?<!\d)20\d{2}[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:[0-2]\d|3[01])(?!\d)")


def newness(name: str) -> tuple[str, str]:
    """What files are ordered by, oldest first: the last day written in the name, then the name."""
    days = _DAY.findall(name)
    return (re.sub(r"\D", "", days[-1]) if days else "", name)


def pooled(parts: Sequence[RawFile]) -> RawFile:
    """The files' rows one after the other; a column that a file does not have is blank there."""
    import numpy as np

    names = [f.name for f in parts[0].resource.fields if any(f.name in part.columns for part in parts)]
    return RawFile(
        name=", ".join(part.name for part in parts), resource=parts[0].resource,
        columns={name: _joined([part.columns.get(name) for part in parts], parts) for name in names},
        lines=np.concatenate([part.lines for part in parts]), bad=[line for part in parts for line in part.bad],
        encoding="", physical=sum(p.physical for p in parts), blank=sum(p.blank for p in parts),
        continuations=sum(p.continuations for p in parts), not_landed=[], parts=list(parts),
        part_of=np.repeat(np.arange(len(parts)), [len(part.lines) for part in parts]),
    )  # fmt: skip


def _joined(columns: Sequence[Distinct | None], parts: Sequence[RawFile]) -> Distinct:
    import numpy as np

    known: dict[str, int] = {}
    codes = []
    for column, part in zip(columns, parts, strict=True):
        if column is None:
            codes.append(np.full(len(part.lines), known.setdefault("", len(known)), dtype=np.int32))
            continue
        values = map(_unwrapped, column.values)
        places = np.array([known.setdefault(text, len(known)) for text in values], dtype=np.int32)
        codes.append(places[column.codes] if len(places) else column.codes)
    return Distinct(np.concatenate(codes).astype(np.int32), list(known))


def _unwrapped(text: str) -> str:
    """A cell as Excel is made to show it, `="007"`, without the formula around it."""
    bare = text.strip()
    return bare[2:-1] if len(bare) > 3 and bare.startswith('="') and bare.endswith('"') else text


def settle(rows: "Rows", keys: "np.ndarray", whole: "np.ndarray", advance: "np.ndarray | None" = None) -> None:
    """Keep one row of each key, merge or refuse the others, and note in their files how many were an older state.

    Args:
        rows: pooled rows; `merged` and refusals are set on them.
        keys: equal numbers for rows that are the same thing.
        whole: equal numbers for rows that say the same.
        advance: how far each row's state is, larger is further; None where rows have no state.
    """
    import numpy as np

    fine = np.flatnonzero(rows.lands)
    if not len(fine):
        return
    part_of = rows.raw.part_of if rows.raw.part_of is not None else np.zeros(rows.size, dtype=np.int64)
    far = np.zeros(rows.size, dtype=np.int64) if advance is None else advance
    ranked = fine[np.lexsort((-fine, part_of[fine], far[fine], keys[fine]))]
    last = np.append(keys[ranked][1:] != keys[ranked][:-1], True)
    best = np.full(int(keys.max()) + 1, -1, dtype=np.int64)
    best[keys[ranked[last]]] = ranked[last]
    winner = best[keys]
    other = rows.lands & (winner != np.arange(rows.size))
    same, within = whole == whole[winner], part_of == part_of[winner]
    name = rows.raw.resource.fields[0].name
    rows.refuse(other & ~same & within, "repeats with other content within one file; one was kept", name)
    older = other & ~same & ~within
    rows.merge(other & (same | ~within))
    for i, part in enumerate(rows.raw.parts):
        if count := int((older & (part_of == i)).sum()):
            part.notes.append(f"{count:,} rows are an older state of rows that another file holds; merged into those")
