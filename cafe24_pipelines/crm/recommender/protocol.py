"""The offline protocol: methods fitted before a day, judged by what members bought after it.

Two windows of equal length at the end of the period. On the first (validation) the blend is tuned with one half of
the members and the method to use is chosen with the other; the second (test) is looked at once, and every figure
that is reported comes from it, with bootstrap intervals over members and paired differences. Baselines are judged
as they are; methods of ours leave out what a member bought a short while ago, as they do in use. Does not belong
here: the methods, or reading a shop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cafe24_pipelines.crm.recommender.methods import (
    BASELINES,
    COMPONENTS,
    LENGTH,
    METHODS,
    Model,
    best,
    combined,
    fit,
    scores,
)
from cafe24_pipelines.discovery.statistics import Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.recommender.history import History

MINIMUM_MEMBERS: Final = 30
"""Members who bought before and in a window, for that window to say something."""
SHORTEST, LONGEST = 7.0, 28.0
JUDGED: Final = 10_000
"""Members judged at most, drawn by a seed."""
_TUNED: Final = 800
_BATCH: Final = 500
_RESAMPLES: Final = 1000
_WEIGHTS: Final = (0.0, 0.25, 0.5, 1.0, 2.0)
_SEED: Final = 20


class Judged(NamedTuple):
    """A method's lists for some members, and how good each is: hit, nDCG and recall, `(members, 3)`."""

    lists: "NDArray[np.int64]"
    figures: "NDArray[np.float64]"


FIGURES: Final = ("hit_rate", "ndcg", "recall")


@dataclass(frozen=True)
class Trial:
    """What the protocol found.

    Attributes:
        days: length of a window.
        members: judged on the test window.
        products: that could be recommended then.
        validation: nDCG of each method on the half of the validation window that chooses.
        blend: weights tuned on the other half.
        chosen: the method with the best validation nDCG (not `random`).
        figures: by method, then figure (and coverage), with intervals.
        against: by baseline, then method, then figure: paired differences with intervals.
        newcomers: hit rate for members whose first order lies in the test window, by list; empty when too few.
        newcomers_judged: how many such members there were.
    """

    days: float
    members: int
    products: int
    validation: Mapping[str, float]
    blend: Mapping[str, float]
    chosen: str
    figures: Mapping[str, Mapping[str, Estimate]]
    against: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    newcomers: Mapping[str, Estimate]
    newcomers_judged: int

    @property
    def beats_popularity(self) -> bool | None:
        """Whether the chosen method's nDCG beats popularity's; None when the interval holds 0."""
        return _sign(self.against["popularity"].get(self.chosen, {}).get("ndcg"))


