"""The inbox of webhooks: each event once in the event log, whoever else receives at the same moment.

Nothing in an event identifies it, so its identity is a keyed hash of mall, number and canonical body within a time
window: the same body within the window is a repetition, later it is a new event. What is decided in one receiver
is seen by the others, because each decides under one lock and reads what the others logged before.
Does not belong here: what an event means (see `webhooks.py`), or HTTP (see `serving/`).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.erase.registry import erased_members
from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.cafe24.webhooks import TYPES, Incoming, read_event, without_personal_data
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.lifecycle.state import AUTHORIZED, INSTALLED, REFUTED, UNINSTALLED
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.events import Event, EventLog

if TYPE_CHECKING:
    from filelock import BaseFileLock

WINDOW: Final = timedelta(minutes=10)
_ID: Final = "webhook"
_BACK: Final = (AUTHORIZED, INSTALLED, REFUTED)
"""What contradicts an uninstallation: a consent, or the mall that was asked."""
_CURSOR_EVERY: Final = timedelta(minutes=1)


class UnknownMall(Cafe24Error):
    """An event of a mall that this installation doesn't know."""


@dataclass
class _Recent:
    """What was logged for one mall within the window: digest -> (when, seq); and how far the log was read."""

    after: int
    seen: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    cursor_moved: datetime | None = None


class WebhookInbox:
    """Takes bodies of webhook requests and appends each event once. Safe for threads and for several processes."""

    def __init__(
        self,
        settings: Settings,
        log: EventLog,
        *,
        window: timedelta = WINDOW,
        patience: float = 10.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`patience`: seconds to wait for other receivers before giving up (the sender is then asked to repeat)."""
        self._settings, self._log, self._window, self._now = settings, log, window, now
        self._patience = patience
        self._recent: dict[str, _Recent] = {}
        self._threads = threading.Lock()  # the file lock polls; threads of one process needn't

    def receive(self, body: bytes) -> bool:
        """Log the event in `body`; durable when this returns.

        Returns:
            Whether it is new (False: a repetition within the window).

        Raises:
            NotAnEvent: the body can't be read as an event.
            UnknownMall: the mall is not registered.
            Cafe24Error: the log can't be written now.
        """
        incoming = read_event(body)
        if incoming.mall_id not in known_malls(self._settings.home):
            raise UnknownMall("the mall is not registered")
        if not self._threads.acquire(timeout=self._patience):
            raise Cafe24Error("the inbox is busy", remedy="send the event again")
        try:
            with self._processes():
                return self._append(incoming)
        finally:
            self._threads.release()

    def _processes(self) -> "BaseFileLock":
        from filelock import FileLock

        root = self._settings.home.root
        root.mkdir(parents=True, exist_ok=True)
        return FileLock(root / "webhooks.lock", timeout=self._patience, poll_interval=0.005)

    def _append(self, incoming: Incoming) -> bool:
        mall_id, now = incoming.mall_id, self._now()
        digest = seal_for(self._settings, mall_id, "unknown-fields").fingerprint(
            f"{_ID}:{incoming.event_no}:".encode() + incoming.canonical
        )
        recent = self._caught_up(mall_id, now)
        overtaken = self._overtaken(incoming, recent.seen[digest][1]) if digest in recent.seen else ""
        if digest in recent.seen and not overtaken:
            return False
        payload = without_personal_data(
            incoming, pseudonyms(self._settings, mall_id), client_id=self._settings.client_id,
            covered=erased_members(self._settings, mall_id).covers,
        )  # fmt: skip
        turn = int(now.timestamp() // self._window.total_seconds())
        event = Event(f"{_ID}:{digest}:{turn}{overtaken}", mall_id, incoming.type, now, payload)
        return self._log.append([event]) == 1

    def _overtaken(self, incoming: Incoming, seq: int) -> str:
        """Whether the mall came back after the uninstallation that was logged at `seq`, as a suffix for a new id: the
        same body is then no repetition. If it is one that came late, the mall itself refutes it when it is asked.
        """
        if incoming.type not in UNINSTALLED:
            return ""
        back = self._log.read(incoming.mall_id, types=_BACK, after=seq)
        return f":{back[-1].seq}" if back else ""

    def _caught_up(self, mall_id: str, now: datetime) -> _Recent:
        """The mall's events within the window, those of other processes included."""
        reader = f"{_ID}-window:{mall_id}"
        if mall_id not in self._recent:
            self._recent[mall_id] = _Recent(self._log.cursor(reader))
        recent = self._recent[mall_id]
        while page := self._log.read(mall_id, types=TYPES, after=recent.after):
            recent.after = page[-1].seq
            for event in page:
                if event.event_id.startswith(f"{_ID}:"):
                    recent.seen[event.event_id.split(":")[1]] = (event.occurred_at, event.seq)
        recent.seen = {d: (at, seq) for d, (at, seq) in recent.seen.items() if abs(now - at) < self._window}
        moved = recent.cursor_moved
        if moved is None or now - moved >= _CURSOR_EVERY:  # so that a restart reads the window, not the whole log
            oldest = min((seq for _, seq in recent.seen.values()), default=recent.after + 1)
            self._log.move_cursor(reader, oldest - 1)
            recent.cursor_moved = now
        return recent
