"""What can be set on a sandbox server: the app it knows, its limits, and the faults it plays.

One frozen Struct, replaced as a whole when a control route changes it. Does not belong here: acting on it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from cafe24_pipelines.sandbox.server.endpoints import Endpoint

_AREAS: Final = [
    "category",
    "product",
    "collection",
    "supply",
    "personal",
    "order",
    "community",
    "customer",
    "notification",
    "store",
    "promotion",
    "design",
    "application",
    "salesreport",
    "privacy",
    "mileage",
    "shipping",
    "translation",
]
READ_SCOPES: Final = (*(f"mall.read_{area}" for area in _AREAS), "mall.read_analytics")
DEFAULT_SCOPES: Final = (*READ_SCOPES, "mall.write_application", "mall.write_customer", "mall.write_promotion")


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a sandbox server. Durations are seconds of the mall's clock unless it says otherwise.

    Rates are chances from 0 to 1 for each answer, row or webhook. Numbers that Cafe24 does not publish are
    assumptions and are marked so.
    """

    # The app as the developer centre knows it.
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105  an invented mall's invented secret
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    approved: bool = False  # the endpoints "for specific clients" are open
    redirect_uris: tuple[str, ...] = (
        "http://127.0.0.1:8000/oauth/callback",
        "https://app.example.com/cafe24/callback",
    )
    operator: str = "sandbox-owner"
    auto_consent: bool = True  # False: authorise leads to the page at /_sandbox/consent
    mall_ids: tuple[str, ...] = ()  # further mall ids under which the first mall's content is served

    # OAuth
    access_s: float = 2 * 3600
    refresh_s: float = 14 * 86400
    code_s: float = 60
    live_tokens: int = 15
    token_calls: int = 15  # per `token_window_s`, mall and client; 0 turns the limit off
    token_window_s: float = 2 * 3600

    # Limits of calls
    limits: bool = True  # False: nothing is refused; levels and busy seconds are counted all the same
    driven: bool = False  # limits go by the time that each call says it was made at; see `driven.py`
    leak: float = 2.0  # calls a second that leave each bucket
    per_second: int = 10  # this many calls a second from one address to one mall are too many; 0 turns it off
    quota_calls: float = 1400  # assumption; see `limits.py`
    quota_seconds: float = 280  # assumption: processing time allowed a window
    quota_window_s: float = 128  # assumption

    # Paging: the largest `offset` by resource, where it is to be smaller than the API's own, as in {"orders": 30}
    offset_caps: dict[str, int] = {}

    # Versions
    versions: tuple[str, ...] = ("2025-09-01", "2025-12-01", "2026-03-01")  # those still alive, oldest first
    app_version: str = "2026-03-01"
    initial_version: str = "2025-09-01"

    # Webhooks
    webhook_key: str = "sandbox-webhook-key"
    webhook_targets: tuple[str, ...] = ()
    webhook_events: tuple[int, ...] = ()  # event numbers the app listens to; none means all

    # Faults; real seconds, because a client's time-outs are real
    faults_seed: int = 0
    latency_ms: float = 0
    error_rate: float = 0  # 500, 503 and 504 in turn by the dice
    timeout_rate: float = 0  # no answer until the client gives up
    timeout_s: float = 30  # the longest such wait
    truncate_rate: float = 0  # the body ends early
    slow_rate: float = 0
    slow_s: float = 2
    malformed_rate: float = 0  # rows with a wrong type or a missing key
    malformed_sticky: bool = True  # the same rows on every reading; False: the dice decide each time
    unknown_field_rate: float = 0  # rows with fields that no documentation knows
    revoke_after_calls: int = 0  # an access token dies after this many calls; 0 never
    skew_s: float = 0  # added to the Date header and to the stamps of tokens
    oauth_error_rate: float = 0  # 503 from the token endpoint, nothing done
    oauth_lost_rate: float = 0  # the token call took effect, its answer never arrives
    duplicate_rate: float = 0
    reorder_rate: float = 0
    lose_rate: float = 0

    def capped(self, endpoint: "Endpoint") -> "Endpoint":
        """The endpoint with the offsets that it takes here."""
        cap = self.offset_caps.get(endpoint.resource)
        if cap is None or not endpoint.limit:
            return endpoint
        return replace(endpoint, offset_cap=cap if endpoint.offset_cap is None else min(cap, endpoint.offset_cap))


FAULT_FIELDS: Final = [
    "faults_seed",
    "latency_ms",
    "error_rate",
    "timeout_rate",
    "timeout_s",
    "truncate_rate",
    "slow_rate",
    "slow_s",
    "malformed_rate",
    "malformed_sticky",
    "unknown_field_rate",
    "revoke_after_calls",
    "skew_s",
    "oauth_error_rate",
    "oauth_lost_rate",
    "duplicate_rate",
    "reorder_rate",
    "lose_rate",
]


def config_of(values: dict[str, Any], base: ServerConfig | None = None) -> ServerConfig:
    """`base` (default: the defaults) with `values` in place.

    Raises:
        msgspec.ValidationError: a name is unknown or a value has the wrong type.
    """
    merged = {**msgspec.to_builtins(base or ServerConfig()), **msgspec.to_builtins(values)}
    return msgspec.convert(merged, ServerConfig)
