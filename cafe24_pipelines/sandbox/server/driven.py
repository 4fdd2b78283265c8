"""Calls judged at the times that they say they were made at, in whatever order they arrive.

For rehearsals whose client has a clock of its own: a fast one, or one that only moves while somebody waits. What the
machine's threads add to a call's way is left out, so that a client can be held to the limits exactly and at once.
Does not belong here: limits by the server's own clock (`limits.py`). Used from the event loop's thread alone.
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import Final

SAID: Final = "X-Sandbox-Time"
"""The header: epoch seconds."""
_REMEMBERED: Final = 600.0
"""Seconds for which calls are kept, because others may still come that were made before them."""


@dataclass(slots=True)
class SaidBucket:
    """A leaky bucket whose calls come in any order; `level` at `at` is that of the calls no longer kept."""

    size: int
    level: float = 0.0
    at: float = 0.0
    calls: list[float] = field(default_factory=list)

    def pour(self, when: float, leak: float) -> tuple[bool, float]:
        """Take one call in its place; False and nothing taken when it, or one after it, would overflow.

        Returns:
            Whether it fits, and the level after it.
        """
        insort(self.calls, when)
        while self.calls[0] < self.calls[-1] - _REMEMBERED:
            first = self.calls.pop(0)
            self.level, self.at = _after(self.level, self.at, first, leak), first
        level, at, own, highest = self.level, self.at, 0.0, 0.0
        for call in self.calls:
            level, at = _after(level, at, call, leak), call
            highest, own = max(highest, level), level if call <= when else own
        if highest <= self.size + 1e-9:
            return True, own
        self.calls.remove(when)
        return False, float(self.size)


class SaidSeconds:
    """Calls of one address to one mall."""

    def __init__(self) -> None:
        self._calls: list[float] = []

    def most_with(self, when: float) -> int:
        """Take in a call; the most calls within any second that holds it."""
        calls = self._calls
        insort(calls, when)
        del calls[: bisect_left(calls, calls[-1] - _REMEMBERED)]
        ends = range(bisect_left(calls, when), bisect_left(calls, when + 1))
        return max((n + 1 - bisect_right(calls, calls[n] - 1) for n in ends), default=1)


def said_time(header: str | None) -> float | None:
    """The header's number, None where it has none."""
    try:
        return float(header or "")
    except ValueError:
        return None


def _after(level: float, at: float, call: float, leak: float) -> float:
    """The level once another call is in."""
    return max(0.0, level - max(0.0, call - at) * leak) + 1
