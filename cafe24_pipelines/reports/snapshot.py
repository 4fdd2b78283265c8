"""The snapshot: what a mall's dashboard shows, read from published projections, and where it is kept.

Each section names the projection that its numbers come from; a projection that is not there or can't answer is a
gap, told as such. Equal projections give an equal snapshot, so the time at which it was first made is kept beside
it. Holds aggregates, names of products and findings: no member. Does not belong here: how it looks (`page.py`).
"""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines import parts
from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.reports.findings import findings_of, what_changed
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.files import Published

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.ontology.health_history import Trend
    from cafe24_pipelines.settings import Settings

SHAPE: Final = 1
MONTHS: Final = 24
COHORTS: Final = 12
LISTED: Final = 12
"""Products or coupons of one list; the rest is counted."""
_FILE: Final = "snapshot.json"


class SnapshotBook:
    """The current snapshot of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, mall_id: str, snapshot: dict[str, Any], *, now: datetime | None = None) -> str:
        """Make this the mall's current snapshot; equal content is not written again. Returns its digest."""
        digest, store = json_digest(snapshot), self._store(mall_id)
        if digest != self.digest(mall_id):
            staging = store.staging(digest)
            text = json.dumps(snapshot, ensure_ascii=False, indent=1, allow_nan=False)
            (staging / _FILE).write_text(text, encoding="utf-8")
            made_at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
            meta = {"digest": digest, "made_at": made_at, "made_from": snapshot["made_from"]}
            store.publish(staging, digest, meta)
        return digest

    def current(self, mall_id: str) -> dict[str, Any]:
        """The mall's current snapshot, with `digest` and `made_at` (UTC).

        Raises:
            NotBuilt: none was published.
        """
        build = self._store(mall_id).current()
        if build is None:
            raise NotBuilt(f"mall {mall_id!r} has no report yet", remedy="run `cafe24 run` first")
        content = json.loads((build.path / _FILE).read_text(encoding="utf-8"))
        return {**content, "digest": build.meta["digest"], "made_at": build.meta["made_at"]}

    def digest(self, mall_id: str) -> str:
        """Digest of the current snapshot ("" before the first)."""
        build = self._store(mall_id).current()
        return str(build.meta["digest"]) if build else ""

    def made(self, mall_id: str) -> tuple[str, str]:
        """Of which projections (a digest) and when the current snapshot was made; empty before the first."""
        build = self._store(mall_id).current()
        return (str(build.meta["made_from"]), str(build.meta["made_at"])) if build else ("", "")

    def _store(self, mall_id: str) -> Published:
        return Published(self.root / mall_id / "snapshot")


def projections_digest(settings: "Settings", mall_id: str) -> str:
    """One digest of what is published for a mall and shown: analyses, patterns, the research beside them.

    "" while there are neither analyses nor patterns.
    """
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.research.comparison import ComparisonBook

    analyses = CrmTables(settings.home.analytics).digests(mall_id)
    patterns = PatternBook(settings.home.patterns).digest(mall_id)
    research = ComparisonBook(settings.home.research).current(mall_id)
    said = [SHAPE, analyses, patterns, *([research] if research else [])]
    return json_digest(said) if analyses or patterns else ""


def build_snapshot(settings: "Settings", mall: "Mall") -> dict[str, Any]:
    """Everything that the report shows of a mall, from what is published now.

    Raises:
        NotBuilt: nothing is published for the mall.
    """
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.discovery.history import pattern_histories
    from cafe24_pipelines.discovery.patterns import PatternBook

    made_from = projections_digest(settings, mall.mall_id)
    if not made_from:
        raise NotBuilt(f"nothing is published for mall {mall.mall_id!r}", remedy="run `cafe24 run` first")
    read = _Read(CrmTables(settings.home.analytics), mall.mall_id)
    patterns = PatternBook(settings.home.patterns).current(mall.mall_id)
    histories = pattern_histories(parts.event_log(settings), mall.mall_id)
    return {
        "shape": SHAPE, "mall_id": mall.mall_id, "currency": mall.currency, "zone": mall.time_zone,
        "made_from": made_from, "as_of": read.as_of(), "sales": _sales(read), "churn": _churn(read),
        "segments": _segments(read), "clv": _clv(read), "stock": _stock(read), "cohorts": _cohorts(read),
        "campaigns": _campaigns(read), "findings": findings_of(patterns, histories),
        "findings_changed": what_changed(patterns, histories),
        "research": _research(settings, mall.mall_id),
        "patterns_by_status": dict(sorted(Counter(p.status for p in patterns).items())),
        "quality": _quality(settings, mall), "gaps": read.gaps(),
    }  # fmt: skip


