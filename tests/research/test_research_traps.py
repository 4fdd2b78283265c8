"""A site full of traps on the way to a page: what is claimed is what pages say, and nothing stops the rest."""

import gzip
import time
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any

import pytest

from cafe24_pipelines.research.fetch import Limits
from tests.research.conftest import REPURCHASE, feed, problems


def test_redirects_that_circle_never_end_or_leave_the_list_are_left(research: SimpleNamespace) -> None:
    site = research.site
    site.answers |= {
        "/loop": (302, {"Location": "/loop2"}, b""), "/loop2": (302, {"Location": "/loop"}, b""),
        "/away": (301, {"Location": "https://example.com/a"}, b""),
        "/inside": (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b""),
        "/file": (302, {"Location": "file:///etc/passwd"}, b""),
        "/port": (302, {"Location": "http://127.0.0.1:1/"}, b""),
        "/good": research.page(REPURCHASE),
    }  # fmt: skip
    site.answers |= {f"/step{n}": (302, {"Location": f"/step{n + 1}"}, b"") for n in range(20)}
    paths = ("/loop", "/step0", "/away", "/inside", "/file", "/port", "/good")
    research.listed(*({"url": p} for p in paths))
    report = research.run()
    told = [" ".join(s.problems) for s in report.sources]
    assert "circle" in told[0] and "more than 5 redirects" in told[1]
    assert all("not on the list" in t for t in told[2:6]) and told[6] == ""
    assert site.paths().count("/loop") == 1 and "/step6" not in site.paths()
    assert len(research.claims()) == 1


