"""Product scarcity: with few products a member, does what is bought again repeat what was bought before?

Two nulls must both fall: the published share of re-bought products, widened by a margin, and the share that comes
of product popularity alone (baskets dealt anew within the month). Does not belong here: when a product is bought
again (see `temporal_association.py`).
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.benchmarks import REBUY_SHARE
from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.nulls import distinct_pairs, shuffled_within
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, beyond, detector
from cafe24_pipelines.discovery.statistics import bootstrap_ratio, outside_value, permutation_p

if TYPE_CHECKING:
    import pandas as pd

NAME = "product_scarcity"
MINIMUM = 100
_DRAWS = 500

_REBUY_SQL = """
    WITH bought AS (SELECT DISTINCT member_key, sale_no, product_no FROM sale_lines
                    WHERE member_key IS NOT NULL AND quantity > 0),
         marked AS (SELECT *, row_number() OVER (PARTITION BY member_key, product_no ORDER BY sale_no) > 1 AS again
                    FROM bought)
    SELECT least(sale_no, 10) AS sale_no, count(*) AS products_bought, count(*) FILTER (again) AS bought_before,
           count(*) FILTER (again) / count(*) AS rebuy_share
    FROM marked WHERE sale_no > 1 GROUP BY 1 ORDER BY 1"""


@detector(name=NAME, kind="web_research", title_ko="상품 희소성과 고객", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Share of products in repeat orders that the member had bought before."""
    rows = rebuys(context)
    later = rows[rows["sale_no"] > 1]
    n = int(later["member"].nunique())
    if n < MINIMUM:
        return Shortage(n, MINIMUM, "두 번 이상 산 회원")
    by_member = later.groupby("member")["again"]
    again, bought = by_member.sum().to_numpy(float), by_member.size().to_numpy(float)
    estimate = bootstrap_ratio(again, bought, context.rng(NAME, "bootstrap"))
    low, high = REBUY_SHARE.null()
    chance, p_chance = _by_chance(context, rows)
    cut = float(later["day"].median())
    halves = [float(later.loc[m, "again"].mean()) for m in (later["day"] <= cut, later["day"] > cut)]
    customers, products = int(context.sales["member"].nunique()), int(rows["product"].nunique())
    return [
        Finding(
            subject="rebuy_share",
            title=f"재구매 상품의 {estimate.value:.0%}는 전에 산 상품입니다 ({REBUY_SHARE.place(estimate.value)})",
            effect="rebuy_share",
            estimate=estimate,
            null=(low, high),
            p=max(outside_value(estimate, low, high), p_chance),
            n=n,
            halves=(beyond(halves[0], low, high), beyond(halves[1], low, high)),
            evidence=context.evidence(_REBUY_SQL),
            summary=(
                f"팔린 상품 1개당 구매 회원은 {customers / max(products, 1):.1f}명입니다. 상품 인기만으로 고른다면 "
                f"{chance:.1%}가 겹칩니다. {REBUY_SHARE.cited()}"
            ),
            action=(
                "다시 찾는 상품은 정기배송이나 묶음으로 제안하세요."
                if estimate.value > high
                else "한 번 산 상품이 다시 팔리지 않습니다. 신상품과 함께 쓰는 상품을 재구매 제안의 중심에 두세요."
            ),
        )
    ]


def rebuys(context: DiscoveryContext) -> "pd.DataFrame":
    """One row a member, sale and product: member, sale_no, day, month, order, product, again (bought before)."""
    rows = context.baskets[["order", "product"]].drop_duplicates()
    sales = context.sales[["member", "sale_no", "day", "month"]]
    rows = rows.join(sales, on="order").sort_values(["member", "sale_no", "product"], ignore_index=True)
    rows["again"] = rows.duplicated(["member", "product"])
    return rows


def _by_chance(context: DiscoveryContext, rows: "pd.DataFrame") -> tuple[float, float]:
    """(re-bought share expected, p) when the baskets of a month are dealt anew among its orders."""
    import numpy as np
    import pandas as pd

    sales, width = context.sales, len(context.product_names)
    member, month = sales["member"].to_numpy(), pd.factorize(sales["month"])[0]
    order, product = rows["order"].to_numpy(), rows["product"].to_numpy()
    first_order = (sales["sale_no"] == 1).to_numpy()
    rng = context.rng(NAME)
    draws = np.zeros(_DRAWS)
    for k in range(_DRAWS):
        place = shuffled_within(month, rng)[order]
        again = len(order) - distinct_pairs(member[place], product, width)
        draws[k] = again / max(len(order) - int(first_order[place].sum()), 1)
    later = int((rows["sale_no"] > 1).sum())
    return float(draws.mean()), permutation_p(float(rows["again"].sum()) / max(later, 1), draws)
