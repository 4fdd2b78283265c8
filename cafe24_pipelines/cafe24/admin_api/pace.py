"""How a call budget is reckoned: levels of buckets, free moments of a mall, and what headers say.

Plain functions of numbers. Does not belong here: where the numbers are kept, or waiting (see `limits`).
"""

import re
from dataclasses import dataclass
from typing import Any, Final

LEAK: Final = 2.0
"""Calls a second that every bucket loses."""
RESERVE: Final = 2
"""Calls that a bucket is kept below its size: calls overtake each other by up to a second, and the mall may count
its leak in whole seconds."""
SMALL: Final = 3
"""Buckets up to this size have no room for a reserve; their calls keep a distance instead."""
SMALL_SLACK: Final = 0.15
MALL_GAP: Final = 0.124
"""Seconds between two calls of a mall: a little over eight a second, as much as four full buckets lose.

Fewer than ten may arrive in any second, so that a call may come a ninth of a second late (9 gaps less a second)
and not meet those behind it; a refusal costs more calls than a ninth one would win.
"""
TOO_FAST_HOLD: Final = 1.0
"""Seconds that a mall is left alone after a refusal that neither its bucket nor its quota explains."""
REMAIN_MORE: Final = 1.0
"""Added to Remain headers, which count whole seconds: a call that comes too early lengthens the block."""
BRAKE_AT: Final = 90.0
BRAKE_FULL: Final = 99.5
BRAKE_GAP: Final = 5.0
"""Usage percentages between which the distance of calls grows, and how far, in seconds."""
AFTER_BLOCK: Final = 97.0
USAGE_HOLDS: Final = 600.0
"""Seconds after which a usage that nobody reported again is forgotten."""


@dataclass(frozen=True)
class Plan:
    """One call as it was planned: the bucket's level after it, and when the plan was made."""

    api: str
    level: float
    size: int
    made_at: float


@dataclass(frozen=True)
class Said:
    """What an answer's headers say; `used` counts a refused call too, `hold` is in seconds."""

    refused: bool
    used: float
    size: int
    usage: float
    hold: float


def room(size: int) -> int:
    """Calls that a bucket is filled with at most."""
    return 1 if size <= SMALL else size - RESERVE


def spacing(size: int) -> float:
    """Seconds between calls of a full bucket."""
    return 1 / LEAK + (SMALL_SLACK if size <= SMALL else 0.0)


def bucket_start(bucket: dict[str, Any], now: float) -> float:
    """The first moment at which one more call leaves the level within its room (`empty_at` is when it is empty)."""
    size = bucket["size"]
    return max(now, bucket["empty_at"] - (room(size) - 1) * spacing(size))


def free_start(starts: list[float], earliest: float, gap: float) -> float:
    """The first moment from `earliest` on that keeps `gap` seconds from every start handed out."""
    start = earliest
    for taken in sorted(starts):
        if taken + gap <= start:
            continue
        if taken - gap >= start:
            break
        start = taken + gap
    return start


def raise_level(bucket: dict[str, Any], said: "Said", plan: "Plan | None", now: float) -> None:
    """Lift the level by what the mall counts beyond the plan: another client of the same app calls too.

    Calls that were planned before the last lift saw the same surprise; it is not added twice.
    """
    apart = spacing(bucket["size"])
    if plan is not None and plan.made_at > bucket["raised_at"] and (more := said.used - plan.level) >= 1:
        bucket["empty_at"] = max(bucket["empty_at"], now) + more * apart
        bucket["raised_at"] = now
    least = said.used / LEAK
    if said.refused and not said.hold:
        over = max(1.0, said.used - bucket["size"])
        least = max(least, (room(bucket["size"]) - 1) * apart + over / LEAK)
    bucket["empty_at"] = max(bucket["empty_at"], now + least)


def usage_now(pace: dict[str, Any], now: float) -> float:
    """The usage that counts: the last one reported, unless nobody reported for long."""
    return pace["usage_percent"] if now - pace["usage_at"] < USAGE_HOLDS else 0.0


def call_gap(pace: dict[str, Any], now: float) -> float:
    """The distance of calls: longer as the mall's usage nears its quota."""
    usage = usage_now(pace, now)
    if usage < BRAKE_AT:
        return MALL_GAP
    left = 1 - min(1.0, (usage - BRAKE_AT) / (BRAKE_FULL - BRAKE_AT))
    return min(BRAKE_GAP, MALL_GAP / max(left * left, 1e-6))


def level_said(header: str) -> tuple[float, int]:
    """`8/40` as (8, 40); (0, 0) when it is something else."""
    found = re.fullmatch(r"\s*([0-9]{1,5})\s*/\s*([0-9]{1,5})\s*", header)
    used, size = (float(found[1]), int(found[2])) if found else (0.0, 0)
    return (used, size) if size > 0 and used <= 10 * size else (0.0, 0)  # a slip would hold the mall up for days


def number_said(header: str | None) -> float:
    """A header's number that makes sense, else 0."""
    try:
        value = float(header or 0)
    except ValueError:
        return 0.0
    return value if 0 < value < 1e6 else 0.0
