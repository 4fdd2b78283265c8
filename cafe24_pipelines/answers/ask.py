"""A question in, a cited answer out: the arms baseline, rag and ontology over one prompt skeleton.

Order: refuse what must be refused, gather what the arm may use, let the model word it, check its numbers and API
paths against the material, and fall back to quoting the material when they don't hold. Does not belong here: how
anything is computed, retrieved or worded.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers import gather, graph_facts
from cafe24_pipelines.answers.aggregates import Computed
from cafe24_pipelines.answers.budget import BudgetSpent
from cafe24_pipelines.answers.evidence import TASK, Citation, Evidence, GraphFact, Passage
from cafe24_pipelines.answers.extractive import asks_how, compose
from cafe24_pipelines.answers.figures import Number
from cafe24_pipelines.answers.frames import KO, Frames, frames, refusal_text
from cafe24_pipelines.answers.intake import take
from cafe24_pipelines.answers.intents import Route, route
from cafe24_pipelines.answers.model_errors import ReplyBroken
from cafe24_pipelines.answers.passages import passages_for
from cafe24_pipelines.answers.prompts import Message, messages, prompt_version
from cafe24_pipelines.answers.refusal import Refusal, refuse
from cafe24_pipelines.answers.usage import NO_USAGE, KrwRate, Usage, used
from cafe24_pipelines.answers.verify import Checker, Sentences
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.korean import filled
from cafe24_pipelines.names import ARMS

if TYPE_CHECKING:
    from cafe24_pipelines.answers.lake_names import LakeSession
    from cafe24_pipelines.answers.llm import Completion, LanguageModel
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake


@dataclass(frozen=True)
class Services:
    """Everything a question needs, over what is published for one mall.

    `finetuned` is arm D's model, `analytics` the published tables of `crm/` (None: no churn score is told), `session`
    an open connection that questions share, one after another (None: each question opens its own).
    """

    mall: Mall
    lake: "MallLake"
    graph: "GraphStore"
    retriever: "Retriever"
    patterns: "list[Pattern]"
    llm: "LanguageModel"
    finetuned: "LanguageModel | None" = None
    krw_rate: KrwRate | None = None
    analytics: "CrmTables | None" = None
    session: "LakeSession | None" = None


@dataclass(frozen=True)
class Answer:
    """The CLI contract of `cafe24 ask`, and what led to it.

    `rule` names the refusal's rule ("" when answered); `withheld` lists what the model said without support, from
    where on `answer` quotes the material instead; `aggregates` are the keys of what was computed. `retrieved`
    counts passages, `masked` names the kinds of personal data that were taken out of the question, as [이름].
    """

    answer: str
    arm: str
    model: str
    citations: tuple[Citation, ...] = ()
    numbers: tuple[Number, ...] = ()
    refused: bool = False
    latency_ms: float = 0.0
    cost_usd: float | None = 0.0
    rule: str = ""
    withheld: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    usage: Usage = NO_USAGE
    prompt_version: str = ""
    retrieved: int = 0
    lang: str = "ko"
    masked: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The keys of the contract, and what the answer used."""
        return {
            "answer": self.answer, "arm": self.arm, "model": self.model,
            "citations": [c.to_json() for c in self.citations], "numbers": [n.to_json() for n in self.numbers],
            "refused": self.refused, "latency_ms": round(self.latency_ms, 1), "cost_usd": self.cost_usd,
            "usage": self.usage.to_json(), "prompt_version": self.prompt_version, "retrieved": self.retrieved,
            "rule": self.rule, "withheld": list(self.withheld), "masked": list(self.masked), "lang": self.lang,
        }  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """A piece of an answer as it is released; the last one has no text and carries the whole answer."""

    text: str
    answer: Answer | None = None


def ask(question: str, services: Services, *, arm: str = "ontology", lang: str = "ko") -> Answer:
    """Answer one Korean question about the mall or the Cafe24 API.

    Raises:
        BadInput: the question is empty or longer than 1,000 characters, or the language is unknown.
        ConfigError: the arm is unknown or has no model.
        NotBuilt: what the question needs has not been published for this mall.
        ModelError: the language model can't be used.
    """
    return _whole(_answered(question, services, arm, lang, streamed=False))


