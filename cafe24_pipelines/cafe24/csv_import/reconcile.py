"""The account of an import: every line of every file is landed, quarantined, merged, blank or a header.

Counts and sums are of what was read, what landed and what was quarantined; sums are exact decimals. Nothing here
decides anything. Does not belong here: the quarantined rows themselves (see the lake).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class FileAccount:
    """One file: `lines` = 1 header + `blank` + `continuations` + `records`, and `records` = `landed` + `quarantined`
    + `merged`.

    `continuations` are further lines of records whose quoted fields hold line breaks; `merged` are records equal to
    another with the same key, kept once.
    """

    file: str
    resource: str
    encoding: str
    lines: int
    blank: int
    continuations: int
    records: int
    landed: int
    quarantined: int
    merged: int
    reasons: dict[str, int] = field(default_factory=dict)
    not_landed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Whether no line is unaccounted for."""
        return (
            self.lines == 1 + self.blank + self.continuations + self.records
            and self.records == self.landed + self.quarantined + self.merged
            and self.quarantined == sum(self.reasons.values())
        )


@dataclass(frozen=True)
class UnreadFile:
    """A file of the folder of which nothing was read, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Figure:
    """A count (int) or a sum of money (Decimal): over all records read, over landed and over quarantined ones.

    `parts` says that read = landed + quarantined + merged must hold; distinct customers, say, do not add up.
    """

    name: str
    read: int | Decimal
    landed: int | Decimal
    quarantined: int | Decimal
    merged: int | Decimal = 0
    parts: bool = True

    @property
    def balanced(self) -> bool:
        """Whether the parts add up to the whole."""
        return not self.parts or self.read == self.landed + self.quarantined + self.merged


@dataclass(frozen=True)
class Reconciliation:
    """The account of one import. `currency` is that of every sum."""

    currency: str
    time_zone: str
    files: list[FileAccount]
    figures: list[Figure]
    notes: list[str] = field(default_factory=list)
    unread: list[UnreadFile] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Whether every line and every sum is accounted for."""
        return all(f.balanced for f in self.files) and all(f.balanced for f in self.figures)

    def figure(self, name: str) -> Figure:
        """The figure of that name (KeyError if there is none)."""
        for f in self.figures:
            if f.name == name:
                return f
        raise KeyError(name)

    def rows(self) -> list[tuple[str, str, str]]:
        """(where, what, value) for a printed table, in reading order."""
        return list(self._rows())

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        for f in self.files:
            yield f.file, "lines", f"{f.lines:,} ({f.records:,} records, {f.blank:,} blank, {f.encoding})"
            yield f.file, "landed", f"{f.landed:,}"
            yield f.file, "quarantined", f"{f.quarantined:,}"
            for reason, rows in f.reasons.items():
                yield f.file, f"  {reason}", f"{rows:,}"
            if f.merged:
                yield f.file, "identical, kept once", f"{f.merged:,}"
            if f.not_landed:
                yield f.file, "columns not landed", ", ".join(f.not_landed)
            for note in f.notes:
                yield f.file, "note", note
        for u in self.unread:
            yield u.file, "not read", u.reason
        for g in self.figures:
            unit = f" {self.currency}" if isinstance(g.read, Decimal) else ""
            value = f"{g.read:,}{unit}"
            if g.parts:
                merged = f" + {g.merged:,} merged" if g.merged else ""
                value += f" = {g.landed:,} landed + {g.quarantined:,} quarantined{merged}"
            yield "", g.name, value
        for note in self.notes:
            yield "", "note", note

    def to_json(self) -> dict[str, Any]:
        """JSON-able; sums are strings, so that no digit is lost."""
        return {
            "balanced": self.balanced,
            "currency": self.currency,
            "time_zone": self.time_zone,
            "files": [asdict(f) for f in self.files],
            "figures": {
                g.name: {k: str(v) if isinstance(v, Decimal) else v for k, v in asdict(g).items() if k != "name"}
                for g in self.figures
            },
            "notes": self.notes,
            "unread": [asdict(u) for u in self.unread],
        }
