"""Keeping each mall's tokens alive: proved after a consent, rotated before their end, and an alert when only the
operator can help.

A pair is rotated under the token store's lease, so of all processes one asks and the others find what it stored.
Does not belong here: the store and the lease (`cafe24/admin_api/`), or when to look (see `sensors/lifecycle.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.lifecycle.state import AUTHORIZED, MallState, mall_states
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cafe24_pipelines.cafe24.admin_api.clock import Clock
    from cafe24_pipelines.cafe24.admin_api.oauth import TokenSet
    from cafe24_pipelines.cafe24.admin_api.tokens import TokenKeeper
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

PROVED: Final = "oauth.proved"
RENEWED: Final = "oauth.renewed"
EXPIRING: Final = "oauth.expiring"
ENDED: Final = "oauth.ended"
ACCESS_MARGIN: Final = 15 * 60.0
"""Seconds before the end of an access token (2 h) at which a pair in use is rotated."""
IDLE_MARGIN: Final = 7 * 86_400.0
"""The same for the refresh token (14 days) of a mall that nobody reads: a suspended one stays connected."""
ALERT_MARGIN: Final = 3 * 86_400.0
"""When a refresh token is this near to its end, renewing has failed for days: the operator is asked to consent."""
_REMEDY: Final = "대표운영자가 앱을 다시 열어 연동에 동의해야 합니다. (cafe24 authorize --mall {mall})"

Outcome = Literal["alive", "renewed", "unreachable", "consent_needed", "none"]


@dataclass(frozen=True)
class Care:
    """What was done for a mall: its outcome, the pair's version and ends (epoch seconds), and alerts logged."""

    mall_id: str
    outcome: Outcome
    version: int = 0
    access_ends: float = 0.0
    refresh_ends: float = 0.0
    alerts: tuple[str, ...] = ()


def due(settings: "Settings", log: "EventLog", now: float) -> list[str]:
    """Malls whose pair needs care at `now` (epoch seconds): an end is near, or its last consent is unproved.

    Reads the token store alone; who is neither stored nor known is left out.
    """
    from cafe24_pipelines.cafe24.malls import known_malls

    if not (settings.state_url or settings.home.state.exists()):
        return []
    states = mall_states(log)
    found = []
    for mall_id, mall in known_malls(settings.home).items():
        state = states.get(mall_id, MallState(mall_id))
        if mall.source != "api" or state.stage in ("uninstalled", "removing", "removed"):
            continue
        pair = _stored(settings, mall_id)
        if pair is not None and not log.known(f"{ENDED}:{mall_id}:{pair.version}") and (
            _ends_soon(pair, now, in_use=state.served) or _unproved(log, mall_id)
        ):  # fmt: skip
            found.append(mall_id)
    return found


def look_after(
    settings: "Settings", log: "EventLog", mall_id: str, *, in_use: bool = True, clock: "Clock | None" = None
) -> Care:
    """Prove the mall's pair, rotate it if an end is near, and log what came of it; alerts are logged once a pair.

    Raises:
        ConfigError: the app's credentials or the key of the stored pair are wrong: nobody's consent would help.
    """
    from cafe24_pipelines.cafe24.admin_api.errors import ConsentNeeded, TokenCallsSpent, Unavailable
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper

    keeper = token_keeper(settings, mall_id, clock=clock)
    before = keeper.store.get(mall_id)
    if before is None:
        return Care(mall_id, "none")
    now = _now(clock)
    outcome: Outcome = "alive"
    try:
        if _ends_soon(before, now, in_use=in_use):
            keeper.rejected(before.access_token)
            outcome = "renewed"
        if _unproved(log, mall_id):
            _prove(settings, mall_id, clock)
    except ConsentNeeded:
        outcome = "consent_needed"
    except (TokenCallsSpent, Unavailable):
        outcome = "unreachable"
    return _told(log, keeper, before, outcome, now)


