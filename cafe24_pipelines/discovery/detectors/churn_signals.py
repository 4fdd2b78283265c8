"""Churn signals: which early experiences go with fewer members buying again within 90 days?

Each member is followed from the moment the signal is known (review, second order; for a delivery ten days after the
order), so nothing from the future marks a member. Differences are associations: an experiment shows whether mending
the cause helps. Does not belong here: scoring single members.
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.churn import HORIZON, Comparison, compare, followed
from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import product_name
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import log_rank
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import pandas as pd

NAME = "churn_signals"
MINIMUM = 200
MINIMUM_ARM = 30
LATE_DAYS = 6
KNOWN_AFTER = 10
"""Days after the order from which its delivery's lateness is judged."""
LOW_RATING = 2

_FIRST_RATING_SQL = """
    SELECT f.order_id, min(r.rating) AS rating, epoch_us(min(r.created_at)) / 86400e6 AS rated
    FROM order_facts f JOIN reviews r ON r.order_id = f.order_id
    WHERE f.sale_no = 1 AND r.rating IS NOT NULL GROUP BY f.order_id"""

_FIRST_SALES_SQL = """
    WITH next AS (SELECT member_key, ordered_at AS next_at FROM order_facts WHERE sale_no = 2)
    SELECT {subject}{label} AS signal, count(*) AS customers,
           count(*) FILTER (next_at <= {start} + INTERVAL 90 DAY) AS bought_again,
           count(*) FILTER (next_at <= {start} + INTERVAL 90 DAY) / count(*) AS share
    FROM order_facts f LEFT JOIN next USING (member_key) {join}
    WHERE f.sale_no = 1 AND {known} AND (next_at IS NULL OR next_at > {start})
      AND {start} + INTERVAL 90 DAY <= (SELECT max(ordered_at) FROM orders)
    GROUP BY ALL ORDER BY signal"""

_GAP_SQL = """
    WITH g AS (SELECT a.member_key, b.ordered_at AS second_at, date_diff('day', a.ordered_at, b.ordered_at) AS gap,
                      c.ordered_at AS third_at
               FROM order_facts a JOIN order_facts b ON b.member_key = a.member_key AND b.sale_no = 2
               LEFT JOIN order_facts c ON c.member_key = a.member_key AND c.sale_no = 3
               WHERE a.sale_no = 1)
    SELECT least(gap // 30 * 30, 180) AS first_gap_days_from, count(*) AS customers,
           count(*) FILTER (third_at <= second_at + INTERVAL 90 DAY) / count(*) AS share_bought_again
    FROM g WHERE second_at + INTERVAL 90 DAY <= (SELECT max(ordered_at) FROM orders) GROUP BY 1 ORDER BY 1"""


