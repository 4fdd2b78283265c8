"""The names that one mall's lake holds, read once for each content of the lake, and the connection they came from.

A question is resolved against products, categories, tiers, regions, coupons and API operations; a bank of questions
or a server asks about one lake many times, so its names are kept until something lands. Does not belong here: finding
names in a question (see `slots.py`).
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from cafe24_pipelines.answers.ask import Services
    from cafe24_pipelines.stores.lake import MallLake

KEPT: Final = 8
"""Malls whose names are kept in memory."""

_PRODUCTS: Final = (
    "SELECT product_no, product_name, count(*) FROM (SELECT product_no, product_name FROM products UNION ALL "
    "SELECT product_no, product_name FROM order_items) GROUP BY ALL ORDER BY product_no, product_name"
)
_CATEGORIES: Final = (
    "SELECT category FROM products UNION SELECT category FROM order_items UNION SELECT category_name FROM categories"
)
_BRANCHES: Final = (
    "SELECT DISTINCT p.category_name FROM categories p JOIN categories c ON c.parent_category_no = p.category_no"
)


@dataclass(frozen=True)
class Coverage:
    """The mall's first and last local date with orders; `as_of` is what "오늘" means."""

    first: date
    as_of: date


@dataclass(frozen=True)
class Names:
    """What the mall's things are called.

    `products` are numbers, names and how often they occur; `branches` the categories that have others below them;
    `coupons` numbers and names; `endpoints` methods and paths. `coverage` is None before an order has landed.
    """

    coverage: Coverage | None
    products: tuple[tuple[str, str, int], ...]
    categories: tuple[str, ...]
    branches: frozenset[str]
    tiers: tuple[str, ...]
    regions: tuple[str, ...]
    coupons: tuple[tuple[str, str], ...]
    resources: frozenset[str]
    endpoints: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class LakeSession:
    """An open connection to one mall's lake, and its names; of one thread at a time."""

    db: "DuckDBPyConnection"
    names: Names


_Key = tuple[str, str, tuple[tuple[str, str], ...]]
_kept: "OrderedDict[_Key, Names]" = OrderedDict()
_lock = Lock()


@contextmanager
def session(services: "Services") -> Iterator[LakeSession]:
    """The session that the services carry (a bank of questions shares one), or a new one for one question."""
    if services.session is not None:
        yield services.session
        return
    with open_session(services.lake, services.mall.time_zone) as opened:
        yield opened


@contextmanager
def open_session(lake: "MallLake", zone: str) -> Iterator[LakeSession]:
    """A connection to the lake with the mall's names.

    The key of what is kept is read before the connection is opened: names that are newer than their key are read
    again for the next question, older ones could stay for ever.
    """
    key = (str(lake.root), zone, tuple(sorted(lake.digests().items())))
    with lake.duckdb(zone=zone) as db:
        db.execute("SET parquet_metadata_cache = true")  # a part never changes: it is written once and then named
        db.execute("SET threads = 1")  # questions are small: a second thread costs more than it brings
        yield LakeSession(db, _names(key, db))


def _names(key: _Key, db: "DuckDBPyConnection") -> Names:
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    read = read_names(db)
    with _lock:
        _kept[key] = read
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return read


def coverage(db: "DuckDBPyConnection") -> Coverage | None:
    """First and last local date with orders; None when no order has landed."""
    first, last = db.sql("SELECT min(ordered_local)::DATE, max(ordered_local)::DATE FROM order_facts").fetchall()[0]
    return Coverage(first, last) if first else None


def read_names(db: "DuckDBPyConnection") -> Names:
    """The names as they are in the lake now."""
    endpoints = db.sql("SELECT method, path, resource FROM documents WHERE kind = 'endpoint'").fetchall()
    coupons = db.sql("SELECT coupon_no, coupon_name FROM coupons ORDER BY coupon_no").fetchall()
    return Names(
        coverage=coverage(db),
        products=tuple((str(no), name or "", int(uses)) for no, name, uses in db.sql(_PRODUCTS).fetchall()),
        categories=_column(db, _CATEGORIES),
        branches=frozenset(_column(db, _BRANCHES)),
        tiers=_column(db, "SELECT group_name FROM customer_groups"),
        regions=_column(db, "SELECT DISTINCT region FROM customers"),
        coupons=tuple((str(no), str(name)) for no, name in coupons if name),
        resources=frozenset(resource for _, _, resource in endpoints if resource),
        endpoints=frozenset((str(method), str(path)) for method, path, _ in endpoints if method and path),
    )


def _column(db: "DuckDBPyConnection", sql: str) -> tuple[str, ...]:
    return tuple(sorted({str(row[0]) for row in db.sql(sql).fetchall() if row[0]}))
