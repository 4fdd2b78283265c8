"""Questions that are not answered, and why: each refusal says in Korean what would be needed instead.

The rules are data (`queries/refusals.yaml`), matched against the question's own words before anything is read or
computed. Does not belong here: questions that turn out to have no material (see `ask.py`, `gather.py`).
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cafe24_pipelines.answers.words import squeezed


@dataclass(frozen=True)
class Refusal:
    """Why a question is refused (`rule`), and the Korean text that the reader gets."""

    rule: str
    text: str


@dataclass(frozen=True)
class _Rule:
    refusal: Refusal
    any: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]

    def matches(self, text: str) -> bool:
        hit = any(pattern.search(text) for pattern in self.any)
        return hit and not any(pattern.search(text) for pattern in self.unless)


def refuse(question: str) -> Refusal | None:
    """The refusal that the question's words call for, or None."""
    text = squeezed(question)
    return next((rule.refusal for rule in _rules() if rule.matches(text)), None)


def looks_like_instruction(sentence: str) -> bool:
    """Whether a sentence in a document or review speaks to the model and not to a reader."""
    return _rules()[0].matches(squeezed(sentence))


def forecast_text() -> str:
    """The text for values that lie in the future."""
    return next(rule.refusal.text for rule in _rules() if rule.refusal.rule == "forecast")


@cache
def _rules() -> tuple[_Rule, ...]:
    """Every rule in order; the first is about injected instructions."""
    import yaml

    loaded = yaml.safe_load((files(__package__) / "queries" / "refusals.yaml").read_text("utf-8"))
    unless = {name: re.compile(pattern) for name, pattern in loaded["unless"].items()}
    return tuple(_rule(entry, loaded["parts"], unless) for entry in loaded["rules"])


def _rule(entry: dict[str, Any], parts: dict[str, str], unless: dict[str, re.Pattern[str]]) -> _Rule:
    patterns = []
    for pattern in entry["any"]:
        for name, part in parts.items():
            pattern = pattern.replace(f"<{name}>", part)  # noqa: PLW2901
        patterns.append(re.compile(pattern))
    text = f"{entry['text']} {entry['needed']}." if "needed" in entry else entry["text"]
    exceptions = tuple(unless[name] for name in entry.get("unless", ()))
    return _Rule(Refusal(entry["rule"], text), tuple(patterns), exceptions)
