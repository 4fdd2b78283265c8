"""A mall beside the research, metric by metric: claims side by side with their days, and what discovery says of it.

Statistics are discovery's (`web_benchmarks`, judged with everything else of its run); this page gathers, keeps what
is new as events, and says what deserves a person's eye: a difference newly confirmed or withdrawn, sources that newly
contradict each other. Does not belong here: computing anything about a mall.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.discovery.patterns import Pattern, pattern_id
from cafe24_pipelines.research.book import KnownClaim, claims_digest
from cafe24_pipelines.research.claims import Claim, number_text
from cafe24_pipelines.research.metrics import METRICS
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.events import Event, EventLog
from cafe24_pipelines.stores.files import Published

COMPARED: Final = "research.compared"
ALERT: Final = "research.alert"
CONFLICT_FROM: Final = 0.10
"""Sources contradict each other when their numbers, each widened by this part of itself, don't meet."""

_FILE: Final = "comparison.json"
_RELATED: Final = {
    "repurchase_rate": ("ratio_churn", "order_density"),
    "churn_rate": ("churn_signals",),
    "review_effect": ("review_repurchase",),
    "delivery_effect": ("delivery_delay", "churn_signals"),
}
"""What discovery says about the same thing in its own terms: shown beside the claims, never tested against them."""


@dataclass(frozen=True)
class Row:
    """One metric. `conflicts` are pairs of claim ids that contradict each other."""

    metric: str
    title: str
    claims: list[dict[str, Any]]
    conflicts: list[list[str]]
    compared: list[dict[str, Any]]
    related: list[dict[str, Any]]
    note: str


@dataclass(frozen=True)
class Alert:
    """Something that a person should look at, in Korean. `kind`: differs, withdrawn or conflict."""

    kind: str
    metric: str
    title: str
    text: str
    pattern_id: str = ""


def compare(mall_id: str, claims: Iterable[KnownClaim], patterns: Iterable[Pattern]) -> list[Row]:
    """Every metric with a claim that stands, in the order of the closed list."""
    standing, known = list(claims), list(patterns)
    rows = []
    for name, metric in METRICS.items():
        mine = [k for k in standing if k.claim.metric == name]
        if not mine:
            continue
        windows = {0, *(k.claim.window_days for k in mine)}
        ids = {pattern_id(mall_id, "web_benchmarks", f"{name}:{w}") for w in windows}
        compared = [_pattern(p) for p in known if p.id in ids]
        related = [_pattern(p) for p in known if p.detector in _RELATED.get(name, ()) and p.status == "confirmed"]
        note = "" if compared else "이 몰에는 견줄 수 있는 같은 정의의 수치가 없어 공개 자료만 보입니다."
        ordered = sorted(mine, key=lambda k: (k.claim.published, k.claim.id), reverse=True)
        rows.append(
            Row(name, metric.title_ko, [k.to_json() for k in ordered], conflicts(mine), compared, related, note)
        )
    return rows


def conflicts(claims: Iterable[KnownClaim]) -> list[list[str]]:
    """Pairs of claims of different sources that say different things of the same metric, people, window and year."""
    sure = [k.claim for k in claims if not k.claim.doubt]
    found = []
    for place, a in enumerate(sure):
        for b in sure[place + 1 :]:
            same = (a.metric, a.unit, a.population, a.window_days) == (b.metric, b.unit, b.population, b.window_days)
            low, high = sorted((a, b), key=lambda c: (c.value, c.value_to))
            apart = low.value_to * (1 + CONFLICT_FROM) < high.value * (1 - CONFLICT_FROM)
            other_years = a.period and b.period and a.period[:4] != b.period[:4]
            if same and apart and a.source != b.source and not other_years:
                found.append(sorted((a.id, b.id)))
    return sorted(found)


