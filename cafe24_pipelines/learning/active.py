"""Which settings a mall's retrieval works with: rebuilt from the events of promotions and rollbacks, never stored.

An event counts only when it continues the version before it, its hash is that of its values, and its values are
within the bounds; any other is refused with its reason and the version before it stays. A rollback is an event too:
it names the version that it ends and goes back to the one before, and says why where a measurement asked for it. Does
not belong here: choosing settings (`improve.py`).
"""

import sqlite3
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import BadInput, Cafe24Error, ConfigError
from cafe24_pipelines.knowledge.ranking import SHIPPED, Ranking
from cafe24_pipelines.learning.bounds import Bounds, bounds, fingerprint, ranking_of, values_of
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

PROMOTED: Final = "settings.promoted"
ROLLED_BACK: Final = "settings.rolled_back"
FRESH: Final = 1.0
"""Seconds for which a look at the log holds."""


@dataclass(frozen=True)
class Version:
    """Settings in force: version 0 is what ships. `event_id` is the promotion's, `at` its time (UTC ISO)."""

    number: int
    ranking: Ranking
    event_id: str = ""
    at: str = ""
    evidence: dict[str, Any] | None = None

    @property
    def digest(self) -> str:
        """Digest of the values."""
        return fingerprint(self.ranking)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "version": self.number, "settings": values_of(self.ranking), "hash": self.digest, "at": self.at,
            "evidence": self.evidence,
        }  # fmt: skip


@dataclass(frozen=True)
class SettingsHistory:
    """All versions that stand on each other, oldest first (the last is in force), and events that were refused.

    `unwanted` are digests of settings that a person rolled back: they are not proposed again.
    """

    versions: tuple[Version, ...]
    refused: tuple[tuple[str, str], ...] = ()
    unwanted: frozenset[str] = frozenset()

    @property
    def active(self) -> Version:
        """The version in force."""
        return self.versions[-1]


def settings_history(log: "EventLog", mall_id: str, allowed: Bounds | None = None) -> SettingsHistory:
    """The mall's settings, rebuilt from its events; `allowed` stands in for the packaged bounds."""
    allowed = allowed or _bounds()
    versions, refused, unwanted, made = [Version(0, SHIPPED)], [], set[str](), 0
    for event in log.read_all(mall_id, types=(PROMOTED, ROLLED_BACK)):
        try:
            if event.type == PROMOTED:
                versions.append(_promoted(event, versions[-1], made + 1, allowed))
                made += 1
            else:
                _check_rollback(event, versions)
                ended = versions.pop()
                if not event.payload.get("evidence"):
                    unwanted.add(ended.digest)
        except ConfigError as e:
            refused.append((event.event_id, e.what))
    return SettingsHistory(tuple(versions), tuple(refused), frozenset(unwanted))


def promote(
    log: "EventLog", mall_id: str, before: Version, new: Ranking, *, evidence: dict[str, Any], key: str
) -> bool:
    """Log that `new` follows on `before`; False when this `key` was promoted already.

    Raises:
        ConfigError: a value is out of bounds.
    """
    ranking_of(values_of(new), bounds())
    payload = {
        "old": values_of(before.ranking), "new": values_of(new), "old_hash": before.digest, "hash": fingerprint(new),
        "after": before.event_id, "evidence": evidence,
    }  # fmt: skip
    return log.append([Event(f"{PROMOTED}:{key}", mall_id, PROMOTED, datetime.now(UTC), payload)]) == 1


def roll_back(
    log: "EventLog", mall_id: str, *, evidence: dict[str, Any] | None = None, ends: str = ""
) -> SettingsHistory:
    """Go back to the version before the one in force; two calls at once go back once.

    Args:
        evidence: why, where a measurement asked for it; without it a person did.
        ends: the promotion to end; when another is in force by now, nothing happens.

    Raises:
        BadInput: the shipped settings are in force.
    """
    found = settings_history(log, mall_id)
    if ends and found.active.event_id != ends:
        return found
    if found.active.number == 0:
        raise BadInput("the shipped settings are in force", remedy="there is nothing to roll back")
    ended, back = found.active, found.versions[-2]
    payload: dict[str, Any] = {"ends": ended.event_id, "hash": ended.digest, "back_to": back.digest}
    payload |= {"evidence": evidence} if evidence else {}
    log.append([Event(f"{ROLLED_BACK}:{ended.event_id}", mall_id, ROLLED_BACK, datetime.now(UTC), payload)])
    return settings_history(log, mall_id)


class ActiveRanking:
    """The ranking in force, for a retriever: looks at the log at most once a second. Safe to use from threads.

    While the log can't be read, what was seen last stays: a question can be searched for without it.
    """

    def __init__(self, log: "EventLog", mall_id: str) -> None:
        self._log, self._mall_id, self._lock = log, mall_id, threading.Lock()
        self._seen: tuple[float, Ranking] = (float("-inf"), SHIPPED)

    def __call__(self) -> Ranking:
        """What weighs how much, now."""
        with self._lock:
            at, ranking = self._seen
            if time.monotonic() - at > FRESH:
                with suppress(Cafe24Error, sqlite3.Error):
                    ranking = settings_history(self._log, self._mall_id).active.ranking
                self._seen = time.monotonic(), ranking
            return ranking


def _bounds() -> Bounds | None:
    """The packaged bounds; with a file that can't be used, versions promoted under it stay within `LIMITS` alone."""
    try:
        return bounds()
    except ConfigError:
        return None


def _promoted(event: Event, before: Version, number: int, allowed: Bounds | None) -> Version:
    """The version that an event makes.

    Raises:
        ConfigError: it may not be one.
    """
    said = event.payload
    new = ranking_of(said.get("new"), allowed)
    if said.get("hash") != fingerprint(new):
        raise ConfigError("the hash is not that of the values")
    if said.get("after") != before.event_id or said.get("old_hash") != before.digest:
        raise ConfigError("it follows on another version than the one in force")
    return Version(number, new, event.event_id, event.occurred_at.isoformat(), said.get("evidence"))


def _check_rollback(event: Event, versions: list[Version]) -> None:
    if len(versions) == 1 or event.payload.get("ends") != versions[-1].event_id:
        raise ConfigError("it ends another version than the one in force")
