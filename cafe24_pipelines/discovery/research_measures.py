"""A mall's own value of a metric that web sources write about: measured as the sources define it, or not at all.

Each measure is fixed here before any data or claim is seen: its window, its unit, its margin, and why it may not be
taken as the same thing as the published one. Shares are fractions, money is in the mall's currency. Does not belong
here: which claims a mall is compared with (see `detectors/web_benchmarks.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.detectors.ratio_churn import followed
from cafe24_pipelines.discovery.statistics import Estimate, outside_share, outside_value, ratio_of_sums, wilson

if TYPE_CHECKING:
    import pandas as pd

YEAR: Final = 365
SETTLED: Final = 30
"""Days after which an order's return is taken to have happened, if it does."""

_MEMBERS_ONLY: Final = "로그인한 회원의 행동만 보이고 공개 수치는 모든 방문자의 것이라, 같은 정의로 볼 수 없습니다."
_NO_WINDOW: Final = "출처가 기간을 밝히지 않아 365일로 재었습니다. 정의가 다를 수 있습니다."


@dataclass(frozen=True)
class Measured:
    """A mall's value: what p says, n of which, the values of both halves of the period, the SQL that shows it."""

    estimate: Estimate
    n: int
    halves: tuple[float, float]
    p: Callable[[float, float], float]
    query: str
    defined: str
    caution: str = ""


@dataclass(frozen=True)
class Measure:
    """How a metric is measured; `margin` is added to both ends of what is published (`relative`: times the end)."""

    find: Callable[[DiscoveryContext, int], Measured | None]
    effect: str
    margin: float
    action: str
    relative: bool = False
    windowed: bool = False


def _share(rows: "pd.DataFrame", query: str, defined: str, caution: str = "") -> Measured | None:
    """A share of independent units; `rows` has `day` and `hit`."""
    n, k = len(rows), int(rows["hit"].sum())
    if not n:
        return None
    return Measured(
        wilson(k, n), n, _halves(rows, lambda r: float(r["hit"].mean())),
        lambda low, high: outside_share(k, n, low, high), query, defined, caution,
    )  # fmt: skip


def _ratio(rows: "pd.DataFrame", query: str, defined: str, caution: str = "") -> Measured | None:
    """A ratio of sums over members as clusters; `rows` has `unit`, `day`, `top` and `below`."""
    if rows.empty:
        return None

    def estimate(part: "pd.DataFrame") -> Estimate:
        sums = part.groupby("unit", sort=True)[["top", "below"]].sum()
        return ratio_of_sums(sums["top"], sums["below"])

    whole = estimate(rows)
    return Measured(
        whole, int(rows["unit"].nunique()), _halves(rows, lambda r: estimate(r).value),
        lambda low, high: outside_value(whole, low, high), query, defined, caution,
    )  # fmt: skip


def _halves(rows: "pd.DataFrame", value: "Callable[[pd.DataFrame], float]") -> tuple[float, float]:
    cut = float(rows["day"].median())
    early, late = rows[rows["day"] <= cut], rows[rows["day"] > cut]
    return (value(early), value(late)) if len(early) and len(late) else (value(rows), value(rows))


# -- measures ------------------------------------------------------------------------------------------------


def _repurchase(context: DiscoveryContext, window: int) -> Measured | None:
    import pandas as pd

    days = window or YEAR
    first, again = followed(context.sales, context.end, days)
    query = f"""
        SELECT count(*) AS members, count(*) FILTER (s.ordered_at <= f.ordered_at + INTERVAL {days} DAY) AS again
        FROM order_facts f LEFT JOIN order_facts s ON s.member_key = f.member_key AND s.sale_no = 2
        WHERE f.sale_no = 1 AND f.ordered_at + INTERVAL {days} DAY <= (SELECT max(ordered_at) FROM orders)"""
    return _share(
        pd.DataFrame({"day": first.to_numpy(), "hit": again.to_numpy()}), query,
        f"첫 구매 뒤 {days}일 안에 다시 산 회원의 비율", "" if window else _NO_WINDOW,
    )  # fmt: skip


_KEPT_SQL: Final = f"""
    WITH told AS (SELECT max(ordered_at) AS until, min(ordered_at) AS since FROM orders)
    SELECT member_key, min(epoch_us(ordered_at) / 86400e6) AS day,
           bool_or(ordered_at > until - INTERVAL {YEAR} DAY) AS kept
    FROM order_facts, told
    WHERE is_sale AND member_key IS NOT NULL AND ordered_at > until - INTERVAL {2 * YEAR} DAY
      AND since <= until - INTERVAL {YEAR + YEAR // 2} DAY
    GROUP BY member_key, until HAVING min(ordered_at) <= until - INTERVAL {YEAR} DAY ORDER BY day, member_key"""


def _kept(context: DiscoveryContext, window: int, *, lost: bool) -> Measured | None:
    if window not in (0, YEAR):
        return None
    rows = context.sql(_KEPT_SQL).rename(columns={"kept": "hit"})
    if lost and len(rows):
        rows["hit"] = ~rows["hit"].astype(bool)
    said = "다시 사지 않은" if lost else "다시 산"
    query = f"SELECT count(*) AS members, count(*) FILTER (kept) AS bought_again FROM ({_KEPT_SQL})"
    return _share(
        rows, query, f"그 전 1년의 구매 회원 중 최근 1년에 {said} 회원의 비율", "" if window else _NO_WINDOW
    )