@detector(name=NAME, kind="cross_domain", title_ko="이탈 신호", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Late first delivery, a low first rating, a coupon on the first order, a long first gap, the first product."""
    first = _first_sales(context)
    if len(first) < MINIMUM:
        return Shortage(len(first), MINIMUM, "첫 구매 회원")
    found = [
        *_late_delivery(context, first), *_low_rating(context, first),
        *_first_coupon(context, first), *_long_gap(context, first), *_first_product(context, first),
    ]  # fmt: skip
    return found or Shortage(0, MINIMUM, "90일 추적이 되는 이탈 신호(배송 완료일·첫 리뷰·두 번째 구매)")


def _first_sales(context: DiscoveryContext) -> "pd.DataFrame":
    """One row a member: the first sale, `second` and `third` (days or NaN) and the first basket's main category."""
    sales = context.sales
    first = sales[sales["sale_no"] == 1].copy()
    by_number = sales.set_index(["member", "sale_no"])["day"]
    for number, name in ((2, "second"), (3, "third")):
        days = by_number.xs(number, level="sale_no") if (sales["sale_no"] == number).any() else by_number.iloc[:0]
        first[name] = first["member"].map(days).astype(float)
    main = context.baskets.groupby("order")["category"].min()
    first["category"] = main.reindex(first.index, fill_value=-1).to_numpy()
    return first


def _late_delivery(context: DiscoveryContext, first: "pd.DataFrame") -> list[Finding]:
    """Followed from one day for all: from delivery, the slower a parcel the more frequent buyers would drop out."""
    rows = first[first["delivered"].notna()].assign(landmark=lambda f: f["day"] + KNOWN_AFTER)
    rows["next_day"], rows["exposed"] = rows["second"], rows["delivered"] - rows["day"] >= LATE_DAYS
    evidence = _FIRST_SALES_SQL.format(
        subject="", label=f"f.delivered_at - f.ordered_at >= INTERVAL {LATE_DAYS} DAY",
        start=f"(f.ordered_at + INTERVAL {KNOWN_AFTER} DAY)",
        known="f.delivered_at IS NOT NULL", join="",
    )  # fmt: skip
    return _judge(
        context, rows, "late_delivery", who=f"첫 배송이 {LATE_DAYS}일 이상 걸린 고객", evidence=evidence,
        action="출고가 3일을 넘기면 먼저 알리고, 늦은 첫 배송에는 사과와 적립금을 자동으로 보내세요.",
    )  # fmt: skip


def _low_rating(context: DiscoveryContext, first: "pd.DataFrame") -> list[Finding]:
    ratings = context.sql(_FIRST_RATING_SQL)
    rows = first.merge(ratings, on="order_id").rename(columns={"rated": "landmark"})
    rows["next_day"] = rows["second"]
    rows["exposed"] = rows["rating"] <= LOW_RATING
    evidence = _FIRST_SALES_SQL.format(
        subject="", label=f"rating <= {LOW_RATING}", start="rated_at", known="rating IS NOT NULL",
        join="JOIN (SELECT order_id, min(rating) AS rating, min(created_at) AS rated_at FROM reviews GROUP BY 1) r "
        "ON r.order_id = f.order_id",
    )  # fmt: skip
    return _judge(
        context, rows, "low_first_rating", who=f"첫 리뷰에 {LOW_RATING}점 이하를 준 고객", evidence=evidence,
        action=f"{LOW_RATING}점 이하 첫 리뷰에는 하루 안에 답하고, 교환이나 보상을 먼저 제안하세요.",
    )  # fmt: skip


def _first_coupon(context: DiscoveryContext, first: "pd.DataFrame") -> list[Finding]:
    rows = first.assign(landmark=first["day"], next_day=first["second"], exposed=first["coupon"].astype(bool))
    evidence = _FIRST_SALES_SQL.format(
        subject="", label="f.coupon_no IS NOT NULL", start="f.ordered_at", join="", known="true"
    )  # fmt: skip
    return _judge(
        context, rows, "first_coupon", who="첫 구매에 쿠폰을 쓴 고객", evidence=evidence,
        action="첫 구매 쿠폰의 크기를 나누어 시험하고, 두 번째 구매까지의 비용으로 비교하세요.",
    )  # fmt: skip


def _long_gap(context: DiscoveryContext, first: "pd.DataFrame") -> list[Finding]:
    rows = first[first["second"].notna()].assign(landmark=lambda f: f["second"], next_day=lambda f: f["third"])
    if rows.empty:
        return []
    gap = rows["second"] - rows["day"]
    limit = float(gap.quantile(0.75))
    rows["exposed"] = gap > limit
    return _judge(
        context, rows, "long_first_gap", who=f"두 번째 구매까지 {limit:.0f}일 넘게 걸린 고객", evidence=_GAP_SQL,
        action=f"첫 구매 뒤 {max(limit / 2, 7):.0f}일이 되기 전에 두 번째 구매를 제안하세요.",
    )  # fmt: skip


def _first_product(context: DiscoveryContext, first: "pd.DataFrame") -> list[Finding]:
    """The product of first orders that parts those who return from those who don't the most; p is Bonferroni's."""
    rows = followed(first.assign(landmark=first["day"], next_day=first["second"]), context.end)
    baskets = context.baskets[context.baskets["order"].isin(rows.index)]
    sizes = baskets.groupby("product")["order"].nunique()
    tried = sizes[(sizes >= MINIMUM_ARM) & (sizes <= len(rows) - MINIMUM_ARM)].index
    best: tuple[float, int] | None = None
    for product in tried:
        holds = rows.index.isin(baskets.loc[baskets["product"] == product, "order"])
        p = log_rank(rows["time"], rows["event"], holds, rows["month"] // 3)
        best = min(best or (p, int(product)), (p, int(product)))
    if best is None:
        return []
    rows["exposed"] = rows.index.isin(baskets.loc[baskets["product"] == best[1], "order"])
    number = str(context.product_names[best[1]])
    name = product_name(context, number)
    evidence = _FIRST_SALES_SQL.format(
        subject=f"{quoted(number)} AS product_no, ", label="g.order_id IS NOT NULL",
        start="f.ordered_at", known="true",
        join="LEFT JOIN (SELECT DISTINCT order_id FROM sale_lines "
        f"WHERE product_no = {quoted(number)}) g ON g.order_id = f.order_id",
    )  # fmt: skip
    return _judge(
        context, rows, f"first_product:{number}", who=f"첫 구매에 '{name}'{particle(name, '을(를)')} 담은 고객",
        evidence=evidence, tried=len(tried),
        action=f"'{name}'{particle(name, '을(를)')} 첫 구매로 권하는 안과 권하지 않는 안을 나누어 시험하세요.",
    )  # fmt: skip


def _judge(
    context: DiscoveryContext,
    rows: "pd.DataFrame",
    subject: str,
    *,
    who: str,
    evidence: str,
    action: str,
    tried: int = 1,
) -> list[Finding]:
    """One finding, or none when an arm is too small to be followed; p is for the best of `tried` signals."""
    rows = followed(rows, context.end)
    exposed = int(rows["exposed"].sum())
    if min(exposed, len(rows) - exposed) < MINIMUM_ARM:
        return []
    c: Comparison = compare(rows, strata=("tier", "category"))
    less = c.estimate.value < 0
    points = abs(c.estimate.value) * 100
    return [
        Finding(
            subject=subject,
            title=f"{who}은 {HORIZON:.0f}일 안 재구매율이 {points:.1f}%p {'낮습니다' if less else '높습니다'}",
            effect="repurchase_90d_difference",
            estimate=c.estimate,
            null=(0.0, 0.0),
            p=min(1.0, c.p * tried),
            n=c.exposed + c.others,
            halves=c.halves,
            evidence=context.evidence(evidence),
            summary=(
                f"해당 고객 {c.exposed:,}명과 나머지 {c.others:,}명을 신호를 알게 된 때부터 견주었습니다"
                "(중도절단 반영, 분기별 층화). 함께 나타난 차이이며 원인인지는 실험으로 확인해야 합니다."
            ),
            action=action,
            caution=c.caution,
        )
    ]
