"""Relationship complexity: how many kinds of things does one member buy, beyond or below chance?

Nulls: baskets dealt anew among the orders of a month (taste), basket sizes likewise (habit), products drawn
independently into baskets of the same size and quarter (pairs). Does not belong here: the order in which things are
bought (see `temporal_association.py`).
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import product_name
from cafe24_pipelines.discovery.nulls import distinct_pairs, shuffled_within
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import Estimate, bootstrap_ratio, permutation_p, poisson_ratio
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

NAME = "relationship_complexity"
MINIMUM = 100
_DRAWS = 1000
_HALF_DRAWS = 200
_MOST_PRODUCTS = 300
_MIN_EXPECTED = 5.0

_BREADTH_CYPHER = """
    MATCH (c:CRM_Customer)-[:BOUGHT]->(p:CRM_Product)-[:IN_CATEGORY]->(g:CRM_Category)
    WHERE c.mall_id = $mall_id
    WITH c.uid AS customer, count(DISTINCT g.uid) AS categories, count(DISTINCT p.uid) AS products
    RETURN categories, count(customer) AS customers, avg(products) AS products_per_customer
    ORDER BY categories LIMIT 20"""

_SIZE_SQL = """
    WITH baskets AS (SELECT member_key, order_id, sale_no, count(DISTINCT product_no) AS products
                     FROM sale_lines WHERE member_key IS NOT NULL AND quantity > 0 GROUP BY ALL),
         pairs AS (SELECT a.products AS before, b.products AS after FROM baskets a
                   JOIN baskets b ON b.member_key = a.member_key AND b.sale_no = a.sale_no + 1)
    SELECT least(before, 10) AS products_in_order, count(*) AS pairs, avg(after) AS products_in_next_order
    FROM pairs GROUP BY 1 ORDER BY 1"""


_PAIR_SQL = """
    WITH baskets AS (SELECT order_id, date_trunc('quarter', any_value(ordered_local))::DATE AS quarter,
                            bool_or(product_no = {a}) AS has_a, bool_or(product_no = {b}) AS has_b
                     FROM sale_lines WHERE member_key IS NOT NULL AND quantity > 0
                     GROUP BY order_id HAVING count(DISTINCT product_no) >= 2)
    SELECT {a} AS from_product, {b} AS to_product, quarter, count(*) AS baskets,
           count(*) FILTER (has_a) AS with_first, count(*) FILTER (has_b) AS with_second,
           count(*) FILTER (has_a AND has_b) AS with_both
    FROM baskets GROUP BY quarter ORDER BY quarter"""


@detector(name=NAME, kind="cross_domain", title_ko="관계 복잡도", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Distinct categories of a repeat member, likeness of one member's basket sizes, products that go together."""
    sales = context.sales
    repeat = sales[sales.groupby("member")["day"].transform("size") >= 2] if len(sales) else sales
    members = int(repeat["member"].nunique())
    if members < MINIMUM:
        return Shortage(members, MINIMUM, "두 번 이상 산 회원")
    found = [_habit(context, repeat), *_pairs(context)]
    if len(context.category_names) >= 2:
        found.append(_breadth(context, repeat))
    return found


