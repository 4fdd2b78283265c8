"""Korean words for time, resolved against the mall's own last day of data.

"오늘" is the mall's `as_of`: the local date of its latest order. Answers must not change with the wall clock.
Weeks begin on Monday. Does not belong here: SQL, or what is asked about the period.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from cafe24_pipelines.answers.holidays import holiday_span, last_holiday


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


def find_periods(question: str, as_of: date, first: date) -> list[Period]:
    """Every period the question names, in the order named; empty when it names none.

    Args:
        question: Korean text, any spacing.
        as_of: the mall's last local date with data ("오늘").
        first: the mall's first local date with data ("전체 기간").
    """
    found: list[tuple[int, Period]] = []
    text = question
    for pattern, resolve in _RULES:
        for match in pattern.finditer(text):
            try:
                period = resolve(match, as_of, first)
            except ValueError:  # no such date, as in "13월" or "2월 30일"
                continue
            if period is not None:
                found.append((match.start(), period))
                text = text[: match.start()] + "\x00" * (match.end() - match.start()) + text[match.end() :]
    found.sort(key=lambda item: item[0])
    return [period for _, period in found]


def previous(period: Period) -> Period:
    """The period to compare with.

    A whole month is compared with the month before it, the first days of a month with as many first days of the
    month before, a year (or its beginning) with the same dates a year earlier, and anything else with as many days
    right before it.
    """
    last = period.end - timedelta(days=1)
    if period.start.day == 1 and (period.start.year, period.start.month) == (last.year, last.month):
        start = _month(period.start.year, period.start.month - 1)
        if period.end == _next_month(period.start):
            return Period(start, period.start, "그 전달")
        return Period(start, min(_shift(start, period.days), period.start), "그 전달 같은 날수")
    if (period.start.month, period.start.day) == (1, 1):
        return year_before(period)
    return Period(period.start - timedelta(days=period.days), period.start, "직전 같은 날수")


def year_before(period: Period) -> Period:
    """The same dates one year earlier."""
    return Period(_minus_year(period.start), _minus_year(period.end), "전년 같은 기간")


def _minus_year(day: date) -> date:
    last = 28 if (day.month, day.day) == (2, 29) else day.day
    return date(day.year - 1, day.month, last)


def _shift(day: date, days: int) -> date:
    return day + timedelta(days=days)


def _month(year: int, month: int) -> date:
    """The first day of a month; months count on across years (0 is December of the year before)."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _next_month(first: date) -> date:
    return _month(first.year, first.month + 1)


Resolver = Callable[[re.Match[str], date, date], Period | None]


