"""Onboarding: a mall that has just installed the app becomes one that is served, and what came of its first run.

The first run is the whole chain, so the first report exists when it ends. Does not belong here: partitions and runs
(see `sensors/lifecycle.py`).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.lifecycle.state import ONBOARDED
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

FAILED: Final = "mall.onboarding_failed"


def prepare(settings: "Settings", mall_id: str) -> "Mall":
    """Register the mall with the Admin API as its source; what it chose before (contacts) stays.

    Raises:
        ConfigError: it is the sandbox mall, and the API is not a local one.
    """
    from cafe24_pipelines.cafe24.malls import register
    from cafe24_pipelines.cafe24.sources import api_mall

    mall = api_mall(settings, mall_id)
    register(settings.home, mall)
    return mall


def finished(settings: "Settings", log: "EventLog", mall_id: str, install: str, run_id: str) -> dict[str, Any]:
    """Log that the first run came to its end, with counts of what is there now; gives what was logged.

    Args:
        install: id of the event of the installation; the event is logged once for each.
        run_id: the run.
    """
    from cafe24_pipelines.status import status

    state = status(settings, mall_id)
    payload = {
        "install": install, "run_id": run_id, "rows": sum(state["lake"].values()),
        "members": state["lake"].get("customers", 0), "orders": state["lake"].get("orders", 0),
        "nodes": state["graph"]["nodes"], "points": sum(state["vectors"].values()), "patterns": state["patterns"],
        "quarantined": state["quarantined"],
    }  # fmt: skip
    log.append([Event(f"{ONBOARDED}:{install}", mall_id, ONBOARDED, datetime.now(UTC), payload)])
    return payload


def failed(log: "EventLog", mall_id: str, install: str, run_id: str) -> None:
    """Log that the first run failed, once a run: somebody must look."""
    payload = {"install": install, "run_id": run_id, "remedy": f"cafe24 run --source api --mall {mall_id}"}
    log.append([Event(f"{FAILED}:{run_id}", mall_id, FAILED, datetime.now(UTC), payload)])
