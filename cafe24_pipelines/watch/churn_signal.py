"""Customers newly at risk since the last scores: who crossed the line by what they did (or left undone), told once.

The line is declared beforehand, with hysteresis: at risk from a probability of 2/3 on, and no more below 1/2 or with
the next purchase. A rise beyond the calibration's own interval is a signal too. The model that gave the old scores is
not the one that gives the new ones, so a score moves for two reasons. The new model scores each member *as they were
at the last look* as well: what lies between that and the old score is the refit, what lies between that and the new
score is the customer. Only the customer's part is told; a refit is counted and said.

Where the churn analysis says that no model beats recency, the rule is recency itself: no purchase for the horizon. An
episode is one silence, from a purchase to the next, and is told once. Data that end before the last look (an older
export landed, or a part of one) set a new baseline: what is missing is no silence. Does not belong here: scores
(`crm/churn.py`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.watch.churn_book import Known, SignalBook
from cafe24_pipelines.watch.churn_words import REFIT_NOTE, action_of, caveat, leading_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.shop import Shop
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.stores.events import EventLog

SIGNALLED: Final = "churn.signalled"
REFITTED: Final = "churn.refitted"
ENTER: Final = 2 / 3
EXIT: Final = 1 / 2
RISE_FROM: Final = 1 / 3
"""A rise that ends below this is none."""
QUIET_DAYS: Final = 14
"""Who bought within so many days is not at risk, whatever the score."""
SLACK_DAYS: Final = 7
"""By recency, a risk ends only when the horizon has moved this far beyond the silence."""
_AGREE: Final = 1e-6

VALUE_SQL: Final = (
    "SELECT member_key, CAST(sum(net_amount) AS DOUBLE) AS value FROM order_facts WHERE member_key IS NOT NULL "
    "AND ordered_local::DATE > DATE '{end}' - 365 GROUP BY 1"
)
"""A member's value: net sales of the year up to the last day of data."""


@dataclass(frozen=True)
class Looked:
    """What a look found.

    `status`: told, quiet, baseline (the first look, or data gone back: nobody is new), insufficient_data, or waiting
    (the scores are not of the data that landed; the next run brings them). `summary` holds counts only.
    """

    status: str
    summary: dict[str, Any]


def watch_churn(
    tables: "CrmTables", book: SignalBook, shop: "Shop", mall: "Mall", log: "EventLog", *, now: datetime | None = None
) -> Looked:
    """Compare the published scores with those of the last look; log and remember what is new.

    A repetition after a kill logs nothing twice: an event's id follows from both tables.
    """
    made_of, known = tables.digest(mall.mall_id, "churn"), book.known(mall.mall_id)
    scored = tables.summary(mall.mall_id, "churn")
    if scored["status"] != "ok":
        return Looked("insufficient_data", {"lacking": scored["lacking"]})
    if known and known.made_of == made_of:
        return Looked("quiet", known.summary | {"new": 0, "by_refit": 0, "text": "새 점수가 없습니다."})
    state = _state(tables, shop, mall, scored, known)
    if state is None:
        return Looked("waiting", {"text": "점수표가 지금 적재된 자료의 것이 아닙니다. 다음 실행 뒤에 다시 봅니다."})
    back = known.as_of if known and _as_of(scored) < known.as_of else None
    summary = _summary(state, scored, mall, first=known is None, back=back)
    if known:
        seen = json_digest([mall.mall_id, made_of, known.digest])
        _tell(log, mall.mall_id, summary, seen, now or datetime.now(UTC))
    book.publish(mall.mall_id, made_of, _as_of(scored), state, summary)
    return Looked("baseline" if known is None or back else "told" if summary["new"] else "quiet", summary)


# -- who is at risk ----------------------------------------------------------------------------------------------


def by_recency(scored: "Mapping[str, Any]") -> bool:
    """Whether the churn analysis found no model better than recency."""
    return scored["model"]["used"] == "recency"


