"""The ontology as a map: every label with its nodes, every relationship with its number, of one published mall.

Does not belong here: where cards stand (see `placement.py`).
"""

from dataclasses import dataclass
from math import ceil, hypot
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.ontology.browser.look import LAYERS, node_look
from cafe24_pipelines.ontology.model import Domain
from cafe24_pipelines.ontology.pictures import svg
from cafe24_pipelines.ontology.pictures.placement import STEPS, Cell, hit, place

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphStore

STACKS: Final = ((3, ("shop",)), (1, ("finding",)), (1, ("knowledge", "api")))
"""From left to right: how many columns, and the layers that stand in them, from top to bottom."""
_FEWEST_ROWS: Final = 5
_WIDE, _HIGH = 236.0, 142.0
_CARD_WIDE, _CARD_HIGH = 130.0, 60.0
_LEFT, _TOP = 24.0, 92.0
_SIZE: Final = 11.0

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Area:
    """The cells of one layer: `columns` from `first`, `rows` from `top`."""

    layer: str
    first: int
    columns: int
    top: int
    rows: int


@dataclass(frozen=True)
class Bundle:
    """The relationships between two labels: (type, number, whether it runs from first to second)."""

    first: str
    second: str
    kinds: tuple[tuple[str, int, bool], ...]


@dataclass(frozen=True)
class SchemaCounts:
    """Nodes by label, and relationships by (type, from label, to label), of a published graph."""

    nodes: dict[str, int]
    links: dict[tuple[str, str, str], int]


def schema_counts(graph: "GraphStore", mall_id: str, domain: Domain) -> SchemaCounts:
    """Count every label and every pair of a relationship in the mall's published graph.

    Raises:
        NotBuilt: nothing has been published for this mall.
    """

    def count(query: str) -> int:
        return int(graph.query(mall_id, f"{query} AS n")[0]["n"])

    count("MATCH (n:CRM_Mall) RETURN count(n)")  # counts() is all zero before the first publication, this refuses
    held = graph.counts(mall_id)
    nodes = {label: held.by_label.get(label, 0) for label in domain.labels}
    links = {
        (kind, start, end): count(f"MATCH (a:{start})-[r:{kind}]->(b:{end}) RETURN count(r)")
        if kind in held.by_type
        else 0
        for kind, r in domain.relationships.items()
        for start, end in r.pairs
    }
    return SchemaCounts(nodes, links)


def schema_map(domain: Domain, counts: SchemaCounts, *, mall_id: str, steps: int = STEPS) -> str:
    """The map as SVG; fewer `steps` are quicker and place the cards less well."""
    areas, bundles = _areas(domain), _bundles(domain, counts)
    at = place(_cells(domain, areas), [(b.first, b.second) for b in bundles for _ in b.kinds], steps=steps)
    width = _LEFT * 2 + _WIDE * max(a.first + a.columns for a in areas)
    height = _TOP + _HIGH * max(a.top + a.rows for a in areas) + 14
    lines, notes, colors = [], [], set()
    taken = [_card_box(_middle(at[label])) for label in domain.labels]
    taken += [(-width, 0, 4, height), (width - 4, 0, 2 * width, height)]  # a note stays on the picture
    for bundle in sorted(bundles, key=lambda b: (b.first != b.second, -len(b.kinds))):
        color = LAYERS[domain.labels[bundle.first].layer][1]
        colors.add(color)
        empty = not any(number for _, number, _ in bundle.kinds)
        path, note = _line_and_note(bundle, at, color, taken)
        lines.append(svg.curve(path, color, ends=_ends(bundle), dashed=empty))
        notes += note
    cards = [_card(domain, label, counts.nodes[label], _middle(at[label])) for label in domain.labels]
    shapes = [*_heading(domain, counts, mall_id, width), *(s for a in areas for s in _tint(a))]
    return svg.document(width, height, f"온톨로지 지도 ({mall_id})", [*shapes, *lines, *cards, *notes], colors)


