"""One pattern with its neighbours: what it says and how sure it is, what it is about, and which API gives the data.

Three columns from left to right, in an order in which lines cross little. Does not belong here: the map of the whole
ontology (see `schema_map.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.ontology.browser.look import node_look
from cafe24_pipelines.ontology.model import Domain
from cafe24_pipelines.ontology.pictures import svg

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphStore

THINGS: Final = {
    "CRM_Product": "n.name", "CRM_Category": "n.name", "CRM_CustomerGroup": "n.name", "CRM_Coupon": "n.name",
    "CRM_Segment": "n.name", "CRM_Metric": "n.ko", "CRM_Concept": "n.ko",
}  # fmt: skip
"""What a pattern may be about, from top to bottom, and the name it goes by."""
ENDPOINTS: Final = 3
"""Endpoints shown for each concept; the picture says how many more there are."""
_WIDE: Final = 1210.0
_LEFT, _MIDDLE, _RIGHT = 28.0, 472.0, 816.0
_CARD, _PILL, _ENDPOINT = 366.0, 244.0, 366.0
_STEP, _TOP = 46.0, 116.0


@dataclass(frozen=True)
class Neighbours:
    """A pattern's properties, its things as (label, name), endpoints as (concept, row), and concept-metric pairs."""

    pattern: Mapping[str, Any]
    things: tuple[tuple[str, str], ...]
    endpoints: tuple[tuple[str, Mapping[str, Any]], ...]
    measures: tuple[tuple[str, str], ...]


def neighbours(graph: "GraphStore", mall_id: str, pattern_id: str = "") -> Neighbours:
    """A published pattern and what surrounds it; by default the confirmed one about products with most neighbours.

    Raises:
        NotBuilt: nothing has been published for this mall.
        LookupError: the graph holds no such pattern.
    """
    chosen = pattern_id or _telling(graph, mall_id)
    values = {"id": chosen}
    found = graph.query(mall_id, "MATCH (p:CRM_Pattern) WHERE p.pattern_id = $id RETURN p", values)
    if not found:
        raise LookupError(f"mall {mall_id!r} has no pattern {chosen!r}")
    here = "MATCH (p:CRM_Pattern)-[:ABOUT]->(n:{label}) WHERE p.pattern_id = $id RETURN {name} AS name ORDER BY name"
    things = [
        (label, row["name"])
        for label, name in THINGS.items()
        for row in graph.query(mall_id, here.format(label=label, name=name), values)
    ]
    endpoints = graph.query(
        mall_id,
        "MATCH (p:CRM_Pattern)-[:ABOUT]->(c:CRM_Concept)<-[:RETURNS]-(e:CRM_ApiEndpoint) WHERE p.pattern_id = $id "
        "RETURN c.ko AS concept, e.endpoint AS endpoint, e.method AS method, e.path AS path, e.title AS title "
        "ORDER BY concept, endpoint",
        values,
    )
    measures = graph.query(
        mall_id,
        "MATCH (c:CRM_Concept)<-[:ABOUT]-(p:CRM_Pattern)-[:ABOUT]->(m:CRM_Metric) WHERE p.pattern_id = $id "
        "MATCH (c)-[:MEASURED_BY]->(m) RETURN c.ko AS concept, m.ko AS metric ORDER BY concept, metric",
        values,
    )
    return Neighbours(
        found[0]["p"], tuple(things), tuple((r["concept"], r) for r in endpoints),
        tuple((r["concept"], r["metric"]) for r in measures),
    )  # fmt: skip


def _telling(graph: "GraphStore", mall_id: str) -> str:
    rows = graph.query(
        mall_id,
        "MATCH (p:CRM_Pattern)-[:ABOUT]->(x) RETURN p.pattern_id AS id, p.status AS status, count(x) AS things",
    )
    about = graph.query(mall_id, "MATCH (p:CRM_Pattern)-[:ABOUT]->(x:CRM_Product) RETURN DISTINCT p.pattern_id AS id")
    with_products = {r["id"] for r in about}
    ranked = sorted(
        rows, key=lambda r: (r["status"] != "confirmed", r["id"] not in with_products, -r["things"], r["id"])
    )
    return str(ranked[0]["id"]) if ranked else ""


