"""The files for Neo4j Browser follow from the ontology, and say what Browser can read."""

import io
import json
import re
import runpy
import threading
import urllib.request
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.ontology.browser.files import browser_files, write_files
from cafe24_pipelines.ontology.browser.look import contrast, node_look
from cafe24_pipelines.ontology.browser.saved import MALL_COMMAND, saved_queries, sections
from cafe24_pipelines.ontology.browser.style import grass
from cafe24_pipelines.ontology.model import load_domain, parse_domain

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "neo4j"
DOMAIN = load_domain()


def test_the_committed_files_are_what_the_ontology_makes() -> None:
    files = browser_files(DOMAIN)
    remedy = "run `python -m cafe24_pipelines.ontology.browser deploy/neo4j`"
    for name, content in files.items():
        assert (FOLDER / name).read_bytes() == content, f"{name} is out of date: {remedy}"
    committed = {f"saved-queries/{p.name}" for p in (FOLDER / "saved-queries").iterdir()}
    assert committed == {n for n in files if n.startswith("saved-queries/")}, remedy


def test_a_query_that_is_gone_is_removed(tmp_path: Path) -> None:
    write_files(DOMAIN, tmp_path)
    (tmp_path / "saved-queries" / "99-old.cypher").write_text("RETURN 1")
    (tmp_path / "README.md").write_text("by hand")
    written = write_files(DOMAIN, tmp_path)
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted([*written, tmp_path / "README.md"])


def test_favourites_have_a_title_and_say_how_to_choose_the_mall() -> None:
    queries = saved_queries(DOMAIN)
    for query in queries:
        title, command, first = query.text.split("\n")[:3]
        assert title == f"// {query.ko} | {query.en}"
        assert command == f"// {MALL_COMMAND}"
        assert first == "MATCH (b:CRM_Build {mall_id: $mall_id})"
        assert set(re.findall(r"\$(\w+)", query.cypher)) == {"mall_id"}
        assert query.text.count(";") == 1, "Browser would take it for several statements and show no graph"
    assert len({q.name for q in queries}) == len({q.ko for q in queries}) == len(queries)
    assert (FOLDER / "saved-queries" / "00-mall.cypher").read_text().split("\n")[1] == MALL_COMMAND


def test_the_archive_holds_every_favourite_in_one_folder() -> None:
    with zipfile.ZipFile(io.BytesIO((FOLDER / "saved-queries.zip").read_bytes())) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert held == {f"cafe24/{p.name}": p.read_bytes() for p in (FOLDER / "saved-queries").iterdir()}


# -- the guide ---------------------------------------------------------------------------------------------------


