"""One shop's churn study: fit the candidates on the past, choose one, judge it on the last horizon, and score today.

The choice: the candidate with the lowest log loss at the calibration cut, after Platt's scaling there. It is used
only if the hold-out agrees: a model that doesn't beat a simpler one there, beyond the 95 % interval of the paired
difference of log loss, gives way to that simpler one. What is used is then fitted again, the same way, one horizon
later. Does not belong here: what is told of it (see `crm/churn.py`).
"""

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.crm.analysis import Lacking
from cafe24_pipelines.crm.churn_model.calibration import Platt, fit_platt
from cafe24_pipelines.crm.churn_model.candidates import CANDIDATES, SEED, Model
from cafe24_pipelines.crm.churn_model.cuts import Plan, plan_cuts
from cafe24_pipelines.crm.churn_model.features import FEATURES, SEASON, SEASON_DAYS, features, members_at, prepare
from cafe24_pipelines.crm.churn_model.judging import Judgement, judge
from cafe24_pipelines.crm.churn_model.labels import churned

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.shop import Shop

MOST_TRAINED: Final = 200_000
MOST_JUDGED: Final = 50_000
MIN_OUTCOMES: Final = 30
"""Members who churned, and members who came back, in training, calibration and hold-out alike."""


@dataclass(frozen=True)
class Rows:
    """Members at one cut or several: features (with `cut`) and, where the horizon has passed, what became of them."""

    features: "pd.DataFrame"
    churned: "NDArray[np.bool_]"


