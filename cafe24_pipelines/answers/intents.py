"""What kind of answer a question wants: a computation, documents, patterns, or several of them.

Rules over concepts; the aggregate whose concepts fit best wins, in registry order among equals. Small typing errors
are mended: one letter always, where the word means nothing as it stands; more when the words lead nowhere. Does not
belong here: refusing (see `refusal.py`).
"""

from dataclasses import dataclass

from cafe24_pipelines.answers.aggregates import Aggregate
from cafe24_pipelines.answers.words import concepts, mended

BUSINESS = frozenset(
    [
        "sales",
        "orders",
        "customer",
        "product",
        "coupon",
        "review",
        "repurchase",
        "aov",
        "rfm",
        "inactive",
        "category",
        "units",
        "bought",
        "stock",
        "signup",
        "heads",
        "funnel",
        "discount",
        "cancel",
        "return",
        "loyal",
        "new",
        "viewed",
    ]
)


_RANKED = frozenset(["top", "low", "count", "best_day", "monthly", "weekday", "hour", "why"])
"""With these, "뭐야" asks for a result and not for a definition."""

_DIVIDING = frozenset(
    [
        *("weekday", "hour", "monthly", "daily", "trend", "country", "gender", "new", "returning", "repurchase"),
        *("cancel", "return", "coupon", "review", "inactive", "guest", "compare", "cycle", "frequency", "pareto"),
        *("signup", "consent", "discount", "delivery", "shipping_fee", "stock", "unsold", "funnel", "rfm"),
        *("best_day", "units_per_order", "together", "per_customer", "aov", "tier", "region", "category", "low"),
        *("weekly", "quarterly", "yearly", "day_kind", "by_product", "never_bought", "one_time", "cohort", "basket"),
        *("how_is", "by_price", "new_product", "viewed", "free_shipping", "write_rate", "loyal", "first_gap"),
        *("distribution", "units", "median", "extreme_price", "decline_reason", "money", "refund_money", "status"),
        *("cart_left", "churn_risk", "heads", "share", "sold_out", "coupon_each", "negated", "branch"),
    ]
)
"""Concepts that make a number one of something else: an aggregate that doesn't know one of them must not answer."""

_SLOT_CONCEPTS = {
    "weekdays": "weekday", "hours": "hour", "gender": "gender", "tier": "tier", "region": "region",
    "category": "category", "rating": "low", "price": "by_price", "branch": "branch",
    "coupon_no": "coupon",
}  # fmt: skip
"""A named value accounts for the word of its kind: "VIP 등급", "토요일"."""

_LISTS = frozenset(["how_many", "listing", "method", "resource_top", "scope_each"])
_MEASURES = frozenset(["sales", "orders", "aov", "repurchase", "rate", "count", "rfm"])


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
        """Whether an aggregate may answer; definitions, how-to questions and wording are for documents."""
        if self.api:
            return bool(self.concepts & _LISTS) and "advice" not in self.concepts
        if "write" in self.concepts:
            return bool(self.concepts & _MEASURES)
        return not (self.documents and "definition" in self.concepts)


@dataclass(frozen=True)
class Match:
    """The aggregate chosen, if any; `ignored` when one fitted in part, but not to all that was named."""

    aggregate: Aggregate | None
    ignored: bool


def route(question: str) -> Route:
    """The kinds of answer that the question's words call for."""
    question = mended(question, 1)
    first = _route(question)
    if first.documents or first.patterns or first.concepts & BUSINESS:
        return first
    better = mended(question)
    return _route(better) if better != question else first


def _route(question: str) -> Route:
    named = concepts(question)
    api = bool(named & {"api", "scope", "call", "per_call"})
    definition = "definition" in named and not named & _RANKED
    documents = api or definition or bool(named & {"advice", "write"})
    return Route(question, named, documents, "pattern" in named, api)


def choose(found: Route, aggregates: dict[str, Aggregate], filled: frozenset[str], filters: frozenset[str]) -> Match:
    """The aggregate that fits best.

    Args:
        filled: names of the slots that the question filled, filters among them.
        filters: those of them that narrow a result down. An aggregate that would ignore one is not chosen, because
            its number would be of something else than was asked.
    """
    best, score, ignored = None, 0, False
    for aggregate in aggregates.values():
        if found.api != ("documents" in aggregate.tables):
            continue
        fit = _score(aggregate, found.concepts, filled)
        if fit and not (found.api or _complete(aggregate, found.concepts, filters)):
            ignored = True
        elif fit > score:
            best, score = aggregate, fit
    return Match(best, ignored)


def _complete(aggregate: Aggregate, named: frozenset[str], filters: frozenset[str]) -> bool:
    """Whether the aggregate takes account of every filter and every dividing concept of the question."""
    used = {name for need in aggregate.needs for name in need}.union(aggregate.helps)
    usable = {*aggregate.slots, *aggregate.where}
    used |= {_SLOT_CONCEPTS.get(name, name) for name in filters & usable}
    return filters <= usable and used.issuperset(named & _DIVIDING)


def _score(aggregate: Aggregate, named: frozenset[str], filled: frozenset[str]) -> int:
    """Zero when it doesn't fit; else 6 a slot, 5 a filter it can take, 3 a needed concept, 1 a helping one."""
    if not filled.issuperset(aggregate.slots) or named.intersection(aggregate.avoids):
        return 0
    if not all(named.intersection(need) for need in aggregate.needs):
        return 0
    helped = len(named.intersection(aggregate.helps))
    taken = len((filled & set(aggregate.where)) - set(aggregate.slots))
    if not (aggregate.needs or helped):
        return 0
    return 6 * len(aggregate.slots) + 5 * taken + 3 * len(aggregate.needs) + helped
