"""One API call from its headers to its answer: token, scope, approval, limits, version, parameters, faults.

The order is the sandbox's own where Cafe24 documents none: an unknown path first, then the token, then limits, so
that a call without a token fills no bucket. Does not belong here: routing (`app.py`), rows (`reads.py`).
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cafe24_pipelines.sandbox.server.driven import SAID
from cafe24_pipelines.sandbox.server.endpoints import Endpoint, Routes
from cafe24_pipelines.sandbox.server.errors import Refusal, bad_value, json_response, no_api
from cafe24_pipelines.sandbox.server.faults import Fault
from cafe24_pipelines.sandbox.server.query import Values, parse_query
from cafe24_pipelines.sandbox.server.reads import Page, Reading, read
from cafe24_pipelines.sandbox.server.state import MallState, Server
from cafe24_pipelines.sandbox.server.tokens import Access
from cafe24_pipelines.sandbox.server.versions import served
from cafe24_pipelines.sandbox.server.writes import SPECIAL, Special

_log = logging.getLogger(__name__)
_WORKERS: Final = 16
_TOO_MANY: Final = {
    "bucket": "Too Many Requests",
    "per_second": "Too Many Requests: abnormal traffic",
    "quota": "Too Many Requests: usage limit",
}
_BROKEN: Final = {"500": "Internal Server Error", "503": "Service Unavailable", "504": "Gateway Timeout"}


@dataclass(slots=True)
class _Call:
    """What is known of a call so far; `headers` go out with its answer, whatever that is."""

    state: MallState
    endpoint: Endpoint | None = None
    args: dict[str, str] = field(default_factory=dict)
    token: str = ""
    access: Access | None = None
    headers: dict[str, str] = field(default_factory=dict)


class CutResponse(Response):
    """Announces its whole length, sends half of it and breaks off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; the server closes the connection because bytes are missing."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body[: len(self.body) // 2]), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Answerer:
    """Answers API calls of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._threads = CapacityLimiter(_WORKERS)

    async def answer(self, request: Request, state: MallState, routes: Routes, path: str) -> Response:
        """The answer to one call; refusals are answers too."""
        call = _Call(state)
        try:
            self._enter(request, call, routes, path)
            response = await self._with_faults(request, call)
        except Refusal as refusal:
            response = json_response(refusal.body(), refusal.status, call.headers)
        except Exception:
            _log.exception("the sandbox failed at %s %s", request.method, path)
            self._server.stats.internal_errors += 1
            response = broken("500", call.headers)
        name = call.endpoint.api if call.endpoint else "unknown"
        self._server.stats.calls[name] += 1
        self._server.stats.statuses[str(response.status_code)] += 1
        return response

    def _enter(self, request: Request, call: _Call, routes: Routes, path: str) -> None:
        """Everything that is judged before parameters are read."""
        found = routes.find(request.method, path)
        if found is None:
            raise no_api(path)
        call.endpoint, call.args = self._server.config.capped(found[0]), found[1]
        self._authenticate(request, call)
        self._limit(request, call)
        config, stats = self._server.config, self._server.stats
        asked = request.headers.get("x-cafe24-api-version")
        stats.versions[f"{asked or 'none'}->{served(config, asked, call.state.version)}"] += 1
        self._authorise(call)

    def _authenticate(self, request: Request, call: _Call) -> None:
        header = request.headers.get("authorization", "")
        if not header:
            raise Refusal(401, "Authorization header is required.")
        kind, _, token = header.partition(" ")
        standing, access = self._server.tokens.look_up(call.state.mall_id, token.strip())
        if kind != "Bearer" or standing == "unknown" or access is None:
            raise Refusal(401, "Invalid access_token")
        if standing == "expired":
            raise Refusal(401, "access_token time expired.")
        call.token, call.access = token.strip(), access
        access.calls += 1
        if 0 < self._server.config.revoke_after_calls <= access.calls:
            self._server.tokens.kill_access(call.token)  # this call is its last
            self._server.dice.thrown["revoked"] += 1

    def _limit(self, request: Request, call: _Call) -> None:
        endpoint, server = call.endpoint, self._server
        assert endpoint is not None  # noqa: S101  set by `_enter`
        address = request.client.host if request.client else ""
        # The analytics API counts per address and URL, the Admin API per mall and endpoint.
        mall = f"analytics:{address}" if endpoint.analytics else call.state.mall_id
        verdict = server.limits.admit(
            server.config, mall=mall, api=endpoint.api, size=endpoint.size, address=address,
            said=request.headers.get(SAID),
        )  # fmt: skip
        call.headers.update(verdict.headers)
        server.stats.highest[endpoint.api] = max(server.stats.highest.get(endpoint.api, 0), verdict.used)
        if verdict.refused is not None:
            server.stats.refused[verdict.refused] += 1
            raise Refusal(429, _TOO_MANY[verdict.refused])

    def _authorise(self, call: _Call) -> None:
        endpoint, access = call.endpoint, call.access
        assert endpoint is not None and access is not None  # noqa: S101  set by `_enter`
        if endpoint.scope not in access.scopes:
            message = "INVALID SCOPE" if endpoint.analytics else f"Insufficient scope ({endpoint.scope})."
            raise Refusal(403, message, {"scope": endpoint.scope})
        if endpoint.approved and not self._server.config.approved:
            raise Refusal(403, "This API is available to specific clients only; its use needs an inquiry.")

    async def _with_faults(self, request: Request, call: _Call) -> Response:
        """Do the call, with whatever the dice have in store. A write that times out has taken effect."""
        config, dice = self._server.config, self._server.dice
        fault = dice.answer(config)
        if config.latency_ms:
            await asyncio.sleep(config.latency_ms / 1000)
        if fault == "slow":
            await asyncio.sleep(config.slow_s)
        if fault in ("500", "503"):
            return broken(fault, call.headers)
        response = await self._act(request, call)
        if fault == "504":
            return broken(fault, call.headers)
        if fault == "timeout":
            await silence(request, config.timeout_s)
            return broken("504", call.headers)
        if fault == "truncate":
            return _truncated(response, dice.pick(2))
        return response

    async def _act(self, request: Request, call: _Call) -> Response:
        endpoint, server = call.endpoint, self._server
        assert endpoint is not None  # noqa: S101  set by `_enter`
        query = tuple(request.query_params.multi_items())
        values = parse_query(query, endpoint.parsers(), required=endpoint.required, rules=endpoint.rules)
        await self._check_shop(call, values)
        at = server.clock.kst()
        if endpoint.kind == "special":
            return await self._special(request, call, values)
        if values.get("mall_id", call.state.mall_id) != call.state.mall_id:
            raise Refusal(403, "INVALID SCOPE")
        url = str(request.url).partition("?")[0]
        reading = Reading(endpoint, call.args, values, at, url, query, server.dice.salt())
        page: Page = await to_thread.run_sync(
            read, call.state.mall, server.config, reading, limiter=self._threads, abandon_on_cancel=True
        )
        server.limits.charge(server.config, call.state.mall_id, page.rows)
        server.stats.rows[endpoint.api] += page.rows
        server.dice.thrown.update(page.faults)
        return json_response(page.body, 200, call.headers)

    async def _special(self, request: Request, call: _Call, values: Values) -> Response:
        endpoint, server = call.endpoint, self._server
        assert endpoint is not None and call.access is not None  # noqa: S101  set by `_enter`
        special = Special(
            call.state, server.config, call.access.scopes, call.args, values, await request.body(),
            request.headers.get("content-type", ""), server.clock.kst(),
        )  # fmt: skip
        handler = SPECIAL[endpoint.resource]
        answer = await to_thread.run_sync(handler, special, limiter=self._threads)
        body = msgspec.json.encode(answer)
        return json_response(body, 201 if endpoint.method == "POST" else 200, call.headers)

    async def _check_shop(self, call: _Call, values: Values) -> None:
        state = call.state
        if not state.shops:
            at = self._server.clock.kst()
            rows = await to_thread.run_sync(state.mall.rows, "shops", at, limiter=self._threads)
            state.shops = frozenset(int(row["shop_no"]) for row in rows)
        if values.get("shop_no", 1) not in state.shops:
            raise bad_value("shop_no", "there is no such shop")


async def silence(request: Request, seconds: float) -> None:
    """Wait until the client gives up, at most so many real seconds."""
    await request.body()
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


def broken(fault: Fault, headers: dict[str, str]) -> Response:
    """500, 503 or 504; a gateway answers in HTML."""
    if fault == "504":
        html = f"<html><head><title>504</title></head><body>{_BROKEN[fault]}</body></html>"
        return Response(html, 504, headers, media_type="text/html")
    return json_response(Refusal(int(fault), _BROKEN[fault]).body(), int(fault), headers)


def _truncated(response: Response, kind: int) -> Response:
    """The answer without its end: a length that does not come (1), or JSON that does not close (0)."""
    headers = {k: v for k, v in response.headers.items() if k not in ("content-length", "content-type")}
    body = bytes(response.body)
    if kind == 0:
        return Response(body[: len(body) // 2], response.status_code, headers, media_type=response.media_type)
    return CutResponse(body, response.status_code, headers, media_type=response.media_type)
