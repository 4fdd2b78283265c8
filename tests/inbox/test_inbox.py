"""The inbox: what may be put, each key once, how fast; and reading in batches that lose nothing."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.answers.feedback import Feedback, counts, receive
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.inbox.post import TooMany, post, request
from cafe24_pipelines.inbox.read import read_batch, set_aside
from cafe24_pipelines.inbox.types import EVENT_TYPES, known_type
from cafe24_pipelines.learning.judge import voice
from cafe24_pipelines.lifecycle.plan import NotAllowed, plans
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog
from cafe24_pipelines.stores.graph import uid

ASK = {"question": "주문 목록을 조회하는 코드"}
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.db")


def test_a_key_counts_once_whatever_it_holds_and_only_for_its_mall(log: EventLog) -> None:
    first = post(log, "a", "generate.requested", ASK, key="1")
    again = post(log, "a", "generate.requested", {"question": "다른 질문"}, key="1")
    other = post(log, "b", "generate.requested", ASK, key="1")
    assert (first.new, again.new, other.new) == (True, False, True)
    assert first.event_id == again.event_id != other.event_id
    [event] = log.read("a")
    assert event.payload == {"question": ASK["question"], "execute": True}


@pytest.mark.parametrize(
    ("name", "payload", "says"),
    [
        ("nothing.known", {}, "no event type"),
        ("generate.requested", {}, "question"),
        ("generate.requested", {"question": ""}, "question"),
        ("generate.requested", {"question": " \x00\u200b?"}, "question"),
        ("generate.requested", {"question": "\ud800 주문"}, "JSON"),
        ("generate.requested", {"question": "가" * 1001}, "question"),
        ("generate.requested", {"question": 5}, "question"),
        ("generate.requested", {**ASK, "shell": "rm"}, "shell"),
        ("plan.changed", {"plan": "gold"}, "gold"),
        ("feedback.received", {"answer_id": "x", "verdict": "maybe"}, "maybe"),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_refused_with_its_field(
    log: EventLog, name: str, payload: dict[str, object], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        post(log, "a", name, payload, key="1")
    assert log.read("a") == []


def test_size_and_key_are_bounded(log: EventLog) -> None:
    with pytest.raises(BadInput, match="bytes"):
        post(log, "a", "comparison.requested", {"arms": ["rag"] * 4000}, key="1")
    for key in ("", "  ", "k" * 201, "\udcff\udcfe"):
        with pytest.raises(BadInput, match="key"):
            post(log, "a", "generate.requested", ASK, key=key)


def test_personal_data_is_masked_before_it_is_logged(log: EventLog) -> None:
    post(log, "a", "generate.requested", {"question": "010-1234-5678 회원의 주문, kim@example.com"}, key="1")
    text = json.dumps(log.read("a")[0].payload, ensure_ascii=False)
    assert "1234-5678" not in text and "kim@" not in text


def test_a_mall_that_is_too_fast_waits_and_others_do_not(log: EventLog) -> None:
    most = EVENT_TYPES["comparison.requested"].per_minute
    # `recorded_at` is the log's own clock, so the driven one stands at the real time.
    now = datetime.now(UTC)
    for n in range(most):
        assert post(log, "a", "comparison.requested", {}, key=str(n), now=now).new
    with pytest.raises(TooMany) as refused:
        post(log, "a", "comparison.requested", {}, key="more", now=now)
    assert 1 <= refused.value.seconds <= 60
    assert not post(log, "a", "comparison.requested", {}, key="0", now=now).new  # a repetition is never refused
    assert post(log, "b", "comparison.requested", {}, key="more", now=now).new
    assert post(log, "a", "comparison.requested", {}, key="more", now=now + timedelta(seconds=62)).new
    back = now - timedelta(hours=1)
    assert post(log, "a", "comparison.requested", {}, key="set back", now=back).new, "no wait for a clock set back"


def test_what_asks_for_work_counts_against_the_plan_once_and_a_suspended_mall_asks_for_nothing(
    tmp_path: Path,
) -> None:
    settings = Settings.from_env({"CAFE24_DEFAULT_PLAN": "free"}, home=tmp_path / "home")
    log = parts.event_log(settings)
    most = plans()["free"].snippets_per_day or 0
    for n in [*range(most), *range(most)]:  # each twice: a repetition spends nothing
        request(settings, log, "a", "generate.requested", ASK, key=str(n))
    with pytest.raises(NotAllowed):
        request(settings, log, "a", "generate.requested", ASK, key="more")
    assert len(log.read("a")) == most
    assert request(settings, log, "a", "comparison.requested", {}, key="1").new, "questions are counted apart"
    log.append([Event("stop", "b", "mall.suspended", NOON, {})])
    for name, payload in (("generate.requested", ASK), ("comparison.requested", {})):
        with pytest.raises(NotAllowed):
            request(settings, log, "b", name, payload, key="1")
    assert request(settings, log, "b", "plan.changed", {"plan": "pro"}, key="1").new, (
        "the operator's own is not bound"
    )


def test_feedback_has_the_rate_of_its_type_and_what_nobody_can_read_counts_nowhere(log: EventLog) -> None:
    most, answer = EVENT_TYPES["feedback.received"].per_minute, uid("a", "answer", "x")
    log.append([Event("old", "a", "feedback.received", NOON, {"verdict": "great", "stars": 5})])
    said = [Event(f"f{n}", "a", "feedback.received", NOON, {"answer_id": answer, "verdict": "positive"})
            for n in range(most - 2)]  # fmt: skip
    log.append(said)
    assert receive(log, Feedback("a", answer, "positive", key="0"))[1]
    with pytest.raises(TooMany, match="mall a"):
        receive(log, Feedback("a", answer, "positive", key="more"))
    assert not receive(log, Feedback("a", answer, "positive", key="0"))[1]
    assert counts(log, "a") == {"positive": most - 1, "negative": 0, "correction": 0}


def test_what_two_senders_say_in_the_same_words_is_said_twice_and_each_counts(log: EventLog) -> None:
    answer, said = uid("a", "answer", "x"), known_type("feedback.received")
    for sender in ("key:1", "key:2", "key:1", "cli"):
        receive(log, Feedback("a", answer, "positive", sender=sender))
    kept = [said.read(e.payload) for e in log.read("a")]
    assert [one.sender for one in kept] == ["key:1", "key:2", "cli"]
    assert len({voice(one, one.sender) for one in kept}) == 3


def test_a_poison_event_is_set_aside_once_with_its_reason_and_the_rest_goes_on(log: EventLog) -> None:
    post(log, "a", "generate.requested", ASK, key="1")
    log.append([Event("bad", "a", "generate.requested", NOON, {"question": 7})])
    post(log, "b", "generate.requested", ASK, key="2")
    for _ in range(2):  # a second reader sets it aside under the same id
        batch = read_batch(log, ("generate.requested",), None)
        assert [e.mall_id for e in batch.events] == ["a", "b"] and batch.set_aside == 1
    [known] = set_aside(log, "a")
    assert known["event_id"] == "bad" and "question" in known["reason"]
    assert read_batch(log, ("generate.requested",), batch.cursor).events == ()


def test_batches_are_capped_and_together_hold_every_event_once(log: EventLog) -> None:
    log.append([Event(f"e{n}", "a", "generate.requested", NOON, dict(ASK)) for n in range(250)])
    cursor, seen = None, []
    for _ in range(5):
        batch = read_batch(log, ("generate.requested",), cursor, cap=100)
        assert len(batch.events) <= 100
        seen += [e.event_id for e in batch.events]
        cursor = batch.cursor
    assert seen == [f"e{n}" for n in range(250)]


@pytest.mark.parametrize("cursor", [
    "", "no json", '{"v": 99, "after": 5}', "[]", '{"v": 1}', '{"v": 1, "after": 1e30}', '{"v": 1, "after": -1e30}',
    '{"v": 1, "after": Infinity}',
])  # fmt: skip
def test_a_cursor_that_is_not_ours_begins_anew(log: EventLog, cursor: str) -> None:
    post(log, "a", "generate.requested", ASK, key="1")
    assert len(read_batch(log, ("generate.requested",), cursor).events) == 1


def test_a_log_put_back_from_a_backup_is_read_from_its_beginning_and_a_removed_mall_moves_nothing(
    log: EventLog, tmp_path: Path
) -> None:
    for key in ("1", "2", "3"):
        post(log, "a", "generate.requested", ASK, key=key)
    ahead = read_batch(log, ("generate.requested",), None).cursor
    with sqlite3.connect(log.path) as db:
        db.execute("DELETE FROM events WHERE seq = 3")  # as the removal of a mall does
    assert read_batch(log, ("generate.requested",), ahead).events == ()
    backup = EventLog(tmp_path / "backup.db")
    post(backup, "a", "generate.requested", ASK, key="1")
    assert len(read_batch(backup, ("generate.requested",), ahead).events) == 1


def test_many_senders_at_once_log_each_key_once(log: EventLog) -> None:
    post(log, "warm", "feedback.received", {"answer_id": "x", "verdict": "positive"}, key="0")
    said = {"answer_id": "x", "verdict": "positive"}
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda n: post(log, "a", "feedback.received", said, key=str(n % 40)), range(160)))
    assert sum(r.new for r in receipts) == 40 == len(log.read("a"))
