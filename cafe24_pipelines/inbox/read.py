"""Reading the inbox: a capped batch after a cursor, and what can't be read set aside with its reason.

At least once in, effectively once out: a sensor moves its cursor with the runs it asks for, run keys name the event,
and every effect is written under an id made from the event's. Does not belong here: putting events, or effects.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.inbox.types import known_type
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

SET_ASIDE: Final = "inbox.set_aside"
VERSION: Final = 1
_LAST_PLACE: Final = 2**63 - 1
"""The largest that SQLite can count to."""
CAP: Final = 100
"""Events that one tick takes."""


@dataclass(frozen=True)
class Batch:
    """Events that can be acted on, how many were set aside, and the cursor after both."""

    events: tuple[Event, ...]
    set_aside: int
    cursor: str

    def by_mall(self) -> dict[str, list[Event]]:
        """The events by mall, in order."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.mall_id, []).append(event)
        return found


def read_batch(log: "EventLog", types: tuple[str, ...], cursor: str | None, *, cap: int = CAP) -> Batch:
    """Up to `cap` events of these types after the cursor, over all malls, oldest first.

    An event whose payload breaks its schema is set aside: an event `inbox.set_aside` names it and why, the reader
    goes on, and the original stays where it is. A cursor beyond the log's end is of a log that was lost since: the
    one in its place, such as a backup, is read from its beginning.
    """
    after = read_cursor(cursor)
    if after > log.last():
        after = 0
    good, bad = [], []
    for event in log.read_every_mall(types, after=after, limit=cap):
        after = event.seq
        try:
            known_type(event.type).read(event.payload)
            good.append(event)
        except BadInput as e:
            bad.append(_set_aside(event, e.what))
    log.append(bad)
    return Batch(tuple(good), len(bad), json.dumps({"v": VERSION, "after": after}))


def read_cursor(cursor: str | None) -> int:
    """The place in the log that a cursor names; 0 for none, one of another version, or one that can be no place
    (reading again is safe).
    """
    try:
        read = json.loads(cursor) if cursor else {}
        after = int(read["after"]) if read.get("v") == VERSION else 0
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return 0
    return after if 0 <= after <= _LAST_PLACE else 0


def held(cursor: str | None, name: str) -> dict[str, Any]:
    """A mapping that a cursor holds beside its place; empty for none, or for a cursor of another version."""
    try:
        read = json.loads(cursor) if cursor else {}
        return dict(read[name]) if read.get("v") == VERSION else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def cursor_with(place: str, **more: Mapping[str, Any]) -> str:
    """The cursor of a batch, and what is held beside its place."""
    return json.dumps(
        {"v": VERSION, "after": read_cursor(place)} | {k: dict(sorted(v.items())) for k, v in more.items()}
    )


def set_aside(log: "EventLog", mall_id: str) -> list[dict[str, Any]]:
    """What was set aside for a mall, with type and reason, oldest first."""
    return [event.payload for event in log.read_all(mall_id, types=(SET_ASIDE,))]


def _set_aside(event: Event, reason: str) -> Event:
    payload = {"event_id": event.event_id, "type": event.type, "reason": reason[:300]}
    return Event(f"{SET_ASIDE}:{event.event_id}", event.mall_id, SET_ASIDE, datetime.now(UTC), payload)
