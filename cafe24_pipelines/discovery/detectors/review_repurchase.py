"""Reviews and repurchase: which product's low ratings cost the next order, and do they after repeat orders too?

A member's first review of a product counts; members are followed for 90 days from the review, not from the order.
Pre-declared statistics: (1) repurchase that a product loses through its low ratings (1 or 2 stars): the excess of
its share of low ratings over the other products' (within the quarter), times the difference in repurchase that low
ratings make over all products (within quarter x number of the order). Both must be there: p is the larger of the
excess's (stars permuted within the quarter, one-sided, adjusted for all products tried, Westfall-Young) and the
difference's. (2) The difference itself over reviews of repeat orders alone, members as clusters. `churn_signals.py`
looks at the rating of first orders over all products; (1) asks which product it is, (2) leaves first orders out, so
neither counts it twice. Does not belong here: why a product is rated low (texts).
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.churn import turned
from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import next_sale_after, product_name
from cafe24_pipelines.discovery.nulls import draws_for, permuted_within
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import Estimate, clustered_slope, max_t

if TYPE_CHECKING:
    import pandas as pd

NAME = "review_repurchase"
MINIMUM = 30
"""Reviews of a product, and low as well as other ratings that can be followed."""

DAYS = 90
LOW_RATING = 2
_REPORTED = 3

_REVIEWS_SQL = """
    SELECT r.review_no, r.product_no, r.rating::INTEGER AS rating, epoch_us(r.created_at) / 86400e6 AS rated,
           coalesce(r.order_id, arg_max(f.order_id, (f.ordered_at, f.order_id))) AS order_id
    FROM reviews r LEFT JOIN order_facts f ON r.order_id IS NULL AND f.member_key = r.member_key AND f.is_sale
         AND f.ordered_at <= r.created_at
    WHERE r.rating IS NOT NULL
    GROUP BY r.review_no, r.product_no, r.rating, r.created_at, r.order_id ORDER BY rated, r.review_no"""

_EVIDENCE_SQL = """
    WITH rated AS (SELECT f.member_key, r.product_no, r.created_at, r.rating <= {low} AS low,
                          f.sale_no = 1 AS first_order
                   FROM reviews r JOIN order_facts f ON f.order_id = r.order_id
                   WHERE r.rating IS NOT NULL AND f.sale_no IS NOT NULL AND {where}
                     AND r.created_at + INTERVAL {days} DAY <= (SELECT max(ordered_at) FROM orders)
                   QUALIFY row_number() OVER (PARTITION BY f.member_key, r.product_no
                                              ORDER BY r.created_at, r.review_no) = 1)
    SELECT {subject} AS product_no, first_order, low AS rated_low, count(*) AS reviews,
           count(*) FILTER (again) AS bought_again, count(*) FILTER (again) / count(*) AS share
    FROM (SELECT *, EXISTS (SELECT 1 FROM order_facts s WHERE s.member_key = rated.member_key AND s.is_sale
                 AND s.ordered_at > rated.created_at
                 AND s.ordered_at <= rated.created_at + INTERVAL {days} DAY) AS again FROM rated)
    GROUP BY ALL ORDER BY first_order, rated_low"""


@detector(name=NAME, kind="cross_domain", title_ko="리뷰와 재구매", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Products whose low raters come back less than its other raters, three at most, and repeat orders as a whole."""
    reviews = _reviews(context)
    rows = reviews[reviews["rated"] <= context.end - DAYS].reset_index(drop=True)
    found = [*_repeat_orders(context, rows), *_products(context, reviews, rows)] if len(rows) else []
    low = int(rows["low"].sum())
    return found or Shortage(
        min(low, len(rows) - low), MINIMUM, f"작성 뒤 {DAYS}일이 지난 낮은 평점과 높은 평점 리뷰"
    )


