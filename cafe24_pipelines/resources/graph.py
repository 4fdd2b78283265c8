"""The graph store as a resource."""

from typing import TYPE_CHECKING

from cafe24_pipelines import parts
from cafe24_pipelines.resources.store import StoreResource
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphStore


class GraphResource(StoreResource):
    """The ontology graph: Ladybug in the embedded profile, Neo4j 5 in the server profile."""

    def _open(self, settings: Settings) -> "GraphStore":
        return parts.graph_store(settings)

    @property
    def store(self) -> "GraphStore":
        """The back end of the profile."""
        return self._once()
