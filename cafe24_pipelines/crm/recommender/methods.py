"""Recommendation methods on one history up to one day: fitted together, scored for a batch of members at a time.

Scores of a method are scaled to at most 1 a member; where a method says nothing, recent popularity decides. Nothing
after the day is used. Does not belong here: judging methods (`protocol.py`) or what a merchant reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.recommender.history import History

BASELINES: Final = ("random", "popularity", "recent_popularity", "repeat")
LIKENESS: Final = ("item_knn", "item_bm25", "content", "bought_next")
COMPONENTS: Final = (*LIKENESS, "repeat", "recent_popularity")
"""What a blend is made of."""
METHODS: Final = (*BASELINES, *LIKENESS, "blend")

LENGTH: Final = 10
FADING: Final = 180.0
"""Days after which a purchase counts 1/e in what a member likes; a product without a sale for as long is gone."""
RECENT: Final = 28.0
"""Days of recent popularity."""
LEFT_OUT: Final = 90.0
"""Days for which a product that is not refilled is not recommended to its buyer again."""
REFILLED: Final = 0.10
"""Share of buyers who bought a product in two orders from which it counts as refilled (of at least 10 buyers)."""


@dataclass(frozen=True)
class Model:
    """Everything methods need, known on the day `on`.

    Attributes:
        liked, last, held: members x products: faded purchases, the last order, and purchases too recent to repeat.
        likeness: products x products, by name of the method.
        popularity: a score a product, by name; `first_orders` counts first orders only.
        available: products that may be recommended.
        blend: weight of each component ("blend" only).
    """

    on: float
    liked: Any
    last: Any
    held: Any
    likeness: Mapping[str, Any]
    popularity: "Mapping[str, NDArray[np.float32]]"
    available: "NDArray[np.bool_]"
    blend: Mapping[str, float]


def fit(history: "History", alike: Any, on: float, available: "NDArray[np.bool_] | None" = None) -> Model:
    """Fit every method on the purchases before the day `on`.

    Args:
        alike: `items.described_alike` of the products.
        available: products that may be recommended; by default those sold within `FADING` days.
    """
    import numpy as np

    from cafe24_pipelines.crm.recommender import items

    past = history.between(-np.inf, on)
    counts = items.purchases(past)
    age = on - past.day
    latest = np.zeros(past.members, np.int32)
    np.maximum.at(latest, past.member, past.basket)
    is_last = past.basket == latest[past.member]
    refilled = _refilled(counts)
    fresh = past.where((age <= LEFT_OUT) & ~refilled[past.product])
    recent = past.where(age <= RECENT)
    return Model(
        on=on,
        liked=items.purchases(past, np.exp(-age / FADING)),
        last=items.purchases(past.where(is_last), np.exp(-age[is_last] / items.LAG)),
        held=items.purchases(fresh),
        likeness={
            "item_knn": items.cosine(counts), "item_bm25": items.bm25(counts),
            "content": alike, "bought_next": items.following(past),
        },
        popularity={
            "popularity": _popular(past), "recent_popularity": _popular(recent if len(recent.member) else past),
            "first_orders": _popular(past.where(past.basket == 1)),
        },
        available=_sold_lately(past, on) if available is None else available,
        blend={},
    )  # fmt: skip


def scores(model: Model, method: str, members: "NDArray[np.int64]") -> "NDArray[np.float32]":
    """Scores `(members, products)` of a method, at most 1, 0 where it says nothing."""
    import numpy as np

    if method == "blend":
        return combined(parts(model, method, members))
    if method == "random":
        rng = np.random.default_rng([int(members[0]) if len(members) else 0, len(members), 11])
        return rng.random((len(members), len(model.available)), np.float32)
    if method in model.popularity:
        return np.broadcast_to(model.popularity[method], (len(members), len(model.available)))
    rows = sources(model, method)[members]
    return _scaled((rows if method == "repeat" else rows @ model.likeness[method]).toarray())


def parts(model: Model, method: str, members: "NDArray[np.int64]") -> "dict[str, NDArray[np.float32]]":
    """What a method's scores are made of, by component, each times its weight."""
    import numpy as np

    if method != "blend":
        return {method: scores(model, method, members)}
    weights = {name: weight for name, weight in model.blend.items() if weight} or {"recent_popularity": 1.0}
    return {name: np.float32(weight) * scores(model, name, members) for name, weight in weights.items()}


