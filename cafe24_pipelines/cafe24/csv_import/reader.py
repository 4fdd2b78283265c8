"""A CSV file as raw columns: each cell a code into the column's distinct texts, each row with its line number.

Distinct texts are what the value readers work on: half a million times of an export are a few thousand texts.
Only the columns that are asked for are parsed, so personal columns of a file are never even split out.
Does not belong here: what a text means (see `values.py`).
"""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.csv_import.contract import Resource
from cafe24_pipelines.cafe24.csv_import.files import BadLine, Text, read_text
from cafe24_pipelines.cafe24.csv_import.mapping import FileMapping, ShopMapping
from cafe24_pipelines.cafe24.csv_import.records import Records, split_records
from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class Distinct:
    """One column: `values[codes[i]]` is the text of row i."""

    codes: "np.ndarray"
    values: list[str]


@dataclass
class RawFile:
    """One file's raw rows and everything needed to account for its lines."""

    name: str
    resource: Resource
    columns: dict[str, Distinct]
    lines: "np.ndarray"
    bad: list[BadLine]
    encoding: str
    physical: int
    blank: int
    continuations: int
    not_landed: list[str]
    notes: list[str] = field(default_factory=list)
    parts: list["RawFile"] = field(default_factory=list)  # the files this is the sum of, see `pool.py`; [] for one
    part_of: "np.ndarray | None" = None  # for each row, which of `parts` it is from

    def file_of(self, row: int) -> str:
        """The name of the file that a row is from."""
        return self.name if self.part_of is None else self.parts[int(self.part_of[row])].name

    def bad_lines(self) -> list[tuple[str, BadLine]]:
        """Lines that could not be split, each with its file's name."""
        return [(part.name, line) for part in (self.parts or [self]) for line in part.bad]


def read_raw(path: Path, resource: Resource, mapping: ShopMapping) -> RawFile:
    """Read one file.

    Raises:
        BadInput: it can't be decoded, has no header, or lacks a required column.
    """
    import numpy as np

    text = read_text(path, mapping.encoding)
    records = split_records(text, mapping.delimiter)
    part = mapping.of(resource.name)
    places = _places(path, records.header, resource, part, mapping.delimiter)
    columns = parse_columns(text, records, places, mapping.delimiter)
    rows = len(records.lines)
    for name, value in part.constants.items():
        columns[name] = Distinct(np.zeros(rows, dtype=np.int32), [value])
    used = set(places.values())
    absent = [n for n in resource.names if n not in columns]
    notes = [*text.notes, *([f"not in the file: {', '.join(absent)}"] if absent else [])]
    return RawFile(
        name=path.name, resource=resource, columns=columns, lines=records.lines, bad=records.bad,
        encoding=text.encoding, physical=records.physical, blank=records.blank, continuations=records.continuations,
        not_landed=[h for i, h in enumerate(records.header) if i not in used], notes=notes,
    )  # fmt: skip


def _plain(header: str) -> str:
    """A header for comparison: composed Hangul, no spaces at the ends, no case."""
    return unicodedata.normalize("NFC", header).strip().casefold()


def _places(path: Path, header: list[str], resource: Resource, part: FileMapping, delimiter: str) -> dict[str, int]:
    """Contract column -> position in the file."""
    plain = [_plain(h) for h in header]
    places: dict[str, int] = {}
    for f in resource.fields:
        if f.name in part.constants:
            continue
        stated = part.columns.get(f.name)
        wanted = [stated] if stated is not None else [f.name, *f.aliases]
        found = next((w for w in map(_plain, wanted) if w in plain), None)
        if found is not None and plain.count(found) > 1:
            raise BadInput(f"the column {found!r} is there {plain.count(found)} times", where=path.name,
                           remedy="rename or remove one of them in the file")  # fmt: skip
        if found is not None:
            places[f.name] = plain.index(found)
        elif f.required or stated is not None:
            raise BadInput(
                f"the column {stated or f.name!r} is missing", where=path.name,
                remedy=_how_to_map(header, resource, f.name, delimiter),
            )  # fmt: skip
    return places


def _how_to_map(header: list[str], resource: Resource, name: str, delimiter: str) -> str:
    found = f"found: {', '.join(header[:30])}"
    if len(header) == 1 and (other := next((d for d in ",;\t|" if d != delimiter and d in header[0]), "")):
        return f"{found}; the cells seem to be separated by {other!r}: set `delimiter:` in the mapping"
    place = resource.name if resource.name == "flat" else f"files.{resource.name}"
    return (
        f"{found}; name the right one in the mapping under {place}.columns (`{name}: <header>`), "
        f"or one value for all rows under {place}.constants"
    )


def parse_columns(text: Text, records: Records, places: dict[str, int], delimiter: str) -> dict[str, Distinct]:
    """The columns at `places` (name -> position) of the good records."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    rows = len(records.lines)
    wanted = list(dict.fromkeys(places.values()))
    if not rows or not wanted:
        empty = Distinct(np.zeros(0, dtype=np.int32), [])
        return dict.fromkeys(places, empty)
    names = [f"c{i}" for i in range(len(records.header))]
    text_type = pa.dictionary(pa.int32(), pa.string())
    body = _good_bytes(text.data, records)
    table = csv.read_csv(
        pa.BufferReader(body),
        read_options=csv.ReadOptions(column_names=names, block_size=max(16 << 20, _longest(records) + 2)),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=records.quoted),
        convert_options=csv.ConvertOptions(
            include_columns=[names[i] for i in wanted], column_types=dict.fromkeys(names, text_type),
            strings_can_be_null=False,
        ),
    )  # fmt: skip
    if table.num_rows != rows:
        raise RuntimeError(f"{text.name}: {rows} records were split but {table.num_rows} were parsed")
    table = table.unify_dictionaries().combine_chunks()
    return {name: _distinct(table.column(f"c{i}")) for name, i in places.items()}


def _distinct(column: "pa.ChunkedArray") -> Distinct:
    chunk = column.chunk(0)
    return Distinct(chunk.indices.to_numpy(), chunk.dictionary.to_pylist())


def _longest(records: Records) -> int:
    return int((records.ends - records.starts).max())


def _good_bytes(data: bytes, records: Records) -> bytes | memoryview:
    """The good records as one CSV text: a slice of the file when nothing lies between them, else a copy."""
    import numpy as np

    view = memoryview(data)
    breaks = np.flatnonzero(records.starts[1:] != records.ends[:-1] + 1)
    firsts = records.starts[np.concatenate([[0], breaks + 1])].tolist()
    lasts = records.ends[np.append(breaks, len(records.ends) - 1)].tolist()
    if len(firsts) == 1:
        return view[firsts[0] : lasts[0]]
    return b"\n".join([view[a:b] for a, b in zip(firsts, lasts, strict=True)])
