"""What a question is about: its period, the product, category, tier or API resource it names, and its limits.

Names are looked up in the mall's own lake, so a slot is always a thing that exists. Does not belong here: words
for time (see `periods.py`), or choosing the aggregate.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from cafe24_pipelines.answers.figures import money_digits
from cafe24_pipelines.answers.identifiers import identifiers, without_identifiers
from cafe24_pipelines.answers.lake_names import Coverage, Names, coverage
from cafe24_pipelines.answers.limits import Limits, find_limits
from cafe24_pipelines.answers.periods import Period, Reading, previous, read_periods, whole, year_before
from cafe24_pipelines.answers.words import concepts, content_words, squeezed, unused_words
from cafe24_pipelines.cafe24.malls import Mall

__all__ = ["Coverage", "Slots", "coverage", "find_slots", "with_recent"]

DEFAULT_LIMIT = 5
DEFAULT_DAYS = 90
DEFAULT_PERCENT = 20
LONGEST_MONTH = 31
_RESOURCE_KO = {
    "주문": "orders", "고객": "customers", "회원": "customers", "상품": "products", "쿠폰": "coupons",
    "카테고리": "categories", "게시판": "boards", "적립금": "points", "배송": "shipping",
}  # fmt: skip


@dataclass(frozen=True)
class Slots:
    """Everything a query may bind, resolved.

    `named` are the periods that the question spelled out; `rest` is the question, squeezed, without the product's
    name, whose words are no concepts ("쿠폰북" is no coupon). `several` are the slots of which two values were named
    and that are to be compared; `against` when a period to compare with was named; `unread` are words for
    time that were not understood, `unknown` things that the mall doesn't have. `branch` is a category with others
    below it, `record` the number of an order or review.
    """

    coverage: Coverage
    period: Period
    period_b: Period
    named: tuple[Period, ...]
    zone: str
    currency: str
    limit: int = DEFAULT_LIMIT
    days: int = DEFAULT_DAYS
    product: str = ""
    product_name: str = ""
    category: str = ""
    branch: str = ""
    coupon_no: str = ""
    coupon_name: str = ""
    record: str = ""
    unknown: tuple[str, ...] = ()
    tier: str = ""
    region: str = ""
    rest: str = ""
    resource: str = ""
    scope: str = ""
    limits: Limits = field(default_factory=Limits)
    percent: int = DEFAULT_PERCENT
    direction: str = ""
    year_ago: bool = False
    several: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    member: str = ""
    against: bool = False

    def values(self) -> dict[str, Any]:
        """Values by parameter name; times are local in the mall's zone."""
        return {
            "start": _midnight(self.period.start), "end": _midnight(self.period.end),
            "start_b": _midnight(self.period_b.start), "end_b": _midnight(self.period_b.end),
            "as_of_end": _midnight(self.coverage.as_of + timedelta(days=1)),
            "zone": self.zone, "limit": self.limit, "days": self.days, "digits": money_digits(self.currency),
            "product": self.product, "category": self.category, "tier": self.tier, "region": self.region,
            "resource": self.resource, "scope": self.scope, "percent": self.percent,
            "gender": self.limits.gender, "weekdays": self.limits.weekdays,
            "hour_from": (self.limits.hours or (0, 23))[0], "hour_to": (self.limits.hours or (0, 23))[1],
            "low": self.limits.low, "high": self.limits.high, "member": self.member,
            "branch": self.branch, "coupon_no": self.coupon_no, "record": self.record,
        }  # fmt: skip

    def words(self) -> dict[str, str]:
        """Texts that a sentence may name."""
        return {
            "period": self.period.label, "period_b": self.period_b.label,
            "as_of": self.coverage.as_of.isoformat(), "days": str(self.days), "product_name": self.product_name,
            "category": self.category, "tier": self.tier, "region": self.region,
            "resource": self.resource, "scope": self.scope, "percent": f"{self.percent}%",
            "gender_name": {"F": "여성", "M": "남성"}.get(self.limits.gender, ""),
            "weekdays_name": self.limits.weekdays_name, "hours_name": self.limits.hours_name,
            "bound_name": self.limits.bound_name, "branch": self.branch, "coupon_name": self.coupon_name,
        }  # fmt: skip

    @property
    def filters(self) -> frozenset[str]:
        """Names of the things that narrow a result down: an aggregate that can't use one doesn't answer."""
        named = {name for name in _NAMED if getattr(self, name)}
        limits = self.limits
        named |= {name for name in ("gender", "weekdays", "hours") if getattr(limits, name)}
        named |= {"member"} if self.member else set()
        return frozenset(named | ({limits.bound} if limits.bound else set()))

    def named_filter(self, name: str) -> str:
        """The value of a filter as text."""
        own = {"gender": "gender_name", "weekdays": "weekdays_name", "hours": "hours_name", "product": "product_name",
               "coupon_no": "coupon_name"}  # fmt: skip
        return self.words()[own.get(name, name if name in self.words() else "bound_name")]

    @property
    def filled(self) -> frozenset[str]:
        """Names of all things that the question named."""
        return self.filters | {name for name in ("resource", "scope") if getattr(self, name)}


