"""Documents: what the knowledge of this project is made of, and how it goes into and out of the lake.

A document is an operation or resource of the Admin API, a guide to it, or an article on CRM. Does not belong here:
cutting into chunks, encoding, searching.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from cafe24_pipelines.stores.lake import MallLake


@dataclass(frozen=True)
class Document:
    """One document; `body` is Markdown, `fields` and `tags` are comma-joined.

    `document_id` is `METHOD PATH` for an endpoint, else a slug, and is what an answer cites. `source` is the citation
    shown to the reader.
    """

    document_id: str
    collection: str
    kind: str
    title: str
    body: str
    language: str
    source: str
    resource: str = ""
    method: str = ""
    path: str = ""
    scope: str = ""
    version: str = ""
    fields: str = ""
    tags: str = ""


OPTIONAL = tuple(f.name for f in fields(Document) if f.default == "")


def load_documents(api_docs_source: str = "") -> list[Document]:
    """Every document of an installation, sorted by id.

    Args:
        api_docs_source: "" for the built-in catalogue; else a file (HTML, also gzipped) or http(s) address of the
            official Admin API page, whose operations then replace the catalogue's. Our own resource pages, guides and
            articles, and the OAuth and analytics operations that the page doesn't have, are always there.

    Raises:
        BadInput: the file or address can't be read, or holds another page.
    """
    if not api_docs_source:
        return documents_with(b"", "")
    from cafe24_pipelines.knowledge.page_source import read_page

    return documents_with(read_page(api_docs_source), api_docs_source)


def documents_with(page: bytes, source: str) -> list[Document]:
    """Every document of an installation whose official page has been read already; without a `source`, built in.

    Raises:
        BadInput: it is another page.
    """
    from cafe24_pipelines.knowledge import articles, catalogue

    built_in = catalogue.built_in()
    if source:
        from cafe24_pipelines.knowledge.official_page import parse_admin_page

        parsed = parse_admin_page(page, source=source, notes=catalogue.notes(), titles=catalogue.titles())
        kept = [d for d in built_in if d.kind != "endpoint" or catalogue.beyond_the_page(d)]
        built_in = [*kept, *parsed]
    return sorted([*built_in, *articles.load_articles()], key=lambda d: d.document_id)


def documents_digest(documents: Iterable[Document]) -> str:
    """Equal exactly when the documents are, in the same order."""
    from cafe24_pipelines.stores.digest import json_digest

    return json_digest([asdict(d) for d in documents])


def documents_table(documents: Iterable[Document]) -> "pa.Table":
    """The rows of the lake's `documents` table, without `mall_id`; an empty optional field becomes null."""
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import TABLES

    schema = pa.schema([f for f in TABLES["documents"].schema if f.name != "mall_id"])
    rows = [{k: v or None if k in OPTIONAL else v for k, v in asdict(d).items()} for d in documents]
    return pa.Table.from_pylist(rows, schema=schema)


def read_documents(lake: "MallLake") -> list[Document]:
    """The documents that landed in a mall's lake, sorted by id."""
    names = [f.name for f in fields(Document)]
    rows = lake.read("documents", names).to_pylist()
    return [Document(**{k: v or "" for k, v in row.items()}) for row in rows]
