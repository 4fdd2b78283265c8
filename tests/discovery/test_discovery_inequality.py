"""Gini and top shares: known values, and standard errors that agree with brute force."""

import numpy as np
import pytest

from cafe24_pipelines.discovery import inequality


def gini(values: list[float]) -> float:
    return float(inequality.gini_rows(np.array([values], float))[0])


def test_gini_has_its_known_values() -> None:
    assert gini([1, 1, 1, 1]) == pytest.approx(0)
    assert gini([1, 2, 3, 4]) == pytest.approx(0.25)
    assert gini([0, 0, 0, 1]) == pytest.approx(0.75)
    assert gini([]) == 0
    assert gini([0, 0]) == 0
    sample = np.random.default_rng(1).exponential(size=20_000)
    assert gini(sample.tolist()) == pytest.approx(0.5, abs=0.01)


def test_top_share_counts_at_least_one() -> None:
    rows = np.array([[1.0, 2, 3, 4], [0, 0, 0, 0]])
    assert inequality.top_share_rows(rows, 0.25).tolist() == [0.4, 0.0]
    assert inequality.top_share_rows(rows, 0.01).tolist() == [0.4, 0.0]


@pytest.mark.parametrize("top", [None, 0.1])
def test_standard_errors_are_those_of_repeated_sampling(top: float | None) -> None:
    """The influence function against the spread over 2,000 fresh samples: within a tenth."""
    rows = np.random.default_rng(3).lognormal(0, 0.5, size=(2000, 400))
    if top is None:
        values, errors = inequality.gini_rows(rows), inequality._gini_errors(rows)
    else:
        values, errors = inequality.top_share_rows(rows, top), inequality._top_errors(rows, top)
    assert float(np.mean(errors)) == pytest.approx(float(np.std(values)), rel=0.1)


def test_intervals_hold_the_value_and_stay_within_0_and_1() -> None:
    rng = np.random.default_rng(2)
    sample = rng.exponential(size=2000)
    found = inequality.gini_interval(sample, rng, resamples=400)
    assert 0 < found.low < 0.5 < found.high < 1
    few = inequality.top_share_interval(rng.pareto(1.1, 60) + 1, 0.1, rng, resamples=400)
    assert 0 < few.low <= few.value <= few.high < 1


def test_equal_values_give_a_point() -> None:
    found = inequality.gini_interval([5.0] * 50, np.random.default_rng(1))
    assert found.low == found.value == found.high
    nothing = inequality.top_share_interval([0.0] * 50, 0.1, np.random.default_rng(1))
    assert nothing == (0.0, 0.0, 0.0)
