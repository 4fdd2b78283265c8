"""What members bought, as arrays of codes: one entry a member, order and product, sorted by member and time.

Members and products are coded in the order of their keys, so equal shops give equal arrays whatever the order of
their rows. A shop too large for this is read for some members only, chosen by a hash or by their last purchase.
Does not belong here: any method.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

PRODUCTS: Final = 6000
"""Products that can be recommended: the most sold ones; those without a sale come on top (see `catalog`)."""

_MEMBERS_SQL: Final = """
    CREATE OR REPLACE TEMP TABLE chosen AS
    SELECT member_key, (row_number() OVER (ORDER BY member_key) - 1)::INTEGER AS m FROM (
        SELECT member_key FROM order_facts WHERE is_sale AND member_key IS NOT NULL GROUP BY member_key
        ORDER BY {order}, member_key LIMIT {cap})"""

_PRODUCTS_SQL: Final = """
    CREATE OR REPLACE TEMP TABLE goods AS
    WITH sold AS (
        SELECT product_no, count(*) AS lines, epoch(max(ordered_at)) / 86400 AS last_day FROM sale_lines
        WHERE quantity > 0 GROUP BY product_no
    ), ranked AS (
        SELECT k.*, coalesce(s.lines, 0) AS lines, s.last_day
        FROM known_products k LEFT JOIN sold s USING (product_no)
        WHERE s.product_no IS NOT NULL OR k.landed
        ORDER BY lines DESC, created_at DESC NULLS LAST, k.product_no LIMIT {cap}
    )
    SELECT *, (row_number() OVER (ORDER BY product_no) - 1)::INTEGER AS p FROM ranked"""

_GOODS_SQL: Final = """
    SELECT product_no, coalesce(nullif(product_name, ''), product_no) AS product_name,
           coalesce(category, '') AS category, lines, coalesce(last_day, -1) AS last_day,
           epoch(created_at) / 86400 AS created_day, landed,
           coalesce(selling, true) AND coalesce(stock_quantity, 1) > 0 AS available
    FROM goods ORDER BY p"""

_HISTORY_SQL: Final = """
    SELECT c.m, s.sale_no::INTEGER AS basket, g.p, epoch(min(s.ordered_at)) / 86400 AS day
    FROM sale_lines s JOIN chosen c USING (member_key) JOIN goods g USING (product_no)
    WHERE s.quantity > 0 GROUP BY ALL ORDER BY c.m, basket, g.p"""


@dataclass(frozen=True)
class History:
    """Purchases as arrays: `member`, `basket` (the member's 1st, 2nd … sale), `product`, `day` (since 1970)."""

    member: "NDArray[np.int32]"
    basket: "NDArray[np.int32]"
    product: "NDArray[np.int32]"
    day: "NDArray[np.float64]"
    members: int
    products: int

    def where(self, kept: "NDArray[np.bool_]") -> "History":
        """The entries where `kept` is true; codes stay what they are."""
        arrays: dict[str, Any] = {name: getattr(self, name)[kept] for name in ("member", "basket", "product", "day")}
        return replace(self, **arrays)

    def between(self, first: float, last: float) -> "History":
        """Purchases with first <= day < last."""
        return self.where((self.day >= first) & (self.day < last))


def catalog(db: "DuckDBPyConnection") -> "pd.DataFrame":
    """The products that can be recommended, by code; `available` unless the shop says otherwise.

    Columns: product_no, product_name, category, lines, last_day, created_day, landed, available.
    """
    db.execute(_PRODUCTS_SQL.format(cap=PRODUCTS))
    return db.sql(_GOODS_SQL).df()


def history(db: "DuckDBPyConnection", *, members: int, recent: bool) -> "tuple[History, NDArray[np.object_]]":
    """(purchases of some members, their keys by code); `catalog` must have been read.

    Args:
        members: how many at most.
        recent: the last buyers, not a sample by hash.
    """
    import numpy as np

    order = "max(ordered_at) DESC" if recent else "md5(member_key)"
    db.execute(_MEMBERS_SQL.format(order=order, cap=int(members)))
    keys = np.array([key for (key,) in db.sql("SELECT member_key FROM chosen ORDER BY m").fetchall()], object)
    found = db.sql(_HISTORY_SQL).fetchnumpy()
    products = int(db.sql("SELECT count(*) FROM goods").fetchall()[0][0])
    codes = {name: np.asarray(found[name], np.int32) for name in ("m", "basket", "p")}
    day = np.asarray(found["day"], float)
    return History(codes["m"], codes["basket"], codes["p"], day, len(keys), products), keys
