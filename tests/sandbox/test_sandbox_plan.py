"""A sandbox mall may have some of its effects, none, or others' strengths; with all it is the ordinary one."""

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.sandbox.truth import ACTING, EFFECTS, NOTHING, PLANTED, SIZES, TRAITS
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

Shop = dict[str, pa.Table]
Land = Callable[[Iterable[str], Mapping[str, float]], MallLake]

COMPARABLE = (
    "gateway_product", "winback_coupon", "stock_out", "late_delivery_churn", "category_change_point",
    "low_first_review", "fragile_product", "gift_season", "fit_returns",
)  # fmt: skip
"""Effects whose two arms are alike where the effect is missing (of the others, popularity and gaps differ anyway)."""


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    def landed(planted: Iterable[str], sizes: Mapping[str, float]) -> MallLake:
        lake = MallLake(tmp_path_factory.mktemp("plan") / "lake", SANDBOX_MALL)
        tables = sandbox_tables(seed=21, planted=planted, sizes=sizes)
        tables.pop("events")  # no measure looks at them
        for name, table in tables.items():
            names = ["member_key" if c == "member_id" else c for c in table.column_names]
            kept = table.rename_columns(names).select([c for c in names if c in TABLES[name].schema.names])
            lake.land(name, kept, snapshot=True)
        return lake

    return landed


def score(lake: MallLake, name: str) -> tuple[float, float]:
    """(difference of the arms in the direction planted, the same in standard errors)."""
    truth = next(t for t in PLANTED if t.id == name)
    arms = {r["arm"]: r for r in lake.query(truth.sql).to_pylist()}
    a, b = arms["planted"], arms["rest"]
    difference = truth.sign * (a["mean"] - b["mean"])
    return difference, difference / math.sqrt(a["variance"] / a["n"] + b["variance"] / b["n"] + 1e-12)


def halves(shop: Shop) -> tuple[np.ndarray, np.ndarray]:
    """Orders of members who joined in the first 60 days, in the first and the second half of the rest of the time."""
    joined = shop["customers"].select(["member_id", "created_at"]).to_pandas()
    early = joined[joined["created_at"] < pd.Timestamp("2024-12-31", tz="UTC")]["member_id"]
    orders = shop["orders"].select(["member_id", "ordered_at"]).to_pandas()
    orders = orders[orders["ordered_at"] >= pd.Timestamp("2025-01-15", tz="UTC")]
    late = orders["ordered_at"] >= pd.Timestamp("2025-12-08", tz="UTC")
    a, b = (orders[m].groupby("member_id").size().reindex(early, fill_value=0).to_numpy() for m in (~late, late))
    bought = a + b > 0
    return a[bought], b[bought]


def test_everything_planted_at_the_default_strengths_is_the_ordinary_mall() -> None:
    ordinary = sandbox_tables(customers=250, seed=8)
    same = sandbox_tables(customers=250, seed=8, planted=ACTING, sizes=SIZES)
    assert all(ordinary[name].equals(same[name]) for name in ordinary)
    assert not ordinary["orders"].equals(sandbox_tables(customers=250, seed=8, planted=())["orders"])


def test_what_a_plan_may_name() -> None:
    assert {t.id for t in PLANTED if t.kind == "effect"} == EFFECTS
    assert set(SIZES) <= EFFECTS and set(NOTHING) <= set(SIZES) and not EFFECTS & set(TRAITS)
    with pytest.raises(ValueError, match="no_such"):
        sandbox_tables(customers=10, seed=1, planted={"no_such"})
    with pytest.raises(ValueError, match="stock_out"):
        sandbox_tables(customers=10, seed=1, sizes={"stock_out": 1.0})


def test_in_a_mall_without_anything_no_effect_shows(land: Land) -> None:
    lake = land((), {})
    assert max(abs(score(lake, name)[1]) for name in COMPARABLE) < 3.3
    together = lake.query(
        "SELECT count(*) AS n FROM (SELECT order_id FROM sale_lines WHERE product_no IN ('1015', '1047') "
        "GROUP BY order_id HAVING count(DISTINCT product_no) = 2)"
    )["n"][0].as_py()
    assert together < 15


@pytest.mark.parametrize("name", ["winback_coupon", "late_delivery_churn"])
def test_one_effect_acts_alone_and_as_strongly_as_is_said(land: Land, name: str) -> None:
    weak = {"winback_coupon": 0.11, "late_delivery_churn": 0.15}[name]
    usual = land({name}, {})
    assert score(usual, name)[1] > 3.3
    assert max(abs(score(usual, other)[1]) for other in COMPARABLE if other != name) < 3.9
    assert score(land({name}, {name: weak}), name)[0] < 0.75 * score(usual, name)[0]


def test_members_days_and_assortment_are_flat_without_the_traits() -> None:
    flat, ordinary = sandbox_tables(seed=5, planted=()), sandbox_tables(seed=5)
    a, b = halves(flat)
    assert a.size > 200
    # members who bought at all in either half: equal rates make the halves slightly opposed, never alike
    assert np.corrcoef(a, b)[0, 1] < 2.6 / math.sqrt(a.size)
    assert np.corrcoef(*halves(ordinary))[0, 1] > 0.15
    assert flat["products"]["selling"].unique().to_pylist() == [True]
    assert len(flat["products"]["created_at"].unique()) == 1
    days = pd.Series(flat["orders"]["ordered_at"].to_pandas()).dt.tz_convert("Asia/Seoul").dt.day_of_week
    counts = np.bincount(days, minlength=7)
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 22.5  # chi-square, 6 degrees, p = 0.001


def test_popularity_falls_on_categories_by_chance_without_the_trait() -> None:
    def sold(seed: int, planted: Iterable[str] | None) -> pd.Series:
        items = sandbox_tables(customers=800, seed=seed, planted=planted)["order_items"]
        return items.select(["category"]).to_pandas().value_counts(normalize=True).sort_index()

    ordinary = np.corrcoef(sold(1, None), sold(2, None))[0, 1]
    one = sold(1, ())
    flat = np.corrcoef(one, sold(2, ()).reindex(one.index, fill_value=0))[0, 1]
    assert ordinary > 0.9 and flat < 0.6
