"""The parts of the evidence page: each analysis judged on a public shop's own later days, against named baselines.

A part is rows of one table, sentences under it, and charts. Every figure comes from the run. Does not belong here:
how the page looks (see `evidence.py`), or how an analysis works (see `cafe24_pipelines/crm/`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.discovery.statistics import Estimate, bootstrap, bootstrap_ratio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.stores.lake import MallLake

RESAMPLES = 1000


@dataclass(frozen=True)
class Row:
    """One method by one measure; `less` holds the paired difference from each named baseline."""

    measure: str
    method: str
    value: Estimate
    less: dict[str, Estimate] = field(default_factory=dict)
    used: bool = False
    baseline: bool = False


@dataclass(frozen=True)
class Part:
    """What one analysis has to show."""

    title: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    charts: dict[str, str] = field(default_factory=dict)


# -- customer lifetime value ------------------------------------------------------------------------------------

_OWN_RATE = "own past rate"


def lifetime(lake: "MallLake", mall: "Mall") -> Part:
    """Purchases and money of each buyer in the days held out, against each buyer going on at their own past rate."""
    import numpy as np

    from cafe24_pipelines.crm.clv import clv
    from cafe24_pipelines.crm.lifetime.buyers import date_of, ledger
    from cafe24_pipelines.crm.lifetime.holdout import hold_out

    outcome = clv(lake, mall)
    with ledger(lake, zone=mall.time_zone) as book:
        held = hold_out(book)
        report = held.report
        if not report["done"]:
            return Part("Customer lifetime value", notes=["Too few purchases to hold some out."])
        until = book.last - report["days"]
        buyers = book.buyers(until)
        forecasts = _lifetime_forecasts(book, buyers, until, held)
    used, rows, verdicts = _way_name(held.model.name, held.season), [], []
    for unit, column, each in (("purchases", "later", "purchases"), ("money", "later_net", mall.currency)):
        found = _errors(each, forecasts[unit], buyers[column].to_numpy(float), used)
        rows += found
        verdicts += [f"{_says(r.less[_OWN_RATE])} it by {r.measure}" for r in found if r.used and r.less]
    notes = [
        f"Customer lifetime value: {len(buyers):,} buyers known by {date_of(until)}, judged on the {report['days']} "
        f"days after it; {np.mean(buyers['later'] > 0):.1%} of them bought again in those days. Against each buyer's "
        f"own past rate, {used} {'; '.join(verdicts)}. The way was chosen among {len(report['candidates'])} on "
        "these same days, by the probability it gave to what each buyer did, so its figures are a little too good."
    ]
    return Part("Customer lifetime value", rows, notes, {f"clv-{k}": svg for k, svg in outcome.charts.items()})


def _lifetime_forecasts(book: Any, buyers: Any, until: int, held: Any) -> "dict[str, dict[str, NDArray[np.float64]]]":
    """By unit and method: what each buyer is forecast to buy, and to pay, in the days held out."""
    import numpy as np

    from cafe24_pipelines.crm.lifetime.bgnbd import MODELS
    from cafe24_pipelines.crm.lifetime.cells import cells
    from cafe24_pipelines.crm.lifetime.gamma_gamma import expected_value, fit_pooled
    from cafe24_pipelines.crm.lifetime.ways import fit_ways

    days = held.report["days"]
    repeated = buyers[(buyers["x"] > 0) & (buyers["value"] > 0)]
    worth = fit_pooled(repeated["x"], repeated["value"])
    value = expected_value(worth.parameters, buyers["x"], np.maximum(buyers["value"], 0.0))
    age = np.maximum(until - buyers["first_day"].to_numpy(float), 1.0)
    rate = buyers["x"].to_numpy(float) / age * days
    purchases, money = {_OWN_RATE: rate}, {_OWN_RATE: rate * buyers["value"].to_numpy(float)}
    ways = fit_ways(
        book, buyers, until, pooled=held.report["pooled"], reach=days, models=MODELS, seasons=(held.season,)
    )
    for way in ways:
        found = cells(buyers, way.calendar, until)
        name = _way_name(way.model.name, way.season)
        purchases[name] = way.expected(found, way.ahead(until, days))[found.of]
        money[name] = purchases[name] * value
    return {"purchases": purchases, "money": money}


def _way_name(model: str, season: str) -> str:
    return f"{model}, {season} days"


def _errors(
    each: str, forecasts: "dict[str, NDArray[np.float64]]", actual: "NDArray[np.float64]", used: str
) -> list[Row]:
    """Mean absolute and root mean squared error of a buyer, with differences from the own rate, and the total."""
    import numpy as np

    errors = {method: forecast - actual for method, forecast in forecasts.items()}
    measures: tuple[tuple[str, Callable[[Any], Any]], ...] = (
        (f"mean absolute error of a buyer ({each})", lambda draws: np.abs(draws).mean(axis=1)),
        (f"root mean squared error of a buyer ({each})", lambda draws: (draws**2).mean(axis=1) ** 0.5),
    )
    rows = []
    for measure, of in measures:
        for name, error in errors.items():
            less = {_OWN_RATE: _drawn(of, error, errors[_OWN_RATE])} if name != _OWN_RATE else {}
            rows.append(Row(measure, name, _drawn(of, error), less, name == used, name == _OWN_RATE))
    for name, forecast in forecasts.items():
        total = bootstrap_ratio(forecast, actual, np.random.default_rng(0), resamples=RESAMPLES)
        rows.append(Row(f"total forecast / actual ({each})", name, total, {}, name == used, name == _OWN_RATE))
    return rows


def _drawn(of: "Callable[[Any], Any]", error: "NDArray[np.float64]", other: Any = None) -> Estimate:
    """A measure of errors, or its difference from that of other errors of the same buyers, drawn together."""
    import numpy as np

    def value(index: "NDArray[np.intp]") -> "NDArray[np.float64]":
        return of(error[index]) - (0.0 if other is None else of(other[index]))

    return bootstrap(value, len(error), np.random.default_rng(0), resamples=RESAMPLES)


def _says(difference: Estimate) -> str:
    """Of an error: less is better."""
    return "beats" if difference.high < 0 else "is worse than" if difference.low > 0 else "can't be told from"


# -- churn --------------------------------------------------------------------------------------------------------

_CHURN = {
    "recency": "recency alone", "alive": "P(alive)", "logistic": "logistic regression with splines",
    "boosted": "gradient boosting",
}  # fmt: skip
_MEASURES = {"auc": "AUC", "brier": "Brier score", "log_loss": "log loss"}


def churning(lake: "MallLake", mall: "Mall") -> Part:
    """Every candidate on the last horizon, calibrated on the one before; recency alone and P(alive) are baselines."""
    from cafe24_pipelines.crm.churn import told
    from cafe24_pipelines.crm.churn_model.candidates import CANDIDATES
    from cafe24_pipelines.crm.churn_model.study import Study, study_churn

    found = study_churn(lake, mall)
    if not isinstance(found, Study):
        return Part("Churn", notes=[f"Churn lacks data: {', '.join(one.what for one in found)}."])
    bases = [name for name, one in CANDIDATES.items() if one.simple]
    rows = []
    for metric, measure in _MEASURES.items():
        for name in CANDIDATES:
            against = [base for base in bases if base != name and name not in bases[: bases.index(base)]]
            less = {_CHURN[base]: found.judgement.difference(name, base)[metric] for base in against}
            score = found.judgement.score(name)[metric]
            rows.append(Row(measure, _CHURN[name], score, less, name == found.used, name in bases))
    outcome, plan, churned = told(found), found.plan, found.holdout.churned
    level = outcome.summary["calibration"]
    seen = level["observed"]
    beaten = "; ".join(f"{_CHURN[b]}: {'beaten' if won else 'not beaten'}" for b, won in found.beaten.items())
    notes = [
        f"Churn: no sale for {plan.horizon} days (80th percentile of gaps: {plan.gap}). {len(churned):,} members "
        f"judged from {plan.holdout}; {churned.mean():.1%} churned. Trained on {found.trained[1]:,} member-cuts at "
        f"{found.trained[0]} cuts, all their outcomes before the calibration cut. Chosen there by log loss: "
        f"{_CHURN[found.chosen]} ({beaten}); used: {_CHURN[found.used]}.",
        f"Calibration of the churn model used, on the hold-out: mean prediction {level['predicted']:.1%}, observed "
        f"{seen['value']:.1%} ({seen['low']:.1%} to {seen['high']:.1%}), expected calibration error "
        f"{level['error']:.3f} over {len(level['bins'])} bins.",
    ]
    return Part("Churn", rows, notes, {f"churn-{name}": svg for name, svg in outcome.charts.items()})


# -- recommendations ----------------------------------------------------------------------------------------------


def recommending(lake: "MallLake", mall: "Mall") -> Part:
    """Lists of ten for members who bought before and in the last window; popularity and the like are baselines."""
    from cafe24_pipelines.crm.recommendations import recommendations
    from cafe24_pipelines.crm.recommender.methods import BASELINES

    outcome = recommendations(lake, mall)
    found = outcome.summary.get("offline")
    if not found:
        return Part("Recommendations", notes=[f"Lacking: {', '.join(one.what for one in outcome.lacking)}."])
    rows = []
    for figure, measure in (("hit_rate", "hit rate@10"), ("ndcg", "nDCG@10")):
        for name, figures in found["methods"].items():
            against = found["against"]["popularity"].get(name)
            less = {"popularity": Estimate(**against[figure])} if against else {}
            value, used = Estimate(**figures[figure]), name == found["chosen"]
            rows.append(Row(measure, name.replace("_", " "), value, less, used, name in BASELINES))
    verdict = {True: "beats", False: "is worse than", None: "can't be told from"}[found["beats_popularity"]]
    days = f"{found['window_days']:.0f} days"
    notes = [
        f"Recommendations: {found['members']:,} members who bought before and in the last {days}, out of "
        f"{found['products']:,} products; the method was chosen on the {days} before. `{found['chosen']}` {verdict} "
        f"popularity by nDCG@10."
    ]
    return Part("Recommendations", rows, notes, {f"recommendations-{k}": svg for k, svg in outcome.charts.items()})


# -- descriptions and discovery -----------------------------------------------------------------------------------


def described(lake: "MallLake", mall: "Mall") -> Part:
    """Cohorts and RFM, which forecast nothing: pictures only."""
    from cafe24_pipelines.crm.cohorts import cohorts
    from cafe24_pipelines.crm.rfm import rfm

    charts = {f"cohorts-{k}": svg for k, svg in cohorts(lake, mall).charts.items()}
    return Part("Cohorts and RFM", charts=charts | {f"rfm-{k}": svg for k, svg in rfm(lake, mall).charts.items()})


def discovered(lake: "MallLake", mall: "Mall", folder: Any) -> "list[Pattern]":
    """All patterns of one discovery run over the lake and its staged graph."""
    from cafe24_pipelines.discovery.context import discovery_context
    from cafe24_pipelines.discovery.registry import detectors
    from cafe24_pipelines.discovery.run import find_all, judge
    from cafe24_pipelines.ontology.build import stage_facts
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph

    graph = EmbeddedGraph(folder)
    try:
        stage_facts(graph, lake, mall)
        with discovery_context(lake, graph, mall) as context:
            return judge(context, [(one, find_all(one, context)) for one in detectors()])
    finally:
        graph.close()


PARTS: "Iterable[Callable[[MallLake, Mall], Part]]" = (lifetime, churning, recommending, described)
