"""What merchants say when they need a document: phrases of the ontology's tasks and names of its concepts.

They are indexed beside the document's own text, so that its graph neighbours (task, concept, metric) lead to it even
when the question shares no word with it. Does not belong here: understanding a question (see `questions.py`).
"""

from functools import cache
from typing import TYPE_CHECKING

from cafe24_pipelines.ontology.model import load_domain

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.documents import Document

COMMON = 3
"""An endpoint that more tasks than this call is common to them."""


def sayings(document: "Document") -> list[str]:
    """One text for every task that needs the document, and one of the concepts that an endpoint is about."""
    found = [task_text(name) for name in _tasks_of().get(document.document_id, ())]
    if document.kind == "endpoint" and (names := _concept_names(document.path)):
        found.append(names)
    return found


def names_in(text: str) -> str:
    """All names of the concepts and metrics that a text names: how else its subject may be asked for."""
    from cafe24_pipelines.ontology.finding_layer import mentioned

    domain = load_domain()
    found = mentioned(text, domain)
    concepts = [domain.concepts[key].names for label, key in sorted(found) if label == "CRM_Concept"]
    metrics = [(domain.metrics[key].ko,) for label, key in sorted(found) if label == "CRM_Metric"]
    return ", ".join(dict.fromkeys(name for names in (*concepts, *metrics) for name in names))


def task_text(name: str) -> str:
    """A task's name and everything people say for it."""
    task = load_domain().tasks[name]
    return ". ".join((task.ko, *task.says))


@cache
def _tasks_of() -> dict[str, tuple[str, ...]]:
    """The tasks that speak for a document: what its guide or article helps with, what its endpoint is called for.

    An endpoint that many tasks call (the orders) is not what any of them is about, unless it is all that one calls.
    """
    domain = load_domain()
    found: dict[str, list[str]] = {}
    for name, task in domain.tasks.items():
        for document_id in (*(endpoint for endpoint, _ in task.calls), *task.documents):
            found.setdefault(document_id, []).append(name)
    for document_id, names in found.items():
        if " " in document_id and len(names) > COMMON:
            found[document_id] = [name for name in names if len(domain.tasks[name].steps) == 1]
    return {document_id: tuple(names) for document_id, names in found.items()}


def _concept_names(path: str) -> str:
    """Names of the concepts that an endpoint's path is about, and of the metrics that measure these."""
    from cafe24_pipelines.ontology.knowledge_layer import concepts_of

    domain = load_domain()
    concepts = concepts_of(domain, path)
    metrics = [m.ko for m in domain.metrics.values() if set(m.concepts) & set(concepts)]
    return ", ".join(dict.fromkeys([*(n for c in concepts for n in domain.concepts[c].names), *metrics]))
