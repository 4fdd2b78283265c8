"""Lake tables from typed rows: orders and their lines, duplicates, lines without an order, member tiers, events.

Decided here, and written in docs/csv-import.md: an identical repeat of a keyed row is merged, another content under
the same key is refused; order lines may repeat; an order of a flat file takes its earliest time, its first known
member, and the least advanced status among its lines. Raw `member_id` stays until the privacy line.
"""

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.csv_import.contract import FLAT
from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.cafe24.csv_import.rows import Rows
from cafe24_pipelines.cafe24.csv_import.values import MOST
from cafe24_pipelines.cafe24.privacy import Pseudonyms

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

ADVANCE: Final = ("unpaid", "paid", "shipping", "delivered", "confirmed", "exchanged", "returned", "cancelled")
"""Order statuses by how far they are; an order is where its least advanced line is, gone only when all are gone."""


def build_tables(files: dict[str, Rows], mapping: ShopMapping, hasher: Pseudonyms) -> dict[str, "pa.Table"]:
    """The landing tables of all files; refuses and merges rows of `files` on the way.

    Args:
        files: typed rows by resource: either `flat`, or `orders` and `order_items`, plus optional ones.
        mapping: gives the currency, and for a flat file the statuses by order id prefix.
        hasher: for event ids, which must not be guessable from a member id.
    """
    for name, rows in files.items():
        refuse_negative(rows, "price" if name == "products" else "unit_price")
    for name in ("order_items", FLAT):
        if name in files:
            price_lines(files[name])
    for rows in files.values():
        settle_duplicates(rows)
    tables: dict[str, pa.Table] = {}
    if FLAT in files:
        tables |= _from_flat(files[FLAT], mapping)
    else:
        orders, items = files["orders"], files["order_items"]
        orders.amount = orders.columns["paid_amount"]
        _refuse_orphans(items, orders)
        tables["orders"] = with_text(orders.table(), "currency", mapping.currency)
        tables["order_items"] = order_lines(items, mapping.currency)
    return tables | other_tables(files, mapping, hasher)


def other_tables(files: dict[str, Rows], mapping: ShopMapping, hasher: Pseudonyms) -> dict[str, "pa.Table"]:
    """The tables of the optional files, whose rows are settled already."""
    tables: dict[str, pa.Table] = {}
    if "customers" in files:
        tables |= customer_tables(files["customers"].table())
    if "products" in files:
        tables["products"] = with_text(files["products"].table(), "currency", mapping.currency)
    if "events" in files:
        tables["events"] = _events(files["events"], hasher)
    return tables | {n: files[n].table() for n in ("coupons", "coupon_issues", "reviews") if n in files}


def settle_duplicates(rows: Rows) -> None:
    """Merge rows equal to the first of their key; refuse rows that say something else under the same key."""
    import numpy as np

    key = [name for name in rows.raw.resource.key if name in rows.columns]
    fine = np.flatnonzero(rows.lands)
    if not key or not len(fine):
        return
    keys, whole = rows.codes(*key), rows.codes(*rows.columns)
    first = np.full(int(keys.max()) + 1, -1, dtype=np.int64)
    first[keys[fine][::-1]] = fine[::-1]
    later = rows.lands & (first[keys] != np.arange(rows.size))
    same = whole == whole[first[keys]]
    rows.merge(later & same)
    rows.refuse(later & ~same, "repeats with other content; the first one was kept", key[0])


def refuse_negative(rows: Rows, name: str) -> None:
    """Refuse rows whose price is below nothing."""
    if name in rows.columns:
        rows.refuse(_mask(rows.columns[name], "<", 0), "is negative", name)


def price_lines(rows: Rows) -> None:
    """Fill `amount` = quantity x unit_price, exactly, also for rows that are refused."""
    import pyarrow as pa
    import pyarrow.compute as pc

    quantity = rows.columns["quantity"].cast(pa.decimal128(19, 0))
    price = rows.columns["unit_price"].cast(pa.decimal128(16, 4))  # prices are below MOST, and 16 + 19 digits fit
    worth = pc.multiply(price, quantity)
    huge = _mask(pc.abs(worth), ">=", MOST)
    rows.amount = pc.if_else(pa.array(huge), pa.scalar(None, worth.type), worth).cast(pa.decimal128(20, 4))
    rows.refuse(huge, "x quantity is too large", "unit_price")


def _refuse_orphans(items: Rows, orders: Rows) -> None:
    import pyarrow.compute as pc

    landed = pc.unique(orders.table().column("order_id"))
    there = pc.is_in(items.columns["order_id"], value_set=landed).to_numpy(zero_copy_only=False)
    items.refuse(~there, "is of no landed order (an order line without its order)", "order_id")


def order_lines(rows: Rows, currency: str, rank: "np.ndarray | None" = None) -> "pa.Table":
    """The landing order lines, numbered from 1 within their order: by `rank` (one a row), else in file order."""
    import numpy as np
    import pyarrow as pa

    lands = pa.array(rows.lands)
    wanted = ("order_id", "product_no", "product_name", "category", "quantity", "unit_price", "status")
    columns = {n: rows.columns[n].filter(lands) for n in wanted if n in rows.columns}
    columns["amount"] = rows.amount.filter(lands) if rows.amount is not None else None
    codes = columns["order_id"].dictionary_encode().indices.to_numpy()
    order = np.argsort(codes, kind="stable") if rank is None else np.lexsort((rank[rows.lands], codes))
    begins = np.searchsorted(codes[order], codes[order])  # where each row's own order begins
    number = np.empty(len(codes), dtype=np.int64)
    number[order] = np.arange(len(codes)) - begins + 1
    return with_text(pa.table(columns | {"line_no": pa.array(number)}), "currency", currency)


