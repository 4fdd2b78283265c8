"""Writing a shard's rows into the mall's file. Does not belong here: what the rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox.mall import boards, derived, extras
from cafe24_pipelines.sandbox.mall.moments import NEVER
from cafe24_pipelines.sandbox.mall.simulation import SHARD, Shard
from cafe24_pipelines.sandbox.mall.timelines import STAMPS, stamps_of
from cafe24_pipelines.sandbox.mall.wares import variant_of, wares
from cafe24_pipelines.sandbox.seasons import DAY, dice

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    import numpy as np

    from cafe24_pipelines.sandbox.mall.extras import Sale

_FIRST_ISSUE: Final = 6_100_000_000_000_000_001
_VALID: Final = 31 * DAY - 1  # a coupon's last second: 23:59:59 of the thirtieth day


def write_shard(db: sqlite3.Connection, shard: Shard, *, shops: int, busy_day: int, many: bool) -> None:
    """All of a shard: people, orders, coupons, carts, points, articles. `many`: the mall has several shards."""
    base = _next_id(db, "persons")
    _write_members(db, shard)
    own = extras.own_sale(shard)
    stamps = _write_sale(db, shard, own, base, "mall timeline")
    for sale in extras.other_sales(shard, shops=shops, busy_day=busy_day):
        _write_sale(db, shard, sale, base, f"mall timeline {sale.ids[0]}")
    _write_leavers(db, extras.left_members(shard))
    _write_issues(db, shard, base, many=many)
    _insert(db, "carts", "member, product, variant, opened, closed, quantity", (
        (who, what, variant, begin, end, quantity)
        for who, what, variant, quantity, begin, end in derived.cart_rows(shard, base)
    ))  # fmt: skip
    wishes = derived.wish_rows(dice(shard.seed, "mall wishes"), shard, base)
    _insert(db, "wishes", "member, product, variant, opened, closed", wishes)
    goods = _goods(own)
    _insert(
        db, "points", "member, at, kind, gain, loss, total, earned, order_id, ordered",
        iter(derived.point_rows(shard, stamps, goods, base)),
    )  # fmt: skip
    credits = derived.credit_rows(dice(shard.seed, "mall credits"), shard, base)
    _insert(db, "credits", "member, at, kind, gain, loss, balance, order_id", iter(credits))
    articles = boards.article_rows(dice(shard.seed, "mall articles"), shard, base)
    columns = (
        "board, article_no, parent, member, product, order_id, created, deleted, replied, rating, title, content"
    )
    _insert(db, "articles", f"{columns}, client_ip", articles)


def write_imports(db: sqlite3.Connection, seed: int, count: int) -> None:
    """The members of a bulk import."""
    _write_leavers(db, extras.imported_members(seed, count))


def _insert(db: sqlite3.Connection, table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns.split(",")))
    db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _next_id(db: sqlite3.Connection, table: str) -> int:
    return db.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0]


def _write_members(db: sqlite3.Connection, shard: Shard) -> None:
    table = shard.customers
    names = ("member_id", "name", "email", "cellphone", "zipcode", "address1", "gender", "birthday")
    text = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    consents = ("accepts_sms", "accepts_email")
    sms, mail = ([("F", "T")[yes] for yes in table.column(name).to_pylist()] for name in consents)
    joined, promoted = shard.members.joined.tolist(), derived.promotions(shard).tolist()
    tiers = (shard.tier + 1).tolist()
    rows = (
        (*row[:6], at, NEVER, tier, moved, *row[6:], s, m, seen)
        for row, at, tier, moved, s, m, seen in zip(
            text, joined, tiers, promoted, sms, mail, derived.logins(shard), strict=True
        )
    )
    columns = "member_id, name, email, cellphone, zipcode, address, joined, left_at, tier, promoted, gender, birthday"
    _insert(db, "persons", f"{columns}, sms, mail, logins", rows)


def _write_leavers(db: sqlite3.Connection, people: list[tuple[Any, ...]]) -> None:
    columns = "member_id, name, email, cellphone, zipcode, address, joined, left_at, gender, birthday"
    _insert(db, "persons", f"{columns}, tier, promoted, sms, mail, logins",
            ((*row, 1, NEVER, "F", "T", b"") for row in people))  # fmt: skip


def _goods(sale: Sale) -> np.ndarray:
    """Price of each order's lines together."""
    import numpy as np

    lines = sale.orders.lines
    amount = sale.unit * lines.quantity
    return np.bincount(lines.order, weights=amount, minlength=sale.orders.at.size).astype(np.int64)


