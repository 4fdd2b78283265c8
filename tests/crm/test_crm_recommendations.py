"""Recommendations: figures by hand, likeness by brute force, planted habits found, and the rules of what is shown."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking
from cafe24_pipelines.crm.recommendations import evaluate, recommendations, told
from cafe24_pipelines.crm.recommender import items, methods, protocol
from cafe24_pipelines.crm.recommender.history import History
from cafe24_pipelines.crm.shop import FrameShop, frames

MALL = Mall("m")
START = pd.Timestamp("2026-01-01", tz="UTC")


def shop_of(rows: list[tuple[str, float, set[str]]], seed: int = 0, **tables: pd.DataFrame) -> FrameShop:
    """Orders as (member, day, products), in an order of rows drawn by a seed."""
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k:06d}" for k in range(len(rows))], "member_key": [row[0] for row in rows],
            "ordered_at": [START + pd.Timedelta(seconds=round(row[1] * 86400)) for row in rows],
            "status": "confirmed", "paid_amount": 1000.0,
        }
    )  # fmt: skip
    pairs = [(f"o{k:06d}", item) for k, row in enumerate(rows) for item in sorted(row[2])]
    lines = pd.DataFrame(pairs, columns=["order_id", "product_no"]).assign(quantity=1, unit_price=1000.0)
    lines["product_name"] = "상품 " + lines["product_no"]
    mixed = {"random_state": seed, "frac": 1}
    return frames(orders=orders.sample(**mixed), order_items=lines.sample(**mixed), **tables)


def habits(seed: int, *, follow: float, members: int = 260, products: int = 30) -> list[tuple[str, float, set[str]]]:
    """Members buy about every 20 days; the next order is the successor of the last with probability `follow`."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, products + 1) ** 0.6
    rows = []
    for member in range(members):
        day, last = rng.uniform(0, 40), int(rng.choice(products, p=weight / weight.sum()))
        while day < 240:
            rows.append((f"m{member:04d}", float(day), {f"p{last:02d}"}))
            chosen = int(rng.choice(products, p=weight / weight.sum()))
            last = (last + 7) % products if rng.random() < follow else chosen
            day += rng.exponential(16) + 4
    return rows


def history_of(entries: list[tuple[int, int, int, float]], members: int, products: int) -> History:
    member, basket, product, day = (np.array(column) for column in zip(*sorted(entries), strict=True))
    return History(member.astype(np.int32), basket.astype(np.int32), product.astype(np.int32), day.astype(float),
                   members, products)  # fmt: skip


def test_figures_by_hand() -> None:
    from scipy.sparse import csr_array

    lists = np.array([[3, 1, 4, -1, -1, -1, -1, -1, -1, -1], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [9] + [-1] * 9])
    bought = csr_array((np.ones(4), ([0, 0, 1, 2], [1, 8, 9, 8])), shape=(3, 10))
    hit, ndcg, recall = protocol.figures_of(lists, bought).T
    assert hit.tolist() == [1, 1, 0]
    assert recall.tolist() == [0.5, 1, 0]
    ideal = 1 + 1 / np.log2(3)
    assert ndcg.tolist() == pytest.approx([1 / np.log2(3) / ideal, 1 / np.log2(11), 0])


def test_likeness_is_the_shrunk_cosine_and_the_largest_are_kept_by_code() -> None:
    rng = np.random.default_rng(1)
    dense = (rng.random((60, 12)) < 0.3) * rng.integers(1, 4, (60, 12))
    from scipy.sparse import csr_array

    found = items.cosine(csr_array(dense.astype(np.float32))).toarray()
    owned = (dense > 0).astype(float)
    norm = np.sqrt(owned.sum(axis=0))
    wanted = owned.T @ owned / (np.outer(norm, norm) + items.SHRINKAGE)
    np.fill_diagonal(wanted, 0)
    assert found == pytest.approx(wanted, abs=1e-6)
    mask = items.largest(np.array([[1, 3, 3, 3, 2], [0, 0, 0, 0, 0], [5, 1, 2, 3, 4]], np.float32), 2)
    assert [np.flatnonzero(row).tolist() for row in mask] == [[1, 2], [0, 1], [0, 4]]


def test_nothing_after_the_day_is_used() -> None:
    rng = np.random.default_rng(2)
    entries = [
        (m, b, int(p), 10.0 * b + m % 5) for m in range(40) for b in range(1, 8) for p in rng.integers(0, 9, 2)
    ]
    past = history_of(sorted(set(entries)), 40, 9)
    alike = items.described_alike([f"상품 {k}" for k in range(9)], [""] * 9)
    whole, cut = methods.fit(past, alike, 45.0), methods.fit(past.between(-np.inf, 45.0), alike, 45.0)
    members = np.arange(40)
    for name in methods.METHODS:
        assert methods.scores(whole, name, members) == pytest.approx(methods.scores(cut, name, members))
    assert (whole.available == cut.available).all()


def test_a_planted_sequel_is_found_explained_and_beats_popularity() -> None:
    shop = shop_of(habits(3, follow=0.8))
    trial = evaluate(shop, MALL)
    assert not isinstance(trial, Lacking)
    assert trial.chosen in ("bought_next", "blend")
    assert trial.beats_popularity is True
    assert trial.figures[trial.chosen]["hit_rate"].low > trial.figures["random"]["hit_rate"].high
    outcome = recommendations(shop, MALL)
    assert outcome.summary["offline"] == told(trial)
    first = outcome.table[(outcome.table["rank"] == 1) & (outcome.table["method"] == "bought_next")]
    anchor = first["reason"].str.extract(r"^'상품 p(\d+)'[을를] 산 고객이 다음에 많이 사요$")[0].astype(int)
    follows = (anchor + 7) % 30 == first["product_no"].str[1:].astype(int)
    assert len(first) > 100
    assert follows.mean() > 0.9


