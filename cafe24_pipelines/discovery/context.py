"""What a detector may look at: the mall's lake and graph, the last day of its data, and seeded randomness.

The frames that several detectors share are read once, in an order that depends on orders and their times only (not
on pseudonym keys), so that another installation with the same shop draws the same. No frame leaves this room with
a member key in it. Does not belong here: any statistic.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.patterns import MAX_EVIDENCE_ROWS, Evidence

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.research.claims import Claim
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake

_SALES_SQL = """
    SELECT f.order_id, f.member_key, epoch_us(f.ordered_at) / 86400e6 AS day,
           (year(f.ordered_local) * 12 + month(f.ordered_local) - 1)::INTEGER AS month,
           f.net_amount::DOUBLE AS amount, f.sale_no::INTEGER AS sale_no, coalesce(c.group_no, '') AS tier,
           epoch_us(f.delivered_at) / 86400e6 AS delivered, f.coupon_no IS NOT NULL AS coupon
    FROM order_facts f LEFT JOIN known_customers c USING (member_key)
    WHERE f.is_sale AND f.member_key IS NOT NULL
    ORDER BY f.ordered_at, f.order_id"""

_BASKETS_SQL = """
    SELECT DISTINCT l.order_id, l.product_no, coalesce(l.category, p.category) AS category
    FROM sale_lines l LEFT JOIN known_products p USING (product_no)
    WHERE l.member_key IS NOT NULL AND l.quantity > 0
    ORDER BY l.order_id, l.product_no, category"""


@dataclass
class DiscoveryContext:
    """One discovery run over one mall.

    Attributes:
        as_of: local date of the mall's latest order; None when there is no order.
        end: the same moment in days since 1970 (UTC), the unit of every `day` column; 0.0 when there is no order.
        claims: what allowed web sources say, as far as it stands (see `research/book.py`).
    """

    lake: "MallLake"
    graph: "GraphStore"
    mall: Mall
    seed: int
    as_of: date | None
    end: float
    _db: "DuckDBPyConnection"
    claims: "tuple[Claim, ...]" = ()

    def sql(self, query: str, **params: Any) -> "pd.DataFrame":
        """Rows of a query over the lake's tables and views; `$name` parameters are bound. Session zone: UTC."""
        result = self._db.sql(query, params=params) if params else self._db.sql(query)
        return result.to_arrow_table().to_pandas()

    def cypher(self, query: str, **params: Any) -> list[dict[str, Any]]:
        """Rows of a read-only query over the mall's staged facts."""
        return self.graph.query(self.mall.mall_id, query, params, staged=True)

    def evidence(self, query: str) -> Evidence:
        """Run an SQL query without parameters and keep up to 20 rows of it."""
        rows = self.sql(f"SELECT * FROM ({query}) LIMIT {MAX_EVIDENCE_ROWS}").to_dict("records")
        return Evidence(_tidy(query), [_plain(row) for row in rows])

    def graph_evidence(self, query: str) -> Evidence:
        """Run a Cypher query (which orders and limits itself) and keep up to 20 rows of it."""
        return Evidence(_tidy(query), [_plain(row) for row in self.cypher(query)[:MAX_EVIDENCE_ROWS]], "cypher")

    def rng(self, *purpose: str) -> "np.random.Generator":
        """A generator of its own for each purpose, so that one detector's draws don't move another's."""
        import numpy as np

        name = "\x1f".join((self.mall.mall_id, str(self.seed), *purpose))
        return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))

    @cached_property
    def sales(self) -> "pd.DataFrame":
        """One row a member's sale, by member and time; the index 0..n-1 is the order's code.

        Columns: order_id, member (0..m-1 in the order of first sales), day, month (local, 12 * year + 0..11),
        amount (net), sale_no, tier ("" when unknown), delivered (day or NaN), coupon (one was used).
        """
        import pandas as pd

        frame = self.sql(_SALES_SQL)
        frame["member"] = pd.factorize(frame.pop("member_key"))[0]
        frame = frame.sort_values("member", kind="stable", ignore_index=True)
        frame["delivered"] = frame["delivered"].astype(float)
        return frame

    @property
    def baskets(self) -> "pd.DataFrame":
        """Distinct products of members' sales: order (code as in `sales`), product (code), category (code or -1)."""
        return self._coded[0]

    @property
    def product_names(self) -> "pd.Index[str]":
        """Product numbers by product code."""
        return self._coded[1]

    @property
    def category_names(self) -> "pd.Index[str]":
        """Category names by category code."""
        return self._coded[2]

    @cached_property
    def _coded(self) -> "tuple[pd.DataFrame, pd.Index[str], pd.Index[str]]":
        import numpy as np
        import pandas as pd

        frame = self.sql(_BASKETS_SQL)
        order = pd.Index(self.sales["order_id"]).get_indexer(pd.Index(frame["order_id"]))
        product, products = pd.factorize(frame["product_no"], sort=True)
        category, categories = pd.factorize(frame["category"], sort=True)
        out = pd.DataFrame({"order": order, "product": product, "category": category}).astype(np.int64)
        out = out[out["order"] >= 0].sort_values(["order", "product"], ignore_index=True)
        return out, pd.Index(products), pd.Index(categories)


@contextmanager
def discovery_context(
    lake: "MallLake", graph: "GraphStore", mall: Mall, *, seed: int = 20260401, claims: "tuple[Claim, ...]" = ()
) -> Iterator[DiscoveryContext]:
    """A context whose connection to the lake is closed afterwards."""
    with lake.duckdb(zone=mall.time_zone) as db:
        [(as_of, end)] = db.execute(
            "SELECT max(ordered_local)::DATE, epoch_us(max(ordered_at)) / 86400e6 FROM order_facts"
        ).fetchall()
        yield DiscoveryContext(lake, graph, mall, seed, as_of, float(end or 0.0), db, claims)


def quoted(value: str) -> str:
    """An SQL text literal, for evidence queries that must run again as they stand."""
    return "'" + value.replace("'", "''") + "'"


def _tidy(query: str) -> str:
    return " ".join(query.split())


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _plain_value(value) for key, value in row.items()}


def _plain_value(value: Any) -> Any:
    """A JSON value; floats to six significant digits, so that a sum's order can't change a digest."""
    from decimal import Decimal
    from math import isnan

    if isinstance(value, datetime | date):
        return None if str(value) == "NaT" else value.isoformat()
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return None if isnan(value) else float(f"{value:.6g}")
    return value
