"""A small mall whose lake, documents, vectors and graph are the real ones, and builders for hand-made malls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from benchmarks.sandbox_home import publish_sandbox
from cafe24_pipelines import parts
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

RESOURCES = ("orders", "coupons", "coupons-issues", "customers", "products", "cancellation", "oauth")


def made_pattern(number: int, title: str, *, status: str = "confirmed", detector: str = "churn_signals") -> Pattern:
    evidence = Evidence("SELECT count(*) AS n FROM order_facts", [{"n": 1}])
    effect = Effect("repurchase_difference", -0.21, -0.33, -0.1)
    return Pattern(
        f"pattern-{number}", detector, "cross_domain", title, status, effect, 0.001, 0.01, 508, evidence,
        "출고가 3일을 넘기면 먼저 알리세요.", "2026-10-31T00:00:00+00:00",
    )  # fmt: skip


@pytest.fixture(scope="session")
def sandbox_services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Services over a sandbox mall of 300 members with a part of the documentation. Read only."""
    settings = Settings.from_env({"CAFE24_SANDBOX_CUSTOMERS": "300"}, home=tmp_path_factory.mktemp("answers"))
    mall = Mall("sandbox")
    publish_sandbox(settings, mall, lambda d: d.kind != "endpoint" or d.resource in RESOURCES)
    lake = parts.mall_lake(settings, mall.mall_id)
    vectors, graph = parts.vector_store(settings), parts.graph_store(settings)
    patterns = [
        made_pattern(1, "첫 배송이 6일 이상 걸린 고객은 재구매율이 21.9%p 낮습니다"),
        made_pattern(2, "요일마다 주문이 고르지 않습니다", status="tentative", detector="temporal"),
    ]
    retriever = parts.retriever(settings, vectors, mall.mall_id)
    return Services(mall, lake, graph, retriever, patterns, LanguageModel())


@pytest.fixture
def made_mall(tmp_path: Path, sandbox_services: Services) -> Callable[..., Services]:
    """Makes services over a hand-made lake: `made_mall(orders=[…], order_items=[…])`."""

    def make(mall: Mall | None = None, **tables: list[dict[str, Any]]) -> Services:
        mall = mall or Mall("handmade")
        lake = MallLake(tmp_path / mall.mall_id, mall.mall_id)
        for name, rows in tables.items():
            columns = sorted({key for row in rows for key in row})
            types = {c: TABLES[name].schema.field(c).type for c in columns}
            lake.land(name, pa.table({c: pa.array([r.get(c) for r in rows], types[c]) for c in columns}))
        return replace(sandbox_services, mall=mall, lake=lake)

    return make


class Rows:
    """Rows of a hand-made mall."""

    def order(self, number: int, at: str, amount: str, *, member: str | None = "m1", status: str = "delivered",
              **more: Any) -> dict[str, Any]:  # fmt: skip
        """An order; `at` is local time in Seoul, `YYYY-MM-DD HH:MM`."""
        local = datetime.fromisoformat(f"{at}+09:00")
        return {
            "order_id": f"o{number}", "member_key": member, "ordered_at": local.astimezone(UTC), "status": status,
            "paid_amount": Decimal(amount), "currency": "KRW", **more,
        }  # fmt: skip

    def line(self, number: int, product: str, quantity: int, price: str, **more: Any) -> dict[str, Any]:
        """One line of order `number`."""
        return {
            "order_id": f"o{number}", "line_no": 1, "product_no": product, "product_name": f"상품 {product}",
            "quantity": quantity, "unit_price": Decimal(price), "amount": Decimal(price) * quantity,
            "currency": "KRW", **more,
        }  # fmt: skip


@pytest.fixture(scope="session")
def rows() -> Rows:
    return Rows()


Row = dict[str, Any]
TIERS = ("일반", "골드", "VIP")
REGIONS = ("서울", "경기", "부산")
PRODUCTS = (("p1", "시카 진정 세럼", "세럼"), ("p2", "순면 차렵이불", "침구"), ("p3", "장미 핸드크림", "핸드크림"))
STATUSES = ("confirmed", "confirmed", "confirmed", "delivered", "cancelled", "returned", "unpaid")
LAST = datetime(2026, 10, 31, 3, tzinfo=UTC)
MEMBERS = [md5(str(n).encode(), usedforsecurity=False).hexdigest() for n in range(30)]


class SmallShop:
    """A mall that is landed in a moment: two years of made-up orders with tiers, regions, coupons and reviews.

    It has no documents, vectors or graph: for tests of what is computed. The same rows every time.
    """

    members = MEMBERS

    def services(self, root: Path, *, llm: LanguageModel | None = None) -> Services:
        """Services over the small mall; whatever needs documents or a graph fails loudly."""
        mall, lake = Mall("sandbox"), MallLake(root / "lake" / "sandbox", "sandbox")
        for name, rows in _tables().items():
            columns = list(dict.fromkeys(key for row in rows for key in row))
            types = {c: TABLES[name].schema.field(c).type for c in columns}
            lake.land(name, pa.table({c: pa.array([r.get(c) for r in rows], types[c]) for c in columns}))
        nothing = cast("Any", None)
        return Services(mall, lake, nothing, nothing, [], llm or LanguageModel())


@pytest.fixture(scope="session")
def small_shop() -> SmallShop:
    return SmallShop()


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
        {"product_no": no, "product_name": name, "category": category, "category_no": str(i + 1),
         "price": Decimal(20000 + 1000 * i), "currency": "KRW", "created_at": LAST - timedelta(days=20 * i),
         "selling": True, "stock_quantity": 5 + 20 * i}
        for i, (no, name, category) in enumerate(PRODUCTS)
    ]  # fmt: skip
    categories = [{"category_no": "9", "category_name": "뷰티"}] + [
        {"category_no": no, "category_name": name, "parent_category_no": parent}
        for no, name, parent in (("1", "세럼", "9"), ("2", "침구", None), ("3", "핸드크림", "9"))
    ]
    groups = [{"group_no": str(n), "group_name": name} for n, name in enumerate(TIERS)]
    benefit = {"benefit_type": "B", "benefit_value": Decimal(10)}
    coupons = [{"coupon_no": "c1", "coupon_name": "가을 감사 10% 쿠폰", **benefit}]
    return {
        "orders": orders, "order_items": items, "reviews": reviews, "coupon_issues": issues, "events": events,
        "customers": customers, "products": products, "customer_groups": groups, "categories": categories,
        "coupons": coupons,
    }  # fmt: skip
