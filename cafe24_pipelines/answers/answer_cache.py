"""Replies of models kept on disk, so that the same prompt is paid for once. Off unless LLM_CACHE names a size.

The key is a hash of mall, model, address, messages and parameters: another wording, another material or another
parameter is another key. LiteLLM's disk cache needs a package more, knows no malls and keeps no bound, so it is not
used. A reply lies in the home in plain text, readable by its owner only; it was made from masked questions and from
material without personal data. Does not belong here: which replies may be kept (see `llm.py`).
"""

import time
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.prompts import Message
from cafe24_pipelines.stores.digest import json_digest

if TYPE_CHECKING:
    from pathlib import Path

    from cafe24_pipelines.stores.shared_state import SharedState

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, mall_id TEXT NOT NULL, model TEXT NOT NULL, "
    "text TEXT NOT NULL, used_at DOUBLE PRECISION NOT NULL, hits BIGINT NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS replies_used ON replies (used_at)",
    "CREATE TABLE IF NOT EXISTS lookups (mall_id TEXT PRIMARY KEY, hits BIGINT NOT NULL, misses BIGINT NOT NULL)",
)


@cache
def _opened(path: str) -> "SharedState":
    """The file, opened once a process however many malls and models share it."""
    from cafe24_pipelines.stores.shared_state import SharedState

    return SharedState(f"sqlite:///{path}")


@dataclass(frozen=True)
class Lookups:
    """How often a mall's prompts were found, and how often not."""

    hits: int
    misses: int


class AnswerCache:
    """The replies of one mall; `limit` bounds all malls of the file together, the longest unused go first."""

    def __init__(self, path: "Path", mall_id: str, limit: int) -> None:
        self._state, self.mall_id, self.limit = _opened(str(path)), mall_id, limit

    def key(self, model: str, address: str, messages: list[Message], parameters: dict[str, Any]) -> str:
        """What a reply is found by."""
        prompt = sha256("\0".join(f"{m['role']}\0{m['content']}" for m in messages).encode()).hexdigest()
        return json_digest([self.mall_id, model, address, prompt, parameters])

    def get(self, key: str) -> str | None:
        """The reply, and one hit more; None, and one miss more."""
        self._state.ensure(*_TABLE)
        with self._state.transaction(durable=False) as connection:
            row = {"key": key, "now": time.time()}
            sql = "UPDATE replies SET hits = hits + 1, used_at = :now WHERE key = :key RETURNING text"
            found = connection.exec_driver_sql(sql, row).scalar_one_or_none()
            hit = int(found is not None)
            connection.exec_driver_sql(
                "INSERT INTO lookups (mall_id, hits, misses) VALUES (:mall, :hit, :miss) "
                "ON CONFLICT (mall_id) DO UPDATE SET hits = hits + :hit, misses = misses + :miss",
                {"mall": self.mall_id, "hit": hit, "miss": 1 - hit},
            )  # fmt: skip
        return None if found is None else str(found)

    def put(self, key: str, model: str, text: str) -> None:
        """Keep a reply, and let go of the longest unused beyond the limit."""
        self._state.ensure(*_TABLE)
        row = {"key": key, "mall": self.mall_id, "model": model, "text": text, "now": time.time()}
        with self._state.transaction(durable=False) as connection:
            connection.exec_driver_sql(
                "INSERT INTO replies (key, mall_id, model, text, used_at) VALUES "
                "(:key, :mall, :model, :text, :now) ON CONFLICT (key) DO NOTHING", row,
            )  # fmt: skip
            sql = (
                "DELETE FROM replies WHERE key IN (SELECT key FROM replies ORDER BY used_at DESC, key "
                "LIMIT -1 OFFSET :limit)"
            )
            connection.exec_driver_sql(sql, {"limit": self.limit})

    def lookups(self) -> Lookups:
        """This mall's hits and misses so far."""
        self._state.ensure(*_TABLE)
        with self._state.reading() as connection:
            sql = "SELECT hits, misses FROM lookups WHERE mall_id = :mall"
            found = connection.exec_driver_sql(sql, {"mall": self.mall_id}).one_or_none()
        return Lookups(*map(int, found)) if found else Lookups(0, 0)

    def forget(self) -> int:
        """Remove every reply of this mall; gives how many."""
        self._state.ensure(*_TABLE)
        with self._state.transaction() as connection:
            done = connection.exec_driver_sql("DELETE FROM replies WHERE mall_id = :mall", {"mall": self.mall_id})
        return int(done.rowcount)
