"""Gateway products: which product in a first order goes with members who come back within 180 days?

Pre-declared statistic: for every product held by enough first orders, the stratified excess of members who buy again
within 180 days (Mantel-Haenszel score, standardised), within quarter of the first order x products in its basket x
whether it cost more than the median of such baskets. Null: who comes back has nothing to do with the product, given
the stratum: the outcome is permuted among the members of a stratum; one-sided p is adjusted for all products tried
(Westfall-Young, largest score). The effect is the Mantel-Haenszel difference. Value follows in the evidence: spend of
the 180 days. Does not belong here: repeat purchase after later orders, or the one first product that parts members
the most in either direction within 90 days (`churn_signals.py`).
"""

from typing import TYPE_CHECKING, Any

from cafe24_pipelines.discovery.churn import HORIZON, simpson
from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import product_name, sales_with_next
from cafe24_pipelines.discovery.nulls import draws_for, permuted_within
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import clustered_slope, max_t
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

NAME = "gateway_products"
MINIMUM = 200
MINIMUM_ARM = 30
DAYS = 180
_REPORTED = 3

_EVIDENCE_SQL = """
    WITH first AS (SELECT order_id, member_key, ordered_at FROM order_facts
                   WHERE sale_no = 1 AND ordered_at + INTERVAL {days} DAY <= (SELECT max(ordered_at) FROM orders)),
         later AS (SELECT f.order_id, count(s.order_id) AS sales, coalesce(sum(s.net_amount), 0)::DOUBLE AS spent
                   FROM first f LEFT JOIN order_facts s ON s.member_key = f.member_key AND s.is_sale
                        AND s.ordered_at > f.ordered_at AND s.ordered_at <= f.ordered_at + INTERVAL {days} DAY
                   GROUP BY f.order_id)
    SELECT {product} AS product_no, g.order_id IS NOT NULL AS in_first_order, count(*) AS customers,
           count(*) FILTER (sales > 0) AS bought_again, count(*) FILTER (sales > 0) / count(*) AS share,
           round(avg(spent), 2) AS spent_in_{days}_days
    FROM first f JOIN later USING (order_id)
    LEFT JOIN (SELECT DISTINCT order_id FROM sale_lines
               WHERE product_no = {product} AND quantity > 0) g USING (order_id)
    GROUP BY ALL ORDER BY in_first_order"""


