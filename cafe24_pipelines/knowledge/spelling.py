"""Words mended by the corpus's own vocabulary: the nearest word by letters (jamo), for words that nobody wrote.

A syllable is taken apart into its letters, so that 적림금 is one letter from 적립금. Near words are found through the
forms with one or two letters left out, so a look-up doesn't walk the vocabulary. Does not belong here: which words of
a question need mending (see `questions.py`).
"""

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import combinations

LONG = 9
"""Korean words of this many letters may be two letters away; others one."""
SHORTEST = 4


class Speller:
    """Near words of a vocabulary, which maps each word to the number of texts that have it."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self.vocabulary = vocabulary

    @cached_property
    def _letters(self) -> dict[str, str]:
        return {word: letters(word) for word in sorted(self.vocabulary) if _mendable(word)}

    @cached_property
    def _near(self) -> dict[str, list[str]]:
        """Words by each of their shortened forms; made when the first word is looked for."""
        near: dict[str, list[str]] = {}
        for word, spelled in self._letters.items():
            for form in _shortened(spelled):
                near.setdefault(form, []).append(word)
        return near

    def nearest(self, text: str) -> tuple[str, int] | None:
        """The nearest word and its distance in letters: the more frequent among equals; None when none is near."""
        spelled = letters(text)
        if len(spelled) < SHORTEST:
            return None
        allowed = _allowed(spelled)
        candidates = {word for form in _shortened(spelled) for word in self._near.get(form, ())}
        ranked = sorted(
            (distance, -self.vocabulary[word], word)
            for word in candidates
            if (distance := _distance(spelled, self._letters[word])) <= min(allowed, _allowed(self._letters[word]))
        )
        return (ranked[0][2], ranked[0][0]) if ranked else None


def letters(text: str) -> str:
    """The text in single letters: Korean syllables taken apart, the rest in lower case."""
    return unicodedata.normalize("NFD", text.lower())


def _mendable(word: str) -> bool:
    korean = len(word) >= 2 and all("가" <= c <= "힣" for c in word)
    return korean or (len(word) >= 5 and word.isascii() and word.replace("_", "").isalpha())


def _allowed(spelled: str) -> int:
    return 2 if len(spelled) >= LONG and not spelled.isascii() else 1


def _shortened(spelled: str) -> Iterator[str]:
    """The word, and every form with one letter left out, or two for a long word."""
    yield spelled
    for count in range(1, _allowed(spelled) + 1):
        for left_out in combinations(range(len(spelled)), count):
            yield "".join(c for i, c in enumerate(spelled) if i not in left_out)


def _distance(a: str, b: str) -> int:
    """Edit distance with insertions, deletions, replacements and swapped neighbours."""
    before_last: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
        before_last, last = last, row
    return last[-1]