def combined(of: "Mapping[str, NDArray[np.float32]]") -> "NDArray[np.float32]":
    """The scores that `parts` add up to."""
    import numpy as np

    return _scaled(np.sum(list(of.values()), axis=0, dtype=np.float32))


def sources(model: Model, method: str) -> Any:
    """Members x products: the purchases from which a method reckons."""
    return model.last if method == "bought_next" else model.liked


def best(
    model: Model, scored: "NDArray[np.float32]", members: "NDArray[np.int64]", *, plain: bool = False
) -> "NDArray[np.int64]":
    """The `LENGTH` best available products of each member, best first; -1 where there are no more.

    Args:
        plain: also what the member bought a short while ago (baselines are judged as they are).
    """
    import numpy as np

    from cafe24_pipelines.crm.recommender.items import largest

    total = scored + np.float32(1e-3) * model.popularity["recent_popularity"]
    total = np.where(model.available, total, -1).astype(np.float32)
    if not plain:
        held = model.held[members].tocoo()
        total[held.coords] = -1
    length = min(LENGTH, total.shape[1])
    codes = np.nonzero(largest(total, length))[1].reshape(len(total), length)
    values = np.take_along_axis(total, codes, axis=1)
    order = np.lexsort((codes, -values), axis=1)
    codes = np.take_along_axis(codes, order, axis=1)
    codes[np.take_along_axis(values, order, axis=1) < 0] = -1
    return np.pad(codes, ((0, 0), (0, LENGTH - length)), constant_values=-1)


def anchors(
    model: Model, method: str, members: "NDArray[np.int64]", products: "NDArray[np.int64]"
) -> "NDArray[np.int64]":
    """For each (member, product): the purchase that speaks most for it, or -1 (methods without likeness: always)."""
    import numpy as np

    found = np.full(len(members), -1)
    if method in LIKENESS and len(members):
        told = sources(model, method)[members].multiply(model.likeness[method].T.tocsr()[products]).tocoo()
        row, column = told.coords
        order = np.lexsort((column, -told.data, row))
        first = order[np.unique(row[order], return_index=True)[1]]
        found[row[first]] = column[first]
    return found


def leading(of: "Mapping[str, NDArray[np.float32]]", lists: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Which of the `parts` speaks most for each entry of the lists `(members, LENGTH)`: its index, -1 for none.

    That is the one which lifts the product most above what it gives the member's products on average: a part that
    says much of everything explains nothing.
    """
    import numpy as np

    codes = np.maximum(lists, 0)
    given = np.array([np.take_along_axis(part, codes, axis=1) for part in of.values()])
    usual = np.array([part.mean(axis=1, keepdims=True) for part in of.values()])
    lifted = np.where(given > 0, given - usual, -np.inf)
    return np.where(given.max(axis=0) > 0, lifted.argmax(axis=0), -1)


# -- inside --------------------------------------------------------------------------------------------------


def _scaled(values: "NDArray[np.float32]") -> "NDArray[np.float32]":
    import numpy as np

    top = values.max(axis=1, keepdims=True, initial=0)
    return np.divide(values, top, out=np.zeros_like(values), where=top > 0)


def _popular(history: "History") -> "NDArray[np.float32]":
    """Members who bought each product, as a part of the most popular one's."""
    import numpy as np

    pair = np.unique(history.member.astype(np.int64) * max(history.products, 1) + history.product)
    buyers = np.bincount(pair % max(history.products, 1), minlength=history.products)
    return (buyers / max(1, buyers.max(initial=0))).astype(np.float32)


def _refilled(counts: Any) -> "NDArray[np.bool_]":
    """Products that at least `REFILLED` of their buyers bought in two orders."""
    import numpy as np

    buyers = np.bincount(counts.indices, minlength=counts.shape[1])
    again = np.bincount(counts.indices[counts.data >= 2], minlength=counts.shape[1])
    return (buyers >= 10) & (again >= REFILLED * buyers)


def _sold_lately(history: "History", on: float) -> "NDArray[np.bool_]":
    import numpy as np

    return np.bincount(history.product[history.day >= on - FADING], minlength=history.products) > 0
