"""Small shops for the tests of discovery: seeded, typed, landed in a real lake."""

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.context import discovery_context
from cafe24_pipelines.discovery.patterns import Pattern
from cafe24_pipelines.discovery.registry import detectors
from cafe24_pipelines.discovery.run import find_all, judge
from cafe24_pipelines.ontology.build import stage_facts
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.lake import Lake, MallLake
from cafe24_pipelines.stores.schemas import TABLES

START = pd.Timestamp("2025-01-01", tz="UTC")


def typed(name: str, frame: pd.DataFrame) -> pa.Table:
    from decimal import Decimal

    columns = {}
    for column in TABLES[name].columns:
        if column.name not in frame:
            continue
        values = frame[column.name]
        if pa.types.is_decimal(column.type):
            columns[column.name] = pa.array([Decimal(str(round(float(v), 4))) for v in values], column.type)
        else:
            columns[column.name] = pa.array(values.tolist(), column.type, from_pandas=True)
    return pa.table(columns)


@dataclass
class Shop:
    """Orders and lines of an invented shop; times are days from the start."""

    orders: pd.DataFrame
    lines: pd.DataFrame
    products: pd.DataFrame = field(default_factory=pd.DataFrame)
    reviews: pd.DataFrame = field(default_factory=pd.DataFrame)

    def land(self, root: Path, mall_id: str = "test") -> MallLake:
        lake = Lake(root).mall(mall_id)
        orders = self.orders.copy()
        orders["ordered_at"] = START + pd.to_timedelta((orders.pop("day") * 86400).round(), unit="s")
        if "delivered" in orders:
            orders["delivered_at"] = START + pd.to_timedelta((orders.pop("delivered") * 86400).round(), unit="s")
        orders["currency"] = "KRW"
        orders["status"] = orders.get("status", "confirmed")
        lines = self.lines.copy()
        lines["line_no"] = lines.groupby("order_id").cumcount() + 1
        lines["quantity"], lines["currency"], lines["amount"] = 1, "KRW", lines["unit_price"]
        lake.land("orders", typed("orders", orders), snapshot=True)
        lake.land("order_items", typed("order_items", lines), snapshot=True)
        if len(self.products):
            lake.land("products", typed("products", self.products), snapshot=True)
        if len(self.reviews):
            reviews = self.reviews.copy()
            reviews["created_at"] = START + pd.to_timedelta((reviews.pop("day") * 86400).round(), unit="s")
            lake.land("reviews", typed("reviews", reviews), snapshot=True)
        return lake


def random_shop(
    seed: int, *, members: int = 600, rate: float = 1 / 90, days: int = 540, products: int = 40, categories: int = 6
) -> Shop:
    """A shop in which nothing depends on anything.

    Members join at random, buy at one common rate, draw products by popularity, and deliveries, coupons and ratings
    are drawn independently of all else.
    """
    rng = np.random.default_rng(seed)
    joined = rng.uniform(0, days * 0.8, members)
    times, owners = [], []
    for member in range(members):
        k = rng.poisson(rate * (days - joined[member]))
        times += list(np.sort(rng.uniform(joined[member], days, k)))
        owners += [member] * k
    orders = pd.DataFrame({"member_key": [f"m{o:05d}" for o in owners], "day": times}).sort_values("day")
    orders["order_id"] = [f"o{k:06d}" for k in range(len(orders))]
    n = len(orders)
    popularity = 1 / (np.arange(products) + 1) ** 0.5
    category = rng.permutation(np.arange(products) % categories)
    size = 1 + rng.poisson(0.8, n)
    order = np.repeat(orders["order_id"].to_numpy(), size)
    product = rng.choice(products, size.sum(), p=popularity / popularity.sum())
    lines = pd.DataFrame({"order_id": order, "product_no": [f"p{p:03d}" for p in product]})
    lines["category"] = [f"c{category[p]}" for p in product]
    lines["unit_price"] = 1000.0 * (1 + rng.integers(1, 40, len(lines)))
    orders["paid_amount"] = lines.groupby("order_id")["unit_price"].sum().reindex(orders["order_id"]).to_numpy()
    orders["delivered"] = orders["day"] + rng.uniform(1, 7.5, n)
    orders["coupon_no"] = np.where(rng.random(n) < 0.3, "k1", None)
    reviewed = orders[rng.random(n) < 0.5]
    reviews = pd.DataFrame(
        {
            "review_no": [f"r{k}" for k in range(len(reviewed))],
            "product_no": "p000",
            "order_id": reviewed["order_id"].to_numpy(),
            "member_key": reviewed["member_key"].to_numpy(),
            "rating": rng.integers(1, 6, len(reviewed)),
            "day": reviewed["delivered"].to_numpy() + rng.uniform(0.5, 5, len(reviewed)),
        }
    )
    goods = pd.DataFrame(
        {
            "product_no": [f"p{p:03d}" for p in range(products)],
            "product_name": [f"상품 {p}" for p in range(products)],
            "category": [f"c{c}" for c in category],
        }
    )
    return Shop(orders, lines, goods, reviews)


