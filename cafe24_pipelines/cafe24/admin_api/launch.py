"""The app launch: an operator opens the app, and Cafe24 signs the address it sends the browser to.

Does not belong here: what follows a good launch (consent, see `oauth`; the web routes, see `serving/`).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote

from cafe24_pipelines.cafe24.admin_api.errors import BadLaunch
from cafe24_pipelines.errors import ConfigError

if TYPE_CHECKING:
    from cafe24_pipelines.stores.shared_state import SharedState

FRESH_SECONDS: Final = 300.0
_KIND = "app-launch"
_REMEDY = "open the app again from the mall's admin"


@dataclass(frozen=True)
class LaunchRequest:
    """Who opened the app. `user_id` and `user_name` are the operator's own and stay out of `repr`."""

    mall_id: str
    shop_no: int
    user_type: str
    lang: str
    nation: str
    is_multi_shop: bool
    timestamp: float
    user_id: str = field(default="", repr=False)
    user_name: str = field(default="", repr=False)


def verify_launch(
    raw_query: str, client_secret: str, now: float, *, within: float = FRESH_SECONDS,
    memory: "SharedState | None" = None,
) -> LaunchRequest:  # fmt: skip
    """Check a launch's signature, age and novelty.

    The signature covers the query as it was sent: decoding and encoding it again would change Korean names, spaces
    and plus signs. So pairs stay raw, `hmac` is left out, and the rest is sorted by name.

    Args:
        raw_query: what stands after `?`, still URL-encoded.
        client_secret: the app's.
        now: epoch seconds.
        within: how old (or ahead) the timestamp may be, seconds.
        memory: remembers launches, so that none works twice; without it a copy passes until it is stale.

    Raises:
        BadLaunch: not signed by Cafe24, stale, or seen before.
        ConfigError: there is no client secret to check with.
    """
    if not client_secret:
        raise ConfigError("launches can't be checked", remedy="set CAFE24_CLIENT_SECRET")
    pairs = [pair for pair in raw_query.split("&") if pair]
    given = [_value(pair) for pair in pairs if _name(pair) == "hmac"]
    rest = sorted((pair for pair in pairs if _name(pair) != "hmac"), key=_name)
    names = [unquote(_name(pair)) for pair in rest]
    if len(given) != 1 or len(set(names)) != len(names):
        raise BadLaunch("the launch is not signed as Cafe24 signs it", remedy=_REMEDY)
    expected = base64.b64encode(hmac.digest(client_secret.encode(), "&".join(rest).encode(), hashlib.sha256))
    # unquote, not unquote_plus: a base64 plus may come as it is
    if not hmac.compare_digest(expected, unquote(given[0]).replace(" ", "+").encode()):
        raise BadLaunch("the launch's signature does not match", remedy=f"{_REMEDY}; check CAFE24_CLIENT_SECRET")
    launch = _read("&".join(rest))
    if not abs(now - launch.timestamp) <= within:
        raise BadLaunch("the launch is stale", remedy=f"{_REMEDY}; check this machine's clock")
    until = launch.timestamp + 2 * within
    if memory is not None and not memory.remember_once(_KIND, expected.decode(), now=now, until=until):
        raise BadLaunch("the launch was used before", remedy=_REMEDY)
    return launch


def _name(pair: str) -> str:
    return pair.partition("=")[0]


def _value(pair: str) -> str:
    return pair.partition("=")[2]


def _read(query: str) -> LaunchRequest:
    fields = dict(parse_qsl(query, keep_blank_values=True))
    try:
        return LaunchRequest(
            fields["mall_id"], int(fields.get("shop_no") or 1), fields.get("user_type", ""), fields.get("lang", ""),
            fields.get("nation", ""), fields.get("is_multi_shop") == "T", float(int(fields["timestamp"])),
            fields.get("user_id", ""), fields.get("user_name", ""),
        )  # fmt: skip
    except (KeyError, ValueError):
        raise BadLaunch("the launch lacks its mall or its time", remedy=_REMEDY) from None
