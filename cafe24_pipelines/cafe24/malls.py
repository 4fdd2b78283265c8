"""Which malls this installation knows, and where each one's data comes from.

One small JSON file under the home, written by `cafe24 run`, read by assets: so a run started from the Dagster UI
uses the same source as the one before it. Holds no secret.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from cafe24_pipelines.errors import BadInput, ConfigError
from cafe24_pipelines.names import RESERVED_MALLS, SANDBOX_MALL, SEOUL
from cafe24_pipelines.settings import Home
from cafe24_pipelines.stores.files import write_atomic

SOURCES = ("sandbox", "csv", "api")


@dataclass(frozen=True)
class Mall:
    """One mall: its source, and for a CSV source the folder and mapping (absolute paths)."""

    mall_id: str
    source: str = "sandbox"
    path: str = ""
    mapping: str = ""
    time_zone: str = SEOUL
    currency: str = "KRW"
    keep_contacts: bool = False  # contact fields are kept, encrypted, in a table of their own (`contacts.py`)


def known_malls(home: Home) -> dict[str, Mall]:
    """Every registered mall by id; the sandbox mall is always there."""
    malls = {SANDBOX_MALL: Mall(SANDBOX_MALL)}
    path = _file(home)
    if path.exists():
        try:
            malls |= {m["mall_id"]: Mall(**m) for m in json.loads(path.read_text())["malls"]}
        except (ValueError, KeyError, TypeError) as e:
            raise ConfigError(
                "the mall registry can't be read", where=str(path),
                remedy="mend or remove it, then run `cafe24 run` once for each mall",
            ) from e  # fmt: skip
    return malls


def mall(home: Home, mall_id: str) -> Mall:
    """The mall of that id.

    Raises:
        ConfigError: it is not registered.
    """
    malls = known_malls(home)
    if mall_id not in malls:
        raise ConfigError(
            f"mall {mall_id!r} is unknown",
            remedy=f"known: {', '.join(sorted(malls))}; add one: cafe24 run --source csv --path DIR --mall NAME",
        )
    return malls[mall_id]


def register(home: Home, new: Mall) -> None:
    """Add a mall or change its source; the same registration again changes nothing."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,38}", new.mall_id):
        raise BadInput(
            f"mall id {new.mall_id!r} is not valid",
            remedy="use 1 to 39 lower-case letters, digits, '-' or '_', beginning with a letter or digit",
        )
    if new.mall_id in RESERVED_MALLS:
        raise BadInput(f"mall id {new.mall_id!r} is taken by what all malls share", remedy="use another id")
    malls = known_malls(home)
    if malls.get(new.mall_id) == new and _file(home).exists():
        return
    malls[new.mall_id] = new
    rows = [asdict(malls[key]) for key in sorted(malls)]
    write_atomic(_file(home), json.dumps({"malls": rows}, ensure_ascii=False, indent=1))


def unregister(home: Home, mall_id: str) -> None:
    """Forget a mall; the sandbox mall alone is known again as it is by default."""
    malls = known_malls(home)
    if _file(home).exists() and malls.pop(mall_id, None) is not None:
        rows = [asdict(malls[key]) for key in sorted(malls)]
        write_atomic(_file(home), json.dumps({"malls": rows}, ensure_ascii=False, indent=1))


def _file(home: Home) -> Path:
    return home.root / "malls.json"
