"""Building the mall's file: shard by shard into a file beside it, which takes its name only when it is finished.

A killed build leaves the name free, so the next one builds anew. Does not belong here: what the rows say.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.sandbox.mall import schema
from cafe24_pipelines.sandbox.mall.simulation import SHARD, shards
from cafe24_pipelines.sandbox.mall.traffic import Traffic

SALES: Final = """
INSERT INTO sales_hours
SELECT shop, hour, sum(n), sum(pieces), sum(goods), sum(fee), sum(discount), sum(refund) FROM (
  SELECT shop, paid / 3600 AS hour, 1 AS n, (SELECT sum(j.value ->> 2) FROM json_each(items) j) AS pieces,
    goods, shipping AS fee, discount, 0 AS refund FROM orders WHERE paid < 1099511627776
  UNION ALL
  SELECT shop, refunded / 3600, 0, 0, 0, 0, 0, goods - discount + CASE claim WHEN 1 THEN shipping ELSE 0 END
  FROM orders WHERE refunded < 1099511627776)
GROUP BY shop, hour
"""
_COUNTED: Final = ("settled", "refunded", "exchanged", "cancelled", "returned")
_PARTS: Final = (
    ("settled", "paid", ""),
    ("refunded", "refunded", ""),
    ("exchanged", "completed", "AND o.claim = 3 AND j.key = 0"),
    ("cancelled", "completed", "AND o.claim = 1"),
    ("returned", "completed", "AND o.claim = 2"),
)


def build(path: Path, arguments: dict[str, Any]) -> None:
    """Make the file unless a finished one of the same arguments is there.

    Raises:
        ValueError: `customers` or `seed` is too small, or there are not one or two shops.
    """
    from filelock import FileLock

    if arguments["customers"] < 1 or arguments["seed"] < 0 or arguments["shops"] not in (1, 2):
        raise ValueError(f"customers from 1, seed from 0, shops 1 or 2; not {arguments}")
    wanted = {**arguments, "version": schema.VERSION}
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if arguments_of(path) == wanted:
            return
        unfinished = path.with_name(f"{path.name}.building")
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as db:
            _fill(db, wanted)
        for stale in (path, overlay_path(path)):
            stale.unlink(missing_ok=True)
        unfinished.replace(path)


def overlay_path(path: Path) -> Path:
    """Where writes to the mall at `path` are kept unless another file is named."""
    return path.with_name(f"{path.name}.writes")


def arguments_of(path: Path) -> dict[str, Any] | None:
    """What a finished file was built with; None if there is none."""
    if not path.exists():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        found = db.execute("SELECT value FROM meta WHERE key = 'arguments'").fetchone()
        return json.loads(found[0]) if found else None
    return None


def _fill(db: sqlite3.Connection, arguments: dict[str, Any]) -> None:
    from cafe24_pipelines.sandbox.mall.writing import write_imports, write_shard

    customers, seed = arguments["customers"], arguments["seed"]
    db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;")
    db.executescript(schema.TABLES)
    traffic = Traffic()
    several = customers > SHARD
    for shard in shards(customers, seed):
        db.execute("BEGIN")
        write_shard(db, shard, shops=arguments["shops"], busy_day=arguments["busy_day"], many=several)
        traffic.add(shard)
        db.execute("COMMIT")
        del shard
    db.execute("BEGIN")
    write_imports(db, seed, arguments["bulk_members"])
    traffic.write(db)
    db.execute(SALES)
    db.execute(_product_statement())
    db.executemany("INSERT INTO meta VALUES (?, ?)", [("stock", json.dumps(_stock(seed))),
                                                      ("arguments", json.dumps(arguments))])  # fmt: skip
    db.execute("COMMIT")
    db.executescript(schema.INDEXES)
    db.execute("ANALYZE")


def _product_statement() -> str:
    """Fills `product_hours`: what each hour brought of each variant, by what happened to it."""
    selects = []
    for name, stamp, more in _PARTS:
        columns = ", ".join(f"{'j.value ->> 2' if name == c else '0'} AS {c}" for c in _COUNTED)
        selects.append(
            f"SELECT o.shop, o.{stamp} / 3600 AS hour, j.value ->> 0 AS product, j.value ->> 1 AS variant, {columns} "
            f"FROM orders o, json_each(o.items) j WHERE o.{stamp} < 1099511627776 {more}"
        )
    sums = ", ".join(f"sum({c})" for c in _COUNTED)
    return (
        f"INSERT INTO product_hours SELECT shop, hour, product, variant, {sums} "
        f"FROM ({' UNION ALL '.join(selects)}) GROUP BY shop, hour, product, variant"
    )


def _stock(seed: int) -> list[int]:
    """What the generator's shop has of each product at the end."""
    from cafe24_pipelines.sandbox.catalog import product_table
    from cafe24_pipelines.sandbox.seasons import dice

    return product_table(dice(seed, "products")).column("stock_quantity").to_pylist()
