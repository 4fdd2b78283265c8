"""Customer hubs: do a few members carry the mall, beyond what chance does to equal members?

Null: repeat sales fall on members by chance (`nulls.RepeatWorld`). Does not belong here: product hubs.
"""

from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.inequality import gini_interval, top_share_interval
from cafe24_pipelines.discovery.nulls import RepeatWorld
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import Estimate, permutation_p

NAME = "customer_hub"
MINIMUM = 100
TOP = 0.1
_DRAWS = 1000
_HALF_DRAWS = 200

_REVENUE_SQL = """
    SELECT tenth AS customer_tenth, count(*) AS customers, sum(sales)::BIGINT AS sales, sum(spent)::DOUBLE AS revenue,
           (sum(spent) / sum(sum(spent)) OVER ())::DOUBLE AS revenue_share
    FROM (SELECT ntile(10) OVER (ORDER BY spent DESC, sales DESC, member_key) AS tenth, *
          FROM (SELECT member_key, count(*) AS sales, greatest(sum(net_amount), 0) AS spent
                FROM order_facts WHERE is_sale AND member_key IS NOT NULL GROUP BY member_key))
    GROUP BY tenth ORDER BY tenth"""

_DEGREE_CYPHER = """
    MATCH (c:CRM_Customer)-[:PLACED]->(o:CRM_Order) WHERE c.mall_id = $mall_id AND o.is_sale
    WITH c.uid AS customer, count(o) AS degree
    RETURN degree, count(customer) AS customers ORDER BY degree DESC LIMIT 20"""


@detector(name=NAME, kind="cross_domain", title_ko="고객 허브", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Concentration of revenue on the top tenth of members, and of sales over members (Gini)."""
    members = int(context.sales["member"].nunique())
    if members < MINIMUM or len(context.sales) < members * 1.1:
        return Shortage(members, MINIMUM, "구매 회원(재구매 포함)")
    return [_revenue(context), _orders(context)]


def _revenue(context: DiscoveryContext) -> Finding:
    estimate, expected, p, halves = _against_chance(context, money=True, top=TOP)
    return Finding(
        subject="revenue",
        title=f"상위 10% 고객이 회원 매출의 {estimate.value:.0%}를 만듭니다",
        effect="top10_revenue_share",
        estimate=estimate,
        null=(expected, expected),
        p=p,
        n=int(context.sales["member"].nunique()),
        halves=halves,
        evidence=context.evidence(_REVENUE_SQL),
        summary=f"모두가 같은 빈도로 재구매한다면 상위 10%의 몫은 {expected:.1%}, 실제는 {estimate.value:.1%}입니다.",
        action="상위 10% 고객을 따로 살피고, 구매 간격이 평소의 2배가 되면 담당자가 먼저 연락하세요.",
    )


def _orders(context: DiscoveryContext) -> Finding:
    estimate, expected, p, halves = _against_chance(context, money=False, top=None)
    how = "일부 고객에게 몰려 있습니다" if estimate.value > expected else "고객에게 고르게 나뉩니다"
    return Finding(
        subject="orders",
        title=f"구매 횟수가 {how} (지니계수 {estimate.value:.2f})",
        effect="order_gini",
        estimate=estimate,
        null=(expected, expected),
        p=p,
        n=int(context.sales["member"].nunique()),
        halves=halves,
        evidence=context.graph_evidence(_DEGREE_CYPHER),
        summary=f"같은 빈도로 재구매한다면 지니계수는 {expected:.3f}입니다. 실제는 {estimate.value:.3f}입니다.",
        action="자주 사는 고객의 공통점(첫 상품, 유입, 등급)을 찾아 첫 구매 고객에게 같은 경로를 제안하세요.",
    )


def _against_chance(
    context: DiscoveryContext, *, money: bool, top: float | None
) -> tuple[Estimate, float, float, tuple[float, float]]:
    """(estimate, value by chance, p, deviations in both halves of the sales)."""
    import numpy as np

    sales, subject = context.sales, "revenue" if money else "orders"
    world = RepeatWorld.of(sales)
    observed, draws = world.concentration(context.rng(NAME, subject), _DRAWS, money=money, top=top)
    totals = world.totals(world.repeat_member[None, :], money=money)[0]

    rng = context.rng(NAME, subject, "bootstrap")
    drawn = (
        gini_interval(totals, rng, resamples=_DRAWS)
        if top is None
        else top_share_interval(totals, top, rng, resamples=_DRAWS)
    )
    cut, halves = float(sales["day"].median()), []
    for name, part in (("first", sales[sales["day"] <= cut]), ("second", sales[sales["day"] > cut])):
        value, null = RepeatWorld.of(part).concentration(
            context.rng(NAME, subject, name), _HALF_DRAWS, money=money, top=top
        )
        halves.append(value - float(null.mean()))
    estimate = Estimate(observed, drawn.low, drawn.high)
    return estimate, float(np.mean(draws)), permutation_p(observed, draws), (halves[0], halves[1])
