"""Knowledge stage: documents and insights as published vector collections (Kiwi BM25 + dense)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from cafe24_pipelines.assets.metadata import preview
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE, INSIGHTS, KNOWLEDGE, ML_TEAM, VECTOR_POOL
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.index import IndexReport


def _spec(collection: str, deps: list[str], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        collection,
        deps=deps,
        group_name=KNOWLEDGE,
        kinds={"qdrant"},
        owners=[ML_TEAM],
        code_version="1",
        description=description,
    )


@dg.multi_asset(
    name="document_vectors",
    specs=[
        _spec(API_DOCS, ["api_docs"], "Chunks of the API documentation, searchable by meaning and by words."),
        _spec(CRM_KNOWLEDGE, ["crm_articles"], "Chunks of the CRM articles."),
    ],
    partitions_def=malls,
    pool=VECTOR_POOL,
)
def document_vectors(
    context: dg.AssetExecutionContext, lake: LakeResource, vectors: VectorsResource
) -> Iterator[dg.MaterializeResult]:
    """Encode changed chunks with the frozen encoder and publish both document collections."""
    from cafe24_pipelines.knowledge.index import publish_documents
    from cafe24_pipelines.parts import encoder_store

    settings = lake.settings()
    for report in publish_documents(
        lake.of(context.partition_key),
        vectors.store,
        encoder_store(settings),
        embedding_model=settings.embedding_model,
    ):
        yield dg.MaterializeResult(asset_key=report.collection, metadata=_metadata(report))


@dg.asset(
    name=INSIGHTS,
    deps=["patterns", API_DOCS, CRM_KNOWLEDGE],
    group_name=KNOWLEDGE,
    kinds={"qdrant"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
    pool=VECTOR_POOL,
)
def insight_vectors(
    context: dg.AssetExecutionContext, lake: LakeResource, vectors: VectorsResource, events: EventsResource
) -> dg.MaterializeResult:
    """One text a pattern, with numbers and status, explained by the model where one is set; the latest digests."""
    from cafe24_pipelines.discovery.insights import insight_documents
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.discovery.wording import word_insights
    from cafe24_pipelines.knowledge.index import publish_texts
    from cafe24_pipelines.parts import encoder_store, language_model
    from cafe24_pipelines.reports.digest_documents import digest_documents

    mall_id, settings = context.partition_key, lake.settings()
    model = language_model(settings, lake.mall(mall_id))
    found = PatternBook(settings.home.patterns).current(mall_id)
    asked = [] if model.local else found  # the local composer quotes; it can't phrase
    told = word_insights(events.log(), mall_id, asked, model.model, model.write)
    texts = [*insight_documents(found, mall_id, told.texts), *digest_documents(events.log(), mall_id, found)]
    report = publish_texts(mall_id, INSIGHTS, texts, vectors.store, encoder_store(settings))
    refused = [{"pattern": key, "reason": reason} for key, reason in sorted(told.refused.items())]
    return dg.MaterializeResult(metadata=_metadata(report) | {"worded": len(told.texts), "refused": preview(refused)})


def _metadata(report: "IndexReport") -> dict[str, Any]:
    return {
        "dagster/row_count": report.points,
        "encoded": report.encoded,
        "reused": report.reused,
        "removed": report.removed,
        "encoder_version": report.encoder_version,
        "content_digest": report.digest,
    }
