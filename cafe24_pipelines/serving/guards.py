"""What every answer passes: an access log without query strings, headers for safety, errors without internals.

Does not belong here: who may do what (each route decides).
"""

import logging
import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("cafe24_pipelines.serving")

KNOWN_PATHS: Final = frozenset(["/webhooks/cafe24", "/oauth/start", "/oauth/callback", "/health"])
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # a callback's address holds a code
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class AccessLog:
    """One line a request: method, path, status, milliseconds. Never a query string, a header, or an unknown path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer and log."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            path = scope["path"] if scope["path"] in KNOWN_PATHS else "(other)"
            took = (time.monotonic() - started) * 1000
            logger.info("%s %s %d %.0fms", scope["method"], path, status, took)


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
            logger.error("unexpected %s in %s at %s", type(e).__name__, scope["method"], _place(e))
            if not begun:
                await JSONResponse({"error": "internal error"}, 500)(scope, receive, guarded)


def _place(error: BaseException) -> str:
    """File and line where an error arose: enough to find it, and never a value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
