"""The sandbox mall: what the Admin API would show at any moment, and what clients wrote on top.

Its base is a pure function of (seed, size, time) in one SQLite file that never changes once it is finished; writes
lie in a small file beside it. Does not belong here: HTTP, limits, tokens (`sandbox/server`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.sandbox.mall import building, schema
from cafe24_pipelines.sandbox.mall.extras import BUSY_DAY, IMPORTED
from cafe24_pipelines.sandbox.mall.members_source import last_login
from cafe24_pipelines.sandbox.mall.moments import END, START, iso, moment, seconds
from cafe24_pipelines.sandbox.mall.overlay import Kind, Overlay, Write
from cafe24_pipelines.sandbox.mall.reading import Moment, Reader
from cafe24_pipelines.sandbox.mall.reports_source import ANALYTICS, analytics_rows
from cafe24_pipelines.sandbox.mall.sources import SOURCES
from cafe24_pipelines.sandbox.mall.webhook_events import events

__all__ = ["BUSY_DAY", "END", "IMPORTED", "RESOURCES", "START", "SandboxMall"]

RESOURCES: Final = (*SOURCES, *ANALYTICS)
"""Every name that `rows`, `count` and `all_rows` know."""


class SandboxMall:
    """A mall on disk. Safe to use from several threads, and from several processes at once.

    `where` of `rows` and `count` holds, by resource (a list may also be one value; moments are aware datetimes, both
    ends inclusive, to the second):

    - orders: date_type (default order_date), start, end, order_status (list of item codes), payment_status (list of
      F M T A P), member_type ("2" | "3"), member_id (list), product_no (list), order_id (list)
    - refunds: date_type (refund_date | accepted_refund_date), start, end, order_id (list), member_id (list)
    - customers: member_id (list)
    - customers_privacy: created_start (created_date >= it, ascending), date_type (join | login) with start, end,
      member_id (list), group_no (list), sms, news_mail, gender
    - products: since_product_no (greater, ascending), product_no (list), product_code (list), product_name (a part),
      selling, display, category (category_no), created_start, created_end, updated_start, updated_end
    - variants, inventories: product_no (list), variant_code (list)
    - categories: category_no (list), category_depth, parent_category_no
    - category_products: category_no, display_group
    - coupons: coupon_no (list)
    - coupon_issues: coupon_no (list), since_issue_no (greater, ascending), issue_no (list),
      member_id (list), used_coupon (T | F), issued_start, issued_end, group_no
    - carts, wish_lists: product_no (list), member_id (list)
    - boards: board_no; articles: board_no (list), article_no (list), start, end, product_no (list), member_id (list)
    - points: start, end, case (list; D is left out unless it is named here), member_id (list)
    - credits: start, end, case (list), type (I | D), member_id (list)
    - hourly_sales: start, end, collection_hour; product_sales, sales_volume: start, end, product_no (list)
    - whatever the analytics API has (`reports_source.ANALYTICS`): start, end (whole days that they touch)

    Orders, refunds, articles, coupon issues, carts, points and credits come newest first; what has a since-cursor
    or `created_start` comes ascending when that is used; products newest number first; everything else by its number.
    """

    def __init__(self, path: Path, overlay: Path | None = None) -> None:
        self.path = path
        self._overlay = Overlay(overlay or building.overlay_path(path))
        self._local = threading.local()
        found = building.arguments_of(path)
        if found is None or found["version"] != schema.VERSION:
            raise NotBuilt("there is no finished sandbox mall", where=str(path), remedy="build it: SandboxMall.build")
        self.arguments: dict[str, Any] = found
        """What it was built with: mall_id, customers, seed, shops, busy_day, bulk_members."""
        self.mall_id: str = found["mall_id"]
        stock = self._db().execute("SELECT value FROM meta WHERE key = 'stock'").fetchone()[0]
        self._stock = tuple(json.loads(stock))

    @property
    def shops(self) -> tuple[int, ...]:
        """The numbers of its shops."""
        return tuple(range(1, self.arguments["shops"] + 1))

    @classmethod
    def build(
        cls,
        path: Path,
        *,
        mall_id: str = "sandbox",
        customers: int = 2400,
        seed: int = 20260401,
        shops: int = 1,
        busy_day: int = 0,
        bulk_members: int = 0,
    ) -> SandboxMall:
        """The mall of those arguments at `path`; a finished file of the same arguments is used as it is.

        Args:
            path: the SQLite file; what clients write goes to a file beside it.
            mall_id: the mall's name, in webhook payloads.
            customers: members, from 1; orders come to about 3.2 a member.
            seed: from 0.
            shops: 1, or 2 for a second, English shop (shop_no 2) in US dollars.
            busy_day: so many more orders within two hours from `BUSY_DAY` on (a live-commerce sale).
            bulk_members: so many more members, imported all in the second `IMPORTED`.

        Raises:
            ValueError: `customers` or `seed` is too small, or there are not one or two shops.
        """
        arguments = {"mall_id": mall_id, "customers": customers, "seed": seed, "shops": shops,
                     "busy_day": busy_day, "bulk_members": bulk_members}  # fmt: skip
        building.build(path, arguments)
        return cls(path)

    @classmethod
    def open(cls, path: Path, *, overlay: Path | None = None) -> SandboxMall:
        """A finished mall. `overlay` names another file for writes, so that several can share one base.

        Raises:
            NotBuilt: there is no finished mall at `path`.
        """
        return cls(path, overlay)

    @classmethod
    def customers_for(cls, orders: int) -> int:
        """How many customers make about that many orders."""
        return max(1, round(orders / 3.2))

    def rows(
        self,
        resource: str,
        at: datetime,
        *,
        shop_no: int = 1,
        where: Mapping[str, Any] = {},
        limit: int | None = None,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Rows of one shop as the API shows them at `at`: orders with all embeds, products with `variants`.

        Rows share their constant parts, so copy one before you change what lies inside it.

        Raises:
            KeyError: no such resource, or a key of `where` that the resource does not have.
        """
        moment = self._moment(at, shop_no)
        if resource in ANALYTICS:
            found = analytics_rows(moment, resource, where)
            return found[offset:] if limit is None else found[offset : offset + limit]
        return Reader(resource, SOURCES[resource], moment, self._overlay).rows(where, limit, offset)

    def count(self, resource: str, at: datetime, *, shop_no: int = 1, where: Mapping[str, Any] = {}) -> int:
        """How many rows `rows` would give without limit and offset."""
        moment = self._moment(at, shop_no)
        if resource in ANALYTICS:
            return len(analytics_rows(moment, resource, where))
        return Reader(resource, SOURCES[resource], moment, self._overlay).count(where)

    def all_rows(self, resource: str, at: datetime) -> Iterator[dict[str, Any]]:
        """Every row of every shop, whole, in flat memory and in no order; points with those of case D.

        Where the API leaves to the path whose row it is, it is said beside: member_id of a wish, product_no of a
        variant, category_no and display_group of a category's product, the date of an analytics row.
        """
        if resource in ANALYTICS:
            yield from self._analytics_days(resource, at)
            return
        for shop_no in self.shops[:1] if resource == "shops" else self.shops:
            yield from Reader(resource, SOURCES[resource], self._moment(at, shop_no), self._overlay).stream()

    def events_between(self, after: datetime, until: datetime) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
        """Webhooks that fall due after `after` and by `until`, in time order: (when, event_no, `resource` fields)."""
        begin, end = seconds(after), seconds(until)
        for t, number, fields in events(self._db(), self.mall_id, begin, end, self._overlay.between(begin, end)):
            yield moment(t), number, fields

    def put_override(self, resource: str, key: str, row: Mapping[str, Any] | None, at: datetime) -> None:
        """From `at` on, `row` is merged over the row of that key (objects too; lists are replaced); None deletes it.

        Keys: order_id, member_id (customers and customers_privacy are one), product_no, variant_code (variants and
        inventories are one), coupon_no, issue_no, refund_code, category_no, group_no, wishlist_no, basket_product_no
        (carts), "board_no:article_no", "category_no:display_group:product_no", shop_no, board_no. A `shop_no` in
        `row` confines it to that shop. Points, credits, reports and analytics have no key.

        Raises:
            KeyError: no such resource.
        """
        name = SOURCES[resource].overlay or resource
        body = {} if row is None else row
        kind: Kind = "delete" if row is None else "merge"
        shop = int(body.get("shop_no", 0))
        self._overlay.append(name, str(key), shop=shop, at=seconds(at), kind=kind, body=body)

    def add_row(self, resource: str, row: Mapping[str, Any], at: datetime) -> None:
        """A new row from `at` on, shown as given; it must hold the fields that make its key.

        Raises:
            KeyError: no such resource, or a field of the key is missing.
        """
        source = SOURCES[resource]
        key = source.key(dict(row)) or f"+{uuid4().hex}"
        body = {"shop_no": 1, **row}
        name, shop = source.overlay or resource, int(body["shop_no"])
        self._overlay.append(name, key, shop=shop, at=seconds(at), kind="add", body=body)

    def move_members(self, group_no: int, member_ids: Sequence[str], at: datetime) -> list[str]:
        """Move members to a tier; gives those that exist."""
        there = self._members(member_ids, at)
        for member_id in there:
            self.put_override("customers_privacy", member_id, {"group_no": group_no}, at)
        return list(there)

    def issue_coupon(self, coupon_no: str, member_ids: Sequence[str], at: datetime) -> int:
        """Issue a coupon to those members that exist; gives how many were issued.

        Issue numbers go on above those of the whole history; before `END` the history's own later issues lie below.
        """
        there = self._members(member_ids, at)
        last = self._db().execute("SELECT coalesce(max(issue_no), 6100000000000000000) FROM issues").fetchone()[0]
        written = [int(key) for key in self._overlay.of("coupon_issues", 2**62, 1)]
        expires = seconds(at) // 86_400 * 86_400 + 31 * 86_400 - 1
        for number, (member_id, group_no) in enumerate(there.items(), max([last, *written]) + 1):
            row = {"coupon_no": coupon_no, "issue_no": str(number), "member_id": member_id, "group_no": group_no,
                   "issued_date": iso(seconds(at)), "expiration_date": iso(expires), "used_coupon": "F",
                   "used_date": "null", "related_order_id": "null"}  # fmt: skip
            self.add_row("coupon_issues", row, at)
        return len(there)

    def reset(self) -> None:
        """Forget everything that clients wrote."""
        self._overlay.reset()

    def close(self) -> None:
        """Close this thread's connections."""
        self._overlay.close()
        if db := getattr(self._local, "db", None):
            db.close()
            self._local.db = None

    def _members(self, member_ids: Sequence[str], at: datetime) -> dict[str, int]:
        found = self.rows("customers", at, where={"member_id": list(dict.fromkeys(member_ids))}) if member_ids else []
        return {row["member_id"]: row["group_no"] for row in found}

    def _analytics_days(self, resource: str, at: datetime) -> Iterator[dict[str, Any]]:
        for day in range(seconds(at) // 86_400):
            window = {"start": moment(day * 86_400), "end": moment(day * 86_400 + 86_399)}
            for row in self.rows(resource, at, where=window):
                yield {"date": f"{moment(day * 86_400):%Y-%m-%d}", **row}

    def _moment(self, at: datetime, shop_no: int) -> Moment:
        t = seconds(at)

        def writes(resource: str) -> dict[str, list[Write]]:
            return self._overlay.of(resource, t, shop_no)

        return Moment(self._db(), t, shop_no, self.mall_id, len(self.shops), self._stock, writes)

    def _db(self) -> sqlite3.Connection:
        """This thread's connection; the file never changes once it is finished."""
        db = getattr(self._local, "db", None)
        if db is None:
            uri = f"file:{quote(str(self.path.resolve()))}?mode=ro&immutable=1"
            db = self._local.db = sqlite3.connect(uri, uri=True, isolation_level=None)
            db.execute("PRAGMA mmap_size=1073741824")
            db.create_function("last_login", 3, last_login, deterministic=True)
        return db
