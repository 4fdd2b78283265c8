"""How well probabilities told churn from the rest on a hold-out: AUC, Brier score, log loss, and paired differences.

Intervals are percentile bootstraps over members; every candidate is judged on the same draws, so a difference is
that of a pair. Does not belong here: calibration (see `calibration.py`) or the choice (see `study.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.discovery.statistics import LEVEL, Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

METRICS: Final = ("auc", "brier", "log_loss")
RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Judgement:
    """Scores of every candidate on one hold-out, with the draws behind their intervals."""

    values: "Mapping[str, NDArray[np.float64]]"
    draws: "Mapping[str, NDArray[np.float64]]"

    def score(self, name: str) -> dict[str, Estimate]:
        """AUC, Brier score and log loss of one candidate."""
        return self._estimates(self.values[name], self.draws[name])

    def difference(self, name: str, other: str) -> dict[str, Estimate]:
        """Score of `name` less that of `other`, drawn in pairs."""
        return self._estimates(self.values[name] - self.values[other], self.draws[name] - self.draws[other])

    def beats(self, name: str, other: str) -> bool:
        """Whether the log loss is lower, beyond the 95 % interval of the paired difference."""
        return self.difference(name, other)["log_loss"].high < 0

    def _estimates(self, value: "NDArray[np.float64]", draws: "NDArray[np.float64]") -> dict[str, Estimate]:
        import numpy as np

        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        return {
            metric: Estimate(*(float(f"{v:.6g}") for v in (value[i], low[i], high[i])))
            for i, metric in enumerate(METRICS)
        }


def judge(
    outcome: "ArrayLike", predictions: "Mapping[str, ArrayLike]", rng: "np.random.Generator", *,
    resamples: int = RESAMPLES,
) -> Judgement:  # fmt: skip
    """Judge candidates' probabilities of `outcome` (both outcomes must occur), by name."""
    import numpy as np

    y = np.asarray(outcome, bool)
    n = y.size
    scorers = {name: _Scorer(y, np.asarray(p, float)) for name, p in predictions.items()}
    values = {name: scorer(np.ones(n)) for name, scorer in scorers.items()}
    draws: dict[str, list[NDArray[np.float64]]] = {name: [] for name in scorers}
    while len(next(iter(draws.values()))) < resamples:
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        if 0 < weight @ y < n:  # a draw of one outcome only has no AUC
            for name, scorer in scorers.items():
                draws[name].append(scorer(weight))
    return Judgement(values, {name: np.array(rows) for name, rows in draws.items()})


class _Scorer:
    """The three scores of one candidate under weights of members; sorted once, however many draws follow."""

    def __init__(self, y: "NDArray[np.bool_]", p: "NDArray[np.float64]") -> None:
        import numpy as np

        held = np.clip(p, 1e-6, 1 - 1e-6)
        self.y = y.astype(float)
        self.losses = np.stack([(p - self.y) ** 2, -np.log(np.where(y, held, 1 - held))])
        self.order = np.argsort(p, kind="stable")
        ranked = p[self.order]
        self.ties = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])

    def __call__(self, weight: "NDArray[np.float64]") -> "NDArray[np.float64]":
        import numpy as np

        w, y = weight[self.order], self.y[self.order]
        yes, no = np.add.reduceat(w * y, self.ties), np.add.reduceat(w * (1 - y), self.ties)
        below = np.cumsum(no) - no
        auc = float(yes @ (below + no / 2)) / float(yes.sum() * no.sum())
        return np.array([auc, *(self.losses @ weight / weight.sum())])
