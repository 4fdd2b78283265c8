"""Settings are tried within bounds, promoted only when proven, counted over all looks, and rolled back exactly."""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from cafe24_pipelines import parts
from cafe24_pipelines.answers.ask import Services
from cafe24_pipelines.answers.feedback import RECEIVED
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cli import main
from cafe24_pipelines.errors import BadInput, Cafe24Error, ConfigError
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.knowledge.evaluation import ANSWER, HELPS, Question, evaluate, load_questions
from cafe24_pipelines.knowledge.ranking import SHIPPED, Ranking
from cafe24_pipelines.knowledge.search import Retriever
from cafe24_pipelines.learning import improve as improving
from cafe24_pipelines.learning import offline
from cafe24_pipelines.learning.active import (
    PROMOTED,
    ROLLED_BACK,
    ActiveRanking,
    promote,
    roll_back,
    settings_history,
)
from cafe24_pipelines.learning.bounds import LIMITS, Range, bounds, fingerprint, ranking_of, read_bounds, values_of
from cafe24_pipelines.learning.confirm import confirm
from cafe24_pipelines.learning.improve import REJECTED, TRIED, improve, search
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.learning import feature_auto_improver
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

QUESTIONS = 200
BETTER = replace(SHIPPED, dense=0.3, guide=1.3)
RULES = "trial: {alpha: 0.05, effect_floor: 0.01, budget: 5, new_verdicts: 5}\nversion: 1"
FILE = "settings: {dense: {low: 0, high: 1, step: 0.5}}\n" + RULES


def planted(seed: int, *, gain: float) -> Callable[[Ranking], list[float]]:
    """Scores that rise as `dense` comes near 0.3, on most questions, over noise of each setting."""

    def score(ranking: Ranking) -> list[float]:
        draw = random.Random(f"{seed}:{fingerprint(ranking)}")
        near = gain * (1 - abs(ranking.dense - 0.3))
        return [near * (i % 10 < 9) + draw.gauss(0.6, 0.02) for i in range(QUESTIONS)]

    return score


# -- promotion ---------------------------------------------------------------------------------------------------


def test_a_planted_better_setting_is_found_proven_and_promoted_once(log: EventLog) -> None:
    done = improve(log, "a", planted(1, gain=0.2), planted(2, gain=0.2), corpus="c")
    assert done.status == "promoted" and done.active.number == 1
    assert abs(done.active.ranking.dense - 0.3) < abs(SHIPPED.dense - 0.3)
    [event] = log.read("a", types=(PROMOTED,))
    assert event.payload["old"] == values_of(SHIPPED) and event.payload["new"] == values_of(done.active.ranking)
    evidence = event.payload["evidence"]
    assert evidence["p"] <= evidence["alpha"] == bounds().alpha / 2 and evidence["adjusted"] == 2 * evidence["p"]
    assert evidence["difference"] >= bounds().effect_floor and 0 < evidence["low"] < evidence["high"]
    assert settings_history(log, "a").active.ranking == done.active.ranking
    assert settings_history(log, "b").active.ranking == SHIPPED, "another mall's settings are its own"


def test_what_is_better_on_the_tuned_half_alone_is_rejected_and_not_tried_again(log: EventLog) -> None:
    def flat(ranking: Ranking) -> list[float]:
        return planted(7, gain=0.0)(ranking)

    first = improve(log, "a", planted(1, gain=0.2), flat, corpus="c")
    assert first.status == "rejected" and first.active.ranking == SHIPPED
    assert [e.type for e in log.read("a")] == [TRIED, REJECTED]
    seed = -1  # the second trial adds one: the same search, which finds the same
    again = improve(log, "a", planted(1, gain=0.2), flat, corpus="c", seed=seed)
    assert again.status == "tried_before" and len(log.read("a")) == 2


def test_nothing_better_means_no_look_at_the_held_out_half(log: EventLog) -> None:
    def never(ranking: Ranking) -> list[float]:
        raise AssertionError("the held-out half was looked at")

    done = improve(log, "a", lambda ranking: [0.5] * QUESTIONS, never, corpus="c")
    assert done.status == "nothing_better" and log.read("a") == []


