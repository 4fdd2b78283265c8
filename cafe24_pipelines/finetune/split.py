"""Train and validation without leakage: what is alike stays together.

Examples of one source, and sources that ask nearly the same question, form a group; a hash of the group picks its
side, so a group stays where it is when others come and go.
Does not belong here: which examples there are.
"""

from collections import Counter
from typing import Final

from cafe24_pipelines.finetune.examples import Example
from cafe24_pipelines.finetune.likeness import near_pairs, shingles
from cafe24_pipelines.stores.digest import text_digest

VALIDATION_SHARE: Final = 0.1
LARGEST_GROUP: Final = 0.05
"""A group with more than this share of the examples trains: held out, it would be most of the validation set."""


def split(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """(train, validation), about 90 to 10 by examples, each in an order that looks random and never changes.

    With two groups or more, neither side is empty.
    """
    groups = _groups(examples)
    sizes = Counter(groups)
    ranked = sorted(sizes, key=_place)
    most = LARGEST_GROUP * len(examples)
    held_out = {g for g in ranked if _place(g) < VALIDATION_SHARE and sizes[g] <= most}
    if not held_out and len(ranked) > 1:
        held_out = {min(ranked, key=lambda g: (sizes[g] > most, _place(g)))}
    elif len(held_out) == len(ranked) > 1:
        held_out.discard(ranked[-1])
    ordered = sorted(zip(examples, groups, strict=True), key=lambda pair: text_digest(pair[0].question))
    train = [e for e, group in ordered if group not in held_out]
    return train, [e for e, group in ordered if group in held_out]


def _groups(examples: list[Example]) -> list[str]:
    """The group of each example, named by its smallest source."""
    parent = {e.source: e.source for e in examples}

    def root(source: str) -> str:
        while parent[source] != source:
            parent[source] = source = parent[parent[source]]
        return source

    for one, two in near_pairs([shingles(e.question) for e in examples]):
        a, b = sorted((root(examples[one].source), root(examples[two].source)))
        parent[b] = a
    return [root(e.source) for e in examples]


def _place(group: str) -> float:
    return int(text_digest(group)[:8], 16) / 16**8
