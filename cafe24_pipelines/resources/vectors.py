"""The vector store as a resource."""

from typing import TYPE_CHECKING

from cafe24_pipelines import parts
from cafe24_pipelines.resources.store import StoreResource
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.stores.vectors import VectorStore


class VectorsResource(StoreResource):
    """Published vectors: Qdrant's engine in process (embedded profile) or a Qdrant server (server profile)."""

    def _open(self, settings: Settings) -> "VectorStore":
        return parts.vector_store(settings)

    @property
    def store(self) -> "VectorStore":
        """The back end of the profile."""
        return self._once()
