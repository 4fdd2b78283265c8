"""Fine-tune stage: chat examples from documents, facts, patterns and verified answers."""

import dagster as dg

from cafe24_pipelines.assets.metadata import counts_table
from cafe24_pipelines.names import FINETUNE, ML_TEAM
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.events import EventsResource
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource


@dg.asset(
    deps=["verified_answers", "learning_candidates", "patterns", "api_docs", "crm_articles"],
    group_name=FINETUNE,
    kinds={"jsonl"},
    owners=[ML_TEAM],
    code_version="2",
    partitions_def=malls,
)
def finetune_dataset(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    graph: GraphResource,
    vectors: VectorsResource,
    events: EventsResource,
) -> dg.MaterializeResult:
    """Train and validation JSONL, valid by the provider's rules, with no source on both sides."""
    from cafe24_pipelines.answers.verified import AnswerBook
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.finetune.dataset import build_dataset
    from cafe24_pipelines.finetune.store import DatasetStore
    from cafe24_pipelines.knowledge.documents import read_documents
    from cafe24_pipelines.learning.candidates import learned_answers
    from cafe24_pipelines.parts import services

    mall_id, settings = context.partition_key, lake.settings()
    dataset = build_dataset(
        read_documents(lake.of(mall_id)),
        AnswerBook(settings.home.answers).current(mall_id),
        PatternBook(settings.home.patterns).current(mall_id),
        mall_id,
        tokenizer_file=settings.tokenizer_file,
        learned=learned_answers(
            events.log(), mall_id, lambda: services(settings, mall_id, graph.store, vectors.store)
        ),
    )
    digest = DatasetStore(settings.home.datasets).publish(mall_id, dataset)
    report = dataset.report
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.examples,
            "tokens": report.tokens,
            "tokenizer": report.tokenizer,
            "content_digest": digest,
            "by_source": counts_table(report.by_source, name="source", value="examples"),
            "dropped": counts_table(report.dropped, name="reason", value="examples"),
        }
    )