def test_where_nothing_follows_the_summary_does_not_claim_it() -> None:
    trial = evaluate(shop_of(habits(4, follow=0.0)), MALL)
    assert not isinstance(trial, Lacking)
    assert trial.beats_popularity is not True or trial.chosen == "popularity"
    difference = trial.against["popularity"]["bought_next"]["ndcg"]
    assert difference.low < 0.02


def test_rules_of_what_is_shown() -> None:
    rows = habits(5, follow=0.5, members=120, products=20)
    rows += [(f"m{k:04d}", 200.0 + k % 30 + step, {"refill"}) for k in range(0, 40) for step in (0, 5)]
    rows += [(f"m{k:04d}", 180.0 + k % 60, {"once"}) for k in range(60)]
    products = pd.DataFrame(
        {
            "product_no": [*(f"p{k:02d}" for k in range(20)), "refill", "once", "p03b"],
            "product_name": [*(f"상품 p{k:02d}" for k in range(20)), "리필 세제", "장식장", "상품 p03 새 용량"],
            "category": "생활", "selling": True, "stock_quantity": 9,
        }
    )  # fmt: skip
    products.loc[products["product_no"] == "p00", "selling"] = False
    products.loc[products["product_no"] == "p01", "stock_quantity"] = 0
    customers = pd.DataFrame({"member_key": [*(f"m{k:04d}" for k in range(120)), "new"]})
    outcome = recommendations(shop_of(rows, products=products, customers=customers), MALL)
    table = outcome.table
    assert not set(table["product_no"]) & {"p00", "p01"}
    assert not table.duplicated(["member_key", "product_no"]).any()
    ranks = table.groupby("member_key")["rank"].agg(list)
    assert all(one == [*range(1, len(one) + 1)] for one in ranks)
    shown = table.groupby("product_no")["member_key"].agg(set)
    buyers = {f"m{k:04d}" for k in range(60)}
    assert not shown.get("once", set()) & buyers  # bought a short while ago, and nobody refills it
    assert len(shown["refill"] & {f"m{k:04d}" for k in range(40)}) > 20  # bought as lately, but refilled by everyone
    new = table[table["member_key"] == "new"]
    assert set(new["method"]) == {"first_orders"}
    assert len(new) == 10
    fresh = table[table["method"] == "new_product"]
    assert set(fresh["product_no"]) == {"p03b"}
    assert set(fresh["rank"]) == {10}
    assert table["score"].between(0, 1).all()
    assert "m0001" not in str(outcome.to_json())


def test_the_order_of_rows_is_nothing() -> None:
    rows = habits(6, follow=0.5, members=120)
    one, other = (recommendations(shop_of(rows, seed=seed), MALL) for seed in (0, 1))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.to_json() == other.to_json()


@pytest.mark.parametrize(
    "rows",
    [[], [("m", 1.0, {"a"})], [(f"m{k}", 1.0, {"a"}) for k in range(50)],
     [(f"m{k}", 1.0, {"a", "b", "c"}) for k in range(50)], [("m", float(k), {*"abcd"}) for k in range(50)]],
    ids=["nothing", "one order", "one product", "one day", "one member"],
)  # fmt: skip
def test_shops_that_say_nothing(rows: list[tuple[str, float, set[str]]]) -> None:
    if not rows:
        assert recommendations(frames(), MALL).to_json()["status"] == "insufficient_data"
        assert isinstance(evaluate(frames(), MALL), Lacking)
        return
    outcome = recommendations(shop_of(rows), MALL)
    assert outcome.lacking
    assert "offline" not in outcome.to_json()
    assert isinstance(evaluate(shop_of(rows), MALL), Lacking)


@pytest.mark.slow
@pytest.mark.outside_data
def test_online_retail_neighbours_beat_popularity() -> None:
    folder = os.environ.get("CAFE24_TEST_DATA", "")
    if not folder:
        pytest.skip("set CAFE24_TEST_DATA to a folder with online_retail.csv.gz")
    text = dict.fromkeys(("InvoiceNo", "StockCode", "CustomerID"), str)
    raw = pd.read_csv(Path(folder) / "online_retail.csv.gz", dtype=text)
    raw["at"] = pd.to_datetime(raw["InvoiceDate"], utc=True)
    raw["CustomerID"] = raw["CustomerID"].str.replace(r"\.0$", "", regex=True)
    orders = raw.groupby("InvoiceNo").agg(member_key=("CustomerID", "first"), ordered_at=("at", "min")).reset_index()
    orders = orders.rename(columns={"InvoiceNo": "order_id"}).assign(paid_amount=1.0)
    orders["status"] = np.where(orders["order_id"].str.startswith("C"), "cancelled", "confirmed")
    lines = raw[["InvoiceNo", "StockCode", "Description", "Quantity"]].assign(unit_price=1.0)
    lines.columns = ["order_id", "product_no", "product_name", "quantity", "unit_price"]
    trial = evaluate(frames(orders=orders, order_items=lines), Mall("retail", time_zone="Europe/London"))
    assert not isinstance(trial, Lacking)
    assert trial.members > 1000
    for name in ("item_knn", "item_bm25", "bought_next", "blend"):
        assert trial.against["popularity"][name]["ndcg"].low > 0
    assert trial.beats_popularity is True
