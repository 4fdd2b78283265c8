"""What the sections of a page are made of: a frame with its source, tables, folded parts.

Does not belong here: what a section says.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from cafe24_pipelines.reports.markup import Markup, tag
from cafe24_pipelines.reports.texts import word


def section(
    name: str, title: str, content: Iterable["str | None"], *, source: str, lang: str, day: str = ""
) -> Markup:
    """A section with its heading, and the projection that its numbers are read from."""
    said = [f"{word('source', lang)}: ", tag("code", source), tag("span", f" · {day}", class_="day") if day else None]
    return tag(
        "section", tag("h2", title, id=f"{name}-title"), *content, tag("p", *said, class_="source"),
        id=name, aria_labelledby=f"{name}-title",
    )  # fmt: skip


def missing(snapshot: dict[str, Any], name: str, title: str, source: str, lang: str) -> Markup:
    """A section whose projections are not there or can't answer, and why."""
    gaps = [gap for gap in snapshot["gaps"] if gap["source"] in source.split(", ")]
    told = dict.fromkeys(why(gap, lang) for gap in gaps) or [word("no data", lang)]
    return section(name, title, [tag("p", one, class_="soft") for one in told], source=source, lang=lang)


def why(gap: dict[str, Any], lang: str) -> str:
    """Why an analysis says nothing, or not all: it is not built, or what it lacks."""
    needs = "; ".join(
        f"{one['what']} ({word('have', lang)} {one['have']:,g}, {word('needs', lang)} {one['needed']:,g})"
        for one in gap["lacking"]
    )
    if gap["status"] == "not_built":
        return word("not built", lang)
    return needs if gap["status"] == "ok" else f"{word('too little', lang)}{f': {needs}' if needs else ''}"


def folded(title: str, *content: "str | None") -> Markup:
    """A part that opens on a click."""
    return tag("details", tag("summary", title), *content)


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[int] = (0,), name: str, stack: bool = False
) -> Markup:
    """A table that scrolls in its own frame when the screen is narrower; `words` are columns of text.

    With `stack` each row becomes a block of lines on a phone instead.
    """
    kind = dict.fromkeys(words, "text")
    columns = [tag("th", text, scope="col", class_=kind.get(i)) for i, text in enumerate(head)]
    body = [
        tag("tr", *(tag("td", text, class_=kind.get(i), data_label=head[i]) for i, text in enumerate(row)))
        for row in rows
    ]
    drawn = tag("table", tag("thead", tag("tr", *columns)), tag("tbody", *body), class_="stack" if stack else None)
    return scroll(drawn, name)


def scroll(content: Markup, name: str) -> Markup:
    """A frame that scrolls sideways, by keyboard too."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=name)
