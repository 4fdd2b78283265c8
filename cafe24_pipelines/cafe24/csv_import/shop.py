"""A shop folder, read whole: locate, read, type, build tables, account. Nothing is written here.

Every header and mapping is checked before any row is believed, so a folder that can't be read lands nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.csv_import.accounts import account, account_of_downloads
from cafe24_pipelines.cafe24.csv_import.contract import FLAT, MUST_HAVE, RESOURCES
from cafe24_pipelines.cafe24.csv_import.discover import (
    BY_NAME,
    Downloads,
    find_downloads,
    holds_contract_files,
    left_over,
    names_contract_file,
)
from cafe24_pipelines.cafe24.csv_import.downloads import member_tables, order_tables, product_tables
from cafe24_pipelines.cafe24.csv_import.files import locate
from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.cafe24.csv_import.pool import pooled
from cafe24_pipelines.cafe24.csv_import.product_numbers import ProductNumbers
from cafe24_pipelines.cafe24.csv_import.reader import read_raw
from cafe24_pipelines.cafe24.csv_import.rows import Rows
from cafe24_pipelines.cafe24.csv_import.tables import build_tables, other_tables, settle_duplicates
from cafe24_pipelines.cafe24.csv_import.values import Readers
from cafe24_pipelines.cafe24.privacy import Pseudonyms
from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

    from cafe24_pipelines.cafe24.csv_import.reconcile import Reconciliation
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
    readers, root = Readers(mapping), Path(path)
    if root.exists() and str(path) and not holds_contract_files(root, mapping):
        found = find_downloads(root, mapping)
        if found.orders or (found.any and not names_contract_file(root)):
            files, tables = _downloads(found, mapping, readers, progress)
            named = _by_name(_beside_downloads(root, mapping, files), mapping, readers, progress)
            for rows in named.values():
                settle_duplicates(rows)
            tables |= other_tables(named, mapping, hasher)
            done = account_of_downloads(files | named, tables["orders"].column("paid_amount"), mapping, found.unread)
            return _shop_data(tables, files | named, hasher, done)
        _refuse_strangers(found, root)
    located = _located(path, mapping)
    files = _by_name(located, mapping, readers, progress)
    tables = build_tables(files, mapping, hasher)
    unread = left_over(root, list(located.values()), mapping)
    return _shop_data(tables, files, hasher, account(files, mapping, unread))


def _downloads(
    found: Downloads, mapping: ShopMapping, readers: Readers, progress: Callable[[str], None] | None
) -> "tuple[dict[str, Rows], dict[str, pa.Table]]":
    """The rows of the admin's downloads by kind, settled, and their tables."""
    files: dict[str, Rows] = {}
    for name, parts in (("orders", found.orders), ("customers", found.customers), ("products", found.products)):
        for part in parts:
            if progress:
                progress(f"{part.name}: {len(part.lines):,} rows ({name})")
        if parts:
            files[name] = Rows(pooled(parts), readers)
            _note_doubtful_times(files[name], readers)
    numbers = ProductNumbers(*(files[n] for n in ("products", "orders") if n in files))
    tables = order_tables(files["orders"], numbers, mapping, readers) if "orders" in files else _no_orders()
    if "customers" in files:
        tables |= member_tables(files["customers"])
    if "products" in files:
        tables |= product_tables(files["products"], numbers, mapping)
    return files, tables


def _beside_downloads(root: Path, mapping: ShopMapping, files: dict[str, Rows]) -> dict[str, Path]:
    """The contract's files that are read by name beside downloads: those the admin has none for, and mapped ones."""
    wanted = [n for n in RESOURCES if n in BY_NAME or (n in mapping.files and n not in MUST_HAVE)]
    located = {n: file for n in wanted if root.is_dir() and (file := locate(root, mapping, n)) is not None}
    if both := sorted(files.keys() & located.keys()):
        raise BadInput(f"the mapping names a file of {both[0]}, and the folder holds downloads of them too",
                       where=str(root), remedy="keep one of the two")  # fmt: skip
    return located


def _by_name(
    located: dict[str, Path], mapping: ShopMapping, readers: Readers, progress: Callable[[str], None] | None
) -> dict[str, Rows]:
    files = {}
    for name, file in located.items():
        files[name] = Rows(read_raw(file, RESOURCES[name], mapping), readers)
        _note_doubtful_times(files[name], readers)
        if progress:
            progress(f"{file.name}: {files[name].size:,} rows")
    return files


def _shop_data(
    tables: "dict[str, pa.Table]", files: dict[str, Rows], hasher: Pseudonyms, reconciliation: "Reconciliation"
) -> "ShopData":
    import pyarrow as pa

    from cafe24_pipelines.cafe24.landing import ShopData

    lines = "order_items" if "order_items" in tables and "order_items" not in files else "orders"
    refused = [rows.quarantine(lines if n in (FLAT, "orders") else n, hasher) for n, rows in files.items()]
    return ShopData(tables, snapshot=False, quarantine=pa.concat_tables(refused), reconciliation=reconciliation)


def _no_orders() -> "dict[str, pa.Table]":
    """No orders, for an import of members or products alone."""
    from cafe24_pipelines.stores.schemas import TABLES

    return {"orders": TABLES["orders"].schema.empty_table().drop_columns(["mall_id"])}


def _refuse_strangers(found: Downloads, root: Path) -> None:
    """An error for a folder that holds neither downloads nor a file of the contract."""
    named = {f"{name}.csv" for name in RESOURCES}
    if found.unread and not any(u.file.removesuffix(".gz") in named for u in found.unread) and root.is_dir():
        shown = "; ".join(f"{u.file}: {u.reason}" for u in found.unread[:5])
        raise BadInput(
            "no file of the folder is an order, member or product download of the Cafe24 admin "
            f"(주문·회원·상품 파일이 없습니다) — {shown}", where=str(root),
            remedy="download orders as CSV or Excel in the admin, or name files and columns in a mapping, see "
            "docs/csv-import.md",
        )  # fmt: skip


def _located(path: str | Path, mapping: ShopMapping) -> dict[str, Path]:
    """The files that are there, by resource; all that must be there are, or this raises."""
    main = (FLAT,) if mapping.flat is not None else MUST_HAVE
    others = [n for n in RESOURCES if n not in (*MUST_HAVE, FLAT)]
    if Path(path).is_file():
        others = []
    found = {name: locate(path, mapping, name) for name in (*main, *others)}
    return {name: file for name, file in found.items() if file is not None}


def _note_doubtful_times(rows: Rows, readers: Readers) -> None:
    """Say in the (last) file's account how many local times a clock change made doubtful, and how they were read."""
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
            (rows.raw.parts or [rows.raw])[-1].notes.append(
                f"{count:,} local times are {kind} because clocks changed; {taken}"
            )
