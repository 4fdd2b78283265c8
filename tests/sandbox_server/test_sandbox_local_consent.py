"""The redirect address that `cafe24 sandbox` prints is the one at which `cafe24 serve` finishes a consent."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from starlette.routing import Route

from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
from cafe24_pipelines.commands.servers import serve
from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.sandbox.server import RunningSandbox
from cafe24_pipelines.sandbox.server.app import create_app as create_mall
from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.demo import how_to_connect
from cafe24_pipelines.serving.app import create_app
from cafe24_pipelines.settings import Settings


def test_a_consent_comes_back_to_serve(tmp_path: Path) -> None:
    back = urlsplit(ServerConfig().redirect_uris[0])
    options = {option.name: option.default for option in serve.params}
    paths = {
        route.path for route in create_app(Settings.from_env({}, home=tmp_path)).routes if isinstance(route, Route)
    }
    assert (back.scheme, back.hostname, back.port) == ("http", options["host"], options["port"])
    assert back.path in paths


async def _browsed(settings: Settings, address: str) -> int:
    """What a browser on this machine ends with that opens the address and follows where it is sent."""
    app = httpx.ASGITransport(create_app(settings), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=app) as ours, httpx.AsyncClient() as malls:
        away = await ours.get(address)
        back = await malls.get(away.headers["location"])
        return (await ours.get(back.headers["location"])).status_code


def test_the_address_that_the_sandbox_prints_begins_a_consent_that_serve_and_authorize_finish(tmp_path: Path) -> None:
    mall = SandboxMall.build(tmp_path / "mall.db", customers=20)
    with RunningSandbox(mall) as sandbox:
        demo = create_mall(mall, ServerConfig(), MallClock(END))
        lines = "\n".join(how_to_connect(demo, ServerConfig(), "", "sandbox"))
        printed = re.search(r"open (http://127\.0\.0\.1:8000\S+)", lines)
        assert printed is not None
        env = {
            "CAFE24_API_URL": sandbox.url, "CAFE24_CLIENT_ID": "sandbox-client",
            "CAFE24_CLIENT_SECRET": "sandbox-secret", "CAFE24_REDIRECT_URI": sandbox.config.redirect_uris[0],
        }  # fmt: skip
        settings = Settings.from_env(env, home=tmp_path / "home")
        assert asyncio.run(_browsed(settings, printed[1])) == 200
        assert token_keeper(settings, "sandbox").access_token()
