"""Why net sales changed, as far as arithmetic can say: parts that add up exactly to the change.

Four views of one difference: orders and average order value; new, returning and guest buyers; categories; products;
and the calendar of both periods (days, weekends, Seollal and Chuseok). Confirmed patterns that speak of the same
things are named beside them. No part is a cause, and the text says so. Does not belong here: patterns themselves.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.aggregates import with_values
from cafe24_pipelines.answers.figures import Number, money_digits, plain, show
from cafe24_pipelines.answers.holidays import holidays_within
from cafe24_pipelines.answers.periods import Period
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.slots import Slots
    from cafe24_pipelines.discovery.patterns import Pattern

SHOWN = 3
_ABOUT_SALES = ("seasonality_change", "stock_out", "gateway_products", "review_repurchase", "temporal_association")
_DISCLAIMER = "이는 산술 분해이며 원인을 증명하지는 않습니다."

_NOW = "ordered_local >= $start AND ordered_local < $end"
_BEFORE = "ordered_local >= $start_b AND ordered_local < $end_b"

TOTALS = f"""
SELECT coalesce(sum(net_amount) FILTER (WHERE {_NOW}), 0) AS now_sales,
       coalesce(sum(net_amount) FILTER (WHERE {_BEFORE}), 0) AS before_sales,
       count(*) FILTER (WHERE is_sale AND {_NOW}) AS now_orders,
       count(*) FILTER (WHERE is_sale AND {_BEFORE}) AS before_orders
FROM order_facts"""

BUYERS = f"""
WITH d AS (
  SELECT CASE WHEN NOT is_sale THEN '환불 문서 등' WHEN member_key IS NULL THEN '비회원'
              WHEN sale_no = 1 THEN '신규 회원(첫 구매)' ELSE '기존 회원(재구매)' END AS name,
         net_amount, ordered_local
  FROM order_facts
)
SELECT name, coalesce(sum(net_amount) FILTER (WHERE {_NOW}), 0)
  - coalesce(sum(net_amount) FILTER (WHERE {_BEFORE}), 0) AS change
FROM d GROUP BY name HAVING change <> 0 ORDER BY change, name"""


def _by_lines(key: str, name: str) -> str:
    """Changes of the amounts of order lines, by product or category."""
    return f"""
WITH d AS (
  SELECT {key} AS key, {name} AS name, coalesce(sum(l.amount) FILTER (WHERE {_NOW}), 0)
         - coalesce(sum(l.amount) FILTER (WHERE {_BEFORE}), 0) AS change
  FROM sale_lines l LEFT JOIN known_products p USING (product_no) GROUP BY {key}
)
SELECT name, change FROM d WHERE change <> 0 ORDER BY change, key"""


_CATEGORY = "coalesce(p.category, l.category, '(분류 없음)')"
CATEGORIES = _by_lines(_CATEGORY, f"any_value({_CATEGORY})")
PRODUCTS = _by_lines("l.product_no", "coalesce(any_value(p.product_name), l.product_no)")


@dataclass(frozen=True)
class Split:
    """The sentences, the numbers in them in order, and the rows as they were computed."""

    lines: tuple[str, ...]
    numbers: tuple[Number, ...]
    rows: tuple[dict[str, Any], ...]


class _Talk:
    """Collects sentences and the numbers that they state."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.lines: list[str] = []
        self.numbers: list[Number] = []
        self.rows: list[dict[str, Any]] = []

    def number(self, value: Any, unit: str, query: str) -> str:
        """The value as text, kept as a number of the answer."""
        self.numbers.append(Number(plain(value), self.currency if unit == "money" else unit, query))
        return show(value, unit, self.currency)


def decompose(db: "DuckDBPyConnection", slots: "Slots", patterns: "list[Pattern]") -> Split | None:
    """Split the change of net sales between both periods; None when one of them has no sale."""
    values = slots.values()
    bound = {name: values[name] for name in ("start", "end", "start_b", "end_b")}
    now, before, orders, orders_before = db.sql(TOTALS, params=bound).fetchall()[0]
    if not (orders and orders_before):
        return None
    talk, query = _Talk(slots.currency), with_values(TOTALS, bound)
    change = now - before
    talk.rows.append({"part": "total", "name": "순매출", "change": change})
    talk.lines.append(
        f"{slots.period.label} 순매출은 {talk.number(now, 'money', query)}, {slots.period_b.label} 순매출은 "
        f"{talk.number(before, 'money', query)}이며, 차이는 {talk.number(change, 'money', query)}"
        f"({_direction(change)})입니다."
    )
    if slots.direction == "low" and change > 0:
        talk.lines.append("질문과 달리 순매출은 줄지 않고 늘었습니다.")
    _orders_and_value(talk, query, (now, before, orders, orders_before), money_digits(slots.currency))
    _parts(
        talk,
        "구매자별로는",
        "buyers",
        db.sql(BUYERS, params=bound).fetchall(),
        with_values(BUYERS, bound),
        len_all=True,
    )
    for title, part, sql in (("카테고리별로는", "categories", CATEGORIES), ("상품별로는", "products", PRODUCTS)):
        found = db.sql(sql, params=bound).fetchall()
        _parts(talk, title, part, found, with_values(sql, bound), whole=change)
    _calendar(talk, slots.period, slots.period_b)
    talk.lines.append(_DISCLAIMER)
    talk.lines += _related(patterns, talk, (slots.period, slots.period_b))
    return Split(tuple(talk.lines), tuple(talk.numbers), tuple(talk.rows))


