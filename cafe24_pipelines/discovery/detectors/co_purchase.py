"""Co-purchase: which pairs of products share a basket more often than the sizes of baskets allow by chance?

Pre-declared statistic: baskets that hold both, against the count expected when every product keeps the number of
basket mates it has in a quarter (quasi-independence: pairs are x_a * x_b with these margins kept, and no product
pairs with itself), which is the configuration model of baskets of the given sizes. Null: that count is Poisson;
counts are divided by the variance that clustering adds (squared residuals summed by member over those by basket, at
least 1), so one heavy buyer is one voice. One-sided p times all pairs looked at (Bonferroni). The effect is the
lift on the expected count, its interval by members. Does not belong here: the order of purchases
(`temporal_association.py`), or the single closest pair of `relationship_complexity.py` (independence within baskets
of equal size, baskets taken as independent).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import product_name
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import ratio_of_sums
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "co_purchase"
MINIMUM = 100
_MOST_PRODUCTS = 150
_MOST_PAIRS = 1500
_MIN_EXPECTED = 3.0
_REPORTED = 5
_ROUNDS = 200
_BLOCK = 20_000  # members whose residuals are held in memory at once

_EVIDENCE_SQL = """
    WITH baskets AS (SELECT order_id, any_value(member_key) AS member_key, count(DISTINCT product_no) AS products,
                            bool_or(product_no = {a}) AS has_a, bool_or(product_no = {b}) AS has_b
                     FROM sale_lines WHERE member_key IS NOT NULL AND quantity > 0
                     GROUP BY order_id HAVING count(DISTINCT product_no) >= 2)
    SELECT {a} AS product_a, {b} AS product_b, least(products, 5) AS products_in_basket, count(*) AS baskets,
           count(*) FILTER (has_a) AS with_a, count(*) FILTER (has_b) AS with_b,
           count(*) FILTER (has_a AND has_b) AS with_both,
           count(DISTINCT member_key) FILTER (has_a AND has_b) AS customers_with_both
    FROM baskets GROUP BY ALL ORDER BY products_in_basket"""


@dataclass(frozen=True)
class _Baskets:
    """Baskets of two or more products: 0/1 of the common products (baskets x items), their sizes and owners."""

    held: Any  # scipy CSR
    mates: "NDArray[np.float64]"  # products of the basket, less one
    quarter: "NDArray[np.int64]"  # 0..q-1
    member: "NDArray[np.int64]"  # 0..m-1, ascending
    day: "NDArray[np.float64]"
    tier: "NDArray[np.int64]"
    codes: "NDArray[np.int64]"

    def rows(self, mask: "NDArray[np.bool_] | slice") -> "_Baskets":
        """The baskets of a mask or a slice."""
        names = ("held", "mates", "quarter", "member", "day", "tier")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})

    def chance(self) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """By quarter: expected baskets of every pair `(q, items, items)`, basket mates of every item `(q, items)`."""
        import numpy as np

        q = int(self.quarter.max()) + 1 if len(self.quarter) else 1
        k = self.held.shape[1]
        pairs, margins = np.zeros((q, k, k)), np.zeros((q, k))
        for i in range(q):
            inside = self.quarter == i
            margins[i] = self.held[inside].T @ self.mates[inside]
            total = float(np.sum(self.mates[inside] * (self.mates[inside] + 1)))
            pairs[i] = _quasi_independent(margins[i], total)
        return pairs, margins


@detector(name=NAME, kind="cross_domain", title_ko="함께 담는 상품", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """The pairs of products that most exceed chance in one basket, five at most."""
    import numpy as np

    baskets = _baskets(context)
    members = len(np.unique(baskets.member))
    if members < MINIMUM:
        return Shortage(members, MINIMUM, "두 가지 이상을 한 번에 산 회원")
    pairs, margins = baskets.chance()
    expected = np.triu(pairs.sum(axis=0), 1)
    a, b = np.nonzero(expected >= _MIN_EXPECTED)
    if not len(a):
        return Shortage(int(expected.max()), int(_MIN_EXPECTED), "한 쌍의 상품을 함께 담으리라 기대되는 주문")
    most = np.lexsort((b, a, -expected[a, b]))[:_MOST_PAIRS]
    a, b = a[np.sort(most)], b[np.sort(most)]
    share = np.divide(pairs, margins[:, :, None], out=np.zeros_like(pairs), where=margins[:, :, None] > 0)
    lift, p = _scores(baskets, share, a, b)
    order = np.lexsort((b, a, -lift, p))
    kept = [int(k) for k in order[:_REPORTED] if p[k] <= 0.05] or [int(order[0])]
    return [_finding(context, baskets, (int(a[k]), int(b[k])), share, p=float(p[k])) for k in kept]


def _baskets(context: DiscoveryContext) -> _Baskets:
    import numpy as np
    import pandas as pd
    from scipy import sparse

    rows = context.baskets[["order", "product"]].drop_duplicates()
    size = rows.groupby("order")["product"].transform("size")
    rows, size = rows[size >= 2], size[size >= 2]
    common = rows["product"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    codes = np.sort(common.index[:_MOST_PRODUCTS].to_numpy(np.int64))
    place, orders = pd.factorize(rows["order"], sort=True)
    kept = rows["product"].isin(codes).to_numpy()
    cells = (place[kept], np.searchsorted(codes, rows["product"].to_numpy()[kept]))
    held = sparse.csr_matrix((np.ones(int(kept.sum())), cells), shape=(len(orders), len(codes)))
    sales = context.sales.loc[orders]
    mates = np.zeros(len(orders))
    mates[place] = size.to_numpy(float) - 1
    quarter = pd.factorize(sales["month"] // 3, sort=True)[0].astype(np.int64)
    member = pd.factorize(sales["member"])[0].astype(np.int64)
    tier = pd.factorize(sales["tier"], sort=True)[0].astype(np.int64)
    return _Baskets(held, mates, quarter, member, sales["day"].to_numpy(float), tier, codes)


def _quasi_independent(margin: "NDArray[np.float64]", total: float) -> "NDArray[np.float64]":
    """Pair counts x_a * x_b whose rows sum to `margin`; all rare products together may pair with one another.

    `total` is the sum of all margins, rare products' included.
    """
    import numpy as np

    rest = max(total - float(margin.sum()), 0.0)
    if total <= 0:
        return np.zeros((len(margin), len(margin)))
    x, other = margin / total**0.5, rest / total**0.5
    for _ in range(_ROUNDS):
        whole = float(x.sum()) + other
        x = np.sqrt(x * margin / np.maximum(whole - x, 1e-12))
        other = rest / whole if whole > 0 else 0.0
    out = np.outer(x, x)
    np.fill_diagonal(out, 0.0)
    return out


def _by_basket(
    baskets: _Baskets, a: "NDArray[np.intp]", b: "NDArray[np.intp]", share: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """(holds both, expected to) by basket and pair; a basket that holds a expects b by the number of its mates."""
    x, y = baskets.held[:, a].toarray(), baskets.held[:, b].toarray()
    mates, quarter = baskets.mates[:, None], baskets.quarter[:, None]
    return x * y, mates * (x * share[quarter, a, b] + y * share[quarter, b, a]) / 2


def _summed(baskets: _Baskets, values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Values by basket, summed by member."""
    import numpy as np
    from scipy import sparse

    member = np.unique(baskets.member, return_inverse=True)[1]
    return sparse.csr_matrix((np.ones(len(member)), (member, np.arange(len(member))))) @ values


