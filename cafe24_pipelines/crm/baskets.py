"""What chance alone would put into one basket: pair counts and their expectation given how large baskets are.

Large baskets hold everything, so plain lift calls everything associated. Here the null keeps, within each cell (a
slice of time and a class of basket sizes), how often each item sold and how large the baskets were, and is random
otherwise: the fixed-size design of maximal entropy, by Hájek's approximation of its joint inclusion probabilities,
rescaled once so that each item keeps exactly the company that its baskets' sizes give it. Slices of time are there
because a product that was not yet sold can't share a basket. Does not belong here: tests of pairs, or words.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

_CLASSES: Final = (1, 2, 3, 4, 5, 7, 10, 15, 25, 50)
"""Upper ends of the classes of basket sizes; above the last is one more class."""
_CELL_ORDERS: Final = 1000  # orders that a slice of time takes; there are 2 to 8 slices, half of them a half period

_SOLD_SQL: Final = """
    CREATE TEMP TABLE IF NOT EXISTS sold_products AS
    SELECT s.order_id, s.product_no, min(coalesce(k.category, s.category)) AS category,
           min(s.ordered_at) AS sold, any_value(s.member_key) AS member_key
    FROM sale_lines s LEFT JOIN known_products k USING (product_no)
    WHERE s.quantity > 0 GROUP BY s.order_id, s.product_no"""
"""Joined once on a connection, for products and for categories."""

_LINES_SQL: Final = """
    CREATE OR REPLACE TEMP TABLE basket_lines AS
    SELECT order_id, {item} AS item, min(sold) AS sold, any_value(member_key) AS member_key
    FROM sold_products WHERE {item} IS NOT NULL AND {item} <> '' GROUP BY ALL"""

_BASKETS_SQL: Final = """
    CREATE OR REPLACE TEMP TABLE baskets AS
    WITH b AS (
        SELECT order_id, count(*) AS size, epoch(min(sold)) AS sold, any_value(member_key) AS member_key
        FROM basket_lines GROUP BY order_id
    ), span AS (
        SELECT min(sold) AS lo, greatest(max(sold) - min(sold), 1) AS width,
               2 * least(4, greatest(1, count(*) // {orders})) AS slices FROM b
    )
    SELECT order_id, row_number() OVER () AS o, size, coalesce(member_key, 'guest ' || order_id) AS buyer,
           least(slices - 1, floor((sold - lo) / width * slices))::INTEGER AS slice,
           (slice >= slices // 2)::INTEGER AS half,
           len(list_filter({classes}, lambda c: c < size))::INTEGER AS size_class
    FROM b, span"""

_TOP_SQL: Final = """
    CREATE OR REPLACE TEMP TABLE top_items AS
    SELECT item, orders, (row_number() OVER (ORDER BY orders DESC, item) - 1)::INTEGER AS k FROM (
        SELECT item, count(*) AS orders FROM basket_lines GROUP BY item ORDER BY orders DESC, item LIMIT {cap})"""

_CELLS_SQL: Final = """
    WITH counts AS (
        SELECT b.slice, b.size_class, l.item, count(*) AS n, sum(b.size - 1) AS others
        FROM basket_lines l JOIN baskets b USING (order_id) GROUP BY ALL
    ), whole AS (
        SELECT slice, size_class, any_value(half) AS half, count(*) AS orders FROM baskets GROUP BY ALL
    ), sums AS (
        SELECT slice, size_class, sum(n) AS n1, sum(n * n) AS n2 FROM counts GROUP BY ALL
    )
    SELECT w.slice, w.size_class, w.half, w.orders, s.n1, s.n2, t.k, c.n, c.others
    FROM whole w JOIN sums s USING (slice, size_class) JOIN counts c USING (slice, size_class)
         JOIN top_items t USING (item)
    ORDER BY w.slice, w.size_class, t.k"""

_PAIRS_SQL: Final = """
    WITH kept AS (
        SELECT b.o, b.half, hash(b.buyer) AS buyer, t.k
        FROM basket_lines l JOIN baskets b USING (order_id) JOIN top_items t USING (item) WHERE b.size > 1
    ), by_buyer AS (
        SELECT a.k AS i, b.k AS j, a.buyer, count(*) AS n, count(*) FILTER (a.half = 0) AS n_first
        FROM kept a JOIN kept b ON a.o = b.o AND a.k < b.k GROUP BY ALL
    )
    SELECT i, j, sum(n) AS n, sum(n_first) AS n_first, count(*) AS buyers
    FROM by_buyer GROUP BY i, j HAVING sum(n) >= {least} ORDER BY i, j"""
"""Grouped by buyer first: that step can spill to disk, a distinct count cannot."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of the most sold items.

    Attributes:
        items: `item` and `orders`, most sold first; a pair names two of its rows.
        orders: all baskets, also of one item.
        expected: what chance gives, `(2, items, items)`: first and second half of the period.
        counts: columns i, j, n, n_first, buyers (members, and each guest's order as one) of pairs seen often enough.
    """

    items: "pd.DataFrame"
    orders: int
    expected: "NDArray[np.float64]"
    counts: "pd.DataFrame"


def count_pairs(db: "DuckDBPyConnection", item: str, *, cap: int, least: int) -> Pairs:
    """Pairs of products or of categories in one order.

    Args:
        item: `product_no` or `category`.
        cap: how many items, the most sold ones.
        least: orders with both that a pair takes to be listed.
    """
    db.execute(_SOLD_SQL)
    db.execute(_LINES_SQL.format(item=item))
    db.execute(_BASKETS_SQL.format(orders=_CELL_ORDERS, classes=list(_CLASSES)))
    db.execute(_TOP_SQL.format(cap=int(cap)))
    items = db.sql("SELECT item, orders FROM top_items ORDER BY k").df()
    orders = int(db.sql("SELECT count(*) FROM baskets").fetchall()[0][0])
    cells = db.sql(_CELLS_SQL).df()
    counts = db.sql(_PAIRS_SQL.format(least=int(least))).df().astype("int64")
    return Pairs(items, orders, expected_pairs(cells, len(items)), counts)


def expected_pairs(cells: "pd.DataFrame", items: int) -> "NDArray[np.float64]":
    """Expected orders with both of each two items, by half of the period; the diagonal is 0.

    Args:
        cells: a row a cell (slice, size_class) and item k: `half`, `orders` of the cell, `n1` and `n2` (sum and sum
            of squares of n over all items, also those left out), `n` (orders of the cell with k) and `others` (items
            beside k in those orders).
    """
    import numpy as np

    expected = np.zeros((2, items, items))
    for _, cell in cells.groupby(["slice", "size_class"], sort=True):
        orders, n1, n2 = (float(cell[name].iloc[0]) for name in ("orders", "n1", "n2"))
        share = cell["n"].to_numpy(float) / orders
        company = cell["others"].to_numpy(float) / orders
        spread = (n1 - n2 / orders) / orders  # sum of share * (1 - share) over all items
        joint = _joint(share, company, spread, n1 / orders) * orders
        k = cell["k"].to_numpy(int)
        expected[int(cell["half"].iloc[0])][np.ix_(k, k)] += joint
    return expected


def _joint(
    share: "NDArray[np.float64]", company: "NDArray[np.float64]", spread: float, size: float
) -> "NDArray[np.float64]":
    """Chance that a basket of one cell holds both of two items; the diagonal is 0."""
    import numpy as np

    joint = np.minimum.outer(share, share) * company.any()  # every basket is the same: chance can't do otherwise
    if spread > 1e-12:
        single = share * (1 - share)
        row = share * (size - share) - single * (spread - single) / spread
        scale = np.sqrt(np.divide(company, row, out=np.zeros_like(row), where=row > 1e-12))
        hajek = (np.outer(share, share) - np.outer(single, single) / spread) * np.outer(scale, scale)
        joint = np.clip(hajek, 0, joint)
    np.fill_diagonal(joint, 0)
    return joint
