"""The mall's clock: real time from a chosen start, which can be set, advanced, sped up or stopped.

Everything the server limits or dates follows it. Does not belong here: who may change it (`control.py`).
"""

import threading
import time
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from cafe24_pipelines.names import SEOUL

KST: Final = ZoneInfo(SEOUL)


class MallClock:
    """A clock in epoch seconds that runs at `speed` times real time. Thread-safe.

    Args:
        start: where it begins (aware); None begins at the machine's own time.
        speed: mall seconds in a real second, from 0 (stands still).
        origin: the real epoch second at which it read `start`; default now. Processes that share `start`, `speed`
            and `origin` share the clock.
    """

    def __init__(self, start: datetime | None = None, *, speed: float = 1.0, origin: float | None = None) -> None:
        self._lock = threading.Lock()
        self._origin = time.time() if origin is None else origin
        self._base = self._origin if start is None else start.timestamp()
        self._speed = _checked(speed)

    def now(self) -> float:
        """Epoch seconds of the mall."""
        with self._lock:
            return self._now()

    def kst(self) -> datetime:
        """The mall's time in KST."""
        return datetime.fromtimestamp(self.now(), KST)

    @property
    def speed(self) -> float:
        """Mall seconds in a real second."""
        return self._speed

    def set(self, at: datetime) -> None:
        """Jump to `at` (aware), also backwards."""
        with self._lock:
            self._base, self._origin = at.timestamp(), time.time()

    def advance(self, seconds: float) -> None:
        """Jump forward."""
        with self._lock:
            self._base += seconds

    def run_at(self, speed: float) -> None:
        """Go on from now at another speed.

        Raises:
            ValueError: `speed` is negative.
        """
        with self._lock:
            self._base, self._origin = self._now(), time.time()
            self._speed = _checked(speed)

    def _now(self) -> float:
        return self._base + (time.time() - self._origin) * self._speed


def _checked(speed: float) -> float:
    if speed < 0:
        raise ValueError("a mall's clock does not run backwards")
    return speed
