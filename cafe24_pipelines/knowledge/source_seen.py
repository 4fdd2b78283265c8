"""Which documentation a mall's documents were landed from, so that another one is noticed without reading it again.

A small file beside the mall's tables holds a fingerprint of the source: of the built-in documents, and of the file
that `CAFE24_API_DOCS` names, or of the address itself. With an address it also holds when that was landed and a
digest of the documents that came, to be held against the last look at the page (`source_watch.py`). Does not belong
here: reading documents (`documents.py`), landing them, or fetching a page.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.source_watch import Look
    from cafe24_pipelines.stores.lake import MallLake

SEEN_FILE: Final = "_documents.json"


def is_address(source: str) -> bool:
    """Whether `CAFE24_API_DOCS` names an address, not a file and not nothing."""
    return "://" in source


def fingerprint(source: str) -> str:
    """Of the documentation that a landing would read now; "" when its file can't be read, which a landing tells."""
    from cafe24_pipelines.knowledge.page_source import read_page

    if not source or is_address(source):
        return text_digest(_built_in(), source)
    try:
        return text_digest(_built_in(), read_page(source).hex())
    except (BadInput, OSError):
        return ""


def remember(lake: "MallLake", seen: str, *, page: str = "", at: float = 0.0) -> None:
    """Note what the mall's documents have just been landed from.

    Args:
        lake: the mall's.
        seen: the source's fingerprint, taken before it was read.
        page: of an address, the digest of the documents that came.
        at: epoch seconds, before it was read.
    """
    write_atomic(lake.root / SEEN_FILE, json.dumps({"source": seen, "page": page, "at": at}))


def is_other(lake: "MallLake", now: str, look: "Look | None" = None) -> bool:
    """Whether the documentation is another than the mall's documents are of. Where either is unknown, it is not.

    A page counts as another when a look that is younger than the landing found other documents.
    """
    try:
        before = json.loads((lake.root / SEEN_FILE).read_text(encoding="utf-8"))
        source, page, at = before["source"], before.get("page", ""), float(before.get("at", 0.0))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if now and source and now != source:
        return True
    return bool(look and look.page and page and look.page != page and look.at > at)


@cache
def _built_in() -> str:
    """Digest of what comes with the package: a release may bring other documents."""
    from cafe24_pipelines.knowledge.documents import documents_digest, load_documents

    return documents_digest(load_documents(""))
