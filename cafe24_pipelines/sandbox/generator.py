"""The sandbox mall: a whole Korean beauty and living shop, invented from a seed.

`sandbox_tables` gives what the shop's Admin API would: raw members with personal fields (the landing drops or
hashes them). `sandbox_latent` gives what no shop knows: each member's true rate, chance of leaving and fate. What
was planted is in `truth.py`. Does not belong here: the simulation (`histories.py`) and each table's details.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafe24_pipelines.sandbox.behaviour import behave, event_table
from cafe24_pipelines.sandbox.catalog import category_table, product_table
from cafe24_pipelines.sandbox.coupons import coupon_table, issue_coupons, issue_table
from cafe24_pipelines.sandbox.histories import Members, Orders, draw_members, purchase_histories
from cafe24_pipelines.sandbox.orders import (
    customer_table,
    group_table,
    item_table,
    money_of,
    order_ids,
    order_table,
    tiers_of,
)
from cafe24_pipelines.sandbox.people import Persons, draw_persons
from cafe24_pipelines.sandbox.plan import EVERYTHING, Plan, plan_of
from cafe24_pipelines.sandbox.reviews import review_table
from cafe24_pipelines.sandbox.seasons import NEVER, START, dice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa


@dataclass(frozen=True)
class _Shop:
    persons: Persons
    members: Members
    orders: Orders


def sandbox_tables(
    *,
    customers: int = 2400,
    seed: int,
    planted: Iterable[str] | None = None,
    sizes: Mapping[str, float] | None = None,
) -> dict[str, pa.Table]:
    """Every table of the sandbox shop, by its name in `names.SHOP_TABLES`.

    Columns and types are those of the lake, except that `member_id` stands for `member_key`, there is no
    `mall_id`, and personal columns (`privacy.PERSONAL_COLUMNS`) are there in plain text. Two years to the end of
    2026-10-31 Asia/Seoul, times in UTC, money in won. The same arguments give the same bytes.

    Args:
        customers: members, from 1; orders come to about 3.5 a member.
        seed: from 0.
        planted: ids of the effects and traits (`truth.ACTING`) that act; all of them by default. With none, all
            members buy alike and for ever, days and categories are alike, and nothing depends on anything.
        sizes: strengths of effects that differ from `truth.SIZES`.

    Raises:
        ValueError: `customers` or `seed` is too small, or an id is unknown.
    """
    import pyarrow as pa

    plan = plan_of(planted, sizes, seed)
    shop = _open(customers, seed, plan)
    orders, members, persons = shop.orders, shop.members, shop.persons
    ids, member_ids = order_ids(orders), pa.array(persons.member_id)
    issues = issue_coupons(dice(seed, "coupons"), members, persons.birthday, orders)
    coupon = issues.on_orders(orders.at.size)
    money = money_of(orders, coupon)
    events = behave(dice(seed, "events"), members, orders, plan=plan)
    tier, seen = tiers_of(orders, money, customers), events.last_seen(customers)
    return {
        "customers": customer_table(dice(seed, "customers"), members, persons, tier=tier, seen=seen),
        "customer_groups": group_table(),
        "categories": category_table(),
        "products": product_table(dice(seed, "products"), changing=plan.acts("assortment")),
        "orders": order_table(dice(seed, "orders"), orders, money, coupon=coupon, who=persons, ids=ids),
        "order_items": item_table(orders, money, ids),
        "coupons": coupon_table(),
        "coupon_issues": issue_table(issues, orders, ids, member_ids),
        "reviews": review_table(dice(seed, "reviews"), orders, persons, ids),
        "events": event_table(events, member_ids),
    }


def sandbox_latent(*, customers: int = 2400, seed: int) -> pa.Table:
    """The truth behind each member, which no shop can see; for judging CLV and churn models.

    Columns: `member_id`, `purchase_rate` (orders an ordinary day while a customer, the gateway's effect included),
    `leaving_chance` (after each order, before planted effects), `devoted` (likely a VIP one day), `buyer` (would
    ever buy), `left_at` (UTC; null: still a customer at the end). Rows as in `customers`.

    Raises:
        ValueError: as in `sandbox_tables`.
    """
    import numpy as np
    import pyarrow as pa

    shop = _open(customers, seed)
    members = shop.members
    start = int(np.datetime64(START.isoformat(), "s").astype(np.int64)) - 9 * 3600
    gone = members.left_at != NEVER
    left = np.where(gone, members.left_at + start, 0) * 1_000_000
    return pa.table(
        {
            "member_id": pa.array(shop.persons.member_id),
            "purchase_rate": members.rate,
            "leaving_chance": members.leaving,
            "devoted": members.devoted,
            "buyer": members.buyer,
            "left_at": pa.array(left, pa.timestamp("us", "UTC"), mask=~gone),
        }
    )


def _open(customers: int, seed: int, plan: Plan = EVERYTHING) -> _Shop:
    if customers < 1 or seed < 0:
        raise ValueError(f"customers must be at least 1 and seed at least 0, not {customers} and {seed}")
    members = draw_members(dice(seed, "members"), customers, plan=plan)
    orders = purchase_histories(dice(seed, "histories"), members, plan=plan)
    return _Shop(draw_persons(dice(seed, "persons"), customers), members, orders)
