"""Builders for tests of the stores: small typed rows with defaults for what a test doesn't care about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from cafe24_pipelines.stores.schemas import TABLES

START = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)


class LakeRows:
    """Rows of the lake's tables."""

    def table(self, name: str, rows: list[dict[str, Any]]) -> pa.Table:
        """Rows as an Arrow table with the lake's types; only the columns that the rows mention."""
        columns = sorted({key for row in rows for key in row})
        types = {c: TABLES[name].schema.field(c).type for c in columns}
        return pa.table({c: pa.array([r.get(c) for r in rows], types[c]) for c in columns})

    def order(self, number: int, *, amount: str = "1000", status: str = "delivered", member: str | None = "m1",
              day: int = 0, **more: Any) -> dict[str, Any]:  # fmt: skip
        """One order; `day` counts from 1 January 2026, noon in Seoul."""
        return {
            "order_id": f"o{number}", "member_key": member, "ordered_at": START + timedelta(days=day),
            "status": status, "paid_amount": Decimal(amount), "currency": "KRW", **more,
        }  # fmt: skip

    def item(self, number: int, line: int, *, product: str = "p1", quantity: int = 1, price: str = "1000",
             **more: Any) -> dict[str, Any]:  # fmt: skip
        """One line of order `number`."""
        return {
            "order_id": f"o{number}", "line_no": line, "product_no": product, "quantity": quantity,
            "unit_price": Decimal(price), "amount": Decimal(price) * quantity, "currency": "KRW", **more,
        }  # fmt: skip

    def orders(self, *rows: dict[str, Any]) -> pa.Table:
        """Orders as a table."""
        return self.table("orders", list(rows))

    def items(self, *rows: dict[str, Any]) -> pa.Table:
        """Order lines as a table."""
        return self.table("order_items", list(rows))


@pytest.fixture(scope="session")
def lake_rows() -> LakeRows:
    """Builders of lake rows."""
    return LakeRows()
