"""A question in, a cited answer out: the arms baseline, rag and ontology over one prompt skeleton.

Order: refuse what must be refused, gather what the arm may use, let the model word it, check its numbers and API
paths against the material, and fall back to quoting the material when they don't hold. Does not belong here: how
anything is computed, retrieved or worded.
"""

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines import guard
from cafe24_pipelines.answers import gather
from cafe24_pipelines.answers.aggregates import Computed
from cafe24_pipelines.answers.evidence import Citation, Evidence
from cafe24_pipelines.answers.extractive import NO_MATERIAL, compose
from cafe24_pipelines.answers.figures import Number
from cafe24_pipelines.answers.intents import Route, route
from cafe24_pipelines.answers.prompts import Message, messages
from cafe24_pipelines.answers.refusal import Refusal, refuse
from cafe24_pipelines.answers.words import normal
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import BadInput, ConfigError

if TYPE_CHECKING:
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake

ARMS: Final = ("baseline", "rag", "ontology", "finetuned")
MAX_QUESTION: Final = 1000
UNFOUNDED: Final = (
    "적재된 데이터와 문서에서 이 질문의 근거를 찾지 못해 답할 수 없습니다. "
    "매출·고객·상품·쿠폰·리뷰의 집계, 발견된 패턴, 카페24 API 사용법은 물어보실 수 있습니다."
)
NO_PATTERNS: Final = (
    "아직 발견된 패턴이 없어 답할 수 없습니다. cafe24 run으로 패턴 발견까지 실행한 결과가 필요합니다."
)
WITHHELD: Final = "모델의 답에 근거 자료에 없는 숫자나 API가 있어 보여 드리지 않습니다."


@dataclass(frozen=True)
class Services:
    """Everything a question needs, over what is published for one mall."""

    mall: Mall
    lake: "MallLake"
    graph: "GraphStore"
    retriever: "Retriever"
    patterns: "list[Pattern]"
    llm: "LanguageModel"


@dataclass(frozen=True)
class Answer:
    """The CLI contract of `cafe24 ask`, and what led to it.

    `rule` names the refusal's rule ("" when answered); `withheld` lists what the model said without support, in
    which case `answer` quotes the material instead; `aggregates` are the keys of what was computed.
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

    def to_json(self) -> dict[str, Any]:
        """The keys of the contract, and no others."""
        return {
            "answer": self.answer, "arm": self.arm, "model": self.model,
            "citations": [c.to_json() for c in self.citations], "numbers": [n.to_json() for n in self.numbers],
            "refused": self.refused, "latency_ms": round(self.latency_ms, 1), "cost_usd": self.cost_usd,
        }  # fmt: skip


def ask(question: str, services: Services, *, arm: str = "ontology") -> Answer:
    """Answer one Korean question about the mall or the Cafe24 API.

    Raises:
        BadInput: the question is empty or longer than 1,000 characters.
        ConfigError: the arm is unknown or has no model.
        NotBuilt: what the question needs has not been published for this mall.
        ModelError: the language model can't be used.
    """
    started = time.perf_counter()
    text = _checked(question, arm)
    found = route(text)
    material = refuse(text) or _gather(found, services, arm)
    if isinstance(material, Refusal):
        return Answer(
            material.text, arm, services.llm.model, refused=True, rule=material.rule, latency_ms=_since(started)
        )
    prompt = messages(found.question, material)
    completion = services.llm.complete(prompt)
    said, withheld = _verified(completion.text, prompt, material, arm)
    return Answer(
        answer=said, arm=arm, model=completion.model, citations=_citations(said, material),
        numbers=material.numbers, refused=said == NO_MATERIAL, latency_ms=_since(started),
        cost_usd=completion.cost_usd, withheld=withheld, aggregates=tuple(c.key for c in material.computed),
    )  # fmt: skip


def _checked(question: str, arm: str) -> str:
    if arm not in ARMS:
        raise ConfigError(f"arm {arm!r} is unknown", remedy=f"use one of: {', '.join(ARMS)}")
    if arm == "finetuned":
        raise ConfigError(
            "no fine-tuned model is configured",
            remedy="train one from `cafe24 export finetune`, set it as LLM_MODEL, and use --arm ontology",
        )
    text = normal(question)
    if not text:
        raise BadInput("the question is empty", remedy='ask something, e.g. cafe24 ask "지난달 매출은?"')
    if len(text) > MAX_QUESTION:
        raise BadInput(f"the question has {len(text)} characters", remedy=f"shorten it to {MAX_QUESTION}")
    return text


def _gather(found: Route, services: Services, arm: str) -> Evidence | Refusal:
    """The material that the arm may use; a refusal when there must be some and there is none."""
    if arm == "baseline":
        return Evidence()
    if arm == "rag":
        return _or_refuse(Evidence(passages=gather.passages(found, services)), found, services)
    if found.patterns and not found.documents and not services.patterns:
        return Refusal("no_patterns", NO_PATTERNS)
    patterns = gather.patterns(found, services) if found.patterns else ()
    result = None if found.patterns and not found.documents and patterns else gather.computed(found, services)
    if isinstance(result, Refusal) and not (found.documents or patterns):
        return result
    figures = (result,) if isinstance(result, Computed) else ()
    wanted = found.documents and ("advice" in found.concepts or not figures)
    passages = gather.passages(found, services) if wanted or not (figures or patterns) else ()
    facts = gather.graph(passages, services)
    return _or_refuse(Evidence(passages, facts, figures, patterns), found, services)


def _or_refuse(evidence: Evidence, found: Route, services: Services) -> Evidence | Refusal:
    """A model that can write may word a text without material (its numbers are still checked); nothing else may."""
    if not evidence.empty:
        return evidence
    if "write" not in found.concepts:
        return Refusal("unfounded", UNFOUNDED)
    return Refusal("not_generative", NO_MATERIAL) if services.llm.local else evidence


def _verified(text: str, prompt: list[Message], material: Evidence, arm: str) -> tuple[str, tuple[str, ...]]:
    """The model's text when all it says of numbers and paths is in the prompt; else the quoted material."""
    given = prompt[-1]["content"]
    wrong = guard.unsupported_numbers(text, given)
    if arm != "baseline":
        wrong += guard.unsupported_paths(text, given)
    if not wrong and text:
        return text, ()
    fallback = f"{WITHHELD} {NO_MATERIAL}" if material.empty else compose(prompt)
    return fallback, tuple(wrong)


def _citations(text: str, material: Evidence) -> tuple[Citation, ...]:
    """What the text points at: passages by their mark or id (all, when none is marked), computations, graph nodes."""
    marked = {int(n) for n in re.findall(r"\[문서\s*(\d+)\]", text)}
    used = [p for i, p in enumerate(material.passages, 1) if i in marked or f"`{p.document_id}`" in text]
    found = [p.citation for p in used or material.passages]
    for computed in material.computed:
        found.append(Citation(f"computed:{computed.key}", "computed", computed.title))
        found += [Citation(key, "doc", key) for key in computed.cites]
    found += [Citation(p.id, "computed", p.title) for p in material.patterns]
    found += [fact.citation for fact in material.graph]
    return tuple({(c.kind, c.id): c for c in reversed(found)}.values())[::-1]


def _since(started: float) -> float:
    return 1000 * (time.perf_counter() - started)