def _prove(settings: "Settings", mall_id: str, clock: "Clock | None") -> None:
    """One call of the API with the token; a no to the call itself is a yes to the token."""
    from cafe24_pipelines.cafe24.admin_api.client import admin_client
    from cafe24_pipelines.cafe24.admin_api.errors import AdminApiError, ConsentNeeded, Unavailable

    client = admin_client(settings, mall_id, clock=clock)
    try:
        client.get("apps")
    except (ConsentNeeded, Unavailable):
        raise
    except AdminApiError:
        pass
    finally:
        client.close()


def _told(log: "EventLog", keeper: "TokenKeeper", before: "TokenSet", outcome: Outcome, now: float) -> Care:
    """Log the outcome and what needs an operator."""
    mall_id = keeper.mall_id
    pair = keeper.store.get(mall_id) or before
    ends = {
        "version": pair.version, "access_ends": _iso(pair.expires_at), "refresh_ends": _iso(pair.refresh_expires_at)
    }  # fmt: skip
    new: list[tuple[str, str, dict[str, Any]]] = []
    if pair.version > before.version:
        new.append((RENEWED, f"{mall_id}:{pair.version}", ends))
    if outcome in ("alive", "renewed") and (consent := _unproved(log, mall_id)):
        missing = sorted(set(consent.payload.get("asked", ())) - pair.scopes) if pair.scopes else []
        new.append((PROVED, consent.event_id, ends | {"missing_scopes": missing}))
    remedy = _REMEDY.format(mall=mall_id)
    left = pair.refresh_expires_at - now
    if outcome == "consent_needed":
        new.append((ENDED, f"{mall_id}:{pair.version}", ends | {"remedy": remedy}))
    elif left < ALERT_MARGIN:
        days = {"days_left": max(0, int(left // 86_400)), "why": outcome, "remedy": remedy}
        new.append((EXPIRING, f"{mall_id}:{pair.version}", ends | days))
    at = datetime.now(UTC)
    log.append([Event(f"{kind}:{key}", mall_id, kind, at, payload) for kind, key, payload in new])
    alerts = tuple(kind for kind, _, _ in new if kind in (EXPIRING, ENDED))
    return Care(mall_id, outcome, pair.version, pair.expires_at, pair.refresh_expires_at, alerts)


def look_after_all(settings: "Settings", log: "EventLog", mall_ids: "Iterable[str]") -> list[Care]:
    """`look_after` for a batch: one mall's trouble keeps no other waiting.

    Raises:
        Cafe24Error: of the first mall that settings hinder, once all were looked after.
    """
    states, done, trouble = mall_states(log), [], None
    for mall_id in mall_ids:
        try:
            served = states.get(mall_id, MallState(mall_id)).served
            done.append(look_after(settings, log, mall_id, in_use=served))
        except Cafe24Error as e:
            trouble = trouble or e
    if trouble:
        raise trouble
    return done


def _ends_soon(pair: "TokenSet", now: float, *, in_use: bool) -> bool:
    idle = pair.refresh_expires_at - now < IDLE_MARGIN
    return idle or (in_use and pair.expires_at - now < ACCESS_MARGIN)


def _unproved(log: "EventLog", mall_id: str) -> Event | None:
    """The last consent, if no pair was proved after it."""
    consents = log.latest(mall_id, (AUTHORIZED,), 1)
    return consents[0] if consents and not log.known(f"{PROVED}:{consents[0].event_id}") else None


def _stored(settings: "Settings", mall_id: str) -> "TokenSet | None":
    from cafe24_pipelines.cafe24.admin_api.token_store import TokenStore
    from cafe24_pipelines.cafe24.sealing import seal_for
    from cafe24_pipelines.stores.shared_state import shared_state

    return TokenStore(shared_state(settings), lambda mall: seal_for(settings, mall, "tokens")).get(mall_id)


def _now(clock: "Clock | None") -> float:
    from cafe24_pipelines.cafe24.admin_api.clock import SystemClock

    return (clock or SystemClock()).now()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
