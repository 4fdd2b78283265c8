"""Checks of what is built from the lake besides the graph: the vectors' encoder, the data set's rules."""

import dagster as dg

from cafe24_pipelines.names import COLLECTIONS
from cafe24_pipelines.resources.lake import LakeResource
from cafe24_pipelines.resources.vectors import VectorsResource


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


projection_checks = [one_encoder, provider_rules]
