"""POST /webhooks/cafe24: checks the key, bounds the body, logs the event, answers.

Does not belong here: what an event means or when it is a repetition (`cafe24/webhooks.py`, `webhook_inbox.py`).
"""

import hashlib
import hmac
import logging
import sqlite3
from typing import Final

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from cafe24_pipelines.cafe24.webhook_inbox import UnknownMall, WebhookInbox
from cafe24_pipelines.cafe24.webhooks import APP_EVENTS, NotAnEvent, read_event
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.serving.bodies import json_body
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

logger = logging.getLogger("cafe24_pipelines.serving")
APP_REMOVED: Final = APP_EVENTS[90077]
_CLOSE: Final = {"Connection": "close"}


class WebhookRoute:
    """The receiver. Answers 200 once the event is durable, so that a sender who hears nothing may send again."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._settings, self._key = settings, settings.webhook_key
        self._inbox = WebhookInbox(settings, log)

    async def post(self, request: Request) -> JSONResponse:
        """200 logged or a repetition; 403 key; 408, 413, 415, 400 body; 404 mall; 503 the log can't be written."""
        if not self._key:
            logger.warning("a webhook was refused because no key is set: set CAFE24_WEBHOOK_KEY to the developer "
                           "centre's webhook API key and restart")  # fmt: skip
        if not self._key or not _same(request.headers.getlist("x-api-key"), self._key):
            raise HTTPException(403, "forbidden", _CLOSE)
        body = await json_body(request)
        try:
            new = await run_in_threadpool(self._inbox.receive, body)
        except NotAnEvent:
            raise HTTPException(400, "not an event") from None
        except UnknownMall:
            raise HTTPException(404, "Not Found") from None  # as for any address that isn't there
        except (Cafe24Error, OSError, sqlite3.Error) as e:
            what = e.what if isinstance(e, Cafe24Error) else type(e).__name__
            logger.error("a webhook could not be logged, the sender is asked to repeat it: %s", what)
            raise HTTPException(503, "try again", {"Retry-After": "30"}) from None
        return JSONResponse({"ok": True}, background=self._afterwards(body) if new else None)

    def _afterwards(self, body: bytes) -> BackgroundTask | None:
        """What is done once the sender has its answer: an app that was deleted loses its tokens."""
        from cafe24_pipelines.cafe24.admin_api.removal import drop_if_removed

        event = read_event(body)
        named = event.fields.get("client_id", self._settings.client_id)
        if event.type != APP_REMOVED or named != self._settings.client_id:
            return None
        return BackgroundTask(drop_if_removed, self._settings, event.mall_id)


def _same(given: list[str], key: str) -> bool:
    """Whether exactly one key was given and it is ours; takes the same time for any wrong one, also of any length."""
    hashed = hashlib.sha256(given[0].encode() if given else b"").digest()
    return hmac.compare_digest(hashed, hashlib.sha256(key.encode()).digest()) and len(given) == 1
