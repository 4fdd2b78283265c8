"""Order density and repurchase: do members who order densely at first go on buying more?

Published cases say so (see `benchmarks.EARLY_REPEAT_GAP`); the null is that it makes no difference here. Members
who first bought in the same month are compared, so growth and season don't pass for loyalty. Does not belong here:
forecasts for single members.
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.benchmarks import EARLY_DAYS, EARLY_REPEAT_GAP
from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import Estimate, cochran_mantel_haenszel, mantel_haenszel

if TYPE_CHECKING:
    import pandas as pd

NAME = "order_density"
MINIMUM = 200
_MINIMUM_ARM = 30

_DENSITY_SQL = f"""
    WITH firsts AS (SELECT member_key, ordered_at FROM order_facts WHERE sale_no = 1),
         counted AS (SELECT f.member_key,
                            count(*) FILTER (o.ordered_at <= f.ordered_at + INTERVAL {EARLY_DAYS} DAY) AS early,
                            count(*) FILTER (o.ordered_at > f.ordered_at + INTERVAL {EARLY_DAYS} DAY) AS later
                     FROM firsts f JOIN order_facts o ON o.member_key = f.member_key AND o.is_sale
                          AND o.ordered_at <= f.ordered_at + INTERVAL {2 * EARLY_DAYS} DAY
                     WHERE f.ordered_at + INTERVAL {2 * EARLY_DAYS} DAY <= (SELECT max(ordered_at) FROM orders)
                     GROUP BY f.member_key)
    SELECT least(early, 5) AS orders_in_first_{EARLY_DAYS}_days, count(*) AS customers,
           count(*) FILTER (later > 0) AS bought_in_next_{EARLY_DAYS}_days,
           count(*) FILTER (later > 0) / count(*) AS share
    FROM counted GROUP BY 1 ORDER BY 1"""


@detector(name=NAME, kind="web_research", title_ko="주문 밀도와 재구매", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Later purchase of members with two or more early orders, less that of members with one."""
    rows = early_and_later(context.sales, context.end)
    dense = int(rows["dense"].sum())
    if len(rows) < MINIMUM or min(dense, len(rows) - dense) < _MINIMUM_ARM:
        return Shortage(len(rows), MINIMUM, f"첫 구매 뒤 {2 * EARLY_DAYS}일이 지난 회원(두 집단 각 {_MINIMUM_ARM}명)")
    strata = _strata(rows)
    estimate = mantel_haenszel(strata)
    cut = float(rows["first"].median())
    halves = [_gap(rows[m]) for m in (rows["first"] <= cut, rows["first"] > cut)]
    more = estimate.value > 0
    return [
        Finding(
            subject="early_repeat",
            title=(
                f"첫 {EARLY_DAYS}일에 두 번 이상 산 고객은 이후 {EARLY_DAYS}일 재구매율이 "
                f"{abs(estimate.value) * 100:.0f}%p {'높습니다' if more else '낮습니다'} "
                f"({EARLY_REPEAT_GAP.place(estimate.value)})"
            ),
            effect="repurchase_gap_dense_vs_single",
            estimate=estimate,
            null=(0.0, 0.0),
            p=cochran_mantel_haenszel(strata),
            n=len(rows),
            halves=(halves[0], halves[1]),
            evidence=context.evidence(_DENSITY_SQL),
            summary=f"첫 구매 월이 같은 고객끼리 견주었습니다(두 번 이상 {dense:,}명). {EARLY_REPEAT_GAP.cited()}",
            action=f"첫 구매 뒤 {EARLY_DAYS}일 안의 두 번째 구매를 목표로 삼고, 그 사이 쿠폰과 안내를 모아 보내세요.",
        )
    ]


def early_and_later(sales: "pd.DataFrame", end: float) -> "pd.DataFrame":
    """One row a member with the whole follow-up: first (day), month, dense (two early sales or more), later."""
    first = sales.loc[sales["sale_no"] == 1, ["member", "day", "month"]].rename(columns={"day": "first"})
    rows = first[first["first"] + 2 * EARLY_DAYS <= end].set_index("member")
    wait = sales["day"] - sales["member"].map(first.set_index("member")["first"])
    early = sales[wait <= EARLY_DAYS].groupby("member").size()
    later = sales.loc[(wait > EARLY_DAYS) & (wait <= 2 * EARLY_DAYS), "member"].unique()
    rows["dense"] = early.reindex(rows.index, fill_value=0) >= 2
    rows["later"] = rows.index.isin(later)
    return rows


def gap(rows: "pd.DataFrame") -> Estimate:
    """The difference of later purchase, pooled over months of the first sale."""
    return mantel_haenszel(_strata(rows))


def _gap(rows: "pd.DataFrame") -> float:
    strata = _strata(rows)
    return mantel_haenszel(strata).value if any(s[1] and s[3] for s in strata) else 0.0


def _strata(rows: "pd.DataFrame") -> list[tuple[int, int, int, int]]:
    out = []
    for _, part in rows.groupby("month", sort=True):
        a, b = part.loc[part["dense"], "later"], part.loc[~part["dense"], "later"]
        out.append((int(a.sum()), len(a), int(b.sum()), len(b)))
    return out
