"""A small shop with every table and, beside it, the flaws that health checks must find."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.schemas import TABLES

START = datetime(2025, 1, 31, 16, 0, tzinfo=UTC)  # 1 February 01:00 in Seoul


def rows(name: str, values: list[dict[str, Any]]) -> pa.Table:
    """Typed rows of a lake table; columns that are not given are null."""
    columns = [f for f in TABLES[name].schema if f.name != "mall_id"]
    return pa.Table.from_pylist([{f.name: v.get(f.name) for f in columns} for v in values], pa.schema(columns))


def shop_rows() -> dict[str, list[dict[str, Any]]]:
    """8 members (one only in orders), 2 guests' orders, 30 orders, 5 products, 3 categories, coupons, reviews."""
    members = [f"m{i}" for i in range(8)]
    orders, items = [], []
    for i in range(30):
        status = {7: "cancelled", 13: "returned", 21: "unpaid"}.get(i, "confirmed")
        orders.append({
            "order_id": f"o{i:02}", "member_key": None if i % 15 == 14 else members[i % 8],
            "ordered_at": START + timedelta(days=3 * i), "status": status, "paid_amount": Decimal(10_000 + i),
            "currency": "KRW", "coupon_no": "c1" if i == 3 else None,
            "delivered_at": START + timedelta(days=3 * i + 2),
        })  # fmt: skip
        for line in range(1, 2 + i % 2):
            items.append({
                "order_id": f"o{i:02}", "line_no": line, "product_no": f"p{(i + line) % 5}", "product_name": "상품",
                "category": "의류", "quantity": 1, "unit_price": Decimal(1000), "amount": Decimal(1000),
                "currency": "KRW",
            })  # fmt: skip
    return {
        "customers": [{"member_key": m, "created_at": START, "group_no": "g1", "gender": "F"} for m in members[:7]],
        "customer_groups": [{"group_no": "g1", "group_name": "일반"}],
        "categories": [
            {"category_no": "1", "category_name": "의류"},
            {"category_no": "2", "category_name": "상의", "parent_category_no": "1"},
        ],
        "products": [
            {"product_no": f"p{i}", "product_name": f"상품{i}", "category_no": "2" if i else None,
             "category": "의류" if i else "잡화", "price": Decimal(1000), "currency": "KRW"}
            for i in range(4)
        ],
        "orders": orders,
        "order_items": items,
        "coupons": [{"coupon_no": "c1", "coupon_name": "첫 구매 쿠폰", "benefit_type": "rate"}],
        "coupon_issues": [
            {"issue_no": "i1", "coupon_no": "c1", "member_key": "m3", "issued_at": START, "used_at": START,
             "used_order_id": "o03"},
            {"issue_no": "i2", "coupon_no": "c1", "member_key": "m3", "issued_at": START},
            {"issue_no": "i3", "coupon_no": "c2", "member_key": "m1", "issued_at": START},
        ],
        "reviews": [
            {"review_no": "r1", "product_no": "p1", "member_key": "m0", "order_id": "o00", "rating": 5,
             "content": "좋아요", "created_at": START},
        ],
        "documents": [
            _endpoint("GET", "/api/v2/admin/orders", "orders", "mall.read_order"),
            _endpoint("GET", "/api/v2/admin/orders/{order_id}", "orders", "mall.read_order"),
            _endpoint("POST", "/api/v2/admin/coupons/{coupon_no}/issues", "coupons-issues", "mall.write_promotion"),
            {"document_id": "article-rfm", "collection": "cafe24_crm_knowledge", "kind": "article", "title": "RFM",
             "body": "글", "language": "ko", "source": "built-in"},
        ],
    }  # fmt: skip


def _endpoint(method: str, path: str, resource: str, scope: str) -> dict[str, Any]:
    return {
        "document_id": f"{method} {path}", "collection": "cafe24_api_docs", "kind": "endpoint", "title": resource,
        "body": path, "language": "ko", "source": "catalogue", "resource": resource, "method": method, "path": path,
        "scope": scope,
    }  # fmt: skip


def land(lake: MallLake, tables: dict[str, list[dict[str, Any]]]) -> MallLake:
    """Land these rows as snapshots."""
    for name, values in tables.items():
        lake.land(name, rows(name, values), snapshot=True)
    return lake


@pytest.fixture
def mall() -> Mall:
    return Mall("shop-a")


@pytest.fixture
def lake(tmp_path: Path, mall: Mall) -> MallLake:
    return land(Lake(tmp_path / "lake").mall(mall.mall_id), shop_rows())
