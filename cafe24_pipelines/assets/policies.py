"""What every asset has besides its own few lines: another try after a passing error, and an age at which it is late.

Applied where assets are collected, so that no stage repeats it. A step that fails with a network, a lock or a limit
of a minute is tried twice more; a permanent error fails at once, which a `RetryPolicy` can't tell apart. Run retries
(`run_retries` of the instance) are for crashed workers alone, so the two never multiply.

Does not belong here: which error is which (`operations/trouble.py`), or what follows (`sensors/failures.py`).
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import dagster as dg

from cafe24_pipelines.names import ONTOLOGY, PATTERNS, REPORTS, SEOUL, SHOP

RETRIES: Final = 2
WAITS: Final = (15, 60)
"""Seconds before the second and the third try; clients have tried for up to a minute of their own before."""

HOURLY: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=4), warn_window=timedelta(hours=2))
"""Shop tables: `shop_sync` lands them every hour."""
DISCOVERED: Final = dg.FreshnessPolicy.cron("0 17 * * *", timedelta(hours=6), timezone=SEOUL)
"""By 17:00 the run of 11:00 or 16:00 (`cross_pattern_v1`) has made them."""
DAILY: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30))
"""Reports: rendered when the snapshot changes, which it does at least with each day's discovery."""
RESEARCHED: Final = dg.FreshnessPolicy.cron("0 15 * * *", timedelta(hours=7), timezone=SEOUL)
"""By 15:00 `morning_research` has run at 09:00 or 14:00."""
BEATING: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=1), warn_window=timedelta(minutes=35))
"""The heartbeat: every 15 minutes, behind a long run at times."""
TOLD: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3))
"""Readiness: every hour."""

_OF_GROUP: Final = {SHOP: HOURLY, PATTERNS: DISCOVERED, ONTOLOGY: DISCOVERED, REPORTS: DAILY}
_OF_ASSET: Final = {"web_research": RESEARCHED, "heartbeat": BEATING, "readiness": TOLD}


def with_policies(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """The asset with its freshness policy, and with another try after a passing error."""
    _retry(asset.op)
    return asset.map_asset_specs(_fresh)


def _fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
    policy = _OF_ASSET.get(spec.key.to_user_string()) or _OF_GROUP.get(spec.group_name or "")
    return dg.apply_freshness_policy(spec, policy, overwrite_existing=False) if policy else spec


def _retry(op: dg.OpDefinition) -> None:
    """Put the wrapper around the op's function, once; an asset that has a policy of its own keeps to that.

    Dagster has no public way to decide by the error: `RetryPolicy` knows `Failure(allow_retries=False)` alone, and
    domain rooms, which raise our errors, import no Dagster. So the function is replaced where it is kept.
    """
    compute: Any = op.compute_fn
    if op.retry_policy is None and not hasattr(compute.decorated_fn, "tries_again"):
        op._compute_fn = type(compute)(decorated_fn=trying_again(compute.decorated_fn))


def trying_again(step: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose passing errors become a request to be tried again."""
    if inspect.isgeneratorfunction(step):

        @functools.wraps(step)
        def stepwise(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from step(*args, **kwargs)
            except Exception as e:
                _again(e, args, kwargs)
                raise

        wrapped: Any = stepwise
    else:

        @functools.wraps(step)
        def at_once(*args: Any, **kwargs: Any) -> Any:
            try:
                return step(*args, **kwargs)
            except Exception as e:
                _again(e, args, kwargs)
                raise

        wrapped = at_once
    wrapped.tries_again = True
    return wrapped


def _again(error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise the request, if the error passes and a try is left."""
    from cafe24_pipelines.operations.trouble import judge, links_of

    if isinstance(error, dg.Failure | dg.RetryRequested):
        return
    context = next((a for a in (*args, *kwargs.values()) if isinstance(a, dg.AssetExecutionContext)), None)
    tried = context.retry_number if context is not None else 0
    if tried < RETRIES and judge(links_of(error)).soon:
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=WAITS[min(tried, len(WAITS) - 1)]) from error
