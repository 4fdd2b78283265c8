"""The pictures say what the published graph holds, cards are apart, and the same graph gives the same picture."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.ontology.model import load_domain
from cafe24_pipelines.ontology.pictures import svg
from cafe24_pipelines.ontology.pictures.pattern_picture import neighbours, pattern_picture
from cafe24_pipelines.ontology.pictures.placement import hit, place
from cafe24_pipelines.ontology.pictures.schema_map import schema_counts, schema_map
from cafe24_pipelines.settings import Settings

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
DOMAIN = load_domain()
SVG = "{http://www.w3.org/2000/svg}"
QUICK = 200


@pytest.fixture(scope="module")
def graph(small_mall: Settings) -> Iterator[Any]:
    store = parts.graph_store(small_mall)
    yield store
    store.close()


def texts(picture: str) -> list[str]:
    return [t.text or "" for t in ET.fromstring(picture).iter(f"{SVG}text")]


def boxes(picture: str, fills: set[str]) -> list[tuple[float, float, float, float]]:
    """(left, top, right, bottom) of the rectangles of these colours."""
    found = [r for r in ET.fromstring(picture).iter(f"{SVG}rect") if r.get("fill") in fills and not r.get("opacity")]
    sides = [[float(r.get(n) or 0) for n in ("x", "y", "width", "height")] for r in found]
    return [(x, y, x + w, y + h) for x, y, w, h in sides]


def test_the_map_says_what_the_store_counts(graph: Any) -> None:
    counts = schema_counts(graph, "sandbox", DOMAIN)
    held = graph.counts("sandbox")
    assert {label: n for label, n in counts.nodes.items() if n} == held.by_label
    by_type: dict[str, int] = {}
    for (kind, _, _), n in counts.links.items():
        by_type[kind] = by_type.get(kind, 0) + n
    assert {kind: n for kind, n in by_type.items() if n} == held.by_type
    picture = schema_map(DOMAIN, counts, mall_id="sandbox", steps=QUICK)
    said = texts(picture)
    joined = " ".join(said)
    for label, spec in DOMAIN.labels.items():
        assert said[said.index(label) - 1 : said.index(label) + 2] == [spec.ko, label, f"{counts.nodes[label]:,}"]
    for (kind, _, _), n in counts.links.items():
        assert re.search(rf"(^| ){kind} {n:,}( |$)", joined), (kind, n)
    assert picture == schema_map(DOMAIN, counts, mall_id="sandbox", steps=QUICK)


def test_the_pattern_stands_among_its_neighbours(graph: Any) -> None:
    found = neighbours(graph, "sandbox")
    assert found.pattern["status"] == "confirmed"
    about = graph.query(
        "sandbox", "MATCH (p:CRM_Pattern)-[:ABOUT]->(x) WHERE p.pattern_id = $id RETURN count(x) AS n",
        {"id": found.pattern["pattern_id"]},
    )  # fmt: skip
    assert len(found.things) == about[0]["n"] > 3
    picture = pattern_picture(DOMAIN, found)
    said = texts(picture)
    for _, name in found.things:
        assert any(s == name or (s.endswith("…") and name.startswith(s[:-1].rstrip())) for s in said), name
    shown = {s for s in said if s.startswith("/api/v2/")}
    hidden = re.search(r"그 밖에 (\d+)개", " ".join(said))
    everything = {row["endpoint"] for _, row in found.endpoints}
    assert len(shown) + (int(hidden[1]) if hidden else 0) == len(everything) > 0
    assert picture == pattern_picture(DOMAIN, neighbours(graph, "sandbox", str(found.pattern["pattern_id"])))


def test_a_mall_without_a_graph_is_not_drawn_as_an_empty_one(graph: Any) -> None:
    with pytest.raises(NotBuilt):
        schema_counts(graph, "nobody", DOMAIN)


def test_a_pattern_that_is_not_there_is_said_so(graph: Any) -> None:
    with pytest.raises(LookupError, match="no pattern 'nothing'"):
        neighbours(graph, "sandbox", "nothing")


def test_lines_avoid_cards_and_no_two_cards_share_a_place() -> None:
    row = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    at = place(
        dict.fromkeys("abcdef", row), [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "f")], steps=1_000
    )
    assert len(set(at.values())) == 6
    assert not any(hit(at, edge) for edge in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "f")))
    assert hit({"a": (0, 0), "b": (1, 0), "c": (2, 0)}, ("a", "c"))
    with pytest.raises(ValueError, match="no cell is left for b"):
        place({"a": row[:1], "b": row[:1]}, [])


def test_text_is_cut_to_its_room() -> None:
    assert svg.fitted("짧다", 14, 100) == "짧다"
    cut = svg.fitted("아주 긴 상품 이름입니다", 14, 80)
    assert cut.endswith("…") and svg.text_width(cut, 14) <= 80
    lines = svg.wrapped("하나 둘 셋 넷 다섯 여섯 일곱 여덟", 14, 60, 2)
    assert len(lines) == 2 and all(svg.text_width(line, 14) <= 60 for line in lines)


@pytest.mark.parametrize("name", ["graph-schema.svg", "graph-pattern.svg"])
def test_the_committed_pictures_are_small_and_whole(name: str) -> None:
    path = IMAGES / name
    assert path.stat().st_size < 400_000
    picture = path.read_text(encoding="utf-8")
    root = ET.fromstring(picture)
    width, height = (float(v) for v in str(root.get("viewBox")).split()[2:])
    for x, y, right, bottom in boxes(picture, {"#FFFFFF"}):
        assert x >= 0 and y >= 0 and right <= width and bottom <= height
    assert any(re.search("[가-힣]", t) for t in texts(picture))


def test_the_committed_map_is_of_this_ontology_and_its_cards_are_apart() -> None:
    from cafe24_pipelines.ontology.browser.look import node_look

    picture = (IMAGES / "graph-schema.svg").read_text(encoding="utf-8")
    remedy = "run `python -m cafe24_pipelines.ontology.pictures docs/images` after `cafe24 run`"
    said = texts(picture)
    assert {t for t in said if t.startswith("CRM_")} == set(DOMAIN.labels), remedy
    joined = " ".join(said)
    assert all(re.search(rf"(^| ){kind} [\d,]+", joined) for kind in DOMAIN.relationships), remedy
    cards = boxes(picture, {node_look(DOMAIN, label).color for label in DOMAIN.labels})
    assert len(cards) == len(DOMAIN.labels)
    for a, b in combinations(cards, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