@dataclass(frozen=True)
class Fitted:
    """A candidate with its calibration, and the log loss that it reached there."""

    name: str
    model: Model
    platt: Platt
    loss: float

    def probability(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """The calibrated probability of churn."""
        return self.platt.probability(self.model.logit(rows))


@dataclass(frozen=True)
class Study:
    """What was found.

    Attributes:
        trained: cuts and member-cuts that the judged candidates learnt from, and the share of members they are.
        fitted: every candidate as it was judged, by name.
        probabilities: their probabilities at the hold-out cut.
        chosen, used: the best at the calibration cut, and what the hold-out left of it.
        beaten: whether `chosen` beat each simpler candidate on the hold-out.
        today: the model in use, fitted again for `plan.end`.
        members: everybody who has bought, with features as of `plan.end`.
        medians: of the features that `today` learnt from (None where there is no value).
    """

    plan: Plan
    trained: tuple[int, int, float]
    fitted: "Mapping[str, Fitted]"
    holdout: Rows
    probabilities: "Mapping[str, NDArray[np.float64]]"
    judgement: Judgement
    chosen: str
    used: str
    beaten: "Mapping[str, bool]"
    today: Fitted
    members: "pd.DataFrame"
    medians: "Mapping[str, float | None]"


def study_churn(shop: "Shop", mall: "Mall") -> Study | tuple[Lacking, ...]:
    """Study a shop's churn, or say what it lacks."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    # many small products of vectors: threads would wait for each other longer than they work
    with shop.duckdb(zone=mall.time_zone) as db, threadpool_limits(limits=1):
        prepare(db)
        plan = plan_cuts(db)
        if not isinstance(plan, Plan):
            return plan
        past = _Past(db, plan, mall.time_zone)
        training, calibration = past.training(plan.holdout), past.at(plan.calibration_for(plan.holdout))
        holdout = past.at(plan.holdout)
        if lacking := _one_sided(training, calibration, holdout):
            return lacking
        fitted = {name: _fit(name, training, calibration, plan.horizon) for name in CANDIDATES}
        probabilities = {name: one.probability(holdout.features) for name, one in fitted.items()}
        judgement = judge(holdout.churned, probabilities, np.random.default_rng(SEED))
        chosen, used, beaten = decide(judgement, {name: one.loss for name, one in fitted.items()})
        later = past.training(plan.end)
        return Study(
            plan, (training.features["cut"].nunique(), len(training.churned), past.share), fitted, holdout,
            probabilities, judgement, chosen, used, beaten, _fit(used, later, holdout, plan.horizon),
            past.today(), _medians(later.features),
        )  # fmt: skip


def decide(judgement: Judgement, losses: "Mapping[str, float]") -> tuple[str, str, dict[str, bool]]:
    """The candidate chosen by the losses at the calibration cut, the one to use, and which simpler ones were beaten.

    Simpler than a rich model are recency and P(alive); simpler than P(alive) is recency.
    """
    order = list(CANDIDATES)
    chosen = min(order, key=lambda name: (losses[name], order.index(name)))
    simpler = [n for n in order[: order.index(chosen)] if CANDIDATES[n].simple]
    beaten = {name: judgement.beats(chosen, name) for name in simpler}
    unbeaten = [name for name in simpler if not beaten[name]]
    if not unbeaten:
        return chosen, chosen, beaten
    # of two simpler ones the richer must itself beat the simplest
    both = len(unbeaten) > 1 and judgement.beats(unbeaten[1], unbeaten[0])
    return chosen, unbeaten[1] if both else unbeaten[0], beaten


# -- inside ------------------------------------------------------------------------------------------------------


class _Past:
    """Rows of the shop at any cut of its plan, read once each."""

    def __init__(self, db: "DuckDBPyConnection", plan: Plan, zone: str) -> None:
        self._db, self._plan, self._zone = db, plan, zone
        self._read: dict[tuple[date, float], Rows] = {}
        cuts = {*plan.training_for(plan.holdout), *plan.training_for(plan.end)}
        total = sum(members_at(db, cut) for cut in cuts)
        self.share = min(1.0, MOST_TRAINED / max(total, 1))

    def at(self, cut: date, share: float | None = None) -> Rows:
        """Members at one past cut, a share of them or at most `MOST_JUDGED`."""
        kept = min(1.0, MOST_JUDGED / max(members_at(self._db, cut), 1)) if share is None else share
        if (cut, kept) not in self._read:
            plan = self._plan
            frame = features(self._db, cut, horizon=plan.horizon, zone=self._zone, share=kept).assign(cut=cut)
            self._read[cut, kept] = Rows(frame, churned(self._db, frame.index, cut, plan.horizon))
        return self._read[cut, kept]

    def training(self, target: date) -> Rows:
        """Rows to learn from for a target cut; without the season where the cuts don't span a year."""
        import numpy as np
        import pandas as pd

        cuts = self._plan.training_for(target)
        parts = [self.at(cut, self.share) for cut in cuts]
        frame = pd.concat([part.features for part in parts], ignore_index=True)
        if cuts[-1] - cuts[0] < timedelta(days=SEASON_DAYS):
            frame[list(SEASON)] = 0.0
        return Rows(frame, np.concatenate([part.churned for part in parts]))

    def today(self) -> "pd.DataFrame":
        """Everybody who has bought, as of the plan's end."""
        return features(self._db, self._plan.end, horizon=self._plan.horizon, zone=self._zone)


def _medians(rows: "pd.DataFrame") -> dict[str, float | None]:
    """A value that occurs, in the middle of each feature (None when there is no value)."""
    middle = rows[list(FEATURES)].quantile(0.5, interpolation="lower")
    return {name: None if math.isnan(middle[name]) else float(middle[name]) for name in FEATURES}


def _fit(name: str, training: Rows, calibration: Rows, horizon: int) -> Fitted:
    import numpy as np

    model = CANDIDATES[name].fit(training.features, training.churned, horizon)
    raw = model.logit(calibration.features)
    fitted = Fitted(name, model, fit_platt(raw, calibration.churned), 0.0)
    p = fitted.platt.probability(raw)
    loss = -np.log(np.where(calibration.churned, p, 1 - p)).mean()
    return replace(fitted, loss=float(f"{loss:.6g}"))


def _one_sided(training: Rows, calibration: Rows, holdout: Rows) -> tuple[Lacking, ...]:
    """What is missing where nearly everybody, or nearly nobody, came back."""
    parts = (("학습", training), ("보정", calibration), ("검증", holdout))
    found = [
        Lacking(f"{part} 구간의 {what}", int(count), MIN_OUTCOMES)
        for part, rows in parts
        for what, count in (("이탈 회원", rows.churned.sum()), ("재구매 회원", (~rows.churned).sum()))
        if count < MIN_OUTCOMES
    ]
    latest = training.features[training.features["cut"] == training.features["cut"].max()]
    if (repeated := int((latest["frequency"] > 1).sum())) < MIN_OUTCOMES:
        found.append(Lacking("학습 구간에서 두 번 이상 산 회원", repeated, MIN_OUTCOMES))
    return tuple(found)
