"""Segments: planted groups found again and named, nothing found where there is nothing, and what a group is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm import clusters
from cafe24_pipelines.crm.segments import NONE, segments
from cafe24_pipelines.crm.shop import FrameShop, frames

MALL = Mall("m")
START = pd.Timestamp("2026-01-01", tz="UTC")


def shop_of(rows: list[tuple[str, int, float, str | None, int]], seed: int = 0) -> FrameShop:
    """Orders as (member, day, amount, coupon, number of products)."""
    orders = pd.DataFrame(
        {
            "order_id": [f"o{k:06d}" for k in range(len(rows))], "member_key": [row[0] for row in rows],
            "ordered_at": [START + pd.Timedelta(days=row[1]) for row in rows], "status": "confirmed",
            "paid_amount": [row[2] for row in rows], "coupon_no": [row[3] for row in rows],
        }
    )  # fmt: skip
    pairs = [(f"o{k:06d}", f"p{item}") for k, row in enumerate(rows) for item in range(row[4])]
    lines = pd.DataFrame(pairs, columns=["order_id", "product_no"]).assign(quantity=1, unit_price=1000.0)
    lines["category"] = "c" + lines["product_no"]
    mixed = {"random_state": seed, "frac": 1}
    return frames(orders=orders.sample(**mixed), order_items=lines.sample(**mixed))


def three_kinds(seed: int, each: int = 90) -> tuple[list[tuple[str, int, float, str | None, int]], list[int]]:
    """Frequent small coupon buyers, rare large buyers of one thing, and those who left long ago."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, int, float, str | None, int]] = []
    kinds = []
    for k in range(3 * each):
        kind, member = k % 3, f"m{k:05d}"
        kinds.append(kind)
        if kind == 0:
            days = np.sort(rng.integers(20, 365, rng.integers(14, 22)))
            rows += [(member, int(day), float(rng.integers(4, 7)) * 1e3, "k1", 3) for day in days]
        elif kind == 1:
            days = rng.integers(250, 360, 2)
            rows += [(member, int(day), float(rng.integers(60, 90)) * 1e4, None, 1) for day in days]
        else:
            rows.append((member, int(rng.integers(0, 40)), float(rng.integers(5, 9)) * 1e3, None, 1))
    return [*rows, ("last", 365, 1e4, None, 1)], kinds


def test_planted_groups_are_found_named_and_told_from_a_cloud() -> None:
    rows, kinds = three_kinds(1)
    outcome = segments(shop_of(rows), MALL)
    told = outcome.to_json()
    table = outcome.table[outcome.table["member_key"] != "last"]
    assert list(table["member_key"]) == sorted(table["member_key"])
    assert adjusted_rand_score(kinds, table["segment_no"]) > 0.95
    assert (told["shuffled_p"], told["k"]) == (pytest.approx(1 / 40), len(told["segments"]))
    assert told["stability"]["low"] > 0.6
    names = [one["name"] for one in told["segments"]]
    assert len(set(names)) == len(names)
    first = table.groupby(np.array(kinds))["segment_name"].agg(lambda found: found.mode()[0])
    assert "쿠폰 선호" in first[0]
    assert "고액" in first[1]
    assert "오래 안 옴" in first[2]
    assert "고액" in names[0]  # segment 1 spends most
    assert sum(one["members"] for one in told["segments"]) == len(outcome.table)
    for one in told["segments"]:
        assert all(part["low"] <= part["difference"] <= part["high"] for part in one["apart"])
    again = segments(shop_of(rows, seed=1), MALL)
    pd.testing.assert_frame_equal(again.table, outcome.table)
    assert again.to_json() == told
    assert "m00001" not in str(told) + "".join(outcome.charts.values())


def test_nulls_keep_what_they_should() -> None:
    rng = np.random.default_rng(2)
    x = rng.multivariate_normal([0, 0, 0], [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1]], 2000)
    mixed, cloud = clusters.shuffled(x, rng), clusters.one_cloud(x, rng)
    for made in (mixed, cloud):
        assert np.sort(made, axis=0) == pytest.approx(np.sort(x, axis=0))
    assert abs(np.corrcoef(mixed, rowvar=False)[0, 1]) < 0.1
    assert np.corrcoef(cloud, rowvar=False)[0, 1] == pytest.approx(0.8, abs=0.05)
    centres = rng.normal(size=(4, 3))
    label, distance = clusters.nearest(x, centres)
    every = np.linalg.norm(x[:, None] - centres, axis=2)
    assert (label == every.argmin(axis=1)).all()
    assert distance == pytest.approx(every.min(axis=1))


def test_independent_features_are_no_clusters() -> None:
    found = clusters.find_clusters(np.random.default_rng(3).normal(size=(500, 5)))
    assert found.p_shuffled > 0.05
    assert found.p_copula > 0.05


def test_where_clusters_do_not_come_back_everyone_is_in_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = clusters.Clusters(3, np.zeros((3, 6)), {3: 0.1}, 0.4, 0.4, clusters.Estimate(0.3, 0.1, 0.5))
    monkeypatch.setattr(clusters, "find_clusters", lambda x: found)
    outcome = segments(shop_of(three_kinds(4)[0]), MALL)
    assert set(outcome.table["segment_name"]) == {NONE}
    assert set(outcome.table["segment_no"]) == {0}
    assert outcome.table["distance"].gt(0).all()
    assert outcome.to_json()["verdict"].startswith(NONE)
    assert outcome.charts == {}


@pytest.mark.parametrize(
    "rows",
    [[("m", 1, 10.0, None, 1)], [(f"m{k}", 1, 10.0, None, 1) for k in range(300)],
     [(f"m{k}", 1, 0.0, None, 1) for k in range(300)], [("m", k, 10.0, None, 1) for k in range(300)],
     [(f"m{k}", k % 3, -5.0, None, 1) for k in range(300)]],
    ids=["one order", "all alike", "no money", "one member", "negative money"],
)  # fmt: skip
def test_shops_that_say_nothing(rows: list[tuple[str, int, float, str | None, int]]) -> None:
    outcome = segments(shop_of(rows), MALL)
    assert outcome.table.empty
    assert outcome.to_json()["status"] == "insufficient_data"


def test_an_empty_shop() -> None:
    assert segments(frames(), MALL).lacking