def _direction(change: Decimal) -> str:
    return "증가" if change > 0 else "감소" if change < 0 else "변화 없음"


def _orders_and_value(talk: _Talk, query: str, totals: tuple[Any, ...], digits: int) -> None:
    """Half of each side's difference at the other's mean: the two parts add up to the change without remainder."""
    now, before, orders, orders_before = totals
    value, value_before = Decimal(now) / orders, Decimal(before) / orders_before
    by_orders = round((orders - orders_before) * (value + value_before) / 2, digits)
    by_value = now - before - by_orders  # what rounding leaves belongs here, so that the sum is exact
    talk.rows += [
        {"part": "orders_aov", "name": "주문 수", "change": by_orders},
        {"part": "orders_aov", "name": "객단가", "change": by_value},
    ]
    note = f"{query} -- (주문 수 변화) x (평균 객단가), 나머지는 객단가"
    talk.lines.append(
        f"- 주문 수({talk.number(orders_before, '건', query)} → {talk.number(orders, '건', query)})의 몫이 "
        f"{talk.number(by_orders, 'money', note)}, "
        f"객단가({talk.number(round(value_before, digits), 'money', query)} → "
        f"{talk.number(round(value, digits), 'money', query)})의 몫이 {talk.number(by_value, 'money', note)}입니다."
    )


def _parts(
    talk: _Talk, title: str, part: str, found: list[tuple[str, Decimal]], query: str, *,
    whole: Decimal | None = None, len_all: bool = False,
) -> None:  # fmt: skip
    """The largest falls and rises of a part, the rest in one number, and what lines don't hold (discounts, fees)."""
    shown = found if len_all else _largest(found)
    rest = sum((change for _, change in found), Decimal(0)) - sum((change for _, change in shown), Decimal(0))
    talk.rows += [{"part": part, "name": name, "change": change} for name, change in found]
    said = [f"{name} {talk.number(change, 'money', query)}" for name, change in shown]
    if len(found) > len(shown):
        said.append(f"나머지 {talk.number(len(found) - len(shown), '개', query)} {talk.number(rest, 'money', query)}")
    if whole is not None:
        other = whole - sum((change for _, change in found), Decimal(0))
        talk.rows.append({"part": part, "name": "할인·배송비 등", "change": other})
        said.append(f"할인·배송비 등 상품 금액 밖의 것 {talk.number(other, 'money', query)}")
    talk.lines.append(f"- {title} {', '.join(said)}입니다(더하면 전체 차이).")


def _largest(found: list[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    """The three greatest falls, then the three greatest rises; `found` is in order of the change."""
    falls = [item for item in found if item[1] < 0][:SHOWN]
    rises = [item for item in reversed(found) if item[1] > 0][:SHOWN]
    return [*falls, *rises]


def _calendar(talk: _Talk, now: Period, before: Period) -> None:
    """Days, weekends and holidays of both periods: what lets two months differ before anybody buys."""
    query = "달력 계산(answers/holidays.py의 설·추석 표)"
    said = []
    for period in (before, now):
        holidays = holidays_within(period.start, period.end)
        named = ", ".join(
            f"{name} 연휴 {talk.number(days, '일', query)}" for name, days in holidays.items() if days
        )  # fmt: skip
        weekend = sum((period.start + timedelta(days=i)).weekday() >= 5 for i in range(period.days))
        label = period.label
        said.append(
            f"{label}{particle(label, '은(는)')} "
            f"{talk.number(period.days, '일', query)}(주말 {talk.number(weekend, '일', query)}"
            f"{', ' + named if named else ', 설·추석 연휴 없음'})"
        )
    talk.lines.append(f"- 달력: {', '.join(said)}입니다.")


def _related(patterns: "list[Pattern]", talk: _Talk, periods: tuple[Period, Period]) -> list[str]:
    """Confirmed patterns that name a part shown here, a holiday that only one period has, or a day in one of them."""
    text = "\n".join(talk.lines)
    days = [holidays_within(p.start, p.end) for p in periods]

    def speaks_of_it(pattern: "Pattern") -> bool:
        dates = [date.fromisoformat(d) for d in re.findall(r"\d{4}-\d{2}-\d{2}", pattern.title)]
        if dates:
            return any(p.start <= d < p.end for p in periods for d in dates)
        if "설·추석" in pattern.title:
            return days[0] != days[1]
        named = re.findall(r"'([^']+)'", pattern.title)
        return pattern.detector in _ABOUT_SALES and any(f" {name} " in text for name in named)

    found = [p for p in patterns if p.status == "confirmed" and speaks_of_it(p)]
    return [f"관련해 확인된 패턴(원인이라는 뜻은 아닙니다): {p.title}" for p in found[:SHOWN]]