def _scores(
    baskets: _Baskets, share: "NDArray[np.float64]", a: "NDArray[np.intp]", b: "NDArray[np.intp]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """(lift of each pair, its adjusted p). Members come in blocks, so that memory doesn't grow with them."""
    import numpy as np
    from scipy.stats import poisson

    seen, chance, clustered, single = np.zeros((4, len(a)))
    step = max(200, _BLOCK * 20 // max(len(a), 1))
    starts = np.searchsorted(baskets.member, np.arange(0, int(baskets.member.max()) + 1, step))
    for low, high in zip(starts, [*starts[1:], len(baskets.member)], strict=True):
        part = baskets.rows(slice(low, high))
        both, expected = _by_basket(part, a, b, share)
        residual = both - expected
        seen += both.sum(axis=0)
        chance += expected.sum(axis=0)
        single += (residual**2).sum(axis=0)
        clustered += (_summed(part, residual) ** 2).sum(axis=0)
    voices = np.maximum(clustered / np.maximum(single, 1e-9), 1.0)
    p = poisson.sf(np.floor(seen / voices + 1e-9) - 1, chance / voices)
    return seen / np.maximum(chance, 1e-9), np.minimum(p * len(a), 1.0)


def _finding(
    context: DiscoveryContext, baskets: _Baskets, pair: tuple[int, int], share: "NDArray[np.float64]", *, p: float
) -> Finding:
    import numpy as np

    a, b = pair
    numbers = [str(context.product_names[baskets.codes[k]]) for k in pair]
    names = [product_name(context, number) for number in numbers]

    def lift(mask: "NDArray[np.bool_]") -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        part = baskets.rows(mask)
        both, expected = _by_basket(part, np.array([a]), np.array([b]), share)
        return _summed(part, both).ravel(), _summed(part, expected).ravel()

    seen, chance = lift(np.ones(len(baskets.mates), bool))
    estimate = ratio_of_sums(seen, chance)
    early = baskets.day <= float(np.median(baskets.day))
    halves = [s.sum() / c.sum() - 1 if c.sum() > 0 else 0.0 for s, c in (lift(early), lift(~early))]
    return Finding(
        subject="+".join(sorted(numbers)),
        title=(
            f"'{names[0]}'{particle(names[0], '과(와)')} '{names[1]}'{particle(names[1], '은(는)')} "
            f"우연의 {estimate.value:.1f}배로 한 주문에 담깁니다"
        ),
        effect="co_purchase_lift",
        estimate=estimate,
        null=(1.0, 1.0),
        p=p,
        n=len(np.unique(baskets.member)),
        halves=(halves[0], halves[1]),
        evidence=context.evidence(_EVIDENCE_SQL.format(a=quoted(numbers[0]), b=quoted(numbers[1]))),
        summary=(
            f"장바구니 크기와 분기를 그대로 둔 우연이라면 {chance.sum():,.0f}건, 실제는 {seen.sum():,.0f}건입니다. "
            f"함께 담은 회원은 {int((seen > 0).sum()):,}명이며, 한 회원의 주문은 하나의 표본으로 보고 모든 쌍에 대해 "
            "보정했습니다."
        ),
        action=(
            f"'{names[0]}' 상품 화면에 '{names[1]}'{particle(names[1], '을(를)')} 묶음으로 제안하고, "
            "객단가가 오르는지 나누어 시험하세요."
        ),
        caution=_caution(baskets, a, b, estimate.value),
    )


def _caution(baskets: _Baskets, a: int, b: int, whole: float) -> str:
    """Whether the lift, computed anew within each tier and pooled, points the other way."""
    seen = expected = 0.0
    for level in range(int(baskets.tier.max()) + 1):
        part = baskets.rows(baskets.tier == level)
        seen += float(part.held[:, [a]].multiply(part.held[:, [b]]).sum())
        expected += float(part.chance()[0].sum(axis=0)[a, b])
    turned = expected > 0 and (seen / expected - 1) * (whole - 1) < 0
    return "등급별로 나누어 합치면 방향이 뒤집힙니다(심슨의 역설)." if turned else ""
