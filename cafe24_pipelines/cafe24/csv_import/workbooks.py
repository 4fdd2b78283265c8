"""Excel workbooks and HTML tables saved as `.xls`, as sheets of cells whose texts are those that a CSV would hold.

The admin's older downloads are HTML tables with the ending `.xls`; newer ones are workbooks, read by calamine (fast,
read only). Cells that were merged downwards hold their value in every row.
Does not belong here: which sheet is which download (see `discover.py`).
"""

import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.csv_import.files import decode, read_bytes
from cafe24_pipelines.cafe24.csv_import.sheets import CellSheet, Sheet, text_sheets
from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_AGAIN: Final = "download it again, or open it in Excel and save it as CSV UTF-8"


def sheets_of(path: Path, stated: str, delimiter: str) -> list[Sheet]:
    """The tables of a file, told by its content and not by its ending.

    Args:
        path: CSV (plain or gzipped), an Excel workbook, or an HTML table.
        stated: the mapping's encoding, "" for none.
        delimiter: of CSV.

    Raises:
        BadInput: it is empty, damaged, encrypted, or in no known encoding.
    """
    start = _start(path)
    if start.startswith((_ZIP, _OLE)):
        return _workbook(path, "xlsx" if start.startswith(_ZIP) else "xls")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<html", b"<!doctype", b"<table", b"<meta", b"<head", b"<body", b"<style", b"<div")):
        return _html(path, stated)
    if text.startswith(b"<?xml"):
        raise BadInput("this is XML, neither CSV nor an Excel workbook", where=str(path), remedy=_AGAIN)
    return text_sheets(path, stated, delimiter)


def cell_text(value: Any) -> str:
    """An Excel cell as CSV would hold it: `12`, not `12.0`; `2026-11-01 13:02:11`; text as it is, zeros and all."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime):  # a serial has no exact seconds: 13:02:10.999999 is 13:02:11
        return f"{(value + timedelta(microseconds=500_000)).replace(microsecond=0)}"
    if isinstance(value, date | time | timedelta | int):
        return str(value)
    return ""


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1024)
    except OSError as e:
        raise BadInput("no permission to read", where=str(path), remedy="give this user read access") from e


def _workbook(path: Path, form: str) -> list[Sheet]:
    from python_calamine import CalamineError, PasswordError, load_workbook

    raw = read_bytes(path)
    if _ENCRYPTED in raw:
        raise _encrypted(path)
    try:
        book = load_workbook(io.BytesIO(raw))
        names = book.sheet_names
        return [_sheet(book.get_sheet_by_name(name), form, name if len(names) > 1 else "") for name in names]
    except PasswordError as e:
        raise _encrypted(path) from e
    except (CalamineError, ValueError, OSError) as e:
        raise BadInput(f"the Excel workbook can't be read ({' '.join(str(e).split())[:120]})", where=str(path),
                       remedy=_AGAIN) from e  # fmt: skip


def _encrypted(path: Path) -> BadInput:
    return BadInput(
        "the Excel workbook is protected by a password (암호가 걸린 엑셀 파일입니다)", where=str(path),
        remedy="open it in Excel, save it without the password (or as CSV UTF-8) and run again",
    )  # fmt: skip


def _sheet(sheet: "CalamineSheet", form: str, title: str) -> Sheet:
    merged = [(top, bottom, left) for (top, left), (bottom, _) in sheet.merged_cell_ranges or () if bottom > top]
    return CellSheet(sheet.to_python(skip_empty_area=False), form, cell_text, title, merged)


def _html(path: Path, stated: str) -> list[Sheet]:
    from lxml import etree

    text = decode(path, read_bytes(path), stated)
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True)
    root = etree.fromstring(text.data, parser)
    grids = [] if root is None else [_grid(table) for table in root.iter("table")]
    note = [f"an HTML table in {text.encoding}"]
    return [
        CellSheet(grid, "html", str, f"table {i}" if len(grids) > 1 else "", notes=note)
        for i, grid in enumerate(grids, 1)
    ]


def _grid(table: Any) -> list[list[str]]:
    """The cells of an HTML table; a cell over columns is followed by empty ones, one over rows is repeated."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column -> rows still to fill, text
    for tr in _rows_of(table):
        row: list[str] = []
        for cell in tr.iterchildren("td", "th"):
            hanging = _drop(row, hanging)
            text = " ".join("".join(cell.itertext()).split())
            down, across = _span(cell, "rowspan"), _span(cell, "colspan")
            if down > 1:
                hanging[len(row)] = (down, text)
                hanging = _drop(row, hanging)
            else:
                row.append(text)
            row.extend([""] * (across - 1))
        hanging = _drop(row, hanging)
        grid.append(row)
    return grid


def _rows_of(table: Any) -> Sequence[Any]:
    """The rows of this table, not of one inside it."""
    direct = list(table.iterchildren("tr"))
    return direct + [tr for part in table.iterchildren("thead", "tbody", "tfoot") for tr in part.iterchildren("tr")]


def _drop(row: list[str], hanging: dict[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
    """Fill the row's next columns from cells that hang down into it."""
    while hanging and (found := hanging.get(len(row))) is not None:
        left, text = found
        hanging = {k: v for k, v in hanging.items() if k != len(row)} | (
            {len(row): (left - 1, text)} if left > 1 else {}
        )
        row.append(text)
    return hanging


def _span(cell: Any, name: str) -> int:
    value = cell.get(name, "1")
    return min(max(int(value), 1), 1000) if value.isdecimal() else 1
