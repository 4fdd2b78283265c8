"""The web app: its routes, its guards, and how it is served.

Bound to loopback unless told otherwise; a reverse proxy with a certificate stands before it, because Cafe24 calls
HTTPS addresses only. Does not belong here: what a route does.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
MOST_CONNECTIONS = 256


def create_app(settings: Settings, *, hosts: Sequence[str] = (), scopes: Sequence[str] | None = None) -> "Starlette":
    """The app of one installation.

    Args:
        settings: names the home, the app of the developer centre and the webhook key.
        hosts: names this app is reached by, besides loopback and the host of CAFE24_REDIRECT_URI.
        scopes: what consent is asked for (default: what the default resources are read with).
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    from cafe24_pipelines import parts
    from cafe24_pipelines.serving.consent import ConsentRoutes
    from cafe24_pipelines.serving.guards import AccessLog, SafeAnswers
    from cafe24_pipelines.serving.health import HealthRoute
    from cafe24_pipelines.serving.hooks import WebhookRoute

    log = parts.event_log(settings)
    webhook, health = WebhookRoute(settings, log), HealthRoute(settings, log)
    consent = ConsentRoutes(settings, log, scopes=scopes)
    known = [*LOOPBACK_HOSTS, *hosts]
    if own := urlsplit(settings.redirect_uri).hostname:
        known.append(own)
    return Starlette(
        routes=[
            Route("/webhooks/cafe24", webhook.post, methods=["POST"]),
            Route("/oauth/start", consent.start, methods=["GET"]),
            Route("/oauth/callback", consent.callback, methods=["GET"]),
            Route("/health", health.get, methods=["GET"]),
        ],
        middleware=[
            Middleware(AccessLog),
            Middleware(SafeAnswers),
            Middleware(TrustedHostMiddleware, allowed_hosts=known, www_redirect=False),
        ],
    )


def serve(settings: Settings, host: str = "127.0.0.1", port: int = 8000, *, hosts: Sequence[str] = ()) -> None:
    """Serve until interrupted. Anything but loopback needs a reverse proxy with a certificate before it."""
    from copy import deepcopy

    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    logging = deepcopy(LOGGING_CONFIG)
    logging["loggers"]["cafe24_pipelines"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    named = [*hosts, *([host] if host not in ("0.0.0.0", "::") else [])]  # noqa: S104  compared, not bound
    uvicorn.Server(
        uvicorn.Config(create_app(settings, hosts=named), log_config=logging, **server_options(host, port))
    ).run()


def server_options(host: str, port: int) -> dict[str, Any]:
    """How uvicorn runs this app: no access log of its own (it would show query strings), everything bounded."""
    from cafe24_pipelines.serving.protocol import BoundedProtocol

    return {
        "host": host,
        "port": port,
        "http": BoundedProtocol,
        "ws": "none",
        "lifespan": "off",
        "access_log": False,
        "proxy_headers": False,  # who asks is who connects; a header of the client's proves nothing
        "server_header": False,
        "limit_concurrency": MOST_CONNECTIONS,
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": 10,
        "h11_max_incomplete_event_size": 16 * 1024,
        "log_level": "info",
    }
