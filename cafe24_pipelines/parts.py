"""Which implementation stands behind each store: the one place that knows, for Dagster and the CLI alike.

Imports no Dagster, and each back end only when it is chosen. Does not belong here: reading the environment
(see `settings.py`), or anything a back end does.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.cafe24.sync import MallSync
    from cafe24_pipelines.knowledge.encoder import EncoderStore
    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.stores.events import EventLog
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import Lake, MallLake
    from cafe24_pipelines.stores.records import ApiLake
    from cafe24_pipelines.stores.vectors import VectorStore


def lake(settings: Settings) -> "Lake":
    """The lake of this home."""
    from cafe24_pipelines.stores.lake import Lake

    return Lake(settings.home.lake)


def mall_lake(settings: Settings, mall_id: str) -> "MallLake":
    """The lake of one mall."""
    return lake(settings).mall(mall_id)


def api_lake(settings: Settings, mall_id: str) -> "ApiLake":
    """What has landed from one mall's Admin API, beside its shop tables."""
    from cafe24_pipelines.stores.records import ApiLake

    return ApiLake(settings.home.lake / mall_id / "api", mall_id)


@contextmanager
def mall_sync(
    settings: Settings, mall: "Mall", *, progress: Callable[[str], None] | None = None
) -> Iterator["MallSync"]:
    """The sync of one mall with its client, which is closed after use.

    Raises:
        ConfigError: the client id, its secret or the key for tokens is not set.
        ConsentNeeded: the operator has not granted access, or the grant has run out.
    """
    from cafe24_pipelines.cafe24.admin_api.client import admin_client
    from cafe24_pipelines.cafe24.admin_api.line import PrivacyLine
    from cafe24_pipelines.cafe24.contacts import ContactTable
    from cafe24_pipelines.cafe24.erase import erased_members
    from cafe24_pipelines.cafe24.privacy import pseudonyms
    from cafe24_pipelines.cafe24.sealing import seal_for
    from cafe24_pipelines.cafe24.sync import MallSync

    line = PrivacyLine(
        mall.mall_id, pseudonyms(settings, mall.mall_id), seal_for(settings, mall.mall_id, "unknown-fields")
    )
    contacts = ContactTable(settings, mall.mall_id) if mall.keep_contacts else None
    erased = erased_members(settings, mall.mall_id, writing=True)
    client = admin_client(settings, mall.mall_id)
    try:
        yield MallSync(
            client, api_lake(settings, mall.mall_id), line, contacts=contacts, erased=erased, progress=progress
        )
    finally:
        client.close()


def event_log(settings: Settings) -> "EventLog":
    """The event log of this home."""
    from cafe24_pipelines.stores.events import EventLog

    return EventLog(settings.home.events)


def graph_store(settings: Settings) -> "GraphStore":
    """The graph back end of the profile; close it after use."""
    if settings.graph == "embedded":
        from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph

        return EmbeddedGraph(settings.home.graph)
    from cafe24_pipelines.stores.graph_neo4j import Neo4jGraph

    _required(settings.neo4j_uri, "NEO4J_URI", "CAFE24_GRAPH=embedded")
    return Neo4jGraph(settings.neo4j_uri, settings.neo4j_user, settings.neo4j_password)


def vector_store(settings: Settings) -> "VectorStore":
    """The vector back end of the profile; close it after use."""
    if settings.vectors == "embedded":
        from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors

        return EmbeddedVectors(settings.home.vectors)
    from cafe24_pipelines.stores.vectors_qdrant import QdrantVectors
    from cafe24_pipelines.stores.vectors_qdrant_layout import Cluster

    _required(settings.qdrant_url, "QDRANT_URL", "CAFE24_VECTORS=embedded")
    return QdrantVectors(
        settings.qdrant_url, settings.qdrant_api_key, prefer_grpc=settings.qdrant_grpc,
        grpc_port=settings.qdrant_grpc_port, cluster=Cluster(settings.qdrant_shards, settings.qdrant_replicas),
    )  # fmt: skip


@contextmanager
def open_stores(settings: Settings) -> Iterator[tuple["GraphStore", "VectorStore"]]:
    """Both back ends of the profile, closed after use."""
    with closing(graph_store(settings)) as graph, closing(vector_store(settings)) as vectors:
        yield graph, vectors


def encoder_store(settings: Settings) -> "EncoderStore":
    """The frozen text encoders of this home."""
    from cafe24_pipelines.knowledge.encoder import EncoderStore

    return EncoderStore(
        settings.home.vectors / "encoders", api_base=settings.llm_api_base, api_key=settings.llm_api_key
    )


