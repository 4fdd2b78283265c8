"""Which settings may be changed, how far, and by which rules a change is tried: `bounds.yaml`, checked.

The file may narrow what `LIMITS` allows and never widen it, so a wrong file can't promote nonsense: it is refused.
Does not belong here: what a setting does (`knowledge/ranking.py`), searching (`improve.py`).
"""

import math
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.knowledge.ranking import SHIPPED, Ranking
from cafe24_pipelines.stores.digest import json_digest

LIMITS: Final = {
    "dense": (0.0, 3.0), "said": (0.0, 1.0), "both": (0.0, 1.0), "guide": (0.5, 2.0), "resource": (0.5, 2.0),
    "method": (0.5, 2.0), "advice": (0.5, 2.0), "candidates": (20, 400),
}  # fmt: skip
"""The closed list: what can be a setting at all, and the widest range that a file may name."""
WHOLE: Final = frozenset({"candidates"})
"""Settings that are whole numbers."""
_MOST_ALPHA: Final = 0.1
_MOST_PLACES: Final = 1000
"""Places of one setting's grid, and settings of one search: what a trial can cost at most."""
_SECTIONS: Final = {"version", "settings", "trial"}
_RULES: Final = {"alpha", "effect_floor", "budget", "new_verdicts"}
_FILE: Final = "learning/bounds.yaml"


@dataclass(frozen=True)
class Range:
    """From where to where a setting may go, and in which steps it is proposed."""

    low: float
    high: float
    step: float

    def values(self, name: str) -> list[float]:
        """The grid, lowest first."""
        steps = round((self.high - self.low) / self.step)
        grid = [round(min(self.low + i * self.step, self.high), 6) for i in range(steps + 1)]
        return [int(v) for v in grid] if name in WHOLE else grid


@dataclass(frozen=True)
class Bounds:
    """The file's content: ranges by name, and the rules of a trial that are declared before it is made."""

    ranges: dict[str, Range]
    alpha: float
    effect_floor: float
    budget: int
    new_verdicts: int


def read_bounds(text: str) -> Bounds:
    """The bounds of a YAML text.

    Raises:
        ConfigError: it names what is no setting or rule, a range wider than `LIMITS` or without the shipped value, or
            rules that make no sense.
    """
    import yaml

    try:
        read = yaml.safe_load(text)
        if set(read) != _SECTIONS or read["version"] != 1 or set(read["trial"]) != _RULES:
            raise ValueError(f"it needs version 1, settings, and a trial with {', '.join(sorted(_RULES))}, no more")
        ranges = {name: Range(**{k: _number(v) for k, v in row.items()}) for name, row in read["settings"].items()}
        trial = {name: _number(value) for name, value in read["trial"].items()}
        found = Bounds(
            ranges, trial["alpha"], trial["effect_floor"], int(trial["budget"]), int(trial["new_verdicts"])
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError, OverflowError) as e:
        raise ConfigError(f"it can't be read: {e}", where=_FILE, remedy="give each setting low, high and step") from e
    wrong = [text for name, r in ranges.items() if (text := _wrong(name, r))]
    if not 0 < found.alpha <= _MOST_ALPHA or min(found.effect_floor, found.budget, found.new_verdicts) <= 0:
        wrong.append(f"alpha must lie in (0, {_MOST_ALPHA}], floor, budget and new_verdicts above 0")
    if not ranges:
        wrong.append("it names no setting that may be changed")
    if found.budget > _MOST_PLACES:
        wrong.append(f"a search looks at {_MOST_PLACES} settings at most")
    if wrong:
        raise ConfigError(
            "; ".join(wrong), where=_FILE, remedy="keep to the settings and ranges of learning/bounds.py"
        )
    return found


@cache
def bounds() -> Bounds:
    """The bounds that ship with the package."""
    return read_bounds(files("cafe24_pipelines.learning").joinpath("bounds.yaml").read_text(encoding="utf-8"))


def values_of(ranking: Ranking) -> dict[str, float]:
    """The settings of the closed list, by name."""
    return {name: value for name, value in asdict(ranking).items() if name in LIMITS}


def ranking_of(values: Any, allowed: Bounds | None = None) -> Ranking:
    """The ranking of these values.

    Raises:
        ConfigError: a name is missing or too many, or a value is out of its range.
    """
    if not isinstance(values, dict) or set(values) != set(LIMITS):
        raise ConfigError("settings need exactly the names of the closed list", remedy=f"name {', '.join(LIMITS)}")
    for name, value in values.items():
        low, high = LIMITS[name]
        if allowed is not None:
            one = allowed.ranges.get(name)
            shipped = values_of(SHIPPED)[name]
            low, high = (one.low, one.high) if one else (shipped, shipped)
        plain = isinstance(value, int) if name in WHOLE else isinstance(value, int | float)
        if isinstance(value, bool) or not plain or not low <= value <= high:  # NaN is in no range
            raise ConfigError(f"{name} = {value!r} is out of bounds", remedy=f"keep it between {low} and {high}")
    return Ranking(**values)


def fingerprint(ranking: Ranking) -> str:
    """A digest of the settings: equal exactly when all values are."""
    return json_digest({name: float(value) for name, value in values_of(ranking).items()})


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return value


def _wrong(name: str, one: Range) -> str:
    if name not in LIMITS:
        return f"{name} is no setting that may be changed"
    low, high = LIMITS[name]
    if not (low <= one.low <= values_of(SHIPPED)[name] <= one.high <= high and one.step > 0):
        return f"{name}: {one.low} to {one.high} is not within {low} to {high}, or leaves out the shipped value"
    if (one.high - one.low) / one.step > _MOST_PLACES:
        return f"{name}: steps of {one.step} are too fine"
    return ""
