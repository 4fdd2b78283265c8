"""Tokens are renewed in time, once, and never lost: threads, kills, spent tokens, broken answers."""

import dataclasses
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from admin_api_helpers import HurriedClock, ShiftedClock, a_store
from strict_mall import CLIENT_ID, StrictMall

from cafe24_pipelines.cafe24.admin_api.clock import FastClock, SystemClock
from cafe24_pipelines.cafe24.admin_api.errors import ConsentNeeded, ScopeMissing, TokenCallsSpent, Unavailable
from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet, token_set
from cafe24_pipelines.cafe24.admin_api.tokens import TokenKeeper, token_keeper
from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState


def expired(mall: StrictMall, **changes: object) -> TokenSet:
    """A pair whose access token has ended, and whose refresh token works."""
    now = time.time()
    answer = mall.issue()
    mall.access[answer["access_token"]] = 0.0
    return dataclasses.replace(token_set(answer, now - 7300), expires_at=now - 100, **changes)  # type: ignore[arg-type]


def ending(mall: StrictMall, left: float = 100.0) -> TokenSet:
    """A pair whose access token lives for `left` more seconds: time to renew."""
    now = time.time()
    return dataclasses.replace(token_set(mall.issue(), now - 7200 + left), expires_at=now + left)


@pytest.fixture
def fresh(settings: Settings, state: SharedState) -> TokenKeeper:
    """A keeper without tokens, on either database."""
    return TokenKeeper(settings, "testmall", a_store(settings, state), HurriedClock())


def test_a_living_token_costs_no_call(fresh: TokenKeeper, mall: StrictMall) -> None:
    fresh.install(token_set(mall.issue(), time.time()))
    assert {fresh.access_token() for _ in range(5)} <= set(mall.access)
    assert mall.token_calls == []


def test_it_is_renewed_before_its_end_and_the_new_pair_is_stored(fresh: TokenKeeper, mall: StrictMall) -> None:
    fresh.install(ending(mall))
    token = fresh.access_token()
    assert len(mall.token_calls) == 1
    stored = fresh.store.get("testmall")
    assert stored is not None and stored.access_token == token and stored.refresh_token in mall.refresh
    assert stored.version == 2


@pytest.mark.parametrize("skew", [0.0, 90.0, -90.0])
def test_a_clock_ninety_seconds_off_renews_neither_late_nor_early(
    settings: Settings, state: SharedState, mall: StrictMall, skew: float
) -> None:
    clock = ShiftedClock()
    keeper = TokenKeeper(settings, "testmall", a_store(settings, state), clock)
    mall.skew = skew
    keeper.install(token_set(mall.issue(), clock.now()))
    first = keeper.access_token()
    clock.shift, mall.skew = 6850.0, skew + 6850.0
    assert keeper.access_token() == first, "not early: five minutes before its end are not reached"
    clock.shift, mall.skew = 6950.0, skew + 6950.0
    assert keeper.access_token() != first, "not late"
    assert mall.access[first] > mall.now()


