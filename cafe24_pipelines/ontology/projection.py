"""The lake as graph rows: facts from what has landed, findings from discovered patterns.

Nodes come before the relationships that need them, one part a label and one a relationship, of the columns and types
that `domain.yaml` gives. The same lake gives the same rows. Does not belong here: storing them (see `build.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.ontology import knowledge_layer, shop_layer
from cafe24_pipelines.ontology.rows import link_part, node_part

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.knowledge.search import Retriever
    from cafe24_pipelines.ontology.model import Domain
    from cafe24_pipelines.stores.graph import Part
    from cafe24_pipelines.stores.lake import MallLake

_UID_SQL: Final = """
    CREATE MACRO node_uid(label, key) AS (
        SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-5' || substr(h, 14, 3) || '-'
            || translate(substr(h, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab') || substr(h, 18, 3)
            || '-' || substr(h, 21, 12)
        FROM (SELECT sha1(unhex('{namespace}') || encode('{mall}' || chr(31) || label || chr(31) || key)) AS h)
    )"""


def facts(
    lake: "MallLake", mall: "Mall", domain: "Domain", *, retriever: "Retriever | None" = None
) -> "Iterator[Part]":
    """Everything that landed for a mall, as parts: shop, API documentation, concepts and metrics; the mall last.

    Args:
        lake: the mall's landed tables.
        mall: its time zone gives orders their local date.
        domain: the ontology.
        retriever: links concepts to the documentation that hybrid search finds for them, when that is published.
    """
    mall_id = mall.mall_id
    with lake.duckdb(zone=mall.time_zone) as db:
        _prepare(db, mall_id)
        for label, sql in shop_layer.NODES.items():
            yield node_part(domain, label, _nodes(db, domain, label, sql, mall_id))
        yield from knowledge_layer.nodes(domain, db, mall_id)
        mall_rows = db.sql(
            "SELECT $zone AS time_zone, $currency AS currency, min(ordered_at) AS first_order_at, "
            "max(ordered_at) AS as_of, $mall_id AS mall_id, node_uid('CRM_Mall', $mall_id) AS uid FROM orders",
            params={"mall_id": mall_id, "zone": mall.time_zone, "currency": mall.currency},
        ).to_arrow_table()
        yield node_part(domain, "CRM_Mall", mall_rows)
        for kind, sql in shop_layer.LINKS.items():
            start, end = domain.relationships[kind].pairs[0]
            yield link_part(domain, kind, (start, end), _links(db, (start, end), sql, mall_id))
        yield from knowledge_layer.links(domain, db, mall_id, retriever)


def _prepare(db: "DuckDBPyConnection", mall_id: str) -> None:
    from cafe24_pipelines.stores.graph import NAMESPACE

    db.execute(_UID_SQL.format(namespace=NAMESPACE.hex, mall=mall_id.replace("'", "''")))
    for name, sql in shop_layer.PREPARED.items():
        db.execute(f"CREATE TEMP TABLE {name} AS {sql}")


def _nodes(db: "DuckDBPyConnection", domain: "Domain", label: str, sql: str, mall_id: str) -> "pa.Table":
    key = ", ".join(domain.labels[label].key)
    return db.sql(
        f"SELECT node_uid('{label}', concat_ws('-', {key})) AS uid, $mall_id AS mall_id, * FROM ({sql})",
        params={"mall_id": mall_id},
    ).to_arrow_table()


def _links(db: "DuckDBPyConnection", pair: tuple[str, str], sql: str, mall_id: str) -> "pa.Table":
    query = (
        f"SELECT node_uid('{pair[0]}', from_key) AS from_uid, node_uid('{pair[1]}', to_key) AS to_uid, "
        f"* EXCLUDE (from_key, to_key) FROM ({sql})"
    )
    return db.sql(query, params={"mall_id": mall_id} if "$mall_id" in query else {}).to_arrow_table()


def findings(
    patterns: "Iterable[Pattern]",
    mall_id: str,
    domain: "Domain | None" = None,
    known: Mapping[str, Mapping[str, str]] | None = None,
) -> "Iterator[Part]":
    """Patterns and insights as parts.

    Args:
        patterns: what discovery found for this mall.
        mall_id: the mall.
        domain: the ontology (default: the shipped one).
        known: what the staged graph holds, label to {key or name: key}; without it no thing of the shop is linked.
    """
    from cafe24_pipelines.ontology import finding_layer
    from cafe24_pipelines.ontology.model import load_domain

    yield from finding_layer.parts(domain or load_domain(), patterns, mall_id, known or {})
