"""A page of the API documentation that changes behind its address is noticed; the same page in other bytes is not."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.loopback import handled
from cafe24_pipelines.assets.documents import documents
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.knowledge import source_watch
from cafe24_pipelines.knowledge.documents import documents_digest, load_documents
from cafe24_pipelines.knowledge.source_seen import fingerprint, is_other, remember
from cafe24_pipelines.knowledge.source_watch import PACE, Look, look
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.sensors.builds import ontology_builder
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.lake import Lake

PAGE = (Path(__file__).parent / "fixtures" / "small_admin_page.html").read_bytes()
OTHER = PAGE.replace(b"List the orders", b"List all the orders")
assert OTHER != PAGE


class Site:
    """One page with an ETag, when it has one, and a robots.txt; what was asked for, and whether with its ETag."""

    def __init__(self) -> None:
        self.status, self.body, self.tag, self.robots = 200, PAGE, "", b""
        self.asked: list[tuple[str, str]] = []
        self.url = ""

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        known = handler.headers.get("If-None-Match", "")
        self.asked.append((handler.path, known))
        status, body = (200, self.robots) if handler.path == "/robots.txt" else (self.status, self.body)
        if status == 200 and known and known == self.tag:
            status, body = 304, b""
        handler.send_response(status)
        if self.tag and handler.path != "/robots.txt":
            handler.send_header("ETag", self.tag)
        if status == 429:
            handler.send_header("Retry-After", "86400")
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def pages(self) -> list[str]:
        """The ETags that the page was asked for with, since the last call."""
        tags = [tag for path, tag in self.asked if path != "/robots.txt"]
        self.asked.clear()
        return tags


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.serve(self)

        def log_message(self, *args: object) -> None:
            pass

    with handled(Handler) as httpd:
        made.url = f"http://127.0.0.1:{httpd.server_port}/docs"
        yield made


class Watch:
    """Looks at the site's page, each as many paces later as it says."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.folder, self.now = site, folder, 1_700_000_000.0

    def __call__(self, paces: float = 1.0) -> Look:
        self.now += paces * PACE
        return look(self.folder, self.site.url, clock=lambda: self.now, sleep=lambda _: None)


@pytest.fixture
def watch(site: Site, tmp_path: Path) -> Watch:
    return Watch(site, tmp_path)


@pytest.mark.parametrize("tag", ["", '"one"'])
def test_a_page_is_looked_at_once_a_pace_and_counts_by_what_it_documents(site: Site, watch: Watch, tag: str) -> None:
    site.tag = tag
    first = watch()
    assert first.page == documents_digest(load_documents(site.url)) and not first.problem
    site.pages()
    assert watch(0.5) == first and site.pages() == [], "it was looked at again within the pace"
    same = watch(0.5)
    assert (same.page, site.pages()) == (first.page, [tag]) and same.at > first.at
    site.body, site.tag = PAGE.replace(b"</body>", b"<script>token='9'</script></body>"), tag.replace("one", "two")
    assert watch().page == first.page, "other bytes, the same documentation"
    site.body, site.tag = OTHER, tag.replace("one", "three")
    changed = watch()
    assert changed.page == documents_digest(load_documents(site.url)) != first.page and changed.at == watch.now
    assert watch().page == changed.page


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [(503, b"", "503"), (200, b"<html><body>under repair</body></html>", "operation"), (404, b"", "404")],
)
def test_a_page_under_repair_is_told_and_changes_nothing(
    site: Site, watch: Watch, status: int, body: bytes, told: str
) -> None:
    first = watch()
    site.status, site.body = status, body
    ill = watch()
    assert told in ill.problem and (ill.page, ill.at) == (first.page, first.at)
    assert ill.problem == watch().problem, "it is still ill"
    site.status, site.body = 200, PAGE
    well = watch()
    assert (well.page, well.problem) == (first.page, "")


def test_robots_txt_and_a_host_that_says_wait_are_heeded(site: Site, watch: Watch) -> None:
    site.robots = b"User-agent: *\nDisallow: /docs\n"
    assert "robots.txt forbids it" in watch().problem and site.pages() == []
    site.robots, site.status = b"", 429
    assert "429" in watch().problem and len(site.pages()) == 1
    away = look(watch.folder, "https://h.example:8443/docs", clock=lambda: watch.now)
    assert away.problem == "the address is not https on port 443 of the page's own host"


def test_another_address_another_code_or_a_lost_file_is_looked_at_at_once(
    site: Site, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = watch()
    site.pages()
    site.url += "?lang=ko"
    assert watch(0).page and len(site.pages()) == 1
    monkeypatch.setattr(source_watch, "_code", lambda: "a release that parses otherwise")
    assert watch(0).page and site.pages() == [""], "what an older parser made of it is not asked about"
    for file in watch.folder.iterdir():
        file.write_text("{", "utf-8")
    assert watch(0).page == first.page


def test_the_builder_asks_for_a_rebuild_when_the_page_has_changed_and_not_otherwise(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, cursor = Settings.from_env({}, home=tmp_path / "home"), None
    home = str(settings.home.root)
    monkeypatch.setenv("CAFE24_API_DOCS", site.url)
    monkeypatch.setattr(source_watch, "_PAUSE", 0.0)
    register(settings.home, Mall("sandbox"))
    instance = dg.DagsterInstance.ephemeral()
    instance.add_dynamic_partitions("malls", ["sandbox"])

    def land() -> None:
        context = dg.build_asset_context(partition_key="sandbox", instance=instance)
        assert [r.asset_key for r in documents(context, lake=LakeResource(home=home))]

    def tick(pace: float = PACE) -> tuple[list[str | None], str]:
        nonlocal cursor
        monkeypatch.setattr(source_watch, "PACE", pace)
        resources = {"graph": GraphResource(home=home)}
        with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
            result = ontology_builder(context)
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        why = str(result.skip_reason.skip_message) if result.skip_reason else ""
        return [r.partition_key for r in result.run_requests or ()], why

    land()
    assert tick()[0] == ["sandbox"], "it has no graph"
    assert tick(0.0)[0] == [], "the page is the one that landed"
    site.body = OTHER
    assert tick()[0] == [], "not looked at yet"
    assert tick(0.0)[0] == ["sandbox"]
    assert tick(0.0)[0] == [], "asked twice for the same page"
    land()
    tick()
    assert tick(0.0)[0] == [], "it has landed"
    site.status = 503
    assert "can't be looked at: the server answered 503" in tick(0.0)[1]
    site.status, site.body = 200, PAGE
    land()
    tick()
    assert tick()[0] == [], "the landing is younger than the last look"


def test_a_file_that_changes_is_another_documentation_at_once(tmp_path: Path) -> None:
    lake, file = Lake(tmp_path / "lake").mall("sandbox"), tmp_path / "page.html"
    file.write_bytes(PAGE)
    remember(lake, fingerprint(str(file)))
    assert not is_other(lake, fingerprint(str(file)))
    file.write_bytes(OTHER)
    assert is_other(lake, fingerprint(str(file)))
