"""Processes that share a mall: one renews for all, a killed one is taken over, and together they keep the pace."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest
from admin_api_helpers import a_store, go
from strict_mall import StrictMall

from cafe24_pipelines.cafe24.admin_api.clock import SystemClock
from cafe24_pipelines.cafe24.admin_api.limits import Limiter
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState

Workers = Callable[..., Any]
EIGHT = 8


def store_expired(settings: Settings, state: SharedState, mall: StrictMall) -> None:
    answer = mall.issue()
    mall.access[answer["access_token"]] = 0.0
    pair = dataclasses.replace(token_set(answer, time.time() - 7300), expires_at=time.time() - 100)
    a_store(settings, state).put("testmall", pair)


def test_eight_processes_renew_one_expired_token_once(
    workers: Workers, settings: Settings, state: SharedState, state_url: str, mall: StrictMall
) -> None:
    store_expired(settings, state, mall)
    mall.token_delay = 0.5
    said = go(workers(EIGHT, state_url, "token"), EIGHT)
    assert len(mall.token_calls) == 1
    assert len({s["token"] for s in said}) == 1 and said[0]["token"] in mall.access


def test_a_killed_renewal_is_taken_over(
    workers: Workers, settings: Settings, state: SharedState, state_url: str, mall: StrictMall
) -> None:
    store_expired(settings, state, mall)
    victim = workers(1, state_url, "die", lease=2.0)
    assert go(victim, 1) == ["leased\n"]
    victim.kill()
    victim.wait(10)
    said = go(workers(2, state_url, "token", lease=2.0), 2)
    assert {s["token"] for s in said} <= set(mall.access) and len(mall.token_calls) == 1


def test_a_process_killed_while_it_asks_leaves_nothing_locked(
    workers: Workers, settings: Settings, state: SharedState, state_url: str, mall: StrictMall
) -> None:
    store_expired(settings, state, mall)
    mall.token_delay = 30.0
    victim = workers(1, state_url, "token", lease=2.0)
    victim.stdin.write("go\n")
    victim.stdin.flush()
    end = time.monotonic() + 20
    while not mall.token_calls and time.monotonic() < end:
        time.sleep(0.01)
    victim.kill()
    victim.wait(10)
    mall.token_delay = 0.0
    answer = mall.issue()  # the mall traded the token away; an operator who consents again is heard at once
    a_store(settings, state).put("testmall", token_set(answer, time.time()))
    assert go(workers(1, state_url, "token", lease=2.0), 1) == [{"token": answer["access_token"]}]


@pytest.mark.parametrize("seconds", [3.0, pytest.param(45.0, marks=pytest.mark.slow)])
def test_eight_processes_keep_one_apis_pace_and_use_it(
    workers: Workers, settings: Settings, state: SharedState, state_url: str, mall: StrictMall, seconds: float
) -> None:
    a_store(settings, state).put("testmall", token_set(mall.issue(), time.time()))
    eight = workers(EIGHT, state_url, "calls", seconds=seconds)
    mall.fill("orders", 37.5)  # nearly full, and known to be: what follows is the steady state
    limiter = Limiter(state, "testmall", SystemClock())
    limiter.acquire("GET orders")
    limiter.learn("GET orders", 200, {"X-Api-Call-Limit": "38/40"})
    said = go(eight, EIGHT)
    assert sum(s["429"] for s in said) == 0 and mall.over == 0
    at = sorted(call["at"] for call in mall.calls)
    span = at[-1] - at[0]
    assert len(at) - 1 >= 0.97 * 2.0 * span, f"{len(at)} calls in {span:.1f} s"
    busiest = max(sum(1 for later in at if t <= later < t + 1) for t in at)
    assert busiest < 10
