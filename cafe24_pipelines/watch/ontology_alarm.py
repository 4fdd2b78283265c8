"""The graph's alarm: told when its health falls or answers would count wrongly, told once, and once when it is over.

An alarm is an event (`ontology.alarm`) with the worst kinds of rows and their remedy, never rows; its end is another
(`ontology.recovered`). It is over only when nothing blocks and the score is back near the one before it: a graph that
stays as bad over the next build has not recovered. A graph that is merely behind its lake (rows landed after it was
made) is no alarm for a day, since the next run makes it anew. Does not belong here: checking (`ontology/health.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.ontology.health_history import DROP, FLOOR, HealthPoint, Trend, record, trend
from cafe24_pipelines.ontology.health_report import NOTES, PARTS_KO, WEIGHTS, Health, Violation

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.stores.events import Event, EventLog
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake

ALARM: Final = "ontology.alarm"
RECOVERED: Final = "ontology.recovered"
BLOCKING: Final = ("coverage",)
"""Parts whose findings make answers count wrongly (the blocking check `graph_covers_lake`)."""
BEHIND: Final = ("coverage", "freshness")
"""Parts that a graph behind its lake loses without any damage."""
PATIENCE: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
WORST: Final = 5
UNREADABLE: Final = "게시된 그래프를 읽을 수 없음(파일이 손상되었거나 사라짐)"
REBUILD: Final = "`cafe24 rebuild graph`를 실행하세요."


@dataclass(frozen=True)
class Verdict:
    """What a watch made of a check.

    `state` is `ok`, `alarm` (told now), `standing` (told before) or `recovered` (told now); `reasons` are Korean.
    """

    health: Health
    history: Trend
    state: str
    reasons: tuple[str, ...]
    worst: tuple[dict[str, Any], ...]
    behind: bool

    @property
    def text(self) -> str:
        """One paragraph in Korean, for a person."""
        score = f"온톨로지 점수 {self.health.score:g}점"
        if self.state == "recovered":
            return f"{score}: 경보가 끝났습니다."
        if self.state == "ok":
            behind = " 그래프가 새 자료보다 조금 뒤처졌지만 다음 실행이 맞춥니다." if self.behind else ""
            return f"{score}: 이상이 없습니다.{behind}"
        told = "경보" if self.state == "alarm" else "경보가 이어지고 있습니다(이미 알림)"
        lines = [f"{score}: {told}. {' '.join(self.reasons)}"]
        lines += [f"- {w['message']}: {w['count']:,}/{w['total']:,} → {w['remedy']}" for w in self.worst]
        return "\n".join(lines)


def watch_health(log: "EventLog", health: Health, *, now: datetime | None = None) -> Verdict:
    """Append what was found to the history, and an alarm or its end where one is due.

    Args:
        log: the installation's event log.
        health: what a check found.
        now: when (aware; default: this moment).
    """
    now = now or datetime.now(UTC)
    record(log, health, now=now)
    history = trend(log, health.mall_id, now=now)
    behind = is_behind(health, history, now)
    before = _reference(history, now)
    open_alarm = standing_alarm(log, health.mall_id)
    reasons = _reasons(health, before, behind)
    worst = tuple(_kind(v) for v in _counted(health, behind)[:WORST])
    if open_alarm is None:
        state = "alarm" if reasons else "ok"
    else:
        state = "recovered" if _recovered(health, open_alarm, reasons, behind) else "standing"
        if state == "standing":
            reasons = reasons or (f"경보 전 점수 {open_alarm.payload['score_before']:g}점으로 돌아오지 않았습니다.",)
            state = "alarm" if _worse(health, open_alarm, behind) else state
    if state in ("alarm", "recovered"):
        log.append([_event(log, health, Told(state, reasons, worst, before, _score(health, behind)), now)])
    return Verdict(health, history, state, reasons, worst, behind)


def check_graph(log: "EventLog", graph: "GraphStore", lake: "MallLake", mall: "Mall") -> Health:
    """The health of the mall's graph; one that was checked before and can't be read any more has no points.

    Raises:
        NotBuilt: there never was a graph.
    """
    from cafe24_pipelines.ontology.health import check_health

    try:
        return check_health(graph, lake, mall)
    except NotBuilt:
        known = trend(log, mall.mall_id).points
        if not known:
            raise
    lost = Violation("coverage", "unreadable", "Violation", "CRM_Mall", "", 1, 1, UNREADABLE, REBUILD, loss=1.0)
    points = dict.fromkeys(WEIGHTS, 0.0)
    return Health(mall.mall_id, known[-1].build_id, "", 0.0, points, [lost], {}, 0, 0, "", "", 0.0, 0)


def standing_alarm(log: "EventLog", mall_id: str) -> "Event | None":
    """The alarm that is not over; None when there is none."""
    latest = log.latest(mall_id, (ALARM, RECOVERED), 1)
    return latest[0] if latest and latest[0].type == ALARM else None


def is_behind(health: Health, history: Trend, now: datetime) -> bool:
    """Whether the graph is of an earlier lake, and has been so for less than `PATIENCE` without a break.

    A build's id is its content's, so one that comes back may have been behind before.
    """
    stale, since = any(v.rule == "stale" for v in health.violations), behind_since(history, health.build_id) or now
    return stale and now - since < PATIENCE and health.hours_behind < PATIENCE / timedelta(hours=1)


def behind_since(history: Trend, build_id: str) -> datetime | None:
    """Since when the build has been of an earlier lake without a break; None when its latest point is not."""
    since = None
    for point in reversed(history.points):
        if point.build_id != build_id or point.parts["freshness"] >= WEIGHTS["freshness"]:
            break
        since = point.at
    return since


# -- inside --------------------------------------------------------------------------------------------------


def _counted(health: Health, behind: bool) -> list[Violation]:
    """What costs points, the worst first; without what being behind explains."""
    found = [v for v in health.violations if v.part != NOTES and v.loss > 0]
    return [v for v in found if not (behind and v.part in BEHIND)]


def _score(health: Health, behind: bool) -> float:
    """The score, with the points that being behind explains given back."""
    given = sum(WEIGHTS[part] - health.parts[part] for part in BEHIND) if behind else 0.0
    return round(health.score + given, 1)


def _reference(history: Trend, now: datetime) -> float | None:
    """The score to compare with: the best of the build before this one and of what stood a week ago."""
    latest = history.points[-1]
    others: list[HealthPoint] = [p for p in history.points if p.build_id != latest.build_id][-1:]
    same = [p for p in history.points[:-1] if p.build_id == latest.build_id][:1]  # this build as first checked
    old = [p for p in history.points if p.at <= now - WEEK][-1:]
    scores = [p.score for p in (*others, *same, *old)]
    return max(scores) if scores else None


def _reasons(health: Health, before: float | None, behind: bool) -> tuple[str, ...]:
    found, score = [], _score(health, behind)
    blocking = [v for v in _counted(health, behind) if v.part in BLOCKING]
    if blocking:
        rows = sum(v.count for v in blocking)
        found.append(f"그래프와 자료의 개수가 {rows:,}건 다릅니다. 답의 수치가 틀릴 수 있습니다.")
    if score < FLOOR:
        found.append(f"점수 {score:g}점이 기준 {FLOOR:g}점보다 낮습니다.")
    if before is not None and before - score > DROP:
        found.append(f"점수가 {before:g}점에서 {score:g}점으로 {before - score:.1f}점 떨어졌습니다(기준 {DROP:g}점).")
    return tuple(found)


def _recovered(health: Health, alarm: "Event", reasons: tuple[str, ...], behind: bool) -> bool:
    """Whether nothing blocks, the score is above the floor, and back near the one before the alarm."""
    was = alarm.payload["score_before"]
    blocked = any(v.part in BLOCKING for v in _counted(health, behind))
    near = was is None or was - _score(health, behind) <= DROP
    return not blocked and _score(health, behind) >= FLOOR and near and not (was is None and reasons)


def _worse(health: Health, alarm: "Event", behind: bool) -> bool:
    """Whether a standing alarm got so much worse that it is news."""
    return float(alarm.payload["judged"]) - _score(health, behind) > DROP


def _kind(found: Violation) -> dict[str, Any]:
    """A kind of wrong row, with its remedy; no row."""
    return {
        "shape": found.shape, "part": PARTS_KO[found.part], "severity": found.severity, "count": found.count,
        "total": found.total, "message": found.message, "remedy": found.remedy,
    }  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What an event says: `judged` is the score without what being behind its lake costs."""

    state: str
    reasons: tuple[str, ...]
    worst: tuple[dict[str, Any], ...]
    before: float | None
    judged: float


def _event(log: "EventLog", health: Health, told: Told, now: datetime) -> "Event":
    """The event; its id follows from the one before it, so two watches at once tell the same once."""
    from cafe24_pipelines.stores.digest import json_digest
    from cafe24_pipelines.stores.events import Event

    kind, standing = ALARM if told.state == "alarm" else RECOVERED, standing_alarm(log, health.mall_id)
    payload: dict[str, Any] = {
        "build_id": health.build_id, "score": health.score, "judged": told.judged, "parts": dict(health.parts),
        "score_before": standing.payload["score_before"] if standing else told.before,
    }  # fmt: skip
    if kind == ALARM:
        payload |= {"reasons": list(told.reasons), "worst": list(told.worst)}
    else:
        payload |= {"alarm": standing.event_id if standing else ""}
    last = log.latest(health.mall_id, (ALARM, RECOVERED), 1)
    event_id = f"{kind}:{health.mall_id}:{json_digest([payload, last[0].event_id if last else ''])}"
    return Event(event_id, health.mall_id, kind, now, payload)
