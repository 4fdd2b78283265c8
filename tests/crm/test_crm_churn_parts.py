"""The parts of churn on data whose truth is known: scores, calibration, the choice, the candidates, the reasons."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from cafe24_pipelines.crm.churn_model.calibration import Platt, calibration_error, fit_platt, reliability
from cafe24_pipelines.crm.churn_model.candidates import CANDIDATES, DIRECTIONS, usable
from cafe24_pipelines.crm.churn_model.features import FEATURES
from cafe24_pipelines.crm.churn_model.judging import METRICS, judge
from cafe24_pipelines.crm.churn_model.reasons import HIGHER, LOWER, SIDES, contributions, reasons
from cafe24_pipelines.crm.churn_model.study import Fitted, decide


def rows_and_outcome(n: int = 4000, seed: int = 5) -> tuple[pd.DataFrame, np.ndarray]:
    """Member-cuts of which recency and return share matter, and nothing else does."""
    rng = np.random.default_rng(seed)
    tenure = rng.integers(2, 400, n)
    frequency = 1 + rng.poisson(2, n)
    recency = np.where(frequency == 1, tenure, np.ceil(tenure * rng.random(n)))
    frame = pd.DataFrame(dict.fromkeys(FEATURES, 0.0), index=range(n))
    frame["recency_days"], frame["tenure_days"], frame["frequency"] = recency, tenure, frequency
    frame["return_share"] = rng.beta(1, 4, n)
    frame["money"] = rng.integers(1, 10**6, n)
    frame["last_rating"] = np.where(rng.random(n) < 0.5, np.nan, rng.integers(1, 6, n))
    truth = -2.0 + 0.7 * np.log1p(recency) + 3 * (frame["return_share"] - 0.2)
    return frame.astype(float).assign(cut=0), rng.random(n) < expit(truth)


def test_scores_are_those_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(700) < 0.4
    p = np.round(expit(rng.normal(y * 1.0, 1)), 1).clip(0.05, 0.95)
    value = judge(y, {"a": p}, rng, resamples=50).score("a")
    assert value["auc"].value == pytest.approx(roc_auc_score(y, p), abs=1e-6)
    assert value["brier"].value == pytest.approx(brier_score_loss(y, p), abs=1e-6)
    assert value["log_loss"].value == pytest.approx(log_loss(y, p), abs=1e-6)
    assert all(one.low < one.value < one.high for one in value.values())


def test_paired_differences_see_what_is_there_and_nothing_else() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(0, 1.5, 1500)
    y = rng.random(1500) < expit(truth)
    p = {"good": expit(truth), "same": expit(truth), "worse": expit(truth + rng.normal(0, 1.5, 1500))}
    found = judge(y, p, rng)
    assert found.beats("good", "worse") and not found.beats("worse", "good")
    assert not found.beats("good", "same")
    assert all(tuple(found.difference("good", "same")[m]) == (0, 0, 0) for m in METRICS)
    assert found.difference("good", "worse")["auc"].low > 0


def test_the_bootstrap_interval_of_a_score_covers_it() -> None:
    rng = np.random.default_rng(3)
    truth = float(roc_auc_score(y := rng.random(200_000) < 0.5, rng.normal(y * 1.0, 1)))
    hits = 0
    for _ in range(100):
        y = rng.random(250) < 0.5
        hits += (
            e := judge(y, {"a": expit(rng.normal(y * 1.0, 1))}, rng, resamples=200).score("a")["auc"]
        ).low <= truth
        hits -= e.high < truth
    assert 88 <= hits <= 100  # binomial(100, 0.95): below 88 once in 300


def test_platt_finds_the_distortion_again_and_mends_it() -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(0, 1.5, 20_000)
    y = rng.random(20_000) < expit(truth)
    raw = (truth - 0.8) / 0.4
    found = fit_platt(raw, y)
    assert (found.slope, found.intercept) == pytest.approx((0.4, 0.8), abs=0.04)
    before, after = (calibration_error(reliability(p, y)) for p in (expit(raw), found.probability(raw)))
    assert before > 0.1 > 0.02 > after
    bins = reliability(found.probability(raw), y)
    assert sum(b.low <= b.predicted <= b.high for b in bins) >= 8
    assert np.isfinite(found.logit([-1e300, 1e300])).all()
    assert fit_platt(-raw, y).slope == 0  # a model that ranks the wrong way is not turned round


def test_bins_never_part_equal_predictions() -> None:
    p = np.repeat([0.2, 0.5, 0.9], [700, 50, 250])
    y = np.arange(1000) % 2 == 0
    bins = reliability(p, y)
    assert [b.n for b in bins] == [700, 300]
    assert [b.predicted for b in bins] == pytest.approx([0.2, (50 * 0.5 + 250 * 0.9) / 300])
    assert calibration_error(bins) == pytest.approx(0.7 * 0.3 + 0.3 * (5 / 6 - 0.5))


@pytest.mark.parametrize(
    ("losses", "wins", "expected"),
    [
        ("boosted", {("boosted", "recency"), ("boosted", "alive")}, ("boosted", "boosted")),
        ("boosted", {("boosted", "recency")}, ("boosted", "alive")),
        ("boosted", {("boosted", "alive")}, ("boosted", "recency")),
        ("logistic", set(), ("logistic", "recency")),
        ("logistic", {("alive", "recency")}, ("logistic", "alive")),
        ("alive", set(), ("alive", "recency")),
        ("alive", {("alive", "recency")}, ("alive", "alive")),
        ("recency", set(), ("recency", "recency")),
    ],
)
def test_a_model_that_beats_nothing_gives_way_to_the_simpler_one(
    losses: str, wins: set[tuple[str, str]], expected: tuple[str, str]
) -> None:
    judgement = SimpleNamespace(beats=lambda a, b: (a, b) in wins)
    chosen, used, beaten = decide(judgement, {name: 0.5 - (name == losses) for name in CANDIDATES})
    assert (chosen, used) == expected
    assert beaten == {b: (chosen, b) in wins for b in ("recency", "alive") if b != chosen and chosen != "recency"}


def test_candidates_learn_what_matters_and_ignore_what_cannot() -> None:
    rows, y = rows_and_outcome()
    new, outcome = rows_and_outcome(seed=6)
    scores = {}
    for name, candidate in CANDIDATES.items():
        model = candidate.fit(rows, y, 60)
        p = model.logit(new)
        assert np.isfinite(p).all()
        assert not set(model.features) & {"coupon_share", "views_since", "season_sin"}  # they never vary
        scores[name] = roc_auc_score(outcome, p)
        moved = new.assign(recency_days=np.minimum(new["recency_days"] + 30, new["tenure_days"]))
        assert (model.logit(moved) >= p - 1e-9).all() or name == "alive"
    assert scores["logistic"] > scores["recency"] + 0.02
    assert scores["boosted"] > scores["recency"] + 0.01
    assert DIRECTIONS["recency_days"] == 1 and set(DIRECTIONS) <= set(FEATURES)
    assert usable(rows) == ("recency_days", "frequency", "money", "tenure_days", "return_share", "last_rating")


def test_a_rate_without_any_feature_is_the_base_rate() -> None:
    rows, y = rows_and_outcome(500)
    flat = rows.assign(**dict.fromkeys(FEATURES, 1.0))
    model = CANDIDATES["logistic"].fit(flat, y, 60)
    assert expit(model.logit(flat)[0]) == pytest.approx(y.mean(), abs=0.01)
    assert model.features == ()


def test_reasons_add_up_and_never_say_more_than_the_model_knows() -> None:
    rows, y = rows_and_outcome()
    median = {name: float(rows[name].median()) for name in FEATURES}
    fitted = Fitted("logistic", CANDIDATES["logistic"].fit(rows, y, 60), Platt(0.8, 0.1), 0.0)
    full = rows.fillna(median)
    parts = contributions(fitted, full, median)
    base = fitted.platt.logit(fitted.model.logit(pd.DataFrame([median])))[0]
    assert (parts.sum(axis=1) + base).to_numpy() == pytest.approx(
        fitted.platt.logit(fitted.model.logit(full)), abs=1e-4
    )
    told = reasons(fitted, full, median, horizon=60)
    for k in range(0, 4000, 97):
        strongest = parts.iloc[k].abs().nlargest(3)
        strongest = strongest[strongest >= 0.1]
        assert told[k].count("(") == len(strongest)
        signs = [HIGHER if parts.iloc[k][name] > 0 else LOWER for name in strongest.index]
        assert all(sign in said for sign, said in zip(signs, told[k].split("; "), strict=bool(signs)))
        if "recency_days" in strongest.index:
            assert f"마지막 구매 후 {full['recency_days'].iloc[k]:,.0f}일" in told[k]
    unrated = contributions(fitted, rows, median)["last_rating"]
    assert (unrated[rows["last_rating"].isna()] == 0).all()
    alone = Fitted("recency", CANDIDATES["recency"].fit(rows, y, 60), Platt(1, 0), 0.0)
    said = reasons(alone, rows, median, horizon=60)
    assert all(one == "" or (one.startswith("마지막 구매 후") and ";" not in one and "·" not in one) for one in said)
    assert sorted(name for side in SIDES for name in side) == sorted(set(FEATURES) - {"season_sin", "season_cos"})


def test_p_alive_agrees_with_a_simulation_of_its_own_model() -> None:
    rng = np.random.default_rng(9)
    n, days, horizon = 6000, 300, 60
    rate, leave = rng.gamma(0.8, 1 / 40, n), rng.beta(0.8, 2.5, n)
    sales: list[np.ndarray] = []
    for k in range(n):  # one purchase at the start, then BG/NBD
        times, at = [0.0], 0.0
        while (at := at + rng.exponential(1 / max(rate[k], 1e-9))) < days + horizon:
            times.append(at)
            if rng.random() < leave[k]:
                break
        sales.append(np.array(times))
    frame = pd.DataFrame(
        [((t < days).sum(), days, days - t[t < days].max(), (t >= days).any()) for t in sales],
        columns=["frequency", "tenure_days", "recency_days", "again"],
    ).astype(float)
    y = frame.pop("again").to_numpy() == 0
    model = CANDIDATES["alive"].fit(frame.assign(cut=0), y, horizon)
    bins = reliability(expit(model.logit(frame)), y)
    assert calibration_error(bins) < 0.03
    assert logit(0.5) == 0 and roc_auc_score(y, model.logit(frame)) > 0.75
