"""Understanding a question before it is searched: its words, typing errors mended, other names of what it says.

Whatever is added joins the question's own words and replaces none. Only words that the corpus doesn't know (or that
fall into single syllables) are looked at twice, so a question in the documentation's words costs nothing more. Does
not belong here: what weighs how much in an index (see `encoder.py`), the words (`data/question_words.toml`).
"""

import re
import unicodedata
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from cafe24_pipelines.knowledge.package_data import toml_table
from cafe24_pipelines.knowledge.tokens import names_only, tokenize

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.spelling import Speller

MENDED = 0.8
"""Weight of a word that stands for a mistyped one."""
RENAMED = 0.25
"""Weight of the documentation's word for what the question says otherwise, in a word that the corpus knows too."""
PARTS, LONGEST = 60, 40
"""So many words of a question, each of so many characters, are looked at for errors: a pasted page is not mended."""
_KOREAN = re.compile(r"[가-힣]+")


@dataclass(frozen=True)
class Question:
    """A question as words. `also` are words that it doesn't have, with their weight (its own weigh 1)."""

    text: str
    words: tuple[str, ...]
    also: Mapping[str, float] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether it is nothing but API paths and field names, which are looked up as they are."""
        return names_only(self.text)

    @property
    def api(self) -> bool:
        """Whether it speaks of the API: of calls, paths, fields."""
        return bool(_pattern("api").search(self.text))

    @property
    def advice(self) -> bool:
        """Whether it asks why, what is better or what may be done, and not how to call something."""
        return bool(_pattern("advice").search(self.text)) and not self.api

    @property
    def method(self) -> str:
        """The HTTP method of what it wants to do; GET for looking, "" when it names neither."""
        if _pattern("looking").search(self.text):
            return "GET"
        return next((method for method in ("DELETE", "PUT", "POST") if _pattern(method).search(self.text)), "")


def understand(text: str, speller: "Speller") -> Question:
    """The question's words, and what they stand for in a corpus of this vocabulary."""
    text = unicodedata.normalize("NFC", text)
    words = tokenize([text])[0]
    if names_only(text):
        return Question(text, words)
    words = tuple(w for w in words if w not in word_list("idle")) or words
    also = dict.fromkeys(mended(text, words, speller), MENDED)
    known = {w for w in (*words, *also) if w in speller.vocabulary}
    for word in renamed(known):
        also.setdefault(word, RENAMED)
    for word in renamed({*words, *also}):
        also.setdefault(word, MENDED)  # only through a word that nobody wrote
    return Question(text, words, {w: weight for w, weight in also.items() if w not in words})


def mended(text: str, words: Sequence[str], speller: "Speller") -> list[str]:
    """Words that were meant by what the corpus doesn't know: mistyped, or torn apart by a space."""
    if not any(_odd(word, speller.vocabulary) for word in words):
        return []
    parts = [part for part in text.split()[:PARTS] if len(part) <= LONGEST]
    of_parts = tokenize(parts)
    doubtful = [_doubtful(part, of, speller.vocabulary) for part, of in zip(parts, of_parts, strict=True)]
    joined = list(_joined(parts, doubtful))
    meant: list[str] = [w for of in tokenize(joined) for w in of if not _odd(w, speller.vocabulary)]
    for part, doubt in zip(parts, doubtful, strict=True):
        if doubt and (better := _corrected(part, speller)):
            meant += tokenize([better])[0]
    names = [w for w in words if w.isascii() and len(w) <= LONGEST and w not in speller.vocabulary][:PARTS]
    meant += [near[0] for name in names if (near := speller.nearest(name))]
    return list(dict.fromkeys(meant))


def renamed(words: set[str]) -> list[str]:
    """The documentation's words for what these words say otherwise, by the ontology's groups of words."""
    found = [word for name, (first, owner) in _names() for word in first if name <= words and not (owner <= words)]
    return list(dict.fromkeys(w for w in found if w not in words))


# -- inside --------------------------------------------------------------------------------------------------


def _odd(word: str, vocabulary: Container[str]) -> bool:
    return word not in vocabulary or (len(word) == 1 and not word.isdigit())


def _doubtful(part: str, words: Sequence[str], vocabulary: Container[str]) -> bool:
    """Whether a part of the question holds a word that nobody wrote, or falls into single syllables."""
    if not words:
        return len(part) == 1 and bool(_KOREAN.fullmatch(part))
    return any(w not in vocabulary for w in words) or all(len(w) == 1 for w in words)


def _joined(parts: Sequence[str], doubtful: Sequence[bool]) -> Iterator[str]:
    """Neighbours of which one is doubtful, written as one; runs of doubtful ones as a whole too."""
    run: list[str] = []
    for i, part in enumerate(parts):
        if i and (doubtful[i] or doubtful[i - 1]) and _KOREAN.match(part) and _KOREAN.match(parts[i - 1]):
            yield parts[i - 1] + part
        if doubtful[i]:
            run.append(part)
        elif len(run) > 2:
            yield "".join(run)
        if not doubtful[i]:
            run = []
    if len(run) > 2:
        yield "".join(run)


def _corrected(part: str, speller: "Speller") -> str | None:
    """The Korean part with the word that was meant in the place of the mistyped one; what is well written stays."""
    match = _KOREAN.search(part)
    if match is None:
        return None
    known, text = _beginning(match[0], speller.vocabulary)
    if len(text) < 2:
        return None
    for end in range(len(text), 1, -1):
        rest = text[end:]
        ends = not rest or _pattern("particles").fullmatch(rest) or _beginning(rest, speller.vocabulary)[0]
        if ends and (near := speller.nearest(text[:end])):
            return f"{known} {near[0]} {rest}".strip()
    return None


def _beginning(text: str, vocabulary: Container[str]) -> tuple[str, str]:
    """The longest word (of two syllables or more) that the text begins with, and what follows."""
    for end in range(len(text), 1, -1):
        if text[:end] in vocabulary:
            return text[:end], text[end:]
    return "", text


@cache
def word_list(name: str) -> frozenset[str]:
    """A list of words of `question_words.toml`."""
    return frozenset(toml_table("question_words.toml")[name].split())


@cache
def _pattern(name: str) -> re.Pattern[str]:
    table = toml_table("question_words.toml")
    return re.compile((table.get(name) or table["methods"][name]).replace("\n", ""), re.IGNORECASE)


@cache
def _names() -> tuple[tuple[frozenset[str], tuple[tuple[str, ...], frozenset[str]]], ...]:
    """(words of a name, (the documentation's words for it, the same as a set)) of every other one."""
    from cafe24_pipelines.ontology.model import load_domain

    domain = load_domain()
    flat = [name for group in domain.words for name in group]
    words = dict(zip(flat, tokenize(flat), strict=True))
    found = []
    for first, *others in domain.words:
        own = tuple(dict.fromkeys(words[first]))
        for name in others:
            said = frozenset(words[name])
            if said and said != frozenset(own):
                found.append((said, (own, frozenset(own))))
    return tuple(found)
