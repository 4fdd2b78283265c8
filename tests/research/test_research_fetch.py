"""Where a visit may go: the list, the peer, robots.txt; the parts that need no page."""

import datetime
import inspect
import re
import socket
import ssl
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cafe24_pipelines.answers.model_errors import trouble
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.research import fetch
from cafe24_pipelines.research.fetch import Limits, Unreachable, checked_addresses, visit
from cafe24_pipelines.research.robots import read_robots
from cafe24_pipelines.research.sources import Source, load_sources
from cafe24_pipelines.retry_after import retry_after

SOURCE = Source(
    "a", "A", "https://research.example/list", "page", "vendor", "t", hosts=frozenset({"research.example"})
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.5", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::",
    ],
)  # fmt: skip
def test_a_name_that_points_into_a_private_network_is_not_visited(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    def look_up(host: str, port: int, **kw: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("93.184.215.14", port)), (0, 0, 0, "", (address, port))]

    monkeypatch.setattr(fetch.socket, "getaddrinfo", look_up)
    with pytest.raises(OSError, match="not public"):
        checked_addresses("research.example", 443, loopback=False)
    with pytest.raises(Unreachable, match="can't be read"):
        visit(SOURCE, SOURCE.url, limits=Limits(seconds=2))


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    dialled: list[object] = []

    def look_up(host: str, port: int, **kw: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        return [(0, 0, 0, "", ("93.184.215.14", port))]

    def dial(address: tuple[str, int], *args: object, **kw: object) -> socket.socket:
        dialled.append(address)
        raise OSError("unplugged")

    monkeypatch.setattr(fetch.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", dial)
    with pytest.raises(Unreachable):
        visit(SOURCE, SOURCE.url, limits=Limits(seconds=2))
    assert looked_up == ["research.example"] and dialled == [("93.184.215.14", 443)]


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day.replace(year=2100))
    alternative = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    pem, own = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "c.pem").write_bytes(
        certificate.public_bytes(pem) + key.private_bytes(pem, own, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told: list[str] = []

        def serve() -> None:
            peer, _ = server.accept()
            try:
                with context.wrap_socket(peer, server_side=True):
                    told.append("it went on")
            except OSError as e:
                told.append(str(e))

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://localhost:{port}/"
        source = Source("a", "A", url, "page", "vendor", "t", hosts=frozenset({"localhost"}))
        with pytest.raises(Unreachable, match="can't be read"):
            visit(source, url, limits=Limits(seconds=5))
        thread.join()
    assert "UNKNOWN_CA" in told[0].upper().replace(" ", "_")


@pytest.mark.parametrize(
    "url",
    [
        "http://research.example/", "https://research.example:444/", "https://research.example.evil.com/",
        "https://evil.com/?research.example", "https://research.example@evil.com/", "https://u:p@research.example/",
        "https://127.0.0.1/", "https://research.example/\r\nX: 1", "//research.example/", "https://[::1]/",
        "https://research.example\\@evil.com/", "https://research.example/" + "a" * 3000,
    ],
)  # fmt: skip
def test_an_address_off_the_list_is_refused_before_anything_is_sent(url: str) -> None:
    assert not SOURCE.allows(url)
    with pytest.raises(Unreachable, match="not on the list"):
        visit(SOURCE, url)


def test_robots_rules_the_longest_wins_and_stars_and_ends_count() -> None:
    robots = read_robots(
        "# hello\nUser-agent: other\nDisallow: /\n\nUser-agent: *\nUser-agent: someone\nDisallow: /a\nAllow: /a/b\n"
        "Disallow: /*.pdf$\nDisallow: /x*/y\nDisallow:\nCrawl-delay: 2.5\nSitemap: /s\n",
        "cafe24-pipelines-research",
    )
    wanted = {
        "/": True, "/a": False, "/a/c": False, "/a/b": True, "/a/b/c": True, "/doc.pdf": False, "/doc.pdf?x=1": True,
        "/x1/y": False, "/x/z": True, "/robots.txt": True, "/%61": False,
    }  # fmt: skip
    assert {p: robots.allows(f"https://h{p}") for p in wanted} == wanted and robots.delay == 2.5
    own = read_robots(
        "User-agent: *\nDisallow: /\nUser-agent: cafe24-pipelines-research\nDisallow: /no\n", fetch.AGENT
    )
    assert own.allows("https://h/yes") and not own.allows("https://h/no")
    assert read_robots("<html>not found</html>", fetch.AGENT).allows("https://h/x")
    for other in ("", "search", "cafe24", "pipelines"):  # part of our name is not our name
        text = f"\ufeffUser-agent: {other}\nAllow: /\n\nUser-agent: *\nDisallow: /\n"
        assert not read_robots(text, fetch.AGENT).allows("https://h/x"), other
    assert not read_robots("User-agent: Cafe24-Pipelines-Research/1.0\nDisallow: /", fetch.AGENT).allows("https://h/")
    slow = read_robots("User-agent: *\nDisallow: /" + "*a" * 1000 + "$\n", fetch.AGENT)
    assert slow.allows("https://h/" + "a" * 900 + "b")


def test_retry_after_is_seconds_or_a_date_and_bounded() -> None:
    assert (retry_after("120"), retry_after("999999999999"), retry_after("soon"), retry_after("")) == (
        120.0, 86400.0, 0.0, 0.0,
    )  # fmt: skip
    date = "Wed, 21 Oct 2015 07:28:00"
    assert retry_after(f"{date} GMT") == 0.0
    at = 1445412480.0
    assert [retry_after(f"{date} {zone}", now=at - 90) for zone in ("GMT", "-0000", "+0900")] == [90.0, 90.0, 0.0]
    assert retry_after("1.5") == 1.5 and retry_after("9" * 400) == 86400.0
    assert retry_after("7", milliseconds="250") == 0.25 and retry_after("7", milliseconds="nan") == 7.0


def test_a_model_s_wait_is_read_by_the_same_rules() -> None:
    at, said = 1445412480.0, "Wed, 21 Oct 2015 07:28:00 GMT"
    names = re.findall(r"kinds\.([A-Z]\w+)", inspect.getsource(trouble))
    kinds = SimpleNamespace(**{name: type(name, (Exception,), {}) for name in names})
    for headers, wait in (
        ({"retry-after": "3"}, 3.0), ({"retry-after": said}, 30.0), ({"retry-after": "soon"}, 0.0), ({}, 0.0),
        ({"retry-after": "3", "retry-after-ms": "1500"}, 1.5),
    ):  # fmt: skip
        error = Exception()
        error.litellm_response_headers = headers  # type: ignore[attr-defined]
        found = trouble(error, kinds, model="m", address="", timeout=1.0, now=at - 30)
        assert found.wait == wait, headers


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://example.com/"}, {"url": "https://user:pw@example.com/"}, {"url": "ftp://example.com/"},
        {"url": "https://example.com:8443/"}, {"kind": "crawl"}, {"trust": "high"}, {"pages": 1000}, {"match": "("},
        {"terms": ""}, {"hosts": ["bad host"]}, {"surprise": 1},
    ],
)  # fmt: skip
def test_a_list_that_makes_no_sense_says_so(tmp_path: Path, change: dict[str, object]) -> None:
    import yaml

    row = {
        "id": "a1", "publisher": "p", "url": "https://example.com/", "kind": "page", "trust": "vendor", "terms": "t",
    }  # fmt: skip
    file = tmp_path / "s.yaml"
    file.write_text(yaml.safe_dump({"sources": [row]}))
    assert load_sources(str(file))[0].allows("https://example.com/x")
    file.write_text(yaml.safe_dump({"sources": [row | change]}))
    with pytest.raises(ConfigError, match="entry 1"):
        load_sources(str(file))


def test_the_package_s_own_list_is_readable_and_https_only() -> None:
    sources = load_sources()
    assert len(sources) >= 5 and {s.language for s in sources} == {"ko", "en"}
    assert all(s.url.startswith("https://") and s.terms and s.seconds >= 5 for s in sources)
