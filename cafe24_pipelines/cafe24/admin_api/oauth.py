"""Consent and the token endpoint: the authorise address, its state, and the three calls that trade tokens.

Lifetimes are differences of the answer's own stamps (KST without offset), counted from our clock's moment before the
call: neither the zone nor a machine's wrong clock moves them. Does not belong here: keeping tokens (see `tokens`).
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from cafe24_pipelines.cafe24.admin_api.errors import BadState, MalformedAnswer, Refused, Unavailable
from cafe24_pipelines.cafe24.admin_api.transport import mall_url, new_http
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    import httpx

    from cafe24_pipelines.cafe24.sealing import Seal
    from cafe24_pipelines.stores.shared_state import SharedState

ACCESS_SECONDS: Final = 2 * 3600.0
REFRESH_SECONDS: Final = 14 * 86400.0
STATE_SECONDS: Final = 600.0
TOKEN_TIMEOUT: Final = 20.0
"""How long the token endpoint may take, seconds; a lease outlives it."""

DEFAULT_SCOPES: Final = tuple(
    f"mall.read_{x}"
    for x in (
        "application",
        "category",
        "community",
        "customer",
        "order",
        "personal",
        "product",
        "promotion",
        "store",
    )
)
"""What a CRM reads and any app may ask for."""

RESTRICTED_SCOPES: Final = (
    "mall.read_mileage",
    "mall.read_notification",
    "mall.read_privacy",
    "mall.read_salesreport",
)
"""What Cafe24 approves case by case; asking without approval fails the whole consent."""

_STATE = "oauth-state"


@dataclass(frozen=True)
class TokenSet:
    """A pair of tokens. Times are epoch seconds of our shared clock; `version` counts the pairs of a mall."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float
    refresh_expires_at: float
    scopes: frozenset[str] = frozenset()
    issued_at: float = 0.0
    client_id: str = ""
    version: int = 0


@dataclass(frozen=True)
class Granted:
    """What a returned state stands for."""

    mall_id: str
    scopes: tuple[str, ...]
    verifier: str = field(default="", repr=False)


def wanted_scopes(settings: Settings) -> tuple[str, ...]:
    """What consent is asked for: the default scopes and those of CAFE24_EXTRA_SCOPES."""
    return tuple(sorted({*DEFAULT_SCOPES, *settings.extra_scopes}))


def authorize_url(
    settings: Settings, mall_id: str, state: str, scopes: Iterable[str], challenge: str | None = None
) -> str:
    """The address that the representative operator opens to consent.

    Args:
        settings: app, redirect address and where the API is.
        mall_id: the mall.
        state: from `new_state`.
        scopes: joined by commas: a space or plus was seen to be refused as invalid_scope.
        challenge: the PKCE challenge (S256), for apps that have PKCE switched on.

    Raises:
        ConfigError: the client id or the redirect address is not set.
    """
    if not settings.client_id or not settings.redirect_uri:
        raise ConfigError("the app is not set up", remedy="set CAFE24_CLIENT_ID and CAFE24_REDIRECT_URI")
    query = {
        "response_type": "code", "client_id": settings.client_id, "state": state,
        "redirect_uri": settings.redirect_uri, "scope": ",".join(scopes),
    }  # fmt: skip
    if challenge:
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"{mall_url(settings, mall_id)}/api/v2/oauth/authorize?{urlencode(query, quote_via=quote, safe=',')}"


def new_state(
    memory: "SharedState", mall_id: str, *, now: float, scopes: Iterable[str] = DEFAULT_SCOPES, binding: str = "",
    seal: "Seal | None" = None,
) -> tuple[str, str | None]:  # fmt: skip
    """A state to send with a consent, good for ten minutes and one return, and a PKCE challenge when `seal` is given.

    Args:
        memory: where its hash is remembered.
        mall_id: the mall that it is for.
        now: epoch seconds.
        scopes: what is being asked for.
        binding: what only the asking browser has (a cookie's value); the return must show the same.
        seal: keeps the PKCE verifier until the return.
    """
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48) if seal else ""
    value = {
        "mall_id": mall_id, "scopes": list(scopes), "binding": _sha(binding),
        "verifier": seal.seal(verifier.encode()).decode() if seal else "",
    }  # fmt: skip
    memory.remember_once(_STATE, state, now=now, until=now + STATE_SECONDS, value=json.dumps(value))
    return state, challenge_of(verifier) if seal else None


def check_state(
    memory: "SharedState", state: str, *, now: float, binding: str = "",
    seal_for_mall: "Callable[[str], Seal] | None" = None,
) -> Granted:  # fmt: skip
    """What a returned state was given out for; it is used up by this, whatever the outcome.

    Args:
        memory: the one that `new_state` was given.
        state: as it came back.
        now: epoch seconds.
        binding: what the returning browser shows (its cookie's value).
        seal_for_mall: opens the PKCE verifier; needed where `new_state` was given a seal.

    Raises:
        BadState: unknown, expired, used before, or returned by another browser.
    """
    value = memory.take(_STATE, state, now=now)
    remedy = "start the consent again, and finish it in the same browser within ten minutes"
    if value is None:
        raise BadState("the consent's state is unknown, expired or was used before", remedy=remedy)
    kept = json.loads(value)
    if not secrets.compare_digest(kept["binding"], _sha(binding)):
        raise BadState("the consent's state belongs to another browser", remedy=remedy)
    mall_id, verifier = kept["mall_id"], ""
    if seal_for_mall and kept["verifier"]:
        verifier = seal_for_mall(mall_id).open(kept["verifier"].encode()).decode()
    return Granted(mall_id, tuple(kept["scopes"]), verifier)


