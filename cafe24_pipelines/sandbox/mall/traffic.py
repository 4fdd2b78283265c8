"""Visits counted by day, hour and product while the mall is built: what the analytics API reports."""

from __future__ import annotations

import sqlite3

from cafe24_pipelines.sandbox.baskets import UNPAID
from cafe24_pipelines.sandbox.behaviour import CART, VIEW
from cafe24_pipelines.sandbox.catalog import products
from cafe24_pipelines.sandbox.mall.simulation import Shard
from cafe24_pipelines.sandbox.seasons import DAY, DAYS


class Traffic:
    """Running counts over all shards."""

    def __init__(self) -> None:
        import numpy as np

        self._goods = len(products())
        self._shelf = np.zeros((3, DAYS * self._goods), np.int64)  # views, carts, pieces sold
        self._pages = np.zeros(DAYS * 24, np.int64)
        self._days = np.zeros((3, DAYS), np.int64)  # unique visitors, visits, first visits

    def add(self, shard: Shard) -> None:
        """Count one shard's events and sold lines."""
        import numpy as np

        events, orders = shard.events, shard.orders
        place = events.at // DAY * self._goods + events.product
        for row, kind in enumerate((VIEW, CART)):
            np.add.at(self._shelf[row], place[events.kind == kind], 1)
        lines = orders.lines
        sold = orders.parcels.status[lines.order] != UNPAID
        np.add.at(self._shelf[2], (orders.at[lines.order] // DAY * self._goods + lines.product)[sold],
                  lines.quantity[sold])  # fmt: skip
        views = events.kind == VIEW
        np.add.at(self._pages, events.at[views] // 3600, 1)
        known = events.member >= 0
        member_days = np.unique(events.member[known] * 1000 + events.at[known] // DAY)
        day, who = member_days % 1000, member_days // 1000
        guests = np.bincount(events.at[views & ~known] // DAY, minlength=DAYS)
        self._days[0] += np.bincount(day, minlength=DAYS) + guests
        self._days[1] += np.bincount(events.at[views] // DAY, minlength=DAYS)
        self._days[2] += np.bincount(day[np.append(True, who[1:] != who[:-1])], minlength=DAYS) + guests

    def write(self, db: sqlite3.Connection) -> None:
        """Put the counts into the file; products that nobody looked at on a day have no row."""
        import numpy as np

        some = np.flatnonzero(self._shelf.any(axis=0))
        shelf = [(some // self._goods).tolist(), (some % self._goods).tolist(), *self._shelf[:, some].tolist()]
        db.executemany("INSERT INTO shelf_days VALUES (?, ?, ?, ?, ?)", zip(*shelf, strict=True))
        db.executemany("INSERT INTO page_hours VALUES (?, ?)", enumerate(self._pages.tolist()))
        db.executemany(
            "INSERT INTO visitor_days VALUES (?, ?, ?, ?)", zip(range(DAYS), *self._days.tolist(), strict=True)
        )
