"""Patterns: what a discovery run found, in the shape of the `cafe24 patterns --json` contract, and where it is kept.

A pattern says how sure it is (`status`) and carries the query that shows its evidence. Its id comes from mall,
detector and subject, never from numbers, so that a pattern stays itself while its numbers move.
Does not belong here: finding them (see `run.py`), or writing them into the graph.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.files import Published

KINDS: Final = ("cross_domain", "web_research")
STATUSES: Final = ("confirmed", "tentative", "insufficient_data")
MAX_EVIDENCE_ROWS: Final = 20
_FILE = "patterns.json"


@dataclass(frozen=True)
class Effect:
    """What was measured, with a 95 % interval; numbers are None when there was too little to measure."""

    name: str
    value: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Evidence:
    """A query that anyone can run again, and up to 20 of its rows. `language` is sql or cypher."""

    query: str
    rows: list[dict[str, Any]]
    language: str = "sql"


@dataclass(frozen=True)
class Pattern:
    """One finding about one mall. `title`, `summary` and `action` are Korean.

    `discovered_at` is UTC ISO 8601; so is `retracted_at`, when a pattern that was confirmed before is confirmed no
    longer ("" otherwise).
    """

    id: str
    detector: str
    kind: str
    title: str
    status: str
    effect: Effect
    p: float | None
    q: float | None
    n: int
    evidence: Evidence
    action: str
    discovered_at: str
    summary: str = ""
    retracted_at: str = ""

    def to_json(self) -> dict[str, Any]:
        """The CLI contract of a pattern, plus `summary` and `retracted_at`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Pattern":
        """The pattern that `to_json` wrote."""
        effect, evidence = Effect(**value["effect"]), Evidence(**value["evidence"])
        return cls(**{**value, "effect": effect, "evidence": evidence})


def pattern_id(mall_id: str, detector: str, subject: str) -> str:
    """The stable id of what `detector` says about `subject` in a mall."""
    from cafe24_pipelines.stores.graph import uid

    return uid(mall_id, "CRM_Pattern", f"{detector}/{subject}")


def patterns_digest(patterns: list[Pattern]) -> str:
    """Digest of all that a recomputation gives; dates of discovery and of retraction are left out."""
    rows = [replace(p, discovered_at="", retracted_at="").to_json() for p in sorted(patterns, key=lambda p: p.id)]
    return json_digest(rows)


class PatternBook:
    """The current patterns of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, mall_id: str, patterns: list[Pattern]) -> str:
        """Make these the mall's current patterns; equal content is not written again. Returns the digest."""
        digest = patterns_digest(patterns)
        store = Published(self.root / mall_id)
        if digest != self.digest(mall_id):
            staging = store.staging(digest)
            text = json.dumps([p.to_json() for p in patterns], ensure_ascii=False, indent=1)
            (staging / _FILE).write_text(text, encoding="utf-8")
            store.publish(staging, digest, {"patterns": len(patterns), "digest": digest})
        return digest

    def current(self, mall_id: str) -> list[Pattern]:
        """The mall's current patterns in the order they were published; none before the first run."""
        build = Published(self.root / mall_id).current()
        if build is None:
            return []
        rows = json.loads((build.path / _FILE).read_text(encoding="utf-8"))
        return [Pattern.from_json(row) for row in rows]

    def digest(self, mall_id: str) -> str:
        """Digest of the mall's current patterns ("" before the first run)."""
        build = Published(self.root / mall_id).current()
        return str(build.meta["digest"]) if build else ""
