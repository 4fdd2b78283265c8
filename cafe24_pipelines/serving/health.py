"""GET /health: whether the process lives, and whether it can take an event. Names no path, mall or value."""

import socket
import sqlite3
import time
from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from cafe24_pipelines.answers.extractive import MODEL as LOCAL_MODEL
from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog
from cafe24_pipelines.stores.files import POINTER

_FRESH: Final = 5.0
"""Seconds for which a verdict holds: the check writes, and anybody may ask."""


class HealthRoute:
    """Answers 200 when an event could be logged and webhooks have a key, else 503 with what is missing."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._settings, self._log = settings, log
        self._checked, self._missing = float("-inf"), list[str]()
        self._published, self._model = 0, "unknown"

    async def get(self, request: Request) -> JSONResponse:
        """`{"live": true, "ready": bool, "missing": [...], "published_malls": n, "model": "..."}`.

        Missing: event_log, malls, webhook_key, oauth. The model is local, reachable, unreachable or unknown; it and
        what is published don't decide on readiness, because webhooks must be taken without them.
        """
        if time.monotonic() - self._checked > _FRESH:
            self._checked = time.monotonic()
            self._missing = await run_in_threadpool(self._look)
        ready = not {"event_log", "malls", "webhook_key"} & set(self._missing)
        told = {"published_malls": self._published, "model": self._model}
        return JSONResponse({"live": True, "ready": ready, "missing": self._missing, **told}, 200 if ready else 503)

    def _look(self) -> list[str]:
        s = self._settings
        missing = []
        try:
            self._log.move_cursor("serving.health", 0)  # a write that changes nothing
        except (Cafe24Error, OSError, sqlite3.Error):
            missing.append("event_log")
        try:
            malls = known_malls(s.home)
            self._published = sum(1 for mall in malls if (s.home.patterns / mall / POINTER).exists())
        except (Cafe24Error, OSError):
            missing.append("malls")
        if not s.webhook_key:
            missing.append("webhook_key")
        if not (s.client_id and s.client_secret and s.redirect_uri):
            missing.append("oauth")
        self._model = _model(s)
        return missing


def _model(settings: Settings) -> str:
    """Whether the model's address takes connections; nothing is asked of it, which would cost."""
    if settings.llm_model == LOCAL_MODEL:
        return "local"
    address = urlsplit(settings.llm_api_base)
    if not address.hostname:
        return "unknown"  # a provider whose address LiteLLM knows
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname, port), timeout=1.0).close()
    except (OSError, ValueError):
        return "unreachable"
    return "reachable"
