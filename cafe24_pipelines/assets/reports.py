"""Reports stage: what a merchant reads. Snapshot and page end each run; a digest goes out by the clock alone."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from cafe24_pipelines.assets.metadata import preview
from cafe24_pipelines.crm.analysis import analyses
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.names import CRM_TEAM, REPORTS
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.slack import SlackResource

if TYPE_CHECKING:
    from cafe24_pipelines.reports.publish import Sink
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

_READ = [*(one.name for one in analyses()), "patterns"]
_SHOWN = ("sales", "churn", "segments", "clv", "stock", "cohorts", "campaigns")


@dg.asset(
    deps=[*_READ, "benchmark_comparison", "ontology_graph"],  # whose check says how healthy the graph is
    group_name=REPORTS,
    kinds={"python"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def dashboard_snapshot(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """What the mall's dashboard shows, read from published analyses and patterns, as one published snapshot."""
    from cafe24_pipelines.reports.archive import publish_snapshot
    from cafe24_pipelines.reports.snapshot import SnapshotBook

    mall, settings = lake.mall(context.partition_key), lake.settings()
    digest = publish_snapshot(settings, mall)
    snapshot = SnapshotBook(settings.home.reports).current(mall.mall_id)
    return dg.MaterializeResult(
        metadata={
            "content_digest": digest,
            "data_until": snapshot["as_of"],
            "findings": len(snapshot["findings"]),
            "sections": preview({"section": s, "shown": snapshot[s] is not None} for s in _SHOWN),
        }
    )


@dg.asset(
    deps=[dashboard_snapshot],
    group_name=REPORTS,
    kinds={"python"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def dashboard_page(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """The mall's report as one self-contained HTML file in Korean and English, and its archive."""
    from cafe24_pipelines.reports.archive import PageBook
    from cafe24_pipelines.reports.snapshot import SnapshotBook

    mall_id, home = context.partition_key, lake.settings().home
    book = PageBook(home.reports)
    digest = book.publish(SnapshotBook(home.reports).current(mall_id))
    page = book.current(mall_id)
    return dg.MaterializeResult(
        metadata={
            "content_digest": digest,
            "page": dg.MetadataValue.path(str(page)),
            "open": f"cafe24 report --mall {mall_id} --open",
            "bytes": page.stat().st_size,
            "archived": len(book.archived(mall_id)),
        }
    )


@dg.asset(
    deps=_READ,
    group_name=REPORTS,
    kinds={"slack"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def insight_digest(
    context: dg.AssetExecutionContext, events: EventsResource, slack: SlackResource
) -> dg.MaterializeResult:
    """What is new of the mall, told once to Slack (to a file without a webhook) as one digest, and archived."""
    mall_id = context.partition_key
    sink = slack.sink(mall_id, context.log.info)
    return dg.MaterializeResult(metadata=digest_of(events.settings(), events.log(), sink, mall_id))


def digest_of(settings: "Settings", log: "EventLog", sink: "Sink", mall_id: str) -> dict[str, Any]:
    """Tell a mall's news, as `insight_digest`; without the lake's lock, as Slack may keep this waiting for minutes.

    Raises:
        NotBuilt: nothing is published to tell of.
        ConfigError: Slack refuses the message until somebody acts.
        Unavailable: Slack did not take it now; what was to be told waits.
    """
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.operations.rest import Unavailable
    from cafe24_pipelines.reports.digest import KINDS
    from cafe24_pipelines.reports.publish import publish_digest
    from cafe24_pipelines.reports.snapshot import build_snapshot

    made = publish_digest(settings, log, build_snapshot(settings, mall(settings.home, mall_id)), sink)
    if made.status == "refused":
        raise (ConfigError if made.lasting else Unavailable)(made.reason, where=f"the digest of {mall_id}")
    return {
        "status": made.status,
        "told": made.told,
        "waiting": made.waiting,
        "reason": made.reason or "-",
        "news": preview(
            {"kind": KINDS[i.kind], "title": i.title} for i in (made.digest.items if made.digest else ())
        ),
        "text": dg.MetadataValue.text(made.digest.text() if made.digest else "-"),
    }