def ask_stream(question: str, services: Services, *, arm: str = "ontology", lang: str = "ko") -> Iterator[Chunk]:
    """The same answer, released sentence by sentence, each after it was checked; the whole answer comes last.

    What the model says without support is never released: the stream says so and goes on with the quoted material.
    Errors as of `ask`, before the first chunk or, when the model fails, in its place.
    """
    return _answered(question, services, arm, lang, streamed=True)


def _answered(question: str, services: Services, arm: str, lang: str, *, streamed: bool) -> Iterator[Chunk]:
    started = time.perf_counter()
    said, model, taken = frames(lang), _model_of(arm, services), take(question)
    found = route(taken.text)
    material = refuse(taken.plain) or _gather(found, services, arm, model)
    made = Answer("", arm, model.model, prompt_version=prompt_version(lang), lang=lang, masked=taken.masked)
    if isinstance(material, Refusal):
        text = refusal_text(material.rule, material.text, lang)
        made = replace(made, answer=text, refused=True, rule=material.rule)
        yield Chunk(text)
    else:
        writer = _Writer(messages(found.question, material, lang), material, said, free_paths=arm == "baseline")
        try:
            yield from writer.write(model, streamed=streamed)
            made = writer.finish(made, services.krw_rate)
        except BudgetSpent as e:
            text = said.budget.format(usd=e.usd_a_day)
            made = replace(made, answer=text, refused=True, rule="budget_spent")
            yield Chunk(text)
    if taken.masked:
        note = filled(said.masked, kinds=", ".join(taken.masked))
        made = replace(made, answer=f"{made.answer}\n\n{note}")
        yield Chunk(f"\n\n{note}")
    yield Chunk("", replace(made, latency_ms=1000 * (time.perf_counter() - started)))


class _Writer:
    """Has the model word one prompt, lets through what is supported, and replaces the rest by the material."""

    def __init__(self, prompt: list[Message], material: Evidence, said: Frames, *, free_paths: bool) -> None:
        self.prompt, self.material, self.said = prompt, material, said
        self.checker = Checker(prompt, free_paths)
        self.released: list[str] = []
        self.completion: Completion | None = None
        self.replaced = self.empty = False

    def write(self, model: "LanguageModel", *, streamed: bool) -> Iterator[Chunk]:
        """Everything that a reader gets of this answer."""
        sentences, why = Sentences(), ""
        try:
            steps = model.stream(self.prompt) if streamed else iter(_at_once(model.complete(self.prompt)))
            for step in steps:
                if isinstance(step, str):
                    yield from self._let_through(sentences.feed(step))
                else:
                    self.completion = step
        except ReplyBroken as e:
            self.completion, why = e.completion, self.said.cut if self.released else self.said.silent
        rest, cut = sentences.rest(), self.completion is not None and self.completion.finish == "length"
        if not (why or cut):
            yield from self._let_through([rest])
        if not why and not self.replaced and not "".join(self.released).strip():
            why = self.said.silent
        if why and not self.replaced:
            yield self._release(self._instead(why))
        elif cut and not self.replaced:
            yield self._release(f"\n{self.said.too_long}")

    def finish(self, made: Answer, rate: KrwRate | None) -> Answer:
        """The answer, once all is released."""
        text, done = "".join(self.released).strip(), self.completion
        if done is not None:
            made = replace(made, model=done.model, usage=used(done, rate), cost_usd=done.cost_usd)
        return replace(
            made, answer=text, citations=_citations(text, self.material), numbers=self.material.numbers,
            refused=self.empty or text == self.said.no_material,
            withheld=tuple(self.checker.wrong), retrieved=len(self.material.passages),
            aggregates=tuple(c.key for c in self.material.computed),
        )  # fmt: skip

    def _let_through(self, sentences: list[str]) -> Iterator[Chunk]:
        """The supported ones up to the first that is not; what follows is read on, so that its cost is known."""
        for sentence in filter(None, sentences):
            if self.checker.passes(sentence) and not self.replaced:
                yield self._release(sentence)
            elif self.checker.wrong and not self.replaced:
                yield self._release(self._instead(self.said.withheld))

    def _instead(self, why: str) -> str:
        """Why the model's words end here, and the material as `local/extractive` quotes it."""
        self.replaced = True
        gap = "\n\n" if "".join(self.released).strip() else ""
        self.empty = self.material.empty and not gap
        if self.material.empty:
            return f"{gap}{why} {self.said.no_material}"
        return f"{gap}{why} {self.said.instead}\n\n{compose(self.prompt)}"

    def _release(self, text: str) -> Chunk:
        self.released.append(text)
        return Chunk(text)


