"""Web research by the clock: one run for the installation, whatever malls it has."""

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import research_collection
from cafe24_pipelines.names import CRM_TEAM, SEOUL


@dg.schedule(
    name="morning_research",
    cron_schedule="0 9,14 * * *",
    job=research_collection,
    execution_timezone=SEOUL,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={WORKFLOW_TAG: "auto_discovery"},
    owners=[CRM_TEAM],
    description="09:00 and 14:00: visits the allowed web sources and logs their dated, cited benchmarks.",
    metadata=about(
        reads="the sources of CAFE24_RESEARCH_SOURCES or the package's list, within robots.txt and their rates",
        writes="events `research.claimed`, `research.retired`, `research.moved`, and `web_research`",
        remedy="`cafe24 research` shows each source's last visit and why it failed; the others were read",
    ),
)
def morning_research(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a tick; its result is the asset `web_research`."""
    return dg.RunRequest(run_key=f"web_research:{context.scheduled_execution_time.isoformat()}")


all_schedules = [morning_research]
