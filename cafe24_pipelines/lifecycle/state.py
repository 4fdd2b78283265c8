"""Where a mall stands in its life, rebuilt from its events alone.

Webhooks come late, twice and in any order. Events are therefore folded by *event time* (then by kind, then by id),
whatever order they were logged in, so the state is a function of the set of events. Cafe24's webhooks carry no time
of their own: theirs is when they were received, and what the wire reordered before that can't be known. Two things
mend it: an uninstallation that the mall itself contradicts is refuted by an event, and an operator's resume clears
every reason for a suspension. What makes no sense where it comes is ignored, and listed as ignored.
Does not belong here: limits (see `plan.py`), or acting on a state.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import Event, EventLog

Stage = Literal[
    "unknown", "authorized", "installed", "active", "suspended", "uninstalled", "removing", "removed"
]  # fmt: skip
"""`unknown`: no event of its life; a mall that the operator registered by hand (files, sandbox)."""

AUTHORIZED: Final = "oauth.authorized"
INSTALLED: Final = "app.installed"
ONBOARDED: Final = "mall.onboarded"
PLAN: Final = "plan.changed"
SUSPENDED: Final = "mall.suspended"
RESUMED: Final = "mall.resumed"
REFUTED: Final = "mall.uninstall_refuted"
REMOVAL: Final = "mall.removal_started"
REMOVED: Final = "mall.removed"
UNINSTALLED: Final = ("app.uninstalled", "mall.deleted")

SUSPENDS: Final = {
    "app.expired": "expired", "app.refunded": "payment", "mall.blocked": "blocked",
    "mall.deactivated": "deactivated", SUSPENDED: "operator",
}  # fmt: skip
"""Event to the reason that it gives for a suspension."""
CLEARS: Final = {
    "app.renewed": ("expired", "payment"), "app.paid": ("expired", "payment"),
    "mall.reactivated": ("deactivated", "blocked"),
    RESUMED: ("expired", "payment", "deactivated", "blocked", "operator"),
}  # fmt: skip
"""Event to the reasons that it ends."""

_ORDER: Final = (
    AUTHORIZED, INSTALLED, ONBOARDED, PLAN, *SUSPENDS, *CLEARS, *UNINSTALLED, REFUTED, REMOVAL, REMOVED,
)  # fmt: skip
"""What comes first of events of the same moment."""
TYPES: Final = _ORDER
_LIVING: Final = ("authorized", "installed", "active")


@dataclass(frozen=True)
class Ignored:
    """An event that made no sense where it came."""

    event_id: str
    type: str
    at: str
    stage: str


@dataclass(frozen=True)
class MallState:
    """A mall's place in its life.

    Attributes:
        mall_id: the mall.
        stage: see `Stage`.
        since: when it came there.
        reasons: why it is suspended, in alphabetical order.
        plan: what was bought last; "" when nothing was.
        installed_by: id of the event of the present installation.
        left_by: id of the event of the uninstallation, while it is gone.
        left_at: when that was.
        ignored: events that made no sense.
    """

    mall_id: str
    stage: Stage = "unknown"
    since: datetime | None = None
    reasons: tuple[str, ...] = ()
    plan: str = ""
    installed_by: str = ""
    left_by: str = ""
    left_at: datetime | None = None
    ignored: tuple[Ignored, ...] = ()

    @property
    def served(self) -> bool:
        """Whether the mall is synchronised and answered."""
        return self.stage in ("unknown", *_LIVING)

    def to_json(self) -> dict[str, Any]:
        """What a person or a program reads of it."""
        return {
            "mall": self.mall_id, "stage": self.stage, "since": self.since.isoformat() if self.since else None,
            "reasons": list(self.reasons), "plan": self.plan or None, "served": self.served,
            "left_at": self.left_at.isoformat() if self.left_at else None,
            "ignored": [vars(one) for one in self.ignored],
        }  # fmt: skip


@dataclass
class _Fold:
    """The state while it is being rebuilt. `base` is the stage without suspensions ("" for none)."""

    mall_id: str
    base: 'Stage | Literal[""]' = ""
    since: datetime | None = None
    reasons: set[str] = field(default_factory=set)
    plan: str = ""
    installed_by: str = ""
    left_by: str = ""
    left_at: datetime | None = None
    ignored: list[Ignored] = field(default_factory=list)

    def take(self, event: "Event") -> None:
        """One event, in order of time."""
        before = self.stage
        if not self._known(event):
            self.ignored.append(Ignored(event.event_id, event.type, event.occurred_at.isoformat(), self.stage))
        if self.stage != before:
            self.since = event.occurred_at

    @property
    def stage(self) -> Stage:
        if self.base in _LIVING and self.reasons:
            return "suspended"
        return self.base or "unknown"

    def _known(self, event: "Event") -> bool:
        """Apply the event; False when it makes no sense here."""
        kind = event.type
        if kind == PLAN:
            self.plan = str(event.payload.get("plan", ""))
            return self.base not in ("removing", "removed")
        if kind in SUSPENDS or kind in CLEARS:
            return self._reason(kind)
        if kind in (AUTHORIZED, INSTALLED, ONBOARDED):
            return self._arrival(event)
        if kind in UNINSTALLED:
            return self._leave(event)
        self.base = "removing" if kind == REMOVAL else "removed"
        self._forget()
        return True

    def _reason(self, kind: str) -> bool:
        if self.base == "removed" and kind == RESUMED:
            self.base = ""  # the operator registered it again by hand
            return True
        if self.base in ("uninstalled", "removing", "removed") or (not self.base and kind != SUSPENDED):
            return False
        self.base = self.base or "active"  # an operator may suspend a mall that came by files
        if kind in SUSPENDS:
            self.reasons.add(SUSPENDS[kind])
        else:
            self.reasons -= set(CLEARS[kind])
        return True

    def _arrival(self, event: "Event") -> bool:
        gone = self.base in ("", "uninstalled", "removed")
        if self.base == "removing":
            return False
        if event.type == ONBOARDED:
            fits = self.base == "installed" and event.payload.get("install", self.installed_by) == self.installed_by
            self.base = "active" if fits else self.base
            return fits
        if event.type == AUTHORIZED:
            if gone:
                self._forget()
                self.base = "authorized"
            return True  # a consent renewed
        if not gone and self.base != "authorized" and self.installed_by:
            return False  # it has the app already
        self._forget(reasons=gone)
        self.base, self.installed_by = "installed", event.event_id
        return True

    def _leave(self, event: "Event") -> bool:
        if self.base not in _LIVING:
            return False
        self.base, self.left_by, self.left_at = "uninstalled", event.event_id, event.occurred_at
        self.installed_by = ""
        self.reasons.clear()
        return True

    def _forget(self, *, reasons: bool = True) -> None:
        """A new life, or none: what held for the one before doesn't any more."""
        self.installed_by, self.left_by, self.left_at = "", "", None
        if reasons:
            self.reasons.clear()
        if self.base in ("removing", "removed"):
            self.plan = ""


