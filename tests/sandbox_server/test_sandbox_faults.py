"""Faults: what each looks like on the wire, that they are counted, and that they can be switched while it runs."""

import json
import time

import httpx
import pytest

WINDOW = {"start_date": "2026-08-15", "end_date": "2026-10-31", "limit": 1000}


def test_server_errors_come_in_three_kinds_and_at_their_rate(start):
    api = start(limits=False, error_rate=0.5)
    answers = [api.get("shops") for _ in range(60)]
    kinds = {a.status_code for a in answers}
    assert kinds == {200, 500, 503, 504}
    failed = [a for a in answers if a.status_code != 200]
    assert 15 <= len(failed) <= 45
    assert all(a.json()["error"]["code"] == a.status_code for a in failed if a.status_code != 504)
    state = api.control.state()
    assert sum(state["faults"].values()) == len(failed)
    api.control.faults()
    assert {api.get("shops").status_code for _ in range(20)} == {200}


def test_faults_are_the_same_for_the_same_seed(start):
    def run(seed):
        api = start(limits=False, error_rate=0.4, faults_seed=seed)
        return [api.get("shops").status_code for _ in range(30)]

    assert run(1) == run(1) != run(2)


def test_a_time_out_gives_no_answer_until_the_client_leaves(start):
    api = start(limits=False, timeout_rate=1)
    with pytest.raises(httpx.ReadTimeout):
        api.raw("GET", "/api/v2/admin/shops", timeout=0.3)
    api.control.faults(timeout_rate=1, timeout_s=0.2)
    assert api.get("shops").status_code == 504  # bounded
    api.control.faults()
    assert api.get("shops").status_code == 200


def test_a_write_that_times_out_has_taken_effect(start):
    api = start(limits=False, timeout_rate=1, timeout_s=0.1)
    assert api.send("PUT", "webhooks/setting", {"request": {"reception_status": "F"}}).status_code == 504
    api.control.faults()
    assert api.get("webhooks/setting").json()["webhook"]["reception_status"] == "F"


def test_truncated_bodies_break_in_both_ways(start):
    api = start(limits=False, truncate_rate=1)
    broken_json = broken_length = 0
    for _ in range(20):
        try:
            answer = api.get("orders", **WINDOW)
        except httpx.RemoteProtocolError:
            broken_length += 1
            continue
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()
        broken_json += 1
    assert broken_json and broken_length


def test_slow_pages_and_latency(start):
    api = start(limits=False, slow_rate=1, slow_s=0.3)
    began = time.monotonic()
    assert api.get("shops").status_code == 200
    assert time.monotonic() - began >= 0.3
    api.control.faults(latency_ms=100)
    began = time.monotonic()
    api.get("shops")
    assert time.monotonic() - began >= 0.1


def test_malformed_rows_are_the_same_on_every_reading(start):
    api = start(limits=False)
    good = api.get("orders", **WINDOW).json()["orders"]
    api.control.faults(malformed_rate=0.2)
    bad = api.get("orders", **WINDOW).json()["orders"]
    assert len(bad) == len(good)
    spoilt = {i for i, (g, b) in enumerate(zip(good, bad, strict=True)) if g != b}
    assert 0 < len(spoilt) < len(good)
    assert api.control.state()["faults"]["malformed"] == len(spoilt)
    assert api.get("orders", **WINDOW).json()["orders"] == bad
    # The same orders on another page.
    paged = api.get("orders", **{**WINDOW, "limit": 7}, offset=7).json()["orders"]
    assert paged == bad[7:14]
    api.control.faults(malformed_rate=0.2, malformed_sticky=False)
    first, second = (api.get("orders", **WINDOW).json()["orders"] for _ in range(2))
    assert first != second


def test_unknown_fields_appear(start):
    api = start(limits=False, unknown_field_rate=0.5)
    rows = api.get("orders", **WINDOW).json()["orders"]
    new = [row for row in rows if "sandbox_new_field" in row]
    assert 0 < len(new) < len(rows)


def test_a_token_dies_after_so_many_calls(start):
    api = start(limits=False, revoke_after_calls=3)
    assert [api.get("shops").status_code for _ in range(5)] == [200, 200, 200, 401, 401]


def test_the_token_endpoint_fails_before_and_after_its_work(start):
    api = start(token_calls=0)
    token = api.control.grant()["refresh_token"]
    api.control.faults(oauth_error_rate=1)
    assert api.refresh(token).status_code == 503
    api.control.faults(oauth_lost_rate=1)
    with pytest.raises(httpx.RemoteProtocolError):
        api.refresh(token)
    api.control.faults()
    assert api.refresh(token).json()["error"] == "invalid_grant"  # the lost answer held the only live one


def test_an_unknown_fault_is_told(api):
    answer = api.raw("PUT", "/_sandbox/faults", json={"gremlins": 1})
    assert answer.status_code == 400 and "gremlins" in answer.text
    assert api.raw("PUT", "/_sandbox/faults", json={"error_rate": "often"}).status_code == 400
