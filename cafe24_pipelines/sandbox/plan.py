"""Which of the sandbox's effects act in one mall, and how strongly.

The ordinary mall has them all at the sizes of `truth.py`. A mall for judging detectors may have some of them, none,
or others' sizes; every draw is made all the same, so that a mall with everything is the ordinary one to the byte.
Does not belong here: what an effect does (the simulation), or its default size (`truth.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cafe24_pipelines.sandbox import truth


@dataclass(frozen=True)
class Plan:
    """What acts (ids of effects and traits) and the sizes that differ from the default ones.

    `seed` is the mall's, for what must be drawn anew where a trait is missing.
    """

    acting: frozenset[str] = truth.ACTING
    sizes: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def acts(self, name: str) -> bool:
        """Whether an effect or a trait is there."""
        return name in self.acting

    def size(self, name: str) -> float:
        """How strong an effect is; what means "not at all" when it doesn't act."""
        if not self.acts(name):
            return truth.NOTHING.get(name, 0.0)
        return self.sizes.get(name, truth.SIZES[name])


EVERYTHING: Final = Plan()
"""The ordinary mall."""


def plan_of(planted: Iterable[str] | None, sizes: Mapping[str, float] | None, seed: int) -> Plan:
    """The plan of a mall; None stands for everything, and for the default sizes.

    Raises:
        ValueError: an id is none of an effect or trait, or a size is given to what has none.
    """
    acting = truth.ACTING if planted is None else frozenset(planted)
    if unknown := acting - truth.ACTING:
        raise ValueError(f"no effect or trait of the sandbox: {', '.join(sorted(unknown))}")
    given = dict(sizes or {})
    if unknown := frozenset(given) - frozenset(truth.SIZES):
        raise ValueError(f"no effect with a size: {', '.join(sorted(unknown))}")
    return Plan(acting, given, seed)
