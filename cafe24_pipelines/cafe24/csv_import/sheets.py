"""A table of text, whatever file it came in: CSV text, an Excel sheet, or an HTML table.

A sheet knows its first rows, among which the header is found, and reads the columns that are asked for. Cells that
nobody asks for are never turned into columns. Rows above the header are titles; they count as blank lines.
Does not belong here: opening workbooks (see `workbooks.py`), what a header means (see `recognise.py`).
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from cafe24_pipelines.cafe24.csv_import.contract import Resource
from cafe24_pipelines.cafe24.csv_import.files import Text, read_text
from cafe24_pipelines.cafe24.csv_import.reader import Distinct, RawFile, parse_columns
from cafe24_pipelines.cafe24.csv_import.recognise import HEAD
from cafe24_pipelines.cafe24.csv_import.records import split_records

_DELIMITERS: Final = (",", "\t", ";", "|")
Cells = Sequence[list[Any]]


class Sheet(Protocol):
    """What `recognise` looks at and the import reads."""

    title: str  # the sheet's own name, "" where a file has only one

    @property
    def form(self) -> str:
        """How the file was read: an encoding, or xlsx, xls, html."""

    @property
    def head(self) -> list[list[str]]:
        """The first rows as text."""

    def read(self, name: str, resource: Resource, header: int, places: dict[str, int]) -> RawFile:
        """The columns at `places` of the rows below row `header` of the head."""


@dataclass
class TextSheet:
    """A CSV file."""

    text: Text
    delimiter: str
    title: str = ""

    @property
    def form(self) -> str:
        """The encoding."""
        return self.text.encoding

    @property
    def head(self) -> list[list[str]]:
        """The first physical lines, each split by itself."""
        return [_cells(line, self.delimiter) for line in self.text.data.split(b"\n", HEAD)[:HEAD]]

    def read(self, name: str, resource: Resource, header: int, places: dict[str, int]) -> RawFile:
        """See `Sheet.read`."""
        text = replace(self.text, name=name, data=_without_titles(self.text.data, header))
        records = split_records(text, self.delimiter)
        used = set(places.values())
        return RawFile(
            name=name, resource=resource, columns=parse_columns(text, records, places, self.delimiter),
            lines=records.lines, bad=records.bad, encoding=text.encoding, physical=records.physical,
            blank=records.blank, continuations=records.continuations,
            not_landed=[h for i, h in enumerate(records.header) if i not in used and h], notes=list(text.notes),
        )  # fmt: skip


@dataclass
class CellSheet:
    """A table of cells, in memory. Line numbers are those of the sheet's rows, from 1."""

    cells: Cells
    form: str
    as_text: Callable[[Any], str]
    title: str = ""
    merged: list[tuple[int, int, int]] = field(default_factory=list)  # first row, last row, column; from 0
    notes: list[str] = field(default_factory=list)

    @property
    def head(self) -> list[list[str]]:
        """The first rows as text."""
        return [[self.as_text(cell) for cell in row] for row in self.cells[:HEAD]]

    def read(self, name: str, resource: Resource, header: int, places: dict[str, int]) -> RawFile:
        """See `Sheet.read`."""
        import numpy as np

        for first, last, column in self.merged:
            for row in range(first + 1, min(last + 1, len(self.cells)) if first > header else 0):
                self.cells[row][column] = self.cells[first][column]
        below = self.cells[header + 1 :]
        full = [i for i, row in enumerate(below) if any(cell not in ("", None) for cell in row)]
        used, width = set(places.values()), len(self.cells[header])
        columns = {field: self._column(below, full, at) for field, at in places.items()}
        titles = [self.as_text(cell).strip() for cell in self.cells[header]]
        return RawFile(
            name=name, resource=resource, columns=columns, lines=np.array(full, dtype=np.int64) + header + 2, bad=[],
            encoding=self.form, physical=len(self.cells), blank=len(self.cells) - 1 - len(full), continuations=0,
            not_landed=[titles[i] for i in range(width) if i not in used and titles[i]], notes=list(self.notes),
        )  # fmt: skip

    def _column(self, rows: Cells, wanted: list[int], at: int) -> Distinct:
        import numpy as np

        codes = np.zeros(len(wanted), dtype=np.int32)
        known: dict[str, int] = {}
        for place, i in enumerate(wanted):
            row = rows[i]
            text = self.as_text(row[at]) if at < len(row) else ""
            codes[place] = known.setdefault(text, len(known))
        return Distinct(codes, list(known))


def text_sheets(path: Path, stated: str, delimiter: str) -> list[Sheet]:
    """A CSV file, split at the delimiter that is stated; at another where that makes one single column of it.

    Raises:
        BadInput: it is empty or can't be decoded.
    """
    text = read_text(path, stated)
    sample = b"\n".join(text.data.split(b"\n", HEAD)[:HEAD]).decode()
    if delimiter not in sample and any(d in sample for d in _DELIMITERS):
        delimiter = max(_DELIMITERS, key=sample.count)
    return [TextSheet(text, delimiter)]


def _cells(line: bytes, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.decode()], delimiter=delimiter), [])
    except csv.Error:  # a cell beyond the reader's limit; no header is
        return []


def _without_titles(data: bytes, header: int) -> bytes:
    """The text with the lines above its header emptied, so that line numbers stay."""
    if header == 0:
        return data
    return b"\n" * header + data.split(b"\n", header)[header]
