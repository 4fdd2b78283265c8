"""Looks at the held-out half: counted over all of them, ended once, taken back when documents turn the tables."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cafe24_pipelines.knowledge.ranking import SHIPPED, Ranking
from cafe24_pipelines.learning.active import PROMOTED, ROLLED_BACK, promote, roll_back, settings_history
from cafe24_pipelines.learning.bounds import bounds, fingerprint
from cafe24_pipelines.learning.confirm import RECHECKED, alpha_of, confirm
from cafe24_pipelines.learning.improve import TRIED, improve, search
from cafe24_pipelines.learning.standing import standing
from cafe24_pipelines.stores.events import EventLog
from tests.learning.test_learning_settings import BETTER, QUESTIONS, planted

LOOKS = 3


def noise(seed: int) -> Callable[[Ranking], Sequence[float]]:
    """Scores in which no setting is better than another."""
    import numpy as np

    def score(ranking: Ranking) -> list[float]:
        of_setting = int(fingerprint(ranking), 16) % 2**60
        return list(np.random.default_rng([seed, of_setting]).normal(0.6, 0.2, QUESTIONS))

    return score


def test_two_trials_at_once_make_one_look_and_one_promotion(log: EventLog) -> None:
    """A second run begins while the first is at the held-out half: both end the same trial, which counts once."""
    inner: list[Any] = []

    def slow(ranking: Ranking) -> list[float]:
        if not inner:
            inner.append(None)
            inner[0] = improve(log, "a", planted(9, gain=0.2), planted(2, gain=0.2), corpus="c", seed=99)
        return planted(2, gain=0.2)(ranking)

    outer = improve(log, "a", planted(1, gain=0.2), slow, corpus="c")
    assert outer.status == inner[0].status == "promoted" and outer.active == inner[0].active
    assert [e.type for e in log.read("a")] == [TRIED, PROMOTED] and len(settings_history(log, "a").versions) == 2


def test_what_was_proven_against_settings_that_are_gone_is_not_called_promoted(log: EventLog) -> None:
    def meanwhile(ranking: Ranking) -> list[float]:
        promote(log, "a", settings_history(log, "a").active, BETTER, evidence={}, key="by hand")
        return planted(2, gain=0.2)(ranking)

    done = improve(log, "a", planted(1, gain=0.2), meanwhile, corpus="c")
    assert done.status == "superseded" and done.active.ranking == BETTER
    assert standing(log, "a")["last"]["status"] == "superseded"


def test_settings_that_do_worse_over_new_documents_are_taken_back_once(log: EventLog) -> None:
    def bad(ranking: Ranking) -> list[float]:
        return planted(5, gain=0.4)(replace(ranking, dense=0.9 - ranking.dense))  # 0.6 is best now

    promote(log, "a", settings_history(log, "a").active, BETTER, evidence={"corpus": "old"}, key="1")

    def no(ranking: Ranking) -> list[float]:
        raise AssertionError("nothing is due")

    flat = improve(log, "a", lambda ranking: [0.5], no, corpus="old")
    assert flat.status == "nothing_better", "over the documents it was promoted on nothing is looked at again"
    same = improve(log, "a", lambda ranking: [0.5], planted(5, gain=0.0), corpus="like")
    assert same.status == "nothing_better" and same.active.number == 1
    gone = improve(log, "a", no, bad, corpus="new")
    assert gone.status == "taken_back" and gone.active.ranking == SHIPPED and gone.evidence
    assert gone.evidence["losses"] > gone.evidence["wins"] and gone.evidence["high"] < 0
    assert [e.type for e in log.read("a")] == [PROMOTED, RECHECKED, RECHECKED, ROLLED_BACK]
    assert improve(log, "a", lambda ranking: [0.5], no, corpus="new").status == "nothing_better"
    assert standing(log, "a")["last"]["status"] == "taken_back" and not settings_history(log, "a").unwanted


def test_a_recheck_that_was_killed_before_it_went_back_goes_back_the_next_time(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cafe24_pipelines.learning.confirm as room

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    promote(log, "a", settings_history(log, "a").active, BETTER, evidence={"corpus": "old"}, key="1")
    worse = planted(5, gain=0.4)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(room, "roll_back", killed)
        improve(log, "a", worse, lambda r: worse(replace(r, dense=0.9 - r.dense)), corpus="new")
    assert settings_history(log, "a").active.number == 1

    def no(ranking: Ranking) -> list[float]:
        raise AssertionError("it was looked at before")

    assert improve(log, "a", worse, no, corpus="new").status == "taken_back"


def test_what_a_person_rolled_back_is_not_proposed_again(log: EventLog) -> None:
    first = improve(log, "a", planted(1, gain=0.2), planted(2, gain=0.2), corpus="c")
    roll_back(log, "a")
    assert settings_history(log, "a").unwanted == {first.active.digest}
    again = improve(log, "a", planted(1, gain=0.2), planted(2, gain=0.2), corpus="other", seed=-1)  # the same search
    assert fingerprint(again.proposal.ranking) != first.active.digest


def test_gains_whose_interval_holds_0_are_not_promoted() -> None:
    """Many hardly better and a few much worse: wins alone say yes, the interval says it could be a loss."""
    old = [0.5] * 100
    new = [0.54] * 80 + [0.5] * 14 + [0.1] * 6
    found = confirm(new, old, 1, replace(bounds(), effect_floor=0.005))
    assert found.comparison.p < found.alpha and found.comparison.difference >= 0.005 and found.comparison.low < 0
    assert not found.promoted and confirm([0.54] * 80 + [0.5] * 20, old, 1, bounds()).promoted


def test_all_looks_together_spend_alpha_and_no_more() -> None:
    spent = [alpha_of(look, 0.05) for look in range(1, 10_000)]
    assert spent == sorted(spent, reverse=True) and 0.0499 < sum(spent) < 0.05


@pytest.mark.slow
def test_noise_is_promoted_no_more_often_than_alpha() -> None:
    """400 malls without any better setting, each looked at three times: at most alpha of them promote one."""
    allowed, fooled = replace(bounds(), budget=6), 0
    for mall in range(400):
        for look in range(1, LOOKS + 1):
            tuned, heldout = noise(2 * (mall * LOOKS + look)), noise(2 * (mall * LOOKS + look) + 1)
            found = search(tuned, SHIPPED, allowed, seed=look)
            worth = found.gain >= allowed.effect_floor
            if worth and confirm(heldout(found.ranking), heldout(SHIPPED), look, allowed).promoted:
                fooled += 1
                break
    assert 0 < fooled <= 400 * allowed.alpha, "chance is bounded, and this test can see it"
