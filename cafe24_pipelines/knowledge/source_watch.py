"""Looking whether the page behind the address that `CAFE24_API_DOCS` names has become another one.

A look is one conditional GET by research's careful visitor (robots.txt, checked peer, a host's wish to be left
alone), once in six hours at most, and bounded in time, as a sensor's tick waits for it. A page whose bytes differ is
parsed, and what counts is the documents that come of it: a new token or clock on the page is no change, and a page
under repair, which is no documentation, is told and changes nothing. Does not belong here: landing what is there (a
landing fetches the page itself), or which documents a mall has (see `source_seen.py`).
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.stores.digest import code_digest, text_digest
from cafe24_pipelines.stores.files import write_atomic

PACE: Final = 6 * 3600.0
"""Seconds between two looks: a mall isn't rebuilt more often either."""
MOST_SECONDS: Final = 8.0
"""After which a look begins no further request."""
_SECONDS: Final = 4.0
_PAUSE: Final = 1.0
"""Between the two or three requests of a look, whatever robots.txt asks for: the next look is hours away."""
_OURS: Final = ("not on the list of sources", "not https on port 443 of the page's own host")
"""What the visitor says of an address that isn't the source's, in the words of this one."""
_FILE: Final = "documentation.json"
_VISITS: Final = "documentation-visits.json"


@dataclass(frozen=True)
class Look:
    """What is known of the page.

    Attributes:
        source: digest of the address and of the code that reads it; another one is looked at anew.
        page: digest of the documents that came of it; "" until a look has found documentation.
        at: when a look last did (epoch seconds).
        tried: when the last look was.
        problem: why that one found none.
    """

    source: str = ""
    page: str = ""
    at: float = 0.0
    tried: float = 0.0
    problem: str = ""


def look(
    folder: Path, address: str, *, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
) -> Look:
    """What is known of the page behind an address; looked up when the last look is `PACE` ago.

    Args:
        folder: of the files that remember it; caches, without them the page is fetched once more.
        address: http(s), as `CAFE24_API_DOCS` names it.
        clock: epoch seconds.
        sleep: between two requests.
    """
    source, now = text_digest(_code(), address), clock()
    known = _read(folder / _FILE)
    if known.source != source:
        known = Look(source)
    if not known.tried <= now < known.tried + PACE:
        known = replace(_looked(folder, address, known, now, sleep), tried=now)
        write_atomic(folder / _FILE, json.dumps(asdict(known), ensure_ascii=False))
    return known


# -- inside --------------------------------------------------------------------------------------------------


@cache
def _code() -> str:
    return code_digest("knowledge")


def _read(path: Path) -> Look:
    try:
        return Look(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return Look()


def _looked(folder: Path, address: str, known: Look, now: float, sleep: Callable[[float], None]) -> Look:
    """What is known after one look; where it found no documentation, what was known before and why."""
    from cafe24_pipelines.knowledge.documents import documents_digest, documents_with
    from cafe24_pipelines.knowledge.page_source import MAX_BYTES
    from cafe24_pipelines.research.fetch import Limits, Unreachable, unfolded
    from cafe24_pipelines.research.sources import Source, host_of, normal
    from cafe24_pipelines.research.visits import VisitBook, Visitor

    until = time.monotonic() + MOST_SECONDS

    def pause(seconds: float) -> None:
        if time.monotonic() > until:
            raise Unreachable("its server takes longer than a look waits")
        sleep(min(seconds, _PAUSE))

    url, book = normal(address), VisitBook(folder / _VISITS)
    source = Source("api-docs", "CAFE24_API_DOCS", url, "page", "official", "-", hosts=frozenset({host_of(url)}))
    visitor = Visitor(book, limits=Limits(_SECONDS, MAX_BYTES, redirects=1), sleep=pause)
    try:
        page = visitor.get(source, url, fresh=not known.page, types=())
        seen, digest = book.seen(source, url), text_digest(page.body.hex())
        if known.page and (page.status == 304 or digest == seen.hash):
            return replace(known, at=now, problem="")
        found = documents_digest(documents_with(unfolded(page.body, MAX_BYTES), address))
    except Unreachable as e:
        return replace(known, problem=e.reason.replace(*_OURS))
    except BadInput as e:
        return replace(known, problem=e.what)
    except Exception as e:  # a page that breaks the parser must not end the watch of everything else
        return replace(known, problem=f"it can't be read ({type(e).__name__})")
    seen.etag, seen.last_modified, seen.hash = page.etag, page.last_modified, digest
    book.save()
    return replace(known, page=found, at=now, problem="")