class Guide(HTMLParser):
    """What Browser makes of a guide: slides, and things to click."""

    VOID = frozenset(["br", "img", "hr"])

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.slides = 0
        self.runnable: list[str] = []
        self.commands: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.slides += tag == "slide"
        if "runnable" in (given.get("class") or ""):
            self.runnable.append("")
        if "data-exec" in given:
            self.commands.append(f":{given['data-exec']}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes what isn't open"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "pre":
            self.runnable[-1] += data


def parsed_guide() -> Guide:
    guide = Guide()
    guide.feed((FOLDER / "browser-guide.html").read_text(encoding="utf-8"))
    guide.close()
    assert guide.open == []
    return guide


def test_the_guide_shows_the_saved_queries_word_for_word() -> None:
    guide = parsed_guide()
    assert guide.slides == len(sections(DOMAIN)) + 2
    *saved, own = guide.runnable
    assert saved == [q.text for q in saved_queries(DOMAIN)]
    assert own.startswith("MATCH (b:CRM_Build {mall_id: $mall_id})")
    assert guide.commands == [MALL_COMMAND, ":access-mode read"]


def test_the_documentation_teaches_the_same_beginning() -> None:
    *_, own = parsed_guide().runnable
    taught = (
        (ROOT / "docs" / "graph-for-analysts.md").read_text(encoding="utf-8").split("```cypher\n")[1].split("```")[0]
    )
    assert taught.split() == own.split()


def test_browser_strips_nothing_from_the_guide() -> None:
    # Browser removes scripts and everything that looks like an event handler, also inside a query's text.
    text = (FOLDER / "browser-guide.html").read_text(encoding="utf-8")
    handler = re.compile(r"""(\s+(on[^\s=]+)[^\s=]*\s*=\s*("[^"]*"|'[^']*'|[\w\-.:]+\s*))""", re.I)
    assert handler.findall(text) == []
    assert "<script" not in text.lower() and "javascript:" not in text.lower()


def test_the_guide_has_a_chip_for_every_label() -> None:
    text = (FOLDER / "browser-guide.html").read_text(encoding="utf-8")
    for label, spec in DOMAIN.labels.items():
        assert f"{spec.ko} <small>{label}</small>" in text


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_the_guide_is_served_for_a_page_of_another_origin(method: str) -> None:
    serve: Any = runpy.run_path(str(FOLDER / "serve_guide.py"))["guide_server"]
    with serve(0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://localhost:{server.server_port}/browser-guide.html"
        asked = urllib.request.Request(url, method=method, headers={"Origin": "http://localhost:7474"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            body = answer.read()
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        server.shutdown()
    assert body == ((FOLDER / "browser-guide.html").read_bytes() if method == "GET" else b"")


# -- the style ---------------------------------------------------------------------------------------------------


def rules_as_browser_reads_them(sheet: str) -> dict[str, dict[str, str]]:
    """Browser's own reading: quotes of either kind toggle, the rest is cut at braces, semicolons and colons."""
    rules: dict[str, str] = {}
    quoted = inside = False
    selector = body = ""
    for c in sheet:
        if c in "\"'":
            quoted = not quoted
        elif c == "{" and not quoted:
            inside = True
        elif c == "}" and not quoted:
            rules[selector], selector, body, inside = body, "", "", False
        elif inside:
            body += c
        elif not c.isspace():
            selector += c
    cut = {s: [p.split(":") for p in b.split(";")] for s, b in rules.items()}
    return {s: {p[0].strip(): p[1].strip() for p in props if len(p) == 2} for s, props in cut.items()}


def test_every_label_and_relationship_has_a_style_and_nothing_else_has() -> None:
    rules = rules_as_browser_reads_them((FOLDER / "style.grass").read_text(encoding="utf-8"))
    nodes, links = {f"node.{x}" for x in DOMAIN.labels}, {f"relationship.{x}" for x in DOMAIN.relationships}
    assert set(rules) == {"node", "relationship"} | nodes | links
    wanted = {"diameter", "color", "border-color", "border-width", "text-color-internal", "font-size", "caption"}
    for name in nodes:
        assert set(rules[name]) == wanted, name
        assert all(re.fullmatch(r"#[0-9A-F]{6}", rules[name][c]) for c in ("color", "border-color"))
    assert len({rules[n]["color"] for n in nodes}) == len(nodes), "two labels look the same"


def test_captions_are_of_properties_that_the_label_has() -> None:
    rules = rules_as_browser_reads_them((FOLDER / "style.grass").read_text(encoding="utf-8"))
    for label, spec in DOMAIN.labels.items():
        shown = re.findall(r"\{(\w+)\}", rules[f"node.{label}"]["caption"])
        assert shown and set(shown) <= {*spec.properties, "mall_id"}, label
    for kind in DOMAIN.relationships:
        assert re.search("[가-힣]", rules[f"relationship.{kind}"]["caption"])


def test_text_reads_on_its_colour() -> None:
    for label in DOMAIN.labels:
        look = node_look(DOMAIN, label)
        assert contrast(look.text, look.color) >= 4.5, label


def test_a_new_label_gets_a_style_a_count_and_a_check() -> None:
    import yaml

    raw = yaml.safe_load((ROOT / "cafe24_pipelines" / "ontology" / "domain.yaml").read_text())
    raw["labels"]["CRM_Campaign"] = {
        "ko": "캠페인", "layer": "shop", "key": ["campaign_no"],
        "properties": {"campaign_no": "STRING", "title": "STRING"},
    }  # fmt: skip
    raw["relationships"]["REACHED"] = {
        "ko": "닿았다", "cardinality": "one_to_many", "required": "from",
        "pairs": [["CRM_Campaign", "CRM_Customer"]],
    }  # fmt: skip
    grown = parse_domain(json.loads(json.dumps(raw)))
    assert rules_as_browser_reads_them(grass(grown))["node.CRM_Campaign"]["caption"] == "{title}"
    by_name = {q.name: q.cypher for q in saved_queries(grown)}
    changed = [name for name, cypher in by_name.items() if "CRM_Campaign" in cypher]
    assert changed == [
        "01-counts-by-label", "02-counts-by-relationship", "03-whole-ontology", "13-orphans", "14-health",
        "15-builds",
    ]  # fmt: skip
    assert by_name["14-health"].count("'REACHED' AS relationship") == 2
