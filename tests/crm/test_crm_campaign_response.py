"""Campaign response: published numbers, what chance does, a planted effect, and a coupon sent to the better half."""

import numpy as np
import pandas as pd
import pytest

from cafe24_pipelines.cafe24.landing import land_shop
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.campaign_response import campaign_response, holdout, sample_size
from cafe24_pipelines.crm.campaign_statistics import balance, mean_difference, stratified_newcombe
from cafe24_pipelines.crm.shop import FrameShop, frames
from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.sandbox import measures, truth
from cafe24_pipelines.settings import Home, Settings
from cafe24_pipelines.stores.lake import MallLake

MALL = Mall("m")
START = pd.Timestamp("2025-01-01", tz="UTC")


def test_one_wave_is_newcombe_s_published_interval() -> None:
    lift = stratified_newcombe([56], [70], [48], [80])  # Newcombe 1998, table II, method 10
    assert lift.difference == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    none = stratified_newcombe([0], [10], [0], [10])
    assert none.difference == pytest.approx((0.0, -0.2775, 0.2775), abs=5e-5)


def test_waves_of_unlike_shares_are_compared_within() -> None:
    """Both waves show no difference; added up they would show one."""
    k1, n1, k0, n0 = [45, 20], [90, 200], [50, 9], [100, 90]
    assert (45 + 20) / 290 - (50 + 9) / 190 < -0.08
    lift = stratified_newcombe(k1, n1, k0, n0)
    assert lift.difference.value == pytest.approx(0, abs=1e-12)
    assert lift.difference.low < 0 < lift.difference.high


def moments(x: np.ndarray, treated: np.ndarray) -> tuple[np.ndarray, ...]:
    one = treated[..., None]
    return (np.array([len(w) for w in x]), treated.sum(axis=1), x.sum(axis=1), (x * one).sum(axis=1),
            np.einsum("wni,wnj->wij", x, x))  # fmt: skip


def test_balance_rejects_chance_as_often_as_it_says_and_sees_a_shift() -> None:
    rng = np.random.default_rng(1)
    p = []
    for _ in range(600):
        x = rng.normal(size=(3, 80, 4)) + rng.normal(size=(3, 1, 4)) * 5  # waves differ, arms don't
        x[..., 3] = x[..., 0] + x[..., 1]  # one covariate says nothing new
        p.append(balance(*moments(x, np.argsort(rng.random((3, 80)), axis=1) < 30)).p)
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.08
    x = rng.normal(size=(3, 200, 4))
    treated = np.argsort(rng.random((3, 200)), axis=1) < 100
    x[..., 2] += 0.5 * treated
    shifted = balance(*moments(x, treated))
    assert shifted.p < 1e-4
    assert shifted.differences[2] == pytest.approx(0.5, abs=0.15)
    assert balance([10], [5], [[10.0]], [[5.0]], [[[10.0]]]).p == 1  # a covariate that is the same for all


def test_money_is_resampled_by_member() -> None:
    rng = np.random.default_rng(2)
    n, total = np.full((1, 2, 200), 5.0), rng.normal(100, 20, (1, 2, 200))
    found = mean_difference(n, total, 1)
    means = total[0] / 5
    assert found.value == pytest.approx(means[1].mean() - means[0].mean())
    se = (means[1].var(ddof=1) / 200 + means[0].var(ddof=1) / 200) ** 0.5
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(se, rel=0.1)
    # the same members in three waves bring no more certainty than in one
    again = mean_difference(np.repeat(n, 3, axis=0), np.repeat(total, 3, axis=0), 1)
    assert again.high - again.low == pytest.approx(found.high - found.low, rel=1e-6)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> MallLake:
    root = tmp_path_factory.mktemp("campaigns")
    lake = MallLake(root / "lake", SANDBOX_MALL)
    land_shop(Mall(SANDBOX_MALL), lake, Settings(home=Home(root)))
    return lake


def test_the_planted_effect_is_found_and_the_null_is_not(sandbox: MallLake) -> None:
    table = campaign_response(sandbox, Mall(SANDBOX_MALL)).table.set_index("coupon_name")
    works, nothing = table.loc[truth.WINBACK_COUPON], table.loc[truth.SEASON_COUPON]
    assert (works["design"], works["verdict"]) == ("무작위로 볼 수 있음", "효과 있음")
    arms = {
        row["arm"]: row for row in sandbox.query(measures.winback_uplift(truth.WINBACK_COUPON, 60, 120)).to_pylist()
    }
    # what the sandbox knows of eligibility, and what was inferred of it, agree to a few members in a hundred
    assert works["n_held_out"] == pytest.approx(arms["rest"]["n"], rel=0.03)
    assert works["lift"] == pytest.approx(arms["planted"]["mean"] - arms["rest"]["mean"], abs=0.02)
    assert works["revenue_low"] > 0
    assert (nothing["design"], nothing["verdict"]) == ("무작위로 볼 수 있음", "없음을 배제 못함")
    assert nothing["lift_low"] < 0 < nothing["lift_high"]
    welcome = table.loc["신규 가입 3,000원 쿠폰"]  # everyone gets it on joining: nobody to compare with
    assert (welcome["design"], welcome["verdict"]) == ("비교군 없음", "알 수 없음")
    assert pd.isna(welcome["lift"]) and 0 < welcome["use_low"] < welcome["use_rate"] < welcome["use_high"]


