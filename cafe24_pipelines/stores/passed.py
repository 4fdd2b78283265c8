"""Which suites passed on which content, so that what has not changed is not judged again.

A suite is a function of the tables it reads, of the rules and of the library that applies them. Where all these are
as they were when it passed, it passes; building and running it would take half a second each. Only what passed is
remembered: a failure is looked at again every time. The memory lies beside the mall's tables and holds digests, no
value of a row; without it, or when it can't be read, everything is judged. Does not belong here: the rules
(`expectations.py`, `observations.py`).
"""

import json
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.stores.digest import code_digest, json_digest, text_digest
from cafe24_pipelines.stores.expectations import Kind, SuiteResult, validate
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from cafe24_pipelines.stores.lake import MallLake

PASSED_FILE: Final = "_passed.json"
_RULES: Final = ("expectations.py", "observations.py", "schemas.py", "views.py", "passed.py")
"""Modules of this room that decide what a suite finds in the same rows."""


def validate_changed(table: str, lake: "MallLake", *, kind: Kind) -> tuple[SuiteResult, bool]:
    """What `validate` says of a mall's table, and whether it is of an earlier look at the same content.

    Raises:
        LakeDamaged: the table can't be read; a part that is missing or cut is found without a new look, too.
    """
    known, name, digests = _read(lake.root / PASSED_FILE), f"{kind} {table}", lake.digests()
    if table not in digests:
        return validate(table, lake, kind=kind), False
    # A contract is about the table alone; an observation may look at any other.
    of = json_digest([kind, table, digests[table] if kind == "contract" else digests, _rules()])
    before = known.get(name)
    if isinstance(before, dict) and before.get("of") == of and isinstance(before.get("evaluated"), int):
        lake.check_files(table)
        return SuiteResult(table, kind, success=True, evaluated=before["evaluated"]), True
    result = validate(table, lake, kind=kind)
    if result.success:
        known[name] = {"of": of, "evaluated": result.evaluated}
    elif known.pop(name, None) is None:
        return result, False
    write_atomic(lake.root / PASSED_FILE, json.dumps(known, indent=1, sort_keys=True))
    return result, False


@cache
def _rules() -> str:
    """Digest of the rules and of the versions of what applies them."""
    versions = (version(one) for one in ("great_expectations", "pandas", "duckdb", "pyarrow"))
    return text_digest(code_digest(*(f"stores/{name}" for name in _RULES)), *versions)


def _read(path: "Path") -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
