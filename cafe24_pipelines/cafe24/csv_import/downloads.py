"""Lake tables from the admin's downloads: order items, members and products, each pooled from any number of files.

An order item is `품목별 주문번호` of its order; without that column, the n-th equal line of an order. A product is
its number; where a file has only the code, the number that another file pairs with that code, else the code itself.
Amounts of an order (총 결제금액, 배송비, 쿠폰) stand on each line or on the first alone: the largest counts.
Does not belong here: which file is what (see `discover.py`), and settling repeats (see `pool.py`).
"""

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.csv_import.amounts import less, no_money, total
from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
from cafe24_pipelines.cafe24.csv_import.pool import settle
from cafe24_pipelines.cafe24.csv_import.product_numbers import ProductNumbers, null, texts
from cafe24_pipelines.cafe24.csv_import.rows import Rows
from cafe24_pipelines.cafe24.csv_import.tables import (
    ADVANCE,
    customer_tables,
    numbers_of_names,
    order_lines,
    price_lines,
    refuse_negative,
    refuse_other_members,
    with_text,
)
from cafe24_pipelines.cafe24.csv_import.values import Readers, Refused

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    import pyarrow as pa

_ORDER_NO = re.compile(r"(20\d{6})-\d+")
_ITEM_NO = re.compile(r"(.+\d)-\d{1,4}")
_ORDER_AMOUNTS: Final = ("paid_total", "shipping_fee", "coupon_discount", "grade_discount")


def order_tables(
    rows: Rows, numbers: ProductNumbers, mapping: ShopMapping, readers: Readers
) -> dict[str, "pa.Table"]:
    """Orders, their items, and the coupons they name; refuses and merges rows on the way."""
    _order_ids(rows)
    _order_times(rows, readers)
    numbers.fill(rows)
    _unit_prices(rows)
    refuse_negative(rows, "unit_price")
    price_lines(rows)
    rank = _settle_items(rows)
    refuse_other_members(rows)
    items = order_lines(rows, mapping.currency, rank)
    orders = _orders(rows, items)
    tables = {"orders": with_text(orders, "currency", mapping.currency), "order_items": items}
    if "coupon_name" in orders.column_names:
        numbered, coupons = numbers_of_names(orders.column("coupon_name"), "coupon_no", "coupon_name", "coupon")
        plain = orders.drop_columns(["coupon_name"]).append_column("coupon_no", numbered)
        tables |= {"orders": with_text(plain, "currency", mapping.currency), "coupons": coupons}
    return tables


def member_tables(rows: Rows) -> dict[str, "pa.Table"]:
    """Members and their tiers; of several files the newest that names a member counts."""
    import pyarrow.compute as pc

    settle(rows, rows.codes("member_id"), rows.codes(*rows.columns))
    table = rows.table()
    if "address_region" in table.column_names:
        found = table.column("address_region")
        table = table.drop_columns(["address_region"])
        if "region" in table.column_names:
            found = pc.coalesce(table.column("region"), found)
            table = table.drop_columns(["region"])
        table = table.append_column("region", found)
    return customer_tables(table)


def product_tables(rows: Rows, numbers: ProductNumbers, mapping: ShopMapping) -> dict[str, "pa.Table"]:
    """Products; of several files the newest that names a product counts."""
    numbers.fill(rows)
    refuse_negative(rows, "price")
    settle(rows, rows.codes("product_no"), rows.codes(*rows.columns))
    table = rows.table()
    return {"products": with_text(table.drop_columns({"product_code"} & set(table.column_names)), "currency",
                                  mapping.currency)}  # fmt: skip


# -- order items -------------------------------------------------------------------------------------------------


def _order_ids(rows: Rows) -> None:
    """The order's number, taken out of the item's where there is no column of its own."""
    import pyarrow as pa

    own, items = texts(rows, "order_id"), texts(rows, "item_no")
    found = [
        number or (m[1] if item and (m := _ITEM_NO.fullmatch(item)) else None)
        for number, item in zip(own, items, strict=True)
    ]
    rows.columns["order_id"] = pa.array(found, pa.string())
    rows.refuse(null(rows.columns["order_id"]), "is empty", "order_id")