def pattern_picture(domain: Domain, found: Neighbours) -> str:
    """The picture as SVG."""
    endpoints, hidden = _shown(found)
    order = _ordered(found, endpoints)
    rows = max(len(order), len(endpoints), 7)
    height = _TOP + rows * _STEP + 44
    thing_y = {thing: _spread(i, len(order), rows) for i, thing in enumerate(order)}
    endpoint_y = {e["endpoint"]: _spread(i, len(endpoints), rows) for i, e in enumerate(endpoints)}
    middle = _TOP + rows * _STEP / 2
    shapes = [_titles(hidden), *_lines(domain, found, thing_y, endpoint_y, middle)]
    shapes += [_pill(domain, label, name, y) for (label, name), y in thing_y.items()]
    shapes += [_endpoint(domain, e, endpoint_y[e["endpoint"]]) for e in endpoints]
    shapes.append(_pattern_card(domain, found.pattern, middle))
    arrows = {node_look(domain, x).border for x in ("CRM_Pattern", "CRM_ApiEndpoint", "CRM_Metric")}
    return svg.document(_WIDE, height, str(found.pattern["title"]), shapes, arrows)


def _shown(found: Neighbours) -> tuple[list[Mapping[str, Any]], int]:
    """The endpoints that fit, each once, and how many are left out."""
    shown: dict[str, Mapping[str, Any]] = {}
    taken: dict[str, int] = {}
    for concept, row in found.endpoints:
        if row["endpoint"] in shown or taken.get(concept, 0) < ENDPOINTS:
            shown[row["endpoint"]] = row
            taken[concept] = taken.get(concept, 0) + 1
    return list(shown.values()), len({row["endpoint"] for _, row in found.endpoints}) - len(shown)


