"""API keys: each opens one mall, or the metrics of the installation. The event log holds hashes, never a key.

A key can't be recomputed, so it is an event (`api_key.added`, `api_key.revoked`). It is a random number of 256 bits:
there is nothing to guess and nothing to salt, so its SHA-256 is kept and compared in constant time. Imports no web
framework: the command line makes keys too. Does not belong here: what a key may ask (see `gate.py`).
"""

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

ADDED: Final = "api_key.added"
REVOKED: Final = "api_key.revoked"
INSTALLATION: Final = "_installation"
"""Stands for the mall in keys that open /metrics: no mall's id can begin like this."""
MOST_KEYS: Final = 50
"""Keys of one mall that are valid at a time."""
_TOKEN: Final = re.compile(r"cafe24\.([a-z0-9_][a-z0-9_-]{0,38})\.[A-Za-z0-9_-]{43}", re.ASCII)
_NAME: Final = re.compile(r"[^\W_][\w .-]{0,39}")
_FRESH: Final = 1.0
"""Seconds for which the keys of a mall are remembered: a revoked key works no longer than this."""
_REMEMBERED: Final = 1000


@dataclass(frozen=True)
class ApiKey:
    """One key, without its secret. `opens` is the mall's id, or `INSTALLATION` for metrics; `name` is for people."""

    key_id: str
    opens: str
    name: str
    sha256: str
    added: datetime
    revoked: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """What may be shown of it."""
        return {
            "key_id": self.key_id, "mall": None if self.opens == INSTALLATION else self.opens, "name": self.name,
            "opens": "metrics" if self.opens == INSTALLATION else "api", "added": self.added.isoformat(),
            "revoked": self.revoked.isoformat() if self.revoked else None,
        }  # fmt: skip


class KeyRing:
    """The keys of one installation."""

    def __init__(self, log: "EventLog") -> None:
        self._log = log
        self._known: dict[str, tuple[float, tuple[ApiKey, ...]]] = {}

    def add(self, opens: str, *, name: str = "") -> tuple[ApiKey, str]:
        """A new key, and its token: the only time that anybody sees it.

        Raises:
            BadInput: the name has other letters than words, or the mall has too many keys.
        """
        if name and not _NAME.fullmatch(name):
            raise BadInput("a key's name is up to 40 letters, digits, spaces, '.', '_' or '-'", remedy="shorten it")
        if sum(1 for key in self.keys(opens) if not key.revoked) >= MOST_KEYS:
            raise BadInput(
                f"{opens} has {MOST_KEYS} keys", remedy="revoke those that are not used: cafe24 keys revoke"
            )
        token = f"cafe24.{opens}.{secrets.token_urlsafe(32)}"
        key = ApiKey(secrets.token_hex(6), opens, name, _digest(token), datetime.now(UTC))
        payload = {"key_id": key.key_id, "sha256": key.sha256, "name": name}
        self._log.append([Event(f"{ADDED}:{key.key_id}", opens, ADDED, key.added, payload)])
        self._known.pop(opens, None)
        return key, token

    def keys(self, opens: str) -> list[ApiKey]:
        """Every key that was made, oldest first, those that were revoked too."""
        found: dict[str, ApiKey] = {}
        for e in self._log.read_all(opens, types=(ADDED, REVOKED)):
            key_id = e.payload["key_id"]
            if e.type == ADDED:
                found[key_id] = ApiKey(key_id, opens, e.payload["name"], e.payload["sha256"], e.occurred_at)
            elif key_id in found:
                found[key_id] = replace(found[key_id], revoked=e.occurred_at)
        return list(found.values())

    def revoke(self, opens: str, key_id: str) -> bool:
        """End a key; False if it had ended before.

        Raises:
            BadInput: the mall has no such key.
        """
        if key_id not in {key.key_id for key in self.keys(opens)}:
            raise BadInput(f"{opens} has no key {key_id!r}", remedy="cafe24 keys list shows the ids")
        self._known.pop(opens, None)
        event = Event(f"{REVOKED}:{key_id}", opens, REVOKED, datetime.now(UTC), {"key_id": key_id})
        return bool(self._log.append([event]))

    def remembered(self, token: str) -> bool:
        """Whether `find` will answer from memory, without touching the log."""
        match = _TOKEN.fullmatch(token)
        return match is None or self._of(match[1]) is not None

    def find(self, token: str) -> ApiKey | None:
        """The valid key with this token. Takes the same time whichever of a mall's keys it is nearest to."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        keys = self._of(match[1])
        if keys is None:
            keys = tuple(key for key in self.keys(match[1]) if not key.revoked)
            if len(self._known) >= _REMEMBERED:  # somebody tries names
                self._known.clear()
            self._known[match[1]] = time.monotonic(), keys
        given, found = _digest(token), None
        for key in keys:
            if hmac.compare_digest(given, key.sha256):
                found = key
        return found

    def _of(self, opens: str) -> tuple[ApiKey, ...] | None:
        """What is remembered of a mall's valid keys, while it is fresh."""
        at, keys = self._known.get(opens, (float("-inf"), ()))
        return keys if time.monotonic() - at <= _FRESH else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
