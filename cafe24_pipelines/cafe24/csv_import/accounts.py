"""The account of what was read: one entry a file, and the figures of orders, lines and money.

Does not belong here: what an account is (see `reconcile.py`), or deciding what lands.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.csv_import.contract import FLAT
from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.cafe24.csv_import.reader import RawFile
from cafe24_pipelines.cafe24.csv_import.reconcile import Figure, FileAccount, Reconciliation, UnreadFile
from cafe24_pipelines.cafe24.csv_import.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def account(files: dict[str, Rows], mapping: ShopMapping, unread: list[UnreadFile] | None = None) -> Reconciliation:
    """Account for every line and every amount of the files that a folder holds by name."""
    figures: list[Figure] = []
    if FLAT in files:
        figures += _line_figures(files[FLAT]) + _flat_figures(files[FLAT], "invoices")
    else:
        figures += _order_figures(files["orders"]) + _line_figures(files["order_items"])
    duplicates = next((f for f in figures if f.name == "duplicate order lines"), None)
    notes = []
    if duplicates and duplicates.read:
        notes.append(
            f"{duplicates.read:,} order lines repeat an earlier line exactly; an order can hold the same line twice, "
            "so each is kept as a line of its own"
        )
    accounts = [one for rows in files.values() for one in file_accounts(rows)]
    return Reconciliation(mapping.currency, mapping.time_zone, accounts, figures, notes, unread or [])


def account_of_downloads(
    files: dict[str, Rows], paid: "pa.ChunkedArray", mapping: ShopMapping, unread: list[UnreadFile]
) -> Reconciliation:
    """Account for every line of the admin's downloads.

    Args:
        files: settled rows by kind; `orders` are order items.
        paid: `paid_amount` of the orders that land.
        mapping: gives currency and zone.
        unread: files of the folder that are no download.
    """
    figures: list[Figure] = []
    if (orders := files.get("orders")) is not None:
        lines = [f for f in _line_figures(orders) if f.name != "duplicate order lines"]
        total = _total(paid)
        figures = [
            *_flat_figures(orders, "orders"),
            *lines,
            Figure("paid amount", total, total, Decimal(), parts=False),
        ]
    accounts = [one for rows in files.values() for one in file_accounts(rows)]
    return Reconciliation(mapping.currency, mapping.time_zone, accounts, figures, [], unread)


def file_accounts(rows: Rows) -> list[FileAccount]:
    """One account for each file that the rows are from."""
    import numpy as np

    parts = rows.raw.parts or [rows.raw]
    of = rows.raw.part_of if rows.raw.part_of is not None else np.zeros(rows.size, dtype=np.int64)
    return [_account(rows, part, of == i) for i, part in enumerate(parts)]


def _account(rows: Rows, part: RawFile, mine: "np.ndarray") -> FileAccount:
    return FileAccount(
        file=part.name, resource=part.resource.name, encoding=part.encoding, lines=part.physical, blank=part.blank,
        continuations=part.continuations, records=int(mine.sum()) + len(part.bad),
        landed=int((rows.lands & mine).sum()), quarantined=int((rows.refused & mine).sum()) + len(part.bad),
        merged=int((rows.merged & mine).sum()), reasons=rows.reasons(mine, part.bad), not_landed=part.not_landed,
        notes=part.notes,
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


def _flat_figures(rows: Rows, orders: str) -> list[Figure]:
    return [
        _distinct(rows, orders, "order_id"),
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
