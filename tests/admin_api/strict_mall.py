"""A small mall that is strict about tokens, buckets and headers, on a real socket: what the client's tests call.

One uvicorn thread; everything a test sets or reads is on `StrictMall`.
"""

import asyncio
import base64
import math
import secrets
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KST = timezone(timedelta(hours=9))
CLIENT_ID, CLIENT_SECRET = "an-app", "an-app's secret"
READS = tuple(f"mall.read_{x}" for x in ("application", "order", "customer", "product", "promotion"))


class StrictMall:
    """Settings that tests change, what was called, and the tokens that live."""

    def __init__(self) -> None:
        self.access_seconds, self.refresh_seconds, self.skew = 7200.0, 14 * 86400.0, 0.0
        self.scopes: tuple[str, ...] = READS
        self.size, self.leak, self.limited = 40, 2.0, True
        self.sizes: dict[str, int] = {}
        self.token_delay = 0.0
        self.token_faults: deque[str] = deque()
        self.faults: deque[str] = deque()
        self.bodies: dict[str, Any] = {"apps": {"app": {"version": "2026-03-01", "version_expiration_date": None}}}
        self.refusals: dict[str, tuple[int, Any]] = {}
        self.extra_headers: dict[str, str] = {}
        self.access: dict[str, float] = {}
        self.refresh: dict[str, float] = {}
        self.used_refresh: list[str] = []
        self.token_calls: list[dict[str, str]] = []
        self.revoked: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.over = 0
        self._levels: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

    def now(self) -> float:
        return time.time() + self.skew

    def issue(self) -> dict[str, Any]:
        """A new pair as the token endpoint answers: no expires_in, KST without offset."""
        now, access, refresh = self.now(), secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self.access[access], self.refresh[refresh] = now + self.access_seconds, now + self.refresh_seconds
        stamp = lambda t: datetime.fromtimestamp(t, KST).strftime("%Y-%m-%dT%H:%M:%S.000")  # noqa: E731
        return {
            "access_token": access, "expires_at": stamp(now + self.access_seconds), "refresh_token": refresh,
            "refresh_token_expires_at": stamp(now + self.refresh_seconds), "client_id": CLIENT_ID,
            "mall_id": "testmall", "user_id": "boss", "scopes": list(self.scopes), "issued_at": stamp(now),
            "shop_no": "1",
        }  # fmt: skip

    def fill(self, path: str, level: float) -> None:
        """Another client of the same app called this API."""
        self._levels[path] = (level, time.monotonic())

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.token_calls.append(form)
        fault = self.token_faults.popleft() if self.token_faults else ""
        if fault == "503":
            return JSONResponse({"error": "temporarily_unavailable"}, 503)
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client", "error_description": "wrong"}, 401)
        if request.headers["content-type"] != "application/x-www-form-urlencoded" or "client_secret" in form:
            return JSONResponse({"error": "invalid_request"}, 400)
        if form["grant_type"] == "refresh_token":
            if self.refresh.pop(form["refresh_token"], 0.0) <= self.now():
                return JSONResponse({"error": "invalid_grant", "error_description": "Invalid refresh_token."}, 400)
            self.used_refresh.append(form["refresh_token"])
        elif form["grant_type"] != "authorization_code" or form["code"] != "good-code":
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = self.issue()
        await asyncio.sleep(self.token_delay)
        if fault == "lost":
            return CutShort(JSONResponse(answer).body)
        return JSONResponse(answer)

    async def revoke(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.revoked.append(form["token"])
        self.access.pop(form["token"], None)
        self.refresh.clear()
        return JSONResponse({})

    async def api(self, request: Request) -> Response:
        path = request.path_params["path"]
        body = await request.body()
        self.calls.append(
            {
                "method": request.method, "path": path, "raw": request.scope["raw_path"].decode(), "at": time.time(),
                "query": request.scope["query_string"].decode(), "headers": dict(request.headers), "body": body,
                "port": request.client.port if request.client else 0,
            }
        )  # fmt: skip
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.access.get(token, 0.0) <= self.now():
            said = "access_token time expired." if token in self.access else "Invalid access_token"
            return JSONResponse({"error": {"code": 401, "message": said, "more_info": {}}}, 401)
        size = self.sizes.get(path, self.size)
        used, fits = self._pour(path, size)
        headers = {"X-Api-Call-Limit": f"{used}/{size}", **self.extra_headers}
        if not fits:
            self.over += 1
            return JSONResponse({"error": {"code": "429", "message": "Too Many Requests"}}, 429, headers)
        if self.faults:
            return await self._fault(self.faults.popleft(), headers)
        if path in self.refusals:
            status, refusal = self.refusals[path]
            return JSONResponse(refusal, status, headers)
        return JSONResponse(self.bodies.get(path, {"path": path}), 200, headers)

    def _pour(self, path: str, size: int) -> tuple[int, bool]:
        if not self.limited:
            return 1, True
        now = time.monotonic()
        level, at = self._levels[path]
        level = max(0.0, level - (now - at) * self.leak)
        fits = level + 1 <= size + 1e-9
        self._levels[path] = (level + fits, now)
        return min(size, math.ceil(level + fits)), fits

    async def _fault(self, fault: str, headers: dict[str, str]) -> Response:
        if fault == "hang":
            await asyncio.sleep(1.5)
        if fault == "truncate":
            return CutShort(b'{"orders": [{"order_id": "20260101-0000001"}]}')
        if fault == "half":
            return Response(b'{"orders": [{"order_', headers=headers, media_type="application/json")
        if fault == "html":
            return Response("<html>점검 중</html>", headers=headers, media_type="text/html")
        if fault == "429":
            return JSONResponse({"error": {"code": 429, "message": "Too Many Requests"}}, 429, headers)
        if fault.startswith("remain "):
            remain = {"X-Cafe24-Call-Usage": "120.04", "X-Cafe24-Call-Remain": fault.split()[1]}
            return JSONResponse({"error": {"code": 429, "message": "quota"}}, 429, headers | remain)
        if fault.isdigit():
            return JSONResponse({"error": {"code": int(fault), "message": "trouble"}}, int(fault), headers)
        return JSONResponse({"ok": True}, 200, headers)


class CutShort(Response):
    """Promises the whole body and sends half of it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Dated:
    """Every answer carries the mall's date."""

    def __init__(self, app: Any, mall: StrictMall) -> None:
        self._app, self._mall = app, mall

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def dated(message: Any) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(datetime.fromtimestamp(self._mall.now(), UTC), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        await self._app(scope, receive, dated if scope["type"] == "http" else send)


class Running:
    """A strict mall that listens while its block runs."""

    def __init__(self) -> None:
        self.mall = StrictMall()
        methods = ["GET", "POST", "PUT", "DELETE"]
        routes: Iterable[Route] = [
            Route("/api/v2/oauth/token", self.mall.token, methods=["POST"]),
            Route("/api/v2/oauth/revoke", self.mall.revoke, methods=["POST"]),
            Route("/api/v2/admin/{path:path}", self.mall.api, methods=methods),
            Route("/analytics/{path:path}", self.mall.api, methods=["GET"]),
        ]
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        app = Dated(Starlette(routes=list(routes)), self.mall)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, date_header=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    def __enter__(self) -> "Running":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
