"""The mall's clock, as its `Date` headers tell it.

A header says the second in which an answer was made; every answer narrows the bounds of how far the mall's clock is
from ours. Does not belong here: asking for an answer.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cafe24_pipelines.cafe24.admin_api.clock import Clock, ticks_of


class ServerTime:
    """Bounds of the mall's clock minus our ticks, so that setting this machine's clock changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._least: float | None = None
        self._most = 0.0

    @property
    def known(self) -> bool:
        """Whether an answer has told the time yet."""
        return self._least is not None

    def ticks(self) -> float:
        """Our ticks now; give them to `heard`."""
        return ticks_of(self._clock)

    def heard(self, headers: Mapping[str, str], asked: float) -> None:
        """Take in an answer's headers; `asked` are the ticks before the call."""
        try:
            date = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except (TypeError, ValueError):
            return
        least, most = date - self.ticks(), date + 1.0 - asked
        with self._lock:
            if (
                self._least is None or least > self._most or most < self._least
            ):  # the first, or the mall's clock moved
                self._least, self._most = least, most
            else:
                self._least, self._most = max(self._least, least), min(self._most, most)

    def now(self) -> datetime:
        """The mall's time in UTC: the earliest that answers allow, so never ahead of it."""
        with self._lock:
            return datetime.fromtimestamp((self._least or 0.0) + self.ticks(), UTC)
