"""Reading the official page from files and from a real HTTP server, with its bounds."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from benchmarks.loopback import handled
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.knowledge import page_source
from cafe24_pipelines.knowledge.documents import load_documents

FIXTURE = Path(__file__).parent / "fixtures" / "small_admin_page.html"
PAGE = FIXTURE.read_bytes()


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, body = 200, {}, PAGE
        if self.path == "/moved":
            status, headers, body = 302, {"Location": "/page"}, b""
        elif self.path == "/loop":
            status, headers, body = 302, {"Location": "/loop"}, b""
        elif self.path == "/away":
            status, headers, body = 302, {"Location": "http://example.invalid/page"}, b""
        elif self.path == "/file":
            status, headers, body = 302, {"Location": "file:///etc/hostname"}, b""
        elif self.path == "/missing":
            status, body = 404, b"no"
        elif self.path == "/gz":
            body = gzip.compress(PAGE)
        elif self.path == "/large":
            body = b"x" * 300_000
        elif self.path == "/slow":
            self.server.gate.wait(10)  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with handled(Site) as httpd:
        httpd.gate = threading.Event()  # type: ignore[attr-defined]
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.gate.set()  # type: ignore[attr-defined]


def check(source: str) -> None:
    documents = {d.document_id: d for d in load_documents(source)}
    endpoints = [d for d in documents.values() if d.kind == "endpoint" and d.path.startswith("/api/v2/admin/")]
    assert sorted(d.document_id for d in endpoints) == [
        "GET /api/v2/admin/orders",
        "GET /api/v2/admin/orders/count",
        "PUT /api/v2/admin/orders/{order_id}/items",
    ]
    assert documents["GET /api/v2/admin/orders"].title == "주문 목록 조회 (List the orders)"
    assert "3개월" in documents["GET /api/v2/admin/orders"].body  # our CRM note stays
    assert {"guide-oauth", "resource-orders", "crm-rfm-analysis", "POST /api/v2/oauth/token"} <= set(documents)


@pytest.mark.parametrize("packed", [False, True])
def test_a_saved_page(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("page.html.gz" if packed else "page.html")
    path.write_bytes(gzip.compress(PAGE) if packed else PAGE)
    check(str(path))


@pytest.mark.parametrize("path", ["/page", "/moved", "/gz"])
def test_an_address(site: str, path: str) -> None:
    check(site + path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing", "answered 404"),
        ("/loop", "more than 3 redirects"),
        ("/away", "http:// is not accepted"),
        ("/file", "can't be fetched|not accepted"),
    ],
)
def test_an_address_that_fails(site: str, path: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        load_documents(site + path)


def test_size_is_capped_while_reading(site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page_source, "MAX_BYTES", 100_000)
    with pytest.raises(BadInput, match="larger than"):
        load_documents(site + "/large")
    bomb = tmp_path / "bomb.html.gz"
    bomb.write_bytes(gzip.compress(b"<html>" + b"a" * 5_000_000))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(BadInput, match="larger than"):
        load_documents(str(bomb))


def test_a_silent_server_is_given_up(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_source, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(BadInput, match="no answer within"):
        load_documents(site + "/slow")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://developers.example.com/page", "http:// is not accepted"),
        ("ftp://127.0.0.1/page", "ftp:// is not accepted"),
        ("http://127.0.0.1.example.com/page", "not accepted"),
        ("http://127.0.0.1:1/page", "can't be fetched"),
        ("/no/such/page.html", "no such file"),
    ],
)
def test_sources_that_cannot_be_read(source: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        load_documents(source)


def test_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "page.html.gz"
    path.write_bytes(gzip.compress(PAGE)[:200])
    with pytest.raises(BadInput, match="archive is damaged"):
        load_documents(str(path))
