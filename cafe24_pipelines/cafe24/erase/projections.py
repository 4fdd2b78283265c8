"""Making every projection anew from a lake without the member, and removing the builds of before.

Only what had been published is made again, in the order of the chain, and what comes out is what a run would publish.
A superseded build is kept for its readers otherwise; here it goes at once.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cafe24_pipelines.names import INSIGHTS
from cafe24_pipelines.settings import Home, Settings
from cafe24_pipelines.stores.files import POINTER, Published

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.vectors import VectorStore

Progress = Callable[[str], None]


def rebuild_projections(settings: Settings, mall: "Mall", progress: Progress) -> list[str]:
    """Publish again whatever was published; the names of what was made anew, in order."""
    from cafe24_pipelines import parts

    with parts.open_stores(settings) as (graph, vectors):
        rebuild = _Rebuild(settings, mall, graph, vectors, progress)
        rebuild.tables()
        rebuild.findings()
        rebuild.published_graph()
        rebuild.answers()
        rebuild.forget()
        rebuild.dataset()
    return rebuild.done


@dataclass
class _Rebuild:
    """One mall's projections, each made as its asset makes it."""

    settings: Settings
    mall: "Mall"
    graph: "GraphStore"
    vectors: "VectorStore"
    progress: Progress
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from cafe24_pipelines import parts
        from cafe24_pipelines.discovery.patterns import PatternBook

        self.mall_id = self.mall.mall_id
        self.lake = parts.mall_lake(self.settings, self.mall_id)
        self.retriever = parts.retriever(self.settings, self.vectors, self.mall_id)
        self.patterns = PatternBook(self.settings.home.patterns)

    def tables(self) -> None:
        """CRM tables."""
        from cafe24_pipelines.crm.analysis import analyses
        from cafe24_pipelines.crm.tables import CrmTables

        tables = CrmTables(self.settings.home.analytics)
        for one in analyses():
            if tables.digest(self.mall_id, one.name):
                tables.publish(self.mall_id, one.name, one.run(self.lake.for_analysis(), self.mall))
                self._made(f"analytics/{one.name}")

    def findings(self) -> None:
        """Staged facts, the patterns found in them, and the insights made of those."""
        from cafe24_pipelines import parts
        from cafe24_pipelines.discovery.insights import insight_documents
        from cafe24_pipelines.discovery.run import discover
        from cafe24_pipelines.discovery.wording import wordings
        from cafe24_pipelines.knowledge.index import publish_texts
        from cafe24_pipelines.ontology.build import stage_facts
        from cafe24_pipelines.reports.digest_documents import digest_documents

        if self.graph.staged(self.mall_id):
            stage_facts(self.graph, self.lake, self.mall, retriever=self.retriever)
            self._made("graph/facts")
            if self.patterns.digest(self.mall_id):
                found = discover(self.lake, self.graph, self.mall, parts.event_log(self.settings))
                self.patterns.publish(self.mall_id, found)
                self._made("patterns")
        if self.vectors.published(self.mall_id, INSIGHTS):
            found = self.patterns.current(self.mall_id)
            log = parts.event_log(self.settings)
            worded = wordings(log, self.mall_id, found, self.settings.llm_model)
            texts = [*insight_documents(found, self.mall_id, worded), *digest_documents(log, self.mall_id, found)]
            publish_texts(self.mall_id, INSIGHTS, texts, self.vectors, parts.encoder_store(self.settings))
            self._made(f"vectors/{INSIGHTS}")

    def published_graph(self) -> None:
        """The published graph; on a server twice more, because it keeps the build before the published one."""
        from cafe24_pipelines.ontology.build import publish_graph

        if self.graph.published(self.mall_id) is None:
            return
        for rebuild in (False,) if self.settings.graph == "embedded" else (False, True, True):
            publish_graph(
                self.graph,
                self.lake,
                self.mall,
                self.patterns.current(self.mall_id),
                retriever=self.retriever,
                rebuild=rebuild,
            )
        self._made("graph")

    def answers(self) -> None:
        """Verified answers."""
        from cafe24_pipelines import parts
        from cafe24_pipelines.answers.verified import AnswerBook, verified_answers

        book = AnswerBook(self.settings.home.answers)
        if book.digest(self.mall_id):
            services = parts.services(self.settings, self.mall_id, self.graph, self.vectors)
            book.publish(self.mall_id, verified_answers(services))
            self._made("answers")

    def forget(self) -> None:
        """Kept replies and comparisons of arms (questions may name members by their key), and signals of members."""
        from cafe24_pipelines.answers.answer_cache import AnswerCache
        from cafe24_pipelines.experiments.store import ExperimentBook
        from cafe24_pipelines.watch.churn_book import SignalBook

        if self.settings.home.answer_cache.exists():
            AnswerCache(self.settings.home.answer_cache, self.mall_id, 1).forget()
        ExperimentBook(self.settings.home.experiments).remove(self.mall_id)
        keys = self.lake.query("SELECT member_key FROM known_customers")["member_key"].to_pylist()
        SignalBook(self.settings.home.analytics).keep_only(self.mall_id, set(keys))

    def dataset(self) -> None:
        """The fine-tune data set, without what feedback taught: that lies in the event log, which is cleaned later.

        The next run asks and proves it again.
        """
        from cafe24_pipelines.answers.verified import AnswerBook
        from cafe24_pipelines.finetune.dataset import build_dataset
        from cafe24_pipelines.finetune.store import DatasetStore
        from cafe24_pipelines.knowledge.documents import read_documents

        datasets = DatasetStore(self.settings.home.datasets)
        if datasets.digest(self.mall_id):
            dataset = build_dataset(
                read_documents(self.lake),
                AnswerBook(self.settings.home.answers).current(self.mall_id),
                self.patterns.current(self.mall_id),
                self.mall_id,
                tokenizer_file=self.settings.tokenizer_file,
            )
            datasets.publish(self.mall_id, dataset)
            self._made("datasets")

    def _made(self, name: str) -> None:
        self.done.append(name)
        self.progress(f"{name}: made anew")


def remove_superseded(home: Home, mall_id: str) -> int:
    """Remove builds of the mall that no pointer names, and halves that a kill left; how many folders."""
    done = 0
    for root in (home.graph, home.vectors, home.analytics, home.patterns, home.answers, home.datasets):
        for pointer in sorted((root / mall_id).rglob(POINTER)):
            if current := Published(pointer.parent).current():
                done += _keep_only(pointer.parent, current.path.name)
    return done


def _keep_only(store: Path, current: str) -> int:
    """`store` is a folder as `files.Published` keeps it."""
    old = [p for p in store.glob("builds/*") if p.name != current] + list(store.glob("staging-*"))
    for path in old:
        shutil.rmtree(path)
    return len(old)