_NAMED = ("product", "category", "branch", "coupon_no", "record", "tier", "region")


def find_slots(question: str, names: Names, mall: Mall, cover: Coverage) -> Slots:
    """Resolve everything the question names against the mall's names."""
    text = squeezed(question)
    product, product_name = _product(question, text, names)
    coupon_no, coupon_name, coupon_said = _coupon(question, text, names)
    bare = without_identifiers(_without(_without(question, product_name.rsplit("(상품번호", 1)[0]), coupon_said))
    reading = read_periods(bare, cover.as_of, cover.first)
    text = squeezed(reading.rest)
    year_ago = bool(_YEAR_AGO.search(question))
    period, other = _two_periods(reading, cover, question, year_ago=year_ago)
    limits = find_limits(text)
    tiers, regions = _found(text, names.tiers), _found(text, names.regions)
    categories = _found(text, names.categories)
    several = {
        name
        for name, values in (("tier", tiers), ("region", regions), ("category", categories))
        if len(values) > 1 and _COMPARED.search(text)
    }
    category = "" if "category" in several else max(sorted(categories), key=len, default="")
    below = category in names.branches or "branch" in concepts(text)
    return Slots(
        coverage=cover, period=period, period_b=other, named=reading.periods or _implied(question, period, cover),
        zone=mall.time_zone, currency=mall.currency, limit=_limit(question), days=_days(bare),
        product=product, product_name=product_name, rest=text, coupon_no=coupon_no, coupon_name=coupon_name,
        category="" if below else category, branch=category if below else "",
        tier="" if "tier" in several else max(sorted(tiers), key=len, default=""),
        region="" if "region" in several else max(sorted(regions), key=len, default=""),
        resource=_resource(question, names), scope=_scope(question), limits=limits, percent=_percent(text),
        year_ago=year_ago, several=frozenset(several), unread=() if limits.hours else reading.unread,
        against=reading.base_only or len(reading.periods) > 1 or bool(_compared_with(question)),
        said=(*reading.said, *_compared_with(question), *tiers, *regions, *categories, coupon_said),
        unknown=_unknown(question, names),
    )  # fmt: skip


_YEAR_AGO = re.compile(
    r"(?:작년|전년|지난\s*해)\s*(?:동기|동월|동일|동\s*분기|같은\s*(?:기간|달|때|시기|월|주)?|이맘\s*때?|이\s*때|이\s*시기|요\s*맘\s*때?)|전년\s*(?:대비|보다)|1\s*년\s*전"
)
_MONTH_AGO = re.compile(r"(?:전월|전\s*달)\s*(?:대비|보다|에\s*비해|과\s*비교)")
_WEEK_AGO = re.compile(r"전\s*주\s*(?:대비|보다|에\s*비해|와\s*비교)")
_COMPARED = re.compile(r"비교|차이|누가|어디가|어느쪽|중(?:에)?(?:어느|어디|누가|뭐)|vs|중어떤")


def _compared_with(question: str) -> list[str]:
    """The words that name what to compare with and no period of their own."""
    return [m[0] for pattern in (_YEAR_AGO, _MONTH_AGO, _WEEK_AGO) for m in pattern.finditer(question)]


def _without(question: str, name: str) -> str:
    """The question without a product's name, whose words are no words for time ("여름 원피스")."""
    pattern = r"\s*".join(re.escape(c) for c in squeezed(name))
    return re.sub(pattern, " ", question, flags=re.IGNORECASE) if name else question


def _implied(question: str, period: Period, cover: Coverage) -> tuple[Period, ...]:
    """The asked period when only what to compare with was said (`전월 대비`)."""
    said = _MONTH_AGO.search(question) or _WEEK_AGO.search(question)
    return (period,) if said else ()


