"""Consent from launch to registered mall, over real HTTP on both sides: our app and the sandbox mall's OAuth."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.cli import main
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.serving.app import create_app
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

SECRET = "sandbox-secret"
CALLBACK = "http://127.0.0.1/oauth/callback"  # the tests go to the app's own port with what comes back
Serve = Callable[[Starlette], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    mall = SandboxMall.build(tmp_path_factory.mktemp("mall") / "mall.sqlite", customers=30)
    with RunningSandbox(mall, redirect_uris=(CALLBACK,), mall_ids=("new-shop",)) as running:
        yield running


@pytest.fixture
def app_settings(tmp_path: Path, sandbox: RunningSandbox) -> Settings:
    return Settings.from_env(
        {
            "CAFE24_API_URL": sandbox.url + "/{mall_id}", "CAFE24_CLIENT_ID": "sandbox-client",
            "CAFE24_CLIENT_SECRET": SECRET, "CAFE24_REDIRECT_URI": CALLBACK, "CAFE24_ENCRYPTION_KEY": "k" * 40,
            "CAFE24_WEBHOOK_KEY": "key",
        },
        home=tmp_path / "home",
    )  # fmt: skip


@pytest.fixture
def app(app_settings: Settings, served: Serve) -> Iterator[str]:
    with served(create_app(app_settings)) as url:
        yield url


def launch(mall_id: str = "new-shop", secret: str = SECRET, at: float | None = None, **more: str) -> str:
    """The query of an app launch as Cafe24 signs it."""
    fields = {
        "is_multi_shop": "F", "lang": "ko_KR", "mall_id": mall_id, "nation": "KR", "shop_no": "1",
        "timestamp": str(int(at or time.time())), "user_id": "owner", "user_name": "홍 길동+",
        "user_type": "P", **more,
    }  # fmt: skip
    raw = "&".join(f"{k}={quote(v)}" for k, v in sorted(fields.items()))
    signature = base64.b64encode(hmac.digest(secret.encode(), raw.encode(), hashlib.sha256)).decode()
    return f"{raw}&hmac={quote(signature, safe='')}"


def begin(app: str, query: str) -> tuple[httpx.Client, httpx.Response]:
    browser = httpx.Client(timeout=20)
    return browser, browser.get(f"{app}/oauth/start?{query}")


def consent(browser: httpx.Client, started: httpx.Response) -> dict[str, str]:
    """Cafe24's side: open the authorise address, and read what the redirect brings back."""
    back = browser.get(started.headers["location"])
    assert back.status_code == 302 and back.headers["location"].startswith(CALLBACK)
    return {k: v[0] for k, v in parse_qs(urlsplit(back.headers["location"]).query).items()}


def test_a_signed_launch_leads_to_tokens_a_registered_mall_and_a_korean_page(app, app_settings, caplog):
    caplog.set_level("INFO")
    browser, started = begin(app, launch())
    assert started.status_code == 302 and "user_name" not in started.headers["location"]
    asked = {k: v[0] for k, v in parse_qs(urlsplit(started.headers["location"]).query).items()}
    assert asked["client_id"] == "sandbox-client" and "," in asked["scope"] and " " not in asked["scope"]
    cookie = started.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/oauth" in cookie

    back = consent(browser, started)
    page = browser.get(f"{app}/oauth/callback", params=back)
    assert page.status_code == 200 and "연결되었습니다" in page.text
    assert "cafe24 run --source api --mall new-shop" in page.text
    assert back["code"] not in page.text and "sha256-" in page.headers["content-security-policy"]

    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper

    assert token_keeper(app_settings, "new-shop").access_token()
    assert known_malls(app_settings.home)["new-shop"].source == "api"
    (event,) = EventLog(app_settings.home.events).read("new-shop", types=("oauth.authorized",))
    assert "mall.read_order" in event.payload["scopes"]
    ours, deadline = "", time.monotonic() + 5
    while "/oauth/callback" not in ours and time.monotonic() < deadline:  # a line is written once the answer is sent
        ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("cafe24_pipelines"))
    assert "GET /oauth/callback 200" in ours
    assert not [secret for secret in (back["code"], back["state"], SECRET) if secret in ours]
    raw = b"".join(p.read_bytes() for p in app_settings.home.root.rglob("*") if p.is_file())
    for personal in ("홍 길동", "owner", back["code"]):
        assert personal.encode() not in raw

    again = browser.get(f"{app}/oauth/callback", params=back)  # a copy of the address is worth nothing
    assert again.status_code == 400 and "연결 요청을 확인하지 못했습니다" in again.text