def decide(
    now: "pd.DataFrame", known: "pd.DataFrame | None", then: "pd.DataFrame", scored: "Mapping[str, Any]",
    *, back: bool = False,
) -> "pd.DataFrame":  # fmt: skip
    """The new memory: every member with `at_risk`, `since`, `cause`, `told_on` and `told_for`.

    Args:
        now: member_key, probability, recency_days, last_bought, reasons.
        known: the memory of the last look; None at the first.
        then: by member_key, `probability` and `recency_days` that the rule of now gives for the last look's day.
        scored: the summary of the churn analysis.
        back: the data end before the last look, so nothing of this is news.
    """
    import numpy as np
    import pandas as pd

    rule, as_of = _Rule.of(scored), _as_of(scored)
    before = known if known is not None else now.iloc[:0].reindex(columns=[*_MEMORY, "member_key"])
    rows = now.merge(before[["member_key", *_MEMORY]].add_prefix("was_"), how="left", left_on="member_key",
                     right_on="was_member_key").merge(then.add_prefix("then_"), how="left", left_on="member_key",
                                                      right_index=True)  # fmt: skip
    met = rows["was_member_key"].notna().to_numpy()
    bought = met & (_days(rows["last_bought"]) > _days(rows["was_last_bought"]))
    silent = met & ~bought
    above = rule.enters(rows["probability"], rows["recency_days"])
    was = silent & rows["was_at_risk"].eq(True).to_numpy()
    stays = was & rule.stays(rows["probability"], rows["recency_days"])
    entered = above & ~was
    undone = met & (_days(rows["last_bought"]) < _days(rows["was_last_bought"]))  # the purchase did not stand
    already = silent & ~undone & rule.enters(rows["then_probability"], rows["then_recency_days"])
    jumped = silent & ~above & ~was & rule.rises(rows, scored)
    cause = np.select([entered & already, entered, jumped], ["refit", "crossed", "jumped"], "")
    if known is None or back:
        cause = np.where(entered, "baseline", "")
    kept = stays | (was & above)
    heard = met & (_days(rows["was_told_for"]) == _days(rows["last_bought"]))
    new = np.isin(cause, ["crossed", "jumped"]) & ~heard
    rows["at_risk"] = above | stays
    rows["cause"] = np.where(kept, rows["was_cause"].astype(object).where(rows["was_cause"].notna(), ""), cause)
    rows["since"] = _chosen(kept, rows["was_since"], (cause != "") & ~kept, as_of)
    rows["told_on"] = _chosen(~new, rows["was_told_on"], new, as_of)
    rows["told_for"] = rows["was_told_for"].where(~new, rows["last_bought"])
    if back:  # who was at risk is no news once the data are whole again
        rows["told_for"] = rows["told_for"].where(~rows["was_at_risk"].eq(True), rows["was_last_bought"])
    rows["new"], rows["refitted"] = new, cause == "refit"
    for name in ("told_on", "told_for", "since"):
        rows[name] = rows[name].astype(object).where(pd.notna(rows[name]), None)
    return rows


_MEMORY: Final = ("last_bought", "at_risk", "since", "cause", "told_on", "told_for")


@dataclass(frozen=True)
class _Rule:
    """When a member is at risk: by probability, or by recency alone."""

    recency: bool
    horizon: int

    @classmethod
    def of(cls, scored: "Mapping[str, Any]") -> "_Rule":
        return cls(by_recency(scored), int(scored["horizon_days"]))

    def enters(self, p: "pd.Series[float]", recency: "pd.Series[float]") -> "NDArray[np.bool_]":
        reached = recency >= self.horizon if self.recency else (p >= ENTER) & (recency >= QUIET_DAYS)
        return reached.fillna(False).to_numpy(bool)

    def stays(self, p: "pd.Series[float]", recency: "pd.Series[float]") -> "NDArray[np.bool_]":
        held = recency >= self.horizon - SLACK_DAYS if self.recency else p >= EXIT
        return held.to_numpy(bool)

    def rises(self, rows: "pd.DataFrame", scored: "Mapping[str, Any]") -> "NDArray[np.bool_]":
        """A rise under one model that is larger than the interval of the probability it began at."""
        import numpy as np

        if self.recency:
            return np.zeros(len(rows), bool)
        start = rows["then_probability"].to_numpy(float)
        bins = scored["calibration"]["bins"]
        edges = [(a["predicted"] + b["predicted"]) / 2 for a, b in pairwise(bins)]
        width = np.array([b["high"] - b["low"] for b in bins])[np.searchsorted(edges, np.nan_to_num(start))]
        p, quiet = rows["probability"].to_numpy(float), rows["recency_days"].to_numpy() >= QUIET_DAYS
        return (p - start > width) & (p >= RISE_FROM) & quiet


