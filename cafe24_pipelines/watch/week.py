"""The week that was: figures against the week before and against what such a week is, findings, alarms, promises.

A week is Sunday to Saturday in the mall's zone. Figures are those of the last week with data, and only of days that
have landed whole; the other weeks are cut to the same days. Both comparisons of every figure are one family of tests
(Holm). What happened is that of the calendar week before `now`; when the data are older than that, both weeks are
named. What this week promises to look at again is logged (`week.reviewed`); the next week says what came of it.

Does not belong here: words (`week_text.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cafe24_pipelines.watch.churn_book import SignalBook, came_back
from cafe24_pipelines.watch.measures import (
    ALPHA,
    METRICS,
    History,
    Judged,
    dispersion,
    history_of,
    judge,
    latest_day,
    scale,
    series_of,
    to_row,
)
from cafe24_pipelines.watch.news import News, finding_rows, news
from cafe24_pipelines.watch.promises import Promise, promises_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.shop import Shop
    from cafe24_pipelines.discovery.statistics import Estimate
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import Event, EventLog

REVIEWED: Final = "week.reviewed"


@dataclass(frozen=True)
class WeekSpan:
    """A week from its Sunday; `days` of it are whole and landed (7 for a full one)."""

    first: date
    days: int = 7

    @property
    def last(self) -> date:
        """The last day that counts."""
        return self.first + timedelta(days=self.days - 1)

    @property
    def end(self) -> date:
        """Its Saturday."""
        return self.first + timedelta(days=6)


@dataclass(frozen=True)
class Figure:
    """A figure of the week: beside its usual (`judged`), and beside the week before.

    `ratio` is None where there is none: from nothing, or to less than nothing.
    """

    judged: Judged
    before: float
    ratio: "Estimate | None"
    p_before: float
    adjusted_before: float

    @property
    def changed(self) -> int:
        """1 more than the week before, -1 less, 0 not to be told from chance."""
        if self.adjusted_before >= ALPHA:
            return 0
        return 1 if self.judged.value > self.before else -1


@dataclass(frozen=True)
class Week:
    """All that a retrospective tells. `figures` is empty when the history is too short.

    `calendar` is the week that happened, `span` the one of the figures (None without data). `kept` is what came of
    the promises of the retrospective before (`earlier`, None at the first one); `cost` is USD spent on models, None
    where nothing is kept about it. `gaps` are weeks without orders that are no part of the usual.
    """

    mall: "Mall"
    calendar: WeekSpan
    span: WeekSpan | None
    as_of: date | None
    figures: list[Figure]
    news: News
    standing_alarm: bool
    still_failing: list[str]
    cost: float | None
    earlier: "Event | None"
    kept: list[tuple[Promise, str, str]]
    gaps: int = 0

    @property
    def current(self) -> bool:
        """Whether the figures are of the calendar week, or a part of it."""
        return self.span is not None and self.span.first == self.calendar.first

    @property
    def differing(self) -> list[Figure]:
        """Figures of this very week that are not as usual or not as the week before."""
        return [f for f in self.figures if self.current and (f.judged.differs or f.changed)]

    @property
    def quiet(self) -> bool:
        """Whether nothing happened and nothing differs."""
        return self.news.quiet and not self.differing and not self.standing_alarm and not self.still_failing

    @property
    def promises(self) -> list[Promise]:
        """What the next retrospective has to come back to."""
        metrics = [(f.judged.metric.name, f.judged.differs) for f in self.differing if f.judged.differs]
        return promises_of(self.news, metrics, self.standing_alarm, self.still_failing, self.as_of)

    def to_json(self) -> dict[str, Any]:
        """As plain values; what the event keeps."""
        return {
            "week": [self.calendar.first.isoformat(), self.calendar.end.isoformat()],
            "data_week": [self.span.first.isoformat(), self.span.last.isoformat()] if self.span else [],
            "as_of": self.as_of.isoformat() if self.as_of else "", "quiet": self.quiet,
            "figures": [figure_row(f, self.mall.currency) for f in self.figures],
            "new": finding_rows(self.news.new), "broke": finding_rows(self.news.broke), "held": len(self.news.held),
            "feedback": dict(self.news.feedback), "cost_usd": self.cost,
            "promises": [one.to_json() for one in self.promises],
            "kept": [{"text": p.text, "outcome": outcome, "told": told} for p, outcome, told in self.kept],
        }  # fmt: skip


def look_back(settings: "Settings", shop: "Shop", mall: "Mall", log: "EventLog", *, now: datetime) -> Week:
    """The retrospective of the week before `now` (aware); logs it once, with its promises."""
    calendar = calendar_week(now, mall)
    span, as_of = data_week(shop, mall, now, calendar)
    history = history_of(shop, mall, span.first) if span else History(0, ())
    figures = judge_week(shop, mall, span, history) if span else []
    told = news(log, mall.mall_id, *_bounds(calendar, mall))
    earlier = _earlier(log, mall.mall_id, calendar)
    made = Week(
        mall, calendar, span, as_of, figures, told, _standing(log, mall.mall_id, told.end),
        _failing(log, mall.mall_id, told.end), _cost(settings, mall, calendar), earlier, [],
        history.span - history.weeks,
    )  # fmt: skip
    book = SignalBook(settings.home.analytics)
    since = _since(log, made)
    kept = [(p, *_outcome(p, made, since, book, shop)) for p in _promised(earlier)]
    week = Week(**{**vars(made), "kept": kept})
    log.append([_event(week, now)])
    return week


# -- which week --------------------------------------------------------------------------------------------------


def calendar_week(now: datetime, mall: "Mall") -> WeekSpan:
    """The last Sunday-to-Saturday that has ended."""
    today = now.astimezone(ZoneInfo(mall.time_zone)).date()
    return WeekSpan(today - timedelta(days=(today.weekday() + 1) % 7 + 7))


def data_week(shop: "Shop", mall: "Mall", now: datetime, calendar: WeekSpan) -> tuple[WeekSpan | None, date | None]:
    """The week of the figures, and the last day that has landed whole.

    The calendar week, cut to what has landed; or, for data that end before it, the last whole week of the data.
    """
    latest = latest_day(shop, mall, now)
    if latest is None:
        return None, None
    whole = latest.day - timedelta(days=1) if latest.running else latest.day
    if whole >= calendar.end:
        return calendar, whole
    if whole >= calendar.first:
        return WeekSpan(calendar.first, (whole - calendar.first).days + 1), whole
    saturday = whole - timedelta(days=(whole.weekday() + 2) % 7)
    return WeekSpan(saturday - timedelta(days=6)), whole


def _bounds(week: WeekSpan, mall: "Mall") -> tuple[datetime, datetime]:
    zone = ZoneInfo(mall.time_zone)
    start, end = (datetime.combine(day, time(), zone) for day in (week.first, week.first + timedelta(days=7)))
    return start.astimezone(UTC), end.astimezone(UTC)


# -- figures -----------------------------------------------------------------------------------------------------


def judge_week(shop: "Shop", mall: "Mall", span: WeekSpan, history: History) -> list[Figure]:
    """Every figure of a week, tested against its usual and against the week before, all tests together."""
    from cafe24_pipelines.experiments.statistics import holm

    if not history.enough:
        return []
    days = [span.first + timedelta(days=at) for at in range(-7 * history.span, span.days)]
    series = series_of(shop, mall, days)
    members = _members_of_weeks(shop, mall, span, history.span)
    found = [_figure(metric.name, series, history, span, mall, weeks=members.get(metric.name)) for metric in METRICS]
    tests = holm([p for f in found for p in (f.judged.p, f.p_before)])
    return [
        Figure(
            Judged(**{**vars(f.judged), "adjusted": tests[2 * i]}), f.before, f.ratio, f.p_before, tests[2 * i + 1]
        )
        for i, f in enumerate(found)
    ]


def _members_of_weeks(shop: "Shop", mall: "Mall", span: WeekSpan, weeks: int) -> "dict[str, NDArray[np.float64]]":
    """Figures that count each member once, of the same days of each week before and of this one."""
    import numpy as np

    found, first = {}, span.first - timedelta(days=7 * weeks)
    with shop.duckdb(zone=mall.time_zone) as db:
        for metric in METRICS:
            if metric.distinct:
                sql = metric.weeks_sql(first, weeks + 1, span.days, mall.time_zone)
                values = dict(db.execute(sql).fetchall())
                found[metric.name] = np.array([float(values.get(week) or 0) for week in range(weeks + 1)])
    return found


def _figure(
    name: str, series: "dict[str, NDArray[np.float64]]", history: History, span: WeekSpan, mall: "Mall",
    *, weeks: "NDArray[np.float64] | None" = None,
) -> Figure:  # fmt: skip
    """A figure of the week; `weeks` are its values week by week where those are not the sums of their days."""
    metric = next(m for m in METRICS if m.name == name)
    values, unit, here = series[name], scale(metric, series), 7 * history.span
    days, value = history.rows(values), float(values[here:].sum())
    usual, before = days[:, : span.days].sum(axis=1), float(values[here - 7 : here][: span.days].sum())
    if weeks is not None:
        usual, before, value = weeks[:-1][list(history.kept)], float(weeks[-2]), float(weeks[-1])
    spread = max(dispersion(days, unit), dispersion(usual[:, None], unit))
    query = metric.whole_sql(span.first, span.last, mall.time_zone)
    judged = Judged(**{**vars(judge(metric, value, usual, spread, unit)), "query": query})
    ratio, p = _against(value / unit, before / unit, spread, metric.side)
    if history.span - 1 not in history.kept:  # the week before is a gap: nothing that this one could be held against
        ratio, p = None, 1.0
    return Figure(judged, before, ratio, p, p)


def _against(value: float, before: float, spread: float, side: int) -> "tuple[Estimate | None, float]":
    """The ratio of two quasi-Poisson counts with its interval on the log scale, and the p that they are equal."""
    from math import exp, log

    from scipy.stats import norm

    from cafe24_pipelines.discovery.statistics import Estimate

    a, b = max(value, 0.0) + 0.5, max(before, 0.0) + 0.5
    difference, error = log(a / b), (spread * (1 / a + 1 / b)) ** 0.5
    z = difference / error
    p = float(norm.sf(z)) if side > 0 else float(2 * norm.sf(abs(z)))
    if before <= 0 or value < 0:  # refunds may outweigh sales: less than nothing is no multiple of anything
        return None, p
    reach = float(norm.ppf(0.975)) * error
    low = exp(difference - reach) if value > 0 else 0.0
    return Estimate(value / before, low, exp(difference + reach)), p


def figure_row(figure: Figure, currency: str) -> dict[str, Any]:
    """A figure as plain values."""
    ratio = figure.ratio
    return {
        **to_row(figure.judged, currency), "before": round(figure.before, 4), "changed": figure.changed,
        "ratio": round(ratio.value, 4) if ratio else None, "ratio_low": round(ratio.low, 4) if ratio else None,
        "ratio_high": round(ratio.high, 4) if ratio else None,
        "adjusted_p_before": float(f"{figure.adjusted_before:.4g}"),
    }  # fmt: skip


# -- what else ---------------------------------------------------------------------------------------------------


def _earlier(log: "EventLog", mall_id: str, calendar: WeekSpan) -> "Event | None":
    """The latest retrospective of an earlier week."""
    found = [e for e in log.latest(mall_id, (REVIEWED,)) if e.payload["week"][0] < calendar.first.isoformat()]
    return max(found, key=lambda e: str(e.payload["week"][0]), default=None)


def _promised(earlier: "Event | None") -> list[Promise]:
    return [Promise(**one) for one in earlier.payload["promises"]] if earlier else []


def _standing(log: "EventLog", mall_id: str, end: datetime) -> bool:
    """Whether an alarm of the graph stood at the end of the week."""
    from cafe24_pipelines.watch.ontology_alarm import ALARM, RECOVERED

    seen = [e for e in log.latest(mall_id, (ALARM, RECOVERED)) if e.occurred_at < end]
    return bool(seen) and seen[0].type == ALARM


def _failing(log: "EventLog", mall_id: str, end: datetime) -> list[str]:
    """Jobs of the mall whose last word at the end of the week was a failure."""
    from cafe24_pipelines.operations.failures import FAILED, RECOVERED

    last: dict[str, str] = {}
    for event in log.latest(mall_id, (FAILED, RECOVERED), 1000):
        if event.occurred_at < end:
            last.setdefault(str(event.payload["job"]), event.type)
    return sorted(job for job, kind in last.items() if kind == FAILED)


def _since(log: "EventLog", week: Week) -> News:
    """What happened since the retrospective before, which may be more than a week ago."""
    if week.earlier is None:
        return week.news
    ended = date.fromisoformat(str(week.earlier.payload["week"][1])) + timedelta(days=1)
    if ended >= week.calendar.first:
        return week.news
    return news(log, week.mall.mall_id, _bounds(WeekSpan(ended), week.mall)[0], week.news.end)


def _outcome(promise: Promise, week: Week, since: News, book: SignalBook, shop: "Shop") -> tuple[str, str]:
    """What came of a promise since it was made: a word (kept, open, unknown) and a Korean sentence."""
    from cafe24_pipelines.watch import promises

    if promise.kind == "metric":
        judged = {f.judged.metric.name: f.judged for f in week.figures}.get(promise.about)
        return promises.metric_outcome(promise, judged if week.current else None)
    if promise.kind == "finding":
        held, gone = ({f.id: f for f in found} for found in (since.held, since.broke))
        return promises.finding_outcome(held.get(promise.about), gone.get(promise.about))
    if promise.kind == "alarm":
        return promises.state_outcome(not week.standing_alarm)
    if promise.kind == "job":
        return promises.state_outcome(promise.about not in week.still_failing)
    first, last = (date.fromisoformat(day) for day in promise.about.split("/"))
    return promises.churn_outcome(*came_back(book, shop, week.mall, first, last))


def _cost(settings: "Settings", mall: "Mall", week: WeekSpan) -> float | None:
    """USD that the mall's models cost in a week, by the mall's days; None where no spending is kept."""
    from cafe24_pipelines.answers.budget import Budget
    from cafe24_pipelines.stores.shared_state import shared_state

    if not settings.state_url and not settings.home.state.exists():
        return None
    state, zone = shared_state(settings), ZoneInfo(mall.time_zone)
    days = [week.first + timedelta(days=at) for at in range(7)]
    spent = [Budget(state, mall.mall_id, 0.0, zone=mall.time_zone, clock=_Noon(day, zone)).today() for day in days]
    return round(sum(one.total for one in spent), 6)


@dataclass(frozen=True)
class _Noon:
    """A clock that stands at noon of a day."""

    day: date
    zone: ZoneInfo

    def now(self) -> float:
        """Epoch seconds."""
        return datetime.combine(self.day, time(12), self.zone).timestamp()

    def sleep(self, seconds: float) -> None:
        """Nothing waits here."""


def _event(week: Week, now: datetime) -> "Event":
    from cafe24_pipelines.stores.events import Event

    event_id = f"{REVIEWED}:{week.mall.mall_id}:{week.calendar.first.isoformat()}"
    return Event(event_id, week.mall.mall_id, REVIEWED, now, week.to_json())


def daily_sales(shop: "Shop", mall: "Mall", span: WeekSpan) -> "tuple[Sequence[float], Sequence[float]]":
    """Net sales of each day of the week, and the mean of the same weekday in the weeks before."""
    history = history_of(shop, mall, span.first)
    days = [span.first + timedelta(days=at) for at in range(-7 * history.span, span.days)]
    values = series_of(shop, mall, days)["revenue"]
    usual = history.rows(values).mean(axis=0)[: span.days]
    return [float(v) for v in values[7 * history.span :]], [float(v) for v in usual]
