"""What a page says to a reader: title, day, language and sentences. Nothing else of it is kept.

What a reader doesn't see (scripts, hidden elements, invisible letters) is not part of it, but when it speaks to a
model, or the title does, the page is marked. A page that can't be read gives few sentences, never invented ones. Does
not belong here: which part is the main one (see `blocks.py`), what a number in a sentence means (see `rules.py`).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.intake import visible
from cafe24_pipelines.cafe24.privacy import mask_text
from cafe24_pipelines.research.blocks import running_text
from cafe24_pipelines.research.dates import read_date
from cafe24_pipelines.research.rules import speaks_to_a_model

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MOST_SENTENCES: Final = 3000
_MOST_UNSEEN: Final = 50
_MOST_UNSEEN_LETTERS: Final = 1000
"""Of a page's hidden elements, and of each of them, that are looked at for words to a model."""

_DROPPED: Final = (
    "script", "style", "noscript", "template", "iframe", "object", "svg", "canvas", "form", "button", "select",
    "textarea", "nav", "header", "footer", "aside", "head", "dialog",
)  # fmt: skip
_UNSEEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])|font-size\s*:\s*0(?![.\d])|"
    r"text-indent\s*:\s*-\d{3}|(?:left|top)\s*:\s*-\d{3}",
    re.IGNORECASE,
)
_OF_THE_PAGE: Final = "not(ancestor::aside or ancestor::footer or ancestor::nav)"
_OTHER_DAY: Final = re.compile(
    r"기간|조사|설립|창립|행사|이벤트|마감|개최|까지|\d\s?[~∼〜–]\s?\d|founded|survey|©|ⓒ|copyright", re.I
)
"""In a dated line: it is not the day on which the page was written."""
_CDATA: Final = re.compile(r"^\s*(?://)?\s*<!\[CDATA\[|(?://)?\s*\]\]>\s*$")
_ARTICLE: Final = re.compile(r"Article|Posting|Report|Dataset|WebPage")
_BESIDE: Final = re.compile(r"Review|Comment|Video|Image|Organization|Event|Product|Person|Answer|Question")
"""Things on a page that have days of their own."""
_FOOTNOTE: Final = re.compile(r"\s*[\[(]?\s*(?:\d{1,2}|[*†‡a-z])\s*[\])]?\s*")
"""The mark of a footnote: "28.2<sup>1)</sup>%" says 28.2."""
_HANGUL: Final = re.compile(r"[가-힣]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_META: Final = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """A page as read. `day` is ISO or ""; `doubt` says why a day that was there is not taken.

    `to_a_model`: its title, or something that a reader doesn't see, speaks to a model.
    """

    title: str
    day: str
    language: str
    sentences: tuple[str, ...]
    doubt: str = ""
    to_a_model: bool = False


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
    unseen = _drop_unseen(root)
    day, doubt = said or listed_day, ""
    if day and date.fromisoformat(day) > today + timedelta(days=1):
        day, doubt = "", f"its date {day} lies in the future"
    found = _first(running_text(root), MOST_SENTENCES)
    letters = "".join(found)
    count = len(_LETTER.findall(letters))
    language = "" if count < 20 else "ko" if len(_HANGUL.findall(letters)) > 0.2 * count else "en"
    lure = any(speaks_to_a_model(words) for words in (title, *unseen))
    return Text(title, day, language, tuple(found), doubt, lure)


def decoded(body: bytes, content_type: str) -> str:
    """The text of a page, whatever its header says: servers name a wrong charset more often than not.

    Bytes that are valid UTF-8 are UTF-8. Else what the page's own head names, what the header names and CP949 are
    tried in turn; one that gives Hangul is preferred to one that gives accented letters. Where none fits because some
    bytes are damaged, the reading with the least damage is taken.
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
    return min((body.decode(name, "replace") for name in ("utf-8", "cp949")), key=lambda r: r.count("\ufffd"))


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
    metas = root.xpath("//meta[@content]")
    texts = [
        str(m.get("content"))
        for name in named
        for m in metas if name.lower() in (str(m.get(a) or "").lower() for a in ("property", "name", "itemprop"))
    ]  # fmt: skip
    scripts = [str(s) for s in root.xpath("//script[starts-with(@type, 'application/ld+json')]/text()")[:10]]
    texts += [day for _, day in sorted((row for s in scripts for row in _structured(s)), key=lambda row: row[0])]
    texts += [str(t.get("datetime") or t.text_content()) for t in root.xpath(f"//time[{_OF_THE_PAGE}]")[:3]]
    for text in texts:
        if day := read_date(text):
            return day
    for line in root.xpath(f"((//p|//span|//div[not(*)]|//li)[{_OF_THE_PAGE}])[position() <= 60]"):
        short = " ".join(line.text_content().split())
        if len(short) <= 60 and not _OTHER_DAY.search(short) and (day := read_date(short)):
            return day
    return ""


def _structured(script: str) -> list[tuple[bool, str]]:
    """(whether it is of something else than an article, day) of everything published in a page's structured data."""
    try:
        value: Any = json.loads(_CDATA.sub("", script), strict=False)
    except (ValueError, RecursionError):
        return []
    rows = value if isinstance(value, list) else [value]
    found = []
    for row in (r for r in rows if isinstance(r, dict)):
        graph = row.get("@graph")
        for one in (row, row.get("mainEntity"), *(graph if isinstance(graph, list) else ())):
            if isinstance(one, dict) and isinstance(one.get("datePublished"), str):
                kind = str(one.get("@type", "Article"))
                if not _BESIDE.search(kind):
                    found.append((_ARTICLE.search(kind) is None, one["datePublished"]))
    return found


def _drop_unseen(root: "HtmlElement") -> list[str]:
    """Take out what is no running text or not seen; the beginnings of what is not seen."""
    unseen: list[str] = []
    for node in list(root.iter()):
        if not isinstance(node.tag, str) or node.getparent() is None:
            continue
        style = _UNSEEN.search(node.get("style") or "")
        hidden = bool(style) or node.get("hidden") is not None or node.get("aria-hidden") == "true"
        if hidden and len(unseen) < _MOST_UNSEEN:
            unseen.append(" ".join(_first(node.itertext(), 100))[:_MOST_UNSEEN_LETTERS])
        if node.tag in _DROPPED or hidden or (node.tag == "sup" and _FOOTNOTE.fullmatch(node.text_content())):
            node.drop_tree()
    return unseen


def _first(texts: Iterable[str], most: int) -> list[str]:
    """So many different texts, in their order."""
    found: dict[str, None] = {}
    for text in texts:
        found.setdefault(text)
        if len(found) >= most:
            break
    return list(found)
