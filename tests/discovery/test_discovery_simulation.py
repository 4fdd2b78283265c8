"""Simulated malls: nothing is confirmed where nothing is, false discoveries are few, and intervals cover.

The whole simulation (200 malls, power curves) is `python -m benchmarks.discovery`; here is what a test can bear.
"""

import dataclasses
from pathlib import Path

import pytest

from benchmarks.discovery import (
    How,
    PowerPoint,
    half_malls,
    half_of_everything,
    most_hits,
    null_malls,
    power_chart,
    power_table,
    reached_at,
)
from benchmarks.discovery_coverage import Case, cases, covered
from benchmarks.discovery_malls import Judged, MallTask, Said, judged_malls
from benchmarks.discovery_truths import ALSO, DIRECT, explained, shows
from cafe24_pipelines.discovery.statistics import Estimate
from cafe24_pipelines.sandbox.truth import ACTING, GATEWAY, PAIR

CLOSED = ("newcombe", "mantel_haenszel", "clustered_slope", "survival_difference", "poisson_ratio", "ratio_of_sums")
RESAMPLED = ("bootstrap_ratio", "bootstrap_median", "gini_interval", "top_share_interval")


def test_closed_intervals_cover_the_truth_as_often_as_they_say() -> None:
    results = covered(500, names=CLOSED)
    assert [r.case.name for r in results] == list(CLOSED)
    assert all(r.fine for r in results), {r.case.name: r.share for r in results}


def test_the_coverage_check_rejects_an_interval_that_is_too_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = next(c for c in cases() if c.name == "mantel_haenszel")

    def narrow(rng: object) -> Estimate:
        value, low, high = honest.draw(rng)  # type: ignore[arg-type]
        return Estimate(value, value - 0.8 * (value - low), value + 0.8 * (high - value))

    wrong: list[Case] = [dataclasses.replace(honest, draw=narrow)]
    monkeypatch.setattr("benchmarks.discovery_coverage.cases", lambda: wrong)
    assert not covered(500)[0].fine


@pytest.mark.slow
def test_resampled_intervals_cover_the_truth() -> None:
    results = covered(2000, names=RESAMPLED)
    assert [r.case.name for r in results] == list(RESAMPLED)
    assert all(r.fine for r in results), {r.case.name: r.share for r in results}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_is_found_where_nothing_is() -> None:
    """With one mall in twenty confirming something, more than 4 of 24 come up about once in 170 runs."""
    result = null_malls(24, 400, How(seed=5000))
    assert not any(j.failed for j in result.judged)
    assert result.hit <= most_hits(24) == 4, result.fired


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_false_discoveries_are_few_where_half_of_everything_acts() -> None:
    result = half_malls(6, 800, How(seed=6000))
    assert not any(j.failed for j in result.judged)
    assert sum(len(j.confirmed) for j in result.judged) >= 12
    assert result.mean <= 0.10, result.false


def test_the_key_names_every_effect_and_tells_true_from_false() -> None:
    assert set(DIRECT) == ACTING and set(ALSO) <= ACTING
    pair = f"co_purchase/{'+'.join(sorted(PAIR))}"
    assert shows(pair, "co_purchase_pair", direct=True)
    assert explained(pair, {"co_purchase_pair"}) and not explained(pair, ACTING - {"co_purchase_pair"})
    assert not explained("co_purchase/1001+1002", ACTING)
    assert explained(f"gateway_products/product:{GATEWAY}", {"gateway_product"})
    assert not explained(f"gateway_products/product:{GATEWAY}", ACTING - {"gateway_product"})
    assert explained("churn_signals/first_product:1073", {"fragile_product", "low_first_review"})
    assert not explained("churn_signals/first_product:1073", {"fragile_product"})
    assert not explained("coupon_effect/coupon:6081125000000000014", ACTING)  # the season coupon lifts nothing
    assert not explained("churn_signals/first_coupon", ACTING)


def test_half_of_everything_is_half_and_differs_from_mall_to_mall() -> None:
    halves = [half_of_everything(seed) for seed in range(40)]
    assert {len(h) for h in halves} == {len(ACTING) // 2} and len(set(halves)) > 35
    assert set().union(*halves) == ACTING and half_of_everything(3) == halves[3]


def test_bounds_of_the_exact_test() -> None:
    assert most_hits(200) == 18


def test_power_is_reached_where_every_stronger_effect_has_it() -> None:
    points = [PowerPoint("co_purchase_pair", s, k, 20) for s, k in ((0.1, 4), (0.2, 19), (0.3, 16), (0.4, 20))]
    assert reached_at(points) == pytest.approx(0.3 + 0.1 * (0.9 - 0.8) / 0.2)
    assert reached_at(points[:1]) is None
    assert reached_at(points[3:]) == 0.4
    table = power_table(points, 2400)
    assert "| 0.2 | 19 of 20 | 0.95 |" in table and "power 0.9 is reached at 0.35" in table
    assert power_chart(points, 2400).count("<svg") == 1


def test_a_broken_off_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    def judge(task: MallTask) -> Judged:
        ran.append(task.seed)
        said = (Said("a/b", "confirmed", 0.01, 0.02, 1.5, (1.0, 1.0), 9),)
        return Judged(task, said, ("c",), (), {"a": 0.1})

    monkeypatch.setattr("benchmarks.discovery_malls.judge_mall", judge)
    keep = tmp_path / "malls.jsonl"
    tasks = [MallTask(1, 50), MallTask(2, 50, frozenset({"x", "y"}), (("x", 0.5),), ("a",), 3), MallTask(3, 50, None)]
    first = judged_malls(tasks[:2], keep=keep)
    whole = judged_malls(tasks, keep=keep)
    assert ran == [1, 2, 3] and whole[:2] == first and [j.task for j in whole] == tasks
