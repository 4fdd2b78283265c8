"""How labels and relationships look: one colour, size and caption each, for Neo4j Browser and for pictures.

Labels of one layer share a family of colours. A label without an entry gets its layer's colour and the caption that
its properties suggest, so that an edited `domain.yaml` never leaves a node unstyled. Does not belong here: formats.
"""

from dataclasses import dataclass
from typing import Final

from cafe24_pipelines.ontology.model import Domain, Relationship

LAYERS: Final = {
    "shop": ("쇼핑몰 자료", "#2B6CB0"),
    "api": ("Admin API", "#5B5F97"),
    "knowledge": ("개념과 지표", "#0B7A85"),
    "finding": ("발견", "#C81E3A"),
}
"""Layer of `domain.yaml` to its Korean name and its colour."""

_COLORS: Final = {
    "CRM_Mall": "#1F3A5F", "CRM_Customer": "#2368C4", "CRM_CustomerGroup": "#9CC3F5", "CRM_Order": "#F2994A",
    "CRM_OrderItem": "#FAD3A0", "CRM_Product": "#1F7A54", "CRM_Category": "#9FD9BC", "CRM_Coupon": "#E8C02B",
    "CRM_Review": "#8A6246", "CRM_ApiResource": "#4B4F8A", "CRM_ApiEndpoint": "#A9ADDD", "CRM_Scope": "#D6D8F0",
    "CRM_Concept": "#0B7A85", "CRM_Metric": "#8ADCE4", "CRM_Task": "#4FB3A5",
    "CRM_Pattern": "#C81E3A", "CRM_Insight": "#F7A1AE",
    "CRM_Segment": "#93316A",
}  # fmt: skip
_CAPTIONS: Final = {
    "CRM_Mall": "{mall_id}", "CRM_Customer": "회원 {sales}회 구매", "CRM_Order": "{local_date} {status}",
    "CRM_OrderItem": "{quantity}개", "CRM_Review": "★ {rating}", "CRM_ApiEndpoint": "{method} {title}",
    "CRM_Metric": "{ko} ({unit})", "CRM_ApiResource": "{title}",
}  # fmt: skip
_DIAMETERS: Final = {
    "CRM_Mall": 90, "CRM_Pattern": 80, "CRM_Customer": 65, "CRM_Concept": 65, "CRM_Order": 50, "CRM_OrderItem": 30,
    "CRM_Scope": 65, "CRM_CustomerGroup": 50,
}  # fmt: skip
_NAMING: Final = ("ko", "name", "title")
WHITE, INK = "#FFFFFF", "#1B1F24"


@dataclass(frozen=True)
class NodeLook:
    """Colours as `#RRGGBB`, diameter in pixels, and a caption in which `{property}` stands for its value."""

    color: str
    border: str
    text: str
    diameter: int
    caption: str


def node_look(domain: Domain, label: str) -> NodeLook:
    """How a label's nodes look."""
    spec = domain.labels[label]
    color = _COLORS.get(label, LAYERS[spec.layer][1])
    naming = next((p for p in _NAMING if p in spec.properties), spec.key[0])
    caption = _CAPTIONS.get(label, f"{{{naming}}}")
    return NodeLook(color, shade(color, 0.78), text_on(color), _DIAMETERS.get(label, 55), caption)


def link_caption(relationship: Relationship) -> str:
    """The Korean reading of a relationship, without its explanation in brackets."""
    return relationship.ko.split(" (")[0]


def text_on(color: str) -> str:
    """White or ink, whichever reads better on `color`."""
    return WHITE if contrast(WHITE, color) >= contrast(INK, color) else INK


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio of two colours, 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def shade(color: str, factor: float) -> str:
    """`color` with each channel times `factor` (below 1 darker)."""
    return "#" + "".join(f"{min(255, round(channel * factor)):02X}" for channel in _channels(color))


def _luminance(color: str) -> float:
    parts = [c / 255 for c in _channels(color)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue
