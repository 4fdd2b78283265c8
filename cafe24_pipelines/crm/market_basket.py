"""Market basket: which products, and which categories, are bought in one order more or less often than chance.

Chance respects basket sizes and the time in which a product was sold (see `baskets.py`). All pairs of the most sold
items count as tested, also those too rare to be listed, so that listing doesn't select what looks good. Does not
belong here: what is bought later (see `recommendations.py`).
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.baskets import Pairs
    from cafe24_pipelines.crm.shop import Shop

PRODUCTS: Final = 300
"""Products in pairs, the most sold ones: 44,850 pairs at most."""
CATEGORIES: Final = 100
MINIMUM_ORDERS: Final = 30
"""Orders that a shop takes before anything is compared."""
MINIMUM_SUPPORT: Final = 5
"""Orders with both, and buyers of both, that a listed pair takes; of the orders, at least one in 100,000."""
_Q: Final = 0.05
_SHOWN: Final = 15
TOGETHER, APART, UNKNOWN = "함께 사요", "따로 사요", "판단할 수 없음"

_KINDS: Final = (
    ("product", "product_no", PRODUCTS),
    ("category", "category", CATEGORIES),
)


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    real = pa.float64()
    return {
        "kind": TEXT, "item_a": TEXT, "item_b": TEXT, "name_a": TEXT, "name_b": TEXT,
        "orders_a": INT, "orders_b": INT, "orders_both": INT, "buyers_both": INT,
        "support": real, "confidence_ab": real, "confidence_ba": real,
        "lift": real, "lift_low": real, "lift_high": real, "fisher_p": real,
        "expected_orders": real, "adjusted_lift": real, "adjusted_low": real, "adjusted_high": real,
        "p": real, "q": real, "lift_first_half": real, "lift_second_half": real, "stable": pa.bool_(),
        "verdict": TEXT,
    }  # fmt: skip


@analysis(
    name="market_basket",
    title_ko="장바구니 분석",
    title_en="Market basket",
    needs=("orders", "order_items", "products"),
    columns=_columns,
)
def market_basket(shop: "Shop", mall: Mall) -> Outcome:
    """Pairs of products and of categories in one order, against what basket sizes alone would bring together.

    One row a pair that at least `MINIMUM_SUPPORT` orders hold, by kind, then q, then adjusted lift.

    Columns: kind (product or category), item_a and item_b (a sells more), names, orders of a, of b, of both, buyers
    of both (each guest's order counts as a buyer), support, confidence a→b and b→a, lift with its 95 % interval and
    Fisher's exact p (two-sided, doubled) — these three ignore basket sizes —, expected_orders and adjusted_lift with
    interval: orders of both against a null of the same basket sizes; p of that null (Poisson tail, which is wider
    than the exact law of a sum of draws without return) and q (Benjamini–Hochberg over all pairs of a kind).
    Orders repeated by one buyer are not independent, so interval and p use counts divided by orders a buyer. The
    adjusted lift of each half of the period; `stable` when both lie on the side of the whole. verdict: together,
    apart, or can't tell.
    """
    import pandas as pd

    from cafe24_pipelines.crm.baskets import count_pairs

    tables, summary, lacking = [], {}, []
    with shop.duckdb(zone=mall.time_zone) as db:
        names = dict(db.sql("SELECT product_no, product_name FROM known_products").fetchall())
        for kind, item, cap in _KINDS:
            pairs = count_pairs(db, item, cap=cap, least=MINIMUM_SUPPORT)
            missing = _missing(kind, pairs)
            if missing:
                lacking.append(missing)
                continue
            table = _judged(pairs, kind, names if kind == "product" else {})
            tables.append(table)
            summary[kind] = _summary(pairs, table)
    if not tables:
        return Outcome(_empty(), {}, lacking=tuple(lacking))
    frame = pd.concat(tables, ignore_index=True)
    if frame.empty:
        lacking.append(Lacking("두 상품을 함께 담은 주문(같은 짝)", 0, MINIMUM_SUPPORT))
    charts = {"lifts": _chart(frame)} if (frame["verdict"] == TOGETHER).any() else {}
    return Outcome(frame, {"rule": _RULE, **summary}, charts, tuple(lacking))


_RULE: Final = (
    "기대값: 같은 기간·같은 장바구니 크기 안에서 상품마다의 판매 횟수를 지킨 무작위 배치. "
    "함께 산다: 보정 향상도가 1보다 크고 q<0.05이며 기간의 앞뒤 절반에서 모두 1보다 큰 짝."
)


def _missing(kind: str, pairs: "Pairs") -> Lacking | None:
    if pairs.orders < MINIMUM_ORDERS:
        return Lacking("상품이 있는 판매 주문" if kind == "product" else "분류가 있는 판매 주문",
                       pairs.orders, MINIMUM_ORDERS)  # fmt: skip
    if len(pairs.items) < 2:
        return Lacking("팔린 상품" if kind == "product" else "팔린 분류", len(pairs.items), 2)
    return None


def _empty() -> "pd.DataFrame":
    import pyarrow as pa

    return pa.schema(list(_columns().items())).empty_table().to_pandas()


def _judged(pairs: "Pairs", kind: str, names: "Mapping[str, str]") -> "pd.DataFrame":
    """Every listed pair with its figures and verdict, in the declared columns."""
    import numpy as np
    import pandas as pd

    c, n = pairs.counts, pairs.orders
    c = c[c["n"] * 100_000 >= n]
    i, j = c["i"].to_numpy(), c["j"].to_numpy()
    item, orders = pairs.items["item"].to_numpy(object), pairs.items["orders"].to_numpy(float)
    a, b, k = orders[i], orders[j], c["n"].to_numpy(float)
    frame = pd.DataFrame(
        {
            "kind": kind, "item_a": item[i], "item_b": item[j],
            "name_a": [names.get(one, one) or one for one in item[i]],
            "name_b": [names.get(one, one) or one for one in item[j]],
            "orders_a": a.astype(int), "orders_b": b.astype(int), "orders_both": k.astype(int),
            "buyers_both": c["buyers"].to_numpy(), "support": k / n, "confidence_ab": k / a, "confidence_ba": k / b,
            **_plain(k, a, b, n), **_adjusted(pairs, c),
        }
    )  # fmt: skip
    frame["q"] = _q_values(frame["p"].to_numpy(), len(item) * (len(item) - 1) // 2)
    beyond = np.sign(frame["adjusted_lift"] - 1)
    frame["stable"] = (np.sign(frame["lift_first_half"] - 1) == beyond) & (
        np.sign(frame["lift_second_half"] - 1) == beyond
    )
    sure = (frame["q"] < _Q) & frame["stable"] & (frame["buyers_both"] >= MINIMUM_SUPPORT)
    frame["verdict"] = np.where(sure & (beyond > 0), TOGETHER, np.where(sure & (beyond < 0), APART, UNKNOWN))
    frame = frame.sort_values(["q", "adjusted_lift", "item_a", "item_b"], ascending=[True, False, True, True])
    return frame[list(_columns())].reset_index(drop=True)


def _plain(k: Any, a: Any, b: Any, n: int) -> dict[str, Any]:
    """Lift of the whole shop with its interval (delta method on its logarithm) and Fisher's p."""
    import numpy as np

    lift = k * n / (a * b)
    half = 1.959963984540054 * np.sqrt(np.maximum(1 / k - 1 / a - 1 / b + (2 * lift - 1) / n, 0))
    return {
        "lift": lift, "lift_low": lift * np.exp(-half), "lift_high": lift * np.exp(half),
        "fisher_p": fisher_p(k, a, b, n),
    }  # fmt: skip


def fisher_p(k: Any, a: Any, b: Any, n: int) -> "NDArray[np.float64]":
    """Exact p that items in `a` and in `b` of `n` orders share `k`: the nearer hypergeometric tail, doubled.

    The tail is summed outward from k, so small p are not lost in 1 - (nearly 1), for all pairs at once.
    """
    import numpy as np
    from scipy.special import gammaln

    def log_choose(m: Any, of: Any) -> Any:
        return gammaln(m + 1) - gammaln(of + 1) - gammaln(m - of + 1)

    at, a, b = (np.asarray(one, float) for one in (k, a, b))
    up = at * n >= a * b
    term = np.ones_like(at)
    total = np.ones_like(at)
    first = log_choose(a, at) + log_choose(n - a, b - at) - log_choose(float(n), b)
    while (term > 1e-17 * total).any():
        above = (a - at) * (b - at) / ((at + 1) * np.maximum(n - a - b + at + 1, 1))
        below = at * np.maximum(n - a - b + at, 0) / ((a - at + 1) * (b - at + 1))
        term = term * np.where(up, above, below)
        at = np.where(up, np.minimum(at + 1, np.minimum(a, b)), np.maximum(at - 1, 0))
        total += term
    return np.minimum(1, 2 * np.exp(first) * total)


def _adjusted(pairs: "Pairs", c: "pd.DataFrame") -> dict[str, Any]:
    """Orders of both against the expectation that respects basket sizes, with exact Poisson interval and tails."""
    import numpy as np
    from scipy.stats import gamma

    i, j, k = c["i"].to_numpy(), c["j"].to_numpy(), c["n"].to_numpy(float)
    first, second = (np.maximum(half[i, j], 1e-9) for half in pairs.expected)
    expected = first + second
    repeat = k / c["buyers"].to_numpy(float)  # orders a buyer: how much less than k independent facts k is
    seen, chance = k / repeat, expected / repeat
    upper, lower = gamma.cdf(chance, seen), gamma.sf(chance, seen + 1)
    return {
        "expected_orders": expected, "adjusted_lift": k / expected,
        "adjusted_low": gamma.ppf(0.025, seen) / chance, "adjusted_high": gamma.ppf(0.975, seen + 1) / chance,
        "p": np.minimum(1, 2 * np.minimum(upper, lower)),
        "lift_first_half": c["n_first"].to_numpy(float) / first,
        "lift_second_half": (k - c["n_first"].to_numpy(float)) / second,
    }  # fmt: skip


def _q_values(p: Any, tested: int) -> Any:
    """Benjamini–Hochberg over all `tested` pairs; those that are not listed count with p = 1."""
    import numpy as np
    from scipy.stats import false_discovery_control

    if not len(p):
        return p
    return false_discovery_control(np.concatenate([p, np.ones(max(tested - len(p), 0))]))[: len(p)]


def _summary(pairs: "Pairs", table: "pd.DataFrame") -> dict[str, Any]:
    """Counts of what was tested and found, and the strongest pairs."""
    together = table[table["verdict"] == TOGETHER].sort_values("adjusted_low", ascending=False, kind="stable")
    columns = ["name_a", "name_b", "orders_both", "confidence_ab", "confidence_ba", "lift", "adjusted_lift",
               "adjusted_low", "adjusted_high", "q"]  # fmt: skip
    return {
        "orders": pairs.orders, "items": len(pairs.items),
        "pairs_tested": len(pairs.items) * (len(pairs.items) - 1) // 2, "pairs_listed": len(table),
        "together": len(together), "apart": int((table["verdict"] == APART).sum()),
        "strongest": together[columns].head(10).to_dict("records"),
    }  # fmt: skip


def _chart(frame: "pd.DataFrame") -> str:
    """The strongest pairs by the lower end of their adjusted lift; categories where no products are found."""
    from cafe24_pipelines.crm.charts import bars

    found = frame[frame["verdict"] == TOGETHER]
    kind = "product" if (found["kind"] == "product").any() else "category"
    shown = found[found["kind"] == kind].sort_values("adjusted_low", ascending=False, kind="stable").head(_SHOWN)
    return bars(
        [f"{_short(a)} + {_short(b)}" for a, b in zip(shown["name_a"], shown["name_b"], strict=True)],
        shown["adjusted_lift"], low=shown["adjusted_low"], high=shown["adjusted_high"],
        title="함께 사는 상품", x="기대보다 몇 배 자주(장바구니 크기 보정, 95 % 구간)",
    )  # fmt: skip


def _short(name: str, length: int = 14) -> str:
    """A name that leaves room for the bars."""
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"
