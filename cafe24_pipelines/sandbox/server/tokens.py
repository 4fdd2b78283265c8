"""Codes and tokens of the sandbox: one use, short lives, rotation, and the fifteen that may be live.

Pure bookkeeping on the mall's clock, used from the event loop's thread alone. What the documentation leaves open:
the limit of token calls is counted per mall and client, a dropped sixteenth access token leaves its refresh token
alive, and a refresh leaves earlier access tokens alive. Does not belong here: HTTP (`oauth.py`).
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cafe24_pipelines.sandbox.server.clock import KST, MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.errors import OAuthRefusal

TokenState = Literal["live", "expired", "unknown"]


@dataclass(frozen=True, slots=True)
class Code:
    """An authorisation code and what it was given for."""

    mall_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    expires: float


@dataclass(slots=True)
class Access:
    """An access token."""

    mall_id: str
    scopes: frozenset[str]
    expires: float
    refresh: str
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token."""

    mall_id: str
    scopes: tuple[str, ...]
    expires: float


def with_reads(scopes: Iterable[str]) -> tuple[str, ...]:
    """`scopes` in order, each write scope together with its read scope."""
    granted: dict[str, None] = {}
    for scope in scopes:
        granted[scope] = None
        if scope.startswith("mall.write_"):
            granted["mall.read_" + scope.removeprefix("mall.write_")] = None
    return tuple(granted)


class TokenBook:
    """Every code and token that a server gave out."""

    def __init__(self, clock: MallClock) -> None:
        self._clock = clock
        self._codes: dict[str, Code] = {}
        self._access: dict[str, Access] = {}  # in order of issue
        self._refresh: dict[str, Refresh] = {}
        self._calls: dict[str, deque[float]] = {}

    def new_code(
        self, config: ServerConfig, mall_id: str, redirect_uri: str, scopes: tuple[str, ...], challenge: str = ""
    ) -> str:
        """A code for one token call within a minute."""
        code = secrets.token_urlsafe(18)
        expires = self._clock.now() + config.code_s
        self._codes[code] = Code(mall_id, redirect_uri, with_reads(scopes), challenge, expires)
        return code

    def count_call(self, config: ServerConfig, mall_id: str) -> None:
        """Count a call of the token endpoint.

        Raises:
            OAuthRefusal: there were too many in the window. The documentation only says that issue may be blocked
                for a while; status and code are ours.
        """
        now = self._clock.now()
        calls = self._calls.setdefault(mall_id, deque())
        while calls and not now - config.token_window_s < calls[0] <= now:
            calls.popleft()
        if 0 < config.token_calls <= len(calls):
            raise OAuthRefusal("too_many_requests", "Token issue is blocked for a while.", 429)
        calls.append(now)

    def redeem(
        self, config: ServerConfig, mall_id: str, code: str, redirect_uri: str, verifier: str
    ) -> dict[str, Any]:
        """Exchange a code for a token set. A code is gone after one try, whatever comes of it.

        Raises:
            OAuthRefusal: the code, its redirect URI or its verifier is wrong.
        """
        held = self._codes.pop(code, None)
        if held is None or held.mall_id != mall_id:
            raise OAuthRefusal("invalid_grant", "Invalid authorization code.")
        if self._clock.now() >= held.expires:
            raise OAuthRefusal("invalid_grant", "The authorization code has expired.")
        if redirect_uri != held.redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri does not match.")
        if held.challenge and not _verified(held.challenge, verifier):
            raise OAuthRefusal("invalid_grant", "code_verifier does not match.")
        return self.issue(config, mall_id, held.scopes)

    def refresh(self, config: ServerConfig, mall_id: str, token: str) -> dict[str, Any]:
        """A new token set; `token` is dead from here on.

        Raises:
            OAuthRefusal: it is unknown, used, revoked or expired.
        """
        held = self._refresh.get(token)
        if held is None or held.mall_id != mall_id:
            raise OAuthRefusal("invalid_grant", "Invalid refresh_token.")
        del self._refresh[token]
        if self._clock.now() >= held.expires:
            raise OAuthRefusal("invalid_grant", "The refresh_token has expired.")
        return self.issue(config, mall_id, held.scopes)

    def issue(self, config: ServerConfig, mall_id: str, scopes: tuple[str, ...]) -> dict[str, Any]:
        """A new pair, as the token endpoint answers it: no `expires_in`, KST stamps without offset."""
        now = self._clock.now()
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._access[access] = Access(mall_id, frozenset(scopes), now + config.access_s, refresh)
        self._refresh[refresh] = Refresh(mall_id, tuple(scopes), now + config.refresh_s)
        self._drop_oldest(config, mall_id, now)
        stamp = now + config.skew_s
        return {
            "access_token": access,
            "expires_at": _stamp(stamp + config.access_s),
            "refresh_token": refresh,
            "refresh_token_expires_at": _stamp(stamp + config.refresh_s),
            "client_id": config.client_id,
            "mall_id": mall_id,
            "user_id": config.operator,
            "scopes": list(scopes),
            "issued_at": _stamp(stamp),
            "shop_no": "1",
            "token_type": "Bearer",
        }

    def revoke(self, mall_id: str, token: str) -> bool:
        """End a token; an access token takes its refresh token with it. False: no such token of the mall."""
        held = self._access.get(token)
        if held is not None and held.mall_id == mall_id:
            del self._access[token]
            self._refresh.pop(held.refresh, None)
            return True
        refresh = self._refresh.get(token)
        if refresh is not None and refresh.mall_id == mall_id:
            del self._refresh[token]
            return True
        return False

    def look_up(self, mall_id: str, token: str) -> tuple[TokenState, Access | None]:
        """What an access token is worth at a mall now."""
        held = self._access.get(token)
        if held is None or held.mall_id != mall_id:
            return "unknown", None
        return ("expired" if self._clock.now() >= held.expires else "live"), held

    def kill_access(self, token: str) -> None:
        """End an access token alone, as a fault does."""
        self._access.pop(token, None)

    def expire_all(self, *, refresh: bool = False) -> None:
        """Let every access token (and refresh token) be expired from now on."""
        now = self._clock.now()
        for access in self._access.values():
            access.expires = min(access.expires, now)
        if refresh:
            self._refresh = {t: Refresh(r.mall_id, r.scopes, min(r.expires, now)) for t, r in self._refresh.items()}

    def forget_all(self) -> None:
        """End every token, as when the app is deleted from the mall."""
        self._access.clear()
        self._refresh.clear()
        self._codes.clear()

    def forget_calls(self) -> None:
        """Forget how often tokens were asked for."""
        self._calls.clear()

    def live(self) -> dict[str, int]:
        """How many access tokens and refresh tokens would be accepted now."""
        now = self._clock.now()
        return {
            "access": sum(a.expires > now for a in self._access.values()),
            "refresh": sum(r.expires > now for r in self._refresh.values()),
        }

    def _drop_oldest(self, config: ServerConfig, mall_id: str, now: float) -> None:
        live = [t for t, a in self._access.items() if a.mall_id == mall_id and a.expires > now]
        for token in live[: max(0, len(live) - config.live_tokens)]:
            del self._access[token]


def _verified(challenge: str, verifier: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest, challenge.rstrip("="))


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, KST).strftime("%Y-%m-%dT%H:%M:%S.") + "000"