def _endless(handler: BaseHTTPRequestHandler, site: Any, *, length: str | None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    if length:
        handler.send_header("Content-Length", length)
    else:
        handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    block = b"x" * 65536
    while site.sent < 10 * 1024**3:
        handler.wfile.write(b"10000\r\n" + block + b"\r\n" if not length else block)
        site.sent += len(block)


@pytest.mark.parametrize("length", [None, str(10 * 1024**3)])
def test_a_body_of_ten_gigabytes_ends_at_the_limit(research: SimpleNamespace, length: str | None) -> None:
    research.site.answers["/a"] = lambda h: _endless(h, research.site, length=length)
    research.listed({"url": "/a"})
    assert "larger than" in problems(research.run())
    assert research.site.sent < 50_000_000


def test_an_archive_that_unfolds_without_end_is_dropped_at_the_limit(research: SimpleNamespace) -> None:
    bomb = gzip.compress(b"\0" * 64_000_000)
    assert len(bomb) < 100_000
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    research.site.answers["/a"] = (200, headers, bomb)
    research.site.answers["/b"] = (200, headers, gzip.compress(research.page(REPURCHASE)))
    research.site.answers["/c"] = (200, headers, gzip.compress(research.page(REPURCHASE))[:-20])
    research.site.answers["/d"] = (200, {**headers, "Content-Encoding": "br"}, b"1234")
    research.listed(*({"url": p} for p in ("/a", "/b", "/c", "/d")))
    told = [" ".join(s.problems) for s in research.run().sources]
    assert "larger than" in told[0] and told[1] == "" and "damaged" in told[2] and "not asked for" in told[3]


def test_a_server_that_drips_is_left_in_its_head_and_in_its_body(research: SimpleNamespace) -> None:
    done = []

    def drip(handler: BaseHTTPRequestHandler, first: bytes) -> None:
        handler.wfile.write(first)
        for _ in range(200):
            handler.wfile.write(b"a")
            time.sleep(0.05)
        done.append(first)

    research.site.answers["/head"] = lambda h: drip(h, b"HTTP/1.1 200 OK\r\nX-Long: ")
    research.site.answers["/body"] = lambda h: drip(h, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    research.site.answers["/good"] = research.page(REPURCHASE)
    research.listed({"url": "/head"}, {"url": "/body"}, {"url": "/good"})
    report = research.run(limits=Limits(seconds=2.0))
    assert problems(report).count("no whole answer within 2 s") == 2
    assert not done, "it waited for the whole drip"
    assert len(research.claims()) == 1


def test_a_wrong_charset_in_the_header_does_not_garble_a_page(research: SimpleNamespace) -> None:
    text = research.page(REPURCHASE).decode()
    korean = text.replace("<head>", '<head><meta charset="euc-kr">').encode("cp949")
    for path, kind, body in (
        ("/a", "text/html; charset=iso-8859-1", korean),
        ("/b", "text/html; charset=utf-8", text.encode("cp949")),
        ("/c", "text/html; charset=euc-kr", text.encode()),
        ("/d", "text/html; charset=rot13", text.encode("utf-16")),
        ("/e", "text/html", text.encode("cp949").replace(b"<nav>", b"<nav>\xff")),  # damaged, and no charset
        ("/f", "text/html; charset=euc-kr", text.encode().replace(b"<nav>", b"<nav>\xff")),
    ):
        research.site.answers[path] = (200, {"Content-Type": kind}, body)
    research.listed(*({"url": p} for p in ("/a", "/b", "/c", "/d", "/e", "/f")))
    assert problems(research.run()) == ""
    assert [c.quote for c in research.claims()] == [REPURCHASE] * 6


def test_a_page_made_to_be_slow_or_to_break_a_parser_costs_only_itself(
    research: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cafe24_pipelines.research import collect, pages

    slow = "".join(("<p>", "no. " * 20_000, "전환율 3% " * 20_000, "</p>", "<ul><li>가나다라 " * 20_000))
    research.site.answers |= {"/slow": research.page(slow), "/breaks": research.page("깨지는 페이지입니다.")}
    research.site.answers["/good"] = research.page(REPURCHASE)

    def read(body: bytes, *args: Any, **kw: Any) -> pages.Text:
        if "깨지는".encode() in body:
            raise RecursionError
        return pages.read_page(body, *args, **kw)

    monkeypatch.setattr(collect, "read_page", read)
    research.listed({"url": "/slow"}, {"url": "/breaks"}, {"url": "/good"})
    started = time.process_time()
    assert problems(research.run()).endswith("it can't be read (RecursionError)")
    assert time.process_time() - started < 30, "it took minutes when sentences were joined again and again"
    assert [c.value for c in research.claims()] == [28.2]


def test_text_of_a_page_made_of_divs_is_read_apart_and_quoted_by_the_sentence(research: SimpleNamespace) -> None:
    research.site.answers["/a"] = (
        "<html><body><div><div>2025 고객 리포트</div><div><span>재구매율</span>은 <b>28.2</b>%입니다.반품률은 7.5%다."
        "</div><div>다음 이야기</div></div><table><tr><td><p>객단가</p></td><td><p>6만원</p></td></tr></table>"
        "</body></html>"
    ).encode()
    research.listed({"url": "/a"})
    research.run()
    assert sorted(c.quote for c in research.claims()) == [
        "객단가 6만원",
        "반품률은 7.5%다.",
        "재구매율은 28.2%입니다.",
    ]


@pytest.mark.parametrize(
    ("there", "at", "changes"),
    [
        (REPURCHASE, "/new", [(0, 0), (0, 0)]),  # the page itself: its claims are there now
        ("점검 중입니다.", "/a", [(0, 1), (1, 0)]),  # a host under repair sends everybody away "for good"
    ],
)
def test_a_page_that_moved_for_good_keeps_its_claims_there_unless_they_are_not_there(
    research: SimpleNamespace, there: str, at: str, changes: list[tuple[int, int]]
) -> None:
    site, page = research.site, research.page(REPURCHASE)
    site.answers |= {"/a": page, "/new": research.page(there)}
    research.listed({"url": "/a"})
    research.run()
    moves = []
    for _ in range(2):
        site.answers["/a"] = (301, {"Location": "/new"}, b"")
        gone = research.run()
        assert [c.address for c in research.claims()] == ([f"{site.url}/new"] if at == "/new" else [])
        site.answers["/a"] = page
        site.asked.clear()
        back = research.run()
        assert site.paths() == [at] and [c.address for c in research.claims()] == [site.url + at]
        assert [(r.claimed, r.retired) for r in (gone, back)] == changes
        moves.append(gone.sources[0].moved)
    assert moves == ([1, 0] if at == "/new" else [1, 1]), "where it moved to is asked at once, while it claims"
    site.answers[at] = (410, {}, b"")
    assert research.run().retired == 1 and research.claims() == []
    site.asked.clear()
    research.run()
    assert site.paths() == [], "who is gone is asked no more"


def test_what_a_server_says_of_its_pages_can_t_lock_us_out(research: SimpleNamespace) -> None:
    site = research.site
    site.answers["/a"] = (200, {"Content-Type": "text/html", "ETag": '"\xe9t\xe9"'}, research.page(REPURCHASE))
    site.answers["/b"] = (304, {}, b"")  # although we never had it
    research.listed({"url": "/a"}, {"url": "/b"})
    told = [" ".join(s.problems) for s in (*research.run().sources, *research.run().sources)]
    assert told[0] == told[2] == "" and "never gave" in told[1] and "never gave" in told[3]


def test_the_time_for_a_collection_ends_within_a_source_too(research: SimpleNamespace) -> None:
    site, ticks = research.site, iter(range(1000, 100_000, 100))
    site.answers["/feed"] = feed(*((f"{site.url}/p{n}", f"2026-02-0{n}") for n in (1, 2, 3, 4, 5)))
    site.answers |= {f"/p{n}": research.page(REPURCHASE) for n in (1, 2, 3, 4, 5)}
    research.listed({"url": "/feed", "kind": "rss"}, {"url": "/p1"})
    report = research.run(clock=lambda: float(next(ticks)))
    assert [s.problems for s in report.sources] == [["the time for this collection was up"]] * 2
    assert "/p5" in site.paths() and "/p1" not in site.paths()


def test_an_address_in_hangul_is_visited_and_control_characters_are_not_kept(research: SimpleNamespace) -> None:
    site, path = research.site, "/%EB%A6%AC%ED%8F%AC%ED%8A%B8?q=%EA%B0%92"
    site.answers["/feed"] = feed((f"{site.url}/리포트?q=값", "2026-02-01"))
    site.answers[path] = research.page(f"{REPURCHASE[:-1]}&#27;[31m&#8203;.", title="제목&#27;]0;x&#7; a@b.co.kr")
    research.listed({"url": "/feed", "kind": "rss"})
    assert problems(research.run()) == "" and site.paths() == ["/feed", path]
    [claim] = research.claims()
    assert claim.quote == f"{REPURCHASE[:-1]}[31m." and "@" not in claim.title and claim.title.isprintable()


def test_a_temporary_redirect_moves_nothing_and_404_retires_at_the_third_time(research: SimpleNamespace) -> None:
    site = research.site
    site.answers["/a"] = (302, {"Location": "/b"}, b"")
    site.answers["/b"] = research.page(REPURCHASE)
    research.listed({"url": "/a"})
    research.run()
    assert [c.address for c in research.claims()] == [f"{site.url}/a"]
    del site.answers["/a"]
    assert [research.run().retired for _ in range(4)] == [0, 0, 1, 0]


def test_robots_txt_is_heeded_and_a_broken_one_closes_the_host(research: SimpleNamespace) -> None:
    site = research.site
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /private\nAllow: /private/open$\nCrawl-delay: 7\n"
    for path in ("/private/a", "/private/open", "/b"):
        site.answers[path] = research.page(REPURCHASE)
    site.answers["/c"] = (302, {"Location": "/private/a"}, b"")
    research.listed(*({"url": p} for p in ("/private/a", "/private/open", "/b", "/c")))
    report = research.run()
    assert "/private/a" not in site.paths() and problems(report).count("robots.txt forbids it") == 2
    assert max(research.slept) == 7.0, "the pace that robots.txt asks for"
    head = b"\xef\xbb\xbfUser-agent: *\nDisallow: /private\n"
    site.answers["/robots.txt"] = head + b"# " + b"x" * 5_000_000  # of a huge one the beginning counts
    assert "/private/a: robots.txt forbids it" in problems(research.run())
    site.answers["/robots.txt"] = (503, {}, b"")
    site.asked.clear()
    assert "robots.txt can't be read" in problems(research.run()) and site.paths() == []


def test_a_host_that_says_wait_is_left_alone_until_then(research: SimpleNamespace) -> None:
    site = research.site
    site.answers["/feed"] = feed(*((f"{site.url}/p{n}", f"2026-02-0{n}") for n in (1, 2, 3)))
    site.answers |= {f"/p{n}": research.page(REPURCHASE) for n in (1, 2)}
    site.answers["/p3"] = (429, {"Retry-After": "120"}, b"")
    research.listed({"url": "/feed", "kind": "rss"})
    assert "429" in problems(research.run(clock=lambda: 1000.0)) and site.paths() == ["/feed", "/p3"]
    site.asked.clear()
    assert "left alone" in problems(research.run(clock=lambda: 1100.0)) and site.asked == []
    site.answers["/p3"] = research.page(REPURCHASE)
    research.run(clock=lambda: 1200.0)
    assert site.paths() == ["/feed", "/p3", "/p2", "/p1"]


def test_the_host_that_said_wait_is_left_alone_not_the_one_that_led_there(research: SimpleNamespace) -> None:
    site = research.site
    site.answers["/a"] = (302, {"Location": f"http://localhost:{site.port}/b"}, b"")
    site.answers["/b"] = (429, {"Retry-After": "120"}, b"")
    site.answers["/c"] = research.page(REPURCHASE)
    research.listed({"url": "/a", "hosts": ["localhost"]}, {"url": "/c"})
    research.run()
    assert len(research.claims()) == 1, "the list's own host was not the one"
    site.asked.clear()
    assert "left alone" in problems(research.run(clock=lambda: 1100.0)) and "/b" not in site.paths()
