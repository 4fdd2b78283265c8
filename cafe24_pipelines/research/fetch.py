"""One careful GET: an allowed address, a checked peer, a bounded wait, a bounded body.

- The peer's addresses are looked up once and checked, and the connection goes to what was checked: a name that
  points into a private network, or changes between two look-ups, reaches nothing (loopback only where the list names
  it).
- Every wait counts against one deadline, so a server that drips bytes is left as soon as one that is silent.
- Redirects stay within the source, come one at a time, and end: `Page.moved` says whether they were permanent.
- Bodies are unpacked a bounded piece at a time, so an archive that unfolds without end is dropped at the limit.

httpcore (httpx's own transport) is used directly, because only there a connection's address and time can be set.
Does not belong here: robots.txt, the pace of requests (see `visits.py`), or what a page says.
"""

import ipaddress
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from cafe24_pipelines.research.sources import Source, host_of, normal
from cafe24_pipelines.retry_after import retry_after
from cafe24_pipelines.settings import LOOPBACK

if TYPE_CHECKING:
    import httpcore

AGENT: Final = "cafe24-pipelines-research"
MOST_BYTES: Final = 5 * 1024 * 1024
"""Of a body, unpacked."""
MOST_REDIRECTS: Final = 5
SECONDS: Final = 20.0
"""For one request, from the first byte sent to the last byte read."""
DEFAULT_WAIT: Final = 3600.0
"""Seconds that a host is left alone after a 429 without a Retry-After."""
_PIECE: Final = 64 * 1024
_PERMANENT: Final = (301, 308)
_TEMPORARY: Final = (302, 303, 307)
_ACCEPTED: Final = "text/html, application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.1"
LISTS: Final = ("application/gzip", "application/x-gzip")
"""Besides pages: what a packed sitemap is served as."""
PAGES: Final = ("text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml")


