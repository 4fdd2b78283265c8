"""One row a buyer, from a shop by SQL: how often, how recently, since when, and how much a purchase was worth.

A purchase is a local day with at least one sale, as the models know no two purchases at one moment; x counts those
after the first. Money is what was paid less credits. Days are numbered (1970-01-01 is 0). Guests are left out.
Does not belong here: the unit of time (see `seasonal.py`), or any model.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.crm.lifetime.newton import Vector
    from cafe24_pipelines.crm.shop import Shop

_EPOCH: Final = date(1970, 1, 1)

_DAYS_SQL: Final = """
    CREATE TEMP TABLE member_days AS
    WITH days AS (
        SELECT member_key, ordered_local::DATE - DATE '1970-01-01' AS day, bool_or(is_sale) AS bought,
               sum(net_amount) AS net
        FROM order_facts WHERE member_key IS NOT NULL GROUP BY ALL
    )
    SELECT *, min(day) FILTER (bought) OVER (PARTITION BY member_key) AS first_day FROM days"""

_BUYERS_SQL: Final = """
    SELECT member_key,
           count(*) FILTER (bought AND day <= $until) - 1 AS x,
           min(first_day) AS first_day,
           max(day) FILTER (bought AND day <= $until) AS last_day,
           (coalesce(sum(net) FILTER (day > first_day AND day <= $until), 0)
            / greatest(count(*) FILTER (bought AND day <= $until) - 1, 1))::DOUBLE AS value,
           count(*) FILTER (bought AND day > $until) AS later,
           coalesce(sum(net) FILTER (day > $until), 0)::DOUBLE AS later_net
    FROM member_days WHERE first_day <= $until
    GROUP BY member_key ORDER BY member_key"""

_DAILY_SQL: Final = """
    SELECT day, count(*) FILTER (day > first_day) AS repeats, count(*) FILTER (day = first_day) AS new_buyers,
           count(*) FILTER (day > first_day AND first_day <= $until) AS known_repeats
    FROM member_days WHERE bought GROUP BY day ORDER BY day"""

_SPAN_SQL: Final = """
    SELECT min(first_day) AS first_day,
           (SELECT max(ordered_local)::DATE - DATE '1970-01-01' FROM order_facts) AS last_day
    FROM member_days"""


@dataclass(frozen=True)
class Ledger:
    """The buyers of a shop up to any day; made by `ledger`.

    Attributes:
        first, last: the day of the first sale to a member, and the shop's last day of orders; (0, -1) without one.
    """

    db: "DuckDBPyConnection"
    first: int
    last: int

    @property
    def days(self) -> int:
        """Days from first to last, both counted."""
        return self.last - self.first + 1

    def buyers(self, until: int) -> "pd.DataFrame":
        """Who had bought by the end of a day, ordered by member_key.

        Columns: member_key, x (purchase days after the first), first_day, last_day, value (mean net money of a
        repeat purchase; 0 without one), later and later_net (purchase days and net money after that day).
        """
        frame = self.db.sql(_BUYERS_SQL, params={"until": until}).df()
        whole = dict.fromkeys(("x", "first_day", "last_day", "later"), "int64")
        return frame.astype(whole)

    def daily(self, until: int) -> "tuple[Vector, Vector, Vector]":
        """For each day from first to last: repeat purchases, new buyers, and repeat purchases of buyers who had
        bought by the end of `until`."""
        import numpy as np

        found = self.db.sql(_DAILY_SQL, params={"until": until}).fetchnumpy()
        columns = []
        for name in ("repeats", "new_buyers", "known_repeats"):
            counts = np.zeros(max(self.days, 0))
            counts[np.asarray(found["day"], np.int64) - self.first] = found[name]
            columns.append(counts)
        return columns[0], columns[1], columns[2]


@contextmanager
def ledger(shop: "Shop", *, zone: str) -> Iterator[Ledger]:
    """The purchase days of every member, gathered once; local days are those of `zone`."""
    with shop.duckdb(zone=zone) as db:
        db.execute(_DAYS_SQL)
        first, last = db.sql(_SPAN_SQL).fetchall()[0]
        yield Ledger(db, 0, -1) if first is None else Ledger(db, int(first), int(last))


def day_number(day: date) -> int:
    """Its number."""
    return (day - _EPOCH).days


def date_of(day: int) -> date:
    """The day of that number."""
    return _EPOCH + timedelta(days=int(day))
