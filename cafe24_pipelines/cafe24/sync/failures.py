"""Which failures stop what: a window, a resource, or the whole run. Does not belong here: retrying (the client's)."""

from typing import Final

from cafe24_pipelines.cafe24.admin_api.errors import (
    ApprovalNeeded,
    ConsentNeeded,
    NotFound,
    ScopeMissing,
    TokenCallsSpent,
)
from cafe24_pipelines.errors import Cafe24Error

STOPS_ALL: Final = (ConsentNeeded, TokenCallsSpent)
"""Without a token nothing can be read."""
SKIPS: Final = (ScopeMissing, ApprovalNeeded)
"""Nothing is wrong: this installation may not read the resource."""


def is_gone(error: NotFound) -> bool:
    """Whether a 404 says that the row is not there; an address that the API does not know says nothing of rows."""
    return "no api found" not in str(error).lower()


class SyncRunning(Cafe24Error):
    """Another sync of the same mall is at work."""


class Trouble:
    """Counts failures in a row; the one that makes it too many is raised."""

    def __init__(self, limit: int) -> None:
        self._limit, self._row = limit, 0

    def met(self, error: Cafe24Error) -> None:
        """Note a failure.

        Raises:
            Cafe24Error: the error itself, when going on makes no sense.
        """
        self._row += 1
        if isinstance(error, STOPS_ALL + SKIPS) or self._row >= self._limit:
            raise error

    def over(self) -> None:
        """Something worked."""
        self._row = 0
