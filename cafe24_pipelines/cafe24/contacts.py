"""The contact table of a mall that opted in: member key -> contact fields, sealed.

One SQLite file a mall under `CAFE24_HOME/contacts`, readable by its owner alone. Nothing else of the installation
holds a contact field. Only for malls whose registration says `keep_contacts`. Does not belong here: choosing the
fields (`field_policy.CONTACT_FIELDS`), or sending anything to anybody.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import friendly_os_errors

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS contacts (member_key TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID"
)
_AT_A_TIME: Final = 500


class ContactTable:
    """Contact fields by member key; safe to use from several threads and processes."""

    def __init__(self, settings: Settings, mall_id: str) -> None:
        self._seal = seal_for(settings, mall_id, "contacts")
        self.path = settings.home.contacts / f"{mall_id}.db"

    def put_many(self, contacts: Mapping[str, Mapping[str, Any]]) -> int:
        """Keep fields of members; fields that are not given stay as they were. Returns how many members changed."""
        changed = 0
        keys = list(contacts)
        with self._open() as db:
            for start in range(0, len(keys), _AT_A_TIME):
                some = keys[start : start + _AT_A_TIME]
                before = self._read(db, some)
                after = {k: {**before.get(k, {}), **contacts[k]} for k in some}
                rows = [(k, self._sealed(v)) for k, v in after.items() if v != before.get(k)]
                db.executemany("INSERT OR REPLACE INTO contacts VALUES (?, ?)", rows)
                changed += len(rows)
        return changed

    def get(self, member_key: str) -> dict[str, Any] | None:
        """The contact fields of a member, None when there are none.

        Raises:
            ConfigError: they were sealed with another key.
        """
        return self.get_many([member_key]).get(member_key)

    def get_many(self, member_keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Contact fields of those members that have any, by member key."""
        keys = list(dict.fromkeys(member_keys))
        if not self.path.exists():
            return {}
        with self._open() as db:
            slices = (keys[n : n + _AT_A_TIME] for n in range(0, len(keys), _AT_A_TIME))
            return {k: v for some in slices for k, v in self._read(db, some).items()}

    def forget(self, member_keys: str | Iterable[str]) -> int:
        """Remove members' fields, overwriting them on disk; returns how many members had any."""
        keys = [member_keys] if isinstance(member_keys, str) else list(member_keys)
        if not self.path.exists():
            return 0
        with self._open() as db:
            return sum(db.execute("DELETE FROM contacts WHERE member_key = ?", (k,)).rowcount for k in keys)

    def count(self) -> int:
        """Members whose fields are kept."""
        if not self.path.exists():
            return 0
        with self._open() as db:
            return int(db.execute("SELECT count(*) FROM contacts").fetchone()[0])

    def _read(self, db: sqlite3.Connection, keys: list[str]) -> dict[str, dict[str, Any]]:
        marks = ",".join("?" * len(keys))
        rows = db.execute(f"SELECT member_key, sealed FROM contacts WHERE member_key IN ({marks})", keys)
        return {key: json.loads(self._seal.open(sealed)) for key, sealed in rows}

    def _sealed(self, fields: Mapping[str, Any]) -> bytes:
        return self._seal.seal(json.dumps(fields, ensure_ascii=False, sort_keys=True).encode())

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with friendly_os_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))  # the owner's alone from the first byte
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            db.execute("PRAGMA secure_delete = ON")
            db.execute(_TABLE)
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        finally:
            db.close()  # what was not committed is rolled back
