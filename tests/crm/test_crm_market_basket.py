"""Market basket: counts by hand and by brute force, a null that large baskets don't fool, and planted pairs."""

from itertools import combinations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import hypergeom

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Outcome
from cafe24_pipelines.crm.market_basket import TOGETHER, UNKNOWN, fisher_p, market_basket
from cafe24_pipelines.crm.shop import FrameShop, frames
from cafe24_pipelines.sandbox import truth
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.stores.conform import conform
from cafe24_pipelines.stores.schemas import TABLES

MALL = Mall("m")
START = pd.Timestamp("2026-01-01", tz="UTC")


def shop_of(baskets: list[set[str]], members: list[str | None] | None = None, seed: int = 0) -> FrameShop:
    """One order a basket, an hour apart, in an order of rows drawn by a seed."""
    n = len(baskets)
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k:06d}" for k in range(n)],
            "member_key": members or [f"m{k:06d}" for k in range(n)],
            "ordered_at": [START + pd.Timedelta(hours=k) for k in range(n)],
            "status": "confirmed", "paid_amount": 1000.0,
        }
    )  # fmt: skip
    pairs = [(f"o{k:06d}", item) for k, basket in enumerate(baskets) for item in sorted(basket)]
    lines = pd.DataFrame(pairs, columns=["order_id", "product_no"]).assign(quantity=1, unit_price=1000.0)
    lines["category"] = "c" + lines["product_no"].str[1]
    mixed = {"random_state": seed, "frac": 1}
    return frames(orders=orders.sample(**mixed), order_items=lines.sample(**mixed))


def random_baskets(rng: np.random.Generator, n: int, products: int, sizes: np.ndarray) -> list[set[str]]:
    weight = 1 / np.arange(1, products + 1) ** 0.7
    keys = rng.exponential(size=(n, products)) / weight
    order = np.argsort(keys, axis=1)
    return [{f"p{p:03d}" for p in row[:size]} for row, size in zip(order, sizes, strict=True)]


def products_of(outcome: Outcome) -> pd.DataFrame:
    return outcome.table[outcome.table["kind"] == "product"]


def test_counts_lift_and_fisher_agree_with_brute_force() -> None:
    rng = np.random.default_rng(1)
    baskets = random_baskets(rng, 200, 12, 1 + rng.poisson(2, 200).clip(0, 8))
    table = products_of(market_basket(shop_of(baskets), MALL)).set_index(["item_a", "item_b"])
    n, listed = len(baskets), 0
    for a, b in combinations(sorted(set().union(*baskets)), 2):
        k_a, k_b = sum(a in one for one in baskets), sum(b in one for one in baskets)
        both = sum({a, b} <= one for one in baskets)
        if both < 5:
            assert (a, b) not in table.index
            assert (b, a) not in table.index
            continue
        listed += 1
        row = table.loc[(a, b)] if (a, b) in table.index else table.loc[(b, a)]
        assert {row["orders_a"], row["orders_b"]} == {k_a, k_b}
        assert row["orders_a"] >= row["orders_b"]
        assert row["orders_both"] == both
        assert row["support"] == pytest.approx(both / n)
        assert row["confidence_ab"] == pytest.approx(both / row["orders_a"])
        assert row["lift"] == pytest.approx(both * n / (k_a * k_b))
        assert row["lift_low"] < row["lift"] < row["lift_high"]
        tail = hypergeom.sf(both - 1, n, k_a, k_b) if both * n >= k_a * k_b else hypergeom.cdf(both, n, k_a, k_b)
        assert row["fisher_p"] == pytest.approx(min(1, 2 * tail), rel=1e-9)
    assert listed == len(table) > 20


def test_fisher_keeps_small_tails() -> None:
    far, near, few = fisher_p([60, 30, 1], [100, 100, 100], [100, 100, 100], 1000)
    assert far == pytest.approx(2 * hypergeom.pmf(range(60, 101), 1000, 100, 100).sum(), rel=1e-9)
    assert far < 1e-30
    assert near == pytest.approx(2 * hypergeom.sf(29, 1000, 100, 100), rel=1e-9)
    assert few == pytest.approx(2 * hypergeom.cdf(1, 1000, 100, 100), rel=1e-9)


