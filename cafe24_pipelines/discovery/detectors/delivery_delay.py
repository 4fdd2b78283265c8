"""Delivery delay: does every further day of waiting cost repurchase, and from which day on?

Members' orders are followed for 90 days from a landmark that is the same for all: the tenth day after the order, if
the member had not bought again by then. (Following from delivery would be unfair: the longer a parcel takes, the more
frequent buyers have bought again before it and drop out.) Pre-declared statistics: (1) the change of repurchase per
day of delivery time (at most 10 days), a trend over the whole range; (2) the step between neighbouring bands of two
days that costs the most, p times the number of steps tried. Both within month x number of the order (first, second,
later), with members as clusters (sandwich variance). `churn_signals.py` compares late first deliveries with the
others; here are all orders, the dose, and the place of the step. Does not belong here: why parcels are late.
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.churn import turned
from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.frames import sales_with_next
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import Estimate, clustered_slope

if TYPE_CHECKING:
    import pandas as pd

NAME = "delivery_delay"
MINIMUM = 200
MINIMUM_ARM = 30
DAYS = 90
LONGEST = 10
BAND = 2

_EVIDENCE_SQL = f"""
    WITH next AS (SELECT member_key, sale_no - 1 AS sale_no, ordered_at AS next_at
                  FROM order_facts WHERE sale_no IS NOT NULL)
    SELECT least(date_diff('second', f.ordered_at, f.delivered_at) // {BAND * 86400}, {LONGEST // BAND}) * {BAND}
               AS delivery_days_from,
           count(*) AS orders, count(DISTINCT f.member_key) AS customers,
           count(*) FILTER (next_at <= f.ordered_at + INTERVAL {LONGEST + DAYS} DAY) AS bought_again,
           count(*) FILTER (next_at <= f.ordered_at + INTERVAL {LONGEST + DAYS} DAY) / count(*) AS share
    FROM order_facts f LEFT JOIN next USING (member_key, sale_no)
    WHERE f.sale_no IS NOT NULL AND f.delivered_at > f.ordered_at
      AND (next_at IS NULL OR next_at > f.ordered_at + INTERVAL {LONGEST} DAY)
      AND f.ordered_at + INTERVAL {LONGEST + DAYS} DAY <= (SELECT max(ordered_at) FROM orders)
    GROUP BY 1 ORDER BY 1"""


@detector(name=NAME, kind="cross_domain", title_ko="배송 지연", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """The trend of repurchase over delivery time, and the step that costs the most."""
    rows = _followed(context)
    members = int(rows["member"].nunique())
    if members < MINIMUM or rows["delay"].std() < 0.1:
        return Shortage(
            members if members < MINIMUM else 0,
            MINIMUM,
            f"주문 뒤 {DAYS + LONGEST}일이 지났고 배송 기간이 서로 다른 회원",
        )
    return [_trend(context, rows), *_step(context, rows)]


def _followed(context: DiscoveryContext) -> "pd.DataFrame":
    """Delivered sales with the whole follow-up: `delay` (days, at most 10), `band`, `again` and `stratum`."""
    import pandas as pd

    sales = sales_with_next(context)
    rows = sales[(sales["delivered"] > sales["day"]) & (sales["day"] <= context.end - DAYS - LONGEST)]
    rows = rows[~(rows["next_day"] - rows["day"] <= LONGEST)].copy()
    wait = rows["delivered"] - rows["day"]
    rows["delay"] = wait.clip(upper=LONGEST)
    rows["band"] = (wait // BAND).clip(upper=LONGEST // BAND).astype(int)
    rows["again"] = (rows["next_day"] - rows["day"] <= LONGEST + DAYS).astype(float)
    rows["order"] = rows["sale_no"].clip(upper=3)
    rows["stratum"] = pd.factorize(rows["month"] * 4 + rows["order"])[0]
    return rows


def _slopes(rows: "pd.DataFrame", x: str) -> tuple[Estimate, float, tuple[float, float]]:
    """(slope of repurchase, its p, slopes in both halves)."""
    cut = float(rows["day"].median())
    whole, early, late = (
        clustered_slope(r[x], r["again"], r["stratum"], r["member"])
        for r in (rows, rows[rows["day"] <= cut], rows[rows["day"] > cut])
    )
    return whole[0], whole[1], (early[0].value, late[0].value)


def _caution(rows: "pd.DataFrame", x: str, whole: float) -> str:
    return turned(rows[x], rows["again"], {k: rows[k] for k in ("tier", "category", "order")}, whole)


def _trend(context: DiscoveryContext, rows: "pd.DataFrame") -> Finding:
    estimate, p, halves = _slopes(rows, "delay")
    less = estimate.value < 0
    return Finding(
        subject="dose",
        title=(
            f"배송이 하루 늦어질 때마다 {DAYS}일 안 재구매율이 {abs(estimate.value) * 100:.1f}%p "
            f"{'낮아집니다' if less else '높아집니다'}"
        ),
        effect=f"repurchase_{DAYS}d_per_delivery_day",
        estimate=estimate,
        null=(0.0, 0.0),
        p=p,
        n=int(rows["member"].nunique()),
        halves=halves,
        evidence=context.evidence(_EVIDENCE_SQL),
        summary=(
            f"첫 주문만이 아니라 모든 주문 {len(rows):,}건을 주문 {LONGEST}일 뒤부터 {DAYS}일 따라갔습니다. "
            "같은 달, 같은 구매 순서의 주문끼리 견주었고 한 회원의 주문은 하나의 표본으로 보았습니다."
        ),
        action=(
            "평균 배송일보다 늦어지는 주문을 매일 뽑아 먼저 알리고, 출고 지연의 원인(재고, 택배사)을 나누어 보세요."
        ),
        caution=_caution(rows, "delay", estimate.value),
    )


def _step(context: DiscoveryContext, rows: "pd.DataFrame") -> list[Finding]:
    """The neighbouring bands between which repurchase falls the most, judged against all the steps tried."""
    tried = []
    for band in sorted(rows["band"].unique()):
        pair = rows[rows["band"].isin((band - 1, band))].copy()
        pair["longer"] = (pair["band"] == band).astype(float)
        longer = int(pair["longer"].sum())
        if min(longer, len(pair) - longer) >= MINIMUM_ARM:
            estimate, p, halves = _slopes(pair, "longer")
            tried.append((p if estimate.value < 0 else 1.0, int(band), estimate, halves, pair))
    if not tried:
        return []
    p, band, estimate, halves, pair = min(tried, key=lambda t: t[:2])
    days = band * BAND
    less = estimate.value < 0
    finding = Finding(
        subject=f"step:{days}",
        title=(
            f"배송이 {days}일을 넘으면 그 전보다 {DAYS}일 안 재구매율이 {abs(estimate.value) * 100:.1f}%p "
            f"{'떨어집니다' if less else '올라갑니다'}"
        ),
        effect=f"repurchase_{DAYS}d_step",
        estimate=estimate,
        null=(0.0, 0.0),
        p=min(1.0, p * len(tried)),
        n=int(pair["member"].nunique()),
        halves=halves,
        evidence=context.evidence(_EVIDENCE_SQL),
        summary=(
            f"배송 기간을 {BAND}일씩 나누고 이웃한 구간끼리 견준 것 가운데 재구매가 가장 크게 줄어드는 곳입니다. "
            f"견준 {len(tried)}곳 전체에 대해 보정했습니다."
        ),
        action=f"결제 뒤 {days}일 안에 닿지 못할 주문은 그 전에 알리고, 넘긴 주문에는 사과와 적립금을 보내세요.",
        caution=_caution(pair, "longer", estimate.value),
    )
    return [finding]
