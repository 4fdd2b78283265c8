"""A small mall behind a running sandbox, its clock standing still, and a client that shows answers as they came."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from cafe24_pipelines.sandbox.mall.mall import SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox

CLIENT = ("sandbox-client", "sandbox-secret")
REDIRECT = "https://app.example.com/cafe24/callback"
Start = Callable[..., "Api"]


class Api:
    """A client of one sandbox that retries nothing and raises nothing."""

    def __init__(self, sandbox: RunningSandbox, *, prefix: str = "") -> None:
        self.sandbox, self.control = sandbox, sandbox.control
        self.http = httpx.Client(
            base_url=sandbox.url + prefix, timeout=20, trust_env=False, verify=SSLContext(PROTOCOL_TLS_CLIENT)
        )
        self.token = sandbox.control.grant()["access_token"]

    def get(self, path: str, *, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        return self.raw("GET", f"/api/v2/admin/{path}", params=params or None, headers=headers)

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.raw(method, f"/api/v2/admin/{path}", json=body)

    def raw(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.http.request(method, path, headers={**bearer, **(headers or {})}, **more)

    def authorize(self, **changes: str) -> httpx.Response:
        query = {"response_type": "code", "client_id": "sandbox-client", "state": "s1", "redirect_uri": REDIRECT,
                 "scope": "mall.read_order,mall.write_customer", **changes}  # fmt: skip
        return self.http.get("/api/v2/oauth/authorize", params={k: v for k, v in query.items() if v})

    def code(self, **changes: str) -> str:
        return back(self.authorize(**changes))["code"]

    def token_call(self, auth: tuple[str, str] | None = CLIENT, **form: str) -> httpx.Response:
        return self.http.post("/api/v2/oauth/token", data=form, auth=auth)

    def exchange(self, code: str, **form: str) -> httpx.Response:
        return self.token_call(**{"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, **form})

    def refresh(self, token: str) -> httpx.Response:
        return self.token_call(grant_type="refresh_token", refresh_token=token)


def back(response: httpx.Response) -> dict[str, str]:
    """The query with which a browser would come back to the app."""
    assert response.status_code == 302, response.text
    assert response.headers["location"].startswith(REDIRECT)
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


@pytest.fixture(scope="session")
def mall_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mall") / "mall.db"
    SandboxMall.build(path, customers=120, seed=7)
    return path


@pytest.fixture
def mall(mall_path: Path, tmp_path: Path) -> SandboxMall:
    """The shared mall with writes of its own."""
    return SandboxMall.open(mall_path, overlay=tmp_path / "writes.db")


@pytest.fixture
def start(mall: SandboxMall) -> Iterator[Start]:
    """Starts a sandbox whose clock stands still unless `speed` says otherwise."""
    with ExitStack() as stack:

        def run(*, prefix: str = "", malls: Sequence[SandboxMall] = (), **config: Any) -> Api:
            sandbox = stack.enter_context(RunningSandbox(malls or mall, **{"speed": 0, **config}))
            api = Api(sandbox, prefix=prefix)
            stack.callback(api.http.close)
            return api

        yield run


@pytest.fixture
def api(start: Start) -> Api:
    return start()


@pytest.fixture(scope="module")
def open_api(mall_path: Path) -> Iterator[Api]:
    """Without limits of calls, shared by tests that only read."""
    mall = SandboxMall.open(mall_path)
    with RunningSandbox(mall, speed=0, limits=False, approved=True) as sandbox:
        yield Api(sandbox)
