"""Checks of what is built from the lake: the graph's health, the vectors' encoder, the data set's rules."""

import dagster as dg

from cafe24_pipelines.names import COLLECTIONS
from cafe24_pipelines.resources.graph import GraphResource
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource

HEALTH_FLOOR = 80
"""Graph health below this score warns; what lowers it is listed with its remedy."""


@dg.asset_check(asset="ontology_graph")
def graph_health(
    context: dg.AssetCheckExecutionContext, lake: LakeResource, graph: GraphResource
) -> dg.AssetCheckResult:
    """Orphans, dangling keys, coverage against the lake: one score with its parts."""
    from cafe24_pipelines.ontology.health import check_health

    mall = lake.mall(context.partition_key)
    health = check_health(graph.store, lake.of(mall.mall_id), mall)
    return dg.AssetCheckResult(
        passed=health.score >= HEALTH_FLOOR,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"mall": mall.mall_id, "score": health.score, "report": dg.MetadataValue.json(health.to_json())},
    )


@dg.asset_check(asset="ontology_graph", blocking=True)
def graph_covers_lake(
    context: dg.AssetCheckExecutionContext, lake: LakeResource, graph: GraphResource
) -> dg.AssetCheckResult:
    """Every landed order, order line, known customer and product is a node, no more and no fewer."""
    from cafe24_pipelines.ontology.health import coverage

    mall = lake.mall(context.partition_key)
    rows = coverage(graph.store, lake.of(mall.mall_id), mall.mall_id)
    wrong = {label: pair for label, pair in rows.items() if pair[0] != pair[1]}
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "mall": mall.mall_id,
            "graph_and_lake": dg.MetadataValue.json({k: list(v) for k, v in rows.items()}),
        },
        description="; ".join(f"{k}: {g} in the graph, {n} in the lake" for k, (g, n) in wrong.items()) or None,
    )


@dg.asset_check(asset="cafe24_insights")
def one_encoder(context: dg.AssetCheckExecutionContext, vectors: VectorsResource) -> dg.AssetCheckResult:
    """All collections of a mall are encoded by the same frozen encoder, else their scores can't be compared."""
    versions = {
        name: sorted({str(p.payload["encoder"]) for p in vectors.store.points(context.partition_key, name).values()})
        for name in COLLECTIONS
    }
    used = {version for found in versions.values() for version in found}
    return dg.AssetCheckResult(
        passed=len(used) == 1,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"mall": context.partition_key, "encoders": dg.MetadataValue.json(versions)},
        description=None if len(used) == 1 else "run `cafe24 rebuild vectors` to encode everything alike",
    )


@dg.asset_check(asset="finetune_dataset", blocking=True)
def provider_rules(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
    """Both files keep the fine-tune provider's format rules, line by line."""
    from cafe24_pipelines.finetune.store import DatasetStore
    from cafe24_pipelines.finetune.validate import validate_file

    folder = DatasetStore(lake.settings().home.datasets).folder(context.partition_key)
    problems = {name: validate_file(folder / f"{name}.jsonl") for name in ("train", "validation")}
    wrong = {name: [str(p) for p in found[:20]] for name, found in problems.items() if found}
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"mall": context.partition_key, "problems": dg.MetadataValue.json(wrong)},
    )


projection_checks = [graph_health, graph_covers_lake, one_encoder, provider_rules]
