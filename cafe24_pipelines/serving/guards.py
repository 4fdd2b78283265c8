"""What every answer passes: a request id, a log line without query strings, headers for safety, no internals.

Does not belong here: who may do what (each route decides).
"""

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cafe24_pipelines.serving.problems import Problem
from cafe24_pipelines.settings import LOOPBACK

if TYPE_CHECKING:
    from cafe24_pipelines.serving.telemetry import Telemetry

logger = logging.getLogger("cafe24_pipelines.serving")

KNOWN_PATHS: Final = frozenset(
    ["/webhooks/cafe24", "/oauth/start", "/oauth/callback", "/health", "/metrics", "/docs", "/openapi.json"]
    + [f"/cafe24-crm/{name}" for name in ("baseline", "rag", "ontology-plus", "generate", "compare", "feedback")]
    + ["/cafe24-crm/dashboard", "/cafe24-crm/insights", "/cafe24-crm/rows", "/cafe24-crm/events"]
)
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
METHODS: Final = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # a callback's address holds a code
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def on_this_machine(request: Request) -> bool:
    """Whether a browser or program on this machine asks, not one behind a proxy on it."""
    peer = request.client.host if request.client else ""
    named = request.url.hostname in LOOPBACK
    return peer in ("127.0.0.1", "::1") and named and not any(h in request.headers for h in FORWARDED)


class AccessLog:
    """One line a request: method, path, status, milliseconds, and what its route told of it (arm, tokens, rule).

    Never a query string, a header, a body, or an unknown path. Each request has an id, the sender's own when it is a
    plain one; the answer carries it.
    """

    def __init__(self, app: ASGIApp, telemetry: "Telemetry | None" = None) -> None:
        self.app, self._telemetry = app, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer and log."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 0
        told: dict[str, Any] = {}
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {}).update(request_id=request_id, told=told)

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).setdefault("X-Request-ID", request_id)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self._note(scope, status, time.monotonic() - started, request_id, told)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str, told: dict[str, Any]) -> None:
        path = scope["path"] if scope["path"] in KNOWN_PATHS else "(other)"
        method = scope["method"] if scope["method"] in METHODS else "(other)"
        fields = {"request_id": request_id, "route": path, "status": status, "ms": round(1000 * seconds, 1), **told}
        logger.info("%s %s %d %.0fms", method, path, status, 1000 * seconds, extra={"fields": fields})
        if self._telemetry is not None:
            self._telemetry.requests.labels(path, told.get("arm", ""), str(status)).observe(seconds)


class SafeAnswers:
    """Adds the headers to every answer; of an unexpected error the log names the class and the place alone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, guarded)
        except Exception as e:  # the text or traceback of an unforeseen error may hold what must not be logged
            logger.error("unexpected %s in %s at %s", type(e).__name__, scope["method"], place_of(e))
            if not begun:
                request_id = scope.get("state", {}).get("request_id", "")
                await Problem("internal").response(request_id)(scope, receive, guarded)


def place_of(error: BaseException) -> str:
    """File and line where an error arose: enough to find it, and never a value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