class ComparisonBook:
    """The current comparison of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, mall_id: str, rows: list[Row], *, claims: str, patterns: str) -> None:
        """Make these the mall's current rows; `claims` and `patterns` are digests of what they were made from."""
        meta = {"claims": claims, "patterns": patterns}
        value = [asdict(row) for row in rows]
        store, build_id = Published(self.root / mall_id), json_digest([value, meta])
        current = store.current()
        if current is None or current.build_id != build_id:
            staging = store.staging(build_id)
            (staging / _FILE).write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
            store.publish(staging, build_id, meta)

    def made_from(self, mall_id: str) -> tuple[str, str] | None:
        """(claims, patterns): digests of what the current rows were made from; None before the first."""
        build = Published(self.root / mall_id).current()
        return (str(build.meta["claims"]), str(build.meta["patterns"])) if build else None

    def current(self, mall_id: str) -> list[dict[str, Any]]:
        """The mall's current rows; none before the first comparison."""
        build = Published(self.root / mall_id).current()
        return json.loads((build.path / _FILE).read_text("utf-8")) if build else []


def compare_and_tell(
    log: EventLog, book: ComparisonBook, mall_id: str, claims: list[KnownClaim], *, patterns: list[Pattern],
    patterns_digest: str,
) -> tuple[list[Row], list[Alert]]:  # fmt: skip
    """Compare, log what is new with its alerts in one transaction, then publish; a repetition logs nothing."""
    rows = compare(mall_id, claims, patterns)
    before, last = _last(log, mall_id)
    now, alerts, events = datetime.now(UTC), [], []
    for row in rows:
        said = _said(row)
        if before.get(row.metric) == said:
            continue
        event_id = f"{COMPARED}:{json_digest([mall_id, row.metric, last.get(row.metric, ''), said])}"
        events.append(Event(event_id, mall_id, COMPARED, now, {"metric": row.metric, **said}))
        for alert in _alerts(row, before.get(row.metric)):
            alerts.append(alert)
            key = json_digest([event_id, asdict(alert)])
            events.append(Event(f"{ALERT}:{key}", mall_id, ALERT, now, asdict(alert)))
    log.append(events)
    digest = claims_digest(k.claim for k in claims)
    book.publish(mall_id, rows, claims=digest, patterns=patterns_digest)
    return rows, alerts


# -- inside --------------------------------------------------------------------------------------------------


def _pattern(p: Pattern) -> dict[str, Any]:
    return {
        "id": p.id, "detector": p.detector, "title": p.title, "status": p.status, "value": p.effect.value,
        "ci_low": p.effect.ci_low, "ci_high": p.effect.ci_high, "q": p.q, "n": p.n, "summary": p.summary,
    }  # fmt: skip


def _said(row: Row) -> dict[str, Any]:
    """What a row says that is worth an event when it changes: which claims, which contradict, how the mall stands."""
    return {
        "claims": sorted(c["id"] for c in row.claims),
        "conflicts": row.conflicts,
        "status": {c["id"]: c["status"] for c in row.compared},
    }


def _last(log: EventLog, mall_id: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """What was said last of each metric, and by which event."""
    said: dict[str, dict[str, Any]] = {}
    ids: dict[str, str] = {}
    for event in log.read_all(mall_id, types=(COMPARED,)):
        metric = event.payload["metric"]
        said[metric] = {k: v for k, v in event.payload.items() if k != "metric"}
        ids[metric] = event.event_id
    return said, ids


def _alerts(row: Row, before: dict[str, Any] | None) -> list[Alert]:
    was = (before or {}).get("status", {})
    alerts = []
    for one in row.compared:
        if one["status"] == "confirmed" and was.get(one["id"]) != "confirmed":
            title = f"공개 자료와 다른 점을 확인했습니다: {one['title']}"
            alerts.append(Alert("differs", row.metric, title, one["summary"], one["id"]))
        elif one["status"] != "confirmed" and was.get(one["id"]) == "confirmed":
            title = f"공개 자료와 다르다고 했던 것을 거둡니다: {one['title']}"
            alerts.append(Alert("withdrawn", row.metric, title, one["summary"], one["id"]))
    known = (before or {}).get("conflicts", [])
    if new := [pair for pair in row.conflicts if pair not in known]:
        by_id = {c["id"]: c for c in row.claims}
        told = "; ".join(f"{_claim(by_id[a])} ↔ {_claim(by_id[b])}" for a, b in new[:5])
        alerts.append(Alert("conflict", row.metric, f"{row.title}: 공개 출처의 수치가 서로 다릅니다", told))
    return alerts


def _claim(value: dict[str, Any]) -> str:
    when = value["published"] or value["period"] or "날짜 없음"
    return f"{value['publisher']} {when} {number_text(Claim.from_json(value))}"