def _days(values: "pd.Series[Any]") -> "NDArray[np.float64]":
    """Dates as numbers, NaN where there is none."""
    import numpy as np
    import pandas as pd

    return np.array([float("nan") if pd.isna(v) else float(v.toordinal()) for v in values])


def _chosen(keep: "NDArray[np.bool_]", old: "pd.Series[Any]", take: "NDArray[np.bool_]", day: date) -> list[Any]:
    import pandas as pd

    return [day if t else (o if k and pd.notna(o) else None) for k, o, t in zip(keep, old, take, strict=True)]


# -- reading -----------------------------------------------------------------------------------------------------


def _as_of(scored: "Mapping[str, Any]") -> date:
    return date.fromisoformat(scored["as_of"])


def _state(
    tables: "CrmTables", shop: "Shop", mall: "Mall", scored: dict[str, Any], known: Known | None
) -> "pd.DataFrame | None":
    """The new memory with reason, action, segment and value; None when the scores are not of this data."""
    now = tables.read(mall.mall_id, "churn")
    end = _as_of(scored) + timedelta(days=1)
    now["last_bought"] = [end - timedelta(days=int(days)) for days in now["recency_days"]]
    then = _then(shop, mall, scored, known, now)
    if then is None:
        return None
    back = known is not None and _as_of(scored) < known.as_of
    state = decide(now, known.table if known else None, then, scored, back=back)
    leading = [leading_reason(text) for text in state["reasons"]]
    state["reason"] = [text for _, text in leading]
    state["action"] = [
        action_of(kind) if risk else "" for (kind, _), risk in zip(leading, state["at_risk"], strict=True)
    ]
    state["reason_kind"] = [kind for kind, _ in leading]
    state["segment"] = _segments(tables, mall.mall_id, state["member_key"])
    rows = shop.query(VALUE_SQL.format(end=end - timedelta(days=1)), zone=mall.time_zone).to_pylist()
    values = {row["member_key"]: row["value"] for row in rows}
    state["value"] = [max(float(values.get(key, 0.0)), 0.0) for key in state["member_key"]]
    return state


def _then(
    shop: "Shop", mall: "Mall", scored: dict[str, Any], known: Known | None, now: "pd.DataFrame"
) -> "pd.DataFrame | None":
    """What the rule of now says of everybody as of the last look; None when the scores are not of this data."""
    import numpy as np
    import pandas as pd

    from cafe24_pipelines.crm.churn_model.features import features, prepare
    from cafe24_pipelines.crm.churn_model.study import Study, study_churn

    if known is None:
        return pd.DataFrame({"probability": [], "recency_days": []})
    if by_recency(scored):
        passed = (_as_of(scored) - known.as_of).days
        return pd.DataFrame({"probability": np.nan, "recency_days": now["recency_days"] - passed}).set_axis(
            now["member_key"]
        )
    found = study_churn(shop, mall)
    if not isinstance(found, Study) or len(found.members) != len(now):
        return None
    again = dict(zip(found.members["member_key"], found.today.probability(found.members), strict=True))
    if any(abs(again.get(k, 9.0) - p) > _AGREE for k, p in zip(now["member_key"], now["probability"], strict=True)):
        return None
    with shop.duckdb(zone=mall.time_zone) as db:
        prepare(db)
        cut = known.as_of + timedelta(days=1)
        past = features(db, cut, horizon=found.plan.horizon, zone=mall.time_zone)
    p = found.today.probability(past)
    return pd.DataFrame({"probability": p, "recency_days": past["recency_days"].to_numpy()}).set_axis(
        past["member_key"].to_numpy()
    )


