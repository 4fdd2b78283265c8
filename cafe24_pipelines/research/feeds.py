"""Lists of pages: RSS, Atom, sitemaps, read without trusting the file.

No entity is unfolded, no DTD or address is loaded, a document that declares entities is refused as a whole, and of a
list of a hundred thousand addresses only the latest few are kept. Broken XML is read as far as it goes. Does not
belong here: visiting.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from cafe24_pipelines.research.dates import read_date
from cafe24_pipelines.research.sources import normal

if TYPE_CHECKING:
    from lxml.etree import _Element

_DECLARED: Final = re.compile(r"^\s*<\?xml[^>]*\?>")
MOST_ENTRIES: Final = 50_000
"""Entries of a list that are looked at: the sitemap protocol's own bound."""


class NotAList(Exception):
    """A file that is no feed or sitemap; the text says why."""


@dataclass(frozen=True)
class Entry:
    """One page of a list; `day` is ISO or "", `index` means that it is a further list."""

    url: str
    title: str
    day: str
    index: bool = False


def entries(data: bytes, base: str) -> list[Entry]:
    """The pages that a feed or sitemap lists, latest first, each address once.

    Raises:
        NotAList: it can't be read, or declares entities.
    """
    root = None if b"<!ENTITY" in data else _root(data)
    dtd = root.getroottree().docinfo.internalDTD if root is not None else None
    if b"<!ENTITY" in data or (dtd is not None and dtd.entities()):
        raise NotAList("it declares entities")
    if root is None:
        raise NotAList("it is not XML")
    found: dict[str, Entry] = {}
    for entry in _entries(root, base):
        found.setdefault(entry.url, entry)
        if len(found) >= MOST_ENTRIES:
            break
    if not found and _name(root) not in ("rss", "RDF", "feed", "urlset", "sitemapindex"):
        raise NotAList("it is no feed and no sitemap")
    return sorted(found.values(), key=lambda e: (e.day, e.url), reverse=True)


def _root(data: bytes) -> "_Element | None":
    """The document, read strictly or, when that fails, as far as it goes; nothing in it is unfolded or loaded."""
    from lxml import etree

    from cafe24_pipelines.research.pages import decoded

    def text() -> str:
        return _DECLARED.sub("", decoded(data, ""))

    # A wrong or unknown charset is common; a text whose declaration stayed in it is refused, so the bytes come last.
    for read, recover in ((lambda: data, False), (text, False), (text, True), (lambda: data, True)):
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
            recover=recover, remove_comments=True, remove_pis=True,
        )  # fmt: skip
        with suppress(etree.XMLSyntaxError, ValueError):
            root = etree.fromstring(read(), parser)
            if root is not None:
                return root
    return None


def _entries(root: "_Element", base: str) -> Iterator[Entry]:
    for node in root.iter("{*}item", "{*}entry", "{*}url", "{*}sitemap"):
        kind = _name(node)
        texts: dict[str, str] = {}
        link = ""
        for child in node:
            name = _name(child)
            if name == "link" and child.get("href") and child.get("rel", "alternate") == "alternate":
                link = link or str(child.get("href"))
            texts.setdefault(name, (child.text or "").strip())
        guid = texts.get("guid", "")
        url = link or texts.get("loc") or texts.get("link") or (guid if guid.startswith("http") else "")
        day = next((texts[n] for n in ("pubDate", "published", "updated", "lastmod", "date") if texts.get(n)), "")
        if url:
            yield Entry(normal(urljoin(base, url)), texts.get("title", "")[:500], read_date(day), kind == "sitemap")


def _name(node: "_Element") -> str:
    return str(node.tag).rpartition("}")[2] if isinstance(node.tag, str) else ""
