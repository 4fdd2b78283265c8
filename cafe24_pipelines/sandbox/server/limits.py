"""The three limits of calls: a leaky bucket per mall and API, calls a second from one address, and a usage quota.

All follow the mall's clock. A bucket's size and leak are documented; the asking call itself counts into
`X-Api-Call-Limit`. The window and size of the quota are not published: the sandbox lets the whole allowance leak in
128 s and ends a block at 95 %, which reproduces the documented examples (120.04 % with 32 s, 100.5 % with 7 s).
With `driven` calls are judged at the times that they say (`driven.py`); one that says none counts as too fast.
Does not belong here: what a refusal looks like on the wire. Used from the event loop's thread alone.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.driven import SaidBucket, SaidSeconds, said_time

Reason = Literal["bucket", "per_second", "quota"]
_RELEASE: Final = 95.0  # per cent; see above
_CALL_SECONDS: Final = 0.1  # assumption: processing time of any call, in quota seconds
_ROW_SECONDS: Final = 0.0002  # assumption: and of each row


@dataclass(slots=True)
class Bucket:
    """One leaky bucket."""

    size: int
    level: float = 0.0
    at: float = 0.0

    def pour(self, now: float, leak: float, *, spill: bool = False) -> bool:
        """Leak up to `now`, then take one call; False and nothing taken when it would overflow and may not spill."""
        self.level = max(0.0, self.level - max(0.0, now - self.at) * leak)
        self.at = now
        if self.level + 1 > self.size + 1e-9 and not spill:
            return False
        self.level += 1
        return True

    @property
    def used(self) -> int:
        """Calls in it, rounded up, as the header shows them."""
        return min(self.size, math.ceil(self.level - 1e-9))


@dataclass(slots=True)
class Meter:
    """Usage against an allowance that leaks away in a window; blocked from 100 % until it is down to 95 %."""

    level: float = 0.0
    at: float = 0.0
    blocked: bool = False

    def leak(self, now: float, allowance: float, window: float) -> None:
        """Bring it up to `now`, ending the block when its time is over."""
        self.level = max(0.0, self.level - max(0.0, now - self.at) * allowance / window)
        self.at = now
        if self.blocked and self.wait(allowance, window) <= 0:
            self.blocked = False

    def add(self, amount: float, allowance: float) -> None:
        """Use more of it."""
        self.level += amount
        self.blocked = self.blocked or self.level >= allowance

    def percent(self, allowance: float) -> float:
        """Usage in per cent of the allowance."""
        return 100 * self.level / allowance

    def wait(self, allowance: float, window: float) -> int:
        """Whole seconds until the block ends."""
        return max(0, round((self.percent(allowance) - _RELEASE) / 100 * window))


@dataclass(slots=True)
class Quota:
    """A mall's usage over all its APIs."""

    calls: Meter = field(default_factory=Meter)
    time: Meter = field(default_factory=Meter)


@dataclass(slots=True)
class Verdict:
    """What the limits say about one call: why it is refused (None: it is not), and the headers of its answer."""

    refused: Reason | None
    headers: dict[str, str]
    used: int = 0


