"""The running text of a page: its main part as blocks, and those as sentences.

The main part is the element with the most running text: paragraphs score by their letters outside links and hand the
score to their parents, the best parent wins. Every step walks the page once and holds one sentence, so that no page
can make reading it slow. Does not belong here: what is dropped before (see `pages.py`), or what a sentence says.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.answers.intake import visible

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MOST_SENTENCE: Final = 1000
"""Letters of a sentence; what is longer is no sentence and is left out."""
MOST_DATA_ROW: Final = 300
"""Letters of a table's row that is read as one block; a longer one lays out a page, and its blocks are read apart."""

_SCORED: Final = (
    "p", "li", "td", "th", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "blockquote", "figcaption",
)  # fmt: skip
_INLINE: Final = (
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr",
)  # fmt: skip
"""Elements that don't end a block; every other one does."""
_END: Final = re.compile(
    r"(?<=[.!?。])[\"'”’)\]]*\s+(?=\S)|(?<=다\.)(?=[가-힣])|(?<=[a-z가-힣%)][.!?])(?=[가-힣A-Z])|(?<=。)(?=\S)"
)
_ABBREVIATED: Final = re.compile(r"\b(?:vs|e\.g|i\.e|approx|avg|no|inc|co|u\.s|u\.k|dr|mr|ms|st)\.$", re.IGNORECASE)

Sizes = dict["HtmlElement", tuple[int, int]]
"""Letters of an element, and those of them that are links."""


def running_text(root: "HtmlElement") -> Iterator[str]:
    """The sentences of a page's main part, in its order; the same one may come twice."""
    sizes = _sizes(root)
    for block in _blocks(_main(root, sizes), sizes):
        yield from _sentences(block)


# -- inside --------------------------------------------------------------------------------------------------


def _sizes(root: "HtmlElement") -> Sizes:
    from lxml import etree

    found: Sizes = {}
    open_ones: list[list[int]] = []
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            open_ones.append([_letters(node.text), 0])
            continue
        letters, linked = open_ones.pop()
        found[node] = letters, letters if node.tag == "a" else linked
        if open_ones:
            open_ones[-1][0] += letters + _letters(node.tail)
            open_ones[-1][1] += found[node][1]
    return found


def _letters(text: str | None) -> int:
    return len(" ".join(text.split())) if text else 0


def _main(root: "HtmlElement", sizes: Sizes) -> "HtmlElement":
    """The element with the most running text: article or main where there is one, else the best-scoring parent."""
    chosen = root.xpath("//article|//main|//*[@role='main']")
    best = max(chosen, key=lambda e: sizes[e][0], default=None)
    if best is not None and sizes[best][0] >= 0.3 * sizes[root][0]:
        return best
    scores: dict[HtmlElement, float] = {}
    for node in root.iter(*_SCORED):
        letters, linked = sizes[node]
        own = max(letters - 2 * linked, 0)
        parent = node.getparent()
        if own >= 25 and parent is not None:
            scores[parent] = scores.get(parent, 0.0) + own
            if (above := parent.getparent()) is not None:
                scores[above] = scores.get(above, 0.0) + own / 2
    return max(scores, key=lambda e: scores[e], default=root)


def _blocks(main: "HtmlElement", sizes: Sizes) -> Iterator[str]:
    """The text of every block in the page's order; a table's row of data is one block, its cells set apart."""
    from lxml import etree

    pieces: list[str] = []
    rows: list[bool] = []  # of the rows that are open: is it one of data?
    for event, node in etree.iterwalk(main, events=("start", "end")):
        starts, row = event == "start", node.tag == "tr"
        if node.tag not in _INLINE:
            if rows and rows[-1] and not row:
                pieces.append(" ")
            else:
                yield from _tidy(pieces)
        if starts:
            if row:
                rows.append(sizes[node][0] <= MOST_DATA_ROW)
            pieces.append(node.text or "")
            continue
        if row:
            yield from _tidy(pieces)
            rows.pop()
        if node is not main:
            pieces.append(node.tail or "")
    yield from _tidy(pieces)


def _tidy(pieces: list[str]) -> Iterator[str]:
    """The pieces as one line, when there is something in them; they are used up."""
    text = "".join(pieces)
    pieces.clear()
    if tidy := " ".join(visible(text).split()):  # again: a character may have been written as &#8203;
        yield tidy


def _sentences(block: str) -> Iterator[str]:
    rest = ""
    for part in _END.split(block):
        rest = f"{rest} {part}".strip() if rest else part.strip()
        if len(rest) <= MOST_SENTENCE and _ABBREVIATED.search(rest[-12:]):
            continue
        if 4 <= len(rest) <= MOST_SENTENCE:
            yield rest
        rest = ""
    if 4 <= len(rest) <= MOST_SENTENCE:
        yield rest
