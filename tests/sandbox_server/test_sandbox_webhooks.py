"""Webhooks: sent as the clock advances, with the key, in order, logged; lost, doubled or reordered by the dice."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from benchmarks.loopback import handled


class Receiver:
    """A real HTTP server that keeps what it was sent."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.calls.append((self.headers["X-API-Key"], json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args: object) -> None:
                pass

        self.handler, self.url = Handler, ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    with handled(running.handler) as httpd:
        running.url = f"http://127.0.0.1:{httpd.server_port}/hooks"
        yield running


@pytest.fixture
def past(start, receiver):
    """A sandbox three weeks before the end of its history, and the events of its next ten days."""

    def run(**config):
        api = start(limits=False, **config)
        begin = api.control.now() - timedelta(days=21)
        api.control.set_clock(begin)
        api.control.deliver()
        api.control.webhooks(receiver.url)
        return api

    return run


def orders_of(calls):
    return [c["resource"]["order_id"] for _, c in calls if c["event_no"] == 90023]


def advance(api, days=10):
    api.control.advance(days * 86400)
    return api.control.deliver()


def test_what_happens_is_sent_in_order_with_the_key_and_logged(past, receiver):
    api = past()
    begin = api.control.now()
    advance(api)
    assert receiver.calls and {key for key, _ in receiver.calls} == {"sandbox-webhook-key"}
    for _, call in receiver.calls:
        fields = call.get("resource", call)
        assert fields["mall_id"] == "sandbox" and isinstance(fields["event_shop_no"], str)
    placed = orders_of(receiver.calls)
    window = {"start_date": (begin + timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S"),
              "end_date": api.control.now().strftime("%Y-%m-%d %H:%M:%S")}  # fmt: skip
    known = api.get("orders", limit=1000, **window).json()["orders"]
    assert placed and set(placed) >= {order["order_id"] for order in known}
    logs = api.get("webhooks/logs").json()["logs"]
    assert len(logs) == len(receiver.calls)
    assert [json.loads(log["request_body"]) for log in logs] == [call for _, call in receiver.calls]
    assert {(log["log_type"], log["success"], log["response_http_code"]) for log in logs} == {("G", "T", "200")}
    assert set(logs[0]) == {
        "log_id", "log_type", "event_no", "mall_id", "trace_id", "requested_time", "request_endpoint",
        "request_body", "success", "response_http_code", "response_body",
    }  # fmt: skip


def test_the_log_is_filtered_and_walked(past, receiver):
    api = past()
    receiver.status = 500
    advance(api, 3)
    receiver.status = 200
    advance(api, 3)
    logs = api.get("webhooks/logs").json()["logs"]
    failed = api.get("webhooks/logs", success="F").json()["logs"]
    assert 0 < len(failed) < len(logs) and {log["success"] for log in failed} == {"F"}
    first = api.get("webhooks/logs", limit=2).json()["logs"]
    assert first == logs[:2]
    assert api.get("webhooks/logs", since_log_id=first[-1]["log_id"]).json()["logs"] == logs[2:]
    assert api.get("webhooks/logs", event_no=90023).json()["logs"] == [g for g in logs if g["event_no"] == 90023]
    assert api.get("webhooks/logs", log_type="R").json()["logs"] == []
    assert api.get("webhooks/logs", limit=10001).status_code == 422
    resent = api.raw("POST", "/_sandbox/webhooks", json={"resend": failed[0]["log_id"]})
    assert resent.json()["sent"] == 1
    (again,) = api.get("webhooks/logs", log_type="R").json()["logs"]
    assert again["request_body"] == failed[0]["request_body"] and again["success"] == "T"


def test_they_flow_by_themselves_while_the_clock_runs(past, receiver):
    api = past()
    api.control.speed(86400 * 2)
    deadline = threading.Event()
    for _ in range(100):
        if len(receiver.calls) >= 3:
            break
        deadline.wait(0.05)
    assert len(receiver.calls) >= 3


def test_reception_off_sends_nothing_then_or_later(past, receiver):
    api = past()
    api.send("PUT", "webhooks/setting", {"request": {"reception_status": "F"}})
    assert advance(api) == 0
    api.send("PUT", "webhooks/setting", {"request": {"reception_status": "T"}})
    assert api.control.deliver() == 0 and receiver.calls == []


def test_only_the_chosen_events_are_sent(past, receiver):
    api = past()
    api.control.webhooks(receiver.url, events=[90023])
    advance(api)
    assert {call["event_no"] for _, call in receiver.calls} == {90023}


def sent_bodies(past, receiver, **faults):
    """What arrives in four days with those faults."""
    api = past()
    api.control.faults(**faults)
    receiver.calls.clear()
    advance(api, 4)
    return [json.dumps(call, sort_keys=True) for _, call in receiver.calls], api.control.state()["faults"]


def test_webhooks_are_lost_doubled_and_reordered(past, receiver):
    plain, _ = sent_bodies(past, receiver)
    lost, thrown = sent_bodies(past, receiver, lose_rate=0.4)
    assert len(lost) == len(plain) - thrown["lost_webhook"] < len(plain)
    doubled, thrown = sent_bodies(past, receiver, duplicate_rate=0.4)
    assert len(doubled) == len(plain) + thrown["duplicate_webhook"] > len(plain)
    reordered, thrown = sent_bodies(past, receiver, reorder_rate=0.4)
    assert sorted(reordered) == sorted(plain) and reordered != plain and thrown["reordered_webhook"]


def test_some_events_have_no_wrapper(api, receiver):
    api.control.webhooks(receiver.url)
    for number in (90032, 90144):
        api.raw("POST", "/_sandbox/webhooks", json={"test": {"event_no": number, "resource": {"member_id": "m"}}})
    (_, wrapped), (_, bare) = receiver.calls
    assert wrapped["resource"]["member_id"] == "m" and "resource" not in bare and bare["member_id"] == "m"


def test_a_target_that_is_away_is_a_failure_in_the_log(past):
    api = past()
    api.control.webhooks("http://127.0.0.1:9/none")
    api.control.advance(5 * 86400)
    api.control.deliver()
    logs = api.control.webhook_logs()
    assert logs and {(log["success"], log["response_http_code"]) for log in logs} == {("F", None)}
