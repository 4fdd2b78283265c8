"""What a question is about: its period, the product, category, tier or API resource it names, and its limits.

Names are looked up in the mall's own lake, so a slot is always a thing that exists. Does not belong here: words
for time (see `periods.py`), or choosing the aggregate.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.figures import money_digits
from cafe24_pipelines.answers.periods import Period, find_periods, previous, whole, year_before
from cafe24_pipelines.answers.words import content_words, squeezed
from cafe24_pipelines.cafe24.malls import Mall

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DEFAULT_LIMIT = 5
DEFAULT_DAYS = 90
_CATEGORIES = "SELECT DISTINCT category FROM products UNION SELECT DISTINCT category FROM order_items"
_RESOURCE_KO = {
    "주문": "orders", "고객": "customers", "회원": "customers", "상품": "products", "쿠폰": "coupons",
    "카테고리": "categories", "게시판": "boards", "적립금": "points", "배송": "shipping",
}  # fmt: skip


@dataclass(frozen=True)
class Coverage:
    """The mall's first and last local date with orders; `as_of` is what "오늘" means."""

    first: date
    as_of: date


@dataclass(frozen=True)
class Slots:
    """Everything a query may bind, resolved.

    `named` are the periods that the question spelled out; `rest` is the question, squeezed, without the product's
    name, whose words are no concepts ("쿠폰북" is no coupon).
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
    tier: str = ""
    region: str = ""
    rest: str = ""
    resource: str = ""
    scope: str = ""

    def values(self) -> dict[str, Any]:
        """Values by parameter name; times are local in the mall's zone."""
        return {
            "start": _midnight(self.period.start), "end": _midnight(self.period.end),
            "start_b": _midnight(self.period_b.start), "end_b": _midnight(self.period_b.end),
            "as_of_end": _midnight(self.coverage.as_of + timedelta(days=1)),
            "zone": self.zone, "limit": self.limit, "days": self.days, "digits": money_digits(self.currency),
            "product": self.product, "category": self.category, "tier": self.tier, "region": self.region,
            "resource": self.resource, "scope": self.scope,
        }  # fmt: skip

    def words(self) -> dict[str, str]:
        """Texts that a sentence may name."""
        return {
            "period": self.period.label, "period_b": self.period_b.label,
            "as_of": self.coverage.as_of.isoformat(), "days": str(self.days), "product_name": self.product_name,
            "category": self.category, "tier": self.tier, "region": self.region,
            "resource": self.resource, "scope": self.scope,
        }  # fmt: skip

    @property
    def filters(self) -> frozenset[str]:
        """Names of the things that narrow a result down: an aggregate that can't use one doesn't answer."""
        return frozenset(name for name in ("product", "category", "tier", "region") if getattr(self, name))

    @property
    def filled(self) -> frozenset[str]:
        """Names of all things that the question named."""
        return self.filters | {name for name in ("resource", "scope") if getattr(self, name)}


def coverage(db: "DuckDBPyConnection") -> Coverage | None:
    """First and last local date with orders; None when no order has landed."""
    first, last = db.sql("SELECT min(ordered_local)::DATE, max(ordered_local)::DATE FROM order_facts").fetchall()[0]
    return Coverage(first, last) if first else None


def find_slots(question: str, db: "DuckDBPyConnection", mall: Mall, cover: Coverage) -> Slots:
    """Resolve everything the question names against the mall's lake."""
    named = find_periods(question, cover.as_of, cover.first)
    period, other = _two_periods(question, named, cover)
    text = squeezed(question)
    product, product_name = _product(question, text, db)
    text = text.replace(squeezed(product_name.rsplit("(상품번호", 1)[0]), "") if product else text
    return Slots(
        coverage=cover,
        period=period,
        period_b=other,
        named=tuple(named),
        zone=mall.time_zone,
        currency=mall.currency,
        limit=_limit(question),
        days=_days(question),
        product=product,
        product_name=product_name,
        rest=text,
        category=_longest(text, _column(db, _CATEGORIES)),
        tier=_longest(text, _column(db, "SELECT group_name FROM customer_groups")),
        region=_longest(text, _column(db, "SELECT DISTINCT region FROM customers")),
        resource=_resource(question, db),
        scope=_scope(question),
    )