def _day(offset: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        day = _shift(as_of, offset)
        return Period(day, _shift(day, 1), name)

    return resolve


def _week(back: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        monday = _shift(as_of, -as_of.weekday() - 7 * back)
        return Period(monday, _shift(as_of, 1) if back == 0 else _shift(monday, 7), name)

    return resolve


def _month_back(back: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        start = _month(as_of.year, as_of.month - back)
        return Period(start, _shift(as_of, 1) if back == 0 else _next_month(start), name)

    return resolve


def _year_back(back: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        year = as_of.year - back
        return Period(date(year, 1, 1), _shift(as_of, 1) if back == 0 else date(year + 1, 1, 1), name)

    return resolve


def _quarter(match: re.Match[str], as_of: date, first: date) -> Period:
    """A quarter; without a year, the latest one that has begun."""
    month = 3 * int(match["q"]) - 2
    year = _year_or_latest(match["year"], month, as_of)
    return Period(_month(year, month), _month(year, month + 3), f"{year}년 {match['q']}분기")


def _half(match: re.Match[str], as_of: date, first: date) -> Period:
    """A half year; without a year, the latest one that has begun."""
    month = 1 if match["half"] == "상" else 7
    year = _year_or_latest(match["year"], month, as_of)
    return Period(_month(year, month), _month(year, month + 6), f"{year}년 {match['half']}반기")


def _year_or_latest(text: str | None, month: int, as_of: date) -> int:
    if text:
        return _year_of(text, as_of)
    return as_of.year if month <= as_of.month else as_of.year - 1


def _recent(match: re.Match[str], as_of: date, first: date) -> Period | None:
    count, unit = int(match["n"]), match["unit"]
    if not 0 < count <= 3660:
        return None
    end = _shift(as_of, 1)
    if unit in ("일", "주"):
        days = count * (7 if unit == "주" else 1)
        return Period(_shift(end, -days), end, f"최근 {count}{unit}")
    months = count * (12 if unit == "년" else 1)
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    last = (_next_month(date(year, month + 1, 1)) - timedelta(days=1)).day
    name = f"최근 {count}년" if unit == "년" else f"최근 {count}개월"
    return Period(date(year, month + 1, min(end.day, last)), end, name)


def _range(match: re.Match[str], as_of: date, first: date) -> Period | None:
    start = _iso(match["a"])
    end = _iso(match["b"]) if match["b"] else as_of
    return Period(start, _shift(end, 1), "") if start <= end else None


def _one_date(match: re.Match[str], as_of: date, first: date) -> Period | None:
    """A day; without a year, the latest one that has come."""
    year = match.groupdict().get("year")
    start = date(_year_of(year, as_of) if year else as_of.year, int(match["month"]), int(match["day"]))
    if not year and start > as_of:
        start = _minus_year(start)
    return Period(start, _shift(start, 1), "")


def _named_month(match: re.Match[str], as_of: date, first: date) -> Period:
    """A month; without a year, the latest one that has begun."""
    month = int(match["month"])
    year = _year_or_latest(match.groupdict().get("year"), month, as_of)
    start = date(year, month, 1)
    return Period(start, _next_month(start), f"{year}년 {month}월")


def _named_year(match: re.Match[str], as_of: date, first: date) -> Period:
    year = int(match["year"])
    return Period(date(year, 1, 1), date(year + 1, 1, 1), f"{year}년")


def _holiday(match: re.Match[str], as_of: date, first: date) -> Period | None:
    name = "설" if match["name"].startswith(("설", "구정")) else "추석"
    latest = last_holiday(name, as_of)
    if match["year"]:
        year: int | None = _year_of(match["year"], as_of)
    else:
        year = latest
    span = holiday_span(name, year) if year else None
    return Period(*span, f"{year}년 {name} 연휴") if span else None


def _everything(_: re.Match[str], as_of: date, first: date) -> Period:
    return whole(first, as_of)


def _year_of(text: str, as_of: date) -> int:
    named = {"올해": 0, "금년": 0, "작년": 1, "지난해": 1, "전년": 1, "재작년": 2}
    key = re.sub(r"\s", "", text)
    if key in named:
        return as_of.year - named[key]
    year = int(re.sub(r"\D", "", key))
    return year + 2000 if year < 100 else year


def _iso(text: str) -> date:
    year, month, day = (int(part) for part in re.findall(r"\d+", text))
    return date(year, month, day)


_DATE = r"\d{4}\s*[-./년]\s*\d{1,2}\s*[-./월]\s*\d{1,2}\s*일?"
_YEAR = r"(?P<year>\d{4}\s*년|\d{2}\s*년|올해|금년|작년|지난\s*해|재작년)"

_RULES: tuple[tuple[re.Pattern[str], Resolver], ...] = tuple(
    (re.compile(pattern), resolver)
    for pattern, resolver in (
        (rf"(?P<a>{_DATE})\s*(?:~|-|부터|에서)\s*(?P<b>{_DATE})?(?:\s*까지)?", _range),
        (rf"(?:{_YEAR}\s*)?(?P<name>설날?|구정|추석|한가위)(?:\s*(?:연휴|명절|기간|때|에|당시))+", _holiday),
        (rf"{_YEAR}\s*(?P<month>\d{{1,2}})\s*월\s*(?P<day>\d{{1,2}})\s*일", _one_date),
        (r"(?P<year>\d{4})\s*[-./]\s*(?P<month>\d{1,2})\s*[-./]\s*(?P<day>\d{1,2})", _one_date),
        (r"(?P<month>\d{1,2})\s*월\s*(?P<day>\d{1,2})\s*일", _one_date),
        (rf"(?:{_YEAR}\s*)?(?P<q>[1-4])\s*(?:사\s*)?분기", _quarter),
        (rf"(?:{_YEAR}\s*)?(?P<half>[상하])\s*반기", _half),
        (
            r"(?:최근|지난|이전|과거)\s*(?P<n>\d{1,4})\s*(?:개\s*)?(?P<unit>일|주|월|달|년)(?:\s*(?:간|동안))?",
            _recent,
        ),
        (rf"{_YEAR}\s*(?P<month>\d{{1,2}})\s*월(?!\s*\d)", _named_month),
        (r"(?P<year>\d{4})\s*[-./]\s*(?P<month>\d{1,2})(?!\s*[-./]?\s*\d)", _named_month),
        (r"(?<!\d)(?P<month>\d{1,2})\s*월(?!\s*별)", _named_month),
        (r"재작년", _year_back(2, "재작년")),
        (r"작년|지난\s*해|전년(?!\s*(?:대비|동기|같은))", _year_back(1, "작년")),
        (r"올해|금년|올\s*한\s*해", _year_back(0, "올해")),
        (r"(?<!\d)(?P<year>(?:19|20)\d{2})\s*년", _named_year),
        (r"지지난\s*달|저저번\s*달|전전\s*달|지지난\s*월", _month_back(2, "지지난달")),
        (r"지난\s*달|저번\s*달|전\s*월(?!\s*대비)|지난\s*월", _month_back(1, "지난달")),
        (r"이번\s*달|이달|금월|당월", _month_back(0, "이번 달")),
        (r"지지난\s*주|저저번\s*주", _week(2, "지지난주")),
        (r"지난\s*주|저번\s*주|전주(?!\s*대비)", _week(1, "지난주")),
        (r"이번\s*주|금주", _week(0, "이번 주")),
        (r"그저께|그제|엊그제", _day(-2, "그저께")),
        (r"어제|어저께|전일", _day(-1, "어제")),
        (r"오늘|금일|당일", _day(0, "오늘")),
        (r"전체\s*기간|전\s*기간|지금\s*까지|여태|누적|역대|모든\s*기간", _everything),
    )
)
