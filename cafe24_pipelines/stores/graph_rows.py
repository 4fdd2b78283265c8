"""Arrow rows fitted to the graph's schema, alike for every back end and for the digest of a graph.

Does not belong here: which columns a label has (see `ontology/domain.yaml`).
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from cafe24_pipelines.stores.graph import GraphCounts

ARROW: Final = {
    "STRING": pa.string(), "INT64": pa.int64(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"), "DATE": pa.date32(),
}  # fmt: skip
"""Arrow types of property types; a TIMESTAMP is UTC."""

NODE_COLUMNS: Final = {"uid": "STRING", "mall_id": "STRING"}
LINK_COLUMNS: Final = {"from_uid": "STRING", "to_uid": "STRING"}


def fitted(table: pa.Table, columns: Mapping[str, str], name: str) -> pa.Table:
    """The table with exactly these columns, in order and of these types; absent ones are null.

    Raises:
        ValueError: the table has a column that isn't among them.
    """
    if unknown := sorted(set(table.column_names) - set(columns)):
        raise ValueError(f"{name}: columns {unknown} are not in the graph's schema")
    arrays = [
        table.column(c).cast(ARROW[kind]) if c in table.column_names else pa.nulls(table.num_rows, ARROW[kind])
        for c, kind in columns.items()
    ]
    return pa.table(arrays, names=list(columns)).combine_chunks()


def total(by_label: Mapping[str, int], by_type: Mapping[str, int]) -> GraphCounts:
    """Counts with their sums; labels and types without rows are left out."""
    nodes = {k: by_label[k] for k in sorted(by_label) if by_label[k]}
    links = {k: by_type[k] for k in sorted(by_type) if by_type[k]}
    return GraphCounts(sum(nodes.values()), sum(links.values()), nodes, links)
