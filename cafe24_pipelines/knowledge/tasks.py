"""What a merchant wants to get done: the task of the ontology that a question asks for, with its calls in order.

Recognised by words alone, so that the same question always means the same task. Does not belong here: wording an
answer (see `answers/`), finding documents (see `search.py`).
"""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Final

from cafe24_pipelines.knowledge.questions import renamed, word_list
from cafe24_pipelines.knowledge.tokens import tokenize
from cafe24_pipelines.ontology.model import load_domain

ENOUGH: Final = 0.66
"""How like one of a task's sayings a question must be (1: the same words)."""
ALIKE: Final = 2
"""How many words a question must share with a saying: one word names a thing, and nothing to do."""


@dataclass(frozen=True)
class Step:
    """One call: the endpoint (the id of its document) and why it comes here."""

    endpoint: str
    why: str


@dataclass(frozen=True)
class Task:
    """A task by its key in `domain.yaml`: what it is called, its steps in calling order, documents that help."""

    key: str
    name: str
    steps: tuple[Step, ...]
    documents: tuple[str, ...]


def task_for(question: str) -> Task | None:
    """The task that the question asks for, or None when none is near; the first in the ontology among equals."""
    asked = _words(question)
    if not asked:
        return None
    rarity, known = _sayings()
    meant = asked | set(renamed(set(asked)))
    best, key = 0.0, ""
    for task, words in known:
        common = words & meant
        if len(common) < ALIKE:
            continue
        shared = sum(rarity[word] for word in sorted(common))
        length = math.sqrt(sum(rarity.get(w, _new()) for w in sorted(asked)) * sum(rarity[w] for w in sorted(words)))
        if round(shared / length, 6) > best:
            best, key = round(shared / length, 6), task
    return task_of(key) if best >= ENOUGH else None


def task_of(key: str) -> Task:
    """A task of the ontology by its key."""
    task = load_domain().tasks[key]
    return Task(key, task.ko, tuple(Step(endpoint, why) for endpoint, why in task.calls), task.documents)


# -- inside --------------------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(tokenize([text])[0]) - word_list("idle") - word_list("asking")


@cache
def _sayings() -> tuple[dict[str, float], tuple[tuple[str, frozenset[str]], ...]]:
    """How rare each word is among all sayings, and (task, words) of each saying."""
    texts = [(key, text) for key, task in load_domain().tasks.items() for text in (task.ko, *task.says)]
    tokenize([text for _, text in texts])  # in one batch; what follows is answered from its cache
    known = tuple((key, words) for key, text in texts if (words := _words(text)))
    having = Counter(word for _, words in known for word in words)
    return {word: math.log(1 + len(known) / n) for word, n in sorted(having.items())}, known


def _new() -> float:
    """The rarity of a word that no saying has."""
    return math.log(1 + len(_sayings()[1]))