def _write_sale(db: sqlite3.Connection, shard: Shard, sale: Sale, base: int, room: str) -> dict[str, np.ndarray]:
    """Write orders with their guests and lines; gives their stamps."""
    import numpy as np

    orders, size = sale.orders, sale.orders.at.size
    guest = orders.member < 0
    first_guest, first_order = _next_id(db, "persons"), _next_id(db, "orders")
    _insert(db, "persons", "name, email, cellphone, zipcode, address", iter(sale.guests))
    buyer = np.where(guest, first_guest + np.cumsum(guest) - 1, orders.member + base).tolist()
    member = [None if g else b for g, b in zip(guest.tolist(), buyer, strict=True)]
    count = np.bincount(orders.lines.order, minlength=size)
    stamps, claim = stamps_of(dice(shard.seed, room), orders.at, orders.parcels, count)
    first = _first_orders(orders.member) if sale.shop == 1 and room == "mall timeline" else np.zeros(size, np.int64)
    numbers = (claim, count, *(stamps[name] for name in STAMPS), sale.deleted, _goods(sale), sale.discount,
               sale.shipping, sale.coupon, first)  # fmt: skip
    rows = zip(
        range(first_order, first_order + size), sale.ids, [sale.shop] * size, buyer, member,
        *(column.tolist() for column in numbers), sale.receivers, sale.messages,
        _item_texts(sale, first_order, count.tolist()), strict=True,
    )  # fmt: skip
    columns = "goods, discount, shipping, coupon, first, receiver, message, items"
    _insert(db, "orders", f"id, order_id, shop, buyer, member, claim, lines, {', '.join(STAMPS)}, deleted, {columns}",
            rows)  # fmt: skip
    lines = zip(orders.lines.product.tolist(), (orders.lines.order + first_order).tolist(), strict=True)
    _insert(db, "order_lines", "product, order_no", iter(lines))
    return stamps


def _first_orders(member: np.ndarray) -> np.ndarray:
    """1 for each member's first order; orders lie in time order."""
    import numpy as np

    who, place = np.unique(member, return_index=True)
    first = np.zeros(member.size, np.int64)
    first[place[who >= 0]] = 1
    return first


def _item_texts(sale: Sale, first_order: int, count: list[int]) -> Iterator[str]:
    """The JSON of each order's lines."""
    goods, lines = wares(), sale.orders.lines
    items = zip(lines.product.tolist(), lines.quantity.tolist(), sale.unit.tolist(), strict=True)
    for k, size in enumerate(count):
        parts = []
        for _ in range(size):
            product, quantity, unit = next(items)
            parts.append(f"[{product},{variant_of(first_order + k, goods[product])},{quantity},{unit}]")
        yield f"[{','.join(parts)}]"


def _write_issues(db: sqlite3.Connection, shard: Shard, base: int, *, many: bool) -> None:
    """Issued coupons. Numbers grow with time; with several shards they hold the second and the shard."""
    import numpy as np

    issues, orders = shard.issues, shard.orders
    used = issues.order >= 0
    number = np.arange(issues.at.size)
    if many:
        number = (
            issues.at * 1_000_000 + shard.number * (SHARD + 5_000) + number - np.searchsorted(issues.at, issues.at)
        )
    used_at = np.where(used, orders.at[issues.order], NEVER)
    expires = issues.at // DAY * DAY + _VALID
    columns = (issues.coupon, issues.member + base, issues.at, expires, used_at)
    rows = (
        (_FIRST_ISSUE + n, *row, shard.ids[order] if order >= 0 else None)
        for n, order, row in zip(
            number.tolist(), issues.order.tolist(), zip(*(c.tolist() for c in columns), strict=True), strict=True
        )
    )
    _insert(db, "issues", "issue_no, coupon, member, issued, expires, used, order_id", rows)
