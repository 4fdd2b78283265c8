"""How a mall's retrieval settings stand: what is in force, what came before, how the last trial ended, and verdicts.

Verdicts are counted, not judged: that more are bad under one version than under another has many causes. Does not
belong here: words (`commands/learning.py`), trying settings (`improve.py`).
"""

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.feedback import RECEIVED, VERDICTS
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.knowledge.ranking import SHIPPED
from cafe24_pipelines.learning.active import PROMOTED, ROLLED_BACK, settings_history
from cafe24_pipelines.learning.bounds import bounds, values_of
from cafe24_pipelines.learning.confirm import RECHECKED
from cafe24_pipelines.learning.improve import REJECTED, TRIED

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import Event, EventLog

_LAST: Final = {PROMOTED: "promoted", REJECTED: "rejected", ROLLED_BACK: "rolled_back", TRIED: "under_way"}


def standing(log: "EventLog", mall_id: str) -> dict[str, Any]:
    """All of it, as plain values.

    `last` is how the last trial or rollback ended (`status`: promoted, superseded, rejected, rolled_back by a person,
    taken_back by a measurement, or under_way; with `at` and `evidence`), None before the first. `verdicts` are
    counted before and since the version in force, `trials` is how many looks at the held-out half were taken,
    `new_verdicts` how many verdicts ask for the next one (None while the file of bounds can't be used: then there is
    none).
    """
    found = settings_history(log, mall_id)
    since = datetime.fromisoformat(found.active.at) if found.active.at else None
    verdicts: dict[str, Counter[str]] = {"before": Counter(), "since": Counter()}
    for event in log.read_all(mall_id, types=(RECEIVED,)):
        side = "since" if since is None or event.occurred_at >= since else "before"
        verdicts[side][str(event.payload.get("verdict"))] += 1
    latest = log.latest(mall_id, tuple(_LAST), 1)
    return found.active.to_json() | {
        "shipped": values_of(SHIPPED),
        "versions": [one.to_json() for one in found.versions],
        "refused": [{"event": event, "reason": reason} for event, reason in found.refused],
        "last": _last(latest[0], {event for event, _ in found.refused}) if latest else None,
        "trials": sum(1 for _ in log.read_all(mall_id, types=(TRIED,))),
        "rechecks": sum(1 for _ in log.read_all(mall_id, types=(RECHECKED,))),
        "verdicts": {side: {v: counted[v] for v in VERDICTS} for side, counted in verdicts.items()},
        "new_verdicts": _wanted(),
    }


def _wanted() -> int | None:
    try:
        return bounds().new_verdicts
    except ConfigError:
        return None


def _last(event: "Event", refused: set[str]) -> dict[str, Any]:
    evidence, status = event.payload.get("evidence") or {}, _LAST[event.type]
    if event.type == ROLLED_BACK and evidence:
        status = "taken_back"
    elif event.event_id in refused:
        status = "superseded"
    return {"status": status, "at": event.occurred_at.isoformat(), "evidence": evidence}
