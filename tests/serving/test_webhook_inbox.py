"""Each event once: repetitions within the window, new events after it, several processes, restarts, borders."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cafe24_pipelines.cafe24.webhook_inbox import UnknownMall, WebhookInbox
from cafe24_pipelines.cafe24.webhooks import TYPES, changed_since
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

START = datetime(2026, 10, 1, 0, 9, 59, tzinfo=UTC)  # one second before a ten-minute border


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(settings: Settings, log: EventLog, clock: Clock) -> Callable[[], WebhookInbox]:
    return lambda: WebhookInbox(settings, log, now=clock)


def body(n: int = 1, mall: str = "good-shop", **more: object) -> bytes:
    return json.dumps({"event_no": 90002, "resource": {"mall_id": mall, "product_no": n, **more}}).encode()


def test_a_repetition_within_the_window_is_one_event_also_across_a_border(inbox, log, clock):
    box = inbox()
    assert box.receive(body()) is True
    for later in (0, 2, 300, 599):
        clock.now = START + timedelta(seconds=later)
        assert box.receive(body()) is False
    clock.now = START + timedelta(seconds=600)
    assert box.receive(body()) is True
    found = log.read("good-shop", types=TYPES)
    assert [e.occurred_at for e in found] == [START, START + timedelta(seconds=600)]


@pytest.mark.parametrize("back", ["mall.uninstall_refuted", "oauth.authorized"])
def test_an_uninstallation_after_the_mall_came_back_is_no_repetition(inbox, log, clock, back):
    gone = json.dumps({"event_no": 90077, "resource": {"mall_id": "good-shop"}}).encode()
    box = inbox()
    assert [box.receive(gone), box.receive(gone)] == [True, False]
    clock.now = START + timedelta(seconds=20)
    log.append([Event("back", "good-shop", back, clock.now, {})])
    clock.now = START + timedelta(seconds=30)
    assert [box.receive(gone), inbox().receive(gone)] == [True, False]
    assert len(log.read("good-shop", types=("app.uninstalled",))) == 2
    log.append([Event("renewed", "good-shop", "app.renewed", clock.now, {})])
    assert box.receive(gone) is False, "that says nothing of whether the app is there"


def test_a_restarted_receiver_still_knows_the_window(inbox, log, clock):
    assert inbox().receive(body()) is True
    clock.now = START + timedelta(seconds=30)
    assert inbox().receive(body()) is False
    clock.now = START + timedelta(seconds=90)  # the cursor has moved meanwhile
    box = inbox()
    assert box.receive(body(2)) is True
    clock.now = START + timedelta(seconds=200)
    assert box.receive(body(3)) is True
    assert inbox().receive(body()) is False and inbox().receive(body(3)) is False
    assert len(log.read("good-shop", types=TYPES)) == 3


def test_a_restart_after_long_reads_the_window_only(inbox, log, clock):
    box = inbox()
    for n in range(50):
        clock.now = START + timedelta(minutes=n)
        box.receive(body(n + 1))
    assert log.cursor("webhook-window:good-shop") >= 35
    assert inbox().receive(body(50)) is False


def test_the_order_of_keys_and_the_spacing_don_t_make_an_event_new(inbox):
    box = inbox()
    assert box.receive(b'{"event_no":90002,"resource":{"mall_id":"good-shop","product_no":7,"display":"T"}}') is True
    again = b'{ "resource": {"display":"T", "product_no":7,\n"mall_id":"good-shop"}, "event_no": 90002 }'
    assert box.receive(again) is False
    assert box.receive(body(7, display="F")) is True  # one field differs: another event


def test_malls_are_apart_and_unknown_ones_are_refused(inbox, log):
    box = inbox()
    assert box.receive(body()) and box.receive(body(mall="other-shop"))
    with pytest.raises(UnknownMall) as refused:
        box.receive(body(mall="stranger"))
    assert "good-shop" not in str(refused.value)
    assert log.read("stranger") == []


def test_events_that_come_out_of_order_say_the_same(inbox, log, settings):
    bodies = [body(n) for n in range(1, 8)]
    box = inbox()
    for one in (*reversed(bodies), bodies[3], bodies[0]):
        box.receive(one)
    assert changed_since(log, "good-shop").product_nos == set(range(1, 8))
    assert changed_since(log, "good-shop").events == 7


def test_nothing_personal_lies_in_any_file_of_the_home(inbox, settings):
    inbox().receive(json.dumps({
        "event_no": 90032, "resource": {
            "mall_id": "good-shop", "member_id": "gdhong-raw-id", "name": "홍길동", "cellphone": "010-2468-2468",
            "email": "gd@example.com", "recommend_id": "bestmember-raw"}}, ensure_ascii=False).encode())  # fmt: skip
    text = b"".join(p.read_bytes() for p in settings.home.root.rglob("*") if p.is_file())
    assert b"webhook.received" in text
    for personal in ("gdhong-raw-id", "홍길동", "010-2468", "gd@example.com", "bestmember-raw"):
        assert personal.encode() not in text


_RECEIVE = """
import sys
from cafe24_pipelines.cafe24.webhook_inbox import WebhookInbox
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog
settings = Settings.from_env({}, home=sys.argv[1])
box = WebhookInbox(settings, EventLog(settings.home.events))
for n in range(1, 26):
    box.receive(b'{"event_no":90002,"resource":{"mall_id":"good-shop","product_no":%d}}' % n)
    box.receive(b'{"event_no":90003,"resource":{"mall_id":"good-shop","product_no":%s}}' % sys.argv[2].encode())
"""


def test_three_processes_log_each_event_once(settings, log):
    processes = [
        subprocess.Popen([sys.executable, "-c", _RECEIVE, str(settings.home.root), str(n)]) for n in (101, 102, 103)
    ]
    assert [p.wait(120) for p in processes] == [0, 0, 0]
    numbers = [e.payload["product_nos"][0] for e in log.read("good-shop", types=TYPES)]
    assert sorted(numbers, key=int) == [str(n) for n in (*range(1, 26), 101, 102, 103)]
