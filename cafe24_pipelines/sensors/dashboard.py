"""The dashboard's two sensors: projections changed, so make a snapshot; the snapshot changed, so draw the page.

The chain makes both itself; a mall whose snapshot or page is of what stands now is asked nothing. Does not belong
here: snapshots and pages (`reports/`).
"""

from typing import TYPE_CHECKING

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import dashboard_publication, dashboard_rendering
from cafe24_pipelines.names import CRM_TEAM
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.watching import registered_malls, runs_for_changes, state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cafe24_pipelines.settings import Settings


def stale_snapshots(settings: "Settings", malls: "Iterable[str]") -> dict[str, str]:
    """Malls whose snapshot is not of what analyses and patterns are now, each with a name of that state.

    The state names the snapshot that stands too: projections that change and change back are two states.
    """
    from cafe24_pipelines.reports.snapshot import SnapshotBook, projections_digest

    book, found = SnapshotBook(settings.home.reports), {}
    for mall in malls:
        wanted, (made_from, made_at) = projections_digest(settings, mall), book.made(mall)
        if wanted and wanted != made_from:
            found[mall] = state(wanted, made_from, made_at)
    return found


def stale_pages(settings: "Settings", malls: "Iterable[str]") -> dict[str, str]:
    """Malls whose page is not of their snapshot, each with a name of that state."""
    from cafe24_pipelines.reports.archive import PageBook
    from cafe24_pipelines.reports.snapshot import SnapshotBook

    snapshots, pages, found = SnapshotBook(settings.home.reports), PageBook(settings.home.reports), {}
    for mall in malls:
        digest, shown = snapshots.digest(mall), pages.made_of(mall)
        if digest and digest != shown:
            found[mall] = state(digest, snapshots.made(mall)[1], shown)
    return found


@dg.sensor(
    name="dashboard_api",
    job=dashboard_publication,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "dashboard"},
    owners=[CRM_TEAM],
    description="When a mall's analytics or patterns changed: publishes the snapshot that the dashboard shows.",
    metadata=about(
        reads="digests of the published analyses and patterns, and of the comparison with the research",
        writes="CAFE24_HOME/reports/<mall>/snapshot and `dashboard_snapshot`",
        remedy="the last complete snapshot stays in use: mend what the run says and launch it again",
    ),
)
def dashboard_api(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """One run a mall whose snapshot is not of what is published."""
    settings = events.settings()
    malls = registered_malls(context.instance, settings)
    return runs_for_changes(
        context, stale_snapshots(settings, malls), _request, nothing=f"{len(malls)} malls, no snapshot is behind"
    )


@dg.sensor(
    name="dashboard_ui",
    job=dashboard_rendering,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "dashboard"},
    owners=[CRM_TEAM],
    description="When a mall's snapshot changed: renders its report page and archives it.",
    metadata=about(
        reads="the published snapshot",
        writes="CAFE24_HOME/reports/<mall>/page, its archive, and `dashboard_page`",
        remedy="the last complete page stays: launch the run again",
    ),
)
def dashboard_ui(context: dg.SensorEvaluationContext, events: EventsResource) -> dg.SensorResult | dg.SkipReason:
    """One run a mall whose page is not of its snapshot."""
    settings = events.settings()
    malls = registered_malls(context.instance, settings)
    return runs_for_changes(
        context, stale_pages(settings, malls), _request, nothing=f"{len(malls)} malls, no page is behind"
    )


def _request(mall_id: str, now: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=f"{mall_id}:{now}", partition_key=mall_id)


all_sensors = [dashboard_api, dashboard_ui]
