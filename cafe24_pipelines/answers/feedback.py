"""What a merchant says of an answer: positive, negative, or how it should have been; each of it an event.

Feedback can't be recomputed, so the event log (`feedback.received`) is where it lives; the learning loop reads it
from there. An answer is named by an id that follows from mall, question, arm and published build, so a client may
keep the id, or name the question again. Text is masked before it is logged. Does not belong here: what is learnt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec import structs

from cafe24_pipelines.answers.intake import take, visible
from cafe24_pipelines.errors import BadInput
from cafe24_pipelines.inbox.post import put
from cafe24_pipelines.inbox.types import known_type
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.events import Event
from cafe24_pipelines.stores.graph import uid

if TYPE_CHECKING:
    from cafe24_pipelines.inbox.types import FeedbackReceived
    from cafe24_pipelines.stores.events import EventLog

RECEIVED: Final = "feedback.received"
VERDICTS: Final = ("positive", "negative", "correction")
MAX_TEXT: Final = 2000


@dataclass(frozen=True)
class Feedback:
    """One verdict on one answer.

    Attributes:
        mall_id: whose answer it was.
        answer_id: as `answer_id` makes it.
        verdict: one of `VERDICTS`.
        text: the reason, or with a correction how the answer should have been.
        question, arm, build: what the answer was to, by whom, from what; "" when the sender doesn't say.
        key: makes a repetition of the sender's recognisable; without one, equal content is a repetition.
        sender: who says it, as far as is known: `key:` and the API key's id, or `cli`; never a person's name.
        at: when it was received (UTC; set by the log).
    """

    mall_id: str
    answer_id: str
    verdict: str
    text: str = ""
    question: str = ""
    arm: str = ""
    build: str = ""
    key: str = ""
    sender: str = ""
    at: datetime | None = None

    @property
    def feedback_id(self) -> str:
        """The id of its event: equal for equal content of one sender under the same key."""
        said = [self.answer_id, self.verdict, self.text, self.key, *([self.sender] if self.sender else [])]
        return f"{RECEIVED}:{self.mall_id}:{json_digest(said)}"


def answer_id(mall_id: str, question: str, arm: str, build: str) -> str:
    """The id of the answer to a question by an arm from a published build: equal exactly when all four are.

    Raises:
        BadInput: the question is empty or too long.
    """
    return uid(mall_id, "answer", f"{arm}\x1f{build}\x1f{take(question).text}")


def receive(log: "EventLog", given: Feedback, *, now: datetime | None = None) -> tuple[Feedback, bool]:
    """Check, mask and log one verdict.

    Args:
        now: when it was said (UTC; for clocks that are driven).

    Returns:
        What was logged, and whether it is new (False: a repetition, nothing was added).

    Raises:
        BadInput: the answer id is none, the verdict is unknown, a correction has no text, or the text is too long.
        TooMany: the mall gave as much feedback within a minute as is allowed.
    """
    clean = _checked(given)
    payload = {
        "answer_id": clean.answer_id, "verdict": clean.verdict, "text": clean.text, "question": clean.question,
        "arm": clean.arm, "build": clean.build, "sender": clean.sender,
    }  # fmt: skip
    event = Event(clean.feedback_id, clean.mall_id, RECEIVED, now or datetime.now(UTC), payload)
    return clean, put(log, event).new


def all_feedback(log: "EventLog", mall_id: str) -> Iterator[Feedback]:
    """Everything said about a mall's answers, oldest first; what an older version logged and nobody can read is left
    out (the inbox sets it aside).
    """
    for event in log.read_all(mall_id, types=(RECEIVED,)):
        try:
            said: FeedbackReceived = known_type(RECEIVED).read(event.payload)
        except BadInput:
            continue
        yield Feedback(mall_id=mall_id, at=event.occurred_at, **structs.asdict(said))


def counts(log: "EventLog", mall_id: str) -> dict[str, int]:
    """How many of each verdict."""
    found = dict.fromkeys(VERDICTS, 0)
    for one in all_feedback(log, mall_id):
        found[one.verdict] += 1
    return found


def _checked(given: Feedback) -> Feedback:
    """The feedback in one spelling, with personal data masked."""
    try:
        named = str(UUID(given.answer_id))
    except ValueError:
        raise BadInput("that is no answer id", remedy="use the answer_id that came with the answer") from None
    if given.verdict not in VERDICTS:
        raise BadInput(f"verdict {given.verdict!r} is unknown", remedy=f"use one of: {', '.join(VERDICTS)}")
    if max(len(given.text), len(given.question)) > MAX_TEXT:
        raise BadInput("the text is too long", remedy=f"shorten it to {MAX_TEXT} characters")
    text = _masked(given.text)
    if given.verdict == "correction" and not text:
        raise BadInput("a correction has no text", remedy="say how the answer should have been")
    asked = take(given.question).text if visible(given.question).strip() else ""
    return replace(given, answer_id=named, text=text, question=asked)


def _masked(text: str) -> str:
    """A text that can be stored anywhere: no personal data, no character that can't be seen."""
    from cafe24_pipelines.cafe24.masking import mask_text

    return mask_text(visible(text)).strip()


def to_json(given: Feedback, *, new: bool) -> dict[str, Any]:
    """What the sender gets back."""
    return {
        "feedback_id": given.feedback_id, "answer_id": given.answer_id, "verdict": given.verdict,
        "text": given.text, "recorded": new,
    }  # fmt: skip
