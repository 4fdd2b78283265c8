"""How far a run is, said every ten seconds or so: a first sync takes minutes, and silence looks like a standstill.

One line for all walks at work, as in `carts_action 90/180 days, wish_lists 20/500 lists`. Does not belong here: what
a run did in the end (`report.py`).
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta


class Progress:
    """Takes in how far each walk is and passes a line on now and then. Thread-safe.

    Args:
        say: takes a line.
        every: the least time between two lines.
        ticks: seconds that pass.
    """

    def __init__(
        self, say: Callable[[str], None], every: timedelta, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._every, self._ticks = say, every.total_seconds(), ticks
        self._lock = threading.Lock()
        self._walks: dict[str, str] = {}
        self._said = ticks()

    def at(self, walk: str, done: int, total: int, unit: str) -> None:
        """A walk has done so much of it; `total` 0 where nobody knows how much there is."""
        with self._lock:
            self._walks[walk] = f"{walk} {done:,}{f'/{total:,}' if total else ''} {unit}"
            now = self._ticks()
            if now - self._said < self._every:
                return
            self._said, line = now, ", ".join(self._walks.values())
        self._say(line)

    def over(self, resource: str) -> None:
        """The walks of a resource have ended."""
        with self._lock:
            self._walks = {w: text for w, text in self._walks.items() if w.split(" ")[0] != resource}
