"""The sandbox's orders as the shop's admin shows them: numbers, money, buyers, and what the orders make of members.

Money is whole won. Of every order that was not cancelled, `paid_amount` is the items' amounts less the discount
plus the shipping fee; of a cancelled one it is 0, for nothing was kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.baskets import CANCELLED, CONFIRMED, EXCHANGED, RETURNED, UNPAID
from cafe24_pipelines.sandbox.catalog import products
from cafe24_pipelines.sandbox.coupons import COUPONS
from cafe24_pipelines.sandbox.histories import Members, Orders
from cafe24_pipelines.sandbox.people import Persons, draw_persons
from cafe24_pipelines.sandbox.seasons import DAY, DAYS, NEVER, START, typed

if TYPE_CHECKING:
    import numpy as np

TIERS: Final = ("일반", "실버", "골드", "VIP")
"""Member tiers; `group_no` counts from 1."""

_FREE_SHIPPING_FROM: Final = 30_000
_SHIPPING_FEE: Final = 3_000
_WISHES: Final = ("", "", "", "문 앞에 놓아주세요", "경비실에 맡겨주세요", "배송 전 연락 부탁드려요")


@dataclass(frozen=True)
class Money:
    """Won of each order (`amount` is that of each line)."""

    amount: np.ndarray
    discount: np.ndarray
    shipping: np.ndarray
    paid: np.ndarray


def money_of(orders: Orders, coupon: np.ndarray) -> Money:
    """What each order cost, with the coupon (position in `COUPONS`, or -1) that it names."""
    import numpy as np

    lines = orders.lines
    amount = np.array([p.price for p in products()])[lines.product] * lines.quantity
    goods = np.bincount(lines.order, weights=amount, minlength=orders.at.size).astype(np.int64)
    value = np.array([*(c.value for c in COUPONS), 0])[coupon]
    rate = np.array([*(c.benefit == "B" for c in COUPONS), False])[coupon]
    discount = np.minimum(np.where(rate, goods * value // 1000 * 10, value), goods)  # rates round down to ten won
    shipping = np.where(goods < _FREE_SHIPPING_FROM, _SHIPPING_FEE, 0)
    paid = np.where(orders.parcels.status == CANCELLED, 0, goods - discount + shipping)
    return Money(amount, discount, shipping, paid)


def order_ids(orders: Orders) -> Any:
    """Order ids in Cafe24's form: the local date and a number that begins anew each day."""
    import numpy as np
    import pyarrow as pa

    day = orders.at // DAY
    dates = [(START + timedelta(days=k)).strftime("%Y%m%d") for k in range(DAYS)]
    first = np.searchsorted(day, np.arange(DAYS))
    number = np.arange(day.size) - first[day] + 11
    return pa.array([f"{dates[d]}-{n:07d}" for d, n in zip(day.tolist(), number.tolist(), strict=True)])


def order_table(
    rng: np.random.Generator, orders: Orders, money: Money, *, coupon: np.ndarray, who: Persons, ids: Any
) -> Any:
    """The `orders` table, with the buyers' personal fields; guests are people of their own."""
    import numpy as np
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import ORDER_STATUS

    guest = orders.member < 0
    strangers = draw_persons(rng, int(guest.sum()))
    count = len(who.name)
    buyer = pa.array(np.where(guest, count + np.cumsum(guest) - 1, orders.member))
    wishes = rng.integers(0, len(_WISHES), orders.at.size)
    gift = rng.random(orders.at.size) < 0.06  # some parcels go to someone else
    receiver = np.where(gift, rng.integers(0, count, orders.at.size), buyer.to_numpy())
    everyone = {
        "buyer_name": who.name + strangers.name,
        "buyer_email": who.email + strangers.email,
        "buyer_cellphone": who.cellphone + strangers.cellphone,
        "buyer_zipcode": who.zipcode + strangers.zipcode,
        "buyer_address1": who.address + strangers.address,
    }
    size = orders.at.size
    return typed(
        "orders",
        {
            "order_id": ids,
            "member_id": pa.array(who.member_id).take(pa.array(orders.member, mask=guest)),
            "ordered_at": orders.at,
            "status": pa.array(ORDER_STATUS).take(pa.array(orders.parcels.status)),
            "paid_amount": money.paid,
            "currency": ["KRW"] * size,
            "discount_amount": money.discount,
            "shipping_fee": money.shipping,
            "coupon_no": pa.array([c.no for c in COUPONS]).take(pa.array(coupon, mask=coupon < 0)),
            "delivered_at": orders.parcels.delivered,
            "country": ["KR"] * size,
            **{column: pa.array(values).take(buyer) for column, values in everyone.items()},
            "receiver_name": pa.array(everyone["buyer_name"]).take(pa.array(receiver)),
            "shipping_message": pa.array(_WISHES).take(pa.array(wishes)),
        },
    )


