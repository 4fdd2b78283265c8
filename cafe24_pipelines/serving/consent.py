"""GET /oauth/start and /oauth/callback: from an app launch to stored tokens and a registered mall.

The state that travels through Cafe24 is bound to the browser by a cookie, used once and short-lived. Errors reach
the operator as a Korean page without internals, and the log as one line without values.
Does not belong here: signatures, states and tokens themselves (`cafe24/admin_api/`), what a consent leaves
(`lifecycle/consent.py`).
"""

import logging
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cafe24_pipelines.cafe24.sources import api_mall
from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.serving.guards import on_this_machine
from cafe24_pipelines.serving.pages import connected_page, error_page
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import EventLog

if TYPE_CHECKING:
    from cafe24_pipelines.stores.shared_state import SharedState

logger = logging.getLogger("cafe24_pipelines.serving")

_COOKIE: Final = "cafe24_consent"
_MALL: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,38}")


class _Problem(Exception):
    """A consent that can't go on: which page says so, and with which status."""

    def __init__(self, why: str, status: int) -> None:
        self.why, self.status = why, status
        super().__init__(why)


class ConsentRoutes:
    """Both ends of the consent flow for one installation."""

    def __init__(self, settings: Settings, log: EventLog, *, scopes: Sequence[str] | None = None) -> None:
        self._settings, self._log, self._scopes = settings, log, scopes

    async def start(self, request: Request) -> Response:
        """Send the operator's browser to Cafe24's consent page, after an app launch that Cafe24 signed.

        `?mall_id=` without a signature starts it too, but only in a browser on this machine.
        """
        return await self._answer(request, self._start)

    async def callback(self, request: Request) -> Response:
        """Take the code that comes back, store the tokens, register the mall."""
        return await self._answer(request, self._callback)

    async def _answer(self, request: Request, act: Callable[[Request], Response]) -> Response:
        if request.method != "GET":  # a HEAD would use up a state or a code unseen
            raise HTTPException(405, "Method Not Allowed")
        try:
            return await run_in_threadpool(act, request)
        except _Problem as e:
            logger.warning("%s: %s", request.scope["path"], e.why)
            return error_page(e.why, e.status)
        except ConfigError as e:
            logger.error("%s: %s", request.scope["path"], e)
            return error_page("setup", 503)
        except (Cafe24Error, OSError, sqlite3.Error) as e:
            logger.error("%s: %s", request.scope["path"], e.what if isinstance(e, Cafe24Error) else type(e).__name__)
            return error_page("storage", 503)

    def _start(self, request: Request) -> Response:
        from cafe24_pipelines.cafe24.admin_api.oauth import authorize_url, new_state, wanted_scopes

        mall_id = self._who(request)
        scopes = tuple(self._scopes or wanted_scopes(self._settings))
        binding = secrets.token_urlsafe(32)
        state, _ = new_state(self._memory(), mall_id, now=time.time(), scopes=scopes, binding=binding)
        answer = RedirectResponse(authorize_url(self._settings, mall_id, state, scopes), 302)
        answer.set_cookie(
            _COOKIE, binding, max_age=600, path="/oauth", httponly=True, samesite="lax",
            secure=self._settings.redirect_uri.startswith("https:"),
        )  # fmt: skip
        return answer

    def _who(self, request: Request) -> str:
        """The mall that the consent is for."""
        from cafe24_pipelines.cafe24.admin_api.errors import BadLaunch
        from cafe24_pipelines.cafe24.admin_api.launch import verify_launch

        if "hmac" in request.query_params:
            raw = request.scope["query_string"].decode("latin-1")
            try:
                launch = verify_launch(raw, self._settings.client_secret, time.time(), memory=self._memory())
            except BadLaunch as e:
                logger.warning("an app launch was refused: %s", e.what)
                raise _Problem("launch", 403) from None
            mall_id = launch.mall_id
        elif on_this_machine(request):
            mall_id = request.query_params.get("mall_id", "")
        else:
            raise _Problem("launch", 403)
        if not _MALL.fullmatch(mall_id):
            raise _Problem("mall", 400)
        return api_mall(self._settings, mall_id).mall_id  # raises before anybody consents in vain

    def _callback(self, request: Request) -> Response:
        from cafe24_pipelines.cafe24.admin_api.errors import BadState
        from cafe24_pipelines.cafe24.admin_api.oauth import check_state
        from cafe24_pipelines.lifecycle.consent import complete_consent

        query = request.query_params
        state, binding = query.get("state", ""), request.cookies.get(_COOKIE, "")
        try:
            granted = check_state(self._memory(), state, now=time.time(), binding=binding)
        except BadState as e:
            logger.warning("a consent was refused: %s", e.what)
            raise _Problem("state", 400) from None
        if query.get("error") or not query.get("code"):
            raise _Problem(query.get("error", "consent"), 400)
        scopes = _completed(
            lambda: complete_consent(self._settings, self._log, granted, state=state, code=query["code"])
        )
        answer = connected_page(granted.mall_id, sorted(set(granted.scopes) - scopes) if scopes else [])
        answer.delete_cookie(_COOKIE, path="/oauth")
        return answer

    def _memory(self) -> "SharedState":
        from cafe24_pipelines.stores.shared_state import shared_state

        return shared_state(self._settings)


def _completed(complete: Callable[[], frozenset[str]]) -> frozenset[str]:
    """The scopes that were granted; what goes wrong becomes the page for it."""
    from cafe24_pipelines.cafe24.admin_api.errors import MalformedAnswer, Refused, TokenCallsSpent, Unavailable
    from cafe24_pipelines.lifecycle.consent import BeingRemoved

    try:
        return complete()
    except Refused as e:
        logger.warning("the token endpoint refused with %d", e.status)
        raise _Problem("setup" if e.status == 401 else "code", 502) from None
    except TokenCallsSpent:
        raise _Problem("spent", 503) from None
    except BeingRemoved:
        raise _Problem("unavailable", 503) from None
    except (Unavailable, MalformedAnswer):
        raise _Problem("unavailable", 502) from None
