"""Checking a model's text sentence by sentence, as it comes, against what the model was given.

A sentence is let through only when all its numbers, API paths, links and contacts occur in the material or the
question, its claims about numbers agree with the material, and it repeats no stretch of the instructions. Does not
belong here: the rules (`guard.py`, `claims.py`), or what replaces a text that fails (`ask.py`).
"""

import re
from dataclasses import dataclass, field
from typing import Final

from cafe24_pipelines import guard
from cafe24_pipelines.answers import claims
from cafe24_pipelines.answers.prompts import Message, given_text
from cafe24_pipelines.cafe24.privacy import mask_text

_END: Final = re.compile(r"(?<!^\d[.)])(?<!^\d\d[.)])(?<!\n\d[.)])(?<!\n\d\d[.)])(?<=[.!?。])[ \t]+|\n+")
"""Behind a sentence: a blank after its full stop (not after the number of a list), or a new line."""


def split(text: str) -> tuple[list[str], str]:
    """Whole sentences with the white space behind them, and what may not have ended; joined they are the text."""
    parts, last = [], 0
    for match in _END.finditer(text):
        parts.append(text[last : match.end()])
        last = match.end()
    return parts, text[last:]


class Sentences:
    """Whole sentences out of pieces of any size."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> list[str]:
        """The sentences that this piece completes: only what stands behind a sentence shows that it has ended."""
        whole, self._held = split(self._held + piece)
        return whole

    def rest(self) -> str:
        """What is left when nothing more comes."""
        held, self._held = self._held, ""
        return held


@dataclass
class Checker:
    """What one prompt allows; `free_paths` for the arm without material, where paths can't be looked up."""

    prompt: list[Message]
    free_paths: bool = False
    wrong: list[str] = field(default_factory=list)
    given: str = ""

    def __post_init__(self) -> None:
        self.given = given_text(self.prompt)

    def passes(self, sentence: str) -> bool:
        """Whether the sentence may be shown; what is wrong with it is added to `wrong`."""
        found = self._unsupported(sentence)
        self.wrong += found
        return not found

    def _unsupported(self, sentence: str) -> list[str]:
        given = self.given
        found = guard.unsupported_numbers(sentence, given)
        if not self.free_paths:
            found += guard.unsupported_paths(sentence, given)
        found += guard.unsupported_links(sentence, given)
        found += guard.repeated(sentence, self.prompt[0]["content"], given)
        if not found and mask_text(sentence) != sentence and sentence.strip() not in given:
            found.append("[개인정보]")
        return found or claims.contradicted(sentence, given)
