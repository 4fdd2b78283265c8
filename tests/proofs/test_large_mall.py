"""A mall of a hundred thousand orders in both graph stores: all there, the same answers, in bounded memory.

The benchmark's own parts are used (`benchmarks/graph_parts.py`), each load in a process of its own; a million orders
are the benchmark's (`python -m benchmarks.graph flat`).
"""

import runpy
import uuid
from pathlib import Path
from typing import Any

import pytest

import benchmarks.large_mall as large
from benchmarks.graph_parts import Figures, loaded
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.ontology.model import load_domain
from cafe24_pipelines.ontology.projection import facts
from cafe24_pipelines.ontology.queries import QUERIES
from cafe24_pipelines.stores.graph import Nodes
from cafe24_pipelines.stores.lake import Lake, MallLake

neo4j_server = runpy.run_path(str(Path(__file__).parents[1] / "servers" / "neo4j_server.py"))["neo4j_server"]

ORDERS = 100_000
MOST_MEGABYTES = 1_500
LABELS = {
    "CRM_Customer": "customers", "CRM_CustomerGroup": "customer_groups", "CRM_Order": "orders",
    "CRM_OrderItem": "order_items", "CRM_Product": "products", "CRM_Category": "categories", "CRM_Coupon": "coupons",
    "CRM_Review": "reviews", "CRM_ApiEndpoint": "documents",
}  # fmt: skip
LINKS = {
    "HAS_CUSTOMER": "SELECT count(*) FROM customers",
    "PLACED": "SELECT count(*) FROM orders WHERE member_key IS NOT NULL",
    "CONTAINS": "SELECT count(*) FROM order_items",
    "OF_PRODUCT": "SELECT count(*) FROM order_items",
    "BOUGHT": "SELECT count(*) FROM (SELECT DISTINCT member_key, product_no FROM order_items JOIN orders o "
    "USING (order_id) WHERE member_key IS NOT NULL AND o.status NOT IN ('unpaid', 'cancelled', 'returned'))",
    "USED_COUPON": "SELECT count(*) FROM orders WHERE coupon_no IS NOT NULL",
    "ISSUED_TO": "SELECT count(*) FROM (SELECT DISTINCT coupon_no, member_key FROM coupon_issues)",
    "WROTE": "SELECT count(*) FROM reviews",
}
"""What the lake says that there must be of some relationships, counted in another way than the projection does."""
WITHOUT_ROWS = {"explained_by", "apis_behind_patterns", "patterns_about"}
"""Questions about search and findings, of which this mall has none."""


def land(folder: Path, orders: int, seed: int = 1, mall_id: str = "large") -> MallLake:
    lake = Lake(folder).mall(mall_id)
    large.large_mall(lake, orders, seed)
    return lake


def graph_rows(lake: MallLake) -> dict[str, int]:
    parts = facts(lake, Mall(lake.mall_id), load_domain())
    return {part.label if isinstance(part, Nodes) else part.type: part.rows.num_rows for part in parts}


# -- the mall itself -----------------------------------------------------------------------------------------


def test_the_same_arguments_land_the_same_mall(tmp_path: Path) -> None:
    one, same, other = (land(tmp_path / str(n), 400, seed) for n, seed in enumerate((1, 1, 2)))
    assert one.digests() == same.digests()
    assert one.digests()["orders"] != other.digests()["orders"]
    before = one.digests()
    large.large_mall(one, 400)
    assert one.digests() == before


def test_it_grows_as_a_mall_does(tmp_path: Path) -> None:
    small, big = (land(tmp_path / str(n), n) for n in (500, 2000))
    for table, times in (("orders", 4), ("customers", 4), ("products", 2), ("categories", 1)):
        assert big.counts()[table] == pytest.approx(times * small.counts()[table], rel=0.02), table
    for table in ("order_items", "coupon_issues", "reviews"):
        assert 3 < big.counts()[table] / small.counts()[table] < 5.5, table
    a_member = "SELECT count(*) AS n FROM orders WHERE member_key IS NOT NULL GROUP BY member_key"
    spread = big.query(f"SELECT median(n) AS middle, max(n) AS most FROM ({a_member})").to_pylist()[0]
    assert spread["most"] > 10 * spread["middle"]  # a heavy tail
    assert graph_rows(big)["CRM_OrderItem"] == big.counts()["order_items"]


def test_slices_are_one_mall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "SLICE", 150)
    lake = land(tmp_path, 400)
    rows = graph_rows(lake)
    assert rows["CRM_Order"] == 400 and rows["CRM_OrderItem"] == lake.counts()["order_items"]
    paid = """SELECT count(*) FROM orders o JOIN (SELECT order_id, sum(amount) AS lines FROM order_items GROUP BY 1) i
              USING (order_id) WHERE paid_amount = lines - discount_amount + shipping_fee"""
    assert lake.query(paid).to_pylist()[0].popitem()[1] == 400


# -- a hundred thousand orders -------------------------------------------------------------------------------

large_proof = [pytest.mark.slow, pytest.mark.neo4j, pytest.mark.timeout(900)]
"""For the whole of what follows: each mark alone would run it where it must not be."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> MallLake:
    return land(tmp_path_factory.mktemp("large-mall"), ORDERS, mall_id=f"large-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def both(lake: MallLake, neo4j_server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figures]:
    """What the embedded store and the server say of the same lake."""
    root, mall_id = lake.root.parent, lake.mall_id
    server = (neo4j_server.uri, neo4j_server.user, neo4j_server.password)
    return {
        "embedded": loaded(root, mall_id, embedded=tmp_path_factory.mktemp("graph"), again=False),
        "server": loaded(root, mall_id, server=server),
    }


class TestHundredThousandOrders:
    pytestmark = large_proof

    def test_both_stores_hold_what_the_lake_does(self, both: dict[str, Figures], lake: MallLake) -> None:
        embedded, server = both["embedded"], both["server"]
        assert (embedded.by_label, embedded.by_type) == (server.by_label, server.by_type)
        assert embedded.digest == server.digest != ""
        landed = lake.counts()
        for label, table in LABELS.items():
            assert server.by_label[label] == landed[table], label
        for kind, query in LINKS.items():
            assert server.by_type[kind] == lake.query(query).to_pylist()[0].popitem()[1], kind
        assert landed["orders"] == ORDERS and server.nodes > 3 * ORDERS and server.relationships > 7 * ORDERS

    def test_every_named_query_answers_alike(self, both: dict[str, Figures]) -> None:
        embedded, server = both["embedded"].answers, both["server"].answers
        assert embedded.keys() == server.keys() == QUERIES.keys()
        for name in QUERIES:
            assert embedded[name] == server[name], name
        assert {name for name, rows in server.items() if not rows} == WITHOUT_ROWS

    def test_a_second_load_writes_nothing(self, both: dict[str, Figures]) -> None:
        assert both["server"].rewritten == 0

    def test_memory_is_bounded(self, both: dict[str, Figures]) -> None:
        for name, found in both.items():
            assert 100 < found.peak < MOST_MEGABYTES, name