def _areas(domain: Domain) -> list[Area]:
    """An area for each layer, with room for its labels; the last layer of a stack takes the rows that are left."""
    number = {layer: sum(x.layer == layer for x in domain.labels.values()) for layer in LAYERS}
    needed = {layer: ceil(number[layer] / columns) for columns, layers in STACKS for layer in layers}
    rows = max(_FEWEST_ROWS, *(sum(needed[layer] for layer in layers) for _, layers in STACKS))
    areas, first = [], 0
    for columns, layers in STACKS:
        top = 0
        for layer in layers:
            high = rows - top if layer == layers[-1] else needed[layer]
            areas.append(Area(layer, first, columns, top, high))
            top += high
        first += columns
    return areas


def _cells(domain: Domain, areas: list[Area]) -> dict[str, list[Cell]]:
    """The cells each label may take: those of its layer."""
    cells = {a.layer: [(a.first + c, a.top + r) for r in range(a.rows) for c in range(a.columns)] for a in areas}
    return {name: cells[label.layer] for name, label in domain.labels.items()}


def _bundles(domain: Domain, counts: SchemaCounts) -> list[Bundle]:
    """One bundle for each pair of labels, whichever way the relationships run."""
    found: dict[tuple[str, str], list[tuple[str, int, bool]]] = {}
    for (kind, start, end), number in counts.links.items():
        pair = (end, start) if (end, start) in found else (start, end)
        found.setdefault(pair, []).append((kind, number, pair == (start, end)))
    return [Bundle(*pair, tuple(kinds)) for pair, kinds in found.items()]


def _middle(cell: Cell) -> Point:
    return _LEFT + _WIDE * (cell[0] + 0.5), _TOP + _HIGH * (cell[1] + 0.5)


def _card_box(middle: Point, margin: float = 4) -> Box:
    x, y = middle
    wide, high = _CARD_WIDE / 2 + margin, _CARD_HIGH / 2 + margin
    return x - wide, y - high, x + wide, y + high


def _heading(domain: Domain, counts: SchemaCounts, mall_id: str, width: float) -> list[str]:
    nodes, links = sum(counts.nodes.values()), sum(counts.links.values())
    what = (
        f"{mall_id} 몰 · 라벨 {len(domain.labels)} · 관계 종류 {len(domain.relationships)} · "
        f"노드 {nodes:,} · 관계 {links:,}"
    )
    return [
        svg.text(_LEFT + 6, 40, "온톨로지 지도", 24, bold=True, at="start"),
        svg.text(width - _LEFT - 6, 40, what, 15, color=svg.GREY, at="end"),
    ]


def _tint(area: Area) -> list[str]:
    """The layer's background, with its name on the outer side, away from lines between layers."""
    name, color = LAYERS[area.layer]
    x, wide = _LEFT + _WIDE * area.first + 4, _WIDE * area.columns - 8
    above = 32 if area.top == 0 else 0
    y, high = _TOP + _HIGH * area.top - above + 4, _HIGH * area.rows + above - 8
    return [
        svg.box(x, y, wide, high, fill=color, radius=14, opacity=0.07),
        svg.text(x + 14, y + 24 if area.top == 0 else y + high - 14, name, 15, color=color, bold=True, at="start"),
    ]


def _card(domain: Domain, label: str, number: int, middle: Point) -> str:
    look, (x, y) = node_look(domain, label), middle
    left, top = x - _CARD_WIDE / 2, y - _CARD_HIGH / 2
    return "\n".join(
        [
            svg.box(left, top, _CARD_WIDE, _CARD_HIGH, fill=look.color, line=look.border),
            svg.text(x, y - 10, domain.labels[label].ko, 15, color=look.text, bold=True),
            svg.text(x, y + 6, label, 11, color=look.text),
            svg.text(x, y + 22, f"{number:,}", 13, color=look.text, bold=True),
        ]
    )


def _ends(bundle: Bundle) -> str:
    """Arrow heads: at the end, at the start, or at both."""
    forward = {forward for _, _, forward in bundle.kinds}
    return ("<" if False in forward else "") + (">" if True in forward else "")


