"""The sandbox mall sends, loses, repeats and reorders its webhooks; our receiver keeps what came, once."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cafe24_pipelines.cafe24.admin_api.oauth import token_set
from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.cafe24.webhooks import TYPES, changed_since
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.serving.app import create_app
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

Serve = Callable[[Starlette], AbstractContextManager[str]]


@pytest.mark.parametrize("rates", [{}, {"duplicate_rate": 0.4, "reorder_rate": 0.3, "lose_rate": 0.3}])
def test_what_the_mall_sent_is_logged_once_and_names_the_same_orders(tmp_path: Path, served: Serve, rates):
    settings = Settings.from_env({"CAFE24_WEBHOOK_KEY": "sandbox-webhook-key"}, home=tmp_path / "home")
    log = EventLog(settings.home.events)
    mall = SandboxMall.build(tmp_path / "mall.sqlite", customers=120)
    with (
        served(create_app(settings)) as url,
        RunningSandbox(mall, start=END - timedelta(days=40), speed=0.0, webhook_key="sandbox-webhook-key") as sandbox,
    ):
        sandbox.control.webhooks(f"{url}/webhooks/cafe24")
        sandbox.control.faults(faults_seed=2, **rates)
        sandbox.control.advance(10 * 86400)
        calls = sandbox.control.deliver()
        sent = sandbox.control.webhook_logs()
        truth = list(mall.events_between(END - timedelta(days=40), END - timedelta(days=30)))
    assert calls == len(sent) > 20 and {line["success"] for line in sent} == {"T"}
    bodies = {line["request_body"] for line in sent}
    assert len(log.read("sandbox", types=TYPES, limit=100_000)) == len(bodies)
    changes = changed_since(log, "sandbox")
    named = {json.loads(body).get("resource", {}).get("order_id", "") for body in bodies}
    assert changes.order_ids == {one for ids in named for one in str(ids).split(",") if one}
    true_orders = {str(fields["order_id"]) for _, _, fields in truth if "order_id" in fields}
    assert changes.order_ids <= true_orders
    if rates:  # lost events are lost: only polling finds them
        assert len(sent) > len(bodies) and len(bodies) < len(truth)
    else:
        assert changes.order_ids == true_orders
    raw = b"".join(p.read_bytes() for p in settings.home.root.rglob("*") if p.is_file())
    members = {row["member_id"] for row in mall.rows("customers_privacy", END)}
    assert not [m for m in members if m.encode() in raw]


APP = {"CAFE24_CLIENT_ID": "sandbox-client", "CAFE24_CLIENT_SECRET": "sandbox-secret",
       "CAFE24_REDIRECT_URI": "http://127.0.0.1:8000/oauth/callback", "CAFE24_WEBHOOK_KEY": "k"}  # fmt: skip


@pytest.fixture(scope="module")
def small_mall(tmp_path_factory: pytest.TempPathFactory) -> SandboxMall:
    return SandboxMall.build(tmp_path_factory.mktemp("removed-app") / "mall.sqlite", customers=20)


@pytest.mark.parametrize(
    ("removed", "client", "left"), [(True, "sandbox-client", False), (False, "sandbox-client", True),
                                    (True, "another-app", True), (True, None, False)],
)  # fmt: skip
def test_a_deleted_app_loses_its_tokens_if_the_mall_agrees(
    tmp_path: Path, served: Serve, small_mall: SandboxMall, caplog: pytest.LogCaptureFixture,
    removed: bool, client: str | None, left: bool,
) -> None:  # fmt: skip
    with RunningSandbox(small_mall) as sandbox:
        settings = Settings.from_env({**APP, "CAFE24_API_URL": sandbox.url}, home=tmp_path / "home")
        register(settings.home, Mall("sandbox", source="api"))
        keeper = token_keeper(settings, "sandbox")
        keeper.install(token_set(sandbox.control.grant(), time.time()))
        if removed:
            sandbox.control.tokens("forget_all")
        fields = {"mall_id": "sandbox", **({"client_id": client} if client else {})}
        with served(create_app(settings)) as url:
            answer = httpx.post(f"{url}/webhooks/cafe24", json={"event_no": 90077, "resource": fields},
                                headers={"X-API-Key": "k"})  # fmt: skip
            assert answer.status_code == 200
    assert (keeper.store.get("sandbox") is not None) is left, "leaving the block waits for that"
    said = [r.getMessage() for r in caplog.records if "deleted from the mall" in r.getMessage()]
    assert len(said) == (0 if left else 1)
    assert [e.type for e in EventLog(settings.home.events).read("sandbox", types=TYPES)] == ["app.uninstalled"]
