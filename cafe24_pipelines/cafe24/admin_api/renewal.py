"""Renewing a mall's tokens: exactly one of all threads, processes and machines asks, and no pair is lost.

A new pair is stored before anybody uses it. Who finds the lease taken waits for the new version; a holder that died
is taken over. Does not belong here: the token endpoint (see `oauth`), rows and versions (see `token_store`).
"""

import logging
import os
import random
import uuid
from typing import Final

from cafe24_pipelines.cafe24.admin_api import oauth
from cafe24_pipelines.cafe24.admin_api.clock import Clock, speed_of
from cafe24_pipelines.cafe24.admin_api.errors import ConsentNeeded, Refused, TokenCallsSpent, Unavailable
from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet
from cafe24_pipelines.cafe24.admin_api.token_store import Lease, TokenStore
from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.settings import Settings

MARGIN_SECONDS: Final = 300.0
"""How long before its end a token is renewed (a tenth of its life, when that is shorter)."""
LEASE_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 10.0
"""How long to wait for another's renewal while the present token still lives."""
SETBACK_SECONDS: Final = 30.0
"""After a failed renewal, how long a token that still lives is used before asking again."""
ATTEMPTS: Final = 3
GRACE_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.05

log = logging.getLogger(__name__)


class Renewal:
    """Renews one mall's pair. Not safe among threads: the keeper lets one in at a time."""

    def __init__(
        self, settings: Settings, mall_id: str, store: TokenStore, clock: Clock, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self.settings, self.mall_id, self.store, self.clock = settings, mall_id, store, clock
        self._lease_seconds = lease_seconds
        self.reset()

    def reset(self) -> None:
        """Forget what earlier renewals left: a new pair came from elsewhere, or none is wanted."""
        self.unsaved: tuple[int, TokenSet, str] | None = None
        self.ask_again_at = float("-inf")

    def now(self) -> float:
        """Epoch seconds by the clock that all machines of the shared state agree on."""
        return self.clock.now() + self.store.state.skew() * speed_of(self.clock)

    def fresh(self, tokens: TokenSet) -> bool:
        """Whether its end is not near yet."""
        margin = min(MARGIN_SECONDS, (tokens.expires_at - tokens.issued_at) / 10)
        return self.now() < tokens.expires_at - margin

    def alive(self, tokens: TokenSet | None, refused: str) -> bool:
        """Whether it can still be used: not `refused`, not at its end."""
        return tokens is not None and tokens.access_token != refused and self.now() < tokens.expires_at

    def mine(self, tokens: TokenSet | None) -> TokenSet | None:
        """A pair of another app is of no use to this one."""
        ours = self.settings.client_id
        return None if tokens and tokens.client_id and ours and tokens.client_id != ours else tokens

    def will_do(self, tokens: TokenSet | None, refused: str) -> bool:
        """Whether nothing needs to be renewed now."""
        if tokens is None or tokens.access_token == refused:
            return False
        return self.fresh(tokens) or (self.alive(tokens, refused) and self.now() < self.ask_again_at)

    def turn(self, refused: str) -> TokenSet:
        """Renew under the lease, or wait for who has it. Errors as of `TokenKeeper.access_token`."""
        holder = f"{os.getpid()}-{uuid.uuid4().hex}"
        started = self.now()
        while self.now() < started + 4 * self._lease_seconds:
            self._save_unsaved()
            lease = self.store.lease(self.mall_id, holder, self._lease_seconds, now=self.now())
            if lease is not None:
                try:
                    return self._ask(lease, holder, refused)
                finally:
                    self.store.release(self.mall_id, holder)
            tokens = self.mine(self.store.get(self.mall_id))
            if tokens is not None and self.will_do(tokens, refused):
                return tokens
            if tokens is not None and self.alive(tokens, refused) and self.now() > started + PATIENCE_SECONDS:
                return tokens
            self.clock.sleep(POLL_SECONDS * random.uniform(0.5, 1.5) * speed_of(self.clock))  # noqa: S311 - jitter
        raise Unavailable("another process renews the token and never ends", where=f"mall {self.mall_id}",
                          remedy="end it and run again")  # fmt: skip

    def _ask(self, lease: Lease, holder: str, refused: str) -> TokenSet:
        tokens = self.mine(lease.tokens)
        if tokens is not None and self.will_do(tokens, refused):
            return tokens
        if lease.taken_over:
            log.warning(
                "mall %s: a token renewal of version %d never ended; asking again", self.mall_id, lease.version
            )
        try:
            return self._trade(lease, tokens, holder)
        except (Unavailable, TokenCallsSpent) as e:
            if tokens is None or not self.alive(tokens, refused):
                raise
            self.ask_again_at = self.now() + SETBACK_SECONDS
            log.warning("mall %s: the token could not be renewed yet: %s", self.mall_id, e)
            return tokens
        except _Spent:
            return self._left(lease, tokens, refused)

    def _trade(self, lease: Lease, tokens: TokenSet | None, holder: str) -> TokenSet:
        """Try the stored refresh token, then the bootstrap; `_Spent` when the mall takes neither."""
        if tokens is not None and not lease.dead:
            try:
                return self._keep(lease.version, self._call(tokens.refresh_token, holder), "")
            except _Spent:
                self.store.mark_dead(self.mall_id, lease.version)
        if bootstrap := self.settings.refresh_token:
            fingerprint = self.store.fingerprint(self.mall_id, bootstrap)
            if fingerprint != lease.bootstrap:
                try:
                    return self._keep(lease.version, self._call(bootstrap, holder), fingerprint)
                except _Spent:
                    self.store.mark_bootstrap(self.mall_id, fingerprint)
        raise _Spent

    def _call(self, refresh_token: str, holder: str) -> TokenSet:
        """One renewal, repeated when the mall stumbles; the lease is prolonged for each try."""
        for attempt in range(1, ATTEMPTS + 1):
            if self.store.lease(self.mall_id, holder, self._lease_seconds, now=self.now()) is None:
                raise Unavailable(
                    "the renewal took too long; another process has it now", where=f"mall {self.mall_id}"
                )
            call_id = uuid.uuid4().hex
            self.store.count_call(self.settings.client_id, self.mall_id, call_id, now=self.now())
            try:
                return oauth.refresh(self.settings, self.mall_id, refresh_token, now=self.now())
            except Unavailable as e:
                if e.acted is False:
                    self.store.uncount_call(call_id)
                if attempt == ATTEMPTS or "429" in e.what:
                    raise
                self.clock.sleep(random.uniform(0, 2.0**attempt))  # noqa: S311 - jitter, not a secret
            except Refused as e:
                if e.message == "invalid_grant":
                    raise _Spent from None
                raise ConfigError(f"the token endpoint said {e.message}", where=f"mall {self.mall_id}",
                                  remedy="check CAFE24_CLIENT_ID and CAFE24_CLIENT_SECRET") from e  # fmt: skip
        raise AssertionError("unreachable")

    def _keep(self, version: int, new: TokenSet, bootstrap: str) -> TokenSet:
        """Store a new pair before anybody uses it; when that fails, hold it for the next try."""
        self.unsaved = (version, new, bootstrap)
        for pause in (0.2, 1.0, 3.0):
            try:
                saved = self._save_unsaved()
                break
            except Exception as e:
                log.warning(
                    "mall %s: a new pair of tokens could not be stored yet (%s)", self.mall_id, type(e).__name__
                )
                self.clock.sleep(pause)
        else:
            saved = self._save_unsaved()
        return saved or self._stored()

    def _save_unsaved(self) -> TokenSet | None:
        if self.unsaved is None:
            return None
        version, new, bootstrap = self.unsaved
        done = self.store.swap(self.mall_id, version, new, bootstrap=bootstrap)
        self.unsaved = None  # either stored, or another pair came first and this one is no longer wanted
        return self.store.get(self.mall_id) if done else None

    def _stored(self) -> TokenSet:
        tokens = self.mine(self.store.get(self.mall_id))
        if tokens is None:
            raise self._consent_needed("the tokens were revoked while they were renewed")
        return tokens

    def _left(self, lease: Lease, tokens: TokenSet | None, refused: str) -> TokenSet:
        """What remains when the mall takes no refresh token: another's version, a token that lives, or consent."""
        until = self.now() + (GRACE_SECONDS if lease.taken_over else 0.0)
        while True:  # who was taken over may still be writing what it got
            newer = self.mine(self.store.get(self.mall_id))
            if newer is not None and newer.version != lease.version:
                return newer
            if self.now() >= until:
                break
            self.clock.sleep(POLL_SECONDS)
        if tokens is not None and self.alive(tokens, refused):
            minutes = (tokens.expires_at - self.now()) / 60
            log.warning("mall %s: the refresh token is spent; the access token lives for %.0f more minutes, then the "
                        "operator must consent again", self.mall_id, minutes)  # fmt: skip
            self.ask_again_at = tokens.expires_at
            return tokens
        raise self._consent_needed("no refresh token works any more" if tokens else "there are no tokens yet", tokens)

    def _consent_needed(self, reason: str, tokens: TokenSet | None = None) -> ConsentNeeded:
        url = ""
        if self.settings.client_id and self.settings.redirect_uri:
            scopes = sorted({*oauth.wanted_scopes(self.settings), *(tokens.scopes if tokens else ())})
            state, _ = oauth.new_state(self.store.state, self.mall_id, now=self.now(), scopes=scopes)
            url = oauth.authorize_url(self.settings, self.mall_id, state, scopes)
        return ConsentNeeded(self.mall_id, reason, url)


class _Spent(Cafe24Error):
    """The mall no longer takes a refresh token."""

    def __init__(self) -> None:
        super().__init__("the refresh token is spent")
