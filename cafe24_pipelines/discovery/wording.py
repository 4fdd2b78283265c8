"""Insights in a model's words: it may phrase a finding, and change nothing about it.

A text is taken only if every number in it stands in the finding and its evidence, it names no API path, and it
doesn't call certain what is not; else the fixed wording stays. What a model wrote can't be recomputed, so it is an
event: the same finding is worded once, and a rebuild reads it back. Does not belong here: the fixed wording (see
`insights.py`), or how a model is reached.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from cafe24_pipelines.discovery.insights import insight_text
from cafe24_pipelines.discovery.patterns import Pattern
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.guard import unsupported_numbers, unsupported_paths
from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.events import Event, EventLog

WORDED: Final = "insight.worded"
MOST_LETTERS: Final = 600
_PAGE: Final = 1000
_CERTAIN: Final = re.compile(r"확실|확정|분명|틀림없|입증|증명|반드시")
_HANGUL: Final = re.compile(r"[가-힣]")

Write = Callable[[str], str]
"""A prompt to a model's text."""


@dataclass(frozen=True)
class Wording:
    """Texts by pattern id, and why a model's text was not taken, by pattern id."""

    texts: dict[str, str]
    refused: dict[str, str]


def word_insights(events: EventLog, mall_id: str, patterns: Iterable[Pattern], model: str, write: Write) -> Wording:
    """Have a model phrase each confirmed or retracted pattern that it has not phrased yet.

    A model that can't be reached costs its words only: the fixed wording is there, and the next run asks again.

    Args:
        events: where texts are kept.
        mall_id: whose.
        patterns: the current ones.
        model: its name; another model words anew.
        write: the model.
    """
    found = [p for p in patterns if p.status == "confirmed" or p.retracted_at]
    texts, refused = wordings(events, mall_id, found, model), {}
    for pattern in found:
        if pattern.id in texts:
            continue
        try:
            text = " ".join(write(prompt(pattern)).split())
        except Cafe24Error as e:
            refused[pattern.id] = f"the model can't be asked: {e}"
            break
        if reason := why_not(text, pattern):
            refused[pattern.id] = reason
            continue
        key = wording_key(pattern, model)
        payload = {"pattern_id": pattern.id, "key": key, "model": model, "text": text}
        events.append([Event(f"insight.worded:{key}", mall_id, WORDED, datetime.now(UTC), payload)])
        texts[pattern.id] = text
    return Wording(texts, refused)


def wordings(events: EventLog, mall_id: str, patterns: Iterable[Pattern], model: str) -> dict[str, str]:
    """What this model has said of these patterns as they are now, by pattern id."""
    wanted = {wording_key(p, model): p.id for p in patterns}
    found: dict[str, str] = {}
    after = 0
    while page := events.read(mall_id, types=(WORDED,), after=after, limit=_PAGE):
        found |= {wanted[e.payload["key"]]: e.payload["text"] for e in page if e.payload["key"] in wanted}
        after = page[-1].seq
    return found


def why_not(text: str, pattern: Pattern) -> str:
    """Why a text may not stand for a pattern, in English; "" when it may."""
    if not text or not _HANGUL.search(text):
        return "it is not Korean text"
    if len(text) > MOST_LETTERS:
        return f"it is longer than {MOST_LETTERS} letters"
    if wrong := unsupported_numbers(text, material(pattern)):
        return f"it states {', '.join(sorted(set(wrong)))}, which the evidence doesn't"
    if unsupported_paths(text, "") or "http" in text.lower():
        return "it names a path or an address"
    if pattern.status != "confirmed" and _CERTAIN.search(text):
        return "it calls certain what is not confirmed"
    return ""


def material(pattern: Pattern) -> str:
    """All that a text about a pattern may draw on: the fixed wording and the rows of the evidence."""
    rows = json.dumps(pattern.evidence.rows, ensure_ascii=False, default=str)
    return f"{insight_text(pattern)}\n근거 행: {rows}"


def prompt(pattern: Pattern) -> str:
    """What the model is asked; a fence in a shop's text can't close the prompt's own."""
    return _template().format(material=material(pattern).replace("===", "=="))


def wording_key(pattern: Pattern, model: str) -> str:
    """What a text belongs to: the finding with all its numbers, then the model and the prompt's wording."""
    return json_digest([pattern.id, material(pattern), model, _template()])


# -- inside --------------------------------------------------------------------------------------------------


@cache
def _template() -> str:
    return (files(__package__) / "prompts" / "insight.ko.md").read_text("utf-8")
