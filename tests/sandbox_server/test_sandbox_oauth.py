"""OAuth of the sandbox over real HTTP: consent, one-minute codes, PKCE, rotation, lives, limits, revoke, errors."""

import base64
import hashlib
import re
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest


def back(response: httpx.Response) -> dict[str, str]:
    """The query with which a browser would come back to the app."""
    assert response.status_code == 302, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def refused(response: httpx.Response, status: int, error: str) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error), response.text
    assert isinstance(response.json()["error_description"], str)


def test_a_code_becomes_a_token_set_in_the_documented_shape(api):
    answer = back(api.authorize())
    assert answer["state"] == "s1"
    response = api.exchange(answer["code"])
    assert response.status_code == 200
    tokens = response.json()
    assert "expires_in" not in tokens
    assert set(tokens) == {
        "access_token", "expires_at", "refresh_token", "refresh_token_expires_at", "client_id", "mall_id", "user_id",
        "scopes", "issued_at", "shop_no", "token_type",
    }  # fmt: skip
    assert tokens["shop_no"] == "1" and tokens["mall_id"] == "sandbox"
    # A write scope comes with its read scope.
    assert sorted(tokens["scopes"]) == ["mall.read_customer", "mall.read_order", "mall.write_customer"]
    for name in ("expires_at", "refresh_token_expires_at", "issued_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000", tokens[name])
    at = {n: datetime.fromisoformat(tokens[n]) for n in ("issued_at", "expires_at", "refresh_token_expires_at")}
    assert (at["expires_at"] - at["issued_at"]).total_seconds() == 2 * 3600
    assert (at["refresh_token_expires_at"] - at["issued_at"]).days == 14
    assert at["issued_at"] == api.control.now().replace(tzinfo=None, microsecond=0)  # KST, without saying so


def test_a_code_works_once_and_for_a_minute(api):
    code = api.code()
    assert api.exchange(code).status_code == 200
    refused(api.exchange(code), 400, "invalid_grant")
    late = api.code()
    api.control.advance(60)
    refused(api.exchange(late), 400, "invalid_grant")
    in_time = api.code()
    api.control.advance(59)
    assert api.exchange(in_time).status_code == 200


def test_the_redirect_uri_must_be_that_of_the_code(api):
    refused(api.exchange(api.code(), redirect_uri="https://elsewhere.example.com/"), 400, "invalid_grant")


