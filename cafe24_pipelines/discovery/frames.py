"""Frames of a context that several detectors share: sales with what came next, and daily counts of goods.

Does not belong here: the sales and baskets themselves (`context.py`), or any statistic.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.context import DiscoveryContext

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

EPOCH = date(1970, 1, 1)

_DAILY_SQL = """
    SELECT {item} AS item, (l.ordered_local::DATE - DATE '1970-01-01')::INTEGER AS day,
           count(DISTINCT l.order_id) AS orders, sum(l.quantity)::DOUBLE AS units, sum(l.amount)::DOUBLE AS amount
    FROM sale_lines l LEFT JOIN known_products p USING (product_no)
    WHERE l.quantity > 0 AND {item} IS NOT NULL GROUP BY ALL ORDER BY item, day"""


@dataclass(frozen=True)
class Daily:
    """Sales of goods by local day, guests' included; arrays are `(days, items)` and days have no gap."""

    names: list[str]
    first: date
    orders: "NDArray[np.float64]"
    units: "NDArray[np.float64]"
    amount: "NDArray[np.float64]"

    @property
    def days(self) -> int:
        """From the first day with a sale to the last, both included."""
        return len(self.orders)

    def date(self, index: int) -> date:
        """The local date of a row."""
        return self.first + timedelta(days=int(index))


def daily(context: DiscoveryContext, level: str, most: int) -> Daily:
    """Daily counts of categories or products (`level`), of the `most` often sold ones at most.

    An order counts once for an item, so counts are of independent purchases.
    """
    import numpy as np
    import pandas as pd

    item = "l.product_no" if level == "product" else "coalesce(l.category, p.category)"
    frame = context.sql(_DAILY_SQL.format(item=item))
    if frame.empty:
        none = np.zeros((0, 0))
        return Daily([], EPOCH, none, none, none)
    start, end = int(frame["day"].min()), int(frame["day"].max())
    sold = frame.groupby("item", sort=True)["orders"].sum().sort_values(ascending=False, kind="stable")
    names = sorted(sold.index[:most])
    frame = frame[frame["item"].isin(names)]
    column = pd.Index(names).get_indexer(pd.Index(frame["item"]))
    arrays = []
    for value in ("orders", "units", "amount"):
        out = np.zeros((end - start + 1, len(names)))
        out[frame["day"].to_numpy() - start, column] = frame[value].to_numpy(float)
        arrays.append(out)
    return Daily([str(n) for n in names], EPOCH + timedelta(days=start), *arrays)


def sales_with_next(context: DiscoveryContext) -> "pd.DataFrame":
    """`context.sales` with `next_day` (the member's next sale or NaN) and the basket's `category`."""
    sales = context.sales.copy()
    sales["next_day"] = sales.groupby("member")["day"].shift(-1).astype(float)
    main = context.baskets.groupby("order")["category"].min()
    sales["category"] = main.reindex(sales.index, fill_value=-1).to_numpy()
    return sales


def next_sale_after(
    sales: "pd.DataFrame", member: "NDArray[np.int64]", day: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """The day of each member's first sale later than `day`; NaN when there is none."""
    import numpy as np

    owner, sold = sales["member"].to_numpy(np.int64), sales["day"].to_numpy(float)
    if not len(sold):
        return np.full(len(day), np.nan)
    low = min(float(sold.min()), float(day.min()) if len(day) else 0.0)
    span = max(float(sold.max()), float(day.max()) if len(day) else 0.0) - low + 1
    place = np.searchsorted(owner * span + (sold - low), member * span + (day - low), side="right")
    found = np.minimum(place, len(sold) - 1)
    return np.where((place < len(sold)) & (owner[found] == member), sold[found], np.nan)


def product_name(context: DiscoveryContext, number: str) -> str:
    """What a product is called; its number when nobody says."""
    rows = context.sql("SELECT product_name FROM known_products WHERE product_no = $number", number=number)
    return (str(rows["product_name"].iloc[0]) if len(rows) else "") or number