def test_a_trial_that_was_killed_is_finished_as_it_was_begun(log: EventLog) -> None:
    def killed(ranking: Ranking) -> list[float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        improve(log, "a", planted(1, gain=0.2), killed, corpus="c")
    [begun] = log.read("a")
    done = improve(log, "a", killed, planted(2, gain=0.2), corpus="c")  # the search is not made again
    assert done.status == "promoted" and [e.type for e in log.read("a")] == [TRIED, PROMOTED]
    assert values_of(done.active.ranking) == begun.payload["new"]


def test_a_trial_that_the_bounds_no_longer_allow_is_ended_and_the_next_one_is_made(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run was killed, then somebody narrowed the file: without an end, every later run would fail."""

    def killed(ranking: Ranking) -> list[float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        improve(log, "a", planted(1, gain=0.2), killed, corpus="c")
    narrow = replace(bounds(), ranges={"guide": Range(1.1, 1.2, 0.05)})
    monkeypatch.setattr(improving, "bounds", lambda: narrow)
    done = improve(log, "a", planted(1, gain=0.2), killed, corpus="c")
    assert done.status == "nothing_better" and [e.type for e in log.read("a")] == [TRIED, REJECTED]
    assert "out of bounds" in log.read("a")[1].payload["evidence"]["reason"]


@pytest.mark.parametrize("half", ["tuned", "held-out"])
def test_a_score_that_is_no_number_stops_the_round_and_decides_nothing(log: EventLog, half: str) -> None:
    def broken(ranking: Ranking) -> list[float]:
        return [float("nan"), *planted(2, gain=0.2)(ranking)[1:]]

    tuned, heldout = planted(1, gain=0.2), planted(2, gain=0.2)
    one = (broken, heldout) if half == "tuned" else (tuned, broken)
    with pytest.raises(Cafe24Error, match=f"{half} half is no number"):
        improve(log, "a", *one, corpus="c")
    assert not log.read("a", types=(PROMOTED, REJECTED))
    assert "NaN" not in json.dumps([e.payload for e in log.read("a")])
    assert improve(log, "a", tuned, heldout, corpus="c").status == "promoted", "mended, it is finished as begun"


# -- the guard ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"dense": 99.0}, {"dense": float("nan")}, {"dense": "1"}, {"dense": True}, {"candidates": 80.5},
        {"shell": 1.0}, {"sparse": 2.0}, {"guide": 10**400},
    ],
)  # fmt: skip
def test_an_event_out_of_bounds_is_refused_and_what_was_stays(log: EventLog, change: dict[str, Any]) -> None:
    promote(log, "a", settings_history(log, "a").active, BETTER, evidence={}, key="1")
    before = settings_history(log, "a").active
    new = values_of(BETTER) | change
    digest = "0" * 32 if "dense" in change else fingerprint(BETTER)
    payload = {"new": new, "hash": digest, "old_hash": before.digest, "after": before.event_id}
    log.append([Event("forged", "a", PROMOTED, datetime.now(UTC), json.loads(json.dumps(payload)))])
    found = settings_history(log, "a")
    assert found.active == before and [event for event, _ in found.refused] == ["forged"]


def test_an_event_with_another_hash_or_of_another_version_is_refused(log: EventLog) -> None:
    start = settings_history(log, "a").active
    promote(log, "a", start, BETTER, evidence={}, key="1")
    promote(log, "a", start, replace(BETTER, dense=0.2), evidence={}, key="late")  # follows on version 0
    now = settings_history(log, "a").active
    payload = {"new": values_of(SHIPPED), "hash": "f" * 32, "old_hash": now.digest, "after": now.event_id}
    log.append([Event("forged", "a", PROMOTED, datetime.now(UTC), payload)])
    log.append([Event("odd", "a", ROLLED_BACK, datetime.now(UTC), {"ends": "another"})])
    found = settings_history(log, "a")
    assert found.active.ranking == BETTER and len(found.refused) == 3
    with pytest.raises(ConfigError):
        promote(log, "a", now, replace(BETTER, dense=9.0), evidence={}, key="2")


@pytest.mark.parametrize(
    "text",
    [
        "", "settings: [", "settings: {}\n" + RULES, FILE.replace("0.05", "1" + "0" * 400),
        FILE + "\nrun: {shell: ls}", FILE.replace("budget", "shell: 1, budget"),
        FILE.replace("version: 1", "version: 2"), FILE.replace("budget: 5", "budget: 1000000"),
        FILE.replace("step: 0.5", "step: 1.0e-9"), FILE.replace("step: 0.5", "step: 0.5, run: 1"),
        "settings: {shell: {low: 0, high: 1, step: 1}}\n" + RULES,
        "settings: {dense: {low: 0, high: 9, step: 1}}\n" + RULES,
        "settings: {dense: {low: 0.7, high: 1, step: 1}}\n" + RULES,
        "settings: {dense: {low: 0, high: 1, step: 0}}\n" + RULES,
        "settings: {dense: {low: 0, high: 1, step: .inf}}\n" + RULES,
        "settings: {dense: {low: 0, high: 1, step: 1}}\n" + RULES.replace("0.05", "0.9"),
        "!!python/object/apply:os.system ['true']",
    ],
)  # fmt: skip
def test_a_file_out_of_bounds_is_refused(text: str) -> None:
    assert set(read_bounds(FILE).ranges) == {"dense"}, "what the wrong ones are made of is right"
    with pytest.raises(ConfigError, match=r"bounds\.yaml"):
        read_bounds(text)


def test_the_shipped_file_names_the_closed_list_and_searches_stay_within_it() -> None:
    assert set(bounds().ranges) == set(LIMITS)
    seen: list[Ranking] = []

    def score(ranking: Ranking) -> list[float]:
        seen.append(ranking)
        return planted(3, gain=0.3)(ranking)

    found = search(score, SHIPPED, bounds(), seed=4)
    assert len(seen) == bounds().budget + 1 == found.looked_at + 1
    assert all(ranking_of(values_of(r), bounds()) == r and r.sparse == SHIPPED.sparse for r in seen)
    assert search(score, SHIPPED, bounds(), seed=4) == found, "the same seed finds the same"


def test_a_trial_starts_no_process_and_writes_no_file_but_the_log(
    services: Services, log: EventLog, tmp_path: Path
) -> None:
    """A whole round over the real retriever, watched by the interpreter's audit events."""
    seen: list[str] = []
    watching = True

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if not watching:
            return
        if event.startswith(
            ("subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "socket.")
        ):
            seen.append(event)
        elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
            seen.append(f"open {args[0]}")

    sys.addaudithook(audit)  # it can't be taken off again, so it is switched off
    try:
        (tmp_path / "seen").write_text("")
        assert [one.split("/")[-1] for one in seen] == ["seen"]
        seen.clear()
        some = [
            offline.Offline(services.retriever, half, bounds(), lambda line: None) for half in ("tuned", "heldout")
        ]
        for one in some:
            asked = load_questions(one.half)[:3]
            one._gathered = [(q, services.retriever.gather(q.text, one.depth)) for q in asked]
            one._families = offline.families(asked)
        improve(log, "a", *some, corpus="c")
        improve(log, "b", planted(1, gain=0.2), planted(2, gain=0.2), corpus="c")
        roll_back(log, "b")
    finally:
        watching = False
    assert not seen


# -- the real retriever --------------------------------------------------------------------------------------------


def ranked(retriever: Retriever) -> bytes:
    texts = [q.text for q in load_questions("tuned")[:12]]
    found = [[(f.document_id, f.score, f.text) for f in retriever.search(text, limit=10)] for text in texts]
    return json.dumps(found, ensure_ascii=False).encode()


def test_a_promotion_reaches_search_and_a_rollback_restores_it_to_the_byte(
    services: Services, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cafe24_pipelines.learning.active as room

    monkeypatch.setattr(room, "FRESH", -1.0)
    old = services.retriever
    retriever = Retriever(old.vectors, old.encoders, old.mall_id, None, ActiveRanking(log, "sandbox"))
    shipped = ranked(retriever)
    assert shipped == ranked(Retriever(old.vectors, old.encoders, old.mall_id))
    strange = replace(SHIPPED, dense=1.5, said=0.3, guide=0.9, candidates=160)
    promote(log, "sandbox", settings_history(log, "sandbox").active, strange, evidence={}, key="1")
    assert ranked(retriever) != shipped
    assert roll_back(log, "sandbox").active.number == 0
    assert ranked(retriever) == shipped
    with pytest.raises(BadInput, match="shipped"):
        roll_back(log, "sandbox")


def test_offline_scores_are_those_of_the_retriever(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    some = load_questions("tuned")[::20]
    monkeypatch.setattr(offline, "load_questions", lambda half="": some)
    scorer = offline.Offline(services.retriever, "tuned", bounds(), lambda line: None)
    for ranking in (SHIPPED, replace(BETTER, candidates=120)):
        old = services.retriever
        real = Retriever(old.vectors, old.encoders, old.mall_id, None, lambda ranking=ranking: ranking)
        searched = evaluate(lambda text, n, real=real: [f.document_id for f in real.search(text, limit=n)], some)
        of = offline.families(some)
        assert offline.by_family(searched.values["ndcg@10"], of) == list(scorer(ranking))


def test_questions_that_share_an_answer_are_one_piece_of_evidence() -> None:
    def question(number: int, *answers: str) -> Question:
        return Question(str(number), "tuned", "concept", "c", "?", dict.fromkeys(answers, ANSWER) | {"help": HELPS})

    asked = [question(1, "a"), question(2, "c", "b"), question(3, "d"), question(4, "b", "a"), question(5, "d")]
    assert offline.families(asked) == [0, 0, 1, 0, 1], "what merely helps joins nothing"
    assert offline.by_family([1.0, 0.5, 0.2, 0.0, 0.4], [0, 0, 1, 0, 1]) == [0.5, 0.3]
    counts = {half: Counter(offline.families(load_questions(half))) for half in ("tuned", "heldout")}
    assert max(counts["heldout"].values()) > 20, "counted by question, one family alone could decide"
    new = offline.by_family([1.0] * 43 + [0.5] * 61, [0] * 43 + list(range(1, 62)))
    assert not confirm(new, [0.5] * 62, 1, bounds()).promoted


# -- the workflow --------------------------------------------------------------------------------------------------


def test_enough_new_verdicts_ask_for_one_trial(tmp_path: Path) -> None:
    settings = Settings.from_env({}, home=tmp_path / "home")
    for mall in ("a", "b"):
        register(settings.home, Mall(mall))
    log, wanted = parts.event_log(settings), bounds().new_verdicts

    def verdicts(first: int, last: int) -> None:
        log.append(Event(f"f{n}", "a", RECEIVED, datetime.now(UTC), {}) for n in range(first, last))

    def tick(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        events = EventsResource(home=str(settings.home.root))
        with dagster_instance(settings) as instance:
            instance.add_dynamic_partitions("malls", ["a", "b", "removed"])
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"events": events}) as context:
                found = feature_auto_improver(context)
        assert isinstance(found, dg.SensorResult | dg.SkipReason)
        return found

    verdicts(0, wanted - 1)
    assert isinstance(tick(None), dg.SkipReason)
    verdicts(wanted - 1, wanted + 5)
    asked = tick(None)
    assert isinstance(asked, dg.SensorResult) and [r.partition_key for r in asked.run_requests or []] == ["a"]
    verdicts(wanted + 5, 2 * wanted + 4)
    assert isinstance(tick(asked.cursor), dg.SkipReason), "one is missing"
    verdicts(2 * wanted + 4, 2 * wanted + 5)
    again = tick(asked.cursor)
    assert isinstance(again, dg.SensorResult) and isinstance(tick(again.cursor), dg.SkipReason)
    spoilt = tick('{"v": 1, "asked": {"a": "x", "removed": "3"}}')
    assert isinstance(spoilt, dg.SensorResult) and [r.partition_key for r in spoilt.run_requests or []] == ["a"]
    assert [r.run_key for r in spoilt.run_requests or []] == [r.run_key for r in again.run_requests or []]


def test_the_command_shows_versions_and_rolls_back(built_home: Settings, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "malls.json").write_text((built_home.home.root / "malls.json").read_text())
    log = parts.event_log(Settings.from_env({}, home=home))

    def run(*more: str) -> str:
        done = CliRunner().invoke(main, ["settings", "--home", str(home), *more])
        assert done.exit_code == 0, done.output
        return done.output

    assert "버전 0(기본 설정)" in run() and "되돌리기" not in run()
    log.append([Event("early", "sandbox", RECEIVED, datetime.now(UTC), {"verdict": "negative"})])
    improve(log, "sandbox", planted(1, gain=0.2), planted(2, gain=0.2), corpus="c")
    log.append([Event("late", "sandbox", RECEIVED, datetime.now(UTC), {"verdict": "positive"})])
    told, text = json.loads(run("--json")), run()
    assert told["version"] == 1 and told["settings"]["dense"] != told["shipped"]["dense"]
    assert "(기본 0.6)" in text and "근거: 질문 묶음 200개 가운데 나아짐" in text
    assert "1번째 확인이라 0.025 이하여야" in text
    assert "이 설정 전 긍정 0, 부정 1, 정정 0 / 뒤 긍정 1, 부정 0, 정정 0" in text and "적용했습니다" in text
    assert "back: cafe24 settings --rollback" in run("--lang", "en")
    assert "되돌렸습니다" in run("--rollback") and json.loads(run("--json"))["version"] == 0
    improve(log, "sandbox", planted(1, gain=0.2), planted(7, gain=0.0), corpus="c", seed=5)
    assert "확인되지 않아 바꾸지 않았습니다" in run() and "did not prove better" in run("--lang", "en")
    again = CliRunner().invoke(main, ["settings", "--home", str(home), "--rollback"])
    assert again.exit_code == 1 and "nothing to roll back" in again.output
