"""The churn watch: a mall's churn scores were published anew, so look who is newly at risk.

Does not belong here: who that is (`watch/churn_signal.py`).
"""

from typing import TYPE_CHECKING

import dagster as dg

from cafe24_pipelines.automation import WORKFLOW_TAG, about
from cafe24_pipelines.jobs import churn_watch
from cafe24_pipelines.names import CRM_TEAM
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.sensors.watching import registered_malls, runs_for_changes, state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cafe24_pipelines.settings import Settings


def unseen_scores(settings: "Settings", malls: "Iterable[str]") -> dict[str, str]:
    """Malls whose churn scores are not those that were looked at last, each with a name of that state."""
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.watch.churn_book import SignalBook

    tables, book, found = CrmTables(settings.home.analytics), SignalBook(settings.home.analytics), {}
    for mall in malls:
        scores, seen = tables.digest(mall, "churn"), book.made_of(mall)
        if scores and scores != seen:
            found[mall] = state(scores, seen)
    return found


@dg.sensor(
    name="churn_signal_watch",
    job=churn_watch,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    tags={WORKFLOW_TAG: "intelligent"},
    owners=[CRM_TEAM],
    description="When a mall's churn scores changed: finds customers newly at risk, with reason and action.",
    metadata=about(
        reads="the published churn table and what was seen of it last; segments, net sales of a year",
        writes="events `churn.signalled` and `churn.refitted` (counts), and `churn_signals` (the table of members)",
        remedy="nothing is told twice: mend what the run says and launch it again",
    ),
)
def churn_signal_watch(
    context: dg.SensorEvaluationContext, events: EventsResource
) -> dg.SensorResult | dg.SkipReason:
    """One run a mall whose scores have not been looked at."""
    settings = events.settings()
    malls = registered_malls(context.instance, settings)

    def request(mall: str, now: str) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"churn:{mall}:{now}", partition_key=mall)

    return runs_for_changes(
        context, unseen_scores(settings, malls), request, nothing=f"{len(malls)} malls, no scores are new"
    )


all_sensors = [churn_signal_watch]
