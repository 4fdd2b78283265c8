"""Putting an event into the inbox: checked, bounded, masked, and each key once.

The event log is the inbox: durable when `post` returns, the same for HTTP and CLI. Does not belong here: what types
there are (see `types.py`), reading (see `read.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cafe24_pipelines.errors import BadInput, Cafe24Error
from cafe24_pipelines.inbox.types import LARGEST, known_type
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

_MINUTE: Final = timedelta(minutes=1)
_LONGEST_KEY: Final = 200


class TooMany(Cafe24Error):
    """A mall puts events faster than their type allows; `seconds` says when there is room again."""

    def __init__(self, what: str, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(what, remedy=f"try again in {seconds} s")


@dataclass(frozen=True)
class Receipt:
    """What became of an event: its id, and whether it is new (False: this key was put before)."""

    event_id: str
    new: bool


def post(
    log: "EventLog", mall_id: str, name: str, payload: dict[str, Any], *, key: str, now: datetime | None = None
) -> Receipt:
    """Check an event and log it; durable when this returns.

    Args:
        key: the sender's own name for this event; a repetition of it is left out, whatever it then holds.
        now: the time of the event (UTC; for clocks that are driven).

    Raises:
        BadInput: the type is unknown, the key is empty, or the payload breaks the type's schema or size.
        TooMany: the mall has put as many of this type within a minute as are allowed.
    """
    kind, now = known_type(name), now or datetime.now(UTC)
    if not key.strip() or len(key) > _LONGEST_KEY:
        raise BadInput("an event needs a key", remedy=f"name it by 1 to {_LONGEST_KEY} characters of your own")
    size = len(msgspec.json.encode(payload))
    if size > LARGEST:
        raise BadInput(f"the event has {size:,} bytes", remedy=f"keep it within {LARGEST:,}")
    clean = _masked(msgspec.to_builtins(kind.read(payload)))
    event_id = f"{name}:{mall_id}:{sha256(key.encode()).hexdigest()[:32]}"
    if log.known(event_id):
        return Receipt(event_id, False)
    oldest = log.recorded_before(mall_id, name, kind.per_minute)
    if oldest is not None and now - oldest < _MINUTE:
        seconds = max(1, round((_MINUTE - (now - oldest)).total_seconds()))
        raise TooMany(f"{kind.per_minute} events {name} within a minute are the most", seconds)
    return Receipt(event_id, log.append([Event(event_id, mall_id, name, now, clean)]) == 1)


def _masked(value: Any) -> Any:
    """The payload without personal data in any of its texts."""
    from cafe24_pipelines.cafe24.masking import mask_text

    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list):
        return [_masked(one) for one in value]
    if isinstance(value, dict):
        return {name: _masked(one) for name, one in value.items()}
    return value
