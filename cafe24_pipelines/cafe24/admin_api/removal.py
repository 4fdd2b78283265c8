"""After Cafe24's event that the app was deleted from a mall (90077): the tokens are dropped, if the mall agrees.

An event comes late, twice or from whoever knows the webhook key, and an app may have been installed again meanwhile.
So it is a reason to ask the mall, not to believe it. Does not belong here: reading events (`cafe24/webhooks.py`).
"""

import logging

from cafe24_pipelines.cafe24.admin_api.clock import Clock
from cafe24_pipelines.cafe24.admin_api.errors import AdminApiError, AppRemoved, ConsentNeeded, Unavailable
from cafe24_pipelines.cafe24.admin_api.tokens import REMOVED
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.settings import Settings

log = logging.getLogger(__name__)


def drop_if_removed(settings: Settings, mall_id: str, *, clock: Clock | None = None) -> str:
    """Ask the mall once, and drop its tokens when it takes none of them any more.

    Returns:
        "dropped", "kept" (the mall answered: the app is there), "unknown" (it did not answer; the next sync asks
        again) or "none" (there were no tokens). One line of log says the same.
    """
    from cafe24_pipelines.cafe24.admin_api.client import admin_client

    client = None
    try:
        client = admin_client(settings, mall_id, clock=clock)
        if client.keeper.store.get(mall_id) is None:
            return "none"
        client.get("apps")
    except ConsentNeeded as e:
        if client is not None and not isinstance(e, AppRemoved):
            client.keeper.dropped()
        log.warning("mall %s: %s; reading it again needs the operator's consent", mall_id, REMOVED)
        return "dropped"
    except Unavailable:
        log.warning("mall %s: the app is said to be deleted, and the mall does not answer; tokens are kept", mall_id)
        return "unknown"
    except AdminApiError:
        pass  # it read our token and said no to this call: the app is there
    except Cafe24Error as e:
        log.warning("mall %s: the app is said to be deleted, which could not be checked: %s", mall_id, e)
        return "unknown"
    finally:
        if client is not None:
            client.close()
    log.info("mall %s: the app is said to be deleted, but the mall takes its tokens; they are kept", mall_id)
    return "kept"
