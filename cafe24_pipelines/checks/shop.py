"""Checks of landed tables: Great Expectations suites derived from the lake's schemas.

A contract (types, required values, closed sets, bounds, unique keys) blocks what is downstream; an observation
(shares, references, plausible dates) warns. One pair a table, generated, so no table can be forgotten.
"""

from typing import Literal

import dagster as dg

from cafe24_pipelines.names import SHOP_TABLES
from cafe24_pipelines.resources.lake import LakeResource


def _check(table: str, kind: Literal["contract", "observation"]) -> dg.AssetChecksDefinition:
    blocking = kind == "contract"

    @dg.asset_check(
        asset=table,
        name=kind,
        blocking=blocking,
        description=(
            "Types, required values, closed sets, bounds and unique keys of the lake's schema."
            if blocking
            else "Shares, references to other tables and plausible dates."
        ),
    )
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        from cafe24_pipelines.stores.expectations import validate

        result = validate(table, lake.of(context.partition_key), kind=kind)
        return dg.AssetCheckResult(
            passed=result.success,
            severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
            metadata={
                "mall": context.partition_key,
                "evaluated": result.evaluated,
                "failed": dg.MetadataValue.json([f.to_json() for f in result.failed]),
            },
            description="; ".join(f.summary() for f in result.failed) or None,
        )

    return check


@dg.asset_check(
    asset="order_items",
    name="reconciliation",
    blocking=True,
    description="Every line and every sum of the last file import is landed, quarantined or merged.",
)
def reconciliation(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
    """A source without files (the sandbox) has nothing to reconcile and passes, saying so."""
    from cafe24_pipelines.cafe24.landing import last_account

    account = last_account(lake.of(context.partition_key))
    return dg.AssetCheckResult(
        passed=account is None or account["balanced"],
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"mall": context.partition_key, "account": dg.MetadataValue.json(account or {})},
        description="no files were imported" if account is None else None,
    )


shop_checks = [
    reconciliation,
    *(_check(t, "contract") for t in SHOP_TABLES),
    *(_check(t, "observation") for t in SHOP_TABLES),
]
