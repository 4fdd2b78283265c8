"""What came after a cut: whether a member who had bought before it bought nothing within the horizon.

Does not belong here: what was known at the cut (see `features.py`), or which cuts (see `cuts.py`).
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

_BUYERS_SQL: Final = """
    SELECT DISTINCT member FROM churn_orders
    WHERE is_sale AND day >= $cut::DATE AND day < $until::DATE ORDER BY member"""


def churned(db: "DuckDBPyConnection", members: "pd.Index[int]", cut: date, horizon: int) -> "NDArray[np.bool_]":
    """For each member: no sale from the cut's day on for `horizon` local days (the history must reach that far)."""
    import numpy as np

    asked = {"cut": cut.isoformat(), "until": (cut + timedelta(days=horizon)).isoformat()}
    buyers = db.execute(_BUYERS_SQL, asked).fetchnumpy()["member"]
    return ~np.isin(np.asarray(members), np.asarray(buyers))