def _line_and_note(bundle: Bundle, at: dict[str, Cell], color: str, taken: list[Box]) -> tuple[str, list[str]]:
    """The bundle's path, and its types and numbers on white where they cover the least."""
    first, second = at[bundle.first], at[bundle.second]
    words, wide, high = _words(bundle, narrow=first[1] == second[1] and first != second)
    if first == second:
        choices = _loops(first)
    else:
        choices = _bent(first, second) if hit(at, (bundle.first, bundle.second)) else _straight(first, second)

    def around(point: Point) -> Box:
        return point[0] - wide / 2, point[1] - high / 2, point[0] + wide / 2, point[1] + high / 2

    path, point = min(choices, key=lambda c: sum(_overlap(around(c[1]), t) for t in taken))
    chosen = around(point)
    taken.append(chosen)
    shapes = [svg.box(chosen[0], chosen[1], wide, high, fill="#FFFFFF", line=color, radius=6)]
    step = _SIZE + 3.5
    return path, shapes + [svg.text(point[0], chosen[1] + step * (i + 1), w, _SIZE) for i, w in enumerate(words)]


def _words(bundle: Bundle, *, narrow: bool) -> tuple[list[str], float, float]:
    """The note's lines, its width and its height; arrows tell apart what runs both ways."""
    mixed = len(_ends(bundle)) > 1
    gap = "\n" if narrow else " "
    words = [
        line
        for kind, number, forward in bundle.kinds
        for line in f"{'→ ' if forward else '← '}{kind}{gap}{number:,}"[0 if mixed else 2 :].split("\n")
    ]
    return words, max(svg.text_width(w, _SIZE) for w in words) + 6, (_SIZE + 3.5) * len(words) + 5


def _straight(first: Cell, second: Cell) -> list[tuple[str, Point]]:
    """The line between two cards, with the places along it that a note may take."""
    start, end = _middle(first), _middle(second)
    (x, y), (to_x, to_y) = _edge(start, end), _edge(end, start)
    path = f"M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"
    shares = (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.2, 0.8)
    return [(path, (x + (to_x - x) * s, y + (to_y - y) * s)) for s in shares]


def _bent(first: Cell, second: Cell) -> list[tuple[str, Point]]:
    """Curves around a card in between: to the left or right of a steep line, above or below a flat one."""
    (x, y), (to_x, to_y) = _middle(first), _middle(second)
    steep = abs(to_y - y) >= abs(to_x - x)
    across, along = (_CARD_WIDE / 2, 0.0) if steep else (0.0, _CARD_HIGH / 2)
    found = []
    for side in (-1, 1):
        dx, dy = side * across, side * along
        out_x, out_y = (side * 62.0, 0.0) if steep else (0.0, side * 62.0)
        a, b = (x + dx, y + dy), (to_x + dx * 1.04, to_y + dy * 1.08)
        path = (
            f"M{a[0]:.1f} {a[1]:.1f}C{a[0] + out_x:.1f} {a[1] + out_y:.1f} "
            f"{b[0] + out_x:.1f} {b[1] + out_y:.1f} {b[0]:.1f} {b[1]:.1f}"
        )
        found.append((path, ((a[0] + b[0]) / 2 + out_x * 0.75, (a[1] + b[1]) / 2 + out_y * 0.75)))
    return found


def _loops(cell: Cell) -> list[tuple[str, Point]]:
    """A loop at each corner of a card, and its note beyond."""
    x, y = _middle(cell)
    found = []
    for right, down in ((1, -1), (-1, -1), (1, 1), (-1, 1)):
        across, along = x + right * (_CARD_WIDE / 2 - 24), y + down * _CARD_HIGH / 2
        side, beside = x + right * _CARD_WIDE / 2, y + down * (_CARD_HIGH / 2 - 16)
        path = (
            f"M{across:.1f} {along:.1f}C{across:.1f} {along + down * 34:.1f} "
            f"{side + right * 34:.1f} {beside:.1f} {side + right * 3:.1f} {beside:.1f}"
        )
        found.append((path, (side - right * 14, along + down * 27)))
    return found


def _edge(middle: Point, towards: Point) -> Point:
    """Where the line from a card's middle leaves the card."""
    dx, dy = towards[0] - middle[0], towards[1] - middle[1]
    wide, high = _CARD_WIDE / 2 + 3, _CARD_HIGH / 2 + 3
    share = min(wide / abs(dx) if dx else 1e9, high / abs(dy) if dy else 1e9)
    return middle[0] + dx * share, middle[1] + dy * share


def _overlap(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return hypot(wide, high) if wide > 0 and high > 0 else 0.0
