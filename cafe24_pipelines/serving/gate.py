"""Who may ask, how often, and how much at a time: decided before a request of the API is read.

A key opens its own mall; whatever another mall's name is, it is answered as one that isn't there. Does not belong
here: what the routes do.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cafe24_pipelines.serving.bodies import json_body
from cafe24_pipelines.serving.guards import on_this_machine
from cafe24_pipelines.serving.keys import INSTALLATION, ApiKey, KeyRing
from cafe24_pipelines.serving.problems import Problem, of_error, of_status
from cafe24_pipelines.serving.rates import COST, Rates, Verdict

if TYPE_CHECKING:
    from cafe24_pipelines.serving.telemetry import Telemetry

API: Final = "/cafe24-crm/"
POSTED: Final = frozenset(
    API + name for name in ("baseline", "rag", "ontology-plus", "generate", "compare", "feedback", "events")
)
"""What has a body. Elsewhere nobody reads one."""
LARGEST_BODY: Final = 64 * 1024
KEY_HEADER: Final = "X-API-Key"


@dataclass(frozen=True)
class Caller:
    """Who asks: the mall that the key opens ("" without keys: any), and the key's id."""

    mall_id: str
    key_id: str


class Gate:
    """Checks requests below `/cafe24-crm/`; the others pass.

    With `without_keys`, browsers and programs of this machine need none; whoever comes through a proxy still does.
    """

    def __init__(
        self, app: ASGIApp, *, keys: KeyRing, rates: Rates, telemetry: "Telemetry", without_keys: bool = False
    ) -> None:
        self.app, self._keys, self._rates = app, keys, rates
        self._telemetry, self._without_keys = telemetry, without_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, with its caller and its whole body, or answer with the problem."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        headers: dict[str, str] = {}
        try:
            caller, verdict = await self._admit(request)
            headers = verdict.headers
            request.state.caller = caller
            if scope["method"] == "POST" and scope["path"] in POSTED:
                receive = _replay(await _body(request), receive)
        except Exception as e:
            problem = of_error(e)
            if problem is None:
                raise
            problem.headers |= {k: v for k, v in headers.items() if k not in problem.headers}
            await problem.response(request.state.request_id)(scope, receive, send)
            return
        await self.app(scope, receive, _with(headers, send))

    async def _admit(self, request: Request) -> tuple[Caller, Verdict]:
        """The caller and what is left of its rate.

        Raises:
            Problem: no valid key (401), or too often (429).
        """
        key = await find_key(self._keys, request)
        if key is not None and key.opens != INSTALLATION:
            operation = request.url.path.removeprefix(API)
            verdict = self._rates.ask("key", key.key_id, cost=COST.get(operation, 1))
            self._stop_if_too_often(verdict)
            return Caller(key.opens, key.key_id), verdict
        verdict = self._rates.ask("address", request.client.host if request.client else "")
        self._stop_if_too_often(verdict)
        if self._without_keys and not given_token(request) and on_this_machine(request):
            return Caller("", ""), verdict
        self._telemetry.strangers.inc()
        raise Problem("key_needed", headers={"WWW-Authenticate": "ApiKey", **verdict.headers})

    def _stop_if_too_often(self, verdict: Verdict) -> None:
        if not verdict.allowed:
            self._telemetry.limited.labels(verdict.by).inc()
            raise Problem("rate_limited", headers=verdict.headers)


def given_token(request: Request) -> str:
    """The token of a request: X-API-Key, or a bearer token; "" when there is none, or more than one."""
    tokens = request.headers.getlist(KEY_HEADER)
    for value in request.headers.getlist("authorization"):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            tokens.append(token.strip())
    return tokens[0] if len(tokens) == 1 else "(several)" if tokens else ""


async def find_key(keys: KeyRing, request: Request) -> ApiKey | None:
    """The valid key of a request; the log is read off the event loop, and only when the mall isn't remembered."""
    token = given_token(request)
    return keys.find(token) if keys.remembered(token) else await run_in_threadpool(keys.find, token)


async def _body(request: Request) -> bytes:
    try:
        return await json_body(request, largest=LARGEST_BODY)
    except HTTPException as e:
        raise of_status(e.status_code, e.headers) from None


def _replay(body: bytes, then: Receive) -> Receive:
    """A `receive` that hands over a body that has been read, and after it what the server says."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return await then()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _with(headers: dict[str, str], send: Send) -> Send:
    """A `send` that adds headers to the answer."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *raw]}
        await send(message)

    return adding
