"""Graph parts from plain rows or Arrow tables, with uids and the columns that the domain gives.

Does not belong here: which rows (see the layers).
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from cafe24_pipelines.ontology.model import Domain
    from cafe24_pipelines.stores.graph import Nodes, Relationships


def node_part(domain: "Domain", label: str, table: "pa.Table") -> "Nodes":
    """A label's rows, columns and types as the domain says; `uid` and `mall_id` must be there."""
    from cafe24_pipelines.stores.graph import Nodes
    from cafe24_pipelines.stores.graph_rows import NODE_COLUMNS, fitted

    return Nodes(label, fitted(table, {**NODE_COLUMNS, **domain.labels[label].properties}, label))


def link_part(domain: "Domain", kind: str, pair: tuple[str, str], table: "pa.Table") -> "Relationships":
    """A relationship's rows between two labels, columns and types as the domain says."""
    from cafe24_pipelines.stores.graph import Relationships
    from cafe24_pipelines.stores.graph_rows import LINK_COLUMNS, fitted

    return Relationships(kind, *pair, fitted(table, {**LINK_COLUMNS, **domain.relationships[kind].properties}, kind))


def nodes_of(domain: "Domain", label: str, mall_id: str, rows: Iterable[Mapping[str, Any]]) -> "Nodes":
    """A part from a few rows of properties; the uid comes from the label's key."""
    import pyarrow as pa

    from cafe24_pipelines.stores.graph import uid
    from cafe24_pipelines.stores.graph_rows import ARROW, NODE_COLUMNS

    key = domain.labels[label].key
    full = [
        {"uid": uid(mall_id, label, "-".join(str(row[k]) for k in key)), "mall_id": mall_id, **row} for row in rows
    ]
    columns = {**NODE_COLUMNS, **domain.labels[label].properties}
    schema = pa.schema([(name, ARROW[kind]) for name, kind in columns.items()])
    return node_part(domain, label, pa.Table.from_pylist(full, schema))


def links_of(
    domain: "Domain", kind: str, pair: tuple[str, str], mall_id: str, rows: Iterable[Mapping[str, Any]]
) -> "Relationships":
    """A part from a few rows of `from_key`, `to_key` and properties; rows that repeat count once."""
    import pyarrow as pa

    from cafe24_pipelines.stores.graph import uid
    from cafe24_pipelines.stores.graph_rows import ARROW, LINK_COLUMNS

    full: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        ends = uid(mall_id, pair[0], row["from_key"]), uid(mall_id, pair[1], row["to_key"])
        rest = {k: v for k, v in row.items() if k not in ("from_key", "to_key")}
        full.setdefault(ends, {"from_uid": ends[0], "to_uid": ends[1], **rest})
    columns = {**LINK_COLUMNS, **domain.relationships[kind].properties}
    schema = pa.schema([(name, ARROW[kind_]) for name, kind_ in columns.items()])
    return link_part(domain, kind, pair, pa.Table.from_pylist(list(full.values()), schema))
