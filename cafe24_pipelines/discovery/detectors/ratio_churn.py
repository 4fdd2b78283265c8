"""Customers, products, orders and churn: do first-time buyers come back as often as in published cases?

Two nulls must both fall: the published range of the repeat share, widened by a margin, and the repeat share that
the mall's own number of orders a customer gives when repeat sales fall on members by chance. Does not belong here:
what makes single members leave (see `churn_signals.py`).
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.benchmarks import REPEAT_SHARE, REPEAT_WINDOW
from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.nulls import RepeatWorld
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, beyond, detector
from cafe24_pipelines.discovery.statistics import outside_share, permutation_p, wilson

if TYPE_CHECKING:
    import pandas as pd

NAME = "ratio_churn"
MINIMUM = 200
_DRAWS = 1000

_RATIO_SQL = f"""
    WITH firsts AS (SELECT member_key, ordered_at, date_trunc('quarter', ordered_local)::DATE AS quarter
                    FROM order_facts WHERE sale_no = 1),
         followed AS (SELECT f.quarter, f.member_key,
                             s.ordered_at <= f.ordered_at + INTERVAL {REPEAT_WINDOW} DAY AS again
                      FROM firsts f LEFT JOIN order_facts s ON s.member_key = f.member_key AND s.sale_no = 2
                      WHERE f.ordered_at + INTERVAL {REPEAT_WINDOW} DAY <= (SELECT max(ordered_at) FROM orders))
    SELECT quarter AS first_bought_in, count(*) AS customers, count(*) FILTER (again) AS bought_again,
           count(*) FILTER (again) / count(*) AS repeat_share
    FROM followed GROUP BY quarter ORDER BY quarter"""


@detector(name=NAME, kind="web_research", title_ko="고객·상품·주문 비율과 이탈", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Share of first-time buyers with a second sale within the published window."""
    first, again = followed(context.sales, context.end)
    n = len(first)
    if n < MINIMUM:
        return Shortage(n, MINIMUM, f"첫 구매 뒤 {REPEAT_WINDOW}일이 지난 회원")
    k = int(again.sum())
    low, high = REPEAT_SHARE.null()
    estimate = wilson(k, n)
    chance, p_chance = _by_chance(context, k, n)
    cut = float(first.median())
    halves = [beyond(float(again[m].mean()), low, high) for m in (first <= cut, first > cut)]
    customers, orders = int(context.sales["member"].nunique()), len(context.sales)
    products = int(context.baskets["product"].nunique())
    return [
        Finding(
            subject="repeat_share",
            title=(
                f"첫 구매 고객의 {estimate.value:.0%}가 {REPEAT_WINDOW}일 안에 다시 샀습니다 "
                f"({REPEAT_SHARE.place(estimate.value)})"
            ),
            effect=f"repeat_share_{REPEAT_WINDOW}d",
            estimate=estimate,
            null=(low, high),
            p=max(outside_share(k, n, low, high), p_chance),
            n=n,
            halves=(halves[0], halves[1]),
            evidence=context.evidence(_RATIO_SQL),
            summary=(
                f"고객 {customers:,}명 : 상품 {products:,}개 : 주문 {orders:,}건입니다. 이 비율에서 재구매가 "
                f"고르게 일어난다면 {chance:.1%}가 다시 삽니다. {REPEAT_SHARE.cited()}"
            ),
            action="첫 구매 뒤 2주, 6주에 두 번째 구매 제안을 보내고, 보내지 않은 10%와 재구매율을 비교하세요.",
        )
    ]


def followed(
    sales: "pd.DataFrame", end: float, window: int = REPEAT_WINDOW
) -> "tuple[pd.Series[float], pd.Series[bool]]":
    """(first day, bought again within the window) of members whose whole window lies within the data."""
    by_number = sales.set_index("member")
    first = by_number.loc[by_number["sale_no"] == 1, "day"]
    second = by_number.loc[by_number["sale_no"] == 2, "day"].reindex(first.index)
    whole = first + window <= end
    return first[whole], (second - first <= window)[whole]


def _by_chance(context: DiscoveryContext, k: int, n: int) -> tuple[float, float]:
    """(repeat share expected, p) when repeat sales fall on earlier buyers by chance."""
    import numpy as np

    world = RepeatWorld.of(context.sales)
    counts = []
    for owners in world.draws(context.rng(NAME), _DRAWS):
        wait = world.repeat_day[None, :] - world.first_day[owners]
        row = np.broadcast_to(np.arange(len(owners))[:, None], owners.shape)
        hit = (wait <= REPEAT_WINDOW) & (world.first_day[owners] + REPEAT_WINDOW <= context.end)
        seen = np.zeros((len(owners), world.members), bool)
        seen[row[hit], owners[hit]] = True
        counts.append(seen.sum(axis=1))
    draws = np.concatenate(counts)
    return float(draws.mean()) / n, permutation_p(k, draws)
