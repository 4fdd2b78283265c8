"""Consent and the token endpoint: addresses, states, and lifetimes that no clock or zone can spoil."""

import dataclasses
from urllib.parse import parse_qs, urlsplit

import pytest
from strict_mall import StrictMall

from cafe24_pipelines.cafe24.admin_api import oauth
from cafe24_pipelines.cafe24.admin_api.errors import BadState, MalformedAnswer, Refused, Unavailable
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState

REAL = Settings.from_env({"CAFE24_CLIENT_ID": "an-app", "CAFE24_REDIRECT_URI": "https://app.example.com/back"})


def test_the_authorise_address() -> None:
    url = oauth.authorize_url(REAL, "myshop", "a-state", ["mall.read_order", "mall.read_product"], "a-challenge")
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "myshop.cafe24api.com", "/api/v2/oauth/authorize")
    assert "scope=mall.read_order,mall.read_product" in parts.query, "commas, as they are"
    assert query["redirect_uri"] == ["https://app.example.com/back"]
    assert (query["code_challenge_method"], query["response_type"]) == (["S256"], ["code"])
    with pytest.raises(ConfigError, match="not valid"):
        oauth.authorize_url(REAL, "evil.example.com/x", "s", [])
    with pytest.raises(ConfigError, match="CAFE24_REDIRECT_URI"):
        oauth.authorize_url(dataclasses.replace(REAL, redirect_uri=""), "myshop", "s", [])


def test_a_state_returns_once_in_time_to_its_browser(state: SharedState) -> None:
    given, _ = oauth.new_state(state, "myshop", now=0, scopes=["mall.read_order"], binding="cookie")
    assert oauth.check_state(state, given, now=599, binding="cookie").scopes == ("mall.read_order",)
    with pytest.raises(BadState):
        oauth.check_state(state, given, now=599, binding="cookie")
    late, _ = oauth.new_state(state, "myshop", now=0)
    with pytest.raises(BadState):
        oauth.check_state(state, late, now=601)
    stolen, _ = oauth.new_state(state, "myshop", now=0, binding="cookie")
    with pytest.raises(BadState, match="another browser"):
        oauth.check_state(state, stolen, now=1, binding="")
    with pytest.raises(BadState):
        oauth.check_state(state, stolen, now=1, binding="cookie")
    with pytest.raises(BadState):
        oauth.check_state(state, "made up", now=1)


def test_pkce_verifiers_lie_sealed_and_match_their_challenge(state: SharedState, settings: Settings) -> None:
    given, challenge = oauth.new_state(state, "myshop", now=0, seal=seal_for(settings, "myshop", "tokens"))
    with state.reading() as connection:
        kept = str(connection.exec_driver_sql("SELECT value FROM remembered").all())
    granted = oauth.check_state(state, given, now=1, seal_for_mall=lambda m: seal_for(settings, m, "tokens"))
    assert 43 <= len(granted.verifier) <= 128
    assert oauth.challenge_of(granted.verifier) == challenge
    assert granted.verifier not in kept + repr(granted) and given not in kept
    assert oauth.challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == (
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    ), "the vector of RFC 7636"


@pytest.mark.parametrize("skew", [0.0, 90.0, -90.0, 9 * 3600.0])
def test_lifetimes_count_from_our_own_clock(mall: StrictMall, skew: float) -> None:
    mall.skew = skew
    tokens = oauth.token_set(mall.issue(), 1000.0)
    assert tokens.expires_at == pytest.approx(1000 + 7200, abs=1)
    assert tokens.refresh_expires_at == pytest.approx(1000 + 14 * 86400, abs=1)
    assert tokens.access_token not in repr(tokens) and tokens.refresh_token not in repr(tokens)


@pytest.mark.parametrize(
    "spoilt",
    [{"expires_at": None}, {"expires_at": "soon"}, {"issued_at": "2031-01-01T00:00:00.000"}, {"scopes": None},
     {"expires_at": "2021-03-01T14:00:00.000Z", "issued_at": "2021-03-01T12:00:00.000"}, {"scopes": "a b"}],
)  # fmt: skip
def test_a_pair_is_kept_whatever_else_the_answer_lacks(mall: StrictMall, spoilt: dict[str, str]) -> None:
    answer = {**mall.issue(), **spoilt}
    tokens = oauth.token_set(answer, 0.0)
    assert tokens.refresh_token == answer["refresh_token"]
    assert tokens.expires_at == pytest.approx(7200, abs=1)


def test_an_answer_without_a_pair_is_none() -> None:
    with pytest.raises(MalformedAnswer):
        oauth.token_set({"access_token": "a"}, 0.0)


def test_codes_and_errors_of_the_endpoint(mall: StrictMall, settings: Settings) -> None:
    tokens = oauth.exchange_code(settings, "testmall", "good-code", now=5.0, verifier="v" * 43)
    assert tokens.access_token in mall.access
    assert mall.token_calls[-1] == {
        "grant_type": "authorization_code", "code": "good-code", "redirect_uri": "https://app.example.com/back",
        "code_verifier": "v" * 43,
    }  # fmt: skip
    with pytest.raises(Refused) as refused:
        oauth.exchange_code(settings, "testmall", "bad-code", now=5.0)
    assert refused.value.more_info == {"error": "invalid_grant"}
    with pytest.raises(Refused, match="CAFE24_CLIENT_SECRET"):
        oauth.refresh(dataclasses.replace(settings, client_secret="wrong"), "testmall", "r", now=0)
    mall.token_faults.append("503")
    with pytest.raises(Unavailable, match="503"):
        oauth.refresh(settings, "testmall", tokens.refresh_token, now=0)
    gone = dataclasses.replace(settings, api_url="http://127.0.0.1:1")
    with pytest.raises(Unavailable) as unreached:
        oauth.refresh(gone, "testmall", tokens.refresh_token, now=0)
    assert unreached.value.acted is False
    with pytest.raises(ConfigError, match="not https"):
        oauth.refresh(dataclasses.replace(settings, api_url="http://example.com"), "testmall", "r", now=0)
