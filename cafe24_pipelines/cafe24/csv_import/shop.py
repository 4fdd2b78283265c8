"""A shop folder, read whole: locate, read, type, build tables, account. Nothing is written here.

Every header and mapping is checked before any row is believed, so a folder that can't be read lands nothing.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.csv_import.contract import FLAT, MUST_HAVE, RESOURCES
from cafe24_pipelines.cafe24.csv_import.files import locate
from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.cafe24.csv_import.reader import read_raw
from cafe24_pipelines.cafe24.csv_import.reconcile import Figure, FileAccount, Reconciliation
from cafe24_pipelines.cafe24.csv_import.rows import Rows
from cafe24_pipelines.cafe24.csv_import.tables import build_tables
from cafe24_pipelines.cafe24.csv_import.values import Readers
from cafe24_pipelines.cafe24.privacy import Pseudonyms

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from cafe24_pipelines.cafe24.landing import ShopData


def read_shop(
    path: str | Path, mapping: ShopMapping, hasher: Pseudonyms, *, progress: Callable[[str], None] | None = None
) -> "ShopData":
    """Read a shop folder (or one flat file) into lake-shaped tables with raw member ids.

    Args:
        path: the folder with the contract's files, plain or gzipped; a single file when the mapping is flat.
        mapping: names, words, zone, currency.
        hasher: the mall's pseudonyms, for quarantined rows and event ids.
        progress: called with one line of text a file.

    Raises:
        BadInput: a file or a required column is missing, or a file can't be decoded.
    """
    import pyarrow as pa

    from cafe24_pipelines.cafe24.landing import ShopData

    readers, files = Readers(mapping), {}
    for name, found in _located(path, mapping).items():
        files[name] = Rows(read_raw(found, RESOURCES[name], mapping), readers)
        _note_doubtful_times(files[name], readers)
        if progress:
            progress(f"{found.name}: {files[name].size:,} rows")
    tables = build_tables(files, mapping, hasher)
    refused = [rows.quarantine("order_items" if n == FLAT else n, hasher) for n, rows in files.items()]
    return ShopData(
        tables, snapshot=False, quarantine=pa.concat_tables(refused), reconciliation=account(files, mapping)
    )


def _located(path: str | Path, mapping: ShopMapping) -> dict[str, Path]:
    """The files that are there, by resource; all that must be there are, or this raises."""
    main = (FLAT,) if mapping.flat is not None else MUST_HAVE
    others = [n for n in RESOURCES if n not in (*MUST_HAVE, FLAT)]
    if Path(path).is_file():
        others = []
    found = {name: locate(path, mapping, name) for name in (*main, *others)}
    return {name: file for name, file in found.items() if file is not None}


def _note_doubtful_times(rows: Rows, readers: Readers) -> None:
    """Say how many local times a clock change made doubtful, and how they were read."""
    import numpy as np

    how = {"ambiguous": "the first of the two was taken", "non-existent": "they were moved forward by the gap"}
    for kind, taken in how.items():
        texts = {text for text, k in readers.doubtful.items() if k == kind}
        count = 0
        for f in rows.raw.resource.fields:
            if texts and f.kind == "time" and (column := rows.raw.columns.get(f.name)) is not None:
                hit = np.array([value.strip() in texts for value in column.values], dtype=bool)
                count += int(hit[column.codes].sum())
        if count:
            rows.raw.notes.append(f"{count:,} local times are {kind} because clocks changed; {taken}")


def account(files: dict[str, Rows], mapping: ShopMapping) -> Reconciliation:
    """Account for every line and every amount of the files."""
    figures: list[Figure] = []
    if FLAT in files:
        figures += _line_figures(files[FLAT]) + _flat_figures(files[FLAT])
    else:
        figures += _order_figures(files["orders"]) + _line_figures(files["order_items"])
    duplicates = next((f for f in figures if f.name == "duplicate order lines"), None)
    notes = []
    if duplicates and duplicates.read:
        notes.append(
            f"{duplicates.read:,} order lines repeat an earlier line exactly; an order can hold the same line twice, "
            "so each is kept as a line of its own"
        )
    accounts = [_account(rows) for rows in files.values()]
    return Reconciliation(mapping.currency, mapping.time_zone, accounts, figures, notes)


def _account(rows: Rows) -> FileAccount:
    raw = rows.raw
    return FileAccount(
        file=raw.name, resource=raw.resource.name, encoding=raw.encoding, lines=raw.physical, blank=raw.blank,
        continuations=raw.continuations, records=rows.size + len(raw.bad), landed=int(rows.lands.sum()),
        quarantined=int(rows.refused.sum()) + len(raw.bad), merged=int(rows.merged.sum()), reasons=rows.reasons(),
        not_landed=raw.not_landed, notes=raw.notes,
    )  # fmt: skip


def _count(rows: Rows, name: str, mask: "np.ndarray | None" = None, *, bad: bool = False) -> Figure:
    import numpy as np

    where = np.ones(rows.size, dtype=bool) if mask is None else mask
    lines = len(rows.raw.bad) if bad else 0
    landed, refused, merged = (int((where & part).sum()) for part in (rows.lands, rows.refused, rows.merged))
    return Figure(name, int(where.sum()) + lines, landed, refused + lines, merged)


def _sum(rows: Rows, name: str) -> Figure:
    if rows.amount is None:
        raise ValueError(f"{rows.raw.name}: its rows have no amount")
    values = rows.amount
    landed, refused, merged = (_total(values, m) for m in (rows.lands, rows.refused, rows.merged))
    return Figure(name, _total(values), landed, refused, merged)


def _total(values: "pa.Array", mask: "np.ndarray | None" = None) -> Decimal:
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = values if mask is None else values.filter(pa.array(mask))
    total = pc.sum(chosen.cast(pa.decimal128(38, 4))).as_py()
    return Decimal("0.0000") if total is None else total


def _distinct(rows: Rows, name: str, column: str) -> Figure:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = rows.columns[column]
    masks = (None, rows.lands, rows.refused)
    read, landed, refused = (
        pc.count_distinct(values if m is None else values.filter(pa.array(m)), mode="only_valid").as_py()
        for m in masks
    )
    return Figure(name, read, landed, refused, parts=False)


def _line_figures(rows: Rows) -> list[Figure]:
    import numpy as np

    codes = rows.text_codes()
    first = np.zeros(rows.size, dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    figures = [_count(rows, "order lines", bad=True), _count(rows, "duplicate order lines", ~first)]
    if rows.amount is not None:
        figures.append(
            _count(rows, "lines without a readable amount", rows.amount.is_null().to_numpy(zero_copy_only=False))
        )
    return [*figures, _sum(rows, "amount")]


def _flat_figures(rows: Rows) -> list[Figure]:
    return [
        _distinct(rows, "invoices", "order_id"),
        _distinct(rows, "known customers", "member_id"),
        _count(rows, "guest lines", _is_guest(rows)),
        _count(rows, "cancellation lines", _is_cancelled(rows)),
    ]


def _order_figures(rows: Rows) -> list[Figure]:
    return [
        _count(rows, "orders", bad=True),
        _distinct(rows, "known customers", "member_id"),
        _count(rows, "guest orders", _is_guest(rows)),
        _count(rows, "cancelled orders", _is_cancelled(rows)),
        _sum(rows, "paid amount"),
    ]


def _is_guest(rows: Rows) -> "np.ndarray":
    return rows.columns["member_id"].is_null().to_numpy(zero_copy_only=False)


def _is_cancelled(rows: Rows) -> "np.ndarray":
    import pyarrow.compute as pc

    return pc.fill_null(pc.equal(rows.columns["status"], "cancelled"), False).to_numpy(zero_copy_only=False)
