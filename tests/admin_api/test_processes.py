"""Processes that share a mall: one renews for all, a killed one is taken over, and together they keep the pace."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from admin_api_helpers import a_store, go
from strict_mall import StrictMall

from cafe24_pipelines.cafe24.admin_api.clock import SystemClock
from cafe24_pipelines.cafe24.admin_api.limits import Limiter
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.pace import LEAK, MALL_GAP, room
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server.running import RunningSandbox
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState

Workers = Callable[..., Any]
EIGHT = 8
ROOM = room(40)


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


def test_eight_processes_renew_one_expired_token_of_the_sandbox_once(
    workers: Workers, env: dict[str, str], state: SharedState, state_url: str, tmp_path: Path
) -> None:
    """The same against a server whose refresh tokens are good once: a second call would end all access."""
    mall = SandboxMall.build(tmp_path / "mall.db", customers=5)
    with RunningSandbox(mall, mall_ids=("testmall",)) as sandbox:
        ours = {
            **env, "CAFE24_API_URL": f"{sandbox.url}/testmall", "CAFE24_CLIENT_ID": sandbox.config.client_id,
            "CAFE24_CLIENT_SECRET": sandbox.config.client_secret,
        }  # fmt: skip
        settings, now = Settings.from_env(ours), time.time()
        pair = token_set(sandbox.control.grant(mall_id="testmall"), now)
        sandbox.control.tokens("expire_access")
        a_store(settings, state).put(
            "testmall", dataclasses.replace(pair, issued_at=now - 7300, expires_at=now - 100)
        )
        said = go(workers(EIGHT, state_url, "token", env=ours), EIGHT)
        assert len({s["token"] for s in said}) == 1 and said[0]["token"] != pair.access_token
        assert sandbox.control.state()["calls"] == {"POST oauth/token": 1}
        headers = {"Authorization": f"Bearer {said[0]['token']}"}
        assert httpx.get(f"{sandbox.url}/testmall/api/v2/admin/shops", headers=headers).status_code == 200


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


@pytest.mark.parametrize(
    ("seconds", "least"), [(3.0, 0.9), pytest.param(45.0, 0.98, marks=pytest.mark.slow)]
)  # in three seconds one call more or less is a tenth
def test_eight_processes_keep_one_apis_pace_and_use_it(
    workers: Workers, settings: Settings, state: SharedState, state_url: str, mall: StrictMall, seconds: float,
    least: float,
) -> None:  # fmt: skip
    a_store(settings, state).put("testmall", token_set(mall.issue(), time.time()))
    eight = workers(EIGHT, state_url, "calls", seconds=seconds)
    mall.fill("orders", 37.5)  # nearly full, and known to be: what follows is the steady state
    filled = time.time()
    limiter = Limiter(state, "testmall", SystemClock())
    limiter.acquire("GET orders")
    limiter.learn("GET orders", 200, {"X-Api-Call-Limit": "38/40"})
    said = go(eight, EIGHT)
    assert sum(s["429"] for s in said) == 0 and mall.over == 0
    at = sorted(call["at"] for call in mall.calls)
    share = (len(at) - 1) / allowed(at, filled)
    assert share >= least, f"{share:.3f} of what was allowed: {len(at)} calls in {at[-1] - at[0]:.2f} s"
    busiest = max(sum(1 for later in at if t <= later < t + 1) for t in at)
    assert busiest < 10


def allowed(at: list[float], filled: float) -> float:
    """Calls after the first that the limits let through until the last.

    What leaked while eight processes started may be made up for, as fast as calls of one mall may follow each other;
    then two calls a second. The two of 40 that a client keeps free it keeps once, however long it runs.
    """
    span, leaked = at[-1] - at[0], min(ROOM, LEAK * (at[0] - filled)) - 1
    return min(max(leaked, 0.0) + LEAK * span, span / MALL_GAP)
