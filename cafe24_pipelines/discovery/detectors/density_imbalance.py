"""Data density: do sales cluster on some categories more than the spread of single products explains?

Null: product popularity has nothing to do with the category (category labels shuffled over products). Does not
belong here: which customers buy them.
"""

from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import LEVEL, Estimate, permutation_p

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "density_imbalance"
MINIMUM = 20
_MINIMUM_LINES = 300
_DRAWS = 2000

_PRODUCTS_SQL = """
    SELECT p.product_no, p.category, count(l.order_id) AS lines,
           count(l.order_id) FILTER (l.ordered_at <= (SELECT quantile_disc(ordered_at, 0.5) FROM sale_lines)) AS early
    FROM known_products p LEFT JOIN sale_lines l USING (product_no)
    WHERE p.category IS NOT NULL AND p.category <> '' GROUP BY ALL ORDER BY p.product_no"""

_DENSITY_CYPHER = """
    MATCH (i:CRM_OrderItem)-[:OF_PRODUCT]->(p:CRM_Product)-[:IN_CATEGORY]->(c:CRM_Category)
    WHERE c.mall_id = $mall_id AND i.is_sale
    WITH c.name AS category, count(DISTINCT p.uid) AS products, count(i) AS sale_lines
    RETURN category, products, sale_lines ORDER BY sale_lines DESC, category LIMIT 20"""


@detector(name=NAME, kind="cross_domain", title_ko="데이터 밀도 불균형", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """Dissimilarity of the categories' shares of products and of sale lines, against shuffled labels."""
    import numpy as np
    import pandas as pd

    frame = context.sql(_PRODUCTS_SQL)
    labels, names = pd.factorize(frame["category"], sort=True)
    if len(frame) < MINIMUM or len(names) < 2:
        return Shortage(len(frame), MINIMUM, "카테고리가 있는 상품")
    if frame["lines"].sum() < _MINIMUM_LINES:
        return Shortage(int(frame["lines"].sum()), _MINIMUM_LINES, "카테고리가 있는 주문 상품 줄")
    lines = frame[["lines", "early"]].to_numpy(float)
    counts = {"all": lines[:, 0], "first": lines[:, 1], "second": lines[:, 0] - lines[:, 1]}
    rng = context.rng(NAME)
    shuffles = np.array([rng.permutation(labels) for _ in range(_DRAWS)])
    rows = labels[None, :]
    value = {key: float(_imbalance(rows, weight, len(names))[0]) for key, weight in counts.items()}
    chance = {key: _imbalance(shuffles, weight, len(names)) for key, weight in counts.items()}
    expected = float(chance["all"].mean())
    p = permutation_p(value["all"], chance["all"])
    low, high = _interval(labels, counts["all"], len(names), context.rng(NAME, "bootstrap"))
    estimate = Estimate(value["all"], min(low, value["all"]), max(high, value["all"]))
    halves = (value["first"] - float(chance["first"].mean()), value["second"] - float(chance["second"].mean()))
    return [_finding(context, estimate, expected, p=p, n=len(frame), halves=halves)]


def _finding(
    context: DiscoveryContext, estimate: Estimate, expected: float, *, p: float, n: int, halves: tuple[float, float]
) -> Finding:
    return Finding(
        subject="category",
        title=(
            f"카테고리별 판매가 상품 수에 견주어 {'쏠려 있습니다' if estimate.value > expected else '고릅니다'} "
            f"(쏠림 지수 {estimate.value:.2f})"
        ),
        effect="category_imbalance",
        estimate=estimate,
        null=(expected, expected),
        p=p,
        n=n,
        halves=halves,
        evidence=context.graph_evidence(_DENSITY_CYPHER),
        summary=(
            f"쏠림 지수는 상품 수 비중과 판매 비중이 어긋난 정도(0~1)입니다. 카테고리를 상품에 무작위로 붙이면 "
            f"{expected:.3f}, 실제는 {estimate.value:.3f}입니다."
        ),
        action="판매가 적은 카테고리는 상품 수를 줄이거나 묶어 진열하고, 몰리는 카테고리는 상품을 늘려 보세요.",
    )


def _imbalance(labels: "NDArray[np.int64]", weight: "NDArray[np.float64]", categories: int) -> "NDArray[np.float64]":
    """For every row of labels: half the sum of |share of sale lines - share of products| over categories."""
    import numpy as np

    b, n = labels.shape
    flat = (labels + np.arange(b)[:, None] * categories).ravel()
    lines = np.bincount(flat, np.broadcast_to(weight, (b, n)).ravel(), b * categories).reshape(b, categories)
    goods = np.bincount(flat, minlength=b * categories).reshape(b, categories)
    return np.abs(lines / max(weight.sum(), 1) - goods / n).sum(axis=1) / 2


def _interval(
    labels: "NDArray[np.int64]", weight: "NDArray[np.float64]", categories: int, rng: "np.random.Generator"
) -> tuple[float, float]:
    """Basic bootstrap interval over products within categories: the index of a resample is biased upwards."""
    import numpy as np

    value = float(_imbalance(labels[None, :], weight, categories)[0])
    share = np.bincount(labels, minlength=categories) / len(labels)
    draws = np.zeros(_DRAWS)
    sums = np.zeros((_DRAWS, categories))
    for c in range(categories):
        own = weight[labels == c]
        sums[:, c] = own[rng.integers(0, len(own), (_DRAWS, len(own)))].sum(axis=1)
    draws = np.abs(sums / np.maximum(sums.sum(axis=1, keepdims=True), 1) - share).sum(axis=1) / 2
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return max(0.0, 2 * value - float(high)), min(1.0, 2 * value - float(low))
