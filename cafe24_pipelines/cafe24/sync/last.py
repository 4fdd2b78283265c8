"""What the last sync of each resource came to, beside its rows: for checks, `doctor` and people.

`lake/<mall>/api/last_sync.json`. A run of some resources replaces their entries and leaves the others. Does not
belong here: the ledger, which decides what is read (it lies in the store's own state).
"""

import json
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.cafe24.sync.report import SyncReport
from cafe24_pipelines.stores.files import write_atomic

FILE: Final = "last_sync.json"
_SHOWN: Final = (
    "read",
    "added",
    "changed",
    "removed",
    "quarantined",
    "erased",
    "skipped",
    "error",
    "coverage",
    "agreed",
)


def keep_report(root: Path, report: SyncReport) -> None:
    """Write down a run's outcome; of its windows only the open ones."""
    kept = last_sync(root)
    for name, one in report.resources.items():
        shown = one.to_json()
        kept[name] = {
            "at": report.began.isoformat() if report.began else None,
            **{what: shown[what] for what in _SHOWN},
            "open": [w.to_json() for w in one.open],
        }
    write_atomic(root / FILE, json.dumps(kept, ensure_ascii=False, indent=1))


def last_sync(root: Path) -> dict[str, dict[str, Any]]:
    """Outcome by resource; {} before the first sync, or when the file can't be read (the next writes it anew)."""
    try:
        found = json.loads((root / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