@detector(name=NAME, kind="cross_domain", title_ko="관문 상품", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """The products of first orders that most exceed their stratum's share of members who come back."""
    import numpy as np

    first = _followed(context)
    if len(first) < MINIMUM:
        return Shortage(len(first), MINIMUM, f"첫 구매 뒤 {DAYS}일이 지난 회원")
    held, codes = _held(context, first)
    if not len(codes):
        return Shortage(0, MINIMUM_ARM, "같은 상품으로 첫 구매를 한 회원")
    if first["again"].nunique() < 2:
        return Shortage(
            int(first["again"].sum()), MINIMUM_ARM, f"첫 구매 뒤 {DAYS}일 안에 다시 산(또는 사지 않은) 회원"
        )
    score, p = _scores(context, first, held)
    best = np.lexsort((codes, -score))
    kept = [int(k) for k in best[:_REPORTED] if p[k] <= 0.05] or [int(best[0])]
    return [_finding(context, first, held[:, [k]].toarray().ravel() > 0, int(codes[k]), float(p[k])) for k in kept]


def _followed(context: DiscoveryContext) -> "pd.DataFrame":
    """First sales with the whole follow-up: `again` and the `stratum` of quarter, basket size and basket value."""
    import numpy as np
    import pandas as pd

    sales = sales_with_next(context)
    first = sales[(sales["sale_no"] == 1) & (sales["day"] <= context.end - DAYS)].copy()
    first["again"] = (first["next_day"] - first["day"] <= DAYS).astype(float)
    sizes = context.baskets[["order", "product"]].drop_duplicates().groupby("order").size()
    first["size"] = np.clip(sizes.reindex(first.index, fill_value=0).to_numpy(), 0, 3)
    dear = first["amount"] > first.groupby("size")["amount"].transform("median")
    first["stratum"] = pd.factorize((first["month"] // 3) * 8 + first["size"] * 2 + dear)[0]
    return first


def _held(context: DiscoveryContext, first: "pd.DataFrame") -> "tuple[Any, NDArray[np.int64]]":
    """(members x products, sparse 0/1; product codes), for products with enough members on both sides."""
    import numpy as np
    import pandas as pd
    from scipy import sparse

    rows = context.baskets[["order", "product"]].drop_duplicates()
    rows = rows[rows["order"].isin(first.index)]
    size = rows.groupby("product").size()
    codes = size.index[(size >= MINIMUM_ARM) & (size <= len(first) - MINIMUM_ARM)].to_numpy(np.int64)
    rows = rows[rows["product"].isin(codes)]
    place = pd.Index(first.index).get_indexer(pd.Index(rows["order"]))
    column = np.searchsorted(codes, rows["product"].to_numpy())
    return sparse.csr_matrix((np.ones(len(rows)), (place, column)), shape=(len(first), len(codes))), codes


def _scores(
    context: DiscoveryContext, first: "pd.DataFrame", held: Any
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """(standardised score of each product, its adjusted p)."""
    import numpy as np
    from scipy import sparse

    y, stratum = first["again"].to_numpy(), first["stratum"].to_numpy(np.int64)
    size = np.bincount(stratum)
    share = np.bincount(stratum, y) / size
    rest = y - share[stratum]
    # variance of a product's count in a stratum when outcomes are permuted there (hypergeometric)
    spread = share * (1 - share) * size / np.maximum(size - 1, 1)
    inside = sparse.csr_matrix((np.ones(len(y)), (stratum, np.arange(len(y))))) @ held
    inside = inside.toarray()
    sd = np.sqrt((spread[:, None] * inside * (1 - inside / size[:, None])).sum(axis=0))
    sd = np.maximum(sd, 1e-9)
    blocks = permuted_within(rest, stratum, context.rng(NAME), draws_for(len(y)))
    draws = np.concatenate([(held.T @ block.T).T / sd for block in blocks])
    score = np.asarray(held.T @ rest).ravel() / sd
    return score, max_t(score, draws)


def _finding(
    context: DiscoveryContext, first: "pd.DataFrame", holds: "NDArray[np.bool_]", code: int, p: float
) -> Finding:
    number = str(context.product_names[code])
    name = product_name(context, number)
    rows = first.assign(exposed=holds, event=first["again"] > 0, time=HORIZON)
    cut = float(rows["day"].median())
    estimate, *halves = (
        clustered_slope(r["exposed"], r["again"], r["stratum"], r["member"])[0]
        for r in (rows, rows[rows["day"] <= cut], rows[rows["day"] > cut])
    )
    points = abs(estimate.value) * 100
    more = "높습니다" if estimate.value > 0 else "낮습니다"
    return Finding(
        subject=f"product:{number}",
        title=(
            f"첫 구매에 '{name}'{particle(name, '을(를)')} 담은 고객은 {DAYS}일 안 재구매율이 {points:.1f}%p {more}"
        ),
        effect=f"repurchase_{DAYS}d_difference",
        estimate=estimate,
        null=(0.0, 0.0),
        p=p,
        n=len(rows),
        halves=(halves[0].value, halves[1].value),
        evidence=context.evidence(_EVIDENCE_SQL.format(product=quoted(number), days=DAYS)),
        summary=(
            f"첫 구매 시기(분기), 상품 수, 금액이 비슷한 고객끼리 견준 차이이며, 이 상품을 담은 고객은 "
            f"{int(holds.sum()):,}명입니다. p값은 살펴본 모든 상품에 대해 보정했습니다. 원인인지는 실험으로 확인해야 "
            "합니다."
        ),
        action=(
            f"'{name}'{particle(name, '을(를)')} 첫 구매 고객에게 먼저 권하고, "
            "일부에게는 권하지 않은 채 재구매율을 비교하세요."
        ),
        caution=simpson(rows, estimate.value, ("tier", "category")),
    )
