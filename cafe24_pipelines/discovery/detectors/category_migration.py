"""Category migration: from which category of the first order do members move on to which one, beyond chance?

Pre-declared statistic: members whose first order holds category A and whose next order holds another category B, one
transition a member, standardised. Null: the next orders' baskets are permuted among the members who placed their next
order in the same month, which keeps season, assortment and the make-up of baskets; one-sided p is adjusted for all
ordered pairs looked at (Westfall-Young, largest score). The effect is the lift on the count expected under that null.
A path that is not clearly more common than its way back is a taste for both and is not confirmed.
Does not belong here: lags, products, or later orders (see `temporal_association.py`), and staying within a category.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import sales_with_next
from cafe24_pipelines.discovery.nulls import draws_for, permuted_within
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import max_t, poisson_rates, ratio_of_sums
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

NAME = "category_migration"
MINIMUM = 100
_MIN_EXPECTED = 5.0
_MOST_CATEGORIES = 40
_REPORTED = 5

_EVIDENCE_SQL = """
    WITH bought AS (SELECT DISTINCT l.member_key, l.sale_no, coalesce(l.category, p.category) AS category
                    FROM sale_lines l LEFT JOIN known_products p USING (product_no)
                    WHERE l.member_key IS NOT NULL AND l.quantity > 0 AND l.sale_no <= 2),
         moved AS (SELECT member_key, bool_or(sale_no = 1 AND category = {a}) AS from_a,
                          bool_or(sale_no = 2 AND category = {b}) AS to_b
                   FROM bought GROUP BY member_key HAVING count(DISTINCT sale_no) = 2)
    SELECT {a} AS from_category, {b} AS to_category, from_a AS first_order_has_it, count(*) AS customers,
           count(*) FILTER (to_b) AS moved, count(*) FILTER (to_b) / count(*) AS share
    FROM moved GROUP BY from_a ORDER BY from_a"""


@dataclass(frozen=True)
class _Moves:
    """Members with two sales: 0/1 of the categories in the first and in the next basket (members x categories)."""

    before: Any  # scipy CSR
    after: Any
    month: "NDArray[np.int64]"  # of the next order, 0..g-1
    rows: "pd.DataFrame"
    codes: "NDArray[np.int64]"

    def expected(self, strata: "NDArray[np.int64]") -> "NDArray[np.float64]":
        """Count of every pair when next baskets are dealt anew within `strata`."""
        import numpy as np
        from scipy import sparse

        n = len(strata)
        into = sparse.csr_matrix((np.ones(n), (strata, np.arange(n))))
        sums = (into @ self.before).toarray(), (into @ self.after).toarray()
        return sums[0].T @ (sums[1] / np.bincount(strata)[:, None])

    def by_member(self, a: int, b: int) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """(moved from a to b, expected to) of each member."""
        import numpy as np

        x, y = self.before[:, [a]].toarray().ravel(), self.after[:, [b]].toarray().ravel()
        return x * y, x * (np.bincount(self.month, y) / np.bincount(self.month))[self.month]


@detector(name=NAME, kind="cross_domain", title_ko="카테고리 이동", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """The strongest paths from a first order's category to another one in the next order, five at most."""
    import numpy as np

    moves = _moves(context)
    if len(moves.rows) < MINIMUM:
        return Shortage(len(moves.rows), MINIMUM, "카테고리를 아는 첫 주문과 다음 주문이 있는 회원")
    expected = moves.expected(moves.month)
    looked = expected >= _MIN_EXPECTED
    np.fill_diagonal(looked, False)
    if not looked.any():
        return Shortage(int(expected.max()), int(_MIN_EXPECTED), "한 이동 경로에 우연히 기대되는 회원")
    score, p = _scores(context, moves, expected, looked)
    a, b = np.nonzero(looked)
    order = np.lexsort((b, a, -score))
    kept = [int(k) for k in order[:_REPORTED] if p[k] <= 0.05] or [int(order[0])]
    return [_finding(context, moves, int(a[k]), int(b[k]), float(p[k])) for k in kept]


