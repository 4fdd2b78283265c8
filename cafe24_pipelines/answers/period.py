"""A span of local dates and its arithmetic: what to compare it with, and the same dates a year earlier.

Does not belong here: Korean words for time (see `time_words.py`).
"""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Period:
    """Local dates from `start` up to, not including, `end`; `label` is Korean and names the dates."""

    start: date
    end: date
    name: str

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days

    @property
    def label(self) -> str:
        """E.g. `지난달(2026-02-01~2026-02-28)`."""
        last = self.end - timedelta(days=1)
        dates = self.start.isoformat() if self.days == 1 else f"{self.start}~{last}"
        return f"{self.name}({dates})" if self.name else dates


def whole(first: date, as_of: date) -> Period:
    """Everything that has landed."""
    return Period(first, as_of + timedelta(days=1), "전체 기간")


def previous(period: Period) -> Period:
    """The period to compare with.

    A whole month is compared with the month before it, the first days of a month with as many first days of the
    month before, a year (or its beginning) with the same dates a year earlier, and anything else with as many days
    right before it.
    """
    last = period.end - timedelta(days=1)
    if period.start.day == 1 and (period.start.year, period.start.month) == (last.year, last.month):
        start = month_start(period.start.year, period.start.month - 1)
        if period.end == next_month(period.start):
            return Period(start, period.start, "그 전달")
        return Period(start, min(shift(start, period.days), period.start), "그 전달 같은 날수")
    if (period.start.month, period.start.day) == (1, 1):
        return year_before(period)
    return Period(period.start - timedelta(days=period.days), period.start, "직전 같은 날수")


def year_before(period: Period) -> Period:
    """The same dates one year earlier."""
    return Period(minus_year(period.start), minus_year(period.end), "전년 같은 기간")


def minus_year(day: date) -> date:
    """The same date a year earlier; February 28 for a leap day."""
    last = 28 if (day.month, day.day) == (2, 29) else day.day
    return date(day.year - 1, day.month, last)


def shift(day: date, days: int) -> date:
    """So many days later."""
    return day + timedelta(days=days)


def month_start(year: int, month: int) -> date:
    """The first day of a month; months count on across years (0 is December of the year before)."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def next_month(first: date) -> date:
    """The first day of the next month."""
    return month_start(first.year, first.month + 1)