def online_retail(folder: Path) -> Shop:
    """UCI Online Retail as orders and lines; invoices that begin with C are cancelled."""
    with gzip.open(folder / "online_retail.csv.gz", "rt", encoding="utf-8") as f:
        raw = pd.read_csv(f, dtype={"InvoiceNo": str, "StockCode": str, "CustomerID": str})
    raw["at"] = pd.to_datetime(raw["InvoiceDate"], utc=True)
    raw["CustomerID"] = raw["CustomerID"].str.replace(r"\.0$", "", regex=True)
    raw["value"] = raw["Quantity"] * raw["UnitPrice"]
    orders = raw.groupby("InvoiceNo", sort=True).agg(
        member_key=("CustomerID", "first"),
        at=("at", "min"),
        paid_amount=("value", "sum"),
        country=("Country", "first"),
    )
    orders = orders.reset_index().rename(columns={"InvoiceNo": "order_id"})
    orders["day"] = (orders.pop("at") - START) / pd.Timedelta(days=1)
    orders["status"] = np.where(orders["order_id"].str.startswith("C"), "cancelled", "confirmed")
    lines = raw.rename(columns={"InvoiceNo": "order_id", "StockCode": "product_no", "Description": "product_name"})
    lines = lines[["order_id", "product_no", "product_name", "UnitPrice"]]
    lines = lines.assign(unit_price=lines.pop("UnitPrice").clip(lower=0))
    return Shop(orders, lines)


class EmptyGraph:
    """A graph that holds nothing: for tests of statistics, which don't depend on it (only some evidence does)."""

    def query(self, mall_id: str, cypher: str, params: object = None, *, staged: bool = False) -> list[dict]:
        return []


def staged_graph(lake: MallLake, root: Path) -> EmbeddedGraph:
    """The mall's facts, staged in a real embedded graph as a run does it."""
    graph = EmbeddedGraph(root)
    stage_facts(graph, lake, Mall(lake.mall_id))
    return graph


def findings(lake: MallLake, *names: str, graph: object = None) -> list[Pattern]:
    """Patterns of some detectors (all when none is named), judged together, not dated."""
    with discovery_context(lake, graph or EmptyGraph(), Mall(lake.mall_id)) as context:
        chosen = [d for d in detectors() if not names or d.name in names]
        return judge(context, [(d, find_all(d, context)) for d in chosen])


@pytest.fixture(scope="session")
def shops() -> SimpleNamespace:
    """The makers of shops and graphs, for test files (which can't import a sibling)."""
    return SimpleNamespace(
        random_shop=random_shop,
        staged_graph=staged_graph,
        online_retail=online_retail,
        Shop=Shop,
        findings=findings,
        EmptyGraph=EmptyGraph,
    )
