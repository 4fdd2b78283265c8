"""What was told to a mall's people, as events: news is claimed before it is sent, and so told at most once.

A webhook takes no idempotency key: after a crash, or a reply that never came, nobody can say whether a message was
shown. We choose at most once. A repeated alarm teaches people to ignore alarms, whereas a piece of news that was lost
still stands on the page, and the next digest says that it may have been lost. So a claim is durable before the first
byte leaves; it is given back only when the message surely was not accepted. Does not belong here: sending.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cafe24_pipelines.stores.events import Event, EventLog

CLAIMED: Final = "notification.claimed"
SENT: Final = "notification.sent"
RELEASED: Final = "notification.released"
UNCONFIRMED: Final = "notification.unconfirmed"
_TYPES: Final = (CLAIMED, SENT, RELEASED, UNCONFIRMED)
UNDER_WAY: Final = timedelta(minutes=10)
"""A younger claim without a result may be a message that another process is sending now."""


@dataclass
class Told:
    """Where one piece of news stands: how often its claim was given back, and the claim that stands."""

    turn: int = 0
    claimed_at: datetime | None = None
    sent: bool = False
    unconfirmed: bool = False


@dataclass
class Ledger:
    """The news of one mall that were claimed, sent or given back."""

    log: EventLog
    mall_id: str
    told: dict[str, Told] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what the log says."""
        for event in self.log.read_all(self.mall_id, types=_TYPES):
            self._apply(event)

    def is_open(self, identity: str) -> bool:
        """Whether nobody has told it and nobody is about to."""
        one = self.told.get(identity)
        return one is None or one.claimed_at is None

    def claim(self, identities: Iterable[str], digest_id: str, now: datetime) -> list[str]:
        """Claim them, durably; returns those that are ours (another process may have been faster)."""
        return [i for i in identities if self._write(CLAIMED, i, digest_id, now)]

    def sent(self, identities: Iterable[str], digest_id: str, now: datetime, channel: str) -> None:
        """The message was accepted."""
        for identity in identities:
            self._write(SENT, identity, digest_id, now, channel=channel)

    def release(self, identities: Iterable[str], digest_id: str, now: datetime, reason: str) -> None:
        """The message was surely not accepted: they are open again."""
        for identity in identities:
            self._write(RELEASED, identity, digest_id, now, reason=reason)

    def in_doubt(self, now: datetime) -> list[str]:
        """Claimed some time ago, and nobody knows what became of it; told as such once."""
        return sorted(
            identity
            for identity, one in self.told.items()
            if one.claimed_at and not one.sent and not one.unconfirmed and now - one.claimed_at >= UNDER_WAY
        )

    def doubt_told(self, identities: Iterable[str], digest_id: str, now: datetime) -> None:
        """A digest has said that these may not have arrived."""
        for identity in identities:
            self._write(UNCONFIRMED, identity, digest_id, now)

    def _write(self, kind: str, identity: str, digest_id: str, now: datetime, **more: Any) -> bool:
        turn = self.told.get(identity, Told()).turn
        event_id = f"{kind}:{self.mall_id}:{identity}:{turn}"
        payload = {"identity": identity, "turn": turn, "digest_id": digest_id, **more}
        event = Event(event_id, self.mall_id, kind, now, payload)
        new = self.log.append([event]) == 1
        if new:
            self._apply(event)
        return new

    def _apply(self, event: Event) -> None:
        one = self.told.setdefault(event.payload["identity"], Told())
        if event.type == CLAIMED:
            one.claimed_at, one.unconfirmed = event.occurred_at, False
        elif event.type == SENT:
            one.sent = True
        elif event.type == RELEASED:
            one.turn, one.claimed_at = event.payload["turn"] + 1, None
        else:
            one.unconfirmed = True
