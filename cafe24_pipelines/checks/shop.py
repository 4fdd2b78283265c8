"""Checks of landed tables: Great Expectations suites derived from the lake's schemas.

A contract (types, required values, closed sets, bounds, unique keys) blocks what is downstream; an observation
(shares, references, plausible dates) warns. One pair a table, generated, so no table can be forgotten. Contracts have
a step each, since one that fails must block what is made of its own table and nothing else; observations share one.
A table that passed before and is as it was then passes again (`stores/passed.py`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from cafe24_pipelines.names import SHOP_TABLES
from cafe24_pipelines.resources.lake import LakeResource

if TYPE_CHECKING:
    from cafe24_pipelines.stores.expectations import Kind

_DESCRIPTIONS: "dict[Kind, str]" = {
    "contract": "Types, required values, closed sets, bounds and unique keys of the lake's schema.",
    "observation": "Shares, references to other tables and plausible dates.",
}


def _contract(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=table, name="contract", blocking=True, description=_DESCRIPTIONS["contract"])
    def check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        return _validated(table, "contract", context.partition_key, lake)

    return check


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("observation", asset=table, description=_DESCRIPTIONS["observation"])
        for table in SHOP_TABLES
    ],
    name="shop_observations",
    can_subset=True,
)
def shop_observations(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
    """Measure every table that was asked for."""
    wanted = {key.asset_key.to_user_string() for key in context.selected_asset_check_keys}
    for table in SHOP_TABLES:
        if table in wanted:
            yield _validated(table, "observation", context.partition_key, lake)


def _validated(table: str, kind: "Kind", mall_id: str, lake: LakeResource) -> dg.AssetCheckResult:
    from cafe24_pipelines.stores.passed import validate_changed

    result, same = validate_changed(table, lake.of(mall_id), kind=kind)
    unchanged = {"unchanged": "table and rules are as they were when it passed"} if same else {}
    return dg.AssetCheckResult(
        passed=result.success,
        asset_key=table,
        check_name=kind,
        severity=dg.AssetCheckSeverity.ERROR if kind == "contract" else dg.AssetCheckSeverity.WARN,
        metadata={
            "mall": mall_id,
            "evaluated": result.evaluated,
            "failed": dg.MetadataValue.json([f.to_json() for f in result.failed]),
            **unchanged,
        },
        description="; ".join(f.summary() for f in result.failed) or None,
    )


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


shop_checks = [reconciliation, *(_contract(t) for t in SHOP_TABLES), shop_observations]
