"""Tokens of a sandbox mall whose clock is driven: rotated before their end, and the operator is told in time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.admin_api.clock import SystemClock
from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.lifecycle.tokens import due, look_after
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event

MALL = "new-shop"


class Shifted(SystemClock):
    """The machine's time, and what the mall's clock was moved by."""

    shift = 0.0

    def now(self) -> float:
        return super().now() + self.shift

    def sleep(self, seconds: float) -> None:
        """At once."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    mall = SandboxMall.build(tmp_path_factory.mktemp("mall") / "mall.sqlite", customers=20)
    with RunningSandbox(mall, mall_ids=(MALL,)) as running:
        yield running


class Shop:
    """A mall that consented just now, in a home of its own."""

    def __init__(self, server: RunningSandbox, home: Path) -> None:
        env = {"CAFE24_API_URL": server.url + "/{mall_id}", "CAFE24_CLIENT_ID": "sandbox-client",
               "CAFE24_CLIENT_SECRET": "sandbox-secret", "CAFE24_ENCRYPTION_KEY": "k" * 40}  # fmt: skip
        self.server, self.clock = server, Shifted()
        self.settings = Settings.from_env(env, home=home)
        self.log = parts.event_log(self.settings)
        register(self.settings.home, Mall(MALL, "api"))
        self.keeper = token_keeper(self.settings, MALL, clock=self.clock)
        self.keeper.install(token_set(server.control.grant(mall_id=MALL), self.clock.now()))

    def forward(self, **delta: float) -> None:
        seconds = timedelta(**delta).total_seconds()
        self.clock.shift += seconds
        self.server.control.advance(seconds)

    def care(self, **more: Any) -> Any:
        return look_after(self.settings, self.log, MALL, clock=self.clock, **more)

    def due(self) -> list[str]:
        return due(self.settings, self.log, self.clock.now())

    def events(self, *types: str) -> list[Event]:
        return self.log.read(MALL, types=types)


@pytest.fixture
def shop(server: RunningSandbox, tmp_path: Path) -> Iterator[Shop]:
    server.control.faults()
    server.control.tokens("forget_calls")
    yield Shop(server, tmp_path / "home")
    server.control.faults()


def test_a_pair_is_rotated_before_its_end_and_not_sooner(shop: Shop) -> None:
    first = shop.keeper.store.get(MALL)
    assert first is not None and shop.due() == []
    assert shop.care().outcome == "alive" and shop.events() == [], "nothing to do, nothing said"
    shop.forward(minutes=104)
    assert shop.due() == []
    shop.forward(minutes=3)
    assert shop.due() == [MALL], "within a quarter of an hour of its end"
    care = shop.care()
    assert care.outcome == "renewed" and care.version == first.version + 1 and care.alerts == ()
    assert shop.due() == [] and shop.care().outcome == "alive"
    (event,) = shop.events("oauth.renewed")
    assert event.payload["version"] == care.version
    secrets = [v for pair in (first, shop.keeper.store.get(MALL)) if pair for v in (pair.access_token,
                                                                                  pair.refresh_token)]  # fmt: skip
    assert not [s for s in secrets if s in str([e.payload for e in shop.events()])]


def test_a_suspended_mall_stays_connected_with_two_renewals_a_fortnight(shop: Shop) -> None:
    shop.log.append([Event("s", MALL, "mall.suspended", datetime.now(UTC), {})])
    renewed = 0
    for _ in range(30):
        shop.forward(days=1)
        if shop.due():
            renewed += shop.care(in_use=False).outcome == "renewed"
    assert 3 <= renewed <= 5 and shop.events("oauth.expiring", "oauth.ended") == []


def test_a_consent_is_proved_by_one_call_and_missing_scopes_are_told(shop: Shop) -> None:
    asked = {"scopes": [], "asked": ["mall.read_order", "mall.write_nothing"]}
    shop.log.append([Event("consent-1", MALL, "oauth.authorized", datetime.now(UTC), asked)])
    assert shop.due() == [MALL]
    assert shop.care().outcome == "alive" and shop.due() == []
    (proved,) = shop.events("oauth.proved")
    assert "mall.write_nothing" in proved.payload["missing_scopes"]
    shop.care()
    assert len(shop.events("oauth.proved")) == 1


def test_the_operator_is_told_before_the_refresh_token_ends_and_once(shop: Shop) -> None:
    shop.forward(days=11, hours=2)
    dead = replace(shop.settings, api_url="http://127.0.0.1:9/{mall_id}")
    for _ in range(2):
        care = look_after(dead, shop.log, MALL, clock=shop.clock)
        assert care.outcome == "unreachable"
    (alert,) = shop.events("oauth.expiring")
    assert alert.payload["days_left"] == 2 and f"cafe24 authorize --mall {MALL}" in alert.payload["remedy"]
    assert shop.care().outcome == "renewed", "the mall answers again"
    assert shop.due() == []


def test_a_pair_that_ended_asks_for_consent_and_is_not_tried_again(shop: Shop) -> None:
    shop.forward(days=15)
    care = shop.care()
    assert care.outcome == "consent_needed" and care.alerts == ("oauth.ended",)
    assert shop.due() == [], "nothing but a consent helps"
    shop.keeper.install(token_set(shop.server.control.grant(mall_id=MALL), shop.clock.now()))
    assert shop.care().outcome == "alive"
