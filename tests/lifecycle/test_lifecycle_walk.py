"""A mall's life as its merchant and Cafe24 live it: consents through the served app, webhooks over HTTP, a key."""

import base64
import hashlib
import hmac
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from benchmarks import loopback
from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.instance import dagster_instance
from cafe24_pipelines.lifecycle.departure import begin_leaving, complete_removal
from cafe24_pipelines.lifecycle.rows import any_rows
from cafe24_pipelines.lifecycle.state import MallState, mall_state
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.sensors.run_history import forget_mall
from cafe24_pipelines.serving.app import create_app
from cafe24_pipelines.serving.keys import KeyRing
from cafe24_pipelines.settings import Settings

from .lifecycle_home import LEAVER, MARK, STAYER, home_settings, of_mall

SECRET, CALLBACK, KEY = "sandbox-secret", "http://127.0.0.1/oauth/callback", "the-webhook-key"


class Life:
    """One mall before a served app and a mall that speaks OAuth."""

    def __init__(self, settings: Settings, sandbox: RunningSandbox, url: str) -> None:
        self.settings, self.sandbox, self._url = settings, sandbox, url
        self.log, self._launched, self.token = parts.event_log(settings), int(time.time()), ""

    @property
    def state(self) -> MallState:
        return mall_state(self.log, LEAVER)

    def consent(self) -> int:
        """The merchant opens the app, agrees, and is sent back; the status of the last page."""
        self._launched -= 1  # a launch is taken once
        fields = {"lang": "ko_KR", "mall_id": LEAVER, "nation": "KR", "shop_no": "1", "user_id": "owner",
                  "timestamp": str(self._launched), "user_type": "P"}  # fmt: skip
        raw = "&".join(f"{k}={quote(v)}" for k, v in sorted(fields.items()))
        signed = base64.b64encode(hmac.digest(SECRET.encode(), raw.encode(), hashlib.sha256)).decode()
        with httpx.Client(timeout=30) as browser:
            started = browser.get(f"{self._url}/oauth/start?{raw}&hmac={quote(signed, safe='')}")
            back = browser.get(started.headers["location"])
            query = {k: v[0] for k, v in parse_qs(urlsplit(back.headers["location"]).query).items()}
            return browser.get(f"{self._url}/oauth/callback", params=query).status_code

    def webhook(self, number: int) -> int:
        """What Cafe24 sends, each time with the same body."""
        body = {"event_no": number, "resource": {"mall_id": LEAVER, "client_id": "sandbox-client"}}
        return httpx.post(f"{self._url}/webhooks/cafe24", json=body, headers={"X-API-Key": KEY}).status_code

    def new_key(self) -> None:
        self.token = KeyRing(self.log).add(LEAVER)[1]

    def get(self, route: str) -> httpx.Response:
        return httpx.get(f"{self._url}/cafe24-crm/{route}", headers={"X-API-Key": self.token}, timeout=30)

    def wish(self) -> httpx.Response:
        """Code asked for later: what the plan counts."""
        body = {"type": "generate.requested", "payload": {"question": "주문 목록"}, "key": str(time.monotonic())}
        return httpx.post(f"{self._url}/cafe24-crm/events", json=body, headers={"X-API-Key": self.token}, timeout=30)

    def remove(self, progress: Any = None) -> dict[str, Any]:
        with dagster_instance(self.settings) as instance:
            return complete_removal(
                self.settings, self.log, LEAVER, self.state.left_by, progress=progress,
                history=lambda mall: forget_mall(instance, self.settings, mall),
            )  # fmt: skip


@pytest.fixture
def life(two_lives: Settings, tmp_path: Path) -> Iterator[Life]:
    shutil.copytree(two_lives.home.root, tmp_path / "copy")
    mall = SandboxMall.build(tmp_path / "mall.sqlite", customers=20)
    with RunningSandbox(mall, redirect_uris=(CALLBACK,), mall_ids=(LEAVER,)) as sandbox:
        settings = home_settings(
            tmp_path / "copy", CAFE24_API_URL=sandbox.url + "/{mall_id}", CAFE24_CLIENT_ID="sandbox-client",
            CAFE24_CLIENT_SECRET=SECRET, CAFE24_REDIRECT_URI=CALLBACK, CAFE24_WEBHOOK_KEY=KEY,
        )  # fmt: skip
        with loopback.served(create_app(settings)) as url:
            yield Life(replace(settings, grace_days=0), sandbox, url)


@pytest.mark.slow
def test_from_a_consent_to_the_last_byte_and_back(life: Life) -> None:
    other = of_mall(life.settings, STAYER)
    assert life.consent() == 200 and life.state.stage == "active"
    life.new_key()
    assert MARK[LEAVER] in life.get("insights").text and life.wish().status_code == 200

    assert life.webhook(90078) == 200  # the app's term ended
    refused = life.wish()
    assert (
        refused.status_code == 403 and "이용 기간이 끝났습니다. 카페24 앱스토어" in refused.json()["error"]["message"]
    )
    assert life.get("insights").status_code == 200
    assert life.webhook(90079) == 200 and life.wish().status_code == 200

    life.sandbox.control.tokens("expire_access")  # in the middle
    assert life.webhook(90077) == 200  # by whoever knows the key: the mall takes our tokens still
    assert life.get("insights").status_code == 403
    assert "tokens" in begin_leaving(life.settings, life.log, LEAVER, life.state.left_by)["done"]
    assert life.state.stage == "active" and life.get("insights").status_code == 200

    life.sandbox.control.tokens("forget_all")
    assert life.webhook(90077) == 200, "the same body minutes later, and this time it is true"
    assert life.state.stage == "uninstalled" and life.get("insights").status_code == 403
    made = begin_leaving(life.settings, life.log, LEAVER, life.state.left_by)
    assert made["done"] == "exported" and Path(made["export"]).exists()
    assert life.consent() == 200 and life.state.stage == "installed", "back within the grace days"
    assert MARK[LEAVER] in life.get("insights").text, "its data is there again"
    assert token_keeper(life.settings, LEAVER).access_token()

    life.sandbox.control.tokens("forget_all")
    assert life.webhook(90077) == 200 and life.state.stage == "uninstalled"
    meanwhile: list[tuple[int, int, int]] = []

    def look(line: str) -> None:
        if line in ("unregistered", "searched"):
            meanwhile.append((life.consent(), life.webhook(90023), life.get("insights").status_code))

    assert life.remove(look)["done"] == "removed"
    assert [one[:2] for one in meanwhile] == [(503, 404)] * 2, "consent, webhook"
    nothing = (401, 403, 404)  # a server remembers keys, and which malls there are, for a second
    assert all(key in nothing for _, _, key in meanwhile)
    assert life.state.stage == "removed" and life.webhook(90077) == 404
    assert life.get("dashboard").status_code in nothing
    assert LEAVER not in known_malls(life.settings.home) and other.items() <= of_mall(life.settings, STAYER).items()
    assert not any_rows(life.settings, LEAVER), "not of the consents in between either"
    left = [p for p in life.settings.home.root.rglob("*") if p.is_file() and MARK[LEAVER].encode() in p.read_bytes()]
    assert left == []

    assert life.consent() == 200 and life.state.stage == "installed"
    old = life.token
    life.new_key()
    deadline = time.monotonic() + 10
    while (again := life.get("insights")).status_code == 401 and time.monotonic() < deadline:
        time.sleep(0.1)  # a server looks at the keys of a mall once a second
    assert again.status_code == 200 and again.json()["insights"] == [] and MARK[LEAVER] not in again.text
    life.token = old
    assert life.get("insights").status_code == 401, "an old key opens nothing"
