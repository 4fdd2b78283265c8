"""The shop's own hold-out: fit on its first part, forecast the rest, and tell how wrong that was.

BG/NBD and MBG/NBD compete, each with plain days and with the seasonal calendars that the first part can teach. The
logarithm of the probability that a way gave to what each customer then did decides. A calendar is taken only when it
is ahead in that and besides tells beyond chance (one-sided, 5 %) on which days the purchases came, whatever their
number; else a growing shop would be taken for a seasonal one. Does not belong here: the forecast of the future
(see `forecast.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.crm.lifetime.bgnbd import MODELS, PurchaseModel
from cafe24_pipelines.crm.lifetime.cells import cells
from cafe24_pipelines.crm.lifetime.gate import POOLED_BUYERS, Gate
from cafe24_pipelines.crm.lifetime.ways import PLAIN, Way, fit_ways

if TYPE_CHECKING:
    import pandas as pd

    from cafe24_pipelines.crm.lifetime.buyers import Ledger
    from cafe24_pipelines.crm.lifetime.newton import Vector

SHARE: Final = 1 / 3
"""Part of the shop's days that is held out, a year at most."""
LONGEST: Final = 365
SHORTEST: Final = 14
MARGIN: Final = 1.645
"""Standard errors by which a calendar must tell the days better."""
_LEAST: Final = 1e-12


@dataclass(frozen=True)
class HoldOut:
    """What was found.

    Attributes:
        model, season: of the way chosen.
        report: all errors as JSON values.
        actual, forecast: repeat purchases on each day held out, by customers known before; None when nothing was.
    """

    model: PurchaseModel
    season: str
    report: dict[str, Any]
    actual: "Vector | None" = None
    forecast: "Vector | None" = None


def hold_out(ledger: "Ledger") -> HoldOut:
    """Fit on the first part of the shop's days, forecast the rest, choose, and report the errors of all."""
    import numpy as np

    days = min(LONGEST, int(ledger.days * SHARE))
    until = ledger.last - days
    buyers = ledger.buyers(until)
    repeaters = int((buyers["x"] > 0).sum())
    if days < SHORTEST or len(buyers) < POOLED_BUYERS or repeaters == 0:
        why = "기간을 나누면 앞부분의 구매가 너무 적어 예측 오차를 잴 수 없습니다."
        return HoldOut(MODELS[0], PLAIN, {"done": False, "why": why})
    gate = Gate(len(buyers), until - ledger.first + 1, repeaters)
    ways = fit_ways(ledger, buyers, until, pooled=gate.pooled, reach=days)
    later, daily = buyers["later"].to_numpy(np.float64), ledger.daily(until)[2][until - ledger.first + 1 :]
    scores = [_log_scores(way, buyers, until, days) for way in ways]
    ahead = [way.daily(buyers, until, days) for way in ways]
    chosen, why = _choose(ways, scores, ahead, daily)
    rows = [
        {"model": way.model.name, "calendar": way.season, "log_score": float(score.sum()),
         **_errors(_expected(way, buyers, until, days), later)}
        for way, score in zip(ways, scores, strict=True)
    ]  # fmt: skip
    age = np.maximum(until - buyers["first_day"].to_numpy(np.float64), 1.0)
    before = _errors(buyers["x"].to_numpy(np.float64) / age * days, later)
    report = {
        "done": True, "days": days, "customers": len(buyers), "pooled": gate.pooled, "why": why,
        "actual_purchases": float(later.sum()), **rows[chosen],
        "beats_same_rate": bool(rows[chosen]["mae"] < before["mae"]), "candidates": rows,
        "baselines": {"same_rate": before, "zero": _errors(np.zeros_like(later), later)},
    }  # fmt: skip
    report |= _money(ways[chosen], buyers, until, days)
    return HoldOut(ways[chosen].model, ways[chosen].season, report, daily, ahead[chosen])


# -- inside --------------------------------------------------------------------------------------------------


def _expected(way: Way, buyers: "pd.DataFrame", until: int, days: int) -> "Vector":
    found = cells(buyers, way.calendar, until)
    return way.expected(found, way.ahead(until, days))[found.of]


