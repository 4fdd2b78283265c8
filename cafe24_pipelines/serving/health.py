"""GET /health: whether the process lives, and whether it can take an event. Names parts, never paths or values."""

import sqlite3
import time
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

_FRESH: Final = 5.0
"""Seconds for which a verdict holds: the check writes, and anybody may ask."""


class HealthRoute:
    """Answers 200 when an event could be logged and webhooks have a key, else 503 with what is missing."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._settings, self._log = settings, log
        self._checked, self._missing = float("-inf"), list[str]()

    async def get(self, request: Request) -> JSONResponse:
        """`{"live": true, "ready": bool, "missing": [...]}`; missing: event_log, malls, webhook_key, oauth."""
        if time.monotonic() - self._checked > _FRESH:
            self._checked = time.monotonic()
            self._missing = await run_in_threadpool(self._look)
        ready = not {"event_log", "malls", "webhook_key"} & set(self._missing)
        return JSONResponse({"live": True, "ready": ready, "missing": self._missing}, 200 if ready else 503)

    def _look(self) -> list[str]:
        s = self._settings
        missing = []
        try:
            self._log.move_cursor("serving.health", 0)  # a write that changes nothing
        except (Cafe24Error, OSError, sqlite3.Error):
            missing.append("event_log")
        try:
            known_malls(s.home)
        except (Cafe24Error, OSError):
            missing.append("malls")
        if not s.webhook_key:
            missing.append("webhook_key")
        if not (s.client_id and s.client_secret and s.redirect_uri):
            missing.append("oauth")
        return missing
