"""HTTP to the mall: addresses, one connection pool, and logs without paths.

Plain HTTP goes to this machine alone. Does not belong here: what is asked, or what an answer means.
"""

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS, READ_SECONDS, POOL_SECONDS = 5.0, 60.0, 120.0
MAX_CONNECTIONS = 32
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def mall_url(settings: Settings, mall_id: str) -> str:
    """The address that a mall's API has, without a trailing slash.

    Raises:
        ConfigError: the mall id can't be part of a host name, or the address is plain HTTP to another machine.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,38}", mall_id):
        raise ConfigError(f"mall id {mall_id!r} is not valid", remedy="use the id before .cafe24.com")
    return checked_url(settings.api_url.replace("{mall_id}", mall_id))


def checked_url(url: str) -> str:
    """The address, if tokens may travel to it.

    Raises:
        ConfigError: plain HTTP to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return url.rstrip("/")
    raise ConfigError("the API's address is not https", where=url, remedy="plain http is accepted for loopback only")


def on_loopback(url: str) -> bool:
    """Whether the address is this machine: the sandbox mall, a test."""
    return urlsplit(url).hostname in LOOPBACK


def new_http(*, read_seconds: float = READ_SECONDS) -> "httpx.Client":
    """A pool of kept-alive connections that follows no redirect; a proxy of the environment is not for loopback."""
    import httpx

    _hide_paths()
    return httpx.Client(
        timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS, pool=POOL_SECONDS),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
        follow_redirects=False,
        mounts={"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None},
    )


def filled(path: str, at: Mapping[str, object]) -> str:
    """A path template with its values, each encoded as one segment.

    Raises:
        KeyError: a name has no value.
        ValueError: a value is empty or means a folder.
    """
    parts = []
    for part in path.strip("/").split("/"):
        if part.startswith("{") and part.endswith("}"):
            value = quote(str(at[part[1:-1]]), safe="")
            if value.strip(".") == "":
                raise ValueError(f"{part} has no value that can stand in an address")
            part = value  # noqa: PLW2901
        parts.append(part)
    return "/".join(parts)


def query(params: Mapping[str, object]) -> str:
    """A query string with its `?`, "" for none: None left out, sequences joined by commas, booleans as T and F."""
    pairs = [(name, _text(value)) for name, value in params.items() if value is not None]
    return "?" + urlencode(pairs, quote_via=quote, safe=",") if pairs else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, (list, tuple)):
        return ",".join(_text(v) for v in value)
    return str(value)


class _PathsHidden(logging.Filter):
    """httpx logs whole addresses; paths and queries of the API hold member ids."""

    def filter(self, record: logging.LogRecord) -> bool:
        import httpx

        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{a.scheme}://{a.netloc.decode()}/…" if isinstance(a, httpx.URL) else a for a in record.args
            )
        return True


_FILTER = _PathsHidden()


def _hide_paths() -> None:
    logging.getLogger("httpx").addFilter(_FILTER)  # adding the same filter again changes nothing
