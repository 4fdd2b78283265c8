"""The files of `deploy/neo4j/` that follow from the ontology, as bytes by name.

Does not belong here: what they say (see `saved.py`, `style.py`, `guide.py`).
"""

import io
import zipfile
from pathlib import Path
from typing import Final

from cafe24_pipelines.ontology.browser.guide import guide
from cafe24_pipelines.ontology.browser.saved import MALL_COMMAND, saved_queries
from cafe24_pipelines.ontology.browser.style import grass
from cafe24_pipelines.ontology.model import Domain

FOLDER: Final = "saved-queries"
FAVOURITES: Final = "cafe24"
"""The folder of favourites that Browser makes when the archive is dropped on it."""
_CHOOSE_MALL: Final = f"// 볼 몰 고르기 | Choose the mall\n{MALL_COMMAND}\n"


def browser_files(domain: Domain) -> dict[str, bytes]:
    """Path below the target folder to content; the same domain gives the same bytes."""
    queries = {"00-mall.cypher": _CHOOSE_MALL} | {f"{q.name}.cypher": q.text for q in saved_queries(domain)}
    return {
        "browser-guide.html": guide(domain).encode(),
        "style.grass": grass(domain).encode(),
        "saved-queries.zip": _archive(queries),
        **{f"{FOLDER}/{name}": text.encode() for name, text in queries.items()},
    }


def write_files(domain: Domain, folder: Path) -> list[Path]:
    """Write them all into `folder`; queries that are no longer among them are removed."""
    files = browser_files(domain)
    for old in sorted((folder / FOLDER).glob("*.cypher")):
        if f"{FOLDER}/{old.name}" not in files:
            old.unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [folder / name for name in files]


def _archive(queries: dict[str, str]) -> bytes:
    """All queries in one archive, the way Browser imports many: stored, with a fixed date, so that bytes repeat."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, text in queries.items():
            entry = zipfile.ZipInfo(f"{FAVOURITES}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, text)
    return packed.getvalue()