class Unreachable(Exception):
    """A visit that gave nothing; `reason` is short and holds nothing of the page.

    `wait`: seconds that the server behind `url` asks for; a redirect may have led there.
    """

    def __init__(self, reason: str, *, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.reason, self.status, self.wait, self.url = reason, status, wait, ""


@dataclass(frozen=True)
class Page:
    """What came. `url` is where it was found; `moved` is true when every redirect to there was permanent."""

    url: str
    status: int
    body: bytes
    content_type: str
    etag: str
    last_modified: str
    moved: bool = False


@dataclass(frozen=True)
class Limits:
    """Bounds of one GET; a visit with redirects makes a few. Tests make them small.

    `cut`: of a longer body the beginning is taken; otherwise none of it.
    """

    seconds: float = SECONDS
    bytes: int = MOST_BYTES
    redirects: int = MOST_REDIRECTS
    cut: bool = False


@dataclass(frozen=True)
class _Redirect:
    url: str
    status: int


def visit(
    source: Source, url: str, *, before: Callable[[str], None] = lambda url: None, etag: str = "",
    last_modified: str = "", limits: Limits | None = None, types: tuple[str, ...] = PAGES,
) -> Page:  # fmt: skip
    """The page behind an address of a source, redirects followed within the source; status 200 or 304.

    Args:
        source: whose address it is.
        url: the address.
        before: called with every address before it is asked for: robots.txt and the pace have their say there.
        etag: what the last visit got, with `last_modified`; sent to the first address only.
        last_modified: see `etag`.
        limits: bounds.
        types: content types that are read (none named: all); a body without one is taken as HTML.

    Raises:
        Unreachable: anything else came.
    """
    limits, moved, seen = limits or Limits(), True, [url]
    tags = [(k, v) for k, v in (("If-None-Match", etag), ("If-Modified-Since", last_modified)) if _sendable(v)]
    while True:
        if not source.allows(url):
            raise Unreachable("the address is not on the list of sources")
        before(url)
        try:
            answer = _get(source, url, tags, limits, types)
        except Unreachable as e:
            e.url = url
            raise
        if isinstance(answer, Page):
            if answer.status == 304 and not tags:
                raise Unreachable("it says that what it never gave has not changed", status=304)
            return replace(answer, moved=moved and len(seen) > 1)
        url, tags, moved = answer.url, [], moved and answer.status in _PERMANENT
        if not source.allows(url):
            raise Unreachable("it leads to an address that is not on the list of sources", status=answer.status)
        if url in seen:
            raise Unreachable("its redirects run in a circle", status=answer.status)
        if len(seen) > limits.redirects:
            raise Unreachable(f"more than {limits.redirects} redirects", status=answer.status)
        seen.append(url)


def unfolded(data: bytes, most: int = MOST_BYTES) -> bytes:
    """A file, unpacked when it is a gzip archive.

    Raises:
        Unreachable: it is damaged, or unfolds to more than `most` bytes.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpack = zlib.decompressobj(31)
    try:
        content = unpack.decompress(data, most + 1)
    except zlib.error as e:
        raise Unreachable("its packing is damaged") from e
    if len(content) > most or not unpack.eof:
        raise Unreachable(f"it is larger than {most:,} bytes" if len(content) > most else "its packing is damaged")
    return content


# -- inside --------------------------------------------------------------------------------------------------


def _sendable(value: str) -> bool:
    """Whether what a server once said can go back to it in a header; with other letters the page is fetched whole."""
    return bool(value) and value.isascii() and value.isprintable()


def _get(
    source: Source, url: str, tags: list[tuple[str, str]], limits: Limits, types: tuple[str, ...]
) -> Page | _Redirect:
    import httpcore

    headers = [
        ("Host", urlsplit(url).netloc), ("User-Agent", AGENT), ("Accept", _ACCEPTED),
        ("Accept-Encoding", "gzip"), ("Connection", "close"), *tags,
    ]  # fmt: skip
    backend = _backend(time.monotonic() + limits.seconds, loopback=host_of(source.url) in LOOPBACK)
    try:
        with (
            httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            return _answer(response, url, limits, types)
    except httpcore.TimeoutException as e:
        raise Unreachable(f"no whole answer within {limits.seconds:g} s") from e
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as e:
        raise Unreachable(f"the server can't be read ({type(e).__name__})") from e


def _answer(response: "httpcore.Response", url: str, limits: Limits, types: tuple[str, ...]) -> Page | _Redirect:
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers}
    status, length = response.status, headers.get("content-length", "")
    if status in (*_PERMANENT, *_TEMPORARY):
        location = headers.get("location", "").encode("latin-1").decode("utf-8", "replace")
        return _Redirect(normal(urljoin(url, location)), status)
    if status not in (200, 304):
        wait = retry_after(headers.get("retry-after", "")) if status in (429, 503) else 0.0
        raise Unreachable(
            f"the server answered {status}", status=status, wait=wait or (DEFAULT_WAIT if status == 429 else 0.0)
        )
    kind = headers.get("content-type", "")
    said = headers.get("etag", "")[:500], headers.get("last-modified", "")[:100]
    if status == 304:
        return Page(url, status, b"", kind, *said)
    bare = kind.partition(";")[0].strip().lower()
    if types and bare and bare not in types and not bare.endswith("+xml"):
        raise Unreachable("it is no text page")
    if not limits.cut and length.isascii() and length.isdigit() and int(length[:15]) > limits.bytes:
        raise Unreachable(f"it is larger than {limits.bytes:,} bytes")
    return Page(url, status, _body(response, headers, limits), kind, *said)


def _body(response: "httpcore.Response", headers: Mapping[str, str], limits: Limits) -> bytes:
    """The body, unpacked; neither what comes nor what it unfolds to passes the limit."""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise Unreachable("it is packed in a way that was not asked for")
    unpack = zlib.decompressobj(31) if coding.endswith("gzip") else None
    out, came = bytearray(), 0
    for chunk in response.iter_stream():
        came += len(chunk)
        rest = chunk
        while rest:
            try:
                piece, rest = (unpack.decompress(rest, _PIECE), unpack.unconsumed_tail) if unpack else (rest, b"")
            except zlib.error as e:
                raise Unreachable("its packing is damaged") from e
            out += piece
            if len(out) > limits.bytes or came > limits.bytes:
                if limits.cut:
                    return bytes(out[: limits.bytes])
                raise Unreachable(f"it is larger than {limits.bytes:,} bytes")
    if unpack and not unpack.eof:
        raise Unreachable("its packing is damaged")
    return bytes(out)


def checked_addresses(host: str, port: int, *, loopback: bool) -> list[str]:
    """The addresses of a host, all of them public (or all loopback, where that is allowed).

    Raises:
        OSError: it can't be looked up, or one address lies in a private, local or reserved network.
    """
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
        if not (ip.is_loopback if loopback else ip.is_global and not ip.is_multicast):
            raise OSError("the host lies in a network that is not public")
    return found


def _inner(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, Teredo, NAT64), else itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _backend(deadline: float, *, loopback: bool) -> "httpcore.NetworkBackend":
    """A network whose peers are checked and whose every wait ends at the deadline."""
    import httpcore

    inner = httpcore.SyncBackend()

    def left(timeout: float | None) -> float:
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return rest if timeout is None else min(timeout, rest)

    class Stream(httpcore.NetworkStream):
        def __init__(self, stream: httpcore.NetworkStream) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return self._stream.read(max_bytes, left(timeout))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._stream.write(buffer, left(timeout))

        def close(self) -> None:
            self._stream.close()

        def start_tls(
            self, ssl_context: object, server_hostname: str | None = None, timeout: float | None = None
        ) -> httpcore.NetworkStream:
            return Stream(self._stream.start_tls(ssl_context, server_hostname, left(timeout)))  # type: ignore[arg-type]

        def get_extra_info(self, info: str) -> object:
            return self._stream.get_extra_info(info)

    class Backend(httpcore.NetworkBackend):
        def connect_tcp(
            self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
            socket_options: object = None,
        ) -> httpcore.NetworkStream:  # fmt: skip
            try:
                found = checked_addresses(host, port, loopback=loopback)
            except OSError as e:
                raise httpcore.ConnectError(str(e)) from e
            for address in found[:-1]:  # a host with an IPv6 address that this machine can't reach has another one
                with suppress(httpcore.ConnectError):
                    return Stream(inner.connect_tcp(address, port, left(timeout), local_address))
            return Stream(inner.connect_tcp(found[-1], port, left(timeout), local_address))

    return Backend()
