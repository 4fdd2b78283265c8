"""A short sync of what webhooks say has changed, between two syncs of everything.

Webhooks get lost (Cafe24 said so twice), so they only choose what is read sooner: the hourly sync reads it all again.
Does not belong here: receiving webhooks (`cafe24/webhooks.py`).
"""

from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.webhooks import changed_since

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.sync.engine import MallSync
    from cafe24_pipelines.cafe24.sync.report import SyncReport
    from cafe24_pipelines.stores.events import EventLog

READER: Final = "sync-touched"


def sync_touched(sync: "MallSync", log: "EventLog", mall_id: str) -> "SyncReport | None":
    """Sync the resources that webhooks touched since the last time; None when there were none.

    The log's cursor moves only when everything read agrees, so a failed one is tried again.
    """
    reader = f"{READER}:{mall_id}"
    changes = changed_since(log, mall_id, log.cursor(reader))
    names = sync.known(changes.resources)
    if not names:
        if changes.events:
            log.move_cursor(reader, changes.last_seq)
        return None
    report = sync.run(names)
    if report.agreed:
        log.move_cursor(reader, changes.last_seq)
    return report
