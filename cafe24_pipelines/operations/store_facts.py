"""Stores, failing jobs and models as items of readiness.

A store is reachable, readable and of the same build as the others; a job works or fails; a model is configured or
off. Never asks a model anything: that costs money and is the warm-up's (`warmup.py`). Does not belong here: what
Dagster knows (`instance_facts.py`).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.operations import phrases
from cafe24_pipelines.operations.heartbeat import READER
from cafe24_pipelines.operations.phrases import Said
from cafe24_pipelines.operations.readiness import Item, at_seoul

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.vectors import VectorStore

AT_ONCE: Final = 4
"""Malls whose embedded stores are open together: each maps some 120 MB into memory until it is closed."""
LATE: Final = timedelta(hours=1)
"""A heartbeat older than this is missing: it comes every 15 minutes, behind a long run at times."""


def served_malls(settings: "Settings", malls: "Mapping[str, Mall]") -> "dict[str, Mall]":
    """Those malls that are served: what a suspended one, or one that left, lacks is nobody's trouble.

    All of them where the event log can't be read, which its own item says.
    """
    from cafe24_pipelines.lifecycle.state import MallState, mall_states
    from cafe24_pipelines.parts import event_log

    try:
        states = mall_states(event_log(settings))
    except (Cafe24Error, sqlite3.Error):
        return dict(malls)
    return {mall_id: mall for mall_id, mall in malls.items() if states.get(mall_id, MallState(mall_id)).served}


def store_items(settings: "Settings", malls: Sequence[str], *, now: datetime | None = None) -> list[Item]:
    """The event log with its heartbeat, then lake, graph and vectors of every mall."""
    items = [_guarded("event_log", lambda: _log(settings, now or datetime.now(UTC)))]
    for first in range(0, len(malls), AT_ONCE):
        items += _of_malls(settings, malls[first : first + AT_ONCE])
    return list(dict.fromkeys(items))  # a back end that can't be opened is told once


def _of_malls(settings: "Settings", malls: Sequence[str]) -> list[Item]:
    from cafe24_pipelines import parts

    try:
        graph = parts.graph_store(settings)
    except Cafe24Error as e:
        return [_broken("graph", e)]
    try:
        vectors = parts.vector_store(settings)
    except Cafe24Error as e:
        graph.close()
        return [_broken("vectors", e)]
    try:
        return [item for mall_id in malls for item in _of_mall(settings, mall_id, graph, vectors)]
    finally:
        graph.close()
        vectors.close()


def _of_mall(settings: "Settings", mall_id: str, graph: "GraphStore", vectors: "VectorStore") -> Iterator[Item]:
    yield _guarded(f"lake/{mall_id}", lambda: _lake(settings, mall_id))
    yield _guarded(f"graph/{mall_id}", lambda: _graph(settings, mall_id, graph))
    yield _guarded(f"vectors/{mall_id}", lambda: _vectors(settings, mall_id, vectors))


def _guarded(name: str, look: Callable[[], Item]) -> Item:
    try:
        return look()
    except (Cafe24Error, OSError, sqlite3.Error) as e:
        return _broken(name, e)


def _broken(name: str, e: Exception) -> Item:
    """Why a store can't be used; our own words where they are ours."""
    if not isinstance(e, Cafe24Error):
        return Item.red("store", name, phrases.UNREADABLE.of(type(e).__name__), phrases.DOCTOR)
    remedy = Said(e.remedy, e.remedy) if e.remedy else phrases.DOCTOR
    return Item.red("store", name, phrases.UNREADABLE.of(e.what), remedy)


def _log(settings: "Settings", now: datetime) -> Item:
    from cafe24_pipelines.parts import event_log

    minute = event_log(settings).cursor(READER)
    if not minute:
        return Item.red("store", "event_log", phrases.NO_BEAT, phrases.TURN_ON_BEAT)
    at = datetime.fromtimestamp(minute * 60, UTC)
    if now - at > LATE:
        return Item.red("store", "event_log", phrases.BEAT_LOST, phrases.SEE_BEAT, at_seoul(at))
    return Item("store", "event_log", "green", detail=f"하트비트 {at_seoul(at)}")


