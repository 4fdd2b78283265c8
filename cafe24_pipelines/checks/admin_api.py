"""Checks of what landed from the Admin API: the last sync of each resource agreed with the mall.

One a resource, all answered by one look at the last sync: a step for each would cost more than the sync of a mall in
which nothing happened. A resource that the mall does not grant passes, saying so: it is not there, not wrong.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from cafe24_pipelines.names import ADMIN_API, API_RESOURCES
from cafe24_pipelines.resources.cafe24 import Cafe24Resource

NAME = "agrees_with_the_mall"

_SPECS = [
    dg.AssetCheckSpec(
        NAME,
        asset=dg.AssetKey([ADMIN_API, resource]),
        description="What the API counted, or listed twice alike, is what landed; no window is open.",
    )
    for resource in API_RESOURCES
]


@dg.multi_asset_check(specs=_SPECS, name="admin_api_agreement", can_subset=True)
def admin_api_agreement(
    context: dg.AssetCheckExecutionContext, cafe24: Cafe24Resource
) -> Iterator[dg.AssetCheckResult]:
    """Read what the last sync came to, once, and answer every check that was asked for."""
    from cafe24_pipelines.cafe24.sync.last import last_sync

    found = last_sync(cafe24.landed(context.partition_key).root)
    wanted = {key.asset_key.path[-1] for key in context.selected_asset_check_keys}
    for resource in API_RESOURCES:
        if resource in wanted:
            yield _agrees(resource, found.get(resource), context.partition_key)


def _agrees(resource: str, last: Mapping[str, Any] | None, mall_id: str) -> dg.AssetCheckResult:
    key = dg.AssetKey([ADMIN_API, resource])
    if last is None:
        why = "never synced: no Admin API source, or not asked for"
        return dg.AssetCheckResult(passed=True, asset_key=key, check_name=NAME, description=why)
    return dg.AssetCheckResult(
        passed=last["agreed"],
        asset_key=key,
        check_name=NAME,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"mall": mall_id, "last_sync": dg.MetadataValue.json(last)},
        description=last["error"]
        or last["skipped"]
        or (f"{len(last['open'])} open windows" if last["open"] else None),
    )


admin_api_checks = [admin_api_agreement]
