"""Analytics tables as published Parquet: one current build a mall and table.

Readers see the last complete build; publishing equal content changes nothing on disk. Does not belong here: how
a table is computed.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.stores.files import Published

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FILE = "table.parquet"


class CrmTables:
    """The analytics tables of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, mall_id: str, name: str, frame: "pd.DataFrame") -> str:
        """Publish `frame` as the current table `name` of a mall; equal content is not written again.

        Returns:
            The content digest.
        """
        import pyarrow.parquet as pq

        from cafe24_pipelines.stores.digest import table_digest

        table = _arrow(name, frame)
        digest = table_digest(table)
        store = self._store(mall_id, name)
        if digest != self.digest(mall_id, name):
            staging = store.staging(digest)
            pq.write_table(table, staging / _FILE, compression="zstd")
            store.publish(staging, digest, {"rows": table.num_rows, "digest": digest})
        return digest

    def read(self, mall_id: str, name: str) -> "pd.DataFrame":
        """The current table.

        Raises:
            NotBuilt: it has never been published for this mall.
        """
        import pyarrow.parquet as pq

        build = self._store(mall_id, name).current()
        if build is None:
            raise NotBuilt(
                f"the analytics table {name!r} of mall {mall_id!r} does not exist yet",
                remedy="run `cafe24 run` first",
            )
        return pq.read_table(build.path / _FILE).to_pandas()

    def digest(self, mall_id: str, name: str) -> str:
        """Content digest of the current table ("" before the first publication)."""
        build = self._store(mall_id, name).current()
        return str(build.meta["digest"]) if build else ""

    def digests(self, mall_id: str) -> dict[str, str]:
        """Content digest of every published table of a mall, by name."""
        folder = self.root / mall_id
        names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.exists() else []
        return {name: digest for name in names if (digest := self.digest(mall_id, name))}

    def _store(self, mall_id: str, name: str) -> Published:
        return Published(self.root / mall_id / name)


def _arrow(name: str, frame: "pd.DataFrame") -> "pa.Table":
    """Arrow with one type a column whatever the rows: an inferred decimal's precision depends on its values."""
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, MONEY, TEXT

    declared = {
        "rfm": {
            "member_key": TEXT, "recency_days": INT, "frequency": INT, "monetary": MONEY,
            "r": INT, "f": INT, "m": INT, "segment": TEXT, "action": TEXT,
        },
        "cohorts": {
            "cohort": TEXT, "month_index": INT, "cohort_size": INT, "active_customers": INT,
            "retention": pa.float64(), "revenue": MONEY, "observed": pa.bool_(),
        },
    }.get(name)  # fmt: skip
    if declared is None:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    schema = pa.schema(list(declared.items()))
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
