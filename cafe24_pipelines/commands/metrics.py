"""`cafe24 metrics`: what the last run found, analysis by analysis. Does not belong here: how it is shown."""

import json
import shutil
from pathlib import Path
from typing import Any

from cafe24_pipelines.crm.analysis import Analysis, analyses
from cafe24_pipelines.crm.tables import CrmTables
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.settings import Settings


def all_metrics(settings: Settings, mall_id: str) -> list[dict[str, Any]]:
    """One row an analysis: name, titles, status ("-" before its first run) and rows."""
    tables = CrmTables(settings.home.analytics)
    built = tables.digests(mall_id)
    return [
        {
            "name": one.name,
            "title": one.title_ko,
            "title_en": one.title_en,
            "status": tables.summary(mall_id, one.name)["status"] if one.name in built else "-",
            "rows": tables.rows(mall_id, one.name) if one.name in built else 0,
        }
        for one in analyses()
    ]


def metric(
    settings: Settings, mall_id: str, name: str, *, rows: int = 20, charts: Path | None = None
) -> dict[str, Any]:
    """The summary of one analysis, how many rows its table has, and the first `rows` of them (-1: all).

    Raises:
        BadInput: there is no analysis of that name.
        NotBuilt: it has not run yet.
    """
    one, tables = _named(name), CrmTables(settings.home.analytics)
    frame = tables.read(mall_id, name)
    shown = frame if rows < 0 else frame.head(rows)
    report = {
        "name": name,
        "title": one.title_ko,
        **tables.summary(mall_id, name),
        "rows": len(frame),
        "table": json.loads(shown.to_json(orient="records", date_format="iso", force_ascii=False)),
    }
    if charts is not None:
        charts.mkdir(parents=True, exist_ok=True)
        found = tables.charts(mall_id, name).values()
        report["charts"] = [str(shutil.copy(path, charts / f"{name}-{path.name}")) for path in found]
    return report


def _named(name: str) -> Analysis:
    known = {one.name: one for one in analyses()}
    if name not in known:
        raise BadInput(f"there is no analysis {name!r}", remedy=f"choose one of {', '.join(known)}")
    return known[name]
