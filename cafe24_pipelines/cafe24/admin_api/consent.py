"""An operator's consent without a web app: the address to open.

The web app (`serving/consent.py`) does the same with a browser's cookie. Does not belong here: what to do with what
comes back (see `lifecycle/consent.py`).
"""

import time

from cafe24_pipelines.cafe24.admin_api.oauth import authorize_url, new_state, wanted_scopes
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
