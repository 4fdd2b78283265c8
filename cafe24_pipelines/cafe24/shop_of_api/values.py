"""How single values of the API are read: Korean times, money, flags, texts that stand for nothing.

The API writes money as text with decimals, flags as T or F, and in places the text "null" for nothing. Everything is
read as text first, so that a number where a text was documented (or the other way round) is no reason to lose a row.
Does not belong here: what the values mean for a table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.cafe24.malls import Mall

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.stores.records import ApiLake

RESOURCES: Final = (
    "shops", "customer_groups", "customers_privacy", "customers", "orders", "products", "categories",
    "category_products", "coupons", "coupon_issues", "carts", "boards", "articles", "inventories",
)  # fmt: skip
"""Landed resources that shop tables are made of."""

MACROS: Final = (
    "filled(x) AS CASE WHEN lower(trim(x)) IN ('', 'null', 'none') THEN NULL ELSE trim(x) END",
    # A time without an offset is the shop's, in Korea; a date alone is that day's midnight there.
    "instant(x) AS TRY_CAST(CASE WHEN filled(x) IS NULL OR x LIKE '0000%' THEN NULL "
    "WHEN regexp_matches(x, '(Z|[+-][0-9]{2}:?[0-9]{2})$') AND length(x) > 16 THEN x "
    "WHEN length(trim(x)) = 10 THEN trim(x) || ' 00:00:00+09:00' ELSE trim(x) || '+09:00' END AS TIMESTAMPTZ)",
    "money(x) AS TRY_CAST(replace(filled(x), ',', '') AS DECIMAL(20, 4))",
    "whole(x) AS TRY_CAST(filled(x) AS BIGINT)",
    "flag(x) AS CASE upper(filled(x)) WHEN 'T' THEN true WHEN 'F' THEN false WHEN 'TRUE' THEN true "
    "WHEN 'FALSE' THEN false END",
)


@contextmanager
def prepared(api: "ApiLake", mall: Mall) -> "Iterator[DuckDBPyConnection]":
    """The landed rows as DuckDB sees them, a view for each of `RESOURCES` (empty where nothing landed), with the
    macros of this module, and the mall's currency as the variable `currency`.
    """
    with api.duckdb(RESOURCES) as db:
        for macro in MACROS:
            db.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
        db.execute("SET VARIABLE currency = ?", [mall.currency])
        db.execute("SET preserve_insertion_order = false")
        yield db


def struct(*fields: str, **nested: str) -> str:
    """The JSON structure for `from_json`: text fields by name, and nested structures as they stand."""
    parts = [f'"{name}":"VARCHAR"' for name in fields]
    parts += [f'"{name}":{shape}' for name, shape in nested.items()]
    return "{" + ",".join(parts) + "}"


def rows_of(resource: str, shape: str, *, alias: str = "r") -> str:
    """A subquery over a resource: its key, and its body as a struct named `alias`."""
    return f"(SELECT key, from_json(body::JSON, '{shape}') AS {alias} FROM {resource})"
