"""One customer's history by the hashed id: what a pseudonymous member bought, when, and how it is scored.

The key is the keyed hash that stands in the lake, or its beginning when only one member has it. No name, contact,
sex or region is stated, and a raw member id is refused before this is reached (`queries/refusals.yaml`). Does not
belong here: how segments and churn are computed (`crm/`).
"""

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.aggregates import with_values
from cafe24_pipelines.answers.figures import Number, plain, show
from cafe24_pipelines.answers.refusal import Refusal
from cafe24_pipelines.errors import Cafe24Error

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.slots import Slots

SHORTEST: Final = 8
"""Hex digits that the beginning of a key must have at least."""

_KEY = re.compile(rf"(?<![0-9a-zA-Z_@.-])([0-9a-f]{{{SHORTEST},32}})(?![0-9a-zA-Z_@-])", re.IGNORECASE)

HISTORY: Final = """
WITH o AS (SELECT * FROM order_facts WHERE member_key = $member),
d AS (SELECT CAST(min(ordered_local) FILTER (WHERE is_sale) AS DATE) AS first_day,
             CAST(max(ordered_local) FILTER (WHERE is_sale) AS DATE) AS last_day FROM o),
favourite AS (
  SELECT p.category FROM sale_lines l JOIN known_products p USING (product_no)
  WHERE l.member_key = $member AND p.category IS NOT NULL
  GROUP BY p.category ORDER BY count(DISTINCT l.order_id) DESC, p.category LIMIT 1
)
SELECT count(*) AS orders, count(*) FILTER (WHERE is_sale) AS sales,
       count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE status = 'returned') AS returned, coalesce(sum(net_amount), 0) AS spent,
       CAST(round(sum(net_amount) / nullif(count(*) FILTER (WHERE is_sale), 0), $digits) AS DECIMAL(20, 4)) AS aov,
       (SELECT first_day FROM d) AS first_day, (SELECT last_day FROM d) AS last_day,
       (SELECT date_diff('day', last_day, CAST($as_of_end - to_days(1) AS DATE)) FROM d) AS days_since,
       (SELECT category FROM favourite) AS category,
       (SELECT count(*) FROM coupon_issues WHERE member_key = $member) AS coupons,
       (SELECT count(used_at) FROM coupon_issues WHERE member_key = $member) AS coupons_used,
       (SELECT count(*) FROM reviews WHERE member_key = $member) AS reviews,
       (SELECT g.group_name FROM known_customers k JOIN customer_groups g USING (group_no)
        WHERE k.member_key = $member) AS tier
FROM o"""


def member_key(question: str, db: "DuckDBPyConnection") -> str | Refusal:
    """The member that the question's key names; "" when it holds none.

    Returns a refusal when no member or more than one has such a key. Digits alone are no key, unless all 32 are
    there: they are numbers of orders and products.
    """
    words = [m[1].lower() for m in _KEY.finditer(question)]
    keys = [w for w in words if len(w) == 32 or re.search(r"[a-f]", w)]
    if not keys:
        return ""
    if len(set(keys)) > 1:
        return Refusal("unknown_member", "고객 키가 둘 이상입니다. 한 번에 한 고객만 물어보세요.")
    found = db.execute(
        "SELECT member_key FROM known_customers WHERE starts_with(member_key, ?) ORDER BY member_key LIMIT 2",
        [keys[0]],
    ).fetchall()
    if len(found) == 1:
        return str(found[0][0])
    why = "둘 이상이어서" if found else "없어"
    return Refusal(
        "unknown_member",
        f"이 키로 시작하는 고객이 {why} 답할 수 없습니다. 가명 고객 키(member_key) 전체, 또는 "
        "한 고객만 가리키는 앞부분이 필요합니다.",
    )


def history(
    db: "DuckDBPyConnection", slots: "Slots", services: "Services"
) -> tuple[list[str], list[Number], dict[str, Any], str]:
    """Sentences about one member, their numbers, the row they came from, and its query."""
    values = slots.values()
    bound = {name: values[name] for name in ("digits", "as_of_end", "member")}
    relation = db.sql(HISTORY, params=bound)
    row = dict(zip(relation.columns, relation.fetchall()[0], strict=True))
    query = with_values(HISTORY, bound)
    numbers: list[Number] = []

    def said(value: Any, unit: str) -> str:
        numbers.append(Number(plain(value), slots.currency if unit == "money" else unit, query))
        return show(value, unit, slots.currency)

    lines = [
        f"고객 {slots.member[:SHORTEST]}…(가명 키)의 이력입니다({slots.coverage.as_of} 기준, 전체 기간).",
        f"- 주문 {said(row['orders'], '건')}, 그중 판매 주문 {said(row['sales'], '건')}, 취소 "
        f"{said(row['cancelled'], '건')}, 반품 {said(row['returned'], '건')}",
    ]
    if row["sales"]:
        lines.append(f"- 순매출 {said(row['spent'], 'money')}, 객단가 {said(row['aov'], 'money')}")
        lines.append(
            f"- 첫 구매 {row['first_day']}, 마지막 구매 {row['last_day']}(그 뒤 {said(row['days_since'], '일')})"
        )
    lines.append(
        f"- 쿠폰 발급 {said(row['coupons'], '건')} 중 사용 {said(row['coupons_used'], '건')}, 리뷰 "
        f"{said(row['reviews'], '건')}"
    )
    lines += [f"- 회원 등급 {row['tier']}"] if row["tier"] else []
    lines += [f"- 가장 자주 산 카테고리 {row['category']}"] if row["category"] else []
    scores = [*_segment(services, slots.member), *_churn(services, slots.member, numbers)] if row["sales"] else []
    return [*lines, *scores], numbers, row, query


def _segment(services: "Services", member: str) -> list[str]:
    from cafe24_pipelines.crm.rfm import rfm

    frame = rfm(services.lake, services.mall).table
    mine = frame[frame["member_key"] == member]
    if mine.empty:
        return []
    one = mine.iloc[0]
    return [f"- RFM 세그먼트 {one['segment']} (R{one['r']} F{one['f']} M{one['m']})"]


def _churn(services: "Services", member: str, numbers: list[Number]) -> list[str]:
    """The published churn score, when an analysis of the last run has one."""
    if services.analytics is None:
        return []
    try:
        frame = services.analytics.read(services.mall.mall_id, "churn")
    except Cafe24Error:
        return []
    mine = frame[frame["member_key"] == member]
    if mine.empty:
        return []
    one = mine.iloc[0]
    percent = round(100 * float(one["probability"]), 1)
    horizon, query = int(one["horizon_days"]), f"cafe24 metrics churn --json --mall {services.mall.mall_id}"
    numbers += [Number(horizon, "일", query), Number(plain(Decimal(str(percent))), "%", query)]
    return [f"- 이탈 확률({horizon}일 안에 구매가 없을 확률) {show(percent, '%', '')}, 구간 {one['band']}"]
