"""The receiver over real HTTP: keys, bounds, concurrent senders, and a log that can't be written."""

import json
import random
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from cafe24_pipelines.cafe24.webhooks import TYPES, changed_since
from cafe24_pipelines.serving import bodies, protocol
from cafe24_pipelines.serving.app import create_app

KEY = "the-key-of-the-developer-centre"  # as in conftest.py


def event(n: int = 1, mall: str = "good-shop") -> dict:
    return {"event_no": 90023, "resource": {"mall_id": mall, "event_shop_no": "1", "order_id": f"20261001-{n:07}"}}


def test_a_good_event_is_logged_and_its_repetition_is_not(post, log):
    assert post(event()).status_code == 200 and post(event()).status_code == 200
    found = log.read("good-shop", types=TYPES)
    assert [e.payload["order_ids"] for e in found] == [["20261001-0000001"]]


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x", KEY[:-1], "키", KEY.upper()])
def test_a_wrong_key_is_refused_before_the_body_is_looked_at(post, log, key):
    headers = {} if key is None else {"X-API-Key": key.encode()}
    answer = post(b"nonsense" * 100_000, key=None, **headers)
    assert answer.status_code == 403
    assert log.read("good-shop") == []


def test_two_keys_are_no_key(address):
    headers = [("X-API-Key", KEY), ("X-API-Key", KEY), ("Content-Type", "application/json")]
    body = json.dumps(event()).encode()
    assert httpx.post(f"{address}/webhooks/cafe24", headers=headers, content=body).status_code == 403


def test_without_a_configured_key_everything_is_refused_and_the_log_says_what_to_set(served, settings, caplog):
    from dataclasses import replace

    with served(create_app(replace(settings, webhook_key=""))) as url:
        answer = httpx.post(f"{url}/webhooks/cafe24", json=event(), headers={"X-API-Key": ""})
    assert answer.status_code == 403
    assert "CAFE24_WEBHOOK_KEY" in caplog.text


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"{}", 400), (b"\xff", 400), (b"[" * 50_000, 400),
     (b'{"mall_id": "good-shop", "x": "' + b"a" * bodies.LARGEST + b'"}', 413)],
)  # fmt: skip
def test_a_body_that_is_no_event_is_refused(post, log, body, status):
    answer = post(body)
    assert answer.status_code == status and len(answer.text) < 80
    assert log.read("good-shop") == []


def test_a_body_at_the_bound_is_taken(post):
    start = b'{"event_no": 90001, "mall_id": "good-shop", "x": "'
    assert post(start + b"a" * (bodies.LARGEST - len(start) - 2) + b'"}').status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_only_json_is_taken(post, kind):
    assert post(json.dumps(event()).encode(), **{"Content-Type": kind}).status_code == 415


def test_json_with_a_charset_is_taken_and_packed_json_is_not(post):
    body = json.dumps(event()).encode()
    assert post(body, **{"Content-Type": "application/json; charset=utf-8"}).status_code == 200
    assert post(body, **{"Content-Encoding": "gzip"}).status_code == 415


def test_an_unknown_mall_is_answered_like_an_unknown_address(post, address):
    answer = post(event(mall="stranger"))
    nowhere = httpx.get(f"{address}/nowhere")
    assert (answer.status_code, answer.text) == (nowhere.status_code, nowhere.text) == (404, "Not Found")


def test_a_giant_body_without_a_length_is_cut_off(address):
    def chunks():
        for _ in range(10_000):
            yield b"a" * 4096

    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    with httpx.Client(timeout=30) as client:
        try:
            status = client.post(f"{address}/webhooks/cafe24", headers=headers, content=chunks()).status_code
        except httpx.HTTPError:
            status = 413  # the server closed while we were still sending
    assert status == 413


def _raw(address: str, head: str) -> socket.socket:
    parts = urlsplit(address)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    connection.sendall(head.replace("\n", "\r\n").encode())
    return connection


def test_a_slow_body_and_slow_headers_are_given_up(served, settings, monkeypatch):
    monkeypatch.setattr(protocol, "HEADERS_WITHIN", 0.5)
    monkeypatch.setattr(bodies.json_body, "__kwdefaults__", {"largest": bodies.LARGEST, "within": 0.5})
    with served(create_app(settings)) as url:
        head = f"POST /webhooks/cafe24 HTTP/1.1\nHost: 127.0.0.1\nX-API-Key: {KEY}\n"
        body = _raw(url, head + "Content-Type: application/json\nContent-Length: 100\n\n{")
        headers = _raw(url, head)
        idle = _raw(url, "")
        started = time.monotonic()
        assert body.recv(4096).startswith(b"HTTP/1.1 408")
        for connection in (headers, idle):
            assert connection.recv(4096) == b""
        assert time.monotonic() - started < 5
        for connection in (body, headers, idle):
            connection.close()


