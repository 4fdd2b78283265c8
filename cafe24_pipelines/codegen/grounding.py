"""Which operations a question means: the retriever's candidates and the catalogue's own words, weighed together.

Weighed are the retriever's order, how far the operation's title and the names of its resource cover the question,
and whether its kind (read or write, list, count or one) is what is asked to be done. Does not belong here: retrieval
itself (`knowledge/search.py`), what the question says of dates and states (`asked.py`).
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.answers.words import squeezed
from cafe24_pipelines.codegen.intent import Intent, intent_of, subject_of
from cafe24_pipelines.codegen.lookup import by_id, callable_by_code, in_analytics, path_names
from cafe24_pipelines.codegen.plan import kind_of
from cafe24_pipelines.knowledge.catalogue import notes, operations
from cafe24_pipelines.knowledge.operations import ApiOperation
from cafe24_pipelines.knowledge.package_data import toml_table
from cafe24_pipelines.names import API_DOCS
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.search import Found, Retriever

CANDIDATES: Final = 20
BY_TITLE: Final = 12
WORDS: Final = 0.35
"""How well some title or name of a resource must cover the question; below, it isn't about the API."""

_RETRIEVED, _TITLE, _ALIAS, _METHOD, _KIND = 0.5, 1.2, 0.9, 0.8, 0.35


@dataclass(frozen=True)
class Grounded:
    """Operations, best first; `refusal` (Korean) says why there is nothing to write."""

    operations: tuple[ApiOperation, ...] = ()
    refusal: str = ""


def ground(question: str, settings: Settings, mall_id: str) -> Grounded:
    """The operations that the question means.

    Raises:
        NotBuilt: no documents have been published for this mall.
    """
    from cafe24_pipelines import parts

    vectors = parts.vector_store(settings)
    try:
        return choose(question, parts.retriever(settings, vectors, mall_id))
    finally:
        vectors.close()


def choose(question: str, retriever: "Retriever") -> Grounded:
    """The operations that the question means, by one retriever."""
    named = _named(question)
    if named:
        return Grounded((named,))
    intent, subject = intent_of(question), subject_of(question)
    found = retriever.search(
        subject or question, collection=API_DOCS, limit=CANDIDATES, filters={"kind": "endpoint"}
    )  # fmt: skip
    ranked = _ranked(subject, intent, found)
    if max((words for _, words, _ in ranked), default=0.0) < WORDS:
        return Grounded(refusal="이 질문에 맞는 카페24 API를 찾지 못했습니다. 무엇을 조회하거나 바꿀지 적어 주세요.")
    return Grounded(tuple(op for _, _, op in ranked[:CANDIDATES]))


def _named(question: str) -> ApiOperation | None:
    """The operation whose path the question writes out."""
    match = re.search(r"(?:(GET|POST|PUT|DELETE)\s+)?(/api/v2/admin/[\w/{}.#-]+)", question)
    return by_id(f"{match[1] or 'GET'} {match[2].rstrip('/')}") if match else None


def _ranked(subject: str, intent: Intent, found: "list[Found]") -> list[tuple[float, float, ApiOperation]]:
    """(score, what words alone give, operation), best first."""
    asked = _pairs(subject)
    retrieved = {f.document_id: 1 / (1 + 0.25 * i) for i, f in enumerate(found)}
    aliases = _aliases_in(squeezed(subject))
    titled = sorted(operations(), key=lambda op: (-_cover(asked, op), op.id))[:BY_TITLE]
    ids = {*retrieved, *(op.id for op in titled)}
    pool = [op for op in operations() if (op.id in ids or op.resource in aliases) and callable_by_code(op)]
    scored = []
    for op in pool:
        words = _TITLE * _cover(asked, op) + _ALIAS * aliases.get(op.resource, 0.0)
        score = _RETRIEVED * retrieved.get(op.id, 0.0) + words + _fit(op, intent)
        scored.append((round(score, 6), words, op))
    return sorted(scored, key=lambda it: (-it[0], len(it[2].path), it[2].id))


def _fit(op: ApiOperation, intent: Intent) -> float:
    """How well the kind of an operation fits what is asked to be done."""
    score = _METHOD if op.method in intent.methods else -_METHOD
    kind = kind_of(op)
    if op.method == "GET":
        one = path_names(op)[-1:] == (op.path.rsplit("/", 1)[-1].strip("{}"),)
        score += _KIND if (kind == "count") == intent.count else -_KIND
        if not intent.count and kind != "count":
            score += _KIND / 2 if one == intent.one else -_KIND / 2
    if in_analytics(op) and not intent.traffic:
        score -= _KIND
    if op.approved:
        score -= _KIND / 3
    return score - 0.02 * len(path_names(op))


def _cover(asked: frozenset[str], op: ApiOperation) -> float:
    """F1 of the title's pairs of letters and the question's."""
    own = _title_pairs()[op.id]
    both = len(asked & own)
    return 2 * both / (len(asked) + len(own)) if both else 0.0


@cache
def _title_pairs() -> dict[str, frozenset[str]]:
    return {op.id: _pairs(subject_of(op.title)) for op in operations()}


def _pairs(text: str) -> frozenset[str]:
    words = re.findall(r"[a-z0-9]+|[가-힣]+", text.lower())
    return frozenset(w[i : i + 2] for w in words for i in range(max(1, len(w) - 1)))


def _aliases_in(text: str) -> dict[str, float]:
    """Resources whose names the question holds, by how much of it the longest of them covers."""
    found: dict[str, float] = {}
    for resource, names in _aliases().items():
        longest = max((len(n) for n in names if n in text), default=0)
        if longest >= 2:
            found[resource] = longest / max(len(text), 4)
    return found


@cache
def _aliases() -> dict[str, frozenset[str]]:
    """Resource -> what merchants and developers call it, without spaces."""
    found: dict[str, set[str]] = {}
    for op in operations():
        found.setdefault(op.resource, set()).update(squeezed(tag) for tag in notes()[op.id].tags)
    for resource, about in toml_table("resources.toml").items():
        found.setdefault(resource, set()).add(squeezed(about["title"].split("(")[0]))
    return {resource: frozenset(names) for resource, names in found.items()}
