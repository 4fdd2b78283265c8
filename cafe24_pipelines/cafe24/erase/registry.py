"""The list of erased members: which ones no landing may bring back, and which erasures are not finished.

`lake/<mall>/erased.json` holds keyed fingerprints of member keys: nobody can read from it who was erased, and a
landing can tell of each key that it meets whether it is one. While an erasure is under way its entry also holds the
member id, encrypted, so that a killed one can be taken up again; the id leaves the file when the erasure is done.

Does not belong here: removing what has landed before (`landed.py`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    import pyarrow as pa

    from cafe24_pipelines.cafe24.sealing import Seal
    from cafe24_pipelines.stores.records import Record

FILE: Final = "erased.json"
KEPT_AS_GUEST: Final = ("orders", "refunds")
"""API rows of sales: they stay without their member. Every other row of an erased member goes."""
_QUOTED_KEY: Final = re.compile(rb'"([0-9a-f]{32})"')


class ErasedMembers:
    """The erased members of one mall, as the file said when this was made."""

    def __init__(self, path: Path, seal: "Seal | None") -> None:
        self.path, self._seal = path, seal
        self._entries: dict[str, dict[str, Any]] = {}
        self._known: dict[str, bool] = {}
        if path.exists():
            self._read()

    def __bool__(self) -> bool:
        return bool(self._entries)

    def reread(self) -> None:
        """Read the file again: an erasure may have come to its end since.

        Raises:
            ConfigError: the list can't be read, or was made with another key.
        """
        self._known.clear()
        if self.path.exists():
            self._read()

    def covers(self, member_key: str | None) -> bool:
        """Whether this member was erased (or is being erased); a guest never is."""
        if not member_key or not self._entries:
            return False
        known = self._known.get(member_key)
        if known is None:
            known = self._known[member_key] = self.fingerprint(member_key) in self._entries
        return known

    def without(self, resource: str, rows: "pa.Table") -> "pa.Table":
        """A shop table as it may land: sales of erased members are a guest's, their other rows are left out.

        Sales are orders and purchase events. Such an order names no coupon either: the coupon was the member's, and
        its issue is gone; what it took off stays in the order's discount.

        Args:
            resource: a name in `names.SHOP_TABLES`.
            rows: the table behind the privacy line.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._entries or "member_key" not in rows.column_names:
            return rows
        keys = rows.column("member_key")
        gone = [key for key in pc.unique(keys).to_pylist() if self.covers(key)]
        if not gone:
            return rows
        hit = pc.is_in(keys, value_set=pa.array(gone, keys.type))
        if resource == "orders":
            return _emptied(_emptied(rows, "member_key", hit), "coupon_no", hit)
        if resource == "events":
            sale = pc.equal(rows.column("event"), "purchase")
            kept = pc.or_(pc.invert(hit), sale)
            return _emptied(rows.filter(kept), "member_key", hit.filter(kept))
        return rows.filter(pc.invert(hit))

    def without_quarantined(self, rows: "pa.Table") -> "pa.Table":
        """Quarantined rows as they may be kept: their `row` (JSON) no longer names an erased member."""
        import pyarrow as pa

        if not self._entries or not rows.num_rows:
            return rows
        texts = [text and self.nameless(text) for text in rows.column("row").to_pylist()]
        place = rows.column_names.index("row")
        return rows.set_column(place, rows.schema.field(place), pa.array(texts, rows.schema.field(place).type))

    def cleared(self, resource: str, record: "Record") -> "Record | None":
        """An API row as it may land: None for a row of an erased member, a guest's row where it is of a sale.

        A row of somebody else that names an erased member (as who recommended them, say) loses the name. The same
        row always gives the same record, so that landing it again changes nothing.

        Args:
            resource: a name in `admin_api.resources.RESOURCES`.
            record: behind the privacy line.
        """
        if not self._entries:
            return record
        parts = record.key.split("/")
        quoted = {key.decode() for key in _QUOTED_KEY.findall(record.body)}
        if not any(self.covers(key) for key in quoted.union(parts)):
            return record  # most rows end here, without being decoded
        body = json.loads(record.body)
        keys = {key for key in _keys_in(body) if self.covers(key)}
        own = body.get("member_key")
        if resource not in KEPT_AS_GUEST and (own in keys or any(self.covers(part) for part in parts)):
            return None
        return _without(record, body, keys) if keys else record

    # -- the erasure itself ----------------------------------------------------------------------------------

    def fingerprint(self, member_key: str) -> str:
        """The keyed fingerprint under which a member is listed."""
        return self._open_seal().fingerprint(b"erased:" + member_key.encode())

    def intend(self, member_key: str, member_id: str) -> None:
        """Write down that this member is to be erased, before anything is removed."""
        entry = self._entries.get(self.fingerprint(member_key), {})
        entry.setdefault("asked_at", _now())
        entry["pending"] = self._open_seal().seal(member_id.encode()).decode()
        entry["done_at"] = None
        self._write(member_key, entry)

    def finish(self, member_key: str) -> None:
        """Write down that nothing is left; the encrypted id leaves the file."""
        entry = self._entries[self.fingerprint(member_key)]
        self._write(member_key, {"asked_at": entry["asked_at"], "pending": None, "done_at": _now()})

    def is_done(self, member_key: str) -> bool:
        """Whether an erasure of this member came to its end."""
        return bool(self._entries.get(self.fingerprint(member_key), {}).get("done_at"))

    def pending(self) -> list[str]:
        """Raw ids of members whose erasure did not come to its end; for memory alone."""
        seal = self._open_seal
        return [seal().open(e["pending"].encode()).decode() for e in self._entries.values() if e.get("pending")]

    # -- inside ----------------------------------------------------------------------------------------------

    def nameless(self, text: str) -> str:
        """JSON text without the keys of erased members; what is no JSON stays as it is."""
        if not self._entries:
            return text
        try:
            value = json.loads(text)
        except ValueError:
            return text
        keys = {key for key in _keys_in(value) if self.covers(key)}
        return json.dumps(_scrubbed(value, keys), ensure_ascii=False) if keys else text

    def _open_seal(self) -> "Seal":
        if self._seal is None:
            raise ValueError("the list was opened for a mall without erased members")
        return self._seal

    def _write(self, member_key: str, entry: dict[str, Any]) -> None:
        self._entries[self.fingerprint(member_key)] = entry
        self._known.clear()
        value = {"version": 1, "check": self._check(), "members": dict(sorted(self._entries.items()))}
        write_atomic(self.path, json.dumps(value, indent=1), private=True)

    def _read(self) -> None:
        try:
            value = json.loads(self.path.read_text(encoding="utf-8"))
            self._entries, check = dict(value["members"]), value["check"]
        except (ValueError, KeyError, TypeError) as e:
            remedy = "restore it from a backup: without it erased members would come back"
            raise ConfigError("the list of erased members can't be read", where=str(self.path), remedy=remedy) from e
        if self._entries and check != self._check():
            remedy = "set CAFE24_ENCRYPTION_KEY (or restore keys/sealing.key) as it was then"
            raise ConfigError(
                "the list of erased members was made with another key", where=str(self.path), remedy=remedy
            )

    def _check(self) -> str:
        """Tells whether the key is the one that the list was made with."""
        return self._open_seal().fingerprint(b"the list of erased members")