def test_a_second_request_with_slow_headers_on_a_kept_connection_is_given_up(served, settings, monkeypatch):
    monkeypatch.setattr(protocol, "HEADERS_WITHIN", 0.5)
    with served(create_app(settings)) as url:
        connection = _raw(url, "GET /health HTTP/1.1\nHost: 127.0.0.1\n\n")
        assert b"200 OK" in connection.recv(65536)
        connection.sendall(b"GET /health HT")
        started = time.monotonic()
        assert connection.recv(4096) == b"" and time.monotonic() - started < 3
        connection.close()


def test_a_wrong_host_is_refused(address):
    answer = httpx.post(
        f"{address}/webhooks/cafe24", json=event(), headers={"X-API-Key": KEY, "Host": "evil.example"}
    )
    assert answer.status_code == 400


def test_the_public_name_and_loopback_are_hosts(served, settings):
    from dataclasses import replace

    public = replace(settings, redirect_uri="https://crm.shop.example/oauth/callback")
    with served(create_app(public, hosts=["hooks.example"])) as url:
        statuses = [
            httpx.get(f"{url}/health", headers={"Host": host}).status_code
            for host in ("crm.shop.example", "hooks.example", "localhost:9", "[::1]:9", "shop.example")
        ]
    assert statuses == [200, 200, 200, 200, 400]


def test_eight_senders_at_once_with_repetitions_and_disorder_log_each_event_once(address, log):
    random.seed(7)
    wanted = [event(n, mall) for n in range(1, 31) for mall in ("good-shop", "other-shop")]
    sent = wanted * 3
    random.shuffle(sent)

    def send(part: list[dict]) -> list[int]:
        with httpx.Client(timeout=60) as client:
            url, headers = f"{address}/webhooks/cafe24", {"X-API-Key": KEY}
            return [client.post(url, json=one, headers=headers).status_code for one in part]

    with ThreadPoolExecutor(8) as pool:
        statuses = [s for part in pool.map(send, [sent[i::8] for i in range(8)]) for s in part]
    assert statuses == [200] * len(sent)
    for mall in ("good-shop", "other-shop"):
        found = log.read(mall, types=TYPES)
        assert sorted(e.payload["order_ids"][0] for e in found) == [f"20261001-{n:07}" for n in range(1, 31)]
        assert len(changed_since(log, mall).order_ids) == 30


def test_lost_events_leave_no_trace_and_what_comes_is_taken(address, post, log):
    for n in range(1, 40):
        if n % 5:
            post(event(n))
    assert changed_since(log, "good-shop").events == len([n for n in range(1, 40) if n % 5])


def test_while_the_log_is_locked_the_sender_is_asked_to_repeat_and_nothing_is_half_logged(
    served, settings, log, monkeypatch
):
    from cafe24_pipelines.stores import events

    real = sqlite3.connect
    monkeypatch.setattr(events.sqlite3, "connect", lambda path, **kw: real(path, **(kw | {"timeout": 0.2})))
    log.move_cursor("anything", 1)
    with served(create_app(settings)) as url:
        holder = real(settings.home.events, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        send = {"url": f"{url}/webhooks/cafe24", "json": event(), "headers": {"X-API-Key": KEY}, "timeout": 30}
        refused = httpx.post(**send)
        holder.execute("ROLLBACK")
        assert refused.status_code == 503 and refused.headers["retry-after"]
        assert httpx.post(**send).status_code == 200
    assert len(log.read("good-shop", types=TYPES)) == 1


def test_a_damaged_log_makes_the_server_unready_and_webhooks_503(served, settings, caplog):
    settings.home.root.mkdir(parents=True, exist_ok=True)
    settings.home.events.write_text("not a database " * 100)
    with served(create_app(settings)) as url:
        health = httpx.get(f"{url}/health")
        answer = httpx.post(f"{url}/webhooks/cafe24", json=event(), headers={"X-API-Key": KEY})
    assert health.status_code == 503 and health.json()["missing"][0] == "event_log" and health.json()["live"] is True
    assert answer.status_code == 503
    assert str(settings.home.root) not in health.text + answer.text
    assert "event log is not readable" in caplog.text


def test_answers_carry_safe_headers_and_health_says_ready(address):
    answer = httpx.get(f"{address}/health")
    told = {"live": True, "ready": True, "missing": ["oauth"], "published_malls": 0, "model": "local"}
    assert answer.json() == told
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert httpx.get(f"{address}/webhooks/cafe24").status_code == 405


def test_the_access_log_has_no_query_no_key_and_no_personal_field(address, post, caplog):
    caplog.set_level("INFO")
    post({"event_no": 90032, "resource": {"mall_id": "good-shop", "member_id": "gdhong", "name": "홍길동"}})
    httpx.get(f"{address}/health?code=secret-code&state=secret-state")
    httpx.get(f"{address}/secret-path")
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("httpx"))
    assert "POST /webhooks/cafe24 200" in ours and "GET /health 200" in ours
    for hidden in ("secret-code", "secret-state", "secret-path", KEY, "gdhong", "홍길동"):
        assert hidden not in ours
