"""Answers stage: a bank of Korean questions answered, recomputed and kept only when both agree."""

from collections import Counter

import dagster as dg

from cafe24_pipelines.assets.metadata import counts_table, preview
from cafe24_pipelines.names import ANSWERS, API_DOCS, CRM_KNOWLEDGE, INSIGHTS, LLM_POOL, ML_TEAM
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource


@dg.asset(
    deps=["ontology_graph", API_DOCS, CRM_KNOWLEDGE, INSIGHTS],
    group_name=ANSWERS,
    kinds={"litellm"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
    pool=LLM_POOL,
)
def verified_answers(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """Answers whose every number was computed twice and whose every citation exists."""
    from cafe24_pipelines.answers.verified import AnswerBook, verified_answers
    from cafe24_pipelines.parts import services

    mall_id, settings = context.partition_key, lake.settings()
    answers = verified_answers(services(settings, mall_id, graph.store, vectors.store))
    digest = AnswerBook(settings.home.answers).publish(mall_id, answers)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(answers),
            "content_digest": digest,
            "kinds": counts_table(Counter(a.kind for a in answers), name="kind", value="answers"),
            "preview": preview({"question": a.question, "answer": a.answer} for a in answers[:8]),
        }
    )
