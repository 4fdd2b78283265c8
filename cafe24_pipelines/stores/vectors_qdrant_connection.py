"""The connection to a Qdrant server: one client, its version checked once, bounded waits, errors with a remedy.

Every call of the store goes through `QdrantConnection.ask`. All of them may be repeated without harm, so timeouts,
refusals for load (429, 503) and broken connections are tried again until the caller's patience ends. Does not belong
here: what is asked (see the other `vectors_qdrant*` files).
"""

import logging
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cafe24_pipelines.errors import Cafe24Error, ConfigError

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

T = TypeVar("T")
OLDEST: Final = (1, 19)
"""The first server that counts IDF within a filter (`SearchParams.idf`); an older one would ignore that silently."""
READING_SECONDS: Final = 5.0
"""How long a read waits for a server that does not answer: somebody sits before it."""
WRITING_SECONDS: Final = 60.0
"""How long a publication waits: a server that restarts reads its log first."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
_PASSING: Final = frozenset({0, 408, 429, 502, 503, 504})
"""Answers that another try may change; 0 is no answer at all."""
_OF_GRPC: Final = {
    "UNAVAILABLE": 0, "DEADLINE_EXCEEDED": 408, "RESOURCE_EXHAUSTED": 429, "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "INVALID_ARGUMENT": 400,
}  # fmt: skip
_log = logging.getLogger(__name__)


class QdrantRefused(Cafe24Error):
    """The server answered, and its answer is no. `status` is the HTTP status (that of gRPC is translated)."""

    def __init__(self, what: str, *, status: int, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status = status


@dataclass(frozen=True)
class _Failure:
    """What went wrong, the same for both protocols."""

    status: int
    text: str
    wait: float = 0.0


class QdrantConnection:
    """Opens with the first call and again after `close`. Thread-safe.

    Args:
        url: the REST address, such as `https://qdrant.example.com:6333`.
        api_key: its key, or "".
        prefer_grpc: carry calls over gRPC; the address's host, `grpc_port`.
        grpc_port: the port for that.
        client: a client to use as it is (the client's local mode in tests); its version is not checked.
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        prefer_grpc: bool = False,
        grpc_port: int = 6334,
        client: "QdrantClient | None" = None,
    ) -> None:
        self.url = url
        self._api_key, self._grpc, self._grpc_port = api_key, prefer_grpc, grpc_port
        self._given = client is not None
        self._client = client
        self._lock = threading.Lock()

    def ask(self, call: "Callable[[QdrantClient], T]", *, seconds: float = READING_SECONDS) -> T:
        """The answer to one call that may be repeated; tried again for up to `seconds` where that can help.

        Raises:
            ConfigError: no answer, a wrong key, or a version that does not fit.
            QdrantRefused: any other refusal, with the server's words.
        """
        end = time.monotonic() + seconds
        wait = _FIRST_WAIT
        while True:
            try:
                return call(self._connected())
            except Cafe24Error:
                raise
            except Exception as e:
                failure = _failure(e)
                if failure is None:
                    raise
                pause = max(failure.wait, wait * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                if failure.status not in _PASSING or time.monotonic() + pause > end:
                    raise self._error(failure) from e
                _log.info("Qdrant: %s; trying again in %.1f s", failure.text, pause)
                time.sleep(pause)
                wait = min(2 * wait, _LONGEST_WAIT)

    @property
    def takes_parallel_calls(self) -> bool:
        """Whether calls may be under way side by side; the client's local mode would mix them up."""
        return not self._given

    def close(self) -> None:
        """Close the connection; a later call opens it again, unless the client was given."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = self._client if self._given else None

    # -- inside ----------------------------------------------------------------------------------------------

    def _connected(self) -> "QdrantClient":
        with self._lock:
            if self._client is None:
                from qdrant_client import QdrantClient

                client = QdrantClient(
                    url=self.url, api_key=self._api_key or None, prefer_grpc=self._grpc, grpc_port=self._grpc_port,
                    timeout=60, check_compatibility=False,
                )  # fmt: skip
                try:
                    check_versions(client.info().version, self.url)
                except BaseException:
                    client.close()
                    raise
                self._client = client
            return self._client

    def _error(self, failure: _Failure) -> Cafe24Error:
        status, text = failure.status, failure.text
        if status == 0:
            return ConfigError(
                f"the Qdrant server does not answer ({text})", where=self.url,
                remedy="start it or correct QDRANT_URL; without a server set CAFE24_VECTORS=embedded",
            )  # fmt: skip
        if status in (401, 403):
            return ConfigError(f"the Qdrant server refuses the key ({text})", where=self.url,
                               remedy="check QDRANT_API_KEY")  # fmt: skip
        remedy = "see the server's log, then run again; what was published before is intact"
        if _is_full(failure):
            remedy = (
                "free space on the server's disk or raise its quota, then run again; published vectors are intact"
            )
        elif status in _PASSING:
            remedy = "the server is overloaded or restarting: run again later; what was published before is intact"
        return QdrantRefused(f"the Qdrant server answered {status}: {text}", status=status, where=self.url,
                             remedy=remedy)  # fmt: skip


def check_versions(server: str, url: str, client: str = "") -> None:
    """Refuse a server that lacks what the store relies on, or that the client was not made for.

    Raises:
        ConfigError: the server is older than 1.19, or its minor version is further than one from the client's.
    """
    from importlib.metadata import version

    client = client or version("qdrant-client")
    ours, theirs = _major_minor(client), _major_minor(server)
    if theirs is None or ours is None:
        raise ConfigError(f"this is no Qdrant server (version {server!r})", where=url, remedy="correct QDRANT_URL")
    if theirs < OLDEST:
        raise ConfigError(
            f"the Qdrant server has version {server}; counting IDF within one mall needs 1.19", where=url,
            remedy="upgrade the server, one minor version at a time, or set CAFE24_VECTORS=embedded",
        )  # fmt: skip
    if theirs[0] != ours[0] or abs(theirs[1] - ours[1]) > 1:
        raise ConfigError(
            f"the Qdrant server has version {server}, the client {client}: more than one minor version apart",
            where=url,
            remedy=f"run a server of version {ours[0]}.{ours[1]}, or install the qdrant-client that fits the server",
        )


def _major_minor(text: str) -> tuple[int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)", text or "")
    return (int(found[1]), int(found[2])) if found else None


def _failure(error: Exception) -> _Failure | None:
    """The failure that an exception of the client stands for; None for a mistake of ours."""
    from grpc import RpcError
    from pydantic import ValidationError
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, UnexpectedResponse):
        return _Failure(error.status_code or 500, _words(error.content) or error.reason_phrase)
    if isinstance(error, ResourceExhaustedResponse):
        return _Failure(429, str(error), float(error.retry_after_s))
    if isinstance(error, ResponseHandlingException):
        understood = not isinstance(error.source, ValidationError)
        text = str(error.source) or type(error.source).__name__
        return _Failure(0, text) if understood else _Failure(500, "an answer that the client does not understand")
    if isinstance(error, RpcError):
        return _of_rpc(error)
    if isinstance(error, ValueError) and (
        found := re.search(r"Collection \S+ (not found|already exists)", str(error))
    ):
        return _Failure(404 if found[1] == "not found" else 409, str(error))  # the client's local mode
    return None


def _of_rpc(error: Any) -> _Failure:
    name = error.code().name if hasattr(error, "code") else "UNAVAILABLE"
    text = (error.details() if hasattr(error, "details") else "") or name
    failure = _Failure(_OF_GRPC.get(name, 500), text)
    return _Failure(507, text) if failure.status == 429 and _is_full(failure) else failure


def _is_full(failure: _Failure) -> bool:
    """Whether the server says that it has no room; it answers 507 for a quota and 500 for a full disk."""
    return failure.status == 507 or bool(
        re.search(r"no space left|insufficient storage|not enough (disk )?space|disk.{0,20}full", failure.text, re.I)
    )


def _words(content: bytes) -> str:
    """The server's own words in an error body, which is JSON or text."""
    import json

    try:
        status = json.loads(content)["status"]
        return str(status["error"] if isinstance(status, dict) else status)
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace").strip()
