"""What becomes of one piece of feedback: accepted as evidence of a kind, or refused with the reason.

Does not belong here: reading the log and writing effects (`loop.py`), what candidates follow (`candidates.py`).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from cafe24_pipelines.answers.intents import route
from cafe24_pipelines.learning.corrections import instructs, personal, unproven
from cafe24_pipelines.stores.digest import json_digest

if TYPE_CHECKING:
    from cafe24_pipelines.inbox.types import FeedbackReceived
    from cafe24_pipelines.learning.reask import Reasked

VERIFIED: Final = "verified_qa"
FIX: Final = "retrieval_fix"
CORRECTION: Final = "correction"


class Asks(Protocol):
    """What judging needs of the mall: see `reask.Reasker`."""

    def ask(self, question: str) -> "Reasked":
        """The question, asked again and verified."""

    def retrieved(self, question: str) -> list[str]:
        """The documents found for it now."""


@dataclass(frozen=True)
class Judgement:
    """`kind` when accepted, else "" and the `reason`; `found` is what the kind keeps."""

    kind: str = ""
    reason: str = ""
    found: dict[str, Any] = field(default_factory=dict)


def question_class(question: str) -> str:
    """Which part of the chain a question is for."""
    if not question.strip():
        return "unknown"
    found = route(question)
    return "api" if found.api else "patterns" if found.patterns else "documents" if found.documents else "figures"


def voice(said: "FeedbackReceived", sender: str = "") -> str:
    """Who says what of which answer: equal voices count once.

    Without a sender, equal words count as one sender's: nothing shows that they are two people's.
    """
    who = f"sender:{sender}" if sender else f"text:{' '.join(said.text.split())}"
    return json_digest([said.answer_id, said.verdict, who])


def judge(said: "FeedbackReceived", mall_id: str, asks: Asks) -> Judgement:
    """Judge one piece of feedback that is no repetition.

    Raises:
        NotBuilt: nothing has been published for this mall to judge by.
    """
    if said.verdict == "negative":
        return _negative(said, asks)
    if not said.question.strip():
        return Judgement(reason="question_unknown")
    if not _of_this_answer(said, mall_id):
        return Judgement(reason="question_of_another_answer")
    if personal(said.question):
        return Judgement(reason="personal_data")
    return _positive(said, asks) if said.verdict == "positive" else _correction(said, asks)


def _positive(said: "FeedbackReceived", asks: Asks) -> Judgement:
    again = asks.ask(said.question)
    if again.verified is None:
        return Judgement(reason=again.why)
    one = again.verified
    kept = {"answer": one.answer, "source": one.source_id, "verified_by": one.verified_by, "answer_kind": one.kind}
    return Judgement(VERIFIED, found=kept)


def _negative(said: "FeedbackReceived", asks: Asks) -> Judgement:
    """Counted whatever it says; what the reader wanted is kept where it may be."""
    usable = not (personal(said.text) or instructs(said.text))
    question = "" if personal(said.question) else said.question
    retrieved = asks.retrieved(question) if question.strip() else []
    return Judgement(FIX, found={"retrieved": retrieved, "wanted": said.text if usable else ""})


def _correction(said: "FeedbackReceived", asks: Asks) -> Judgement:
    if instructs(said.text):
        return Judgement(reason="instruction")
    if personal(said.text):
        return Judgement(reason="personal_data")
    again = asks.ask(said.question)
    if again.verified is None:
        return Judgement(reason=again.why)
    if reason := unproven(said.text, said.question, again.material):
        return Judgement(reason=reason)
    kept = {"text": said.text, "source": again.verified.source_id, "verified_by": again.verified.verified_by}
    return Judgement(CORRECTION, found=kept)


def _of_this_answer(said: "FeedbackReceived", mall_id: str) -> bool:
    """Whether the question is the one that the answer id was made of, where arm and build tell."""
    from cafe24_pipelines.answers.feedback import answer_id
    from cafe24_pipelines.errors import BadInput

    if not (said.arm and said.build):
        return True
    try:
        return answer_id(mall_id, said.question, said.arm, said.build) == said.answer_id
    except BadInput:
        return False
