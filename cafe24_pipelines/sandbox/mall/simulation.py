"""One shard of the mall's history: the generator's own simulation, with everything that it draws kept.

The steps and their dice are those of `generator.sandbox_tables`, so rows agree with its tables (a test looks).
Does not belong here: anything that the generator does not simulate (`extras.py`, `derived.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox.behaviour import Events, behave
from cafe24_pipelines.sandbox.coupons import Issues, issue_coupons
from cafe24_pipelines.sandbox.histories import Members, Orders, draw_members, purchase_histories
from cafe24_pipelines.sandbox.orders import Money, customer_table, money_of, order_ids, order_table, tiers_of
from cafe24_pipelines.sandbox.people import Persons, draw_persons
from cafe24_pipelines.sandbox.reviews import review_table
from cafe24_pipelines.sandbox.seasons import DAY, START, dice

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa

SHARD: Final = 20_000
"""Customers of one shard: what a build holds in memory at once."""


@dataclass(frozen=True)
class Shard:
    """A shard's arrays and tables; `number` 0 is the generator's own shop of that seed."""

    number: int
    seed: int
    persons: Persons
    members: Members
    orders: Orders
    ids: list[str]
    coupon: np.ndarray
    issues: Issues
    money: Money
    events: Events
    tier: np.ndarray
    customers: pa.Table
    order_rows: pa.Table
    reviews: pa.Table


def shards(customers: int, seed: int) -> Iterator[Shard]:
    """The shop in parts of at most `SHARD` customers, one at a time."""
    for number, begin in enumerate(range(0, customers, SHARD)):
        yield _simulate(number, min(SHARD, customers - begin), seed + number * 1_000_003)


def _simulate(number: int, customers: int, seed: int) -> Shard:
    import pyarrow as pa

    members = draw_members(dice(seed, "members"), customers)
    orders = purchase_histories(dice(seed, "histories"), members)
    persons = _apart(draw_persons(dice(seed, "persons"), customers), number)
    ids = pa.array(numbered(orders.at, 11 + number * 10_000)) if number else order_ids(orders)
    issues = issue_coupons(dice(seed, "coupons"), members, persons.birthday, orders)
    coupon = issues.on_orders(orders.at.size)
    money = money_of(orders, coupon)
    events = behave(dice(seed, "events"), members, orders)
    tier, seen = tiers_of(orders, money, customers), events.last_seen(customers)
    rows = customer_table(dice(seed, "customers"), members, persons, tier=tier, seen=seen)
    bought = order_table(dice(seed, "orders"), orders, money, coupon=coupon, who=persons, ids=ids)
    reviews = review_table(dice(seed, "reviews"), orders, persons, ids)
    return Shard(
        number, seed, persons, members, orders, ids.to_pylist(), coupon, issues, money, events, tier, rows, bought,
        reviews,
    )  # fmt: skip


def numbered(at: np.ndarray, begin: int) -> list[str]:
    """Order ids for ascending times: the day and a number that counts from `begin` each day."""
    from datetime import timedelta

    import numpy as np

    day = at // DAY
    first = np.searchsorted(day, day)
    number = np.arange(day.size) - first + begin
    dates = {d: (START + timedelta(days=d)).strftime("%Y%m%d") for d in set(day.tolist())}
    return [f"{dates[d]}-{n:07d}" for d, n in zip(day.tolist(), number.tolist(), strict=True)]


def times(column: Any) -> np.ndarray:
    """`t` of an Arrow column of times without nulls."""
    import numpy as np

    start = int(np.datetime64(START.isoformat(), "s").astype(np.int64)) - 9 * 3600
    return column.to_numpy().astype("datetime64[s]").astype(np.int64) - start


def _apart(persons: Persons, shard: int) -> Persons:
    """The same persons with ids and mail addresses that no other shard has."""
    if not shard:
        return persons
    from dataclasses import replace

    def handle(text: str) -> str:
        word = text.rstrip("0123456789")
        return f"{word}{int(text[len(word) :]) + shard * SHARD}"

    def member(text: str) -> str:
        number, at, kind = text.partition("@")
        return f"{int(number) + shard * SHARD * 137}@{kind}" if at else handle(text)

    mails = [mail.partition("@") for mail in persons.email]
    return replace(
        persons,
        email=[f"{handle(name)}@{host}" for name, _, host in mails],
        member_id=[member(text) for text in persons.member_id],
    )
