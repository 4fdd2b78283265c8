"""`cafe24 rebuild`: projections made anew from what has landed, outside a Dagster run, under the writer's lock.

Everything is read under the lock, too: what another run publishes while this one waits is what it builds from.
Does not belong here: what a run of the chain does (see `assets/`).
"""

from contextlib import closing
from typing import Any

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import mall
from cafe24_pipelines.names import INSIGHTS
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import writer_lock


def rebuild_graph(settings: Settings, mall_id: str) -> dict[str, Any]:
    """Stage facts and publish the graph with the patterns that stand; returns counts and the content digest."""
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.ontology.build import publish_graph

    with writer_lock(settings.home.writer_lock), parts.open_stores(settings) as (graph, vectors):
        counts = publish_graph(
            graph,
            parts.mall_lake(settings, mall_id),
            mall(settings.home, mall_id),
            PatternBook(settings.home.patterns).current(mall_id),
            retriever=parts.retriever(settings, vectors, mall_id),
            rebuild=True,
        )
        published = graph.published(mall_id)
    return {
        "nodes": counts.nodes,
        "relationships": counts.relationships,
        "digest": published[1] if published else "",
    }


def rebuild_vectors(settings: Settings, mall_id: str) -> dict[str, Any]:
    """Refit the encoder, encode everything again and publish all collections; returns points by collection."""
    from cafe24_pipelines.discovery.insights import insight_documents
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.discovery.wording import wordings
    from cafe24_pipelines.knowledge.index import publish_documents, publish_texts
    from cafe24_pipelines.reports.digest_documents import digest_documents

    with writer_lock(settings.home.writer_lock), closing(parts.vector_store(settings)) as vectors:
        encoders, log = parts.encoder_store(settings), parts.event_log(settings)
        found = PatternBook(settings.home.patterns).current(mall_id)
        texts = insight_documents(found, mall_id, wordings(log, mall_id, found, settings.llm_model))
        texts += digest_documents(log, mall_id, found)
        lake, model = parts.mall_lake(settings, mall_id), settings.embedding_model
        reports = [
            *publish_documents(lake, vectors, encoders, refit=True, embedding_model=model),
            publish_texts(mall_id, INSIGHTS, texts, vectors, encoders),
        ]
    return {r.collection: r.points for r in reports}