def _lake(settings: "Settings", mall_id: str) -> Item:
    from cafe24_pipelines.parts import mall_lake

    counts, name = mall_lake(settings, mall_id).counts(), f"lake/{mall_id}"
    if not counts:
        return Item.red("store", name, phrases.NOTHING_LANDED, phrases.RUN.of(mall_id))
    return Item("store", name, "green", detail=f"{sum(counts.values()):,}행")


def _graph(settings: "Settings", mall_id: str, graph: "GraphStore") -> Item:
    from cafe24_pipelines.cafe24.malls import mall
    from cafe24_pipelines.ontology.build import facts_build_id
    from cafe24_pipelines.parts import mall_lake

    name, published = f"graph/{mall_id}", graph.published(mall_id)
    if published is None:
        return Item.red("store", name, phrases.NO_GRAPH, phrases.RUN.of(mall_id))
    if graph.staged(mall_id) != facts_build_id(mall_lake(settings, mall_id), mall(settings.home, mall_id)):
        return Item.red("store", name, phrases.OLD_GRAPH, phrases.BUILD_GRAPH.of(mall_id))
    known = {str(row["title"]) for row in graph.query(mall_id, _PATTERNS)}
    if known != _patterns(settings, mall_id):
        return Item.red("store", name, phrases.GRAPH_PATTERNS, phrases.REBUILD_GRAPH.of(mall_id))
    return Item("store", name, "green", detail=f"빌드 {published[0][:12]}")


_PATTERNS: Final = "MATCH (p:CRM_Pattern {mall_id: $mall_id}) RETURN p.title AS title"
"""Titles hold the numbers that were found, so they differ when the findings do."""


def _patterns(settings: "Settings", mall_id: str) -> set[str]:
    from cafe24_pipelines.discovery.patterns import PatternBook

    return {p.title for p in PatternBook(settings.home.patterns).current(mall_id)}


def _vectors(settings: "Settings", mall_id: str, vectors: "VectorStore") -> Item:
    from cafe24_pipelines.names import COLLECTIONS, INSIGHTS

    name = f"vectors/{mall_id}"
    missing = [c for c in COLLECTIONS if vectors.published(mall_id, c) is None]
    if missing:
        return Item.red("store", name, phrases.NO_COLLECTIONS.of(", ".join(missing)), phrases.RUN.of(mall_id))
    counts = vectors.counts(mall_id)
    texts = [p.payload for p in vectors.points(mall_id, INSIGHTS).values()]
    held = {str(t["title"]) for t in texts if str(t["document_id"]).startswith("pattern-")}
    if held != _patterns(settings, mall_id):
        return Item.red("store", name, phrases.VECTOR_PATTERNS, phrases.REBUILD_VECTORS.of(mall_id))
    return Item("store", name, "green", detail=f"{sum(counts.values()):,}개")


def job_items(settings: "Settings", malls: Sequence[str]) -> Iterator[Item]:
    """Jobs whose last run failed, mall by mall, as the failure sensor logged them."""
    from cafe24_pipelines.operations.failures import failing
    from cafe24_pipelines.parts import event_log

    try:
        found = failing(event_log(settings), malls)
    except (Cafe24Error, sqlite3.Error):
        return  # the event log's own item says so
    for row in found:
        remedy = Said(row["message"], row["message"]) if row["message"] else phrases.SEE_RUNS
        yield Item.red("job", f"{row['job']}/{row['mall']}", phrases.FAILING.of(row["error"]), remedy)


def model_items(settings: "Settings") -> Iterator[Item]:
    """Each model: configured, local, or off. Whether a server answers is not tried here."""
    from cafe24_pipelines.operations.warmup import last_warmth

    local = settings.llm_model.startswith("local/")
    yield Item("model", "LLM_MODEL", "green", detail=f"{settings.llm_model}{' (오프라인 조합기)' if local else ''}")
    optional = {
        "EMBEDDING_MODEL": settings.embedding_model, "RERANK_MODEL": settings.rerank_model,
        "TOKENIZER_FILE": settings.tokenizer_file,
    }  # fmt: skip
    for name, value in optional.items():
        yield Item("model", name, "green" if value else "off", detail=value or "설정하지 않았습니다")
    if not settings.finetuned_model:
        yield Item("model", "FINETUNED_MODEL", "off", detail="설정하지 않았습니다")
        return
    said = last_warmth(settings)
    yield Item("model", "FINETUNED_MODEL", "green", detail=f"{settings.finetuned_model}{said and f', {said}'}")
