"""How often somebody may ask: per key when there is a valid one, else per address.

A request with a valid key counts for its key alone. Behind a reverse proxy every caller has the proxy's address, and
a stranger who floods it without a key must not use up what the mall's own clients may ask.
Does not belong here: keys.
"""

import time
from dataclasses import dataclass
from math import ceil
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from cafe24_pipelines.errors import ConfigError

COST: Final = {"generate": 5, "compare": 3}
"""What a request counts for: a comparison answers thrice, and generated code is run."""


@dataclass(frozen=True)
class Verdict:
    """Whether a request may go on, and what its headers say."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    by: str

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit headers; Retry-After too when it may not."""
        told = {
            "RateLimit-Limit": str(self.limit), "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }  # fmt: skip
        return told if self.allowed else {**told, "Retry-After": str(max(1, self.reset_seconds))}


class Rates:
    """The counters of one process.

    Raises:
        ConfigError: a rate is not written like `120/minute`.
    """

    def __init__(self, per_key: str, per_address: str) -> None:
        self._per = {"key": _rate(per_key), "address": _rate(per_address)}
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def ask(self, by: str, who: str, *, cost: int = 1) -> Verdict:
        """Count a request of `who` (a key's id or an address; `by` says which)."""
        item = self._per[by]
        allowed = self._limiter.hit(item, by, who, cost=cost)
        stats = self._limiter.get_window_stats(item, by, who)
        reset = max(0, ceil(stats.reset_time - time.time()))
        return Verdict(allowed, item.amount, stats.remaining, reset, by)


def _rate(text: str) -> RateLimitItem:
    try:
        item = parse(text)
    except ValueError:
        raise ConfigError(f"rate {text!r} makes no sense", remedy="write it as 120/minute") from None
    if item.amount < max(COST.values()):
        raise ConfigError(f"rate {text!r} allows no request", remedy=f"allow at least {max(COST.values())}")
    return item