def _two_periods(reading: Reading, cover: Coverage, question: str, *, year_ago: bool) -> tuple[Period, Period]:
    """The period asked about and the one to compare it with; of two named ones the later is asked about."""
    named = reading.periods
    if len(named) >= 2:
        early, late = sorted(named[:2], key=lambda p: (p.start, p.end))
        growth = re.search(r"대비|보다|에\s*비해|성장|증감", question)
        return late, _as_far(late, early, cover) if growth else early
    if not named:
        return _unnamed(cover, question)
    period = named[0]
    if reading.base_only:
        now = _now_like(period, cover)
        return now, _as_far(now, period, cover)
    return period, year_before(period) if year_ago else previous(period)


def _unnamed(cover: Coverage, question: str) -> tuple[Period, Period]:
    today = cover.as_of
    if _MONTH_AGO.search(question):
        month = Period(today.replace(day=1), today + timedelta(days=1), "이번 달")
        return month, previous(month)
    if _WEEK_AGO.search(question):
        week = Period(today - timedelta(days=today.weekday()), today + timedelta(days=1), "이번 주")
        return week, Period(week.start - timedelta(days=7), week.end - timedelta(days=7), "지난주 같은 요일까지")
    return whole(cover.first, today), previous(_last_30_days(cover))


def _now_like(base: Period, cover: Coverage) -> Period:
    """The running period of the same kind as the one compared with: this month for a month, this year for a year."""
    today, end = cover.as_of, cover.as_of + timedelta(days=1)
    if base.days == 1:
        return Period(today, end, "오늘")
    if base.days == 7 and base.start.weekday() == 0:
        return Period(today - timedelta(days=today.weekday()), end, "이번 주")
    if base.start.day == 1 and 28 <= base.days <= 31:
        return Period(today.replace(day=1), end, "이번 달")
    if base.start.day == 1 and 365 <= base.days <= 366:
        return Period(today.replace(month=1, day=1), end, "올해")
    return Period(end - timedelta(days=base.days), end, f"최근 {base.days}일")


def _as_far(now: Period, base: Period, cover: Coverage) -> Period:
    """As many days of the earlier period as the running one has had; the whole of it when that is over."""
    running = now.end == cover.as_of + timedelta(days=1) and now.days < base.days
    if not running or base.start >= now.start or (base.days <= LONGEST_MONTH and _whole_month(now)):
        return base
    if (now.start.month, now.start.day) == (1, 1) and (base.start.month, base.start.day) == (1, 1):
        return replace(year_before(now), name=f"{base.name} 같은 기간")
    return Period(base.start, base.start + timedelta(days=now.days), f"{base.name} 같은 날수")


def _whole_month(period: Period) -> bool:
    return period.start.day == 1 and period.end.day == 1


def with_recent(slots: Slots) -> Slots:
    """The slots for an aggregate that is about the last 30 days unless the question named a period."""
    if slots.named:
        return slots
    period = _last_30_days(slots.coverage)
    return replace(slots, period=period, period_b=year_before(period) if slots.year_ago else previous(period))


def _last_30_days(cover: Coverage) -> Period:
    return Period(cover.as_of - timedelta(days=29), cover.as_of + timedelta(days=1), "최근 30일")


def _limit(question: str) -> int:
    match = re.search(
        r"(?:상위|하위|top|TOP|Top|베스트)\s*(\d{1,2})(?!\d|\s*%)|"
        r"(?<!\d)(\d{1,2})\s*(?:개(?!월)|위까지|가지|곳|종)(?!\s*(?:이상|이하|미만|초과|넘|밑))",
        question,
    )
    number = int(match[1] or match[2]) if match else DEFAULT_LIMIT
    return min(max(number, 1), 20)


def _days(question: str) -> int:
    match = re.search(r"(\d{1,4})\s*(일|주|개월|달|년)", question)
    if not match:
        return DEFAULT_DAYS
    return max(int(match[1]), 1) * {"일": 1, "주": 7, "개월": 30, "달": 30, "년": 365}[match[2]]


def _product(question: str, text: str, names: Names) -> tuple[str, str]:
    """Product number and a name for the sentence; the longest name that the question contains wins."""
    numbers = {one.id for one in identifiers(question) if one.kind == "product"}
    words = content_words(question)
    best: tuple[tuple[int, int], str, str] | None = None
    for key, name, uses in names.products:
        label = f"{name}(상품번호 {key})"
        if key in numbers:
            return key, label
        plain = squeezed(name)
        named = plain in text if len(plain) >= 3 else plain in words
        rank = (len(plain), uses)  # of products with one name, the one that occurs most
        if plain and named and (best is None or rank > best[0]):
            best = (rank, key, label)
    return (best[1], best[2]) if best else ("", "")


