"""The graph store as a resource, opened when a run first needs it and closed with the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from cafe24_pipelines import parts
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphStore


class GraphResource(dg.ConfigurableResource):
    """The ontology graph: Ladybug in the embedded profile, Neo4j 5 in the server profile."""

    home: str = Field(default="", description="Folder of the installation; empty means CAFE24_HOME.")
    _store: Any = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["GraphResource"]:
        """Close the store when the run ends, however it ends."""
        try:
            yield self
        finally:
            if self._store is not None:
                self._store.close()
                self._store = None

    @property
    def store(self) -> "GraphStore":
        """The back end of the profile."""
        if self._store is None:
            self._store = parts.graph_store(Settings.from_env(home=self.home or None))
        return self._store
