"""Customers with equal histories, gathered: computed once, handed back to each.

Does not belong here: what is computed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.lifetime.newton import Vector
    from cafe24_pipelines.crm.lifetime.seasonal import Calendar


@dataclass(frozen=True)
class Cells:
    """Distinct histories of buyers in a calendar's time.

    Attributes:
        x, t_x, age: as in `bgnbd.Histories`, one a cell.
        n: buyers in each.
        of: the cell of each buyer.
    """

    x: "Vector"
    t_x: "Vector"
    age: "Vector"
    n: "Vector"
    of: "NDArray[Any]"

    def sums(self, values: "Vector") -> "Vector":
        """The sum of a value of each buyer over every cell."""
        import numpy as np

        return np.bincount(self.of, values, len(self.n)).astype(np.float64)


def cells(buyers: "pd.DataFrame", calendar: "Calendar", until: int, *, limit: int = 0) -> Cells:
    """Gather buyers with equal x, first and last day.

    Args:
        buyers: as of `Ledger.buyers`.
        until: the day that their history reaches.
        limit: cells at most (0: any number). With more, days are taken together by twos, fours, …, and a cell's times
            are the means of its buyers'; x is never rounded.
    """
    import numpy as np

    x, first, last = (buyers[name].to_numpy(np.int64) for name in ("x", "first_day", "last_day"))
    start, width = int(first.min()), 1
    while True:
        reach = (until - start) // width + 1
        key = (x * reach + (first - start) // width) * reach + (last - start) // width
        found, of, n = np.unique(key, return_inverse=True, return_counts=True)
        if limit == 0 or len(found) <= limit or width > until - start:
            break
        width *= 2
    begin = calendar.time(first)
    columns = (x.astype(np.float64), calendar.time(last) - begin, calendar.time(np.full(1, until)) - begin)
    means = [np.bincount(of, column, len(found)) / n for column in columns]
    return Cells(means[0], means[1], means[2], n.astype(np.float64), of)