def _segments(tables: "CrmTables", mall_id: str, members: "pd.Series[str]") -> list[str]:
    if not tables.digest(mall_id, "customer_360"):
        return ["-"] * len(members)
    table = tables.read(mall_id, "customer_360")
    by_member = dict(zip(table["member_key"], table["segment"], strict=True))
    return [str(by_member.get(key) or "-") for key in members]


# -- telling -----------------------------------------------------------------------------------------------------


def _summary(
    state: "pd.DataFrame", scored: dict[str, Any], mall: "Mall", *, first: bool, back: date | None
) -> dict[str, Any]:
    """Counts and sums; no member."""
    new = state[state["new"]]
    refit = int(state["refitted"].sum())
    summary: dict[str, Any] = {
        "as_of": scored["as_of"], "members": len(state), "at_risk": int(state["at_risk"].sum()), "new": len(new),
        "crossed": int(new["cause"].eq("crossed").sum()), "jumped": int(new["cause"].eq("jumped").sum()),
        "by_refit": refit, "value_at_stake": round(float(new["value"].sum()), 2), "currency": mall.currency,
        "rule": "recency" if by_recency(scored) else "model", "model": scored["model"]["title"],
        "horizon_days": scored["horizon_days"], "caveat": caveat(scored, by_recency(scored)),
        "by_segment": _by(new, "segment"), "by_reason": _by(new, "reason_kind"),
        "value_query": VALUE_SQL.format(end=scored["as_of"]),
    }  # fmt: skip
    summary["actions"] = {row["reason_kind"]: action_of(row["reason_kind"]) for row in summary["by_reason"]}
    return summary | {"text": _text(summary, first=first, back=back)}


def _by(rows: "pd.DataFrame", column: str) -> list[dict[str, Any]]:
    found = [
        {column: str(name), "customers": len(part), "value": round(float(part["value"].sum()), 2)}
        for name, part in rows.groupby(column)
    ]
    return sorted(found, key=lambda row: (-row["value"], row[column]))


def _text(s: dict[str, Any], *, first: bool, back: date | None) -> str:
    if first or back:
        why = f"자료가 지난번에 본 {back}보다 앞에서 끝나 기준을 다시 세웠습니다" if back else "기준을 세웠습니다"
        risk = f"{s['as_of']} 현재 이탈 위험 고객 {s['at_risk']:,}명"
        return " ".join(filter(None, (f"{why}: {risk}. 다음부터 새로 생긴 위험만 알립니다.", s["caveat"])))
    told = "새로 이탈 위험에 든 고객이 없습니다."
    if s["new"]:
        told = (
            f"새로 이탈 위험에 든 고객 {s['new']:,}명(기준을 넘음 {s['crossed']:,}명, 확률이 크게 오름 "
            f"{s['jumped']:,}명). "
            f"이들의 지난 1년 구매액은 {s['value_at_stake']:,.0f} {s['currency']}입니다."
        )
    refit = REFIT_NOTE.format(count=s["by_refit"]) if s["by_refit"] else ""
    return " ".join(filter(None, (told, refit, s["caveat"])))


def _tell(log: "EventLog", mall_id: str, summary: dict[str, Any], seen: str, now: datetime) -> None:
    """Log what is new: customers at risk, and scores that moved by a refit alone. `seen` names both tables."""
    from cafe24_pipelines.stores.events import Event

    due = []
    if summary["new"]:
        due.append(Event(f"{SIGNALLED}:{seen}", mall_id, SIGNALLED, now, summary))
    if summary["by_refit"]:
        short = {key: summary[key] for key in ("as_of", "members", "by_refit", "rule", "model", "horizon_days")}
        due.append(Event(f"{REFITTED}:{seen}", mall_id, REFITTED, now, short))
    log.append(due)
