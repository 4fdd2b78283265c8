"""Reading the official page from a file or an address, within bounds.

Does not belong here: understanding the page.
"""

import gzip
import ipaddress
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cafe24_pipelines.errors import BadInput

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 50 * 1024 * 1024
"""Largest page accepted, after decompression; the real one has 3 MB."""

TIMEOUT_SECONDS = 20.0
MAX_REDIRECTS = 3
_SAVE = (
    "save the page in a browser and give its file instead, or leave CAFE24_API_DOCS empty for the built-in catalogue"
)


def read_page(source: str) -> bytes:
    """The bytes behind a file path or http(s) address, decompressed.

    Raises:
        BadInput: it is missing, too large, damaged, or the server refuses it.
    """
    if "://" in source:
        return _bounded(_download(source), source)
    path = Path(source).expanduser()
    if not path.is_file():
        raise BadInput(
            "there is no such file", where=source, remedy="set CAFE24_API_DOCS to a file that exists, or empty"
        )
    if path.stat().st_size > MAX_BYTES:
        raise _too_large(source)
    try:
        return _bounded(path.read_bytes(), source)
    except PermissionError as e:
        raise BadInput("no permission to read the file", where=source, remedy="give this user read access") from e


def _bounded(data: bytes, source: str) -> bytes:
    """Decompressed content; a small archive that unfolds beyond the limit is refused while it unfolds."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as f:
            page = f.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as e:
        raise BadInput("the gzip archive is damaged", where=source, remedy=_SAVE) from e
    if len(page) > MAX_BYTES:
        raise _too_large(source)
    return page


def _download(url: str) -> bytes:
    import httpx

    _allow(url)
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            for _ in range(MAX_REDIRECTS + 1):
                with client.stream("GET", url, headers={"Accept": "text/html"}) as response:
                    if response.next_request is None:
                        return _body(response, url)
                    url = str(response.next_request.url)
                _allow(url)
    except httpx.TimeoutException as e:
        raise BadInput(f"no answer within {TIMEOUT_SECONDS:g} seconds", where=url, remedy=_SAVE) from e
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        raise BadInput(f"the page can't be fetched ({type(e).__name__})", where=url, remedy=_SAVE) from e
    raise BadInput(f"more than {MAX_REDIRECTS} redirects", where=url, remedy=_SAVE)


def _body(response: "httpx.Response", url: str) -> bytes:
    if response.status_code != 200:
        raise BadInput(f"the server answered {response.status_code}", where=url, remedy=_SAVE)
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_BYTES:
            raise _too_large(url)
        chunks.append(chunk)
    return b"".join(chunks)


def _allow(url: str) -> None:
    """https anywhere; plain http only to this machine, so that nobody on the way can change the page."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _loopback(parts.hostname or ""):
        return
    raise BadInput(f"{parts.scheme}:// is not accepted here", where=url, remedy="use https://, or a file path")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _too_large(source: str) -> BadInput:
    return BadInput(f"the page is larger than {MAX_BYTES // 1024 // 1024} MB", where=source, remedy=_SAVE)