class Limits:
    """Every bucket, quota and per-second window of a server.

    Attributes:
        busiest_second: the most calls of one address to one mall within a second.
    """

    def __init__(self, clock: MallClock) -> None:
        self._clock = clock
        self._said_buckets: dict[tuple[str, str], SaidBucket] = {}
        self._said_seconds: dict[tuple[str, str], SaidSeconds] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._seconds: dict[tuple[str, str], deque[float]] = {}
        self._quotas: dict[str, Quota] = {}
        self.busiest_second = 0

    def admit(
        self, config: ServerConfig, *, mall: str, api: str, size: int, address: str, said: str | None = None
    ) -> Verdict:
        """Judge a call now, or at the time that it says, and count it."""
        if config.limits and config.driven:
            said_bucket = self._said_buckets.setdefault((mall, api), SaidBucket(size))
            seconds = self._said_seconds.setdefault((mall, address), SaidSeconds())
            return self._judge(config, mall, said_bucket, seconds, said_time(said))
        now = self._clock.now()
        bucket = self._buckets.setdefault((mall, api), Bucket(size, at=now))
        if not config.limits:
            self._too_fast(config, mall, address, now)
            bucket.pour(now, config.leak, spill=True)  # by how much it was passed is told all the same
            return Verdict(None, {"X-Api-Call-Limit": f"1/{size}"}, math.ceil(bucket.level - 1e-9))
        refused: Reason | None = None
        if self._too_fast(config, mall, address, now):
            refused = "per_second"
        elif not self._within_quota(config, mall, now):
            refused = "quota"
        elif not bucket.pour(now, config.leak):
            refused = "bucket"
        used = bucket.used
        headers = {"X-Api-Call-Limit": f"{used}/{size}", **self._usage(config, mall)}
        return Verdict(refused, headers, used)

    def _judge(
        self, config: ServerConfig, mall: str, bucket: SaidBucket, seconds: SaidSeconds, when: float | None
    ) -> Verdict:
        if when is None:
            return Verdict("per_second", {"X-Api-Call-Limit": f"0/{bucket.size}"})
        refused: Reason | None = None
        level = 0.0
        busy = seconds.most_with(when)
        self.busiest_second = max(self.busiest_second, busy)
        if 0 < config.per_second <= busy:
            refused = "per_second"
        elif not self._within_quota(config, mall, max(when, self._quotas.setdefault(mall, Quota()).calls.at)):
            refused = "quota"
        else:
            fits, level = bucket.pour(when, config.leak)
            refused = None if fits else "bucket"
        used = min(bucket.size, math.ceil(level - 1e-9))
        return Verdict(refused, {"X-Api-Call-Limit": f"{used}/{bucket.size}", **self._usage(config, mall)}, used)

    def charge(self, config: ServerConfig, mall: str, rows: int) -> None:
        """Add a served call's rows to the mall's processing time."""
        if config.limits:
            self._quotas.setdefault(mall, Quota()).time.add(rows * _ROW_SECONDS, config.quota_seconds)

    def reset(self) -> None:
        """Empty everything."""
        self._buckets.clear()
        self._seconds.clear()
        self._said_buckets.clear()
        self._said_seconds.clear()
        self._quotas.clear()
        self.busiest_second = 0

    def _too_fast(self, config: ServerConfig, mall: str, address: str, now: float) -> bool:
        """Whether this call makes `per_second` or more within the last second. Refused calls count as calls."""
        calls = self._seconds.setdefault((mall, address), deque())
        while calls and not now - 1 < calls[0] <= now:  # `<= now`: a clock set back leaves no ghosts
            calls.popleft()
        calls.append(now)
        self.busiest_second = max(self.busiest_second, len(calls))
        return 0 < config.per_second <= len(calls)

    def _within_quota(self, config: ServerConfig, mall: str, now: float) -> bool:
        """Count the call; one made during a block is refused and lengthens it."""
        quota = self._quotas.setdefault(mall, Quota())
        quota.calls.leak(now, config.quota_calls, config.quota_window_s)
        quota.time.leak(now, config.quota_seconds, config.quota_window_s)
        blocked = quota.calls.blocked or quota.time.blocked
        quota.calls.add(1, config.quota_calls)
        quota.time.add(_CALL_SECONDS, config.quota_seconds)
        return not (blocked or quota.calls.blocked or quota.time.blocked)

    def _usage(self, config: ServerConfig, mall: str) -> dict[str, str]:
        quota = self._quotas.setdefault(mall, Quota())
        headers = {}
        for name, meter, allowance in (
            ("Call", quota.calls, config.quota_calls),
            ("Time", quota.time, config.quota_seconds),
        ):
            percent = meter.percent(allowance)
            headers[f"X-Cafe24-{name}-Usage"] = f"{percent:.2f}"
            if percent >= 100:
                headers[f"X-Cafe24-{name}-Remain"] = str(meter.wait(allowance, config.quota_window_s))
        return headers