def test_threads_renew_once(fresh: TokenKeeper, mall: StrictMall) -> None:
    fresh.install(expired(mall))
    mall.token_delay = 0.2
    tokens: list[str] = []
    threads = [threading.Thread(target=lambda: tokens.append(fresh.access_token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mall.token_calls) == 1 and len(set(tokens)) == 1 and len(tokens) == 8


def test_a_rejected_token_is_renewed_unless_somebody_did(
    fresh: TokenKeeper, settings: Settings, state: SharedState, mall: StrictMall
) -> None:
    other = TokenKeeper(settings, "testmall", a_store(settings, state), HurriedClock())
    fresh.install(token_set(mall.issue(), time.time()))
    old = other.access_token()
    new = fresh.rejected(old)
    assert new != old and len(mall.token_calls) == 1
    assert other.rejected(old) == new
    assert len(mall.token_calls) == 1


def test_tokens_lie_sealed(settings: Settings, sqlite_state: SharedState, mall: StrictMall, tmp_path: Path) -> None:
    keeper = TokenKeeper(settings, "testmall", a_store(settings, sqlite_state), HurriedClock())
    keeper.install(expired(mall))
    token = keeper.access_token()
    stored = keeper.store.get("testmall")
    assert stored is not None
    bytes_on_disk = b"".join(f.read_bytes() for f in tmp_path.glob("state.db*"))
    for secret in (token, stored.refresh_token, mall.used_refresh[0]):
        assert secret.encode() not in bytes_on_disk
    wrong = dataclasses.replace(settings, encryption_key="another")
    with pytest.raises(ConfigError, match="CAFE24_ENCRYPTION_KEY"):
        TokenKeeper(wrong, "testmall", a_store(wrong, sqlite_state), SystemClock()).access_token()


def test_tokens_of_a_real_mall_need_a_key(settings: Settings) -> None:
    bare = dataclasses.replace(settings, encryption_key="", api_url="https://{mall_id}.cafe24api.com")
    with pytest.raises(ConfigError, match="CAFE24_ENCRYPTION_KEY"):
        token_keeper(bare, "testmall")
    assert token_keeper(dataclasses.replace(settings, encryption_key=""), "testmall"), "loopback may do without"


def test_the_bootstrap_is_traded_once(settings: Settings, state: SharedState, mall: StrictMall) -> None:
    bootstrap = mall.issue()["refresh_token"]
    with_bootstrap = dataclasses.replace(settings, refresh_token=bootstrap)
    first = TokenKeeper(with_bootstrap, "testmall", a_store(settings, state), HurriedClock())
    assert first.access_token() in mall.access
    again = TokenKeeper(with_bootstrap, "testmall", a_store(settings, state), HurriedClock())
    assert again.access_token() == first.access_token()
    assert len(mall.token_calls) == 1
    again.revoke()
    with pytest.raises(ConsentNeeded):
        TokenKeeper(with_bootstrap, "testmall", a_store(settings, state), HurriedClock()).access_token()
    assert len(mall.token_calls) == 1, "a restart never replays it"


def test_a_new_bootstrap_helps_when_the_stored_pair_is_spent(
    settings: Settings, fresh: TokenKeeper, state: SharedState, mall: StrictMall
) -> None:
    fresh.install(expired(mall))
    mall.refresh.clear()
    helped = dataclasses.replace(settings, refresh_token=mall.issue()["refresh_token"])
    keeper = TokenKeeper(helped, "testmall", a_store(settings, state), HurriedClock())
    assert keeper.access_token() in mall.access
    assert len(mall.token_calls) == 2


def test_a_spent_refresh_token_is_asked_with_once_and_the_living_token_goes_on(
    fresh: TokenKeeper, settings: Settings, state: SharedState, mall: StrictMall, caplog: pytest.LogCaptureFixture
) -> None:
    pair = ending(mall)
    fresh.install(pair)
    mall.refresh.clear()
    with caplog.at_level(logging.WARNING):
        assert [fresh.access_token() for _ in range(3)] == [pair.access_token] * 3
    assert "must consent again" in caplog.text and pair.access_token not in caplog.text
    restarted = TokenKeeper(settings, "testmall", a_store(settings, state), HurriedClock())
    assert restarted.access_token() == pair.access_token
    assert len(mall.token_calls) == 1
    with pytest.raises(ConsentNeeded) as needed:
        fresh.rejected(pair.access_token)
    assert needed.value.authorize_url.startswith(settings.api_url) and "state=" in needed.value.authorize_url
    assert len(mall.token_calls) == 1


def test_without_tokens_the_operator_must_consent_and_then_it_works(fresh: TokenKeeper, mall: StrictMall) -> None:
    with pytest.raises(ConsentNeeded, match="대표운영자"):
        fresh.access_token()
    assert mall.token_calls == []
    fresh.consented("good-code")
    assert fresh.access_token() in mall.access


def test_a_stumbling_token_endpoint_is_asked_again(fresh: TokenKeeper, mall: StrictMall) -> None:
    fresh.install(expired(mall))
    mall.token_faults.extend(["503", "503"])
    assert fresh.access_token() in mall.access
    assert len(mall.token_calls) == 3


def test_a_lost_answer_ends_in_consent_and_not_in_a_storm(fresh: TokenKeeper, mall: StrictMall) -> None:
    fresh.install(expired(mall))
    mall.token_faults.append("lost")
    for _ in range(3):
        with pytest.raises(ConsentNeeded):
            fresh.access_token()
    assert len(mall.token_calls) == 2


def test_while_the_endpoint_is_down_a_living_token_goes_on(
    fresh: TokenKeeper, mall: StrictMall, caplog: pytest.LogCaptureFixture
) -> None:
    pair = ending(mall)
    fresh.install(pair)
    mall.token_faults.extend(["503"] * 30)
    assert {fresh.access_token() for _ in range(5)} == {pair.access_token}
    assert len(mall.token_calls) == 3, "not asked again for a while"
    with pytest.raises(Unavailable):
        fresh.rejected(pair.access_token)


def test_fifteen_token_calls_in_two_hours_and_no_more(
    settings: Settings, fresh: TokenKeeper, state: SharedState, mall: StrictMall
) -> None:
    token = ""
    fresh.install(expired(mall))
    for _ in range(15):
        token = fresh.rejected(token) if token else fresh.access_token()
    with pytest.raises(TokenCallsSpent, match="15 token calls") as spent:
        TokenKeeper(settings, "testmall", a_store(settings, state), HurriedClock()).rejected(token)
    assert 7000 < spent.value.ready_in <= 7200
    assert len(mall.token_calls) == 15


def test_a_mall_that_was_not_reached_costs_no_token_call(
    settings: Settings, fresh: TokenKeeper, state: SharedState, mall: StrictMall
) -> None:
    fresh.install(expired(mall))
    away = dataclasses.replace(settings, api_url="http://127.0.0.1:1")
    keeper = TokenKeeper(away, "testmall", a_store(settings, state), HurriedClock())
    for _ in range(6):
        with pytest.raises(Unavailable):
            keeper.access_token()
    assert fresh.access_token() in mall.access


def test_a_pair_that_could_not_be_stored_is_stored_later(
    fresh: TokenKeeper, mall: StrictMall, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.install(expired(mall))
    with fresh.store.state.transaction() as connection:  # the database loses its table at the worst moment
        connection.exec_driver_sql("ALTER TABLE tokens RENAME COLUMN sealed TO hidden")
    with pytest.raises(Exception, match="sealed"):
        fresh.access_token()
    with fresh.store.state.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE tokens RENAME COLUMN hidden TO sealed")
    assert fresh.access_token() in mall.access
    assert len(mall.token_calls) == 1


def test_scopes(fresh: TokenKeeper, settings: Settings, state: SharedState, mall: StrictMall) -> None:
    mall.scopes = ("mall.read_order", "mall.write_product")
    fresh.install(token_set(mall.issue(), time.time()))
    assert fresh.scopes() == {"mall.read_order", "mall.write_product"}
    fresh.require("mall.read_order")
    fresh.require("mall.read_product")
    with pytest.raises(ScopeMissing) as missing:
        fresh.require("mall.read_privacy")
    assert missing.value.scope == "mall.read_privacy"
    mall.scopes = ("mall.read_privacy",)
    other = TokenKeeper(settings, "testmall", a_store(settings, state), HurriedClock())
    other.install(token_set(mall.issue(), time.time()))
    fresh.require("mall.read_privacy")  # another process was granted it meanwhile


def test_revoking_ends_and_forgets(fresh: TokenKeeper, mall: StrictMall) -> None:
    fresh.install(token_set(mall.issue(), time.time()))
    token = fresh.access_token()
    assert fresh.revoke() == "revoked"
    assert mall.revoked == [token] and fresh.store.get("testmall") is None
    assert fresh.revoke() == "none"
    assert len(mall.revoked) == 1


def test_revoking_ends_a_bootstrap_that_nobody_traded(
    settings: Settings, state: SharedState, mall: StrictMall
) -> None:
    bootstrap = mall.issue()["refresh_token"]
    helped = dataclasses.replace(settings, refresh_token=bootstrap)
    keeper = TokenKeeper(helped, "testmall", a_store(settings, state), HurriedClock())
    assert keeper.revoke() == "revoked" and mall.revoked == [bootstrap]
    with pytest.raises(ConsentNeeded):
        keeper.access_token()
    assert mall.token_calls == [], "it is not traded afterwards"
    assert keeper.revoke() == "none"


def test_revoking_waits_for_who_renews(fresh: TokenKeeper, mall: StrictMall, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh.install(token_set(mall.issue(), time.time()))
    asked, lease = [], fresh.store.lease

    def taken_twice(*args: Any, **more: Any) -> Any:
        asked.append(len(mall.revoked))
        return None if len(asked) < 3 else lease(*args, **more)

    monkeypatch.setattr(fresh.store, "lease", taken_twice)
    assert fresh.revoke() == "revoked"
    assert asked == [0, 0, 0] and len(mall.revoked) == 1, "nothing was revoked before the lease was free"
    assert fresh.store.get("testmall") is None


def test_a_pair_of_another_app_is_not_used(fresh: TokenKeeper, mall: StrictMall) -> None:
    fresh.install(dataclasses.replace(token_set(mall.issue(), time.time()), client_id="another-app"))
    with pytest.raises(ConsentNeeded):
        fresh.access_token()
    assert mall.token_calls == [] and CLIENT_ID != "another-app"


def test_the_store_swaps_only_what_it_was_renewed_from(fresh: TokenKeeper, mall: StrictMall) -> None:
    store, one, two = fresh.store, token_set(mall.issue(), 0), token_set(mall.issue(), 0)
    assert store.put_first("testmall", one) and not store.put_first("testmall", two)
    assert not store.swap("testmall", 7, two)
    assert store.swap("testmall", 1, two) and not store.swap("testmall", 1, one)
    stored = store.get("testmall")
    assert stored == dataclasses.replace(two, version=2)
    store.forget("testmall")
    assert store.get("testmall") is None and not store.swap("testmall", 2, one)


def test_a_lease_is_one_holders_until_it_ends(fresh: TokenKeeper) -> None:
    store = fresh.store
    first = store.lease("testmall", "a", 60, now=0)
    assert first is not None and not first.taken_over
    assert store.lease("testmall", "b", 60, now=59) is None
    assert store.lease("testmall", "a", 60, now=59) is not None, "prolonged"
    assert store.lease("testmall", "b", 60, now=100) is None
    taken = store.lease("testmall", "b", 60, now=120)
    assert taken is not None and taken.taken_over
    store.release("testmall", "a")
    assert store.lease("testmall", "a", 60, now=121) is None, "a late release ends nobody else's"
    store.release("testmall", "b")
    assert store.lease("testmall", "a", 60, now=121) is not None


def test_who_was_taken_over_still_saves_what_it_got(
    settings: Settings, fresh: TokenKeeper, state: SharedState, mall: StrictMall
) -> None:
    fresh.install(expired(mall))
    slow = TokenKeeper(settings, "testmall", a_store(settings, state), SystemClock(), lease_seconds=0.3)
    heir = TokenKeeper(settings, "testmall", a_store(settings, state), SystemClock(), lease_seconds=5)
    mall.token_delay = 1.0  # longer than the first one's lease
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.append(slow.access_token()))
    thread.start()
    time.sleep(0.5)
    got.append(heir.access_token())
    thread.join()
    assert len(set(got)) == 1 and got[0] in mall.access
    assert len(mall.token_calls) == 2 and len(mall.used_refresh) == 1


def test_a_fast_clock_renews_by_its_own_time(settings: Settings, state: SharedState, mall: StrictMall) -> None:
    clock = FastClock(36_000, time.time())
    keeper = TokenKeeper(settings, "testmall", a_store(settings, state), clock)
    keeper.install(token_set(mall.issue(), clock.now()))
    first = keeper.access_token()
    time.sleep(0.25)  # two and a half hours
    assert keeper.access_token() != first


def test_errors_are_for_users_and_hold_no_secret(fresh: TokenKeeper, mall: StrictMall) -> None:
    pair = expired(mall)
    fresh.install(pair)
    mall.refresh.clear()
    with pytest.raises(Cafe24Error) as raised:
        fresh.access_token()
    assert pair.access_token not in str(raised.value) and pair.refresh_token not in str(raised.value)
