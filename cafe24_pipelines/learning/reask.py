"""Asking a merchant's question again, over what is published now, and verifying the answer as the bank's are.

The words are the local composer's, whatever model is configured: no cost, no chance, and nothing that a model said
is ever taught. Does not belong here: what follows from the result (`judge.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cafe24_pipelines.answers.aggregates import AGGREGATES
from cafe24_pipelines.answers.ask import Answer, Services, ask
from cafe24_pipelines.answers.intake import take
from cafe24_pipelines.answers.lake_names import LakeSession, open_session
from cafe24_pipelines.answers.llm import LanguageModel
from cafe24_pipelines.answers.questions import Asked
from cafe24_pipelines.answers.verified import Checker, VerifiedAnswer, to_keep
from cafe24_pipelines.errors import BadInput

PASSAGES = 5
"""Documents that are noted as found for a question whose answer was no good."""


@dataclass(frozen=True)
class Reasked:
    """A question asked again: its verified answer, or why there is none; `material` is what supports it."""

    verified: VerifiedAnswer | None
    why: str = ""
    material: str = ""


class Reasker:
    """Asks and verifies over one mall; each question once. Make one with `reasking`."""

    def __init__(self, services: Services, opened: LakeSession) -> None:
        from cafe24_pipelines.knowledge.documents import read_documents

        self.services = replace(services, llm=LanguageModel(), session=opened)
        self.bodies = {d.document_id: d.body for d in read_documents(services.lake)}
        self.checker = Checker(self.services, opened, set(self.bodies))
        self._asked: dict[str, Reasked] = {}

    def ask(self, question: str) -> Reasked:
        """The question, asked again.

        Raises:
            NotBuilt: documents or graph have not been published for this mall.
        """
        if question not in self._asked:
            self._asked[question] = self._ask(question)
        return self._asked[question]

    def retrieved(self, question: str) -> list[str]:
        """The documents that retrieval finds for it now."""
        try:
            text = take(question).text
        except BadInput:
            return []
        return [found.document_id for found in self.services.retriever.search(text, limit=PASSAGES)]

    def _ask(self, question: str) -> Reasked:
        try:
            answer = ask(question, self.services)
        except BadInput:
            return Reasked(None, "question_unusable")
        if answer.refused:
            return Reasked(None, f"refused:{answer.rule or 'no_material'}")
        asked = _asked(question, answer)
        how = self.checker.how(asked, answer) if asked else ""
        if asked is None or not how:
            return Reasked(None, "not_verified")
        cited = [self.bodies[c.id] for c in answer.citations if c.kind == "doc" and c.id in self.bodies]
        return Reasked(to_keep(asked, answer, how), "", "\n".join([answer.answer, *cited]))


@contextmanager
def reasking(services: Services) -> Iterator[Reasker]:
    """A `Reasker` with the mall's tables open.

    Raises:
        NotBuilt: no documents have landed for this mall.
    """
    with open_session(services.lake, services.mall.time_zone) as opened:
        yield Reasker(services, opened)


def _asked(question: str, answer: Answer) -> Asked | None:
    """What the answer rests on, in the bank's terms: one known aggregate, a document, or patterns."""
    if answer.aggregates:
        known = len(answer.aggregates) == 1 and answer.aggregates[0] in AGGREGATES
        return Asked(question, "computed", answer.aggregates[0]) if known else None
    documents = [c.id for c in answer.citations if c.kind == "doc"]
    if documents:
        return Asked(question, "document", documents[0])
    return Asked(question, "pattern", "") if answer.numbers else None
