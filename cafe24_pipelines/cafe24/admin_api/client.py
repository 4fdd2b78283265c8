"""The Admin API over HTTP: one client a mall, shared by threads, that paces, repeats and renews by itself.

Reads are repeated when the mall stumbles; writes only when it surely did not act. No token and no personal parameter
reaches a log or an error. Does not belong here: which rows to read, or what they hold.
"""

import logging
import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.admin_api import answers
from cafe24_pipelines.cafe24.admin_api.answers import ANALYTICS_SCOPE, Operation
from cafe24_pipelines.cafe24.admin_api.clock import Clock, SystemClock
from cafe24_pipelines.cafe24.admin_api.errors import (
    AdminApiError,
    MalformedAnswer,
    ScopeMissing,
    Unavailable,
)
from cafe24_pipelines.cafe24.admin_api.limits import Limiter
from cafe24_pipelines.cafe24.admin_api.server_time import ServerTime
from cafe24_pipelines.cafe24.admin_api.tokens import TokenKeeper, token_keeper
from cafe24_pipelines.cafe24.admin_api.transport import checked_url, filled, mall_url, new_http, query
from cafe24_pipelines.cafe24.admin_api.version import VersionNotice, date_of, version_notice
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    import httpx

TRIES: Final = 8
"""Calls made for one read before it is given up, when the mall stumbles (refusals for pace are counted apart)."""
PACE_TRIES: Final = 20
RENEWALS: Final = 3
"""Tokens that one call may be refused with: another process may renew, or a mall revoke, while a call waits."""
BACKOFF_SECONDS: Final = 0.5
BACKOFF_CAP: Final = 15.0
STUMBLES: Final = (500, 502, 503, 504)

log = logging.getLogger(__name__)


@dataclass
class CallReport:
    """What a client did: calls by `METHOD path template`, answers by status, repeats, and seconds waited for pace."""

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    repeated: int = 0
    waited: float = 0.0


