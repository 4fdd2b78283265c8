"""A sandbox mall that can be asked, without the whole chain: rows, documents, vectors and graph, and no findings.

For benchmarks and tests. Does not belong here: hand-made malls.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.documents import Document


def publish_sandbox(settings: Settings, mall: Mall, keep: "Callable[[Document], bool]" = lambda one: True) -> None:
    """Land the sandbox's rows and the documents that `keep` lets through; publish their vectors and the graph."""
    from cafe24_pipelines.cafe24.landing import land_shop
    from cafe24_pipelines.knowledge.documents import documents_table, load_documents
    from cafe24_pipelines.knowledge.index import publish_documents
    from cafe24_pipelines.ontology.build import publish_graph

    lake = parts.mall_lake(settings, mall.mall_id)
    land_shop(mall, lake, settings)
    lake.land("documents", documents_table([d for d in load_documents("") if keep(d)]), snapshot=True)
    with parts.open_stores(settings) as (graph, vectors):
        publish_documents(lake, vectors, parts.encoder_store(settings))
        publish_graph(graph, lake, mall, [])
