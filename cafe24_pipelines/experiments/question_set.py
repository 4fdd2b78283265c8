"""The question set of one mall: every family's cases drawn, worded and styled, with a digest. Deterministic.

The same rows and seed give the same questions and gold. A family whose tables are empty asks nothing. Does not belong
here: what is right (`gold_*.py`), or who answers.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.experiments import gold_api, gold_entities, gold_hops, gold_refusals, gold_totals
from cafe24_pipelines.experiments.gold import KINDS, Case, Family, Gold, GoldQuestion
from cafe24_pipelines.experiments.wording import styled
from cafe24_pipelines.stores.digest import json_digest

if TYPE_CHECKING:
    from cafe24_pipelines.experiments.raw import Raw

SEED: Final = 20261128
FAMILIES: Final[tuple[Family, ...]] = (
    *gold_api.FAMILIES, *gold_entities.FAMILIES, *gold_totals.FAMILIES, *gold_hops.FAMILIES,
    *gold_refusals.FAMILIES,
)  # fmt: skip


@dataclass(frozen=True)
class QuestionSet:
    """Questions in order of kind and family."""

    questions: tuple[GoldQuestion, ...]

    @cached_property
    def digest(self) -> str:
        """Changes with any question, gold or style."""
        return json_digest([q.to_json() for q in self.questions])[:12]

    def sample(self, limit: int | None) -> "QuestionSet":
        """The first `limit` questions of a fixed shuffle that keeps the kinds' shares; all when None."""
        if limit is None or limit >= len(self.questions):
            return self
        by_kind = {k: [q for q in self.questions if q.kind == k] for k in KINDS}
        for kind, questions in by_kind.items():
            Random(f"{SEED}:{kind}").shuffle(questions)  # noqa: S311 - a seeded draw, nothing secret
        share = len(self.questions)
        ranked = [((i + 0.5) * share / len(qs), k, q) for k, qs in by_kind.items() for i, q in enumerate(qs)]
        chosen = {q.id for *_, q in sorted(ranked, key=lambda r: (r[0], r[1]))[:limit]}
        return QuestionSet(tuple(q for q in self.questions if q.id in chosen))


def question_set(raw: "Raw", *, seed: int = SEED) -> QuestionSet:
    """All questions that can be asked of this mall."""
    seen: set[str] = set()
    found: list[GoldQuestion] = []
    for family in FAMILIES:
        if _askable(family, raw):
            found += _drawn(family, raw, Random(f"{seed}:{family.key}"), seen)  # noqa: S311 - as above
    return QuestionSet(tuple(sorted(found, key=lambda q: KINDS.index(q.kind))))


_TABLE: Final = {
    "orders": "orders", "order_items": "items", "customers": "members", "customer_groups": "members",
    "categories": "categories", "products": "products", "coupons": "coupons", "coupon_issues": "issues",
    "reviews": "reviews", "events": "events",
}  # fmt: skip


def _askable(family: Family, raw: "Raw") -> bool:
    return all(len(getattr(raw, _TABLE[name])) for name in family.needs)


def _drawn(family: Family, raw: "Raw", draw: Random, seen: set[str]) -> list[GoldQuestion]:
    cases = list(family.cases(raw, draw))
    chosen = cases if len(cases) <= family.many else draw.sample(cases, family.many)
    found = []
    for i, case in enumerate(chosen):
        plain = family.wordings[i % len(family.wordings)].format(**case.slots)
        text, style = styled(plain, _kept(family, case), draw)
        if text not in seen:
            seen.add(text)
            found.append(GoldQuestion(f"{family.key}-{i + 1:02d}", family.kind, family.key, text, style,
                                      _with_sources(family, case)))  # fmt: skip
    return found


def _kept(family: Family, case: Case) -> list[str]:
    """Slots are names and dates: they stay. A whole question from a file may slip anywhere but in its quotes."""
    return [value for name, value in case.slots.items() if name not in ("ask", "task")]


def _with_sources(family: Family, case: Case) -> Gold:
    """Gold about the mall's rows may also cite the API resources that those rows come from."""
    if not case.gold.computed:
        return case.gold
    also = [f"GET /api/v2/admin/{part}" for part in family.api] + [f"resource-{part}" for part in family.api]
    return replace(case.gold, accepted=(*case.gold.accepted, *also))
