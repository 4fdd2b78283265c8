"""Verified answers: the question bank answered, each answer checked before it is kept.

A computed answer is kept when its numbers come out again, by a second route where there is one, else by running
the query it shows; a document answer when it cites the document that the question was made from; a refusal when
the right rule gave it. What fails is left out and counted. Does not belong here: training formats (`finetune/`).
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.answers import aggregates
from cafe24_pipelines.answers.aggregates import Aggregate
from cafe24_pipelines.answers.ask import Answer, Services, ask
from cafe24_pipelines.answers.figures import Number, plain
from cafe24_pipelines.answers.lake_names import LakeSession, open_session
from cafe24_pipelines.answers.llm import Composer
from cafe24_pipelines.answers.questions import Asked, questions
from cafe24_pipelines.answers.second_route import SECOND_ROUTES, Frames
from cafe24_pipelines.answers.slots import find_slots, with_recent
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.files import Published

_FILE: Final = "answers.jsonl"


@dataclass(frozen=True)
class VerifiedAnswer:
    """One kept answer. `numbers` and `citations` are as in the CLI contract; `verified_by` says how it was checked.

    `kind` is computed, document, pattern or refusal; `source_id` an aggregate key, document id, pattern id or rule.
    """

    question: str
    answer: str
    kind: str
    numbers: tuple[dict[str, Any], ...]
    citations: tuple[dict[str, Any], ...]
    source_id: str
    verified_by: str


def verified_answers(services: Services) -> list[VerifiedAnswer]:
    """Answers to the built-in bank that passed verification, in the bank's order; the same lake gives the same list.

    The words are always the extractive composer's, whatever model is configured: no cost, no chance.

    Raises:
        NotBuilt: documents or graph have not been published for this mall.
    """
    from cafe24_pipelines.knowledge.documents import read_documents

    documents = read_documents(services.lake)
    known = {d.document_id for d in documents}
    kept = []
    with open_session(services.lake, services.mall.time_zone) as opened:
        local = replace(services, llm=Composer(), session=opened)
        checker = Checker(local, opened, known)
        for asked in questions(local, documents):
            answer = ask(asked.question, local)
            how = checker.how(asked, answer)
            if how:
                kept.append(to_keep(asked, answer, how))
    return kept


def to_keep(asked: Asked, answer: Answer, how: str) -> VerifiedAnswer:
    """What is kept of an answer that was verified."""
    shown = answer.to_json()
    source = asked.source_id or (answer.citations[0].id if answer.citations else "")
    return VerifiedAnswer(
        asked.question, answer.answer, asked.kind, tuple(shown["numbers"]), tuple(shown["citations"]), source, how
    )


class Checker:
    """Says how an answer was verified, or "" when it wasn't."""

    def __init__(self, services: Services, opened: LakeSession, known: set[str]) -> None:
        self.services, self.db, self.names, self.known = services, opened.db, opened.names, known
        self.frames = Frames(services.lake, services.mall.time_zone)

    def how(self, asked: Asked, answer: Answer) -> str:
        """How it was verified; "" when it was not."""
        if asked.kind == "refusal":
            return f"rule:{answer.rule}" if answer.refused and answer.rule == asked.source_id else ""
        if answer.refused or answer.withheld or not answer.citations:
            return ""
        if not all(c.id in self.known for c in answer.citations if c.kind == "doc"):
            return ""
        if asked.kind == "document":
            return "citation" if asked.source_id in [c.id for c in answer.citations] else ""
        if asked.kind == "pattern":
            return "pattern:evidence" if answer.numbers else ""
        return self._computed(asked, answer) if answer.aggregates == (asked.source_id,) else ""

    def _computed(self, asked: Asked, answer: Answer) -> str:
        aggregate = aggregates.AGGREGATES[asked.source_id]
        if not answer.numbers:
            return ""
        if aggregate.python:
            return "structure" if self._whole_segments(answer.numbers) else ""
        if asked.source_id in SECOND_ROUTES:
            return "second_route:pandas" if self._second_route(asked, answer, aggregate) else ""
        return "rerun:sql" if self._rerun(answer.numbers, aggregate) else ""

    def _second_route(self, asked: Asked, answer: Answer, aggregate: Aggregate) -> bool:
        if self.names.coverage is None:
            return False
        slots = find_slots(asked.question, self.names, self.services.mall, self.names.coverage)
        rows = SECOND_ROUTES[asked.source_id](self.frames, with_recent(slots) if aggregate.recent else slots)
        return _same(answer.numbers, _values(rows, aggregate))

    def _rerun(self, numbers: Iterable[Number], aggregate: Aggregate) -> bool:
        """The query as it is shown, run again without parameters, gives the numbers in order."""
        shown = next(iter(numbers)).query
        relation = self.db.sql(shown)
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        values = [float(len(rows))] if aggregate.count else _values(rows, aggregate)
        return _same(tuple(numbers), values)

    def _whole_segments(self, numbers: Iterable[Number]) -> bool:
        """Every buying member is in exactly one segment."""
        sales = self.frames.orders()
        return sum(n.value for n in numbers) == sales.loc[sales["sale"], "member_key"].nunique()


def _values(rows: list[dict[str, Any]], aggregate: Aggregate) -> list[float]:
    names = [name for name, unit in aggregate.units.items() if unit != "text"]
    return [float(plain(row[name])) for row in rows for name in names if row[name] is not None]


def _same(numbers: Iterable[Number], values: list[float]) -> bool:
    """The answer's first numbers are these (interval bounds may follow); a cent's rounding may differ."""
    stated = [float(n.value) for n in numbers][: len(values)]
    pairs = zip(stated, values, strict=False)
    return len(stated) == len(values) > 0 and all(math.isclose(a, b, rel_tol=1e-9, abs_tol=0.0101) for a, b in pairs)


class AnswerBook:
    """The current verified answers of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, mall_id: str, answers: list[VerifiedAnswer]) -> str:
        """Make these the mall's current answers; equal content is not written again. Returns the digest."""
        rows = [asdict(answer) for answer in answers]
        digest = json_digest(rows)
        store = Published(self.root / mall_id)
        if digest != self.digest(mall_id):
            staging = store.staging(digest)
            text = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
            (staging / _FILE).write_text(text, encoding="utf-8")
            store.publish(staging, digest, {"answers": len(rows), "digest": digest})
        return digest

    def current(self, mall_id: str) -> list[VerifiedAnswer]:
        """The mall's current answers in order; none before the first run."""
        build = Published(self.root / mall_id).current()
        if build is None:
            return []
        lines = (build.path / _FILE).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [
            VerifiedAnswer(**{**row, "numbers": tuple(row["numbers"]), "citations": tuple(row["citations"])})
            for row in rows
        ]

    def digest(self, mall_id: str) -> str:
        """Digest of the current answers ("" before the first run)."""
        build = Published(self.root / mall_id).current()
        return str(build.meta["digest"]) if build else ""
