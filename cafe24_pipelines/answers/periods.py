"""What a question says about time, resolved against the mall's own last day of data.

"오늘" is the mall's `as_of`: the local date of its latest order. Answers must not change with the wall clock. Does
not belong here: SQL, single words (see `time_words.py`), or what is asked about the period.
"""

import re
from dataclasses import dataclass
from datetime import date

from cafe24_pipelines.answers.period import Period, minus_year, previous, shift, whole, year_before
from cafe24_pipelines.answers.time_words import RULES

__all__ = ["Period", "Reading", "find_periods", "previous", "read_periods", "whole", "year_before"]

_BASE = re.compile(r"\s*(?:보다|대비|에\s*비해|에\s*비하|과\s*비교|와\s*비교|하고\s*비교)")
_UNREAD = re.compile(
    r"(?:\d\s*월|월|연|년)\s*(?:초|말|중순|하순|상순)(?=\s|에|의|$|[가-힣]{0,2}\s)|[첫둘셋넷]\s*째\s*주|마지막\s*주|"
    r"\d\s*주차|추석|한가위|설날|구정|명절|(?:반기|분기)(?!\s*(?:별|마다|단위))|새벽|심야|점심\s*(?:때|시간)|저녁\s*(?:때|시간)|(?<![가-힣])(?:밤|아침|저녁)(?=에|\s|시간|$)"
)


@dataclass(frozen=True)
class Reading:
    """The periods of a question in the order named; `rest` is the question without the words that named them.

    `base_only` when a sole period was named as what to compare with (`지난달보다`, `작년 대비`). `unread` are words
    for time that were not understood: an answer for another period than was asked would be wrong.
    """

    periods: tuple[Period, ...]
    rest: str
    base_only: bool = False
    unread: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    """The words that named the periods."""


_Span = tuple[int, int, Period]


def find_periods(question: str, as_of: date, first: date) -> list[Period]:
    """Every period the question names, in the order named; empty when it names none (see `read_periods`)."""
    return list(read_periods(question, as_of, first).periods)


def read_periods(question: str, as_of: date, first: date) -> Reading:
    """What the question says about time.

    Args:
        question: Korean text, any spacing.
        as_of: the mall's last local date with data ("오늘").
        first: the mall's first local date with data ("전체 기간").
    """
    found: list[tuple[int, int, Period]] = []
    text = question
    for pattern, resolve in RULES:
        for match in pattern.finditer(text):
            try:
                period = resolve(match, as_of, first)
            except (ValueError, OverflowError):  # no such date, as in "13월" or "2월 30일"
                continue
            if period is not None:
                found.append((match.start(), match.end(), period))
                text = text[: match.start()] + "\x00" * (match.end() - match.start()) + text[match.end() :]
    found = _same_year(sorted(found, key=lambda item: item[0]), question)
    if re.search(r"까지\s*(?:의\s*)?(?:누적|전체)", question) and len(found) > 1:
        found = [item for item in found if item[2].name != "전체 기간"]
    spans = _open_ended(_joined(found, question), question, as_of, first)
    after = question[spans[0][1] :] if len(spans) == 1 else ""
    unread = tuple(
        m[0].strip() for m in _UNREAD.finditer(question) if not all(c == "\x00" for c in text[m.start() : m.end()])
    )
    rest = re.sub("\x00+", " · ", text)
    said = tuple(question[left:right] for left, right, _ in found)
    return Reading(tuple(p for _, _, p in spans), rest, bool(_BASE.match(after)), unread, said)


_AND = re.compile(r"\s*(?:하고|이랑|랑|와|과|및|,|·|vs\.?|대비|보다|에\s*비해|~|-|–|부터|에서)\s*", re.IGNORECASE)
_YEARLESS = re.compile(r"\d{4}년 (?:\d{1,2}월|[1-4]분기|[상하]반기)")


def _same_year(found: list[_Span], question: str) -> list[_Span]:
    """`2025년 9월하고 10월` are of one year: a part of a year without its own has that of the one before it."""
    spans: list[_Span] = []
    for left, right, period in found:
        before = spans[-1] if spans else None
        if before and _AND.fullmatch(question[before[1] : left]) and _YEARLESS.fullmatch(period.name):
            said, own = question[before[0] : before[1]], question[left:right]
            years = before[2].start.year - period.start.year
            turned = before[2].start.month == 12 and period.start.month == 1  # 12월과 1월 are neighbours
            if years and not turned and _YEAR_SAID.search(said) and not _YEAR_SAID.search(own):
                period = _in_year(period, years)  # noqa: PLW2901
        spans.append((left, right, period))
    return spans


_YEAR_SAID = re.compile(r"년|올해|금년|해|\d{4}")


def _in_year(period: Period, years: int) -> Period:
    """A month, quarter or half year so many years later."""
    start = period.start.replace(year=period.start.year + years)
    end = period.end.replace(year=period.end.year + years)
    return Period(start, end, re.sub(r"^\d{4}", str(start.year), period.name))


def _joined(found: list[_Span], question: str) -> list[_Span]:
    """`1월부터 3월까지` is one period from the start of the first to the end of the second."""
    spans: list[_Span] = []
    for left, right, period in found:
        between = question[spans[-1][1] : left] if spans else ""
        if spans and re.fullmatch(r"\s*(?:부터|에서|~|-|–)\s*", between):
            begun, _, early = spans[-1]
            start = early.start
            if start >= period.end:
                start = minus_year(start)
            if start < period.end:
                spans[-1] = (begun, right, Period(start, period.end, ""))
                continue
        spans.append((left, right, period))
    return spans


def _open_ended(spans: list[_Span], question: str, as_of: date, first: date) -> list[_Span]:
    """`3월부터` and `3월 이후` last until today, `6월까지` begins with the year (or with the data)."""
    opened = []
    for left, right, period in spans:
        after = question[right:]
        if re.match(r"\s*(?:부터|이후|이래)", after) and period.start <= as_of:
            period = Period(period.start, max(shift(as_of, 1), period.end), "")  # noqa: PLW2901
        elif re.match(r"\s*까지", after) and period.name not in ("", "전체 기간"):
            yearly = re.search(r"년|올해|금년|작년|지난\s*해", question[left:right])
            start = date(period.start.year, 1, 1) if yearly else first
            period = Period(min(start, period.start), period.end, "")  # noqa: PLW2901
        opened.append((left, right, period))
    return opened
