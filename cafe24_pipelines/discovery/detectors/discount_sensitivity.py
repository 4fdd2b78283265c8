"""Price sensitivity: how much less of a product sells after its price goes up (and more after it goes down)?

Pre-declared statistic: the pooled own-price elasticity. Every price change of a product whose price stood still for
28 days before and after is one event: orders after it, given orders before and after, are binomial with odds (sales
of all other products after / before) * exp(elasticity * change of log price), so product and calendar drop out.
Scores are summed by product (its events are one cluster). Null: price changes move nothing, so a product's score is
as likely negative as positive; two-sided p by sign flips of products. When prices never move there is nothing to
see and the detector says so. Does not belong here: coupons (`coupon_effect.py`), or prices of single members.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.context import DiscoveryContext
from cafe24_pipelines.discovery.frames import Daily, daily
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import LEVEL, Estimate, permutation_p

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

NAME = "discount_sensitivity"
MINIMUM = 8
"""Products with a usable price change: fewer can't give a p that survives many tests (2 ** 8 sign patterns)."""

WINDOW = 28
_STEP = 0.03  # of the log price: less is rounding
_MOST_PRODUCTS = 1000
_DRAWS = 1999

# One row a run of days with one price: its first and last day with a sale. The day's price is its most frequent one.
_PRICES_SQL = f"""
    WITH priced AS (SELECT product_no, (ordered_local::DATE - DATE '1970-01-01')::INTEGER AS day,
                           mode(unit_price ORDER BY unit_price)::DOUBLE AS price
                    FROM sale_lines WHERE quantity > 0 AND unit_price > 0 GROUP BY ALL),
         stepped AS (SELECT *, coalesce(abs(ln(price / lag(price) OVER w)) >= {_STEP}, true) AS step
                     FROM priced WINDOW w AS (PARTITION BY product_no ORDER BY day)),
         runs AS (SELECT *, sum(step::INTEGER) OVER (PARTITION BY product_no ORDER BY day) AS run FROM stepped)
    SELECT product_no, min(day) AS first_day, max(day) AS last_day, median(price) AS price
    FROM runs GROUP BY product_no, run ORDER BY product_no, run"""

_EVIDENCE_SQL = f"""
    WITH runs AS ({_PRICES_SQL})
    SELECT product_no, count(*) AS prices, min(price) AS lowest_price, max(price) AS highest_price,
           count(*) FILTER (last_day - first_day >= {WINDOW - 1}) AS prices_that_stood
    FROM runs GROUP BY product_no HAVING count(*) >= 2 ORDER BY prices_that_stood DESC, product_no"""


@dataclass(frozen=True)
class _Events:
    """Price changes: whose, when, by how much, and sales in the windows before and after it."""

    product: "NDArray[np.int64]"
    category: "NDArray[np.int64]"
    day: "NDArray[np.int64]"
    change: "NDArray[np.float64]"  # of the log price
    before: "NDArray[np.float64]"
    after: "NDArray[np.float64]"
    others: "NDArray[np.float64]"  # log of the other products' sales after over before
    alike: "NDArray[np.float64]"  # the same for products of the same category; NaN when there are too few

    def rows(self, mask: "NDArray[np.bool_]") -> "_Events":
        """The events of a mask."""
        return _Events(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))


