"""A small mall whose lake, documents, vectors and graph are the real ones, and builders for hand-made malls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.cafe24.landing import land_shop
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.patterns import Effect, Evidence, Pattern
from cafe24_pipelines.knowledge.documents import documents_table, load_documents
from cafe24_pipelines.knowledge.index import publish_documents
from cafe24_pipelines.ontology.build import publish_graph
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
    lake = parts.mall_lake(settings, mall.mall_id)
    land_shop(mall, lake, settings)
    documents = [d for d in load_documents("") if d.kind != "endpoint" or d.resource in RESOURCES]
    lake.land("documents", documents_table(documents), snapshot=True)
    vectors, graph = parts.vector_store(settings), parts.graph_store(settings)
    publish_documents(lake, vectors, parts.encoder_store(settings))
    publish_graph(graph, lake, mall, [])
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
