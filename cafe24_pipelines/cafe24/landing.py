"""Landing: a mall's source is read, passed over the privacy line, and written to the lake with its account.

Every source hands over the same `ShopData`; only what is in `privacy.py` decides what personal data becomes.
Does not belong here: how a source is read (see `csv_import/` and `sandbox/`), or how the lake stores it.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.erase import erased_members
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.cafe24.privacy import PERSONAL_COLUMNS, Pseudonyms, mask_own, mask_text, pseudonyms
from cafe24_pipelines.errors import BadInput, ConfigError, NotBuilt
from cafe24_pipelines.names import SANDBOX_MALL, SHOP_TABLES
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    import pyarrow as pa

    from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping
    from cafe24_pipelines.cafe24.csv_import.reconcile import Reconciliation
    from cafe24_pipelines.stores.lake import Landed, MallLake

FREE_TEXT: Final = frozenset(
    ["product_name", "category", "category_name", "group_name", "coupon_name", "region", "country", "content"]
)
"""Columns people type into: patterns in them are masked, in what shoppers wrote also the row's own people."""

Progress = Callable[[str], None]

ACCOUNT_FILE = "_account.json"
"""Beside a mall's tables: where every line of its last file import went."""


@dataclass(frozen=True)
class ShopData:
    """What a source holds, before the privacy line.

    Attributes:
        tables: by resource, with the columns and types of `stores/schemas.py`, except that raw `member_id` stands
            for `member_key`, `mall_id` is absent, and personal columns may be there.
        snapshot: the tables are all there is; else they replace only the scopes that they mention.
        quarantine: rows for the lake's quarantine, without `mall_id`; already free of personal data.
        reconciliation: the account of files, None for a source that has none.
    """

    tables: dict[str, "pa.Table"]
    snapshot: bool
    quarantine: "pa.Table"
    reconciliation: "Reconciliation | None" = None


@dataclass(frozen=True)
class LandingReport:
    """What one landing did. `landed[r].rows` is the resource's size in the lake afterwards."""

    mall_id: str
    source: str
    landed: "dict[str, Landed]"
    quarantined_by_table: dict[str, int]
    reconciliation: "Reconciliation | None" = None

    @property
    def quarantined(self) -> int:
        """Rows in quarantine, of all tables."""
        return sum(self.quarantined_by_table.values())

    @property
    def changed(self) -> bool:
        """Whether any resource is different from before."""
        return any(one.changed for one in self.landed.values())

    def rows(self) -> list[tuple[str, str, str]]:
        """(where, what, value) for a printed table: resources, then the account of the files."""
        own = [
            ("lake", name, f"{one.rows:,} rows{'' if one.changed else ', unchanged'}")
            for name, one in self.landed.items()
        ]
        own.append(("lake", "quarantined", f"{self.quarantined:,} rows"))
        return own + (self.reconciliation.rows() if self.reconciliation else [])

    def to_json(self) -> dict[str, Any]:
        """JSON-able, with the reconciliation under its own key (null when the source has none)."""
        return {
            "mall": self.mall_id,
            "source": self.source,
            "changed": self.changed,
            "landed": {n: {"rows": one.rows, "changed": one.changed} for n, one in self.landed.items()},
            "quarantined": self.quarantined,
            "quarantined_by_table": self.quarantined_by_table,
            "reconciliation": self.reconciliation.to_json() if self.reconciliation else None,
        }


def land_shop(mall: Mall, lake: "MallLake", settings: Settings, *, progress: Progress | None = None) -> LandingReport:
    """Read a mall's source and land every table; landing the same source again changes nothing.

    Raises:
        BadInput: the source's files or mapping can't be used, or not one order could be landed.
        NotBuilt: the mall's source is the Admin API and nothing has been landed from it.
    """
    hasher, erased = pseudonyms(settings, mall.mall_id), erased_members(settings, mall.mall_id)
    data = _read(mall, settings, hasher, progress)
    tables = {
        name: erased.without(name, across_the_privacy_line(name, data.tables[name], hasher))
        for name in SHOP_TABLES
        if name in data.tables
    }
    lake.quarantine(_import_name(mall), erased.without_quarantined(_of_mall(data.quarantine, mall.mall_id)))
    if not tables["orders"].num_rows and not lake.counts().get("orders"):
        raise _no_orders(mall, data.reconciliation)
    landed: dict[str, Landed] = {}
    for name, table in tables.items():
        landed[name] = lake.land(name, table, snapshot=data.snapshot)
        if progress:
            progress(f"{name}: {landed[name].rows:,} rows in the lake")
    held = Counter(data.quarantine.column("resource").to_pylist())
    if data.reconciliation:
        account = json.dumps(data.reconciliation.to_json(), ensure_ascii=False, indent=1, default=str)
        write_atomic(lake.root / ACCOUNT_FILE, account)
    return LandingReport(mall.mall_id, mall.source, landed, dict(sorted(held.items())), data.reconciliation)


