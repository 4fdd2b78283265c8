"""The days of Seollal and Chuseok, 2010 to 2030, as Korea keeps them, and the shopping days of the solar year.

The lunar ones are a table and not a computation: the lunar day that begins near midnight falls differently in
Seoul and Beijing (2027, 2028). The tests check the table against an astronomical new moon formula in Korean time.
Substitute holidays are left out: they change by decree. Does not belong here: words for periods.
"""

from datetime import date, timedelta
from typing import Final

_SEOLLAL: Final = (
    "2010-02-14 2011-02-03 2012-01-23 2013-02-10 2014-01-31 2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05 "
    "2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-07 2028-01-27 2029-02-13 "
    "2030-02-03"
)
_CHUSEOK: Final = (
    "2010-09-22 2011-09-12 2012-09-30 2013-09-19 2014-09-08 2015-09-27 2016-09-15 2017-10-04 2018-09-24 2019-09-13 "
    "2020-10-01 2021-09-21 2022-09-10 2023-09-29 2024-09-17 2025-10-06 2026-09-25 2027-09-15 2028-10-03 2029-09-22 "
    "2030-09-12"
)

HOLIDAYS: Final[dict[str, tuple[date, ...]]] = {
    "설": tuple(map(date.fromisoformat, _SEOLLAL.split())),
    "추석": tuple(map(date.fromisoformat, _CHUSEOK.split())),
}
"""The day itself, one a year, oldest first."""


SHOPPING_DAYS: Final[dict[str, tuple[int, int]]] = {
    "신정": (1, 1), "발렌타인데이": (2, 14), "밸런타인데이": (2, 14), "화이트데이": (3, 14), "어린이날": (5, 5),
    "어버이날": (5, 8), "스승의날": (5, 15), "빼빼로데이": (11, 11), "광군제": (11, 11), "크리스마스": (12, 25),
    "성탄절": (12, 25),
}  # fmt: skip
"""Month and day of what falls on the same date every year."""


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 22)


def holidays_within(start: date, end: date) -> dict[str, int]:
    """How many days of each three-day holiday lie from `start` up to, not including, `end`."""
    found = {}
    for name, days in HOLIDAYS.items():
        spans = [(day - timedelta(days=1), day + timedelta(days=2)) for day in days]
        found[name] = sum(max((min(end, last) - max(start, begun)).days, 0) for begun, last in spans)
    return found


def holiday_span(name: str, year: int) -> tuple[date, date] | None:
    """First day of the three-day holiday and the day after its last; None outside the table's years."""
    for day in HOLIDAYS[name]:
        if day.year == year:
            return day - timedelta(days=1), day + timedelta(days=2)
    return None


def last_holiday(name: str, as_of: date) -> int | None:
    """The year of the latest such holiday that began on or before `as_of`; None before the table begins."""
    years = [day.year for day in HOLIDAYS[name] if day - timedelta(days=1) <= as_of]
    return years[-1] if years else None