def campaign(seed: int, *, chosen: str, effect: float = 0.0, members: int = 800) -> FrameShop:
    """Members of unlike paces; on day 200 a coupon goes to a random half, or more often to those who buy more."""
    rng = np.random.default_rng(seed)
    pace = rng.lognormal(-4.0, 0.8, members)
    rows = [(f"m{k:04d}", day) for k in range(members) for day in rng.uniform(0, 240, 1 + rng.poisson(240 * pace[k]))]
    rank = pace.argsort().argsort() / members
    got = rng.random(members) < (0.5 if chosen == "random" else 0.2 + 0.6 * rank)
    moved = got & (rng.random(members) < effect)
    rows += [(f"m{k:04d}", 200 + rng.uniform(1, 29)) for k in np.flatnonzero(moved)]
    frame = pd.DataFrame(rows, columns=["member_key", "day"]).sample(frac=1, random_state=seed, ignore_index=True)
    frame["ordered_at"] = START + pd.to_timedelta((frame.pop("day") * 86400).round(), unit="s")
    frame["order_id"] = [f"o{k}" for k in range(len(frame))]
    given = [f"m{k:04d}" for k in np.flatnonzero(got)]
    issues = pd.DataFrame({"issue_no": [f"i{k}" for k in range(len(given))], "member_key": given}).assign(
        coupon_no="c", issued_at=START + pd.Timedelta(days=200)
    )
    coupons = pd.DataFrame({"coupon_no": ["c", "unsent"], "coupon_name": ["봄 쿠폰", ""]})
    orders = frame.assign(status="confirmed", paid_amount=10_000.0)
    return frames(orders=orders, coupons=coupons, coupon_issues=issues)


def test_a_coupon_for_good_customers_is_an_observation_and_never_works() -> None:
    row = campaign_response(campaign(1, chosen="better"), MALL).table.iloc[0]
    assert row["lift_low"] > 0  # it looks as if it worked
    assert (row["design"], row["verdict"]) == ("관찰(무작위 아님)", "알 수 없음")
    assert row["balance_p"] < 0.01 and pd.isna(row["q"])


def test_a_random_coupon_is_judged_by_what_it_did() -> None:
    works = campaign_response(campaign(3, chosen="random", effect=0.25), MALL)
    row = works.table.set_index("coupon_no").loc["c"]
    assert (row["verdict"], row["waves"]) == ("효과 있음", 1)
    assert row["n_issued"] + row["n_held_out"] > 700
    assert works.table.set_index("coupon_no").loc["unsent", "verdict"] == "알 수 없음"
    assert works.to_json()["verdicts"]["효과 있음"] == 1
    verdicts = [campaign_response(campaign(seed, chosen="random"), MALL).table.iloc[0] for seed in range(4, 9)]
    assert sum(row["verdict"] in {"효과 있음", "역효과"} for row in verdicts) <= 1
    assert sum(row["design"] == "무작위로 볼 수 있음" for row in verdicts) >= 4


def test_no_coupon_says_so() -> None:
    assert campaign_response(frames(), MALL).status == "insufficient_data"


def test_a_holdout_is_drawn_by_seed_and_member_within_strata() -> None:
    rng = np.random.default_rng(5)
    members = pd.DataFrame(
        {"member_key": [f"m{k}" for k in range(1003)], "segment": rng.choice(["가", "나", "다"], 1003)}
    )
    out = holdout(members, 0.2, 7, strata=["segment"])
    for _, part in members.assign(out=out).groupby("segment"):
        assert abs(part["out"].sum() - 0.2 * len(part)) <= 1
    mixed = members.sample(frac=1, random_state=1)
    again = holdout(mixed, 0.2, 7, strata=["segment"])
    pd.testing.assert_series_equal(again.sort_index(), out)
    other = holdout(members, 0.2, 8, strata=["segment"])
    assert (other & out).sum() == pytest.approx(0.04 * 1003, abs=25)  # another seed, another draw
    odds = np.mean([holdout(members.head(50), 0.3, seed).to_numpy() for seed in range(400)], axis=0)
    assert np.abs(odds - 0.3).max() < 0.1  # nobody is favoured: 4 standard errors of 400 draws
    with pytest.raises(ValueError, match="twice"):
        holdout(pd.concat([members, members]), 0.2, 7)
    with pytest.raises(ValueError, match="between"):
        holdout(members, 1.0, 7)


def test_sample_size_is_the_textbook_s_and_reaches_its_power() -> None:
    assert sample_size(0.10, 0.05) == (686, 686)  # 10 % against 15 %, two-sided 5 %, power 80 %
    treated, rest = sample_size(0.08, 0.03, share=0.2)
    assert rest / (treated + rest) == pytest.approx(0.2, abs=0.001)
    rng = np.random.default_rng(6)
    a, b = rng.binomial(treated, 0.11, 4000) / treated, rng.binomial(rest, 0.08, 4000) / rest
    pooled = (a * treated + b * rest) / (treated + rest)
    z = (a - b) / np.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / rest))
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.03)
    with pytest.raises(ValueError, match="lift"):
        sample_size(0.1, 0.0)
