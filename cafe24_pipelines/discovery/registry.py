"""The registry of detectors, and what a detector hands back.

A new detector is one file in `detectors/` with one decorated function; `detectors()` finds it. A detector returns
`Finding`s, or a `Shortage` when the mall has too little data to look. It computes; whether a finding is confirmed
is decided for all of them alike (see `run.py`). Does not belong here: any one detector.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cafe24_pipelines.discovery.patterns import KINDS, Evidence
from cafe24_pipelines.discovery.statistics import Estimate

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.context import DiscoveryContext


@dataclass(frozen=True)
class Finding:
    """One measured effect against its null.

    Attributes:
        subject: what it is about, stable over reruns (part of the pattern's id).
        effect, estimate: name and value with its 95 % interval.
        null: the values (low, high) that would mean "nothing here"; equal for a point.
        p: of that null.
        n: independent units behind the estimate.
        halves: how far the effect lies from its null in the first and second half of the period, signed; 0 inside.
        caution: a reason in Korean why it must not be confirmed whatever p says ("" when there is none).
    """

    subject: str
    title: str
    effect: str
    estimate: Estimate
    null: tuple[float, float]
    p: float
    n: int
    halves: tuple[float, float]
    evidence: Evidence
    summary: str
    action: str
    caution: str = ""

    @property
    def deviation(self) -> float:
        """How far the whole period's effect lies from its null, signed."""
        return beyond(self.estimate.value, *self.null)

    @property
    def stable(self) -> bool:
        """Both halves of the period lie on the same side of the null as the whole."""
        return self.deviation != 0 and all(half * self.deviation > 0 for half in self.halves)


@dataclass(frozen=True)
class Shortage:
    """Too little data to look: how many units there are, how many it takes, and of what (Korean)."""

    n: int
    needed: int
    what: str


Findings = list[Finding] | Shortage


@dataclass(frozen=True)
class Detector:
    """A registered detector."""

    name: str
    kind: str
    title_ko: str
    minimum_sample: int
    find: "Callable[[DiscoveryContext], Findings]"


_REGISTRY: dict[str, Detector] = {}


def detector(
    *, name: str, kind: str, title_ko: str, minimum_sample: int
) -> "Callable[[Callable[[DiscoveryContext], Findings]], Callable[[DiscoveryContext], Findings]]":
    """Register a detector; names are unique, `kind` is cross_domain or web_research."""

    def register(find: "Callable[[DiscoveryContext], Findings]") -> "Callable[[DiscoveryContext], Findings]":
        if kind not in KINDS:
            raise ValueError(f"detector {name}: unknown kind {kind!r}")
        known = _REGISTRY.get(name)
        if known and known.find.__module__ != find.__module__:
            raise ValueError(f"detector {name} is defined twice")
        _REGISTRY[name] = Detector(name, kind, title_ko, minimum_sample, find)
        return find

    return register


def detectors() -> list[Detector]:
    """Every detector of the `detectors` package, by name."""
    from cafe24_pipelines.discovery import detectors as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return [_REGISTRY[name] for name in sorted(_REGISTRY)]


def beyond(value: float, low: float, high: float) -> float:
    """Signed distance of a value from an interval; 0 inside."""
    return value - high if value > high else value - low if value < low else 0.0