def _from_flat(rows: Rows, mapping: ShopMapping) -> dict[str, "pa.Table"]:
    """Split a flat file; `paid_amount` of an order is the exact sum of its landed lines."""
    import pyarrow as pa
    import pyarrow.compute as pc

    own_status = "status" not in mapping.of(FLAT).constants
    rows.columns["status"] = _status_by_prefix(rows, mapping)
    refuse_other_members(rows)
    items = order_lines(rows, mapping.currency)
    if not own_status:
        items = items.drop_columns(["status"])
    lines = rows.table().append_column("amount", items.column("amount"))
    rank = pc.index_in(lines.column("status"), value_set=pa.array(ADVANCE))
    lines = lines.append_column("rank", rank)
    # One thread keeps orders in file order, and makes "first" mean the first line that has a value.
    picked = [("ordered_at", "min"), ("amount", "sum"), ("rank", "min"), ("member_id", "first")]
    picked += [("country", "first")] if "country" in lines.column_names else []
    grouped = lines.group_by("order_id", use_threads=False).aggregate(picked)
    orders = {
        "order_id": grouped.column("order_id"), "member_id": grouped.column("member_id_first"),
        "ordered_at": grouped.column("ordered_at_min"), "status": pa.array(ADVANCE).take(grouped.column("rank_min")),
        "paid_amount": grouped.column("amount_sum"),
    }  # fmt: skip
    if "country" in lines.column_names:
        orders["country"] = grouped.column("country_first")
    return {"orders": with_text(pa.table(orders), "currency", mapping.currency), "order_items": items}


def _status_by_prefix(rows: Rows, mapping: ShopMapping) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    status = rows.columns["status"]
    for prefix, meaning in mapping.of(FLAT).order_id_prefix_status.items():
        marked = pc.fill_null(pc.starts_with(rows.columns["order_id"], pattern=prefix), False)
        status = pc.if_else(marked, pa.scalar(meaning), status)
    return status


def refuse_other_members(rows: Rows) -> None:
    """A line that names another member than its order's first known one can't be of that order."""
    import numpy as np

    keys = rows.codes("order_id")
    known = np.flatnonzero(rows.lands & rows.columns["member_id"].is_valid().to_numpy(zero_copy_only=False))
    if not len(known):
        return
    members = rows.codes("member_id")
    first = np.full(int(keys.max()) + 1, -1, dtype=np.int64)
    first[keys[known][::-1]] = members[known][::-1]
    named = rows.columns["member_id"].is_valid().to_numpy(zero_copy_only=False)
    rows.refuse(named & (members != first[keys]), "is not the member of the order's other lines", "member_id")


def customer_tables(members: "pa.Table") -> dict[str, "pa.Table"]:
    """Members with `group_no`, and the tiers their file names; a tier's number is derived from its name."""
    if "group_name" not in members.column_names:
        return {"customers": members}
    numbered, tiers = numbers_of_names(members.column("group_name"), "group_no", "group_name", "customer-group")
    members = members.drop_columns(["group_name"]).append_column("group_no", numbered)
    return {"customers": members, "customer_groups": tiers}


def numbers_of_names(names: "pa.ChunkedArray", number: str, name: str, what: str) -> "tuple[pa.Array, pa.Table]":
    """For things of which a file knows only the name: each row's number, and a table of numbers and names.

    A number is derived from the name, so that every import finds the same one.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"cafe24-pipelines/{what}")
    known = pc.unique(names.drop_null()).to_pylist()
    numbers = pa.array([uuid.uuid5(namespace, text).hex[:16] for text in known], pa.string())
    place = pc.index_in(names, value_set=pa.array(known, pa.string()))
    return pc.take(numbers, place), pa.table({number: numbers, name: pa.array(known, pa.string())})


def _events(rows: Rows, hasher: Pseudonyms) -> "pa.Table":
    """Behaviour with an id made of its content, so that overlapping exports land each event once."""
    import pyarrow as pa

    from cafe24_pipelines.stores.digest import text_digest

    table = rows.table()
    products = (
        table.column("product_no").to_pylist() if "product_no" in table.column_names else [None] * table.num_rows
    )
    parts = zip(
        table.column("member_id").to_pylist(), table.column("event").to_pylist(), products,
        table.column("at").cast(pa.int64()).to_pylist(), strict=True,
    )  # fmt: skip
    ids = [text_digest(hasher.of(member) or "", kind, product or "", str(at)) for member, kind, product, at in parts]
    return table.append_column("event_id", pa.array(ids, pa.string()))


def with_text(table: "pa.Table", name: str, value: str) -> "pa.Table":
    """The table with one more column, of one text."""
    import pyarrow as pa

    return table.append_column(name, pa.repeat(pa.scalar(value), table.num_rows))


def _mask(values: "pa.Array", sign: str, bound: int | Decimal) -> "np.ndarray":
    """Where a comparison holds; nulls don't."""
    import pyarrow as pa
    import pyarrow.compute as pc

    compare = pc.less if sign == "<" else pc.greater_equal
    limit = pa.scalar(Decimal(bound), values.type)
    return pc.fill_null(compare(values, limit), False).to_numpy(zero_copy_only=False)
