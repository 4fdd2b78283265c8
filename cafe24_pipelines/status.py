"""What exists for a mall: counts and content digests of the lake and of everything built from it.

The digests are equal exactly when the content is, so two of these say whether a run changed anything.
"""

from collections import Counter
from typing import Any

from cafe24_pipelines import parts
from cafe24_pipelines.names import COLLECTIONS
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.digest import json_digest


def status(settings: Settings, mall_id: str) -> dict[str, Any]:
    """The contract of `cafe24 status --json`, plus patterns by status and the data set's size.

    Shapes: `{"mall", "graph": {"nodes", "relationships", "by_label", "by_type"}, "vectors": {collection: points},
    "lake": {resource: rows}, "patterns": n, "patterns_by_status", "finetune": {"examples", "tokens", …},
    "quarantined": n, "digest": {part: hash}}`. Parts that were never built count 0 and have an empty digest.
    """
    from cafe24_pipelines.discovery.patterns import PatternBook
    from cafe24_pipelines.finetune.store import DatasetStore

    lake = parts.mall_lake(settings, mall_id)
    book, datasets = PatternBook(settings.home.patterns), DatasetStore(settings.home.datasets)
    with parts.open_stores(settings) as (graph, vectors):
        counts, published = graph.counts(mall_id), graph.published(mall_id)
        points = vectors.counts(mall_id)
        collections = {name: (vectors.published(mall_id, name) or ("", ""))[1] for name in COLLECTIONS}
    found = book.current(mall_id)
    return {
        "mall": mall_id,
        "graph": {
            "nodes": counts.nodes,
            "relationships": counts.relationships,
            "by_label": counts.by_label,
            "by_type": counts.by_type,
        },
        "vectors": points,
        "lake": lake.counts(),
        "patterns": len(found),
        "patterns_by_status": dict(sorted(Counter(p.status for p in found).items())),
        "finetune": datasets.summary(mall_id),
        "quarantined": lake.quarantined().num_rows,
        "digest": {
            "lake": lake.digest() if lake.counts() else "",
            "graph": published[1] if published else "",
            "vectors": json_digest(collections) if any(collections.values()) else "",
            "patterns": book.digest(mall_id),
            "dataset": datasets.digest(mall_id),
        },
    }
