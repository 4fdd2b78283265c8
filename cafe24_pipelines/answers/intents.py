"""What kind of answer a question wants: a computation, documents, patterns, or several of them.

Rules over concepts; the aggregate whose concepts fit best wins, in registry order among equals. Small typing errors
are mended only when the words as written lead nowhere. Does not belong here: refusing (see `refusal.py`).
"""

from dataclasses import dataclass

from cafe24_pipelines.answers.aggregates import Aggregate
from cafe24_pipelines.answers.words import concepts, mended

_BUSINESS = frozenset(
    ["sales", "orders", "customer", "product", "coupon", "review", "repurchase", "aov", "rfm", "inactive", "category"]
)


_RANKED = frozenset(["top", "low", "count", "best_day", "monthly", "weekday", "hour", "why"])
"""With these, "뭐야" asks for a result and not for a definition."""


@dataclass(frozen=True)
class Route:
    """Where a question goes. `question` is the text that was understood, typing errors mended."""

    question: str
    concepts: frozenset[str]
    documents: bool
    patterns: bool
    api: bool

    @property
    def computes(self) -> bool:
        """Whether an aggregate may answer; pure definitions and how-to questions are for documents."""
        return not (self.documents and self._only_documents)

    @property
    def _only_documents(self) -> bool:
        if self.api:
            return not self.concepts & {"count", "listing", "method", "resource_top"} or "advice" in self.concepts
        return "definition" in self.concepts


def route(question: str) -> Route:
    """The kinds of answer that the question's words call for."""
    first = _route(question)
    if first.documents or first.patterns or first.concepts & _BUSINESS:
        return first
    better = mended(question)
    return _route(better) if better != question else first


def _route(question: str) -> Route:
    named = concepts(question)
    api = bool(named & {"api", "scope", "call"})
    definition = "definition" in named and not named & _RANKED
    return Route(question, named, api or definition or "advice" in named, "pattern" in named, api)


def choose(found: Route, aggregates: dict[str, Aggregate], filled: frozenset[str]) -> Aggregate | None:
    """The aggregate that fits best, or None.

    Args:
        filled: names of the slots (`product`, `category`, `tier`, `resource`) that the question filled.
    """
    best: tuple[int, Aggregate] | None = None
    for aggregate in aggregates.values():
        score = _score(aggregate, found.concepts, filled)
        if score and (best is None or score > best[0]):
            best = (score, aggregate)
    return best[1] if best else None


def _score(aggregate: Aggregate, named: frozenset[str], filled: frozenset[str]) -> int:
    """Zero when it doesn't fit; else 4 a slot, 3 a needed concept, 1 a helping one."""
    if not filled.issuperset(aggregate.slots) or named.intersection(aggregate.avoids):
        return 0
    if not all(named.intersection(need) for need in aggregate.needs):
        return 0
    helped = len(named.intersection(aggregate.helps))
    if not aggregate.needs and not helped:
        return 0
    return 4 * len(aggregate.slots) + 3 * len(aggregate.needs) + helped
