"""P(alive) as a baseline: the chance that a member buys nothing within the horizon by BG/NBD or MBG/NBD.

Both are models of purchases and unseen leaving that know counts and times only; of the two, the one with the higher
likelihood on the shop's own past stands for P(alive). A member buys nothing when gone, or when alive and quiet.
Does not belong here: the models themselves (see `crm/lifetime/bgnbd.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.lifetime.bgnbd import PurchaseModel

_MOST: Final = 30_000
"""Members of the latest training cut that the four parameters are fitted on; more would not move them."""


@dataclass(frozen=True)
class Alive:
    """A fitted purchase model as a candidate for churn within `horizon` days."""

    purchases: "PurchaseModel"
    parameters: "NDArray[np.float64]"
    horizon: int
    features: tuple[str, ...] = ("recency_days", "frequency", "tenure_days")

    def logit(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Logit of no purchase within the horizon."""
        import numpy as np

        x, t_x, age = _history(rows)
        r, alpha = self.parameters[:2]
        quiet = ((alpha + age) / (alpha + age + self.horizon)) ** (r + x)
        buys = np.clip(self.purchases.p_alive(self.parameters, x, t_x, age) * (1 - quiet), 1e-12, 1 - 1e-12)
        return np.log1p(-buys) - np.log(buys)


def fit_alive(rows: "pd.DataFrame", _outcome: "NDArray[np.bool_]", horizon: int) -> Alive:
    """By maximum likelihood on the histories at the latest cut of `rows`; outcomes are not looked at."""
    from cafe24_pipelines.crm.lifetime.bgnbd import BG_NBD, MBG_NBD, histories

    latest = rows[rows["cut"] == rows["cut"].max()]
    given = histories(*_history(latest.iloc[:: -(-len(latest) // _MOST)]))
    fits = [(model, model.fit(given)) for model in (BG_NBD, MBG_NBD)]
    model, fitted = max(fits, key=lambda pair: pair[1].log_likelihood)
    return Alive(model, fitted.parameters, horizon)


def _history(rows: "pd.DataFrame") -> "tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]":
    """Repeat purchases, time of the last one and time observed since the first, in days."""
    tenure, recency = rows["tenure_days"].to_numpy(float), rows["recency_days"].to_numpy(float)
    return rows["frequency"].to_numpy(float) - 1, tenure - recency, tenure
