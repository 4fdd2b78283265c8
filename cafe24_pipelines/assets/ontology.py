"""Ontology stage: one graph build a run, filled with facts, then with findings, published once."""

from dataclasses import asdict

import dagster as dg

from cafe24_pipelines.assets.metadata import counts_table
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE, DATA_TEAM, GRAPH_POOL, ONTOLOGY, SHOP_TABLES
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource


@dg.asset(
    deps=[*(name for name in SHOP_TABLES if name != "events"), API_DOCS, CRM_KNOWLEDGE],
    group_name=ONTOLOGY,
    kinds={"neo4j"},
    owners=[DATA_TEAM],
    code_version="1",
    partitions_def=malls,
    pool=GRAPH_POOL,
)
def ontology_facts(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """Shop rows, API documentation and concepts as a staged graph that readers don't see yet."""
    from cafe24_pipelines.ontology.build import stage_facts
    from cafe24_pipelines.parts import retriever

    mall = lake.mall(context.partition_key)
    search = retriever(lake.settings(), vectors.store, mall.mall_id)
    staged = stage_facts(graph.store, lake.of(mall.mall_id), mall, retriever=search)
    return dg.MaterializeResult(
        metadata={
            "build_id": staged.build_id,
            "nodes": staged.nodes,
            "relationships": staged.relationships,
            "rows_written": staged.changes.total,
            "changes": dg.MetadataValue.json(asdict(staged.changes)),
        }
    )


@dg.asset(
    deps=[ontology_facts, "patterns"],
    group_name=ONTOLOGY,
    kinds={"neo4j"},
    owners=[DATA_TEAM],
    code_version="1",
    partitions_def=malls,
    pool=GRAPH_POOL,
)
def ontology_graph(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """The published graph: facts and discovered patterns together."""
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.ontology.build import publish_graph
    from cafe24_pipelines.parts import retriever

    mall, settings = lake.mall(context.partition_key), lake.settings()
    patterns = PatternBook(settings.home.patterns).current(mall.mall_id)
    search = retriever(settings, vectors.store, mall.mall_id)
    counts = publish_graph(graph.store, lake.of(mall.mall_id), mall, patterns, retriever=search)
    build_id, digest = graph.store.published(mall.mall_id) or ("", "")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": counts.nodes,
            "relationships": counts.relationships,
            "build_id": build_id,
            "content_digest": digest,
            "by_label": counts_table(counts.by_label, name="label", value="nodes"),
            "by_type": counts_table(counts.by_type, name="type", value="relationships"),
        }
    )
