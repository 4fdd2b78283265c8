"""Comparing who buys again, with and without a signal: survival-aware, within calendar strata, Simpson-checked.

Shared by detectors that follow members from a landmark. Members whose follow-up is cut short by the end of the
data stay in as censored. Does not belong here: which signal (see the detectors).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.statistics import (
    Estimate,
    clustered_slope,
    log_rank,
    mantel_haenszel,
    survival_difference,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

HORIZON = 90.0
"""Days in which a next purchase counts."""

_STRATA_KO = {"tier": "등급", "category": "카테고리", "order": "구매 순서"}


@dataclass(frozen=True)
class Comparison:
    """Members with the signal against those without: difference of shares that buy again within the horizon."""

    estimate: Estimate
    p: float
    exposed: int
    others: int
    halves: tuple[float, float]
    caution: str


def followed(frame: "pd.DataFrame", end: float) -> "pd.DataFrame":
    """Add `time` and `event` to rows with `landmark` and `next_day` (NaN when there is none), days.

    Rows whose next purchase is not after the landmark are left out: they can't be signalled in time.
    """
    import numpy as np

    rows = frame[(frame["landmark"] < end) & ~(frame["next_day"] <= frame["landmark"])].copy()
    wait = rows["next_day"] - rows["landmark"]
    rows["event"] = wait <= HORIZON
    rows["time"] = np.where(rows["event"], wait, np.minimum(end - rows["landmark"], HORIZON))
    return rows


def compare(rows: "pd.DataFrame", *, strata: tuple[str, ...]) -> Comparison:
    """Compare `exposed` rows with the others.

    `rows` comes from `followed`, with `exposed` (bool), `month` of the landmark and the columns of `strata`, whose
    pooled difference must not point the other way.
    """
    import numpy as np

    quarter = np.asarray(rows["month"]) // 3
    cut = float(rows["landmark"].median())
    halves = [_difference(rows[m]).value for m in (rows["landmark"] <= cut, rows["landmark"] > cut)]
    estimate = _difference(rows)
    return Comparison(
        estimate=estimate,
        p=log_rank(rows["time"], rows["event"], rows["exposed"], quarter),
        exposed=int(rows["exposed"].sum()),
        others=int((~rows["exposed"]).sum()),
        halves=(halves[0], halves[1]),
        caution=simpson(rows, estimate.value, strata),
    )


def simpson(rows: "pd.DataFrame", whole: float, strata: tuple[str, ...]) -> str:
    """A Korean caution when pooling within a stratum turns the difference round (Simpson's paradox), else ""."""
    full = rows[rows["event"] | (rows["time"] >= HORIZON)]
    for name in strata:
        tables = []
        for _, part in full.groupby(name, sort=True):
            a, b = part.loc[part["exposed"], "event"], part.loc[~part["exposed"], "event"]
            tables.append((int(a.sum()), len(a), int(b.sum()), len(b)))
        if not any(n1 and n2 for _, n1, _, n2 in tables):
            continue
        if mantel_haenszel(tables).value * whole < 0:
            return f"{_STRATA_KO.get(name, name)}별로 나누어 합치면 방향이 뒤집힙니다(심슨의 역설)."
    return ""


def turned(x: "ArrayLike", y: "ArrayLike", within: Mapping[str, "ArrayLike"], whole: float) -> str:
    """As `simpson`, for any x and y: a Korean caution when the slope within a confounder's levels is turned round."""
    import numpy as np

    rows = np.arange(len(np.asarray(x)))
    for name, labels in within.items():
        slope = clustered_slope(x, y, labels, rows)[0].value
        if slope * whole < 0:
            return f"{_STRATA_KO.get(name, name)}별로 나누어 합치면 방향이 뒤집힙니다(심슨의 역설)."
    return ""


def _difference(rows: "pd.DataFrame") -> Estimate:
    a, b = rows[rows["exposed"]], rows[~rows["exposed"]]
    if not len(a) or not len(b):
        return Estimate(0.0, 0.0, 0.0)
    return survival_difference(a["time"], a["event"], b["time"], b["event"], HORIZON)
