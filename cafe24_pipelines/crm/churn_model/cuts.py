"""When to look: the horizon of churn, and the past days at which the model is trained, calibrated and judged.

A cut is a local day: what is known of a member there lies before that day, what is asked lies on it or within the
horizon after it. Whatever is predicted for a cut c is calibrated on the outcomes of c - H and trained on cuts up to
c - 2H, so no label that a model learns from reaches into the days it is judged on. Does not belong here: what is
known at a cut (see `features.py`) or what came after it (see `labels.py`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.crm.analysis import Lacking

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

GAP_QUANTILE: Final = 0.8
SHORTEST: Final = 30
LONGEST: Final = 180
HISTORY_HORIZONS: Final = 5
"""A history holds at least so many horizons: one before the first cut, one to train, calibrate and judge on each."""

MIN_DAYS: Final = SHORTEST * HISTORY_HORIZONS
MIN_MEMBERS: Final = 200
MIN_GAPS: Final = 50
MAX_CUTS: Final = 12

_SPAN_SQL: Final = """
    SELECT min(day) FILTER (is_sale), (SELECT max(ordered_local)::DATE FROM order_facts),
           count(DISTINCT member) FILTER (is_sale)
    FROM churn_orders"""

_GAPS_SQL: Final = """
    WITH gaps AS (
        SELECT date_diff('day', lag(day) OVER (PARTITION BY member ORDER BY day), day) AS gap
        FROM churn_orders WHERE new_day
    )
    SELECT count(gap), quantile_disc(gap, $quantile) FROM gaps"""


@dataclass(frozen=True)
class Plan:
    """The cuts of one shop.

    Attributes:
        horizon: H in days, even; no sale in [cut, cut + H) is churn.
        gap: the quantile of gaps between a member's sale days that H comes from.
        shortened: H is less than the rule says, because the history is short.
        first: day of the first sale of any member.
        end: the day after the last day of orders; the cut from which customers are scored.
    """

    horizon: int
    gap: int
    shortened: bool
    first: date
    end: date

    @property
    def holdout(self) -> date:
        """The last cut whose whole horizon has passed."""
        return self.end - timedelta(days=self.horizon)

    def calibration_for(self, target: date) -> date:
        """The cut whose outcomes calibrate what is predicted at `target`."""
        return target - timedelta(days=self.horizon)

    def training_for(self, target: date) -> tuple[date, ...]:
        """Cuts to train on for `target`, oldest first, half a horizon apart, each with a horizon of history."""
        step, latest = timedelta(days=self.horizon // 2), target - timedelta(days=2 * self.horizon)
        cuts = [latest - k * step for k in range(MAX_CUTS)]
        return tuple(sorted(cut for cut in cuts if cut >= self.first + timedelta(days=self.horizon)))


def plan_cuts(db: "DuckDBPyConnection") -> Plan | tuple[Lacking, ...]:
    """The plan of the shop whose history is prepared in `db`, or what it lacks.

    The horizon is the 80th percentile of the days between two successive sale days of a member, within 30 to 180
    and a fifth of the history: by then four of five members who come back have come back.
    """
    [(first, last, members)] = db.execute(_SPAN_SQL).fetchall()
    if not members:
        return (Lacking("회원의 구매", 0, 1),)
    [(gaps, gap)] = db.execute(_GAPS_SQL, {"quantile": GAP_QUANTILE}).fetchall()
    end = last + timedelta(days=1)
    days = (end - first).days
    needs = (
        ("구매 회원", members, MIN_MEMBERS),
        ("재구매 간격", gaps, MIN_GAPS),
        ("첫 구매부터의 일수", days, MIN_DAYS),
    )
    if lacking := tuple(Lacking(what, have, needed) for what, have, needed in needs if have < needed):
        return lacking
    wanted = min(max(int(gap), SHORTEST), LONGEST)
    horizon = min(wanted, days // HISTORY_HORIZONS) // 2 * 2
    return Plan(horizon, int(gap), horizon < wanted - 1, first, end)