def test_the_command_line_ends_a_consent_as_the_callback_does(app, app_settings, sandbox, tmp_path, monkeypatch):
    browser, started = begin(app, launch())
    browser.get(f"{app}/oauth/callback", params=consent(browser, started))
    by_web = EventLog(app_settings.home.events).read("new-shop")

    for name, value in {
        "CAFE24_API_URL": app_settings.api_url, "CAFE24_CLIENT_ID": app_settings.client_id,
        "CAFE24_CLIENT_SECRET": SECRET, "CAFE24_REDIRECT_URI": CALLBACK, "CAFE24_ENCRYPTION_KEY": "k" * 40,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def authorize(*arguments: str) -> dict[str, object]:
        home = ["--mall", "new-shop", "--home", str(tmp_path / "other"), "--json"]
        done = CliRunner().invoke(main, ["authorize", *arguments, *home])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    back = httpx.get(str(authorize()["url"])).headers["location"]
    returned = {k: v[0] for k, v in parse_qs(urlsplit(back).query).items()}
    granted = authorize("--code", returned["code"], "--state", returned["state"])["scopes"]
    other = Settings.from_env({}, home=tmp_path / "other")
    by_hand = EventLog(other.home.events).read("new-shop")
    assert [(e.type, e.payload) for e in by_hand] == [(e.type, e.payload) for e in by_web]
    assert [e.type for e in by_hand] == ["oauth.authorized", "app.installed"]
    assert granted == by_hand[0].payload["scopes"] and known_malls(other.home)["new-shop"].source == "api"
    again = httpx.get(str(authorize()["url"])).headers["location"]
    returned = {k: v[0] for k, v in parse_qs(urlsplit(again).query).items()}
    authorize("--code", returned["code"], "--state", returned["state"])
    types = [e.type for e in EventLog(other.home.events).read("new-shop")]
    assert types == ["oauth.authorized", "app.installed", "oauth.authorized"], "it is installed once"


@pytest.mark.parametrize(
    "query",
    [
        launch(secret="another"), launch(at=time.time() - 4000), launch().replace("new-shop", "bad-shop"),
        launch() + "&mall_id=bad-shop", "hmac=", launch().partition("&hmac")[0] + "&hmac=x",
    ],
)  # fmt: skip
def test_a_launch_that_cafe24_did_not_sign_or_that_is_old_goes_nowhere(app, query):
    _, started = begin(app, query)
    assert started.status_code == 403 and "앱 실행 정보를 확인할 수 없습니다" in started.text


def test_a_launch_works_once(app):
    query = launch()
    assert begin(app, query)[1].status_code == 302
    assert begin(app, query)[1].status_code == 403


def test_another_browser_can_t_finish_what_this_one_began(app):
    browser, started = begin(app, launch())
    back = consent(browser, started)
    assert httpx.get(f"{app}/oauth/callback", params=back).status_code == 400
    assert browser.get(f"{app}/oauth/callback", params=back).status_code == 400  # and the state is used up


def test_a_plain_start_is_for_this_machine_only(app, app_settings, served):
    assert begin(app, "mall_id=new-shop")[1].status_code == 302
    for headers in ({"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}):
        assert httpx.get(f"{app}/oauth/start?mall_id=new-shop", headers=headers).status_code == 403
    public = replace(app_settings, redirect_uri="https://crm.example/oauth/callback")
    with served(create_app(public)) as url:
        answer = httpx.get(f"{url}/oauth/start?mall_id=new-shop", headers={"Host": "crm.example"})
        assert answer.status_code == 403
        started = httpx.get(f"{url}/oauth/start?{launch()}", headers={"Host": "crm.example"})
        assert started.status_code == 302 and "Secure" in started.headers["set-cookie"]


@pytest.mark.parametrize("mall_id", ["", "../etc", "a.b", "evil.example/", "몰", "a" * 40, "A"])
def test_a_mall_that_can_t_be_one_is_refused(app, mall_id):
    assert begin(app, f"mall_id={quote(mall_id)}")[1].status_code == 400


def test_a_refused_consent_says_what_to_do_in_korean(app):
    browser, started = begin(app, "mall_id=new-shop")
    state = parse_qs(urlsplit(started.headers["location"]).query)["state"][0]
    page = browser.get(f"{app}/oauth/callback", params={"error": "access_denied", "state": state, "trace_id": "t"})
    assert page.status_code == 400 and "대표운영자" in page.text
    browser, started = begin(app, "mall_id=new-shop")
    state = parse_qs(urlsplit(started.headers["location"]).query)["state"][0]
    page = browser.get(f"{app}/oauth/callback", params={"error": "<script>alert(1)</script>", "state": state})
    assert page.status_code == 400 and "<script>" not in page.text


def test_a_wrong_or_used_code_and_a_wrong_secret_are_told_apart(app, app_settings, served, caplog):
    browser, started = begin(app, "mall_id=new-shop")
    back = consent(browser, started) | {"code": "not-a-code"}
    page = browser.get(f"{app}/oauth/callback", params=back)
    assert page.status_code == 502 and "승인 코드가 유효하지 않습니다" in page.text
    with served(create_app(replace(app_settings, client_secret="wrong"))) as url:
        browser, started = begin(url, "mall_id=new-shop")
        page = browser.get(f"{url}/oauth/callback", params=consent(browser, started))
    assert "서버의 설정이 끝나지 않았습니다" in page.text and "wrong" not in page.text
    assert "new-shop" not in known_malls(app_settings.home)


def test_without_an_app_the_page_is_korean_and_the_log_names_the_setting(tmp_path, served, caplog):
    bare = Settings.from_env({}, home=tmp_path / "bare")
    with served(create_app(bare)) as url:
        page = httpx.get(f"{url}/oauth/start?mall_id=some-shop")
    assert page.status_code == 503 and "설정이 끝나지 않았습니다" in page.text
    assert "CAFE24_CLIENT_ID" in caplog.text and "CAFE24" not in page.text


def test_the_sandbox_s_name_is_not_given_to_a_real_mall(app_settings, served):
    real = replace(app_settings, api_url="https://{mall_id}.cafe24api.com")
    with served(create_app(real)) as url:
        assert httpx.get(f"{url}/oauth/start?mall_id=sandbox").status_code == 503


def test_a_head_request_uses_nothing_up(app):
    browser, started = begin(app, "mall_id=new-shop")
    back = consent(browser, started)
    assert browser.head(f"{app}/oauth/callback", params=back).status_code == 405
    assert browser.get(f"{app}/oauth/callback", params=back).status_code == 200


def test_the_first_consent_is_the_installation_and_another_is_none(app, app_settings):
    log = EventLog(app_settings.home.events)
    now = time.time()
    for ago in range(2):
        browser, started = begin(app, launch(at=now - ago))
        assert browser.get(f"{app}/oauth/callback", params=consent(browser, started)).status_code == 200
    events = log.read("new-shop", types=("oauth.authorized", "app.installed"))
    assert [e.type for e in events] == ["oauth.authorized", "app.installed", "oauth.authorized"]
    assert events[1].payload == {"via": "consent"} and events[0].occurred_at == events[1].occurred_at


def test_no_consent_is_stored_while_the_mall_is_being_removed(app, app_settings):
    from datetime import UTC, datetime

    from cafe24_pipelines.stores.events import Event

    log = EventLog(app_settings.home.events)
    log.append([Event("r", "new-shop", "mall.removal_started", datetime.now(UTC), {})])
    browser, started = begin(app, launch())
    page = browser.get(f"{app}/oauth/callback", params=consent(browser, started))
    assert page.status_code == 503 and "잠시 뒤에" in page.text
    assert "new-shop" not in known_malls(app_settings.home) and len(log.read("new-shop")) == 1


def test_a_removal_that_begins_while_the_code_is_traded_leaves_no_token(app, app_settings, monkeypatch):
    from datetime import UTC, datetime

    from cafe24_pipelines.cafe24.admin_api.tokens import TokenKeeper, token_keeper
    from cafe24_pipelines.stores.events import Event

    log, trade = EventLog(app_settings.home.events), TokenKeeper.consented

    def slowly(keeper: TokenKeeper, code: str) -> None:
        trade(keeper, code)
        log.append([Event("r", "new-shop", "mall.removal_started", datetime.now(UTC), {})])

    monkeypatch.setattr(TokenKeeper, "consented", slowly)
    browser, started = begin(app, launch())
    assert browser.get(f"{app}/oauth/callback", params=consent(browser, started)).status_code == 503
    assert "new-shop" not in known_malls(app_settings.home) and len(log.read("new-shop")) == 1
    assert token_keeper(app_settings, "new-shop").store.get("new-shop") is None
