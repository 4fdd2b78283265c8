"""Statistics against published examples and against scipy's own implementations of other routes."""

import numpy as np
import pytest
from scipy import stats

from cafe24_pipelines.discovery import statistics as st


def test_wilson_is_the_textbook_interval() -> None:
    # Wilson for 81 of 263, as in Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I
    assert st.wilson(81, 263) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=1e-4)
    assert st.wilson(0, 20).low == 0
    assert st.wilson(20, 20).high == 1


def test_newcombe_gives_his_published_examples() -> None:
    # Newcombe (1998), "Interval estimation for the difference between independent proportions", table II, method 10
    assert st.newcombe(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert st.newcombe(9, 10, 3, 10) == pytest.approx((0.6, 0.1705, 0.8090), abs=1e-4)
    assert st.newcombe(5, 56, 0, 29) == pytest.approx((0.0893, -0.0381, 0.1926), abs=1e-4)


def test_two_proportions_is_the_chi_square_and_falls_back_to_fisher() -> None:
    assert st.two_proportions(56, 70, 48, 80) == pytest.approx(st.chi_square([[56, 14], [48, 32]])[0])
    assert st.two_proportions(3, 10, 0, 12) == pytest.approx(stats.fisher_exact([[3, 7], [0, 12]]).pvalue)


def test_fisher_knows_the_lady_tasting_tea() -> None:
    assert st.fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert st.fisher(4, 4, 0, 4) == pytest.approx(2 / 70)


def test_chi_square_leaves_out_empty_rows_and_columns() -> None:
    p, v = st.chi_square([[10, 20, 0], [0, 0, 0], [20, 10, 0]])
    assert p == pytest.approx(stats.chi2.sf(20 / 3, 1))
    assert v == pytest.approx((20 / 3 / 60) ** 0.5)
    assert st.chi_square([[5, 5]]) == (1.0, 0.0)


def test_outside_share_keeps_its_level_at_the_bounds_and_finds_what_is_outside() -> None:
    k = np.arange(401)
    p = np.array([st.outside_share(int(i), 400, 0.3, 0.5) for i in k])
    for truth in (0.3, 0.4, 0.5):
        assert stats.binom.pmf(k, 400, truth)[p <= 0.05].sum() <= 0.05
    assert st.outside_share(240, 400, 0.3, 0.5) < 0.001
    assert st.outside_share(80, 400, 0.3, 0.5) < 0.001
    assert st.outside_share(160, 400, 0.3, 0.5) == 1.0


def test_outside_value_is_a_normal_test_at_the_nearer_bound() -> None:
    estimate = st.Estimate(1.0, 1.0 - 1.959964, 1.0 + 1.959964)  # standard error 1
    assert st.outside_value(estimate, -1.0, 0.0) == pytest.approx(2 * stats.norm.sf(1.0), abs=1e-6)
    assert st.outside_value(estimate, 0.5, 3.0) == 1.0


def test_poisson_rates_and_ratio_are_exact() -> None:
    assert st.poisson_rates(10, 100, 10, 100) == 1.0
    assert st.poisson_rates(2, 1, 11, 1) == pytest.approx(stats.binomtest(2, 13).pvalue)
    ratio, p = st.poisson_ratio(10, 4.0)
    assert ratio == pytest.approx((2.5, 4.7954 / 4, 18.3904 / 4), abs=1e-4)  # Garwood (1936) for 10 events
    assert p == pytest.approx(1 - stats.poisson.cdf(9, 4.0))
    assert st.poisson_ratio(0, 4.0)[0].low == 0


def test_mantel_haenszel_undoes_the_admissions_paradox() -> None:
    # Bickel, Hammel & O'Connell (1975), Berkeley admissions: (women in, women, men in, men) of departments A to F
    table = [
        (89, 108, 512, 825), (17, 25, 353, 560), (202, 593, 120, 325),
        (131, 375, 138, 417), (94, 393, 53, 191), (24, 341, 22, 373),
    ]  # fmt: skip
    women, men = (
        sum(r[0] for r in table) / sum(r[1] for r in table),
        sum(r[2] for r in table) / sum(r[3] for r in table),
    )
    assert women - men < -0.13
    pooled = st.mantel_haenszel(table)
    assert 0 < pooled.value < 0.05
    # the statistic of R's mantelhaen.test(UCBAdmissions, correct = FALSE) is 1.5246
    assert st.cochran_mantel_haenszel(table) == pytest.approx(stats.chi2.sf(1.5246, 1), abs=1e-3)


def test_mantel_haenszel_of_one_stratum_is_the_plain_difference() -> None:
    one = st.mantel_haenszel([(56, 70, 48, 80)])
    assert one.value == pytest.approx(0.2)
    assert one.high - one.value == pytest.approx(1.96 * (0.8 * 0.2 / 70 + 0.6 * 0.4 / 80) ** 0.5, rel=0.02)
    with pytest.raises(ValueError, match="both groups"):
        st.mantel_haenszel([(1, 2, 0, 0)])


# Freireich et al. (1963), weeks of remission; 1 = relapse, 0 = censored
SIX_MP = ([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
          [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])  # fmt: skip
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_kaplan_meier_gives_the_leukaemia_trial() -> None:
    event, se = st.kaplan_meier(*SIX_MP, 10)
    assert 1 - event == pytest.approx(0.7529, abs=1e-4)  # textbook S(10), standard error .0963
    assert se == pytest.approx(0.0963, abs=1e-4)
    event, se = st.kaplan_meier(*SIX_MP, 23)
    assert (1 - event, se) == pytest.approx((0.4482, 0.1346), abs=1e-4)
    assert st.kaplan_meier([5, 6], [0, 0], 4) == (0.0, 0.0)
    assert st.kaplan_meier([1, 2], [1, 1], 9)[0] == 1.0


def test_log_rank_gives_the_leukaemia_trial_and_respects_strata() -> None:
    time, event = SIX_MP[0] + PLACEBO, SIX_MP[1] + [1] * 21
    group = [True] * 21 + [False] * 21
    assert st.log_rank(time, event, group) == pytest.approx(stats.chi2.sf(16.7929, 1), rel=1e-3)
    uncensored = (np.array(time, float), np.array(event, bool))
    mine = st.log_rank(time, event, group)
    pair = [stats.CensoredData.right_censored(np.array(x, float), np.array(c) == 0)
            for x, c in ((SIX_MP[0], SIX_MP[1]), (PLACEBO, [1] * 21))]  # fmt: skip
    assert mine == pytest.approx(stats.logrank(*pair).pvalue)
    assert st.log_rank(*uncensored, group, strata=group) == 1.0  # nothing to compare within a stratum


def test_survival_difference_counts_the_censored_while_they_are_seen() -> None:
    difference = st.survival_difference(PLACEBO, [1] * 21, *SIX_MP, 10)
    assert difference.value == pytest.approx(13 / 21 - (1 - 0.7529), abs=1e-3)
    assert difference.low < difference.value < difference.high


def test_bootstrap_intervals_cover_as_they_should() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        visits = rng.poisson(3, 150) + 1.0
        bought = rng.binomial(visits.astype(int), 0.3).astype(float)
        interval = st.bootstrap_ratio(bought, visits, rng, resamples=400)
        covered += interval.low <= 0.3 <= interval.high
    assert 0.89 <= covered / 200 <= 0.99
    median = st.bootstrap_median(np.arange(1, 102), np.random.default_rng(1))
    assert median.value == 51
    assert median.low < 51 < median.high


def test_bootstrap_is_the_same_for_the_same_seed() -> None:
    x = np.arange(100.0)
    one, two = (st.bootstrap_median(x, np.random.default_rng(5)) for _ in range(2))
    assert one == two


def test_permutation_p_is_never_zero_and_has_sides() -> None:
    draws = np.arange(99.0)
    assert st.permutation_p(1000, draws) == pytest.approx(2 / 100)
    assert st.permutation_p(1000, draws, side=1) == pytest.approx(1 / 100)
    assert st.permutation_p(1000, draws, side=-1) == 1.0
    assert st.permutation_p(49, draws) == 1.0


def test_benjamini_hochberg_gives_the_paper() -> None:
    # Benjamini & Hochberg (1995), section 3.2: four of the fifteen hypotheses are rejected at 0.05
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    q = st.benjamini_hochberg(p)
    assert sum(x <= 0.05 for x in q) == 4
    assert q[3] == pytest.approx(0.0095 * 15 / 4)
    assert st.benjamini_hochberg([]) == []


def test_an_estimate_excludes_points_and_ranges() -> None:
    e = st.Estimate(2.0, 1.5, 2.5)
    assert e.excludes(1.0)
    assert e.excludes(3.0)
    assert not e.excludes(2.2)
    assert e.excludes(0.0, 1.4)
    assert not e.excludes(0.0, 1.6)
