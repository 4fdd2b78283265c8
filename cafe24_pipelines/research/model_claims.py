"""Statements that a language model proposes; each is held against the page, and what doesn't stand there is dropped.

A model sees numbered sentences between fences whose key is made of them, without those that speak to a model. Its
reply must be a JSON array of a strict schema. A proposal is taken only if its quote is a sentence of the page, its
number stands in that sentence in that unit, the sentence or the title names the metric, and the rules would let the
sentence speak at all: a model finds, it adds nothing. Does not belong here: which model, or the rules.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Final

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.research.claims import MOST_QUOTE
from cafe24_pipelines.research.metrics import METRICS
from cafe24_pipelines.research.other_numbers import MEDIAN, is_median
from cafe24_pipelines.research.pages import Text
from cafe24_pipelines.research.quantities import numbers_in
from cafe24_pipelines.research.rules import (
    IMPLAUSIBLE,
    TO_A_MODEL,
    Statement,
    implausible,
    spoken_to,
    states_nothing,
)
from cafe24_pipelines.stores.digest import text_digest

MOST_SENTENCES: Final = 60
MOST_PROPOSED: Final = 40

Write = Callable[[list[dict[str, str]]], str]
"""Chat messages to a model's reply."""


def proposer(write: Write, model: str) -> Callable[[Text], list[tuple[Statement, str]]]:
    """What `collect` calls with each changed page: a model's statements that stand on it, with the model's name.

    A model that can't be reached or answers nonsense proposes nothing; the rules stand alone then.
    """

    def propose(text: Text) -> list[tuple[Statement, str]]:
        shown = _shown(text)
        if not shown:
            return []
        try:
            reply = write([{"role": "user", "content": prompt(shown)}])
        except Cafe24Error:
            return []
        return [(one, f"model:{model}") for one in checked(reply, text)]

    return propose


def prompt(sentences: list[str]) -> str:
    """The one message: the task, and the sentences between fences that none of them can close."""
    fence = f"<<<{text_digest(*sentences)[:12]}>>>"
    rows = "\n".join(f"{n}. {s.replace('<<<', '<')}" for n, s in enumerate(sentences, 1))
    return _template().format(metrics=", ".join(METRICS), fence=fence, sentences=rows)


def checked(reply: str, text: Text) -> list[Statement]:
    """The proposals of a reply that the page bears out."""
    import msgspec

    class Proposed(msgspec.Struct, forbid_unknown_fields=True):
        metric: str
        value: float
        value_to: float
        unit: str
        quote: str

    try:
        proposals = msgspec.json.decode(reply.strip(), type=list[Proposed])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
    tainted = text.to_a_model or bool(spoken_to(text.sentences))
    allowed = {" ".join(s.split()): s for s in _shown(text)}
    found = []
    for one in proposals[:MOST_PROPOSED]:
        metric, sentence = METRICS.get(one.metric), allowed.get(" ".join(one.quote.split()))
        if metric is None or sentence is None or one.unit not in metric.units:
            continue
        if not (metric.words.search(sentence) or metric.words.search(text.title)):
            continue
        stated = {(n.low, n.high, n.unit) for n in numbers_in(sentence, metric.units)}
        if (one.value, one.value_to, one.unit) in stated:
            unlikely = implausible(metric, one.unit, one.value, one.value_to)
            doubt = TO_A_MODEL if tainted else IMPLAUSIBLE if unlikely else MEDIAN if is_median(sentence) else ""
            found.append(Statement(metric, one.value, one.value_to, one.unit, sentence, sentence, "", doubt))
    return found


# -- inside --------------------------------------------------------------------------------------------------


def _shown(text: Text) -> list[str]:
    """Sentences with a number that a model may see: none that speaks to it, or stands beside one that does."""
    from cafe24_pipelines.cafe24.privacy import mask_text

    silent = {k + d for k in spoken_to(text.sentences) for d in (-1, 0, 1, 2)}
    kept = [
        s for k, s in enumerate(text.sentences)
        if k not in silent and any(c.isdigit() for c in s) and len(s) <= MOST_QUOTE and not states_nothing(s)
        and mask_text(s) == s
    ]  # fmt: skip
    return kept[:MOST_SENTENCES]


@cache
def _template() -> str:
    return (files(__package__) / "prompts" / "claims.en.md").read_text("utf-8")
