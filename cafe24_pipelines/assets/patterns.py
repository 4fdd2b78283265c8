"""Patterns stage: findings with an effect, an interval and a corrected p-value, or an honest "can't tell"."""

from collections import Counter

import dagster as dg

from cafe24_pipelines.assets.metadata import counts_table, preview
from cafe24_pipelines.names import CRM_TEAM, PATTERNS
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource


@dg.asset(
    deps=["ontology_facts", "rfm", "events", "web_research"],
    group_name=PATTERNS,
    kinds={"duckdb", "neo4j"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def patterns(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, events: EventsResource
) -> dg.MaterializeResult:
    """Run every detector over the mall, correct for the number of looks, and publish what was found."""
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.discovery.run import discover

    mall = lake.mall(context.partition_key)
    found = discover(lake.of(mall.mall_id), graph.store, mall, events.log())
    digest = PatternBook(lake.settings().home.patterns).publish(mall.mall_id, found)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found),
            "content_digest": digest,
            "status": counts_table(Counter(p.status for p in found), name="status", value="patterns"),
            "preview": preview(
                {"title": p.title, "status": p.status, "effect": p.effect.name, "value": p.effect.value, "q": p.q}
                for p in found[:20]
            ),
        }
    )