class _Read:
    """The published analyses of one mall; remembers which could not be read or lack something."""

    def __init__(self, tables: "CrmTables", mall_id: str) -> None:
        self.tables, self.mall_id = tables, mall_id
        self.built = set(tables.digests(mall_id))

    def summary(self, name: str) -> dict[str, Any] | None:
        """Its summary; None while it is not built or has nothing to say."""
        if name not in self.built:
            return None
        found = self.tables.summary(self.mall_id, name)
        return found if found["status"] == "ok" else None

    def table(self, name: str) -> list[dict[str, Any]]:
        """Its rows, with plain values: no NaN, no Decimal, dates as text."""
        frame = self.tables.read(self.mall_id, name)
        return [{str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]

    def as_of(self) -> str:
        """Last local day of the data, as the analyses that say it have it ("" if none does)."""
        said = [s["as_of"] for name in ("churn", "clv", "stock_alerts") if (s := self.summary(name)) and s["as_of"]]
        return str(max(said)) if said else ""

    def gaps(self) -> list[dict[str, Any]]:
        """Analyses that are not built, can't answer, or leave a part out."""
        from cafe24_pipelines.crm.analysis import analyses

        found = []
        for one in analyses():
            said = self.tables.summary(self.mall_id, one.name) if one.name in self.built else None
            if said is None or said["lacking"]:
                found.append(
                    {
                        "source": one.name, "title_ko": one.title_ko, "title_en": one.title_en,
                        "status": said["status"] if said else "not_built", "lacking": said["lacking"] if said else [],
                    }
                )  # fmt: skip
        return found


def _sales(read: _Read) -> dict[str, Any] | None:
    said = read.summary("sales_report")
    if said is None:
        return None
    columns = ("start", "complete", "revenue", "orders", "revenue_change", "revenue_change_year")
    rows = read.table("sales_report")
    months = [{c: r[c] for c in columns} for r in rows if r["period"] == "month"]
    weeks = [{c: r[c] for c in columns} for r in rows if r["period"] == "week" and r["complete"]]
    return {
        "source": "sales_report", "last_full_month": said["last_full_month"], "running_month": said["running_month"],
        "months": months[-MONTHS:], "last_full_week": weeks[-1] if weeks else None,
    }  # fmt: skip


def _churn(read: _Read) -> dict[str, Any] | None:
    said = read.summary("churn")
    names = ("as_of", "customers", "horizon_days", "horizon_rule", "expected_churn", "verdict", "bands")
    return said and {"source": "churn", **_only(said, names)}


def _segments(read: _Read) -> dict[str, Any] | None:
    said = read.summary("rfm")
    return said and {"source": "rfm", **_only(said, ("customers", "segments"))}


def _clv(read: _Read) -> dict[str, Any] | None:
    said = read.summary("clv")
    if said is None:
        return None
    names = (
        "as_of", "model", "customers", "customers_alive", "expected_revenue_365", "expected_purchases_365",
        "top_20_percent_share", "bands", "pooled", "yearly_discount",
    )  # fmt: skip
    held = said.get("holdout") or {}
    hold_out = _only(held, ("days", "total_error")) if held.get("done") else None
    return {"source": "clv", **_only(said, names), "holdout": hold_out}


def _stock(read: _Read) -> dict[str, Any] | None:
    said = read.summary("stock_alerts")
    if said is None:
        return None
    columns = (
        "product_no", "product_name", "stock_quantity", "days_left", "days_left_low", "days_left_high", "alert",
    )  # fmt: skip
    urgent = [{c: r[c] for c in columns} for r in read.table("stock_alerts") if r["alert"] in ("품절", "임박")]
    urgent.sort(key=lambda r: (r["days_left"] if r["days_left"] is not None else 0.0, r["product_no"]))
    return {
        "source": "stock_alerts",
        **_only(said, ("as_of", "products", "with_stock_number", "alerts", "suspected_stock_outs")),
        "urgent": urgent[:LISTED], "urgent_total": len(urgent),
    }  # fmt: skip


def _cohorts(read: _Read) -> dict[str, Any] | None:
    said = read.summary("cohorts")
    if said is None:
        return None
    rows: dict[str, dict[str, Any]] = {}
    for cell in read.table("cohorts"):
        fresh = {"cohort": cell["cohort"], "size": cell["cohort_size"], "retention": []}
        row = rows.setdefault(cell["cohort"], fresh)
        if cell["observed"] and 0 < cell["month_index"] <= COHORTS:
            row["retention"].append(cell["retention"])
    shown = [row for _, row in sorted(rows.items())][-COHORTS:]
    return {"source": "cohorts", "cohorts": said["cohorts"], "customers": said["customers"], "rows": shown}


def _campaigns(read: _Read) -> dict[str, Any] | None:
    said = read.summary("campaign_response")
    if said is None:
        return None
    return {"source": "campaign_response", "coupons": said["coupons"], "rows": said["by_coupon"][:LISTED]}


def _research(settings: "Settings", mall_id: str) -> dict[str, Any] | None:
    from cafe24_pipelines.reports.research_section import research_of
    from cafe24_pipelines.research.comparison import ComparisonBook

    return research_of(ComparisonBook(settings.home.research).current(mall_id))


def _quality(settings: "Settings", mall: "Mall") -> dict[str, Any]:
    """Rows landed and set aside, and the graph's health as it was last checked."""
    from cafe24_pipelines.ontology.health_history import trend

    lake = parts.mall_lake(settings, mall.mall_id)
    aside = lake.quarantined()
    reasons = Counter(str(reason) for reason in aside.column("reason").to_pylist()) if aside.num_rows else Counter()
    points = trend(parts.event_log(settings), mall.mall_id)
    latest = points.points[-1] if points.points else None
    return {
        "source": "lake", "rows": lake.counts(), "quarantined": aside.num_rows,
        "reasons": [{"reason": r, "rows": n} for r, n in sorted(reasons.items(), key=lambda kv: (-kv[1], kv[0]))][:5],
        "health": latest and {
            "score": latest.score, "alarm": health_alarm(points, datetime.now(UTC)), "build_id": latest.build_id},
    }  # fmt: skip


def health_alarm(history: "Trend", now: datetime) -> str:
    """Why the graph's score is worth a warning ("" if it isn't).

    As for the watch, rows that landed after the graph are none for a day: the next run takes them in.
    """
    from cafe24_pipelines.ontology.health_report import WEIGHTS
    from cafe24_pipelines.watch.ontology_alarm import BEHIND, PATIENCE, behind_since

    latest, moved = history.points[-1], history.since_last_build
    since = behind_since(history, latest.build_id) if latest.parts["freshness"] > 0 else None
    behind = since is not None and now - since < PATIENCE
    given = sum(WEIGHTS[part] - latest.parts[part] for part in BEHIND) if behind else 0.0
    judged = replace(latest, score=round(latest.score + given, 1))
    change = None if moved is None else moved + given
    return replace(history, points=[judged], since_last_build=change).alarm


def _only(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values.get(name) for name in names}


def _plain(value: Any) -> Any:
    """A cell of a published table as a JSON value."""
    from datetime import date
    from decimal import Decimal

    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not isfinite(value) else value
