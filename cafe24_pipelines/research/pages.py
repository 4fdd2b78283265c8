"""What a page says to a reader: title, day, language and sentences. Nothing else of it is kept.

What a reader doesn't see (scripts, hidden elements, invisible letters) is not part of it. The main text is the block
with the most running text: paragraphs score by their letters outside links and hand the score to their parents, the
best parent wins. That is a small rule; a page it can't read gives few sentences, never invented ones. Does not belong
here: what a number in a sentence means (see `rules.py`).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.intake import visible
from cafe24_pipelines.cafe24.privacy import mask_text
from cafe24_pipelines.research.dates import read_date

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MOST_SENTENCES: Final = 3000
MOST_SENTENCE: Final = 1000
"""Letters of a sentence; what is longer is no sentence and is left out."""

_DROPPED: Final = (
    "script", "style", "noscript", "template", "iframe", "object", "svg", "canvas", "form", "button", "select",
    "textarea", "nav", "header", "footer", "aside", "head", "dialog",
)  # fmt: skip
_UNSEEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])|font-size\s*:\s*0(?![.\d])|"
    r"text-indent\s*:\s*-\d{3}|(?:left|top)\s*:\s*-\d{3}",
    re.IGNORECASE,
)
_BLOCKS: Final = ("p", "li", "td", "th", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "blockquote", "figcaption")
_TEXTUAL: Final = ("p", "li", "tr", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "blockquote", "figcaption")
_HANGUL: Final = re.compile(r"[가-힣]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_META: Final = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_END: Final = re.compile(r"(?<=[.!?。])[\"'”’)\]]*\s+(?=\S)|(?<=다\.)(?=[가-힣])")
_ABBREVIATED: Final = re.compile(r"\b(?:vs|e\.g|i\.e|approx|avg|no|inc|co|u\.s|u\.k|dr|mr|ms|st)\.$", re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """A page as read. `day` is ISO or ""; `doubt` says why a day that was there is not taken."""

    title: str
    day: str
    language: str
    sentences: tuple[str, ...]
    doubt: str = ""


def read_page(body: bytes, content_type: str, *, today: date, listed_day: str = "") -> Text:
    """The title, day, language and sentences of an HTML page.

    Args:
        body: its bytes.
        content_type: the header, of which the charset is a hint.
        today: a day after tomorrow can't be when a page was written.
        listed_day: what the list said, for a page that says nothing itself.
    """
    from lxml import etree
    from lxml import html as lxml_html

    text = visible(decoded(body, content_type).replace("\0", ""))
    parser = lxml_html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = lxml_html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return Text("", "", "", ())
    title, said = _title(root), _day(root)
    _drop_unseen(root)
    day, doubt = said or listed_day, ""
    if day and date.fromisoformat(day) > today + timedelta(days=1):
        day, doubt = "", f"its date {day} lies in the future"
    found = list(dict.fromkeys(_sentences(_main(root))))[:MOST_SENTENCES]
    letters = "".join(found)
    count = len(_LETTER.findall(letters))
    language = "" if count < 20 else "ko" if len(_HANGUL.findall(letters)) > 0.2 * count else "en"
    return Text(title, day, language, tuple(found), doubt)


def decoded(body: bytes, content_type: str) -> str:
    """The text of a page, whatever its header says: servers name a wrong charset more often than not.

    Bytes that are valid UTF-8 are UTF-8. Else what the page's own head names, what the header names and CP949 are
    tried in turn; one that gives Hangul is preferred to one that gives accented letters.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if body.startswith(mark):
            return body.decode(name, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    meta = _META.search(body[:8192])
    header = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", content_type, re.IGNORECASE)
    names = [meta[1].decode("ascii") if meta else "", header[1] if header else "", "cp949"]
    readings = [r for name in dict.fromkeys(map(_codec, names)) if (r := _strictly(body, name)) is not None]
    if readings:
        return max(readings, key=lambda r: len(_HANGUL.findall(r)))
    return body.decode("cp949" if "cp949" in map(_codec, names[:2]) else "utf-8", "replace")


# -- inside --------------------------------------------------------------------------------------------------


def _codec(name: str) -> str:
    """The codec for a charset's name; its Korean names all mean CP949, and Latin-1 means Windows' own."""
    plain = name.lower().replace("_", "-")
    if plain in ("euc-kr", "ks-c-5601-1987", "ksc5601", "ks-c-5601", "x-windows-949", "windows-949", "korean"):
        return "cp949"
    return "cp1252" if plain in ("iso-8859-1", "latin1", "us-ascii", "ascii") else plain


def _strictly(body: bytes, codec: str) -> str | None:
    if not codec or not re.fullmatch(r"(?:utf|cp|iso|windows|koi8|shift|euc|gb|big5|johab)[\w-]*", codec):
        return None  # Python has codecs that are no charsets
    try:
        return body.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _title(root: "HtmlElement") -> str:
    found = [*root.xpath("//meta[@property='og:title']/@content"), *root.xpath("//title/text()")]
    found += [h.text_content() for h in root.xpath("//h1")]
    texts = (" ".join(visible(str(t)).split())[:300] for t in found)
    return mask_text(next(filter(None, texts), ""))


def _day(root: "HtmlElement") -> str:
    """The day a page says it was published: its metadata, its structured data, a <time>, a dated line at the top."""
    named = ("article:published_time", "datePublished", "date", "dc.date", "DC.date.issued", "pubdate", "og:pubdate")
    texts = [
        str(m.get("content") or "")
        for name in named
        for m in root.xpath("//meta[@property=$n or @name=$n or @itemprop=$n]", n=name)
    ]
    for script in root.xpath("//script[@type='application/ld+json']/text()")[:10]:
        texts += _structured(str(script))
    texts += [str(t.get("datetime") or t.text_content()) for t in root.xpath("//time")[:3]]
    for text in texts:
        if day := read_date(text):
            return day
    for line in root.xpath("(//p|//span|//div[not(*)]|//li)[position() <= 60]"):
        short = " ".join(line.text_content().split())
        if len(short) <= 60 and (day := read_date(short)):
            return day
    return ""


def _structured(script: str) -> list[str]:
    try:
        value: Any = json.loads(script)
    except (ValueError, RecursionError):
        return []
    rows = value if isinstance(value, list) else [value]
    graph = [g for r in rows if isinstance(r, dict) for g in [r, *(r.get("@graph") or [])] if isinstance(g, dict)]
    return [str(g["datePublished"]) for g in graph if isinstance(g.get("datePublished"), str)]


def _drop_unseen(root: "HtmlElement") -> None:
    for node in list(root.iter()):
        if not isinstance(node.tag, str) or node.getparent() is None:
            continue
        hidden = node.get("hidden") is not None or node.get("aria-hidden") == "true"
        if node.tag in _DROPPED or hidden or _UNSEEN.search(node.get("style") or ""):
            node.drop_tree()


def _main(root: "HtmlElement") -> "HtmlElement":
    """The element with the most running text: article or main where there is one, else the best-scoring parent."""
    chosen = root.xpath("//article|//main|//*[@role='main']")
    whole = len(root.text_content())
    best = max(chosen, key=lambda e: len(e.text_content()), default=None)
    if best is not None and len(best.text_content()) >= 0.3 * whole:
        return best
    scores: dict[HtmlElement, float] = {}
    for node in root.iter(*_BLOCKS):
        letters = len(" ".join(node.text_content().split()))
        linked = sum(len(a.text_content()) for a in node.iter("a"))
        own = max(letters - 2 * linked, 0)
        parent = node.getparent()
        if own >= 25 and parent is not None:
            scores[parent] = scores.get(parent, 0.0) + own
            if (above := parent.getparent()) is not None:
                scores[above] = scores.get(above, 0.0) + own / 2
    return max(scores, key=lambda e: scores[e], default=root)


def _sentences(main: "HtmlElement") -> Iterator[str]:
    for block in _blocks(main):
        rest = ""
        for part in _END.split(block):
            rest = f"{rest} {part}".strip() if rest else part.strip()
            if _ABBREVIATED.search(rest):
                continue
            if 4 <= len(rest) <= MOST_SENTENCE:
                yield rest
            rest = ""
        if 4 <= len(rest) <= MOST_SENTENCE:
            yield rest


def _blocks(main: "HtmlElement") -> Iterator[str]:
    """The text of every block, outermost blocks' own text first; a table's row is one block."""
    for br in main.iter("br"):
        br.tail = f"\n{br.tail or ''}"
    nodes = list(main.iter(*_TEXTUAL)) or [main]
    inside = set(nodes)
    for node in nodes:
        if any(up in inside and up.tag in ("p", "tr") for up in node.iterancestors()):
            continue
        apart = [n for n in node.iterdescendants() if n in inside and node.tag not in ("p", "tr")]
        text = _own_text(node, set(apart)) if apart else _cells(node)
        for line in text.split("\n") if "\n" in text else [text]:
            if tidy := " ".join(visible(line).split()):  # again: a character may have been written as &#8203;
                yield tidy


def _cells(node: "HtmlElement") -> str:
    if node.tag != "tr":
        return str(node.text_content())
    return " ".join(" ".join(c.text_content().split()) for c in node.iter("td", "th"))


def _own_text(node: "HtmlElement", apart: "set[HtmlElement]") -> str:
    """The text of a node without that of the blocks inside it."""
    if node in apart:
        return ""
    return (node.text or "") + "".join(_own_text(child, apart) + (child.tail or "") for child in node)