def _coupon(question: str, text: str, names: Names) -> tuple[str, str, str]:
    """Number and name of the coupon that the question names, and the words that name it.

    Amounts in a name may be left out (`생일 축하 쿠폰` for `생일 축하 15% 쿠폰`).
    """
    numbers = {one.id for one in identifiers(question) if one.kind == "coupon"}
    best = ("", "", "")
    for key, name in names.coupons:
        if key in numbers:
            return key, name, ""
        parts = [re.escape(squeezed(part)) for part in name.split()]
        spelt = "".join(f"(?:{part})?" if part[0].isdigit() else part for part in parts)
        match = re.search(spelt, text) if len(re.sub(r"\W|쿠폰", "", name)) >= 2 else None
        if match and len(match[0]) > max(len(best[2]), 3):
            best = (key, name, match[0])
    return best


_QUOTED = re.compile(r"['\"‘“「『]([^'\"‘’“”「」『』]{2,60})['\"’”」』]")
_TIER = re.compile(r"([가-힣A-Za-z+]{2,12})\s*(?:등급|티어)(?!별|마다)")
_NO_TIER = re.compile(
    r"회원|고객|멤버|손님|어느|어떤|무슨|모든|각각|전체|높은|낮은|상위|하위|같은|최고|최저|우리|현재|지금|이번|주문|구매|매출|할인|"
    r"(?:은|는|한|의|별|른|로|을|를|이|가|과|와|면|고|서)$"
)


def _unknown(question: str, names: Names) -> tuple[str, ...]:
    """Things that are named by quotation marks or as a tier and that the mall doesn't have."""
    quoted = _QUOTED.findall(question)
    if quoted:
        known = {squeezed(n) for n in (*names.tiers, *names.categories, *names.regions)}
        known |= {squeezed(name) for _, name, _ in names.products} | {squeezed(name) for _, name in names.coupons}
        quoted = [word for word in quoted if not any(squeezed(word) in name for name in known)]
        quoted = [word for word in quoted if _strange(word, known)]
    tiers = {squeezed(name) for name in names.tiers}
    said = [word for word in _TIER.findall(question) if tiers and not _NO_TIER.search(word)]
    return tuple(quoted + [f"{word} 등급" for word in said if squeezed(word) not in tiers and not concepts(word)])


def _strange(word: str, known: set[str]) -> bool:
    """Whether more than known names and words for things stands between quotation marks."""
    inside = sorted((name for name in known if len(name) > 1 and name in squeezed(word)), key=len, reverse=True)
    left = squeezed(word)
    for name in inside:
        left = left.replace(name, "")
    return bool(unused_words(word, tuple(inside)) or (len(left) > 1 and not concepts(left)))


def _resource(question: str, names: Names) -> str:
    """An API resource, by its own name or by a common Korean word for it."""
    for word in sorted(re.findall(r"[a-z][a-z0-9_/-]+", question.lower()), key=len, reverse=True):
        if word in names.resources:
            return word
    for korean, name in _RESOURCE_KO.items():
        if korean in question and name in names.resources:
            return name
    return ""


def _scope(question: str) -> str:
    match = re.search(r"mall\.(?:read|write)_[a-z]+", question.lower())
    return match[0] if match else ""


def _found(text: str, names: Sequence[str]) -> list[str]:
    """Names that the text holds, none inside a longer one (one letter alone only before 카테고리).

    A name in Latin letters is no part of another word: VVIP is not VIP.
    """
    found = [name for name in names if (plain := squeezed(name)) and re.search(_spelt(plain), text)]
    return [name for name in found if not any(name != other and squeezed(name) in squeezed(other) for other in found)]


def _spelt(plain: str) -> str:
    if len(plain) == 1:
        return f"{plain}카테고리"
    left = r"(?<![a-z0-9])" if plain[0].isascii() else ""
    right = r"(?![a-z0-9+])" if plain[-1].isascii() else ""
    return rf"{left}{re.escape(plain)}{right}(?!적|플러스|프리미엄)"


def _percent(text: str) -> int:
    match = re.search(r"상위(\d{1,2})(?:%|퍼센트|프로)", text)
    return min(max(int(match[1]), 1), 99) if match else DEFAULT_PERCENT


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min)
