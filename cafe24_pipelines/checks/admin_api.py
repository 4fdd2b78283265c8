"""Checks of what landed from the Admin API: the last sync of each resource agreed with the mall.

One a resource, generated. A resource that the mall does not grant passes, saying so: it is not there, not wrong.
"""

import dagster as dg

from cafe24_pipelines.names import ADMIN_API, API_RESOURCES
from cafe24_pipelines.resources.cafe24 import Cafe24Resource


def _agrees(resource: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey([ADMIN_API, resource]),
        name="agrees_with_the_mall",
        description="What the API counted, or listed twice alike, is what landed; no window is open.",
    )
    def check(context: dg.AssetCheckExecutionContext, cafe24: Cafe24Resource) -> dg.AssetCheckResult:
        from cafe24_pipelines.cafe24.sync.last import last_sync

        last = last_sync(cafe24.landed(context.partition_key).root).get(resource)
        if last is None:
            return dg.AssetCheckResult(passed=True, description="never synced: no Admin API source, or not asked for")
        return dg.AssetCheckResult(
            passed=last["agreed"],
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"mall": context.partition_key, "last_sync": dg.MetadataValue.json(last)},
            description=last["error"]
            or last["skipped"]
            or (f"{len(last['open'])} open windows" if last["open"] else None),
        )

    return check


admin_api_checks = [_agrees(name) for name in API_RESOURCES]
