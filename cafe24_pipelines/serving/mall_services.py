"""Everything that questions about a mall need, kept open between requests and renewed when something is published.

Both stores follow their own pointers, so a reader never waits for a run and never sees a half of one; what a
`Services` holds in memory (patterns, the mall's record) is read again when a published build differs, which is
looked at once a second. Does not belong here: answering.
"""

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import known_malls
from cafe24_pipelines.names import COLLECTIONS
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.digest import json_digest

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.vectors import VectorStore

FRESH: Final = 1.0
"""Seconds for which a look at what is published holds."""


@dataclass(frozen=True)
class MallView:
    """A mall as it was last published; `build` is a digest of all published content that an answer may rest on."""

    mall_id: str
    build: str
    services: "Services"


class MallServices:
    """The open services of an installation's malls. Safe to use from several threads; close it after use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._stores: tuple[GraphStore, VectorStore] | None = None
        self._views: dict[str, tuple[float, MallView]] = {}
        self._malls: tuple[float, frozenset[str]] = (float("-inf"), frozenset())

    def knows(self, mall_id: str) -> bool:
        """Whether a mall is registered."""
        at, known = self._malls
        if time.monotonic() - at > FRESH:
            known = frozenset(known_malls(self.settings.home))
            self._malls = time.monotonic(), known
        return mall_id in known

    def of(self, mall_id: str) -> MallView:
        """The mall as it is published now, or was a second ago.

        Raises:
            ConfigError: the mall is not registered.
        """
        at, view = self._views.get(mall_id, (float("-inf"), None))
        if view is not None and time.monotonic() - at <= FRESH:
            return view
        with self._lock:  # of many requests at once, one looks
            at, view = self._views.get(mall_id, (float("-inf"), None))
            if view is None or time.monotonic() - at > FRESH:
                view = self._looked(mall_id, view)
                self._views[mall_id] = time.monotonic(), view
            return view

    def close(self) -> None:
        """Close the stores; a later question opens them again."""
        with self._lock:
            stores, self._stores = self._stores, None
            self._views.clear()
        for store in stores or ():
            store.close()

    def _looked(self, mall_id: str, before: MallView | None) -> MallView:
        graph, vectors = self._open()
        build = published_build(self.settings, mall_id, graph, vectors)
        if before is not None and before.build == build:
            return before
        return MallView(mall_id, build, parts.services(self.settings, mall_id, graph, vectors))

    def _open(self) -> "tuple[GraphStore, VectorStore]":
        if self._stores is None:
            self._stores = parts.graph_store(self.settings), parts.vector_store(self.settings)
        return self._stores


def published_build(settings: Settings, mall_id: str, graph: "GraphStore", vectors: "VectorStore") -> str:
    """Digest of a mall's published content: lake, graph, collections, patterns. Reads pointers and manifests only."""
    from cafe24_pipelines.discovery.patterns import PatternBook

    lake = parts.mall_lake(settings, mall_id)
    return json_digest(
        [
            lake.digests(),
            graph.published(mall_id),
            [vectors.published(mall_id, name) for name in COLLECTIONS],
            PatternBook(settings.home.patterns).digest(mall_id),
        ]
    )
