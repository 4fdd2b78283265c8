"""Putting an event into the inbox: checked, bounded, masked, and each key once.

The event log is the inbox: durable when `post` returns, the same for HTTP and CLI. Does not belong here: what types
there are (see `types.py`), reading (see `read.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cafe24_pipelines.errors import BadInput, Cafe24Error
from cafe24_pipelines.inbox.types import LARGEST, known_type
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

_MINUTE: Final = timedelta(minutes=1)
_LONGEST_KEY: Final = 200


class TooMany(Cafe24Error):
    """A mall puts events faster than their type allows; `seconds` says when there is room again."""

    def __init__(self, event: Event, most: int, seconds: int) -> None:
        self.seconds = seconds
        what = f"{most} events {event.type} within a minute are the most"
        super().__init__(what, where=f"mall {event.mall_id}", remedy=f"try again in {seconds} s")


@dataclass(frozen=True)
class Receipt:
    """What became of an event: its id, and whether it is new (False: this key was put before)."""

    event_id: str
    new: bool


def post(
    log: "EventLog", mall_id: str, name: str, payload: dict[str, Any], *, key: str, now: datetime | None = None,
    before: Callable[[], None] | None = None,
) -> Receipt:  # fmt: skip
    """Check an event and log it; durable when this returns.

    Args:
        key: the sender's own name for this event; a repetition of it is left out, whatever it then holds.
        now: the time of the event (UTC; for clocks that are driven).
        before: called for an event that is new and within its rate; what it raises keeps the event out.

    Raises:
        BadInput: the type is unknown, the key is empty, or the payload breaks the type's schema or size.
        TooMany: the mall has put as many of this type within a minute as are allowed.
    """
    kind, where = known_type(name), f"event {name}"
    if not key.strip() or len(key) > _LONGEST_KEY or not _writable(key):
        raise BadInput("the event's key is empty, too long or no text", where=where,
                       remedy=f"name it by 1 to {_LONGEST_KEY} characters of your own")  # fmt: skip
    size = _size(payload, where)
    if size > LARGEST:
        raise BadInput(f"the event has {size:,} bytes", where=where, remedy=f"keep it within {LARGEST:,}")
    clean = _masked(msgspec.to_builtins(kind.read(payload)))
    event_id = f"{name}:{mall_id}:{sha256(key.encode()).hexdigest()[:32]}"
    return put(log, Event(event_id, mall_id, name, now or datetime.now(UTC), clean), before=before)


def request(
    settings: "Settings", log: "EventLog", mall_id: str, name: str, payload: dict[str, Any], *, key: str
) -> Receipt:
    """`post` for whoever asks for work: what the type spends counts against the mall's plan, as where it is done at
    once. A repetition spends nothing.

    Raises:
        BadInput, TooMany: as `post`.
        NotAllowed: the plan, or the mall's state, doesn't allow it.
    """
    from cafe24_pipelines.lifecycle.plan import require

    spends = known_type(name).spends
    before = (lambda: require(settings, log, mall_id, spends)) if spends else None
    return post(log, mall_id, name, payload, key=key, before=before)


def put(log: "EventLog", event: Event, *, before: Callable[[], None] | None = None) -> Receipt:
    """Log an event whose payload is checked: once, and within the rate of its type.

    Raises:
        TooMany: the mall has put as many of this type within a minute as are allowed.
    """
    most = known_type(event.type).per_minute
    oldest = log.recorded_before(event.mall_id, event.type, most)
    # Either way: a clock that was set back must not keep a mall out until it has caught up with itself.
    ago = abs(event.occurred_at - oldest) if oldest is not None else _MINUTE
    if (ago < _MINUTE or before is not None) and log.known(event.event_id):
        return Receipt(event.event_id, False)
    if ago < _MINUTE:
        raise TooMany(event, most, max(1, round((_MINUTE - ago).total_seconds())))
    if before is not None:
        before()
    return Receipt(event.event_id, log.append([event]) == 1)


def _writable(text: str) -> bool:
    """Whether it is text: half of a surrogate pair (JSON may name one, a command line may hold one) is none."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _size(payload: dict[str, Any], where: str) -> int:
    """Bytes of the payload's JSON.

    Raises:
        BadInput: it can't be written as JSON.
    """
    try:
        return len(msgspec.json.encode(payload))
    except (UnicodeEncodeError, RecursionError, TypeError, OverflowError) as e:
        what = "the event holds what can't be written as JSON"
        raise BadInput(what, where=where, remedy="use whole characters, and no deep nesting") from e


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
