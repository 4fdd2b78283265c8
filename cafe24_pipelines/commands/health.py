"""`cafe24 health`: the graph's score with its parts, what lowers it, and how it moved. Options in, text out."""

import sys
from typing import TYPE_CHECKING, Any

import click

from cafe24_pipelines.commands.common import common, show_result
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.ontology.health_history import Trend
    from cafe24_pipelines.ontology.health_report import Health, Violation

BAR = 20
SHOWN_ROWS = 3
_KO = {
    "graph health": "그래프 건강", "history": "기록", "since last build": "이전 빌드 대비", "7 days": "7일 전 대비",
    "30 days": "30일 전 대비", "rows": "행", "nothing to mend": "고칠 것이 없습니다", "notes": "참고",
    "violations": "위반", "build": "빌드", "nothing was checked yet": "아직 점검한 적이 없습니다",
}  # fmt: skip


@click.command()
@click.option("--history", is_flag=True, help="Only what earlier checks found; checks nothing.")
@common
def health(*, history: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Check the published graph against its ontology and its lake: one score, what lowers it, what mends it.

    The result is kept as an event, so that the score has a history. Ends with 1 if the score is below 80 or fell by
    more than 5 points against the build before.
    """
    from cafe24_pipelines import parts
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.ontology.health import check_health
    from cafe24_pipelines.ontology.health_history import record, trend

    log = parts.event_log(settings)
    if history:
        moved = trend(log, mall_id)
        show_result(moved.to_json(), as_json, history_text(moved, lang))
        return
    graph = parts.graph_store(settings)
    try:
        found = check_health(graph, parts.mall_lake(settings, mall_id), mall(settings.home, mall_id))
    finally:
        graph.close()
    record(log, found)
    moved = trend(log, mall_id)
    changes = {name: value for name, value in moved.to_json().items() if name != "points"}
    show_result({**found.to_json(), "trend": changes, "alarm": moved.alarm}, as_json, health_text(found, moved, lang))
    if moved.alarm:
        sys.exit(1)


def health_text(found: "Health", moved: "Trend", lang: str) -> str:
    """The score and its parts, then every violation with some of its rows and its remedy."""
    from cafe24_pipelines.ontology.health_report import NOTES, PARTS_KO, WEIGHTS

    lines = [f"{_word('graph health', lang)} · {found.mall_id}: {found.score:g} / 100", _changes(moved, lang), ""]
    for part, weight in WEIGHTS.items():
        name = PARTS_KO[part] if lang == "ko" else part
        full = round(BAR * found.parts[part] / weight)
        lines.append(f"  {'█' * full}{'░' * (BAR - full)} {found.parts[part]:6.2f} / {weight:<3} {name}")
    wrong = [v for v in found.violations if v.part != NOTES]
    lines += ["", *(line for v in wrong for line in _violation(v, lang))]
    if not wrong:
        lines.append(_word("nothing to mend", lang))
    notes = found.of(NOTES)
    lines += [f"{_word('notes', lang)}: {v.message} {v.count:,} / {v.total:,}" for v in notes]
    return "\n".join([*lines, *([f"! {moved.alarm}"] if moved.alarm else [])])


def history_text(moved: "Trend", lang: str) -> str:
    """A line a check, the latest first."""
    if not moved.points:
        return _word("nothing was checked yet", lang)
    lines = [f"{_word('history', lang)}: {_changes(moved, lang)}".rstrip()]
    for p in reversed(moved.points):
        count = f"{_word('violations', lang)} {sum(p.violations.values()):,}"
        at = p.at.isoformat(sep=" ", timespec="minutes")
        lines.append(f"  {at}  {p.score:5.1f}  {_word('build', lang)} {p.build_id[:12]}  {count}")
    return "\n".join(lines)


def _violation(v: "Violation", lang: str) -> list[str]:
    mark = {"Violation": "✗", "Warning": "!", "Info": "·"}[v.severity]
    lines = [f"{mark} {v.message}: {v.count:,} / {v.total:,}  [{v.shape}]", f"    → {v.remedy}"]
    lines += [f"      {_row(row)}" for row in v.rows[:SHOWN_ROWS]]
    if v.count > SHOWN_ROWS:
        lines.append(f"      … (+{v.count - SHOWN_ROWS:,} {_word('rows', lang)})")
    return lines


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())


def _changes(moved: "Trend", lang: str) -> str:
    changes = {
        "since last build": moved.since_last_build, "7 days": moved.over_7_days, "30 days": moved.over_30_days,
    }  # fmt: skip
    return " · ".join(f"{_word(name, lang)} {value:+.1f}" for name, value in changes.items() if value is not None)


def _word(text: str, lang: str) -> str:
    return _KO.get(text, text) if lang == "ko" else text
