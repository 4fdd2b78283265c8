"""Passages of the documentation for a question: retrieved, related to its words, with the lines that it asks for.

Does not belong here: retrieval itself (`knowledge/`), or quoting a passage (see `extractive.py`).
"""

import re
from typing import TYPE_CHECKING

from cafe24_pipelines.answers.details import lines_of
from cafe24_pipelines.answers.evidence import Passage
from cafe24_pipelines.answers.extractive import named_words
from cafe24_pipelines.answers.intents import Route
from cafe24_pipelines.answers.words import near_known, squeezed, subject_words
from cafe24_pipelines.names import API_DOCS

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Services

MAX_PASSAGES = 5


def passages_for(found: Route, services: "Services") -> tuple[Passage, ...]:
    """Passages for the question, best first; those that share no word with it are left out.

    Raises:
        NotBuilt: no documents have been published for the mall.
    """
    collection = API_DOCS if found.api else None
    hits = services.retriever.search(found.question, collection=collection, limit=MAX_PASSAGES)
    words = subject_words(found.question)
    related = [h for h in hits if _related(words, f"{h.document_id} {h.title} {h.text} {h.said}")]
    if found.api and _nowhere(
        named_words(found.question), " ".join(f"{h.title} {h.text} {h.said}" for h in hits), services
    ):
        return ()
    asked = re.sub(r"[을를의]", "", squeezed(found.question))  # 주문 목록을 조회 names 주문 목록 조회
    related.sort(key=lambda h: _named(h.title, asked), reverse=True)  # stable: retrieval's order among equals
    held = lines_of(found.question, [h.document_id for h in related], services)
    return tuple(
        Passage(h.document_id, h.title, _with_lines(h.text, held.get(h.document_id, "")), h.score) for h in related
    )


def _with_lines(text: str, lines: str) -> str:
    """The passage, with the lines that it lacks behind its first line (a prompt may cut its end)."""
    lacking = "\n".join(line for line in lines.splitlines() if line not in text)
    first, _, rest = text.partition("\n")
    return "\n".join(filter(None, [first, lacking, rest])) if lacking else text


def _nowhere(words: list[str], found: str, services: "Services") -> bool:
    """Whether the question is about something that the documentation never mentions: half of its words, and of these
    one stands in no document at all and is no slip of the finger.
    """
    text = squeezed(found)
    missing = [w for w in words if w not in text and not (len(w) >= 3 and w[:-1] in text)]
    strange = [w for w in missing if not w.isascii() and not near_known(w)]
    if not strange or 2 * len(missing) < len(words):
        return False
    anywhere = " OR ".join(f"contains(text, $w{i}) " for i in range(len(strange)))
    sql = (
        f"SELECT count(*) AS n FROM (SELECT replace(lower(title || body || coalesce(tags, '')), ' ', '') AS text "
        f"FROM documents) WHERE {anywhere}"
    )
    return int(services.lake.query(sql, {f"w{i}": w[:3] for i, w in enumerate(strange)})["n"][0].as_py()) == 0


def _named(title: str, asked: str) -> int:
    """How much of the question a title is, when the question holds it whole (without its English in brackets)."""
    korean = squeezed(title.split(" (", maxsplit=1)[0])
    return len(korean) if len(korean) >= 4 and korean in asked else 0


def _related(words: list[str], text: str) -> bool:
    """At least a third of the question's content words (or a two-letter stem of one) are in the text."""
    if not words:
        return False
    body = squeezed(text)
    shared = sum(1 for word in words if word in body or (len(word) >= 3 and word[:-1] in body))
    return 3 * shared >= len(words)
