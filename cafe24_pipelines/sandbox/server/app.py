"""The Starlette application: routes, their copies under `/{mall_id}`, the Date header and the webhook sender.

Does not belong here: what the routes do.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cafe24_pipelines.sandbox.server.answer import Answerer
from cafe24_pipelines.sandbox.server.catalogue import ADMIN, ANALYTICS
from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.control import Control
from cafe24_pipelines.sandbox.server.endpoints import Routes
from cafe24_pipelines.sandbox.server.errors import json_response, no_api
from cafe24_pipelines.sandbox.server.oauth import OAuth
from cafe24_pipelines.sandbox.server.state import MallState, Server, by_id
from cafe24_pipelines.sandbox.server.webhooks import Sender

if TYPE_CHECKING:
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall

_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]
OfMall = Callable[[Request, MallState], Awaitable[Response]]


def create_app(
    mall: "SandboxMall | Sequence[SandboxMall]", config: ServerConfig | None = None, clock: MallClock | None = None
) -> Starlette:
    """The application over one mall or several.

    Routes: `/api/v2/oauth/{authorize,token,revoke}`, `/api/v2/admin/…`, `/analytics/…` and `/_sandbox/…`, all of
    them also under `/{mall_id}`. Without a mall id the first mall answers.

    Args:
        mall: its content; each is served under its own `mall_id`.
        config: the server's settings; defaults otherwise.
        clock: the mall's clock; real time otherwise.
    """
    malls = list(mall) if isinstance(mall, Sequence) else [mall]
    config = config or ServerConfig()
    server = Server(by_id(malls, config), config, clock or MallClock())
    sender = Sender(server)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(sender.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await sender.close()

    routes = [*_routes(server, sender, ""), *_routes(server, sender, "/{mall_id}")]
    app = Starlette(
        routes=routes, lifespan=lifespan, middleware=[Middleware(_Dated, server=server)],
        exception_handlers={404: _unknown, 405: _unknown},
    )  # fmt: skip
    app.state.server = server
    return app


def _routes(server: Server, sender: Sender, prefix: str) -> list[Route]:
    answerer, oauth = Answerer(server), OAuth(server)

    def of_mall(act: OfMall) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            mall_id = request.path_params.get("mall_id")
            state = server.first if mall_id is None else server.malls.get(mall_id)
            if state is None:
                return json_response(no_api(request.url.path).body(), 404)
            return await act(request, state)

        return endpoint

    def calls(routes: Routes) -> OfMall:
        async def act(request: Request, state: MallState) -> Response:
            return await answerer.answer(request, state, routes, request.path_params["path"])

        return act

    api = f"{prefix}/api/v2"
    return [
        Route(f"{api}/oauth/authorize", of_mall(oauth.authorize), methods=["GET"]),
        Route(f"{api}/oauth/token", of_mall(oauth.token), methods=["POST"]),
        Route(f"{api}/oauth/revoke", of_mall(oauth.revoke), methods=["POST"]),
        Route(f"{prefix}/_sandbox/consent", oauth.consent, methods=["GET", "POST"]),
        *Control(server, sender).routes(prefix),
        Route(f"{api}/admin/{{path:path}}", of_mall(calls(ADMIN)), methods=_METHODS),
        Route(f"{prefix}/analytics/{{path:path}}", of_mall(calls(ANALYTICS)), methods=_METHODS),
    ]


async def _unknown(request: Request, error: Exception) -> Response:
    return json_response(no_api(request.url.path).body(), 404)


class _Dated:
    """Gives every answer the mall's Date, skewed as the faults say; the server's own is off."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app, self._server = app, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                at = datetime.fromtimestamp(self._server.clock.now() + self._server.config.skew_s, UTC)
                MutableHeaders(scope=message)["Date"] = format_datetime(at, usegmt=True)
            await send(message)

        await self._app(scope, receive, dated)
