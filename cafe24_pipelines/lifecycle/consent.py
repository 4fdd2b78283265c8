"""What a mall's consent leaves, however it came back: tokens, the mall registered, and the events of its life.

The web app's callback and `cafe24 authorize --code` both end here. Does not belong here: addresses, states and tokens
themselves (`cafe24/admin_api/`), or how a browser is told (`serving/consent.py`).
"""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.lifecycle.state import AUTHORIZED, INSTALLED, mall_state
from cafe24_pipelines.stores.digest import text_digest
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.oauth import Granted
    from cafe24_pipelines.lifecycle.state import MallState
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

REMOVING: Final = "removing"


class BeingRemoved(Cafe24Error):
    """A mall consents while what is known of it is being removed: what is stored now would go with the rest."""


def complete_consent(
    settings: "Settings", log: "EventLog", granted: "Granted", *, state: str, code: str
) -> frozenset[str]:
    """Trade the code for tokens and store them, register the mall, log `oauth.authorized`, and `app.installed` where
    the mall had not installed the app: Cafe24 sends no webhook for that, its first consent is one.

    Args:
        granted: what the state was given out for (`check_state`).

    Returns:
        The scopes that were granted.

    Raises:
        BeingRemoved: the mall is being removed; nothing is stored.
        Refused: the code was used or is older than a minute.
    """
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
    from cafe24_pipelines.cafe24.malls import register
    from cafe24_pipelines.cafe24.sources import api_mall

    mall_id = granted.mall_id
    _refuse_while_removed(log, mall_id)
    keeper = token_keeper(settings, mall_id)
    keeper.consented(code)
    try:
        life = _refuse_while_removed(log, mall_id)  # the trade takes a while, and a removal may have begun meanwhile
    except BeingRemoved:
        keeper.store.forget(mall_id)
        raise
    scopes = keeper.scopes()
    register(settings.home, api_mall(settings, mall_id))
    payload = {"scopes": sorted(scopes), "asked": sorted(granted.scopes)}
    event_id, now = f"oauth:{mall_id}:{text_digest(state)}", datetime.now(UTC)
    told = [Event(event_id, mall_id, AUTHORIZED, now, payload)]
    if not life.installed_by:
        told.append(Event(f"{INSTALLED}:{event_id}", mall_id, INSTALLED, now, {"via": "consent"}))
    log.append(told)
    return scopes


def _refuse_while_removed(log: "EventLog", mall_id: str) -> "MallState":
    life = mall_state(log, mall_id)
    if life.stage == REMOVING:
        raise BeingRemoved("what is known of this mall is being removed", where=f"mall {mall_id}",
                           remedy="wait until that is done, then begin again with `cafe24 authorize`")  # fmt: skip
    return life


def finish_consent(settings: "Settings", log: "EventLog", mall_id: str, *, code: str, state: str) -> frozenset[str]:
    """`complete_consent` from what the operator copied out of the address bar.

    Raises:
        BadState: the state is not of this mall's consent, is older than ten minutes, or was used.
        BeingRemoved, Refused: as `complete_consent`.
    """
    from cafe24_pipelines.cafe24.admin_api.errors import BadState
    from cafe24_pipelines.cafe24.admin_api.oauth import check_state
    from cafe24_pipelines.stores.shared_state import shared_state

    granted = check_state(shared_state(settings), state, now=time.time())
    if granted.mall_id != mall_id:
        raise BadState(f"this consent was for mall {granted.mall_id}", where=f"mall {mall_id}",
                       remedy="begin again with `cafe24 authorize`")  # fmt: skip
    return complete_consent(settings, log, granted, state=state, code=code)
