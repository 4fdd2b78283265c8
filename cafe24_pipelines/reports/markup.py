"""HTML that can't be broken by text: whatever is not markup already is escaped, and so is every attribute.

Does not belong here: what a page says.
"""

import re
from html import escape
from typing import Final

ODD: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and marks that turn the direction of what follows: no name of a product needs them.

The joiners U+200C and U+200D stay: without them one picture letter of a family falls into four people."""
_VOID: Final = frozenset({"meta", "line", "rect", "circle"})


class Markup(str):
    """Text that is HTML. Only this room makes it, from escaped parts."""

    __slots__ = ()


def tag(element: str, /, *children: "str | None", **attributes: "str | float | None") -> Markup:
    """An element. Children that are plain text are escaped, None is left out; `_` in a name stands for `-`.

    `class_` and the like lose their last underscore.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in _VOID:
        return Markup(f"<{element}{told}>" if element == "meta" else f"<{element}{told}/>")
    return Markup(f"<{element}{told}>{join(*children)}</{element}>")


def join(*children: "str | None") -> Markup:
    """Several pieces one after the other, under the same rule."""
    parts = (child if isinstance(child, Markup) else _text(child) for child in children if child is not None)
    return Markup("".join(parts))


def _text(text: str) -> str:
    return escape(ODD.sub("", text), quote=True)
