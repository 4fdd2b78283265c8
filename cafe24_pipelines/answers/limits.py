"""Limits that a question states: a sex, days of the week, hours, and bounds such as `10만원 이상` or `3번 이상`.

A limit that is read here and that no query can use leads to a refusal, never to a number without it. Does not belong
here: names that must be looked up in the lake (see `slots.py`), or periods (`periods.py`).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

LARGEST: Final = Decimal(10) ** 12
_STEP: Final = Decimal("0.0001")
"""Money has four decimals: "초과" is a bound that is higher by one such step."""

_DAYS: Final = {"월": 1, "화": 2, "수": 3, "목": 4, "금": 5, "토": 6, "일": 7}
_UNITS: Final = {
    "원": "amount", "번": "times", "회": "times", "점": "rating", "개": "pieces", "장": "pieces", "건": "times",
    "가지": "kinds", "종류": "kinds", "종": "kinds",
}  # fmt: skip
_BOUND = re.compile(
    r"(?P<n>\d[\d,]*(?:\.\d+)?)?(?P<scale>십|백|천|만|십만|백만|천만|억)?(?P<unit>원|번|회|점|개|장|건|가지|종류|종)"
    r"(?:어치)?(?P<word>이상|이하|초과|미만|넘|안되|밑|까지만|보다(?:크|많|비싼|높)|보다(?:작|적|싼|낮))"
)
_SCALES: Final = {
    "": 1, "십": 10, "백": 100, "천": 1000, "만": 10_000, "십만": 100_000, "백만": 1_000_000,
    "천만": 10_000_000, "억": 100_000_000,
}  # fmt: skip
_HOURS = re.compile(
    r"(?P<half>오전|오후|새벽|아침|낮|저녁|밤)?(?P<a>\d{1,2})시(?:부터|~|에서|-)"
    r"(?P<half_b>오전|오후|새벽|아침|낮|저녁|밤)?(?P<b>\d{1,2})시"
)
_HOURS_OPEN = re.compile(
    r"(?P<half>오전|오후|새벽|아침|낮|저녁|밤)?(?P<a>\d{1,2})시(?P<word>이후|이전|전에|넘어|부터)"
)
_COUNTED: Final = dict(
    zip(["한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열"], range(1, 11), strict=True)
)
_COUNT_WORD = re.compile(f"({'|'.join(_COUNTED)})(?=(?:번|회|개|장|건|가지|종류)(?!째))")
_HALF = re.compile(r"(?<!\d시)(오전|오후)(?!\d)")


@dataclass(frozen=True)
class Limits:
    """What was read; empty strings and None where the question says nothing."""

    gender: str = ""
    weekdays: str = ""
    weekdays_name: str = ""
    hours: tuple[int, int] | None = None
    hours_name: str = ""
    bound: str = ""
    """Which slot the bound limits: amount, times, rating, pieces, kinds or price."""
    low: Decimal = Decimal(0)
    high: Decimal = LARGEST
    bound_name: str = ""


def find_limits(text: str) -> Limits:
    """Limits in a question without spaces and in lower case (see `words.squeezed`)."""
    weekdays, weekdays_name = _weekdays(text)
    hours, hours_name = _hours(text)
    bound, low, high, bound_name = _bound(_COUNT_WORD.sub(lambda m: str(_COUNTED[m[1]]), text))
    return Limits(_gender(text), weekdays, weekdays_name, hours, hours_name, bound, low, high, bound_name)


def _gender(text: str) -> str:
    """F or M when exactly one of them is named ("남녀" and "성별" name both)."""
    women = bool(re.search(r"여성|여자|여고객|여회원", text))
    men = bool(re.search(r"남성|남자|남고객|남회원", text))
    if women == men or re.search(r"남녀|성별", text):
        return ""
    return "F" if women else "M"


def _weekdays(text: str) -> tuple[str, str]:
    """ISO numbers of the days named, e.g. "67"; none when the question divides by day or compares kinds of days."""
    if re.search(r"요일별|무슨요일|어느요일|어떤요일|요일마다|요일중|요일이(?:제일|가장)", text):
        return "", ""
    span = re.search(r"([월화수목금토일])요일(?:부터|~|에서|-)([월화수목금토일])요일", text)
    if span and _DAYS[span[1]] <= _DAYS[span[2]]:
        within = range(_DAYS[span[1]], _DAYS[span[2]] + 1)
        return "".join(map(str, within)), f"{span[1]}요일~{span[2]}요일"
    weekend, weekday = "주말" in text, "평일" in text
    if weekend and weekday:
        return "", ""
    if weekend:
        return "67", "주말"
    if weekday:
        return "12345", "평일"
    named = dict.fromkeys(re.findall(r"([월화수목금토일])요일", text))
    numbers = sorted(_DAYS[day] for day in named)
    return "".join(map(str, numbers)), "·".join(f"{'월화수목금토일'[n - 1]}요일" for n in numbers)


def _hours(text: str) -> tuple[tuple[int, int] | None, str]:
    """First and last hour of the day, both included."""
    match = _HOURS.search(text)
    if match:
        start = _clock(match["half"], int(match["a"]))
        end = _clock(match["half_b"] or match["half"], int(match["b"])) - 1
        return ((start, end), f"{start}시~{end + 1}시") if 0 <= start <= end < 24 else ((24, 24), match[0])
    match = _HOURS_OPEN.search(text)
    if match:
        at = _clock(match["half"], int(match["a"]))
        after = match["word"] in ("이후", "넘어", "부터")
        span, name = ((at, 23), f"{at}시 이후") if after else ((0, at - 1), f"{at}시 이전")
        return (span, name) if 0 <= span[0] <= span[1] < 24 else ((24, 24), match[0])
    half = _HALF.search(text)
    if half:
        return ((0, 11), "오전") if half[1] == "오전" else ((12, 23), "오후")
    return None, ""


def _clock(half: str | None, hour: int) -> int:
    """The hour on a 24-hour clock."""
    if half in ("오후", "저녁", "낮") and hour < 12:
        return hour + 12
    if half == "밤" and 6 <= hour < 12:
        return hour + 12
    if half == "밤" and hour == 12:
        return 24
    if half in ("오전", "새벽") and hour == 12:
        return 0
    return hour


def _bound(text: str) -> tuple[str, Decimal, Decimal, str]:
    """The first bound: its slot, the lowest and the highest value, and how it was said."""
    low, high, slot = Decimal(0), LARGEST, ""
    said: list[str] = []
    for match in _BOUND.finditer(text):
        if not (match["n"] or match["scale"]):
            continue
        this = _slot(text, match)
        if slot and this != slot:
            return "mixed", low, high, " ".join([*said, match[0]])
        slot = this
        said.append(match[0])
        value = Decimal((match["n"] or "1").replace(",", "")) * _SCALES[match["scale"] or ""]
        step = _STEP if slot in ("amount", "price") else Decimal(1)
        word = match["word"]
        if word == "이상":
            low = value
        elif word in ("이하", "까지만"):
            high = value
        elif word in ("초과", "넘") or word.startswith(("보다크", "보다많", "보다비", "보다높")):
            low = value + step
        else:
            high = value - step
    if not slot:
        return _exact(text)
    return slot, low, high, " ".join(said)


def _slot(text: str, match: re.Match[str]) -> str:
    slot = _UNITS[match["unit"]]
    if slot == "amount" and not re.search(r"주문|결제|구매|영수증", text) and re.search(r"상품|제품|품목", text):
        return "price"
    return slot


def _exact(text: str) -> tuple[str, Decimal, Decimal, str]:
    """`별점 1점 리뷰`, `세 번 산 고객`: one value, said without a bound."""
    match = re.search(r"([1-5])점(?:짜리)?(?:리뷰|후기|평점|별점|상품평|을?준|을?받)|(?:별점|평점)([1-5])점", text)
    if match:
        value = Decimal(match[1] or match[2])
        return "rating", value, value, f"{value}점"
    match = re.search(r"(\d{1,2})(?:번|회)(?:만)?(?:산|사고|샀|구매한|구매하고|주문한|구입한)", text)
    if match:
        value = Decimal(match[1])
        return "times", value, value, f"{value}회 구매"
    return "", Decimal(0), LARGEST, ""
