"""Admin API stage: what a mall's API holds, landed row for row before shop tables are made of it.

Belongs here: one multi-asset that syncs a mall, and the order history by month for back-fills. OAuth, limits, windows
and the privacy line live in `cafe24/`. For a mall with another source these assets land nothing and say so.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from cafe24_pipelines.names import ADMIN_API, API_RESOURCES, CAFE24_POOL, DATA_TEAM
from cafe24_pipelines.partitions import mall_months, malls
from cafe24_pipelines.resources.cafe24 import Cafe24Resource

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.sync import SyncReport

ORDER_HISTORY = dg.AssetKey([ADMIN_API, "order_history"])


@dg.asset(
    key=ORDER_HISTORY,
    group_name=ADMIN_API,
    kinds={"parquet"},
    owners=[DATA_TEAM],
    description="Orders by month, for back-fills: the month is read again and compared, whatever was read before.",
    code_version="1",
    partitions_def=mall_months,
    pool=CAFE24_POOL,
)
def order_history(context: dg.AssetExecutionContext, cafe24: Cafe24Resource) -> dg.MaterializeResult:
    """Land one month of a mall's orders."""
    mall_id, month = (context.multi_partition_key.keys_by_dimension[name] for name in ("mall", "month"))
    if not cafe24.is_source_of(mall_id):
        return dg.MaterializeResult(metadata=_not_from_here())
    window = mall_months.time_window_for_partition_key(context.partition_key)
    with cafe24.sync(mall_id, context.log.info) as sync:
        report = sync.backfill_orders(window.start, window.end)
    if not report.agreed:
        raise dg.Failure(f"orders of {month} are not complete", metadata=_metadata(report, "orders"))
    return dg.MaterializeResult(metadata=_metadata(report, "orders"))


@dg.multi_asset(
    name="admin_api_sync",
    specs=[
        dg.AssetSpec(
            [ADMIN_API, name],
            group_name=ADMIN_API,
            kinds={"parquet"},
            owners=[DATA_TEAM],
            description=description,
            code_version="1",
            deps=[ORDER_HISTORY] if name == "orders" else [],
        )
        for name, description in API_RESOURCES.items()
    ],
    partitions_def=malls,
    pool=CAFE24_POOL,
)
def admin_api_sync(context: dg.AssetExecutionContext, cafe24: Cafe24Resource) -> Iterator[dg.MaterializeResult]:
    """Bring what has landed up to the mall as it is now; what has not changed is not written."""
    mall_id = context.partition_key
    if not cafe24.is_source_of(mall_id):
        for name in API_RESOURCES:
            yield dg.MaterializeResult(asset_key=dg.AssetKey([ADMIN_API, name]), metadata=_not_from_here())
        return
    with cafe24.sync(mall_id, context.log.info) as sync:
        report = sync.run()
    digests, counts = cafe24.landed(mall_id).digests(), cafe24.landed(mall_id).counts()
    for name in API_RESOURCES:
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey([ADMIN_API, name]),
            metadata={
                **_metadata(report, name),
                "dagster/row_count": counts.get(name, 0),
                "content_digest": digests.get(name, ""),
            },
        )


def _not_from_here() -> dict[str, Any]:
    return {"dagster/row_count": 0, "note": "this mall's data does not come from the Admin API"}


def _metadata(report: "SyncReport", name: str) -> dict[str, Any]:
    """What a person wants to know of a resource's sync; the windows themselves are in the ledger."""
    one = report.of(name)
    shown: dict[str, Any] = {
        "agreed": one.agreed,
        "read": one.read,
        "added": one.added,
        "changed": one.changed,
        "removed": one.removed,
        "quarantined": one.quarantined,
        "erased": one.erased,
        "windows": len(one.windows),
        "open_windows": dg.MetadataValue.json([w.to_json() for w in one.open]),
        "unknown_fields": dg.MetadataValue.json(dict(one.unknown_fields)),
    }
    texts = {"skipped": one.skipped, "error": one.error, "coverage": one.coverage.text if one.coverage else ""}
    return shown | {what: text for what, text in texts.items() if text}