def _pairs(context: DiscoveryContext) -> list[Finding]:
    """The pair of products whose sharing of baskets is least explained by their frequency; p is Bonferroni's."""
    import numpy as np

    baskets = context.baskets[["order", "product"]].drop_duplicates()
    size = baskets.groupby("order")["product"].transform("size")
    rows = baskets[size >= 2].assign(size=size)
    common = rows["product"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    items = np.sort(common.index[:_MOST_PRODUCTS].to_numpy())
    together, expected = _shared(rows, items, context)
    looked = np.triu(expected >= _MIN_EXPECTED, 1)
    if not looked.any():
        return []
    a, b = np.nonzero(looked)
    scored = [
        (poisson_ratio(int(k), e)[1], -k / e, i)
        for i, (k, e) in enumerate(zip(together[a, b], expected[a, b], strict=True))
    ]
    p, _, best = min(scored)
    i, j = int(a[best]), int(b[best])
    estimate, _ = poisson_ratio(int(together[i, j]), float(expected[i, j]))
    cut, halves = float(context.sales["day"].median()), []
    day = context.sales["day"].loc[rows["order"]].to_numpy()
    for part in (rows[day <= cut], rows[day > cut]):
        seen, null = _shared(part, items[[i, j]], context)
        halves.append(float(seen[0, 1] / null[0, 1] - 1) if null[0, 1] > 0 else 0.0)
    return [
        _pair_finding(
            context,
            items[[i, j]],
            estimate,
            p=min(1.0, p * len(a)),
            n=int(rows["order"].nunique()),
            halves=(halves[0], halves[1]),
        )
    ]


def _shared(
    rows: "pd.DataFrame", items: "NDArray[np.int64]", context: DiscoveryContext
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """(baskets that hold both, as many by chance) for all pairs of items, among baskets of equal size and quarter."""
    import numpy as np
    import pandas as pd
    from scipy import sparse

    order, orders = pd.factorize(rows["order"])
    size = rows["size"].to_numpy()[~pd.Series(order).duplicated().to_numpy()]
    quarter = context.sales["month"].loc[orders].to_numpy() // 3
    stratum = pd.factorize(size * 100_000 + quarter)[0]
    kept = np.isin(rows["product"], items)
    column = np.searchsorted(items, rows["product"].to_numpy()[kept])
    held = sparse.csr_matrix((np.ones(len(column)), (order[kept], column)), shape=(len(orders), len(items)))
    strata = sparse.csr_matrix((np.ones(len(orders)), (stratum, np.arange(len(orders)))))
    sums = (strata @ held).tocsr()
    weight = sparse.diags(1 / np.bincount(stratum))
    return (held.T @ held).toarray(), (sums.T @ weight @ sums).toarray()


def _pair_finding(
    context: DiscoveryContext,
    pair: "NDArray[np.int64]",
    estimate: Estimate,
    *,
    p: float,
    n: int,
    halves: tuple[float, float],
) -> Finding:
    a, b = (str(context.product_names[k]) for k in pair)
    shown = [product_name(context, k) for k in (a, b)]
    return Finding(
        subject=f"pair:{a}+{b}",
        title=(
            f"'{shown[0]}'{particle(shown[0], '과(와)')} '{shown[1]}'{particle(shown[1], '은(는)')} "
            f"한 장바구니에 우연보다 {estimate.value:.1f}배 자주 담깁니다"
        ),
        effect="basket_lift",
        estimate=estimate,
        null=(1.0, 1.0),
        p=p,
        n=n,
        halves=halves,
        evidence=context.evidence(_PAIR_SQL.format(a=quoted(a), b=quoted(b))),
        summary="같은 분기, 같은 크기의 장바구니끼리 견주었고, p값은 살펴본 모든 쌍에 대해 보정했습니다.",
        action=(
            f"'{shown[0]}' 상세 페이지와 장바구니에 '{shown[1]}'{particle(shown[1], '을(를)')} 함께 제안하고 "
            "묶음 가격을 시험하세요."
        ),
    )


def _breadth(context: DiscoveryContext, repeat: "pd.DataFrame") -> Finding:
    pairs = context.baskets.loc[context.baskets["category"] >= 0, ["order", "category"]].drop_duplicates()
    value, draws = _categories(context, repeat, pairs, "all", _DRAWS)
    per_member = pairs[pairs["order"].isin(repeat.index)].assign(
        member=lambda f: repeat["member"].loc[f["order"]].array
    )
    counts = per_member.groupby("member")["category"].nunique().to_numpy(float)
    estimate = bootstrap_ratio(counts, counts * 0 + 1, context.rng(NAME, "breadth", "bootstrap"), resamples=_DRAWS)
    expected, cut, halves = float(draws.mean()), float(repeat["day"].median()), []
    for name, part in (("first", repeat[repeat["day"] <= cut]), ("second", repeat[repeat["day"] > cut])):
        half, null = _categories(context, part, pairs, name, _HALF_DRAWS)
        halves.append(half - float(null.mean()))
    less = estimate.value < expected
    return Finding(
        subject="category_breadth",
        title=(
            f"재구매 회원이 사는 카테고리는 평균 {estimate.value:.1f}개로 우연보다 "
            f"{'적습니다' if less else '많습니다'}"
        ),
        effect="categories_per_member",
        estimate=estimate,
        null=(expected, expected),
        p=permutation_p(value, draws),
        n=len(counts),
        halves=(halves[0], halves[1]),
        evidence=context.graph_evidence(_BREADTH_CYPHER),
        summary=f"장바구니가 고객 취향과 무관하다면 {expected:.2f}개일 것이고, 실제는 {estimate.value:.2f}개입니다.",
        action=(
            "고객마다 늘 사는 카테고리가 있습니다. 전체 발송 대신 그 카테고리의 신상품을 먼저 보내세요."
            if less
            else "고객이 여러 카테고리를 오갑니다. 아직 사지 않은 카테고리를 추천하세요."
        ),
    )


def _categories(
    context: DiscoveryContext, sales: "pd.DataFrame", pairs: "pd.DataFrame", name: str, count: int
) -> "tuple[float, NDArray[np.float64]]":
    """(observed, null draws) of distinct categories a member, for the sales given."""
    import numpy as np
    import pandas as pd

    position = pd.Series(np.arange(len(sales)), index=sales.index)
    rows = pairs[pairs["order"].isin(sales.index)]
    order, category = position.loc[rows["order"]].to_numpy(), rows["category"].to_numpy()
    member, month = pd.factorize(sales["member"])[0], pd.factorize(sales["month"])[0]
    members, width = int(member.max(initial=0)) + 1, len(context.category_names)
    rng = context.rng(NAME, "breadth", name)
    draws = [distinct_pairs(member[shuffled_within(month, rng)][order], category, width) for _ in range(count)]
    return distinct_pairs(member[order], category, width) / members, np.array(draws) / members


def _habit(context: DiscoveryContext, repeat: "pd.DataFrame") -> Finding:
    value, draws, estimate, pairs = _likeness(context, repeat, "all", _DRAWS)
    cut, halves = float(repeat["day"].median()), []
    for name, part in (("first", repeat[repeat["day"] <= cut]), ("second", repeat[repeat["day"] > cut])):
        half, null, _, _ = _likeness(context, part, name, _HALF_DRAWS)
        halves.append(half - float(null.mean()))
    expected = float(draws.mean())
    return Finding(
        subject="basket_size",
        title=f"고객의 장바구니 크기는 되풀이{'됩니다' if value > expected else '되지 않습니다'} (상관 {value:.2f})",
        effect="basket_size_correlation",
        estimate=estimate,
        null=(expected, expected),
        p=permutation_p(value, draws),
        n=pairs,
        halves=(halves[0], halves[1]),
        evidence=context.evidence(_SIZE_SQL),
        summary=f"이어진 두 주문의 상품 종류 수의 순위 상관은 {value:.3f}이고, 우연이면 {expected:.3f}입니다.",
        action="여러 개를 담는 고객에게는 묶음 할인을, 하나만 담는 고객에게는 무료배송을 채울 상품을 제안하세요.",
    )


def _likeness(
    context: DiscoveryContext, sales: "pd.DataFrame", name: str, count: int
) -> "tuple[float, NDArray[np.float64], Estimate, int]":
    """(observed, null draws, estimate, pairs) of the rank correlation of sizes of consecutive baskets."""
    import numpy as np
    import pandas as pd
    from scipy.stats import rankdata

    size = context.baskets.groupby("order")["product"].nunique().reindex(sales.index, fill_value=0)
    rank = rankdata(size.to_numpy())
    score = (rank - rank.mean()) / (rank.std() or 1.0)
    member, month = pd.factorize(sales["member"])[0], pd.factorize(sales["month"])[0]
    before = np.flatnonzero(member[:-1] == member[1:])  # sales are sorted by member and time
    pairs = max(len(before), 1)
    rng = context.rng(NAME, "habit", name)
    draws = np.zeros(count)
    for k in range(count):
        shuffled = score[shuffled_within(month, rng)]
        draws[k] = shuffled[before] @ shuffled[before + 1] / pairs
    products = np.bincount(member[before], score[before] * score[before + 1], minlength=1)
    weights = np.bincount(member[before], minlength=1).astype(float)
    seen = weights > 0
    rng = context.rng(NAME, "habit", name, "bootstrap")
    estimate = bootstrap_ratio(products[seen], weights[seen], rng, resamples=count)
    return estimate.value, draws, estimate, int(seen.sum())
