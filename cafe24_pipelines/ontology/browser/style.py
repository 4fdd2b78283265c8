"""The style of Neo4j Browser (GraSS): every label and every relationship of the ontology.

Browser's reader knows no comments, and takes neither `;` nor `:` inside a value. Does not belong here: which colour a
label has (see `look.py`).
"""

from typing import Final

from cafe24_pipelines.ontology.browser.look import LAYERS, link_caption, node_look, shade
from cafe24_pipelines.ontology.model import Domain

_DEFAULTS: Final = {
    "node": {
        "diameter": "50px", "color": "#A5ABB6", "border-color": "#9AA1AC", "border-width": "2px",
        "text-color-internal": "#FFFFFF", "font-size": "10px",
    },
    "relationship": {
        "color": "#A5ABB6", "shaft-width": "1px", "font-size": "8px", "padding": "3px",
        "text-color-external": "#000000", "text-color-internal": "#FFFFFF", "caption": "<type>",
    },
}  # fmt: skip


def grass(domain: Domain) -> str:
    """The style sheet, to be dropped on Browser's window."""
    rules = dict(_DEFAULTS)
    for label in domain.labels:
        look = node_look(domain, label)
        rules[f"node.{label}"] = {
            "diameter": f"{look.diameter}px", "color": look.color, "border-color": look.border,
            "border-width": "2px", "text-color-internal": look.text, "font-size": "10px", "caption": look.caption,
        }  # fmt: skip
    for kind, relationship in domain.relationships.items():
        layer = domain.labels[relationship.pairs[-1][0]].layer
        rules[f"relationship.{kind}"] = {
            "color": shade(LAYERS[layer][1], 1.0), "shaft-width": "1px", "font-size": "8px", "padding": "3px",
            "text-color-external": "#1B1F24", "text-color-internal": "#FFFFFF",
            "caption": link_caption(relationship),
        }  # fmt: skip
    return "\n".join(_rule(selector, properties) for selector, properties in rules.items())


def _rule(selector: str, properties: dict[str, str]) -> str:
    lines = "".join(
        f'  {name}: "{value}";\n' if name == "caption" else f"  {name}: {value};\n"
        for name, value in properties.items()
    )
    return f"{selector} {{\n{lines}}}\n"
