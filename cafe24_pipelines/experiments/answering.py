"""An arm answers the question set: stored answer by answer, resumed after a kill, reused while nothing changed.

An answer may be used again when the arm, the model, the wording of the prompt, the question, what is published of the
mall, and the code and rules that answer and judge faithfulness are the same; the hash of these is the run's key. Does
not belong here: gold, scores, statistics.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.experiments.faithfulness import faithful_numbers, faithful_sentences
from cafe24_pipelines.experiments.gold import GoldQuestion
from cafe24_pipelines.experiments.store import ExperimentBook, Row
from cafe24_pipelines.stores.digest import code_digest, json_digest

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Answer, Services
    from cafe24_pipelines.answers.llm import Completion, LanguageModel
    from cafe24_pipelines.answers.prompts import Message

Progress = Callable[[str], None]
GIVE_UP_AFTER: Final = 3
"""Failures of the model in a row after which asking on would only cost."""
_WHAT_ANSWERS: Final = ("answers", "knowledge", "ontology", "guard.py", "korean.py", "experiments/faithfulness.py")


def run_key(arm: str, services: "Services") -> str:
    """What makes two answers to one question the same; 16 hex digits."""
    from cafe24_pipelines.answers.prompts import prompt_version

    model = services.finetuned if arm == "finetuned" else services.llm
    published = services.graph.published(services.mall.mall_id)
    parts = [arm, model.model if model else "", prompt_version(), services.lake.digest(),
             published[1] if published else "", [p.id for p in services.patterns], _code()]  # fmt: skip
    return json_digest(parts)[:16]


def answer_arm(
    arm: str, services: "Services", questions: Iterable[GoldQuestion], book: ExperimentBook,
    *, progress: Progress = lambda line: None,
) -> list[Row]:  # fmt: skip
    """The arm's answers in the order of the questions, of which only those without a stored answer are asked.

    Raises:
        Cafe24Error: the model failed on some questions (the others are stored, and the next run asks the rest), or
            the mall was published anew meanwhile.
    """
    listed, key = list(questions), run_key(arm, services)
    log = book.log(services.mall.mall_id, arm, key)
    stored = {i: r for i, r in log.read().items() if r["question"] in {q.text for q in listed}}
    missing = [q for q in listed if stored.get(q.id, {}).get("question") != q.text]
    progress(f"{arm}: {len(listed)} questions, {len(listed) - len(missing)} answered before")
    asked = _Asking(arm, services)
    for i, question in enumerate(missing, 1):
        row = asked.row(question)
        if row is not None:
            log.append(row)
            stored[question.id] = row
        if i % 50 == 0:
            progress(f"{arm}: {i} of {len(missing)}")
    if asked.failed:
        what = f"{len(asked.failed)} of {len(listed)} questions of arm {arm} have no answer: {asked.failed[-1]}"
        raise Cafe24Error(what, remedy="run it again: what was answered is kept")
    if run_key(arm, services) != key:
        raise Cafe24Error("the mall's published data changed while its questions were being answered",
                          where=services.mall.mall_id, remedy="run the comparison again")  # fmt: skip
    log.clear_others()
    return [stored[q.id] for q in listed]


@dataclass
class _Asking:
    """One arm being asked."""

    arm: str
    services: "Services"
    failed: list[str] = field(default_factory=list)
    in_a_row: int = 0

    def row(self, question: GoldQuestion) -> Row | None:
        """The answer as it is stored; None when the model failed."""
        from cafe24_pipelines.answers.ask import ask
        from cafe24_pipelines.answers.llm import ModelError

        if self.in_a_row >= GIVE_UP_AFTER:
            self.failed.append(self.failed[-1])
            return None
        seen: list[str] = []
        try:
            answer = ask(question.text, _recorded(self.services, seen), arm=self.arm)
        except ModelError as e:
            self.failed.append(str(e))
            self.in_a_row += 1
            return None
        self.in_a_row = 0
        return stored_answer(question, answer, "\n".join(seen))


def stored_answer(question: GoldQuestion, answer: "Answer", material: str) -> Row:
    """What is kept of an answer; `material` is the prompt it was made from ("" when no model was asked)."""
    usage, rests = answer.usage, f"{material}\n{question.text}"
    spoken = not answer.refused
    return {
        "question_id": question.id, "question": question.text, "arm": answer.arm, "model": answer.model,
        "answer": answer.answer, "refused": answer.refused, "rule": answer.rule, "withheld": len(answer.withheld),
        "citations": [{"id": c.id, "kind": c.kind} for c in answer.citations],
        "aggregates": list(answer.aggregates), "prompt_version": answer.prompt_version,
        "faithful_numbers": faithful_numbers(answer.answer, rests) if spoken else None,
        "faithful_sentences": faithful_sentences(answer.answer, rests) if spoken else None,
        "latency_ms": round(answer.latency_ms, 1), "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens, "cost_usd": answer.cost_usd, "cost_krw": usage.cost_krw,
    }  # fmt: skip


class _Recorder:
    """A language model that also writes down what it was given."""

    def __init__(self, model: "LanguageModel", seen: list[str]) -> None:
        self._model, self._seen = model, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def complete(self, messages: "list[Message]", **kwargs: Any) -> "Completion":
        """The model's reply."""
        self._seen += [m["content"] for m in messages if m["role"] == "user"]
        return self._model.complete(messages, **kwargs)


def _recorded(services: "Services", seen: list[str]) -> "Services":
    def recorder(model: "LanguageModel") -> "LanguageModel":
        return cast("LanguageModel", _Recorder(model, seen))

    tuned = services.finetuned
    return replace(services, llm=recorder(services.llm), finetuned=recorder(tuned) if tuned is not None else None)


@cache
def _code() -> str:
    """Hash of the rooms that answer, with their rules and texts: an improved room answers anew."""
    return code_digest(*_WHAT_ANSWERS)
