"""The webhooks that the mall's history and its clients' writes cause, in order of time.

Payloads carry ids and a few fields, as the API's do. Does not belong here: sending them (`sandbox/server`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from cafe24_pipelines.sandbox.mall.catalogue_rows import changes_of
from cafe24_pipelines.sandbox.mall.item_rows import money
from cafe24_pipelines.sandbox.mall.moments import NEVER, iso
from cafe24_pipelines.sandbox.mall.overlay import Write
from cafe24_pipelines.sandbox.mall.wares import wares
from cafe24_pipelines.sandbox.seasons import DAY

Event = tuple[int, int, dict[str, Any]]

_ORDER_EVENTS: Final = (
    # stamp, kinds of claim ("" for any), event, its code
    ("ordered", "", 90023, ""),
    ("paid", "", 90025, "paid"),
    ("placed", "", 90024, "prepare"),
    ("shipped", "", 90024, "shipping"),
    ("delivered", "", 90024, "shipped"),
    ("confirmed", "", 90024, "purchase_confirmed"),
    ("requested", "(1)", 90026, "request"),
    ("completed", "(1, 4, 5)", 90026, "complete"),
    ("requested", "(2)", 90027, "request"),
    ("completed", "(2)", 90160, "complete"),
    ("requested", "(3)", 90028, "request"),
    ("completed", "(3)", 90028, "complete"),
    ("refunded", "(1, 2)", 90029, "complete"),
)
_WRITTEN: Final = {
    ("products", "add"): 90001, ("products", "merge"): 90002, ("products", "delete"): 90003,
    ("variants", "merge"): 90075, ("orders", "add"): 90023, ("orders", "merge"): 90024, ("orders", "delete"): 90070,
    ("customers_privacy", "add"): 90032, ("customers_privacy", "merge"): 90080,
    ("customers_privacy", "delete"): 90147, ("carts", "add"): 90084,
}  # fmt: skip
_IDS: Final = {
    "products": "product_no", "variants": "variant_code", "orders": "order_id", "customers_privacy": "member_id",
    "carts": "basket_product_no",
}  # fmt: skip


def events(db: sqlite3.Connection, mall_id: str, after: int, until: int, writes: list[Write]) -> Iterator[Event]:
    """Events due after `after` and by `until`; a day at a time, so that a long span stays small."""
    written = [event for write in writes for event in _of_write(write)]
    begin = after
    while begin < until:
        end = min(until, (begin // DAY + 1) * DAY)
        found = [*_orders(db, begin, end), *_members(db, begin, end), *_products(begin, end)]
        found += [event for event in written if begin < event[0] <= end]
        for t, number, fields in sorted(found, key=lambda event: (event[0], event[1])):
            yield t, number, {"mall_id": mall_id, "event_shop_no": "1", **fields}
        begin = end


def _orders(db: sqlite3.Connection, begin: int, end: int) -> Iterator[Event]:
    for stamp, claims, event, code in _ORDER_EVENTS:
        claim = f"AND o.claim > 0 AND o.claim IN {claims}" if claims else ""
        query = (
            f"SELECT o.{stamp}, o.order_id, o.shop, o.ordered, o.goods, b.member_id, o.paid <= o.{stamp} "
            f"FROM orders o JOIN persons b ON b.id = o.buyer "
            f"WHERE o.shop IN (1, 2) AND o.{stamp} > ? AND o.{stamp} <= ? {claim}"
        )
        for t, order_id, shop, ordered, goods, member, paid in db.execute(query, (begin, end)):
            fields: dict[str, Any] = {
                "event_shop_no": str(shop), "order_id": order_id, "currency": "KRW" if shop == 1 else "USD",
                "order_date": iso(ordered), "member_id": member or "", "order_price_amount": money(goods, shop),
                "paid": "T" if paid else "F",
            }  # fmt: skip
            yield t, event, {**fields, "event_code": code} if code else fields
    gone = "SELECT deleted, order_id, shop FROM orders WHERE deleted > ? AND deleted <= ? AND deleted < 1099511627776"
    for t, order_id, shop in db.execute(gone, (begin, end)):
        yield t, 90070, {"event_shop_no": str(shop), "order_id": order_id}


def _members(db: sqlite3.Connection, begin: int, end: int) -> Iterator[Event]:
    window = (begin, end)
    joined = "SELECT joined, member_id FROM persons WHERE member_id IS NOT NULL AND joined > ? AND joined <= ?"
    for t, member in db.execute(joined, window):
        yield t, 90032, {"member_id": member, "group_no": "1", "created_date": iso(t)}
    moved = "SELECT promoted, member_id, tier FROM persons WHERE tier > 1 AND promoted > ? AND promoted <= ?"
    for t, member, tier in db.execute(moved, window):
        yield t, 90144, {"member_id": member, "group_no": str(tier), "before_group_no": "1"}
    left = "SELECT left_at, member_id FROM persons WHERE left_at < 1099511627776 AND left_at > ? AND left_at <= ?"
    for t, member in db.execute(left, window):
        yield t, 90147, {"member_id": member}
    carts = (
        "SELECT o.opened, b.member_id, o.product, o.variant, o.quantity FROM carts o "
        "JOIN persons b ON b.id = o.member WHERE o.opened > ? AND o.opened <= ?"
    )
    for t, member, product, variant, quantity in db.execute(carts, window):
        ware = wares()[product]
        yield t, 90084, {"member_id": member, "product_no": ware.no, "variant_code": ware.variant_code(variant),
                         "quantity": quantity, "created_date": iso(t)}  # fmt: skip


def _products(begin: int, end: int) -> Iterator[Event]:
    for ware in wares():
        fields = {"product_no": ware.no, "product_code": ware.code, "product_name": ware.name}
        if begin < ware.created <= end:
            yield ware.created, 90001, fields
        if begin < ware.deleted <= end and ware.deleted < NEVER:
            yield ware.deleted, 90003, fields
        for k, at in enumerate(changes_of(ware)):
            if begin < at <= end:
                yield at, 90002, fields
                if k == 0:
                    yield at, 90150, fields


def _of_write(write: Write) -> Iterator[Event]:
    """A change of tier is an event of its own; resources that have no webhook cause none."""
    event = _WRITTEN.get((write.resource, write.kind))
    if event is None:
        return
    if (
        write.resource == "customers_privacy"
        and write.kind == "merge"
        and write.body.keys() <= {"group_no", "shop_no"}
    ):
        event = 90144
    fields: dict[str, Any] = {_IDS[write.resource]: write.key}
    if write.shop:
        fields["event_shop_no"] = str(write.shop)
    if event == 90144:
        fields["group_no"] = str(write.body.get("group_no"))
    if event == 90080:
        fields["diff_key"] = ",".join(sorted(write.body))
    yield write.at, event, fields
