"""The client against the sandbox mall's own server: consent to reading, its limits, its faults."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from cafe24_pipelines.cafe24.admin_api import oauth
from cafe24_pipelines.cafe24.admin_api.client import AdminClient, admin_client
from cafe24_pipelines.cafe24.admin_api.errors import ApprovalNeeded, ConsentNeeded, ScopeMissing
from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server.running import RunningSandbox
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import shared_state


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    mall = SandboxMall.build(tmp_path_factory.mktemp("sandbox") / "mall.db", customers=60)
    with RunningSandbox(mall) as running:
        yield running


@pytest.fixture
def consenting(sandbox: RunningSandbox, tmp_path: Path) -> Settings:
    config = sandbox.config
    sandbox.control.reset()
    sandbox.control.faults()
    sandbox.control.tokens("forget_all")
    sandbox.control.tokens("forget_calls")
    return Settings.from_env(
        {
            "CAFE24_HOME": str(tmp_path / "home"), "CAFE24_API_URL": sandbox.url,
            "CAFE24_CLIENT_ID": config.client_id,
            "CAFE24_CLIENT_SECRET": config.client_secret, "CAFE24_REDIRECT_URI": config.redirect_uris[0],
            "CAFE24_ANALYTICS_URL": f"{sandbox.url}/analytics",
        }
    )  # fmt: skip


def consent(client: AdminClient, settings: Settings) -> None:
    """What the operator's browser does with the address of the error."""
    with pytest.raises(ConsentNeeded) as needed:
        client.get("orders/count")
    back = httpx.get(needed.value.authorize_url).headers["location"]
    returned = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    granted = oauth.check_state(shared_state(settings), returned["state"], now=time.time())
    assert granted.mall_id == "sandbox"
    client.keeper.consented(returned["code"])


def test_from_consent_to_rows(sandbox: RunningSandbox, consenting: Settings) -> None:
    client = admin_client(consenting, "sandbox")
    consent(client, consenting)
    pages = [client.get("products", params={"limit": 100, "offset": at})["products"] for at in (0, 100)]
    assert client.get("products/count")["count"] == len(pages[0]) + len(pages[1])
    assert client.scopes() == set(oauth.DEFAULT_SCOPES)
    with pytest.raises(ScopeMissing, match="mileage"):
        client.get("points", params={"start_date": "2026-10-01", "end_date": "2026-10-02"})
    sandbox.control.tokens("expire_access")
    assert client.get("products/count")["count"] > 0
    assert abs((client.server_now() - sandbox.control.now()).total_seconds()) < 2
    assert client.version_notice().served == "2026-03-01"
    client.keeper.revoke()
    client.close()


def test_approval_and_analytics(sandbox: RunningSandbox, consenting: Settings) -> None:
    client = admin_client(consenting, "sandbox")
    client.keeper.install(oauth.token_set(sandbox.control.grant(), time.time()))
    with pytest.raises(ApprovalNeeded):
        client.get("reports/hourlysales", params={"start_date": "2026-10-01", "end_date": "2026-10-02"})
    assert client.analytics("visitors/view", {"start_date": "2026-10-01", "end_date": "2026-10-02"})
    client.keeper.install(oauth.token_set(sandbox.control.grant(["mall.read_order"]), time.time()))
    with pytest.raises(ScopeMissing, match="analytics"):
        client.analytics("visitors/view", {"start_date": "2026-10-01", "end_date": "2026-10-02"})
    client.close()


def test_a_faulty_mall_is_read_through_within_its_limits(sandbox: RunningSandbox, consenting: Settings) -> None:
    client = admin_client(consenting, "sandbox")
    client.keeper.install(oauth.token_set(sandbox.control.grant(), time.time()))
    sandbox.control.faults(error_rate=0.1, truncate_rate=0.1, faults_seed=3, revoke_after_calls=15)
    for turn in range(30):
        assert client.get(("orders/count", "products/count", "coupons", "boards")[turn % 4], params=_params(turn))
    state = sandbox.control.state()
    assert state["given_429"] == 0 and client.report().repeated > 0
    client.close()


def _params(turn: int) -> dict[str, object]:
    return {"start_date": "2026-09-01", "end_date": "2026-10-01"} if turn % 4 == 0 else {}
