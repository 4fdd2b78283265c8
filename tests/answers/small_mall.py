"""A small mall that is landed in a moment: two years of made-up orders with tiers, regions, coupons and reviews.

It has no documents, vectors or graph: for tests of what is computed. The same rows every time.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

Row = dict[str, Any]
TIERS = ("일반", "골드", "VIP")
REGIONS = ("서울", "경기", "부산")
PRODUCTS = (("p1", "시카 진정 세럼", "세럼"), ("p2", "순면 차렵이불", "침구"), ("p3", "장미 핸드크림", "핸드크림"))
STATUSES = ("confirmed", "confirmed", "confirmed", "delivered", "cancelled", "returned", "unpaid")
LAST = datetime(2026, 10, 31, 3, tzinfo=UTC)
MEMBERS = [md5(str(n).encode(), usedforsecurity=False).hexdigest() for n in range(30)]


def small_services(root: Path, *, llm: LanguageModel | None = None) -> Services:
    """Services over the small mall; whatever needs documents or a graph fails loudly."""
    mall, lake = Mall("sandbox"), MallLake(root / "lake" / "sandbox", "sandbox")
    for name, rows in _tables().items():
        columns = list(rows[0])
        types = {c: TABLES[name].schema.field(c).type for c in columns}
        lake.land(name, pa.table({c: pa.array([r[c] for r in rows], types[c]) for c in columns}))
    nothing = cast("Any", None)
    return Services(mall, lake, nothing, nothing, [], llm or LanguageModel())


def _tables() -> dict[str, list[Row]]:
    orders, items, reviews, issues, events = [], [], [], [], []
    for n in range(400):
        at = LAST - timedelta(hours=43 * n)
        member = None if n % 9 == 4 else MEMBERS[(n * 7 + n // 11) % 25]
        status = STATUSES[(n * 5) % len(STATUSES)] if n % 3 == 0 else "confirmed"
        number, name, category = PRODUCTS[(n * n) % 3]
        quantity, price = 1 + n % 4, Decimal(9000 + 1000 * ((n * 13) % 40))
        coupon = "c1" if n % 5 == 0 and member else None
        discount = Decimal(1000) if coupon else Decimal(0)
        orders.append({
            "order_id": f"o{n:04}", "member_key": member, "ordered_at": at, "status": status, "currency": "KRW",
            "paid_amount": price * quantity - discount, "discount_amount": discount, "country": "KR",
            "shipping_fee": Decimal(3000 if n % 2 else 0), "coupon_no": coupon,
            "delivered_at": at + timedelta(days=2),
        })  # fmt: skip
        items.append({
            "order_id": f"o{n:04}", "line_no": 1, "product_no": number, "product_name": name, "category": category,
            "quantity": quantity, "unit_price": price, "amount": price * quantity, "currency": "KRW",
        })  # fmt: skip
        if n % 6 == 0 and status == "confirmed":
            reviews.append({
                "review_no": f"r{n}", "product_no": number, "member_key": member, "order_id": f"o{n:04}",
                "rating": 1 + n % 5, "created_at": at + timedelta(days=3),
            })  # fmt: skip
        if coupon:
            issues.append({
                "issue_no": f"i{n}", "coupon_no": "c1", "member_key": member, "issued_at": at - timedelta(days=5),
                "used_at": at if n % 10 == 0 else None,
            })  # fmt: skip
        events.append({"event_id": f"e{n}", "member_key": member, "event": ("view", "cart", "purchase")[n % 3],
                       "product_no": number, "at": at})  # fmt: skip
    customers = [
        {"member_key": key, "created_at": LAST - timedelta(days=760 - n), "group_no": str(n % 3),
         "gender": "FM"[n % 2], "region": REGIONS[n % 3], "accepts_sms": n % 2 == 0, "accepts_email": True}
        for n, key in enumerate(MEMBERS)
    ]  # fmt: skip
    products = [
        {"product_no": no, "product_name": name, "category": category, "price": Decimal(20000 + 1000 * i),
         "currency": "KRW", "created_at": LAST - timedelta(days=20 * i), "selling": True,
         "stock_quantity": 5 + 20 * i}
        for i, (no, name, category) in enumerate(PRODUCTS)
    ]  # fmt: skip
    groups = [{"group_no": str(n), "group_name": name} for n, name in enumerate(TIERS)]
    coupons = [{"coupon_no": "c1", "coupon_name": "감사 쿠폰"}]
    return {
        "orders": orders, "order_items": items, "reviews": reviews, "coupon_issues": issues, "events": events,
        "customers": customers, "products": products, "customer_groups": groups, "coupons": coupons,
    }  # fmt: skip
