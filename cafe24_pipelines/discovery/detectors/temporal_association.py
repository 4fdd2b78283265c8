"""Temporal association: after A, is B bought within some days more often than chance?

Two nulls must both fall. Within the member, baskets are dealt anew among the member's own orders: that keeps taste
and rhythm, so only the order of things can differ. Within the month, baskets are dealt anew among all members:
that keeps season and assortment. p is the larger of the two, each adjusted for all pairs and lags looked at
(Westfall-Young, largest standardised count). Does not belong here: things bought in one basket.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.discovery.context import DiscoveryContext, quoted
from cafe24_pipelines.discovery.frames import product_name
from cafe24_pipelines.discovery.nulls import shuffled_within
from cafe24_pipelines.discovery.registry import Finding, Findings, Shortage, detector
from cafe24_pipelines.discovery.statistics import bootstrap_ratio, max_t
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

NAME = "temporal_association"
MINIMUM = 30
"""Members who could show a pair, for the pair to be judged."""

_REPEAT_MEMBERS = 100  # for a search to be worth its many comparisons
WINDOWS = ((0, 30), (30, 60), (60, 120), (0, 120))
"""Lags looked at, in days: later than the first number, at most the second. The last one holds all the others."""

_NEXT_ORDERS = 4  # how many later orders of a member are looked at, so that one heavy buyer stays one voice
_MIN_EXPECTED = 5.0
_MOST_ITEMS = 120
_REPORTED = 5
_DRAWS = 600  # so that the smallest p can pass the correction over a whole run


@dataclass
class _History:
    """Baskets of members with two or more sales, and the pairs of an earlier and a later order of one member."""

    items: Any  # scipy CSR, orders x items, 0/1
    member: "NDArray[np.int64]"
    month: "NDArray[np.int64]"
    day: "NDArray[np.float64]"
    lags: list[Any]  # scipy CSR, orders x orders, one a window

    def counts(self, order: "NDArray[np.intp] | None" = None) -> "NDArray[np.float64]":
        """`(windows, items, items)` pairs with A earlier and B later, with the baskets dealt in `order`."""
        import numpy as np

        items = self.items if order is None else self.items[order]
        across = items.T.tocsr()
        parts = [(across @ (lag @ items)).toarray() for lag in self.lags[:-1]]
        return np.stack([*parts, sum(parts)])

    def own_weights(self, window: int) -> "NDArray[np.float64]":
        """For each member, pairs in the window over all ordered pairs of their orders."""
        import numpy as np

        size = np.bincount(self.member).astype(float)
        pairs = np.bincount(self.member, np.asarray(self.lags[window].sum(axis=1)).ravel())
        return pairs / np.maximum(size * (size - 1), 1)

    def expected(self) -> "NDArray[np.float64]":
        """`counts` expected when each member's baskets are dealt anew among that member's orders, exactly."""
        import numpy as np
        from scipy import sparse

        n = len(self.member)
        own = sparse.csr_matrix((np.ones(n), (self.member, np.arange(n))))
        sums = (own @ self.items).tocsr()
        out = []
        for window in range(len(self.lags)):
            weight = self.own_weights(window)
            together = sums.T @ sparse.diags(weight) @ sums
            same = self.items.T @ sparse.diags(weight[self.member]) @ self.items
            out.append((together - same).toarray())
        return np.stack(out)


@dataclass(frozen=True)
class _Found:
    """One pair of items with its best window and adjusted p."""

    a: int
    b: int
    window: int
    p: float


@detector(name=NAME, kind="cross_domain", title_ko="시간 순서 연관", minimum_sample=MINIMUM)
def find(context: DiscoveryContext) -> Findings:
    """The strongest ordered pairs of categories and of products, at most five each."""
    sales = context.sales
    repeat = sales[sales.groupby("member")["day"].transform("size") >= 2] if len(sales) else sales
    members = int(repeat["member"].nunique())
    if members < _REPEAT_MEMBERS:
        return Shortage(members, _REPEAT_MEMBERS, "두 번 이상 산 회원")
    found: list[Finding] = []
    for level in ("category", "product"):
        baskets = context.baskets[context.baskets["order"].isin(repeat.index) & (context.baskets[level] >= 0)]
        common = baskets[level].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        kept = sorted(common.index[:_MOST_ITEMS])
        if len(kept) >= 2:
            found += _search(context, level, repeat, baskets, kept)
    return found or Shortage(0, _REPEAT_MEMBERS, "상품 이력이 있는 재구매 회원")


def _search(
    context: DiscoveryContext, level: str, repeat: "pd.DataFrame", baskets: "pd.DataFrame", kept: list[int]
) -> list[Finding]:
    history = _history(repeat, baskets, level, kept)
    names = context.category_names if level == "category" else context.product_names
    pairs = [f for f in _strongest(history, context, level) if _voices(history, f) >= MINIMUM]
    notable = [f for f in pairs if f.p <= 0.05] or pairs[:1]
    return [_finding(context, history, level, f, [str(names[k]) for k in kept]) for f in notable[:_REPORTED]]


def _history(repeat: "pd.DataFrame", baskets: "pd.DataFrame", level: str, kept: list[int]) -> _History:
    import numpy as np
    import pandas as pd
    from scipy import sparse

    rows = baskets[baskets[level].isin(kept)][["order", level]].drop_duplicates()
    n = len(repeat)
    place = pd.Index(repeat.index).get_indexer(pd.Index(rows["order"]))
    item = np.searchsorted(np.array(kept), rows[level].to_numpy())
    items = sparse.csr_matrix((np.ones(len(rows)), (place, item)), shape=(n, len(kept)))
    member = pd.factorize(repeat["member"])[0]
    day = repeat["day"].to_numpy(float)
    earlier, later = [], []
    for step in range(1, _NEXT_ORDERS + 1):
        i = np.flatnonzero(member[:-step] == member[step:])
        earlier.append(i)
        later.append(i + step)
    i, j = np.concatenate(earlier), np.concatenate(later)
    gap = day[j] - day[i]
    lags = []
    for low, high in WINDOWS:
        m = (gap > low) & (gap <= high)
        lags.append(sparse.csr_matrix((np.ones(int(m.sum())), (i[m], j[m])), shape=(n, n)))
    return _History(items, member, pd.factorize(repeat["month"])[0], day, lags)


def _strongest(history: _History, context: DiscoveryContext, level: str) -> list[_Found]:
    """Every pair frequent enough to be looked at, best window only, smallest adjusted p first."""
    import numpy as np

    expected = history.expected()
    looked = expected >= _MIN_EXPECTED
    if not looked.any():
        return []
    observed = history.counts()[looked]
    p = np.zeros(len(observed))
    for null, groups, centre in (("member", history.member, expected[looked]), ("month", history.month, None)):
        rng = context.rng(NAME, level, null)
        draws = np.stack(
            [history.counts(shuffled_within(groups, rng))[looked].astype(np.float32) for _ in range(_DRAWS)]
        )
        mean = draws.mean(axis=0) if centre is None else centre
        spread = np.maximum(draws.std(axis=0), 0.5)
        largest = np.array([((draw - mean) / spread).max() for draw in draws])  # one by one: a copy of all is large
        p = np.maximum(p, max_t((observed - mean) / spread, largest[:, None]))
    lift = observed / expected[looked]
    window, a, b = np.nonzero(looked)
    best: dict[tuple[int, int], _Found] = {}
    for k in np.lexsort((b, a, window, -lift, p)):
        key = (int(a[k]), int(b[k]))
        best.setdefault(key, _Found(*key, int(window[k]), float(p[k])))
    return list(best.values())


def _voices(history: _History, found: _Found) -> int:
    """Members who could show the pair."""
    return int((_by_member(history, found)[1] > 0).sum())


def _finding(context: DiscoveryContext, history: _History, level: str, found: _Found, names: list[str]) -> Finding:
    import numpy as np

    a, b, (low, high) = names[found.a], names[found.b], WINDOWS[found.window]
    observed, expected = _by_member(history, found)
    used = expected > 0
    rng = context.rng(NAME, level, "bootstrap", a, b)
    estimate = bootstrap_ratio(observed[used], expected[used], rng)
    cut = float(np.median(history.day))
    halves = [_half(history, found, mask) for mask in (history.day <= cut, history.day > cut)]
    shown = (product_name(context, a), product_name(context, b)) if level == "product" else (a, b)
    again = found.a == found.b
    then = "같은 것을" if again else f"'{shown[1]}'{particle(shown[1], '을(를)')}"
    again_ko = "다시 " if again else ""
    when = f"{high}일 안에" if low == 0 else f"{low}~{high}일 뒤에"
    return Finding(
        subject=f"{level}:{a}>{b}",
        title=(
            f"'{shown[0]}'{particle(shown[0], '을(를)')} 산 고객은 {when} {then} "
            f"우연의 {estimate.value:.1f}배로 {again_ko}삽니다"
        ),
        effect="lift",
        estimate=estimate,
        null=(1.0, 1.0),
        p=found.p,
        n=_voices(history, found),
        halves=(halves[0], halves[1]),
        evidence=context.evidence(_evidence_sql(level, a, b, low, high)),
        summary=(
            f"고객별 순서를 뒤섞었을 때 {expected.sum():,.0f}번 기대되는 일이 {observed.sum():,.0f}번 있었습니다. "
            "p값은 살펴본 모든 쌍과 기간에 대해 보정한 값입니다."
        ),
        action=f"'{shown[0]}' 구매 {max(low, 7)}일 뒤에 '{shown[1]}' 안내를 보내고, 10%는 보내지 않고 비교하세요.",
    )


def _by_member(history: _History, found: _Found) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """(pairs seen, pairs expected) of each member for one ordered pair and window."""
    import numpy as np

    a = history.items[:, [found.a]].toarray().ravel()
    b = history.items[:, [found.b]].toarray().ravel()
    seen = np.asarray(np.bincount(history.member, a * (history.lags[found.window] @ b)), float)
    both = np.bincount(history.member, a) * np.bincount(history.member, b) - np.bincount(history.member, a * b)
    return seen, both * history.own_weights(found.window)


def _half(history: _History, found: _Found, mask: "NDArray[np.bool_]") -> float:
    """Lift minus 1 among the orders of one half of the time; 0 when nothing is expected there."""
    import numpy as np

    rows = np.flatnonzero(mask)
    member = np.unique(history.member[rows], return_inverse=True)[1]
    lags = [lag[rows][:, rows] for lag in history.lags]
    part = _History(history.items[rows], member, history.month[rows], history.day[rows], lags)
    seen, expected = _by_member(part, found)
    return float(seen.sum() / expected.sum() - 1) if expected.sum() > 0 else 0.0


def _evidence_sql(level: str, a: str, b: str, low: int, high: int) -> str:
    column = "l.product_no" if level == "product" else "coalesce(l.category, p.category)"
    return f"""
        WITH bought AS (SELECT DISTINCT l.member_key, l.order_id, l.ordered_at, l.sale_no, {column} AS item
                        FROM sale_lines l LEFT JOIN known_products p USING (product_no)
                        WHERE l.member_key IS NOT NULL AND l.quantity > 0),
             pairs AS (SELECT x.member_key, date_diff('minute', x.ordered_at, y.ordered_at) / 1440 AS days
                       FROM bought x JOIN bought y ON y.member_key = x.member_key
                            AND y.sale_no BETWEEN x.sale_no + 1 AND x.sale_no + {_NEXT_ORDERS}
                       WHERE x.item = {quoted(a)} AND y.item = {quoted(b)})
        SELECT {quoted(a)} AS from_{level}, {quoted(b)} AS to_{level},
               (floor(days / 10) * 10)::INTEGER AS days_from, count(*) AS pairs,
               count(DISTINCT member_key) AS customers
        FROM pairs WHERE days > {low} AND days <= {high} GROUP BY ALL ORDER BY days_from"""