def _ordered(found: Neighbours, endpoints: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Things by label; concepts last, in the order of their endpoints, so that lines cross little."""
    place = {e["endpoint"]: i for i, e in enumerate(endpoints)}
    reach: dict[str, list[int]] = {}
    for concept, row in found.endpoints:
        if row["endpoint"] in place:
            reach.setdefault(concept, []).append(place[row["endpoint"]])

    def key(thing: tuple[str, str]) -> tuple[int, float, str]:
        label, name = thing
        places = reach.get(name, []) if label == "CRM_Concept" else []
        return list(THINGS).index(label), sum(places) / len(places) if places else -1.0, name

    return sorted(found.things, key=key)


def _spread(i: int, count: int, rows: int) -> float:
    """The middle of the i-th of `count` things that share the height of `rows`."""
    return _TOP + rows * _STEP * (i + 0.5) / count


def _titles(hidden: int) -> str:
    more = f" (그 밖에 {hidden}개)" if hidden else ""
    heads = (("패턴", _LEFT), ("무엇에 관한 것인가 · ABOUT", _MIDDLE), (f"자료를 주는 API · RETURNS{more}", _RIGHT))
    return "\n".join(
        [svg.text(_LEFT, 44, "패턴과 이웃", 24, bold=True, at="start")]
        + [svg.text(x, 88, words, 14, color=svg.GREY, bold=True, at="start") for words, x in heads]
    )


def _lines(
    domain: Domain,
    found: Neighbours,
    thing_y: Mapping[tuple[str, str], float],
    endpoint_y: Mapping[str, float],
    middle: float,
) -> list[str]:
    """Pattern to things, concepts to metrics, endpoints to concepts."""
    about, returns, measured = (node_look(domain, x).border for x in ("CRM_Pattern", "CRM_ApiEndpoint", "CRM_Metric"))
    lines = [svg.curve(_flow(_LEFT + _CARD, middle, _MIDDLE - 4, y), about, ends=">") for y in thing_y.values()]
    right = _MIDDLE + _PILL
    for concept, metric in found.measures:
        start, end = thing_y["CRM_Concept", concept], thing_y["CRM_Metric", metric]
        bow = 26 + abs(end - start) * 0.16
        lines.append(
            svg.curve(
                f"M{right:.1f} {start - 6:.1f}C{right + bow:.1f} {start - 6:.1f} {right + bow:.1f} {end:.1f} "
                f"{right + 4:.1f} {end:.1f}",
                measured, ends=">", dashed=True,
            )
        )  # fmt: skip
    for concept, row in found.endpoints:
        if row["endpoint"] in endpoint_y:
            path = _flow(_RIGHT, endpoint_y[row["endpoint"]], right + 4, thing_y["CRM_Concept", concept])
            lines.append(svg.curve(path, returns, ends=">"))
    return lines


def _flow(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_x - x) * 0.5
    return f"M{x:.1f} {y:.1f}C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _pill(domain: Domain, label: str, name: str, y: float) -> str:
    look = node_look(domain, label)
    ko = domain.labels[label].ko
    return "\n".join(
        [
            svg.box(_MIDDLE, y - 18, _PILL, 36, fill=look.color, line=look.border, radius=18),
            svg.text(_MIDDLE + 16, y + 5, svg.fitted(name, 14, _PILL - 36 - svg.text_width(ko, 11)), 14,
                     color=look.text, bold=True, at="start"),
            svg.text(_MIDDLE + _PILL - 14, y + 4, ko, 11, color=look.text, at="end"),
        ]
    )  # fmt: skip


def _endpoint(domain: Domain, row: Mapping[str, Any], y: float) -> str:
    look = node_look(domain, "CRM_ApiEndpoint")
    method = 14 + svg.text_width(row["method"], 12)
    room = _ENDPOINT - method - 24
    title = str(row["title"]).split(" (")[0]
    return "\n".join(
        [
            svg.box(_RIGHT, y - 19, _ENDPOINT, 38, fill="#FFFFFF", line=look.border),
            svg.box(_RIGHT + 7, y - 11, method, 22, fill=look.color, radius=5),
            svg.text(_RIGHT + 7 + method / 2, y + 4, row["method"], 12, color=look.text, bold=True),
            svg.text(_RIGHT + method + 16, y - 3, svg.fitted(title, 13, room), 13, bold=True, at="start"),
            svg.text(_RIGHT + method + 16, y + 12, svg.fitted(row["path"], 11, room), 11, color=svg.GREY, at="start"),
        ]
    )


def _pattern_card(domain: Domain, pattern: Mapping[str, Any], middle: float) -> str:
    """Title, effect with its interval as a bar, how sure it is, and what to do."""
    look = node_look(domain, "CRM_Pattern")
    title = svg.wrapped(str(pattern["title"]), 17, _CARD - 40, 3)
    action = svg.wrapped(str(pattern["action"] or ""), 13, _CARD - 40, 4)
    high = 150.0 + 24 * len(title) + 19 * len(action)
    top = middle - high / 2
    shapes = [
        svg.box(_LEFT, top, _CARD, high, fill="#FFFFFF", line=look.border, radius=12),
        f'<path d="M{_LEFT} {top + 12:.1f}a12 12 0 0 1 12 -12h{_CARD - 24}a12 12 0 0 1 12 12v16h-{_CARD}z" '
        f'fill="{look.color}"/>',
        svg.text(_LEFT + 20, top + 20, f"{domain.labels['CRM_Pattern'].ko} · {pattern['detector']}", 12.5,
                 color=look.text, bold=True, at="start"),
        svg.text(_LEFT + _CARD - 20, top + 20, str(pattern["status"]), 12.5, color=look.text, at="end"),
    ]  # fmt: skip
    y = top + 28
    for line in title:
        y += 24
        shapes.append(svg.text(_LEFT + 20, y, line, 17, bold=True, at="start"))
    shapes += _interval(pattern, y + 20, look.color)
    y += 100
    for line in action:
        y += 19
        shapes.append(svg.text(_LEFT + 20, y, line, 13, color=svg.GREY, at="start"))
    return "\n".join(shapes)


def _interval(pattern: Mapping[str, Any], y: float, color: str) -> list[str]:
    """The effect as a dot on its 95 % interval, with zero marked, and the numbers in words."""
    n, q = pattern["n"], pattern["q"]
    sure = f"n = {n:,}" + ("" if q is None else f" · q = {q:.2g}")
    value, low, high = pattern["effect"], pattern["ci_low"], pattern["ci_high"]
    if value is None or low is None or high is None:
        return [svg.text(_LEFT + 20, y + 30, f"{pattern['effect_name']} · {sure}", 13, at="start")]
    least, most = min(0.0, low), max(0.0, high)
    span = (most - least) or 1.0

    def x(v: float) -> float:
        return _LEFT + 30 + (_CARD - 60) * (v - least) / span

    words = f"{value:.3g}  [95%: {low:.3g} … {high:.3g}] · {sure}"
    return [
        svg.curve(f"M{_LEFT + 20:.1f} {y + 6:.1f}H{_LEFT + _CARD - 20:.1f}", "#D5D9E0", width=1),
        svg.curve(f"M{x(0):.1f} {y - 5:.1f}V{y + 17:.1f}", svg.GREY, width=1),
        svg.curve(f"M{x(low):.1f} {y + 6:.1f}H{x(high):.1f}", color, width=5),
        f'<circle cx="{x(value):.1f}" cy="{y + 6:.1f}" r="7" fill="{color}" stroke="#FFFFFF" stroke-width="2"/>',
        svg.text(x(0), y + 30, "0", 11, color=svg.GREY),
        svg.text(_LEFT + 20, y + 52, str(pattern["effect_name"]), 12.5, color=svg.GREY, at="start"),
        svg.text(_LEFT + 20, y + 72, words, 13.5, bold=True, at="start"),
    ]
