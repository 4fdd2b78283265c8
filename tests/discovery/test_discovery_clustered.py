"""Statistics and frames that the merchants' detectors share, against brute force and by simulation."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.discovery.churn import turned
from cafe24_pipelines.discovery.context import discovery_context
from cafe24_pipelines.discovery.detectors.co_purchase import _quasi_independent
from cafe24_pipelines.discovery.frames import daily, next_sale_after, product_name, sales_with_next
from cafe24_pipelines.discovery.nulls import change_points, permuted_within
from cafe24_pipelines.discovery.statistics import clustered_slope, mantel_haenszel, max_t, ratio_of_sums


def test_a_clustered_slope_of_two_groups_is_the_mantel_haenszel_difference() -> None:
    rng = np.random.default_rng(1)
    strata, x = rng.integers(0, 5, 400), rng.random(400) < 0.3
    y = rng.random(400) < 0.2 + 0.1 * strata * x
    estimate, p = clustered_slope(x, y, strata, np.arange(400))
    tables = [
        (int(y[m & x].sum()), int((m & x).sum()), int(y[m & ~x].sum()), int((m & ~x).sum()))
        for m in (strata == s for s in range(5))
    ]
    expected = mantel_haenszel(tables)
    assert estimate.value == pytest.approx(expected.value)
    assert estimate.low == pytest.approx(expected.low, abs=0.02)
    assert (p < 0.05) == estimate.excludes(0)
    assert clustered_slope(np.ones(9), np.arange(9), np.zeros(9), np.arange(9)) == ((0.0, 0.0, 0.0), 1.0)
    assert clustered_slope([], [], [], []) == ((0.0, 0.0, 0.0), 1.0)


def test_clusters_are_one_voice_each() -> None:
    """x and y are those of the member: taking rows for independent rejects far too often, members don't."""
    rng = np.random.default_rng(2)
    clustered = rows = 0
    for _ in range(400):
        member = np.repeat(np.arange(60), rng.integers(1, 12, 60))
        x, y = (rng.random(60) < 0.4)[member], (rng.random(60) < 0.5)[member]
        zeros = np.zeros(len(member))
        clustered += clustered_slope(x, y, zeros, member)[1] < 0.05
        rows += clustered_slope(x, y, zeros, np.arange(len(member)))[1] < 0.05
    assert clustered <= binom.ppf(0.999, 400, 0.06)
    assert rows > 100


def test_a_ratio_of_sums_covers_what_it_should() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(600):
        size = rng.gamma(2, 1, 300)
        found = ratio_of_sums(rng.poisson(1.5 * size * rng.gamma(4, 0.25, 300)), size)
        inside += found.low <= 1.5 <= found.high
    assert 0.93 <= inside / 600 <= 0.97
    assert ratio_of_sums([0, 0], [2.0, 3.0]) == (0.0, 0.0, 3.689 / 5)
    assert ratio_of_sums([1.0], [0.0]) == (0.0, 0.0, 0.0)


def test_the_largest_of_many_is_judged_among_many() -> None:
    draws = np.array([[0.0, 1.0], [2.0, 0.0], [0.5, 3.0]])
    assert max_t([2.5, 0.1], draws).tolist() == [0.5, 1.0]
    assert max_t([9.0], draws[:, :1]).tolist() == [0.25]


def test_permutations_stay_within_groups() -> None:
    groups = np.array([1, 0, 1, 2, 0, 1])
    values = np.array([10.0, 1, 11, 20, 2, 12])
    blocks = np.concatenate(list(permuted_within(values, groups, np.random.default_rng(0), 300)))
    assert blocks.shape == (300, 6)
    assert len(np.unique(blocks, axis=0)) == 12
    for g in range(3):
        assert (np.sort(blocks[:, groups == g], axis=1) == np.sort(values[groups == g])).all()


def test_a_change_is_placed_and_no_change_is_found_no_more_often_than_said() -> None:
    rng = np.random.default_rng(4)
    size = np.linspace(4, 40, 72).round()
    share = np.where(np.arange(72) < 44, 0.2, 0.4)
    k = np.stack([rng.binomial(size.astype(int), s) for s in (share, 0.3, 0.3)], axis=1).astype(float)
    score, where, p = change_points(k, size, rng, block=4, draws=199)
    assert score.argmax() == 0
    assert abs(int(where[0]) - 44) <= 3
    assert p[0] == 1 / 200
    false = 0
    for _ in range(200):
        k = np.stack([rng.binomial(size.astype(int), 0.3) for _ in range(6)], axis=1).astype(float)
        false += change_points(k, size, rng, block=4, draws=99)[2].min() <= 0.05
    assert false <= binom.ppf(0.999, 200, 0.05)


def test_pairs_keep_every_products_number_of_mates() -> None:
    """Margins of the expected pairs are those of the baskets; without a diagonal independence would be too high."""
    baskets = [(0, 1), (0, 2), (0, 1, 2), (1, 3), (0, 3), (2, 3)]
    margin, total = np.zeros(4), 0.0
    for basket in baskets:
        total += len(basket) * (len(basket) - 1)
        for item in basket:
            margin[item] += len(basket) - 1
    pairs = _quasi_independent(margin, total)
    assert pairs.sum(axis=1) == pytest.approx(margin, rel=1e-6)
    assert np.diag(pairs).tolist() == [0, 0, 0, 0]
    rare = _quasi_independent(margin[:3], total)  # the fourth is among the rare ones, which may pair with one another
    assert (rare.sum(axis=1) < margin[:3]).all()


def test_a_slope_turned_round_within_a_confounder_is_told() -> None:
    tier = np.repeat([0, 1], 100)
    x = np.r_[np.arange(100) < 90, np.arange(100) < 10]
    y = np.r_[np.where(np.arange(100) < 90, np.arange(100) % 9 < 2, np.arange(100) % 10 < 1)]
    y = np.r_[y, np.where(np.arange(100) < 10, True, np.arange(100) % 9 < 8)]
    whole = clustered_slope(x, y, np.zeros(200), np.arange(200))[0].value
    assert whole < 0
    assert "등급" in turned(x, y, {"tier": tier}, whole)
    assert turned(x, y, {"tier": np.zeros(200)}, whole) == ""


def test_frames_know_what_came_next(tmp_path: Path, shops: SimpleNamespace) -> None:
    lake = shops.random_shop(21, members=60).land(tmp_path)
    with discovery_context(lake, shops.EmptyGraph(), Mall("test")) as context:
        sales = sales_with_next(context)
        by_member = {m: g["day"].to_numpy() for m, g in context.sales.groupby("member")}
        day = sales["day"].to_numpy() + 3.0
        found = next_sale_after(context.sales, sales["member"].to_numpy(), day)
        for k, (member, after) in enumerate(zip(sales["member"], day, strict=True)):
            later = by_member[member][by_member[member] > after]
            assert found[k] == later[0] if len(later) else np.isnan(found[k])
        last = ~sales.duplicated("member", keep="last")
        assert sales["next_day"].isna().tolist() == last.tolist()
        sold = daily(context, "category", 4)
        assert len(sold.names) == 4
        assert sold.orders.shape == (sold.days, 4)
        rows = context.sql("SELECT category, count(DISTINCT order_id) AS n FROM sale_lines GROUP BY 1 ORDER BY 1")
        known = dict(zip(rows["category"], rows["n"], strict=True))
        assert dict(zip(sold.names, sold.orders.sum(axis=0), strict=True)) == {n: known[n] for n in sold.names}
        assert product_name(context, "p003") == "상품 3"
        assert product_name(context, "unheard") == "unheard"
    assert isinstance(sales, pd.DataFrame)