def _two_periods(question: str, named: list[Period], cover: Coverage) -> tuple[Period, Period]:
    """The period asked about and the one to compare it with; of two named ones the later is asked about."""
    if len(named) >= 2:
        early, late = sorted(named[:2], key=lambda p: (p.start, p.end))
        return late, early
    if not named:
        return whole(cover.first, cover.as_of), previous(_last_30_days(cover))
    period = named[0]
    last_year = re.search(r"전년\s*(?:동기|대비|같은)|작년\s*(?:동기|같은)", question)
    return period, year_before(period) if last_year else previous(period)


def with_recent(slots: Slots) -> Slots:
    """The slots for an aggregate that is about the last 30 days unless the question named a period."""
    if slots.named:
        return slots
    period = _last_30_days(slots.coverage)
    return replace(slots, period=period, period_b=previous(period))


def _last_30_days(cover: Coverage) -> Period:
    return Period(cover.as_of - timedelta(days=29), cover.as_of + timedelta(days=1), "최근 30일")


def _limit(question: str) -> int:
    match = re.search(
        r"(?:상위|하위|top|TOP|Top|베스트)\s*(\d{1,2})(?!\d|\s*%)|(\d{1,2})\s*(?:개|위까지|가지|곳|종)", question
    )
    number = int(match[1] or match[2]) if match else DEFAULT_LIMIT
    return min(max(number, 1), 20)


def _days(question: str) -> int:
    match = re.search(r"(\d{1,4})\s*(일|주|개월|달|년)", question)
    if not match:
        return DEFAULT_DAYS
    return max(int(match[1]), 1) * {"일": 1, "주": 7, "개월": 30, "달": 30, "년": 365}[match[2]]


def _product(question: str, text: str, db: "DuckDBPyConnection") -> tuple[str, str]:
    """Product number and a name for the sentence; the longest name that the question contains wins."""
    number = re.search(r"상품\s*(?:번호|코드)\s*[:#]?\s*([A-Za-z0-9]+)", question)
    rows = db.sql(
        "SELECT product_no, product_name, count(*) FROM (SELECT product_no, product_name FROM products UNION ALL "
        "SELECT product_no, product_name FROM order_items) GROUP BY ALL ORDER BY product_no, product_name"
    ).fetchall()
    words = content_words(question)
    best: tuple[tuple[int, int], str, str] | None = None
    for key, name, uses in rows:
        label = f"{name or ''}(상품번호 {key})"
        if number and number[1] == key:
            return key, label
        plain = squeezed(name or "")
        named = plain in text if len(plain) >= 3 else plain in words
        rank = (len(plain), uses)  # of products with one name, the one that occurs most
        if plain and named and (best is None or rank > best[0]):
            best = (rank, key, label)
    return (best[1], best[2]) if best else ("", "")


def _resource(question: str, db: "DuckDBPyConnection") -> str:
    """An API resource, by its own name or by a common Korean word for it."""
    known = set(_column(db, "SELECT DISTINCT resource FROM documents WHERE kind = 'endpoint'"))
    for word in sorted(re.findall(r"[a-z][a-z0-9_/-]+", question.lower()), key=len, reverse=True):
        if word in known:
            return word
    for korean, name in _RESOURCE_KO.items():
        if korean in question and name in known:
            return name
    return ""


def _scope(question: str) -> str:
    match = re.search(r"mall\.(?:read|write)_[a-z]+", question.lower())
    return match[0] if match else ""


def _column(db: "DuckDBPyConnection", sql: str) -> list[str]:
    return [row[0] for row in db.sql(sql).fetchall() if row[0]]


def _longest(text: str, names: list[str]) -> str:
    found = [name for name in names if len(squeezed(name)) >= 2 and squeezed(name) in text]
    return max(sorted(found), key=len, default="")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min)
