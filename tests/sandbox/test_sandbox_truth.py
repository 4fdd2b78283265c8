"""What was planted is found again by plain statistics, and what was not planted is not."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from cafe24_pipelines.sandbox.catalog import category_tree, products
from cafe24_pipelines.sandbox.truth import PLANTED, Truth
from cafe24_pipelines.stores.lake import MallLake
from cafe24_pipelines.stores.schemas import TABLES

SEEDS = (20260401, 11, 12)
Landed = Callable[[int], MallLake]


def of_kind(kind: str) -> list:
    return [pytest.param(t, id=t.id) for t in PLANTED if t.kind == kind]


def difference(rows: list[dict]) -> tuple[float, float]:
    """Difference of the arms' means and its standard error."""
    arms = {r["arm"]: r for r in rows}
    a, b = arms["planted"], arms["rest"]
    assert min(a["n"], b["n"]) >= 2
    return a["mean"] - b["mean"], math.sqrt(a["variance"] / a["n"] + b["variance"] / b["n"])


def adjusted(truth: Truth, lake: MallLake) -> tuple[float, float]:
    """Inverse-variance mean of the differences within strata that have 20 of each arm, and its standard error."""
    strata: dict[str, list[dict]] = {}
    for row in lake.query(truth.adjusted_sql).to_pylist():
        strata.setdefault(row["stratum"], []).append(row)
    usable = [difference(rows) for rows in strata.values() if len(rows) == 2 and min(r["n"] for r in rows) >= 20]
    assert len(usable) >= 2
    weights = [1 / se**2 for _, se in usable]
    return sum(w * d for w, (d, _) in zip(weights, usable, strict=True)) / sum(weights), 1 / math.sqrt(sum(weights))


@pytest.mark.parametrize("truth", of_kind("effect"))
@pytest.mark.parametrize("seed", SEEDS)
def test_effects_are_found(truth: Truth, seed: int, land_seed: Landed) -> None:
    effect, error = difference(land_seed(seed).query(truth.sql).to_pylist())
    assert truth.sign * effect - 1.96 * error > 0, f"{effect} +- {error}"
    assert truth.sign * effect >= truth.at_least


@pytest.mark.parametrize("truth", of_kind("trap"))
@pytest.mark.parametrize("seed", SEEDS)
def test_traps_look_real_until_adjusted(truth: Truth, seed: int, land_seed: Landed) -> None:
    lake = land_seed(seed)
    effect, error = difference(lake.query(truth.sql).to_pylist())
    assert truth.sign * effect - 1.96 * error > 0 and truth.sign * effect >= truth.at_least
    within, error = adjusted(truth, lake)
    assert abs(within) < 3.3 * error
    assert abs(within) < 0.15 * abs(effect)


@pytest.mark.parametrize("truth", of_kind("null"))
def test_nulls_are_nothing_over_several_shops(truth: Truth, land_seed: Landed) -> None:
    scores = [d / se for d, se in (difference(land_seed(s).query(truth.sql).to_pylist()) for s in SEEDS)]
    assert max(map(abs, scores)) < 3.3, scores
    assert abs(sum(scores)) / math.sqrt(len(scores)) < 3.3


def test_vips_bring_a_quarter_of_the_members_revenue(sandbox_lake: MallLake) -> None:
    row = sandbox_lake.query(
        "SELECT sum(net_amount) FILTER (group_name = 'VIP') / sum(net_amount) AS revenue, "
        "count(DISTINCT c.member_key) FILTER (group_name = 'VIP') / count(DISTINCT c.member_key) AS members "
        "FROM customers c JOIN customer_groups USING (group_no) "
        "LEFT JOIN order_facts o ON o.member_key = c.member_key"
    ).to_pylist()[0]
    assert row["revenue"] > 0.25
    assert row["members"] == pytest.approx(0.04, abs=0.001)


def test_the_diffuser_share_doubles(land_seed: Landed) -> None:
    truth = next(t for t in PLANTED if t.id == "category_change_point")
    for seed in SEEDS:
        arms = {r["arm"]: r["mean"] for r in land_seed(seed).query(truth.sql).to_pylist()}
        assert 1.6 < arms["planted"] / arms["rest"] < 2.8


def test_typical_refill_gaps(sandbox_lake: MallLake) -> None:
    for category, days, give in (("마스크팩", 28, 3), ("샴푸", 90, 7)):
        gaps = sandbox_lake.query(
            "SELECT median(gap) AS m FROM (SELECT day - lag(day) OVER (PARTITION BY member_key ORDER BY day) AS gap "
            "FROM (SELECT DISTINCT member_key, ordered_local::DATE AS day FROM sale_lines "
            "WHERE category = $category AND member_key IS NOT NULL))",
            {"category": category},
        )
        assert gaps["m"][0].as_py() == pytest.approx(days, abs=give)


def test_registry_is_complete_and_names_real_things() -> None:
    assert len({t.id for t in PLANTED}) == len(PLANTED)
    kinds = [t.kind for t in PLANTED]
    assert kinds.count("effect") >= 10 and kinds.count("null") >= 3 and kinds.count("trap") >= 1
    numbers, names = {p.no for p in products()}, {name for _, name, _ in category_tree()}
    for t in PLANTED:
        assert set(t.products) <= numbers and set(t.categories) <= names
        assert set(t.tables) <= set(TABLES)
        assert t.statement_ko and t.statement_en and t.verify
        assert bool(t.adjusted_sql) == (t.kind == "trap")


def test_every_truth_is_described_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    missing = [t.id for t in PLANTED if f"`{t.id}`" not in text]
    assert not missing
