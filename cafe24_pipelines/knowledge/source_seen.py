"""Which documentation a mall's documents were landed from, so that another one is noticed without reading it again.

A small file beside the mall's tables holds a fingerprint of the source: of the built-in documents, and of the file
that `CAFE24_API_DOCS` names, or of the address itself, since a page behind an address is fetched by a landing only.
Does not belong here: reading documents (`documents.py`), or landing them.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.stores.digest import json_digest, text_digest
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.stores.lake import MallLake

SEEN_FILE: Final = "_documents.json"


def fingerprint(source: str) -> str:
    """Of the documentation that a landing would read now; "" when its file can't be read, which a landing tells."""
    from cafe24_pipelines.knowledge.page_source import read_page

    if not source or "://" in source:
        return text_digest(_built_in(), source)
    try:
        return text_digest(_built_in(), read_page(source).hex())
    except (BadInput, OSError):
        return ""


def remember(lake: "MallLake", seen: str) -> None:
    """Note what the mall's documents have just been landed from; taken before they were read."""
    write_atomic(lake.root / SEEN_FILE, json.dumps({"source": seen}))


def is_other(lake: "MallLake", now: str) -> bool:
    """Whether the source is another one than the mall's documents are of. Where either is unknown, it is not."""
    try:
        before = json.loads((lake.root / SEEN_FILE).read_text(encoding="utf-8"))["source"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return bool(now and before) and now != before


@cache
def _built_in() -> str:
    """Digest of what comes with the package: a release may bring other documents."""
    from dataclasses import asdict

    from cafe24_pipelines.knowledge.documents import load_documents

    return json_digest([asdict(d) for d in load_documents("")])
