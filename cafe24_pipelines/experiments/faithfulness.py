"""Whether an answer rests on its material: every number occurs in it, every sentence shares its words.

Numbers are compared by `guard`. A sentence counts as supported when at least `THRESHOLD` of its content words begin
like a word of the material or the question. What this can't see: a number attached to the wrong noun, a denial, a
wrong order of cause and effect, two true halves joined into a false whole; and what a source itself has wrong. Does
not belong here: whether the answer is right (`scoring.py`).
"""

import re
from typing import Final

from cafe24_pipelines import guard
from cafe24_pipelines.experiments.stated import sentences

THRESHOLD: Final = 0.6
FEWEST_WORDS: Final = 3
"""A shorter sentence ("네, 맞습니다.") claims too little to be judged by its words."""


def faithful_numbers(answer: str, material: str) -> float | None:
    """Share of the answer's sentences with numbers whose numbers all occur in the material; None without any."""
    with_numbers = [s for s in sentences(answer) if re.search(r"\d", s)]
    if not with_numbers:
        return None
    return sum(not guard.unsupported_numbers(s, material) for s in with_numbers) / len(with_numbers)


def faithful_sentences(answer: str, material: str) -> float | None:
    """Share of the answer's sentences that the material supports; None when none is long enough to judge."""
    judged = [s for s in sentences(answer) if len(content_words(s)) >= FEWEST_WORDS]
    if not judged:
        return None
    return sum(supported(s, material) for s in judged) / len(judged)


def supported(sentence: str, material: str) -> bool:
    """Whether enough of a sentence's content words occur in the material."""
    words, squeezed = content_words(sentence), re.sub(r"\s+", "", material).lower()
    return sum(word in squeezed for word in words) >= THRESHOLD * len(words)


def content_words(text: str) -> list[str]:
    """Beginnings of a text's words: endings and particles are cut by length, as no dictionary is at hand."""
    found = []
    for word in re.findall(r"[가-힣]{2,}|[A-Za-z][A-Za-z0-9_]+", text):
        keep = word if word.isascii() else word[: max(2, len(word) - (2 if len(word) > 3 else 1))]
        found.append(keep.lower())
    return found