def _at_once(done: "Completion") -> "list[str | Completion]":
    return [done.text, done]


def _whole(chunks: Iterator[Chunk]) -> Answer:
    for chunk in chunks:
        if chunk.answer is not None:
            return chunk.answer
    raise AssertionError("an answer ends with the whole of it")


def _model_of(arm: str, services: Services) -> "LanguageModel":
    if arm not in ARMS:
        raise ConfigError(f"arm {arm!r} is unknown", remedy=f"use one of: {', '.join(ARMS)}")
    if arm != "finetuned":
        return services.llm
    if services.finetuned is None:
        raise ConfigError(
            "no fine-tuned model is configured",
            remedy="train one from `cafe24 export finetune`, set FINETUNED_MODEL to its name, or use --arm ontology",
        )
    return services.finetuned


_NOT_THERE = frozenset(["unknown_id", "unknown_path", "unknown_member"])
"""Refusals of what was named exactly and doesn't exist: no document could answer about it."""


def _gather(found: Route, services: Services, arm: str, model: "LanguageModel") -> Evidence | Refusal:
    """The material that the arm may use; a refusal when there must be some and there is none."""
    if arm == "baseline":
        return Evidence()
    if arm == "rag":
        return _or_refuse(Evidence(passages=passages_for(found, services)), found, model)
    if found.patterns and not found.documents and not services.patterns:
        return Refusal("no_patterns", KO.no_patterns)
    patterns = gather.patterns(found, services) if found.patterns and not found.api else ()
    result = None if found.patterns and not found.documents and patterns else gather.computed(found, services)
    if isinstance(result, Refusal) and (result.rule in _NOT_THERE or not (found.documents or patterns)):
        return result
    figures = (result,) if isinstance(result, Computed) else ()
    wanted = found.documents and ("advice" in found.concepts or not figures)
    told = wanted or not (figures or patterns) or asks_how(found.question)
    passages = passages_for(found, services) if told else ()
    facts = _graph(passages, found.question if told else "", services)
    return _or_refuse(Evidence(passages, facts, figures, patterns), found, model)


def _graph(passages: tuple[Passage, ...], question: str, services: Services) -> tuple[GraphFact, ...]:
    """The steps of the question's task, and facts next to what was retrieved; a figure alone needs no graph."""
    if not (passages or question):
        return ()
    mall_id = services.mall.mall_id
    steps = graph_facts.task_steps(question, services.graph, mall_id) if question else ()
    ids = [*(p.document_id for p in passages), *(call for step in steps for call in _calls(step))]
    return (*steps, *graph_facts.around(ids, services.graph, mall_id))[: graph_facts.MAX_FACTS]


def _calls(task: GraphFact) -> list[str]:
    return re.findall(r"`([A-Z]+ /[^`]+)`", task.text)


def _or_refuse(evidence: Evidence, found: Route, model: "LanguageModel") -> Evidence | Refusal:
    """A model that can write may word a text without material (its numbers are still checked); nothing else may."""
    if not evidence.empty:
        return evidence
    if "write" not in found.concepts:
        return Refusal("unfounded", KO.unfounded)
    return Refusal("not_generative", KO.no_material) if model.local else evidence


def _citations(text: str, material: Evidence) -> tuple[Citation, ...]:
    """What the text points at: passages by their mark or id (all, when none is marked), computations, graph nodes."""
    marked = {int(n) for n in re.findall(r"\[문서\s*(\d+)\]", text)}
    used = [p for i, p in enumerate(material.passages, 1) if i in marked or f"`{p.document_id}`" in text]
    found = [p.citation for p in used or material.passages]
    for computed in material.computed:
        found.append(Citation(f"computed:{computed.key}", "computed", computed.title))
        found += [Citation(key, "doc", key) for key in computed.cites]
    found += [Citation(p.id, "computed", p.title) for p in material.patterns]
    for fact in material.graph:
        if fact.text.splitlines()[0] in text or f"`{fact.key}`" in text:
            found.append(fact.citation)
        if fact.label == TASK:  # its calls are what the answer names
            calls = [call for call in _calls(fact) if f"`{call}`" in text]
            found += [Citation(f"CRM_ApiEndpoint:{call}", "graph", call) for call in calls]
    return tuple({(c.kind, c.id): c for c in reversed(found)}.values())[::-1]