class AdminClient:
    """One mall's Admin API. Thread-safe. Times are the clock's.

    Args:
        settings: addresses and the pinned version.
        mall_id: the mall.
        keeper: gives tokens.
        limiter: gives start times.
        clock: what waits.
    """

    def __init__(
        self, settings: Settings, mall_id: str, keeper: TokenKeeper, limiter: Limiter, clock: Clock,
        *, read_seconds: float | None = None,
    ) -> None:  # fmt: skip
        self.mall_id, self.keeper, self.limiter = mall_id, keeper, limiter
        self._settings, self._clock = settings, clock
        self._base = f"{mall_url(settings, mall_id)}/api/v2/admin/"
        self._analytics = checked_url(settings.analytics_url.replace("{mall_id}", mall_id)) + "/"
        self._http = new_http(read_seconds=read_seconds) if read_seconds else new_http()
        self._time = ServerTime(clock)
        self._lock = threading.Lock()
        self._report = CallReport()

    def __repr__(self) -> str:
        return f"AdminClient({self.mall_id!r})"

    def get(
        self, path: str, *, at: Mapping[str, object] = {}, params: Mapping[str, object] = {},
        shop_no: int | None = None, rows: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Read; repeated until the mall answers properly or `TRIES` is used up.

        Args:
            path: the template below `/api/v2/admin/`, such as `boards/{board_no}/articles`.
            at: values for the template's names.
            params: query parameters; None is left out, sequences are joined by commas, booleans become T and F.
            shop_no: which shop of a multi-shop mall.
            rows: a key whose list is large: its elements come undecoded, for `answers.row_of`.

        Returns:
            The answer's JSON object.

        Raises:
            NotFound, ScopeMissing, ApprovalNeeded, Refused: the API said so.
            Unavailable, MalformedAnswer: no proper answer, however often asked.
            ConsentNeeded, TokenCallsSpent: there is no token to ask with.
        """
        values = dict(params) | ({} if shop_no is None else {"shop_no": shop_no})
        url = self._base + filled(path, at) + query(values)
        return self._call("GET", url, answers.operation("GET", path), answers.personal_values(at, values), rows=rows)

    def analytics(self, path: str, params: Mapping[str, object] = {}) -> dict[str, Any]:
        """Read from the analytics API (`visitors/view`, …) with this mall's id. Errors as of `get`."""
        url = self._analytics + path.lstrip("/") + query({"mall_id": self.mall_id, **params})
        return self._call("GET", url, Operation(f"GET analytics {path}", ANALYTICS_SCOPE), frozenset())

    def send(
        self, method: str, path: str, *, at: Mapping[str, object] = {}, body: Mapping[str, Any] | None = None,
        params: Mapping[str, object] = {},
    ) -> Any:  # fmt: skip
        """Write. Repeated only when the mall surely did not act: refused for pace, or not reached.

        Args:
            method: POST, PUT or DELETE.
            path: as of `get`.
            at: as of `get`.
            body: the whole envelope (`{"shop_no": 1, "request": {…}}`); None for DELETE.
            params: query parameters, as of `get`.

        Returns:
            The answer's JSON object, {} when it has none.

        Raises:
            Unavailable: with `acted` None nobody knows whether it took effect: read back before repeating.
            Others as of `get`.
        """
        import msgspec

        url = self._base + filled(path, at) + query(params)
        content = msgspec.json.encode(body) if body is not None else None
        personal = answers.personal_values(at, params, body)
        return self._call(method, url, answers.operation(method, path), personal, content=content)

    def scopes(self) -> frozenset[str]:
        """What the operator granted; empty when the mall never said."""
        return self.keeper.scopes()

    def require(self, scope: str) -> None:
        """Check that a scope such as `mall.read_order` is granted; raises ScopeMissing."""
        self.keeper.require(scope)

    def server_now(self) -> datetime:
        """The mall's time in UTC, by its answers' Date headers: up to a second behind, never ahead.

        Asks once if no answer has come yet.
        """
        if not self._time.known:
            try:
                self.get("apps")
            except AdminApiError:
                if not self._time.known:  # an error's answer tells the time too
                    raise
        if not self._time.known:
            raise MalformedAnswer("answers carry no Date header", where=f"mall {self.mall_id}")
        return self._time.now()

    def version_notice(self) -> VersionNotice:
        """Which version is pinned, and when it ends as far as the mall says; a log line when something is to be done.

        Errors as of `get`.
        """
        answer = self.get("apps")
        app = answer.get("app") or answer.get("apps") or {}
        app = (app[0] if app else {}) if isinstance(app, list) else app
        expires = date_of(app.get("version_expiration_date"))
        notice = version_notice(
            self._settings.api_version, str(app.get("version") or ""), expires, self.server_now().date()
        )
        if notice.warn:
            log.warning("mall %s: %s", self.mall_id, notice.text)
        return notice

    def report(self) -> CallReport:
        """What this client did so far."""
        with self._lock:
            now = self._report
            return CallReport(Counter(now.calls), Counter(now.statuses), now.repeated, self.limiter.report().waited)

    def close(self) -> None:
        """Close the connections; the client is of no use after it."""
        self._http.close()

    def _call(
        self, method: str, url: str, of: Operation, personal: frozenset[str], *, content: bytes | None = None,
        rows: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Call until it is answered for good; see `get` and `send` for what is repeated."""
        stumbles = refusals = 0
        renewals, asked_again = 0, False
        token = self.keeper.access_token()
        while True:
            try:
                response = self._once(method, url, of, token, content)
                if response.is_success:
                    return answers.decoded(response, rows)
            except _Unreached as e:
                trouble, sure = str(e), e.sure
            except MalformedAnswer as e:
                trouble, sure = e.what, False
            else:
                status = response.status_code
                if status == 401 and renewals < RENEWALS and not answers.says_scope(response):
                    refused, token = token, self.keeper.rejected(token)
                    if token != refused:  # the same token again would be refused again
                        renewals += 1
                        continue
                if not asked_again and answers.says_removed(response):
                    token, asked_again = self.keeper.still_installed(token), True
                    continue
                if status == 429 and refusals < PACE_TRIES:
                    refusals += 1
                    self._again(max(0, refusals - 3))  # the limiter waits; the rest is for a mall that says nothing
                    continue
                if status not in (*STUMBLES, 429) and not response.is_redirect:
                    raise self._error(response, of, personal)
                trouble, sure = f"answered with {status}", status == 429
            stumbles += 1
            if stumbles >= TRIES or not (method == "GET" or sure) or trouble.endswith("429"):
                raise _given_up(trouble, of, acted=False if method == "GET" or sure else None)
            self._again(stumbles)

    def _once(self, method: str, url: str, of: Operation, token: str, content: bytes | None) -> "httpx.Response":
        import httpx

        self.limiter.acquire(of.api, of.bucket)
        headers = {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json",
            "X-Cafe24-Api-Version": self._settings.api_version,
        }  # fmt: skip
        with self._lock:
            self._report.calls[of.api] += 1
        asked = self._time.ticks()
        try:
            response = self._http.request(method, url, headers=headers, content=content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as e:
            raise _Unreached(type(e).__name__, sure=True) from None
        except httpx.HTTPError as e:  # its text may hold the address, and that a member id
            raise _Unreached(type(e).__name__, sure=False) from None
        self._time.heard(response.headers, asked)
        self.limiter.learn(of.api, response.status_code, response.headers)
        with self._lock:
            self._report.statuses[response.status_code] += 1
        return response

    def _again(self, stumbles: int) -> None:
        """Count a repeat, and wait: exponential, capped, with full jitter; not at all before the first stumble."""
        with self._lock:
            self._report.repeated += 1
        if stumbles > 0:
            most = min(BACKOFF_CAP, BACKOFF_SECONDS * 2.0 ** (stumbles - 1))
            self._clock.sleep(random.uniform(0, most))  # noqa: S311 - jitter, not a secret

    def _error(self, response: "httpx.Response", of: Operation, personal: frozenset[str]) -> AdminApiError:
        if of.scope == ANALYTICS_SCOPE and response.status_code in (401, 403) and answers.says_scope(response):
            return ScopeMissing(ANALYTICS_SCOPE, where=of.api)
        scopes = self.keeper.scopes() if response.status_code == 403 else frozenset()
        return answers.error_of(response, of, scopes, personal)


class _Unreached(Exception):
    """No answer; `sure` when the mall can't have seen the call."""

    def __init__(self, what: str, *, sure: bool) -> None:
        super().__init__(f"no whole answer ({what})")
        self.sure = sure


def admin_client(settings: Settings, mall_id: str, *, clock: Clock | None = None) -> AdminClient:
    """A client of one mall, with the installation's tokens and call budget; `close` it after use.

    Raises:
        ConfigError: an address is not https, or tokens can't be stored safely.
    """
    from cafe24_pipelines.stores.shared_state import shared_state

    clock = clock or SystemClock()
    keeper = token_keeper(settings, mall_id, clock=clock)
    return AdminClient(settings, mall_id, keeper, Limiter(shared_state(settings), mall_id, clock), clock)


def _given_up(trouble: str, of: Operation, *, acted: bool | None) -> AdminApiError:
    if trouble.startswith("an "):
        error: AdminApiError = MalformedAnswer(trouble, where=of.api, remedy="run again later")
        if acted is False:
            return error
    remedy = "run again later" if acted is False else "read back whether it took effect before repeating it"
    return Unavailable(trouble, where=of.api, remedy=remedy, acted=acted)
