"""A web site on loopback, with threads, that does what a test tells it, and remembers who asked for what."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.loopback import handled
from cafe24_pipelines.research.book import claim_book
from cafe24_pipelines.research.collect import Report, collect
from cafe24_pipelines.research.fetch import Limits
from cafe24_pipelines.research.sources import load_sources
from cafe24_pipelines.stores.events import EventLog

TODAY = date(2026, 3, 10)
REPURCHASE = "2025년 국내 온라인 쇼핑몰의 평균 재구매율은 28.2%입니다."


def problems(report: Report) -> str:
    return " | ".join(p for s in report.sources for p in s.problems)


def feed(*items: tuple[str, str]) -> bytes:
    rows = "".join(f"<item><link>{u}</link><title>리포트</title><pubDate>{d}</pubDate></item>" for u, d in items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{rows}</channel></rss>'.encode()


PAGE = """<!doctype html><html lang="ko"><head><title>{title}</title>
<meta property="article:published_time" content="{day}"></head><body>
<nav><a href="/">홈</a> <a href="/blog">블로그</a> 장바구니 이탈률 11%</nav>
<article><h1>{title}</h1>{body}</article><footer>전환율 3.3%</footer></body></html>"""


def page(*paragraphs: str, title: str = "이커머스 리포트", day: str = "2026-02-01") -> bytes:
    body = "".join(f"<p>{p}</p>" for p in paragraphs)
    return PAGE.format(title=title, day=day, body=body).encode()


@dataclass
class Site:
    """Answers by path. An answer is bytes, (status, headers, body), or a function of the handler."""

    port: int = 0
    answers: dict[str, object] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked if path != "/robots.txt"]

    def with_etag(self, path: str, body: bytes, tag: str) -> None:
        """A page that answers 304 to its own ETag."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            if handler.headers.get("If-None-Match") == tag:
                handler.send_response(304)
                handler.send_header("ETag", tag)
                handler.end_headers()
                return
            _send(handler, 200, {"ETag": tag, "Content-Type": "text/html; charset=utf-8"}, body)

        self.answers[path] = answer


def _send(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append((self.path, dict(self.headers)))
            answer = site.answers.get(self.path, (404, {}, b"none"))
            try:
                if callable(answer):
                    answer(self)
                elif isinstance(answer, bytes):
                    _send(self, 200, {"Content-Type": "text/html; charset=utf-8"}, answer)
                elif isinstance(answer, tuple):
                    _send(self, *answer)
            except OSError:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    with handled(_handler(made)) as httpd:
        made.port = httpd.server_port
        yield made


@pytest.fixture
def research(site: Site, tmp_path: Path) -> SimpleNamespace:
    """`listed(...)` writes a list of sources on the site, `run()` collects from it, `claims()` stand."""
    log, file, folder = EventLog(tmp_path / "events.db"), tmp_path / "sources.yaml", tmp_path / "visits"
    state = SimpleNamespace(log=log, file=file, folder=folder, site=site, page=page, slept=[], today=TODAY)

    def listed(*entries: dict[str, object]) -> Path:
        import yaml

        base = {"kind": "page", "trust": "vendor", "region": "KR", "seconds": 0, "terms": "시험용"}
        rows = [
            {**base, "id": f"source-{n}", "publisher": f"출처 {n}", **e, "url": site.url + str(e["url"])}
            for n, e in enumerate(entries, 1)
        ]
        file.write_text(yaml.safe_dump({"sources": rows}, allow_unicode=True), "utf-8")
        return file

    def run(limits: Limits | None = None, clock: Callable[[], float] = lambda: 1000.0) -> Report:
        return collect(
            log, folder, load_sources(str(file)), today=state.today, sleep=state.slept.append, clock=clock,
            limits=limits or Limits(seconds=5.0, bytes=1_000_000),
        )  # fmt: skip

    state.listed, state.run = listed, run
    state.claims = lambda: [k.claim for k in claim_book(log).standing()]
    state.said = lambda: sorted((c.metric, c.value, c.unit, c.source) for c in state.claims())
    state.events = lambda: log.read("_research", limit=10_000)
    return state