def test_large_baskets_fool_plain_lift_but_not_the_adjusted_one() -> None:
    rng = np.random.default_rng(2)
    sizes = np.where(rng.random(4000) < 0.15, rng.integers(10, 26, 4000), rng.integers(1, 4, 4000))
    baskets = random_baskets(rng, 4000, 40, sizes)
    outcome = market_basket(shop_of(baskets), MALL)
    table = products_of(outcome)
    assert len(table) == 40 * 39 // 2 == outcome.summary["product"]["pairs_tested"]
    assert (table["lift_low"] > 1).mean() > 0.8  # the trap is there
    assert (table["verdict"] != UNKNOWN).sum() <= 2
    assert table["expected_orders"].sum() == pytest.approx(table["orders_both"].sum(), rel=0.01)
    weight = table["expected_orders"] / table["expected_orders"].sum()
    assert (weight * (table["adjusted_lift"] - 1).abs()).sum() < 0.1


def test_a_planted_pair_is_found_alone_and_a_hub_is_not() -> None:
    rng = np.random.default_rng(3)
    baskets = random_baskets(rng, 4000, 40, 1 + rng.poisson(1.2, 4000).clip(0, 10))
    for basket in baskets:
        if "p020" in basket and rng.random() < 0.5:
            basket.add("p030")
        if rng.random() < 0.25:
            basket.add("hub")
    table = products_of(market_basket(shop_of(baskets), MALL))
    found = table[table["verdict"] == TOGETHER]
    assert [{*pair} for pair in found[["item_a", "item_b"]].to_numpy().tolist()] == [{"p020", "p030"}]
    assert found["adjusted_low"].iloc[0] > 3
    assert bool(found["stable"].iloc[0])


def test_what_one_buyer_repeats_is_not_many_facts() -> None:
    rng = np.random.default_rng(4)
    baskets = random_baskets(rng, 1500, 30, 1 + rng.poisson(1, 1500).clip(0, 6))
    members: list[str | None] = [f"m{k}" for k in range(1500)]
    for k in range(0, 1500, 40):
        baskets[k], members[k] = {"x1", "x2"}, "the same"
    table = products_of(market_basket(shop_of(baskets, members), MALL)).set_index(["item_a", "item_b"])
    row = table.loc[("x1", "x2")]
    assert (row["orders_both"], row["buyers_both"], row["verdict"]) == (38, 1, UNKNOWN)
    assert row["q"] > 0.05
    members[:] = [f"m{k}" for k in range(1500)]
    table = products_of(market_basket(shop_of(baskets, members), MALL)).set_index(["item_a", "item_b"])
    assert table.loc[("x1", "x2"), "verdict"] == TOGETHER


def test_the_order_of_rows_is_nothing() -> None:
    rng = np.random.default_rng(5)
    baskets = random_baskets(rng, 300, 10, rng.integers(1, 6, 300))
    one, other = (market_basket(shop_of(baskets, seed=seed), MALL) for seed in (0, 1))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.to_json() == other.to_json()
    assert one.charts == other.charts


@pytest.mark.parametrize(
    "baskets",
    [[{"p1"}], [{"p1"}] * 60, [{"p1", "p2"}] * 60, [{"p1", "p2", "p3"}] * 12, [{f"p{k}"} for k in range(60)]],
    ids=["one order", "one product", "one basket", "too few orders", "single items"],
)
def test_shops_that_say_nothing(baskets: list[set[str]]) -> None:
    outcome = market_basket(shop_of(baskets), MALL)
    assert not (outcome.table["verdict"] != UNKNOWN).any()
    assert outcome.to_json()["status"] in ("ok", "insufficient_data")
    assert np.isfinite(outcome.table.select_dtypes("number").to_numpy(float)).all()
    if outcome.table.empty:
        assert outcome.lacking


def test_the_sandbox_pair_is_found() -> None:
    raw = sandbox_tables(customers=2400, seed=20260901)
    tables = {}
    for name in ("orders", "order_items", "products"):
        rows = raw[name].rename_columns(["member_key" if c == "member_id" else c for c in raw[name].column_names])
        known = [c.name for c in TABLES[name].columns if c.name in rows.column_names and c.name != "mall_id"]
        tables[name] = conform(TABLES[name], "m", pa.table(rows.select(known)))
    table = market_basket(FrameShop(tables), MALL).table
    found = table[(table["kind"] == "product") & (table["verdict"] == TOGETHER)]
    assert {*truth.PAIR} == set(found.iloc[0][["item_a", "item_b"]])
    assert len(found) <= 2