def test_pkce_is_checked_when_a_challenge_was_given(api):
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}
    refused(api.exchange(api.code(**asked)), 400, "invalid_grant")
    refused(api.exchange(api.code(**asked), code_verifier="w" * 50), 400, "invalid_grant")
    assert api.exchange(api.code(**asked), code_verifier=verifier).status_code == 200
    assert back(api.authorize(**{**asked, "code_challenge_method": "plain"}))["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "mall.read_order mall.read_customer"}, "invalid_scope"),
        ({"scope": "mall.read_nothing"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
    ],
)
def test_a_bad_authorisation_request_comes_back_with_an_error_and_a_trace_id(api, changes, error):
    answer = back(api.authorize(**changes))
    assert answer["error"] == error and answer["trace_id"] and "code" not in answer
    assert answer.get("state", "") == changes.get("state", "s1")


def test_an_unregistered_client_or_address_is_never_redirected_to(api):
    for changes in ({"client_id": "other"}, {"redirect_uri": "https://app.example.com/cafe24/callback/x"}):
        response = api.authorize(**changes)
        assert response.status_code == 400 and "location" not in response.headers


def test_the_consent_page_lets_only_the_representative_operator_consent(start):
    api = start(auto_consent=False)
    page = api.http.get(api.authorize().headers["location"])
    assert page.status_code == 200 and "mall.write_customer" in page.text

    def decide(**form):
        ticket = api.authorize().headers["location"].partition("request=")[2]
        return back(api.http.post("/_sandbox/consent", data={"request": ticket, **form}))

    assert decide(decision="deny", operator="P")["error"] == "access_denied"
    assert decide(decision="allow", operator="A")["error"] == "access_denied"
    answer = decide(decision="allow", operator="P")
    assert answer["state"] == "s1" and api.exchange(answer["code"]).status_code == 200
    assert api.http.get("/_sandbox/consent?request=nonsense").status_code == 404


@pytest.mark.parametrize("auth", [None, ("sandbox-client", "wrong"), ("other", "sandbox-secret")])
def test_client_credentials_come_as_basic(api, auth):
    refused(api.token_call(auth, grant_type="refresh_token", refresh_token="x"), 401, "invalid_client")


def test_bad_token_calls_are_refused_in_the_shape_of_the_token_endpoint(api):
    refused(api.token_call(), 400, "invalid_request")
    refused(api.token_call(grant_type="refresh_token"), 400, "invalid_request")
    refused(api.token_call(grant_type="authorization_code", code="x"), 400, "invalid_request")
    refused(api.token_call(grant_type="client_credentials"), 400, "unsupported_grant_type")
    refused(api.refresh("nonsense"), 400, "invalid_grant")
    as_json = api.http.post("/api/v2/oauth/token", json={}, auth=("sandbox-client", "sandbox-secret"))
    refused(as_json, 400, "invalid_request")


def test_a_refresh_gives_a_new_pair_and_kills_the_old_refresh_token_at_once(api):
    first = api.control.grant()
    second = api.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"] and second["scopes"] == first["scopes"]
    refused(api.refresh(first["refresh_token"]), 400, "invalid_grant")
    third = api.refresh(second["refresh_token"])
    assert third.status_code == 200
    for tokens in (first, second, third.json()):
        api.token = tokens["access_token"]
        assert api.get("shops").status_code == 200


def test_access_lives_two_hours_and_refresh_two_weeks(api):
    first = api.control.grant()
    api.token = first["access_token"]
    api.control.advance(2 * 3600 - 1)
    assert api.get("shops").status_code == 200
    api.control.advance(1)
    response = api.get("shops")
    assert response.status_code == 401
    assert response.json() == {"error": {"code": 401, "message": "access_token time expired.", "more_info": {}}}
    api.control.advance(14 * 86400 - 2 * 3600 - 1)
    assert api.refresh(first["refresh_token"]).status_code == 200
    second = api.control.grant()
    api.control.advance(14 * 86400)
    refused(api.refresh(second["refresh_token"]), 400, "invalid_grant")


def test_the_sixteenth_access_token_drops_the_oldest(api):
    tokens = [api.control.grant()["access_token"] for _ in range(15)]  # the client's own was the first
    statuses = []
    for token in (api.token, *tokens):
        api.token = token
        statuses.append(api.get("shops").status_code)
        api.control.advance(1)
    assert statuses == [401] + [200] * 15


def test_fifteen_token_calls_in_two_hours_and_no_more(start):
    api = start()
    token = api.control.grant()["refresh_token"]
    for _ in range(15):
        token = api.refresh(token).json()["refresh_token"]
    assert api.refresh(token).status_code == 429
    api.control.advance(2 * 3600 + 1)
    token = api.refresh(token).json()["refresh_token"]
    api.control.config(token_calls=0)
    for _ in range(20):
        token = api.refresh(token).json()["refresh_token"]


def test_revoking_an_access_token_ends_its_refresh_token(api):
    tokens = api.control.grant()

    def revoke(**form):
        return api.http.post("/api/v2/oauth/revoke", data=form, auth=("sandbox-client", "sandbox-secret"))

    assert revoke(token=tokens["access_token"], token_hint="access_token").status_code == 200
    api.token = tokens["access_token"]
    assert api.get("shops").json()["error"]["message"] == "Invalid access_token"
    refused(api.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert revoke(token="gone").status_code == 200
    refused(revoke(token_hint="access_token"), 400, "invalid_request")
    refused(revoke(token="x", token_hint="something"), 400, "invalid_request")


def test_missing_and_wrong_access_tokens_are_401(api):
    good, api.token = api.token, ""
    assert api.get("shops").status_code == 401
    assert api.get("shops", headers={"Authorization": f"Basic {good}"}).status_code == 401
    answer = api.get("shops", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (401, "Invalid access_token")
    assert "X-Api-Call-Limit" not in answer.headers  # nobody's bucket was filled


def test_a_scope_that_is_missing_is_403(api):
    api.token = api.control.grant(["mall.read_order"])["access_token"]
    answer = api.get("products")
    assert answer.status_code == 403 and "mall.read_product" in answer.json()["error"]["message"]
    assert answer.headers["X-Api-Call-Limit"] == "1/40"


def test_endpoints_for_approved_clients_are_closed_by_default(api):
    day = {"start_date": "2026-10-01", "end_date": "2026-10-01"}
    assert api.get("reports/hourlysales", **day).status_code == 403
    api.control.config(approved=True)
    assert api.get("reports/hourlysales", **day).status_code == 200


def test_tokens_belong_to_their_mall(start):
    api = start(mall_ids=("second",), limits=False)
    own, other = api.control.grant(), api.control.grant(mall_id="second")
    for tokens, status in ((own, 401), (other, 200)):
        api.token = tokens["access_token"]
        assert api.raw("GET", "/second/api/v2/admin/shops").status_code == status
    refused(api.refresh(other["refresh_token"]), 400, "invalid_grant")
    assert api.raw("GET", "/nosuchmall/api/v2/admin/shops").status_code == 404
