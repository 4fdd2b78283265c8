"""The 24 workflows as a person reads them: a list, and the page `docs/workflows.md`, both made of the definitions.

`python -m cafe24_pipelines.runbook` prints the page. Does not belong here: what a workflow does, or how it fares (see
`commands/workflows.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.automation import CATEGORIES, READS, REMEDY, WORKFLOW_TAG, WRITES

if TYPE_CHECKING:
    import dagster as dg

ORDER: Final = (
    "ab_a_baseline", "ab_b_rag_only", "ab_c_ontology_plus", "code_generator",
    "dashboard_api", "dashboard_ui",
    "morning_research", "evening_analysis", "weekly_retrospective", "code_analyzer", "ontology_health",
    "learning_loop", "insight_publisher", "feature_auto_improver", "churn_signal_watch",
    "ontology_builder", "oauth_start", "shop_sync", "user_onboarding", "subscription", "prototype_completion",
    "model_warmup",
    "cross_pattern_v1", "cross_pattern_v2",
)  # fmt: skip
"""The 24, in the order of the table that they stand in for."""


@dataclass(frozen=True)
class Workflow:
    """One workflow as its definition tells it; `trigger` is its cron (Asia/Seoul) or its interval in seconds."""

    name: str
    category: str
    kind: str
    trigger: str
    description: str
    owners: tuple[str, ...]
    starts: tuple[str, ...]
    reads: str
    writes: str
    remedy: str


def workflows(defs: "dg.Definitions") -> list[Workflow]:
    """Every definition with the workflow tag, in the table's order (those that it doesn't name come last)."""
    tagged = [d for d in (*(defs.schedules or ()), *(defs.sensors or ())) if WORKFLOW_TAG in (d.tags or {})]
    place = {name: i for i, name in enumerate(ORDER)}
    return sorted(map(read_workflow, tagged), key=lambda w: (place.get(w.name, len(place)), w.name))


def page(found: Iterable[Workflow]) -> str:
    """The runbook as Markdown."""
    listed = list(found)
    lines = [
        "# Workflows",
        "",
        "Made from the definitions by `python -m cafe24_pipelines.runbook`; a test fails when the two differ. Times",
        "are Asia/Seoul. All are stopped until somebody starts them under Automation in the Dagster UI (`make ui`);",
        "`cafe24 ready` says how each fares.",
        "",
        "| category | name | kind | trigger |",
        "|---|---|---|---|",
        *(f"| {CATEGORIES[w.category]} | [`{w.name}`](#{w.name}) | {w.kind} | {w.trigger} |" for w in listed),
    ]
    for w in listed:
        lines += [
            "", f"## {w.name}", "", w.description, "",
            f"- starts: {', '.join(f'`{name}`' for name in w.starts) or 'nothing; it acts itself'}",
            f"- reads: {w.reads}",
            f"- writes: {w.writes}",
            f"- when it fails: {w.remedy}",
            f"- owner: {', '.join(w.owners)}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def read_workflow(definition: Any) -> Workflow:
    """A schedule or sensor as its definition tells it."""
    cron = getattr(definition, "cron_schedule", None)
    told = {name: str(getattr(value, "value", value)) for name, value in (definition.metadata or {}).items()}
    jobs = [target.job_name for target in getattr(definition, "targets", ())] if not cron else [definition.job_name]
    return Workflow(
        name=definition.name,
        category=definition.tags[WORKFLOW_TAG],
        kind="schedule" if cron else "sensor",
        trigger=f"`{cron}`" if cron else f"every {definition.minimum_interval_seconds} s",
        description=definition.description or "",
        owners=tuple(definition.owners or ()),
        starts=tuple(dict.fromkeys(name for name in jobs if name)),
        reads=told.get(READS, ""),
        writes=told.get(WRITES, ""),
        remedy=told.get(REMEDY, ""),
    )


if __name__ == "__main__":
    from cafe24_pipelines.definitions import defs

    print(page(workflows(defs)), end="")  # noqa: T201
