"""When each member who has landed by a look-up was last looked up, to the day.

`lake/<mall>/api/looked_up.json`, beside the rows and not among them: a look-up that changes nothing is to write no
row. A run that is killed loses what it noted last, and members count as looked up earlier than they were. Does not
belong here: looking up (`members.py`).
"""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from cafe24_pipelines.stores.files import write_atomic

FILE: Final = "looked_up.json"
_EPOCH: Final = date(1970, 1, 1)


class LookUps:
    """Day of the last look-up by member key."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._days: dict[str, int] = {}
        self._changed = False
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            self._days = {key: _number(day) for day, keys in found.items() for key in keys}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return  # nobody knows; who is met is looked up again

    def note(self, keys: Iterable[str], at: datetime) -> None:
        """These members were looked up."""
        day = _number(at.astimezone(UTC).date().isoformat())
        for key in keys:
            if self._days.get(key) != day:
                self._days[key], self._changed = day, True

    def before(self, keys: Iterable[str], at: datetime) -> list[str]:
        """Those of `keys` that were last looked up on an earlier day than that of `at`, longest ago first."""
        day = _number(at.astimezone(UTC).date().isoformat())
        return sorted((k for k in keys if self._days.get(k, -1) < day), key=lambda k: (self._days.get(k, -1), k))

    def oldest(self, keys: Iterable[str]) -> date | None:
        """The day of the look-up that lies longest back; None when that of one of them is not known."""
        first = min((self._days.get(key, -1) for key in keys), default=-1)
        return None if first < 0 else _EPOCH + timedelta(days=first)

    def save(self, keys: Iterable[str] | None = None) -> None:
        """Write it down if it changed; of these members alone, when given."""
        if keys is not None:
            kept = set(keys)
            self._changed = self._changed or not self._days.keys() <= kept
            self._days = {key: day for key, day in self._days.items() if key in kept}
        if not self._changed:
            return
        by_day: dict[str, list[str]] = {}
        for key, day in sorted(self._days.items()):
            by_day.setdefault((_EPOCH + timedelta(days=day)).isoformat(), []).append(key)
        write_atomic(self._path, json.dumps(by_day, sort_keys=True))
        self._changed = False


def _number(day: str) -> int:
    return (date.fromisoformat(day) - _EPOCH).days