def challenge_of(verifier: str) -> str:
    """The PKCE challenge (S256) of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def exchange_code(settings: Settings, mall_id: str, code: str, *, now: float, verifier: str = "") -> TokenSet:
    """Trade a consent's code, which lives for one minute, for the first pair.

    Args:
        settings: app, redirect address and where the API is.
        mall_id: the mall.
        code: from the redirect.
        now: epoch seconds of our shared clock, before the call.
        verifier: PKCE, when a challenge was sent.

    Raises:
        Refused: the mall said no (`more_info["error"]` is its code).
        Unavailable: no proper answer; the code may be used up.
        MalformedAnswer: an answer without tokens.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": settings.redirect_uri}
    return token_set(_post(settings, mall_id, "token", form | ({"code_verifier": verifier} if verifier else {})), now)


def refresh(settings: Settings, mall_id: str, refresh_token: str, *, now: float) -> TokenSet:
    """Trade a refresh token for a new pair; the old refresh token dies by it. Errors as of `exchange_code`."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return token_set(_post(settings, mall_id, "token", form), now)


def revoke(settings: Settings, mall_id: str, token: str, *, hint: str = "access_token") -> None:
    """End a token; ending an access token ends its refresh token too. Errors as of `exchange_code`."""
    _post(settings, mall_id, "revoke", {"token": token, "token_hint": hint})


def token_set(answer: Mapping[str, Any], now: float) -> TokenSet:
    """A token answer as a `TokenSet`.

    A pair that was handed out is kept whatever else the answer lacks: the one before it is dead by now.

    Raises:
        MalformedAnswer: there is no pair in it.
    """
    access, renewal = answer.get("access_token"), answer.get("refresh_token")
    if not (isinstance(access, str) and access and isinstance(renewal, str) and renewal):
        raise MalformedAnswer("the token endpoint answered without tokens", remedy="try again")
    scopes = answer.get("scopes") or []
    if isinstance(scopes, str):
        scopes = scopes.replace(",", " ").split()
    issued = answer.get("issued_at")
    return TokenSet(
        access, renewal,
        expires_at=now + _life(issued, answer.get("expires_at"), ACCESS_SECONDS),
        refresh_expires_at=now + _life(issued, answer.get("refresh_token_expires_at"), REFRESH_SECONDS),
        scopes=frozenset(str(s) for s in scopes), issued_at=now, client_id=str(answer.get("client_id") or ""),
    )  # fmt: skip


def _life(issued: object, ends: object, usual: float) -> float:
    """Seconds between two stamps of one answer; the usual life where they make no sense."""
    try:
        start, end = (datetime.fromisoformat(str(x)).replace(tzinfo=None) for x in (issued, ends))
    except ValueError:
        return usual
    seconds = (end - start).total_seconds()
    return seconds if seconds > 0 else usual


def _post(settings: Settings, mall_id: str, path: str, form: Mapping[str, str]) -> dict[str, Any]:
    import httpx

    if not settings.client_id or not settings.client_secret:
        raise ConfigError("the app is not set up", remedy="set CAFE24_CLIENT_ID and CAFE24_CLIENT_SECRET")
    basic = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
    url, where = f"{mall_url(settings, mall_id)}/api/v2/oauth/{path}", f"mall {mall_id}, /api/v2/oauth/{path}"
    try:
        with new_http(read_seconds=TOKEN_TIMEOUT) as http:
            answer = http.post(url, data=dict(form), headers={"Authorization": f"Basic {basic}"})
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise Unavailable("the mall can't be reached", where=where, remedy="try again later", acted=False) from None
    except httpx.HTTPError as e:
        raise Unavailable(
            f"no whole answer ({type(e).__name__})", where=where, remedy="try again", acted=None
        ) from None
    return _read(answer, where)


def _read(answer: "httpx.Response", where: str) -> dict[str, Any]:
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        body = None
    if answer.is_success and isinstance(body, dict):
        return body
    if answer.status_code >= 500 or answer.status_code == 429 or answer.is_success or answer.is_redirect:
        acted = False if answer.status_code == 429 else None
        raise Unavailable(f"answered with {answer.status_code}", where=where, remedy="try again later", acted=acted)
    said = body if isinstance(body, dict) else {}
    error = said.get("error")
    code = str(error) if isinstance(error, str) else f"status {answer.status_code}"
    remedy = "check CAFE24_CLIENT_ID and CAFE24_CLIENT_SECRET" if code == "invalid_client" else ""
    raise Refused(answer.status_code, code, {"error": code}, where=where, remedy=remedy)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