@detector(name=NAME, kind="cross_domain", title_ko="가격 민감도", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """The pooled own-price elasticity of the products whose prices moved."""
    import numpy as np

    events = _events(context)
    products = len(np.unique(events.product))
    if products < MINIMUM:
        return Shortage(products, MINIMUM, f"가격이 바뀌고 앞뒤로 {WINDOW}일 이상 유지된 상품")
    estimate = _elasticity(events, events.others)
    draws = _flips(events, context)
    p = permutation_p(float(_scores(events).sum()), draws)
    cut = float(np.median(events.day))
    halves = [_elasticity(events.rows(m), events.others[m]).value for m in (events.day <= cut, events.day > cut)]
    return [_finding(context, events, estimate, p, (halves[0], halves[1]))]


def _events(context: DiscoveryContext) -> _Events:
    import numpy as np
    import pandas as pd

    sold = daily(context, "product", _MOST_PRODUCTS)
    start = (sold.first - pd.Timestamp("1970-01-01").date()).days
    runs = context.sql(_PRICES_SQL)
    runs = runs[runs["product_no"].isin(sold.names)].reset_index(drop=True)
    category = context.sql("SELECT product_no, coalesce(category, '') AS category FROM known_products")
    of = category.set_index("product_no")["category"].reindex(sold.names).fillna("")
    codes = pd.factorize(of, sort=True)[0].astype(np.int64)
    sums = np.vstack([np.zeros((1, len(sold.names))), np.cumsum(sold.orders, axis=0)])
    rows = _changes(runs, start, sold)
    table = np.array([_event(sums, codes, event) for event in rows], float).reshape(-1, 8).T
    product, category, day = table[:3].astype(np.int64)
    return _Events(product, category, day, *table[3:])


def _changes(runs: "pd.DataFrame", start: int, sold: Daily) -> list[tuple[int, int, int, float]]:
    """(product, last day of the old price, first day of the new one, change) where both prices stood long enough."""
    import numpy as np

    index = {name: k for k, name in enumerate(sold.names)}
    product = runs["product_no"].to_numpy()
    first, last = runs["first_day"].to_numpy(int) - start, runs["last_day"].to_numpy(int) - start
    log = np.log(runs["price"].to_numpy(float))
    out = []
    for k in np.flatnonzero(product[:-1] == product[1:]) if len(runs) > 1 else []:
        own_end = first[k + 2] if k + 2 < len(runs) and product[k + 2] == product[k] else sold.days
        begun = first[k] <= last[k] - WINDOW + 1
        if begun and first[k + 1] + WINDOW <= own_end and abs(log[k + 1] - log[k]) >= _STEP:
            out.append((index[product[k]], int(last[k]), int(first[k + 1]), float(log[k + 1] - log[k])))
    return out


def _event(
    sums: "NDArray[np.float64]", codes: "NDArray[np.int64]", event: tuple[int, int, int, float]
) -> tuple[int, int, int, float, float, float, float, float]:
    """One event's numbers; each window begins or ends with a day on which the product was sold, so they are alike."""
    import numpy as np

    product, old, new, change = event
    before = sums[old + 1] - sums[old + 1 - WINDOW]
    after = sums[new + WINDOW] - sums[new]
    rest = np.arange(len(codes)) != product
    alike = rest & (codes == codes[product])

    def trend(mask: "NDArray[np.bool_]", least: float) -> float:
        b, a = float(before[mask].sum()), float(after[mask].sum())
        return float(np.log((a + 0.5) / (b + 0.5))) if min(a, b) >= least else float("nan")

    shop = trend(rest, 0.0)
    own = float(before[product]), float(after[product])
    return product, int(codes[product]), new, change, *own, shop, trend(alike, 20.0)


def _elasticity(events: _Events, trend: "NDArray[np.float64]") -> Estimate:
    """The maximum of the binomial likelihood (Newton) with a variance robust to correlation in products."""
    import numpy as np
    from scipy.stats import t as student

    total = events.before + events.after
    if not len(total) or total.sum() <= 0:
        return Estimate(0.0, 0.0, 0.0)
    beta = information = 0.0
    share = np.full(len(total), 0.5)
    for _ in range(50):
        share = 1 / (1 + np.exp(-np.clip(trend + beta * events.change, -30, 30)))
        score = float(np.sum(events.change * (events.after - total * share)))
        information = float(np.sum(events.change**2 * total * share * (1 - share)))
        if information <= 1e-9:
            return Estimate(0.0, 0.0, 0.0)
        step = float(np.clip(score / information, -2, 2))
        beta += step
        if abs(step) < 1e-9 or abs(beta) > 50:
            break
    by_product = np.bincount(events.product, events.change * (events.after - total * share))
    clusters = len(np.unique(events.product))
    robust = float(np.sum(by_product**2)) * clusters / max(clusters - 1, 1)
    half = float(student.ppf(0.5 + LEVEL / 2, max(clusters - 1, 1))) * robust**0.5 / information
    return Estimate(beta, beta - half, beta + half)


def _scores(events: _Events) -> "NDArray[np.float64]":
    """The score of no elasticity, by product."""
    import numpy as np

    share = 1 / (1 + np.exp(-events.others))
    excess = events.change * (events.after - (events.before + events.after) * share)
    return np.bincount(np.unique(events.product, return_inverse=True)[1], excess).astype(float)


def _flips(events: _Events, context: DiscoveryContext) -> "NDArray[np.float64]":
    import numpy as np

    scores = _scores(events)
    sign = context.rng(NAME).integers(0, 2, (_DRAWS, len(scores))) * 2.0 - 1
    return np.asarray(sign @ scores)


def _finding(
    context: DiscoveryContext, events: _Events, estimate: Estimate, p: float, halves: tuple[float, float]
) -> Finding:
    import numpy as np

    value = estimate.value
    way = "줄었습니다" if value < 0 else "늘었습니다"
    products = len(np.unique(events.product))
    return Finding(
        subject="own_price",
        title=f"가격이 1% 오른 상품의 판매는 약 {abs(value):.1f}% {way} (가격탄력성 {value:.2f})",
        effect="price_elasticity",
        estimate=estimate,
        null=(0.0, 0.0),
        p=p,
        n=products,
        halves=halves,
        evidence=context.evidence(_EVIDENCE_SQL),
        summary=(
            f"상품 {products}개의 가격 변경 {len(events.day)}번에서, 앞뒤 {WINDOW}일의 주문을 같은 때 다른 상품의 "
            "흐름에 견주었습니다. 가격을 바꾼 이유(재고, 행사)가 함께 작용했을 수 있습니다."
        ),
        action=(
            "탄력성이 -1보다 작으면 할인은 매출을 늘리고, -1과 0 사이면 줄입니다. "
            "할인은 일부 상품에서 먼저 시험하고 이익으로 비교하세요."
        ),
        caution=_caution(events, value),
    )


def _caution(events: _Events, whole: float) -> str:
    """Whether the elasticity turns round when each product is compared with those of its own category only."""
    import numpy as np

    known = np.isfinite(events.alike)
    if not known.any():
        return ""
    within = _elasticity(events.rows(known), events.alike[known]).value
    return "같은 카테고리의 상품하고만 견주면 방향이 뒤집힙니다(심슨의 역설)." if within * whole < 0 else ""
