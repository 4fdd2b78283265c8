"""The candidates: recency alone, P(alive), a logistic model with splines, gradient boosting.

Each learns from rows of `features.py` stacked over cuts (with the column `cut`) and gives the logit of churn. With
time since the last purchase among its splines, the logistic model is a discrete-time survival model of one interval,
the horizon. Everything is seeded, and nothing depends on the order of rows once they are sorted by cut and member.
Does not belong here: calibration, or the choice among them (see `study.py`).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from cafe24_pipelines.crm.churn_model.alive import fit_alive
from cafe24_pipelines.crm.churn_model.features import FEATURES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.ensemble import HistGradientBoostingClassifier

SEED: Final = 20260401
_KNOTS: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_RIDGE: Final = 1.0
_PLAIN: Final = frozenset({"return_share", "coupon_share", "season_sin", "season_cos"})
"""Features that enter as they are; the others are counts, days and money with long tails, and enter as log(1 + x)."""


DIRECTIONS: Final = {
    "recency_days": 1, "recency_ratio": 1, "frequency": -1, "recent_frequency": -1, "money": -1, "breadth": -1,
    "last_rating": -1, "last_delay_days": 1, "views_since": -1,
}  # fmt: skip
"""Which way a feature may move the probability of churn, all else equal; the others may move it either way.

Features overlap (who bought lately has bought often of late): without a direction, a model may count a recent
purchase as a risk and take it back elsewhere, which predicts as well and explains nothing.
"""


class Model(Protocol):
    """A fitted candidate: which features it looks at, and the logit of churn for rows that have them."""

    @property
    def features(self) -> tuple[str, ...]:
        """Features that can move the logit."""
        ...

    def logit(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """One logit a row."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A kind of model; `simple` ones are what the others must beat."""

    name: str
    title_ko: str
    simple: bool
    fit: "Callable[[pd.DataFrame, NDArray[np.bool_], int], Model]"


def usable(rows: "pd.DataFrame", names: tuple[str, ...] = FEATURES) -> tuple[str, ...]:
    """The features that vary in these rows."""
    return tuple(name for name in names if rows[name].nunique(dropna=True) > 1)


# -- logistic regression on linear splines -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Spline:
    """One feature, after log(1 + x), as what of it lies between each two neighbouring knots (linear within)."""

    name: str
    middle: float
    knots: "NDArray[np.float64]"

    def columns(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        import numpy as np

        x = _scaled(self.name, rows[self.name].to_numpy(float))
        x = np.where(np.isnan(x), self.middle, x)
        low, high = self.knots[:-1], self.knots[1:]
        return np.clip(x[:, None], low, high) - low


def _scaled(name: str, x: "NDArray[np.float64]") -> "NDArray[np.float64]":
    import numpy as np

    return x if name in _PLAIN else np.log1p(np.maximum(x, 0))


def _spline(rows: "pd.DataFrame", name: str) -> _Spline:
    import numpy as np

    x = _scaled(name, rows[name].to_numpy(float))
    x = x[~np.isnan(x)]
    return _Spline(
        name, float(np.quantile(x, 0.5, method="lower")), np.unique(np.quantile(x, _KNOTS, method="lower"))
    )


@dataclass(frozen=True)
class _Logistic:
    features: tuple[str, ...]
    splines: tuple[_Spline, ...]
    weights: "NDArray[np.float64]"
    intercept: float

    def logit(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        return _design(self.splines, rows) @ self.weights + self.intercept


def _design(splines: tuple[_Spline, ...], rows: "pd.DataFrame") -> "NDArray[np.float64]":
    import numpy as np

    return np.concatenate([np.zeros((len(rows), 0)), *(s.columns(rows) for s in splines)], axis=1)


def _fit_logistic(rows: "pd.DataFrame", outcome: "NDArray[np.bool_]", names: tuple[str, ...]) -> _Logistic:
    """Ridge-penalised maximum likelihood; slopes of a feature with a direction keep its sign, so it is monotone."""
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    splines = tuple(_spline(rows, name) for name in usable(rows, names))
    design = _design(splines, rows)
    scale = np.maximum(design.std(axis=0), 1e-9)
    x, y = (design - design.mean(axis=0)) / scale, outcome.astype(float)
    signs = [DIRECTIONS.get(s.name, 0) for s in splines for _ in s.knots[1:]]

    def loss(at: "NDArray[np.float64]") -> "tuple[float, NDArray[np.float64]]":
        z = x @ at[1:] + at[0]
        wrong = expit(z) - y
        value = np.sum(np.logaddexp(0, z) - y * z) + _RIDGE / 2 * at[1:] @ at[1:]
        return value / len(y), np.r_[wrong.sum(), x.T @ wrong + _RIDGE * at[1:]] / len(y)

    bounds = [(None, None), *((0 if s > 0 else None, 0 if s < 0 else None) for s in signs)]
    found = minimize(
        loss,
        np.zeros(len(bounds)),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-10},
    ).x
    weights = found[1:] / scale
    return _Logistic(
        tuple(s.name for s in splines), splines, weights, float(found[0] - design.mean(axis=0) @ weights)
    )


def _recency(rows: "pd.DataFrame", outcome: "NDArray[np.bool_]", _horizon: int) -> Model:
    return _fit_logistic(rows, outcome, ("recency_days",))


def _logistic(rows: "pd.DataFrame", outcome: "NDArray[np.bool_]", _horizon: int) -> Model:
    return _fit_logistic(rows, outcome, usable(rows))


# -- gradient boosting -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Boosted:
    features: tuple[str, ...]
    trees: "HistGradientBoostingClassifier"

    def logit(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        with _one_thread():
            return self.trees.decision_function(rows[list(self.features)].to_numpy(float))


def _boosted(rows: "pd.DataFrame", outcome: "NDArray[np.bool_]", _horizon: int) -> Model:
    from sklearn.ensemble import HistGradientBoostingClassifier

    kept = usable(rows)
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=12, min_samples_leaf=40, l2_regularization=1.0,
        early_stopping=False, random_state=SEED, monotonic_cst=[DIRECTIONS.get(name, 0) for name in kept],
    )  # fmt: skip
    with _one_thread():
        return _Boosted(kept, trees.fit(rows[list(kept)].to_numpy(float), outcome))


def _one_thread() -> "AbstractContextManager[object]":
    """Trees of a few thousand rows are quicker on one thread than on several that wait for each other."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="openmp")


CANDIDATES: Final[dict[str, Candidate]] = {
    c.name: c
    for c in (
        Candidate("recency", "최근성만", True, _recency),
        Candidate("alive", "P(alive)(BG/NBD)", True, fit_alive),
        Candidate("logistic", "로지스틱 회귀(스플라인)", False, _logistic),
        Candidate("boosted", "그래디언트 부스팅", False, _boosted),
    )
}
"""Every candidate, simpler ones first."""