def erased_members(settings: Settings, mall_id: str, *, writing: bool = False) -> ErasedMembers:
    """The mall's list. For a landing of a mall without erased members this costs one look at the disk and no key.

    Raises:
        ConfigError: the list can't be read, or was made with another key.
    """
    from cafe24_pipelines.cafe24.sealing import seal_for

    path = settings.home.lake / mall_id / FILE
    seal = seal_for(settings, mall_id, "erasures") if writing or path.exists() else None
    return ErasedMembers(path, seal)


def _emptied(rows: "pa.Table", column: str, where: "pa.ChunkedArray") -> "pa.Table":
    """The table with nulls in a column, where it has that column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column not in rows.column_names:
        return rows
    place, values = rows.column_names.index(column), rows.column(column)
    return rows.set_column(place, rows.schema.field(place), pc.if_else(where, pa.scalar(None, values.type), values))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _keys_in(value: Any) -> set[str]:
    """Every text in a body that looks like a member key: 32 hex digits."""
    if isinstance(value, Mapping):
        return {key for part in value.values() for key in _keys_in(part)}
    if isinstance(value, list):
        return {key for part in value for key in _keys_in(part)}
    return {value} if isinstance(value, str) and len(value) == 32 and value.isalnum() else set()


def _without(record: "Record", body: dict[str, Any], keys: set[str]) -> "Record":
    from cafe24_pipelines.stores.digest import text_digest

    text = json.dumps(_scrubbed(body, keys), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return replace(record, body=text.encode(), sealed=None, digest=text_digest("erased", text))


def _scrubbed(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _scrubbed(part, keys) for name, part in value.items()}
    if isinstance(value, list):
        return [_scrubbed(part, keys) for part in value if not (isinstance(part, str) and part in keys)]
    return None if isinstance(value, str) and value in keys else value
