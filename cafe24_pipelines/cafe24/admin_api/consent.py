"""An operator's consent without a web app: the address to open, and what to do with what comes back.

The web app (`serving/consent.py`) does the same with a browser's cookie between the two halves.
"""

import time

from cafe24_pipelines.cafe24.admin_api.errors import BadState
from cafe24_pipelines.cafe24.admin_api.oauth import authorize_url, check_state, new_state, wanted_scopes
from cafe24_pipelines.settings import Settings


def begin_consent(settings: Settings, mall_id: str) -> str:
    """The address that the mall's representative operator opens; good for ten minutes.

    Raises:
        ConfigError: the app's client id or redirect address is not set.
    """
    from cafe24_pipelines.stores.shared_state import shared_state

    scopes = wanted_scopes(settings)
    state, _ = new_state(shared_state(settings), mall_id, now=time.time(), scopes=scopes)
    return authorize_url(settings, mall_id, state, scopes)


def finish_consent(settings: Settings, mall_id: str, *, code: str, state: str) -> frozenset[str]:
    """Trade the code for tokens and store them, sealed; returns the scopes that were granted.

    Raises:
        BadState: the state is not of this mall's consent, is older than ten minutes, or was used.
        Refused: the code was used or is older than a minute.
    """
    from cafe24_pipelines.cafe24.admin_api.tokens import token_keeper
    from cafe24_pipelines.stores.shared_state import shared_state

    granted = check_state(shared_state(settings), state, now=time.time())
    if granted.mall_id != mall_id:
        raise BadState(f"this consent was for mall {granted.mall_id}", where=f"mall {mall_id}",
                       remedy="begin again with `cafe24 authorize`")  # fmt: skip
    keeper = token_keeper(settings, mall_id)
    keeper.consented(code)
    return keeper.scopes()
