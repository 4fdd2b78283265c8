"""What an answer may rest on: passages, graph facts, computed aggregates and patterns, each with its citation.

Does not belong here: gathering it (see `gather.py`), or laying it out for a model (see `prompts.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.aggregates import Computed
from cafe24_pipelines.answers.figures import Number, plain

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.patterns import Pattern


TASK = "CRM_Task"
"""Label of the graph facts that hold a task's calls in order."""


@dataclass(frozen=True)
class Citation:
    """What a statement rests on; `kind` is doc, graph or computed. `score` is retrieval's order, 1.0 otherwise."""

    id: str
    kind: str
    title: str
    score: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """The CLI contract of a citation."""
        return {"id": self.id, "kind": self.kind, "title": self.title, "score": self.score}


@dataclass(frozen=True)
class Passage:
    """A retrieved passage of a document."""

    document_id: str
    title: str
    text: str
    score: float

    @property
    def citation(self) -> Citation:
        """The document."""
        return Citation(self.document_id, "doc", self.title, round(self.score, 6))


@dataclass(frozen=True)
class GraphFact:
    """One sentence read from the graph, about the node `key` of `label`."""

    label: str
    key: str
    text: str

    @property
    def citation(self) -> Citation:
        """The node, as `LABEL:key`."""
        return Citation(f"{self.label}:{self.key}", "graph", self.key)


@dataclass(frozen=True)
class Evidence:
    """Everything gathered for one question; any part may be empty."""

    passages: tuple[Passage, ...] = ()
    graph: tuple[GraphFact, ...] = ()
    computed: tuple[Computed, ...] = ()
    patterns: tuple["Pattern", ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to rest on."""
        return not (self.passages or self.graph or self.computed or self.patterns)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Every computed number, aggregates first."""
        aggregates = [number for computed in self.computed for number in computed.numbers]
        return (*aggregates, *(n for pattern in self.patterns for n in pattern_numbers(pattern)))


_STATUS_KO = {"confirmed": "확인됨", "tentative": "잠정", "insufficient_data": "자료 부족"}


def pattern_numbers(pattern: "Pattern") -> list[Number]:
    """The effect, its interval and the number of cases, with the evidence query."""
    effect, query = pattern.effect, pattern.evidence.query
    sizes = [v for v in (effect.value, effect.ci_low, effect.ci_high) if v is not None]
    return [*(Number(plain(v), effect.name, query) for v in sizes), Number(pattern.n, "표본", query)]


def pattern_text(pattern: "Pattern") -> str:
    """A pattern as Korean text: status, title, effect with interval, cases and the proposed action."""
    effect = pattern.effect
    status = f"[{_STATUS_KO.get(pattern.status, pattern.status)}]"
    lines = [pattern.title if pattern.title.startswith(status) else f"{status} {pattern.title}"]
    if pattern.summary and pattern.summary != pattern.title:
        lines.append(f"  {pattern.summary}")
    if effect.value is not None:
        said = f"  효과({effect.name}) {plain(effect.value)}"
        if effect.ci_low is not None and effect.ci_high is not None:
            said += f" (95% 신뢰구간 {plain(effect.ci_low)}~{plain(effect.ci_high)})"
        lines.append(f"{said}, 표본 {pattern.n}")
    if pattern.action:
        lines.append(f"  제안: {pattern.action}")
    return "\n".join(lines)
