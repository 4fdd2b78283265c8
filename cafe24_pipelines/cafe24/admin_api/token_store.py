"""A mall's pair of tokens in the shared state: sealed, versioned, and renewed under a lease.

One row a mall. `version` rises with every pair and never falls, so a writer names the version it saw (compare and
swap). Does not belong here: when to renew, or how (see `tokens`).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.admin_api.errors import TokenCallsSpent
from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cafe24_pipelines.cafe24.sealing import Seal
    from cafe24_pipelines.stores.shared_state import SharedState

TOKEN_CALLS, TOKEN_WINDOW = 15, 7200.0
"""What the token endpoint takes: calls, seconds. Counted for an app and a mall, which is how the mall sees them."""

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS tokens (mall_id TEXT PRIMARY KEY, version BIGINT NOT NULL DEFAULT 0, "
    "sealed TEXT NOT NULL DEFAULT '', bootstrap TEXT NOT NULL DEFAULT '', dead_version BIGINT NOT NULL DEFAULT -1, "
    "holder TEXT NOT NULL DEFAULT '', lease_until DOUBLE PRECISION NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS token_calls (call_id TEXT PRIMARY KEY, client_id TEXT NOT NULL, "
    "mall_id TEXT NOT NULL, called_at DOUBLE PRECISION NOT NULL)",
)
_COLUMNS = "version, sealed, bootstrap, dead_version, holder, lease_until"


@dataclass(frozen=True)
class Lease:
    """The right to renew, and what was stored when it was given.

    Args:
        tokens: the pair to renew, None before the first.
        version: of that pair (of the row, when there is none).
        bootstrap: fingerprint of the bootstrap token that was used up, "" when none was.
        dead: whether the mall said that this pair's refresh token is no longer good.
        taken_over: whether the holder before let its lease run out: it was killed, or hangs.
    """

    tokens: TokenSet | None
    version: int
    bootstrap: str
    dead: bool
    taken_over: bool


class TokenStore:
    """Sealed pairs of all malls. Times are epoch seconds of the shared clock, given by the caller."""

    def __init__(self, state: "SharedState", seal_for_mall: "Callable[[str], Seal]") -> None:
        self.state = state
        self._seal_for_mall = seal_for_mall
        self._seals: dict[str, Seal] = {}

    def get(self, mall_id: str) -> TokenSet | None:
        """The mall's pair, or None.

        Raises:
            ConfigError: it was sealed with another key.
        """
        self.state.ensure(*_TABLES)
        with self.state.reading() as connection:
            row = self._row(connection, mall_id)
        return self._opened(mall_id, row) if row else None

    def put_first(self, mall_id: str, new: TokenSet) -> bool:
        """Store a pair where there is none; False when there is one."""
        with self._held(mall_id) as (connection, row):
            if row["sealed"]:
                return False
            self._write(connection, mall_id, row["version"] + 1, new)
            return True

    def put(self, mall_id: str, new: TokenSet) -> TokenSet:
        """Store the pair of a fresh consent in place of whatever there was; gives it with its version."""
        with self._held(mall_id) as (connection, row):
            self._write(connection, mall_id, row["version"] + 1, new)
            return replace(new, version=row["version"] + 1)

    def swap(self, mall_id: str, expected_version: int, new: TokenSet, *, bootstrap: str = "") -> bool:
        """Store a renewed pair if the version is still the one it was renewed from; durable when this returns True.

        `bootstrap` is the fingerprint of the token from the settings that it was traded for, if it was.
        """
        with self._held(mall_id) as (connection, row):
            if row["version"] != expected_version:
                return False
            self._write(connection, mall_id, expected_version + 1, new)
            if bootstrap:
                self._set(connection, mall_id, bootstrap=bootstrap)
            return True

    def lease(self, mall_id: str, holder: str, seconds: float, *, now: float) -> Lease | None:
        """The right to renew until `now + seconds`, None while another has it; the holder's own is prolonged."""
        with self._held(mall_id) as (connection, row):
            if row["holder"] not in ("", holder) and row["lease_until"] > now:
                return None
            self._set(connection, mall_id, holder=holder, lease_until=now + seconds)
            return Lease(
                self._opened(mall_id, row), row["version"], row["bootstrap"],
                dead=row["dead_version"] == row["version"], taken_over=row["holder"] not in ("", holder),
            )  # fmt: skip

    def release(self, mall_id: str, holder: str) -> None:
        """Give the right back, if it is still the holder's."""
        with self._held(mall_id) as (connection, row):
            if row["holder"] == holder:
                self._set(connection, mall_id, holder="", lease_until=0.0)

    def mark_dead(self, mall_id: str, version: int) -> None:
        """Remember that the refresh token of that version is no longer good, so that nobody asks again."""
        with self._held(mall_id) as (connection, _):
            self._set(connection, mall_id, dead_version=version)

    def mark_bootstrap(self, mall_id: str, fingerprint: str) -> None:
        """Remember that the bootstrap token was used up."""
        with self._held(mall_id) as (connection, _):
            self._set(connection, mall_id, bootstrap=fingerprint)

    def forget(self, mall_id: str) -> None:
        """Remove the pair. What was used up stays remembered."""
        with self._held(mall_id) as (connection, row):
            self._set(connection, mall_id, version=row["version"] + 1, sealed="", holder="", lease_until=0.0)

    def fingerprint(self, mall_id: str, token: str) -> str:
        """What a token is remembered by."""
        return self._seal(mall_id).fingerprint(token.encode())

    def count_call(self, client_id: str, mall_id: str, call_id: str, *, now: float) -> None:
        """Note a call of the token endpoint before it is made.

        Raises:
            TokenCallsSpent: the window holds as many as the mall takes.
        """
        from sqlalchemy import text

        who: dict[str, Any] = {"client": client_id, "mall": mall_id, "old": now - TOKEN_WINDOW, "now": now}
        with self._held(mall_id) as (connection, _):
            connection.execute(text("DELETE FROM token_calls WHERE called_at <= :old"), who)
            made, first = connection.execute(
                text(
                    "SELECT count(*), min(called_at) FROM token_calls WHERE client_id = :client AND mall_id = :mall"
                ),
                who,
            ).one()
            if made >= TOKEN_CALLS:
                raise TokenCallsSpent(mall_id, float(first) + TOKEN_WINDOW - now)
            connection.execute(
                text("INSERT INTO token_calls VALUES (:id, :client, :mall, :now)"), {**who, "id": call_id}
            )

    def uncount_call(self, call_id: str) -> None:
        """Take a call back that did not reach the mall."""
        from sqlalchemy import text

        with self.state.transaction() as connection:
            connection.execute(text("DELETE FROM token_calls WHERE call_id = :id"), {"id": call_id})

    @contextmanager
    def _held(self, mall_id: str) -> "Iterator[tuple[Connection, dict[str, Any]]]":
        """A durable transaction that holds the mall's row, which it makes when there is none."""
        from sqlalchemy import text

        self.state.ensure(*_TABLES)
        with self.state.transaction() as connection:
            row = self._row(connection, mall_id, self.state.for_update)
            if row is None:
                insert = text("INSERT INTO tokens (mall_id) VALUES (:mall) ON CONFLICT (mall_id) DO NOTHING")
                connection.execute(insert, {"mall": mall_id})
                row = self._row(connection, mall_id, self.state.for_update) or {}
            yield connection, row

    def _row(self, connection: "Connection", mall_id: str, lock: str = "") -> dict[str, Any] | None:
        from sqlalchemy import text

        found = connection.execute(
            text(f"SELECT {_COLUMNS} FROM tokens WHERE mall_id = :mall{lock}"), {"mall": mall_id}
        ).one_or_none()
        return dict(found._mapping) if found else None

    def _set(self, connection: "Connection", mall_id: str, **values: object) -> None:
        from sqlalchemy import text

        named = ", ".join(f"{name} = :{name}" for name in values)
        connection.execute(text(f"UPDATE tokens SET {named} WHERE mall_id = :mall"), {**values, "mall": mall_id})

    def _write(self, connection: "Connection", mall_id: str, version: int, new: TokenSet) -> None:
        fields = {k: v for k, v in vars(new).items() if k != "version"} | {"scopes": sorted(new.scopes)}
        sealed = self._seal(mall_id).seal(json.dumps(fields).encode()).decode()
        self._set(connection, mall_id, version=version, sealed=sealed, holder="", lease_until=0.0)

    def _opened(self, mall_id: str, row: dict[str, Any]) -> TokenSet | None:
        if not row["sealed"]:
            return None
        fields = json.loads(self._seal(mall_id).open(row["sealed"].encode()))
        return TokenSet(**fields | {"scopes": frozenset(fields["scopes"]), "version": row["version"]})

    def _seal(self, mall_id: str) -> "Seal":
        if mall_id not in self._seals:
            self._seals[mall_id] = self._seal_for_mall(mall_id)
        return self._seals[mall_id]
