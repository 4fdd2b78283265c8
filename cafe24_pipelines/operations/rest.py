"""A small JSON client for Atlassian Cloud: basic auth, time limits, and bounded patience with 429 and 5xx.

Answers that won't change by asking again become errors that say what to set. A body of an error is never repeated: it
may hold what we sent. Does not belong here: what is sent (`jira.py`, `confluence.py`).
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.retry_after import retry_after

if TYPE_CHECKING:
    import httpx

TIMEOUT: Final = 20.0
TRIES: Final = 4
FIRST_WAIT: Final = 0.5
MAX_WAIT: Final = 30.0
"""Seconds that one call may spend on waiting in all, whatever a server asks for."""
LARGEST: Final = 5_000_000


class Unavailable(Cafe24Error):
    """The service did not answer properly, however often it was asked; later it may."""


class Conflict(Cafe24Error):
    """Somebody else changed it in between (409)."""


class Rest:
    """One service and its account; the token is in no message and no representation.

    Args:
        base: the address that paths are added to.
        name: what the settings of this service begin with, such as JIRA.
    """

    def __init__(
        self, base: str, email: str, token: str, *, name: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        import httpx

        self.base, self.name, self._sleep = base.rstrip("/"), name, sleep
        self._client = httpx.Client(
            auth=(email, token), timeout=TIMEOUT, follow_redirects=False, headers={"Accept": "application/json"}
        )

    def __enter__(self) -> "Rest":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: Any = None
    ) -> dict[str, Any]:
        """The JSON of an answer ({} when it has none).

        A POST is repeated only after an answer that says it was not done (429, 503).

        Raises:
            ConfigError: the account or the address is not accepted (401, 403, 404), or the request is not (400).
            Conflict: 409.
            Unavailable: no connection, 429 or 5xx to the last.
        """
        import httpx

        waited, problem = 0.0, ""
        for turn in range(TRIES):
            wait = FIRST_WAIT * 2**turn
            try:
                answer = self._client.request(method, f"{self.base}{path}", params=params, json=body)
            except httpx.HTTPError as e:
                problem = f"no answer ({type(e).__name__})"
                if method == "POST" and not isinstance(e, httpx.ConnectError | httpx.ConnectTimeout):
                    break
            else:
                if answer.status_code < 400:
                    return self._json(answer)
                if not self._again(method, answer.status_code):
                    raise self._refusal(answer.status_code, path)
                problem = f"it answered {answer.status_code}"
                wait = max(wait, retry_after(answer.headers.get("Retry-After", "")))
            if turn + 1 == TRIES or waited + wait > MAX_WAIT:
                break
            waited += wait
            self._sleep(wait)
        raise Unavailable(problem, where=self.name, remedy="it is tried again with the next readiness check")

    @staticmethod
    def _again(method: str, status: int) -> bool:
        return status in (429, 503) or (status >= 500 and method != "POST")

    def _json(self, answer: "httpx.Response") -> dict[str, Any]:
        if answer.status_code >= 300:
            raise ConfigError(
                f"it answered with a redirection ({answer.status_code})",
                where=self.name,
                remedy=f"check {self.name}_URL",
            )
        if answer.status_code == 204 or not answer.content:
            return {}
        if len(answer.content) > LARGEST:
            raise Unavailable("its answer is too large", where=self.name)
        try:
            value = answer.json()
        except ValueError as e:
            raise ConfigError("its answer is not JSON", where=self.name, remedy=f"check {self.name}_URL") from e
        return value if isinstance(value, dict) else {"values": value}

    def _refusal(self, status: int, path: str) -> Cafe24Error:
        where = f"{self.name} {path.partition('?')[0]}"
        if status in (401, 403):
            what = "the account is not accepted" if status == 401 else "the account has no access"
            return ConfigError(
                f"{what} ({status})", where=where, remedy=f"check {self.name}_EMAIL, {self.name}_TOKEN and its rights"
            )
        if status == 404:
            return ConfigError(
                "not found (404)", where=where, remedy=f"check {self.name}_URL and the project or page that is set"
            )
        if status == 409:
            return Conflict("changed by somebody else (409)", where=where)
        if status >= 500:
            return Unavailable(f"it answered {status}", where=where, remedy="it is tried again with the next check")
        return ConfigError(f"the request was refused ({status})", where=where, remedy="check its project's settings")
