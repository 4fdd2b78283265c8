"""What a sync did, resource by resource: what was read, what agreed, what was left out and why.

JSON-able, without personal data. Does not belong here: deciding any of it.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from cafe24_pipelines.cafe24.sync.windows import Window


@dataclass(frozen=True)
class WindowReport:
    """One window or one whole list: what the API counted, what landed, whether they agree (times UTC)."""

    start: datetime | None
    end: datetime | None
    counted: int
    landed: int
    agreed: bool
    part: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        row = asdict(self)
        for name in ("start", "end"):
            row[name] = row[name].isoformat() if row[name] else None
        return row


@dataclass(frozen=True)
class Coverage:
    """How much of what is known to exist was read; the rest is unknown, which is not the same as nothing."""

    known: int
    unknown: int
    text: str

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


@dataclass
class ResourceReport:
    """One resource's part of a run.

    `read` counts distinct rows that the API listed, those quarantined and those of erased members (`erased`, which
    never land) included. `hidden` counts rows that a window no
    longer lists although the mall still knows them: they are kept. `skipped` and `error` are "" when there is none.
    """

    name: str
    read: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    quarantined: int = 0
    erased: int = 0
    hidden: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)
    windows: list[WindowReport] = field(default_factory=list)
    skipped: str = ""
    error: str = ""
    coverage: Coverage | None = None

    @property
    def agreed(self) -> bool:
        """Whether all that was to be read was read and agrees; a skipped resource does not count against it."""
        return not self.error and all(w.agreed for w in self.windows)

    @property
    def open(self) -> list[WindowReport]:
        """Windows that do not agree."""
        return [w for w in self.windows if not w.agreed]

    def window(self, window: Window | None, counted: int, landed: int, agreed: bool, *,
               part: str = "", why: str = "") -> None:  # fmt: skip
        """Note one window (None: the whole list)."""
        start, end = (window.start, window.end) if window else (None, None)
        self.windows.append(WindowReport(start, end, counted, landed, agreed, part, why))

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "read": self.read,
            "added": self.added,
            "changed": self.changed,
            "removed": self.removed,
            "quarantined": self.quarantined,
            "erased": self.erased,
            "hidden": self.hidden,
            "unknown_fields": dict(sorted(self.unknown_fields.items())),
            "windows": [w.to_json() for w in self.windows],
            "skipped": self.skipped,
            "error": self.error,
            "coverage": self.coverage.to_json() if self.coverage else None,
            "agreed": self.agreed,
        }


@dataclass
class SyncReport:
    """A run: when it began by the mall's clock (UTC), its resources in landing order, and what it cost.

    `version` says which API version is pinned and when it ends ("" where the mall does not tell).
    `stopped` is the reason why the whole run ended early ("" if it did not): consent is needed again.
    """

    mall_id: str
    began: datetime | None = None
    resources: dict[str, ResourceReport] = field(default_factory=dict)
    stopped: str = ""
    version: str = ""
    calls: int = 0
    waited: float = 0.0

    @property
    def agreed(self) -> bool:
        """Whether every resource that could be read agrees with the mall."""
        return not self.stopped and all(one.agreed for one in self.resources.values())

    @property
    def changed(self) -> bool:
        """Whether any landed row is different from before."""
        return any(one.added or one.changed or one.removed for one in self.resources.values())

    def of(self, name: str) -> ResourceReport:
        """The report of a resource, made on first use."""
        return self.resources.setdefault(name, ResourceReport(name))

    def rows(self) -> list[tuple[str, str, str]]:
        """(resource, what, value) for a printed table."""
        table: list[tuple[str, str, str]] = []
        for name, one in self.resources.items():
            if one.skipped:
                table.append((name, "skipped", one.skipped))
                continue
            changes = f"+{one.added:,} ~{one.changed:,} -{one.removed:,}"
            table.append((name, "agreed" if one.agreed else "OPEN", f"{one.read:,} read, {changes}"))
            extra = {
                "quarantined": one.quarantined,
                "of erased members": one.erased,
                "kept though no longer listed": one.hidden,
            }
            table += [(name, what, f"{n:,}") for what, n in extra.items() if n]
            if one.unknown_fields:
                table.append((name, "unknown fields", ", ".join(sorted(one.unknown_fields))))
            if one.coverage:
                table.append((name, "coverage", one.coverage.text))
            table += [(name, "open window", f"{w.part} {w.start} to {w.end}: {w.why}".strip()) for w in one.open]
            if one.error:
                table.append((name, "error", one.error))
        if self.stopped:
            table.append(("sync", "stopped", self.stopped))
        if self.version:
            table.append(("sync", "version", self.version))
        table.append(("sync", "calls", f"{self.calls:,} made, {self.waited:,.1f} s waited for the limits"))
        return table

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "mall": self.mall_id,
            "began": self.began.isoformat() if self.began else None,
            "agreed": self.agreed,
            "changed": self.changed,
            "stopped": self.stopped,
            "version": self.version,
            "calls": self.calls,
            "waited": round(self.waited, 3),
            "resources": {name: one.to_json() for name, one in self.resources.items()},
        }
