"""When a schedule was last due, from its cron lines: what lateness is measured against.

Five fields with `*`, lists, ranges and steps, which is all that schedules here use; Sunday is 0 or 7. As in cron, a
day matches by either of its two fields where both are given. Does not belong here: starting anything.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_DAYS = 400


def last_due(crons: str | Sequence[str], now: datetime, zone: str) -> datetime | None:
    """The latest time at or before `now` (aware) that one of the cron lines names; None if there was none in a year.

    Raises:
        ValueError: a line is not one of five such fields.
    """
    lines = [crons] if isinstance(crons, str) else list(crons)
    found = [due for line in lines if (due := _last(line, now.astimezone(ZoneInfo(zone))))]
    return max(found, default=None)


def _last(line: str, now: datetime) -> datetime | None:
    minutes, hours, days, months, weekdays = _fields(line)
    free_day, free_weekday = line.split()[2] == "*", line.split()[4] == "*"
    for back in range(_DAYS):
        day = (now - timedelta(days=back)).replace(hour=23, minute=59) if back else now
        if day.month not in months:
            continue
        by_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if not (by_day and by_weekday if free_day or free_weekday else by_day or by_weekday):
            continue
        for hour in sorted(hours, reverse=True):
            for minute in sorted(minutes, reverse=True):
                if (hour, minute) <= (day.hour, day.minute):
                    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return None


@cache
def _fields(line: str) -> tuple[frozenset[int], ...]:
    parts = line.split()
    if len(parts) != len(_BOUNDS):
        raise ValueError(f"{line!r} is not five cron fields")
    found = [_values(part, *bounds) for part, bounds in zip(parts, _BOUNDS, strict=True)]
    return (*found[:4], frozenset(v % 7 for v in found[4]))


def _values(field: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if span == "*" else int(first)
        end = high if span == "*" or (step and not last) else int(last or first)
        if not low <= start <= end <= high:
            raise ValueError(f"{field!r} is out of its bounds")
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)
