"""Experiments stage: the comparison of arms, by mall and arm, outside the whole chain (jobs `comparison*`)."""

from collections import Counter
from typing import TYPE_CHECKING

import dagster as dg

from cafe24_pipelines.assets.metadata import counts_table, picture
from cafe24_pipelines.automation import AFTER_ITS_DEPS
from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.names import (
    API_DOCS,
    CRM_KNOWLEDGE,
    EXPERIMENTS,
    INSIGHTS,
    LLM_POOL,
    ML_TEAM,
    SHOP_TABLES,
)
from cafe24_pipelines.partitions import mall_arms, malls
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource

if TYPE_CHECKING:
    from cafe24_pipelines.experiments.experiment import Experiment


@dg.asset(
    deps=[*SHOP_TABLES, "api_docs"],
    group_name=EXPERIMENTS,
    kinds={"pandas", "jsonl"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
)
def ab_questions(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """Korean questions with gold, computed by plain pandas from the landed rows and the API catalogue."""
    found = _experiment(context.partition_key, lake, graph, vectors).questions()
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found.questions),
            "content_digest": found.digest,
            "kinds": counts_table(Counter(q.kind for q in found.questions), name="kind", value="questions"),
            "styles": counts_table(Counter(q.style for q in found.questions), name="style", value="questions"),
        }
    )


@dg.asset(
    deps=["ab_questions", "ontology_graph", API_DOCS, CRM_KNOWLEDGE, INSIGHTS],
    group_name=EXPERIMENTS,
    kinds={"litellm", "jsonl"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=mall_arms,
    pool=LLM_POOL,
)
def ab_answers(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """One arm's answers to the mall's questions; what was answered before, under the same conditions, is kept."""
    mall_id, arm = _mall_and_arm(context)
    experiment = _experiment(mall_id, lake, graph, vectors)
    if arm not in experiment.arms():
        return _no_model(arm)
    rows = experiment.answers(arm, experiment.questions(), context.log.info)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "refused": sum(r["refused"] for r in rows),
            "models": ", ".join(sorted({str(r["model"]) for r in rows})),
            "input_tokens": sum(r["input_tokens"] for r in rows),
            "output_tokens": sum(r["output_tokens"] for r in rows),
            "cost_usd": sum(r["cost_usd"] or 0.0 for r in rows),
        }
    )


@dg.asset(
    deps=["ab_answers"],
    group_name=EXPERIMENTS,
    kinds={"pandas", "jsonl"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=mall_arms,
)
def ab_scores(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """One arm's answers judged against the gold: right, wrong or refused, citations, faithfulness."""
    mall_id, arm = _mall_and_arm(context)
    experiment = _experiment(mall_id, lake, graph, vectors)
    if arm not in experiment.arms():
        return _no_model(arm)
    scores = experiment.scores(arm, experiment.questions())
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(scores),
            "right_share": sum(s.right for s in scores) / len(scores) if scores else 0.0,
            "verdicts": counts_table(Counter(s.verdict for s in scores), name="verdict", value="answers"),
            "why": counts_table(Counter(w for s in scores for w in s.why), name="why", value="answers"),
        }
    )


@dg.asset(
    deps=["ab_scores"],
    group_name=EXPERIMENTS,
    kinds={"markdown", "scipy"},
    owners=[ML_TEAM],
    code_version="1",
    partitions_def=malls,
    automation_condition=AFTER_ITS_DEPS,
)
def ab_report(
    context: dg.AssetExecutionContext, lake: LakeResource, graph: GraphResource, vectors: VectorsResource
) -> dg.MaterializeResult:
    """Arms against each other: exact paired tests with Holm, intervals, verdicts, and what they can't show."""
    experiment = _experiment(context.partition_key, lake, graph, vectors)
    arms, questions = experiment.arms(), experiment.questions()
    try:
        report = experiment.report(arms, questions)
    except NotBuilt as e:  # the first arm has answered, and the report was asked for by its condition
        return dg.MaterializeResult(metadata={"dagster/row_count": 0, "note": e.what})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.n,
            "report": dg.MetadataValue.md(report.text("ko")),
            "comparisons": dg.MetadataValue.json([c.to_json() for c in report.comparisons]),
            "pairs_needed": report.needed[1],
            **{name: picture(svg, name) for name, svg in report.charts.items()},
        }
    )


def _experiment(mall_id: str, lake: LakeResource, graph: GraphResource, vectors: VectorsResource) -> "Experiment":
    from cafe24_pipelines.experiments.experiment import Experiment
    from cafe24_pipelines.experiments.store import ExperimentBook
    from cafe24_pipelines.parts import services

    settings = lake.settings()
    return Experiment(
        services(settings, mall_id, graph.store, vectors.store), ExperimentBook(settings.home.experiments)
    )


def _mall_and_arm(context: dg.AssetExecutionContext) -> tuple[str, str]:
    key = context.partition_key
    if not isinstance(key, dg.MultiPartitionKey):
        raise dg.DagsterInvariantViolationError(f"{key!r} is no key of a mall and an arm")
    return key.keys_by_dimension["mall"], key.keys_by_dimension["arm"]


def _no_model(arm: str) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 0, "note": f"no model is configured for arm {arm}"})
