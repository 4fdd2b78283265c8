"""Malls whose sync has fallen silent, one by one: an asset's age is that of whichever mall was made last.

A mall is silent when it is served and its last landing, or for the Admin API the last run that read all its orders (a
sync that reads nothing still lands what was there before), is older than its plan's interval and `SLACK`. A mall that
never landed is told of by its assets and its lake; one that came or came back a moment ago has its first interval
before it. Reads a manifest a mall, and the events of their lives once. Does not belong here: what Dagster knows
(`instance_facts.py` hands it over), or why a sync failed (`failures.py`).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.operations.phrases import Said
from cafe24_pipelines.operations.readiness import Item, at_seoul

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Settings

SLACK: Final = timedelta(hours=3)
"""How late a sync may be: a queue behind long runs, a busy hour in which a window of orders stays open."""

NOT_READ: Final = Said("쇼핑몰을 제때 읽지 못하고 있습니다", "the mall has not been read in time")
READ_AGAIN: Final = Said(
    "`cafe24 sync --mall {}`가 이유를 알려 줍니다; shop_sync가 켜져 있는지도 보십시오",
    "`cafe24 sync --mall {}` says why; see whether shop_sync is on, too",
)
NOT_LANDED: Final = Said("제때 적재되지 않았습니다", "has not landed in time")
LAND_AGAIN: Final = Said(
    "shop_sync가 켜져 있는지 보고 `cafe24 run --mall {}` 명령을 실행하십시오",
    "see whether shop_sync is on, and run `cafe24 run --mall {}`",
)


def silence_items(
    settings: "Settings", malls: "Mapping[str, Mall]", landed: Mapping[str, datetime], *, now: datetime | None = None
) -> Iterator[Item]:
    """A red item for every silent mall; none for the others.

    Args:
        malls: those that are registered, by id.
        landed: when a mall's shop tables last landed; without those of which nobody knows.
    """
    from cafe24_pipelines.lifecycle.plan import limits_of
    from cafe24_pipelines.lifecycle.state import MallState, mall_states
    from cafe24_pipelines.parts import event_log

    now = now or datetime.now(UTC)
    try:
        states = mall_states(event_log(settings))
    except Cafe24Error:
        return  # the event log's own item says so
    for mall_id, mall in sorted(malls.items()):
        state = states.get(mall_id, MallState(mall_id))
        if not state.served:
            continue
        most = timedelta(hours=24 / limits_of(settings, state).syncs_per_day) + SLACK
        read = _last_read(settings, mall_id) if mall.source == "api" else None
        for last, why, remedy in ((read, NOT_READ, READ_AGAIN), (landed.get(mall_id), NOT_LANDED, LAND_AGAIN)):
            if last is not None and now - max(last, state.since or last) > most:
                yield Item.red("job", f"shop_sync/{mall_id}", why, remedy.of(mall_id), at_seoul(last))
                break


def _last_read(settings: "Settings", mall_id: str) -> datetime | None:
    """When (the mall's clock) the last run began that read all of a mall's orders; None when no ledger says it."""
    from cafe24_pipelines.cafe24.sync.ledger import last_run_of
    from cafe24_pipelines.parts import api_lake

    try:
        return last_run_of(api_lake(settings, mall_id).of("orders").state())
    except Cafe24Error:
        return None  # the checks of what landed say so
