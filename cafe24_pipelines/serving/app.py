"""The web app: its routes, its guards, and how it is put together.

Bound to loopback unless told otherwise; a reverse proxy with a certificate stands before it, because Cafe24 calls
HTTPS addresses only. Does not belong here: what a route does, or how the app is served (see `process.py`).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cafe24_pipelines.serving.process import serve, server_options
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.middleware import Middleware

    from cafe24_pipelines.serving.keys import KeyRing
    from cafe24_pipelines.serving.telemetry import Telemetry
    from cafe24_pipelines.stores.events import EventLog

__all__ = ["ApiLimits", "create_app", "serve", "server_options"]

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_ABOUT = """카페24 쇼핑몰의 데이터와 Admin API 문서에서 근거를 찾아 답합니다. 숫자는 모델이 아니라 코드가 계산합니다.

모든 요청은 X-API-Key 헤더(또는 Authorization: Bearer)에 쇼핑몰의 키가 있어야 합니다. 키는 cafe24 keys add로 만듭니다.

오류는 모두 {"error": {"code", "message", "fields", "request_id"}} 모양입니다."""


@dataclass(frozen=True)
class ApiLimits:
    """How much the API takes on.

    Attributes:
        per_key, per_address: requests, as `120/minute`; with a valid key they count for the key, else the address.
        threads: questions that are answered at a time.
        waiting: questions that may wait for that; more get 503.
        seconds: how long a question may take.
        without_keys: programs on this machine need no key.
        origins: web pages of these origins may ask (CORS); none by default.
    """

    per_key: str = "120/minute"
    per_address: str = "600/minute"
    threads: int = 4
    waiting: int = 192
    seconds: float = 90.0
    without_keys: bool = False
    origins: tuple[str, ...] = ()


def create_app(
    settings: Settings,
    *,
    hosts: Sequence[str] = (),
    scopes: Sequence[str] | None = None,
    limits: ApiLimits | None = None,
) -> "FastAPI":
    """The app of one installation.

    Args:
        settings: names the home, the app of the developer centre and the webhook key.
        hosts: names this app is reached by, besides loopback and the host of CAFE24_REDIRECT_URI.
        scopes: what consent is asked for (default: what the default resources are read with).
        limits: of the API (default: those of `ApiLimits`).
    """
    from fastapi import FastAPI
    from fastapi.concurrency import run_in_threadpool

    from cafe24_pipelines import __version__, parts
    from cafe24_pipelines.serving.api import Api
    from cafe24_pipelines.serving.keys import KeyRing
    from cafe24_pipelines.serving.mall_services import MallServices
    from cafe24_pipelines.serving.telemetry import Telemetry
    from cafe24_pipelines.serving.workers import Workers

    limits = limits or ApiLimits()
    log, telemetry = parts.event_log(settings), Telemetry()
    keys, malls = KeyRing(log), MallServices(settings)
    workers = Workers(limits.threads, limits.waiting, limits.seconds)
    telemetry.watch(lambda: workers.queued, lambda: workers.running)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(workers.close)
        malls.close()

    app = FastAPI(
        title="cafe24-pipelines API", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None,
        lifespan=lifespan, middleware=_middleware(settings, hosts, limits, keys, telemetry),
        openapi_tags=[{"name": name} for name in ("질문", "코드", "평가", "현황")],
    )  # fmt: skip
    app.include_router(Api(settings, log, malls, workers, telemetry).router(), dependencies=[_key_scheme()])
    _add_operator_routes(app, settings, log, keys, telemetry, scopes=scopes)
    _add_error_answers(app)
    return app


def _middleware(
    settings: Settings, hosts: Sequence[str], limits: ApiLimits, keys: "KeyRing", telemetry: "Telemetry"
) -> "list[Middleware]":
    """What every request passes, outermost first."""
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from cafe24_pipelines.serving.gate import KEY_HEADER, Gate
    from cafe24_pipelines.serving.guards import AccessLog, SafeAnswers
    from cafe24_pipelines.serving.rates import Rates

    known = [*LOOPBACK_HOSTS, *hosts]
    if own := urlsplit(settings.redirect_uri).hostname:
        known.append(own)
    allowed: dict[str, Any] = {
        "allow_origins": list(limits.origins), "allow_methods": ["GET", "POST"],
        "allow_headers": [KEY_HEADER, "Authorization", "Content-Type", "Idempotency-Key"],
    }  # fmt: skip
    return [
        Middleware(AccessLog, telemetry=telemetry),
        Middleware(SafeAnswers),
        Middleware(TrustedHostMiddleware, allowed_hosts=known, www_redirect=False),
        *([Middleware(CORSMiddleware, **allowed)] if limits.origins else []),
        Middleware(
            Gate, keys=keys, rates=Rates(limits.per_key, limits.per_address), telemetry=telemetry,
            without_keys=limits.without_keys,
        ),
    ]  # fmt: skip


def _add_operator_routes(
    app: "FastAPI", settings: Settings, log: "EventLog", keys: "KeyRing", telemetry: "Telemetry",
    *, scopes: Sequence[str] | None,
) -> None:  # fmt: skip
    """What Cafe24, its operators and their monitoring call; not part of the API's description."""
    from starlette.routing import Route

    from cafe24_pipelines.serving.consent import ConsentRoutes
    from cafe24_pipelines.serving.docs_page import DocsPage
    from cafe24_pipelines.serving.health import HealthRoute
    from cafe24_pipelines.serving.hooks import WebhookRoute
    from cafe24_pipelines.serving.metrics_route import MetricsRoute

    consent = ConsentRoutes(settings, log, scopes=scopes)
    app.router.routes += [
        Route("/webhooks/cafe24", WebhookRoute(settings, log).post, methods=["POST"]),
        Route("/oauth/start", consent.start, methods=["GET"]),
        Route("/oauth/callback", consent.callback, methods=["GET"]),
        Route("/health", HealthRoute(settings, log).get, methods=["GET"]),
        Route("/metrics", MetricsRoute(telemetry, keys).get, methods=["GET"]),
        Route("/docs", DocsPage(app.openapi).get, methods=["GET"]),
    ]


def _key_scheme() -> Any:
    """Tells the OpenAPI description that a key is needed; the gate has checked it by then."""
    from fastapi import Security
    from fastapi.security import APIKeyHeader

    from cafe24_pipelines.serving.gate import KEY_HEADER

    return Security(APIKeyHeader(name=KEY_HEADER, auto_error=False, description="쇼핑몰의 API 키"))


def _add_error_answers(app: "FastAPI") -> None:
    """Errors of the API have one shape; those of the other routes stay plain text."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response

    from cafe24_pipelines.serving.gate import API
    from cafe24_pipelines.serving.problems import Problem, of_status, of_validation

    async def problem(request: Request, error: Any) -> Response:
        return error.response(request.state.request_id)

    async def invalid(request: Request, error: Any) -> Response:
        return of_validation(error.errors()).response(request.state.request_id)

    async def plain(request: Request, error: Any) -> Response:
        if request.url.path.startswith(API):
            return of_status(error.status_code, error.headers).response(request.state.request_id)
        if error.status_code in (204, 304):
            return Response(status_code=error.status_code, headers=error.headers)
        return PlainTextResponse(error.detail, error.status_code, error.headers)

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