def window_days(span: float) -> float:
    """Length of a window for a period of `span` days: an eighth, from 7 to 28 days."""
    return float(min(LONGEST, max(SHORTEST, span // 8)))


def run(history: "History", alike: Any, end: float) -> "Trial | tuple[int, int]":
    """The protocol on purchases before `end`; (members in the poorer window, members needed) if too few."""
    span = end - float(history.day.min()) if len(history.day) else 0.0
    days = window_days(span)
    validated = _returning(history, end - 2 * days, end - days)
    tested = _returning(history, end - days, end)
    poorer = min(len(validated) // 2, len(tested))
    if poorer < MINIMUM_MEMBERS or span < 4 * days:
        return poorer, MINIMUM_MEMBERS
    early = fit(history, alike, end - 2 * days)
    bought = _bought(history, end - 2 * days, end - days)
    early = replace(early, blend=tune(early, validated[::2][:_TUNED], bought))
    chooser = validated[1::2]
    validation = {name: float(judge(early, name, chooser, bought).figures[:, 1].mean()) for name in METHODS}
    chosen = max((name for name in METHODS if name != "random"), key=lambda name: validation[name])
    late = replace(fit(history, alike, end - days), blend=early.blend)
    return _tested(history, late, tested, (days, end), (validation, chosen))


def _tested(history: "History", model: Model, members: "NDArray[np.int64]", window: tuple[float, float],
            selection: tuple[Mapping[str, float], str]) -> Trial:  # fmt: skip
    """Every method on the test window."""
    days, end = window
    bought = _bought(history, end - days, end)
    found = {name: judge(model, name, members, bought) for name in METHODS}
    figures, against = intervals(found, int(model.available.sum()))
    newcomers, joined = _newcomers(history, model, bought, window)
    return Trial(
        days=days, members=len(members), products=int(model.available.sum()), validation=selection[0],
        blend=model.blend, chosen=selection[1], figures=figures, against=against,
        newcomers=newcomers, newcomers_judged=joined,
    )  # fmt: skip


def judge(model: Model, method: str, members: "NDArray[np.int64]", bought: Any) -> Judged:
    """A method's lists for members and their figures against what they bought (members x products)."""
    import numpy as np

    lists = [np.zeros((0, LENGTH), int)]
    for start in range(0, len(members), _BATCH):
        batch = members[start : start + _BATCH]
        lists.append(best(model, scores(model, method, batch), batch, plain=method in BASELINES))
    made = np.concatenate(lists)
    return Judged(made, figures_of(made, bought[members]))


def figures_of(lists: "NDArray[np.int64]", bought: Any) -> "NDArray[np.float64]":
    """Hit, nDCG and recall of each list against the products of the same row of `bought` (sparse)."""
    import numpy as np

    rows = np.repeat(np.arange(bought.shape[0]), np.diff(bought.indptr))
    wanted = rows * bought.shape[1] + bought.indices
    keys = np.arange(len(lists))[:, None] * bought.shape[1] + lists
    hit = np.isin(keys, wanted) & (lists >= 0)
    count = np.diff(bought.indptr)
    discount = 1 / np.log2(np.arange(LENGTH) + 2)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(count, LENGTH)]
    return np.column_stack(
        [hit.any(axis=1), hit @ discount / np.maximum(ideal, 1e-12), hit.sum(axis=1) / np.maximum(count, 1)]
    ).astype(float)


def tune(model: Model, members: "NDArray[np.int64]", bought: Any) -> dict[str, float]:
    """Weights of the components: from the best one on, each weight tried in turn, twice; kept when nDCG rises."""
    import numpy as np

    parts = {name: scores(model, name, members) for name in COMPONENTS}

    def ndcg(weights: Mapping[str, float]) -> float:
        total = combined({name: np.float32(w) * parts[name] for name, w in weights.items() if w})
        return float(figures_of(best(model, total, members), bought[members])[:, 1].mean())

    alone = {name: ndcg({name: 1.0}) for name in COMPONENTS}
    weights = dict.fromkeys(COMPONENTS, 0.0) | {max(alone, key=lambda name: alone[name]): 1.0}
    reached = max(alone.values())
    for name in COMPONENTS * 2:
        for weight in _WEIGHTS:
            tried = weights | {name: weight}
            if any(tried.values()) and (value := ndcg(tried)) > reached + 1e-9:
                weights, reached = tried, value
    return weights


def intervals(
    found: Mapping[str, Judged], products: int
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, dict[str, Estimate]]]]:
    """(figures by method, paired differences by baseline and method), members drawn together for all methods."""
    import numpy as np

    names = list(found)
    table = np.stack([found[name].figures for name in names], axis=1)  # members x methods x figures
    rng = np.random.default_rng(_SEED)
    n = len(table)
    flat = table.reshape(n, -1)
    draws = np.stack([rng.multinomial(n, np.full(n, 1 / n)) @ flat / n for _ in range(_RESAMPLES)])
    draws = draws.reshape(_RESAMPLES, len(names), len(FIGURES))
    value = table.mean(axis=0)
    figures = {
        name: {figure: _estimate(value[i, f], draws[:, i, f]) for f, figure in enumerate(FIGURES)}
        | {"coverage": coverage(found[name].lists, products)}
        for i, name in enumerate(names)
    }
    against: dict[str, dict[str, dict[str, Estimate]]] = {}
    for base in (name for name in BASELINES if name in found):
        b = names.index(base)
        against[base] = {
            name: {
                figure: _estimate(value[i, f] - value[b, f], draws[:, i, f] - draws[:, b, f])
                for f, figure in enumerate(FIGURES)
            }
            for i, name in enumerate(names)
            if name != base
        }
    return figures, against


def coverage(lists: "NDArray[np.int64]", products: int, resamples: int = 100) -> Estimate:
    """Share of the products that stand in some list; 1.96 bootstrap deviations (resamples hold fewer products)."""
    import numpy as np

    rng = np.random.default_rng(_SEED)

    def share(chosen: "NDArray[np.int64]") -> float:
        return len(np.unique(chosen[chosen >= 0])) / max(products, 1)

    n = len(lists)
    half = 1.96 * float(np.std([share(lists[rng.integers(0, n, n)]) for _ in range(resamples)])) if n else 0.0
    value = share(lists)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


# -- inside --------------------------------------------------------------------------------------------------


def _estimate(value: float, draws: "NDArray[np.float64]") -> Estimate:
    import numpy as np

    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def _bought(history: "History", first: float, last: float) -> Any:
    from cafe24_pipelines.crm.recommender.items import purchases

    return purchases(history.between(first, last))


def _returning(history: "History", first: float, last: float) -> "NDArray[np.int64]":
    """Members who bought before and within a window, in an order drawn by a seed, `JUDGED` at most."""
    import numpy as np

    before = np.unique(history.member[history.day < first])
    within = np.unique(history.member[(history.day >= first) & (history.day < last)])
    both = np.intersect1d(before, within).astype(np.int64)
    return np.random.default_rng(_SEED).permutation(both)[:JUDGED]


def _newcomers(
    history: "History", model: Model, bought: Any, window: tuple[float, float]
) -> tuple[dict[str, Estimate], int]:
    """Hit rate of three lists for members whose first order lies in the window, against all they bought in it."""
    import numpy as np

    days, end = window
    first = (history.basket == 1) & (history.day >= end - days) & (history.day < end)
    members = np.unique(history.member[first]).astype(np.int64)[:JUDGED]
    if len(members) < MINIMUM_MEMBERS:
        return {}, len(members)
    judged = {}
    for name in ("first_orders", "popularity", "recent_popularity"):
        one = best(model, model.popularity[name][None, :], members[:1], plain=True)
        lists = np.repeat(one, len(members), axis=0)
        judged[name] = Judged(lists, figures_of(lists, bought[members]))
    figures, _ = intervals(judged, int(model.available.sum()))
    return {name: figures[name]["hit_rate"] for name in judged}, len(members)


def _sign(difference: Estimate | None) -> bool | None:
    if difference is None or difference.low <= 0 <= difference.high:
        return None
    return difference.low > 0