def _log_scores(way: Way, buyers: "pd.DataFrame", until: int, days: int) -> "Vector":
    """Logarithm of the probability of what each customer did."""
    import numpy as np

    found = cells(buyers, way.calendar, until)
    given = (found.x[found.of], found.t_x[found.of], found.age[found.of], way.ahead(until, days))
    later = buyers["later"].to_numpy(np.float64)
    reached = way.model.at_least(way.fitted.parameters, *given, count=later)
    beyond = way.model.at_least(way.fitted.parameters, *given, count=later + 1)
    return np.log(np.maximum(reached - beyond, _LEAST))


def _choose(ways: list[Way], scores: "list[Vector]", ahead: "list[Vector]", daily: "Vector") -> tuple[int, str]:
    """The best plain way, or the best calendar if that is better as the module says; and why (Korean)."""
    simple = [i for i, way in enumerate(ways) if way.season == PLAIN]
    others = [i for i, way in enumerate(ways) if way.season != PLAIN]
    best = max(simple, key=lambda i: float(scores[i].sum()))
    why = "검증 기간의 예측 로그점수가 가장 높은 모형입니다."
    if not others:
        return best, f"{why} 명절·계절을 배울 만큼 기간이 길지 않아 달력 모형은 비교하지 않았습니다."
    rival = max(others, key=lambda i: float(scores[i].sum()))
    ahead_of = float((scores[rival] - scores[best]).sum()) > 0
    if ahead_of and _tells_days(ahead[rival], ahead[best], daily):
        return rival, "명절·계절 달력이 예측 로그점수에서 앞서고, 구매가 몰리는 날도 우연을 넘게 더 잘 맞혔습니다."
    return best, f"{why} 명절·계절 달력은 우연을 넘는 차이로 더 낫지 않았습니다."


def _tells_days(rival: "Vector", best: "Vector", daily: "Vector") -> bool:
    """Whether the rival tells better on which days the purchases came, given how many: the gain in the multinomial
    log-likelihood against its standard error, with the overdispersion that the rival itself leaves."""
    import numpy as np

    total = daily.sum()
    if total == 0 or not (rival.sum() > 0 and best.sum() > 0):
        return False
    p, q = (np.maximum(one / one.sum(), _LEAST) for one in (rival, best))
    ratio = np.log(p / q)
    dispersion = max(1.0, float(((daily - total * p) ** 2 / (total * p)).mean()))
    error = (dispersion * float(total * p @ (ratio - p @ ratio) ** 2)) ** 0.5
    return float(daily @ ratio) > MARGIN * error


def _errors(forecast: "Vector", actual: "Vector") -> dict[str, Any]:
    """Total error as a share of the actual total (None without one), error a customer, and correlation."""
    import numpy as np

    total, vary = float(actual.sum()), np.ptp(forecast) > 0 and np.ptp(actual) > 0
    return {
        "forecast_purchases": float(forecast.sum()),
        "total_error": float(forecast.sum()) / total - 1 if total else None,
        "mae": float(np.abs(forecast - actual).mean()),
        "rmse": float(((forecast - actual) ** 2).mean() ** 0.5),
        "correlation": float(np.corrcoef(forecast, actual)[0, 1]) if vary else None,
    }


def _money(way: Way, buyers: "pd.DataFrame", until: int, days: int) -> dict[str, Any]:
    """Net money of the days held out, forecast with the values known before; empty when those tell nothing."""
    import numpy as np

    from cafe24_pipelines.crm.lifetime.gamma_gamma import expected_value, fit_pooled

    paid_again = buyers[(buyers["x"] > 0) & (buyers["value"] > 0)]
    if paid_again.empty:
        return {}
    worth = fit_pooled(paid_again["x"], paid_again["value"])
    value = expected_value(worth.parameters, buyers["x"], np.maximum(buyers["value"], 0.0))
    forecast, actual = float(_expected(way, buyers, until, days) @ value), float(buyers["later_net"].sum())
    error = forecast / actual - 1 if actual > 0 else None
    return {"forecast_revenue": forecast, "actual_revenue": actual, "revenue_error": error}