def _moves(context: DiscoveryContext) -> _Moves:
    import numpy as np
    import pandas as pd
    from scipy import sparse

    sales = sales_with_next(context)
    first = sales[(sales["sale_no"] == 1) & sales["next_day"].notna()]
    rows = context.baskets[context.baskets["category"] >= 0][["order", "category"]].drop_duplicates()
    # a member's sales lie side by side, so the next order's code is the first one's plus 1
    first = first[np.isin(first.index, rows["order"]) & np.isin(first.index + 1, rows["order"])]
    common = rows["category"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    codes = np.sort(common.index[:_MOST_CATEGORIES].to_numpy(np.int64))
    rows = rows[rows["category"].isin(codes)]

    def held(orders: "pd.Index[int]") -> Any:
        mine = rows[rows["order"].isin(orders)]
        place = orders.get_indexer(pd.Index(mine["order"]))
        cells = (place, np.searchsorted(codes, mine["category"].to_numpy()))
        return sparse.csr_matrix((np.ones(len(mine)), cells), shape=(len(orders), len(codes)))

    index = pd.Index(first.index)
    month = pd.factorize(sales.loc[index + 1, "month"])[0].astype(np.int64)
    return _Moves(held(index), held(index + 1), month, first, codes)


def _scores(
    context: DiscoveryContext, moves: _Moves, expected: "NDArray[np.float64]", looked: "NDArray[np.bool_]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """(standardised score of each looked-at pair, its adjusted p)."""
    import numpy as np

    n = len(moves.month)
    blocks = permuted_within(np.arange(n, dtype=float), moves.month, context.rng(NAME), draws_for(4 * n))
    across = np.ascontiguousarray(moves.before.T.toarray(), np.float32)
    after = moves.after.toarray().astype(np.float32)
    counts = np.stack([(across @ after[row.astype(np.intp)])[looked] for block in blocks for row in block])
    centre = expected[looked]
    spread = np.maximum(counts.std(axis=0), 0.5)
    observed = (across @ after)[looked]
    score = (observed - centre) / spread
    return score, max_t(score, (counts - centre) / spread)


def _finding(context: DiscoveryContext, moves: _Moves, a: int, b: int, p: float) -> Finding:
    first, then = (str(context.category_names[moves.codes[k]]) for k in (a, b))
    seen, chance = moves.by_member(a, b)
    estimate = ratio_of_sums(seen, chance)
    day = moves.rows["day"].to_numpy()
    early = day <= float(moves.rows["day"].median())
    halves = [ratio_of_sums(seen[m], chance[m]).value - 1 if chance[m].sum() > 0 else 0.0 for m in (early, ~early)]
    share = seen.sum() / max(float(moves.before[:, [a]].sum()), 1.0)
    return Finding(
        subject=f"{first}>{then}",
        title=(
            f"'{first}'{particle(first, '(으)로')} 시작한 고객은 다음 주문에서 우연의 {estimate.value:.1f}배로 "
            f"'{then}'{particle(then, '을(를)')} 담습니다"
        ),
        effect="migration_lift",
        estimate=estimate,
        null=(1.0, 1.0),
        p=p,
        n=len(moves.rows),
        halves=(halves[0], halves[1]),
        evidence=context.evidence(_EVIDENCE_SQL.format(a=quoted(first), b=quoted(then))),
        summary=(
            f"'{first}'{particle(first, '(으)로')} 시작해 다시 산 고객의 {share:.1%}가 다음 주문에 "
            f"'{then}'{particle(then, '을(를)')} 담았습니다. 같은 달 주문끼리 "
            f"섞으면 {chance.sum():,.0f}명이 기대되는데 실제는 {seen.sum():,.0f}명입니다. p값은 모든 경로에 대해 "
            "보정했습니다."
        ),
        action=(
            f"'{first}' 첫 구매 고객에게 다음 제안으로 '{then}'{particle(then, '을(를)')} 보여 주고, "
            "일부 고객에게는 보여 주지 않은 채 비교하세요."
        ),
        caution=_caution(moves, a, b, estimate.value),
    )


def _caution(moves: _Moves, a: int, b: int, whole: float) -> str:
    """A Korean reason for doubt: the way back is no less common (a taste for both), or tiers turn the lift round."""
    import numpy as np
    import pandas as pd

    (there, chance), (back, chance_back) = (map(np.sum, moves.by_member(*way)) for way in ((a, b), (b, a)))
    if poisson_rates(int(there), float(chance), int(back), float(chance_back)) > 0.05:
        return (
            "반대 방향의 이동보다 뚜렷하게 잦지는 않아, 순서가 아니라 두 카테고리를 함께 좋아하는 취향일 수 있습니다."
        )
    tier = pd.factorize(moves.rows["tier"], sort=True)[0]
    strata = pd.factorize(moves.month * (int(tier.max()) + 1) + tier)[0].astype(np.int64)
    expected = moves.expected(strata)[a, b]
    seen = float(moves.by_member(a, b)[0].sum())
    turned = expected > 0 and (seen / expected - 1) * (whole - 1) < 0
    return "등급별로 나누어 합치면 방향이 뒤집힙니다(심슨의 역설)." if turned else ""
