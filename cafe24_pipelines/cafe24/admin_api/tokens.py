"""The access token of a mall: the one that lives, whoever renewed it; what it may do; its beginning and end.

Does not belong here: how exactly one of all processes renews (see `renewal`), rows and versions (see `token_store`).
"""

import logging
import threading
import uuid
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.admin_api import oauth
from cafe24_pipelines.cafe24.admin_api.clock import Clock, SystemClock
from cafe24_pipelines.cafe24.admin_api.errors import (
    Refused,
    ScopeMissing,
)
from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet
from cafe24_pipelines.cafe24.admin_api.renewal import LEASE_SECONDS, Renewal
from cafe24_pipelines.cafe24.admin_api.token_store import TokenStore
from cafe24_pipelines.cafe24.admin_api.transport import mall_url, on_loopback
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    pass

__all__ = ["TokenKeeper", "TokenSet", "TokenStore", "token_keeper"]

log = logging.getLogger(__name__)


class TokenKeeper:
    """Gives the mall's access token; safe to share among threads, and among processes by its store.

    Args:
        settings: app, addresses, and `CAFE24_REFRESH_TOKEN` as a bootstrap that is traded once.
        mall_id: the mall.
        store: where the pair is.
        clock: what waits and anchors lifetimes.
        lease_seconds: how long a silent renewal is respected.

    Raises:
        ConfigError: tokens of a real mall would be stored without `CAFE24_ENCRYPTION_KEY`.
    """

    def __init__(
        self,
        settings: Settings,
        mall_id: str,
        store: TokenStore,
        clock: Clock,
        *,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        if not settings.encryption_key and not on_loopback(mall_url(settings, mall_id)):
            raise ConfigError(
                "tokens of a real mall are not stored without CAFE24_ENCRYPTION_KEY", where=f"mall {mall_id}",
                remedy="set it to a long random text, and keep a copy: without it every mall must consent again",
            )  # fmt: skip
        self.settings, self.mall_id, self.store = settings, mall_id, store
        self._renewal = Renewal(settings, mall_id, store, clock, lease_seconds)
        self._lock = threading.Lock()
        self._known: TokenSet | None = None

    def __repr__(self) -> str:
        return f"TokenKeeper({self.mall_id!r})"

    def access_token(self) -> str:
        """A token that lives, renewed if its end is near.

        Raises:
            ConsentNeeded: nothing that the mall accepts is left.
            TokenCallsSpent: a renewal is due and the mall takes no more token calls for now.
            Unavailable: a renewal is due and the mall does not answer.
            ConfigError: the app's credentials are wrong or missing, or the pair was sealed with another key.
        """
        known = self._known
        if known is not None and self._renewal.fresh(known):
            return known.access_token
        return self._renewed("").access_token

    def rejected(self, token: str) -> str:
        """Another token after the mall refused this one with 401; renews unless somebody already did.

        Errors as of `access_token`.
        """
        return self._renewed(token).access_token

    def scopes(self) -> frozenset[str]:
        """What the operator granted; empty when the mall never said. Errors as of `access_token`."""
        if self._known is None:
            self.access_token()
        return self._known.scopes if self._known else frozenset()

    def require(self, scope: str) -> None:
        """Check that a scope such as `mall.read_order` is granted (a write scope brings its read scope).

        Raises:
            ScopeMissing: it is not.
        """
        wanted = {scope, scope.replace("mall.read_", "mall.write_")}
        if not (granted := self.scopes()) or wanted & granted:
            return
        self._known = self._renewal.mine(self.store.get(self.mall_id))  # another process may have been granted more
        if not wanted & self.scopes():
            raise ScopeMissing(scope, where=f"mall {self.mall_id}")

    def install(self, tokens: TokenSet) -> None:
        """Store the pair of a consent in place of any other."""
        with self._lock:
            self._known = self._renewal.mine(self.store.put(self.mall_id, tokens))
            self._renewal.reset()

    def consented(self, code: str, *, verifier: str = "") -> None:
        """Trade a consent's code and store the pair. Errors of `oauth.exchange_code`, and TokenCallsSpent."""
        self.store.count_call(self.settings.client_id, self.mall_id, uuid.uuid4().hex, now=self._renewal.now())
        self.install(
            oauth.exchange_code(self.settings, self.mall_id, code, now=self._renewal.now(), verifier=verifier)
        )

    def revoke(self) -> None:
        """End the mall's tokens at Cafe24 and forget them here; does nothing when there are none.

        Raises:
            Unavailable: Cafe24 did not answer; the tokens are kept, so that this can be repeated.
        """
        with self._lock:
            tokens = self._renewal.mine(self.store.get(self.mall_id))
            if tokens is not None:
                try:
                    if self._renewal.alive(tokens, ""):
                        oauth.revoke(self.settings, self.mall_id, tokens.access_token)
                    else:
                        oauth.revoke(self.settings, self.mall_id, tokens.refresh_token, hint="refresh_token")
                except Refused as e:
                    if e.message == "invalid_client":
                        raise
                    log.info("mall %s: the tokens had ended before", self.mall_id)
            self.store.forget(self.mall_id)
            self._known = None
            self._renewal.reset()

    def _renewed(self, refused: str) -> TokenSet:
        """The stored pair, if its token isn't `refused` and its end isn't near, else a new one."""
        with self._lock:  # one thread of this process asks; the others then find what it stored
            tokens = self._renewal.mine(self.store.get(self.mall_id))
            if not self._renewal.will_do(tokens, refused):
                tokens = self._renewal.turn(refused)
            assert tokens is not None  # noqa: S101 - for mypy: `_turn` gives a pair or raises
            self._known = tokens
            return tokens


def token_keeper(settings: Settings, mall_id: str, *, clock: Clock | None = None) -> TokenKeeper:
    """The keeper of a mall with the installation's shared state and seal. Errors as of `TokenKeeper`."""
    from cafe24_pipelines.stores.shared_state import shared_state

    store = TokenStore(shared_state(settings), lambda mall: seal_for(settings, mall, "tokens"))
    return TokenKeeper(settings, mall_id, store, clock or SystemClock())