def _reviews(context: DiscoveryContext) -> "pd.DataFrame":
    """A member's first review of each product: `low`, `again` (within 90 days) and the reviewed order's facts."""
    import pandas as pd

    reviews = context.sql(_REVIEWS_SQL)
    sales = context.sales
    rows = reviews.merge(sales[["order_id", "member", "month", "sale_no", "tier"]], on="order_id")
    rows = rows.sort_values(["rated", "review_no"], kind="stable").drop_duplicates(["member", "product_no"])
    rows = rows.reset_index(drop=True)
    following = next_sale_after(sales, rows["member"].to_numpy(), rows["rated"].to_numpy(float))
    rows["again"] = (following - rows["rated"] <= DAYS).astype(float)
    rows["low"] = (rows["rating"] <= LOW_RATING).astype(float)
    rows["order"] = rows["sale_no"].clip(upper=2)
    category = context.sql("SELECT product_no, coalesce(category, '') AS category FROM known_products")
    rows["category"] = rows["product_no"].map(category.set_index("product_no")["category"]).fillna("")
    rows["stratum"] = pd.factorize(rows["month"] // 3 * 8 + rows["sale_no"].clip(upper=4))[0]
    return rows


def _repeat_orders(context: DiscoveryContext, rows: "pd.DataFrame") -> list[Finding]:
    """Low raters of repeat orders against the others; none when there are too few of either."""
    rows = rows[rows["order"] == 2]
    low = int(rows["low"].sum())
    if min(low, len(rows) - low) < MINIMUM:
        return []
    cut = float(rows["rated"].median())
    (estimate, p), *halves = (
        clustered_slope(r["low"], r["again"], r["stratum"], r["member"])
        for r in (rows, rows[rows["rated"] <= cut], rows[rows["rated"] > cut])
    )
    less = "낮습니다" if estimate.value < 0 else "높습니다"
    finding = Finding(
        subject="repeat_orders",
        title=(
            f"재구매 주문에 {LOW_RATING}점 이하를 준 고객은 {DAYS}일 안 재구매율이 "
            f"{abs(estimate.value) * 100:.1f}%p {less}"
        ),
        effect=f"repurchase_{DAYS}d_difference",
        estimate=estimate,
        null=(0.0, 0.0),
        p=p,
        n=int(rows["member"].nunique()),
        halves=(halves[0][0].value, halves[1][0].value),
        evidence=context.evidence(
            _EVIDENCE_SQL.format(low=LOW_RATING, days=DAYS, where="f.sale_no > 1", subject="'*'")
        ),
        summary=(
            f"두 번째 이후 주문의 리뷰를 쓴 때부터 따라가, 낮은 평점 {low:,}건과 나머지 {len(rows) - low:,}건을 "
            "견주었습니다. "
            "함께 나타난 차이이며 원인인지는 실험으로 확인해야 합니다."
        ),
        action=f"단골의 {LOW_RATING}점 이하 리뷰도 첫 구매와 같은 기준으로 하루 안에 답하고 보상을 제안하세요.",
        caution=turned(rows["low"], rows["again"], {k: rows[k] for k in ("tier", "category")}, estimate.value),
    )
    return [finding]


def _products(context: DiscoveryContext, reviews: "pd.DataFrame", rows: "pd.DataFrame") -> list[Finding]:
    """The products with the largest excess of low ratings; `rows` are the followed ones of `reviews`."""
    import numpy as np
    import pandas as pd

    size = reviews["product_no"].value_counts()
    tried = size.index[(size >= MINIMUM) & (size <= len(reviews) - MINIMUM)].sort_values()
    cost, cost_p = clustered_slope(rows["low"], rows["again"], rows["stratum"], rows["member"])
    if not len(tried) or min(rows["low"].sum(), len(rows) - rows["low"].sum()) < MINIMUM:
        return []
    product = pd.Index(tried).get_indexer(pd.Index(reviews["product_no"]))
    quarter = pd.factorize(reviews["month"] // 3)[0].astype(np.int64)
    held = np.zeros((len(reviews), len(tried) + 1))
    held[np.arange(len(reviews)), product] = 1.0  # -1, the last column, is every other product
    held = held[:, :-1]
    mean = np.stack([np.bincount(quarter, column) for column in held.T]) / np.bincount(quarter)
    x = held - mean[:, quarter].T
    low = reviews["low"].to_numpy()
    y = low - (np.bincount(quarter, low) / np.bincount(quarter))[quarter]
    spread = np.bincount(quarter, y**2) / np.maximum(np.bincount(quarter) - 1, 1)
    sd = np.maximum(np.sqrt((x**2 * spread[quarter][:, None]).sum(axis=0)), 1e-9)
    blocks = permuted_within(y, quarter, context.rng(NAME), draws_for(len(reviews)))
    draws = np.concatenate([block @ x / sd for block in blocks])
    score = y @ x / sd
    p = max_t(score, draws)
    order = np.lexsort((np.arange(len(tried)), -score))
    kept = [int(k) for k in order[:_REPORTED] if p[k] <= 0.05] or [int(order[0])]
    return [
        _product(context, reviews, rows, number=str(tried[k]), cost=cost, p=max(float(p[k]), cost_p)) for k in kept
    ]


def _product(
    context: DiscoveryContext, reviews: "pd.DataFrame", rows: "pd.DataFrame", *, number: str, cost: Estimate, p: float
) -> Finding:
    mine = reviews["product_no"] == number
    quarter = reviews["month"] // 3
    excess = clustered_slope(mine, reviews["low"], quarter, reviews["member"])[0]
    cut = float(reviews.loc[mine, "rated"].median())
    halves = [
        clustered_slope(mine[m], reviews.loc[m, "low"], quarter[m], reviews.loc[m, "member"])[0].value * cost.value
        for m in (reviews["rated"] <= cut, reviews["rated"] > cut)
    ]
    value = excess.value * cost.value
    # variance of a product of two independent estimates
    e, c = (excess.high - excess.value), (cost.high - cost.value)
    half = ((excess.value * c) ** 2 + (cost.value * e) ** 2 + (e * c) ** 2) ** 0.5
    name = product_name(context, number)
    share = float(reviews.loc[mine, "low"].mean())
    return Finding(
        subject=f"product:{number}",
        title=(
            f"'{name}'의 낮은 평점은 리뷰를 쓴 고객의 {DAYS}일 안 재구매율을 {abs(value) * 100:.1f}%p "
            f"{'깎는' if value < 0 else '높이는'} 셈입니다"
        ),
        effect=f"repurchase_{DAYS}d_through_low_ratings",
        estimate=Estimate(value, value - half, value + half),
        null=(0.0, 0.0),
        p=p,
        n=int(mine.sum()),
        halves=(halves[0], halves[1]),
        evidence=context.evidence(
            _EVIDENCE_SQL.format(
                low=LOW_RATING, days=DAYS, where=f"r.product_no = {quoted(number)}", subject=quoted(number)
            )
        ),
        summary=(
            f"리뷰 {int(mine.sum())}건 가운데 {LOW_RATING}점 이하가 {share:.0%}로 다른 상품보다 "
            f"{excess.value * 100:.1f}%p 많고, 낮은 평점을 준 고객의 재구매율 차이는 "
            f"{cost.value * 100:.1f}%p입니다. 두 수를 곱한 "
            "값이며, 살펴본 모든 상품에 대해 보정했습니다. 원인인지는 실험으로 확인해야 합니다."
        ),
        action=(
            f"'{name}'의 낮은 평점 리뷰를 읽어 원인(포장, 품질, 설명)을 고치고, 낮게 평가한 고객에게 먼저 연락하세요."
        ),
        caution=turned(mine, reviews["low"], {k: reviews[k] for k in ("tier", "order")}, excess.value)
        or turned(rows["low"], rows["again"], {k: rows[k] for k in ("tier", "category")}, cost.value),
    )
