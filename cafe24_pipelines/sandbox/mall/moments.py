"""Times of the sandbox mall: whole seconds since its start, and what the API writes for them.

Inside the mall a time is an int `t`, seconds since `START` (Asia/Seoul has no summer time). Does not belong here:
what happens at those times.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Final

from cafe24_pipelines.sandbox import seasons

KST: Final = timezone(timedelta(hours=9))
START: Final = datetime(seasons.START.year, seasons.START.month, seasons.START.day, tzinfo=KST)
"""2024-11-01 00:00 KST, when the mall's history begins."""
END: Final = START + timedelta(days=seasons.DAYS)
"""2026-11-01 00:00 KST, exclusive: from here on nothing happens but what clients write."""
NEVER: Final = 2**40
"""Stands for "not (yet)": later than every moment."""

_DAY: Final = 86_400
_MINUTES: Final = [f"T{m // 60:02d}:{m % 60:02d}:" for m in range(1440)]
_SECONDS: Final = [f"{s:02d}+09:00" for s in range(60)]


def seconds(at: datetime) -> int:
    """`t` of an aware moment, rounded down."""
    return (at - START) // timedelta(seconds=1)


def moment(t: int) -> datetime:
    """The aware moment (KST) of `t`."""
    return START + timedelta(seconds=t)


@cache
def day_text(day: int) -> str:
    """YYYY-MM-DD of the day so many days after the start."""
    return (seasons.START + timedelta(days=day)).isoformat()


def iso(t: int) -> str:
    """`t` as the API writes it: 2026-10-31T09:30:00+09:00."""
    day, rest = divmod(t, _DAY)
    return day_text(day) + _MINUTES[rest // 60] + _SECONDS[rest % 60]


def iso_or_none(t: int, now: int) -> str | None:
    """`t` in text if it has come by `now`."""
    return iso(t) if t <= now else None


def parse(text: str) -> int:
    """`t` of a text of the API; one without an offset is KST.

    Raises:
        ValueError: it is no date.
    """
    at = datetime.fromisoformat(text)
    return seconds(at if at.tzinfo else at.replace(tzinfo=KST))
