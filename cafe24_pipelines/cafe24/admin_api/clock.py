"""Time as the connector sees it: the machine's, or a faster one for rehearsals against the sandbox mall.

Does not belong here: the mall's time (see `client.AdminClient.server_now`).
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch, and waiting in the same seconds."""

    def now(self) -> float:
        """Seconds since the epoch (UTC)."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock; at once when it is zero or less."""
        ...


class SystemClock:
    """The machine's clock."""

    speed = 1.0

    def now(self) -> float:
        """Seconds since the epoch (UTC)."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        if seconds > 0:
            time.sleep(seconds)

    def ticks(self) -> float:
        """Seconds that pass, from an unknown start: setting the machine's clock doesn't move them."""
        return time.monotonic()


class FastClock:
    """A clock that runs `speed` times as fast since `origin` (epoch seconds); processes that share both agree."""

    def __init__(self, speed: float, origin: float) -> None:
        self.speed, self.origin = speed, origin

    def now(self) -> float:
        """Seconds since the epoch (UTC), as this clock counts them."""
        return self.origin + (time.time() - self.origin) * self.speed

    def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock: `seconds / speed` of the machine's."""
        if seconds > 0:
            time.sleep(seconds / self.speed)

    def ticks(self) -> float:
        """Seconds of this clock that pass, from an unknown start."""
        return time.monotonic() * self.speed


def speed_of(clock: Clock) -> float:
    """How many seconds of this clock pass in one second of the machine (1 when the clock doesn't say)."""
    return float(getattr(clock, "speed", 1.0))


def ticks_of(clock: Clock) -> float:
    """Seconds that pass; a clock that doesn't count them apart gives its time of day."""
    ticks = getattr(clock, "ticks", None)
    return float(ticks()) if ticks else clock.now()