def _order_times(rows: Rows, readers: Readers) -> None:
    """When an order was placed; else when it was paid; else the day that its number begins with."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cafe24_pipelines.stores.schemas import TIME

    at = pc.coalesce(_column(rows, "ordered_at", TIME), _column(rows, "paid_at", TIME))
    days = [m[1] if number and (m := _ORDER_NO.match(number)) else None for number in texts(rows, "order_id")]
    wanted = {day for day, missing in zip(days, null(at), strict=True) if missing and day}
    begun = {day: _begin_of(day, readers) for day in sorted(wanted)}
    of_number = pa.array([begun.get(day or "") for day in days], TIME)
    by_number = null(at) & ~null(of_number) & rows.lands
    rows.columns["ordered_at"] = pc.coalesce(at, of_number)
    rows.refuse(null(rows.columns["ordered_at"]), "is empty", "ordered_at")
    _note(rows, by_number, "rows have no time; the day that the order's number begins with was taken")


def _unit_prices(rows: Rows) -> None:
    """The price of one piece with its options: stated, or price + option, or the line's amount / quantity."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cafe24_pipelines.stores.schemas import MONEY

    extra = pc.coalesce(_column(rows, "option_price", MONEY), pa.scalar(Decimal(0), MONEY))
    plain = pc.add(_column(rows, "price", MONEY), extra).cast(MONEY)
    price = pc.coalesce(_column(rows, "price_with_option", MONEY), plain)
    if "goods_amount" in rows.columns and price.null_count:
        amounts, pieces = rows.columns["goods_amount"].to_pylist(), rows.columns["quantity"].to_pylist()
        each = [a / q if a is not None and q else None for a, q in zip(amounts, pieces, strict=True)]
        exact = [e if e is not None and round(e, 4) * q == a else None
                 for e, a, q in zip(each, amounts, pieces, strict=True)]  # fmt: skip
        price = pc.coalesce(price, pa.array([None if e is None else round(e, 4) for e in exact], MONEY))
    rows.columns["unit_price"] = price
    rows.refuse(null(price), "is empty", "unit_price")


def _settle_items(rows: Rows) -> "np.ndarray":
    """One row for each order item; returns what items are numbered by within their order."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = rows.codes(*rows.columns)
    advance = pc.fill_null(pc.index_in(rows.columns["status"], value_set=pa.array(ADVANCE)), -1).to_numpy()
    if "item_no" in rows.columns and not null(rows.columns["item_no"])[rows.lands].any():
        rank = pd.Series(texts(rows, "item_no")).fillna("").rank(method="dense").to_numpy().astype(np.int64)
        settle(rows, rows.codes("order_id", "item_no"), whole, advance)
        return rank
    shared = all("option" in part.columns for part in rows.raw.parts)
    same = rows.codes("order_id", "product_no", *(["option"] if shared else []))
    parts = rows.raw.part_of if rows.raw.part_of is not None else np.zeros(rows.size, dtype=np.int64)
    frame = pd.DataFrame({"same": same, "part": parts, "fine": rows.lands})
    nth = frame.groupby(["fine", "part", "same"]).cumcount().to_numpy()
    settle(rows, same * (int(nth.max(initial=0)) + 1) + nth, whole, advance)
    _note(
        rows,
        rows.lands,
        "rows have no 품목별 주문번호; equal lines of an order were told apart by their place in the file",
    )
    return np.arange(rows.size)


def _orders(rows: Rows, items: "pa.Table") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    from cafe24_pipelines.stores.schemas import MONEY

    lines = rows.table().append_column("amount", items.column("amount"))
    lines = lines.append_column("rank", pc.index_in(lines.column("status"), value_set=pa.array(ADVANCE)))
    had = set(lines.column_names)
    largest = [n for n in (*_ORDER_AMOUNTS, "delivered_at") if n in had]
    firsts = ["member_id", *(n for n in ("country", "coupon_no", "coupon_name") if n in had)]
    sums = ["amount", *(["item_discount"] if "item_discount" in had else [])]
    # One thread keeps orders in file order, and makes "first" mean the first line that has a value.
    grouped = lines.group_by("order_id", use_threads=False).aggregate(
        [("ordered_at", "min"), ("rank", "min"), *((n, "max") for n in largest), *((n, "first") for n in firsts),
         *((n, "sum") for n in sums)]
    )  # fmt: skip

    def money(name: str) -> "pa.ChunkedArray":
        return grouped.column(name).cast(MONEY) if name in grouped.column_names else no_money(grouped.num_rows)

    discounts = [money(n) for n in ("coupon_discount_max", "grade_discount_max", "item_discount_sum")]
    discount = total(discounts)
    due = less(total([money("amount_sum"), money("shipping_fee_max")]), discount)
    table = {
        "order_id": grouped.column("order_id"), "member_id": grouped.column("member_id_first"),
        "ordered_at": grouped.column("ordered_at_min"), "status": pa.array(ADVANCE).take(grouped.column("rank_min")),
        "paid_amount": pc.coalesce(money("paid_total_max"), due), "discount_amount": discount,
        "shipping_fee": money("shipping_fee_max"),
    }  # fmt: skip
    table |= {n: grouped.column(f"{n}_first") for n in firsts[1:] if not (n == "coupon_name" and "coupon_no" in had)}
    if "delivered_at" in had:
        table["delivered_at"] = grouped.column("delivered_at_max")
    return pa.table(table)


# -- columns --------------------------------------------------------------------------------------------------


def _column(rows: Rows, name: str, kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    return rows.columns[name] if name in rows.columns else pa.nulls(rows.size, kind)


def _begin_of(day: str, readers: Readers) -> "datetime | None":
    try:
        return readers.time(day)
    except Refused:
        return None


def _note(rows: Rows, where: "np.ndarray", what: str) -> None:
    """Say in each file's account how many of its rows something is true of."""
    for i, part in enumerate(rows.raw.parts):
        count = int((where & (rows.raw.part_of == i)).sum())
        if count:
            part.notes.append(f"{count:,} {what}")
