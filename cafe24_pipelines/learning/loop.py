"""The learning loop: every piece of a mall's feedback gets exactly one effect, an event under an id of its own.

What is pending follows from the log (feedback without an effect), so a worker that was killed, started twice, or
asked again does nothing twice: of two effects of one feedback the log keeps the first. Does not belong here: judging
(`judge.py`), what follows (`candidates.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.answers.feedback import RECEIVED
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.learning.judge import Asks, Judgement, judge, question_class, voice
from cafe24_pipelines.stores.events import Event

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.inbox.types import FeedbackReceived
    from cafe24_pipelines.stores.events import EventLog

ACCEPTED: Final = "learning.accepted"
REFUSED: Final = "learning.refused"
REPEATED: Final = "repeated"
PAGE: Final = 100
"""Effects that are written at once: what a kill costs at most."""

OpenAsks = Callable[[], AbstractContextManager[Asks]]


@dataclass(frozen=True)
class Progress:
    """What one pass did: effects written, by whether accepted, and feedback that can't be read."""

    accepted: int = 0
    refused: int = 0
    unreadable: int = 0


def effect_id(feedback_id: str) -> str:
    """The id of the one effect of a piece of feedback, whether it is accepted or refused."""
    return f"learning:{feedback_id}"


def effects(log: "EventLog", mall_id: str) -> Iterator[Event]:
    """Every effect of a mall, oldest first."""
    return log.read_all(mall_id, types=(ACCEPTED, REFUSED))


def learn(log: "EventLog", mall_id: str, opened: OpenAsks) -> Progress:
    """Judge all feedback of a mall that has no effect yet, in the order of the log.

    Args:
        opened: opens what judging needs of the mall; not called when nothing is pending.

    Raises:
        NotBuilt: nothing has been published for this mall to judge by; what is pending stays so.
    """
    known = list(effects(log, mall_id))
    done = {e.event_id for e in known}
    voices = {str(e.payload.get("voice", "")) for e in known if e.type == ACCEPTED}
    pending = (e for e in log.read_all(mall_id, types=(RECEIVED,)) if effect_id(e.event_id) not in done)
    first = next(pending, None)
    if first is None:
        return Progress()
    with opened() as asks:
        return _learn(log, chain([first], pending), voices, asks)


@contextmanager
def asks_of(services: "Callable[[], Services]") -> Iterator[Asks]:
    """The real thing behind `OpenAsks`: the mall's published services, asked by the local composer."""
    from cafe24_pipelines.learning.reask import reasking

    with reasking(services()) as asks:
        yield asks


# -- inside --------------------------------------------------------------------------------------------------


def _learn(log: "EventLog", pending: Iterator[Event], voices: set[str], asks: Asks) -> Progress:
    made: list[Event] = []
    accepted = refused = unreadable = 0
    for event in pending:
        effect = _effect(event, voices, asks)
        if effect is None:
            unreadable += 1
            continue
        made.append(effect)
        accepted, refused = accepted + (effect.type == ACCEPTED), refused + (effect.type == REFUSED)
        if len(made) >= PAGE:
            log.append(made)
            made = []
    log.append(made)
    return Progress(accepted, refused, unreadable)


def _effect(event: Event, voices: set[str], asks: Asks) -> Event | None:
    """The effect of one piece of feedback; None when it can't be read (the inbox sets such events aside)."""
    from cafe24_pipelines.inbox.types import known_type

    try:
        said: FeedbackReceived = known_type(RECEIVED).read(event.payload)
    except BadInput:
        return None
    own = voice(said, str(event.payload.get("sender", "")))
    found = Judgement(reason=REPEATED) if own in voices else judge(said, event.mall_id, asks)
    about: dict[str, Any] = {"feedback": event.event_id, "answer_id": said.answer_id, "verdict": said.verdict}
    if found.kind:
        voices.add(own)
        about |= {
            "kind": found.kind, "voice": own, "question": said.question, "arm": said.arm, "build": said.build,
            "class": question_class(said.question), **found.found,
        }  # fmt: skip
    else:
        about["reason"] = found.reason
    kind = ACCEPTED if found.kind else REFUSED
    return Event(effect_id(event.event_id), event.mall_id, kind, datetime.now(UTC), about)