def item_table(orders: Orders, money: Money, ids: Any) -> Any:
    """The `order_items` table. Of an exchanged order the first line was exchanged; else lines share its status."""
    import numpy as np
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import ORDER_STATUS

    lines, goods = orders.lines, products()
    first = np.searchsorted(lines.order, np.arange(orders.at.size))
    line_no = np.arange(lines.order.size) - first[lines.order] + 1
    status = orders.parcels.status[lines.order]
    status = np.where((status == EXCHANGED) & (line_no > 1), CONFIRMED, status)
    product = pa.array(lines.product)
    return typed(
        "order_items",
        {
            "order_id": ids.take(pa.array(lines.order)),
            "line_no": line_no,
            "product_no": pa.array([p.no for p in goods]).take(product),
            "product_name": pa.array([p.name for p in goods]).take(product),
            "category": pa.array([p.category for p in goods]).take(product),
            "quantity": lines.quantity,
            "unit_price": np.array([p.price for p in goods])[lines.product],
            "amount": money.amount,
            "currency": ["KRW"] * lines.order.size,
            "status": pa.array(ORDER_STATUS).take(pa.array(status)),
        },
    )


def tiers_of(orders: Orders, money: Money, members: int) -> np.ndarray:
    """Each member's tier (position in `TIERS`): fixed shares by what they spent; who spent nothing stays 일반."""
    import numpy as np

    sold = (orders.member >= 0) & ~np.isin(orders.parcels.status, (UNPAID, CANCELLED, RETURNED))
    spent = np.bincount(orders.member[sold], weights=money.paid[sold], minlength=members)
    rank = np.empty(members, dtype=np.int64)
    rank[np.argsort(-spent, kind="stable")] = np.arange(members)
    tier = np.zeros(members, dtype=np.int64)
    reach = 0.0
    for name, share in truth.TIER_SHARES.items():
        low, reach = reach, reach + share
        inside = (rank >= round(low * members)) & (rank < round(reach * members)) & (spent > 0)
        tier[inside] = TIERS.index(name)
    return tier


def group_table() -> Any:
    """The `customer_groups` table."""
    return typed("customer_groups", {"group_no": [str(k + 1) for k in range(len(TIERS))], "group_name": list(TIERS)})


def customer_table(
    rng: np.random.Generator, members: Members, who: Persons, *, tier: np.ndarray, seen: np.ndarray
) -> Any:
    """The `customers` table. Consent to SMS hangs on the tier alone; consent to e-mail on nothing."""
    import numpy as np
    import pyarrow as pa

    consent = np.array([truth.SMS_CONSENT[name] for name in TIERS])[tier]
    size = len(who.name)
    return typed(
        "customers",
        {
            "member_id": who.member_id,
            "created_at": members.joined,
            "group_no": pa.array([str(k + 1) for k in range(len(TIERS))]).take(pa.array(tier)),
            "gender": who.gender,
            "region": who.region,
            "accepts_sms": rng.random(size) < consent,
            "accepts_email": rng.random(size) < 0.55,
            "last_login_at": np.where(seen == NEVER, members.joined, seen),
            "name": who.name,
            "cellphone": who.cellphone,
            "email": who.email,
            "birthday": [b.isoformat() for b in who.birthday],
            "zipcode": who.zipcode,
            "address1": who.address,
        },
    )