_ORDERS_SQL: Final = f"""
    SELECT coalesce(member_key, order_id) AS unit, epoch_us(ordered_at) / 86400e6 AS day,
           net_amount::DOUBLE AS amount, is_sale, status
    FROM order_facts
    WHERE ordered_at > (SELECT max(ordered_at) FROM orders) - INTERVAL {YEAR} DAY ORDER BY ordered_at, order_id"""


def _order_value(context: DiscoveryContext, window: int) -> Measured | None:
    rows = context.sql(f"SELECT unit, day, amount AS top, 1.0 AS below FROM ({_ORDERS_SQL}) WHERE is_sale")
    query = f"SELECT count(*) AS sales, avg(amount) AS average FROM ({_ORDERS_SQL}) WHERE is_sale"
    return _ratio(rows, query, "최근 1년 판매 한 건의 평균 결제 금액")


def _returns(context: DiscoveryContext, window: int) -> Measured | None:
    settled = f"{_ORDERS_SQL.partition('ORDER BY')[0]} AND status NOT IN ('unpaid', 'cancelled') AND ordered_at <= " \
        f"(SELECT max(ordered_at) FROM orders) - INTERVAL {SETTLED} DAY"  # fmt: skip
    rows = context.sql(f"SELECT unit, day, (status = 'returned')::DOUBLE AS top, 1.0 AS below FROM ({settled})")
    query = f"SELECT count(*) AS orders, count(*) FILTER (status = 'returned') AS returned FROM ({settled})"
    return _ratio(
        rows.sort_values(["day", "unit"], ignore_index=True), query, "최근 1년 결제 주문 중 반품된 주문의 비율"
    )


_ACTS_SQL: Final = """
    WITH acts AS (
        SELECT e.member_key, date_trunc('day', e.at AT TIME ZONE {zone}) AS on_day, min(e.at) AS first_at
        FROM events e WHERE e.event = '{event}' AND e.member_key IS NOT NULL GROUP BY ALL
    )
    SELECT a.member_key AS unit, epoch_us(a.first_at) / 86400e6 AS day,
           bool_or(coalesce(f.ordered_at BETWEEN a.first_at AND a.first_at + INTERVAL 1 DAY, false)) AS bought
    FROM acts a LEFT JOIN order_facts f ON f.member_key = a.member_key AND f.is_sale
    GROUP BY a.member_key, a.first_at ORDER BY day, unit"""


def _acts(context: DiscoveryContext, window: int, *, event: str, bought: bool, defined: str) -> Measured | None:
    sql = _ACTS_SQL.format(event=event, zone=quoted(context.mall.time_zone))
    rows = context.sql(f"SELECT unit, day, (bought = {bought})::DOUBLE AS top, 1.0 AS below FROM ({sql})")
    query = f"SELECT count(*) AS visits, count(*) FILTER (bought) AS bought FROM ({sql})"
    return _ratio(rows.sort_values(["day", "unit"], ignore_index=True), query, defined, _MEMBERS_ONLY)


MEASURES: Final[dict[str, Measure]] = {
    "repurchase_rate": Measure(
        _repurchase, "repurchase_share", 0.05,
        "첫 구매 뒤 2주와 6주에 두 번째 구매를 제안하고, 보내지 않은 10%와 비교하세요.",
        windowed=True,
    ),
    "retention_rate": Measure(
        lambda c, w: _kept(c, w, lost=False), "retention_share", 0.05,
        "휴면이 되기 전의 회원에게 먼저 말을 걸고, 일부는 남겨 두어 비교하세요.",
        windowed=True,
    ),
    "churn_rate": Measure(
        lambda c, w: _kept(c, w, lost=True), "churn_share", 0.05,
        "이탈 신호가 보이는 회원부터 연락하고, 일부는 남겨 두어 비교하세요.",
        windowed=True,
    ),
    "average_order_value": Measure(
        _order_value, "average_order_value", 0.10, "무료 배송 기준 금액과 묶음 상품을 시험하고 이익으로 비교하세요.",
        relative=True,
    ),
    "return_rate": Measure(
        _returns, "return_share", 0.02, "반품이 많은 상품의 상세 설명과 사이즈 안내부터 고치세요."
    ),
    "cart_abandonment": Measure(
        lambda c, w: _acts(c, w, event="cart", bought=False, defined="장바구니에 담고 하루 안에 사지 않은 비율"),
        "cart_abandonment_share", 0.05,
        "장바구니에 담고 하루가 지난 회원에게 알림을 보내고, 보내지 않은 일부와 비교하세요.",
    ),
    "conversion_rate": Measure(
        lambda c, w: _acts(c, w, event="view", bought=True, defined="상품을 본 날로부터 하루 안에 산 비율"),
        "conversion_share", 0.01, "많이 보고 적게 사는 상품의 상세 페이지부터 살펴보세요.",
    ),
}  # fmt: skip
"""What a mall can be compared in. Messages' rates, CLV to CAC and effects have no number of the mall's own here."""
