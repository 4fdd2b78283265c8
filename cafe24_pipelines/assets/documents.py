"""Documents stage: API documentation and CRM articles, landed in the lake like shop data."""

import time
from collections.abc import Iterator

import dagster as dg

from cafe24_pipelines.assets.metadata import counts_table, preview
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE, DATA_TEAM, DOCUMENTS
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.lake import LakeResource

_COLLECTION = {"api_docs": API_DOCS, "crm_articles": CRM_KNOWLEDGE}


@dg.multi_asset(
    name="documents",
    specs=[
        dg.AssetSpec(
            "api_docs",
            group_name=DOCUMENTS,
            kinds={"parquet", "markdown"},
            owners=[DATA_TEAM],
            code_version="1",
            description="Cafe24 Admin API: the built-in catalogue, or the official page named by CAFE24_API_DOCS.",
        ),
        dg.AssetSpec(
            "crm_articles",
            group_name=DOCUMENTS,
            kinds={"parquet", "markdown"},
            owners=[DATA_TEAM],
            code_version="1",
            description="CRM practice articles of our own, each citing its sources.",
        ),
    ],
    partitions_def=malls,
)
def documents(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
    """Land all documents as one snapshot, so that a page which vanished leaves the lake."""
    from collections import Counter

    from cafe24_pipelines.knowledge.documents import documents_digest, documents_table, load_documents
    from cafe24_pipelines.knowledge.source_seen import fingerprint, is_address, remember

    source, tables = lake.settings().api_docs_source, lake.of(context.partition_key)
    seen, began = fingerprint(source), time.time()
    found = load_documents(source)
    landed = tables.land("documents", documents_table(found), snapshot=True)
    remember(tables, seen, page=documents_digest(found) if is_address(source) else "", at=began)
    for key, collection in _COLLECTION.items():
        mine = [d for d in found if d.collection == collection]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": len(mine),
                "content_digest": landed.digest,
                "kinds": counts_table(Counter(d.kind for d in mine), name="kind", value="documents"),
                "preview": preview({"id": d.document_id, "title": d.title, "source": d.source} for d in mine[:5]),
            },
        )
