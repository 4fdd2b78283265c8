"""Churn: for each member who has bought, how likely no sale follows within the horizon, and why.

Trained on the shop's own past, calibrated, judged on the last whole horizon against recency alone and P(alive); the
summary says when nothing beats them, and then they are used. Does not belong here: the parts (see `churn_model/`),
when the next order comes (see `next_order.py`), or what a churned member costs.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis
from cafe24_pipelines.crm.churn_model.calibration import Bin, calibration_error, reliability
from cafe24_pipelines.crm.churn_model.candidates import CANDIDATES
from cafe24_pipelines.crm.churn_model.cuts import GAP_QUANTILE, HISTORY_HORIZONS, LONGEST, SHORTEST, Plan
from cafe24_pipelines.crm.churn_model.judging import METRICS
from cafe24_pipelines.crm.churn_model.reasons import reasons
from cafe24_pipelines.crm.churn_model.study import Study, study_churn
from cafe24_pipelines.discovery.statistics import wilson

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import ArrayLike, NDArray

    from cafe24_pipelines.crm.shop import Shop

BANDS: Final = (("높음", 2 / 3), ("중간", 1 / 3), ("낮음", 0.0))
"""Bands and the least probability of each: two in three, one in three."""

_LEVEL_FITS: Final = "수준이 맞습니다."
_LEVEL_OFF: Final = "계절이나 행사로 수준이 달라졌을 수 있으니 확률은 순위로 읽으세요."


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    return {
        "member_key": TEXT, "probability": pa.float64(), "band": TEXT, "horizon_days": INT,
        "expected_by": pa.date32(), "reasons": TEXT, "recency_days": INT,
    }  # fmt: skip


@analysis(
    name="churn",
    title_ko="이탈 예측",
    title_en="Churn",
    needs=("orders", "order_items", "reviews", "events"),
    columns=_columns,
)
def churn(shop: "Shop", mall: Mall) -> Outcome:
    """Probability that a member who has bought buys nothing within the horizon, with its reasons.

    One row a member with at least one sale, ordered by `member_key`. The horizon starts on the day after the last
    day of orders.

    Columns: member_key, probability (calibrated), band (높음 from 2/3, 중간 from 1/3, 낮음), horizon_days,
    expected_by (last day of the horizon: without a sale by then the member has churned), reasons (up to three
    Korean phrases, the strongest first, joined by "; "), recency_days (from the last sale to the horizon's start).
    """
    return told(study_churn(shop, mall))


def told(found: Study | tuple[Lacking, ...]) -> Outcome:
    """A study, or what it lacks, as the outcome of the analysis."""
    if not isinstance(found, Study):
        return Outcome(_table(None), {}, lacking=found)
    table = _table(found)
    bins = reliability(found.probabilities[found.used], found.holdout.churned)
    return Outcome(table, _summary(found, table, bins), _charts(found, table, bins))


def band_of(probability: "ArrayLike") -> "NDArray[np.str_]":
    """The band of each probability."""
    import numpy as np

    p = np.asarray(probability, float)
    return np.select([p >= least for _, least in BANDS], [name for name, _ in BANDS], default=BANDS[-1][0])


def _table(found: Study | None) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    if found is None:
        return pa.schema(list(_columns().items())).empty_table().to_pandas()
    members, plan = found.members, found.plan
    probability = found.today.probability(members)
    table = pd.DataFrame({"member_key": members["member_key"].to_numpy(), "probability": probability})
    table["band"] = band_of(probability).astype(object)
    table["horizon_days"] = plan.horizon
    table["expected_by"] = plan.end + timedelta(days=plan.horizon - 1)
    table["reasons"] = reasons(found.today, members, found.medians, horizon=plan.horizon)
    table["recency_days"] = members["recency_days"].to_numpy().astype("int64")
    return table


# -- the summary -------------------------------------------------------------------------------------------------


def _summary(found: Study, table: "pd.DataFrame", bins: list[Bin]) -> dict[str, Any]:
    plan, cuts = found.plan, found.trained
    return {
        "customers": len(table),
        "as_of": (plan.end - timedelta(days=1)).isoformat(),
        "horizon_days": plan.horizon,
        "horizon_rule": _horizon_rule(plan),
        "expected_churn": _figure(table["probability"].mean()),
        "model": {
            "used": found.used, "title": CANDIDATES[found.used].title_ko, "chosen": found.chosen,
            "beaten": dict(found.beaten),
        },
        "verdict": verdict(found),
        "training": {"cuts": cuts[0], "rows": cuts[1], "share_of_members": cuts[2]},
        "holdout": {
            "from": plan.holdout.isoformat(), "until": (plan.end - timedelta(days=1)).isoformat(),
            "members": len(found.holdout.churned), "churned": int(found.holdout.churned.sum()),
        },
        "candidates": [_scored(found, name) for name in CANDIDATES],
        "differences": _differences(found),
        "calibration": _calibration(found, bins),
        "bands": _bands(found, table),
    }  # fmt: skip


def _horizon_rule(plan: Plan) -> str:
    rule = (
        f"재구매 간격의 {GAP_QUANTILE:.0%} 지점({plan.gap}일)을 {SHORTEST}~{LONGEST}일 안에서 짝수로 맞춘 "
        f"{plan.horizon}일 동안 구매가 없으면 이탈로 봅니다."
    )
    short = f" 기록이 짧아 전체 기간의 {HISTORY_HORIZONS}분의 1로 줄였습니다."
    return rule + short if plan.shortened else rule


def verdict(found: Study) -> str:
    """In Korean: what the hold-out says of the chosen model against the simpler ones, and which one is used."""
    chosen, used = CANDIDATES[found.chosen].title_ko, CANDIDATES[found.used].title_ko
    if not found.beaten:
        return f"보정 구간에서 {chosen} 모델의 로그 손실이 가장 낮았습니다. 더 복잡한 모델을 쓸 근거가 없습니다."
    told = []
    for name, beaten in found.beaten.items():
        gap = found.judgement.difference(found.chosen, name)["log_loss"]
        figures = f"로그 손실 차이 {gap.value:+.4f}, 95% 구간 {gap.low:+.4f}~{gap.high:+.4f}"
        says = "보다 낫습니다" if beaten else "보다 낫다고 할 수 없습니다"
        told.append(f"{chosen} 모델은 검증 구간에서 {CANDIDATES[name].title_ko} 기준{says}({figures}).")
    end = f"{used} 모델을 씁니다." if found.used == found.chosen else f"그래서 더 단순한 {used} 모델을 씁니다."
    return " ".join([*told, end])


def _scored(found: Study, name: str) -> dict[str, Any]:
    score = found.judgement.score(name)
    figures = {metric: score[metric]._asdict() for metric in METRICS}
    title = CANDIDATES[name].title_ko
    return {"name": name, "title": title, "calibration_log_loss": found.fitted[name].loss, **figures}


def _differences(found: Study) -> list[dict[str, Any]]:
    """The best model of the calibration cut less each simpler one, on the hold-out."""
    return [
        {"model": found.chosen, "against": name, "metric": metric, **estimate._asdict()}
        for name in found.beaten
        for metric, estimate in found.judgement.difference(found.chosen, name).items()
    ]


def _calibration(found: Study, bins: list[Bin]) -> dict[str, Any]:
    """How far the probabilities were from what happened on the hold-out, bin by bin and over all."""
    happened = found.holdout.churned
    share = wilson(int(happened.sum()), len(happened))
    predicted = float(found.probabilities[found.used].mean())
    within = share.low <= predicted <= share.high
    return {
        "method": "Platt", "error": _figure(calibration_error(bins)), "predicted": _figure(predicted),
        "observed": {key: _figure(value) for key, value in share._asdict().items()},
        "note": f"검증 구간의 평균 예측은 {predicted:.1%}, 실제 이탈률은 {share.value:.1%}"
        f"(95% 구간 {share.low:.1%}~{share.high:.1%})입니다. {_LEVEL_FITS if within else _LEVEL_OFF}",
        "bins": [
            {"members": b.n, "predicted": _figure(b.predicted), "observed": _figure(b.observed),
             "low": _figure(b.low), "high": _figure(b.high)}
            for b in bins
        ],
    }  # fmt: skip


def _figure(value: float) -> float:
    """Six significant digits: equal whatever the order of a floating-point sum."""
    return float(f"{value:.6g}")


def _bands(found: Study, table: "pd.DataFrame") -> list[dict[str, Any]]:
    """How many members each band holds, and what share of the hold-out's members in that band did churn."""
    placed, happened = band_of(found.probabilities[found.used]), found.holdout.churned
    out: list[dict[str, Any]] = []
    for name, least in BANDS:
        inside = placed == name
        share = wilson(int(happened[inside].sum()), int(inside.sum())) if inside.any() else None
        out.append(
            {
                "band": name, "from": round(least, 4), "customers": int((table["band"] == name).sum()),
                "holdout_members": int(inside.sum()),
                "holdout_churned": {k: round(v, 6) for k, v in share._asdict().items()} if share else None,
            }
        )  # fmt: skip
    return out


def _charts(found: Study, table: "pd.DataFrame", bins: list[Bin]) -> dict[str, str]:
    from cafe24_pipelines.crm.charts import calibration, distribution

    horizon = found.plan.horizon
    return {
        "calibration": calibration(
            [b.predicted for b in bins], [b.observed for b in bins], [b.low for b in bins], [b.high for b in bins],
            title=f"이탈 예측의 보정({horizon}일)",
        ),
        "probability": distribution(table["probability"], title=f"{horizon}일 동안 구매가 없을 확률", x="확률"),
    }  # fmt: skip
