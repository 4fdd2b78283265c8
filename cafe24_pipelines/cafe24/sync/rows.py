"""Rows of a reading, across the privacy line. Does not belong here: fetching them (see `reading.py`)."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.cafe24.admin_api.line import Crossed, with_ordinal

if TYPE_CHECKING:
    from cafe24_pipelines.stores.records import Record


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a page: across the line (`crossed`), fit for quarantine only (`bad`), or of an erased member."""

    identity: str
    crossed: Crossed | None = None
    bad: dict[str, Any] | None = None
    marked: bool = False
    cursor: str = ""
    erased: bool = False

    @property
    def digest(self) -> str:
        """Equal when the row is."""
        return self.crossed.record.digest if self.crossed else self.identity


@dataclass
class Rows:
    """A whole reading: records by key, rows for quarantine, keys of rows of erased members, and what is mentioned."""

    records: "dict[str, Record]" = field(default_factory=dict)
    bad: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)
    marked: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.records) + self.apart

    @property
    def apart(self) -> int:
        """Rows that the mall lists and that do not land."""
        return len(self.bad) + len(self.erased)

    def take(self, row: Row, *, by_content: bool = False) -> None:
        """Add a row; rows of one key count once, unless a key is only the row's content."""
        if row.erased:
            self.erased.add(self._numbered(row.identity) if by_content else row.identity)
            return
        if row.crossed is None:
            ordinal = sum(k.startswith(row.identity) for k in self.bad) if by_content else 0
            self.bad[f"{row.identity}#{ordinal}"] = row.bad or {}
            return
        record = row.crossed.record
        if by_content:
            ordinal = 0
            while (numbered := with_ordinal(record, ordinal)).key in self.records:
                ordinal += 1
            record = numbered
        self.records[record.key] = record
        self.members |= row.crossed.members
        self.unknown.update(row.crossed.unknown)
        for member, known in (row.crossed.contacts or {}).items():
            self.contacts[member] = {**self.contacts.get(member, {}), **known}
        (self.marked.add if row.marked else self.marked.discard)(record.key)

    def _numbered(self, key: str) -> str:
        """The key of a row of an erased member that may have its equals in the reading."""
        content, ordinal = key.rpartition("#")[0], 0
        while f"{content}#{ordinal}" in self.erased:
            ordinal += 1
        return f"{content}#{ordinal}"

    def add(self, other: "Rows") -> None:
        """Join another reading; its rows win."""
        self.records |= other.records
        self.bad |= other.bad
        self.erased |= other.erased
        self.members |= other.members
        self.contacts |= other.contacts
        self.unknown += other.unknown
        self.marked = (self.marked - other.records.keys()) | other.marked

    def digests(self) -> dict[str, str]:
        """What two readings are compared by."""
        return {k: r.digest for k, r in self.records.items()} | dict.fromkeys([*self.bad, *self.erased], "")
