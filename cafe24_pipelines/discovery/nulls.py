"""Null worlds: what a mall's data would look like if a pattern weren't there.

Each keeps all that the pattern is not about (acquisition, season, basket make-up, a member's own taste) and
shuffles the rest. Does not belong here: test statistics (see the detectors) or closed-form tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.inequality import gini_rows, top_share_rows
from cafe24_pipelines.discovery.statistics import max_t

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_CELLS = 8_000_000
"""Array cells worked on at once (64 MB of float64)."""

EDGE, TRIM = 8, 0.1
"""A change has at least so many rows, and such a part of the sizes, before it and after it."""


@dataclass(frozen=True)
class RepeatWorld:
    """A mall whose members all repurchase at one common rate that may change from day to day.

    Given each member's first sale and the times of all repeat sales, every repeat sale then falls on any member
    who has bought before with equal chance. That is exact for Poisson purchasing, whatever the growth or season,
    and leaves no room for heavy buyers, loyal ones or drop-outs.
    """

    first_day: "NDArray[np.float64]"  # by member, ascending
    first_amount: "NDArray[np.float64]"
    repeat_day: "NDArray[np.float64]"
    repeat_amount: "NDArray[np.float64]"
    repeat_member: "NDArray[np.int64]"

    @classmethod
    def of(cls, sales: "pd.DataFrame") -> "RepeatWorld":
        """The world of some sales (columns member, day, amount); a member's first is the first among them."""
        import pandas as pd

        rows = sales.sort_values("day", kind="stable")
        member = pd.factorize(rows["member"])[0]
        first = ~rows.duplicated("member").to_numpy()
        day, amount = rows["day"].to_numpy(float), rows["amount"].to_numpy(float)
        return cls(day[first], amount[first], day[~first], amount[~first], member[~first])

    @property
    def members(self) -> int:
        """How many members there are."""
        return len(self.first_day)

    def draws(self, rng: "np.random.Generator", count: int) -> "Iterator[NDArray[np.int64]]":
        """Blocks of `(b, repeats)` members, `count` rows in all: who made each repeat sale in a null world."""
        import numpy as np

        risk = np.maximum(np.searchsorted(self.first_day, self.repeat_day, side="left"), self.repeat_member + 1)
        step = max(1, _CELLS // max(len(self.repeat_day), self.members, 1))
        for start in range(0, count, step):
            yield (rng.random((min(step, count - start), len(risk))) * risk).astype(np.int64)

    def totals(self, owners: "NDArray[np.int64]", *, money: bool) -> "NDArray[np.float64]":
        """`(b, members)` sales (or revenue, never below 0) of each member when `owners` made the repeat sales."""
        import numpy as np

        b, m = len(owners), self.members
        flat = (owners + np.arange(b)[:, None] * m).ravel()
        weights = np.broadcast_to(self.repeat_amount, owners.shape).ravel() if money else None
        first = self.first_amount if money else np.ones(m)
        return np.maximum(np.bincount(flat, weights, minlength=b * m).reshape(b, m) + first, 0.0)

    def concentration(
        self, rng: "np.random.Generator", count: int, *, money: bool, top: float | None
    ) -> "tuple[float, NDArray[np.float64]]":
        """(observed, null draws) of the top share, or of the Gini coefficient when `top` is None."""
        import numpy as np

        def measure(totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
            return gini_rows(totals) if top is None else top_share_rows(totals, top)

        observed = float(measure(self.totals(self.repeat_member[None, :], money=money))[0])
        draws = [measure(self.totals(owners, money=money)) for owners in self.draws(rng, count)]
        return observed, np.concatenate(draws)


def shuffled_within(groups: "NDArray[np.int64]", rng: "np.random.Generator") -> "NDArray[np.intp]":
    """A random permutation of 0..n-1 that moves each position only within its group (`groups` 0..g-1)."""
    import numpy as np

    source = np.argsort(groups + rng.random(len(groups)))
    target = np.argsort(groups, kind="stable")
    out = np.empty(len(groups), np.intp)
    out[target] = source
    return out


def draws_for(size: int, most: int = 999) -> int:
    """How many draws a permutation of `size` things is worth: `most`, fewer for large malls, never under 199."""
    return max(199, min(most, 60_000_000 // max(size, 1)))


def permuted_within(
    values: "NDArray[np.float64]", groups: "NDArray[np.int64]", rng: "np.random.Generator", count: int
) -> "Iterator[NDArray[np.float64]]":
    """Blocks of `(b, n)` rows, `count` in all: `values` permuted anew within `groups` (0..g-1) in every row."""
    import numpy as np

    target = np.argsort(groups, kind="stable")
    step = max(1, _CELLS // max(len(groups), 1))
    for start in range(0, count, step):
        b = min(step, count - start)
        out = np.empty((b, len(groups)))
        out[:, target] = values[np.argsort(groups + rng.random((b, len(groups))), axis=1)]
        yield out


def change_points(
    k: "NDArray[np.float64]", size: "NDArray[np.float64]", rng: "np.random.Generator", *, block: int, draws: int
) -> "tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]":
    """Where the shares k / size change: (largest standardised CUSUM, rows before its place, p) of each column.

    Null: blocks of rows exchanged, the same for all columns; p is adjusted for columns and places. k is `(rows,
    columns)`, and the number of rows is a multiple of `block`.
    """
    import numpy as np

    share = k.sum(axis=0) / size.sum()
    root = np.sqrt(size)[:, None]
    # each week's residual in its own scale; this is what moves, how busy each week was stays where it is
    rest = (k - size[:, None] * share) / root / np.sqrt(np.maximum(share * (1 - share), 1e-9))
    passed = np.cumsum(size)
    places = np.flatnonzero((passed >= TRIM * size.sum()) & (passed <= (1 - TRIM) * size.sum()))
    places = places[(places >= EDGE - 1) & (places < len(size) - EDGE)]
    part = (passed / size.sum())[places, None]
    by_block_size = size.reshape(-1, block).sum(axis=1)

    def largest(order: "NDArray[np.int64]") -> "tuple[NDArray[np.float64], NDArray[np.int64]]":
        moved = rest[order] * root
        path = np.cumsum(moved, axis=0)
        path = (path[places] - path[-1] * part) / np.sqrt(size.sum() * part * (1 - part))
        # neighbouring blocks' differences see noise, not the change itself; of this order, as the null demands
        blocks = moved.reshape(-1, block, k.shape[1]).sum(axis=1) / np.sqrt(by_block_size)[:, None]
        level = np.abs(path) / np.sqrt(np.maximum(np.mean(np.diff(blocks, axis=0) ** 2, axis=0) / 2, 1.0))
        return level.max(axis=0), places[level.argmax(axis=0)] + 1

    if not len(places):
        return np.zeros(k.shape[1]), np.full(k.shape[1], EDGE), np.ones(k.shape[1])
    weeks = np.arange(len(size))
    score, where = largest(weeks)
    by_block = weeks.reshape(-1, block)
    null = np.stack([largest(by_block[rng.permutation(len(by_block))].ravel())[0] for _ in range(draws)])
    return score, where, max_t(score, null)


def distinct_pairs(left: "NDArray[np.int64]", right: "NDArray[np.int64]", width: int) -> int:
    """How many distinct (left, right) pairs there are; `right` lies in 0..width-1."""
    import numpy as np

    codes = left * width + right
    cells = (int(left.max()) + 1) * width if len(left) else 0
    if cells > 50_000_000:
        return len(np.unique(codes))
    seen = np.zeros(cells, bool)
    seen[codes] = True
    return int(np.count_nonzero(seen))
