"""Exact tests, Holm, intervals and sizes against published or hand-made figures, and where nothing differs."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from cafe24_pipelines.discovery.statistics import holm, sign_test
from cafe24_pipelines.experiments.statistics import (
    ALPHA,
    by_family,
    compare_ranks,
    compare_right,
    judged,
    kappa,
    paired_bootstrap,
    paired_newcombe,
    pairs_needed,
)


def test_the_sign_test_is_exact() -> None:
    assert sign_test(9, 1) == sign_test(1, 9) == pytest.approx(22 / 1024)
    assert sign_test(5, 5) == 1.0 and sign_test(0, 0) == 1.0
    assert sign_test(0, 10) == pytest.approx(2 / 1024)


def test_holm_steps_down_and_stays_in_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []


@pytest.mark.parametrize(
    ("win_rate", "alone", "of_three"),
    [(0.6, 199, 262), (0.65, 90, 117), (0.7, 49, 67), (0.8, 20, 28)],
)
def test_the_size_of_an_exact_sign_test(win_rate: float, alone: int, of_three: int) -> None:
    assert (pairs_needed(win_rate), pairs_needed(win_rate, comparisons=3)) == (alone, of_three)


def test_newcombes_paired_interval_is_his_example() -> None:
    """Newcombe (1998), Statistics in Medicine 17, 2635: 36, 12, 2, 0 has 0.0569 to 0.3404 by method 10."""
    difference, low, high = paired_newcombe(36, 12, 2, 0)
    assert (difference, low, high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)
    mirrored = paired_newcombe(36, 2, 12, 0)
    assert mirrored == pytest.approx((-0.2, -0.3404, -0.0569), abs=5e-5)


def test_the_bootstrap_holds_pairs_together() -> None:
    first = [1.0, 2.0, 0.0, 1.0] * 25
    assert paired_bootstrap([x + 1 for x in first], first) == (1.0, 1.0, 1.0)
    difference, low, high = paired_bootstrap([1.0] * 60 + [0.0] * 40, [0.0] * 60 + [1.0] * 40)
    assert difference == pytest.approx(0.2) and -0.02 < low < 0.05 and 0.35 < high < 0.42


def test_kappa_of_a_table_done_by_hand() -> None:
    """45 yes/yes, 15 yes/no, 25 no/yes, 15 no/no: observed 0.6, by chance 0.54."""
    first = ["y"] * 60 + ["n"] * 40
    second = ["y"] * 45 + ["n"] * 15 + ["y"] * 25 + ["n"] * 15
    value, low, high = kappa(first, second)
    assert value == pytest.approx(0.06 / 0.46) and low < value < high
    assert kappa(["a", "b", "c"] * 9, ["a", "b", "c"] * 9) == (1.0, 1.0, 1.0)
    assert kappa(["a"] * 5, ["a"] * 5)[0] == 0.0  # nothing but chance


def test_verdicts_follow_holm_and_the_direction() -> None:
    good, bad = [True] * 40 + [False] * 10, [False] * 40 + [False] * 10
    found = judged([compare_right("a", "b", {"a": good, "b": bad}), compare_right("b", "a", {"a": good, "b": bad}),
                    compare_right("a", "c", {"a": good, "c": good})])  # fmt: skip
    assert [c.verdict for c in found] == ["better", "worse", "unclear"]
    assert found[0].wins == 40 and found[0].ties == 10 and found[0].pairs == 50
    assert all(c.adjusted >= c.p for c in found)


def test_questions_of_one_form_are_one_piece_of_evidence_to_the_interval_over_families() -> None:
    first = [True] * 65 + [False] * 35
    moved = [1.0] * 65 + [-1.0] * 35
    plain = compare_right("a", "b", {"a": first, "b": [not x for x in first]})
    two = by_family(plain, moved, ["x"] * 65 + ["y"] * 35)  # both arms have won one family, whatever its size
    many = by_family(plain, moved, [str(i) for i in range(100)])
    assert plain.low > 0 and two.low == plain.low
    assert (two.family_low, two.family_high) == (-1.0, 1.0)
    assert many.family_low == pytest.approx(plain.low, abs=0.03)
    strong = [replace(c, p=1e-6) for c in (plain, two, many)]
    assert [c.verdict for c in judged(strong)] == ["better", "unclear", "better"]


def test_ranks_count_a_refusal_above_an_error() -> None:
    found = compare_ranks("a", "b", {"a": [2.0, 1.0, 1.0], "b": [2.0, 0.0, 2.0]})
    assert (found.wins, found.losses, found.ties, found.difference) == (1, 1, 1, 0.0)


def test_arms_that_don_t_differ_are_called_different_no_more_often_than_declared() -> None:
    rng, wrong = np.random.default_rng(11), 0
    for _ in range(1000):
        right = rng.random((3, 120)) < 0.6
        untied = [(int((a & ~b).sum()), int((b & ~a).sum())) for a, b in combinations(right, 2)]
        wrong += min(holm([sign_test(*pair) for pair in untied])) < ALPHA
    assert wrong / 1000 <= ALPHA + 0.01


def test_the_paired_interval_covers_the_truth() -> None:
    rng, covered = np.random.default_rng(12), 0
    for _ in range(250):
        both, only, other, neither = rng.multinomial(80, [0.4, 0.25, 0.1, 0.25])
        _, low, high = paired_newcombe(both, only, other, neither)
        covered += low <= 0.15 <= high
    assert 0.92 <= covered / 250 <= 0.99