def retriever(settings: Settings, vectors: "VectorStore", mall_id: str) -> "Retriever":
    """Hybrid search over one mall's published collections, with the settings that are in force for it."""
    from cafe24_pipelines.knowledge.rerank import reranker
    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.learning.active import ActiveRanking

    access = {"api_base": settings.rerank_api_base, "api_key": settings.rerank_api_key}
    ranking = ActiveRanking(event_log(settings), mall_id)
    return Retriever(vectors, encoder_store(settings), mall_id, reranker(settings.rerank_model, **access), ranking)


def language_model(settings: Settings, mall: "Mall | None" = None) -> "LanguageModel":
    """The model that words answers, through LiteLLM; the default composes offline and says so.

    With a mall, its daily budget and its kept replies stand behind the model, where the settings want them.
    """
    return _model(settings, mall, settings.llm_model, (settings.llm_api_base, settings.llm_api_key))


def finetuned_model(settings: Settings, mall: "Mall | None" = None) -> "LanguageModel | None":
    """The model of arm D; None until FINETUNED_MODEL names one. It shares LLM_API_BASE and key with its provider."""
    if not settings.finetuned_model:
        return None
    same = settings.finetuned_model.partition("/")[0] == settings.llm_model.partition("/")[0]
    access = (settings.llm_api_base, settings.llm_api_key) if same else ("", "")
    if mall is None:
        return _model(settings, mall, settings.finetuned_model, access)
    from functools import partial

    from cafe24_pipelines.operations.traffic import WatchedModel, traffic_file

    # What a mall asks keeps the endpoint warm, so that `model_warmup` need not.
    made = partial(WatchedModel, used=traffic_file(settings))
    return _model(settings, mall, settings.finetuned_model, access, made)


def _model(
    settings: Settings, mall: "Mall | None", name: str, access: tuple[str, str],
    made: "Callable[..., LanguageModel] | None" = None,
) -> "LanguageModel":  # fmt: skip
    from cafe24_pipelines.answers.llm import LanguageModel
    from cafe24_pipelines.answers.prices import Prices

    cache = budget = None
    if mall is not None and settings.llm_cache:
        from cafe24_pipelines.answers.answer_cache import AnswerCache

        cache = AnswerCache(settings.home.answer_cache, mall.mall_id, settings.llm_cache)
    usd_a_day = _usd_a_day(settings, mall)
    if mall is not None and usd_a_day:
        from cafe24_pipelines.answers.budget import Budget
        from cafe24_pipelines.stores.shared_state import shared_state

        budget = Budget(shared_state(settings), mall.mall_id, usd_a_day, zone=mall.time_zone)
    fallbacks = settings.llm_fallbacks if name == settings.llm_model else ()
    return (made or LanguageModel)(
        name, *access, timeout=settings.llm_timeout, fallbacks=fallbacks, cache=cache, budget=budget,
        prices=Prices(settings.llm_price_usd),
    )  # fmt: skip


def _usd_a_day(settings: Settings, mall: "Mall | None") -> float:
    """What a mall may spend on models: the installation's bound or its plan's, the smaller; 0 for no bound."""
    from cafe24_pipelines.lifecycle.plan import llm_budget

    return llm_budget(settings, event_log(settings), mall.mall_id) if mall is not None else 0.0


def services(settings: Settings, mall_id: str, graph: "GraphStore", vectors: "VectorStore") -> "Services":
    """Everything a question needs, over what is published for one mall."""
    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.answers.usage import KrwRate
    from cafe24_pipelines.cafe24.malls import mall as known_mall
    from cafe24_pipelines.crm.tables import CrmTables
    from cafe24_pipelines.discovery.patterns import PatternBook

    mall = known_mall(settings.home, mall_id)
    return Services(
        mall=mall,
        lake=mall_lake(settings, mall_id),
        graph=graph,
        retriever=retriever(settings, vectors, mall_id),
        patterns=PatternBook(settings.home.patterns).current(mall_id),
        llm=language_model(settings, mall),
        finetuned=finetuned_model(settings, mall),
        krw_rate=KrwRate(*settings.krw_per_usd) if settings.krw_per_usd else None,
        analytics=CrmTables(settings.home.analytics),
    )


def _required(value: str, name: str, instead: str) -> None:
    if not value:
        raise ConfigError(f"{name} is not set", remedy=f"set {name} for the server profile, or {instead}")
