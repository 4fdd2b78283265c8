"""The rules that turn Korean words for time into periods, in the order in which they are tried.

Each rule is a pattern and a function of its match, the mall's last day and its first. Weeks begin on Monday. Does not
belong here: how the periods of one question go together (see `periods.py`).
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

from cafe24_pipelines.answers.holidays import SHOPPING_DAYS, black_friday, holiday_span, last_holiday
from cafe24_pipelines.answers.period import Period, minus_year, month_start, next_month, shift, whole

Resolver = Callable[[re.Match[str], date, date], Period | None]


def _day(offset: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        day = shift(as_of, offset)
        return Period(day, shift(day, 1), name)

    return resolve


def _week(back: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        monday = shift(as_of, -as_of.weekday() - 7 * back)
        return Period(monday, shift(as_of, 1) if back == 0 else shift(monday, 7), name)

    return resolve


def _month_back(back: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        start = month_start(as_of.year, as_of.month - back)
        return Period(start, shift(as_of, 1) if back == 0 else next_month(start), name)

    return resolve


def _year_back(back: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        year = as_of.year - back
        return Period(date(year, 1, 1), shift(as_of, 1) if back == 0 else date(year + 1, 1, 1), name)

    return resolve


def _quarter(match: re.Match[str], as_of: date, first: date) -> Period:
    """A quarter; without a year, the latest one that has begun."""
    month = 3 * int(match["q"]) - 2
    year = _year_or_latest(match["year"], month, as_of)
    return Period(month_start(year, month), month_start(year, month + 3), f"{year}년 {match['q']}분기")


def _half(match: re.Match[str], as_of: date, first: date) -> Period:
    """A half year; without a year, the latest one that has begun."""
    month = 1 if match["half"] == "상" else 7
    year = _year_or_latest(match["year"], month, as_of)
    return Period(month_start(year, month), month_start(year, month + 6), f"{year}년 {match['half']}반기")


def _year_or_latest(text: str | None, month: int, as_of: date) -> int:
    if text:
        return _year_of(text, as_of)
    return as_of.year if month <= as_of.month else as_of.year - 1


def _recent(match: re.Match[str], as_of: date, first: date) -> Period | None:
    count, unit = int(match["n"]), match["unit"]
    if not 0 < count <= 3660:
        return None
    return _back(count, unit, as_of)


def _back(count: int, unit: str, as_of: date) -> Period:
    """So many days, weeks, months or years up to today."""
    end = shift(as_of, 1)
    if unit in ("일", "주"):
        days = count * (7 if unit == "주" else 1)
        return Period(shift(end, -days), end, f"최근 {count}{unit}")
    months = count * (12 if unit == "년" else 1)
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    last = (next_month(date(year, month + 1, 1)) - timedelta(days=1)).day
    name = f"최근 {count}년" if unit == "년" else f"최근 {count}개월"
    return Period(date(year, month + 1, min(end.day, last)), end, name)


_COUNTED = {
    "일주일": (1, "주"), "한주": (1, "주"), "두주": (2, "주"), "이주일": (2, "주"), "보름": (15, "일"),
    "한달": (1, "월"), "두달": (2, "월"), "세달": (3, "월"), "석달": (3, "월"), "네달": (4, "월"), "넉달": (4, "월"),
    "다섯달": (5, "월"),
    "여섯달": (6, "월"), "반년": (6, "월"), "일년": (1, "년"), "한해": (1, "년"),
}  # fmt: skip


def _recent_words(match: re.Match[str], as_of: date, first: date) -> Period:
    """`최근 일주일`, `두 달간`: counted in words."""
    count, unit = _COUNTED[re.sub(r"\s", "", match["w"])]
    return _back(count, unit, as_of)


def _current(months: int, back: int, name: str) -> Resolver:
    """The running quarter or half year, or the one before it."""

    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        month = (as_of.month - 1) // months * months + 1 - back * months
        start = month_start(as_of.year, month)
        return Period(start, month_start(as_of.year, month + months) if back else shift(as_of, 1), name)

    return resolve


def _day_range(match: re.Match[str], as_of: date, first: date) -> Period | None:
    """`10월 15일부터 20일까지`."""
    year = _year_of(match["year"], as_of) if match["year"] else as_of.year
    start, last = (date(year, int(match["month"]), int(match[name])) for name in ("a", "b"))
    if not match["year"] and start > as_of:
        start, last = minus_year(start), minus_year(last)
    return Period(start, shift(last, 1), "") if start <= last else None


def _range(match: re.Match[str], as_of: date, first: date) -> Period | None:
    start = _iso(match["a"])
    end = _iso(match["b"]) if match["b"] else as_of
    return Period(start, shift(end, 1), "") if start <= end else None


def _one_date(match: re.Match[str], as_of: date, first: date) -> Period | None:
    """A day; without a year, the latest one that has come."""
    year = match.groupdict().get("year")
    start = date(_year_of(year, as_of) if year else as_of.year, int(match["month"]), int(match["day"]))
    if not year and start > as_of:
        start = minus_year(start)
    return Period(start, shift(start, 1), "")


def _named_month(match: re.Match[str], as_of: date, first: date) -> Period:
    """A month; without a year, the latest one that has begun."""
    month = int(match["month"])
    year = _year_or_latest(match.groupdict().get("year"), month, as_of)
    start = date(year, month, 1)
    return Period(start, next_month(start), f"{year}년 {month}월")


def _named_year(match: re.Match[str], as_of: date, first: date) -> Period:
    year = int(match["year"])
    return Period(date(year, 1, 1), date(year + 1, 1, 1), f"{year}년")


def _holiday(match: re.Match[str], as_of: date, first: date) -> Period | None:
    name = "설" if match["name"].startswith(("설", "구정")) else "추석"
    year = _year_of(match["year"], as_of) if match["year"] else last_holiday(name, as_of)
    span = holiday_span(name, year) if year else None
    return Period(*span, f"{year}년 {name} 연휴") if span else None


def _around_holiday(match: re.Match[str], as_of: date, first: date) -> Period | None:
    """The days right before or after a holiday: `설 연휴 전주`, `추석 직전 2주`, `추석 연휴 다음 주`."""
    span = _holiday(match, as_of, first)
    if span is None:
        return None
    days = int(match["n"] or 1) * (1 if (match["unit"] or "주") == "일" else 7)
    if match["before"]:
        return Period(shift(span.start, -days), span.start, f"{span.name} 직전 {days}일")
    return Period(span.end, shift(span.end, days), f"{span.name} 직후 {days}일")


def _shopping_day(match: re.Match[str], as_of: date, first: date) -> Period:
    """A day of the shopping year, or with `주간` the week (Monday to Sunday) that holds it; the latest that came."""
    name = re.sub(r"\s", "", match["name"])
    black = name.startswith("블")
    year = _year_of(match["year"], as_of) if match["year"] else as_of.year

    def day_of(year: int) -> date:
        return black_friday(year) if black else date(year, *SHOPPING_DAYS[name])

    day = day_of(year)
    if not match["year"] and day > as_of:
        day = day_of(year - 1)
    label = f"{day.year}년 {'블랙프라이데이' if black else name}"
    if not match["week"]:
        return Period(day, shift(day, 1), label)
    monday = shift(day, -day.weekday())
    return Period(monday, shift(monday, 7), f"{label} 주간")


def _season(match: re.Match[str], as_of: date, first: date) -> Period:
    """March to May and so on; winter begins in December of the year named. Without a year, the latest begun."""
    month = {"봄": 3, "여름": 6, "가을": 9, "겨울": 12}[match["season"]]
    said = match["year"] or ""
    year = as_of.year if said == "올" else _year_or_latest(said or None, month, as_of)
    return Period(month_start(year, month), month_start(year, month + 3), f"{year}년 {match['season']}")


def _weekend(back: int, name: str) -> Resolver:
    def resolve(_: re.Match[str], as_of: date, first: date) -> Period:
        saturday = shift(as_of, -as_of.weekday() - 7 * back + 5)
        return Period(saturday, shift(saturday, 2), name)

    return resolve


def _last_30_days(_: re.Match[str], as_of: date, first: date) -> Period:
    return Period(shift(as_of, -29), shift(as_of, 1), "최근 30일")


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

_HOLIDAY = rf"(?:{_YEAR}\s*)?(?P<name>설날?|구정|추석|한가위)"
_SHOPPING = "|".join([*SHOPPING_DAYS, r"블랙\s*프라이데이", "블프"])

_WORDS = "|".join(r"\s*".join(word) for word in sorted(_COUNTED, key=len, reverse=True))

RULES: tuple[tuple[re.Pattern[str], Resolver], ...] = tuple(
    (re.compile(pattern), resolver)
    for pattern, resolver in (
        (rf"(?P<a>{_DATE})\s*(?:~|-|부터|에서)\s*(?P<b>{_DATE})?(?:\s*까지)?", _range),
        (
            rf"{_HOLIDAY}(?:\s*(?:연휴|명절))*\s*(?:(?P<before>직전|바로\s*전|이전|앞|전)|직후|이후|다음|후|뒤)\s*"
            r"(?:(?P<n>\d{1,2})\s*(?P<unit>일|주)(?:일|간)?|일\s*주일|주(?!\s*[0-9대]))",
            _around_holiday,
        ),
        (rf"{_HOLIDAY}(?:\s*(?:연휴|명절|기간|때|에|당시|시즌))+", _holiday),
        (rf"{_YEAR}\s*(?P<name>설날?|구정|추석|한가위)(?=\s|보다|대비|과|와|의|이랑|하고|$)", _holiday),
        (
            r"(?<![가-힣])(?P<year>올해)?(?P<name>설날|구정|추석|한가위)(?=\s*(?:매출|주문|판매|동안|보다|대비|과|와|이랑|$))",
            _holiday,
        ),
        (rf"(?:{_YEAR}\s*)?(?P<name>{_SHOPPING})(?P<week>\s*(?:주간|주|시즌|기간))?", _shopping_day),
        (
            rf"(?:{_YEAR}\s*)?(?P<month>\d{{1,2}})\s*월\s*(?P<a>\d{{1,2}})\s*일?\s*(?:부터|~|-|에서)\s*"
            r"(?P<b>\d{1,2})\s*일(?:\s*까지)?",
            _day_range,
        ),
        (rf"{_YEAR}\s*(?P<month>\d{{1,2}})\s*월\s*(?P<day>\d{{1,2}})\s*일", _one_date),
        (r"(?<![\d/])(?P<month>1[0-2]|0?[1-9])/(?P<day>3[01]|[12]\d|0?[1-9])(?![\d/])", _one_date),
        (r"(?P<year>\d{4})\s*[-./]\s*(?P<month>\d{1,2})\s*[-./]\s*(?P<day>\d{1,2})", _one_date),
        (r"(?P<month>\d{1,2})\s*월\s*(?P<day>\d{1,2})\s*일", _one_date),
        (rf"(?:{_YEAR}\s*)?(?P<q>[1-4])\s*(?:사\s*)?분기", _quarter),
        (rf"(?:{_YEAR}\s*)?(?P<half>[상하])\s*반기", _half),
        (
            r"(?:최근|지난|이전|과거)\s*(?P<n>\d{1,4})\s*(?:개\s*)?(?P<unit>일|주|월|달|년)(?:\s*(?:간|동안))?",
            _recent,
        ),
        (rf"(?:최근|지난|이전|과거)\s*(?P<w>{_WORDS})(?:\s*(?:간|동안))?", _recent_words),
        (rf"(?<![가-힣])(?P<w>{_WORDS})\s*(?:간|동안)", _recent_words),
        (r"(?:지난|저번|전)\s*분기", _current(3, 1, "지난 분기")),
        (r"(?:이번|금)\s*분기|당\s*분기", _current(3, 0, "이번 분기")),
        (r"(?:지난|저번)\s*반기", _current(6, 1, "지난 반기")),
        (r"이번\s*반기", _current(6, 0, "이번 반기")),
        (rf"{_YEAR}\s*(?P<month>\d{{1,2}})\s*월(?!\s*\d)", _named_month),
        (r"(?P<year>\d{4})\s*[-./]\s*(?P<month>\d{1,2})(?!\s*[-./]?\s*\d)", _named_month),
        (r"(?<!\d)(?P<month>\d{1,2})\s*월(?!\s*별)", _named_month),
        (
            r"(?<![가-힣])(?:(?P<year>\d{4}\s*년|올해|올|작년|지난\s*해|재작년)\s*|지난\s*)?(?P<season>여름|가을|겨울|봄)(?=\s|철|에|의|시즌|$)",
            _season,
        ),
        (r"지지난\s*주\s*주말", _weekend(2, "지지난주 주말")),
        (r"(?:지난|저번)\s*(?:주\s*)?주말", _weekend(1, "지난 주말")),
        (r"(?:이번|금)\s*(?:주\s*)?주말", _weekend(0, "이번 주말")),
        (r"재작년", _year_back(2, "재작년")),
        (
            r"(?:작년|지난\s*해)(?!\s*(?:동기|동월|동\s*분기|같은|동일|이맘|이\s*때|이\s*시기|요\s*맘))|전년(?!\s*(?:대비|동기|동월|동\s*분기|같은|동일|보다))",
            _year_back(1, "작년"),
        ),
        (r"올해|금년|올\s*한\s*해", _year_back(0, "올해")),
        (r"(?<!\d)(?P<year>(?:19|20)\d{2})\s*년", _named_year),
        (r"지지난\s*달|저저번\s*달|전전\s*달|지지난\s*월", _month_back(2, "지지난달")),
        (r"지난\s*달|저번\s*달|전\s*월(?!\s*대비)|지난\s*월", _month_back(1, "지난달")),
        (r"이번\s*달|이달|금월|당월", _month_back(0, "이번 달")),
        (r"지지난\s*주|저저번\s*주", _week(2, "지지난주")),
        (r"지난\s*주|저번\s*주|전주(?!\s*대비)", _week(1, "지난주")),
        (r"이번\s*주|금주|요번\s*주", _week(0, "이번 주")),
        (r"그저께|그제|엊그제", _day(-2, "그저께")),
        (r"어제|어저께|전일", _day(-1, "어제")),
        (r"오늘|금일|당일", _day(0, "오늘")),
        (r"요즘|요새|최근(?:에|들어)?(?=\s|$|[^\d\s])", _last_30_days),
        (r"전체\s*기간|전\s*기간|지금\s*까지|여태|누적|역대|모든\s*기간", _everything),
    )
)