def fold(mall_id: str, events: Iterable["Event"]) -> MallState:
    """The state that a set of events of one mall amounts to; their order and repetitions don't matter."""
    once = {event.event_id: event for event in events if event.payload.get("this_app", True)}
    refuted = {str(e.payload.get("event_id")) for e in once.values() if e.type == REFUTED}
    told = [e for e in once.values() if e.type in TYPES and e.type != REFUTED and e.event_id not in refuted]
    state = _Fold(mall_id)
    for event in sorted(told, key=lambda e: (e.occurred_at, _ORDER.index(e.type), e.event_id)):
        state.take(event)
    return MallState(
        mall_id, state.stage, state.since, tuple(sorted(state.reasons)), state.plan, state.installed_by,
        state.left_by, state.left_at, tuple(state.ignored),
    )  # fmt: skip


def mall_state(log: "EventLog", mall_id: str) -> MallState:
    """Where a mall stands now."""
    return fold(mall_id, log.read_all(mall_id, types=TYPES))


def mall_states(log: "EventLog") -> dict[str, MallState]:
    """Where every mall stands that has events of its life, by id; for workers of the installation."""
    by_mall: dict[str, list[Event]] = {}
    after = 0
    while page := log.read_every_mall(TYPES, after=after):
        for event in page:
            by_mall.setdefault(event.mall_id, []).append(event)
        after = page[-1].seq
    return {mall_id: fold(mall_id, events) for mall_id, events in sorted(by_mall.items())}
