"""Landing what the Admin API holds, in full and then by increments, and losing nothing on the way.

`MallSync` is the way in. A window of rows counts as read only when the API's own count agrees with what was read;
rows and the ledger that says so become visible in one atomic commit. Does not belong here: HTTP (see `admin_api/`),
what a field means or whether it is personal (`admin_api/line.py`), how rows are stored (`stores/records.py`).

What can still escape an incremental run: an edit of an order older than the look-back that leaves every date and
every item status as they are (a changed receiver), an edit of a row of points, credits or refunds older than it, one
row gone and one come in the same older window between two runs (the counts stay equal), for a day a changed member or
article, and without the privacy scope, for up to thirty days, a changed member whom no recent row names.
`run(whole=True)` reads everything and compares it.
"""

from cafe24_pipelines.cafe24.sync.engine import MallSync
from cafe24_pipelines.cafe24.sync.report import ResourceReport, SyncReport
from cafe24_pipelines.cafe24.sync.tuning import Tuning

__all__ = ["MallSync", "ResourceReport", "SyncReport", "Tuning"]
