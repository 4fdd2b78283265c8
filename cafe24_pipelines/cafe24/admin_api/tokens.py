"""The access token of a mall: the one that lives, whoever renewed it; what it may do; its beginning and end.

Does not belong here: how exactly one of all processes renews (see `renewal`), rows and versions (see `token_store`).
"""

import logging
import threading
import uuid
from typing import Final, Literal

from cafe24_pipelines.cafe24.admin_api import oauth
from cafe24_pipelines.cafe24.admin_api.clock import Clock, SystemClock
from cafe24_pipelines.cafe24.admin_api.errors import (
    AppRemoved,
    ConsentNeeded,
    Refused,
    ScopeMissing,
    Unavailable,
)
from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet
from cafe24_pipelines.cafe24.admin_api.renewal import LEASE_SECONDS, POLL_SECONDS, Renewal
from cafe24_pipelines.cafe24.admin_api.token_store import Lease, TokenStore
from cafe24_pipelines.cafe24.admin_api.transport import mall_url, on_loopback
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings

__all__ = ["TokenKeeper", "TokenSet", "TokenStore", "token_keeper"]

Revoked = Literal["revoked", "had ended", "none"]
"""What became of tokens: Cafe24 ended them, they had ended before, or there were none."""
REMOVED: Final = "the app was deleted from the mall, so its tokens were dropped"

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

    def still_installed(self, token: str) -> str:
        """A new token after the mall said that the app was deleted: only who has the app installed can renew.

        One answer alone is not believed: Cafe24 once told every app so for a day, by mistake (February 2025).

        Raises:
            AppRemoved: the token endpoint refuses, too; the tokens were dropped.
            Others as of `access_token`.
        """
        try:
            return self.rejected(token)
        except ConsentNeeded:
            raise self.dropped() from None
        except ConfigError as e:
            if not isinstance(e.__cause__, Refused) or e.__cause__.message == "invalid_client":
                raise
            raise self.dropped() from None

    def dropped(self) -> AppRemoved:
        """Forget the tokens of an app that was deleted from the mall; what to tell about it."""
        from cafe24_pipelines.cafe24.admin_api.consent import begin_consent

        with self._lock:
            self.store.forget(self.mall_id)
            self._known = None
            self._renewal.reset()
        complete = self.settings.client_id and self.settings.redirect_uri
        return AppRemoved(self.mall_id, REMOVED, begin_consent(self.settings, self.mall_id) if complete else "")

    def revoke(self) -> Revoked:
        """End the mall's tokens at Cafe24 and forget them here, those of `CAFE24_REFRESH_TOKEN` included.

        Returns:
            What became of them.

        Raises:
            Unavailable: Cafe24 did not answer, or another process renews and does not end; the tokens are kept, so
                that this can be repeated.
            Refused: the app's credentials are wrong; the tokens are kept.
            ConfigError: the credentials are missing, or the pair was sealed with another key.
        """
        with self._lock:
            holder = f"revoke-{uuid.uuid4().hex}"
            lease = self._leased(holder)
            try:
                done = self._end(self._renewal.mine(lease.tokens), lease.bootstrap)
            finally:
                self.store.release(self.mall_id, holder)
            if lease.tokens is not None:
                self.store.forget(self.mall_id)
            self._known = None
            self._renewal.reset()
            return done

    def _leased(self, holder: str) -> Lease:
        """The right to renew, so that nobody renews what is being revoked."""
        clock, until = self._renewal.clock, self._renewal.now() + 2 * LEASE_SECONDS
        while (lease := self.store.lease(self.mall_id, holder, LEASE_SECONDS, now=self._renewal.now())) is None:
            if self._renewal.now() > until:
                raise Unavailable("another process renews the token and never ends", where=f"mall {self.mall_id}",
                                  remedy="end it and revoke again")  # fmt: skip
            clock.sleep(POLL_SECONDS)
        return lease

    def _end(self, tokens: TokenSet | None, used_bootstrap: str) -> Revoked:
        """Tell Cafe24 that the tokens end: the stored pair, and a bootstrap that was never traded."""
        ended: list[bool] = []
        if tokens is not None and self._renewal.alive(tokens, ""):
            ended.append(self._end_one(tokens.access_token, "access_token"))
        elif tokens is not None:
            ended.append(self._end_one(tokens.refresh_token, "refresh_token"))
        if bootstrap := self.settings.refresh_token:
            fingerprint = self.store.fingerprint(self.mall_id, bootstrap)
            if fingerprint != used_bootstrap:
                ended.append(self._end_one(bootstrap, "refresh_token"))
                self.store.mark_bootstrap(self.mall_id, fingerprint)
        return "none" if not ended else "revoked" if any(ended) else "had ended"

    def _end_one(self, token: str, hint: str) -> bool:
        """Whether Cafe24 ended it now; False when it says that it had ended before."""
        try:
            oauth.revoke(self.settings, self.mall_id, token, hint=hint)
        except Refused as e:
            if e.message == "invalid_client":
                raise
            log.info("mall %s: the tokens had ended before", self.mall_id)
            return False
        return True

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
