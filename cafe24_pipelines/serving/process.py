"""How the app is served: one bounded uvicorn, JSON log lines, and a word about what is open.

Does not belong here: the app (see `app.py`).
"""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.settings import LOOPBACK, Settings

if TYPE_CHECKING:
    from cafe24_pipelines.serving.app import ApiLimits

MOST_CONNECTIONS: Final = 256


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    hosts: Sequence[str] = (),
    limits: "ApiLimits | None" = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Serve until interrupted. Anything but loopback needs a reverse proxy with a certificate before it.

    Raises:
        BadInput: keys are not asked for on an address that others reach.
    """
    import uvicorn

    from cafe24_pipelines.errors import BadInput
    from cafe24_pipelines.serving.app import ApiLimits, create_app

    limits = limits or ApiLimits()
    if limits.without_keys and host not in LOOPBACK:
        raise BadInput("--no-keys is for loopback only", remedy="make a key: cafe24 keys add --mall NAME")
    for line in what_is_open(settings, host, port, limits):
        say(line)
    named = [*hosts, *([host] if host not in ("0.0.0.0", "::") else [])]  # noqa: S104  compared, not bound
    app = create_app(settings, hosts=named, limits=limits)
    _warm_up(settings)
    uvicorn.Server(uvicorn.Config(app, log_config=_log_config(), **server_options(host, port))).run()


def what_is_open(settings: Settings, host: str, port: int, limits: "ApiLimits") -> list[str]:
    """Korean lines for the operator: address, keys, limits, and what is closed."""
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import known_malls
    from cafe24_pipelines.serving.keys import KeyRing

    ring = KeyRing(parts.event_log(settings))
    keys = {m: sum(1 for k in ring.keys(m) if not k.revoked) for m in sorted(known_malls(settings.home))}
    told = ", ".join(f"{mall} {n}개" for mall, n in keys.items() if n) or "없음 (cafe24 keys add --mall 이름)"
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return [
        f"{address}  API /cafe24-crm/*, 설명 {address}/docs",
        "API 키: 이 컴퓨터에서는 필요 없음 (--no-keys)" if limits.without_keys else f"API 키: {told}",
        f"한도: 키마다 {limits.per_key}, 키 없는 주소마다 {limits.per_address}, 동시 {limits.threads}, "
        f"대기 {limits.waiting}, {limits.seconds:g}초",
        f"/metrics: 이 컴퓨터와 지표 키만, CORS: {', '.join(limits.origins) or '닫힘'}, "
        f"웹훅: {'열림' if settings.webhook_key else '닫힘 (CAFE24_WEBHOOK_KEY 없음)'}",
    ]


def server_options(host: str, port: int) -> dict[str, Any]:
    """How uvicorn runs this app: no access log of its own (it would show query strings), everything bounded."""
    from cafe24_pipelines.serving.protocol import BoundedProtocol

    return {
        "host": host,
        "port": port,
        "http": BoundedProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,  # who asks is who connects; a header of the client's proves nothing
        "server_header": False,
        "limit_concurrency": MOST_CONNECTIONS,
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": 10,
        "h11_max_incomplete_event_size": 16 * 1024,
        "log_level": "info",
    }


def _log_config() -> dict[str, Any]:
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": sys.stderr}
    logger = {"handlers": ["lines"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "cafe24_pipelines.serving.logs.JsonLines"}},
        "handlers": {"lines": handler},
        "loggers": dict.fromkeys(("cafe24_pipelines", "uvicorn"), logger),
    }


def _warm_up(settings: Settings) -> None:
    """Load in the background what the first question would wait for: the tokeniser, the model's client."""
    import threading

    def load() -> None:
        from cafe24_pipelines.answers.evidence import Evidence
        from cafe24_pipelines.answers.llm import LanguageModel
        from cafe24_pipelines.answers.prompts import messages
        from cafe24_pipelines.knowledge.tokens import tokenize

        tokenize(["준비"])
        LanguageModel().complete(messages("준비", Evidence()))  # the local composer: no connection, no cost

    threading.Thread(target=load, name="cafe24-warm-up", daemon=True).start()
