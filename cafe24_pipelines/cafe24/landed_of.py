"""What a mall's shop tables were last landed from, so that the same API rows are not made into them again.

Landing a mall's API rows is a function of these rows, of the mall's settings, of who was erased, of the key that
hashes members, and of the code. Where all that and the tables themselves are as they were, landing again would write
nothing; making and comparing the tables is a good part of a sync that brought nothing. Other sources are files that
only a reading tells apart, so they are always read. Does not belong here: landing (`landing.py`).
"""

import json
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.erase.registry import FILE as ERASED_FILE
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.names import SHOP_TABLES
from cafe24_pipelines.stores.digest import code_digest, json_digest, text_digest
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.lake import MallLake

LANDED_FILE: Final = "_landed_of.json"
_ROOMS: Final = ("cafe24", "stores")
"""Whose code decides what becomes of the same rows; all of it, so that no file can be forgotten."""


def source_of(mall: "Mall", lake: "MallLake", settings: "Settings") -> str:
    """Digest of all that a landing of the mall depends on; "" for a source that must be read to be known.

    Taken before a landing: what changes meanwhile is then landed once more.
    """
    if mall.source != "api":
        return ""
    from cafe24_pipelines.parts import api_lake

    erased = lake.root / ERASED_FILE
    return json_digest([
        api_lake(settings, mall.mall_id).digests(), vars(mall), pseudonyms(settings, mall.mall_id).of("probe"),
        erased.read_text(encoding="utf-8") if erased.exists() else "", _code(),
    ])  # fmt: skip


def unchanged(lake: "MallLake", source: str) -> dict[str, int] | None:
    """Quarantined rows by table of the landing before, when landing again would change nothing; else None.

    Raises:
        LakeDamaged: a file of a table is missing or cut.
    """
    try:
        before: Any = json.loads((lake.root / LANDED_FILE).read_text(encoding="utf-8"))
        same = bool(source) and before["source"] == source and before["tables"] == _tables(lake)
        quarantined = {str(name): int(rows) for name, rows in before["quarantined"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not same:
        return None
    for name in SHOP_TABLES:
        lake.check_files(name)
    return quarantined


def note(lake: "MallLake", source: str, quarantined: dict[str, int]) -> None:
    """Keep what a landing was made of, and what it left: written last, so that half a landing is none."""
    if source:
        kept = {"source": source, "tables": _tables(lake), "quarantined": quarantined}
        write_atomic(lake.root / LANDED_FILE, json.dumps(kept, indent=1))


def _tables(lake: "MallLake") -> dict[str, str]:
    """Digests of the shop tables and of what is in quarantine beside them."""
    found = {name: digest for name, digest in lake.digests().items() if name in SHOP_TABLES}
    folder = lake.root / "_quarantine"
    held = {path.name: text_digest(path.read_bytes().hex()) for path in sorted(folder.glob("*.parquet"))}
    return {**found, **held}


@cache
def _code() -> str:
    """Digest of the code that lands, and of the versions of what it leans on."""
    return text_digest(code_digest(*_ROOMS), *(version(one) for one in ("duckdb", "pandas", "pyarrow")))
