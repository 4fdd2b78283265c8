"""Which texts say nearly the same: Jaccard likeness of character trigrams, found exactly and quickly.

Pairs are found through their rarest trigrams: two sets whose Jaccard likeness is at least t share one of their
first |x| - ceil(t|x|) + 1 members in any common order, so only texts that share a rare trigram are compared.
No hashing tricks, no chance: the same texts always give the same pairs.
Does not belong here: what to do about a pair.
"""

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

NEAR = 0.9


def normalise(text: str) -> str:
    """One form for texts that differ in width, case, spaces or final punctuation only."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" .?!")


def shingles(text: str) -> frozenset[str]:
    """Character trigrams of the normalised text (the text itself when it is shorter)."""
    plain = normalise(text)
    return frozenset(plain[i : i + 3] for i in range(max(1, len(plain) - 2)))


def jaccard(one: frozenset[str], two: frozenset[str]) -> float:
    """Shared members over all members; 1 for equal sets."""
    union = len(one | two)
    return len(one & two) / union if union else 1.0


def near_pairs(sets: Sequence[frozenset[str]], threshold: float = NEAR) -> Iterator[tuple[int, int]]:
    """Every pair of positions (smaller first) whose sets are at least that alike, in order of the larger."""
    frequency = Counter(member for s in sets for member in s)
    index: dict[str, list[int]] = defaultdict(list)
    for position, members in enumerate(sets):
        ordered = sorted(members, key=lambda m: (frequency[m], m))
        prefix = ordered[: len(ordered) - math.ceil(threshold * len(ordered)) + 1]
        candidates = {other for member in prefix for other in index[member]}
        for other in sorted(candidates):
            shorter, longer = sorted((len(sets[other]), len(members)))
            if shorter >= threshold * longer and jaccard(sets[other], members) >= threshold:
                yield other, position
        for member in prefix:
            index[member].append(position)