def last_account(lake: "MallLake") -> dict[str, Any] | None:
    """The account of the mall's last file import, as JSON (see `Reconciliation.to_json`); None if there was none."""
    path = lake.root / ACCOUNT_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _import_name(mall: Mall) -> str:
    """What quarantined rows are filed under: importing a folder again replaces its own rows, not another folder's."""
    from cafe24_pipelines.stores.digest import text_digest

    return f"{mall.source}-{text_digest(mall.path)[:8]}" if mall.path else mall.source


def across_the_privacy_line(resource: str, table: "pa.Table", hasher: Pseudonyms) -> "pa.Table":
    """The table as it may be written: member ids hashed, personal columns left out, free text masked."""
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import TABLES

    columns = {n: table.column(n) for n in table.column_names if n not in PERSONAL_COLUMNS}
    if "content" in columns:
        people = {n: table.column(n).to_pylist() for n in table.column_names if n in PERSONAL_COLUMNS}
        columns["content"] = pa.chunked_array([mask_own(columns["content"].to_pylist(), people)], pa.string())
    for name in FREE_TEXT & columns.keys():
        columns[name] = _each_distinct(columns[name], lambda text: None if text is None else mask_text(text))
    if "member_id" in table.column_names and "member_key" in TABLES[resource].schema.names:
        columns["member_key"] = _each_distinct(table.column("member_id"), hasher.of)
    return pa.table(columns)


def _each_distinct(column: "pa.ChunkedArray", change: Callable[[str | None], str | None]) -> "pa.Array":
    import pyarrow as pa

    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = (
            pa.concat_arrays(encoded.chunks) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
        )
    changed = pa.array([change(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return changed.take(encoded.indices)


def _read(mall: Mall, settings: Settings, hasher: Pseudonyms, progress: Progress | None) -> ShopData:
    if mall.source == "sandbox":
        return _sandbox(settings)
    if mall.source == "api":
        return _from_api(mall, settings)
    if mall.mall_id == SANDBOX_MALL:  # its pseudonym key is public, see `privacy.pseudonyms`
        raise ConfigError(f"the mall {SANDBOX_MALL!r} holds invented members only",
                          remedy="choose another name with --mall for a real shop")  # fmt: skip
    if mall.source == "csv":
        from cafe24_pipelines.cafe24.csv_import.shop import read_shop

        return read_shop(mall.path, _mapping_of(mall), hasher, progress=progress)
    raise ConfigError(f"the source {mall.source!r} is unknown", where=f"mall {mall.mall_id}",
                      remedy="use --source sandbox, csv or api")  # fmt: skip


def _from_api(mall: Mall, settings: Settings) -> ShopData:
    from cafe24_pipelines.cafe24.shop_of_api import shop_tables
    from cafe24_pipelines.parts import api_lake

    api = api_lake(settings, mall.mall_id)
    if not api.counts():
        raise NotBuilt("nothing has been landed from the Admin API", where=f"mall {mall.mall_id}",
                       remedy=f"run `cafe24 sync --mall {mall.mall_id}`")  # fmt: skip
    return shop_tables(api, mall)


def _sandbox(settings: Settings) -> ShopData:
    from cafe24_pipelines.sandbox.generator import sandbox_tables
    from cafe24_pipelines.stores.lake import QUARANTINE_SCHEMA

    tables = sandbox_tables(customers=settings.sandbox_customers, seed=settings.sandbox_seed)
    empty = QUARANTINE_SCHEMA.empty_table().drop_columns(["mall_id"])
    return ShopData(tables, snapshot=True, quarantine=empty)


def _mapping_of(mall: Mall) -> "ShopMapping":
    """The mall's mapping; without a file, the contract's own names in the mall's zone and currency."""
    from cafe24_pipelines.cafe24.csv_import.mapping import ShopMapping, load_mapping

    if mall.mapping:
        return load_mapping(mall.mapping)
    return ShopMapping(time_zone=mall.time_zone, currency=mall.currency)


def _of_mall(quarantine: "pa.Table", mall_id: str) -> "pa.Table":
    import pyarrow as pa

    return quarantine.append_column("mall_id", pa.repeat(pa.scalar(mall_id), quarantine.num_rows))


def _no_orders(mall: Mall, account: "Reconciliation | None") -> BadInput:
    reasons = [reason for file in account.files for reason in file.reasons] if account else []
    why = f"every line was quarantined ({'; '.join(reasons[:3])})" if reasons else "the source holds no order"
    return BadInput(f"not one order could be landed: {why}", where=mall.path or mall.mall_id,
                    remedy="mend the file or its mapping and run again; see docs/csv-import.md")  # fmt: skip
